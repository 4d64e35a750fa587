"""Where a sample belongs and when it was taken: nothing lost unnamed, time within 50 ms over a night."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from legmon.movement import NS
from legmon.timeline.clock import (
    Anchor,
    ArrivalClock,
    TimeMap,
    _line,
    _lines,
    _median,
    _nearest,
    _tenth_percentile,
)

START = 1_790_000_000 * NS
DECLARED = 50.0
TRUE = 50.6  # 1.2 % off


# The clock.

Arrivals = tuple[NDArray[np.int64], NDArray[np.int64]]


def night(hours: float, seed: int = 1, true_hz: float = TRUE) -> Arrivals:
    """Frames of 0.5 s with an exponential lateness of 20 ms: index after each, and arrival in ns."""
    ends = np.arange(25, round(hours * 3600 * true_hz), 25, dtype=np.int64)
    late = np.random.default_rng(seed).exponential(0.020, len(ends))
    return ends, START + np.round((ends / true_hz + late) * NS).astype(np.int64)


def stalled(arrivals: Arrivals, from_s: float, seconds: float) -> Arrivals:
    """Nothing arrives for a while, then all of it at once."""
    ends, at = arrivals
    begin = START + round(from_s * NS)
    freed = begin + round(seconds * NS)
    return ends, np.where((at >= begin) & (at < freed), freed, at)


@given(st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats(-1e12, 1e12)), min_size=1, max_size=60))
def test_the_median_and_the_percentile_are_those_of_numpy_to_the_bit(values: list[float]) -> None:
    array = np.array(values)
    assert (_median(array), _tenth_percentile(array)) == (np.median(array), np.percentile(array, 10))


@given(
    st.lists(st.integers(1, 200_000), min_size=5, max_size=60, unique=True),
    st.lists(st.floats(0, 200_000), min_size=1, max_size=8),
)
def test_the_nearest_are_those_of_a_stable_sort_and_a_line_through_them_is_the_same_one_by_one(
    at: list[int], places: list[float]
) -> None:
    x, wanted = np.array(sorted(at), dtype=np.float64), np.array(places)
    count = min(11, len(x))
    found = _nearest(x, wanted, count)
    y = np.cumsum(np.sin(x) * 1e6)
    slopes, offsets = _lines(x[found], y[found])
    for k, place in enumerate(places):
        near = np.sort(np.argsort(np.abs(x - place), kind="stable")[:count])
        np.testing.assert_array_equal(found[k], near)
        assert (slopes[k], offsets[k]) == _line(x[near], y[near])


def fitted(arrivals: Arrivals, first: int = 0) -> Anchor:
    clock = ArrivalClock(first, DECLARED)
    for end, at in zip(*(a.tolist() for a in arrivals), strict=True):
        clock.observe(end + first, at)
    return clock.fit()


def check_time(
    arrivals: Arrivals, anchors: list[Anchor], truth: NDArray[np.float64], within_s: float
) -> None:
    """Compare the time of every frame's end with the truth, s."""
    time = TimeMap(anchors)
    off = [
        abs((time.utc(int(e)) - START) / NS - t)
        for e, t in zip(arrivals[0].tolist(), truth.tolist(), strict=True)
    ]
    assert max(off) < within_s


def drifting(hours: float, *, warming: float = 0.004, seed: int = 3) -> tuple[Arrivals, NDArray[np.float64]]:
    """A sensor whose rate creeps by some permille while the ankle warms it, and wanders with it through the night."""
    ends = np.arange(25, round(hours * 3600 * TRUE), 25, dtype=np.int64)
    nominal = ends / TRUE
    truth = (
        nominal + warming * 1800 * (1 - np.exp(-nominal / 1800)) + 0.3 * np.sin(2 * np.pi * nominal / 7200)
    )
    late = np.random.default_rng(seed).exponential(0.020, len(ends))
    return (ends, START + np.round((truth + late) * NS).astype(np.int64)), truth


def test_a_rate_that_drifts_with_its_temperature_is_followed_within_50_ms() -> None:
    arrivals, truth = drifting(8)
    clock = ArrivalClock(0, DECLARED)
    for end, at in zip(*(a.tolist() for a in arrivals), strict=True):
        clock.observe(end, at)
    check_time(arrivals, clock.anchors(), truth, 0.050)
    assert len(clock.anchors()) > 10


def test_the_pieces_of_a_drifting_clock_meet_without_a_step() -> None:
    arrivals, _ = drifting(8)
    clock = ArrivalClock(0, DECLARED)
    for end, at in zip(*(a.tolist() for a in arrivals), strict=True):
        clock.observe(end, at)
    anchors = clock.anchors()
    assert len(anchors) > 10
    for a, b in pairwise(anchors):
        assert abs(a.utc(b.first) - b.utc_ns) < 1000


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, 7.0, -1.5])
def test_a_host_clock_that_is_set_between_two_recorders_changes_nothing_in_the_night(jump_s: float) -> None:
    ends, at = night(8)
    set_at = START + 3 * 3600 * NS
    clock = ArrivalClock(0, DECLARED)
    for k, (end, arrival) in enumerate(zip(ends.tolist(), at.tolist(), strict=True)):
        if arrival > set_at >= at[k - 1]:
            clock.restarted()
        clock.observe(end, arrival + round(jump_s * NS) * (arrival > set_at))
    check_night(clock.fit(), (ends, at))


@pytest.mark.parametrize("stood_s", [1.5, 3.0, 20.0])
def test_a_sensor_that_stood_still_without_counting_is_right_again_minutes_later(stood_s: float) -> None:
    ends, at = night(8)
    stood = START + 3 * 3600 * NS
    later = np.where(at > stood, at + round(stood_s * NS), at)
    clock = ArrivalClock(0, DECLARED)
    for end, arrival in zip(ends.tolist(), later.tolist(), strict=True):
        clock.observe(end, arrival)
    time = TimeMap(clock.anchors())
    for hours in (1, 2.8, 3.2, 5, 7.9):
        index = round(hours * 3600 * TRUE)
        truth = START + round((index / TRUE + stood_s * (hours > 3)) * NS)
        assert abs(time.utc(index) - truth) < 0.050 * NS


def test_one_line_is_enough_for_a_steady_sensor() -> None:
    ends, at = night(8)
    clock = ArrivalClock(0, DECLARED)
    for end, arrival in zip(ends.tolist(), at.tolist(), strict=True):
        clock.observe(end, arrival)
    assert len(clock.anchors()) == 1


def check_night(anchor: Anchor, arrivals: Arrivals) -> None:
    assert abs(anchor.rate_hz / TRUE - 1) < 20e-6
    last = int(arrivals[0][-1])
    for index in (0, last // 2, last):
        assert abs(anchor.utc(anchor.first + index) - (START + index * NS / TRUE)) < 0.050 * NS


@pytest.mark.parametrize("seed", [1, 2])
def test_a_rate_1_2_percent_off_is_found_within_20_ppm_and_time_within_50_ms(seed: int) -> None:
    arrivals = night(8, seed)
    check_night(fitted(arrivals), arrivals)


def test_a_stall_and_bursts_do_not_move_the_clock() -> None:
    arrivals = stalled(night(8), 4000, 30)
    for at in range(600, 27000, 900):
        arrivals = stalled(arrivals, at, 10)
    check_night(fitted(arrivals), arrivals)


@pytest.mark.parametrize("at", [0.0, 8 * 3600 - 30.0])
def test_a_stall_at_either_end_does_not_move_the_clock(at: float) -> None:
    arrivals = stalled(night(8), at, 30)
    check_night(fitted(arrivals), arrivals)


def test_stalls_over_a_fifth_of_the_night_do_not_move_the_clock() -> None:
    arrivals = night(8)
    for at in range(200, 28_000, 290):
        arrivals = stalled(arrivals, at, 58)
    check_night(fitted(arrivals), arrivals)


def test_a_rate_as_declared_gives_the_time_of_the_earliest_arrivals() -> None:
    anchor = fitted(night(8, true_hz=DECLARED))
    assert abs(anchor.utc(0) - START) < 0.005 * NS
    assert abs(anchor.utc(1_400_000) - (START + 28_000 * NS)) < 0.005 * NS


def test_hours_without_the_link_do_not_move_the_clock() -> None:
    ends, at = night(8)
    here = (at < START + 2 * 3600 * NS) | (at > START + 5 * 3600 * NS)
    check_night(fitted((ends[here], at[here])), (ends, at))


def test_a_stream_that_begins_later_has_its_own_line() -> None:
    arrivals = night(2)
    anchor = fitted(arrivals, first=100_000)
    assert anchor.first == 100_000
    assert abs(anchor.utc(100_000) - START) < 0.050 * NS


def test_the_first_minutes_use_the_declared_rate() -> None:
    ends, at = night(1)
    clock = ArrivalClock(0, DECLARED)
    for end, arrival in zip(ends.tolist(), at.tolist(), strict=True):
        clock.observe(end, arrival)
        if arrival < START + 85 * NS:
            assert clock.fit().rate_hz == pytest.approx(DECLARED, rel=1e-12)
        if arrival > START + 600 * NS:
            break
    assert clock.fit().rate_hz == pytest.approx(TRUE, rel=1e-3)


def test_observe_tells_when_half_a_minute_is_complete() -> None:
    clock = ArrivalClock(0, DECLARED)
    told = [clock.observe(end, START + end * NS // 50) for end in range(25, 4526, 25)]
    assert [25 * (i + 1) for i, new in enumerate(told) if new] == [1500, 3000, 4500]


def test_without_lateness_the_line_is_exact() -> None:
    clock = ArrivalClock(0, DECLARED)
    for end in range(25, 50_000, 25):
        clock.observe(end, START + end * NS // 40)
    anchor = clock.fit()
    assert anchor.rate_hz == pytest.approx(40.0, rel=1e-9)
    assert anchor.utc(10_000) == pytest.approx(START + 250 * NS, abs=1000)


def test_a_clock_that_has_seen_nothing_cannot_say() -> None:
    with pytest.raises(ValueError, match="no frame has arrived"):
        ArrivalClock(0, DECLARED).fit()


# From index to time and back.

TWO = TimeMap([Anchor(1000, START + 30 * NS, 40.0), Anchor(0, START, 50.0)])


def test_each_stream_goes_by_its_own_anchor() -> None:
    assert TWO.utc(0) == START
    assert TWO.utc(999) == START + 19_980_000_000
    assert TWO.utc(1000) == START + 30 * NS
    assert TWO.utc(1040) == START + 31 * NS
    assert [TWO.at(i).first for i in (0, 999, 1000, 5000)] == [0, 0, 1000, 1000]


def test_an_end_is_when_the_sample_before_is_over() -> None:
    assert TWO.end_utc(1000) == START + 20 * NS  # of the first stream, not the start of the second
    assert TWO.end_utc(1001) == START + 30 * NS + NS // 40


def test_before_the_first_anchor_its_line_goes_on() -> None:
    later = TimeMap([Anchor(100, START, 50.0)])
    assert later.utc(0) == START - 2 * NS
    assert later.index(START - 2 * NS) == 0


def test_the_nearest_sample_to_a_time() -> None:
    anchor = Anchor(10, START, 50.0)
    assert [anchor.index(START + late) for late in (0, 9_000_000, 11_000_000, -11_000_000)] == [10, 10, 11, 9]


@settings(deadline=None)
@given(st.integers(0, 3_000_000), st.floats(20.0, 500.0), st.floats(20.0, 500.0))
def test_index_to_time_and_back(index: int, rate: float, later_rate: float) -> None:
    first = Anchor(0, START, rate)
    time = TimeMap([first, Anchor(1_000_000, first.utc(1_000_100), later_rate)])
    assert time.index(time.utc(index)) == index


def test_a_night_without_anchors_has_no_time() -> None:
    with pytest.raises(ValueError, match="without anchors"):
        TimeMap([])
