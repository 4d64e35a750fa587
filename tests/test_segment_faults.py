"""Other programs meet the file of a night while it is recorded: removed, replaced, cut or changed, it loses no sample."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from legmon.catalog.store import Catalog
from legmon.messages import SegmentFault, Trouble
from legmon.movement import NS
from legmon.recorder.ending import NightCloser, resume_night
from legmon.recorder.leg import LegRecorder, segment_meta
from legmon.recorder.night import NightRecorder
from legmon.recording import segment
from legmon.recording.files import RecordingError, leg_files, read_segment
from legmon.recording.records import Gap, Note, Record, Samples
from legmon.recording.seal import inspect
from legmon.recording.segment import SegmentTail, SegmentWriter
from tests.conftest import sensor, started, until
from tests.made import verify
from tests.test_leg_recorder import SOURCE, begin, stream
from tests.test_recorder import info, recorder, stopped_at, want


def remove(path: Path) -> None:
    path.unlink()


def remove_the_folder(path: Path) -> None:
    gone = path.parent.rename(
        path.parents[2] / "gone"
    )  # at once, since the recorder may write another file into it
    shutil.rmtree(gone)


def replace(path: Path) -> None:
    other = path.with_suffix(".other")
    other.write_bytes(b"what a synchroniser brought")
    other.replace(path)


def empty(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(0)


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def flip(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 8]))


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"by somebody else")


DEEDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "removed": (remove, "segment_removed"),
    "folder removed": (remove_the_folder, "segment_removed"),
    "replaced": (replace, "segment_replaced"),
    "emptied": (empty, "segment_cut"),
    "cut": (cut, "segment_cut"),
    "appended to": (append, "segment_changed"),
    "flipped": (flip, ""),  # its content is compared once a minute, and at the end
}


def plain(records: list[Record]) -> list[tuple[int, bytes]]:
    return sorted((r.first, r.xyz.tobytes()) for r in records if isinstance(r, Samples))


@pytest.mark.parametrize("name", DEEDS)
def test_a_segment_that_others_change_while_it_is_recorded_loses_no_sample(
    air: str, tmp_path: Path, name: str
) -> None:
    deed, code = DEEDS[name]
    data = tmp_path / "data"
    want(data, record=True)
    catalog = Catalog(data)
    with sensor(air, tmp_path, "--speed", "30"), started(*recorder(data, air)) as process:
        until(lambda: list(data.glob("nights/*/left.seg")))
        path = next(data.glob("nights/*/left.seg"))
        tail, count = SegmentTail(path), [0]

        def recorded() -> int:
            count[0] += sum(len(r.xyz) for r in tail.read() if isinstance(r, Samples))
            return count[0]

        until(lambda: recorded() > 2000)
        before = [r for r in read_segment(path) if isinstance(r, Samples)]
        deed(path)
        changed = time.monotonic()
        then = recorded()
        if code:
            until(
                lambda: (
                    (s := catalog.recorder()) is not None and s.trouble is not None and s.trouble.code == code
                )
            )
            said_s = time.monotonic() - changed
            assert path.with_name("left.2.seg").exists()
            print(f"{name}: said after {said_s:.1f} s")
        until(lambda: recorded() > then + 2000, what="a reader follows to the new file")
        want(data, record=False)
        until(lambda: info(data).state == "closed")
        until(lambda: [p.name for p in leg_files(path)] == ["left.sealed"], what="it is sealed as one file")
        assert process.end() == 0
    if not code:
        assert any("was changed while it was recorded" in line for line in process.errors)
    rows = list(read_segment(path))
    assert not [r for r in rows if isinstance(r, Gap)]
    samples = plain(rows)
    assert set(plain(list(before))) <= set(samples)
    axis = sorted((r.first, len(r.xyz)) for r in rows if isinstance(r, Samples))
    assert all(a + n == b for (a, n), (b, _) in pairwise(axis)), "every index once"
    assert sum(n for _, n in axis) == stopped_at(tmp_path)
    assert catalog.night("last").faults == ()
    verify(path)
    catalog.close()


# the writer alone


def note(n: int) -> Note:
    return Note(n, "battery", str(n))


def notes(path: Path) -> list[int]:
    return [r.at_ns for r in read_segment(path) if isinstance(r, Note)]


@pytest.mark.parametrize("name", DEEDS)
def test_a_writer_goes_on_in_a_new_file_with_all_that_was_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / "night" / "left.seg"
    writer, tail = SegmentWriter(path), SegmentTail(path)
    for n in range(40):
        writer.append(note(n))
    assert len(list(tail.read())) == 40
    DEEDS[name][0](path)
    for n in range(40, 50):
        writer.append(note(n))
    writer.close()
    assert sorted(notes(path)) == list(range(50))
    assert writer.fault is not None
    assert [r.at_ns for r in tail.read() if isinstance(r, Note)] == list(range(40, 50)), "each once, in order"


def test_a_change_is_noticed_at_the_next_sync_when_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    writer = SegmentWriter(path)
    writer.append(note(1))
    path.unlink()
    writer.sync()
    assert writer.fault == SegmentFault.REMOVED
    assert notes(path) == [1]
    writer.path.unlink()
    writer.sync()
    assert [p.name for p in leg_files(path)] == ["left.3.seg"]
    assert notes(path) == [1]
    writer.close()


def test_a_changed_byte_is_noticed_while_it_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "left.seg"
    writer = SegmentWriter(path)
    for n in range(10):
        writer.append(note(n))
    flip(path)
    monkeypatch.setattr(segment, "COMPARE_S", 0.0)
    writer.sync()
    assert writer.fault == SegmentFault.CHANGED
    assert sorted(notes(path)) == list(range(10))
    writer.close()


def test_what_the_memory_does_not_hold_is_copied_from_the_file_that_was_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment, "HELD_MOST", 1000)
    path = tmp_path / "left.seg"
    writer = SegmentWriter(path)
    for n in range(200):
        writer.append(note(n))
    assert len(writer._held) <= 1000
    path.unlink()
    writer.append(note(200))
    writer.close()
    assert notes(path) == list(range(201))


def test_a_file_that_comes_back_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    writer = SegmentWriter(path)
    for n in range(5):
        writer.append(note(n))
    path.rename(path.with_suffix(".away"))
    writer.append(note(5))
    path.with_suffix(".away").rename(path)
    writer.append(note(6))
    writer.close()
    assert [p.name for p in leg_files(path)] == ["left.seg", "left.2.seg"]
    assert notes(path) == list(range(7))


def test_a_part_of_another_night_is_left_out(tmp_path: Path) -> None:
    path, other = tmp_path / "left.seg", tmp_path / "other" / "left.seg"
    leg = begin(path)
    stream(leg, 0, 30)
    another = LegRecorder(other, segment_meta("another", "left", *SOURCE, simulated=True))
    stream(another, 0, 90)
    another.abandon()
    other.replace(path)
    stream(leg, 30, 60)
    leg.close(None)
    samples = [r for r in read_segment(path) if isinstance(r, Samples)]
    assert sum(len(r.xyz) for r in samples) == 60 * 50
    found = inspect(path, "n", "left", 60 * 50).damage
    assert found is not None
    assert (found.code, found.lost) == ("swapped", ()), "it is named, and nothing is lost"


OTHER = """
import sys
from pathlib import Path
from legmon.recording.files import RecordingError
from legmon.recording.segment import SegmentWriter
try:
    SegmentWriter(Path(sys.argv[1]))
except RecordingError as e:
    print(e)
"""


def test_a_second_recorder_on_a_segment_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    command = [sys.executable, "-c", OTHER, str(path)]
    writer = SegmentWriter(path)
    writer.append(note(1))
    assert (
        "is being recorded by another legmon"
        in subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    )
    with pytest.raises(RecordingError) as error:
        SegmentWriter(path)
    assert error.value.errno is not None, "the night stays open: it is not damaged"
    path.unlink()
    writer.append(note(2))
    assert (
        "is being recorded"
        in subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    ), "also in its new file"
    writer.close()
    SegmentWriter(path).close()


@pytest.mark.parametrize("deed", [remove, empty])
def test_a_night_whose_file_is_gone_at_a_start_is_closed_and_not_begun_anew(
    tmp_path: Path, deed: Callable[[Path], None]
) -> None:
    catalog = Catalog(tmp_path)
    night = NightRecorder.begin(catalog, time.time_ns(), simulated=True)
    leg = night.leg("left", *SOURCE)
    stream(leg, 0, 30)
    night.saving()()
    leg.abandon()
    deed(catalog.segment(night.id, "left"))
    found, said = resume_night(catalog, NightCloser(), time.time_ns() + NS, simulated=True)
    assert found is None
    assert said is not None
    assert said.code == Trouble.NOT_RESUMED
    assert catalog.night(night.id).state == "closed"
    (track,) = catalog.tracks(night.id)
    assert track.end == 1500, "what was found of it stays"
    catalog.close()


def test_a_writer_opened_again_goes_on_in_the_last_part(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    leg = begin(path)
    stream(leg, 0, 30)
    path.unlink()
    stream(leg, 30, 60)
    leg.abandon()
    again = begin(path)
    stream(again, 60, 90)
    again.close(None)
    assert [p.name for p in leg_files(path)] == ["left.2.seg"]
    xyz = np.concatenate([r.xyz for r in read_segment(path) if isinstance(r, Samples)])
    assert len(xyz) == 90 * 50
    verify(path)


def test_a_crash_while_a_new_part_is_begun_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    leg = begin(path)
    stream(leg, 0, 30)
    leg.abandon()
    whole = path.read_bytes()
    path.with_name("left.2.seg").write_bytes(whole[: len(whole) // 2])
    again = begin(path)
    stream(again, 30, 60)
    again.close(None)
    assert [p.name for p in leg_files(path)] == ["left.seg", "left.2.seg", "left.3.seg"]
    samples = [r for r in read_segment(path) if isinstance(r, Samples)]
    assert [r.first for r in samples] == list(range(0, 60 * 50, 50))
    verify(path)
