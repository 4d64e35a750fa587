"""Which time zone this machine keeps; a night is stored with it and shown in it for ever."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import tzlocal

from legmon.movement import NS


def local_zone(at_ns: int) -> tuple[str, int]:
    """Name of this machine's time zone and its offset from UTC at a moment, in seconds."""
    name = tzlocal.get_localzone_name() or "UTC"
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        name, zone = "UTC", ZoneInfo("UTC")
    offset = datetime.fromtimestamp(at_ns / NS, zone).utcoffset() or timedelta()
    return name, round(offset.total_seconds())
