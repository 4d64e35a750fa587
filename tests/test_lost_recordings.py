"""A recording that lost samples, or lies beside foreign files: nothing is deleted, hidden, or read by half without a word."""

from __future__ import annotations

import errno
import itertools
import os
import random
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from legmon.catalog.annotations import Annotations
from legmon.catalog.store import Catalog
from legmon.exchange.backup import make_backup
from legmon.exchange.restore import restore_backup
from legmon.messages import DamageCode, SegmentFault, Trouble
from legmon.movement import NS
from legmon.night.marks import Mark
from legmon.nights.custody import scrub_next, seal_next
from legmon.nights.signal import LegSignal
from legmon.recorder.ending import NightCloser, resume_night
from legmon.recorder.leg import FILE_NOTE, LegRecorder, segment_meta
from legmon.recorder.night import NightRecorder
from legmon.recording import files, segment
from legmon.recording.files import RecordingError, keep_as_torn, leg_files, read_segment, sync_folder
from legmon.recording.records import Gap, Meta, Note, Record, Samples, encode, frames
from legmon.recording.seal import inspect, seal_files
from legmon.recording.segment import SegmentTail, SegmentWriter
from tests.test_leg_recorder import BEGAN, SOURCE, stream
from tests.test_recording import BYTES, NIGHT, WHOLE, plain

END = 1500


def interrupted(catalog: Catalog, *, seconds: int = 30, saved: bool = True) -> NightRecorder:
    """Record a night and leave it open, as a crash does."""
    night = NightRecorder.begin(catalog, BEGAN, simulated=True)
    leg = night.leg("left", *SOURCE)
    stream(leg, 0, seconds)
    if saved:
        night.saving()()
    leg.abandon()
    return night


def resumed(catalog: Catalog, now_ns: int | None = None) -> tuple[NightRecorder | None, Any]:
    return resume_night(catalog, NightCloser(), now_ns, simulated=True)


def zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def description_alone(path: Path) -> None:
    data = path.read_bytes()
    end = next(end for end, _, _ in frames(data))
    path.write_bytes(data[:end])


def says(catalog: Catalog, night: str) -> None:
    Annotations(catalog).set_lights(night, (BEGAN + NS, BEGAN + 20 * NS), BEGAN)
    Annotations(catalog).add_marks(night, [Mark("left", BEGAN + 5 * NS, BEGAN + 6 * NS, BEGAN)])


def held(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.iterdir() if p.name != "annotations.json")


@pytest.mark.parametrize("starts_s", [None, 1])
@pytest.mark.parametrize("deed", [zeros, description_alone])
def test_a_night_whose_recording_lost_all_samples_is_kept_as_damaged(
    tmp_path: Path, deed: Callable[[Path], None], starts_s: int | None
) -> None:
    catalog = Catalog(tmp_path)
    night = interrupted(catalog)
    says(catalog, night.id)
    path = catalog.segment(night.id, "left")
    deed(path)
    size = held(path.parent)
    found, said = resumed(catalog, starts_s and time.time_ns() + starts_s * NS)
    assert found is None
    assert said.code == Trouble.NOT_RESUMED
    info = catalog.night(night.id)
    assert (info.state, info.damaged) == ("closed", ("left",)), "at once, not only when it is sealed"
    assert info.faults[0].readable == ()
    assert held(path.parent) >= size
    assert len(Annotations(catalog).marks(night.id)) == 1
    assert Annotations(catalog).lights(night.id)[0] == BEGAN + NS
    assert catalog.tracks(night.id)[0].end == END, "what the catalog knows of it stays"
    seal_next(catalog)
    scrub_next(catalog)
    assert catalog.night(night.id).damaged == ("left",)
    catalog.close()


def no_trace(path: Path) -> None:
    """Nothing but the empty recording."""


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes() + bytes(5000))


def second_part(path: Path) -> None:
    shutil.copy(path, path.with_name("left.2.seg"))


def somebodys(path: Path) -> None:
    (path.parent / "left.seg.bak").write_bytes(b"what somebody saved")


@pytest.mark.parametrize(
    ("deed", "stays", "is_damaged"),
    [
        (no_trace, False, False),
        (torn, True, True),
        (second_part, True, False),
        (somebodys, True, False),
        ("said", True, False),
    ],
)
def test_a_night_without_a_sample_is_discarded_only_if_nothing_else_is_there(
    tmp_path: Path, deed: Callable[[Path], None] | str, *, stays: bool, is_damaged: bool
) -> None:
    catalog = Catalog(tmp_path)
    night = interrupted(catalog, seconds=0, saved=False)
    path = catalog.segment(night.id, "left")
    if callable(deed):
        deed(path)
    else:
        says(catalog, night.id)
    size = held(path.parent)
    resumed(catalog)
    assert [n.id for n in catalog.nights()] == ([night.id] if stays else [])
    assert path.parent.exists() is stays
    if stays:
        assert catalog.nights()[0].state == "closed"
        assert bool(catalog.nights()[0].damaged) is is_damaged
        assert held(path.parent) >= size
    catalog.close()


def test_a_night_that_the_catalog_does_not_know_is_discarded_without_an_error(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    night = interrupted(catalog, seconds=0, saved=False)
    catalog.discard(night.id)
    catalog.discard(night.id)
    assert catalog.nights() == []
    catalog.close()


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_recording_with_fewer_samples_than_the_catalog_knows_says_so(
    tmp_path: Path, *, goes_on: bool
) -> None:
    catalog = Catalog(tmp_path)
    night = interrupted(catalog)
    path = catalog.segment(night.id, "left")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    found, said = resumed(catalog, BEGAN + 60 * NS if goes_on else None)
    assert said.code == Trouble.NIGHT_SHORTENED
    if found is not None:
        stream(found.legs["left"], 60, 70)
        found.close(None)
    assert (found is not None) is goes_on
    assert catalog.night(night.id).state == "closed"
    (gap,) = [r for r in read_segment(path) if isinstance(r, Gap)]
    assert gap.cause == "recording_damaged"
    assert gap.first < END
    assert gap.end == (3000 if goes_on else END)
    catalog.close()


def test_a_power_cut_that_took_a_second_is_no_damage(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    night = interrupted(catalog)
    path = catalog.segment(night.id, "left")
    path.write_bytes(path.read_bytes()[:-700])
    _, said = resumed(catalog)
    assert said is None
    assert not [r for r in read_segment(path) if isinstance(r, Gap)]
    catalog.close()


def test_a_restored_night_that_lost_its_samples_is_kept_and_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    catalog = Catalog(data)
    night = interrupted(catalog)
    description_alone(catalog.segment(night.id, "left"))
    catalog.close()
    make_backup(data, tmp_path / "backup", simulated=False, on_progress=lambda *_: None)
    made = restore_backup(tmp_path / "backup", tmp_path / "new", lambda *_: None)
    assert made.closed == [night.id]
    assert any(night.id in problem for problem in made.problems)
    restored = Catalog(tmp_path / "new")
    assert restored.night(night.id).damaged == ("left",)
    restored.close()


# several files of one leg


def recorded(path: Path, seconds: int = 60, night: str = "n") -> bytes:
    leg = LegRecorder(path, segment_meta(night, "left", *SOURCE, simulated=True))
    stream(leg, 0, seconds)
    leg.close(None)
    return path.read_bytes()


def two_parts(folder: Path) -> tuple[Path, bytes]:
    """A third of a recording in the first part, and all of it in the second one."""
    path = folder / "left.seg"
    whole = recorded(path)
    path.with_name("left.2.seg").write_bytes(whole)
    path.write_bytes(whole[: len(whole) // 3])
    return path, whole


def length(records: Any) -> int:
    return sum(len(r.xyz) for r in records if isinstance(r, Samples))


def between_reads(monkeypatch: pytest.MonkeyPatch, deed: Callable[[], object], *, after: bool) -> None:
    """Do something once, when the first file is about to be read, or has been."""
    read, left = files.read_file, [deed]

    def reading(path: Path, at: int = 0) -> bytes:
        data = read(path, at) if after else b""
        while left:
            left.pop()()
        return data if after else read(path, at)

    monkeypatch.setattr(files, "read_file", reading)
    monkeypatch.setattr(segment, "read_file", reading)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("parts", [1, 2])
def test_a_recording_that_is_sealed_while_it_is_read_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: int, *, after: bool
) -> None:
    def begin(name: str) -> Path:
        (tmp_path / name).mkdir()
        path, whole = two_parts(tmp_path / name)
        if parts == 1:
            path.with_name("left.2.seg").unlink()
            path.write_bytes(whole)
        return path

    readers: dict[str, Callable[[Path], int]] = {
        "read_segment": lambda p: length(read_segment(p)),
        "tail": lambda p: length(SegmentTail(p).read()),
        "inspect": lambda p: 3000 if inspect(p, end=3000).damage is None else 0,
    }
    for name, reader in readers.items():
        path = begin(name)
        with monkeypatch.context() as patch:
            between_reads(patch, partial(seal_files, path), after=after)
            assert reader(path) == 3000, name
        assert [p.name for p in leg_files(path)] == ["left.sealed"]


def test_files_are_never_listed_without_any_of_them_while_they_are_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "left.seg"
    recorded(path)
    state = files.file_state

    def sealed_then(asked: Path) -> Any:
        if asked.suffix == ".sealed" and path.exists():
            monkeypatch.setattr(files, "file_state", state)
            found = state(asked)
            seal_files(path)
            return found
        return state(asked)

    monkeypatch.setattr(files, "file_state", sealed_then)
    assert leg_files(path) != []
    assert length(read_segment(path)) == 3000


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_a_part_that_cannot_be_read_and_may_hold_more_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A mock, since neither a failing disk nor a refusal to a test that runs as root can be had."""
    path, _ = two_parts(tmp_path)
    read, failing = files.read_file, ["left.2.seg"]

    def reading(asked: Path, at: int = 0) -> bytes:
        if asked.name in failing:
            raise OSError(number, os.strerror(number), str(asked))
        return read(asked, at)

    monkeypatch.setattr(files, "read_file", reading)
    for reader in (lambda: list(read_segment(path)), lambda: inspect(path)):
        with pytest.raises(RecordingError) as error:
            reader()
        assert error.value.errno == number
    failing[:] = ["left.seg"]
    assert length(read_segment(path)) == 3000, "the last part has everything"


def test_a_folder_among_the_parts_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    whole = recorded(path)
    (tmp_path / "left.2.seg").mkdir()
    (tmp_path / "left.3.seg").write_bytes(whole)
    assert length(read_segment(path)) == 3000
    tail = SegmentTail(path)
    assert length(tail.read()) == 3000
    found = inspect(path, "n", "left", 3000).damage
    assert found is not None
    assert (found.code, found.lost) == (DamageCode.NOT_A_FILE, ())


@pytest.mark.parametrize("name", ["left.seg", "left.2.seg", "left.3.seg"])
def test_a_part_of_another_night_hides_nothing_wherever_it_stands(tmp_path: Path, name: str) -> None:
    catalog = Catalog(tmp_path)
    night = interrupted(catalog)
    path = catalog.segment(night.id, "left")
    own = path.with_name("left.2.seg") if name == "left.seg" else path
    if own != path:
        path.rename(own)
    recorded(tmp_path / "a" / "left.seg", 90, "another")
    shutil.copy(tmp_path / "a" / "left.seg", path.with_name(name))
    tail, signal = SegmentTail(path), LegSignal(path)
    assert length(tail.read()) == length(read_segment(path)) == END
    signal.update()
    assert signal.end == END
    found, said = resumed(catalog, BEGAN + 31 * NS)
    assert said is None
    assert found is not None, "the night goes on"
    stream(found.legs["left"], 30, 40)
    found.close(None)
    assert length(tail.read()) == 500
    (track,) = catalog.tracks(night.id)
    assert track.end == 2000
    seen = inspect(path, night.id, "left", 2000).damage
    assert seen is not None
    assert (seen.code, seen.lost) == (DamageCode.SWAPPED, ())
    assert f"{name} is the left leg of night another" in seen.detail
    seal_next(catalog)
    (fault,) = catalog.night(night.id).faults
    assert fault.readable == ((0.0, 2000 / 3000),)
    keep_as_torn(path.with_name(name))
    scrub_next(catalog)
    seal_next(catalog)
    assert catalog.night(night.id).faults == (), "without it, the night is right"
    assert length(read_segment(path)) == 2000
    catalog.close()


def test_what_was_set_aside_before_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    for text in (b"one", b"two", b"three"):
        path.write_bytes(text)
        keep_as_torn(path)
    assert sorted(p.read_bytes() for p in tmp_path.iterdir()) == [b"one", b"three", b"two"]


# the writer


def test_a_file_system_without_lasting_numbers_does_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mock of the numbers, since no file system at hand changes them."""
    numbers, lstat = itertools.count(1), Path.lstat

    def changing(path: Path) -> os.stat_result:
        found = lstat(path)
        return os.stat_result((found[0], next(numbers) + (1 << 40), *found[2:]))

    path = tmp_path / "left.seg"
    writer = SegmentWriter(path)
    monkeypatch.setattr(Path, "lstat", changing)
    for n in range(200):
        writer.append(Note(n, "battery", str(n)))
    assert len(list(tmp_path.iterdir())) <= segment.MOVES + 1
    before = writer.path
    monkeypatch.undo()
    shutil.copy(before, tmp_path / "copy")
    (tmp_path / "copy").write_bytes(b"what a synchroniser brought")
    (tmp_path / "copy").replace(before)
    writer.append(Note(200, "battery", "200"))
    assert writer.path != before, "a file that was replaced is still noticed"
    writer.close()
    assert [r.at_ns for r in read_segment(path) if isinstance(r, Note)] == list(range(201))


def test_a_byte_that_was_changed_just_before_the_end_is_said_with_the_night(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    night = NightRecorder.begin(catalog, BEGAN, simulated=True)
    stream(night.leg("left", *SOURCE), 0, 30)
    path = catalog.segment(night.id, "left")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 8
    path.write_bytes(data)
    closer = NightCloser()
    closer.close(night, BEGAN + 30 * NS)
    assert closer.last is not None
    assert closer.last.code == Trouble.NIGHT_CHANGED
    seal_next(catalog)
    assert catalog.night(night.id).faults == (), "it was healed"
    rows = list(read_segment(path))
    assert [r.value for r in rows if isinstance(r, Note) and r.what == FILE_NOTE] == [SegmentFault.CHANGED]
    assert length(rows) == END
    catalog.close()


# the reader that follows


def test_a_tail_yields_each_record_whatever_the_pieces_in_which_they_are_written(tmp_path: Path) -> None:
    for cut in range(len(BYTES) + 1):
        path = tmp_path / "left.seg"
        path.write_bytes(BYTES[:cut])
        tail = SegmentTail(path)
        found = [plain(r) for r in tail.read()]
        with path.open("ab") as file:
            file.write(BYTES[cut:])
        found += [plain(r) for r in tail.read()]
        assert found == WHOLE, cut


@pytest.mark.parametrize("seed", range(20))
def test_a_tail_follows_pieces_failed_writes_new_parts_and_sealing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = tmp_path / "left.seg"
    records: list[Record] = [*NIGHT[:1], *(Note(n, "battery", str(n)) for n in range(60))]
    written, number, file = b"", 1, path
    tail, found = SegmentTail(path), []
    for record in records:
        data = encode(record)
        for _ in range(chance.choice([0, 0, 1])):  # a write that fails is cut off again
            file.write_bytes(written + data[: chance.randrange(len(data))])
            found += [plain(r) for r in tail.read()]
            file.write_bytes(written)
        at = chance.randrange(len(data))
        file.write_bytes(written + data[:at])
        found += [plain(r) for r in tail.read()]
        written += data
        file.write_bytes(written)
        deed = chance.random()
        if deed < 0.1:
            number += 1
            file = path.with_name(f"left.{number}.seg")
            file.write_bytes(written[: chance.randrange(len(written))])  # it is still being begun
            found += [plain(r) for r in tail.read()]
            file.write_bytes(written)
        elif deed < 0.2 and number > 1:  # it vanishes, and what was before it goes on
            file.unlink()
            number -= 1
            file = files.part_path(path, number)
            found += [plain(r) for r in tail.read()]
            file.write_bytes(written)
        if chance.random() < 0.5:
            found += [plain(r) for r in tail.read()]
    seal_files(path)
    found += [plain(r) for r in tail.read()]
    assert list(dict.fromkeys(found)) == [plain(r) for r in records]


def test_a_tail_skips_no_record_behind_one_that_was_damaged_after_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    one, two, three = (encode(Note(n, "battery", str(n))) for n in range(3))
    path.write_bytes(one + two)
    tail = SegmentTail(path)
    assert len(list(tail.read())) == 2
    path.write_bytes(one + two[:-1] + b"?" + three)
    assert list(tail.read()) == [Note(2, "battery", "2")]


def test_a_folder_is_synced_and_a_failing_disk_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mock, since no failing disk is at hand."""
    sync_folder(tmp_path)
    number = errno.EINVAL

    def refusing(fd: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refusing)
    sync_folder(tmp_path)  # this file system cannot
    number = errno.EIO
    with pytest.raises(OSError, match="Input/output error"):
        sync_folder(tmp_path)


def test_a_description_alone_is_a_recording_without_a_sample(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    SegmentWriter(path).append(Meta("n", "left", "s", "a", 50.0, 122, 4, simulated=True))
    assert files.is_blank(tmp_path, "annotations.json")
    (tmp_path / "annotations.json").write_text("{}")
    assert files.is_blank(tmp_path, "annotations.json")
    assert not files.is_blank(tmp_path, "")
