"""What is usual for somebody: the range of their own comparable nights, and never a flag.

A tenth-to-ninetieth percentile of 12 nights covers the next one 68 % of the time only, so a night outside of the range is nothing
to be told. Below five nights nothing is called usual.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

FEWEST: Final = 5
MOST: Final = 14
TRIMMED_FROM: Final = 10
USABLE_S: Final = 4 * 3600
COVERAGE: Final = 0.9


@dataclass(frozen=True, slots=True)
class Comparable:
    """What decides whether two nights can be compared, the denominator, the share with samples, and the rate."""

    legs: Sequence[str]
    rules: str
    denominator: str
    detector: str
    hours_s: float
    coverage: float
    per_hour: float | None

    @property
    def whole(self) -> bool:
        """At least four hours in the denominator, and nine tenths of the recording there."""
        return self.per_hour is not None and self.hours_s >= USABLE_S and self.coverage >= COVERAGE

    def like(self, other: "Comparable") -> bool:
        """Whether both were measured the same way."""
        mine = (tuple(self.legs), self.rules, self.denominator, self.detector)
        return mine == (tuple(other.legs), other.rules, other.denominator, other.detector)


@dataclass(frozen=True, slots=True)
class Usual:
    """Nights compared with; how many of them lay between two rates per hour. No rates below five nights."""

    nights: int
    within: int
    low: float | None
    high: float | None


def usual(night: Comparable, before: Iterable[Comparable]) -> Usual:
    """Say what was usual before a night.

    Parameters
    ----------
    night : Comparable
        The night itself.
    before : iterable of Comparable
        The nights before it, newest first. The last 14 that are whole and like it are taken; of ten or more, the lowest and
        the highest are left out of the range.
    """
    like = (n.per_hour for n in before if n.whole and n.like(night) and n.per_hour is not None)
    rates = list(islice(like, MOST))  # looks no further back than it has to
    n = len(rates)
    if n < FEWEST:
        return Usual(n, 0, None, None)
    rates.sort()
    trim = 1 if n >= TRIMMED_FROM else 0
    return Usual(n, n - 2 * trim, rates[trim], rates[n - 1 - trim])
