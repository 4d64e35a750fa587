"""Marks of the person: a leg and a time, whatever movements a detector finds there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from legmon.movement import NS, Leg, LegMovement
from legmon.night.marks import Mark, mark_of, marked_movements
from legmon.night.track import LegTrack
from legmon.timeline.clock import Anchor

BEGAN = 1_790_000_000 * NS


def track(spans: Sequence[tuple[float, float]], leg: Leg = "left") -> LegTrack:
    """A leg at 50 Hz with movements from and to these seconds."""
    movements = [LegMovement(0, 0, leg, first=round(a * 50), end=round(b * 50)) for a, b in spans]
    return LegTrack(leg, 10_000, movements, [], [Anchor(0, BEGAN, 50.0)], simulated=True)


def mark(start_s: float, end_s: float, leg: Leg = "left") -> Mark:
    return Mark(leg, BEGAN + round(start_s * NS), BEGAN + round(end_s * NS))


@pytest.mark.parametrize(
    ("start_s", "end_s", "first_s"),
    [
        (10.0, 12.0, 10.0),  # as it was marked
        (9.5, 12.4, 10.0),  # another detector has other edges
        (11.0, 21.5, 20.0),  # over two of them: 1 s of the first, 1.5 s of the second
        (11.5, 20.5, 10.0),  # equally much of both: the earlier one
        (10.5, 10.5, 10.0),  # a moment inside
        (12.0, 20.0, None),  # between them, from edge to edge
        (30.0, 31.0, None),
    ],
)
def test_a_mark_is_of_the_movement_that_it_overlaps_most(
    start_s: float, end_s: float, first_s: float | None
) -> None:
    left, mine = track([(10.0, 12.0), (20.0, 22.0)]), mark(start_s, end_s)
    found = marked_movements([left], [mine])
    if first_s is None:
        assert (found.movements, found.unmatched) == ({}, [mine])
    else:
        assert (found.movements, found.unmatched) == ({("left", round(first_s * 50)): [mine]}, [])


def test_a_mark_of_the_other_leg_or_of_a_leg_that_is_not_there_has_no_movement() -> None:
    mine = mark(10, 12, "right")
    assert marked_movements([track([(10, 12)])], [mine]).unmatched == [mine]
    both = [track([(10, 12)]), track([(10, 12)], "right")]
    assert marked_movements(both, [mine]).movements == {("right", 500): [mine]}


def test_two_marks_of_one_movement_are_one_movement() -> None:
    one, two = mark(10, 10.5), mark(11, 12)
    assert marked_movements([track([(10, 12)])], [one, two]).movements == {("left", 500): [one, two]}


def test_a_movement_gives_its_mark() -> None:
    left = track([(10, 12)])
    mine = mark_of(left, 500, 7)
    assert (mine, mine.set_ns) == (mark(10, 12), 7)
    with pytest.raises(KeyError):
        mark_of(left, 501, 7)
