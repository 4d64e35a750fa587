"""Why: the verdicts of the rules on each movement, and `legmon why` on files and on a recorded night."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from legmon.catalog.annotations import Annotations
from legmon.catalog.store import Catalog
from legmon.cli.why import _of_night
from legmon.errors import LegmonError
from legmon.messages import ScoringRule
from legmon.movement import NS, Leg, LegMovement
from legmon.night.leg import LegNight, analyse
from legmon.night.marks import mark_of
from legmon.nights import why
from legmon.scoring.events import Span
from legmon.scoring.reasons import reasons
from legmon.scoring.rules import Interpretation
from legmon.scoring.score import scored_night
from tests.conftest import run_command
from tests.made import Made, evening, make_night, scenario
from tests.test_detection import RATE, SIGNAL


def lm(onset: float, seconds: float = 2.0, leg: Leg = "left", kind: str = "leg") -> LegMovement:
    return LegMovement(round(onset * NS), round((onset + seconds) * NS), leg, kind)


def every(first: float, step: float, count: int) -> list[LegMovement]:
    return [lm(first + step * n) for n in range(count)]


def said(
    movements: Sequence[LegMovement],
    gaps: Sequence[tuple[float, float]] = (),
    rules: str = "wasm2016",
    interpretation: Interpretation | None = None,
) -> list[str]:
    """The sentence of each movement."""
    spans: list[Span] = [(round(a * NS), round(b * NS)) for a, b in gaps]
    night = scored_night(movements, spans, 3600 * NS, rules=rules, interpretation=interpretation)
    return [m.sentence for m in reasons(night)]


# What the rules made of a movement.

SERIES = ["In series 1, as its first.", *["In series 1, 20 s after the one before."] * 3]
FIRST = "Single: no movement before it to measure from."
BOTH = [lm(100, 9), lm(108, 9, "right"), lm(120, 2)]
CASES: dict[str, tuple[list[LegMovement], list[str]]] = {
    "a series": (every(0, 20, 4), SERIES),
    "late": ([*every(0, 20, 4), lm(300)], [*SERIES, "Single: 240 s after the one before."]),
    "soon": ([*every(0, 20, 4), lm(66)], [*SERIES, "Single: only 6 s after the one before."]),
    "few": (every(0, 20, 2), [FIRST, "Single: 20 s after the one before, but fewer than four in a row."]),
    "long": ([*every(0, 20, 4), lm(80, 12, kind="long")], [*SERIES, "Breaks the series: lasts 12 s."]),
    "posture": ([*every(0, 20, 4), lm(80, kind="posture")], [*SERIES, "Breaks the series: it is no leg movement."]),
    "voluntary": ([*every(0, 20, 4), lm(80, kind="voluntary")], [*SERIES, "Breaks the series: you marked it as your own."]),
    "after a break": (
        [lm(0, 12, kind="long"), *every(20, 20, 4)],
        ["Breaks the series: lasts 12 s.", *SERIES],
    ),
    "a leg movement of more than 10 s": ([lm(100, 11)], ["Breaks the series: lasts 11 s."]),
    "both legs": (BOTH, ["No candidate: both legs moved 2 times, over 17 s.", FIRST]),
    "a second series": (
        [*every(0, 20, 4), *every(300, 20, 4)],
        [*SERIES, *(s.replace("1", "2", 1) for s in SERIES)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_wasm2016_says_why(name: str) -> None:
    movements, sentences = CASES[name]
    assert said(movements) == sentences


def test_a_movement_in_a_gap_is_no_candidate() -> None:
    gone = "No candidate: samples are missing in it."
    assert said([lm(0), lm(20, 4)], [(21, 22)]) == [FIRST, gone]
    assert said([lm(0), lm(20, 4)], [(21, 21.4)])[1] != gone
    assert said([lm(0), lm(20, 4)], [(19, 21)], "wasm2006")[1] == gone


@pytest.mark.parametrize("rules", ["wasm2006", "aasm"])
def test_a_movement_that_two_rule_sets_skip_is_said_to_be_skipped(rules: str) -> None:
    found = said([*every(0, 20, 4), lm(63)], rules=rules)
    assert found == [*SERIES, "Skipped: only 3 s after the one before."]


def test_a_long_leg_movement_breaks_no_series_by_the_older_rules() -> None:
    assert said([lm(0), lm(20, 11)], rules="aasm")[1] == "No candidate: lasts 11 s."


def test_a_movement_while_awake_is_no_candidate_by_aasm() -> None:
    awake = Interpretation(stages=[(0, 50 * NS, "W"), (50 * NS, 3600 * NS, "N2")])
    found = said([lm(20), lm(100)], rules="aasm", interpretation=awake)
    assert found == ["No candidate: outside sleep, or beside a respiratory event.", FIRST]


def test_the_cases_need_every_verdict_but_one() -> None:
    """`too_short` belongs to movements that the rules do not list; the command shows it."""
    scored = [scored_night(m, [], 3600 * NS) for m, _ in CASES.values()]
    codes = {m.code for s in scored for m in reasons(s)}
    others = {"in_gap", "skipped", "too_long", "left_out", "too_short"}
    assert codes | others == set(ScoringRule)


# The command, on a file.


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of lifts every 12 s, with a gap of 6 s, and a jerk that is too short to count."""
    path = tmp_path_factory.mktemp("why") / "ankle.csv"
    x = SIGNAL.copy()
    at = round(100.0 * RATE)
    x[at : at + 8, 0] += 0.4
    t = np.arange(len(x)) / RATE
    keep = (t < 40) | (t >= 46)
    rows = np.column_stack([t, x])[keep]
    np.savetxt(path, rows, delimiter=",", header="time_s,x_g,y_g,z_g", comments="", fmt="%.6f")
    return path


def asked(*arguments: object) -> dict[str, Any]:
    done = run_command("why", *map(str, arguments), "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_movement_of_a_file_is_explained_for_a_person(file: Path) -> None:
    done = run_command("why", str(file), "00:01:09")
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[:2] == ["68.0 s to 70.0 s.", "Detector: legmon-adaptive 4. Rules: WASM 2016."]
    assert lines[3] == "Left ankle"
    assert lines[5].startswith("Opened by ")
    assert lines[6].startswith("Ended: ")
    assert "Leg movement: peak " in done.stdout
    assert "after the one before" in lines[-1]


def test_a_moment_at_which_nothing_is_says_how_near_it_came(file: Path) -> None:
    done = run_command("why", str(file), "00:01:36")
    assert "Nothing here: motion came to " in done.stdout
    (leg,) = asked(file, "00:01:36")["legs"]
    assert leg["bouts"] == []
    assert [s["opened"] for s in leg["rest"]["signals"]] == [False, False]


def test_a_gap_is_named(file: Path) -> None:
    assert "no samples. The file has no samples here." in run_command("why", str(file), "43").stdout
    (leg,) = asked(file, "43")["legs"]
    assert leg["rest"] is None
    assert [g["cause"] for g in leg["gaps"]] == ["file_gap"]


def test_the_movement_is_the_one_that_is_scored(file: Path) -> None:
    scored = json.loads(run_command("score", "--left", str(file), "--json").stdout)
    assert scored["detector"] == {"name": "legmon-adaptive", "version": "4"}
    for m in scored["movements"]:
        (leg,) = asked(file, m["onset_s"] + 0.5)["legs"]
        found = [b["movement"] for b in leg["bouts"] if b["movement"]]
        assert any(f["onset"] == pytest.approx(m["onset_s"], abs=0.001) for f in found)
        assert {f["kind"] for f in found} == {m["kind"]}


def test_a_jerk_that_is_too_short_is_not_scored(file: Path) -> None:
    (leg,) = asked(file, "00:01:40")["legs"]
    verdicts = [b["movement"]["verdict"]["rule"] for b in leg["bouts"] if b["movement"]]
    assert "too_short" in verdicts


def test_minutes_and_seconds_of_both_legs_can_be_asked_for(file: Path) -> None:
    minute = asked(file, "00:01")
    assert (minute["start"], minute["end"]) == (60.0, 120.0)
    assert len(minute["legs"][0]["bouts"]) >= 4
    second = asked("00:01:09.5", "--left", file, "--right", file)
    assert (second["start"], second["end"]) == (68.5, 70.5)
    assert [leg["leg"] for leg in second["legs"]] == ["left", "right"]
    only = asked("69.5", "--left", file, "--right", file, "--leg", "right")
    assert [leg["leg"] for leg in only["legs"]] == ["right"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nine"], "'nine' is no time"),
        (["00:61"], "'00:61' is no time"),
        (["00:30"], "not in the recording, which lasts 0 h 02 min"),
        (["00:01", "--rules", "mine"], "there is no rule set 'mine'"),
        (["00:01", "--leg", "right"], "no samples of this leg"),
    ],
)
def test_a_wrong_question_is_refused_in_one_sentence(file: Path, arguments: list[str], said: str) -> None:
    done = run_command("why", str(file), *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_question_without_a_time_or_with_too_much_is_refused(file: Path, tmp_path: Path) -> None:
    assert "name a night and a time" in run_command("why", "03:20").stderr
    assert "not both" in run_command("why", "last", "03:20", "--left", str(file)).stderr
    gone = run_command("why", str(tmp_path / "no.csv"), "00:01")
    assert gone.returncode == 2
    assert "cannot be read" in gone.stderr
    assert "no nights" in run_command("why", "last", "03:20", data=tmp_path).stderr


# The command, on a recorded night.


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a night of 35 minutes from 22:45, at both ankles."""
    made = tmp_path_factory.mktemp("night")
    catalog = Catalog(made)
    legs: dict[Leg, str] = {
        "left": scenario(6, 0.6, per_hour=90, leg="left", walks=False),
        "right": scenario(7, 0.6, per_hour=90, leg="right", walks=False),
    }
    make_night(catalog, Made(evening(0), legs))
    catalog.close()
    return made


def on_clock(at: float, info_offset_s: int) -> str:
    return (datetime.fromtimestamp(at, UTC) + timedelta(seconds=info_offset_s)).strftime("%H:%M:%S.%f")[:-4]


def test_every_movement_of_a_night_is_found_where_it_is_listed(folder: Path) -> None:
    catalog = Catalog(folder)
    info = catalog.night("last")
    catalog.close()
    listed = json.loads(run_command("nights", "last", "--json", data=folder).stdout)
    assert listed["detector"] == {"name": "legmon-adaptive", "version": "4"}
    assert len(listed["movements"]) > 20
    for m in listed["movements"][::6]:
        at = on_clock(info.started_ns / NS + m["onset_s"] + 0.3, info.utc_offset_s)
        found = asked("last", at, "--data", folder)
        assert found["night"] == info.id
        movements = [b["movement"] for leg in found["legs"] for b in leg["bouts"] if b["movement"]]
        onsets = [f["onset"] - info.started_ns / NS for f in movements]
        assert any(abs(onset - m["onset_s"]) < 0.05 for onset in onsets), m
        is_periodic = {f["verdict"]["rule"] in {"in_series", "first_in_series"} for f in movements}
        assert m["periodic"] in is_periodic


def test_a_movement_that_the_person_marked_breaks_the_series(folder: Path) -> None:
    catalog = Catalog(folder)
    info = catalog.night("last")
    track = next(t for t in catalog.tracks(info.id) if t.leg == "left")
    first = next(
        m.first for m in track.movements if m.kind == "leg" and m.first and m.end and m.end - m.first > 50
    )
    mark = mark_of(track, first, 1)
    Annotations(catalog).add_marks(info.id, [mark])
    at = on_clock(mark.start_ns / NS + 0.2, info.utc_offset_s)
    found = asked("last", at, "--data", folder, "--leg", "left")
    Annotations(catalog).remove_marks(info.id, [mark])
    catalog.close()
    (leg,) = found["legs"]
    assert {b["movement"]["verdict"]["rule"] for b in leg["bouts"] if b["movement"]} == {"voluntary"}


def test_a_person_reads_times_of_the_night_s_clock(folder: Path) -> None:
    done = run_command("why", "last", "22:50", data=folder)
    first, second = done.stdout.splitlines()[:2]
    assert first.endswith("22:50:00.0 to 22:51:00.0. Simulated.")
    assert second == "Detector: legmon-adaptive 4. Rules: WASM 2016."
    assert "Left ankle" in done.stdout
    assert "Right ankle" in done.stdout


def test_a_time_outside_the_night_is_refused_with_its_hours(folder: Path) -> None:
    done = run_command("why", "last", "03:20", data=folder)
    assert done.returncode == 2
    assert "03:20 is not in night" in done.stderr
    assert "lasts from 22:45 to 23:2" in done.stderr
    assert "no time of the day" in run_command("why", "last", "25:00", data=folder).stderr


@pytest.mark.parametrize(
    ("at", "utc"),
    [("22:50", "20:50"), ("00:30", "22:30"), ("01:30", "23:30"), ("03:30", "02:30"), ("05:00", "04:00")],
)
def test_a_time_after_the_clocks_were_set_back_is_the_new_time(folder: Path, at: str, utc: str) -> None:
    """The night of 24 to 25 October 2026 in Paris: at 01:00 UTC, 03:00 becomes 02:00."""
    catalog = Catalog(folder)
    began = datetime(2026, 10, 24, 20, 45, tzinfo=UTC)
    info = replace(
        catalog.night("last"),
        started_ns=round(began.timestamp()) * NS,
        duration_ns=8 * 3600 * NS,
        utc_offset_s=7200,
    )
    catalog.close()
    start, end = _of_night(info, at)
    assert datetime.fromtimestamp(start / NS, UTC).strftime("%H:%M") == utc
    assert end - start == 60 * NS
    assert info.started_ns <= start < info.started_ns + info.duration_ns
    with pytest.raises(LegmonError, match="lasts from 22:45 to 05:45"):
        _of_night(info, "06:00")


def test_the_night_that_was_traced_last_is_kept_until_its_files_change(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = shutil.copytree(folder, tmp_path / "own")
    catalog, last, detected = Catalog(own), why.LastTrace(), []

    def counted(*args: Any) -> LegNight:
        detected.append(args)
        return analyse(*args)

    monkeypatch.setattr(why, "analyse", counted)

    def explained(second: int, kept: why.LastTrace | None) -> why.Why:
        info = catalog.night("last")
        start_ns = info.started_ns + second * NS
        return why.explain_night(catalog, info, "wasm2016", start_ns, start_ns + 6 * NS, last=kept)

    for second in (100, 700, 1300):
        assert explained(second, last) == explained(second, None)
    legs = 2
    assert len(detected) == (1 + 3) * legs
    for file in own.rglob("*.seg*"):
        os.utime(file, ns=(0, 0))
    explained(100, last)
    assert len(detected) == (1 + 3 + 1) * legs
    monkeypatch.setattr(why, "KEPT_BYTES", 1000)
    small = why.LastTrace()
    assert explained(700, small) == explained(700, small)
    assert len(detected) == (1 + 3 + 1 + 2) * legs, "one that is too long is not kept"
    catalog.close()
