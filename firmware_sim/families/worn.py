"""A commodity sensor on a leg: the samples of the night that its chip has taken, in g, and those that never arrive."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from firmware_sim.night import Night
from firmware_sim.profile import SCALE_UG

G_MS2 = 9.80665


class Worn:
    """One run of sampling.

    Parameters
    ----------
    night : Night
        The night to measure. Its time 0 is at uptime `night_us`.
    rate_hz : float
    range_g : int
        The settings of the chip.
    night_us, now_us : int
        Uptime at the start of the night and at the start of the run, µs.
    """

    def __init__(self, night: Night, rate_hz: float, range_g: int, *, night_us: int, now_us: int) -> None:
        measured = night.measured(rate_hz, range_g)  # type: ignore[arg-type]  # only its hint asks for a whole one
        self.rate_hz = rate_hz
        self.range_g = range_g
        self.true_rate_hz = measured.rate_hz
        self.sent = 0
        """Samples that were put into a frame, sent or not. The next frame begins here."""
        self._chip = measured.chip
        self._lost = measured.lost
        self._night_us = night_us
        self._night_s = night.duration_s
        self._first = -int(-(now_us - night_us) * measured.rate_hz // 1e6)
        self.clock_first = self._first
        """The sample of the night that the run begins with."""

    def time_us(self, index: int) -> int:
        """Return the uptime at which a sample is taken."""
        return self._night_us + round((self._first + index) * 1e6 / self.true_rate_hz)

    def taken(self, now_us: int) -> int:
        """Return how many samples have been taken."""
        count = max(0, int((now_us - self._night_us) * self.true_rate_hz / 1e6) - self._first)
        while self.time_us(count) <= now_us:
            count += 1
        return count

    def g(self, first: int, count: int) -> NDArray[np.float64]:
        """Return the accelerations of samples, in g, shape (count, 3)."""
        counts = self._chip.samples(self._first + first, count).astype(np.float64)
        return counts * (SCALE_UG[self.range_g] * 1e-6)

    def loses(self, first: int, count: int) -> bool:
        """Whether the radio loses a frame of these samples."""
        at = bisect_right(self._lost, self._first + first, key=lambda loss: loss[1])
        return at < len(self._lost) and self._lost[at][0] < self._first + first + count

    @property
    def over(self) -> bool:
        """Whether the night has been sent to its end."""
        return self.time_us(self.sent) - self._night_us >= self._night_s * 1e6 - 1.0


def words(values: NDArray[np.float64]) -> bytes:
    """Return rounded 16-bit integers, clipped to their range."""
    return np.clip(np.rint(values), -32768, 32767).astype("<i2").tobytes()
