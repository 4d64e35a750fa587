"""The time zone of this machine. A night is stored with it, and always shown in it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import tzlocal

from legmon.movement import NS

LONGEST_NS = 32 * 86_400 * NS


def local_zone(at_ns: int) -> tuple[str, int]:
    """Return the name of this machine's time zone, and its offset from UTC at a moment, in seconds."""
    name = tzlocal.get_localzone_name() or "UTC"
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        name, zone = "UTC", ZoneInfo("UTC")
    offset = datetime.fromtimestamp(at_ns / NS, zone).utcoffset() or timedelta()
    return name, round(offset.total_seconds())


def night_name(at_ns: int) -> str:
    """Return the id of a night that begins at a moment: day and time by this machine's clock."""
    local = datetime.fromtimestamp(at_ns / NS, UTC) + timedelta(seconds=local_zone(at_ns)[1])
    return local.strftime("%Y-%m-%d-%H%M")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a zone's clocks: the moment, ns UTC, and the offset from then on, s."""

    at_ns: int
    utc_offset_s: int


def changes(name: str, start_ns: int, end_ns: int) -> list[Change]:
    """Return the changes of a zone's clocks between two moments; none if the zone is unknown here, or it is more than a month.

    Clocks change on whole minutes, and no zone changes twice within six hours.
    """
    try:
        zone = ZoneInfo(name)
    except (
        ZoneInfoNotFoundError,
        ValueError,
        OSError,
    ):  # the last one where a name is that of a folder, or long
        return []
    if end_ns - start_ns > LONGEST_NS:
        return []

    def offset(minute: int) -> int:
        return round((datetime.fromtimestamp(60 * minute, zone).utcoffset() or timedelta()).total_seconds())

    found = []
    at, last = start_ns // (60 * NS), -(-end_ns // (60 * NS))
    while at < last:
        until = min(at + 360, last)
        before = offset(at)
        if offset(until) != before:
            low, high = at, until
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == before else (low, middle)
            found.append(Change(60 * NS * high, offset(high)))
        at = until
    return found
