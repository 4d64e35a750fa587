"""How a leg lay, ten seconds at a time, and how much it moved, second by second. Posture and envelope are made from it.

Both depend on the recorded samples alone. A row depends on the samples of its own stretch, and the envelope also on the second
before. Neither depends on how records cut the samples, so a night that is read again gives the same rows to the bit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from legmon.recording.ordered import OrderedReader
from legmon.recording.records import Gap, Meta, Record, Samples

VERSION: Final = "posture 1"
STEP_S: Final = 10
BATCH: Final = 60
X, Y, Z, ACTIVITY, CADENCE, SEEN = range(6)
"""Columns of a row: mean of each axis (g), spread about it (g), regularity of the beat (-1 to 1), share of samples present."""
ACTIVE_G: Final = 0.1
STRIDE_S: Final = (0.4, 1.5)

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Posture:
    """The rows of a leg's night.

    Parameters
    ----------
    step : int
        Samples that a row of `rows` stands for.
    rows : (n, 6) float32 array
        See the columns above. Means are NaN where there are no samples.
    envelope : (m,) float32 array
        For each second at the declared rate, the largest distance (g) of the signal from its mean in the second before.
        NaN where there are no samples.
    end : int
        Index after the last sample.
    """

    step: int
    rows: Array
    envelope: Array
    end: int


class PostureReader:
    """Make the rows from the records of a segment, in the order they were written.

    Parameters
    ----------
    meta : Meta
        The segment's first record.
    """

    def __init__(self, meta: Meta) -> None:
        self.second = max(round(meta.declared_hz), 1)
        self.step = STEP_S * self.second
        self.end = 0
        self._scale = np.float32(meta.scale_ug * 1e-6)
        self._waiting: list[Array] = []
        self._held = 0
        self._rows: list[Array] = []
        self._envelope: list[Array] = []
        self._before = np.full(3, np.nan, dtype=np.float32)
        self._reader = OrderedReader()

    def feed(self, record: Record) -> None:
        """Add the next record. Samples behind a gap wait until it is filled or named."""
        self._add_pieces(self._reader.feed(record))

    def finish(self) -> None:
        """End the night. Samples that neither arrived nor were named stay missing."""
        self._add_pieces(self._reader.finish())

    def _add_pieces(self, pieces: Iterable[Samples | Gap]) -> None:
        for piece in pieces:
            if isinstance(piece, Gap):
                most = BATCH * self.step  # memory is set aside for samples, and not for what a gap claims
                for at in range(0, piece.count, most):
                    self._add(np.full((min(most, piece.count - at), 3), np.nan, dtype=np.float32))
            else:
                self._add(piece.xyz.astype(np.float32) * self._scale)

    def posture(self) -> Posture:
        """Return what is known so far. The last row may stand for less than ten seconds."""
        whole = self._held - self._held % self.step
        self._reduce(whole)
        rows, envelope, before = list(self._rows), list(self._envelope), self._before
        if self._held:
            rest = self._taken(self._held)
            self._waiting, self._held = [rest], len(rest)
            padded = np.full((self.step, 3), np.nan, dtype=np.float32)
            padded[: len(rest)] = rest
            self._work(padded[None])
            seconds = -(-len(rest) // self.second)
            last, self._rows = self._rows[-1], rows[:]
            tail, self._envelope = self._envelope[-1][:seconds], envelope[:]
            rows.append(last)
            envelope.append(tail)
            self._before = before
        return Posture(
            self.step,
            np.concatenate(rows) if rows else np.zeros((0, 6), dtype=np.float32),
            np.concatenate(envelope) if envelope else np.zeros(0, dtype=np.float32),
            self.end,
        )

    def _add(self, samples: Array) -> None:
        self._waiting.append(samples)
        self._held += len(samples)
        self.end += len(samples)
        if self._held >= BATCH * self.step:
            self._reduce(self._held - self._held % self.step)

    def _taken(self, count: int) -> Array:
        """Remove this many samples from the front and return them."""
        held = np.concatenate(self._waiting) if len(self._waiting) != 1 else self._waiting[0]
        self._waiting, self._held = [held[count:]], len(held) - count
        return held[:count]

    def _reduce(self, count: int) -> None:
        if count:
            self._work(self._taken(count).reshape(-1, self.step, 3))

    def _work(self, samples: Array) -> None:
        """Make rows from whole stretches, (n, step, 3)."""
        axes = np.ascontiguousarray(samples.transpose(0, 2, 1))
        there = ~np.isnan(axes[:, 0])
        count = there.sum(axis=1)
        rows = np.full((len(axes), 6), np.nan, dtype=np.float32)
        mean = _mean(axes, count)
        away = np.where(there[:, None], axes - mean[:, :, None], np.float32(0))
        power = (away * away).sum(axis=2)
        rows[:, :3] = mean
        rows[:, ACTIVITY] = np.sqrt(power.sum(axis=1) / np.maximum(count, 1))
        rows[:, CADENCE] = -1.0
        rows[:, SEEN] = count / np.float32(self.step)
        for i in np.flatnonzero((rows[:, ACTIVITY] > ACTIVE_G) & (count == self.step)):
            rows[i, CADENCE] = _regularity(axes[i], self.second)
        self._rows.append(rows)
        seconds = axes.reshape(len(axes), 3, STEP_S, self.second).transpose(0, 2, 1, 3)
        self._envelope.append(self._excursion(np.ascontiguousarray(seconds.reshape(-1, 3, self.second))))

    def _excursion(self, seconds: Array) -> Array:
        count = (~np.isnan(seconds[:, 0])).sum(axis=1)
        mean = _mean(seconds, count)
        before = np.concatenate([self._before[None], mean[:-1]])
        before = np.where(np.isnan(before), mean, before)
        self._before = mean[-1]
        away = seconds - before[:, :, None]
        squared = (away * away).sum(axis=1)
        largest: Array = np.sqrt(np.fmax.reduce(squared, axis=1)).astype(np.float32)
        return largest


def _mean(axes: Array, count: NDArray[np.int64]) -> Array:
    """Return the mean of the samples that are present, (n, 3); NaN where there are none."""
    total = np.where(np.isnan(axes), np.float32(0), axes).sum(axis=2, dtype=np.float64)
    share = np.where(count > 0, count, 1)[:, None]
    mean: Array = np.where(count[:, None] > 0, total / share, np.nan).astype(np.float32)
    return mean


def _regularity(axes: Array, second: int) -> float:
    """Return the largest autocorrelation of the vector's length at lags of one step to one stride."""
    size = np.sqrt((axes * axes).sum(axis=0, dtype=np.float64))
    size -= size.mean()
    power = float(size @ size) / len(size)
    if power < 1e-4:  # the leg turns, but does not shake
        return -1.0
    lags = range(round(STRIDE_S[0] * second), round(STRIDE_S[1] * second) + 1)
    return max(float(size[lag:] @ size[:-lag]) / (len(size) - lag) / power for lag in lags)
