"""Which columns of a table hold time and acceleration: what the first lines of a file say, and what a person says instead.

A *preset* is the way in which a known program writes. Any other table is read by the names of its columns. What a file does
not say, a person settles with ``--columns``, ``--unit``, ``--rate`` and ``--format``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

from legmon.exchange.units import TIME_UNITS, known_unit, parse_unit
from legmon.quoting import shown

HEADER = "time_s,x_g,y_g,z_g"
NO_TIME: Final = "-"
MOST_COLUMNS: Final = 500
HEAD_LINES: Final = 60
DATE: Final = "date"
"""The unit of a column that holds dates with a time of day."""
DATED: Final = re.compile(r'^"?(\d{4})[-/.](\d\d?)[-/.](\d\d?)[ T](\d\d?)[:.](\d\d)[:.](\d\d(?:[.,]\d+)?)')
DAY_FIRST: Final = re.compile(
    r'^"?(\d\d?)[-/.](\d\d?)[-/.](\d{4})[ T](\d\d?)[:.](\d\d)[:.](\d\d(?:[.,]\d+)?)'
)
"""A date that begins with the day, or with the month."""
CLOCK: Final = "clock"
"""The unit of a column that holds times of day without a date."""
TIME_OF_DAY: Final = re.compile(r'^"?(\d\d?):(\d\d):(\d\d(?:[.,]\d+)?)')
_NUMBER: Final = re.compile(r"^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?$")
_UNIT: Final = re.compile(r"[\[(]([^\])]*)[\])]")


class LayoutError(ValueError):
    """The first lines name no columns that legmon can use. The message says what to do."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person says of a file.

    Parameters
    ----------
    columns : str, optional
        Names or numbers (from 1) of the columns of time, x, y and z, with commas; ``-`` for a time that is not there.
    unit : str, optional
        The unit of acceleration.
    rate_hz : float, optional
        The sample rate, of a file without times.
    format : str, optional
        The preset, or the reader.
    """

    columns: str | None = None
    unit: str | None = None
    rate_hz: float | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a table holds its numbers.

    Parameters
    ----------
    name : str
        The preset, as a person reads it; empty for a table that is read by the names of its columns.
    skip : int
        Lines before the first row of numbers.
    delimiter : str
        Between the fields of a row.
    columns : int
        The number of fields in a row.
    time : int or None
        The column of time; None where rows have none.
    time_unit : str or None
        ``s``, ``ms``, ``us``, ``ns``, `DATE` or `CLOCK`; None where the file does not say.
    axes : tuple of int
        The columns of x, y and z.
    unit : str or None
        Of acceleration, as `legmon.exchange.units.parse_unit` takes it; None where the file does not say.
    rate_hz : float or None
        The rate that the file declares.
    start_s : float or None
        When the first row was measured, s since 1970 on the file's clock; or when times begin to count, where rows have them.
    clock : {"", "day", "local", "utc"}
        What dates and the start are; see `legmon.exchange.signal.Signal`.
    decimal_comma : bool
        Whether numbers have a comma.
    header : tuple of str
        The names of the columns, for messages.
    """

    name: str
    skip: int
    delimiter: str
    columns: int
    time: int | None
    time_unit: str | None
    axes: tuple[int, int, int]
    unit: str | None = None
    rate_hz: float | None = None
    start_s: float | None = None
    clock: Literal["", "day", "local", "utc"] = ""
    decimal_comma: bool = False
    header: tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        """Whether it is the table that legmon itself writes."""
        return self.name == "legmon"


def recognise(lines: Sequence[str], asked: Asked) -> Layout:
    """Return the layout of a table.

    Parameters
    ----------
    lines : sequence of str
        The first lines, `HEAD_LINES` at most; one at least.
    asked : Asked
        What a person says of the file.

    Raises
    ------
    LayoutError
        If the columns are not known.
    """
    if asked.format == "csv":
        asked = replace(asked, format=None)
    if asked.format is not None and asked.format not in PRESETS:
        raise LayoutError(
            f"--format {shown(asked.format)} is not known; expected one of {', '.join(PRESETS)}"
        )
    names = list(PRESETS) if asked.format is None else [asked.format]
    found = None if asked.columns else next((p for n in names if (p := PRESETS[n](lines)) is not None), None)
    if found is None and asked.format not in {None, "table"}:
        raise LayoutError(f"the file is not written as {asked.format}; leave --format out, or name --columns")
    if found is None:
        found = _table(lines, asked.columns)
    if asked.unit is not None:
        try:
            parse_unit(asked.unit)
        except ValueError as e:
            raise LayoutError(f"--unit {shown(asked.unit)}: {e}") from e
        found = replace(found, unit=asked.unit)
    if asked.rate_hz is not None:
        found = replace(found, rate_hz=asked.rate_hz)
    if found.time is None and found.rate_hz is None:
        raise LayoutError("no column holds the time, so the sample rate is not known; name it with --rate")
    return found


def _fields(line: str, delimiter: str) -> list[str]:
    return [f.strip().strip('"').strip() for f in line.split(delimiter)]


def _delimiter(line: str) -> str:
    """Return what parts the fields of a line; a comma may stand in numbers beside semicolons and tabs."""
    for mark in ("\t", ";"):
        if line.count(mark) >= 2:
            return mark
    return ","


def _has_comma_numbers(lines: Sequence[str], delimiter: str) -> bool:
    return delimiter != "," and any(
        "," in f and _NUMBER.match(f) for line in lines[:5] for f in _fields(line, delimiter)
    )


def _is_stamp(text: str) -> bool:
    return any(form.match(text) for form in (DATED, DAY_FIRST, TIME_OF_DAY))


def _is_number(text: str) -> bool:
    return bool(_NUMBER.match(text)) or text.lower() in {"nan", ""}


# presets


def _legmon(lines: Sequence[str]) -> Layout | None:
    if _fields(lines[0], ",") != HEADER.split(","):
        return None
    return Layout("legmon", 1, ",", 4, 0, "s", (1, 2, 3), unit="g", header=tuple(HEADER.split(",")))


def _named(
    name: str,
    columns: Sequence[str],
    time: str,
    axes: Sequence[str],
    time_unit: str,
    unit: str | None,
    began: Callable[[Mapping[str, str]], float | None] = lambda _: None,
) -> Callable[[Sequence[str]], Layout | None]:
    """Return a preset whose first line holds these columns; each name is the beginning of one.

    `began` returns when times begin to count, s since 1970, from the fields of the first row.
    """

    def preset(lines: Sequence[str]) -> Layout | None:
        delimiter = _delimiter(lines[0])
        header = [f.lower() for f in _fields(lines[0], delimiter)]
        if len(header) > MOST_COLUMNS or not all(any(h.startswith(c) for h in header) for c in columns):
            return None
        places = [next((i for i, h in enumerate(header) if h.startswith(c)), None) for c in (time, *axes)]
        at, x, y, z = places
        if at is None or x is None or y is None or z is None:
            return None
        comma = _has_comma_numbers(lines[1:], delimiter)
        row = _fields(lines[1], delimiter) if len(lines) > 1 else []
        start = began(dict(zip(header, row, strict=False)))
        return Layout(
            name,
            1,
            delimiter,
            len(header),
            at,
            time_unit,
            (x, y, z),
            unit,
            start_s=start,
            clock="" if start is None else "utc",
            decimal_comma=comma,
            header=tuple(header),
        )

    return preset


SINCE_2000_S: Final = 946_684_800.0
"""The clock of Polar's sensors counts from the year 2000."""
EARLIEST_S: Final = 1e8


def _since(column: str, per_second: float, elapsed: str) -> Callable[[Mapping[str, str]], float | None]:
    """Return what subtracts an elapsed time from the moment in another column."""

    def began(row: Mapping[str, str]) -> float | None:
        try:
            found = float(row[column]) / per_second - float(row[elapsed])
        except (KeyError, ValueError):
            return None
        return found if EARLIEST_S < found < 1e11 else None

    return began


def _polar_began(row: Mapping[str, str]) -> float | None:
    try:
        return SINCE_2000_S if float(row["sensor timestamp [ns]"]) / 1e9 > EARLIEST_S else None
    except (KeyError, ValueError):
        return None


def _actilife(lines: Sequence[str]) -> Layout | None:
    if "Data File Created By ActiGraph" not in lines[0]:
        return None
    rate = re.search(r" at (\d+(?:\.\d+)?) ?Hz", lines[0])
    rows = next((n for n, line in enumerate(lines) if n > 1 and set(line.strip()) == {"-"}), None)
    if rate is None or rows is None or len(lines) < rows + 2:
        raise LayoutError("the header of ActiLife names no rate, or does not end; export the raw data again")
    delimiter = _delimiter(lines[rows + 1])
    header = [f.lower() for f in _fields(lines[rows + 1], delimiter)]
    skip = rows + 1
    if any(h and not _is_number(h) and not _is_stamp(h) for h in header):
        skip += 1
    if skip >= len(lines):
        raise LayoutError("there are no samples after the header", skip + 1)
    row = _fields(lines[skip], delimiter)
    stamp = len(row) >= 4 and bool(DATED.match(row[0]) or DAY_FIRST.match(row[0]))
    if len(row) < 3:
        raise LayoutError("expected the columns X, Y and Z after the header", skip + 1)
    return Layout(
        "ActiLife",
        skip,
        delimiter,
        len(row),
        0 if stamp else None,
        DATE if stamp else None,
        (1, 2, 3) if stamp else (0, 1, 2),
        unit="g",
        rate_hz=float(rate[1]),
        start_s=None if stamp else _actilife_start(lines[:rows]),
        clock="local" if stamp or _actilife_start(lines[:rows]) else "",
        decimal_comma=_has_comma_numbers(lines[skip:], delimiter),
    )


def _actilife_start(lines: Sequence[str]) -> float | None:
    values = {
        k: v.strip() for line in lines for k in ("Start Time", "Start Date") if (v := line.partition(k)[2])
    }
    order = re.search(r"date format (\S+)", lines[0])
    numbers = re.findall(r"\d+", values.get("Start Date", ""))
    clock = re.findall(r"\d+", values.get("Start Time", ""))
    if len(numbers) != 3 or len(clock) < 3:
        return None
    letters = [c for c in dict.fromkeys((order[1] if order else "M/d/y").lower()) if c in "dmy"]
    if sorted(letters) != ["d", "m", "y"]:
        return None
    part = dict(zip(letters, map(int, numbers), strict=True))
    try:
        day = datetime(part["y"], part["m"], part["d"], tzinfo=UTC)
    except ValueError:
        return None
    return (day + timedelta(hours=int(clock[0]), minutes=int(clock[1]), seconds=int(clock[2]))).timestamp()


def _empatica(lines: Sequence[str]) -> Layout | None:
    rows = [_fields(line, ",") for line in lines[:3]]
    if len(rows) < 3 or any(len(r) != 3 or not all(map(_NUMBER.match, r)) for r in rows):
        return None
    (start, *more), (rate, *rates), _ = ([float(f) for f in r] for r in rows)
    if start < 1e9 or start >= 1e10 or set(more) != {start} or set(rates) != {rate} or not 1 <= rate <= 1000:
        return None
    return Layout(
        "Empatica", 2, ",", 3, None, None, (0, 1, 2), unit="64/g", rate_hz=rate, start_s=start, clock="utc"
    )


def _omgui(lines: Sequence[str]) -> Layout | None:
    delimiter = _delimiter(lines[0])
    row = _fields(lines[0], delimiter)
    if (
        not (DATED.match(row[0]) or DAY_FIRST.match(row[0]))
        or len(row) < 4
        or not all(map(_is_number, row[1:4]))
    ):
        return None
    comma = _has_comma_numbers(lines, delimiter)
    return Layout(
        "OMGUI", 0, delimiter, len(row), 0, DATE, (1, 2, 3), unit="g", clock="local", decimal_comma=comma
    )


def _bangle(lines: Sequence[str]) -> Layout | None:
    if [f.lower() for f in _fields(lines[0], ",")] != ["time (ms)", "x", "y", "z"]:
        return None
    whole = all(re.fullmatch(r"-?\d+", f) for line in lines[1:5] if line.strip() for f in _fields(line, ","))
    unit = "8192/g" if whole else "g"
    return Layout("Bangle accel recorder", 1, ",", 4, 0, "ms", (1, 2, 3), unit=unit)


PRESETS: Final[dict[str, Callable[[Sequence[str]], Layout | None]]] = {
    "legmon": _legmon,
    "polar-sensor-logger": _named(
        "Polar Sensor Logger",
        ("phone timestamp", "sensor timestamp [ns]", "x [mg]"),
        "sensor timestamp",
        ("x [mg]", "y [mg]", "z [mg]"),
        "ns",
        "mg",
        _polar_began,
    ),
    "sensor-logger": _named(
        "Sensor Logger",
        ("time", "seconds_elapsed", "z", "y", "x"),
        "seconds_elapsed",
        ("x", "y", "z"),
        "s",
        None,
        _since("time", 1e9, "seconds_elapsed"),
    ),
    "metabase": _named(
        "MetaBase",
        ("epoc (ms)", "elapsed (s)", "x-axis (g)"),
        "elapsed (s)",
        ("x-axis (g)", "y-axis (g)", "z-axis (g)"),
        "s",
        "g",
        _since("epoc (ms)", 1e3, "elapsed (s)"),
    ),
    "phyphox": _named(
        "phyphox",
        ("time (s)", "acceleration x (m/s^2)"),
        "time (s)",
        ("acceleration x (m/s^2)", "acceleration y (m/s^2)", "acceleration z (m/s^2)"),
        "s",
        "m/s2",
    ),
    "bangle": _bangle,
    "actilife": _actilife,
    "empatica": _empatica,
    "omgui": _omgui,
    "table": lambda _: None,
}
"""By the name that ``--format`` takes. The first one that fits is taken."""


# any other table

_TIMES: Final = (
    "seconds_elapsed", "elapsed", "elapsed_time", "time_elapsed", "relative_time", "sensor_timestamp", "time", "t", "timestamp",
    "timestamps", "time_stamp", "epoch", "epoc", "unix", "unix_time", "unix_timestamp", "datetime", "date_time", "date",
    "zeit", "temps", "phone_timestamp", "header_timestamp", "recording_timestamp", "ts", "seconds", "sec", "secs", "millis",
    "milliseconds",
)  # fmt: skip
"""Names of a column of time, the best first."""
_AXIS_WORDS: Final = {
    "acc", "accel", "acceleration", "accelerometer", "axis", "raw", "a", "accl", "value", "wrist", "ankle", "leg", "calibrated",
    "beschleunigung", "imu", "data", "sensor",
}  # fmt: skip
_OTHERS: Final = {
    "gyro", "gyr", "gyroscope", "mag", "magn", "magnetometer", "rot", "rotation", "linear", "lin", "user", "quat", "euler",
    "rate", "angular", "g_lin", "orientation",
}  # fmt: skip


def _table(lines: Sequence[str], columns: str | None) -> Layout:
    """Return the layout by the names of the columns, or by what a person says."""
    at = _header_line(lines)
    line = lines[at]
    delimiter = _delimiter(line)
    header = _fields(line, delimiter)
    if len(header) > MOST_COLUMNS:
        raise LayoutError(f"{len(header)} columns; {MOST_COLUMNS} are the most", at + 1)
    has_names = any(not _is_number(f) and not _is_stamp(f) for f in header)
    named = _chosen(header, columns, at + 1) if columns else _by_name(header) if has_names else None
    if named is None:
        raise LayoutError(
            f"the header is {shown(line.strip())}; expected {HEADER}, or name the columns of time, x, y and z with --columns",
            at + 1,
        )
    time, axes = named
    skip = at + has_names
    rows = [r for r in lines[skip : skip + 5] if r.strip()]
    time_unit, unit = None, None
    clock: Literal["", "day", "local", "utc"] = ""
    if has_names:
        time_unit = None if time is None else _time_unit(header[time])
        units = [_acceleration_unit(header[a]) for a in axes]
        unit = units[0] if len(set(units)) == 1 else None
    if time is not None and rows:
        first = _fields(rows[0], delimiter)
        text = first[time] if time < len(first) else ""
        if DATED.match(text) or DAY_FIRST.match(text):
            time_unit = DATE
            clock = "utc" if DATED.match(text) and DATED.sub("", text, count=1).strip() else "local"
        elif TIME_OF_DAY.match(text):
            time_unit, clock = CLOCK, "day"
    return Layout(
        "",
        skip,
        delimiter,
        len(header),
        time,
        time_unit,
        axes,
        unit,
        clock=clock,
        decimal_comma=_has_comma_numbers(rows, delimiter),
        header=tuple(header),
    )


def _header_line(lines: Sequence[str]) -> int:
    """Return the line of the header: one that names the columns before a row of numbers, or the first that is no comment."""
    for n, (line, row) in enumerate(pairwise(lines)):
        delimiter = _delimiter(line)
        fields, below = _fields(line, delimiter), _fields(row, delimiter)
        if (
            len(fields) == len(below) <= MOST_COLUMNS
            and not any(map(_is_number, fields))
            and _by_name(fields)
        ):
            return n
    for n, line in enumerate(lines):
        if line.strip() and line.lstrip()[0] not in "#%":
            return n
    return 0


def _chosen(header: Sequence[str], columns: str, line: int) -> tuple[int | None, tuple[int, int, int]]:
    wanted = [c.strip() for c in columns.split(",")]
    if len(wanted) != 4:
        raise LayoutError(
            f"--columns {shown(columns)}: expected four, for time, x, y and z; write - for no time", line
        )
    names = [h.lower() for h in header]
    places: list[int] = []
    for c in wanted[1:] if wanted[0] == NO_TIME else wanted:
        if c.lower() in names:
            places.append(names.index(c.lower()))
        elif c.isascii() and c.isdigit() and 1 <= int(c[:6]) <= len(header):
            places.append(int(c) - 1)
        else:
            raise LayoutError(
                f"--columns: there is no column {shown(c)}; the header is {shown(','.join(header))}", line
            )
    if len(set(places)) != len(places):
        raise LayoutError(f"--columns {shown(columns)}: one column is named twice", line)
    x, y, z = places[-3:]
    return (None if wanted[0] == NO_TIME else places[0]), (x, y, z)


def _words(name: str) -> list[str]:
    """Return the words of a column's name, without its unit."""
    bare = re.sub(r"([a-z])([XYZ])\b", r"\1 \2", _UNIT.sub(" ", name))
    return [w for w in re.split(r"[^a-z0-9/²^]+", bare.lower()) if w]


def _by_name(header: Sequence[str]) -> tuple[int | None, tuple[int, int, int]] | None:
    """Return the columns of time and of x, y and z; None if they are not plain from their names."""
    axes: dict[str, list[int]] = {"x": [], "y": [], "z": []}
    times: dict[str, int] = {}
    for n, name in enumerate(header):
        words = _words(name)
        if words and (words[-1] in TIME_UNITS or known_unit(words[-1])) and len(words) > 1:
            words = words[:-1]
        joined = "_".join(words)
        if joined in _TIMES:
            times.setdefault(joined, n)
        if _OTHERS & set(words):
            continue
        left = [w for w in words if w not in _AXIS_WORDS]
        if len(left) == 1 and left[0] in {"ax", "ay", "az", "accx", "accy", "accz"}:
            left = [left[0][-1]]
        if len(left) == 1 and left[0] in axes:
            axes[left[0]].append(n)
    if any(len(places) != 1 for places in axes.values()):
        return None
    time = next((times[t] for t in _TIMES if t in times), None)
    return time, (axes["x"][0], axes["y"][0], axes["z"][0])


def _bracketed(name: str) -> str:
    """Return the unit in a column's name: in brackets, or its last word."""
    found = _UNIT.findall(name)
    if found:
        return str(found[-1])
    words = re.split(r"[_\s]+", name.strip())
    return words[-1] if len(words) > 1 else ""


_TIME_WORDS: Final = {
    "sec": "s", "secs": "s", "seconds": "s", "msec": "ms", "millis": "ms", "milliseconds": "ms", "µs": "us", "μs": "us",
}  # fmt: skip


def _time_unit(name: str) -> str | None:
    if name.strip().lower() == "seconds_elapsed":
        return "s"
    text = _bracketed(name).strip().lower()
    text = _TIME_WORDS.get(text, text)
    return text if text in TIME_UNITS else None


def _acceleration_unit(name: str) -> str | None:
    return known_unit(_bracketed(name))
