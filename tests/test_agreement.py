"""The yardstick, sentence by sentence of shared/contracts.md."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import legmon
from legmon.evaluation.agreement import AnyMovement, _icc, count_agreement, wilson
from legmon.movement import NS, Leg, LegMovement


def found(onset: float, offset: float, kind: str = "leg", leg: Leg = "left") -> LegMovement:
    return LegMovement(round(onset * NS), round(offset * NS), leg, kind)


def true(
    onset: float, offset: float, kind: str = "leg", *, visible: bool = True, leg: Leg = "left"
) -> dict[str, Any]:
    return {
        "onset_s": onset,
        "offset_s": offset,
        "leg": leg,
        "kind": kind,
        "visible": visible,
        "peak_mg": 99.0,
    }


def counts(a: legmon.Agreement) -> tuple[int, int, int, int]:
    """Pairs, misses, false positives, uncounted."""
    return len(a.pairs), len(a.misses), len(a.false_positives), a.uncounted


# Two movements match when they overlap after each is widened by 0.5 s.


@pytest.mark.parametrize(
    ("onset", "offset", "matches"),
    [
        (10.0, 12.0, True),
        (11.9, 15.0, True),
        (12.999, 14.0, True),
        (13.0, 14.0, False),  # both widened, they only touch
        (8.0, 9.001, True),
        (8.0, 9.0, False),
    ],
)
def test_a_match_is_an_overlap_after_each_is_widened_by_half_a_second(
    onset: float, offset: float, matches: bool
) -> None:
    a = legmon.agreement([found(onset, offset)], [true(10, 12)])
    assert counts(a) == ((1, 0, 0, 0) if matches else (0, 1, 1, 0))


def test_matching_is_one_to_one_in_order_of_onset() -> None:
    a = legmon.agreement([found(10.2, 11), found(11.6, 13)], [true(10, 11), true(11.5, 13)])
    assert counts(a) == (2, 0, 0, 0)
    assert [p.truth.onset_ns for p in a.pairs] == [10 * NS, round(11.5 * NS)]
    assert [p.found.onset_ns for p in a.pairs] == [round(10.2 * NS), round(11.6 * NS)]


def test_one_detection_across_two_truths_finds_only_the_first() -> None:
    a = legmon.agreement([found(10, 15)], [true(10, 12), true(13, 15)])
    assert counts(a) == (1, 1, 0, 0)
    assert a.misses[0].onset_ns == 13 * NS


def test_legs_are_compared_apart() -> None:
    a = legmon.agreement([found(10, 12, leg="right")], [true(10, 12, leg="left")])
    assert counts(a) == (0, 1, 1, 0)


# Positives are truth movements of kind leg, 0.5 to 10 s, visible.


@pytest.mark.parametrize(
    ("offset", "positive"), [(10.499, False), (10.5, True), (20.0, True), (20.001, False)]
)
def test_a_positive_lasts_half_a_second_to_ten_seconds_bounds_inclusive(
    offset: float, positive: bool
) -> None:
    assert legmon.agreement([], [true(10, offset)]).truths == positive


def test_an_invisible_truth_and_one_of_another_kind_are_no_positives() -> None:
    assert legmon.agreement([], [true(10, 12, visible=False), true(20, 22, "posture")]).truths == 0


@pytest.mark.parametrize(("offset", "inside"), [(10.45, "short"), (22.0, "long")])
def test_a_detection_in_a_visible_leg_movement_of_another_length_is_false(offset: float, inside: str) -> None:
    a = legmon.agreement([found(10, 12)], [true(10, offset)])
    assert counts(a) == (0, 0, 1, 0)
    assert a.confused == {inside: 1}


# What counts as a detection.


@pytest.mark.parametrize(
    "movement", [found(10, 12, "posture"), found(10, 22, "long"), found(10, 10.499), found(10, 20.001)]
)
def test_what_the_rules_cannot_take_for_a_candidate_is_no_detection(movement: LegMovement) -> None:
    assert counts(legmon.agreement([movement], [])) == (0, 0, 0, 0)
    assert counts(legmon.agreement([movement], [true(10, 12)])) == (0, 1, 0, 0)


# Detections that match only an invisible truth count neither way.


def test_a_detection_of_an_invisible_movement_counts_neither_way() -> None:
    a = legmon.agreement([found(10, 12)], [true(10, 12, visible=False)])
    assert counts(a) == (0, 0, 0, 1)
    assert a.precision is None
    assert a.recall is None
    assert a.f1 is None


def test_a_detection_that_matches_a_visible_truth_too_finds_it() -> None:
    a = legmon.agreement([found(10, 14)], [true(10, 11, visible=False), true(12, 14)])
    assert counts(a) == (1, 0, 0, 0)


def test_a_detection_that_matches_an_invisible_truth_and_another_kind_is_false() -> None:
    a = legmon.agreement([found(10, 14)], [true(10, 11, visible=False), true(12, 14, "bump")])
    assert counts(a) == (0, 0, 1, 0)
    assert a.confused == {"bump": 1}


# Detections inside any other kind are false positives, as is more than one per truth.


@pytest.mark.parametrize(
    "kind", ["posture", "locomotion", "tremor", "long", "bump", "vibration", "unheard-of"]
)
def test_a_detection_inside_another_kind_is_false_and_names_it(kind: str) -> None:
    a = legmon.agreement([found(12, 14)], [true(10, 40, kind)])
    assert counts(a) == (0, 0, 1, 0)
    assert a.false_positives[0].inside == kind


def test_a_detection_inside_a_bout_of_fidgeting_counts_neither_way() -> None:
    a = legmon.agreement(
        [found(12, 14), found(20, 22), found(60, 62)], [true(10, 40, "fidget"), true(60, 62)]
    )
    assert (len(a.pairs), len(a.false_positives), a.uncounted) == (1, 0, 2)


def test_a_leg_movement_during_another_kind_is_still_found() -> None:
    assert counts(legmon.agreement([found(12, 14)], [true(0, 300, "vibration"), true(12, 14)])) == (
        1,
        0,
        0,
        0,
    )


def test_more_than_one_detection_of_a_truth_is_false() -> None:
    a = legmon.agreement([found(10, 11), found(11.5, 12), found(12.6, 14)], [true(10, 14)])
    assert counts(a) == (1, 0, 2, 0)
    assert a.confused == {"leg": 2}


def test_a_detection_of_nothing_is_false_in_nothing() -> None:
    a = legmon.agreement([found(10, 12)], [])
    assert a.confused == {"nothing": 1}
    assert a.false_positives[0].inside is None
    assert (a.precision, a.recall, a.f1) == (0.0, None, 0.0)


def test_a_false_positive_is_put_down_to_the_truth_it_shares_most_with() -> None:
    truth = [true(10, 11, "bump"), true(11, 30, "tremor")]
    assert legmon.agreement([found(10.5, 14)], truth).confused == {"tremor": 1}
    inside_both = [true(0, 300, "vibration"), true(10, 12, "bump")]
    assert legmon.agreement([found(10.2, 11.8)], inside_both).confused == {"bump": 1}


# Two truths nearer than 0.5 s are one.


def test_truths_nearer_than_half_a_second_are_one() -> None:
    a = legmon.agreement([found(10, 14)], [true(10, 12), true(12.499, 14)])
    assert counts(a) == (1, 0, 0, 0)
    assert a.pairs[0].truth.offset_ns == 14 * NS


def test_truths_half_a_second_apart_are_two() -> None:
    assert legmon.agreement([], [true(10, 12), true(12.5, 14)]).truths == 2


def test_short_truths_are_joined_before_their_length_is_judged() -> None:
    assert legmon.agreement([], [true(10, 10.3), true(10.5, 10.8)]).truths == 1


def test_an_invisible_truth_lengthens_no_visible_one() -> None:
    a = legmon.agreement([found(10, 12)], [true(10, 12), true(12.2, 14, visible=False)])
    assert counts(a) == (1, 0, 0, 0)
    assert a.offset_errors is not None
    assert a.offset_errors.median_s == 0.0


# The figures.


def test_errors_are_medians_and_95th_percentiles_of_their_size() -> None:
    truth = [true(100 * i, 100 * i + 2) for i in range(1, 4)]
    a = legmon.agreement([found(99.9, 102), found(200.2, 202.4), found(300.3, 302)], truth)
    onset, offset = a.onset_errors, a.offset_errors
    assert onset is not None
    assert offset is not None
    assert onset.median_s == pytest.approx(0.2)
    assert onset.bias_s == pytest.approx(0.2)
    assert onset.p95_s == pytest.approx(0.29)  # between 0.2 and 0.3, at nine tenths
    assert offset.median_s == 0.0
    assert offset.p95_s == pytest.approx(0.36)


def test_several_nights_are_summed_movement_by_movement() -> None:
    good = legmon.agreement([found(10, 12)], [true(10, 12)])
    bad = legmon.agreement([found(50, 52)], [true(10, 12), true(20, 22)])
    both = legmon.Agreement.total([good, bad])
    assert counts(both) == (1, 2, 1, 0)
    assert (both.precision, both.recall, both.f1) == (1 / 2, 1 / 3, 2 / 5)
    assert counts(legmon.Agreement.total([])) == (0, 0, 0, 0)


def test_the_answer_of_score_and_movements_serve_as_truth_or_as_found() -> None:
    as_json = {"onset_s": 10.0, "offset_s": 12.0, "leg": "left", "kind": "leg", "candidate": True}
    assert legmon.agreement([as_json], [found(10, 12)]).f1 == 1.0


# What holds for any night.


@st.composite
def nights(draw: st.DrawFn) -> list[LegMovement]:
    at, movements = 1.0, []
    for gap, length in draw(
        st.lists(st.tuples(st.integers(500, 60_000), st.integers(500, 10_000)), min_size=1, max_size=25)
    ):
        movements.append(found(at + gap / 1000, at + (gap + length) / 1000))
        at = movements[-1].offset_s
    return movements


@given(nights())
def test_perfect_detection_is_perfect(night: list[LegMovement]) -> None:
    a = legmon.agreement(night, night)
    assert counts(a) == (len(night), 0, 0, 0)
    assert a.f1 == 1.0
    assert a.onset_errors is not None
    assert a.onset_errors.p95_s == 0.0


@given(nights(), nights(), st.randoms(use_true_random=False))
def test_order_does_not_matter(a: list[LegMovement], b: list[LegMovement], rng: random.Random) -> None:
    mixed = (rng.sample(a, len(a)), rng.sample(b, len(b)))
    assert legmon.agreement(*mixed) == legmon.agreement(a, b)


@given(nights(), nights())
def test_a_false_positive_never_raises_precision_or_f1(a: list[LegMovement], b: list[LegMovement]) -> None:
    before = legmon.agreement(a, b)
    after = legmon.agreement([*a, found(1e6, 1e6 + 2)], b)
    assert (after.precision or 0.0) <= (before.precision or 0.0)
    assert (after.f1 or 0.0) <= (before.f1 or 0.0)
    assert after.recall == before.recall


@given(nights(), nights())
def test_every_movement_is_counted_once(a: list[LegMovement], b: list[LegMovement]) -> None:
    result = legmon.agreement(a, b)
    assert len(result.pairs) + len(result.false_positives) + result.uncounted == len(a)
    assert len({p.found for p in result.pairs}) == len({p.truth for p in result.pairs}) == len(result.pairs)


@given(nights(), st.integers(-20_000, 20_000))
def test_a_shift_of_the_whole_night_changes_nothing(night: list[LegMovement], ms: int) -> None:
    def moved(movements: list[LegMovement]) -> list[AnyMovement]:
        by = ms * NS // 1000
        return [replace(m, onset_ns=m.onset_ns + by, offset_ns=m.offset_ns + by) for m in movements]

    other = night[::2]
    assert counts(legmon.agreement(moved(night), moved(other))) == counts(legmon.agreement(night, other))


# Counts over nights, and intervals.


def test_counts_agree_as_computed_by_hand() -> None:
    c = count_agreement([10, 20, 30], [8, 22, 27])
    # nights' means 9, 21, 28.5; counts' means 20, 19; R = 193.5, C = 1.5, E = 3.5
    assert c.icc == pytest.approx(190 / (193.5 + 3.5 + 2 * (1.5 - 3.5) / 3))
    assert c.bias == pytest.approx(1.0)
    assert c.limits == pytest.approx((1 - 1.96 * math.sqrt(7), 1 + 1.96 * math.sqrt(7)))
    assert c.sum_error == pytest.approx(3 / 57)
    assert c.nights == 3


def test_icc_is_that_of_shrout_and_fleiss_1979_table_2() -> None:
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    assert _icc(np.array([ratings], dtype=np.float64))[0] == pytest.approx(0.29, abs=0.005)


def test_icc_asks_for_the_same_counts_and_not_only_the_same_order() -> None:
    true_counts = [10, 40, 80, 120, 160, 200]
    same, off = (count_agreement([n + add for n in true_counts], true_counts) for add in (0, 60))
    assert same.icc == 1.0
    assert same.icc_95 == pytest.approx((1.0, 1.0))
    assert off.icc is not None
    assert off.icc < 0.8
    assert off.limits == pytest.approx((60, 60))


def test_the_interval_of_the_icc_holds_it_and_is_the_same_every_time() -> None:
    rng = np.random.default_rng(4)
    true_counts = rng.integers(0, 300, 40).tolist()
    found_counts = [n + int(e) for n, e in zip(true_counts, rng.normal(0, 40, 40), strict=True)]
    a, b = count_agreement(found_counts, true_counts), count_agreement(found_counts, true_counts)
    assert a == b
    assert a.icc is not None
    assert a.icc_95 is not None
    assert a.icc_95[0] < a.icc < a.icc_95[1] < 1.0


def test_figures_of_counts_that_do_not_exist_are_none() -> None:
    one = count_agreement([3], [0])
    assert (one.limits, one.icc, one.icc_95, one.sum_error) == (None, None, None, None)
    assert count_agreement([5, 5, 5], [5, 5, 5]).icc is None  # nothing varies
    with pytest.raises(ValueError, match="2 found counts and 1 true counts"):
        count_agreement([1, 2], [1])
    with pytest.raises(ValueError, match="0 found"):
        count_agreement([], [])


@pytest.mark.parametrize(
    ("hits", "of", "interval"),
    [
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_is_that_of_newcombe_1998_table_1(hits: int, of: int, interval: tuple[float, float]) -> None:
    assert wilson(hits, of) == pytest.approx(interval, abs=5e-5)
    assert wilson(0, 0) is None
