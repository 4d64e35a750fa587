"""What a recorder does at the edges of a night: a full disk, a clock that was set, a person who rises."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path

import pytest

from legmon.catalog.clock import Clock, Moment
from legmon.catalog.store import Catalog
from legmon.movement import NS, LegMovement
from legmon.night.lying import has_risen
from legmon.recording.files import RecordingError, read_segment
from legmon.recording.records import Note, Samples
from legmon.recording.segment import SegmentWriter
from tests.conftest import sensor, started, until
from tests.made import verify
from tests.test_recorder import info, recorded, recorder, records, stopped_at, want, whole


def said(data: Path) -> str | None:
    catalog = Catalog(data)
    state = catalog.recorder()
    catalog.close()
    return state.trouble.sentence if state and state.trouble else None


def test_a_full_disk_is_said_and_when_there_is_room_nothing_is_missing(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    with sensor(air, tmp_path, "--speed", "30"), started(*recorder(data, air)) as process:
        until(lambda: recorded(data) > 1500)
        pid, path = process.process.pid, next(data.glob("nights/*/left.seg"))
        limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, limits[1]))  # no file of the recorder may grow
        until(lambda: any("cannot be written" in line for line in process.errors))
        size, stood = path.stat().st_size, recorded(data)
        time.sleep(1.5)
        assert path.stat().st_size == size
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        until(lambda: recorded(data) > stood + 4000)
        until(lambda: said(data) is None)
        want(data, record=False)
        until(lambda: info(data).state == "closed")
        assert process.end() == 0
    _, gaps = whole(data)
    assert not gaps
    assert recorded(data) == stopped_at(tmp_path)


def test_a_night_that_ends_on_a_full_disk_is_closed_when_there_is_room(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    with sensor(air, tmp_path, "--speed", "30"), started(*recorder(data, air)) as process:
        until(lambda: recorded(data) > 1500)
        limits = resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (1, limits[1]))
        time.sleep(1.0)
        want(data, record=False)
        time.sleep(8.0)
        assert info(data).state == "recording"
        resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, limits)
        until(lambda: info(data).state == "closed")
        assert process.end() == 0
    rows, gaps = whole(data)
    assert {g.cause for g in gaps} <= {"disk_full"}
    assert [r.value for r in rows if isinstance(r, Note) and r.what == "battery"] == ["87"]


def test_an_append_is_whole_or_not_there(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "a.seg")
    writer.append(Note(1, "a", "b"), Note(2, "c", "d"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (tmp_path / "a.seg").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 60, limits[1]))
    try:
        with pytest.raises(RecordingError, match="free some space"):
            writer.append(Note(3, "e", "f"), Note(4, "g", "h"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "a.seg").stat().st_size == size
    writer.append(Note(5, "i", "j"))
    assert [r.at_ns for r in read_segment(tmp_path / "a.seg") if isinstance(r, Note)] == [1, 2, 5]


def test_a_file_that_does_not_read_back_as_written_is_not_sealed(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    with sensor(air, tmp_path, "--speed", "30"), started(*recorder(data, air)) as process:
        until(lambda: recorded(data) > 1000)
        assert process.end() == 0
    path = next(data.glob("nights/*/left.seg"))
    assert len(verify(path)) == 64
    data_bytes = bytearray(path.read_bytes())
    at = len(data_bytes) // 2
    data_bytes[at] ^= 1
    path.chmod(0o600)
    path.write_bytes(data_bytes)
    with pytest.raises(RecordingError, match="is damaged between bytes"):
        verify(path)
    path.write_bytes(data_bytes[: at // 2])
    with pytest.raises(RecordingError, match="does not end as a closed night does"):
        verify(path)


def test_a_wall_clock_that_is_set_between_two_starts_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "clock.json"
    first = Moment.kept(file, anew=True)
    before_ns, wall_ns = Clock().now_ns(first), time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: wall_ns() + 3600 * NS)
    again = Moment.kept(file, anew=False)
    assert again == first
    assert 0 <= Clock().now_ns(again) - before_ns < 600 * NS
    assert Moment.kept(file, anew=True).wall_ns >= first.wall_ns + 3600 * NS


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"wall_ns": 1}', '{"wall_ns": 1, "ticks_ns": 1, "boot": "another"}']
)
def test_a_kept_clock_of_another_boot_or_none_is_read_anew(tmp_path: Path, text: str) -> None:
    file = tmp_path / "clock.json"
    file.write_text(text)
    assert abs(Moment.kept(file, anew=False).wall_ns - time.time_ns()) < 60 * NS
    assert json.loads(file.read_text())["wall_ns"] > NS


def walk(begin_s: float, seconds: float) -> LegMovement:
    first, end = round(begin_s * 50), round((begin_s + seconds) * 50)
    return LegMovement(
        onset_ns=first * NS // 50,
        offset_ns=end * NS // 50,
        leg="left",
        kind="locomotion",
        peak_mg=900.0,
        first=first,
        end=end,
    )


HOUR = 3600


@pytest.mark.parametrize(
    ("walks", "now_s", "risen"),
    [
        ([walk(7 * HOUR, 620)], 7 * HOUR + 650, True),
        ([walk(7 * HOUR, 310), walk(7 * HOUR + 400, 310)], 7 * HOUR + 720, True),
        ([walk(7 * HOUR, 300)], 7 * HOUR + 330, False),  # to the bathroom and back
        ([walk(7 * HOUR, 620)], 7 * HOUR + 1200, False),  # and lay down again
        ([walk(3 * HOUR, 620)], 3 * HOUR + 650, False),  # up with a child: the night goes on
        ([], 9 * HOUR, False),
    ],
)
def test_only_a_person_who_walks_long_and_late_has_risen(
    walks: list[LegMovement], now_s: float, risen: bool
) -> None:
    assert has_risen(walks, round(now_s * 50), 50.0) is risen


def test_how_quiet_the_radio_was_is_noted_through_the_night(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    with sensor(air, tmp_path, "--speed", "120"), started(*recorder(data, air, speed=120)) as process:
        until(lambda: recorded(data) > 1400 * 50, 60)
        assert process.end() == 0
    rows = records(data)
    assert [r.what for r in rows if isinstance(r, Note)].count("quiet_ms") >= 2
    assert sum(isinstance(r, Samples) for r in rows) > 100
