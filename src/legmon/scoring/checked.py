"""Check movements, gaps, stages and a duration before they are scored.

`legmon.score` and `legmon score --events` use the same check, so both refuse the same rows with the same words.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from numbers import Real
from typing import TypeGuard, get_args

from legmon.movement import NS, Leg, LegMovement
from legmon.quoting import shown
from legmon.scoring.events import Span
from legmon.scoring.sleep import STAGES, Stage

MOST = 100_000
"""Rows of a kind in one recording: a month of severe nights."""
LONGEST_S = 1e9
LATEST_S = 1e10
"""The latest time, s: if times count from 1970, it is in the year 2286."""
LEGS: dict[object, Leg] = {leg: leg for leg in get_args(Leg)}


class RowError(ValueError):
    """A row is wrong. The message names the row, counted from 1, and what was expected."""


def nanoseconds(seconds: float) -> int:
    """Return seconds as integer ns, rounded to microseconds, so that 9.99 s read from text stay 9.99 s, also since 1970."""
    return round(seconds * 1e6) * 1000


def checked_duration(duration_s: object) -> float | None:
    """Return the length of a recording; None if it is not known.

    Raises
    ------
    RowError
        If it is not a number of seconds, 0 or more and less than `LONGEST_S`.
    """
    if duration_s is None:
        return None
    if not _is_number(duration_s) or not _is_finite(duration_s) or not 0 <= float(duration_s) < LONGEST_S:
        raise RowError(
            f"'duration_s' is {_short(duration_s)}; expected seconds, 0 or more and less than {LONGEST_S:,.0f}"
        )
    return float(duration_s)


def checked_movements(
    rows: Iterable[object], duration_s: float | None = None, *, row_name: str = "movement"
) -> list[LegMovement]:
    """Check movements, as objects or as rows of onset, offset and leg.

    Order does not matter, and overlapping movements of one leg are joined later, as the rules say. Everything else that is
    wrong is refused.

    Parameters
    ----------
    rows : iterable of LegMovement or (onset_s, offset_s, leg)
        Seconds from the start of the recording. The leg is ``"left"`` or ``"right"``. A `LegMovement` is returned as it is.
    duration_s : float, optional
        Length of the recording. No movement may end after it.
    row_name : str
        What a message calls a row.

    Raises
    ------
    RowError
        At the first row that is wrong.
    """
    movements = []
    for name, row in _numbered(rows, row_name):
        leg: object
        if isinstance(row, LegMovement):
            onset, offset, leg = _in_seconds(row.onset_ns), _in_seconds(row.offset_ns), row.leg
        else:
            onset, offset, leg = _fields(row, name, "onset, offset and leg", 3)
        start_s, end_s = _checked_times(onset, offset, name, duration_s)
        if not isinstance(leg, str) or leg not in LEGS:
            raise RowError(f"{name}: the leg is {_short(leg)}; expected 'left' or 'right'")
        if isinstance(row, LegMovement):
            movements.append(row)
        else:
            movements.append(LegMovement(nanoseconds(start_s), nanoseconds(end_s), LEGS[leg]))
    return movements


def checked_spans(rows: Iterable[object], row_name: str) -> list[Span]:
    """Check rows of start and end in seconds (gaps, respiratory events) and return them in ns.

    Raises
    ------
    RowError
        At the first row that is wrong.
    """
    spans = []
    for name, row in _numbered(rows, row_name):
        start, end = _fields(row, name, "start and end", 2)
        spans.append(_span(start, end, name))
    return spans


def checked_stages(rows: Iterable[object]) -> list[Stage]:
    """Check rows of start and end in seconds and stage, and return them in ns.

    Raises
    ------
    RowError
        At the first row that is wrong.
    """
    stages = []
    for name, row in _numbered(rows, "stage"):
        start, end, stage = _fields(row, name, "start, end and stage", 3)
        if not isinstance(stage, str) or stage not in STAGES:
            raise RowError(f"{name}: the stage is {_short(stage)}; expected one of {', '.join(STAGES)}")
        stages.append((*_span(start, end, name), str(stage)))
    return stages


def _numbered(rows: Iterable[object], row_name: str) -> Iterator[tuple[str, object]]:
    for number, row in enumerate(rows, start=1):
        if number > MOST:
            raise RowError(f"there are more than {MOST:,} {row_name}s; no recording has so many")
        yield f"{row_name} {number}", row


def _fields(row: object, name: str, expected: str, count: int) -> tuple[object, ...]:
    is_row = isinstance(row, Iterable) and not isinstance(row, str | bytes | Mapping)
    fields = tuple(islice(row, count + 1)) if is_row and isinstance(row, Iterable) else ()
    if len(fields) != count:
        raise RowError(f"{name}: expected {expected}, not {_short(row)}")
    return fields


def _span(start: object, end: object, name: str) -> Span:
    start_s, end_s = _checked_times(start, end, name, None)
    return nanoseconds(start_s), nanoseconds(end_s)


def _checked_times(start: object, end: object, name: str, duration_s: float | None) -> tuple[float, float]:
    """Return start and end in seconds.

    Raises
    ------
    RowError
        If one is not a finite number, or if the two are not in order and inside the recording.
    """
    start_s, end_s = _finite(start, f"{name}: its start"), _finite(end, f"{name}: its end")
    if end_s < start_s:
        raise RowError(f"{name}: it ends at {end_s:g} s, before it starts at {start_s:g} s")
    if start_s < 0:
        raise RowError(f"{name}: it starts at {start_s:g} s, before the recording does")
    if duration_s is not None and end_s > duration_s + 1e-6:
        raise RowError(f"{name}: it ends at {end_s:g} s, after the recording does at {duration_s:g} s")
    return start_s, end_s


def _finite(value: object, what: str) -> float:
    if not _is_number(value):
        raise RowError(f"{what} is {_short(value)}; expected seconds")
    if not _is_finite(value):
        raise RowError(f"{what} is {_short(value)}; expected a finite number of seconds")
    if abs(float(value)) > LATEST_S:
        raise RowError(f"{what} is {_short(value)} s, which is no time of a recording; expected seconds")
    return float(value)


def _is_finite(value: Real) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _in_seconds(ns: object) -> object:
    try:
        return float(ns) / NS if _is_number(ns) else ns
    except OverflowError:
        return math.inf


def _is_number(value: object) -> TypeGuard[Real]:
    return isinstance(value, Real) and not isinstance(value, bool)


def _short(value: object) -> str:
    return shown(value, 40)
