"""Compute a person's usual range from their own comparable nights. It is never a warning.

The range from the tenth to the ninetieth percentile of 12 nights contains the next night only 68 % of the time. So a night
outside of the range needs no message. With fewer than five nights nothing is called usual.
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
    """One night's rate, and the values that decide whether it can be compared with other nights."""

    legs: Sequence[str]
    rules: str
    denominator: str
    detector: str
    hours_s: float
    coverage: float
    per_hour: float | None

    @property
    def whole(self) -> bool:
        """Whether the denominator has four hours or more, and nine tenths of the recording have samples."""
        return self.per_hour is not None and self.hours_s >= USABLE_S and self.coverage >= COVERAGE

    def like(self, other: "Comparable") -> bool:
        """Whether both nights were measured in the same way."""
        mine = (tuple(self.legs), self.rules, self.denominator, self.detector)
        return mine == (tuple(other.legs), other.rules, other.denominator, other.detector)


@dataclass(frozen=True, slots=True)
class Usual:
    """The nights that a night is compared with, and the range of most of them.

    Parameters
    ----------
    nights : int
        Number of nights compared with.
    within : int
        How many of them lie in the range.
    low, high : float or None
        The range, per hour; None below five nights.
    rates : list of float
        Their rates per hour, the newest night first.
    earlier : int
        Nights before this one, comparable or not.
    other_legs : int
        How many of these were measured at other legs.
    """

    nights: int
    within: int
    low: float | None
    high: float | None
    rates: list[float]
    earlier: int = 0
    other_legs: int = 0


def usual(night: Comparable, before: Iterable[Comparable]) -> Usual:
    """Return what was usual before a night.

    Parameters
    ----------
    night : Comparable
        The night itself.
    before : iterable of Comparable
        The nights before it, newest first. The last 14 that are whole and were measured in the same way count. Of ten or
        more, the range leaves out the lowest and the highest.
    """
    like = (n.per_hour for n in before if n.whole and n.like(night) and n.per_hour is not None)
    rates = list(islice(like, MOST))  # looks no further back than it has to
    n = len(rates)
    if n < FEWEST:
        return Usual(n, 0, None, None, rates)
    ordered = sorted(rates)
    trim = 1 if n >= TRIMMED_FROM else 0
    return Usual(n, n - 2 * trim, ordered[trim], ordered[n - 1 - trim], rates)
