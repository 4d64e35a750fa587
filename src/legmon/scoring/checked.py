"""Movements found by something else, checked before they are scored."""

import math
from collections.abc import Iterable, Sequence

from legmon.movement import Leg, LegMovement
from legmon.scoring.events import Gap
from legmon.scoring.sleep import STAGES, Span, Stage

MOST = 1_000_000
_LEGS: dict[str, Leg] = {"left": "left", "right": "right", "l": "left", "r": "right"}


class RowError(ValueError):
    """A row that cannot be; names it, counted from 1, and says what was expected."""


def nanoseconds(seconds: float) -> int:
    """Seconds as integer ns, on a grid of microseconds: 9.99 s read from text is 9.99 s, also when it is counted from 1970."""
    return round(seconds * 1e6) * 1000


def checked_movements(
    rows: Iterable[object], duration_s: float | None = None, *, row_name: str = "movement"
) -> list[LegMovement]:
    """Turn rows of onset, offset and leg into movements.

    Order does not matter, and movements of one leg that overlap are joined later, as the rules have it; everything else that is
    wrong is refused.

    Parameters
    ----------
    rows : iterable of (onset_s, offset_s, leg)
        Seconds from the start of the recording; leg is ``"left"`` or ``"right"``.
    duration_s : float, optional
        Length of the recording, which no movement may leave.
    row_name : str
        What to call a row in a message.

    Raises
    ------
    RowError
        At the first row that is wrong.
    """
    found = []
    for number, row in enumerate(rows, start=1):
        if number > MOST:
            raise RowError(f"there are more than {MOST:,} movements; no leg makes so many in a recording")
        if isinstance(row, str | bytes) or not isinstance(row, Sequence) or len(row) != 3:
            raise RowError(f"{row_name} {number}: expected onset, offset and leg, not {_short(row)}")
        onset, offset = _span(row, f"{row_name} {number}", duration_s)
        leg = _LEGS.get(row[2].lower()) if isinstance(row[2], str) else None
        if leg is None:
            raise RowError(f"{row_name} {number}: the leg is {_short(row[2])}; expected 'left' or 'right'")
        found.append(LegMovement(onset, offset, leg))
    return found


def checked_spans(rows: Iterable[object], row_name: str, duration_s: float | None = None) -> list[Span]:
    """Turn rows of start and end in seconds into spans in ns: gaps, respiratory events.

    Raises
    ------
    RowError
        At the first row that is wrong.
    """
    found: list[Gap] = []
    for number, row in enumerate(rows, start=1):
        if isinstance(row, str | bytes) or not isinstance(row, Sequence) or len(row) != 2:
            raise RowError(f"{row_name} {number}: expected start and end, not {_short(row)}")
        found.append(_span(row, f"{row_name} {number}", duration_s))
    return found


def checked_stages(rows: Iterable[object]) -> list[Stage]:
    """Turn rows of start, end and stage into stages in ns.

    Raises
    ------
    RowError
        At the first row that is wrong.
    """
    found = []
    for number, row in enumerate(rows, start=1):
        if isinstance(row, str | bytes) or not isinstance(row, Sequence) or len(row) != 3:
            raise RowError(f"stage {number}: expected start, end and stage, not {_short(row)}")
        start, end = _span(row, f"stage {number}", None)
        if row[2] not in STAGES:
            raise RowError(
                f"stage {number}: the stage is {_short(row[2])}; expected one of {', '.join(STAGES)}"
            )
        found.append((start, end, str(row[2])))
    return found


def _span(row: Sequence[object], name: str, duration_s: float | None) -> tuple[int, int]:
    times = []
    for what, value in zip(("start", "end"), row, strict=False):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RowError(f"{name}: its {what} is {_short(value)}; expected seconds")
        if not math.isfinite(value):
            raise RowError(f"{name}: its {what} is {value}; expected a finite number of seconds")
        times.append(float(value))
    start, end = times
    if end < start:
        raise RowError(f"{name}: it ends at {end:g} s, before it starts at {start:g} s")
    if start < 0:
        raise RowError(f"{name}: it starts at {start:g} s, before the recording does")
    if duration_s is not None and end > duration_s + 1e-6:
        raise RowError(f"{name}: it ends at {end:g} s, after the recording does at {duration_s:g} s")
    return nanoseconds(start), nanoseconds(end)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
