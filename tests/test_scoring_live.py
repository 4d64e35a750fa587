"""The live scorer confirms what the batch scorer says, as soon as the rules allow and no earlier."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legmon.movement import NS, Leg, LegMovement
from legmon.scoring.events import ScoredMovement
from legmon.scoring.live import LiveScorer, Tally, tally
from legmon.scoring.wasm2016 import wasm2016

QUARTER = NS // 4
LEGS: tuple[Leg, Leg] = ("left", "right")


def lm(onset: float, offset: float, leg: Leg = "left", kind: str = "leg") -> LegMovement:
    return LegMovement(round(onset * NS), round(offset * NS), leg, kind)


def said(events: list[ScoredMovement]) -> list[tuple[object, ...]]:
    return [(s.movement, s.candidate, s.interval, s.series) for s in events]


@st.composite
def nights(draw: st.DrawFn) -> tuple[list[LegMovement], list[tuple[Leg, int, int]]]:
    """Movements and gaps of both legs on a grid of quarter seconds, many of them 10 to 90 s apart."""
    movements: list[LegMovement] = []
    gaps: list[tuple[Leg, int, int]] = []
    for leg in LEGS:
        at = draw(st.integers(0, 80))
        for _ in range(draw(st.integers(0, 14))):
            length = draw(st.sampled_from([1, 2, 3, 8, 12, 40, 41, 60]))
            if draw(st.integers(0, 9)) == 0:
                gaps.append((leg, at * QUARTER, (at + length) * QUARTER))
            else:
                kind = draw(st.sampled_from(["leg"] * 9 + ["posture"]))
                movements.append(LegMovement(at * QUARTER, (at + length) * QUARTER, leg, kind))
            at += length + draw(st.sampled_from([1, 2, 3, 30, 36, 60, 90, 200, 320, 352, 370]))
    return movements, gaps


@settings(max_examples=400, deadline=None)
@given(nights(), st.lists(st.tuples(st.sampled_from(LEGS), st.integers(1, 400)), max_size=60))
def test_live_cut_anywhere_is_batch(
    night: tuple[list[LegMovement], list[tuple[Leg, int, int]]], steps: list[tuple[Leg, int]]
) -> None:
    movements, gaps = night
    batch = wasm2016(movements, [(a, b) for _, a, b in gaps])
    live = LiveScorer(LEGS)
    confirmed: list[ScoredMovement] = []
    until = dict.fromkeys(LEGS, 0)

    def reach(leg: Leg, end: int) -> None:
        """What a detector would tell until `end`: whatever began before, then how far it is."""
        began = until[leg]
        for m in movements:
            if m.leg == leg and began <= m.onset_ns < end:
                live.movement(m)
        for g_leg, a, b in gaps:
            if g_leg == leg and began <= a < end:
                live.gap(a, b)
        until[leg] = end
        confirmed.extend(live.advance(leg, end))

    for leg, step in steps:
        reach(leg, until[leg] + step * QUARTER)
        assert said(confirmed) == said(batch)[: len(confirmed)], "what is confirmed stays so"
    for leg in LEGS:
        reach(leg, 1 << 60)
    confirmed.extend(live.finish())
    assert said(confirmed) == said(batch)
    assert live.provisional() == live.tally() == tally(batch)


def fed(*movements: LegMovement, until: float) -> LiveScorer:
    live = LiveScorer(["left"])
    for m in movements:
        live.movement(m)
    live.advance("left", round(until * NS))
    return live


def test_a_movement_waits_for_what_could_join_it() -> None:
    early = fed(lm(10, 21), until=21.49)
    assert early.tally() == Tally()
    assert early.provisional() == Tally(movements=1)
    assert fed(lm(10, 21), until=21.5).tally() == Tally(movements=1)
    assert fed(lm(10, 21), lm(21.5, 23), until=21.5).tally() == Tally(movements=1), "the next one is another"


def test_the_fourth_candidate_confirms_all_four() -> None:
    three = fed(lm(0, 1), lm(20, 21), lm(40, 41), until=60)
    assert (three.tally(), three.provisional()) == (Tally(), Tally(movements=3, candidates=3))
    four = fed(lm(0, 1), lm(20, 21), lm(40, 41), lm(60, 61), until=61.5)
    assert four.tally() == Tally(4, 4, 4, 1)


def test_a_run_is_given_up_only_when_nothing_can_begin_within_90_s() -> None:
    run = (lm(0, 1), lm(20, 21), lm(40, 41))
    assert fed(*run, until=130).tally() == Tally(), "an event at exactly 130 s would still be a member"
    live = fed(*run, until=130 + 1e-9)
    assert live.tally() == Tally(movements=3, candidates=3)


def test_a_movement_under_way_at_the_bound_keeps_the_run_open() -> None:
    """It began at 89 s and has not ended: the leg's horizon is its onset."""
    live = LiveScorer(["left"])
    for m in (lm(0, 1), lm(20, 21), lm(40, 41)):
        live.movement(m)
    assert live.advance("left", 129 * NS) == []
    live.movement(lm(129, 135))
    assert [s.periodic for s in live.advance("left", round(135.5 * NS))] == [True] * 4


def test_a_break_confirms_at_once() -> None:
    live = fed(lm(0, 1), lm(20, 21), lm(30, 41), until=41.5)
    assert live.tally() == Tally(movements=3, candidates=2)
    short = fed(lm(0, 1), lm(20, 21), lm(29, 30), until=30.5)
    assert short.tally() == Tally(movements=2, candidates=2), (
        "the one after the short interval may start a run"
    )


def test_the_other_legs_stream_is_waited_for() -> None:
    live = LiveScorer(LEGS)
    live.movement(lm(10, 21, "left"))
    assert live.advance("left", 1000 * NS) == []
    assert live.advance("right", 21 * NS) == []
    assert len(live.advance("right", round(21.5 * NS))) == 1


def test_a_gap_ends_a_run() -> None:
    live = LiveScorer(["left"])
    for onset in (0, 20, 40):
        live.movement(lm(onset, onset + 1))
    live.gap(50 * NS, 50 * NS + NS // 2)
    assert live.advance("left", 51 * NS) == [], "half a second is bridged"
    live.gap(52 * NS, 54 * NS)
    assert len(live.advance("left", 54 * NS)) == 3
    live.movement(lm(60, 61))
    live.advance("left", 62 * NS)
    assert live.finish()[0].interval is None


def test_a_series_runs_until_nothing_can_join_it() -> None:
    live = fed(*(lm(20 * n, 20 * n + 2) for n in range(5)), until=100)
    running = [live.running]
    for seconds in (170, 171):
        live.advance("left", seconds * NS)
        running.append(live.running)
    assert running == [1, 1, None]
    assert fed(*(lm(20 * n, 20 * n + 2) for n in range(3)), until=100).running is None


def test_ahead_joins_what_is_known_and_what_is_pending_and_changes_nothing() -> None:
    live = LiveScorer(LEGS)
    live.movement(lm(10, 12))
    ahead = live.ahead([lm(12.25, 14), lm(11, 13, "right"), lm(20, 20.25)])
    assert [(s.movement.onset, s.movement.offset, s.movement.side) for s in ahead] == [
        (10 * NS, 14 * NS, "both")
    ]
    assert live.scored == []
    live.finish()
    assert [(s.movement.onset, s.movement.offset) for s in live.scored] == [(10 * NS, 12 * NS)]


def test_a_leg_that_is_not_scored_is_refused() -> None:
    live = LiveScorer(["left"])
    with pytest.raises(ValueError, match="right leg is not among"):
        live.movement(lm(1, 2, "right"))
    with pytest.raises(ValueError, match="right leg is not among"):
        live.advance("right", 0)
    nobody: list[Leg] = []
    with pytest.raises(ValueError, match="expected 'left', 'right' or both"):
        LiveScorer(nobody)
    with pytest.raises(ValueError, match="expected 'left', 'right' or both"):
        LiveScorer(["both"])  # type: ignore[list-item]
