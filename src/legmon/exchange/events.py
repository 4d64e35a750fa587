"""Reads nights that another program or person scored: JSON, CSV, Luna, NSRR XML, EDF+ annotations, and tables of events."""

import codecs
import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from legmon.exchange.annotation import decoded
from legmon.exchange.edf import read_edf
from legmon.exchange.event_tables import TableError, looks_like_events, read_event_table
from legmon.exchange.luna import LunaError, looks_like_luna, read_luna
from legmon.exchange.moments import Origin, origin_of
from legmon.exchange.nsrr import read_xml
from legmon.exchange.readers import Reader, readers
from legmon.exchange.scored_night import Events, EventsError, sorted_events
from legmon.messages import Message, SourceNote, source_note
from legmon.outside import parse_json, read_outside
from legmon.quoting import shown
from legmon.scoring.checked import RowError
from legmon.scoring.result import Scored
from legmon.scoring.rules import Interpretation

CSV_HEADER: Final = "onset_s,offset_s,leg"
KEYS: Final = {"movements", "gaps", "duration_s", "respiratory", "stages"}
LARGEST: Final = 1 << 25
"""Bytes of a file of text: no night has as many movements."""
MOST_ROWS: Final = 250_000


def read_events(path: Path) -> list[Events]:
    """Read a file of any format that an installed reader knows. Only JSON may hold more than one recording.

    Raises
    ------
    EventsError
        If it cannot be read or is not what its ending says.
    """
    try:
        reader = readers().of_events(path)
        if reader is None or reader.events is None:
            known = [e for r in readers().found.values() if r.events is not None for e in r.endings]
            raise EventsError(
                f"{path}: expected a file that ends in {', '.join(dict.fromkeys(['.json', *known]))}"
            )
        return reader.events(path)
    except EventsError as e:
        raise e if str(e).startswith(str(path)) else EventsError(f"{path}: {e}") from e
    except OSError as e:
        raise EventsError(f"{path} cannot be read ({e.strerror})") from e
    except UnicodeDecodeError as e:
        raise EventsError(f"{path} is not text in UTF-8") from e
    except ValueError as e:
        raise EventsError(f"{path}: {e}") from e


def score_events(path: Path, rules: str, interpretation: Interpretation) -> list[Scored]:
    """Read a file and score every recording in it. See `read_events`.

    Raises
    ------
    EventsError
        If the file or one of its rows is wrong.
    """
    recordings = read_events(path)
    scored = []
    for number, recording in enumerate(recordings, start=1):
        try:
            scored.append(recording.scored(rules, interpretation))
        except RowError as e:
            where = f"{path}, recording {number}" if len(recordings) > 1 else str(path)
            raise EventsError(f"{where}, {e}") from e
    return scored


# JSON and CSV of our own


def _json(path: Path) -> list[Events]:
    try:
        value = parse_json(read_outside(path, LARGEST))
    except UnicodeDecodeError:
        raise
    except ValueError as e:
        raise EventsError(f"{path} is not JSON: {e}") from e
    objects = value if isinstance(value, list) else [value]
    return [_object(path, number, o) for number, o in enumerate(objects, start=1)]


def is_list(path: Path) -> bool:
    """Whether a JSON file that was read holds a list of recordings."""
    return read_outside(path, LARGEST).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"[")


def _object(path: Path, number: int, value: Any) -> Events:
    name = f"{path}, recording {number}"
    if not isinstance(value, dict) or "movements" not in value:
        raise EventsError(f'{name}: expected an object with "movements": [[onset_s, offset_s, leg], …]')
    if unknown := set(value) - KEYS:
        raise EventsError(f"{name}: {shown(min(unknown))} is not known; expected {', '.join(sorted(KEYS))}")
    for key in KEYS - {"duration_s"}:
        if not isinstance(value.get(key, []), list):
            raise EventsError(f"{name}: {key!r} is not a list")
    return Events(**value)


def _csv(path: Path) -> list[Events]:
    lines, odd = _lines(path)
    header = next(csv.reader([lines[0]]), [])
    if ",".join(f.strip() for f in header) != CSV_HEADER:
        if looks_like_events(lines):
            return _table(path)
        raise EventsError(
            f"{path}, line 1: expected the header {CSV_HEADER}, or names of columns such as onset and event"
        )
    events = Events(said=_encoding(odd=odd))
    for number, line in enumerate(lines[1:], start=2):
        if line.strip():
            fields = line.split(",")
            if len(fields) != 3:
                raise EventsError(f"{path}, line {number}: {len(fields)} columns; expected 3 ({CSV_HEADER})")
            onset, offset = (_number(path, number, f) for f in fields[:2])
            events.movements.append([onset, offset, fields[2].strip()])
    return [events]


def _lines(path: Path) -> tuple[list[str], bool]:
    """Return the lines of a file of text, one at least, and whether it is in an odd encoding."""
    text, odd = decoded(read_outside(path, LARGEST))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > MOST_ROWS:
        raise EventsError(f"{path} has more than {MOST_ROWS:,} lines; check that it is the right file")
    return text.split("\n"), odd


def _number(path: Path, line: int, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise EventsError(f"{path}, line {line}: {shown(text.strip())} is not a number of seconds") from None


# files of other programs


def _luna(path: Path) -> list[Events]:
    lines, odd = _lines(path)
    try:
        found = read_luna(lines)
    except LunaError as e:
        raise EventsError(f"{path}, line {e.line}: {e}") from e
    said = [*_encoding(odd=odd), *_counted_from(found.origin)]
    return [sorted_events(found.annotations, found.duration_s, said=said, origin=found.origin)]


def _table(path: Path) -> list[Events]:
    lines, odd = _lines(path)
    try:
        found = read_event_table(lines)
    except TableError as e:
        raise EventsError(f"{path}, line {e.line}: {e}") from e
    said = [*_encoding(odd=odd), *_counted_from(found.origin)]
    if found.unreadable:
        said.append(
            source_note(SourceNote.ROWS_LEFT_OUT, count=len(found.unreadable), line=found.unreadable[0])
        )
    return [sorted_events(found.annotations, said=said, origin=found.origin)]


def _xml(path: Path) -> list[Events]:
    found = read_xml(read_outside(path, LARGEST))
    said = (
        [source_note(SourceNote.ROWS_LEFT_OUT, count=found.unreadable, line="unknown")]
        if found.unreadable
        else []
    )
    return [sorted_events(found.annotations, found.duration_s, said=said)]


def _edf(path: Path) -> list[Events]:
    """Read the annotations of an EDF+ file, with their durations."""
    try:
        found = read_edf(path)
    except ValueError as e:
        raise EventsError(f"{path} cannot be read as EDF+: {e}") from e
    said = _encoding(odd=found.odd_texts > 0)
    if found.unreadable:
        said.append(source_note(SourceNote.ROWS_LEFT_OUT, count=found.unreadable, line="unknown"))
    start = found.header.start
    origin = None if start is None else origin_of(start)
    return [sorted_events(found.annotations, found.duration_s, found.gaps, said, origin)]


def _encoding(*, odd: bool) -> list[Message]:
    return [source_note(SourceNote.ENCODING)] if odd else []


def _counted_from(origin: Origin) -> list[Message]:
    return [source_note(SourceNote.CLOCK_ORIGIN, clock=origin.time_of_day)] if origin.guessed else []


def _first_lines(head: bytes) -> list[str]:
    text, _ = decoded(head[: len(head) // 4 * 4])
    return text.replace("\r", "\n").split("\n")


def _is_any(head: bytes, starts: Iterable[bytes]) -> bool:
    return head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(tuple(starts))


JSON: Final = Reader("json", "JSON", (".json",), lambda head: _is_any(head, (b"{", b"[")), events=_json)
TABLE: Final = Reader(
    "event-table",
    "a table of events (BIDS, RemLogic, Noxturnal)",
    (".tsv", ".txt"),
    lambda head: looks_like_events(_first_lines(head)),
    events=_table,
)
CSV: Final = Reader("event-csv", "CSV", (".csv",), lambda _: False, events=_csv)
LUNA: Final = Reader(
    "annot",
    "Luna annotations",
    (".annot", ".txt"),
    lambda head: looks_like_luna(_first_lines(head)),
    events=_luna,
)
XML: Final = Reader(
    "xml", "NSRR XML", (".xml",), lambda head: _is_any(head, (b"<?xml", b"<PSG", b"<CMP")), events=_xml
)
EDF: Final = Reader(
    "edf-events",
    "EDF+",
    (".edf", ".bdf", ".rec"),
    lambda head: head[:1] in {b"0", b"\xff"} and len(head) >= 256,
    events=_edf,
)
