"""The catalog at its edges: held by another program, on a full disk, after a power cut, and whose clock it says."""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError

from legmon.catalog.clock import Clock, Moment, Watch
from legmon.catalog.database import catalog_fault
from legmon.catalog.file import CatalogError, UnavailableError
from legmon.catalog.state import RecorderState
from legmon.catalog.store import Catalog
from legmon.messages import CatalogFault
from legmon.movement import NS
from legmon.recorder.night import NightRecorder
from legmon.recorder.process import catalog_trouble
from legmon.sensors.base import StreamFormat
from legmon.web.status import status
from tests.conftest import run_command, sensor, started, until
from tests.test_leg_recorder import stream
from tests.test_recorder import info, recorded, recorder, want

DAY_NS = 24 * 3600 * NS


@contextmanager
def every_connection(*pragmas: str) -> Iterator[None]:
    """Open every database with these pragmas, by which SQLite itself refuses as on a full or read-only disk."""

    def set_up(connection: Any, _: Any) -> None:
        for line in pragmas:
            connection.execute(f"PRAGMA {line}")

    event.listen(Engine, "connect", set_up)
    try:
        yield
    finally:
        event.remove(Engine, "connect", set_up)


def hold(file: Path, *, write: bool = False) -> sqlite3.Connection:
    """Hold a catalog's file as another program might: nobody may read it."""
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    if not write:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    return other


def test_a_catalog_that_is_held_for_a_moment_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, connect = hold(tmp_path / "catalog.sqlite"), sqlite3.dbapi2.connect
    # Python's own timeout of 5 s would hide that the program sets none
    monkeypatch.setattr(sqlite3.dbapi2, "connect", lambda *a, **k: connect(*a, **(k | {"timeout": 0.0})))
    began = time.monotonic()
    release = threading.Timer(1.0, other.close)
    release.start()
    Catalog(tmp_path).close()
    assert time.monotonic() - began >= 1.0, "the file was held all that time"
    release.join()


def test_a_catalog_that_stays_held_may_be_tried_again_and_is_not_to_be_moved_away(tmp_path: Path) -> None:
    Catalog(tmp_path).close()
    other = hold(tmp_path / "catalog.sqlite")
    done = run_command("nights", data=tmp_path)
    other.close()
    assert done.returncode == 1, "it is tried again"
    assert "another program is using it" in done.stderr
    assert "move it out" not in done.stderr


def test_a_full_disk_leaves_no_half_made_catalog(tmp_path: Path) -> None:
    with (
        every_connection("max_page_count=8"),
        pytest.raises(UnavailableError, match="free some space") as error,
    ):
        Catalog(tmp_path)
    assert error.value.status == 1
    assert Catalog(tmp_path).nights() == []


def test_a_catalog_that_may_not_be_written_is_said(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "catalog.sqlite").execute("PRAGMA journal_mode=WAL")
    with every_connection("query_only=ON"), pytest.raises(CatalogError, match="its permissions") as error:
        Catalog(tmp_path)
    assert error.value.status == 2


def test_a_database_of_another_program_is_to_be_moved_away(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "catalog.sqlite") as other:
        other.execute("CREATE TABLE nights (x)")
    other.close()
    with pytest.raises(CatalogError, match="move it out") as error:
        Catalog(tmp_path)
    assert error.value.status == 2


def test_a_catalog_of_a_later_version_is_left_as_it_is(tmp_path: Path) -> None:
    Catalog(tmp_path).close()
    file = tmp_path / "catalog.sqlite"
    with sqlite3.connect(file) as c:
        c.execute("UPDATE alembic_version SET version_num = '9999'")
    c.close()
    answer = run_command("nights", data=tmp_path)
    assert answer.returncode == 2
    said = " ".join(answer.stderr.split())
    assert "was made by a later version of legmon; install that version" in said
    with sqlite3.connect(file) as c:
        assert c.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    c.close()


def test_a_night_of_which_one_leg_cannot_be_read_goes_on_with_the_other(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    night = begin(catalog)
    for leg in ("left", "right"):
        recorder = night.leg(leg, *("s", "a", StreamFormat(50, 4, 122, "index")))
        stream(recorder, 0, 5)
        recorder.abandon()
    segment = catalog.segment(night.id, "right")
    data = bytearray(segment.read_bytes())
    data[20] ^= 1  # in its first record, without which nothing is known of the rest
    segment.write_bytes(bytes(data))
    again = NightRecorder(catalog, night.id, simulated=True)
    again.resume()
    assert list(again.legs) == ["left"]
    assert list(again.unread) == ["right"]
    again.close(None)
    catalog.close()


def refused(catalog: Catalog) -> DBAPIError:
    with pytest.raises(DBAPIError) as error:
        [begin(catalog) for _ in range(200)]  # the last page has room for some
    return error.value


def begin(catalog: Catalog) -> NightRecorder:
    return NightRecorder.begin(catalog, time.time_ns(), simulated=True)


@pytest.mark.parametrize(
    ("pragma", "why", "code", "advice"),
    [
        ("busy_timeout=1", CatalogFault.BUSY, "catalog_busy", "end the other programs"),
        ("max_page_count=1", CatalogFault.FULL, "catalog_full", "Free some space"),
        ("query_only=ON", CatalogFault.READ_ONLY, "catalog_fails", "permissions"),
        ("user_version=0", CatalogFault.DAMAGED, "catalog_damaged", "makes a new one"),
    ],
)
def test_why_a_night_cannot_be_entered_is_told_apart(
    tmp_path: Path, pragma: str, why: CatalogFault, code: str, advice: str
) -> None:
    catalog = Catalog(tmp_path)
    file = tmp_path / "catalog.sqlite"
    other = hold(file, write=True) if why is CatalogFault.BUSY else None
    if why is CatalogFault.DAMAGED:
        catalog.close()
        file.write_bytes(b"something else that is long enough to be taken for a database" * 100)
    with every_connection(pragma):
        error = refused(catalog)
    if other is not None:
        other.close()
    catalog.close()
    assert catalog_fault(error) is why
    said = catalog_trouble(error)
    assert said.code == code
    assert advice in said.sentence


def test_a_power_cut_does_not_take_a_night_that_has_begun(tmp_path: Path) -> None:
    catalog, found = Catalog(tmp_path), []

    def look(c: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("INSERT INTO nights", "INSERT INTO legs")):
            (level,) = cursor.connection.execute("PRAGMA synchronous").fetchone()
            found.append((statement.split()[2], level))

    event.listen(Engine, "before_cursor_execute", look)
    try:
        begin(catalog).leg("left", *("s", "a", StreamFormat(50, 4, 122, "index")))
    finally:
        event.remove(Engine, "before_cursor_execute", look)
    catalog.close()
    full = 2
    assert found == [("nights", full), ("legs", full)]


def test_the_page_counts_from_the_recorders_moment(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    now = Moment.now()
    behind = Moment(now.wall_ns - DAY_NS, now.ticks_ns, now.boot)
    catalog.report(RecorderState(time.time_ns(), Clock(), True, None, [], moment=behind))
    assert abs(status(catalog).now - (time.time_ns() - DAY_NS) / NS) < 60
    catalog.close()


def test_a_clock_that_was_set_is_followed_and_one_that_was_not_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    watch = Watch(Clock(), file, anew=True)
    first = watch.moment
    watch.follow()
    assert watch.moment == first
    watch.moment = Moment(first.wall_ns - NS, first.ticks_ns, first.boot)
    watch.follow()
    assert abs(watch.now_ns() - time.time_ns()) < 60 * NS
    assert Moment.kept(file, anew=False) == watch.moment


def test_simulated_time_changes_its_speed_without_a_jump() -> None:
    clock = Clock(1000 * NS, 50 * NS, 60.0)
    slower = clock.changed(60 * NS, 1.0)
    assert (slower.at(60 * NS), slower.at(61 * NS)) == (1600 * NS, 1601 * NS)
    stopped = slower.changed(70 * NS, 0.0)
    assert (stopped.at(70 * NS), stopped.at(90 * NS)) == (1610 * NS, 1610 * NS)
    assert stopped.changed(90 * NS, 300.0).at(91 * NS) == 1910 * NS


def test_the_clock_of_a_recorder_changes_its_speed_at_the_moment_that_it_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = [5000 * NS]
    monkeypatch.setattr(Moment, "wall_now_ns", lambda _: wall[0])
    monkeypatch.setattr(time, "time_ns", lambda: wall[0])
    watch = Watch(Clock(0, 5000 * NS, 60.0), tmp_path / "clock.json", anew=True)
    watch.change(5002 * NS, 0.0)
    wall[0] = 5001 * NS
    assert (watch.now_ns(), watch.clock.speed) == (60 * NS, 60.0)
    wall[0] = 5004 * NS
    assert (watch.now_ns(), watch.clock.speed) == (120 * NS, 0.0)
    watch.change(5005 * NS, 1.0)
    wall[0] = 5007 * NS
    assert watch.now_ns() == 122 * NS


SET = """
import sys, time
from pathlib import Path
real, file = time.time_ns, Path(sys.argv.pop(1))
time.time_ns = lambda: real() + int(file.read_text())  # no test may set the clock of its machine
from legmon.recorder.__main__ import main
sys.exit(main())
"""


def test_a_night_goes_by_the_clock_as_it_was_when_it_began(air: str, tmp_path: Path) -> None:
    data, offset = tmp_path / "data", tmp_path / "offset"

    def set_clock(ns: int) -> None:
        (tmp_path / "new").write_text(str(ns))
        (tmp_path / "new").replace(offset)

    set_clock(0)
    want(data, record=True)
    _, _, *arguments = recorder(data, air, speed=1)
    with started("-c", SET, str(offset), *arguments) as process:
        process.says("ready")
        time.sleep(1.0)
        set_clock(DAY_NS)  # before there is a sensor
        with sensor(air, tmp_path):
            until(lambda: recorded(data) > 200)
            catalog = Catalog(data)
            assert abs(info(data).started_ns - (time.time_ns() + DAY_NS)) < 60 * NS
            set_clock(0)  # while the night is recorded
            stood = recorded(data)
            until(lambda: recorded(data) > stood + 200)
            assert abs(status(catalog).now - (time.time_ns() + DAY_NS) / NS) < 60
            assert process.end() == 0
    night = catalog.night("last")
    catalog.close()
    assert abs(night.started_ns - (time.time_ns() + DAY_NS)) < 120 * NS
    assert 4 * NS < night.duration_ns < 120 * NS


@pytest.mark.skipif(sys.platform not in {"linux", "darwin"}, reason="has no name for a boot")
def test_a_boot_has_a_name() -> None:
    assert Moment.now().boot
    assert Moment.now().boot == Moment.now().boot
