"""When a sample was taken: the sensor's true rate, fitted to when its frames arrived.

Nominal rates are off by percents, and a single arrival is late by whatever the radio needed. But an arrival is never early, so
the earliest arrivals lie on the line that the true rate draws.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from legmon.movement import NS

BLOCK_S = 30.0
FEWEST_BLOCKS = 4
MOST_PAIRED = 200  # blocks; beyond, every second, third … takes part in the fit


@dataclass(frozen=True, slots=True)
class Anchor:
    """A line from index to time.

    Parameters
    ----------
    first : int
        Index in the night from which it holds.
    utc_ns : int
        Time of that sample, ns since 1970 UTC.
    rate_hz : float
        Samples per second.
    """

    first: int
    utc_ns: int
    rate_hz: float

    def utc(self, index: int) -> int:
        """Time of a sample, ns UTC."""
        return self.utc_ns + round((index - self.first) * NS / self.rate_hz)

    def index(self, utc_ns: int) -> int:
        """Index of the sample nearest to a time."""
        return self.first + round((utc_ns - self.utc_ns) * self.rate_hz / NS)


class TimeMap:
    """Index to time over a whole night: one anchor a stream, in order."""

    def __init__(self, anchors: Sequence[Anchor]) -> None:
        if not anchors:
            raise ValueError("a night without anchors has no time")
        self.anchors = tuple(sorted(anchors, key=lambda a: a.first))
        self._firsts = [a.first for a in self.anchors]

    def at(self, index: int) -> Anchor:
        """Return the anchor that holds at an index."""
        return self.anchors[max(bisect_right(self._firsts, index) - 1, 0)]

    def utc(self, index: int) -> int:
        """Time of a sample, ns UTC."""
        return self.at(index).utc(index)

    def end_utc(self, end: int) -> int:
        """Time at which the sample before `end` is over, ns UTC."""
        return self.at(end - 1).utc(end)

    def index(self, utc_ns: int) -> int:
        """Index of the sample nearest to a time."""
        starts = [a.utc_ns for a in self.anchors]
        return self.anchors[max(bisect_right(starts, utc_ns) - 1, 0)].index(utc_ns)


class ArrivalClock:
    """Fits one stream's rate and start to the arrivals of its frames.

    Parameters
    ----------
    first : int
        Index in the night of the stream's first sample.
    declared_hz : float
        The rate the sensor claims; used until two minutes have come in.

    Notes
    -----
    Of each half minute the earliest arrival, relative to the declared rate, is kept. The slope is the median of the
    slopes between all pairs of those (Theil and Sen), which bursts and stalls in up to 29 % of them do not move; the offset is
    their tenth percentile.
    """

    def __init__(self, first: int, declared_hz: float) -> None:
        self.first = first
        self.declared_hz = declared_hz
        self._block = max(round(BLOCK_S * declared_hz), 1)
        self._number = -1
        self._origin = 0
        self._index: list[int] = []
        self._late: list[int] = []

    def observe(self, end: int, arrival_ns: int) -> bool:
        """Take one arrival.

        Parameters
        ----------
        end : int
            Index in the night after the frame's last sample.
        arrival_ns : int
            When the frame arrived, ns UTC.

        Returns
        -------
        bool
            Whether a half minute was completed, so that a new fit is worth while.
        """
        since = end - self.first
        late = arrival_ns - round(since * NS / self.declared_hz)
        if self._number < 0:
            self._origin = late
        late -= self._origin
        number = since // self._block
        if number != self._number:
            completed = self._number >= 0
            self._number = number
            self._index.append(since)
            self._late.append(late)
            return completed
        if late < self._late[-1]:
            self._index[-1], self._late[-1] = since, late
        return False

    def fit(self) -> Anchor:
        """Return the line through what has arrived so far.

        Raises
        ------
        ValueError
            If nothing has.
        """
        if not self._index:
            raise ValueError("no frame has arrived")
        x = np.asarray(self._index, dtype=np.float64)
        y = np.asarray(self._late, dtype=np.float64)
        slope = 0.0
        if len(x) >= FEWEST_BLOCKS:
            step = -(-len(x) // MOST_PAIRED)
            xs, ys = x[::step], y[::step]
            a, b = np.triu_indices(len(xs), 1)
            slope = float(np.median((ys[b] - ys[a]) / (xs[b] - xs[a])))
        offset = float(np.percentile(y - slope * x, 10))
        period = NS / self.declared_hz + slope
        return Anchor(self.first, self._origin + round(offset), NS / period)
