"""WASM 2006: candidate leg movements and periodic series.

Zucconi et al., Sleep Med 2006;7:175-183, doi 10.1016/j.sleep.2006.01.001, stated in our own words. What a short or a long
movement does to a series is read from later descriptions of the rules, not from the paper itself.
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
        Stretches without samples, ns. One of more than 0.5 s between two onsets ends the series (ours).

    Returns
    -------
    list of ScoredMovement
        In order of onset, after joining and merging; movements shorter than 0.5 s are not in it.
    """
    gaps = normalise_gaps(gaps)
    scored = [ScoredMovement(e, is_candidate(e, gaps)) for e in merge_legs(join_pieces(movements))]
    mark_series_skipping_short(scored, gaps)
    return scored


def is_candidate(event: MergedMovement, gaps: Sequence[Span]) -> bool:
    """Whether an event may be in a series: one leg 0.5 to 10 s, both legs up to 15 s in all; bounds inclusive."""
    longest = 10 * NS if len(event.parts) == 1 else 15 * NS
    return (
        event.kind == "leg" and event.offset - event.onset <= longest and not onset_missing(gaps, event.onset)
    )
