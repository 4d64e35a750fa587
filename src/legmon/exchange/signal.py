"""The samples of a file on a time axis, in g: whatever the format, it becomes the same and is searched in the same way."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from legmon.detection.detector import DETECTOR, Detector
from legmon.detection.quality import RAIL
from legmon.detection.trace import Tracer
from legmon.exchange.stamps import (
    BLOCK,
    GAP_LEAST_S,
    GAP_PERIODS,
    HOUR_S,
    MOST_STRETCHES,
    Axis,
    AxisError,
    ClockStep,
    even_axis,
    fit_axis,
    ordinary,
)
from legmon.exchange.units import (
    PLAIN_HIGH,
    PLAIN_LOW,
    TIME_NAMES,
    TIME_UNITS,
    at_rest,
    parse_unit,
    settled,
    time_unit,
)
from legmon.messages import GapCause, Message, SourceNote, source_note
from legmon.movement import NS, Leg, LegMovement
from legmon.night.track import LegTrack
from legmon.recording.records import Gap
from legmon.timeline.clock import Anchor, TimeMap

Samples = NDArray[np.float32]
Clock = Literal["", "day", "local", "utc"]

CHUNK: Final = 1 << 16
LARGEST_G: Final = 1000.0
LATEST_S: Final = 1e11
RAIL_LEAST_G, RAIL_TIMES, RAIL_NEAR = 1.9, 10, 0.9
DATED_S: Final = 1e8
"""Later times are seconds since 1970; no recording lasts three years."""
RATE_NEAR: Final = 0.02
MOST_FAR: Final = 0.1
"""The share of rows that may hold numbers that no sensor measures, such as -9999; a file with more has another unit."""
DOUBLED, FEWEST_RUNS = 0.95, 50
"""If so many of the rows stand twice, and there are so many, each was written twice."""
MOST_BLOCKS, SHORTEST_BLOCK, LONGEST_BLOCK = 1000, 10, 500_000
"""Blocks that were written again: how many are looked for, and rows of one."""
MOST_SAID: Final = 3
"""Steps of a clock that are said one by one."""


@dataclass(slots=True)
class RawSignal:
    """The columns of a file, as they stand in it.

    Parameters
    ----------
    xyz : (n, 3) float32 array
        In the order of the file; NaN where there is no value. `built` changes it.
    times : (n,) float64 array, optional
        Stamps; without them the rows follow each other at `rate_hz`.
    name : str
        The format, as a person reads it; empty for what legmon itself writes.
    unit, time_unit : str, optional
        What the file or the person says; see `legmon.exchange.units`.
    rate_hz : float, optional
        The declared rate.
    start_s : float
        When the first row was measured, where rows have no stamps; otherwise when their stamps begin to count.
    unit_is_certain : bool
        Whether a person named the unit, so that gravity does not decide.
    absent : (n,) bool array, optional
        Rows that are no samples, such as those that a writer put into a gap.
    clock : {"", "day", "local", "utc"}
        What the times are, where they are moments; see `Signal`.
    said : list of Message
        What the reader has to say of the file.
    """

    xyz: Samples
    times: NDArray[np.float64] | None = None
    name: str = ""
    unit: str | None = "g"
    time_unit: str | None = "s"
    rate_hz: float | None = None
    start_s: float = 0.0
    unit_is_certain: bool = False
    absent: NDArray[np.bool_] | None = None
    clock: Clock = ""
    said: list[Message] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Samples without a gap.

    Parameters
    ----------
    first : int
        Index of the first sample, gaps included.
    start_s : float
        Its time in the file.
    xyz : (n, 3) float32 array, g
        The samples.
    """

    first: int
    start_s: float
    xyz: Samples


@dataclass(frozen=True, slots=True)
class Signal:
    """A file's samples.

    Parameters
    ----------
    rate_hz : float
        Measured over the stretches between gaps.
    stretches : list of Stretch
        In order of time.
    lines : list of Anchor
        From index to time.
    end : int
        Index after the last row.
    notes : list of Message
        What a person should know of the file.
    clock : {"", "day", "local", "utc"}
        What the times are: seconds since some start, or since midnight; time of day with a date; or seconds since 1970 UTC.
    """

    rate_hz: float
    stretches: list[Stretch]
    lines: list[Anchor]
    end: int
    notes: list[Message] = field(default_factory=list)
    clock: Clock = ""

    @property
    def dated(self) -> bool:
        """Whether the times are those of a clock, not seconds since some start."""
        return bool(self.clock)

    @property
    def gaps(self) -> list[Gap]:
        """The gaps before, between and after the stretches."""
        bounds = [0, *(b for s in self.stretches for b in (s.first, s.first + len(s.xyz))), self.end]
        found = zip(bounds[::2], bounds[1::2], strict=True)
        return [Gap(a, b - a, GapCause.FILE_GAP.value) for a, b in found if b > a]

    @property
    def range_g(self) -> float | None:
        """The range of the sensor, where the samples show it: a largest value that occurs too often.

        In a signal that stays within the range, larger values are rarer. At the end of a range all values beyond it are added to
        the last one. A coarse sensor repeats every value, so the count is compared with that of the value below.
        """
        largest = max(float(max(s.xyz.max(), -s.xyz.min())) for s in self.stretches)
        high = np.concatenate([_at_least(s.xyz, RAIL_NEAR * largest) for s in self.stretches])
        at_rail = high >= RAIL * largest
        pile, below = int(at_rail.sum()), high[~at_rail]
        next_below = int((below == below.max()).sum()) if len(below) else 0
        return largest if largest > RAIL_LEAST_G and pile >= max(RAIL_TIMES, 2 * next_below) else None


def _at_least(xyz: Samples, low: float) -> Samples:
    """Return the sizes of the values that are no smaller than `low`."""
    return np.concatenate([xyz[xyz >= low], -xyz[xyz <= -low]]) if low > 0 else np.abs(xyz).ravel()


def detect_signal(
    signal: Signal, leg: Leg, *, chunk: int | None = None, tracer: Tracer | None = None
) -> LegTrack:
    """Find the movements of one leg.

    Parameters
    ----------
    signal : Signal
        The samples.
    leg : {"left", "right"}
        The ankle.
    chunk : int, optional
        Number of samples to feed at a time. It does not change the result.
    tracer : Tracer, optional
        Collects why the detector decides as it does.

    Returns
    -------
    LegTrack
        Times are those of the file.

    Raises
    ------
    ValueError
        If the detector cannot use the rate.
    """
    detector = Detector(signal.rate_hz, leg, range_g=signal.range_g, tracer=tracer)
    found: list[LegMovement] = []
    for stretch in signal.stretches:
        found += detector.gap(stretch.first - detector.position)
        size = chunk or CHUNK
        for i in range(0, len(stretch.xyz), size):
            found += detector.feed(stretch.xyz[i : i + size].astype(np.float64))
    found += detector.gap(signal.end - detector.position)
    found += detector.finish()
    return LegTrack(
        leg=leg,
        end=detector.position,
        movements=found,
        gaps=sorted(
            [*signal.gaps, *(Gap(u.first, u.count, u.cause) for u in detector.unseen_so_far())],
            key=lambda g: g.first,
        ),
        anchors=signal.lines,
        simulated=False,
        quality=detector.quality(),
        notes=signal.notes,
        clock=signal.clock,
        detector=DETECTOR,
    )


def built(raw: RawSignal) -> Signal:
    """Settle units and times, and cut the samples at their gaps.

    Raises
    ------
    ValueError
        If that is not possible. The message says why, and what to do.
    """
    notes = [*raw.said]
    times = raw.times
    raw.times = None
    if times is not None:
        times = _without_repeats(times, raw, notes)
    if times is None:
        axis = even_axis(len(raw.xyz), raw.rate_hz or 0.0, raw.start_s)
    else:
        axis = _axis_of_stamps(times, raw, notes)
        del times
    if axis.order is not None:
        raw.xyz = raw.xyz[axis.order]
    unit = settled(raw.xyz, raw.unit) if not raw.unit_is_certain else parse_unit(raw.unit or "g")
    xyz = raw.xyz
    if unit.per_g != 1:
        xyz /= np.float32(unit.per_g)
    if raw.name:
        notes.insert(0, source_note(SourceNote.READ_AS, name=raw.name, rate=axis.rate_hz, unit=unit.name))
    if unit.settled and unit.name != "g":
        notes.append(source_note(SourceNote.UNIT_SETTLED, unit=unit.name, value=unit.at_rest))
    pieces = _usable(xyz, raw.absent, axis, notes)
    time = TimeMap(axis.lines)
    stretches = [Stretch(first, time.utc(first) / NS, xyz[a:b]) for a, b, first in pieces]
    a, b, first = axis.pieces[-1]
    clock = raw.clock
    if not clock and raw.name and time.utc(0) > DATED_S * NS:
        clock = "utc"
    return Signal(axis.rate_hz, stretches, axis.lines, first + b - a, notes, clock)


def _axis_of_stamps(times: NDArray[np.float64], raw: RawSignal, notes: list[Message]) -> Axis:
    """Return the axis of a file whose rows have stamps, and note what was settled. The stamps are changed."""
    if len(times) < 2:
        raise AxisError("there is only one sample; two at least give a sample rate")
    unit, odd = time_unit(ordinary(times)[1], len(times), raw.time_unit)
    if TIME_UNITS[unit] != 1:
        times *= TIME_UNITS[unit]
    if odd:
        notes.append(source_note(SourceNote.TIME_UNIT_SETTLED, unit=TIME_NAMES[unit]))
    if raw.start_s:
        times += raw.start_s
    if not max(float(times.max()), -float(times.min())) <= LATEST_S:
        raise AxisError("a time is beyond the year 5138; no clock measures that")
    axis = fit_axis(times)
    if raw.rate_hz is not None and abs(axis.rate_hz / raw.rate_hz - 1) > RATE_NEAR:
        notes.append(source_note(SourceNote.RATE_DIFFERS, declared=raw.rate_hz, rate=axis.rate_hz))
    if axis.per_stamp > 1:
        notes.append(source_note(SourceNote.STAMPS_SHARED, count=axis.per_stamp, rate=axis.rate_hz))
    if axis.moved:
        notes.append(source_note(SourceNote.OUT_OF_ORDER, count=axis.moved))
    if axis.stalls:
        notes.append(source_note(SourceNote.STALLS, count=axis.stalls))
    lost = [(b[2] - a[2] - (a[1] - a[0])) / axis.rate_hz for a, b in pairwise(axis.pieces)]
    if raw.clock != "utc" and any(abs(s - HOUR_S) < 1.0 for s in lost):
        notes.append(source_note(SourceNote.HOUR_SKIPPED))
    notes += [_clock_note(step) for step in axis.clock_steps[:MOST_SAID]]
    return axis


def _without_repeats(times: NDArray[np.float64], raw: RawSignal, notes: list[Message]) -> NDArray[np.float64]:
    """Return the stamps without rows that stand in the file twice: each of them, or a block that was written again."""
    xyz = raw.xyz
    kept: NDArray[np.bool_] | None = None
    same = sum(int(_is_same(times, xyz, a).sum()) for a in range(0, len(times) - 1, BLOCK))
    if same > len(times) * (1 - DOUBLED):
        repeats = np.concatenate(
            [[False], *(_is_same(times, xyz, a) for a in range(0, len(times) - 1, BLOCK))]
        )
        runs = np.diff(np.concatenate([np.flatnonzero(~repeats), [len(times)]]))
        if len(runs) >= FEWEST_RUNS and (runs == 2).sum() >= DOUBLED * len(runs):
            kept = ~repeats
    back = [
        np.flatnonzero(np.diff(times[a : a + BLOCK + 1]) < 0) + a + 1 for a in range(0, len(times), BLOCK)
    ]
    for k in np.concatenate(back)[:MOST_BLOCKS].tolist():
        first = max(k - LONGEST_BLOCK, 0)
        before = np.flatnonzero(times[first:k] == times[k])
        n = min(k - first - int(before[-1]), len(times) - k) if len(before) else 0
        if (
            n >= SHORTEST_BLOCK
            and (times[k - n : k] == times[k : k + n]).all()
            and (xyz[k - n : k] == xyz[k : k + n]).all()
        ):
            kept = np.ones(len(times), dtype=np.bool_) if kept is None else kept
            kept[k : k + n] = False
    if kept is None:
        return times
    notes.append(source_note(SourceNote.REPEATED, count=int((~kept).sum())))
    raw.xyz = xyz[kept]
    if raw.absent is not None:
        raw.absent = raw.absent[kept]
    return np.asarray(times[kept])


def _is_same(times: NDArray[np.float64], xyz: Samples, first: int) -> NDArray[np.bool_]:
    """Return which rows of a block repeat the row before, in time and values."""
    t, v = times[first : first + BLOCK + 1], xyz[first : first + BLOCK + 1]
    return np.asarray((t[1:] == t[:-1]) & (v[1:] == v[:-1]).all(axis=1))


def _clock_note(step: ClockStep) -> Message:
    if step.is_hour_twice:
        return source_note(SourceNote.HOUR_TWICE, row=step.row + 1)
    before, after = _moment(step.before_s), _moment(step.after_s)
    return source_note(SourceNote.CLOCK_SET, before=before, after=after, row=step.row + 1)


def _moment(seconds: float) -> str:
    return f"{seconds:,.2f} s"


def _missing(xyz: Samples, absent: NDArray[np.bool_] | None, axis: Axis) -> NDArray[np.bool_]:
    """Return which rows hold no sample: no value, zeros on all axes, or numbers that no sensor measures."""
    missing: NDArray[np.bool_] = np.asarray(~np.isfinite(xyz).all(axis=1))
    if absent is not None:
        missing |= absent if axis.order is None else absent[axis.order]
    if max(float(np.fmax.reduce(xyz, axis=None)), -float(np.fmin.reduce(xyz, axis=None))) > LARGEST_G:
        far = (np.abs(xyz) > LARGEST_G).any(axis=1)
        if far.mean() > MOST_FAR:
            raise AxisError(
                f"more than {LARGEST_G:,.0f} g stand in many rows, which no sensor measures; name the unit with --unit"
            )
        missing |= far
    rest = at_rest(xyz)
    if rest is not None and PLAIN_LOW <= rest <= PLAIN_HIGH:
        missing |= ~xyz.any(axis=1)
    return missing


def _usable(
    xyz: Samples, absent: NDArray[np.bool_] | None, axis: Axis, notes: list[Message]
) -> list[tuple[int, int, int]]:
    """Return the pieces without rows that are no samples; single ones are filled in."""
    missing = _missing(xyz, absent, axis)
    if not missing.any():
        return axis.pieces
    pieces: list[tuple[int, int, int]] = []
    filled = dropped = 0
    for start, end, first in axis.pieces:
        at = start
        for a, b in _runs(missing, start, end):
            if (
                (b - a + 1) / axis.rate_hz <= max(GAP_LEAST_S, GAP_PERIODS / axis.rate_hz)
                and a > at
                and b < end
            ):
                _fill(xyz, a, b)
                filled += b - a
                continue
            dropped += b - a
            if a > at:
                pieces.append((at, a, first + at - start))
            at = b
        if at < end:
            pieces.append((at, end, first + at - start))
        if len(pieces) > MOST_STRETCHES:
            raise AxisError(f"it has more than {MOST_STRETCHES:,} gaps")
    if not pieces:
        raise AxisError("no row holds a sample")
    if dropped:
        notes.append(source_note(SourceNote.DROP_OUTS, seconds=dropped / axis.rate_hz))
    if filled:
        notes.append(source_note(SourceNote.FILLED, count=filled))
    return pieces


def _runs(missing: NDArray[np.bool_], start: int, end: int) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing[start:end], [False]]).astype(np.int8)))
    for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield start + a, start + b


def _fill(xyz: Samples, a: int, b: int) -> None:
    share = (np.arange(1, b - a + 1, dtype=np.float32) / np.float32(b - a + 1))[:, None]
    xyz[a:b] = xyz[a - 1] * (1 - share) + xyz[b] * share
