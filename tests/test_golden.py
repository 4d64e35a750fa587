"""``legmon golden``: what it reports of a night, and that it evaluates the detector and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from legmon.detection.faults import Verdict
from legmon.evaluation.agreement import agreement
from legmon.evaluation.golden import EvaluationNight, NightEvaluation, Outcome, count_apart, evaluate
from legmon.evaluation.second import (
    SecondEvaluation,
    evaluate_kinds,
    evaluate_second,
    periodic_spans,
    true_movements,
)
from legmon.evaluation.second_sleeper import KINDS, draw_night
from legmon.evaluation.table import POOR, fine_chips, row, rows, usable, version_3
from legmon.evaluation.thresholds import PUBLISHED, Thresholds, fixed_thresholds
from legmon.exchange.capture import Capture, read_capture
from legmon.movement import NS, LegMovement
from tests.conftest import ROOT, run_command

RATE = 50.0
NIGHT = "duration: 40m\nseed: 11\nmovements_per_hour: 120\nrate_error_percent: 2\n"
STILL = "duration: 10m\nseed: 12\nmovements_per_hour: 0\n"


# The command.


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("golden")
    for name, text in (("restless", NIGHT), ("still", STILL)):
        (folder / f"{name}.yaml").write_text(text)
    return [folder / "restless.yaml", folder / "still.yaml"]


@pytest.fixture(scope="module")
def answer(scenarios: list[Path]) -> dict[str, Any]:
    done = run_command("golden", *(f"--scenario={s}" for s in scenarios), "--json")
    assert done.returncode == 0, done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


def test_the_answer_holds_every_night_in_the_order_asked_for(answer: dict[str, Any]) -> None:
    assert answer["simulated"] is True
    assert [n["name"] for n in answer["nights"]] == ["restless", "still"]
    restless = answer["nights"][0]
    ours = restless["ours"]
    assert ours["true"] == ours["paired"] + ours["missed"] > 50
    assert ours["found"] == ours["paired"] + ours["false"]
    assert ours["f1"] > 0.85
    assert len(restless["fixed"]) == len(answer["thresholds"]) == 8
    assert sum(ours["false_by_kind"].values()) == ours["false"]
    assert restless["truths"]["leg"] >= ours["true"]


def test_onset_errors_are_free_of_the_rate_error(answer: dict[str, Any]) -> None:
    # 2 % of 40 minutes are 48 s: an error of the clock would leave nothing that matches
    assert answer["nights"][0]["ours"]["onset_error_s"]["median_s"] < 0.1


def test_totals_are_sums_and_stand_beside_their_aims(answer: dict[str, Any]) -> None:
    total = answer["totals"]["given"]
    assert total["ours"]["true"] == sum(n["ours"]["true"] for n in answer["nights"])
    assert total["worst"] == "restless"  # the still night has nothing to find
    assert total["measured"]["f1"] == total["ours"]["f1"]
    assert set(total["measured"]) == set(answer["aims"])
    assert total["met"]["onset_median_s"] is True
    low, high = total["ours"]["recall_95"]
    assert low < total["ours"]["recall"] <= high


def test_the_table_shows_the_nights_the_thresholds_the_confusers_and_the_aims(scenarios: list[Path]) -> None:
    said = run_command("golden", "--scenario", str(scenarios[0]))
    assert said.returncode == 0, said.stderr
    for part in (
        "SIMULATED",
        "restless",
        "0.015/0.008 g, 1 s",
        "false positives in",
        "≥ 0.97",
        "worst night",
    ):
        assert part in said.stdout
    assert "drawn" not in said.stdout


def test_asked_wrongly_it_says_so(scenarios: list[Path]) -> None:
    both = run_command("golden", "--only", "quiet", "--scenario", str(scenarios[0]))
    unknown = run_command("golden", "--only", "no-such-night")
    missing = run_command("golden", "--scenario", "nowhere.yaml")
    assert (both.returncode, unknown.returncode, missing.returncode) == (2, 2, 2)
    assert "use one of them" in both.stderr
    assert "nowhere.yaml" in missing.stderr
    assert "Traceback" not in both.stderr + unknown.stderr + missing.stderr


# Drawn nights, and what they are like.


@pytest.fixture(scope="module")
def drawn() -> dict[str, Any]:
    """A night of a bed that sways. The seed is one for tuning, and all that is heavy is left out."""
    asked = ["--structure", "sway", "--without", "clonic", "--without", "tone hum"]
    done = run_command(
        "golden", "--only", "01-still", "--nights", "1", "--first-seed", "41", *asked, "--json"
    )
    assert done.returncode == 0, done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


def test_drawn_nights_stand_under_each_of_their_structures(drawn: dict[str, Any]) -> None:
    still, night = drawn["nights"]
    assert still["structures"] == []
    assert "sway" in night["structures"]
    assert not {"clonic", "tone hum"} & set(night["structures"])
    assert set(drawn["structures"]) - {"all", "without series"} == set(night["structures"])
    for group in drawn["structures"].values():
        assert group["nights"] == 1
        assert group["f1"] == night["ours"]["f1"]
        assert group["onset_error_median_s"] == night["ours"]["onset_error_s"]["median_s"]
    assert night["truths"]["sway"] > 5


def test_a_periodic_movement_is_false_unless_a_true_one_is_within_half_a_second(
    captured: tuple[Capture, dict[str, Any]],
) -> None:
    capture, truth = captured
    with_series = evaluate(EvaluationNight("n"), capture, truth)
    without = evaluate(EvaluationNight("n"), capture, truth | {"movements": []})
    assert with_series.ours.periodic_true > 0
    assert with_series.ours.periodic_false <= 0.1 * with_series.ours.periodic
    assert without.ours.periodic_false == without.ours.periodic == with_series.ours.periodic > 10
    late = [m | {"onset_s": m["onset_s"] + 15, "offset_s": m["offset_s"] + 15} for m in truth["movements"]]
    shifted = evaluate(EvaluationNight("n"), capture, truth | {"movements": late})
    assert shifted.ours.periodic_true > 10
    assert shifted.ours.periodic_false > 0.5 * shifted.ours.periodic
    per_hour = (with_series.ours.periodic_false + shifted.ours.periodic_false) / (2 * 40 / 60)
    assert row([with_series, shifted]).false_periodic_per_hour == pytest.approx(per_hour)


@pytest.mark.parametrize(("later_ns", "false"), [(NS // 2 - 1, 0), (NS // 2, 1), (-2 * NS - NS // 2, 1)])
def test_half_a_second_apart_is_false(later_ns: int, false: int) -> None:
    true = [(60 * NS, 61 * NS)]
    assert count_apart([(61 * NS + later_ns, 62 * NS + later_ns)], true) == false


def test_a_poor_night_is_in_its_own_row_and_in_no_other(captured: tuple[Capture, dict[str, Any]]) -> None:
    good = replace(evaluated(captured), structures=("plain", "noisy chip"))
    poor = replace(good, verdict="poor", ours=replace(good.ours, periodic_false=80))
    table = rows({"plain": [good, poor], "noisy chip": [poor]}, [good, poor])
    assert set(table) == {"plain", "all", "poor"}
    assert table["plain"] == table["all"] == row([good])
    assert table["poor"].false_periodic_per_hour == pytest.approx(80 / good.hours)
    assert usable([good, poor]) == [good]


def test_nights_of_chips_with_fine_steps_and_little_noise_are_counted_apart(
    captured: tuple[Capture, dict[str, Any]],
) -> None:
    night = evaluated(captured)
    assert night.chip["step_mg"] < 8
    assert 0 < night.chip["noise_mg"] < 2
    coarse = replace(night, chip={"step_mg": 15.6, "noise_mg": 0.5}, verdict="poor")
    noisy = replace(night, chip={"step_mg": 0.1, "noise_mg": 2.5}, verdict="poor")
    unknown = replace(night, chip={}, verdict="poor")
    assert fine_chips([night, coarse, noisy, unknown]) == (1, 0)
    assert fine_chips([night, replace(night, verdict="poor")]) == (2, 1)


def test_frames_that_are_missing_for_most_of_the_night_make_it_poor(
    captured: tuple[Capture, dict[str, Any]],
) -> None:
    assert evaluated(captured).verdict == "usable"
    assert evaluated(captured, without=slice(100, None)).verdict == "poor"


def test_what_sways_the_bed_breaks_no_true_series(captured: tuple[Capture, dict[str, Any]]) -> None:
    capture, truth = captured
    sways = [
        {"onset_s": at, "offset_s": at + 1, "leg": "left", "kind": kind, "visible": True, "peak_mg": 30.0}
        for at in range(0, 2400, 20)
        for kind in ("sway", "gasp", "partner", "pet")
    ]
    quiet = evaluate(EvaluationNight("n"), capture, truth)
    swaying = evaluate(EvaluationNight("n"), capture, truth | {"movements": truth["movements"] + sways})
    assert swaying.ours.periodic_true == quiet.ours.periodic_true > 0


def test_the_table_by_structure_and_a_name_that_does_not_exist() -> None:
    said = run_command("golden", "--only", "01-still", "--nights", "1", "--first-seed", "13")
    assert said.returncode == 0, said.stderr
    assert "periodic/h" in said.stdout
    assert "error % of" in said.stdout
    wrong = run_command("golden", "--only", "01-still", "--nights", "1", "--structure", "clonik")
    assert wrong.returncode == 2
    assert "there is no structure 'clonik'" in wrong.stderr
    assert "Traceback" not in wrong.stderr


# The second sleeper, poor nights, and version 3 of the detector.


@pytest.mark.radio
def test_the_second_sleeper_is_evaluated_in_processes_as_in_this_one() -> None:
    evaluated = evaluate_kinds(1, 2, kinds=("tonic", "sway"), hours=0.5)
    assert evaluated == [evaluate_second("tonic", 1, 0.5), evaluate_second("sway", 1, 0.5)]
    tonic, sway = evaluated
    assert tonic.ours.f1 > 0.8
    assert tonic.ours.periodic_true > 5
    assert (sway.hours, sway.verdict) == (0.5, "usable")


def test_what_the_sleeper_does_not_do_breaks_no_true_series_of_the_second_sleeper() -> None:
    night = draw_night(1, kind="plain", hours=0.5)
    bump = next(m for m in night.truth if m.kind == "leg")
    bumps = [
        replace(bump, onset_s=at, offset_s=at + 1.0, kind="bump", visible=True) for at in range(0, 1800, 5)
    ]
    whole = periodic_spans(true_movements(night), 1800.0)
    bumped = replace(night, truth=sorted([*night.truth, *bumps], key=lambda m: m.onset_s))
    assert periodic_spans(true_movements(bumped), 1800.0) == whole
    assert len(whole) > 5


def second_night(
    kind: str, seed: int, *, verdict: Verdict = "usable", periodic: int = 30
) -> SecondEvaluation:
    truth = [LegMovement(at * NS, (at + 2) * NS, "left") for at in range(0, 3000, 100)]
    return SecondEvaluation(kind, seed, 4.0, Outcome(agreement(truth, truth), periodic, 30, 6), verdict)


def test_both_sleepers_stand_beside_version_3(
    scenarios: list[Path], monkeypatch: pytest.MonkeyPatch, captured: tuple[Capture, dict[str, Any]]
) -> None:
    second = [
        second_night("plain", 1),
        second_night("plain", 2, periodic=36),
        second_night("sway", 1, verdict="poor"),
    ]
    monkeypatch.setattr(
        "legmon.evaluation.second.evaluate_kinds", lambda count, _workers: second * (count == 2)
    )
    drawn = replace(evaluated(captured), structures=("clonic",))
    monkeypatch.setattr(
        "legmon.evaluation.golden.evaluate_all", lambda nights, _workers, **_: [drawn] * len(nights)
    )
    asked = ("golden", "--only", "01-still", "--nights", "1", "--second", "2", "--no-fixed")
    done, table = run_command(*asked, "--json"), run_command(*asked)
    assert (done.returncode, table.returncode) == (0, 0), table.stderr
    answer = json.loads(done.stdout)
    assert list(answer["second"]) == ["plain", "all", "poor"]
    plain = answer["second"]["plain"]
    assert (plain["nights"], plain["periodic_error"], plain["false_periodic_per_hour"]) == (2, 0.1, 1.5)
    assert plain["f1"] == 1.0
    old = answer["version_3"]
    for what, name in (("structures", "clonic"), ("second", "plain")):
        (line,) = (text for text in table.stdout.splitlines() if text.split()[:1] == [name])
        before = old[what][name]
        shown = [
            f"{before['f1']:.3f}",
            f"{100 * before['periodic_error']:+.1f}",
            f"{before['false_periodic_per_hour']:.1f}",
        ]
        assert line.split()[-3:] == shown
    assert f"Version 3 ({old['commit']}) was measured on" in table.stdout
    assert "Nights that the quality check calls poor: 1 of 5." in table.stdout
    assert (
        "Of 2 nights of a chip with steps up to 8 mg and noise up to 2 mg rms, 0 are called poor (aim 0)."
        in table.stdout
    )


def test_version_3_was_measured_on_every_structure_and_every_kind() -> None:
    before = version_3()
    assert before.version == "3"
    assert set(KINDS) <= set(before.second)
    assert before.second["all"].nights + (
        before.second[POOR].nights if POOR in before.second else 0
    ) == 5 * len(KINDS)
    assert {"plain", "clonic", "sway", "no series", "all", "without series"} <= set(before.structures)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("noisy") / "noisy.yaml"
    file.write_text(f"{STILL}sensor:\n  noise_ug_rthz: 5000\n")
    return file


def test_where_every_night_is_poor_there_is_no_sum(noisy: Path) -> None:
    done = run_command("golden", "--scenario", str(noisy), "--no-fixed", "--json")
    table = run_command("golden", "--scenario", str(noisy), "--no-fixed")
    assert (done.returncode, table.returncode) == (0, 0), done.stderr + table.stderr
    answer = json.loads(done.stdout)
    (night,) = answer["nights"]
    assert (night["verdict"], night["fixed"]) == ("poor", [])
    assert night["chip"]["noise_mg"] == pytest.approx(25, abs=0.5)
    assert (answer["totals"], answer["poor"]["nights"]) == ({}, 1)
    assert answer["fine_chips"] == {"nights": 0, "poor": 0}
    assert "noisy (poor)" in table.stdout
    assert "1 nights, given, poor" in table.stdout
    assert "fixed thresholds" not in table.stdout


# A night with gaps.


@pytest.fixture(scope="module")
def captured(scenarios: list[Path]) -> tuple[Capture, dict[str, Any]]:
    file = scenarios[0].with_suffix(".capture")
    command = [sys.executable, "-m", "firmware_sim", "capture", str(scenarios[0]), "-o", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return read_capture(file), json.loads(file.with_suffix(".truth.json").read_text())


def evaluated(captured: tuple[Capture, dict[str, Any]], *, without: slice | None = None) -> NightEvaluation:
    capture, truth = captured
    notifications = list(capture.notifications)
    if without is not None:
        del notifications[without]
    return evaluate(EvaluationNight("n"), replace(capture, notifications=notifications), truth)


def test_missing_frames_are_a_gap_and_move_nothing_after_them(
    captured: tuple[Capture, dict[str, Any]],
) -> None:
    whole, gapped = evaluated(captured), evaluated(captured, without=slice(300, 420))
    samples = 120 * 83
    assert whole.missing_s == 0.0
    assert gapped.missing_s == pytest.approx(samples / 51.0, abs=0.01)
    assert gapped.gapped > 0
    errors = gapped.ours.agreement.onset_errors
    assert errors is not None
    assert errors.median_s < 0.1
    missed = len(gapped.ours.agreement.misses) - len(whole.ours.agreement.misses)
    assert 0 < missed <= gapped.gapped + 1


@pytest.mark.parametrize("without", [slice(0, 60), slice(-60, None)])
def test_frames_missing_at_either_end_are_a_gap(
    captured: tuple[Capture, dict[str, Any]], without: slice
) -> None:
    gapped = evaluated(captured, without=without)
    assert gapped.missing_s == pytest.approx(60 * 83 / 51.0, abs=83 / 51.0)
    assert gapped.ours.f1 > 0.8


def test_the_fixed_thresholds_see_the_same_samples(captured: tuple[Capture, dict[str, Any]]) -> None:
    result = evaluated(captured)
    assert len(result.fixed) == len(PUBLISHED)
    assert all(o.agreement.truths == result.ours.agreement.truths for o in result.fixed)
    assert all(o.periodic_true == result.ours.periodic_true for o in result.fixed)


def test_a_false_positive_while_the_chip_fails_is_put_down_to_the_fault(
    captured: tuple[Capture, dict[str, Any]],
) -> None:
    capture, truth = captured
    failing = truth | {"movements": [], "faults": [[0.0, 1200.0, "spikes"]]}
    confused = evaluated((capture, failing)).ours.agreement.confused
    assert set(confused) == {"spikes", "nothing"}


# The fixed thresholds.


def shaken(seconds: float, *bursts: tuple[float, float], g: float = 0.2) -> NDArray[np.float64]:
    """A leg that shakes at 5 Hz from and to given times, and is otherwise perfectly still."""
    t = np.arange(round(seconds * RATE)) / RATE
    x = np.zeros((len(t), 3))
    x[:, 2] = 1.0
    for start, end in bursts:
        inside = (t >= start) & (t < end)
        x[inside, 0] += g * np.sin(2 * np.pi * 5.0 * (t[inside] - start) + 1.0)
    return x


def spans(x: NDArray[np.float64], thresholds: Thresholds, first: int = 0) -> list[tuple[float, float, str]]:
    found = fixed_thresholds(x, RATE, thresholds, first=first)
    return [(m.onset_s, m.offset_s, m.kind) for m in found]


def test_a_burst_is_one_movement_from_its_first_to_its_last_crossing() -> None:
    ((onset, offset, kind),) = spans(shaken(30, (10, 13)), Thresholds(0.04, 0.02, 0.5))
    assert onset == pytest.approx(10.0, abs=0.03)
    assert offset == pytest.approx(13.0, abs=0.4)  # the high-pass rings on
    assert kind == "leg"


def test_bursts_nearer_than_the_release_are_one() -> None:
    x = shaken(30, (10, 12), (12.8, 15))
    assert len(spans(x, Thresholds(0.10, 0.05, 0.5))) == 2
    assert len(spans(x, Thresholds(0.10, 0.05, 1.0))) == 1


def test_gravity_and_what_stays_below_the_threshold_are_nothing() -> None:
    assert spans(shaken(30), Thresholds(0.015, 0.008, 0.5)) == []
    assert spans(shaken(30, (10, 13), g=0.03), Thresholds(0.04, 0.02, 0.5)) == []


def test_what_is_short_is_left_out_and_what_is_long_is_no_leg_movement() -> None:
    x = shaken(60, (10, 10.2), (30, 45))
    (movement,) = spans(x, Thresholds(0.10, 0.05, 0.5))
    assert movement[2] == "long"


def test_one_under_way_at_the_end_ends_there_and_a_stretch_keeps_its_place() -> None:
    x = shaken(20, (18, 25))
    ((onset, offset, _),) = spans(x, Thresholds(0.10, 0.05, 0.5), first=500)
    assert onset == pytest.approx(28.0, abs=0.03)
    assert offset == pytest.approx(30.0, abs=0.1)
    assert spans(np.empty((0, 3)), Thresholds(0.10, 0.05, 0.5)) == []
