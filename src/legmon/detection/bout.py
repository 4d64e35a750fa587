"""A bout of activity, as the kernel describes it."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from legmon.detection import kernel as k

WIDE_TRIM: Final = 0.66
"""A mean over more samples widens a movement at each edge by this share of the samples that it has more on each side."""


@dataclass(slots=True)
class Bout:
    """A bout, or several bouts that are one movement.

    Parameters
    ----------
    first, end : int
        Sample indices, `end` exclusive.
    peak, turn, floor : float
        Largest acceleration beyond rest, farthest turn of gravity, and usual turn while resting, g.
    hz : float
        Frequency of its shaking, Hz.
    returns : int
        How often the leg comes back to where it began.
    power : float
        Root mean square change of acceleration per 20 ms, g.
    before, after : (3,) arrays
        Gravity at rest, g.
    parts : int
        Number of bouts.
    """

    first: int
    end: int
    peak: float
    turn: float
    floor: float
    hz: float
    returns: int
    power: float
    sided: float
    swings: int
    held: float
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    parts: int = 1
    returned: bool = False

    @property
    def displaced(self) -> float:
        """Distance between gravity at rest before and after, g."""
        return math.dist(self.after, self.before)

    def absorb(self, other: "Bout") -> None:
        """Add a later bout to this one."""
        self.end = max(self.end, other.end)
        self.peak, self.turn = max(self.peak, other.peak), max(self.turn, other.turn)
        self.sided, self.swings = max(self.sided, other.sided), max(self.swings, other.swings)
        self.hz, self.returns = min(self.hz, other.hz), max(self.returns, other.returns)
        self.power = max(self.power, other.power)
        self.after = other.after
        self.parts += other.parts


def bout(row: NDArray[np.float64], rate_hz: float, trim: tuple[int, int]) -> Bout:
    """Build a bout from a row of the kernel.

    Parameters
    ----------
    row : (COLUMNS,) array
        From the kernel.
    rate_hz : float
        Sample rate.
    trim : (int, int)
        Samples by which averaging widens a movement at its onset and at its end.
    """
    first = int(row[k.OUT_FIRST] + WIDE_TRIM * row[k.OUT_WIDE_FIRST]) + trim[0]
    trimmed = trim[1] + int(WIDE_TRIM * row[k.OUT_WIDE_END])
    return Bout(
        first=first,
        end=max(int(row[k.OUT_END]) - trimmed, first + 1),
        peak=float(row[k.OUT_PEAK]),
        turn=float(row[k.OUT_TURN]),
        floor=float(row[k.OUT_FLOOR]),
        hz=float(row[k.OUT_HZ]) * rate_hz / (2.0 * math.pi),
        returns=int(row[k.OUT_RETURNS]),
        power=float(row[k.OUT_POWER]) * rate_hz / 50.0,
        sided=float(row[k.OUT_SIDED]),
        swings=int(row[k.OUT_SWINGS]),
        held=float(row[k.OUT_HELD]),
        before=row[k.OUT_BEFORE : k.OUT_BEFORE + 3].copy(),
        after=row[k.OUT_AFTER : k.OUT_AFTER + 3].copy(),
    )
