"""AASM (version 2 and 3): leg movements and periodic series.

Written in our own words after public descriptions of the manual (PMC9619152, table 3; the NSRR manual, 6.8.4). The manual does
not say what happens to two movements less than 5 s apart on one leg. Our interpretation: skip the later one and measure to the
next.
"""

from collections.abc import Iterable, Sequence

from legmon.movement import NS, LegMovement
from legmon.scoring.events import (
    HALF_SECOND,
    Covered,
    MergedMovement,
    ScoredMovement,
    Span,
    join_pieces,
    merge_onsets,
    normalise_gaps,
    onset_missing,
)
from legmon.scoring.series import mark_series_skipping_short
from legmon.scoring.sleep import Stage, asleep, sleep

LONGEST_MOVEMENT = 10 * NS
ONE_MOVEMENT = 5 * NS


def aasm(
    movements: Iterable[LegMovement],
    gaps: Sequence[Span] = (),
    *,
    respiratory: Sequence[Span] = (),
    stages: Sequence[Stage] = (),
) -> list[ScoredMovement]:
    """Score movements by the AASM rules.

    Parameters
    ----------
    movements : iterable of LegMovement
        Of one leg or both, in any order.
    gaps : sequence of (start, end)
        Stretches without samples, ns. Our policy: a gap of more than 0.5 s between two onsets ends the series.
    respiratory : sequence of (start, end)
        Respiratory events, ns, where a laboratory scored them. A movement within 0.5 s of one is not counted.
    stages : sequence of (start, end, stage)
        Sleep stages, ns, where a laboratory scored them. Only movements that are at least partly in sleep are counted.

    Returns
    -------
    list of ScoredMovement
        In order of onset, after joining and merging, without movements shorter than 0.5 s. One longer than 10 s is not a leg
        movement by these rules: it is listed, merges with none, and ends no series.
    """
    gaps = normalise_gaps(gaps)
    pieces = join_pieces(movements)
    short = [m for m in pieces if m.kind != "leg" or m.offset_ns - m.onset_ns <= LONGEST_MOVEMENT]
    long = [m for m in pieces if m.kind == "leg" and m.offset_ns - m.onset_ns > LONGEST_MOVEMENT]
    events = merge_onsets(short, ONE_MOVEMENT)
    breathing = Covered((a - HALF_SECOND, b + HALF_SECOND) for a, b in respiratory)
    slept = sleep(stages) if stages else None
    scored = [ScoredMovement(e, _counts(e, gaps, breathing, slept)) for e in events]
    scored += [
        ScoredMovement(MergedMovement(m.onset_ns, m.offset_ns, m.leg, m.kind, (m,)), candidate=False)
        for m in long
    ]
    scored.sort(key=lambda s: (s.movement.onset, s.movement.offset))
    mark_series_skipping_short(scored, gaps)
    return scored


def _counts(event: MergedMovement, gaps: Sequence[Span], breathing: Covered, slept: Covered | None) -> bool:
    if event.kind != "leg" or onset_missing(gaps, event.onset):
        return False
    if breathing.touches(event.onset, event.offset):
        return False
    return slept is None or asleep(slept, event.onset, event.offset)
