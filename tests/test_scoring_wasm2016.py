"""The rules of WASM 2016, one test a rule, and the numbers that follow from them.

Onsets and bounds are checked to the nanosecond: a bound that moves by one tick fails here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import legmon
from legmon.movement import NS, Leg, LegMovement
from legmon.scoring.events import (
    MergedMovement,
    ScoredMovement,
    join_pieces,
    longest_missing,
    merge_legs,
    normalise_gaps,
)
from legmon.scoring.indices import Indices, indices, interval_histogram
from legmon.scoring.result import by_hour
from legmon.scoring.score import scored_night
from legmon.scoring.wasm2016 import wasm2016

DATA = Path(__file__).parent / "data" / "scoring"
HOUR = 3600 * NS


def ns(seconds: float) -> int:
    return round(seconds * NS)


def lm(
    onset_s: float, offset_s: float | None = None, leg: Leg = "left", *, late: int = 0, longer: int = 0
) -> LegMovement:
    """A movement, 2 s long where nothing else is said; `late` and `longer` move its onset and its end by ns."""
    onset = ns(onset_s) + late
    offset = ns(offset_s) if offset_s is not None else onset + 2 * NS
    return LegMovement(onset, offset + longer, leg)


def other(kind: str, onset_s: float, offset_s: float, leg: Leg = "left") -> LegMovement:
    return LegMovement(ns(onset_s), ns(offset_s), leg, kind=kind)


def at(*onsets_s: float) -> list[LegMovement]:
    """Movements of 2 s of the left leg."""
    return [lm(s) for s in onsets_s]


def parse(spans: str) -> list[LegMovement]:
    """Read movements as scoring.md writes them: ``0-2L 20-22R``."""
    found = re.findall(r"([\d.]+)-([\d.]+)([LR])", spans)
    return [lm(float(a), float(b), "left" if side == "L" else "right") for a, b, side in found]


def candidates(scored: Iterable[ScoredMovement]) -> list[bool]:
    return [s.candidate for s in scored]


def series(scored: Iterable[ScoredMovement]) -> list[int | None]:
    return [s.series for s in scored]


def intervals(scored: Iterable[ScoredMovement]) -> list[float | None]:
    return [None if s.interval is None else s.interval / NS for s in scored]


def sides(events: Iterable[MergedMovement]) -> list[tuple[float, float, str]]:
    return [(e.onset / NS, e.offset / NS, e.side) for e in events]


def counted(scored: list[ScoredMovement], analysed: int = HOUR) -> Indices:
    return indices(scored, analysed)


# 1. What a leg movement is: pieces joined first, short ones left out after.


def test_wasm2016_a_movement_of_exactly_half_a_second_is_one() -> None:
    assert candidates(wasm2016([lm(0, 0.5)])) == [True]


def test_wasm2016_a_movement_one_ns_short_of_half_a_second_is_not_there() -> None:
    assert wasm2016([lm(0, 0.5, longer=-1)]) == []


def test_wasm2016_a_movement_too_short_breaks_nothing() -> None:
    scored = wasm2016([*at(0, 20, 40, 60), lm(30, 30.49), lm(50, 50.3, "right")])
    assert series(scored) == [1, 1, 1, 1]
    assert intervals(scored) == [None, 20, 20, 20]


def test_wasm2016_pieces_of_one_leg_nearer_than_half_a_second_are_one_movement() -> None:
    (joined,) = join_pieces([lm(0, 1), lm(1.5, 3, late=-1)])
    assert (joined.onset_ns, joined.offset_ns) == (0, 3 * NS)


def test_wasm2016_pieces_of_one_leg_exactly_half_a_second_apart_are_two_movements() -> None:
    assert len(join_pieces([lm(0, 1), lm(1.5, 3)])) == 2


def test_wasm2016_pieces_are_joined_before_short_ones_are_left_out() -> None:
    assert [m.duration_s for m in join_pieces([lm(0, 0.3), lm(0.7, 1.0)])] == [1.0]


def test_wasm2016_joining_is_chained() -> None:
    assert [m.duration_s for m in join_pieces([lm(0, 1), lm(1.4, 2), lm(2.4, 3), lm(3.4, 4)])] == [4.0]


def test_wasm2016_a_piece_inside_another_does_not_shorten_it() -> None:
    inner = LegMovement(ns(1), ns(2), "left", peak_mg=90.0, first=50, end=100)
    outer = LegMovement(ns(0), ns(5), "left", peak_mg=40.0, first=0, end=250)
    (joined,) = join_pieces([inner, outer])
    assert joined == LegMovement(0, ns(5), "left", peak_mg=90.0, first=0, end=250)


def test_wasm2016_a_joined_movement_keeps_its_samples_and_the_larger_peak() -> None:
    a = LegMovement(ns(0), ns(1), "left", peak_mg=90.0, first=0, end=50)
    b = LegMovement(ns(1.4), ns(2), "left", peak_mg=None, first=70, end=100)
    assert join_pieces([a, b]) == [LegMovement(0, ns(2), "left", peak_mg=90.0, first=0, end=100)]


def test_wasm2016_pieces_of_two_legs_are_not_joined() -> None:
    assert len(join_pieces([lm(0, 1), lm(1.2, 3, "right")])) == 2


def test_wasm2016_pieces_of_one_leg_join_across_the_other_leg() -> None:
    assert [(m.leg, m.duration_s) for m in join_pieces([lm(0, 1), lm(0.5, 2, "right"), lm(1.4, 3)])] == [
        ("left", 3.0),
        ("right", 1.5),
    ]


def test_wasm2016_a_movement_has_no_upper_bound() -> None:
    scored = wasm2016([lm(0, 60)])
    assert (candidates(scored), counted(scored).movements) == ([False], 1)


# 2. Movements of both legs.


def test_wasm2016_legs_one_ns_nearer_than_half_a_second_are_one_bilateral_movement() -> None:
    assert sides(merge_legs([lm(0, 2), lm(2.5, 4.5, "right", late=-1)])) == [(0.0, 4.5, "both")]


def test_wasm2016_legs_exactly_half_a_second_apart_are_two_movements() -> None:
    assert sides(merge_legs([lm(0, 2), lm(2.5, 4.5, "right")])) == [(0.0, 2.0, "left"), (2.5, 4.5, "right")]


def test_wasm2016_legs_that_overlap_are_one_from_the_first_onset_to_the_last_offset() -> None:
    assert sides(merge_legs([lm(0, 9), lm(1, 3, "right")])) == [(0.0, 9.0, "both")]


def test_wasm2016_merging_is_chained_through_the_other_leg() -> None:
    merged = merge_legs(join_pieces(parse("0-2L 2.2-4R 4.3-6L 6.4-8R")))
    assert sides(merged) == [(0.0, 8.0, "both")]
    assert len(merged[0].parts) == 4


def test_wasm2016_a_long_movement_collects_all_that_touch_it() -> None:
    merged = merge_legs(join_pieces(parse("0-9L 1-2R 3-4R 9.4-11R 11.6-13R")))
    assert [(e.side, len(e.parts)) for e in merged] == [("both", 4), ("right", 1)]


def test_wasm2016_a_movement_too_short_does_not_bridge_two_legs() -> None:
    assert len(wasm2016([lm(0, 2), lm(2.3, 2.6, "right"), lm(3.0, 5)])) == 2


def test_wasm2016_a_bilateral_movement_has_the_largest_peak_of_its_parts() -> None:
    parts = [
        LegMovement(0, ns(2), "left", peak_mg=40.0),
        LegMovement(ns(1), ns(3), "right", peak_mg=120.0),
        LegMovement(ns(3.2), ns(4), "left"),
    ]
    assert [e.peak_mg for e in merge_legs(parts)] == [120.0]


def test_wasm2016_what_began_early_merges_while_it_lasts() -> None:
    """A short movement of the same group that ended long ago does not close the group."""
    merged = merge_legs(join_pieces(parse("0-8L 1-2R 5-6R 8.2-9R")))
    assert [(e.side, len(e.parts)) for e in merged] == [("both", 4)]


# 3. Candidates.


def test_wasm2016_a_movement_of_exactly_10_s_is_a_candidate() -> None:
    assert candidates(wasm2016([lm(0, 10)])) == [True]


def test_wasm2016_a_movement_one_ns_over_10_s_is_none() -> None:
    assert candidates(wasm2016([lm(0, 10, longer=1)])) == [False]


def test_wasm2016_a_bilateral_movement_of_exactly_15_s_is_a_candidate() -> None:
    assert candidates(wasm2016([lm(0, 8), lm(7, 15, "right")])) == [True]


def test_wasm2016_a_bilateral_movement_one_ns_over_15_s_is_none() -> None:
    assert candidates(wasm2016([lm(0, 8), lm(7, 15, "right", longer=1)])) == [False]


def test_wasm2016_a_bilateral_movement_with_a_part_of_exactly_10_s_is_a_candidate() -> None:
    assert candidates(wasm2016([lm(0, 10), lm(9, 11, "right")])) == [True]


@pytest.mark.parametrize("spans", ["0-10L 9-11R", "1-11R 0-2L"])
def test_wasm2016_a_bilateral_movement_with_a_part_one_ns_over_10_s_is_none(spans: str) -> None:
    first, second = parse(spans)
    assert candidates(wasm2016([lm(first.onset_s, first.offset_s, first.leg, longer=1), second])) == [False]


def test_wasm2016_four_parts_are_a_candidate_and_five_are_none() -> None:
    assert candidates(wasm2016(parse("0-2L 1.8-4R 3.8-6L 5.8-8R"))) == [True]
    assert candidates(wasm2016(parse("0-2L 1.8-4R 3.8-6L 5.8-8R 7.8-10L"))) == [False]


# 4. Series.


def test_wasm2016_three_in_a_row_are_no_series() -> None:
    assert series(wasm2016(at(0, 20, 40))) == [None, None, None]


def test_wasm2016_four_in_a_row_are_a_series() -> None:
    scored = wasm2016(at(0, 20, 40, 60))
    assert series(scored) == [1, 1, 1, 1]
    assert all(s.periodic for s in scored)


def test_wasm2016_an_interval_of_exactly_90_s_stays_in_the_series() -> None:
    assert series(wasm2016(at(0, 90, 180, 270))) == [1, 1, 1, 1]


def test_wasm2016_an_interval_one_ns_over_90_s_ends_the_series() -> None:
    assert series(wasm2016([*at(0, 20), lm(110, late=1), *at(130)])) == [None] * 4


def test_wasm2016_an_interval_of_exactly_10_s_stays_in_the_series() -> None:
    assert series(wasm2016(at(0, 10, 20, 30))) == [1, 1, 1, 1]


def test_wasm2016_an_interval_one_ns_short_of_10_s_ends_the_series() -> None:
    assert series(wasm2016([*at(0, 20), lm(30, late=-1), *at(50)])) == [None] * 4


def test_wasm2016_intervals_are_measured_from_onset_to_onset() -> None:
    assert intervals(wasm2016([lm(0, 9), lm(12, 13), lm(40, 41)])) == [None, 12, 28]


def test_wasm2016_the_interval_of_a_bilateral_movement_starts_at_its_first_onset() -> None:
    assert intervals(wasm2016(parse("0-2R 1-3L 20-22L 21-24R"))) == [None, 20]


def test_wasm2016_after_a_short_interval_the_later_movement_starts_anew() -> None:
    assert series(wasm2016(at(0, 5, 25, 45, 65))) == [None, 1, 1, 1, 1]


def test_wasm2016_a_short_interval_is_not_skipped() -> None:
    assert series(wasm2016(at(0, 20, 40, 45, 60, 80))) == [None] * 6


def test_wasm2016_after_a_long_interval_the_later_movement_starts_anew() -> None:
    assert series(wasm2016(at(0, 100, 120, 140, 160))) == [None, 1, 1, 1, 1]


def test_wasm2016_series_are_numbered_in_order_and_short_runs_take_no_number() -> None:
    first, between, second = (0, 20, 40, 60), (200, 220), (400, 420, 440, 460, 480)
    assert series(wasm2016(at(*first, *between, *second))) == [1] * 4 + [None] * 2 + [2] * 5


def test_wasm2016_a_movement_over_10_s_ends_the_series_and_leaves_no_interval() -> None:
    scored = wasm2016([*at(0, 20), lm(40, 51), *at(60, 80, 100, 120)])
    assert series(scored) == [None, None, None, 1, 1, 1, 1]
    assert intervals(scored) == [None, 20, None, None, 20, 20, 20]


def test_wasm2016_a_candidate_right_after_a_movement_that_is_none_may_be_the_first() -> None:
    assert series(wasm2016([lm(0, 11), *at(12, 32, 52, 72)])) == [None, 1, 1, 1, 1]


def test_wasm2016_both_legs_make_one_series() -> None:
    assert series(wasm2016(parse("0-2L 20-22R 40-42L 60-62R"))) == [1, 1, 1, 1]


# 5. Other kinds of movement.


@pytest.mark.parametrize("kind", ["posture", "long"])
def test_another_kind_is_listed_ends_the_series_and_is_not_counted(kind: str) -> None:
    scored = wasm2016([*at(0, 20, 40, 70, 90), other(kind, 55, 58)])
    assert [s.movement.kind for s in scored] == ["leg"] * 3 + [kind] + ["leg"] * 2
    assert series(scored) == [None] * 6
    assert candidates(scored) == [True, True, True, False, True, True]
    assert intervals(scored) == [None, 20, 20, None, None, 20]
    assert (counted(scored).movements, counted(scored).candidates) == (5, 5)


def test_another_kind_is_neither_joined_nor_merged_nor_left_out() -> None:
    scored = wasm2016([lm(0, 2), other("posture", 2.1, 2.4), lm(2.2, 4.2, "right"), lm(2.4, 5)])
    assert [(e.movement.kind, e.movement.side) for e in scored] == [("leg", "both"), ("posture", "left")]


def test_another_kind_longer_than_a_series_of_pieces_does_not_take_them_in() -> None:
    assert len(join_pieces([other("posture", 0, 20), lm(5, 7), lm(20.2, 22)])) == 3


# 6. Missing data.


def test_gap_policy_1_a_gap_of_exactly_half_a_second_between_onsets_is_bridged() -> None:
    scored = wasm2016(at(0, 20, 40, 60), [(ns(30), ns(30.5))])
    assert (series(scored), intervals(scored)) == ([1, 1, 1, 1], [None, 20, 20, 20])


def test_gap_policy_1_a_gap_one_ns_over_half_a_second_ends_the_series_and_leaves_no_interval() -> None:
    scored = wasm2016(at(0, 20, 40, 60), [(ns(30), ns(30.5) + 1)])
    assert (series(scored), intervals(scored)) == ([None] * 4, [None, 20, None, 20])


def test_gap_policy_1_the_first_movement_after_a_gap_may_start_a_series() -> None:
    assert series(wasm2016(at(0, 20, 40, 60, 80, 100), [(ns(30), ns(35))])) == [None, None, 1, 1, 1, 1]


def test_gap_policy_1_short_gaps_do_not_add_up() -> None:
    gaps = [(ns(s), ns(s + 0.4)) for s in (22, 24, 26, 28, 30)]
    assert series(wasm2016(at(0, 20, 40, 60), gaps)) == [1, 1, 1, 1]


def test_gap_policy_1_gaps_that_touch_are_one() -> None:
    gaps = [(ns(30.3), ns(30.6)), (ns(30), ns(30.3))]
    assert intervals(wasm2016(at(0, 20, 40), gaps)) == [None, 20, None]


def test_gap_policy_1_a_gap_before_the_first_movement_changes_nothing() -> None:
    assert series(wasm2016(at(10, 30, 50, 70), [(0, ns(9))])) == [1, 1, 1, 1]


def test_gap_policy_2_a_movement_with_half_a_second_missing_inside_stays_a_candidate() -> None:
    assert candidates(wasm2016([lm(0, 4)], [(ns(1), ns(1.5))])) == [True]


def test_gap_policy_2_a_movement_with_one_ns_more_missing_inside_is_none() -> None:
    scored = wasm2016([*at(0, 20), lm(40, 44), *at(60, 80)], [(ns(41), ns(41.5) + 1)])
    assert candidates(scored) == [True, True, False, True, True]
    assert intervals(scored) == [None, 20, None, None, 20]


def test_gap_policy_2_only_what_lies_inside_the_movement_counts() -> None:
    assert candidates(wasm2016([lm(10, 14)], [(ns(5), ns(10)), (ns(13.5), ns(20))])) == [True]
    assert candidates(wasm2016([lm(10, 14)], [(ns(13.5) - 1, ns(20))])) == [False]


def test_gap_policy_3_an_onset_in_missing_time_was_not_seen_and_is_not_counted() -> None:
    assert candidates(wasm2016([lm(10, 14)], [(ns(9.7), ns(10))])) == [True]
    assert candidates(wasm2016([lm(10, 14)], [(ns(9.7), ns(10) + 1)])) == [False]
    assert candidates(wasm2016([lm(10, 14)], [(ns(10), ns(10.2))])) == [False]
    assert candidates(wasm2016([lm(10, 14)], [(ns(10) + 1, ns(10.2))])) == [True]


def test_gap_policy_3_missing_time_is_in_no_denominator() -> None:
    night = legmon.score(at(0, 20, 40, 60), gaps=[(1000, 2800), (2000, 2800)], duration_s=7200)
    assert night.analysed_ns == ns(5400)
    assert night.indices.hours == 1.5
    assert night.indices.periodic_per_hour == pytest.approx(4 / 1.5)


@pytest.mark.parametrize("gap", [(6.0, 20.0), (-20.0, 4.0)])
def test_gap_policy_3_only_missing_time_of_the_recording_is_taken_away(gap: tuple[float, float]) -> None:
    night = scored_night([], [(ns(gap[0]), ns(gap[1]))], ns(10))
    assert night.analysed_ns == sum(r.analysed for r in by_hour(night)) == ns(6)


def test_gaps_are_sorted_and_joined_and_empty_ones_left_out() -> None:
    assert normalise_gaps([(50, 60), (0, 10), (10, 20), (15, 18), (30, 30), (40, 35)]) == [(0, 20), (50, 60)]


def test_the_longest_missing_stretch_is_clipped_to_what_is_asked_for() -> None:
    gaps = [(0, 10), (20, 24), (90, 200)]
    assert [longest_missing(gaps, a, b) for a, b in [(0, 100), (8, 30), (9, 21), (10, 20), (95, 99)]] == [
        10,
        4,
        1,
        0,
        4,
    ]


# 7. Indices.


def test_indices_that_do_not_exist_are_none() -> None:
    assert indices([], 0) == Indices(0, 0, 0, 0, 0.0, None, None, None, None)


def test_indices_of_an_hour_without_movements() -> None:
    i = counted([])
    assert (i.periodic_per_hour, i.periodic_ratio, i.periodicity_index_2006) == (0.0, None, None)


def test_the_periodicity_index_2006_leaves_an_interval_of_exactly_10_s_out() -> None:
    assert counted(wasm2016(at(0, 10, 20, 30))).periodicity_index_2006 == 0.0
    slower = [lm(10 * n, late=n) for n in range(4)]
    assert counted(wasm2016(slower)).periodicity_index_2006 == 1.0


def test_the_periodicity_index_2006_takes_an_interval_of_exactly_90_s_in() -> None:
    assert counted(wasm2016(at(0, 90, 180, 270))).periodicity_index_2006 == 1.0
    slower = [lm(90 * n, late=n) for n in range(4)]
    assert counted(wasm2016(slower)).periodicity_index_2006 == 0.0


def test_the_periodicity_index_2006_needs_three_intervals_in_a_row() -> None:
    assert counted(wasm2016(at(0, 20, 40, 45, 65, 85))).periodicity_index_2006 == 0.0
    assert counted(wasm2016(at(0, 20, 40, 60, 65, 85))).periodicity_index_2006 == pytest.approx(3 / 5)


def test_the_periodicity_index_2006_does_not_count_across_an_undefined_interval() -> None:
    scored = wasm2016([*at(0, 20, 40), other("posture", 50, 52), *at(60, 80)])
    assert counted(scored).periodicity_index_2006 == 0.0


def test_the_periodic_ratio_is_periodic_over_candidates() -> None:
    assert counted(wasm2016(at(0, 20, 40, 60, 200))).periodic_ratio == pytest.approx(4 / 5)


def test_the_number_of_series_is_not_that_of_their_members() -> None:
    i = counted(wasm2016(at(*range(0, 200, 20), *range(400, 480, 20))))
    assert (i.periodic, i.series) == (14, 2)


def test_the_two_periodicity_indices_differ() -> None:
    i = counted(wasm2016(at(0, 10, 100, 130)))
    assert (i.periodicity_index_2006, i.periodic_ratio) == (0.0, 1.0)


def test_the_geometric_mean_takes_intervals_of_10_to_90_s_only() -> None:
    assert counted(wasm2016(at(0, 10, 100))).interval_geometric_mean_s == pytest.approx(30.0)
    outside = [lm(0), lm(10, late=-1), lm(100, late=0), lm(120)]
    assert counted(wasm2016(outside)).interval_geometric_mean_s == pytest.approx(20.0)
    assert counted(wasm2016(at(0, 5, 100))).interval_geometric_mean_s is None


def test_the_histogram_has_bins_of_2_s_up_to_100_s() -> None:
    onsets = [0, 2, 5.999, 9.999, 109.998]  # intervals 2, 3.999, 4, 99.999
    counts, longer = interval_histogram(wasm2016([lm(s, s + 1) for s in onsets]))
    assert (len(counts), longer) == (50, 0)
    assert {i: n for i, n in enumerate(counts) if n} == {1: 2, 2: 1, 49: 1}


def test_the_histogram_counts_100_s_and_more_apart() -> None:
    assert interval_histogram(wasm2016(at(0, 100, 300))) == ([0] * 50, 2)


# 8. A whole recording.


def test_by_hour_counts_onsets_and_time_with_samples() -> None:
    onsets = [3500, 3520, 3540, 3560, 3580, 3600, 3620, 8000]
    night = legmon.score(
        [*at(*onsets), other("posture", 100, 103)], gaps=[(3000, 3300), (7000, 7500)], duration_s=9000
    )
    rows = by_hour(night)
    assert [r.start for r in rows] == [0, HOUR, 2 * HOUR]
    assert [r.analysed for r in rows] == [ns(3300), ns(3400), ns(1500)]
    assert [r.movements for r in rows] == [5, 2, 1]
    assert [r.periodic for r in rows] == [5, 2, 0]
    assert sum(r.analysed for r in rows) == night.analysed_ns


def test_by_hour_of_a_whole_number_of_hours_has_no_empty_row_behind() -> None:
    assert len(by_hour(legmon.score([], duration_s=7200))) == 2
    assert len(by_hour(legmon.score([]))) == 1


def test_a_recording_ends_with_the_last_movement_where_nothing_else_is_said() -> None:
    assert legmon.score([lm(0, 2), lm(20, 29.5), lm(21, 22, "right")]).duration_ns == ns(29.5)


def test_another_rule_set_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'aasm2'; choose wasm2016, wasm2006, aasm"):
        legmon.score([], rules="aasm2")


def test_the_answer_has_the_shape_of_the_contract() -> None:
    movements = [
        LegMovement(ns(12.3450004), ns(14.1), "left", peak_mg=140.0),
        *(lm(s, s + 1, "right") for s in (33, 54, 75)),
        lm(75.2, 77),
        other("posture", 90, 95.0004),
    ]
    night = legmon.score(movements, rules="wasm2016", gaps=[(123.0, 125.5)], duration_s=7200.0)
    answer = json.loads(json.dumps(night.to_dict()))
    assert list(answer) == [
        "rules",
        "simulated",
        "detector",
        "duration_s",
        "analysed_s",
        "gaps",
        "movements",
        "indices",
        "plausible_periodic",
        "not_understood",
        "details",
    ]
    assert (answer["rules"], answer["simulated"], answer["detector"]) == ("wasm2016", False, None)
    assert (answer["duration_s"], answer["analysed_s"], answer["gaps"]) == (7200.0, 7197.5, [[123.0, 125.5]])
    assert answer["movements"][0] == {
        "onset_s": 12.345,
        "offset_s": 14.1,
        "leg": "left",
        "kind": "leg",
        "candidate": True,
        "periodic": True,
        "series": 1,
        "interval_s": None,
        "peak_mg": 140.0,
        "confidence": None,
        "calibrated_on": None,
    }
    assert [m["interval_s"] for m in answer["movements"]] == [None, 20.655, 21.0, 21.0, None]
    assert [m["leg"] for m in answer["movements"]] == ["left", "right", "right", "both", "left"]
    assert answer["movements"][-1] == {
        "onset_s": 90.0,
        "offset_s": 95.0,
        "leg": "left",
        "kind": "posture",
        "candidate": False,
        "periodic": False,
        "series": None,
        "interval_s": None,
        "peak_mg": None,
        "confidence": None,
        "calibrated_on": None,
    }
    hours = 7197.5 / 3600
    assert answer["indices"] == {
        "movements": 4,
        "candidates": 4,
        "periodic": 4,
        "series": 1,
        "hours": round(hours, 6),
        "periodic_per_hour": round(4 / hours, 4),
        "periodicity_index_2006": 1.0,
        "periodic_ratio": 1.0,
        "interval_geometric_mean_s": round((20.655 * 21 * 21) ** (1 / 3), 4),
    }


def test_the_answer_gives_null_where_an_index_does_not_exist() -> None:
    answer = legmon.score([]).to_dict()
    assert answer["movements"] == []
    assert {k for k, v in answer["indices"].items() if v is None} == {
        "periodic_per_hour",
        "periodicity_index_2006",
        "periodic_ratio",
        "interval_geometric_mean_s",
    }


def test_a_simulated_night_says_so() -> None:
    night = scored_night([], [], HOUR, origin_ns=5, simulated=True)
    assert (night.to_dict()["simulated"], night.origin_ns) == (True, 5)


# The worked examples of scoring.md, 1.5.

SEVEN = "0-2L 20-22L 40-42L 60-62L 80-82L 100-102L 120-122L"
EXAMPLES: dict[str, tuple[str, list[tuple[float, float]], tuple[int, int, int, int, int, float, float]]] = {
    # movements, gaps, (movements, candidates, periodic, series, intervals, index 2006, ratio)
    "E1 a smallest series": ("0-2L 20-22L 40-42L 60-62L", [], (4, 4, 4, 1, 3, 1, 1)),
    "E2 only three": ("0-2L 20-22L 40-42L", [], (3, 3, 0, 0, 2, 0, 0)),
    "E3 intervals of exactly 10 and 90 s": ("0-2L 10-12L 100-102L 130-132L", [], (4, 4, 4, 1, 3, 0, 1)),
    "E4 9.99 s, then regular": ("0-2L 9.99-11.99L 30-32L 50-52L 70-72L", [], (5, 5, 4, 1, 4, 0.75, 0.8)),
    "E5 90.01 s parts four from three": (
        "0-2L 30-32L 60-62L 90-92L 180.01-182.01L 210-212L 240-242L",
        [],
        (7, 7, 4, 1, 6, 0.5, 4 / 7),
    ),
    "E6a exactly 0.5 and 10 s long": ("0-0.5L 20-30L 45-47L 70-72L", [], (4, 4, 4, 1, 3, 1, 1)),
    "E6b 0.49 s is not seen": ("0-2L 20-20.49L 40-42L 60-62L 80-82L", [], (4, 4, 4, 1, 3, 1, 1)),
    "E7 10.01 s long in mid-series": (SEVEN.replace("40-42", "40-50.01"), [], (7, 6, 4, 1, 4, 0.75, 4 / 6)),
    "E8 legs overlap": ("0-2L 1-3R 20-22L 21-23R 40-42L 41-43R 60-62L 61-63R", [], (4, 4, 4, 1, 3, 1, 1)),
    "E9a legs 0.49 s apart": (
        "0-2L 2.49-4.49R 20-22L 22.49-24.49R 40-42L 42.49-44.49R 60-62L 62.49-64.49R",
        [],
        (4, 4, 4, 1, 3, 1, 1),
    ),
    "E9b legs 0.5 s apart": (
        "0-2L 2.5-4.5R 20-22L 22.5-24.5R 40-42L 42.5-44.5R 60-62L 62.5-64.5R",
        [],
        (8, 8, 0, 0, 7, 0, 0),
    ),
    "E10a both legs, exactly 15 s": ("0-8L 7-15R 30-32L 50-52L 70-72L", [], (4, 4, 4, 1, 3, 1, 1)),
    "E10b both legs, 15.01 s": ("0-8L 7-15.01R 30-32L 50-52L 70-72L", [], (4, 3, 0, 0, 2, 0, 0)),
    "E10c both legs, five parts": (
        "0-2L 1.8-4R 3.8-6L 5.8-8R 7.8-10L 30-32L 50-52L 70-72L 90-92R",
        [],
        (5, 4, 4, 1, 3, 1, 1),
    ),
    "E11 both legs, a part of 11 s": (
        "0-2L 20-31L 30-32R 50-52L 70-72L 90-92L",
        [],
        (5, 4, 0, 0, 2, 0, 0),
    ),
    "E12 pieces 0.4 s apart": ("0-1L 1.4-3L 20-22L 40-42L 60-62L", [], (4, 4, 4, 1, 3, 1, 1)),
    "E13a 5 s missing in mid-series": (SEVEN, [(50, 55)], (7, 7, 4, 1, 5, 0.6, 4 / 7)),
    "E13b 0.3 s missing in mid-series": (SEVEN, [(50, 50.3)], (7, 7, 7, 1, 6, 1, 1)),
    "E13c missing inside a movement": (SEVEN + " 140-142L", [(61, 63.5)], (8, 7, 4, 1, 5, 0.6, 4 / 7)),
    "E14 series go over sleep and wake": (
        "0-2L 20-22L 40-42L 60-62L 80-82L 100-102L",
        [],
        (6, 6, 6, 1, 5, 1, 1),
    ),
    "E15 with the respiratory one": ("0-2L 20-22L 40-42L 60-62L 80-82L", [], (5, 5, 5, 1, 4, 1, 1)),
    "E15 without the respiratory one": ("0-2L 20-22L 60-62L 80-82L", [], (4, 4, 4, 1, 3, 1, 1)),
    "E16 E20 seen from one leg": ("0-2L 22-24L 44-46L", [], (3, 3, 0, 0, 2, 0, 0)),
    "E17 burst, then rhythm": ("0-1L 3-4L 6-7L 25-26L 45-46L 65-66L", [], (6, 6, 4, 1, 5, 0.6, 4 / 6)),
    "E18 the recording ends with the series": ("40-42L 60-62L 80-82L 100-102L", [], (4, 4, 4, 1, 3, 1, 1)),
    "E19 two runs, 5 s between": (
        "0-1L 20-21L 40-41L 60-61L 65-66L 85-86L 105-106L 125-126L 145-146L",
        [],
        (9, 9, 9, 2, 8, 0.875, 1),
    ),
    "E20 legs in turn, 11 s": ("0-2L 11-13R 22-24L 33-35R 44-46L 55-57R", [], (6, 6, 6, 1, 5, 1, 1)),
    "E21 an interval of 5 s is in no series here": ("0-1L 5-6L 10-11L 15-16L", [], (4, 4, 0, 0, 3, 0, 0)),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_worked_example(name: str) -> None:
    spans, gaps, expected = EXAMPLES[name]
    scored = wasm2016(parse(spans), [(ns(a), ns(b)) for a, b in gaps])
    i = counted(scored)
    measured = sum(s.interval is not None for s in scored)
    assert (i.movements, i.candidates, i.periodic, i.series, measured) == expected[:5]
    assert (i.periodicity_index_2006, i.periodic_ratio) == pytest.approx(expected[5:])
    assert i.periodic_per_hour == i.periodic  # of one hour


def test_every_shared_example() -> None:
    examples = json.loads((DATA / "examples.json").read_text())
    assert len(examples) == 22
    for example in examples:
        expect = example["expect"]
        movements = [lm(a, b, "left" if side == "L" else "right") for a, b, side in example["lms"]]
        scored = wasm2016(movements, [(ns(a), ns(b)) for a, b in example["gaps"]])
        i = counted(scored)
        measured = sum(s.interval is not None for s in scored)
        assert (i.movements, i.candidates, i.periodic, i.series, measured, i.periodic_per_hour) == tuple(
            expect[key] for key in ("nLM", "nCLM", "nPLM", "series", "nIMI", "PLMI")
        ), example["name"]
        assert (i.periodicity_index_2006, i.periodic_ratio) == pytest.approx(
            (expect["PI_2006"], expect["PI_ratio"]), abs=6e-4
        ), example["name"]
        assert math.log(i.interval_geometric_mean_s or 0) == pytest.approx(expect["mean_logIMI"], abs=6e-4)
        for s, (onset, offset, _, clm, plm, interval) in zip(scored, example["events"], strict=True):
            assert (s.movement.onset, s.movement.offset) == (ns(onset), ns(offset)), example["name"]
            assert (s.candidate, s.periodic) == (clm == "CLM", plm == "PLM"), example["name"]
            assert s.interval == (None if interval is None else ns(interval)), example["name"]


def test_every_shared_case_agrees_with_plmscore() -> None:
    cases = json.loads((DATA / "cases.json").read_text())
    assert len(cases) == 396
    for case in cases:
        movements = [lm(a, b, "left") for a, b in case["left"]] + [
            lm(a, b, "right") for a, b in case["right"]
        ]
        found = [
            [
                round(s.movement.onset / NS, 6),
                round(s.movement.offset / NS, 6),
                s.movement.side,
                s.candidate,
                s.periodic,
            ]
            for s in wasm2016(movements)
        ]
        expected = [[round(a, 6), round(b, 6), *rest] for a, b, *rest in case["expect"]["movements"]]
        assert found == expected, case["id"]


# Invariants.


@st.composite
def movement(draw: st.DrawFn) -> LegMovement:
    onset = draw(st.integers(0, 2400)) * NS // 4
    duration = draw(st.integers(1, 60)) * NS // 4
    kind = draw(st.sampled_from(["leg"] * 9 + ["posture"]))
    return LegMovement(onset, onset + duration, draw(st.sampled_from(["left", "right"])), kind)


recordings = st.lists(movement(), max_size=40, unique_by=lambda m: (m.onset_ns, m.leg))
gap_lists = st.lists(
    st.tuples(st.integers(0, 2400), st.integers(1, 8)).map(
        lambda g: (g[0] * NS // 4, (g[0] + g[1]) * NS // 4)
    ),
    max_size=5,
)


def check_series(scored: list[ScoredMovement]) -> None:
    """Every series has four members or more, one behind the other, 10 to 90 s apart."""
    members: dict[int, list[int]] = {}
    for place, s in enumerate(scored):
        if s.series is not None:
            members.setdefault(s.series, []).append(place)
    assert list(members) == list(range(1, len(members) + 1))
    for places in members.values():
        assert len(places) >= 4
        assert places == list(range(places[0], places[-1] + 1))
        for a, b in pairwise(places):
            assert 10 * NS <= scored[b].movement.onset - scored[a].movement.onset <= 90 * NS
        assert all(scored[p].candidate for p in places)


@settings(deadline=None)
@given(recordings, gap_lists, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    movements: list[LegMovement], gaps: list[tuple[int, int]], random: Any
) -> None:
    shuffled, mixed = list(movements), list(gaps)
    random.shuffle(shuffled)
    random.shuffle(mixed)
    assert wasm2016(shuffled, mixed) == wasm2016(movements, gaps)


@settings(deadline=None)
@given(recordings, gap_lists, st.integers(0, 40))
def test_a_part_of_a_recording_never_has_a_series_of_fewer_than_four(
    movements: list[LegMovement], gaps: list[tuple[int, int]], cut: int
) -> None:
    ordered = sorted(movements, key=lambda m: m.onset_ns)
    for part in (ordered, ordered[:cut], ordered[cut:]):
        check_series(wasm2016(part, gaps))


def test_a_scored_night_shows_itself_on_one_line() -> None:
    movements = [lm(60 * n, 60 * n + 2, "left") for n in range(60)]
    assert (
        repr(legmon.score(movements, duration_s=3600)) == "<WASM 2016: 60 LM, 60 periodic, 60.0/h in 1.00 h>"
    )
    assert repr(legmon.score([], "aasm")) == "<AASM: 0 LM, 0 periodic in 0.00 h>"
    simulated = scored_night(movements, [], 3600 * NS, simulated=True)
    assert repr(simulated) == "<WASM 2016, simulated: 60 LM, 60 periodic, 60.0/h in 1.00 h>"
