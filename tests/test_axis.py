"""Where a sample belongs in the night: every index once, nothing missing unnamed, what comes late in its place."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legmon.timeline.axis import WRAP, Pending, Piece, SampleAxis
from legmon.timeline.plausibility import UptimeCheck


def axis_at(first: int = 0, count: int = 25, *, stream: int = 7) -> SampleAxis:
    """An axis that has one frame."""
    axis = SampleAxis()
    axis.begin(stream, first, 0)
    axis.place(stream, first, count, "x")
    return axis


def test_the_first_frame_begins_the_night_whatever_its_index() -> None:
    axis = SampleAxis()
    assert (axis.stream, axis.next) == (None, 0)
    axis.begin(7, 1_000_000, 0)
    assert axis.place(7, 1_000_000, 25, "x") == [Piece(0, 0, 25)]
    assert (axis.stream, axis.next) == (7, 25)


def test_frames_that_follow_leave_nothing_out() -> None:
    axis = axis_at()
    assert axis.place(7, 25, 25, "x") == [Piece(25, 0, 25)]
    assert axis.place(7, 50, 1, "x") == [Piece(50, 0, 1)]
    assert (axis.next, axis.pending) == (51, ())


@pytest.mark.parametrize("lost", [1, 24, 25, 26, 1_000_000])
def test_what_is_missing_in_a_stream_is_counted_exactly_and_may_still_come(lost: int) -> None:
    axis = axis_at()
    assert axis.place(7, 25 + lost, 25, "lost") == [Piece(25 + lost, 0, 25)]
    assert axis.pending == (Pending(25, 25 + lost, "lost"),)
    assert axis.oldest_pending() == (7, 25, lost)


def test_what_comes_late_fills_its_place_in_any_order_and_only_once() -> None:
    axis = axis_at()
    axis.place(7, 125, 25, "lost")
    assert axis.place(7, 80, 30, "x") == [Piece(80, 0, 30)]
    assert axis.pending == (Pending(25, 80, "lost"), Pending(110, 125, "lost"))
    assert axis.place(7, 20, 100, "x") == [Piece(25, 5, 55), Piece(110, 90, 10)]
    assert axis.place(7, 0, 150, "x") == [Piece(120, 120, 5)]
    assert axis.place(7, 0, 150, "x") == []
    assert axis.oldest_pending() is None


@pytest.mark.parametrize(("first", "count"), [(0, 25), (0, 5), (24, 1), (10, 15)])
def test_a_frame_received_before_adds_nothing(first: int, count: int) -> None:
    axis = axis_at()
    assert axis.place(7, first, count, "x") == []
    assert axis.next == 25


def test_a_frame_received_in_part_adds_the_rest() -> None:
    assert axis_at().place(7, 15, 25, "x") == [Piece(25, 10, 15)]


def test_the_sensor_s_index_wraps() -> None:
    axis = axis_at(WRAP - 40)
    assert axis.place(7, 5, 25, "lost") == [Piece(45, 0, 25)]
    assert axis.oldest_pending() == (7, WRAP - 15, 20)
    assert axis.place(7, WRAP - 15, 20, "x") == [Piece(25, 0, 20)]
    assert axis.pending == ()


def test_a_new_stream_begins_where_time_says_and_the_old_one_s_tail_is_waited_for() -> None:
    axis = axis_at()
    assert axis.await_tail(7, 40, "restarted") == 15
    assert axis.skip(90) == 50
    axis.begin(8, 0, 90)
    assert axis.place(8, 10, 10, "lost") == [Piece(100, 0, 10)]
    assert axis.pending == (Pending(25, 40, "restarted"), Pending(90, 100, "lost"))
    assert axis.oldest_pending() == (7, 25, 15)
    assert axis.place(7, 20, 100, "x") == [Piece(25, 5, 15)], "an old stream never reaches into the next"
    assert axis.oldest_pending() == (8, 0, 10)


def test_a_stream_never_begins_before_what_is_recorded() -> None:
    with pytest.raises(ValueError, match="cannot begin at 20"):
        axis_at().begin(8, 0, 20)


def test_forgetting_makes_the_same_number_a_new_stream() -> None:
    axis = axis_at(100, 10)
    assert [axis.index(7, first) for first in (110, 115, 100, 0)] == [
        axis.next + k for k in (0, 5, -10, -110)
    ]
    axis.forget()
    assert axis.index(7, 110) is None
    axis.begin(7, 0, 30)
    assert axis.place(7, 0, 10, "x") == [Piece(30, 0, 10)]


def test_giving_up_names_what_was_waited_for() -> None:
    axis = axis_at()
    axis.place(7, 125, 25, "lost")
    assert axis.give_up(0, 60) == [Pending(25, 60, "lost")]
    assert axis.give_up(0, 60) == []
    assert axis.give_up(0, axis.next) == [Pending(60, 125, "lost")]


@pytest.mark.parametrize("device", [1000, WRAP - 100])
def test_a_restarted_program_goes_on_with_the_stream_and_its_holes(device: int) -> None:
    axis = SampleAxis()
    axis.resume(
        [(3, 0, 0), (7, device, 150)], [(0, 100, ""), (100, 150, ""), (150, 200, ""), (300, 400, "down")]
    )
    assert (axis.stream, axis.next, axis.pending) == (7, 400, (Pending(200, 300, "down"),))
    assert axis.oldest_pending() == (7, (device + 50) % WRAP, 100)
    assert axis.place(7, (device + 250 + 50) % WRAP, 25, "down") == [Piece(450, 0, 25)]


@settings(deadline=None)
@given(st.integers(0, WRAP - 1), st.integers(0, 2**32), st.integers(2, 40))
def test_whatever_order_frames_come_in_every_sample_has_its_place_once(
    origin: int, seed: int, n: int
) -> None:
    draws = random.Random(seed)
    cuts = sorted({0, *(draws.randrange(1, 1000) for _ in range(n)), 1000})
    frames = [(a, b - a) for a, b in pairwise(cuts)]
    shuffled = frames[1:] + draws.choices(frames, k=n)
    draws.shuffle(shuffled)
    axis = axis_at(origin, frames[0][1])
    seen = list(range(frames[0][1]))
    for first, count in shuffled:
        for p in axis.place(7, (origin + first) % WRAP, count, "x"):
            assert p.first - p.skip == first
            seen += range(p.first, p.first + p.count)
        waiting = [i for p in axis.pending for i in range(p.first, p.end)]
        assert sorted(seen + waiting) == list(range(axis.next))
    assert sorted(seen) == list(range(1000))


# Whether index and uptime belong together.


@pytest.mark.parametrize("rate", [47.6, 50.0, 52.5])
def test_an_index_is_believed_where_the_sensor_s_uptime_agrees(rate: float) -> None:
    check = UptimeCheck(50.0)
    for index in range(0, 1_000_000, 25):
        assert check.believes(index, round(5e6 + index / rate * 1e6))
        check.learn(index, round(5e6 + index / rate * 1e6))
    for wrong in (200, 5000, -5000, 1 << 20):
        assert not check.believes(1_000_000 + wrong, round(5e6 + 1e6 / rate * 1e6))
    assert check.believes(250, round(5e6 + 250 / rate * 1e6)), "hours later, what comes late is known as well"
    assert check.believes(12345, 0), "a sensor without a clock is not asked"
