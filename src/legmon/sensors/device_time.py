"""Which sample of a stream this is, where a sensor stamps its frames with a time but does not number them.

Frames follow each other without a break while their stamps do so at about the sensor's rate. The rate is learned from
them, since nominal rates are off by percents and a frame of Polar's holds 71 samples. A longer step is a loss, and the
index jumps by what is missing, rounded.
"""

from dataclasses import dataclass
from typing import Final, Literal

from legmon.sensors.base import FrameError

NS: Final = 1_000_000_000
LONGEST_NS: Final = 3600 * NS
"""A step beyond this is a clock that was set, not an hour that was lost without the link noticing."""
PRIOR_S, MEMORY_S = 1.0, 600.0
FURTHEST_OFF = 0.2
"""No sensor's rate is further from its nominal one."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a frame stands.

    Parameters
    ----------
    first : int
        Index of its first sample.
    t_ns : int
        Time of its first sample, ns; goes on where the sensor's clock was set.
    spacing_ns : float
        Time between its samples.
    """

    first: int
    t_ns: int
    spacing_ns: float


class TimedIndex:
    """Numbers the samples of one stream.

    Parameters
    ----------
    rate_hz : float
        Nominal rate.
    stamp : {"first", "last"}
        Of which sample of a frame the stamp is the time.
    wraps_ns : int or None
        Where the sensor's clock begins anew.
    """

    def __init__(
        self, rate_hz: float, *, stamp: Literal["first", "last"], wraps_ns: int | None = None
    ) -> None:
        self._nominal_ns = NS / rate_hz
        self._stamp = stamp
        self._wraps_ns = wraps_ns
        self._sum_ns, self._sum_n = PRIOR_S * NS, PRIOR_S * rate_hz
        self._last_ns: int | None = None
        self._shift_ns = 0
        self._n = 0
        self._next = 0

    @property
    def spacing_ns(self) -> float:
        """Time from one sample to the next as learned so far."""
        return self._sum_ns / self._sum_n

    def place(self, stamp_ns: int, n: int) -> Placed:
        """Place the next frame.

        Raises
        ------
        FrameError
            If it has the time of the frame before it.
        """
        first, spacing = self._next, self.spacing_ns
        if self._last_ns is not None:
            spacing = self._follow(stamp_ns - self._last_ns, n)
            first = self._next
        self._last_ns, self._n, self._next = stamp_ns, n, first + n
        t_ns = stamp_ns + self._shift_ns
        if self._stamp == "last":
            t_ns -= round((n - 1) * spacing)
        return Placed(first, max(t_ns, 0), spacing)

    def _follow(self, step: int, n: int) -> float:
        """Step to the next frame; gives the spacing of its samples."""
        if self._wraps_ns is not None:
            half = self._wraps_ns // 2
            straight, step = step, (step + half) % self._wraps_ns - half
            self._shift_ns += step - straight
        if step == 0:
            raise FrameError("a frame with the time of the frame before it")
        between = n if self._stamp == "last" else self._n
        spacing = self.spacing_ns
        expected = between * spacing
        if step < 0 or step > LONGEST_NS:
            self._shift_ns += round(expected) - step
            return spacing
        missing = step / spacing - between
        if missing > max(0.5, between / 4):
            self._next += max(1, round(missing))
            return spacing
        own = step / between
        if abs(own / self._nominal_ns - 1) > FURTHEST_OFF:
            return spacing
        self._sum_ns += step
        self._sum_n += between
        if self._sum_ns > MEMORY_S * NS:
            self._sum_ns, self._sum_n = self._sum_ns / 2, self._sum_n / 2
        return own if self._stamp == "last" else self.spacing_ns
