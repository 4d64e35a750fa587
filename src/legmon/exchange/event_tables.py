"""Reads tables of scored events: BIDS, RemLogic, Noxturnal, and any other with columns for time and event.

The columns are known by their names, in the languages in which these programs write them.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from legmon.exchange.annotation import Annotation
from legmon.exchange.moments import (
    DATE,
    DAY_S,
    Moment,
    Order,
    Origin,
    found_origin,
    parse_moment,
    parse_seconds,
)
from legmon.exchange.words import normal
from legmon.quoting import shown

HEAD_LINES: Final = 60
MOST_COLUMNS: Final = 200
_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "start": (
        "onset", "onset s", "start", "start time", "starttime", "start s", "time hh mm ss", "time", "begin",
        "heure de debut", "debut", "startzeit", "beginn", "hora de inicio", "inicio", "starttid", "start tid",
        "ora di inizio", "tijd",
    ),
    "end": (
        "offset", "offset s", "end", "end time", "endtime", "stop", "stop time", "end s", "heure de fin", "fin",
        "endzeit", "ende", "hora de fin", "sluttid",
    ),
    "length": (
        "duration", "duration s", "duration sec", "durations", "length", "length s", "duree", "duree s", "dauer",
        "dauer s", "duracion", "varighet", "durata",
    ),
    "event": (
        "event", "trial type", "event type", "eventtype", "type", "description", "stage", "sleep stage", "value", "annotation",
        "evenement", "ereignis", "evento", "label", "name", "hendelse", "state",
    ),
    "channel": ("channel", "location", "leg", "signal", "side", "input", "kanal", "canal", "localisation", "signal location"),
}  # fmt: skip
"""Names of columns without accents and marks, the best first."""
_EMPTY: Final = {"", "n/a", "na", "nan", ".", "-", "[]"}


class TableError(ValueError):
    """The table has no columns of events, or a row that cannot be read."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class EventTable:
    """The rows of a table.

    Parameters
    ----------
    annotations : list of Annotation
        Seconds from the start of the recording.
    origin : Origin
        What clock times count from.
    unreadable : list of int
        Lines that were left out.
    """

    annotations: list[Annotation]
    origin: Origin
    unreadable: list[int]


def read_event_table(lines: Sequence[str]) -> EventTable:
    """Read the lines of a table.

    Raises
    ------
    TableError
        If no line names the columns.
    """
    at, delimiter, places = _header(lines)
    rows = [
        (n, fields) for n, fields in _rows(lines[at + 1 :], delimiter, at + 2) if not _is_of_units(fields)
    ]
    order = _order(fields[places["start"]] for _, fields in rows if len(fields) > places["start"])
    starts: list[tuple[int, Moment, list[str]]] = []
    unreadable: list[int] = []
    for n, fields in rows:
        try:
            start = parse_moment(_field(fields, places["start"]), order)
        except ValueError:
            start = None
        if start is None or not _field(fields, places["event"]):
            unreadable.append(n)
        else:
            starts.append((n, start, fields))
    origin = found_origin([m for _, m, _ in starts])
    annotations = []
    for n, start, fields in starts:
        onset = origin.since_start(start)
        try:
            length = _length(fields, places, onset, start, origin, order)
        except ValueError:
            unreadable.append(n)
            continue
        text, channel = _field(fields, places["event"]), _field(fields, places.get("channel"))
        annotations.append(Annotation(onset, length, text, channel))
    return EventTable(annotations, origin, sorted(unreadable))


def looks_like_events(lines: Sequence[str]) -> bool:
    """Whether a line among the first ones names the columns of events."""
    try:
        _header(lines)
    except TableError:
        return False
    return True


def _header(lines: Sequence[str]) -> tuple[int, str, dict[str, int]]:
    """Return the line of the header, what parts its fields, and the columns by what they hold."""
    for n, line in enumerate(lines[:HEAD_LINES]):
        for delimiter in ("\t", ";", ","):
            fields = [normal(f) for f in line[:10_000].split(delimiter)]
            if not 2 <= len(fields) <= MOST_COLUMNS:
                continue
            places: dict[str, int] = {}
            for what, names in _NAMES.items():
                found = next((fields.index(name) for name in names if name in fields), None)
                if found is not None and found not in places.values():
                    places[what] = found
            if "start" in places and "event" in places:
                return n, delimiter, places
    first = next((line for line in lines if line.strip()), "")
    raise TableError(
        1,
        f"the first line is {shown(first.strip())}; expected the names of columns, such as onset, duration and event",
    )


def _rows(lines: Sequence[str], delimiter: str, first: int) -> Iterator[tuple[int, list[str]]]:
    for n, line in enumerate(lines, start=first):
        if line.strip():
            try:
                fields = next(csv.reader([line], delimiter=delimiter))
            except (csv.Error, StopIteration):
                fields = line.split(delimiter)
            yield n, [f.strip() for f in fields]


def _is_of_units(fields: Sequence[str]) -> bool:
    """Whether a row only holds units in brackets, as Noxturnal writes below the names."""
    held = [f for f in fields if f]
    return bool(held) and all(re.fullmatch(r"\[.*\]", f) for f in held)


def _order(dates: Iterator[str]) -> Order:
    """Return whether dates begin with the day or, as in the United States, with the month."""
    order: Order = "dmy"
    for text in dates:
        found = DATE.match(text.strip())
        if found and found[2].isdigit() and len(found[1]) < 4:
            if int(found[1]) > 12:
                return "dmy"
            if int(found[2]) > 12:
                order = "mdy"
    return order


def _field(fields: Sequence[str], place: int | None) -> str:
    text = fields[place] if place is not None and place < len(fields) else ""
    return "" if text.lower() in _EMPTY else text


def _length(
    fields: Sequence[str], places: dict[str, int], onset: float, start: Moment, origin: Origin, order: Order
) -> float | None:
    text = _field(fields, places.get("length"))
    if text:
        clock = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", text)
        if clock:
            return int(clock[1]) * 3600 + int(clock[2]) * 60 + float(clock[3])
        return parse_seconds(text, "a length in seconds")
    end = parse_moment(_field(fields, places.get("end")), order)
    if end is None:
        return None
    if end.kind == "clock":
        return (end.seconds - origin.clock - onset) % DAY_S
    return origin.since_start(end) - onset if end.kind == start.kind else None
