"""Samples of a night for charts: read from the segment as it grows, given as raw values or minimum and maximum."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from legmon.recording.records import Gap, Meta, Samples
from legmon.recording.segment import SegmentTail

KEPT = 4


@dataclass(frozen=True, slots=True)
class Values:
    """A stretch for a chart.

    Parameters
    ----------
    first, end : int
        Sample indices it covers.
    axes : (3, n) float32 array, g
        NaN where nothing was recorded.
    min_max : bool
        Whether the values are pairs of minimum and maximum.
    """

    first: int
    end: int
    axes: NDArray[np.float32]
    min_max: bool


class LegSignal:
    """One leg's samples, in memory, one row an axis.

    A hole is filled with the value before it, so that it does not change the extremes of a bucket it shares with samples;
    what lies in holes alone becomes NaN.
    """

    def __init__(self, path: Path) -> None:
        self.meta: Meta | None = None
        self.end = 0
        self._tail = SegmentTail(path)
        self._xyz = np.zeros((3, 1 << 16), dtype=np.int16)
        self._holes: list[tuple[int, int]] = []
        self._lock = threading.Lock()

    def update(self) -> None:
        """Read what was recorded since the last call."""
        with self._lock:
            for r in self._tail.read():
                if isinstance(r, Samples):
                    self._take(r)
                elif isinstance(r, Gap):
                    if r.first + r.count > self.end:
                        self._hole(self.end, r.first + r.count)
                elif isinstance(r, Meta):
                    self.meta = r

    def _take(self, r: Samples) -> None:
        """Put samples in their place; what was missing before them may come later."""
        is_late = r.first < self.end
        if r.first > self.end:
            self._hole(self.end, r.first)
        self._fill(r.end)
        self._xyz[:, r.first : r.end] = r.xyz.T
        self.end = max(self.end, r.end)
        if is_late:
            self._holes = [
                part
                for a, b in self._holes
                for part in ((a, min(b, r.first)), (max(a, r.end), b))
                if part[0] < part[1]
            ]
            for a, b in self._holes:  # what is still missing behind it
                if a == r.end:
                    self._xyz[:, a:b] = self._xyz[:, a - 1, None]

    def _hole(self, first: int, end: int) -> None:
        self._fill(end)
        self._xyz[:, first:end] = self._xyz[:, max(first - 1, 0), None]
        self._holes.append((first, end))
        self.end = end

    def _fill(self, end: int) -> None:
        if end > self._xyz.shape[1]:
            grown = np.zeros((3, max(end, 2 * self._xyz.shape[1])), dtype=np.int16)
            grown[:, : self.end] = self._xyz[:, : self.end]
            self._xyz = grown

    def raw(self, first: int, end: int) -> Values:
        """Every sample of a stretch."""
        with self._lock:
            axes = self._scaled(self._xyz[:, first:end])
            for a, b in self._holes:
                axes[:, max(a - first, 0) : max(b - first, 0)] = np.nan
        return Values(first, end, axes, min_max=False)

    def min_max(self, first: int, end: int, bucket: int) -> Values:
        """Minimum and maximum of each bucket; `first` and `end` lie on multiples of `bucket` or at the night's end."""
        with self._lock:
            part = self._xyz[:, first:end]
            starts = np.arange(0, end - first, bucket)
            pairs = np.empty((3, 2 * len(starts)), dtype=np.int16)
            pairs[:, 0::2] = np.minimum.reduceat(part, starts, axis=1)
            pairs[:, 1::2] = np.maximum.reduceat(part, starts, axis=1)
            axes = self._scaled(pairs)
            for a, b in self._holes:
                if b > first and a < end:
                    whole = slice(2 * max(-(-(a - first) // bucket), 0), 2 * max((b - first) // bucket, 0))
                    axes[:, whole] = np.nan
        return Values(first, end, axes, min_max=True)

    def _scaled(self, raw: NDArray[np.int16]) -> NDArray[np.float32]:
        scale = self.meta.scale_ug * 1e-6 if self.meta else 0.0
        return raw.astype(np.float32) * np.float32(scale)

    def window(self, first: int, end: int, points: int) -> Values:
        """Give a stretch in about as many values as a chart has points.

        Parameters
        ----------
        first, end : int
            Sample indices; cut to the recording.
        points : int
            Up to twice as many samples are given raw; more become at most this many pairs. Buckets lie on one grid for
            the whole night, so that a chart does not shimmer when it moves.
        """
        first, end = max(first, 0), min(end, self.end)
        if end <= first:
            return Values(first, first, np.zeros((3, 0), dtype=np.float32), min_max=False)
        if end - first <= 2 * points:
            return self.raw(first, end)
        bucket = -(-(end - first) // points)
        return self.min_max(first // bucket * bucket, min(-(-end // bucket) * bucket, self.end), bucket)


class SignalStore:
    """Keeps the signals that were looked at last."""

    def __init__(self) -> None:
        self._signals: OrderedDict[Path, LegSignal] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: Path) -> LegSignal:
        """Return a leg's signal, up to date."""
        with self._lock:
            signal = self._signals.pop(path, None) or LegSignal(path)
            self._signals[path] = signal
            while len(self._signals) > KEPT:
                self._signals.popitem(last=False)
        signal.update()
        return signal
