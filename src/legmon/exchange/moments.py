"""The times that files of scored nights write: seconds, times of day, dates; and what they count from."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Final, Literal

from legmon.quoting import shown

DAY_S: Final = 86_400.0
EPOCH_S: Final = 30.0
Order = Literal["dmy", "mdy"]
Kind = Literal["since start", "clock", "date"]
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK: Final = re.compile(
    r"(?P<elapsed>0\+)?(?P<h>\d{1,4})[:.](?P<m>\d{1,2})[:.](?P<s>\d{1,2}(?:[.,]\d+)?)\s*(?P<half>[ap]\.?m\.?)?$",
    re.IGNORECASE,
)
_SHORT_ELAPSED: Final = re.compile(r"0\+(\d{1,9}(?:\.\d+)?)$")
DATE: Final = re.compile(r"(\d{1,4})[-/.]([A-Za-z]{3}|\d{1,2})[-/.](\d{1,4})[-T ,]+(\d.*)$")
EPOCH: Final = re.compile(r"e:(\d{1,7})(?::(\d{1,5}(?:\.\d+)?))?(?::(\d{1,5}(?:\.\d+)?))?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in a file.

    Parameters
    ----------
    seconds : float
        Since the start of the recording, since midnight, or since the year 1.
    kind : {"since start", "clock", "date"}
        Which of these.
    """

    seconds: float
    kind: Kind


@dataclass(frozen=True, slots=True)
class Origin:
    """What the times of a file count from.

    Parameters
    ----------
    clock, date : float
        The start of the recording, s since midnight and since the year 1.
    guessed : bool
        Whether the file does not say it, so that it is the earliest time.
    kind : {"since start", "clock", "date"}
        Whether anything is known of the moment of the start: nothing, its time of day, or its date, too.
    """

    clock: float = 0.0
    date: float = 0.0
    guessed: bool = False
    kind: Kind = "since start"

    @property
    def time_of_day(self) -> str:
        """The time of day of the start."""
        seconds = int(self.clock)
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"

    def since_start(self, moment: Moment) -> float:
        """Return a time in seconds from the start of the recording."""
        if moment.kind == "clock":
            return (moment.seconds - self.clock) % DAY_S
        return moment.seconds - (self.date if moment.kind == "date" else 0.0)


def parse_moment(text: str, order: Order = "dmy") -> Moment | None:
    """Return the time in a field; None if it is empty.

    Parameters
    ----------
    text : str
        Seconds, ``0+hh:mm:ss``, a time of day, a date with one, or an epoch (``e:5``).
    order : {"dmy", "mdy"}
        Of the parts of a date that does not begin with the year.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    text = text.strip()
    if text in {".", "", "n/a"}:
        return None
    epoch = EPOCH.match(text)
    if epoch:
        number, length = int(epoch[1]), float(epoch[2] or EPOCH_S)
        if number < 1:
            raise ValueError(f"{shown(text)}: epochs count from 1")
        return Moment((number - 1) * float(epoch[3] or length), "since start")
    clock = _CLOCK.match(text)
    if clock:
        if clock["elapsed"]:
            return Moment(_seconds(clock), "since start")
        return Moment(_of_day(text, clock), "clock")
    elapsed = _SHORT_ELAPSED.match(text)
    if elapsed:
        return Moment(float(elapsed[1]), "since start")
    dated = DATE.match(text)
    if dated:
        clock = _CLOCK.match(dated[4].rstrip("Zz").strip())
        if clock is None or clock["elapsed"]:
            raise ValueError(f"{shown(text)} is no time")
        return Moment(_day(text, dated, order) * DAY_S + _of_day(text, clock), "date")
    return Moment(parse_seconds(text, "a number of seconds, a time or an epoch"), "since start")


def parse_seconds(text: str, what: str) -> float:
    """Return a finite number.

    Raises
    ------
    ValueError
        If the text is none.
    """
    try:
        value = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{shown(text)} is not {what}")
    return value


def _seconds(clock: re.Match[str]) -> float:
    return int(clock["h"]) * 3600 + int(clock["m"]) * 60 + float(clock["s"].replace(",", "."))


def _of_day(text: str, clock: re.Match[str]) -> float:
    half = (clock["half"] or "").lower().replace(".", "")
    hour = int(clock["h"])
    if int(clock["m"]) > 59 or hour > (12 if half else 24):
        raise ValueError(f"{shown(text)} is no time of day")
    return _seconds(clock) + (12 * 3600 * ((half == "pm") - (hour == 12)) if half else 0.0)


def _day(text: str, dated: re.Match[str], order: Order) -> int:
    """Return the number of the day of a date. Years of two digits are those of EDF: 85 to 99 are in the last century."""
    first, second, last = dated[1], dated[2], dated[3]
    if len(first) == 4:
        year, month, day = first, second, last
    elif order == "mdy" and second.isdigit():
        year, month, day = last, first, second
    else:
        year, month, day = last, second, first
    name = month.lower()
    number = _MONTHS.index(name) + 1 if name in _MONTHS else int(month) if month.isdigit() else 0
    whole = int(year)
    if len(year) <= 2:
        whole += 1900 if whole >= 85 else 2000
    try:
        return date(whole, number, int(day)).toordinal()
    except ValueError:
        raise ValueError(f"{shown(text)} is no date") from None


def found_origin(timed: Sequence[Moment], said: Moment | None = None) -> Origin:
    """Return what times count from.

    Times of day lie on a circle. The recording begins after the longest stretch of it without a row, so the order of the rows
    does not matter.

    Parameters
    ----------
    timed : sequence of Moment
        The starts of the rows.
    said : Moment, optional
        When the recording began, where the file says so.
    """
    dates = [m.seconds for m in timed if m.kind == "date"]
    clocks = sorted({m.seconds % DAY_S for m in timed if m.kind == "clock"})
    if said is not None:
        start = said.seconds if said.kind == "date" else min(dates, default=0.0)
        return Origin(said.seconds % DAY_S, start, kind=said.kind)
    if dates:
        return Origin(min(dates) % DAY_S, min(dates), guessed=True, kind="date")
    if not clocks:
        return Origin()
    gaps = [
        (clocks[0] + DAY_S - clocks[-1], 0),
        *((b - a, n) for n, (a, b) in enumerate(pairwise(clocks), start=1)),
    ]
    return Origin(clocks[max(gaps)[1]], guessed=True, kind="clock")


def origin_of(start: datetime) -> Origin:
    """Return the origin of a file whose header names its start."""
    seconds = start.hour * 3600 + start.minute * 60 + start.second
    return Origin(float(seconds), start.toordinal() * DAY_S + seconds, kind="date")
