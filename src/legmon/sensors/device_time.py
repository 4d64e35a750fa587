"""Number the samples of a sensor that stamps its frames with a time but does not count its samples.

Frames follow each other without a gap as long as their stamps follow at about the sensor's rate. The rate is learned from the
stamps, because nominal rates are off by percents and a Polar frame holds 71 samples.

A frame whose stamp is out of line is kept back until the next frame shows what happened:

- The next frame continues as if nothing had happened. Then the stamp was wrong: the frame is placed by counting.
- The stamp is late by at least half a frame, or two samples. Then frames were lost, because the air loses whole frames: the
  index jumps by the lost samples, rounded.
- Anything else is a clock that was set or runs unevenly: the index goes on.

Only a frame that is kept back when the link ends is lost by this.
"""

from typing import Final, Literal

from legmon.sensors.base import Frame, FrameError
from legmon.sensors.values import Counts

NS: Final = 1_000_000_000
LONGEST_NS: Final = 3600 * NS
"""A longer step is a clock that was set: the link would have noticed the loss of an hour."""
PRIOR_S, MEMORY_S = 1.0, 600.0
LEAST_LOST = 0.75
"""Samples. Less is an inexact stamp, in frames of one or two samples."""
UNEVEN = 2.0
"""Samples. More than this is a loss; frames of one stream may differ in length by less."""
FURTHEST_OFF = 0.2
"""Largest relative error of a sensor's nominal rate."""


class TimedIndex:
    """Numbers the samples of one stream.

    Parameters
    ----------
    stream : int
        Number of the stream.
    rate_hz : float
        Nominal rate.
    stamp : {"first", "last"}
        The sample of a frame that the stamp belongs to.
    wraps_ns : int or None
        Where the sensor's clock wraps around.
    """

    def __init__(
        self, stream: int, rate_hz: float, *, stamp: Literal["first", "last"], wraps_ns: int | None = None
    ) -> None:
        self._stream = stream
        self._nominal_ns = NS / rate_hz
        self._stamp = stamp
        self._wraps_ns = wraps_ns
        self._sum_ns, self._sum_n = PRIOR_S * NS, PRIOR_S * rate_hz
        self._stamp_ns: int | None = None  # as it came last
        self._last_ns: int | None = None  # of the last frame that was placed
        self._n = 0
        self._shift_ns = 0
        self._next = 0
        self._odd: tuple[int, Counts] | None = None

    @property
    def spacing_ns(self) -> float:
        """Time from one sample to the next as learned so far."""
        return self._sum_ns / self._sum_n

    def place(self, stamp_ns: int, xyz: Counts) -> tuple[Frame, ...]:
        """Place the next frame.

        Returns
        -------
        tuple of Frame
            This frame, preceded by one that was kept back, if any; without this one if it is kept back itself.

        Raises
        ------
        FrameError
            If it has the same time as the frame before it.
        """
        if stamp_ns == self._stamp_ns:
            raise FrameError("a frame with the time of the frame before it")
        self._stamp_ns = stamp_ns
        if self._last_ns is None:
            return (self._frame(stamp_ns, xyz, self.spacing_ns),)
        kept: tuple[Frame, ...] = ()
        if self._odd is not None:
            kept = (self._decide(self._last_ns, *self._odd, stamp_ns, len(xyz)),)
            self._odd = None
        step, between = self._step(self._last_ns, stamp_ns), self._between(self._n, len(xyz))
        if not self._is_in_line(step, between):
            self._odd = stamp_ns, xyz
            return kept
        own = self._learn(step, between)
        return (*kept, self._frame(self._last_ns + step, xyz, own))

    def _decide(self, last_ns: int, odd_ns: int, xyz: Counts, stamp_ns: int, n: int) -> Frame:
        """Place the frame that was kept back, by the next one."""
        spacing = self.spacing_ns
        between, following = self._between(self._n, len(xyz)), self._between(len(xyz), n)
        counted = round(between * spacing)
        odd, now = self._step(last_ns, odd_ns), self._step(last_ns, stamp_ns)
        goes_on = 0 < now <= LONGEST_NS and not 0 < odd < now and not self._is_in_line(now - odd, following)
        if goes_on or self._is_in_line(now - counted, following):
            return self._frame(last_ns + counted, xyz, spacing)
        missing = odd / spacing - between
        if missing >= max(LEAST_LOST, min(between / 2, UNEVEN)) and odd <= LONGEST_NS:
            self._next += round(missing)
        else:
            self._shift_ns += counted - odd
        return self._frame(last_ns + odd, xyz, spacing)

    def _frame(self, at_ns: int, xyz: Counts, spacing: float) -> Frame:
        first = self._next
        self._last_ns, self._n, self._next = at_ns, len(xyz), first + len(xyz)
        t_ns = at_ns + self._shift_ns
        if self._stamp == "last":
            t_ns -= round((len(xyz) - 1) * spacing)
        return Frame(self._stream, first, max(t_ns, 0) // 1000, xyz)

    def _step(self, from_ns: int, to_ns: int) -> int:
        step = to_ns - from_ns
        if self._wraps_ns is None:
            return step
        half = self._wraps_ns // 2
        return (step + half) % self._wraps_ns - half

    def _between(self, before: int, n: int) -> int:
        """Return how many samples lie between the stamps of two consecutive frames."""
        return n if self._stamp == "last" else before

    def _is_in_line(self, step: int, between: int) -> bool:
        return abs(step / self.spacing_ns - between) <= max(0.5, between / 4)

    def _learn(self, step: int, between: int) -> float:
        """Learn the rate from a step that is in line. Return the spacing of the frame's samples."""
        own = step / between
        if abs(own / self._nominal_ns - 1) > FURTHEST_OFF:
            return self.spacing_ns
        self._sum_ns += step
        self._sum_n += between
        if self._sum_ns > MEMORY_S * NS:
            self._sum_ns, self._sum_n = self._sum_ns / 2, self._sum_n / 2
        return own if self._stamp == "last" else self.spacing_ns
