"""Sealed nights are packed without loss, and a crash at any step loses nothing."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legmon.catalog.recording_files import RecordingFiles
from legmon.catalog.store import Catalog
from legmon.movement import NS
from legmon.night.leg import analyse
from legmon.nights.custody import seal_next
from legmon.nights.signal import LegSignal
from legmon.recorder.leg import LegRecorder, segment_meta
from legmon.recorder.night import NightRecorder
from legmon.recording import blocks, seal
from legmon.recording.files import RecordingError, leg_files, read_segment
from legmon.recording.records import Kind, framed, frames
from legmon.recording.seal import inspect, packed, seal_files
from legmon.recording.segment import SegmentTail, SegmentWriter
from legmon.sensors.base import Frame, StreamFormat
from tests.test_recording import plain

SOURCE = ("s", "a", StreamFormat(50, 4, 122, "index"))
BEGAN_NS = 1_790_000_000 * NS
SECONDS = 200
NOISE = np.random.default_rng(5).normal((0, 0, 8197), 12, (SECONDS, 50, 3)).astype(np.int16)


def written(path: Path) -> list[Any]:
    """A leg of some minutes: samples, some of which arrive late, gaps and notes."""
    leg = LegRecorder(path, segment_meta("n", "left", *SOURCE, simulated=True))
    leg.is_buffered = True
    for second, xyz in enumerate(NOISE):
        if second % 40 != 30:
            leg.frame(Frame(1, 50 * second, 1_000_000 * second, xyz), BEGAN_NS + (second + 1) * NS)
    leg.frame(Frame(1, 50 * 30, 30_000_000, NOISE[30], late=True), BEGAN_NS + SECONDS * NS)
    leg.note(BEGAN_NS + SECONDS * NS, "battery", "80")
    leg.close(BEGAN_NS + (SECONDS + 1) * NS)
    return [plain(r) for r in read_segment(path)]


def test_a_sealed_recording_has_the_same_records_in_the_same_order(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    before = written(path)
    data, digest = path.read_bytes(), inspect(path)
    assert digest.damage is None
    assert digest.records_sha256 == hashlib.sha256(data).hexdigest(), "records as they are written"
    found, tail, signal_before = analyse(read_segment(path)).track(), SegmentTail(path), LegSignal(path)
    half = [plain(r) for _, r in zip(range(70), tail.read(), strict=False)]
    signal_before.update()
    sealed = seal_files(path)
    assert [p.name for p in tmp_path.iterdir()] == [sealed.name] == ["left.sealed"]
    assert sealed.stat().st_size < 0.5 * len(data)
    assert [plain(r) for r in read_segment(path)] == before
    assert b"".join(framed(k, p) for _, k, p in frames(sealed.read_bytes())) == data
    after = inspect(path)
    assert (after.damage, after.records_sha256) == (None, digest.records_sha256)
    assert analyse(read_segment(path)).track() == found
    assert half + [plain(r) for r in tail.read()] == before, "a reader under way goes on in the sealed file"
    assert list(tail.read()) == []
    again = LegSignal(path)
    for signal_of in (again, signal_before):
        signal_of.update()
    shown = [s.window(0, 9000, 20_000).axes for s in (again, signal_before)]
    assert np.array_equal(shown[0], shown[1], equal_nan=True)
    with pytest.raises(RecordingError, match="is sealed"):
        SegmentWriter(path)


def test_damage_costs_one_block_of_a_sealed_recording(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    before = written(path)
    sealed = seal_files(path)
    data = sealed.read_bytes()
    ends = sorted({end for end, _, _ in frames(data)})
    sizes = [sum(end == e for e, _, _ in frames(data)) for end in ends]
    assert len(ends) >= 3
    for number in range(len(ends)):
        at = ([0, *ends][number] + ends[number]) // 2
        sealed.chmod(0o600)
        sealed.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        first = sum(sizes[:number])
        assert [plain(r) for r in read_segment(path)] == before[:first] + before[first + sizes[number] :]
        assert inspect(path).damage is not None


@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.tuples(
                st.just(int(Kind.SAMPLES)),
                st.builds(
                    lambda first, arrival, t_us, n: (
                        blocks.SAMPLES.pack(first, arrival, t_us) + bytes(range(6)) * n
                    ),
                    st.integers(-(2**63), 2**63 - 1),
                    st.integers(-(2**63), 2**63 - 1),
                    st.integers(0, 2**64 - 1),
                    st.integers(0, 40),
                ),
            ),
            st.tuples(st.integers(0, 255), st.binary(max_size=20)),
            st.tuples(
                st.just(int(Kind.NOTE)), st.integers(blocks.PLAIN_MOST - 1, blocks.PLAIN_MOST + 2).map(bytes)
            ),
        ),
        max_size=25,
    )
)
def test_any_records_are_unpacked_as_they_were(records: list[tuple[int, bytes]]) -> None:
    records = [(k, p) for k, p in records if k != Kind.BLOCK]  # a block holds no blocks
    data = b"".join(packed(records))
    assert [(k, p) for _, k, p in frames(data)] == records


STEPS = ["begun", "half written", "written", "synced", "compared", "named", "kept", "removed"]
KILLED = """
import os, signal, sys
from pathlib import Path
from legmon.catalog.store import Catalog
from legmon.nights import custody
from legmon.recording import seal
def reached(step):
    if step == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
seal.reached = reached
catalog = Catalog(Path(sys.argv[1]))
if sys.argv[2] == "before the catalog":
    custody.sealed_files = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
custody.seal_next(catalog)
print("not killed")
"""


@pytest.mark.parametrize("count", [*range(1, 9), *range(510, 518), *range(1022, 1030), 3074, 2**14 + 2])
def test_a_block_may_have_any_number_of_samples(count: int) -> None:
    walk = np.cumsum(np.random.default_rng(count).integers(-3, 4, (count, 3)), axis=0).astype("<i2")
    pieces = np.array_split(walk, max(count // 82, 1))
    firsts = np.cumsum([0, *(len(p) for p in pieces)])
    records = [
        (blocks.SAMPLES_KIND, blocks.SAMPLES.pack(int(first), 10**18, 1) + piece.tobytes())
        for first, piece in zip(firsts, pieces, strict=False)
    ]
    assert blocks.unpack(blocks.pack(records)) == records


@pytest.mark.parametrize("step", [*STEPS, "before the catalog"])
def test_a_kill_at_any_step_of_sealing_loses_nothing_and_the_next_start_completes_it(
    tmp_path: Path, step: str
) -> None:
    catalog = Catalog(tmp_path)
    night = NightRecorder.begin(catalog, BEGAN_NS, simulated=True)
    leg = night.leg("left", *SOURCE)
    for second, xyz in enumerate(NOISE):
        leg.frame(Frame(1, 50 * second, 0, xyz), BEGAN_NS + (second + 1) * NS)
    night.close(BEGAN_NS + SECONDS * NS)
    path = catalog.segment(night.id, "left")
    before, digest = [plain(r) for r in read_segment(path)], inspect(path).records_sha256
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), step],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    assert [plain(r) for r in read_segment(path)] == before, "it can be read at once"
    assert catalog.unsealed() == (night.id, "left")
    seal_next(catalog)
    assert catalog.unsealed() is None
    assert [p.name for p in path.parent.glob("left.*")] == ["left.sealed"]
    assert [plain(r) for r in read_segment(path)] == before
    ((kept,), _) = RecordingFiles(catalog).of(night.id, "left")
    assert kept.records_sha256 == digest
    assert catalog.night(night.id).faults == ()
    catalog.close()


def test_a_sealed_file_that_is_damaged_before_the_old_one_is_removed_is_made_again(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    night = NightRecorder.begin(catalog, BEGAN_NS, simulated=True)
    leg = night.leg("left", *SOURCE)
    for second, xyz in enumerate(NOISE):
        leg.frame(Frame(1, 50 * second, 0, xyz), BEGAN_NS + (second + 1) * NS)
    night.close(BEGAN_NS + SECONDS * NS)
    path = catalog.segment(night.id, "left")
    path.with_name("left.sealed").write_bytes(path.read_bytes()[:5000])
    seal_next(catalog)
    assert catalog.night(night.id).faults == ()
    assert [p.name for p in leg_files(path)] == ["left.sealed"]
    assert inspect(path).damage is None
    catalog.close()


def test_a_recording_that_does_not_read_back_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "left.seg"
    before = written(path)

    def decay(step: str) -> None:
        if step == "synced":
            scratch = tmp_path / "left.sealed.new"
            data = scratch.read_bytes()
            scratch.write_bytes(data[:500] + bytes([data[500] ^ 1]) + data[501:])

    monkeypatch.setattr(seal, "reached", decay)
    with pytest.raises(RecordingError, match="does not read back"):
        seal_files(path)
    assert [p.name for p in leg_files(path)] == ["left.seg"]
    assert [plain(r) for r in read_segment(path)] == before


def test_what_somebody_put_among_the_parts_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    before = written(path)
    path.rename(tmp_path / "left.2.seg")
    path.write_bytes(b"what a synchroniser brought")
    assert [plain(r) for r in read_segment(path)] == before
    seal_files(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["left.sealed", "left.seg.torn"]
    assert [plain(r) for r in read_segment(path)] == before
