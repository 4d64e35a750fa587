"""When each row of a file was measured: lines through its time stamps, its gaps, and the steps of its clock.

Programs write stamps in many ways: cut to whole seconds, one stamp for all samples of a packet, the moment of arrival, rows
out of order, a clock that is set on the way. A sensor samples evenly. So the rows lie on straight lines of index and time, and
a gap is a place where the line goes on later and *stays* later. A stamp that is late alone, or a stall that the following rows
make up for, is no gap.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from legmon.movement import NS
from legmon.timeline.clock import Anchor

Times = NDArray[np.float64]

GAP_PERIODS, GAP_LEAST_S = 1.5, 0.1
LONGEST_S: Final = 31 * 86_400.0
"""From the first sample to the last. A larger step of a stamp is a clock that was set."""
MOST_STRETCHES: Final = 50_000
MOST_CLOCK_STEPS: Final = 100
MOST_MOVED: Final = 20_000
"""Places where rows are out of order."""
LEAST_PART: Final = 10
"""Rows on each side of a step of the clock; fewer are damage."""
LATE_S: Final = 10.0
"""A row may come so much later in the file than its stamp says."""
CATCH_UP_S: Final = 2.0
"""Rows that make up for a stall follow it within this time."""
MOST_LATE: Final = 2000
"""Rows that are looked at around a late one."""
SHARED: Final = 0.1
"""If more of the rows repeat the stamp before, stamps stand for several samples."""
FEWEST_SHARED: Final = 10
"""Stamps; of fewer, each row counts by itself."""
BLOCK: Final = 1 << 20
"""Steps that are looked at together."""
LINE_S, NEAR_S = 300.0, 15.0
BENT_S: Final = 0.02
HOUR_S: Final = 3600.0


class AxisError(ValueError):
    """The stamps make no time axis. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The clock of a file was set.

    Parameters
    ----------
    row : int
        The first row after it, counted from 0.
    before_s, after_s : float
        The stamps of the rows before and after it.
    """

    row: int
    before_s: float
    after_s: float

    @property
    def is_hour_twice(self) -> bool:
        """Whether the clock went back by an hour, as at the end of summer time."""
        return abs(self.after_s - self.before_s + HOUR_S) < 1.0


@dataclass(slots=True)
class Axis:
    """The time of each row.

    Parameters
    ----------
    rate_hz : float
        Measured over the stretches between gaps.
    pieces : list of (a, b, first)
        Rows `a` to `b` without a gap, and the index of the first of them, gaps included.
    lines : list of Anchor
        From index to time, ns.
    order : array or None
        The order of the rows by time; None where it is that of the file.
    clock_steps : list of ClockStep
        Where the clock was set. The steps are taken out.
    moved : int
        Rows that were out of order.
    per_stamp : float
        Samples for each stamp; 1 where every row has its own.
    stalls : int
        Late rows that the following rows made up for.
    """

    rate_hz: float
    pieces: list[tuple[int, int, int]]
    lines: list[Anchor]
    order: NDArray[np.int64] | None = None
    clock_steps: list[ClockStep] = field(default_factory=list)
    moved: int = 0
    per_stamp: float = 1.0
    stalls: int = 0


def even_axis(count: int, rate_hz: float, start_s: float) -> Axis:
    """Return the axis of rows without stamps."""
    return Axis(rate_hz, [(0, count, 0)], [Anchor(0, round(start_s * NS), rate_hz)])


def ordinary(times: Times) -> tuple[float, float]:
    """Return the usual step of stamps that advance, and rows for each unit of time, without large steps; zeros if none does."""
    ahead = _sample_of_steps(times)
    ahead = ahead[ahead > 0]
    if not len(ahead):
        return 0.0, 0.0
    usual = float(np.median(ahead))
    span = 0.0
    for _, steps in _steps(times):
        span += float(steps[(steps > 0) & (steps <= 20 * usual)].sum())
    return usual, (len(times) - 1) / span


def fit_axis(times: Times) -> Axis:
    """Fit lines to stamps.

    A step of more than 1.5 sample periods and more than 0.1 s is a gap, unless the following rows make up for it. The rate is
    (n - 1) / span over the stretches between gaps.

    Parameters
    ----------
    times : (n,) array
        Seconds, in the order of the file. Two at least.

    Raises
    ------
    AxisError
        If they do not advance, span more than `LONGEST_S`, or have too many gaps or steps.
    """
    times, order, clock_steps, moved = _straightened(times)
    if times[-1] - times[0] > LONGEST_S:
        at = int(np.argmax(np.diff(times)))
        raise AxisError(_too_long(times[-1] - times[0], times[at], times[at + 1]))
    stamps = _grouped(times)
    period = stamps.period()
    if period <= 0:
        raise AxisError("the times do not advance, so there is no sample rate")
    holes = _holes(stamps, period)
    rate = _rate(stamps, holes)
    pieces, lines = _lines(stamps, holes, rate)
    per_stamp = stamps.count / len(stamps.times)
    return Axis(rate, pieces, lines, order, clock_steps, moved, per_stamp, holes.stalls)


def _steps(times: Times) -> Iterator[tuple[int, Times]]:
    """Yield the steps between stamps in blocks, with the number of the first, since all at once take much memory."""
    for a in range(0, max(len(times) - 1, 1), BLOCK):
        yield a, np.diff(times[a : a + BLOCK + 1])


def _sample_of_steps(times: Times) -> Times:
    """Return the steps; of a long file, every second or third of them, or fewer."""
    at = np.arange(0, len(times) - 1, -(-len(times) // BLOCK))
    return np.asarray(times[at + 1] - times[at])


@dataclass(frozen=True, slots=True)
class _Stamps:
    """The stamps of a file.

    Parameters
    ----------
    times : (m,) array
        One for each row, or one for each run of rows that share it.
    groups : (m,) array or None
        The first row of each run; None where each row has its own.
    count : int
        The number of rows.
    """

    times: Times
    groups: NDArray[np.int64] | None
    count: int

    @property
    def are_shared(self) -> bool:
        """Whether a stamp stands for several rows."""
        return self.groups is not None

    def row(self, number: int) -> int:
        """Return the first row of a stamp."""
        if number == len(self.times):
            return self.count
        return number if self.groups is None else int(self.groups[number])

    def rows(self, a: int, b: int) -> Times:
        """Return the first rows of some stamps."""
        return (
            np.arange(a, b, dtype=np.float64) if self.groups is None else self.groups[a:b].astype(np.float64)
        )

    def late_by(self, a: int, b: int, period: float) -> Times:
        """Return by how much the steps after some stamps are longer than their rows take, s."""
        passed = np.diff(self.times[a : b + 1])
        rows = 1.0 if self.groups is None else np.diff(self.rows(a, b + 1))
        return np.asarray(passed - rows * period)

    def period(self) -> float:
        """Return the usual time between rows, s."""
        if self.groups is None:
            return float(np.median(_sample_of_steps(self.times)))
        return float(np.median(np.diff(self.times) / np.diff(self.groups)))


def _grouped(times: Times) -> _Stamps:
    """Return the stamps, one for each run of rows that share it where many do."""
    same = sum(int((steps == 0).sum()) for _, steps in _steps(times))
    if len(times) - same < 2:
        raise AxisError("the times do not advance, so there is no sample rate")
    if same <= SHARED * len(times) or len(times) - same < FEWEST_SHARED:
        return _Stamps(times, None, len(times))
    firsts = [np.flatnonzero(steps) + a + 1 for a, steps in _steps(times)]
    groups = np.concatenate([np.zeros(1, dtype=np.int64), *firsts])
    return _Stamps(times[groups], groups, len(times))


def _too_long(span: float, before: float, after: float) -> str:
    return (
        f"the times span {span / 86_400:,.0f} days, with a step from {before:.14g} s to {after:.14g} s;"
        f" {LONGEST_S / 86_400:.0f} days are the most, so cut the file into single nights"
    )


def _straightened(times: Times) -> tuple[Times, NDArray[np.int64] | None, list[ClockStep], int]:
    """Return stamps in order and without steps of the clock, the order of the rows, the steps, and how many rows moved."""
    odd = np.concatenate(
        [np.flatnonzero((steps < 0) | (steps > LONGEST_S)) + a + 1 for a, steps in _steps(times)]
    )
    if not len(odd):
        return times, None, [], 0
    usual, rate = ordinary(times)
    if not usual and times[-1] < times[0]:  # the newest row stands first
        times, _, found, _ = _straightened(times[::-1])
        return times, np.arange(len(times))[::-1], found, len(times)
    if not usual:
        raise AxisError("the times do not advance, so there is no sample rate")
    times, order = times.copy(), np.arange(len(times))
    clock_steps: list[ClockStep] = []
    moved = windows = 0
    shift = 0.0  # taken out so far
    done = 0
    for k in [*odd.tolist(), len(times)]:
        if k < done:
            continue  # sorted already
        times[done:k] -= shift
        done = k
        if k == len(times):
            break
        before, after = float(times[k - 1]), float(times[k]) - shift
        if 0 <= after - before <= LONGEST_S:
            continue  # an earlier place has put it right
        window = _late_rows(times, k, shift, rate) if after < before else None
        if window is not None:
            first, end = window
            times[k:end] -= shift
            done = end
            place = first + np.argsort(times[first:end], kind="stable")
            moved += end - k
            times[first:end], order[first:end] = times[place], order[place]
            windows += 1
            if windows > MOST_MOVED:
                raise AxisError("the times are out of order in too many places; sort the rows by time")
            continue
        if min(k, len(times) - k) < LEAST_PART and len(times) >= LEAST_PART:
            if after < before:
                raise AxisError(
                    f"the times go back from {before:.14g} s to {after:.14g} s; sort the rows by time"
                )
            raise AxisError(_too_long(after - before, before, after))
        clock_steps.append(ClockStep(k, before + shift, after + shift))
        if len(clock_steps) > MOST_CLOCK_STEPS:
            raise AxisError(
                f"the clock steps back or by months more than {MOST_CLOCK_STEPS} times; write times as seconds since the start"
            )
        shift += after - before - usual
    return times, order if moved else None, clock_steps, moved


def _late_rows(times: Times, k: int, shift: float, rate: float) -> tuple[int, int] | None:
    """Return the rows that are in order once they are sorted, where row `k` is only late; None where the clock was set.

    Late rows fill a hole. After the clock was set back, two rows stand for each moment.
    """
    high = float(times[k - 1])
    window = min(max(round(LATE_S * rate), 2), MOST_LATE)
    most = min(len(times), k + window + 1)
    behind = times[k:most] - shift
    back = np.flatnonzero(behind >= high)
    if len(back):
        end = k + int(back[0])
        until = float(behind[back[0]])
    elif most == len(times):
        end, until = most, high
    else:
        return None
    low = float(behind[: end - k].min())
    first = int(np.searchsorted(times[:k], low, side="right"))
    if k - first > window:
        return None
    since = float(times[first - 1]) if first else low
    return (first, end) if end - first <= 1.25 * rate * (until - since) + 2 else None


@dataclass(slots=True)
class _Holes:
    """The gaps of a file.

    Parameters
    ----------
    found : list of (int, float)
        The stamp before each, and how long it is, s.
    stalls : int
        Late stamps that the following ones made up for.
    caught_up_s : float
        What was made up for after gaps, s.
    """

    found: list[tuple[int, float]] = field(default_factory=list)
    stalls: int = 0
    caught_up_s: float = 0.0

    def bounds(self, count: int) -> list[int]:
        """Return the first stamps of the stretches, and the end."""
        return [0, *(k + 1 for k, _ in self.found), count]


def _holes(stamps: _Stamps, period: float) -> _Holes:
    """Find the gaps: places where the stamps go on later and stay later."""
    holes = _Holes()
    shared = stamps.are_shared
    many = max(GAP_LEAST_S, GAP_PERIODS * period)
    least = many if shared else many - period  # a stamp that was cut counts one row more or less
    candidates = [
        np.flatnonzero(stamps.late_by(a, a + len(steps), period) > least if shared else steps > many) + a
        for a, steps in _steps(stamps.times)
    ]
    late = np.concatenate(candidates)
    if len(late) > 4 * MOST_STRETCHES:
        raise AxisError(_too_many())
    part: int | None = (
        0 if shared else None
    )  # a stamp that stands for a part of its rows: the first, and one after a gap
    for k in late.tolist():
        missing = float(stamps.late_by(k, k + 1, period)[0])
        if k == part:
            if holes.found:
                holes.found[-1] = (holes.found[-1][0], holes.found[-1][1] + missing)
            continue
        end = int(np.searchsorted(stamps.times, stamps.times[k + 1] + CATCH_UP_S, side="right"))
        end = min(end, k + MOST_LATE)
        follow = stamps.late_by(k + 1, end - 1, period) if end - 1 > k + 1 else np.zeros(1)
        stays = missing + min(float(np.cumsum(follow).min()), 0.0)
        if stays <= least:
            holes.stalls += 1
            continue
        if missing - stays > many:
            holes.caught_up_s += missing - stays
            missing = stays
        holes.found.append((k, missing))
        part = k + 1 if shared else None
        if len(holes.found) >= MOST_STRETCHES:
            raise AxisError(_too_many())
    return holes


def _too_many() -> str:
    return f"it has more than {MOST_STRETCHES:,} gaps; a gap is a step of more than {GAP_PERIODS:g} sample periods"


def _rate(stamps: _Stamps, holes: _Holes) -> float:
    """Return (n - 1) / span over the stretches; a stamp that may stand for a part of its samples is left out."""
    span, count = holes.caught_up_s, 0
    for a, b in pairwise(holes.bounds(len(stamps.times))):
        start = _whole(stamps, a, b)
        span += float(stamps.times[b - 1] - stamps.times[start])
        count += stamps.row(b - 1) - stamps.row(start)
    if span <= 0:
        raise AxisError("the times do not advance, so there is no sample rate")
    return count / span


def _whole(stamps: _Stamps, a: int, b: int) -> int:
    """Return the first stamp of a stretch that stands for all of its rows."""
    return a + 1 if stamps.are_shared and b - a > 2 else a


def _lines(stamps: _Stamps, holes: _Holes, rate: float) -> tuple[list[tuple[int, int, int]], list[Anchor]]:
    """Return the stretches and the lines through them."""
    missing = [0, *(max(round(s * rate), 1) for _, s in holes.found)]
    pieces: list[tuple[int, int, int]] = []
    lines: list[Anchor] = []
    first = 0
    for (a, b), lost in zip(pairwise(holes.bounds(len(stamps.times))), missing, strict=True):
        row, end = stamps.row(a), stamps.row(b)
        first += lost
        pieces.append((row, end, first))
        lines += _through(stamps, a, b, first, rate)
        first += end - row
    return pieces, lines


def _through(stamps: _Stamps, a: int, b: int, first: int, rate: float) -> list[Anchor]:
    """Return the lines of a stretch: one from its first stamp where that fits, otherwise pieces of five minutes.

    Parameters
    ----------
    stamps : _Stamps
        The stamps.
    a, b : int
        The stamps of the stretch.
    first : int
        The index of its first row.
    rate : float
        Samples per second.
    """
    start_s, row = float(stamps.times[a]), stamps.row(a)
    span = (stamps.row(b - 1) - row) / rate
    knots = np.linspace(0.0, span, max(round(span / LINE_S), 1) + 1) if span > 2 * NEAR_S else np.zeros(1)
    level = np.array([_level(stamps, a, b, k, rate) for k in knots])
    tight = max(1 / rate, BENT_S)
    if float(np.abs(level).max()) <= tight:
        return [Anchor(first, round(start_s * NS), rate)]
    if len(knots) == 1 or float(np.abs(level - level[0]).max()) <= tight:
        return [Anchor(first, round((start_s + float(level[0])) * NS), rate)]
    lines = []
    for k in range(len(knots) - 1):
        bend = (level[k + 1] - level[k]) / (knots[k + 1] - knots[k])
        at = round(float(knots[k]) * rate)
        time_s = start_s + at / rate + float(level[k]) + bend * (at / rate - float(knots[k]))
        lines.append(Anchor(first + at, round(time_s * NS), rate / (1 + float(bend))))
    return lines


def _level(stamps: _Stamps, a: int, b: int, knot: float, rate: float) -> float:
    """Return how far the stamps around a moment lie off the line from the first stamp, s."""
    start_s, row = float(stamps.times[a]), stamps.row(a)
    whole = _whole(stamps, a, b)
    low, high = (row + round((knot + x) * rate) for x in (-NEAR_S, NEAR_S))
    if stamps.groups is not None:
        low, high = (int(x) for x in np.searchsorted(stamps.groups, (low, high)))
    low, high = max(low, whole), min(high, b)
    if high - low < 3:
        low, high = whole, b
    rest = stamps.times[low:high] - start_s - (stamps.rows(low, high) - row) / rate
    return float(np.median(rest))
