"""Years of nights: pages of the list, summaries that are kept, a click that touches one night, catalogs of earlier versions."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError

import legmon.catalog
from legmon.catalog.annotations import Annotations, Check
from legmon.catalog.clock import Clock
from legmon.catalog.database import HEAD, open_database
from legmon.catalog.file import CatalogError
from legmon.catalog.models import Base
from legmon.catalog.recording_files import RecordingFiles
from legmon.catalog.state import LAST_MOVEMENTS, KeptDamage, KeptFile, RecorderState
from legmon.catalog.store import Catalog
from legmon.messages import DamageCode, Message
from legmon.movement import NS, Leg
from legmon.night.fit import Fit
from legmon.night.marks import mark_of
from legmon.night.track import score_night
from legmon.nights import cache, machine, postures, report
from legmon.nights.cache import NightReports
from legmon.web import live
from legmon.web.app import create_app
from legmon.web.live import Snapshot, StatusFeed
from legmon.web.status import status
from tests.conftest import let_in
from tests.made import Made, copy_nights, evening, make_night, scenario


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the SQL statements of all databases."""
    found: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("PRAGMA"):
            found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with 31 nights of half an hour, each with two gaps and its posture kept."""
    folder = tmp_path_factory.mktemp("many")
    catalog = Catalog(folder)
    lost = ((100, 110), (200, 210))
    night = make_night(catalog, Made(evening(0), {"left": scenario(3, 0.5, per_hour=120)}, lost=lost))
    NightReports(catalog).report(catalog.night(night))
    copy_nights(catalog, night, 30)
    catalog.close()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    source, target = sqlite3.connect(made / "catalog.sqlite"), sqlite3.connect(tmp_path / "catalog.sqlite")
    source.backup(target)
    source.close()
    target.close()
    return tmp_path


@pytest.fixture
def catalog(folder: Path) -> Iterator[Catalog]:
    opened = Catalog(folder)
    yield opened
    opened.close()


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the nights that are scored for a report: one entry each."""
    found: list[int] = []

    def count(*arguments: Any, **named: Any) -> Any:
        found.append(1)
        return score_night(*arguments, **named)

    monkeypatch.setattr(report, "score_night", count)
    return found


# the catalog


def test_the_list_of_nights_takes_three_statements_however_many_there_are(catalog: Catalog) -> None:
    with statements() as all_of_them:
        nights = catalog.nights()
    with statements() as page:
        first = catalog.nights(10)
    assert (len(all_of_them), len(page)) == (3, 3)
    assert len(nights) == catalog.count() == 31
    assert first == nights[:10]
    assert {(n.legs, n.gaps) for n in nights} == {(("left",), 2)}
    with statements() as one:
        assert catalog.night("copy-030") == nights[30]
    assert len(one) == 3


def test_pages_of_the_list_join_without_a_night_missing_or_twice(catalog: Catalog) -> None:
    with sqlite3.connect(catalog.folder / "catalog.sqlite") as c:  # two nights may begin at the same moment
        c.execute(
            "UPDATE nights SET started_ns = (SELECT started_ns FROM nights WHERE id = 'copy-010') WHERE id = 'copy-009'"
        )
    c.close()
    reports = NightReports(catalog)
    names: list[str] = []
    before = None
    while True:
        page = reports.page(limit=10, before=before)
        assert page.total == 31
        names += [n.id for n in page.nights]
        before = page.earlier
        if before is None:
            break
    assert names == [n.id for n in catalog.nights()]
    assert len(set(names)) == 31
    with pytest.raises(CatalogError, match="no night 'nowhere'"):
        catalog.nights(before="nowhere")


def test_the_page_of_an_old_night_begins_with_it(catalog: Catalog) -> None:
    reports = NightReports(catalog)
    first = catalog.night("last")
    assert reports.page_with(first, limit=10) == reports.page(limit=10)
    page = reports.page_with(catalog.night("copy-020"), limit=5)
    assert [n.id for n in page.nights] == [f"copy-{n:03}" for n in range(20, 25)]
    assert page.earlier == "copy-024"
    assert catalog.neighbours("copy-020") == ("copy-021", "copy-019")
    assert catalog.neighbours(first.id) == ("copy-001", None)
    assert catalog.neighbours("copy-030") == (None, "copy-029")


MOMENT = '{"wall_ns": 1, "ticks_ns": 1, "boot": null}'
TALLY = '{"movements": 3}'
TROUBLE = '{"code": "disk_full", "sentence": "Full.", "values": {"gb": 1}}'


def test_a_catalog_of_the_first_version_opens_with_its_marks_and_gaps(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "catalog.sqlite")
    with engine.begin() as c:
        config = Config()
        config.set_main_option("script_location", str(Path(legmon.catalog.__file__).with_name("migrations")))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = c
        command.upgrade(config, "0001")
        for line in (
            "INSERT INTO nights VALUES ('n', 'closed', 0, 'UTC', 0, 'wasm2016', 'd', 5, 6, 5, 3, 2, 1, 1, '')",
            "INSERT INTO legs VALUES (7, 'n', 'left', 's', 'a', 50, 122, 'index', 2500, 3000, '[]', NULL)",
            "INSERT INTO legs VALUES (8, 'n', 'right', 's', 'b', 50, 122, 'index', 3000, 3000, '[]', '')",
            "INSERT INTO anchors VALUES (7, 0, 5, 50.0)",
            "INSERT INTO anchors VALUES (8, 0, 5, 50.0)",
            "INSERT INTO holes VALUES (7, 100, 500, 'link_lost')",
            "INSERT INTO movements VALUES (7, 1000, 1100, 'leg', 80.0)",
            "INSERT INTO labels VALUES (7, 1000, 'own', 9)",
            "INSERT INTO lights VALUES ('n', 6, 7, 9)",
            "INSERT INTO derived VALUES (7, 'posture 1', 500, 1200, x'', x'', '[]')",
            "INSERT INTO derived VALUES (8, 'posture 1', 500, 3000, x'', x'', '[]')",
            f"INSERT INTO recorder VALUES (1, 0, 0, 0, 1.0, '{MOMENT}', 0, 'n', '[]', '[]', '{TALLY}', '{TROUBLE}', 'record')",  # noqa: S608
        ):
            c.exec_driver_sql(line)
    engine.dispose()
    catalog = Catalog(tmp_path)
    annotations = Annotations(catalog)
    night = catalog.night("n")
    assert (night.legs, night.gaps, night.damaged, night.revision) == (("left", "right"), 1, ("right",), 0)
    (mark,) = annotations.marks("n")
    assert (mark.leg, mark.start_ns, mark.end_ns) == ("left", 5 + 20 * NS, 5 + 22 * NS)
    said = json.loads((tmp_path / "nights" / "n" / "annotations.json").read_text())
    assert said["lights"] == {"off_ns": 6, "on_ns": 7, "set_ns": 9}
    assert [m["start_ns"] for m in said["marks"]] == [mark.start_ns]
    with sqlite3.connect(tmp_path / f"catalog.before-{HEAD}.sqlite") as kept:
        assert kept.execute('SELECT "first" FROM labels').fetchall() == [(1000,)]
    kept.close()
    assert annotations.lights("n") == (6, 7)
    left, _ = catalog.tracks("n")
    assert [(g.first, g.count, g.cause) for g in left.gaps] == [(100, 500, "link_lost")]
    recorder = catalog.recorder()
    assert recorder is not None
    assert recorder.trouble == Message("disk_full", "Full.", {"gb": 1})
    assert (recorder.confirmed.movements, recorder.counts.movements, recorder.last_movements) == (3, 0, [])
    files, end = RecordingFiles(catalog).of("n", "right")
    assert ([f.name for f in files], end) == (["right.seg"], 3000)
    assert RecordingFiles(catalog).of("n", "left") == ([], 3000)
    annotations.remove_marks("n", [mark])
    assert catalog.night("n").revision == 1
    catalog.close()
    with sqlite3.connect(tmp_path / "catalog.sqlite") as raw:
        assert raw.execute("SELECT leg_id FROM derived").fetchall() == [(8,)], (
            "the one that ends too early is gone"
        )
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
        tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master")}
    raw.close()
    assert "gaps" in tables
    assert "holes" not in tables


def test_migrations_make_the_tables_of_the_models(catalog: Catalog) -> None:
    with catalog.engine.connect() as c:
        assert compare_metadata(MigrationContext.configure(c), Base.metadata) == []


def test_a_nights_revision_grows_with_what_changes_its_figures_and_with_nothing_else(
    catalog: Catalog,
) -> None:
    annotations = Annotations(catalog)
    night, other = "copy-002", "copy-003"
    (track,) = catalog.tracks(night)
    revisions = [catalog.night(night).revision]

    def grew() -> bool:
        revisions.append(catalog.night(night).revision)
        return revisions[-1] > revisions[-2]

    annotations.set_lights(night, (1, 2), 3)
    assert grew()
    annotations.add_marks(night, [mark_of(track, track.movements[0].first or 0, 3)])
    assert grew()
    annotations.add_check(Check("left", catalog.night(night).started_ns - 3600 * NS, Fit(())))
    assert grew()
    catalog.save(night, [(track, 1)], None, closed=True)
    assert grew()
    kept = RecordingFiles(catalog)
    file = KeptFile("left.seg", -1, 0, "abc", "abc", 1)
    kept.keep(night, "left", [replace(file, damage=KeptDamage(DamageCode.ALTERED, (), 5, 6, 7))])
    assert grew(), "a damaged recording changes the verdict"
    assert catalog.night(night).damaged == ("left",)
    kept.keep(night, "left", [file])
    assert grew()
    assert catalog.night(night).damaged == ()
    annotations.set_settings({"theme": "dark"})
    annotations.set_lights(other, (1, 2), 3)
    annotations.add_check(Check("left", catalog.night(night).started_ns + NS, Fit(())))
    kept.keep(night, "left", [replace(file, verified_ns=2)])
    assert not grew()


# reports and summaries


def test_neither_a_cold_start_nor_a_click_scores_other_nights(catalog: Catalog, scored: list[int]) -> None:
    reports = NightReports(catalog)
    before = reports.page(limit=31)
    assert len(scored) == 31
    scored.clear()
    cold = NightReports(catalog)
    with statements() as asked:
        assert cold.page(limit=31) == before
    assert scored == []
    assert len(asked) <= 6
    night = catalog.night("copy-005")
    cold.night(night)
    assert len(scored) == 1, "what is usual comes from the summaries"
    movement = next(m for m in report.movements(cold.report(night)).movements if m.periodic)
    side, first = movement.id.split("-")
    scored.clear()
    (track,) = catalog.tracks("copy-005")
    Annotations(catalog).add_marks("copy-005", [mark_of(track, int(first), 1)])
    after = cold.page(limit=31)
    assert side == "left"
    changed = [a.id for a, b in zip(after.nights, before.nights, strict=True) if a != b]
    assert changed == ["copy-005"]
    cold.night(catalog.night("copy-005"))
    assert len(scored) == 1


def test_two_programs_on_a_folder_see_each_others_changes(catalog: Catalog, folder: Path) -> None:
    other = Catalog(folder)
    mine, others = NightReports(catalog), NightReports(other)
    night = "copy-004"
    assert mine.night(catalog.night(night)) == others.night(other.night(night))
    (track,) = catalog.tracks(night)
    Annotations(catalog).add_marks(night, [mark_of(track, track.movements[0].first or 0, 1)])
    assert others.night(other.night(night)).voluntary == 1
    assert others.page() == mine.page()
    other.close()


def test_memory_holds_a_bounded_number_of_reports(catalog: Catalog) -> None:
    reports = NightReports(catalog)
    for night in catalog.nights():
        reports.report(night)
    assert len(reports._reports) == cache.KEPT < 31


def test_summaries_are_made_in_the_background_once(
    catalog: Catalog, scored: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LOOK_S", 0.1)
    reports, ended = NightReports(catalog), threading.Event()
    filling = threading.Thread(target=reports.fill, args=(ended,))
    filling.start()
    until = time.monotonic() + 60
    while len(scored) < 3 * 31 and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)
    ended.set()
    filling.join()
    assert len(scored) == 3 * 31, "each night once under each rule set, and then nothing"
    with statements() as asked:
        assert reports._missing() == []
    assert len(asked) == 2


def test_a_posture_that_was_read_while_the_file_was_away_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = Catalog(tmp_path)
    night = make_night(catalog, Made(evening(0), {"left": scenario(4, 0.2, per_hour=100, walks=False)}))
    path = catalog.segment(night, "left")
    info = catalog.night(night)
    path.rename(path.with_suffix(".away"))
    reports = NightReports(catalog)
    assert report.whole(reports.report(info), reports.usual(reports.report(info)), None, None).held == []
    reports.page()
    monkeypatch.setattr(cache, "LOOK_S", 0.01)
    assert [n.id for n in reports._missing()] == [night]
    reports._fill(info, threading.Event())
    assert reports._missing() == [], "it is not tried again while the file is away"
    path.with_suffix(".away").rename(path)
    assert [n.id for n in reports._missing()] == [night]
    for again in (NightReports(catalog), reports):
        derived = again.report(info).derived["left"]
        assert derived.posture.end == catalog.tracks(night)[0].end
        assert again.report(info).final
        assert again.page().nights[0].headline.seconds > 600
    catalog.close()


def forget_postures(catalog: Catalog) -> None:
    with catalog.engine.begin() as c:
        c.exec_driver_sql("DELETE FROM derived")


def test_a_read_does_not_fail_where_the_catalog_cannot_be_written(
    catalog: Catalog, made: Path, folder: Path
) -> None:
    shutil.copytree(made / "nights", folder / "nights")
    forget_postures(catalog)
    event.listen(catalog.engine, "connect", lambda c, _: c.execute("PRAGMA query_only=ON"))
    catalog.engine.dispose()
    with pytest.raises(DBAPIError), catalog.engine.begin() as c:
        c.exec_driver_sql("DELETE FROM derived")
    assert len(NightReports(catalog).page().nights) == 31
    assert NightReports(catalog).postures.drain_per_hour() is None
    through = httpx.ASGITransport(create_app(catalog, 8000))
    headers = let_in("http://127.0.0.1:8000", catalog.folder)

    async def get(path: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=through, base_url="http://127.0.0.1:8000/api/v1") as http:
            return await http.get(path, headers=headers)

    for path in ("nights", "nights/last", "preflight"):
        assert asyncio.run(get(path)).status_code == 200, path


def test_the_doctor_reads_the_catalog_and_writes_nothing(catalog: Catalog, made: Path, folder: Path) -> None:
    shutil.copytree(made / "nights", folder / "nights")
    forget_postures(catalog)
    newest, drain, room, found = machine._from_catalog(folder)
    assert (newest, drain, found) == (None, None, None)
    assert room.measured_nights > 0
    with catalog.engine.begin() as c:
        assert c.exec_driver_sql("SELECT count(*) FROM derived").scalar() == 0
        c.exec_driver_sql("ALTER TABLE nights RENAME TO lost")
    newest, drain, room, found = machine._from_catalog(folder)
    assert (newest, drain, room.measured_nights) == (None, None, 0)
    assert found is not None
    assert found.code == "catalog_older"
    assert [p.name for p in folder.glob("catalog*.sqlite")] == ["catalog.sqlite"], "a check changes nothing"


def test_nights_without_their_files_are_summarised_once(
    catalog: Catalog, scored: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postures, "PARTIAL", 4)
    forget_postures(catalog)
    reports = NightReports(catalog)
    before = reports.page(limit=31)
    assert len(reports.postures._partial) == 4
    scored.clear()
    assert NightReports(catalog).page(limit=31) == before
    assert scored == []
    path = catalog.segment("copy-003", "left")
    path.parent.mkdir(parents=True)
    path.mkdir()  # it cannot be read, and who may read everything is refused too
    assert NightReports(catalog).page(limit=31) == before
    assert len(scored) == 1, "the file that has appeared is tried"
    assert NightReports(catalog).page(limit=31) == before
    assert len(scored) == 1


def test_the_background_goes_on_after_a_night_that_cannot_be_scored(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(of: Catalog, info: Any, *rest: Any, **named: Any) -> Any:
        if info.id == "copy-002":
            raise KeyError("unheard of")
        return report.report(of, info, *rest, **named)

    monkeypatch.setattr(cache, "report", refuse)
    monkeypatch.setattr(cache, "LOOK_S", 0.1)
    reports, ended = NightReports(catalog), threading.Event()
    filling = threading.Thread(target=reports.fill, args=(ended,))
    filling.start()
    until = time.monotonic() + 60
    while time.monotonic() < until and filling.is_alive() and reports._missing():
        time.sleep(0.05)
    alive = filling.is_alive()
    ended.set()
    filling.join()
    assert alive
    assert [n.id for n in reports._kept.without_summaries(3, 50)] == ["copy-002"]
    assert "copy-002" in caplog.text
    assert "unheard of" in caplog.text


# what happens now


def test_the_trace_begins_anew_when_another_leg_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    now = SimpleNamespace(night="n", speed=1.0)
    legs: list[Leg | None] = [None, "right", "right", "left", "left"]
    script = [Snapshot(now, "status", leg, None) for leg in legs]  # type: ignore[arg-type]
    opened: list[Leg | None] = []
    sent: list[str] = []

    class Feed:
        async def latest(self) -> Snapshot:
            if not script:
                raise EOFError
            return script.pop(0)

    class Socket:
        app = SimpleNamespace(state=SimpleNamespace(feed=Feed()))

        async def send_text(self, text: str) -> None:
            sent.append(text)

    monkeypatch.setattr(live, "_open_trace", lambda _, snapshot: opened.append(snapshot.leg))
    with pytest.raises(EOFError):
        asyncio.run(live._send(Socket()))  # type: ignore[arg-type]
    assert opened == [None, "right", "left"]
    assert [json.loads(text)["leg"] for text in sent if "hello" in text] == opened


def test_the_status_shows_the_recorders_counts_and_scores_nothing(
    catalog: Catalog, scored: list[int]
) -> None:
    night = catalog.night("last")
    found = score_night(catalog.tracks(night.id))
    state = RecorderState(time.time_ns(), Clock(), simulated=True, night=night.id, sensors=[])
    catalog.report(state)
    with statements() as asked:
        now = status(catalog)
    assert (now.recording, now.movements, now.last_movements) == (True, 0, [])
    assert scored == []
    assert not any("movements" in s.split("FROM", 1)[-1] for s in asked), "no movement is read"
    assert len(asked) <= 5
    assert len(found.movements) > LAST_MOVEMENTS


def test_the_recorder_counts_what_it_saves(tmp_path: Path) -> None:
    from legmon.recorder.night import NightRecorder

    kept: list[NightRecorder] = []
    close = NightRecorder.close

    def closing(self: NightRecorder, now_ns: int | None) -> None:
        kept.append(self)
        close(self, now_ns)

    NightRecorder.close = closing  # type: ignore[method-assign]
    try:
        catalog = Catalog(tmp_path)
        night = make_night(catalog, Made(evening(0), {"left": scenario(5, 0.3, per_hour=150)}))
    finally:
        NightRecorder.close = close  # type: ignore[method-assign]
    (recorder,) = kept
    info, page = catalog.night(night), report.movements(NightReports(catalog).report(catalog.night(night)))
    counts = recorder.counts
    assert (counts.movements, counts.candidates) == (info.movements, info.candidates)
    assert (counts.periodic, counts.series) == (info.periodic, info.series)
    assert recorder.analysed_ns == info.analysed_ns
    assert recorder.last_movements == page.movements[: -LAST_MOVEMENTS - 1 : -1]
    assert len(recorder.last_movements) == LAST_MOVEMENTS
    catalog.close()


def test_all_sockets_share_one_status(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def counted(of: Catalog) -> Any:
        read.append(1)
        return status(of)

    monkeypatch.setattr("legmon.web.live.status", counted)

    async def look() -> None:
        feed = StatusFeed(catalog)
        snapshots = await asyncio.gather(*(feed.latest() for _ in range(20)))
        assert len({id(s) for s in snapshots}) == 1

    asyncio.run(look())
    assert len(read) == 1
