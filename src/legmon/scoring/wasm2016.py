"""WASM 2016: candidate leg movements and periodic series.

Ferri et al., Sleep Med 2016;26:86-95, doi 10.1016/j.sleep.2016.10.010, written in our own words. Where the text is open we
follow PLMScoRe, written by a co-author of the rules: both bounds of the interval are included, and a candidate after an interval
that is too short or too long may be the first of a new series.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from legmon.movement import NS, LegMovement
from legmon.scoring.events import (
    HALF_SECOND,
    MergedMovement,
    ScoredMovement,
    Span,
    join_pieces,
    longest_missing,
    merge_legs,
    normalise_gaps,
    onset_missing,
)
from legmon.scoring.series import Runs

SHORTEST_INTERVAL = 10 * NS
LONGEST_INTERVAL = 90 * NS
LONGEST_MOVEMENT = 10 * NS
LONGEST_BILATERAL = 15 * NS
MOST_PARTS = 4


Restart = Literal["permissive", "strict"]
Ninety = Literal["inclusive", "exclusive"]


def wasm2016(
    movements: Iterable[LegMovement],
    gaps: Sequence[Span] = (),
    *,
    restart: Restart = "permissive",
    ninety: Ninety = "inclusive",
) -> list[ScoredMovement]:
    """Score movements by WASM 2016.

    Parameters
    ----------
    movements : iterable of LegMovement
        Of one leg or both, in any order.
    gaps : sequence of (start, end)
        Stretches without samples, ns. Our policy for a gap of more than 0.5 s (the shortest movement that could hide in it):
        between two onsets it leaves the interval undefined and ends the series; a movement that contains it is no candidate.
    restart : {"permissive", "strict"}
        Whether a candidate less than 10 s after the one before may be the first of a new series. The text is open.
        PLMScoRe, MATPLM and Luna say yes, SOMAS says no.
    ninety : {"inclusive", "exclusive"}
        Whether an interval of exactly 90 s stays in the series. PLMScoRe, MATPLM and Luna say yes, SOMAS says no.

    Returns
    -------
    list of ScoredMovement
        In order of onset, after joining and merging, without movements shorter than 0.5 s.
    """
    gaps = normalise_gaps(gaps)
    scored = [ScoredMovement(e, is_candidate(e, gaps)) for e in merge_legs(join_pieces(movements))]
    machine = SeriesMachine(restart, ninety)
    for s in scored:
        machine.add(s, gaps)
    return scored


def is_candidate(event: MergedMovement, gaps: Sequence[Span]) -> bool:
    """Whether a movement is a candidate leg movement (CLM).

    One leg: 0.5 to 10 s. Both legs: at most 4 movements, none over 10 s, 15 s in all. All bounds are included.
    """
    onset, offset, _, kind, parts = event
    if kind != "leg":
        return False
    if gaps and (longest_missing(gaps, onset, offset) > HALF_SECOND or onset_missing(gaps, onset)):
        return False
    if len(parts) == 1:
        return offset - onset <= LONGEST_MOVEMENT
    if len(parts) > MOST_PARTS or offset - onset > LONGEST_BILATERAL:
        return False
    return all(p.offset_ns - p.onset_ns <= LONGEST_MOVEMENT for p in parts)


class SeriesMachine:
    """Set intervals and series of movements that come in order of onset. The live scorer uses it, too.

    Parameters
    ----------
    restart, ninety : str
        As in `wasm2016`.
    """

    def __init__(self, restart: Restart, ninety: Ninety) -> None:
        self.runs = Runs()
        self._strict = restart == "strict"
        self._longest = LONGEST_INTERVAL if ninety == "inclusive" else LONGEST_INTERVAL - 1
        self._before: ScoredMovement | None = None

    def add(self, s: ScoredMovement, gaps: Sequence[Span]) -> None:
        """Add the next movement."""
        if not s.candidate:
            self.runs.close()
            self._before = None
            return
        before, self._before = self._before, s
        if (
            gaps
            and before is not None
            and longest_missing(gaps, before.movement.onset, s.movement.onset) > HALF_SECOND
        ):
            before = None
        if before is None:
            self.runs.close()
        else:
            s.interval = s.movement.onset - before.movement.onset
            if s.interval > self._longest:
                self.runs.close()
            elif s.interval < SHORTEST_INTERVAL:
                self.runs.close()
                if self._strict:
                    return
        self.runs.append(s)
