"""One run of sampling: its samples, when they were taken, and their frames."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from firmware_sim import profile
from firmware_sim.night import Chip


@dataclass(frozen=True, slots=True)
class Stream:
    """One run of sampling, from a START to its STOP.

    Attributes
    ----------
    number : int
        Number of the stream, u16.
    rate_hz, range_g, batch : int
        As START answered.
    accelerometer : Chip
        Where the samples come from.
    true_rate_hz : float
        True sample rate, Hz.
    night_us : int
        Uptime at the night's time 0.
    night_first : int
        The sample of the night that has index 0 in the stream.
    lost : tuple of (int, int)
        Losses in samples of the night: the first lost sample, and the first one after the loss; in order and apart.
    """

    number: int
    rate_hz: int
    range_g: int
    batch: int
    accelerometer: Chip
    true_rate_hz: float
    night_us: int
    night_first: int
    lost: tuple[tuple[int, int], ...] = ()

    def time_us(self, index: int) -> int:
        """Return the uptime at which the sample `index` is taken."""
        return self.night_us + round((self.night_first + index) * 1e6 / self.true_rate_hz)

    def taken(self, now_us: int) -> int:
        """Return how many samples have been taken by `now_us`."""
        count = max(0, int((now_us - self.night_us) * self.true_rate_hz / 1e6) - self.night_first)
        # The product may be off by a sample where time_us rounds.
        while self.time_us(count) <= now_us:
            count += 1
        while count and self.time_us(count - 1) > now_us:
            count -= 1
        return count

    def frame(self, first: int, count: int, *, kind: int = profile.LIVE_KIND) -> bytes:
        """Return the frame with the samples `first` to `first + count - 1`."""
        samples = self.accelerometer.samples(self.night_first + first, count)
        return profile.frame(
            stream=self.number, first=first, t_us=self.time_us(first), samples=samples, kind=kind
        )

    def loses(self, first: int, count: int) -> bool:
        """Whether the radio loses a frame of the samples `first` to `first + count - 1`."""
        loss = self._loss(first)
        return loss is not None and loss[0] < first + count

    def cut(self, first: int, size: int) -> int:
        """Return the size of a frame from sample `first` on, cut so that the frame is either lost as a whole or not at all."""
        loss = self._loss(first)
        if loss is None:
            return size
        begin, end = loss
        return min(size, (begin if begin > first else end) - first)

    def _loss(self, first: int) -> tuple[int, int] | None:
        """Return the first loss that ends after a sample, as indices of the stream."""
        at = bisect_right(self.lost, self.night_first + first, key=lambda loss: loss[1])
        if at == len(self.lost):
            return None
        begin, end = self.lost[at]
        return begin - self.night_first, end - self.night_first
