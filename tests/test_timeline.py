"""Where a sample belongs and when it was taken: nothing lost unnamed, time within 50 ms over a night."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from legmon.movement import NS
from legmon.timeline.axis import WRAP, Placed, SampleAxis
from legmon.timeline.clock import Anchor, ArrivalClock, TimeMap

START = 1_790_000_000 * NS
DECLARED = 50.0
TRUE = 50.6  # 1.2 % off


def axis_at(stream: int = 7, first: int = 0, count: int = 25) -> SampleAxis:
    """An axis that has one frame."""
    axis = SampleAxis()
    axis.place(stream, first, count)
    return axis


# The axis.


def test_the_first_frame_begins_the_night_whatever_its_index() -> None:
    axis = SampleAxis()
    assert (axis.stream, axis.next) == (None, 0)
    assert axis.place(7, 1_000_000, 25) == Placed(0, 0, 0, new_stream=True)
    assert (axis.stream, axis.next) == (7, 25)


def test_frames_that_follow_leave_nothing_out() -> None:
    axis = axis_at()
    assert axis.place(7, 25, 25) == Placed(25, 0, 0, new_stream=False)
    assert axis.place(7, 50, 1) == Placed(50, 0, 0, new_stream=False)
    assert axis.next == 51


@pytest.mark.parametrize("lost", [1, 24, 25, 26, 1_000_000])
def test_what_is_missing_in_a_stream_is_counted_exactly(lost: int) -> None:
    axis = axis_at()
    assert axis.place(7, 25 + lost, 25) == Placed(25 + lost, 0, lost, new_stream=False)
    assert axis.next == 50 + lost
    assert axis.place(7, 50 + lost, 25).missing == 0


@pytest.mark.parametrize(("first", "count"), [(0, 25), (0, 5), (24, 1), (10, 15)])
def test_a_frame_received_before_is_skipped_wholly(first: int, count: int) -> None:
    axis = axis_at()
    assert axis.place(7, first, count) == Placed(25, count, 0, new_stream=False)
    assert axis.next == 25
    assert axis.place(7, 25, 25) == Placed(25, 0, 0, new_stream=False)


def test_a_frame_received_in_part_is_skipped_in_part() -> None:
    axis = axis_at()
    assert axis.place(7, 15, 25) == Placed(25, 10, 0, new_stream=False)
    assert axis.next == 40
    assert axis.place(7, 40, 25) == Placed(40, 0, 0, new_stream=False)


def test_the_sensor_s_index_wraps() -> None:
    axis = axis_at(first=WRAP - 40)
    assert axis.place(7, WRAP - 15, 25) == Placed(25, 0, 0, new_stream=False)
    assert axis.place(7, 10, 25) == Placed(50, 0, 0, new_stream=False)


def test_what_is_missing_over_a_wrap_is_counted_exactly() -> None:
    axis = axis_at(first=WRAP - 40)
    assert axis.place(7, 5, 25) == Placed(45, 0, 20, new_stream=False)


def test_a_frame_received_before_a_wrap_is_skipped() -> None:
    axis = axis_at(first=WRAP - 20)  # the next is 5
    assert axis.place(7, WRAP - 20, 25) == Placed(25, 25, 0, new_stream=False)
    assert axis.place(7, WRAP - 5, 25) == Placed(25, 10, 0, new_stream=False)
    assert axis.place(7, 20, 5) == Placed(40, 0, 0, new_stream=False)


def test_a_new_stream_is_placed_by_time() -> None:
    axis = axis_at()
    assert axis.place(8, 300, 10, if_new=90) == Placed(90, 0, 65, new_stream=True)
    assert (axis.stream, axis.next) == (8, 100)
    assert axis.place(8, 312, 10, if_new=5000) == Placed(102, 0, 2, new_stream=False)


def test_a_new_stream_is_never_placed_before_what_is_recorded() -> None:
    axis = axis_at()
    assert axis.place(8, 0, 10, if_new=20) == Placed(25, 0, 0, new_stream=True)
    assert axis.next == 35


def test_an_earlier_stream_that_comes_back_is_a_new_one() -> None:
    axis = axis_at()
    axis.place(8, 0, 10, if_new=100)
    assert axis.place(7, 25, 5, if_new=200) == Placed(200, 0, 90, new_stream=True)


def test_a_restarted_program_goes_on_with_the_stream() -> None:
    axis = SampleAxis()
    axis.resume(7, 1000, 400)
    assert (axis.stream, axis.next) == (7, 400)
    assert axis.place(7, 1050, 25) == Placed(450, 0, 50, new_stream=False)


def test_a_restarted_program_goes_on_over_a_wrap() -> None:
    axis = SampleAxis()
    axis.resume(7, WRAP + 3, 400)
    assert axis.place(7, 3, 25) == Placed(400, 0, 0, new_stream=False)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=30),
    st.integers(0, WRAP - 1),
)
def test_every_sample_gets_its_own_index_and_every_hole_its_length(
    frames: list[tuple[int, int]], origin: int
) -> None:
    """Frames that start up to 30 samples before or behind where they should, over a wrap or not."""
    axis = axis_at(first=origin, count=100)
    expected = 100  # index in the stream
    for shift, count in frames:
        first = expected + shift - 30
        placed = axis.place(7, (origin + first) % WRAP, count)
        skip = min(max(expected - first, 0), count)
        assert (placed.skip, placed.missing) == (skip, max(first - expected, 0))
        assert placed.first == max(first, expected)
        expected = max(expected, first + count)
        assert axis.next == expected


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


def fitted(arrivals: Arrivals, first: int = 0) -> Anchor:
    clock = ArrivalClock(first, DECLARED)
    for end, at in zip(*(a.tolist() for a in arrivals), strict=True):
        clock.observe(end + first, at)
    return clock.fit()


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


def test_ahead_says_how_far_a_frame_is_off_and_forgetting_makes_all_new() -> None:
    axis = SampleAxis()
    axis.place(7, 100, 10)
    assert [axis.ahead(7, first) for first in (110, 115, 100, 0)] == [0, 5, -10, -110]
    assert axis.ahead(8, 5) == 0
    axis.forget()
    assert axis.place(7, 0, 10, if_new=30).new_stream
