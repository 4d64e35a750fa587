"""The catalog is derived: without it, with a damaged one, or with one of an early version, every night comes back."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from alembic.command import upgrade
from alembic.config import Config
from filelock import FileLock
from sqlalchemy import delete
from sqlalchemy.exc import DBAPIError

import legmon.catalog
from legmon.catalog import rescan as rescan_module
from legmon.catalog.annotations import Annotations, Check, NightNote
from legmon.catalog.database import (
    HEAD,
    SCHEMAS,
    Contents,
    contents,
    fingerprint,
    open_database,
    table_columns,
)
from legmon.catalog.file import CatalogError, UnavailableError
from legmon.catalog.models import MarkRow
from legmon.catalog.rescan import add_night, rescan
from legmon.catalog.state import NightInfo
from legmon.catalog.store import Catalog
from legmon.movement import NS
from legmon.night.fit import Fit
from legmon.night.marks import mark_of
from legmon.nights.cache import NightReports
from legmon.nights.custody import scrub_next, seal_next
from legmon.recorder.ending import NightCloser, add_interrupted, resume_night
from legmon.recorder.night import NightRecorder
from legmon.recording.files import leg_files, read_segment
from legmon.recording.records import Samples, encode
from tests.conftest import run_command
from tests.made import Made, evening, make_night, scenario
from tests.test_leg_recorder import BEGAN, SOURCE, stream

SETTINGS = {"theme": "dark", "leg": "left"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a night of both legs in New York and one of one leg in Paris, with all that a person can say."""
    folder = tmp_path_factory.mktemp("rescan") / "data"
    catalog = Catalog(folder)
    both = {"left": scenario(3, 0.5, walks=False), "right": scenario(4, 0.5, leg="right", walks=False)}
    make_night(catalog, Made(evening(1), both, zone="America/New_York"))  # type: ignore[arg-type]
    night = make_night(catalog, Made(evening(0), {"left": scenario(6, 0.5, per_hour=120)}, lost=[(300, 420)]))
    info, annotations = catalog.night(night), Annotations(catalog)
    (track,) = catalog.tracks(night)
    firsts = [m.first for m in track.movements if m.kind == "leg" and m.first is not None]
    annotations.add_marks(night, [mark_of(track, first, 5) for first in firsts[2:4]])
    annotations.set_lights(night, (info.started_ns + 60 * NS, None), 6)
    annotations.add_check(
        Check("left", info.started_ns - 600 * NS, Fit((), noise_mg=2.0, standing=(0.0, 0.0, 1.0)))
    )
    annotations.set_note(night, NightNote("Slept badly. 😴", ("travel", "new strap")), 8)
    annotations.set_settings(SETTINGS)
    catalog.choose({"left": "C4:4C:4D:00:00:01"})
    catalog.close()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / "data"))


def everything(folder: Path) -> dict[str, Any]:
    """All that a person can see of a data folder, in both rule sets' own words."""
    catalog = Catalog(folder)
    reports, annotations = NightReports(catalog), Annotations(catalog)
    found = {
        "nights": [asdict(reports.night(n)) for n in catalog.nights()],
        "list": [_without_revision(n) for n in catalog.nights()],
        "marks": [annotations.marks(n.id) for n in catalog.nights()],
        "settings": annotations.settings(),
        "checks": annotations.checks(),
        "sensors": catalog.wanted().sensors,
    }
    catalog.close()
    return found


def _without_revision(n: NightInfo) -> dict[str, Any]:
    return {k: v for k, v in asdict(n).items() if k != "revision"}


def lose(folder: Path) -> None:
    for file in folder.glob("catalog.sqlite*"):
        file.unlink()


def overwrite(folder: Path) -> None:
    file = folder / "catalog.sqlite"
    with sqlite3.connect(file) as c:
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    c.close()
    data = bytearray(file.read_bytes())
    data[100:] = b"\xa5" * (len(data) - 100)
    file.write_bytes(bytes(data))


def empty(folder: Path) -> None:
    (folder / "catalog.sqlite").write_bytes(b"")


LOSSES = pytest.mark.parametrize("lose_it", [lose, overwrite, empty])


@LOSSES
def test_a_lost_catalog_comes_back_with_every_count_light_and_mark(
    folder: Path, lose_it: Callable[[Path], None]
) -> None:
    before = everything(folder)
    assert len(before["nights"]) == 2
    assert [len(m) for m in before["marks"]] == [2, 0]
    lose_it(folder)
    done = run_command("rescan", "--json", data=folder)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [n["problems"] for n in said["nights"]] == [[], []]
    assert everything(folder) == before


@LOSSES
def test_a_command_that_finds_no_whole_catalog_makes_one_and_says_so(
    folder: Path, lose_it: Callable[[Path], None]
) -> None:
    before = json.loads(run_command("nights", "--json", data=folder).stdout)
    lose_it(folder)
    done = run_command("nights", "--json", data=folder)
    assert json.loads(done.stdout) == before
    assert "makes a new one from the recordings" in done.stderr
    kept = list(folder.glob("catalog.damaged-*.sqlite"))
    assert len(kept) in ({1} if lose_it is overwrite else {0, 1} if lose_it is empty else {0})
    assert run_command("nights", "--json", data=folder).stderr == "", "it is said once"


@LOSSES
def test_a_catalog_that_is_lost_while_it_is_open_is_replaced(
    folder: Path, lose_it: Callable[[Path], None]
) -> None:
    catalog = Catalog(folder)
    reports, before = NightReports(catalog), catalog.nights()
    lose_it(folder)
    if lose_it is overwrite:  # damage shows at the first statement, and the next one finds a new catalog
        with pytest.raises(DBAPIError, match=r"malformed|not a database"):
            catalog.nights()
    assert catalog.nights() == []
    assert reports.page().unlisted == 2
    rescan(catalog, catalog.unknown_recordings())
    assert [_without_revision(n) for n in catalog.nights()] == [_without_revision(n) for n in before]
    catalog.close()


def test_the_dashboard_adds_the_nights_by_itself(folder: Path) -> None:
    before = everything(folder)
    lose(folder)
    catalog = Catalog(folder)
    reports = NightReports(catalog)

    class Once:
        """Ends the work after its first round."""

        def is_set(self) -> bool:
            return False

        def wait(self, _: float) -> None: ...

    reports._add_unknown(Once())  # type: ignore[arg-type]
    assert reports.page().unlisted == 0
    catalog.close()
    assert everything(folder) == before


def test_a_night_that_cannot_be_read_is_tried_once_and_said(folder: Path) -> None:
    catalog = Catalog(folder)
    night = folder / "nights" / "2026-01-01-2300"
    night.mkdir()
    (night / "left.seg").write_bytes(b"nothing that legmon wrote" * 10)
    reports, tried = NightReports(catalog), []

    def count(*arguments: Any, **options: Any) -> Any:
        tried.append(arguments)
        return rescan_module.try_to_add(*arguments, **options)

    class Going:
        def is_set(self) -> bool:
            return False

        def wait(self, _: float) -> None: ...

    with pytest.MonkeyPatch.context() as m:
        m.setattr("legmon.nights.cache.try_to_add", count)
        for _ in range(3):
            reports._add_unknown(Going())  # type: ignore[arg-type]
    assert len(tried) == 1
    assert reports.page().unlisted == 1
    catalog.close()
    done = run_command("rescan", data=folder)
    assert done.returncode == 1
    assert "2026-01-01-2300" in done.stderr


def test_a_night_is_added_whole_or_not_at_all(folder: Path) -> None:
    lose(folder)
    catalog = Catalog(folder)
    night = catalog.unknown_recordings()[0]
    with pytest.MonkeyPatch.context() as m:
        m.setattr("legmon.catalog.store.bump_revision", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            add_night(catalog, night)
    assert catalog.nights() == []
    assert catalog.unknown_recordings()[0] == night
    add_night(catalog, night)
    add_night(catalog, night)
    assert [n.id for n in catalog.nights()] == [night]
    catalog.close()


def test_a_night_that_was_not_closed_goes_on_without_its_catalog(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    night = NightRecorder.begin(catalog, BEGAN, simulated=True)
    leg = night.leg("left", *SOURCE)
    stream(leg, 0, 60)
    night.saving()()
    leg.abandon()
    catalog.close()
    lose(tmp_path)
    catalog = Catalog(tmp_path)
    add_interrupted(catalog)
    resumed, message = resume_night(catalog, NightCloser(), BEGAN + 120 * NS, simulated=True)
    assert message is None
    assert resumed is not None
    assert (resumed.id, resumed.legs["left"].night.samples) == (night.id, leg.night.samples)
    resumed.close(None)
    assert catalog.night("last").state == "closed"
    catalog.close()


def test_a_night_without_its_row_is_never_deleted_with_its_recording(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    night = NightRecorder.begin(catalog, BEGAN, simulated=True)
    leg = night.leg("left", *SOURCE)
    stream(leg, 0, 60)
    leg.abandon()
    with catalog.engine.begin() as c:
        c.exec_driver_sql("DELETE FROM legs")  # a crash between the night and its leg
    assert resume_night(catalog, NightCloser(), None, simulated=True) == (None, None)
    assert catalog.segment(night.id, "left").exists()
    assert catalog.night("last").state == "closed"
    assert catalog.tracks(night.id)[0].end == leg.night.end
    catalog.close()


def test_a_recording_goes_on_into_a_new_catalog(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    night = NightRecorder.begin(catalog, BEGAN, simulated=True)
    leg = night.leg("left", *SOURCE)
    stream(leg, 0, 60)
    night.saving()()
    before = catalog.night(night.id)
    lose(tmp_path)
    night.saving()()
    assert _without_revision(catalog.night(night.id)) == _without_revision(before)
    night.close(None)
    assert catalog.night(night.id).state == "closed"
    catalog.close()


# what a person says


def test_what_cannot_be_kept_beside_the_recording_is_not_stored_at_all(folder: Path) -> None:
    catalog = Catalog(folder)
    annotations, night = Annotations(catalog), catalog.night("last").id
    file = catalog.annotation_file(night)
    before, lights = file.read_bytes(), annotations.lights(night)
    with pytest.MonkeyPatch.context() as m:
        m.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(UnavailableError, match="cannot be stored"):
            annotations.set_lights(night, (1, 2), 3)
    assert annotations.lights(night) == lights
    assert file.read_bytes() == before
    catalog.close()


def test_a_damaged_annotation_file_is_kept_and_said(folder: Path) -> None:
    catalog = Catalog(folder)
    night = catalog.night("last").id
    catalog.annotation_file(night).write_text("{")
    Annotations(catalog).set_lights(night, (None, catalog.night("last").started_ns + 9 * NS), 3)
    assert json.loads(catalog.annotation_file(night).read_text())["lights"]["set_ns"] == 3
    assert [f.read_text() for f in catalog.annotation_file(night).parent.glob("*.damaged-*")] == ["{"]
    catalog.annotation_file(night).write_text("[]")
    catalog.close()
    lose(folder)
    done = run_command("rescan", data=folder)
    assert "holds no annotations" in done.stderr
    assert "time zone" in done.stderr
    assert done.returncode == 0, "the night itself is there"


def test_a_later_versions_annotation_file_is_left_as_it_is(folder: Path) -> None:
    catalog = Catalog(folder)
    night = catalog.night("last").id
    file = catalog.annotation_file(night)
    text = json.dumps(json.loads(file.read_text()) | {"version": 99})
    file.write_text(text)
    with pytest.raises(CatalogError, match="later version"):
        Annotations(catalog).set_lights(night, (1, 2), 3)
    assert file.read_text() == text
    catalog.close()


def test_annotation_files_are_private(folder: Path) -> None:
    files = [*folder.rglob("annotations.json")]
    assert len(files) == 3
    assert {stat.S_IMODE(f.stat().st_mode) & 0o077 for f in files} == {0}


# catalogs of other versions


def test_every_migration_leaves_the_tables_it_is_known_by(folder: Path) -> None:
    with sqlite3.connect(folder / "catalog.sqlite") as c:
        assert fingerprint(table_columns(c)) == SCHEMAS[HEAD]
    c.close()
    assert len(set(SCHEMAS.values())) == len(SCHEMAS)


EARLY = """
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0001');
CREATE TABLE nights (id, state, simulated, zone_name, utc_offset_s, rules, detector, started_ns, duration_ns);
CREATE TABLE legs (id, night_id, leg, sensor, address, declared_hz, scale_ug, samples, end, quality);
CREATE TABLE anchors (leg_id, first, utc_ns, rate_hz);
CREATE TABLE movements (leg_id, first, end, kind, peak_mg);
"""
SAID = """
CREATE TABLE settings (id, value);
CREATE TABLE notes (night_id, text, tags, set_ns);
CREATE TABLE lights (night_id, off_ns, on_ns, set_ns);
CREATE TABLE labels (leg_id, first, label, set_ns);
CREATE TABLE checks (id, leg, at_ns, result);
"""


def early_catalog(folder: Path, *, with_marks: bool) -> None:
    """Put a catalog in place of the folder's that has the tables of an early version, and no files beside the nights."""
    c = sqlite3.connect(folder / "catalog.sqlite")
    c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    old = sqlite3.connect(folder / "early.sqlite")
    old.executescript(EARLY + (SAID if with_marks else ""))
    columns = {
        "nights": "id, state, simulated, zone_name, utc_offset_s, rules, detector, started_ns, duration_ns",
        "legs": 'id, night_id, leg, sensor, address, declared_hz, scale_ug, samples, "end", quality',
        "anchors": "leg_id, first, utc_ns, rate_hz",
        "movements": 'leg_id, first, "end", kind, peak_mg',
    }
    if with_marks:
        columns |= {"settings": "id, value", "lights": "night_id, off_ns, on_ns, set_ns"}
        columns |= {"checks": "id, leg, at_ns, result", "notes": "night_id, text, tags, set_ns"}
        for night, start, set_ns in c.execute("SELECT night_id, start_ns, set_ns FROM marks").fetchall():
            leg, utc, rate = c.execute(
                "SELECT legs.id, utc_ns, rate_hz FROM legs JOIN anchors ON leg_id = legs.id WHERE night_id = ?",
                (night,),
            ).fetchone()
            old.execute(
                "INSERT INTO labels VALUES (?, ?, 'own', ?)", (leg, round((start - utc) * rate / NS), set_ns)
            )
    for table, names in columns.items():
        for row in c.execute(f"SELECT {names} FROM {table}"):  # noqa: S608
            old.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608
    old.commit()
    old.close()
    c.close()
    lose(folder)
    (folder / "early.sqlite").rename(folder / "catalog.sqlite")
    for file in folder.rglob("annotations.json"):
        file.unlink()


@pytest.mark.parametrize("with_marks", [False, True])
def test_an_early_catalog_is_known_by_its_tables_and_loses_nothing(folder: Path, *, with_marks: bool) -> None:
    before = everything(folder)
    early_catalog(folder, with_marks=with_marks)
    assert contents(folder / "catalog.sqlite") == Contents("unknown")
    done = run_command("nights", data=folder)
    assert done.returncode == 0, done.stderr
    assert "early version" in done.stderr
    assert len(list(folder.glob("catalog.older-*.sqlite"))) == 1
    after = everything(folder)
    after["sensors"] = before["sensors"]  # they were not kept then
    if with_marks:
        assert after == before
    else:
        assert after["list"] == before["list"], "zone and counts"


def test_a_running_recorders_catalog_is_not_migrated_under_it(folder: Path) -> None:
    early_catalog(folder, with_marks=True)
    lose(folder)
    c = sqlite3.connect(folder / "catalog.sqlite")
    c.executescript(FIRST)
    c.close()
    assert contents(folder / "catalog.sqlite") == Contents("ours", "0001")
    data = (folder / "catalog.sqlite").read_bytes()
    with FileLock(folder / "recorder.lock"), pytest.raises(UnavailableError, match="end it first"):
        Catalog(folder)
    assert (folder / "catalog.sqlite").read_bytes() == data
    Catalog(folder).close()
    with sqlite3.connect(folder / f"catalog.before-{HEAD}.sqlite") as kept:
        assert fingerprint(table_columns(kept)) == SCHEMAS["0001"]
    kept.close()


FIRST = """
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT p PRIMARY KEY (version_num));
INSERT INTO alembic_version VALUES ('0001');
CREATE TABLE nights (id VARCHAR(40) NOT NULL PRIMARY KEY, state, simulated, zone_name, utc_offset_s, rules, detector, started_ns,
 duration_ns, analysed_ns, movements, candidates, periodic, series, ended_by);
CREATE TABLE recorder (id INTEGER NOT NULL PRIMARY KEY, seen_ns, clock_night_ns, clock_wall_ns, clock_speed, moment, simulated,
 night_id, sensors, nearby, confirmed, trouble, mode);
CREATE TABLE wanted (id INTEGER NOT NULL PRIMARY KEY, mode, leg, sensors DEFAULT '{}', asked_ns DEFAULT 0);
CREATE TABLE legs (id INTEGER NOT NULL PRIMARY KEY, night_id, leg, sensor, address, declared_hz, scale_ug, loss, samples, "end",
 quality, sealed);
CREATE TABLE anchors (leg_id, first, utc_ns, rate_hz);
CREATE TABLE holes (leg_id, first, count, cause);
CREATE TABLE movements (leg_id, first, "end", kind, peak_mg);
CREATE TABLE settings (id INTEGER NOT NULL PRIMARY KEY, value);
CREATE TABLE lights (night_id, off_ns, on_ns, set_ns);
CREATE TABLE labels (leg_id, first, label, set_ns);
CREATE TABLE checks (id INTEGER NOT NULL PRIMARY KEY, leg, at_ns, result);
CREATE TABLE derived (leg_id, version, step, "end", rows, envelope, battery);
"""


def test_a_later_versions_folder_is_not_touched(folder: Path) -> None:
    with sqlite3.connect(folder / "catalog.sqlite") as c:
        c.execute("UPDATE alembic_version SET version_num = '9999'")
        c.execute("CREATE TABLE later (x)")
        c.commit()
        c.execute("PRAGMA journal_mode=DELETE")
    c.close()
    (folder / "catalog.lock").unlink(missing_ok=True)
    folder.chmod(0o755)
    before = {p: p.stat().st_mtime_ns for p in [folder, *folder.rglob("*")]}
    for command in ("nights", "rescan"):
        done = run_command(command, data=folder)
        assert done.returncode == 2
        assert "later version" in done.stderr or "this version" in done.stderr
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    shutil.rmtree(folder / "nights" / "none", ignore_errors=True)
    after = {p: p.stat().st_mtime_ns for p in [*folder.rglob("*")] if p.suffix != ".lock"}
    assert {p: before[p] for p in after} == after


def test_a_folder_that_can_only_be_read_is_shown_and_scored(folder: Path) -> None:
    before = everything(folder)
    names = sorted(p.name for p in folder.iterdir())
    folder.chmod(0o555)
    may = os.access

    def access(path: Any, mode: int, **options: Any) -> bool:
        return False if Path(path) == folder and mode == os.W_OK else may(path, mode, **options)

    with pytest.MonkeyPatch.context() as m:
        m.setattr(os, "access", access)  # root may write everywhere; what follows must not try
        assert everything(folder) == before
        scored = run_command("score", "last", "--json", data=folder)
        assert json.loads(scored.stdout)["voluntary"] == 2
        catalog = Catalog(folder)
        assert catalog.read_only
        with pytest.raises(CatalogError, match="can only be read"):
            Annotations(catalog).set_settings({})
        assert Annotations(catalog).settings() == SETTINGS
        catalog.close()
    assert sorted(p.name for p in folder.iterdir()) == names
    folder.chmod(0o700)


def test_rescan_keeps_the_catalog_before_and_needs_the_folder_for_itself(folder: Path) -> None:
    before = everything(folder)
    with FileLock(folder / "recorder.lock"):
        done = run_command("rescan", data=folder)
    assert done.returncode == 1
    assert "end it first" in done.stderr
    done = run_command("rescan", data=folder)
    assert done.returncode == 0
    assert "2 nights" in done.stdout
    assert len(list(folder.glob("catalog.replaced-*.sqlite"))) == 1
    assert everything(folder) == before
    assert run_command("rescan", data=folder / "nothing").returncode == 2


@pytest.mark.parametrize(
    ("by", "said"), [("", "compare it with a backup"), ("legmon-adaptive 2", "by legmon-adaptive 2")]
)
def test_other_counts_than_before_are_said(folder: Path, by: str, said: str) -> None:
    catalog = Catalog(folder)
    night = catalog.night("last")
    file = catalog.annotation_file(night.id)
    catalog.close()
    kept = json.loads(file.read_text())
    assert kept["night"]["counted"] == {
        "detector": night.detector,
        "movements": night.movements,
        "periodic": night.periodic,
    }
    kept["night"]["counted"] |= {"movements": night.movements + 3, "detector": by or night.detector}
    file.write_text(json.dumps(kept))
    done = run_command("rescan", data=folder)
    assert done.returncode == 0
    assert f"Before, it had {night.movements + 3} and {night.periodic}" in done.stderr
    assert said in done.stderr


def test_a_log_that_is_removed_takes_nothing_with_it(folder: Path) -> None:
    catalog, other = Catalog(folder), Catalog(folder)
    night = catalog.night("last")
    Annotations(catalog).set_lights(night.id, (night.started_ns + 5 * NS, None), 3)
    assert len(other.nights()) == 2
    (folder / "catalog.sqlite-wal").unlink()
    assert catalog.nights() == [], (
        "a new one: what was written last is in no file that another process could read"
    )
    assert other.nights() == []
    rescan(catalog, catalog.unknown_recordings())
    assert Annotations(other).lights(night.id) == (night.started_ns + 5 * NS, None)
    assert len(list(folder.glob("catalog.damaged-*.sqlite"))) == 1, "the second one finds the new one"
    catalog.close()
    other.close()


def test_a_recording_that_was_rewritten_is_found_without_the_catalog_that_sealed_it(folder: Path) -> None:
    catalog = Catalog(folder)
    night = catalog.night("last").id
    while catalog.unsealed() is not None:
        seal_next(catalog)
    sealed = leg_files(catalog.segment(night, "left"))[0]
    (seal,) = json.loads(catalog.annotation_file(night).read_text())["seals"]
    assert seal["sha256"] == hashlib.sha256(sealed.read_bytes()).hexdigest()
    catalog.close()
    lose(folder)
    records = list(read_segment(sealed.with_suffix(".seg")))
    at = next(k for k, r in enumerate(records) if isinstance(r, Samples))
    was = records[at]
    assert isinstance(was, Samples)
    records[at] = replace(was, xyz=was.xyz + 1)
    sealed.chmod(0o600)
    sealed.write_bytes(b"".join(map(encode, records)))  # every checksum is right
    catalog = Catalog(folder)
    rescan(catalog, catalog.unknown_recordings())
    for _ in range(4):
        scrub_next(catalog)
    assert [f.code for f in catalog.night(night).faults] == ["altered"]
    catalog.close()


# what a fault of the machine must not do meanwhile


def full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_an_upgrade_that_cannot_write_the_annotation_files_has_not_happened(folder: Path) -> None:
    before = everything(folder)
    early_catalog(folder, with_marks=True)
    catalog_of_0002(folder)
    with pytest.MonkeyPatch.context() as m:
        m.setattr("legmon.catalog.annotation_files.write_annotations", full)
        with pytest.raises(UnavailableError, match="free some space"):
            Catalog(folder)
    assert contents(folder / "catalog.sqlite") == Contents("ours", "0002")
    Catalog(folder).close()
    lose(folder)
    run_command("rescan", data=folder)
    assert everything(folder)["marks"] == before["marks"]


def catalog_of_0002(folder: Path) -> None:
    """Put a catalog of migration 0002 in place, with the nights and marks of the early one."""
    old = sqlite3.connect(folder / "catalog.sqlite")
    rows = {
        table: old.execute("SELECT * FROM " + table).fetchall()  # noqa: S608 (of this list)
        for table in ("nights", "legs", "anchors", "movements")
    }
    labels = old.execute("SELECT leg_id, first, 'voluntary', set_ns FROM labels").fetchall()
    old.close()
    lose(folder)
    engine = open_database(folder / "catalog.sqlite")
    with engine.begin() as c:
        config = Config()
        config.set_main_option("script_location", str(Path(legmon.catalog.__file__).with_name("migrations")))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = c
        upgrade(config, "0002")
        for night, state, simulated, zone, offset, rules, by, started, duration in rows["nights"]:
            values = (night, state, simulated, zone, offset, rules, by, started, duration, *[0] * 5, "", 0)
            c.exec_driver_sql(f"INSERT INTO nights VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608
        for leg in rows["legs"]:
            values = (*leg[:7], "index", *leg[7:], None)
            c.exec_driver_sql(f"INSERT INTO legs VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608
        for table in ("anchors", "movements"):
            for row in rows[table]:
                c.exec_driver_sql(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", tuple(row))  # noqa: S608
        for row in labels:
            c.exec_driver_sql("INSERT INTO labels VALUES (?, ?, ?, ?)", tuple(row))
    engine.dispose()


def test_a_catalog_whose_words_cannot_be_carried_over_stays_where_it_is(folder: Path) -> None:
    before = everything(folder)
    early_catalog(folder, with_marks=True)
    with pytest.MonkeyPatch.context() as m:
        m.setattr("legmon.catalog.carry_over.write_annotations", full)
        with pytest.raises(UnavailableError, match="free some space"):
            Catalog(folder)
    assert contents(folder / "catalog.sqlite") == Contents("unknown")
    run_command("nights", data=folder)
    assert everything(folder)["marks"] == before["marks"]


BAD: list[tuple[str, Any]] = [
    ("marks", [{"leg": "left", "start_ns": None, "end_ns": 5, "kind": "voluntary", "set_ns": 1}]),
    ("marks", [{"leg": "left", "start_ns": "x", "end_ns": 5, "kind": "voluntary", "set_ns": 1}]),
    ("marks", [{"leg": "tail", "start_ns": 1, "end_ns": 5, "kind": "voluntary", "set_ns": 1}]),
    ("marks", [{"leg": "left", "start_ns": 9, "end_ns": 5, "kind": "voluntary", "set_ns": 1}]),
    ("marks", [{"leg": "left", "start_ns": 1 << 70, "end_ns": 1 << 70, "kind": "voluntary", "set_ns": 1}]),
    ("marks", [7]),
    ("lights", {"off_ns": "yesterday", "on_ns": None, "set_ns": 1}),
    ("lights", []),
    ("note", {"text": "x", "tags": ["a" * 41], "set_ns": 1}),
    ("note", {"text": "x" * 4001, "tags": [], "set_ns": 1}),
    ("note", {"text": "x", "tags": [3], "set_ns": 1}),
    ("note", "x"),
    ("checks", [{"leg": "left", "at_ns": 5, "fit": {"problems": 3}}]),
    ("checks", [{"leg": ["left"], "at_ns": 5, "fit": {}}]),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_of_an_annotation_file_costs_only_itself(folder: Path, name: str, value: Any) -> None:
    before = everything(folder)
    catalog = Catalog(folder)
    file = catalog.annotation_file(catalog.night("last").id)
    catalog.close()
    file.write_text(json.dumps(json.loads(file.read_text()) | {name: value}))
    lose(folder)
    done = run_command("rescan", data=folder)
    assert done.returncode == 0, done.stderr
    assert "1 entries of" in done.stderr
    after = everything(folder)
    assert [n["id"] for n in after["list"]] == [n["id"] for n in before["list"]]
    other = "marks" if name != "marks" else "settings"
    assert after[other] == before[other]


def test_bad_values_of_the_folders_file_cost_only_themselves(folder: Path) -> None:
    file = folder / "annotations.json"
    said = {"wanted": {"mode": "fly", "leg": None, "asked_ns": 5}, "sensors": {"tail": 4}, "checks": "none"}
    file.write_text(json.dumps(json.loads(file.read_text()) | said))
    lose(folder)
    catalog = Catalog(folder)
    assert (catalog.wanted().mode, catalog.wanted().sensors, catalog.wanted().asked_ns) == ("off", {}, 0)
    assert Annotations(catalog).settings() == SETTINGS
    catalog.close()


def test_a_catalog_to_which_another_program_added_a_table_is_ours(folder: Path) -> None:
    before = everything(folder)
    with sqlite3.connect(folder / "catalog.sqlite") as c:
        c.execute("CREATE TABLE theirs (x)")
        c.execute("ALTER TABLE nights ADD COLUMN theirs")
    c.close()
    assert everything(folder) == before
    assert not list(folder.glob("catalog.older-*"))


def test_a_catalog_of_unknown_tables_is_not_set_aside_under_a_recorder(folder: Path) -> None:
    early_catalog(folder, with_marks=True)
    with FileLock(folder / "recorder.lock"), pytest.raises(UnavailableError, match="end it first"):
        Catalog(folder)
    assert contents(folder / "catalog.sqlite") == Contents("unknown")


def test_a_disk_that_does_not_answer_once_is_no_lost_catalog(folder: Path) -> None:
    catalog = Catalog(folder)
    catalog.want("off")  # from now on there is a log
    assert len(catalog.nights()) == 2
    look = Path.stat

    def stat_of(path: Path, **options: Any) -> os.stat_result:
        if path.name == "catalog.sqlite-wal":
            raise OSError(5, "Input/output error")
        return look(path, **options)

    with pytest.MonkeyPatch.context() as m:
        m.setattr(Path, "stat", stat_of)
        assert len(catalog.nights()) == 2
    assert not list(folder.glob("catalog.damaged-*"))
    catalog.close()


def test_a_copy_of_a_nights_folder_is_no_other_night(folder: Path) -> None:
    catalog = Catalog(folder)
    night = catalog.night("last").id
    catalog.close()
    shutil.copytree(folder / "nights" / night, folder / "nights" / f"{night} copy")
    done = run_command("rescan", data=folder)
    assert done.returncode == 1
    assert f"says that it belongs to night {night}" in done.stderr
    assert len(everything(folder)["list"]) == 2


def test_a_change_that_is_rolled_back_is_not_in_the_file_either(folder: Path) -> None:
    catalog = Catalog(folder)
    night = catalog.night("last").id
    file = catalog.annotation_file(night)
    before = file.read_bytes()

    def change() -> None:
        with catalog.session() as s:
            s.execute(delete(MarkRow))
            catalog.write_annotation_file(s, night)
            assert file.read_bytes() != before
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    assert file.read_bytes() == before
    catalog.close()


def test_what_the_recorder_shall_do_outlives_the_catalog(folder: Path) -> None:
    catalog = Catalog(folder)
    catalog.want("record", "both")
    before = catalog.wanted()
    catalog.close()
    lose(folder)
    catalog = Catalog(folder)
    assert catalog.wanted() == before
    catalog.close()


def test_a_night_that_the_catalog_does_not_know_is_said(folder: Path) -> None:
    catalog = Catalog(folder)
    for ask in (catalog.tracks, catalog.scales):
        with pytest.raises(CatalogError, match="no night 'x'"):
            ask("x")
    catalog.close()
