"""Losses of a sensor that neither counts its samples nor sends their time: arrivals become late and stay late.

A frame that is only delayed arrives late, and the frames behind it catch up. A lost frame makes all later frames look late for
good, by as much time as it held. So the watch follows the lateness of arrivals. Where its lower envelope rises by more than it
usually wanders, and stays there for half a minute, that many samples are missing. The exact moment of the loss is unknown: the
gap is put where it is noticed, up to `LAG_S` later.
"""

from collections import deque

import numpy as np

from legmon.movement import NS

BLOCK_S, STAYS = 10.0, 3
LAG_S = (STAYS + 1) * BLOCK_S
KEPT, KNOWN = 40, 12  # blocks to compare with: at most, and at least before the rate is known
LEAST_S, WANDERS = 0.5, 8.0


class ArrivalLossWatch:
    """Watch the arrivals of one stream for losses.

    Parameters
    ----------
    declared_hz : float
        The rate that the sensor declares. It need not be true.
    """

    def __init__(self, declared_hz: float) -> None:
        self._declared_hz = declared_hz
        self._origin: tuple[int, int] | None = None
        self._block = -1
        self._blocks: deque[tuple[float, float]] = deque(maxlen=KEPT + STAYS)
        """For each ten seconds: the time and the least lateness, s."""

    def copy(self) -> "ArrivalLossWatch":
        """Return a copy, to go back to if a write fails."""
        other = ArrivalLossWatch(self._declared_hz)
        other._origin, other._block, other._blocks = self._origin, self._block, self._blocks.copy()
        return other

    def observe(self, end: int, arrival_ns: int) -> int:
        """Add an arrival.

        Parameters
        ----------
        end : int
            Index after the frame's last sample.
        arrival_ns : int
            When the frame arrived, ns UTC.

        Returns
        -------
        int
            Number of samples that were lost before it. Nearly always 0.
        """
        if self._origin is None:
            self._origin = (end, arrival_ns)
        since_s = (arrival_ns - self._origin[1]) / NS
        late = since_s - (end - self._origin[0]) / self._declared_hz
        number = int(since_s // BLOCK_S)
        if number == self._block:
            if late < self._blocks[-1][1]:
                self._blocks[-1] = (since_s, late)
            return 0
        lost = self._conclude()
        if lost:  # with the lost samples counted, the arrivals lie on the line again
            late -= lost / self._declared_hz
            for k in range(len(self._blocks) - STAYS, len(self._blocks)):
                self._blocks[k] = (self._blocks[k][0], self._blocks[k][1] - lost / self._declared_hz)
        self._block = number
        self._blocks.append((since_s, late))
        return lost

    def _conclude(self) -> int:
        if len(self._blocks) < KNOWN + STAYS:
            return 0
        at, least = np.asarray(self._blocks).T
        a, b = np.triu_indices(len(at) - STAYS, 1)
        slope = float(np.median((least[b] - least[a]) / (at[b] - at[a])))  # the rate's own error
        level = least - slope * at
        middle = float(np.median(level[:-STAYS]))
        wander = float(np.median(np.abs(level[:-STAYS] - middle)))
        rise = float(np.min(level[-STAYS:])) - middle
        if rise <= max(LEAST_S, WANDERS * wander):
            return 0
        return round(rise * self._declared_hz)
