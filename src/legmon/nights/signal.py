"""Samples of a night for charts: read from the segment as it grows, returned as raw values or as minimum and maximum."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from legmon.recording.files import RecordingError
from legmon.recording.ordered import OrderedReader
from legmon.recording.records import Gap, Meta, Record, Samples
from legmon.recording.segment import SegmentTail

log = logging.getLogger(__name__)

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

    A gap is filled with the value before it, so that it does not change the extremes of a bucket that also holds samples.
    A bucket that holds nothing but a gap becomes NaN. A chart does not wait for samples that may still come: what lies behind
    an open gap is shown, and put right when the gap is filled.
    """

    def __init__(self, path: Path) -> None:
        self.meta: Meta | None = None
        self.end = 0
        self._tail = SegmentTail(path)
        self._reader = OrderedReader()
        self._xyz = np.zeros((3, 1 << 16), dtype=np.int16)
        self._settled: list[tuple[int, int]] = []  # gaps with a name
        self._open: list[tuple[int, int]] = []  # gaps that may still be filled
        self._lock = threading.Lock()

    def update(self) -> None:
        """Read what was recorded since the last call. A file that cannot be read changes nothing."""
        with self._lock:
            is_new = False
            for record in self._read():
                is_new = True
                if isinstance(record, Meta):
                    self.meta = record
                pieces = self._reader.feed(record)
                for piece in pieces:
                    self._put(piece, self._settled)
                if isinstance(record, Samples) and not pieces and record.first > self._reader.end:
                    self._put(record, self._open)  # it waits behind a gap
            if is_new:
                self._open, ahead = [], self._reader.ahead()
                for piece in ahead:
                    if isinstance(piece, Gap):
                        self._put(piece, self._open)
                self.end = ahead[-1].end if ahead else self._reader.end

    def _read(self) -> Iterator[Record]:
        try:
            yield from self._tail.read()
        except RecordingError as error:
            log.warning("%s", error)

    def _put(self, piece: Samples | Gap, gaps: list[tuple[int, int]]) -> None:
        """Store a piece at its index. A gap repeats the value before it, which is stored already."""
        if piece.end > self._xyz.shape[1]:
            grown = np.zeros((3, max(piece.end, 2 * self._xyz.shape[1])), dtype=np.int16)
            grown[:, : self._xyz.shape[1]] = self._xyz
            self._xyz = grown
        if isinstance(piece, Samples):
            self._xyz[:, piece.first : piece.end] = piece.xyz.T
        else:
            self._xyz[:, piece.first : piece.end] = self._xyz[:, max(piece.first - 1, 0), None]
            gaps.append((piece.first, piece.end))

    def _gaps(self) -> list[tuple[int, int]]:
        return [*self._settled, *self._open]

    def raw(self, first: int, end: int) -> Values:
        """Return every sample of a stretch."""
        with self._lock:
            axes = self._scaled(self._xyz[:, first:end])
            for a, b in self._gaps():
                axes[:, max(a - first, 0) : max(b - first, 0)] = np.nan
        return Values(first, end, axes, min_max=False)

    def min_max(self, first: int, end: int, bucket: int) -> Values:
        """Return minimum and maximum of each bucket. `first` and `end` are multiples of `bucket`, or the night's end."""
        with self._lock:
            part = self._xyz[:, first:end]
            starts = np.arange(0, end - first, bucket)
            pairs = np.empty((3, 2 * len(starts)), dtype=np.int16)
            pairs[:, 0::2] = np.minimum.reduceat(part, starts, axis=1)
            pairs[:, 1::2] = np.maximum.reduceat(part, starts, axis=1)
            axes = self._scaled(pairs)
            for a, b in self._gaps():
                if b > first and a < end:
                    whole = slice(2 * max(-(-(a - first) // bucket), 0), 2 * max((b - first) // bucket, 0))
                    axes[:, whole] = np.nan
        return Values(first, end, axes, min_max=True)

    def _scaled(self, raw: NDArray[np.int16]) -> NDArray[np.float32]:
        scale = self.meta.scale_ug * 1e-6 if self.meta else 0.0
        return raw.astype(np.float32) * np.float32(scale)

    def window(self, first: int, end: int, points: int) -> Values:
        """Return a stretch in about as many values as a chart has points.

        Parameters
        ----------
        first, end : int
            Sample indices. They are limited to the recording.
        points : int
            Up to twice as many samples are returned raw. More samples become at most this many pairs. Buckets lie on one grid
            for the whole night, so that a chart does not shimmer when it moves.
        """
        first, end = max(first, 0), min(end, self.end)
        if end <= first:
            return Values(first, first, np.zeros((3, 0), dtype=np.float32), min_max=False)
        if end - first <= 2 * points:
            return self.raw(first, end)
        bucket = -(-(end - first) // points)
        return self.min_max(first // bucket * bucket, min(-(-end // bucket) * bucket, self.end), bucket)


class SignalStore:
    """Keep the signals that were looked at last."""

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
