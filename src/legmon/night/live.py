"""A night under way: what its legs have shown so far, scored on one clock by the fit of time so far."""

from collections.abc import Mapping

from legmon.movement import Leg, LegMovement
from legmon.night.leg import LegNight
from legmon.night.track import on_clock
from legmon.scoring.live import LiveScorer


class LiveNight:
    """The legs of a night while it is recorded.

    Parameters
    ----------
    legs : mapping of {"left", "right"} to LegNight
        At least one leg. They grow while the night is recorded.
    """

    def __init__(self, legs: Mapping[Leg, LegNight]) -> None:
        self.legs = dict(legs)
        self.scorer = LiveScorer(list(self.legs))
        self._fed = dict.fromkeys(self.legs, (0, 0))  # movements and gaps that the scorer knows

    def update(self) -> None:
        """Score the movements and gaps that are new. Times are ns UTC."""
        for leg, night in self.legs.items():
            if (time := night.time) is None:
                continue
            movements, gaps = self._fed[leg]
            for m in on_clock(night.movements[movements:], time, 0):
                self.scorer.movement(m)
            for gap in night.gaps[gaps:]:
                self.scorer.gap(time.utc(gap.first), time.utc(gap.first + gap.count))
            self._fed[leg] = len(night.movements), len(night.gaps)
            self.scorer.advance(leg, time.utc(night.earliest))

    def pending(self) -> list[LegMovement]:
        """Return the movements that are seen but not final, of both legs, ns UTC."""
        timed = [(night, night.time) for night in self.legs.values()]
        return [m for night, time in timed if time for m in on_clock(night.pending(), time, 0)]
