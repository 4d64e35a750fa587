"""Reads acceleration from a table of text, such as a CSV file, packed with gzip or not."""

import codecs
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from legmon.detection.trace import Tracer
from legmon.errors import LegmonError
from legmon.exchange.annotation import decoded_piece
from legmon.exchange.layout import (
    CLOCK,
    DATE,
    DATED,
    DAY_FIRST,
    HEAD_LINES,
    HEADER,
    Asked,
    Layout,
    LayoutError,
    recognise,
)
from legmon.exchange.signal import RawSignal, Signal, built, detect_signal
from legmon.messages import SourceNote, source_note
from legmon.movement import Leg
from legmon.night.track import LegTrack
from legmon.outside import unpacked
from legmon.quoting import shortened, shown

LATEST_RAW: Final = 1e20
"""A time in any unit since any year."""
LARGEST_RAW: Final = 1e7
"""A value in counts of any sensor."""
LARGEST: Final = 1 << 29
"""Bytes of a file that is read, unpacked."""
MOST_ROWS: Final = 8_700_000
"""Samples of a file: a day at 100 Hz, two at 50 Hz."""
HALF_DAY_S: Final = 43_200.0
MOST_DAYS: Final = 40
HEAD_BYTES: Final = 1 << 16
LONGEST_LINE: Final = 100_000
MOST_SLOW: Final = 500_000
"""Rows that are read one by one, because the fast way does not read how they are written."""
HEADER_WORDS: Final = "four numbers a line"
NO_VALUE: Final = {"", "nan", "null", "none", "na", "n/a"}
ASKED: Final = Asked()


class CsvError(LegmonError):
    """The file is wrong. The message names the line and what was expected."""


def read_csv(path: Path, asked: Asked = ASKED) -> Signal:
    """Read a file.

    A step of more than 1.5 sample periods and more than 0.1 s is a gap, unless the following rows make up for it; smaller
    irregularities are jitter. The rate is (n - 1) / span over the stretches between gaps.

    Parameters
    ----------
    path : Path
        The file.
    asked : Asked
        What a person says of it.

    Raises
    ------
    CsvError
        If it cannot be read, or a line is wrong.
    """
    raw = _table(path, asked)
    raw.unit_is_certain = asked.unit is not None
    try:
        return built(raw)
    except ValueError as e:
        raise CsvError(f"{path}: {e}") from e


def detect_csv(
    path: Path, leg: Leg, *, chunk: int | None = None, asked: Asked = ASKED, tracer: Tracer | None = None
) -> LegTrack:
    """Find the movements of one leg's file.

    Parameters
    ----------
    path : Path
        The file.
    leg : {"left", "right"}
        The ankle it is from.
    chunk : int, optional
        Number of samples to feed at a time. It does not change the result.
    asked : Asked
        What a person says of the file.
    tracer : Tracer, optional
        Collects why the detector decides as it does.

    Returns
    -------
    LegTrack
        Times are those of the file.
    """
    signal = read_csv(path, asked)
    try:
        return detect_signal(signal, leg, chunk=chunk, tracer=tracer)
    except ValueError as e:
        raise CsvError(f"{path}: {e}") from e


def _table(path: Path, asked: Asked) -> RawSignal:
    """Return all rows. They are read in blocks, so the text is never in memory as a whole."""
    try:
        most = sum(block.count(b"\n") + block.count(b"\r") for block in unpacked(path, LARGEST))
        reading = _Reading(path, min(most + 1, MOST_ROWS), asked)
        for block in unpacked(path, LARGEST):
            reading.add(block)
    except OSError as e:
        raise CsvError(f"{path} cannot be read ({e.strerror})") from e
    return reading.end()


@dataclass(frozen=True, slots=True)
class _Dates:
    """How dates are taken apart into numbers.

    Parameters
    ----------
    pattern : compiled pattern
        Of a line up to its date.
    form : str
        The order of the numbers: ``ymd``, ``dmy`` or ``mdy`` before a time of day; ``""`` for a time of day alone.
    zone : str
        What follows it: nothing, ``Z``, or an offset.
    """

    pattern: re.Pattern[bytes]
    form: str
    zone: str

    @property
    def parts(self) -> int:
        """Numbers that a date becomes."""
        return len(self.form) + 3 + 2 * (self.zone == "offset")

    def seconds(self, parts: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return seconds since 1970, or since midnight, of the numbers of some dates; None if one is no date."""
        hour, minute, second = parts[:, len(self.form) : len(self.form) + 3].T
        if not bool(((hour <= 24) & (minute < 60) & (second < 61)).all()):
            return None
        seconds = hour * 3600 + minute * 60 + second
        if self.form:
            year, month, day = (parts[:, self.form.index(c)] for c in "ymd")
            if not bool(((year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all()):
                return None
            months = ((year - 1970) * 12 + month - 1).astype(np.int64).astype("datetime64[M]")
            seconds = seconds + (months.astype("datetime64[D]").astype(np.int64) + day - 1) * 86_400.0
        if self.zone == "offset":
            seconds = seconds - parts[:, -2] * 3600 - np.copysign(parts[:, -1], parts[:, -2]) * 60
        return np.asarray(seconds)


_OF_DAY: Final = rb"(\d\d?)[:.](\d\d)[:.](\d\d(?:\.\d+)?)"
_DAYS: Final = {
    "ymd": rb"(\d{4})[-/.](\d\d?)[-/.](\d\d?)[ T]",
    "dmy": rb"(\d\d?)[-/.](\d\d?)[-/.](\d{4})[ T]",
    "mdy": rb"(\d\d?)[-/.](\d\d?)[-/.](\d{4})[ T]",
    "": b"",
}


def _dates(column: int, samples: Sequence[str]) -> _Dates:
    """Return how the dates of a column are taken apart, from the first ones."""
    text = samples[0].strip('" ') if samples else ""
    form = "ymd" if DATED.match(text) else "dmy" if DAY_FIRST.match(text) else ""
    if form == "dmy" and any(m and int(m[2]) > 12 for m in map(DAY_FIRST.match, samples)):
        form = "mdy"
    rest = DATED.sub("", text, count=1).strip() if form == "ymd" else ""
    zone = "Z" if rest[:1] in {"Z", "z"} else "offset" if re.match(r"[+-]\d\d:?\d\d", rest) else ""
    before = rb"^((?:[^,\n]*,){%d})" % column + b'[" ]*'
    after = {"": b"", "Z": b"[Zz]", "offset": rb"([+-]\d\d):?(\d\d)"}[zone] + b'[" ]*'
    return _Dates(re.compile(before + _DAYS[form] + _OF_DAY + after, re.MULTILINE), form, zone)


class _Parser:
    """Turns lines of a known layout into numbers.

    Parameters
    ----------
    path : Path
        The file.
    layout : Layout
        Its columns.
    samples : sequence of str
        The times of its first rows.
    """

    def __init__(self, path: Path, layout: Layout, samples: Sequence[str] = ()) -> None:
        self.layout = layout
        self._path = path
        self._slow = 0
        is_dated = layout.time_unit in {DATE, CLOCK} and layout.time is not None
        self._date = _dates(layout.time or 0, samples) if is_dated else None

    def rows(self, data: bytes, line: int) -> NDArray[np.float64]:
        """Return time, if rows have one, x, y and z of each row.

        Raises
        ------
        CsvError
            At the first line that is wrong.
        """
        rows = self._read_fast(data)
        return self._read_slowly(decoded_piece(data)[0], line) if rows is None else rows

    def _read_fast(self, data: bytes) -> NDArray[np.float64] | None:
        """Return the rows; None if a line is not as the others are."""
        layout = self.layout
        if layout.decimal_comma:
            data = data.replace(b",", b".")
        if layout.delimiter != ",":
            data = data.replace(layout.delimiter.encode(), b",")
        if b'"' in data:
            data = data.replace(b'"', b"")
        more = 0
        if self._date is not None:
            parts = b",".join(b"\\%d" % n for n in range(2, 2 + self._date.parts))
            data = self._date.pattern.sub(b"\\1" + parts, data)
            more = self._date.parts - 1
        if b",," in data or b",\n" in data or data.endswith(b","):
            data = re.sub(rb",(?=[,\n]|\Z)", b",nan", data)
        time = layout.time
        used = [
            *([] if time is None else range(time, time + more + 1)),
            *(_after(a, time, more) for a in layout.axes),
        ]
        try:
            rows = np.loadtxt(io.BytesIO(data), delimiter=",", comments=None, ndmin=2, usecols=used)
        except ValueError:
            return None
        if data.count(b",") != len(rows) * (layout.columns + more - 1):
            return None
        if self._date is not None:
            seconds = self._date.seconds(rows[:, :-3])
            if seconds is None:
                return None
            rows = np.column_stack([seconds, rows[:, -3:]])
        is_good = bool((np.abs(rows[:, -3:]) <= LARGEST_RAW).all()) or bool(
            (np.isnan(rows[:, -3:]) | (np.abs(rows[:, -3:]) <= LARGEST_RAW)).all()
        )
        is_good = is_good and (time is None or bool((np.abs(rows[:, 0]) <= LATEST_RAW).all()))
        return rows if is_good else None

    def _read_slowly(self, text: str, first: int) -> NDArray[np.float64]:
        """Read lines that the fast way refused, or raise an error for the line that is wrong."""
        rows: list[list[float]] = []
        for number, line in enumerate(text.split("\n"), start=first):
            if line.strip():
                try:
                    rows.append(_row(line, self.layout, self._date))
                except ValueError as e:
                    raise CsvError(f"{self._path}, line {number}: {e}") from None
        self._slow += len(rows)
        if self._slow > MOST_SLOW:
            raise CsvError(
                f"{self._path}, line {first}: too many numbers are written in an unusual way; write them as 0.98"
            )
        return np.array(rows, dtype=np.float64).reshape(len(rows), 3 + (self.layout.time is not None))


class _Reading:
    """A file that is being read, block by block.

    Parameters
    ----------
    path : Path
        The file.
    rows : int
        The largest number of rows that it can have.
    asked : Asked
        What a person says of the file.
    """

    def __init__(self, path: Path, rows: int, asked: Asked) -> None:
        self._path, self._asked = path, asked
        self._xyz = np.empty((rows, 3), dtype=np.float32)
        self._times = np.empty(rows)
        self._count = 0  # rows so far
        self._line = 1  # number of the next line
        self._rest = b""
        self._head = b""
        self._is_odd = False
        self._parser: _Parser | None = None

    def add(self, block: bytes) -> None:
        """Read the whole lines of a block; the last one may go on in the next block."""
        data = self._rest + block
        ends_in_cr = data.endswith(b"\r")  # the line feed may be in the next block
        lines = (data[:-1] if ends_in_cr else data).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        whole, _, rest = lines.rpartition(b"\n")
        self._rest = rest + (b"\r" if ends_in_cr else b"")
        if len(self._rest) > LONGEST_LINE:
            number = self._line + (whole.count(b"\n") + 1 if whole else 0)
            raise CsvError(f"{self._path}, line {number}: it has no end; expected {HEADER_WORDS}")
        if whole or len(lines) > len(rest):
            self._lines(whole)

    def end(self) -> RawSignal:
        """Read the last line and return the columns."""
        layout = self._lines(self._rest.rstrip(b"\r"), last=True).layout
        if self._count < 2:
            what = (
                "only one sample; two at least give a sample rate"
                if self._count
                else f"no sample; expected {HEADER_WORDS}"
            )
            raise CsvError(f"{self._path}, line {layout.skip + 1 + self._count}: there is {what}")
        times = None if layout.time is None else self._times[: self._count]
        if layout.time_unit == CLOCK and times is not None:
            _over_midnight(times)
        return RawSignal(
            self._xyz[: self._count],
            times,
            "" if layout.is_ours else f"a file of {layout.name}" if layout.name else "a table",
            layout.unit,
            "s" if layout.time_unit in {DATE, CLOCK} else layout.time_unit,
            layout.rate_hz,
            layout.start_s or 0.0,
            clock=layout.clock,
            said=[source_note(SourceNote.ENCODING)] if self._is_odd else [],
        )

    def _lines(self, data: bytes, *, last: bool = False) -> _Parser:
        """Read whole lines. Return the parser; before the header was read, one that knows nothing."""
        self._check_text(data)
        parser = self._parser
        if parser is None:
            self._head += data if not self._head else b"\n" + data
            if not last and self._head.count(b"\n") < HEAD_LINES and len(self._head) < HEAD_BYTES:
                return _Parser(self._path, _NOTHING)
            parser, data = self._begin()
        if data.strip():
            rows = parser.rows(data, self._line)
            if self._count + len(rows) > len(self._xyz):
                raise CsvError(f"{self._path} has more than {MOST_ROWS:,} samples; cut it into single nights")
            place = slice(self._count, self._count + len(rows))
            if parser.layout.time is not None:
                self._times[place] = rows[:, 0]
            self._xyz[place] = rows[:, -3:]
            self._count += len(rows)
        self._line += data.count(b"\n") + 1 if data else 0
        return parser

    def _begin(self) -> tuple[_Parser, bytes]:
        """Find the layout in the first lines. Return a parser, and the lines after the header."""
        head = self._head.removeprefix(codecs.BOM_UTF8)
        self._head = b""
        if not (head.strip() or self._rest.strip()):
            raise CsvError(f"{self._path}, line 1: the file is empty; expected the header {HEADER}")
        first = decoded_piece(head[:HEAD_BYTES])[0].split("\n")[:HEAD_LINES]
        try:
            layout = recognise(first, self._asked)
        except LayoutError as e:
            self._check_text(self._rest)
            raise CsvError(f"{self._path}, line {e.line}: {e}") from e
        rows = (r.split(layout.delimiter) for r in first[layout.skip :] if r.strip())
        samples = [
            r[layout.time].strip('" ') for r in rows if layout.time is not None and layout.time < len(r)
        ]
        parser = self._parser = _Parser(self._path, layout, samples)
        lines = head.split(b"\n", layout.skip)
        self._line = 1 + layout.skip
        return parser, lines[layout.skip] if len(lines) > layout.skip else b""

    def _check_text(self, data: bytes) -> None:
        """Check that it is text. Letters of an old encoding may stand in names; zeros and control characters may not."""
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as e:
            self._is_odd = True
            if _NO_TEXT.search(data):
                number = self._line + data.count(b"\n", 0, e.start)
                raise CsvError(
                    f"{self._path}, line {number}: this is not text in UTF-8; expected CSV with the header {HEADER}"
                ) from e


_NO_TEXT: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x7f]")
_NOTHING: Final = Layout("", 0, ",", 4, None, None, (0, 1, 2))


def _over_midnight(times: NDArray[np.float64]) -> None:
    """Let times of day go on after midnight. The clock may be set on the way, but not by half a day."""
    for k in np.flatnonzero(np.diff(times) < -HALF_DAY_S).tolist():
        times[k + 1 :] += 2 * HALF_DAY_S
        if times[k + 1] - times[0] > MOST_DAYS * 2 * HALF_DAY_S:
            break


def _after(column: int, time: int | None, more: int) -> int:
    return column + more if time is not None and column > time else column


def _row(line: str, layout: Layout, dates: _Dates | None) -> list[float]:
    fields = [f.strip().strip('"').strip() for f in line.split(layout.delimiter)]
    if len(fields) != layout.columns:
        names = f" ({shortened(','.join(layout.header))})" if layout.header else ""
        raise ValueError(f"{len(fields)} columns; expected {layout.columns}{names}")
    row: list[float] = []
    for column, which in ((layout.time, "time"), *zip(layout.axes, "xyz", strict=True)):
        if column is None:
            continue
        name = shortened(layout.header[column]) if layout.header else which
        text = fields[column]
        if which == "time" and dates is not None:
            row.append(_date(text, name, dates))
            continue
        if layout.decimal_comma:
            text = text.replace(",", ".")
        row.append(_value(text, name, is_time=which == "time"))
    return row


def _value(text: str, name: str, *, is_time: bool) -> float:
    """Return a number; NaN where an axis has none."""
    if not is_time and text.lower() in NO_VALUE:
        return math.nan
    try:
        value = float(text if text.isascii() and "_" not in text else "no number")
    except ValueError:
        raise ValueError(f"{name} is {shown(text)}; expected a number") from None
    number = shortened(text)
    if not math.isfinite(value):
        raise ValueError(f"{name} is {number}; expected a finite number")
    if abs(value) > (LATEST_RAW if is_time else LARGEST_RAW):
        raise ValueError(f"{name} is {number}; no {'clock' if is_time else 'accelerometer'} measures that")
    return value


def _date(text: str, name: str, dates: _Dates) -> float:
    """Return the seconds of one date, which may have other spaces than the first ones."""
    found = re.search(
        _DAYS[dates.form].decode() + _OF_DAY.decode() + r"(?:([+-]\d\d):?(\d\d)|[Zz])?\s*$",
        text.replace(",", "."),
    )
    if found is None or text[: found.start()].strip():
        raise ValueError(
            f"{name} is {shown(text)}; expected {'a date as 2026-03-01 ' if dates.form else 'a time as '}22:00:00.000"
        )
    parts = [float(p) for p in found.groups() if p is not None][: dates.parts]
    seconds = dates.seconds(np.array([parts])) if len(parts) == dates.parts else None
    if seconds is None:
        raise ValueError(f"{name} is {shown(text)}, which is no date as the first one is")
    return float(seconds[0])
