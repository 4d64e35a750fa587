"""The past nights of the demo: each is recorded like any night, arrives whole, and is recorded once."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.scenario import parse_scenario
from legmon.app import demo_nights, demo_past, demo_recording
from legmon.app.demo_nights import PAST, STAGING, TONIGHT, SimulatedNight
from legmon.app.demo_past import KEPT, PastNights
from legmon.app.demo_recording import COMPILING, PastNight, check_steps
from legmon.catalog.annotations import Annotations
from legmon.catalog.moving import move_night
from legmon.catalog.rescan import rescan
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.movement import NS
from legmon.nights.custody import seal_next
from legmon.recorder.night import NightRecorder
from legmon.recorder.presence import KeptFile, Presence
from legmon.web.demo_state import STATE, DemoState
from tests.conftest import asked, until
from tests.test_backup import record
from tests.test_pages import served

EVENING = date(2026, 11, 21)
SHORT = (
    SimulatedNight(
        time(22, 50),
        0.5,
        60,
        2,
        legs=("left", "right"),
        gap="at: 11m, for: 4m",
        lights=(3, 4),
        is_checked=True,
        voluntary=1,
    ),
    SimulatedNight(time(23, 5), 0.2, 60, 1, bathroom="at: 2m, for: 2m"),
)


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """A data folder for a demo of two short past nights."""
    for module in (demo_nights, demo_past, demo_recording):
        monkeypatch.setattr(module, "PAST", SHORT)
    made = Catalog(tmp_path / "data")
    (made.folder / "simulated").mkdir()
    return made


def past(catalog: Catalog, said: list[str], seed: int = 1) -> PastNights:
    return PastNights(catalog, seed, said.append, lambda name: catalog.folder / f"{name}.log")


def test_every_night_of_the_demo_is_a_scenario_and_no_two_begin_on_one_evening() -> None:
    nights = [parse_scenario(n.scenario("night", 1, leg)) for n in (*PAST, TONIGHT) for leg in n.legs]
    assert all(6 * 3600 <= n.duration_s <= 8 * 3600 for n in nights)
    days = [n.days_ago for n in PAST]
    assert days == sorted(set(days), reverse=True)
    assert len(PAST) == 14
    assert len(days) < max(days), "on some evenings nobody wore a sensor"


def test_among_them_are_nights_for_every_sentence_of_the_page() -> None:
    assert [n for n in PAST if len(n.legs) == 2]
    assert [n for n in PAST if n.gap]
    assert [n for n in PAST if n.bathroom]
    assert [n for n in PAST if n.lights is None]
    assert [n for n in PAST if n.lights]
    assert [n for n in PAST if n.is_checked]
    assert [n for n in PAST if n.voluntary]
    assert [n for n in PAST if n.movements_per_hour < 10]


@pytest.mark.radio
def test_a_past_night_has_all_that_was_recorded_and_said(catalog: Catalog) -> None:
    name = PastNight(catalog.folder, 0, 1, EVENING).record()
    night = catalog.night(name)
    assert (night.state, night.simulated, night.legs) == ("closed", True, ("left", "right"))
    assert name == "2026-11-19-2250"
    assert night.movements > 10
    tracks = {track.leg: track for track in catalog.tracks(name)}
    for track in tracks.values():
        assert [g.count for g in track.gaps] == pytest.approx([4 * 60 * 50], rel=0.02)
        assert catalog.segment(name, track.leg).exists()
    annotations = Annotations(catalog)
    off, on = annotations.lights(name)
    assert off is not None
    assert on is not None
    assert on - off == pytest.approx(23 * 60 * NS, rel=0.01)
    assert {m.leg for m in annotations.marks(name)} == {"left", "right"}
    for leg in tracks:
        check = annotations.check_of(leg, night.started_ns)
        assert check is not None
        assert check.fit.toes is not None
    assert json.loads(catalog.segment(name, "left").with_name("truth.json").read_text())["simulated"]
    left = [p.name for p in (catalog.folder / "simulated").iterdir()]
    assert left in ([], [COMPILING]), "what it needed meanwhile is gone"


@pytest.mark.radio
def test_a_past_night_is_what_a_rescan_of_its_recording_finds(catalog: Catalog, tmp_path: Path) -> None:
    name = PastNight(catalog.folder, 0, 1, EVENING).record()
    shutil.copytree(catalog.folder / "nights", tmp_path / "again" / "nights")
    again = Catalog(tmp_path / "again")
    (found,) = rescan(again, [name])
    assert found.problems == ()
    for before, now in zip(catalog.tracks(name), again.tracks(name), strict=True):
        assert before == now
    assert Annotations(again).marks(name) == Annotations(catalog).marks(name)
    again.close()
    for _leg in range(2):
        seal_next(catalog)
    assert catalog.unsealed() is None, "it can be sealed like any night"


@pytest.mark.radio
def test_a_night_whose_move_was_interrupted_is_added_and_not_recorded_again(
    catalog: Catalog, tmp_path: Path
) -> None:
    name = PastNight(catalog.folder, 0, 1, EVENING).record()
    killed = Catalog(tmp_path / "killed")
    (killed.folder / "simulated").mkdir()
    shutil.copytree(catalog.folder / "nights", killed.folder / "nights")
    at = killed.segment(name, "left").stat().st_mtime_ns
    assert PastNight(killed.folder, 0, 1, EVENING).record() == name
    assert killed.tracks(name) == catalog.tracks(name)
    assert Annotations(killed).lights(name) == Annotations(catalog).lights(name)
    assert killed.segment(name, "left").stat().st_mtime_ns == at
    killed.close()


def test_the_steps_of_a_fit_check_are_where_the_leg_is_still_and_where_it_moves() -> None:
    truth: dict[str, Any] = {
        "duration_s": 60.0,
        "movements": [{"kind": "leg", "onset_s": 30.0 + 4 * k, "offset_s": 31.0 + 4 * k} for k in range(5)],
    }
    still, toes = check_steps(truth, 0)
    assert (still.step, toes.step) == ("still", "toes")
    assert 0 < still.start_ns < still.end_ns < toes.start_ns
    assert [round(c / NS, 1) for c in toes.cues_ns] == [29.7, 33.7, 37.7, 41.7, 45.7]
    assert check_steps(truth | {"duration_s": 50.0, "movements": truth["movements"][:0]}, 0) == []
    early = [
        m | {"onset_s": m["onset_s"] - 24.0, "offset_s": m["offset_s"] - 24.0} for m in truth["movements"]
    ]
    still, toes = check_steps(truth | {"movements": early}, 0)
    assert toes.end_ns <= still.start_ns + 4 * NS
    never = truth | {
        "duration_s": 48.0,
        "movements": early[:1] + [m | {"onset_s": m["onset_s"] + 10} for m in early[1:]],
    }
    never["movements"][-1]["offset_s"] = 45.0
    assert check_steps(never, 0) == []


# a night that is moved


def test_a_night_that_is_open_or_has_a_namesake_is_not_moved(tmp_path: Path) -> None:
    source, target = Catalog(tmp_path / "source"), Catalog(tmp_path / "target")
    night = record(source, "2026-11-20-2250", 10)
    with pytest.raises(LegmonError, match="not closed"):
        move_night(source, night.id, target)
    night.close(None)
    assert isinstance(night, NightRecorder)
    there = target.segment(night.id, "left").parent
    there.mkdir(parents=True)
    with pytest.raises(LegmonError, match="already"):
        move_night(source, night.id, target)
    there.rmdir()
    before, tracks = source.night(night.id), source.tracks(night.id)
    move_night(source, night.id, target)
    assert replace(target.night(night.id), revision=0) == replace(before, revision=0)
    assert target.tracks(night.id) == tracks
    assert source.count() == 0
    assert not source.segment(night.id, "left").parent.exists()


# which nights are missing


@pytest.mark.radio
def test_a_new_folder_gets_all_past_nights_and_an_interrupted_demo_goes_on_with_its_own(
    catalog: Catalog,
) -> None:
    said: list[str] = []
    first = past(catalog, said, seed=3)
    assert (first.recorded, first.total, first.are_first_there) == (0, 2, False)
    PastNight(catalog.folder, 1, 3, first.tonight).record()
    (catalog.folder / "simulated" / f"{STAGING}left" / "data").mkdir(parents=True)
    again = past(catalog, said, seed=9)
    assert (again.recorded, again.total) == (1, 2)
    assert again.tonight == first.tonight, "tonight is still the evening after the newest"
    assert not (catalog.folder / "simulated" / f"{STAGING}left").exists()
    assert again._seed == 3, "the other night is of the same sleeper"


def test_a_folder_with_other_nights_gets_no_past_ones(catalog: Catalog) -> None:
    record(catalog, "2026-01-01-2300", 10).close(None)
    there = past(catalog, [])
    assert (there.recorded, there.total, there.are_first_there) == (0, 0, True)
    assert not (catalog.folder / "simulated" / KEPT).exists()


@pytest.mark.radio
def test_two_processes_record_the_newest_nights_and_say_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The processes have the real nights: it is enough that they begin, and end with this one."""
    catalog, said = Catalog(tmp_path / "data"), list[str]()
    nights = past(catalog, said)
    assert nights.total == len(PAST)
    nights.record_first()
    workers = [w.process for w in nights._workers]
    assert len(workers) == 2

    def share() -> float:
        nights.look()
        return nights.share

    until(lambda: share() > 0.01, 60, what="a share of the first nights")
    assert not nights.are_first_there
    nights.end()
    assert all(w.poll() is not None for w in workers)
    assert not list((catalog.folder / "simulated").glob(f"{STAGING}*"))
    assert nights.recorded == catalog.count()


# what the pages hear of it


def test_the_pages_hear_what_the_demo_does_as_long_as_it_lives(tmp_path: Path) -> None:
    data = tmp_path / "data"
    catalog = Catalog(data)
    with served(data) as address:
        url = f"{address}/api/v1/demo"
        assert asked.get(url).json()["running"] is False
        state = DemoState(
            Presence.this(),
            14,
            3,
            60.0,
            0.25,
            "compiling",
            "2026-11-21-2245",
            is_over=True,
            movements=295,
            in_series=238,
        )
        state.keep(KeptFile(data / STATE))
        assert asked.get(url).json() == {
            "running": True,
            "past": 14,
            "recorded": 3,
            "step": "compiling",
            "speed": 60.0,
            "share": 0.25,
            "tonight": "2026-11-21-2245",
            "over": True,
            "movements": 295,
            "in_series": 238,
        }
        for wrong in (
            {"share": 2},
            {"past": -1},
            {"tonight": 7},
            {"step": "idle"},
            {"speed": 301},
            {"is_over": "yes"},
            {"more": 1},
            {"process": None},
        ):
            value = json.loads((data / STATE).read_text())
            (data / STATE).write_text(json.dumps(value | wrong))
            assert asked.get(url).json()["running"] is False, wrong
            (data / STATE).write_text(json.dumps(value))
        (data / STATE).write_text(json.dumps(value | {"process": Presence(2, "never", 1).values()}))
        assert asked.get(url).json()["running"] is False, "that process is gone"
    catalog.close()
