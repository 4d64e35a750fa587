"""Find runs of candidates that are periodic series."""

from collections.abc import Sequence

from legmon.movement import NS
from legmon.scoring.events import HALF_SECOND, ScoredMovement, Span, longest_missing

SERIES = 4
"""A series has this many candidates in a row or more, in every rule set."""


class Runs:
    """The current run of candidates, and the number of the last series."""

    def __init__(self) -> None:
        self.run: list[ScoredMovement] = []
        self._series = 0

    def append(self, s: ScoredMovement) -> None:
        """Add a candidate to the run. With its fourth member the whole run becomes a series."""
        run = self.run
        run.append(s)
        if len(run) > SERIES:
            s.series = self._series
        elif len(run) == SERIES:
            self._series += 1
            for member in run:
                member.series = self._series

    def close(self) -> None:
        """End the run."""
        self.run = []


def mark_series_skipping_short(scored: Sequence[ScoredMovement], gaps: Sequence[Span]) -> None:
    """Mark the series of AASM and WASM 2006: intervals of 5 to 90 s, bounds included.

    A candidate less than 5 s after the last one of the run is skipped, and the next interval is measured from the last one. A
    leg movement that is no candidate does not end the run. Our policy: a movement of another kind (posture …) ends the run, and
    so does a gap of more than 0.5 s.
    """
    runs = Runs()
    for s in scored:
        if s.movement.kind != "leg":
            runs.close()
        if not s.candidate:
            continue
        if runs.run:
            before = runs.run[-1].movement.onset
            if longest_missing(gaps, before, s.movement.onset) > HALF_SECOND:
                runs.close()
            else:
                interval = s.movement.onset - before
                if interval < 5 * NS:
                    continue
                s.interval = interval
                if interval > 90 * NS:
                    runs.close()
        runs.append(s)
