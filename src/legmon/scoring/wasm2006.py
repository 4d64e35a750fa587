"""WASM 2006: candidate leg movements and periodic series.

Zucconi et al., Sleep Med 2006;7:175-183, doi 10.1016/j.sleep.2006.01.001, written in our own words. How a short or a long
movement affects a series follows later descriptions of the rules, not the paper itself.
"""

from collections.abc import Iterable, Sequence

from legmon.movement import NS, LegMovement
from legmon.scoring.events import (
    MergedMovement,
    ScoredMovement,
    Span,
    join_pieces,
    merge_legs,
    normalise_gaps,
    onset_missing,
)
from legmon.scoring.series import mark_series_skipping_short


def wasm2006(movements: Iterable[LegMovement], gaps: Sequence[Span] = ()) -> list[ScoredMovement]:
    """Score movements by WASM 2006.

    Parameters
    ----------
    movements : iterable of LegMovement
        Of one leg or both, in any order.
    gaps : sequence of (start, end)
        Stretches without samples, ns. Our policy: a gap of more than 0.5 s between two onsets ends the series.

    Returns
    -------
    list of ScoredMovement
        In order of onset, after joining and merging, without movements shorter than 0.5 s.
    """
    gaps = normalise_gaps(gaps)
    scored = [ScoredMovement(e, is_candidate(e, gaps)) for e in merge_legs(join_pieces(movements))]
    mark_series_skipping_short(scored, gaps)
    return scored


def is_candidate(event: MergedMovement, gaps: Sequence[Span]) -> bool:
    """Whether a movement may be in a series: one leg 0.5 to 10 s, both legs up to 15 s in all, bounds included."""
    longest = 10 * NS if len(event.parts) == 1 else 15 * NS
    return (
        event.kind == "leg" and event.offset - event.onset <= longest and not onset_missing(gaps, event.onset)
    )
