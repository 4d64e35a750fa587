"""A disk that fails, is full, or gives back what was not written: said as what it is, and nothing leaks."""

from __future__ import annotations

import errno
import json
import os
import resource
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from legmon.catalog.models import NightRow
from legmon.catalog.store import Catalog
from legmon.messages import DamageCode
from legmon.movement import NS
from legmon.nights.cache import NightReports
from legmon.nights.custody import scrub_next, seal_next
from legmon.nights.machine import bytes_per_second
from legmon.recorder.ankle_sensor import disk_trouble
from legmon.recorder.leg import LegRecorder, segment_meta
from legmon.recorder.night import NightRecorder
from legmon.recording.files import RecordingError, leg_files, read_segment
from legmon.recording.records import Note
from legmon.recording.segment import SegmentWriter
from legmon.sensors.base import Frame, StreamFormat
from tests.conftest import run_command

SOURCE = ("s", "a", StreamFormat(50, 4, 122, "index"))
BEGAN_NS = 1_790_000_000 * NS
QUIET = np.random.default_rng(1).normal((0, 0, 8197), 8, (60, 50, 3)).astype(np.int16)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def closed_night(catalog: Catalog) -> str:
    """A night of a minute in which nothing moves."""
    night = NightRecorder.begin(catalog, BEGAN_NS, simulated=True)
    leg = night.leg("left", *SOURCE)
    for second, xyz in enumerate(QUIET):
        leg.frame(Frame(1, 50 * second, 0, xyz), BEGAN_NS + (second + 1) * NS)
    night.close(BEGAN_NS + 60 * NS)
    return night.id


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = Catalog(tmp_path / "data")
    yield opened
    opened.close()


def test_a_night_takes_the_room_that_the_doctor_assumes(tmp_path: Path) -> None:
    leg = LegRecorder(tmp_path / "left.seg", segment_meta("n", "left", *SOURCE, simulated=True))
    frames = np.concatenate([*QUIET, *QUIET, *QUIET]).reshape(
        -1, 12, 3
    )  # four a second, as a sensor sends them
    for i, xyz in enumerate(frames):
        leg.frame(Frame(1, 12 * i, 0, xyz), BEGAN_NS + 12 * (i + 1) * NS // 50)
    leg.close(None)
    measured = (tmp_path / "left.seg").stat().st_size / (len(frames) * 12 / 50)
    assert measured == pytest.approx(bytes_per_second(50), rel=0.04)


def test_a_recording_that_cannot_be_opened_keeps_no_file_open(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    path.write_bytes(b"torn")
    (tmp_path / "left.seg.torn").mkdir()  # what a crash tore off cannot be moved there
    before = open_files()
    for _ in range(20):
        with pytest.raises(RecordingError, match="cannot be written"):
            SegmentWriter(path)
    assert open_files() == before


def test_a_leg_that_cannot_be_begun_keeps_no_file_open(tmp_path: Path) -> None:
    before, limits = open_files(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))
    try:
        for _ in range(3):
            with pytest.raises(RecordingError, match="free some space"):
                LegRecorder(tmp_path / "left.seg", segment_meta("n", "left", *SOURCE, simulated=True))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert open_files() == before


def test_a_leg_that_cannot_be_entered_keeps_no_file_open(catalog: Catalog) -> None:
    night = NightRecorder.begin(catalog, BEGAN_NS, simulated=True)
    with catalog.session() as s:
        s.execute(delete(NightRow))
    with pytest.raises(IntegrityError):
        night.leg("left", *SOURCE)
    before = open_files()
    for _ in range(3):
        with pytest.raises(IntegrityError):
            night.leg("left", *SOURCE)
    assert open_files() == before


class Refusing:
    """A call to the operating system that fails until it is told otherwise: no test has a disk that is failing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        self.code: int | None = errno.EIO
        self._call = getattr(os, name)
        monkeypatch.setattr(os, name, self)

    def __call__(self, *arguments: object) -> object:
        if self.code is not None:
            raise OSError(self.code, os.strerror(self.code))
        return self._call(*arguments)


def noted(path: Path) -> list[int]:
    return [r.at_ns for r in read_segment(path) if isinstance(r, Note)]


def test_what_a_failed_write_left_is_cut_off_before_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "left.seg"
    writer = SegmentWriter(path)
    writer.append(Note(1, "a", "b"))
    size, limits = path.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    cutting = Refusing(monkeypatch, "ftruncate")
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, limits[1]))
    try:
        with pytest.raises(RecordingError, match="free some space") as full:
            writer.append(Note(2, "c", "d"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert full.value.is_full
    assert path.stat().st_size == size + 10, "what was left could not be cut off"
    with pytest.raises(RecordingError, match="check the disk") as failing:
        writer.append(Note(3, "e", "f"))
    assert (failing.value.errno, failing.value.is_full) == (errno.EIO, False)
    cutting.code = None
    writer.append(Note(4, "g", "h"))
    writer.append(Note(5, "i", "j"))
    writer.close()
    assert noted(path) == [1, 4, 5]
    assert not SegmentWriter(path).path.with_name("left.seg.torn").exists()


def test_a_disk_that_fails_to_sync_is_said_and_the_file_can_be_closed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SegmentWriter(tmp_path / "left.seg")
    syncing = Refusing(monkeypatch, "fdatasync")
    for refused in (writer.sync, writer.close):
        with pytest.raises(RecordingError, match="check the disk") as error:
            refused()
        assert error.value.errno == errno.EIO
    syncing.code = None
    writer.append(Note(1, "a", "b"))
    writer.close()
    assert noted(tmp_path / "left.seg") == [1]
    with pytest.raises(RecordingError):
        writer.append(Note(2, "c", "d"))


@pytest.mark.parametrize(
    ("code", "trouble", "words"),
    [
        (errno.ENOSPC, "disk_refuses", "when there is room"),
        (errno.EDQUOT, "disk_refuses", "when there is room"),
        (errno.EIO, "disk_fails", "another data folder (--data)"),
        (errno.EROFS, "disk_fails", "another data folder (--data)"),
    ],
)
def test_a_failing_disk_is_not_called_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, trouble: str, words: str
) -> None:
    writer = SegmentWriter(tmp_path / "left.seg")
    writing = Refusing(monkeypatch, "write")
    writing.code = code
    with pytest.raises(RecordingError) as error:
        writer.append(Note(1, "a", "b"))
    writing.code = None
    writer.close()
    said = disk_trouble(error.value)
    assert said.code == trouble
    assert words in said.sentence
    assert os.strerror(code) in said.sentence
    assert ("free some space" in said.sentence) == (trouble == "disk_refuses")


def test_a_night_that_cannot_be_read_back_is_damaged_until_it_can_be(catalog: Catalog) -> None:
    night, other = closed_night(catalog), closed_night(catalog)
    path = catalog.segment(night, "left")
    path.rename(path.with_suffix(".away"))
    path.mkdir()  # it cannot be read, and who may read everything is refused too
    for _ in range(3):
        seal_next(catalog)
    assert catalog.unsealed() is None, "the other night is sealed, and this one is not tried for ever"
    (sealed,) = leg_files(catalog.segment(other, "left"))
    assert sealed.name == "left.sealed"
    assert sealed.stat().st_mode & 0o222 == 0
    assert catalog.night(night).damaged == ("left",)
    (fault,) = catalog.night(night).faults
    assert fault.code == DamageCode.NOT_A_FILE
    assert "something else than a file. Nothing of it can be read." in fault.sentence
    path.rmdir()
    path.with_suffix(".away").rename(path)
    scrub_next(catalog)
    assert catalog.night(night).damaged == (), "the file is back as it was"
    seal_next(catalog)
    assert [p.name for p in leg_files(path)] == ["left.sealed"]
    assert catalog.night(night).faults == ()


def test_a_recording_that_is_not_what_was_written_is_said_with_its_night(
    catalog: Catalog, tmp_path: Path
) -> None:
    night = closed_night(catalog)
    reports = NightReports(catalog)
    assert reports.night(catalog.night(night)).quality == []
    path = catalog.segment(night, "left")
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    seal_next(catalog)
    assert catalog.unsealed() is None
    page = reports.night(catalog.night(night))
    (finding,) = page.quality
    assert (finding.code, finding.leg, page.verdict) == ("damaged", "left", "look")
    assert "these can still be read" in finding.sentence or "Nothing of it" in finding.sentence
    data = tmp_path / "data"
    answer = json.loads(run_command("nights", night, "--json", data=data).stdout)["details"]
    assert answer["quality"] == [asdict(finding)]
    assert answer["verdict"] == "look"
    scored = json.loads(run_command("score", night, "--json", data=data).stdout)["details"]
    assert (scored["quality"], scored["verdict"]) == (answer["quality"], "look")
    for command in ("nights", "score"):
        recorded = run_command(command, night, "--as-recorded", "--json", data=data).stdout
        assert json.loads(recorded)["details"]["verdict"] == "look"
    (listed,) = json.loads(run_command("nights", "--json", data=data).stdout)["nights"]
    assert listed["damaged"] == ["left"]
    assert "revision" not in listed, "only the caches need it"
    for command in ("nights", "score"):
        shown = " ".join(run_command(command, night, data=data).stdout.split())
        assert f"left leg: {finding.sentence}" in shown
    assert "damaged" in run_command("nights", data=data).stdout
