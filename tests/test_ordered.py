"""The one reader by sample index: whatever the order in which records were written, every reader sees the same night."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from legmon.catalog.store import Catalog
from legmon.exchange.csv import read_csv
from legmon.exchange.playable import write_csv
from legmon.messages import GapCause
from legmon.night.leg import LegNight, analyse
from legmon.night.posture import PostureReader
from legmon.nights.check import read_check
from legmon.nights.signal import LegSignal
from legmon.recording.files import RecordingError, read_segment
from legmon.recording.ordered import OrderedReader, dense, read_ordered, stretches
from legmon.recording.records import Anchored, End, Gap, Meta, Record, Samples
from legmon.recording.segment import SegmentWriter
from tests.made import verify

RATE, SCALE = 50, 122
META = Meta("n", "left", "s", "a", float(RATE), SCALE, 4, simulated=True)
ANCHOR = Anchored(0, 1_790_000_000_000_000_000, float(RATE), final=True)
Array = NDArray[np.int16]


def samples(first: int, xyz: Array) -> Samples:
    return Samples(first, 0, 0, xyz)


def leg_samples(count: int) -> Array:
    """A leg at rest that moves for a second and a half in every five."""
    rng = np.random.default_rng(3)
    g = rng.normal(0, 0.002, (count, 3)) + np.array([0.0, 0.0, 1.0])
    t = np.arange(count) / RATE
    g[:, 0] += np.where(t % 5 < 1.5, 0.3 * np.sin(2 * np.pi * 2 * t), 0.0)
    raw: Array = np.round(g / (SCALE * 1e-6)).astype(np.int16)
    return raw


@dataclass
class Night:
    """Records in the order they were written, and what they hold in order of index; -1 is a named gap."""

    written: list[Record]
    xyz: Array
    is_gap: NDArray[np.bool_]

    @property
    def end(self) -> int:
        return len(self.xyz)


@st.composite
def nights(draw: st.DrawFn) -> Night:
    """A recording with frames that come live, later in any order, twice, or never."""
    sizes = draw(st.lists(st.integers(10, 40), min_size=8, max_size=60))
    end = sum(sizes)
    xyz, is_gap = leg_samples(end), np.zeros(end, dtype=np.bool_)
    live: list[tuple[float, Record]] = []
    bounds = np.cumsum([0, *sizes]).tolist()
    for number, (first, last) in enumerate(pairwise(bounds)):
        is_edge = number in {0, len(sizes) - 1}
        fate = draw(st.sampled_from(["live", "live", "live", "late", "twice", "never"]))
        place = float(number)
        if fate in {"late", "never"} and not is_edge:
            place = draw(st.floats(number, len(sizes) + 20))
        if fate == "never" and not is_edge:
            is_gap[first:last] = True
            live.append((place, Gap(first, last - first, GapCause.LINK_LOST.value)))
            continue
        live.append((place, samples(first, xyz[first:last])))
        if fate == "twice":  # again, and a part of its neighbour with it
            low = max(first - draw(st.integers(0, 5)), 0)
            if not is_gap[low:last].any():
                live.append((draw(st.floats(number, len(sizes) + 20)), samples(low, xyz[low:last])))
    live.sort(key=lambda x: x[0])
    return Night([META, ANCHOR, *(r for _, r in live)], xyz, is_gap)


def accounted(pieces: list[Samples | Gap]) -> Iterator[tuple[int, int]]:
    for p in pieces:
        yield p.first, p.end


@settings(max_examples=60, deadline=None)
@given(nights())
def test_every_index_comes_once_and_in_order(night: Night) -> None:
    pieces = list(read_ordered(night.written))
    at = 0
    for first, end in accounted(pieces):
        assert (first, end > first) == (at, True)
        at = end
    assert at == night.end
    xyz = dense(pieces, SCALE)
    assert np.array_equal(np.isnan(xyz[:, 0]), night.is_gap)
    assert np.array_equal(xyz[~night.is_gap], night.xyz[~night.is_gap] * (SCALE * 1e-6))
    for first, part in stretches(pieces):
        assert np.array_equal(part, night.xyz[first : first + len(part)])
    assert sum(len(part) for _, part in stretches(pieces)) == (~night.is_gap).sum()


@settings(max_examples=40, deadline=None)
@given(nights())
def test_a_night_written_as_csv_and_read_again_is_the_same_night(night: Night) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "left.csv"
        count = write_csv(file, night.written, analyse(night.written).track(), SCALE)
        again = read_csv(file)
    assert count == (~night.is_gap).sum()
    assert again.rate_hz == pytest.approx(RATE)
    is_there = np.zeros(night.end, dtype=np.bool_)
    for s in again.stretches:
        is_there[s.first : s.first + len(s.xyz)] = True
        raw = np.round(s.xyz / (SCALE * 1e-6)).astype(np.int16)
        assert np.array_equal(raw, night.xyz[s.first : s.first + len(raw)])
    assert np.array_equal(is_there, ~night.is_gap)


@settings(max_examples=25, deadline=None)
@given(nights())
def test_a_night_gives_the_same_live_again_and_in_order(night: Night) -> None:
    live = LegNight(META)
    found = [m for r in night.written for m in live.feed(r)]
    found += live.finish()
    again = analyse(night.written)
    ordered = analyse([META, ANCHOR, *read_ordered(night.written)])
    assert found == live.movements == again.movements == ordered.movements
    assert live.gaps == again.gaps == ordered.gaps
    assert live.track() == again.track() == ordered.track()
    named = np.zeros(night.end, dtype=np.bool_)
    for gap in live.track().gaps:
        named[gap.first : gap.end] |= gap.cause == GapCause.LINK_LOST.value
    assert np.array_equal(named, night.is_gap)


def test_the_night_of_these_tests_holds_movements() -> None:
    assert len(analyse([META, samples(0, leg_samples(30 * RATE))]).movements) >= 5


@settings(max_examples=25, deadline=None)
@given(nights())
def test_posture_does_not_depend_on_the_order_of_records(night: Night) -> None:
    one, two = PostureReader(META), PostureReader(META)
    for r in night.written:
        one.feed(r)
    for r in read_ordered(night.written):
        two.feed(r)
    one.finish()
    two.finish()
    a, b = one.posture(), two.posture()
    assert a.end == b.end == night.end
    assert np.array_equal(a.rows, b.rows, equal_nan=True)
    assert np.array_equal(a.envelope, b.envelope, equal_nan=True)


@settings(max_examples=25, deadline=None)
@given(nights(), st.integers(1, 7))
def test_a_chart_shows_what_was_written_so_far_and_the_night_in_the_end(night: Night, step: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "left.seg"
        writer, signal = SegmentWriter(path), LegSignal(path)
        shown = np.zeros(night.end, dtype=np.bool_)
        for at in range(0, len(night.written), step):
            part = night.written[at : at + step]
            writer.append(*part)
            for r in part:
                if isinstance(r, Samples):
                    shown[r.first : r.end] = True
            signal.update()
            values = signal.raw(0, signal.end)
            there = shown[: signal.end]
            assert not shown[signal.end :].any()
            assert np.array_equal(~np.isnan(values.axes[0]), there)
            expected = night.xyz[: signal.end][there].T.astype(np.float32) * np.float32(SCALE * 1e-6)
            assert np.array_equal(values.axes[:, there], expected)
        writer.abandon()
    assert signal.end == night.end
    assert np.array_equal(shown, ~night.is_gap)


@settings(max_examples=25, deadline=None)
@given(nights())
def test_a_check_reads_samples_by_index(night: Night) -> None:
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(Path(folder))
        writer = SegmentWriter(catalog.check_segment("left"))
        earlier = replace(META, address="another")  # an earlier sensor
        writer.append(earlier, samples(0, np.full((900, 3), 7, dtype=np.int16)))
        writer.append(*night.written, META)  # the description is repeated
        writer.abandon()
        xyz = read_check(catalog, "left").xyz
        catalog.close()
    assert np.array_equal(np.isnan(xyz[:, 0]), night.is_gap)
    assert np.array_equal(xyz[~night.is_gap], night.xyz[~night.is_gap] * (SCALE * 1e-6))


def test_pieces_wait_behind_a_gap_until_it_is_filled_or_named() -> None:
    xyz = leg_samples(100)
    reader = OrderedReader()
    assert list(accounted(reader.feed(samples(0, xyz[:10])))) == [(0, 10)]
    assert reader.feed(samples(30, xyz[30:40])) == []
    assert reader.feed(samples(20, xyz[20:30])) == []
    assert [(p.first, p.end, isinstance(p, Gap)) for p in reader.ahead()] == [
        (10, 20, True),
        (20, 30, False),
        (30, 40, False),
    ]
    assert reader.end == 10
    assert list(accounted(reader.feed(Gap(10, 5, "link_lost")))) == [(10, 15)]
    assert list(accounted(reader.feed(samples(15, xyz[15:20])))) == [(15, 20), (20, 30), (30, 40)]
    assert reader.finish() == []
    assert reader.first_repeated is None


def test_what_neither_came_nor_was_named_was_in_a_damaged_record() -> None:
    pieces = list(read_ordered([META, samples(5, leg_samples(5)), samples(20, leg_samples(5))]))
    assert [p for p in pieces if isinstance(p, Gap)] == [
        Gap(0, 5, "recording_damaged"),
        Gap(10, 10, "recording_damaged"),
    ]


def test_an_overlap_is_trimmed_and_noticed() -> None:
    xyz = leg_samples(100)
    reader = OrderedReader()
    reader.feed(samples(0, xyz[:30]))
    (piece,) = reader.feed(samples(20, xyz[20:50]))
    assert isinstance(piece, Samples)
    assert (piece.first, piece.end) == (30, 50)
    assert np.array_equal(piece.xyz, xyz[30:50])
    assert reader.feed(samples(10, xyz[10:20])) == []
    assert reader.feed(Gap(40, 20, "not_sent")) == [Gap(50, 10, "not_sent")]
    assert reader.first_repeated == 10
    assert reader.feed(Gap(70, 0, "not_sent")) == reader.feed(META) == []


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ([(0, 10), (5, 20)], "samples twice at sample 5"),
        ([(0, 10), (0, 10)], "samples twice at sample 0"),
        ([(0, 10), (12, 20)], "nothing at sample 10"),
        ([(3, 10)], "nothing at sample 0"),
    ],
)
def test_verify_names_the_sample_that_is_missing_or_there_twice(
    records: list[tuple[int, int]], says: str, tmp_path: Path
) -> None:
    writer = SegmentWriter(tmp_path / "a.seg")
    writer.append(META, *(samples(a, leg_samples(b - a)) for a, b in records), End(0))
    writer.close()
    with pytest.raises(RecordingError, match=says):
        verify(tmp_path / "a.seg")


def test_a_back_filled_night_can_be_replayed(tmp_path: Path) -> None:
    """The file that `legmon replay` plays has its times in order, though the segment has its samples in another one."""
    xyz = leg_samples(1000)
    writer = SegmentWriter(tmp_path / "left.seg")
    late = [samples(200, xyz[200:250]), samples(250, xyz[250:300])]
    writer.append(META, ANCHOR, samples(0, xyz[:200]), samples(300, xyz[300:700]), *late)
    writer.append(samples(700, xyz[700:]), End(0))
    writer.close()
    verify(tmp_path / "left.seg")
    records = list(read_segment(tmp_path / "left.seg"))
    write_csv(tmp_path / "left.csv", records, analyse(records).track(), SCALE)
    (stretch,) = read_csv(tmp_path / "left.csv").stretches
    assert np.array_equal(np.round(stretch.xyz / (SCALE * 1e-6)), xyz)
