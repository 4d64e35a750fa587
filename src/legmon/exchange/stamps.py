"""When each row of a file was measured: lines through its time stamps, its gaps, and the steps of its clock.

Programs write stamps in many ways: cut to whole seconds, one stamp for all samples of a packet, the moment of arrival, rows
out of order, a clock that is set on the way. A sensor samples evenly. So the rows lie on straight lines of index and time, and
a gap is a place where the line goes on later and *stays* later. A stamp that is late alone, or a stall that the following rows
make up for, is no gap.
"""

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
SHARED: Final = 0.1
"""If more of the rows repeat the stamp before, stamps stand for several samples."""
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
        steps = np.diff(times)
        at = int(np.argmax(steps))
        raise AxisError(_too_long(times[-1] - times[0], times[at], times[at + 1]))
    groups = _groups(times)
    stamps = times[groups]
    if len(stamps) < 2:
        raise AxisError("the times do not advance, so there is no sample rate")
    rows, passed = np.diff(groups).astype(np.float64), np.diff(stamps)
    shared = len(groups) < (1 - SHARED) * len(times) and len(groups) >= 10
    if not shared:  # the contract: each step by itself
        groups = np.arange(len(times))
        stamps, rows, passed = times, np.ones(len(times) - 1), np.diff(times)
    period = float(np.median(passed / rows))
    if period <= 0:
        raise AxisError("the times do not advance, so there is no sample rate")
    holes, stalls, caught_up = _holes(stamps, rows, passed, period, shared=shared)
    rate = _rate(stamps, groups, holes, caught_up, shared=shared)
    pieces, lines = _lines(stamps, groups, holes, rate, len(times), shared=shared)
    return Axis(rate, pieces, lines, order, clock_steps, moved, len(times) / len(groups), stalls)


def _too_long(span: float, before: float, after: float) -> str:
    return (
        f"the times span {span / 86_400:,.0f} days, with a step from {before:.14g} s to {after:.14g} s;"
        f" {LONGEST_S / 86_400:.0f} days are the most, so cut the file into single nights"
    )


def _groups(times: Times) -> NDArray[np.int64]:
    """Return the first row of each run of equal stamps."""
    return np.concatenate([[0], np.flatnonzero(np.diff(times)) + 1])


def _straightened(times: Times) -> tuple[Times, NDArray[np.int64] | None, list[ClockStep], int]:
    """Return stamps in order and without steps of the clock, the order of the rows, the steps, and how many rows moved."""
    steps = np.diff(times)
    odd = np.flatnonzero((steps < 0) | (steps > LONGEST_S)) + 1
    if not len(odd):
        return times, None, [], 0
    ahead = steps[(steps > 0) & (steps <= LONGEST_S)]
    if not len(ahead):
        raise AxisError("the times do not advance, so there is no sample rate")
    usual = float(np.median(ahead))
    rate = len(steps) / max(float(ahead[ahead <= 20 * usual].sum()), 1e-9)
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
    most = min(len(times), k + max(round(LATE_S * rate), 2) + 1)
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
    if k - first > LATE_S * rate + 2:
        return None
    since = float(times[first - 1]) if first else low
    return (first, end) if end - first <= 1.25 * rate * (until - since) + 2 else None


def _holes(
    stamps: Times, rows: Times, passed: Times, period: float, *, shared: bool
) -> tuple[list[tuple[int, float]], int, float]:
    """Return the gaps as (stamp before it, seconds missing), how many stalls were made up for, and seconds of the others."""
    least = max(GAP_LEAST_S - period, (GAP_PERIODS - 1) * period)
    extra = passed - rows * period
    if shared:  # a stamp that was cut counts one row more or less
        least = max(GAP_LEAST_S, GAP_PERIODS * period)
        late = extra > least
    else:
        late = (passed > GAP_PERIODS * period) & (passed > GAP_LEAST_S)
    found: list[tuple[int, float]] = []
    stalls, caught_up = 0, 0.0
    candidates = np.flatnonzero(late)
    if len(candidates) > 20 * MOST_STRETCHES:
        raise AxisError(_too_many())
    skip = 0 if shared else -1  # the first stamp may stand for a part of its samples
    joined: int | None = None
    for k in candidates.tolist():
        if k == skip:
            continue
        if (
            shared and joined is not None and k == joined + 1
        ):  # the stamp after a gap stands for a part of its samples
            found[-1] = (found[-1][0], found[-1][1] + float(extra[k]))
            joined = None
            continue
        end = int(np.searchsorted(stamps, stamps[k + 1] + CATCH_UP_S, side="right"))
        follow = extra[k + 1 : max(end - 1, k + 1)]
        missing = float(extra[k])
        stays = missing + min(float(np.cumsum(follow).min()), 0.0) if len(follow) else missing
        if stays <= least:
            stalls += 1
            continue
        if missing - stays > max(GAP_LEAST_S, GAP_PERIODS * period):
            caught_up += missing - stays
            missing = stays
        found.append((k, missing))
        joined = k
        if len(found) >= MOST_STRETCHES:
            raise AxisError(_too_many())
    return found, stalls, caught_up


def _too_many() -> str:
    return f"it has more than {MOST_STRETCHES:,} gaps; a gap is a step of more than {GAP_PERIODS:g} sample periods"


def _rate(
    stamps: Times,
    groups: NDArray[np.int64],
    holes: list[tuple[int, float]],
    caught_up: float,
    *,
    shared: bool,
) -> float:
    """Return (n - 1) / span over the stretches; a stamp that may stand for a part of its samples is left out."""
    bounds = [0, *(k + 1 for k, _ in holes), len(stamps)]
    span, count = caught_up, 0
    for a, b in pairwise(bounds):
        start = a + 1 if shared and b - a > 2 else a
        span += float(stamps[b - 1] - stamps[start])
        count += int(groups[b - 1] - groups[start])
    if span <= 0:
        raise AxisError("the times do not advance, so there is no sample rate")
    return count / span


def _lines(
    stamps: Times,
    groups: NDArray[np.int64],
    holes: list[tuple[int, float]],
    rate: float,
    count: int,
    *,
    shared: bool,
) -> tuple[list[tuple[int, int, int]], list[Anchor]]:
    """Return the stretches and the lines through them."""
    bounds = [0, *(k + 1 for k, _ in holes), len(stamps)]
    missing = [0, *(max(round(s * rate), 1) for _, s in holes)]
    pieces: list[tuple[int, int, int]] = []
    lines: list[Anchor] = []
    first = row = 0
    for (a, b), lost in zip(pairwise(bounds), missing, strict=True):
        end = int(groups[b]) if b < len(groups) else count
        first += lost
        pieces.append((row, end, first))
        start = a + 1 if shared and b - a > 2 else a
        since = (groups[start:b] - row).astype(np.float64)
        lines += _through(stamps[start:b], since, float(stamps[a]), first, rate)
        first += end - row
        row = end
    return pieces, lines


def _through(stamps: Times, since: Times, start_s: float, first: int, rate: float) -> list[Anchor]:
    """Return the lines of a stretch: one from its first stamp where that fits, otherwise pieces of five minutes.

    Parameters
    ----------
    stamps, since : (n,) arrays
        The stamps, and how many rows each is after the first one of the stretch.
    start_s : float
        The first stamp.
    first : int
        The index of the first row.
    rate : float
        Samples per second.
    """
    rest = stamps - start_s - since / rate
    span = float(since[-1]) / rate
    knots = np.linspace(0.0, span, max(round(span / LINE_S), 1) + 1) if span > 2 * NEAR_S else np.zeros(1)
    level = np.array([_level(rest, since / rate, k) for k in knots])
    if float(np.abs(level).max()) <= max(1 / rate, BENT_S):
        return [Anchor(first, round(start_s * NS), rate)]
    if len(knots) == 1 or float(np.abs(level - level[0]).max()) <= max(1 / rate, BENT_S):
        return [Anchor(first, round((start_s + float(level[0])) * NS), rate)]
    lines = []
    for k in range(len(knots) - 1):
        bend = (level[k + 1] - level[k]) / (knots[k + 1] - knots[k])
        at = round(float(knots[k]) * rate)
        time_s = start_s + at / rate + float(level[k]) + bend * (at / rate - float(knots[k]))
        lines.append(Anchor(first + at, round(time_s * NS), rate / (1 + float(bend))))
    return lines


def _level(rest: Times, at: Times, knot: float) -> float:
    """Return how far the stamps around a moment lie off the line."""
    a, b = np.searchsorted(at, (knot - NEAR_S, knot + NEAR_S))
    near = rest[a:b] if b - a >= 3 else rest
    return float(np.median(near))
