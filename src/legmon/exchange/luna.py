"""Reads annotations as Luna writes them: its columns, and every way in which it writes a time.

A start is a number of seconds, ``0+hh:mm:ss`` since the start, a clock time (with ``:`` or ``.``, with or without am and pm), a
date and a clock time (``dd-mm-yy-hh:mm:ss``), or an epoch (``e:5``, ``e:5:20``, ``e:5:30:15``). A stop is the same, ``+`` and a
length, ``...`` for the start of the next row, or ``.`` after an epoch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from legmon.exchange.annotation import Annotation
from legmon.exchange.moments import (
    DAY_S,
    EPOCH,
    EPOCH_S,
    Moment,
    Origin,
    found_origin,
    parse_moment,
    parse_seconds,
)
from legmon.exchange.words import side

COLUMNS: Final = {
    3: ("class", "start", "stop"),
    4: ("class", "instance", "start", "stop"),
    6: ("class", "instance", "channel", "start", "stop", "meta"),
}


class LunaError(ValueError):
    """A row is not written as Luna writes one."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    text: str
    channel: str
    start: str
    stop: str


@dataclass(frozen=True, slots=True)
class LunaFile:
    """The rows of a file.

    Parameters
    ----------
    annotations : list of Annotation
        Seconds from the start of the recording.
    origin : Origin
        What clock times count from.
    duration_s : float or None
        The length of the recording, where the file says it.
    """

    annotations: list[Annotation]
    origin: Origin
    duration_s: float | None


def read_luna(lines: Sequence[str]) -> LunaFile:
    """Read the lines of a file.

    Raises
    ------
    LunaError
        If a row has another number of columns, or a time that is none.
    """
    rows = list(_rows(lines))
    if not rows:
        raise LunaError(1, "it holds no rows; expected class, instance, channel, start, stop")
    starts = [_moment(row.line, row.start) for row in rows]
    began, duration = _said_in_rows(rows, starts)
    origin = found_origin([m for m in starts if m is not None], began)
    annotations = []
    for k, (row, start) in enumerate(zip(rows, starts, strict=True)):
        if start is None:
            continue
        onset = origin.since_start(start)
        following = starts[k + 1] if k + 1 < len(rows) else None
        annotations.append(Annotation(onset, _length(row, onset, following, origin), row.text, row.channel))
    return LunaFile(annotations, origin, duration)


def looks_like_luna(lines: Sequence[str]) -> bool:
    """Whether the first row is one of Luna's."""
    first = [line for line in lines if line.strip() and not line.lstrip().startswith("#")][:1]
    try:
        rows = list(_rows(first))
        return bool(first) and all(_moment(row.line, row.start) for row in rows)
    except LunaError:
        return False


def _rows(lines: Sequence[str]) -> Iterator[_Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        fields = [f.strip() for f in line.rstrip("\r\n").split("\t")]
        if len(fields) < 3:
            fields = _am_pm_joined(line.split())
        while len(fields) > 3 and fields[-1] == "":
            fields.pop()
        if len(fields) == 5:  # without its meta-data
            fields.append(".")
        columns = COLUMNS.get(min(len(fields), 6))
        if columns is None:
            raise LunaError(number, f"{len(fields)} columns; expected class, instance, channel, start, stop")
        row = dict(zip(columns, fields[:6], strict=True))
        if (row["class"].lower(), row["start"].lower()) == ("class", "start"):
            continue
        text, channel = row["class"], row.get("channel", ".")
        if text.lower() in {"stage", "sleep_stage", "stages"} and row.get("instance", ".") not in {".", ""}:
            text = row["instance"]
        where = (channel, row.get("instance", "."))  # some write the leg as the instance
        channel = next(
            (name for name in where if name != "." and side(name)), "" if channel == "." else channel
        )
        yield _Row(number, text, channel, row["start"], row["stop"])


def _am_pm_joined(words: list[str]) -> list[str]:
    joined: list[str] = []
    for w in words:
        if w.lower() in {"am", "pm"} and joined:
            joined[-1] += w
        else:
            joined.append(w)
    return joined


def _said_in_rows(
    rows: Sequence[_Row], starts: Sequence[Moment | None]
) -> tuple[Moment | None, float | None]:
    """Return when the recording began and how long it was, where rows say so, as some programs write them."""
    began: Moment | None = None
    duration: float | None = None
    for row, start in zip(rows, starts, strict=True):
        name = row.text.lower()
        if (
            name in {"start_hms", "edf_start", "recording_start"}
            and start is not None
            and start.kind != "since start"
        ):
            began = start
        elif name == "duration_sec" and start is not None and start.kind == "since start":
            stop = _moment(row.line, row.stop.lstrip("+")) if row.stop != "..." else None
            if stop is not None and stop.kind == "since start" and stop.seconds > start.seconds:
                duration = stop.seconds - start.seconds
    return began, duration


def _moment(line: int, text: str) -> Moment | None:
    try:
        return parse_moment(text)
    except ValueError as e:
        raise LunaError(line, str(e)) from e


def _length(row: _Row, onset: float, following: Moment | None, origin: Origin) -> float | None:
    """Return how long a row lasts, s; None if it does not say."""
    stop = row.stop.strip()
    epoch = EPOCH.match(stop) or (EPOCH.match(row.start.strip()) if stop in {".", ""} else None)
    if epoch:
        length = float(epoch[2] or EPOCH_S)
        return (int(epoch[1]) - 1) * float(epoch[3] or length) + length - onset
    if stop == "...":
        return None if following is None else max(origin.since_start(following) - onset, 0.0)
    if stop.startswith("+"):
        try:
            return parse_seconds(stop[1:], "a length in seconds")
        except ValueError as e:
            raise LunaError(row.line, str(e)) from e
    end = _moment(row.line, stop)
    if end is None:
        return None
    if end.kind == "clock":
        return (end.seconds - origin.clock - onset) % DAY_S
    return origin.since_start(end) - onset
