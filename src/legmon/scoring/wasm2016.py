"""WASM 2016: candidate leg movements and periodic series.

Ferri et al., Sleep Med 2016;26:86-95, doi 10.1016/j.sleep.2016.10.010, stated in our own words. Where the text leaves a
reading open we follow PLMScoRe, written by a co-author of the rules: both interval bounds are inclusive, and a candidate
after too short or too long an interval may be the first of a new series.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from legmon.movement import NS, LegMovement
from legmon.scoring.events import (
    HALF_SECOND,
    Event,
    Gap,
    join_pieces,
    longest_missing,
    merge_legs,
    normalise_gaps,
)

SHORTEST_INTERVAL = 10 * NS
LONGEST_INTERVAL = 90 * NS
LONGEST_MOVEMENT = 10 * NS
LONGEST_BILATERAL = 15 * NS
MOST_PARTS = 4
SERIES = 4


@dataclass(slots=True)
class ScoredEvent:
    """An event with what the rules say of it."""

    event: Event
    candidate: bool
    interval: int | None = None
    series: int | None = None

    @property
    def periodic(self) -> bool:
        """Whether it belongs to a periodic series."""
        return self.series is not None


def wasm2016(movements: Iterable[LegMovement], gaps: Sequence[Gap] = ()) -> list[ScoredEvent]:
    """Score movements by WASM 2016.

    Parameters
    ----------
    movements : iterable of LegMovement
        Of one leg or both, in any order.
    gaps : sequence of (start, end)
        Stretches without samples, ns. One of more than 0.5 s (the shortest movement that could hide there) between two
        onsets leaves the interval undefined and ends the series; inside a movement it makes it no candidate. This policy is ours.

    Returns
    -------
    list of ScoredEvent
        In order of onset, after joining and merging; movements shorter than 0.5 s are not in it.
    """
    gaps = normalise_gaps(gaps)
    scored = [ScoredEvent(e, is_candidate(e, gaps)) for e in merge_legs(join_pieces(movements))]
    _mark_series(scored, gaps)
    return scored


def is_candidate(event: Event, gaps: Sequence[Gap]) -> bool:
    """Whether an event is a candidate leg movement (CLM).

    One leg: 0.5 to 10 s. Both legs: at most 4 movements, none over 10 s, 15 s in all. All bounds inclusive.
    """
    if event.kind != "leg" or longest_missing(gaps, event.onset, event.offset) > HALF_SECOND:
        return False
    if any(p.offset_ns - p.onset_ns > LONGEST_MOVEMENT for p in event.parts):
        return False
    if len(event.parts) == 1:
        return True
    return len(event.parts) <= MOST_PARTS and event.offset - event.onset <= LONGEST_BILATERAL


def _mark_series(scored: list[ScoredEvent], gaps: Sequence[Gap]) -> None:
    """Set intervals, and the number of the series where four or more candidates follow 10 to 90 s apart."""
    run: list[ScoredEvent] = []
    before: ScoredEvent | None = None
    series = 0

    def close() -> None:
        nonlocal series
        if len(run) >= SERIES:
            series += 1
            for member in run:
                member.series = series
        run.clear()

    for s in scored:
        if not s.candidate:
            close()
            before = None
            continue
        if before and longest_missing(gaps, before.event.onset, s.event.onset) > HALF_SECOND:
            close()
            before = None
        if before is not None:
            s.interval = s.event.onset - before.event.onset
            if not SHORTEST_INTERVAL <= s.interval <= LONGEST_INTERVAL:
                close()
        run.append(s)
        before = s
    close()
