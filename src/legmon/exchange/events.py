"""Reads movements that another program or person found: JSON, CSV, Luna or NSRR annotations, EDF+ annotations."""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from legmon.errors import LegmonError
from legmon.exchange.edf import read_edf_annotations
from legmon.messages import Message, SourceNote, source_note
from legmon.outside import parse_json, read_outside
from legmon.quoting import shown
from legmon.scoring.checked import (
    RowError,
    checked_duration,
    checked_movements,
    checked_spans,
    checked_stages,
    nanoseconds,
)
from legmon.scoring.result import Scored
from legmon.scoring.rules import Interpretation
from legmon.scoring.score import scored_night

CSV_HEADER = "onset_s,offset_s,leg"
KEYS = {"movements", "gaps", "duration_s", "respiratory", "stages"}
LARGEST = 1 << 25
"""Bytes of a file of text: no night has as many movements."""
MOST_ROWS = 250_000
LONGEST_TEXT = 1000
"""Characters of an annotation that are looked at."""


class EventsError(LegmonError):
    """The file is wrong. The message names the row and what was expected."""


@dataclass(slots=True)
class Events:
    """Rows as they stand in a file, seconds from the start of the recording.

    Parameters
    ----------
    movements : list of [onset_s, offset_s, leg]
        Leg movements.
    gaps, respiratory : list of [start_s, end_s]
        Stretches without data; respiratory events.
    stages : list of [start_s, end_s, stage]
        Sleep stages: W, N1, N2, N3, R.
    duration_s : float or None
        Length of the recording.
    left_out : int
        Number of annotations that are not about legs, breathing or sleep, or that legmon does not understand.
    unlabelled : int
        Number of movements that do not name one leg. They count as movements of the left leg.
    """

    movements: list[Any] = field(default_factory=list)
    gaps: list[Any] = field(default_factory=list)
    respiratory: list[Any] = field(default_factory=list)
    stages: list[Any] = field(default_factory=list)
    duration_s: Any = None
    left_out: int = 0
    unlabelled: int = 0

    def scored(self, rules: str, interpretation: Interpretation) -> Scored:
        """Check the rows and score them.

        Raises
        ------
        RowError
            At the first row that is wrong.
        """
        duration_s = checked_duration(self.duration_s)
        movements = checked_movements(self.movements, duration_s)
        spans = checked_spans(self.respiratory, "respiratory event")
        stages = checked_stages(self.stages)
        last = max((m.offset_ns for m in movements), default=0)
        return scored_night(
            movements,
            checked_spans(self.gaps, "gap"),
            last if duration_s is None else nanoseconds(duration_s),
            rules=rules,
            interpretation=Interpretation(
                interpretation.restart, interpretation.ninety, respiratory=spans, stages=stages
            ),
            notes=self.notes(),
        )

    def notes(self) -> list[Message]:
        """Return what a person should know of these rows."""
        counted = ((SourceNote.NOT_UNDERSTOOD, self.left_out), (SourceNote.WITHOUT_LEG, self.unlabelled))
        return [source_note(code, count) for code, count in counted if count]


def read_events(path: Path) -> list[Events]:
    """Read a file by its ending: ``.json`` (one recording or a list), ``.csv``, ``.annot``, ``.edf``.

    Raises
    ------
    EventsError
        If it cannot be read or is not what its ending says.
    """
    readers: dict[str, Callable[[Path], list[Events]]] = {
        ".json": _json,
        ".csv": _csv,
        ".annot": _annot,
        ".edf": _edf,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise EventsError(f"{path}: expected a file that ends in {', '.join(readers)}")
    try:
        return reader(path)
    except OSError as e:
        raise EventsError(f"{path} cannot be read ({e.strerror})") from e
    except UnicodeDecodeError as e:
        raise EventsError(f"{path} is not text in UTF-8") from e


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
    lines = _lines(path)
    if lines[0].strip() != CSV_HEADER:
        raise EventsError(f"{path}, line 1: expected the header {CSV_HEADER}")
    events = Events()
    for number, line in enumerate(lines[1:], start=2):
        if line.strip():
            fields = line.split(",")
            if len(fields) != 3:
                raise EventsError(f"{path}, line {number}: {len(fields)} columns; expected 3 ({CSV_HEADER})")
            onset, offset = (_number(path, number, f) for f in fields[:2])
            events.movements.append([onset, offset, fields[2].strip()])
    return [events]


def _lines(path: Path) -> list[str]:
    """Return the lines of a file of text, one at least."""
    text = read_outside(path, LARGEST).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > MOST_ROWS:
        raise EventsError(f"{path} has more than {MOST_ROWS:,} lines; check that it is the right file")
    return text.split("\n")


def _number(path: Path, line: int, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise EventsError(f"{path}, line {line}: {shown(text.strip())} is not a number of seconds") from None


_CLOCK = re.compile(r"(?P<elapsed>\d\+)?(\d{1,3}):(\d{2}):(\d{2}(?:\.\d+)?)$")


def _annot(path: Path) -> list[Events]:
    """Read Luna's six columns: class, instance, channel, start, stop, meta.

    Times are seconds, ``0+hh:mm:ss`` since the start, or clock times. Clock times count from the first one in the file.
    """
    rows = []
    for number, line in enumerate(_lines(path), start=1):
        fields = line.split("\t")
        if not line.strip() or line.startswith("#") or fields[0].strip() == "class":
            continue
        if len(fields) < 5:
            raise EventsError(
                f"{path}, line {number}: {len(fields)} columns; expected class, instance, channel, start, stop"
            )
        rows.append((number, fields))
    events = Events()
    origin: float | None = None
    for number, fields in rows:
        start, is_clock = _moment(path, number, fields[3])
        if is_clock and origin is None:
            origin = start
        stop = start if fields[4].strip() == "..." else _moment(path, number, fields[4])[0]
        if is_clock and origin is not None:
            start = (start - origin) % 86_400
            stop = start + (stop - origin - start) % 86_400
        _sort(events, f"{fields[0]} {fields[2]}", start, stop)
    return [events]


def _moment(path: Path, line: int, text: str) -> tuple[float, bool]:
    match = _CLOCK.match(text.strip())
    if match is None:
        return _number(path, line, text), False
    hours, minutes, seconds = (float(x) for x in match.groups()[1:])
    return hours * 3600 + minutes * 60 + seconds, match["elapsed"] is None


def _edf(path: Path) -> list[Events]:
    """Read the annotations of an EDF+ file, with their durations."""
    try:
        annotations, duration_s = read_edf_annotations(path)
    except ValueError as e:
        raise EventsError(f"{path} cannot be read as EDF+: {e}") from e
    events = Events(duration_s=duration_s)
    for a in annotations:
        _sort(events, a.text, a.onset_s, a.onset_s + (a.length_s or 0.0))
    return [events]


_LEG_MOVEMENT = re.compile(
    r"\b(p?lms?|limb movement|leg movement|limb jerk|lm_(left|right)|plm_(left|right))\b", re.IGNORECASE
)
_RIGHT = re.compile(r"(\bright\b|_right\b|\br\b|\brat\b|@@.*\br(at)?\b)", re.IGNORECASE)
_LEFT = re.compile(r"(\bleft\b|_left\b|\bl\b|\blat\b|@@.*\bl(at)?\b)", re.IGNORECASE)
_SERIES = re.compile(r"series|episode", re.IGNORECASE)
_BREATH = re.compile(r"apn(o?)ea|hypopn(o?)ea|\brera\b|respiratory effort", re.IGNORECASE)
_STAGE = re.compile(r"^(sleep[ _]stage[ _]*)?(?P<stage>wake|w|n1|n2|n3|rem|r)\b", re.IGNORECASE)
_STAGE_NAMES = {"wake": "W", "w": "W", "n1": "N1", "n2": "N2", "n3": "N3", "rem": "R", "r": "R"}


def _sort(events: Events, text: str, start: float, stop: float) -> None:
    """Add an annotation to the list that its text belongs to."""
    text = text[:LONGEST_TEXT]
    stage = _STAGE.match(text.strip())
    if stage is not None:
        events.stages.append([start, stop, _STAGE_NAMES[stage["stage"].lower()]])
    elif _LEG_MOVEMENT.search(text) and not _SERIES.search(text):
        right, left = _RIGHT.search(text), _LEFT.search(text)
        events.unlabelled += bool(left) == bool(right)
        events.movements.append([start, stop, "right" if right and not left else "left"])
    elif _BREATH.search(text):
        events.respiratory.append([start, stop])
    else:
        events.left_out += 1
