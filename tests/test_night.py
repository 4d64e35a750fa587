"""One night: from a leg's records to movements on a clock, live and again later."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from legmon.catalog.store import Catalog
from legmon.detection.detector import detect
from legmon.exchange.capture import Capture, CaptureError, read_capture, record_capture
from legmon.movement import NS, Leg, LegMovement
from legmon.night.leg import LegNight, analyse
from legmon.night.track import LegTrack, on_clock, score_night
from legmon.recording.files import read_segment
from legmon.recording.records import Anchored, End, Gap, Meta, Note, Record, Samples, Stream
from legmon.sensors.base import StreamFormat
from legmon.timeline.clock import Anchor, TimeMap

ROOT = Path(__file__).parents[1]
START = 1_790_000_000 * NS
RATE = 50
SCALE = 122


def moved(first: int, end: int, leg: Leg = "left", kind: str = "leg") -> LegMovement:
    """A movement at the declared rate, as a detector gives it."""
    return LegMovement(first * NS // RATE, end * NS // RATE, leg, kind, 100.0, first, end)


def track(
    *movements: LegMovement,
    leg: Leg = "left",
    end: int = 50_000,
    gaps: tuple[Gap, ...] = (),
    anchors: tuple[Anchor, ...] = (Anchor(0, START, 50.0),),
    simulated: bool = False,
) -> LegTrack:
    return LegTrack(leg, end, movements, gaps, anchors, simulated)


# On a clock.


def test_movements_go_by_the_measured_rate() -> None:
    time = TimeMap([Anchor(0, START, 40.0)])
    (m,) = on_clock([moved(400, 480)], time, START)
    assert (m.onset_ns, m.offset_ns) == (10 * NS, 12 * NS)
    assert (m.first, m.end, m.leg, m.kind, m.peak_mg) == (400, 480, "left", "leg", 100.0)


def test_movements_of_a_second_stream_go_by_its_anchor() -> None:
    time = TimeMap([Anchor(0, START, 50.0), Anchor(1000, START + 100 * NS, 40.0)])
    before, after = on_clock([moved(900, 1000), moved(1040, 1080)], time, START)
    assert (before.onset_ns, before.offset_ns) == (18 * NS, 20 * NS)
    assert (after.onset_ns, after.offset_ns) == (101 * NS, 102 * NS)


def test_a_movement_never_ends_before_it_begins() -> None:
    time = TimeMap([Anchor(0, START, 50.0), Anchor(1000, START + 10 * NS, 50.0)])  # goes back by 10 s
    (m,) = on_clock([moved(990, 1010)], time, START)
    assert m.offset_ns >= m.onset_ns


def test_a_movement_without_samples_has_no_place_on_a_clock() -> None:
    with pytest.raises(ValueError, match="without sample indices"):
        on_clock([LegMovement(0, NS, "left")], TimeMap([Anchor(0, START, 50.0)]), START)


def test_the_night_begins_with_the_first_sample_and_lasts_to_the_end_of_the_last() -> None:
    night = score_night([track(moved(500, 600), end=1000, anchors=(Anchor(0, START, 40.0),))])
    assert (night.origin_ns, night.duration_ns, night.analysed_ns) == (START, 25 * NS, 25 * NS)
    assert [(s.movement.onset, s.movement.offset) for s in night.movements] == [(ns(12.5), 15 * NS)]


def ns(seconds: float) -> int:
    return round(seconds * NS)


def test_another_origin_moves_every_time_but_the_length() -> None:
    gap = Gap(700, 100, "link_lost")
    one = score_night([track(moved(500, 600), end=1000, gaps=(gap,))])
    two = score_night([track(moved(500, 600), end=1000, gaps=(gap,))], origin_ns=START - 60 * NS)
    assert two.movements[0].movement.onset == one.movements[0].movement.onset + 60 * NS
    assert two.gaps == [(a + 60 * NS, b + 60 * NS) for a, b in one.gaps]
    assert (two.duration_ns, two.analysed_ns) == (one.duration_ns, one.analysed_ns)


def test_holes_become_gaps() -> None:
    every_20_s = [moved(s * RATE, (s + 2) * RATE) for s in (10, 30, 60, 80)]
    night = score_night([track(*every_20_s, end=6000, gaps=(Gap(2000, 500, "link_lost"),))])
    assert night.gaps == [(40 * NS, 50 * NS)]
    assert night.analysed_ns == 110 * NS
    assert [s.interval for s in night.movements] == [None, 20 * NS, None, 20 * NS]


def test_a_hole_before_a_new_stream_ends_where_that_stream_begins() -> None:
    anchors = (Anchor(0, START, 50.0), Anchor(1500, START + 33 * NS, 50.0))
    night = score_night([track(end=2000, gaps=(Gap(1000, 500, "sensor_restarted"),), anchors=anchors)])
    assert night.gaps == [(20 * NS, 33 * NS)]


def test_two_legs_on_one_clock_are_merged_as_both() -> None:
    """The right sensor started 30 s later and runs at another rate; its movements overlap the left's."""
    left = track(*(moved(s * 50, (s + 2) * 50) for s in (100, 120, 140, 160)))
    right = track(
        *(moved(round((s + 1 - 30) * 40), round((s + 3 - 30) * 40), "right") for s in (100, 120, 140, 160)),
        leg="right",
        anchors=(Anchor(0, START + 30 * NS, 40.0),),
        end=20_000,
    )
    for legs in ([left, right], [right, left]):
        night = score_night(legs)
        assert [(s.movement.onset, s.movement.offset, s.movement.side) for s in night.movements] == [
            (s * NS, (s + 3) * NS, "both") for s in (100, 120, 140, 160)
        ]
        assert night.indices.periodic == 4
        assert night.origin_ns == START
        assert night.duration_ns == 1000 * NS


def test_the_holes_of_two_legs_are_taken_away_once() -> None:
    left = track(gaps=(Gap(1000, 500, "link_lost"),), end=5000)
    right = track(leg="right", gaps=(Gap(1250, 500, "not_sent"),), end=5000)
    night = score_night([left, right])
    assert (night.gaps, night.analysed_ns) == ([(20 * NS, 35 * NS)], 85 * NS)


def test_a_night_is_simulated_when_one_leg_is() -> None:
    assert score_night([track(), track(leg="right", simulated=True)]).simulated
    assert not score_night([track(), track(leg="right")]).simulated


def test_a_leg_without_samples_changes_nothing() -> None:
    one = track(moved(500, 600))
    assert score_night([one, track(leg="right", end=0)]) == score_night([one])
    assert score_night([one, track(leg="right", anchors=())]) == score_night([one])


@pytest.mark.parametrize("tracks", [[], [track(end=0)], [track(anchors=())]])
def test_a_night_without_samples_cannot_be_scored(tracks: list[LegTrack]) -> None:
    with pytest.raises(ValueError, match="no samples"):
        score_night(tracks)


# From records.

META = Meta("2026-11-22-2210", "left", "LegMon-1", "C4", float(RATE), SCALE, 4, simulated=True)


def raw(seconds: int = 120) -> np.ndarray[tuple[int, int], np.dtype[np.int16]]:
    """A leg that is lifted every 15 s, as the sensor counts."""
    t = np.arange(seconds * RATE) / RATE
    angle = np.zeros_like(t)
    for onset in range(10, seconds - 5, 15):
        u = np.clip((t - onset) / 0.5, 0, 1) - np.clip((t - onset - 1.3) / 0.7, 0, 1)
        angle += math.radians(12) * u * u * (3 - 2 * u)
    up = np.stack([np.sin(angle), np.zeros_like(t), np.cos(angle)], axis=1)
    noisy = up + np.random.default_rng(3).normal(0, 0.002, up.shape)
    return np.asarray(np.round(noisy / (SCALE * 1e-6)), dtype=np.int16)


def recorded(lost: tuple[int, int] = (2900, 200)) -> list[Record]:
    """A segment: frames of 25, a stretch lost, provisional and final anchors."""
    xyz, records = raw(), list[Record]([META, Stream(5, 700, 0)])
    for first in range(0, len(xyz), 25):
        if first == lost[0]:
            records.append(Gap(lost[0], lost[1], "link_lost"))
        if not lost[0] <= first < sum(lost):
            records.append(
                Samples(first, START + first * 20_000_000, first * 20_000, xyz[first : first + 25])
            )
        if first == 1500:
            records.append(Anchored(0, START, 50.0, final=False))
            records.append(Note(START, "battery", "80"))
    records.append(Anchored(0, START + 1, 50.5, final=True))
    return [*records, End(START + 120 * NS)]


def test_a_segment_analysed_again_is_the_night_fed_record_by_record() -> None:
    records = recorded()
    live = LegNight(META)
    found = [m for r in records[1:] for m in live.feed(r)]
    found += live.finish()
    again = analyse(iter(records))
    assert again.track() == live.track()
    assert found == live.movements == again.movements
    assert (again.meta, again.end, again.samples, again.missing) == (META, 6000, 5800, 200)
    assert again.gaps == [Gap(2900, 200, "link_lost")]


def test_the_night_holds_the_movements_of_the_detector() -> None:
    night = analyse(recorded(lost=(0, 0)))
    assert night.movements == detect(raw() * (SCALE * 1e-6), RATE)
    assert len(night.movements) == 7


def test_movements_behind_a_hole_keep_their_place() -> None:
    whole, gapped = analyse(recorded(lost=(0, 0))).movements, analyse(recorded()).movements
    assert len(gapped) == len(whole) == 7
    for a, b in zip(whole, gapped, strict=True):
        assert a.first is not None
        assert b.first is not None
        assert abs(a.first - b.first) <= 2


def test_how_frames_are_cut_changes_nothing() -> None:
    xyz = raw()
    other: list[Record] = [META, *(Samples(i, 0, 0, xyz[i : i + 83]) for i in range(0, len(xyz), 83))]
    assert analyse(other).movements == analyse(recorded(lost=(0, 0))).movements


def test_times_go_by_the_last_provisional_anchor_until_the_final_ones_are_there() -> None:
    night = LegNight(META)
    for rate in (50.0, 50.4):
        night.feed(Anchored(0, START, rate, final=False))
    night.feed(Anchored(500, START + 99 * NS, 50.2, final=False))
    assert night.track().anchors == (Anchor(0, START, 50.4), Anchor(500, START + 99 * NS, 50.2))
    night.feed(Anchored(0, START, 50.6, final=True))
    assert night.track().anchors == (Anchor(0, START, 50.6),)


def test_a_movement_under_way_ends_with_the_recording() -> None:
    records: list[Record] = [META, Samples(0, 0, 0, raw()[: round(10.9 * RATE)])]
    (m,) = analyse(records).movements
    assert m.end is not None
    assert m.end <= round(10.9 * RATE)


def test_the_track_of_a_night_is_that_of_its_meta() -> None:
    right = LegNight(replace(META, leg="right", simulated=False)).track()
    assert (right.leg, right.simulated, right.end, list(right.movements)) == ("right", False, 0, [])


def test_an_empty_recording_is_refused() -> None:
    with pytest.raises(ValueError, match="the recording is empty"):
        analyse([])


def test_a_recording_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="has no description"):
        analyse([End(0)])


# A simulated night, from the sensor's notifications to the catalog.


@pytest.fixture(scope="module")
def capture_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("capture")
    scenario, out = folder / "night.yaml", folder / "night.capture"
    scenario.write_text(
        "duration: 10m\nseed: 3\nleg: right\nmovements_per_hour: 150\nrate_error_percent: 1.2\n"
    )
    command = [sys.executable, "-m", "firmware_sim", "capture", str(scenario), "-o", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    return out


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "data")
    yield catalog
    catalog.close()


def test_a_capture_is_recorded_as_over_the_air(catalog: Catalog, capture_file: Path) -> None:
    capture = read_capture(capture_file)
    told: list[float] = []
    night = record_capture(catalog, capture, START, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    info = catalog.night(night)
    assert (info.state, info.simulated, info.legs, info.gaps) == ("closed", True, ("right",), 0)

    segment = analyse(read_segment(catalog.segment(night, "right")))
    again, listed = score_night([segment.track()]), score_night(catalog.tracks(night))
    assert listed.to_dict() == again.to_dict()
    assert (listed.movements, listed.gaps, listed.origin_ns) == (again.movements, again.gaps, again.origin_ns)

    i = again.indices
    assert i.movements >= 10
    assert (info.movements, info.candidates, info.periodic, info.series) == (
        i.movements,
        i.candidates,
        i.periodic,
        i.series,
    )
    assert (info.started_ns, info.duration_ns) == (again.origin_ns, again.duration_ns)
    assert segment.samples == sum((len(data) - 16) // 6 for _, data in capture.notifications)
    assert again.duration_ns / NS == pytest.approx(600, abs=0.5)
    assert segment.track().anchors[0].rate_hz == pytest.approx(50.6, rel=2e-3)


def test_frames_lost_from_a_capture_are_holes_and_nothing_else_changes(
    catalog: Catalog, capture_file: Path
) -> None:
    whole = read_capture(capture_file)
    kept = [n for i, n in enumerate(whole.notifications) if not 200 <= i < 210]
    night = record_capture(catalog, replace(whole, notifications=kept), START)
    (found,) = catalog.tracks(night)
    lost = sum((len(data) - 16) // 6 for _, data in whole.notifications[200:210])
    assert [(h.count, h.cause) for h in found.gaps] == [(lost, "not_sent")]
    assert catalog.night(night).gaps == 1
    again = analyse(read_segment(catalog.segment(night, "right")))
    assert score_night([found]).to_dict() == score_night([again.track()]).to_dict()
    assert score_night([found]).gaps


def test_a_capture_that_ends_early_or_is_something_else_is_refused(
    tmp_path: Path, capture_file: Path
) -> None:
    data = capture_file.read_bytes()
    path = tmp_path / "bad.capture"
    for bad in (b"", b"{}\n", b"\x00\xff", data.replace(b'"capture": 1', b'"capture": 2', 1)):
        path.write_bytes(bad)
        with pytest.raises(CaptureError, match=r"bad\.capture is"):
            read_capture(path)
    with pytest.raises(CaptureError, match=r"none\.capture"):
        read_capture(tmp_path / "none.capture")


def test_a_frame_that_cannot_be_read_in_a_capture_is_refused(catalog: Catalog) -> None:
    capture = Capture("left", "LegMon-1", StreamFormat(50, 4, 122, "index"), [(0, b"\x11\x00" + bytes(30))])
    with pytest.raises(CaptureError, match="frame that cannot be read"):
        record_capture(catalog, capture, START)


def test_samples_in_a_damaged_record_are_a_named_gap() -> None:
    meta = Meta("n", "left", "s", "a", 50.0, 122, 4, simulated=True)
    quiet = np.tile(np.array([0, 0, 8197], dtype=np.int16), (50, 1))
    records = [Samples(first, 0, 0, quiet) for first in (0, 50, 150, 200)]
    night = analyse([meta, *records])
    assert [(h.first, h.count, h.cause) for h in night.gaps] == [(100, 50, "recording_damaged")]
    assert night.end == 250
