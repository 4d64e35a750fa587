"""The time of a sample: the sensor's true rate and start, fitted to the arrivals of its frames.

Nominal rates are off by percents, and a single arrival is late by whatever the radio needed. But an arrival is never early. So
the earliest arrivals lie on the line of the true rate.
"""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from legmon.movement import NS

BLOCK_S = 30.0
FEWEST_BLOCKS = 4
KNOT_BLOCKS = 10  # the rate is fitted again every five minutes: an ankle warms up a sensor in half an hour
JUMP_BLOCKS = 20  # a step in the clock lasts for ten minutes, a stall of the radio does not
BENT_NS, BENT_SPREADS = 10e6, 4.0  # one line may be this far from the knots before pieces replace it
JUMP_NS = 1e9  # more than the drift in a minute, less than a step when a clock is set
MOST_PAIRED = 200  # blocks; of more, only every second, third … takes part in the fit


@dataclass(frozen=True, slots=True)
class Anchor:
    """A line from index to time.

    Parameters
    ----------
    first : int
        Index in the night from which the line holds.
    utc_ns : int
        Time of that sample, ns since 1970 UTC.
    rate_hz : float
        Samples per second.
    """

    first: int
    utc_ns: int
    rate_hz: float

    def utc(self, index: int) -> int:
        """Return the time of a sample, ns UTC."""
        return self.utc_ns + round((index - self.first) * NS / self.rate_hz)

    def index(self, utc_ns: int) -> int:
        """Return the index of the sample nearest to a time."""
        return self.first + round((utc_ns - self.utc_ns) * self.rate_hz / NS)


class TimeMap:
    """Map index to time over a whole night, by the anchors in order."""

    def __init__(self, anchors: Sequence[Anchor]) -> None:
        if not anchors:
            raise ValueError("a night without anchors has no time")
        self.anchors = tuple(sorted(anchors, key=lambda a: a.first))
        self._firsts = [a.first for a in self.anchors]

    def at(self, index: int) -> Anchor:
        """Return the anchor that applies at an index."""
        return self.anchors[max(bisect_right(self._firsts, index) - 1, 0)]

    def utc(self, index: int) -> int:
        """Return the time of a sample, ns UTC."""
        return self.at(index).utc(index)

    def end_utc(self, end: int) -> int:
        """Return the time at which the sample before `end` is over, ns UTC."""
        return self.at(end - 1).utc(end)

    def index(self, utc_ns: int) -> int:
        """Return the index of the sample nearest to a time."""
        starts = [a.utc_ns for a in self.anchors]
        return self.anchors[max(bisect_right(starts, utc_ns) - 1, 0)].index(utc_ns)


class ArrivalClock:
    """Fit one stream's start, rate and drift to the arrivals of its frames.

    Parameters
    ----------
    first : int
        Index in the night of the stream's first sample.
    declared_hz : float
        The rate that the sensor declares. It is used for the first two minutes.

    Notes
    -----
    For each half minute the clock keeps the earliest arrival relative to the declared rate. The slope is the median of the
    slopes between all pairs of these (Theil and Sen). Bursts and stalls in up to 29 % of them do not change it. The offset is
    the tenth percentile. The oscillator of an accelerometer follows its temperature, so the same fit is made around every five
    minutes. Where one line does not pass near all of these knots, straight pieces between them replace it.

    The wall clock may be set while the recorder is down, which shifts all later arrivals. The sensor's count does not jump. So
    a lasting shift of a second or more at a restart of the recorder (`restarted`) is removed. Anywhere else it means that the
    sensor stood still.
    """

    def __init__(self, first: int, declared_hz: float) -> None:
        self.first = first
        self.declared_hz = declared_hz
        self._block = max(round(BLOCK_S * declared_hz), 1)
        self._number = -1
        self._origin = 0
        self._index: list[int] = []
        self._late: list[int] = []
        self._restarts: set[int] = set()

    @property
    def has_begun(self) -> bool:
        """Whether anything has arrived."""
        return bool(self._index)

    def restarted(self) -> None:
        """Note that the clock may have been set before the next arrival."""
        self._restarts.add(len(self._index))

    def observe(self, end: int, arrival_ns: int) -> bool:
        """Add one arrival.

        Parameters
        ----------
        end : int
            Index in the night after the frame's last sample.
        arrival_ns : int
            When the frame arrived, ns UTC.

        Returns
        -------
        bool
            Whether a half minute was completed, so that a new fit is due.
        """
        since = end - self.first
        late = arrival_ns - round(since * NS / self.declared_hz)
        if self._number < 0:
            self._origin = late
        late -= self._origin
        number = since // self._block
        if number != self._number or len(self._index) in self._restarts:
            completed = self._number >= 0
            self._number = number
            self._index.append(since)
            self._late.append(late)
            return completed
        if late < self._late[-1]:
            self._index[-1], self._late[-1] = since, late
        return False

    def fit(self) -> Anchor:
        """Return the line for the newest samples.

        Raises
        ------
        ValueError
            If nothing has arrived.
        """
        return self.anchors()[-1]

    def anchors(self) -> list[Anchor]:
        """Return the lines through the arrivals so far, one after another, without steps between them.

        Raises
        ------
        ValueError
            If nothing has arrived.
        """
        if not self._index:
            raise ValueError("no frame has arrived")
        x = np.asarray(self._index, dtype=np.float64)
        y = _without_jumps(x, np.asarray(self._late, dtype=np.float64), self._restarts)
        slope, offset = _line(x, y)
        rest = y - slope * x - offset
        knots = _knots(x, rest, self._block)
        if knots is None:
            return [self._anchor(0, offset, slope)]
        at, level = knots
        bends = np.diff(level) / np.diff(at)
        starts = [0.0, *at[1:-1]]
        return [
            self._anchor(round(s), offset + slope * s + level[k] + bends[k] * (s - at[k]), slope + bends[k])
            for k, s in enumerate(starts)
        ]

    def _anchor(self, since: int, late_ns: float, slope: float) -> Anchor:
        at_ns = self._origin + round(since * NS / self.declared_hz + late_ns)
        return Anchor(self.first + since, at_ns, NS / (NS / self.declared_hz + slope))


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Return slope and offset of the line that has a tenth of the arrivals below it."""
    slope = 0.0
    if len(x) >= FEWEST_BLOCKS:
        step = -(-len(x) // MOST_PAIRED)
        xs, ys = x[::step], y[::step]
        a, b = _pairs(len(xs))
        slope = _median((ys[b] - ys[a]) / (xs[b] - xs[a]))
    return slope, _tenth_percentile(y - slope * x)


@lru_cache(maxsize=8)
def _pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of all pairs of so many."""
    a, b = np.triu_indices(count, 1)
    return a, b


def _lines(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return slope and offset of a line through each row, as `_line` does. A row has few points, and a night 40,000 rows."""
    a, b = _pairs(x.shape[1])
    slopes = _medians((y[:, b] - y[:, a]) / (x[:, b] - x[:, a]))
    return slopes, _tenth_percentiles(y - slopes[:, None] * x)


def _nearest(x: NDArray[np.float64], places: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Return the indices of the `count` values nearest to each place, in order; `x` is in order. Of two as near, the first."""
    away = np.abs(x - places[:, None])
    starts = (away[:, : len(x) - count] > away[:, count:]).sum(axis=1)
    indices: NDArray[np.intp] = starts[:, None] + np.arange(count)
    return indices


def _median(values: NDArray[np.float64]) -> float:
    return float(_medians(values[None, :])[0])


def _medians(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what `numpy.median` returns for each row, which takes ten times as long for a few values."""
    ordered, half = np.sort(rows, axis=1), rows.shape[1] // 2
    middle: NDArray[np.float64] = ordered[:, half]
    return middle if rows.shape[1] % 2 else (ordered[:, half - 1] + middle) / 2


def _tenth_percentile(values: NDArray[np.float64]) -> float:
    return float(_tenth_percentiles(values[None, :])[0])


def _tenth_percentiles(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what `numpy.percentile` returns for 10, for each row."""
    ordered, place = np.sort(rows, axis=1), (rows.shape[1] - 1) * 0.1
    low = int(place)
    below, above, share = ordered[:, low], ordered[:, min(low + 1, rows.shape[1] - 1)], place - low
    step = above - below
    found: NDArray[np.float64] = above - step * (1 - share) if share >= 0.5 else below + step * share
    return found


def _knots(
    x: NDArray[np.float64], rest: NDArray[np.float64], block: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the knots of the drift, one every five minutes, as places and levels; None if one line fits as well.

    A stretch without arrivals gets a cubic that continues the directions of the arrivals on both sides.
    """
    length = KNOT_BLOCKS * block
    at: list[float] = []
    level: list[float] = []
    slopes: list[float] = []
    spread: list[float] = []
    for stretch in np.split(np.arange(len(x)), np.flatnonzero(np.diff(x) > length) + 1):
        if len(stretch) < KNOT_BLOCKS // 2:
            continue
        xs, rs = x[stretch], rest[stretch]
        places = np.linspace(xs[0], xs[-1], max(round((xs[-1] - xs[0]) / length), 1) + 1)
        near = _nearest(xs, places, min(KNOT_BLOCKS + 1, len(xs)))
        slope, offset = _lines(xs[near], rs[near])
        rounded = np.rint(places)
        at += rounded.tolist()
        level += (slope * rounded + offset).tolist()
        slopes += slope.tolist()
        spread += _medians(np.abs(rs[near] - slope[:, None] * xs[near] - offset[:, None])).tolist()
    if len(at) < 3 or np.max(np.abs(level)) < max(BENT_NS, BENT_SPREADS * float(np.median(spread))):
        return None
    filled = _over_gaps(np.asarray(at), np.asarray(level), np.asarray(slopes), 1.5 * length)
    return filled[:, 0], filled[:, 1]


def _over_gaps(
    at: NDArray[np.float64], level: NDArray[np.float64], slopes: NDArray[np.float64], longest: float
) -> NDArray[np.float64]:
    """Add knots on a cubic (Hermite) over every gap longer than `longest`. Return rows of place and level."""
    rows = [(at[0], level[0])]
    for k in range(1, len(at)):
        h = at[k] - at[k - 1]
        if h > longest:
            for t in np.linspace(0, 1, round(h / longest) + 4)[1:-1]:
                value = (
                    (1 + 2 * t) * (1 - t) ** 2 * level[k - 1]
                    + t * (1 - t) ** 2 * h * slopes[k - 1]
                    + t**2 * (3 - 2 * t) * level[k]
                    + t**2 * (t - 1) * h * slopes[k]
                )
                rows.append((np.round(at[k - 1] + t * h), value))
        rows.append((at[k], level[k]))
    return np.asarray(rows)


def _without_jumps(
    x: NDArray[np.float64], late: NDArray[np.float64], at: Collection[int]
) -> NDArray[np.float64]:
    """Remove the steps by which the host's clock was set at some of these places: a second or more, and lasting.

    A stall of the radio looks the same while it lasts, but it ends. So a step counts only where the lower envelope of the ten
    minutes after it differs from that of the ten minutes before it.
    """
    if len(x) < 2 * FEWEST_BLOCKS:
        return late
    straight = late.copy()
    slope = float(
        np.median(np.diff(late) / np.diff(x))
    )  # between neighbours, so that a step spoils one of these only
    level = late - slope * x
    for k in sorted(at):
        if not 0 < k < len(x) or abs(level[k] - level[k - 1]) <= JUMP_NS:
            continue
        before, behind = level[max(k - JUMP_BLOCKS, 0) : k], level[k : k + JUMP_BLOCKS]
        if len(before) < FEWEST_BLOCKS or len(behind) < FEWEST_BLOCKS:
            continue
        step = float(np.percentile(behind, 10) - np.percentile(before, 10))
        if abs(step) > JUMP_NS:
            level[k:] -= step
            straight[k:] -= step
    return straight
