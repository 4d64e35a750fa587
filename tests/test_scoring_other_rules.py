"""AASM and WASM 2006, the open readings of WASM 2016, and what sleep and respiration change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import legmon
from legmon.movement import NS, Leg, LegMovement
from legmon.scoring.aasm import aasm
from legmon.scoring.result import Scored, bridged, details_json, log_intervals, per_side, series
from legmon.scoring.rules import Interpretation
from legmon.scoring.score import scored_night
from legmon.scoring.sleep import by_stage
from legmon.scoring.wasm2006 import wasm2006
from legmon.scoring.wasm2016 import wasm2016

EXAMPLES = Path(__file__).parent / "data" / "scoring" / "examples.json"
HOUR = 3600 * NS


def lm(onset: float, offset: float, leg: Leg = "left", kind: str = "leg") -> LegMovement:
    return LegMovement(round(onset * NS), round(offset * NS), leg, kind)


def at(*onsets: float, leg: Leg = "left") -> list[LegMovement]:
    return [lm(t, t + 1, leg) for t in onsets]


def periodic(movements: list[LegMovement], rules: str, **interpretation: str) -> list[float]:
    night = legmon.score(movements, rules, duration_s=3600, **interpretation)  # type: ignore[arg-type]
    return [s.movement.onset / NS for s in night.movements if s.periodic]


# AASM


@pytest.mark.parametrize(("interval", "members"), [(4.999999, 0), (5, 4), (90, 4), (90.000001, 0)])
def test_aasm_intervals_of_5_to_90_s_inclusive_make_a_series(interval: float, members: int) -> None:
    assert len(periodic(at(*(interval * k for k in range(4))), "aasm")) == members


def test_aasm_a_movement_less_than_5_s_after_the_last_is_skipped_and_measured_past() -> None:
    scored = aasm(at(0, 20, 24.9, 30, 50))
    assert [s.periodic for s in scored] == [True, True, False, True, True]
    assert [s.interval for s in scored] == [None, 20 * NS, None, 10 * NS, 20 * NS]
    assert scored[2].candidate


def test_aasm_a_movement_over_10_s_is_none_and_ends_nothing() -> None:
    scored = aasm([*at(0, 20), lm(40, 50.000001), *at(60, 80)])
    assert [s.candidate for s in scored] == [True, True, False, True, True]
    assert [s.periodic for s in scored] == [True, True, False, True, True]
    assert aasm([lm(0, 10)])[0].candidate


def test_aasm_onsets_of_two_legs_less_than_5_s_apart_are_one_movement() -> None:
    assert [s.movement.side for s in aasm([lm(0, 1), lm(4.999999, 6, "right")])] == ["both"]
    assert [s.movement.side for s in aasm([lm(0, 1), lm(5, 6, "right")])] == ["left", "right"]
    assert [s.movement.side for s in aasm([lm(0, 1), lm(3, 4)])] == ["left", "left"], (
        "one leg does not merge with itself"
    )


def test_aasm_merging_reckons_from_the_first_onset_and_is_not_chained() -> None:
    scored = aasm([lm(0, 2), lm(1.8, 4, "right"), lm(3.8, 6), lm(5.8, 8, "right"), lm(7.8, 10)])
    assert [s.movement.onset / NS for s in scored] == [0, 5.8]
    assert [len(s.movement.parts) for s in scored] == [3, 2]


def test_aasm_a_gap_ends_the_series() -> None:
    gap = [(50 * NS, 50 * NS + NS // 2 + 1)]
    assert [s.series for s in aasm(at(0, 20, 40, 60, 80), gap)] == [None] * 5
    assert [s.series for s in aasm(at(0, 20, 40, 60, 80), [(50 * NS, 50 * NS + NS // 2)])] == [1] * 5


@pytest.mark.parametrize(
    ("onset", "counts"), [(18.499999, True), (18.5, False), (25, False), (30.5, False), (30.500001, True)]
)
def test_aasm_a_movement_within_half_a_second_of_a_respiratory_event_is_no_candidate(
    onset: float, counts: bool
) -> None:
    assert aasm(at(onset), respiratory=[(20 * NS, 30 * NS)])[0].candidate is counts


def test_aasm_only_movements_with_some_part_in_sleep_count() -> None:
    stages = [(0, 30 * NS, "W"), (30 * NS, 100 * NS, "N2")]
    scored = aasm([lm(10, 12), lm(29, 31), lm(40, 42), lm(120, 121)], stages=stages)
    assert [s.candidate for s in scored] == [False, True, True, False]


# WASM 2006


@pytest.mark.parametrize(("interval", "members"), [(4.999999, 0), (5, 4), (90, 4), (90.000001, 0)])
def test_wasm2006_intervals_of_5_to_90_s_inclusive_make_a_series(interval: float, members: int) -> None:
    assert len(periodic(at(*(interval * k for k in range(4))), "wasm2006")) == members


def test_wasm2006_legs_merge_as_in_2016() -> None:
    assert len(wasm2006([lm(0, 2), lm(2.499999, 4, "right")])) == 1
    assert len(wasm2006([lm(0, 2), lm(2.5, 4, "right")])) == 2


def test_wasm2006_one_leg_to_10_s_both_to_15_s_of_any_parts() -> None:
    assert wasm2006([lm(0, 10)])[0].candidate
    assert not wasm2006([lm(0, 10.000001)])[0].candidate
    assert wasm2006([lm(0, 11), lm(10, 15, "right")])[0].candidate
    assert not wasm2006([lm(0, 8), lm(7, 15.000001, "right")])[0].candidate


def test_wasm2006_a_long_or_an_early_movement_does_not_end_the_series() -> None:
    assert [s.periodic for s in wasm2006([*at(0, 20), lm(40, 51), *at(60, 80)])] == [
        True,
        True,
        False,
        True,
        True,
    ]
    assert [s.periodic for s in wasm2006(at(0, 20, 23, 40, 60))] == [True, True, False, True, True]


@pytest.mark.parametrize("rules", ["wasm2016", "wasm2006", "aasm"])
def test_another_kind_ends_the_series_in_every_rule_set(rules: str) -> None:
    assert periodic([*at(0, 20), lm(30, 33, kind="posture"), *at(40, 60)], rules) == []
    assert len(periodic([*at(0, 20, 40, 60), lm(70, 73, kind="posture")], rules)) == 4


@pytest.mark.parametrize("rules", ["wasm2016", "wasm2006", "aasm"])
@pytest.mark.parametrize(("members", "series"), [(3, 0), (4, 1)])
def test_four_in_a_row_in_every_rule_set(rules: str, members: int, series: int) -> None:
    assert legmon.score(at(*(20 * k for k in range(members))), rules).indices.series == series


# The open readings of WASM 2016


def test_restart_strict_lets_no_movement_after_a_short_interval_begin_a_series() -> None:
    burst = at(0, 9.999999, 30, 50, 70)
    assert periodic(burst, "wasm2016") == pytest.approx([9.999999, 30, 50, 70])
    assert periodic(burst, "wasm2016", restart="strict") == []
    assert len(periodic(at(0, 3, 25, 45, 65, 85), "wasm2016", restart="strict")) == 4, "the next one may"


def test_ninety_exclusive_puts_an_interval_of_90_s_outside() -> None:
    run = at(0, 90, 180, 270)
    assert len(periodic(run, "wasm2016")) == 4
    assert periodic(run, "wasm2016", ninety="exclusive") == []
    assert len(periodic(at(0, 89.999999, 179, 268), "wasm2016", ninety="exclusive")) == 4


def test_another_reading_is_refused() -> None:
    with pytest.raises(ValueError, match="permissive or strict"):
        legmon.score([], restart="sometimes")  # type: ignore[arg-type]


# Sleep, respiration, and what more there is


def night(movements: list[LegMovement], **given: object) -> Scored:
    return scored_night(movements, given.pop("gaps", []), HOUR, interpretation=Interpretation(**given))  # type: ignore[arg-type]


def test_e14_a_series_crosses_from_wake_to_sleep_and_its_members_are_parted_by_stage() -> None:
    stages = [(0, 30 * NS, "W"), (30 * NS, HOUR, "N2")]
    scored = night(at(0, 20, 40, 60, 80, 100), stages=stages)
    parts = by_stage(scored.movements, stages, [(40 * NS, 58 * NS)])
    assert (parts.awake, parts.asleep, parts.non_rem, parts.rem, parts.unstaged) == (2, 4, 4, 0, 0)
    assert parts.awake_hours == pytest.approx(30 / 3600)
    assert parts.asleep_hours == pytest.approx((3570 - 18) / 3600)
    said = details_json(scored)
    assert said["sleep"]["periodic_awake"] == 2
    assert "sleep stage" not in said["not_measured"]


def test_e15_a_respiratory_candidate_is_deleted_and_series_are_made_anew() -> None:
    said = details_json(night(at(0, 20, 40, 60, 80), respiratory=[(30 * NS, 41 * NS)]))
    assert said["respiratory"] == {"candidates": 1, "periodic_without": 4}
    assert night(at(0, 20, 40, 60, 80)).indices.periodic == 5


@pytest.mark.parametrize(
    ("end", "counts"), [(39.0 - 1e-6 - 9.25, 0), (30.0 - 0.25, 1), (43.0, 1), (43.000001, 0)]
)
def test_a_respiratory_candidate_touches_2_s_before_to_10_25_s_after_the_end(end: float, counts: int) -> None:
    scored = night([lm(40, 41)], respiratory=[(0, round(end * NS))])
    assert details_json(scored)["respiratory"]["candidates"] == counts


def test_a_movement_that_is_no_candidate_stays_when_respiratory_ones_go() -> None:
    movements = [*at(0, 20), lm(25, 36), *at(40, 60, 80, 100)]
    said = details_json(night(movements, respiratory=[(10 * NS, 20 * NS)]))
    assert said["respiratory"]["periodic_without"] == 4


def test_what_is_not_measured_is_named_and_never_0() -> None:
    said = details_json(night(at(0, 20)))
    assert (said["sleep"], said["respiratory"]) == (None, None)
    assert said["not_measured"] == ["sleep stage", "respiration", "arousal"]


def test_sides_add_up_and_series_say_where_they_are() -> None:
    scored = night([*at(0, 20, 40, 60), *at(40.5, 200, leg="right")])
    sides = per_side(scored)
    assert {k: (c.movements, c.periodic) for k, c in sides.items()} == {
        "left": (3, 3),
        "right": (1, 0),
        "both": (1, 1),
    }
    (only,) = series(scored)
    assert (only.number, only.onset, only.offset, only.movements) == (1, 0, 61 * NS, 4)
    assert only.mean_interval_s == pytest.approx(20)


def test_both_sets_of_log_intervals() -> None:
    scored = night(at(0, 5, 25, 45, 145))
    every, within = log_intervals(scored, within_10_to_90=False), log_intervals(scored, within_10_to_90=True)
    assert (every.count, within.count) == (4, 2)
    assert within.mean == pytest.approx(2.995732)
    assert within.sd == pytest.approx(0)
    assert every.mean == pytest.approx((1.609438 + 2 * 2.995732 + 4.605170) / 4)


def test_bridging_short_gaps_shows_how_much_hangs_on_them() -> None:
    movements = at(0, 20, 40, 60, 80, 100)
    assert bridged(night(movements, gaps=[(50 * NS, 55 * NS)])) == (6, True)
    assert bridged(night(movements, gaps=[(50 * NS, 55 * NS + 1)])) == (0, False)
    assert bridged(night(movements)) == (6, False)


@pytest.mark.parametrize(
    ("rules", "key", "interpretation"),
    [
        ("wasm2016", "nPLM", {}),
        ("wasm2016", "strictPLM", {"restart": "strict"}),
        ("aasm", "AASM", {}),
        ("wasm2006", "W06", {}),
    ],
)
def test_every_shared_example_in_every_rule_set(rules: str, key: str, interpretation: dict[str, str]) -> None:
    examples = json.loads(EXAMPLES.read_text())
    assert len(examples) == 22
    for example in examples:
        movements = [lm(a, b, "left" if side == "L" else "right") for a, b, side in example["lms"]]
        scored = legmon.score(movements, rules, example["gaps"], duration_s=3600, **interpretation)  # type: ignore[arg-type]
        assert scored.indices.periodic == example["expect"][key], example["name"]


def test_rule_sets_are_functions_of_their_own() -> None:
    movements = at(0, 6, 12, 18)
    assert [sum(s.periodic for s in f(movements)) for f in (wasm2016, wasm2006, aasm)] == [0, 4, 4]
