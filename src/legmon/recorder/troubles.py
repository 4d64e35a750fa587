"""What keeps the recorder from its work, or may do so before morning: a closed list, one code and one sentence each."""

from enum import StrEnum

from legmon.said import Said


class Trouble(StrEnum):
    """Codes, as they stand in the catalog and in answers."""

    OTHER_SENSOR = "other_sensor"
    DISK_REFUSES = "disk_refuses"
    BATTERY_LOW = "battery_low"
    NOT_RESUMED = "not_resumed"
    NOT_BEGUN = "not_begun"
    CATALOG_BUSY = "catalog_busy"
    NOT_CLOSED = "not_closed"


SENTENCES: dict[Trouble, str] = {
    Trouble.OTHER_SENSOR: "The sensor measures in another way than this night began with; stop the night and start a new one.",
    Trouble.DISK_REFUSES: "Nothing is recorded at the moment: {why}. It goes on by itself when there is room.",
    Trouble.BATTERY_LOW: "Battery at {percent} %: it may not last until morning. Charge the sensor, then start again.",
    Trouble.NOT_RESUMED: "Night {night} cannot be gone on with: {why}.",
    Trouble.NOT_BEGUN: "The night cannot begin yet: {why}.",
    Trouble.CATALOG_BUSY: "The night cannot begin yet: the catalog is busy.",
    Trouble.NOT_CLOSED: "Night {night} is not closed yet, which is tried again: {why}.",
}


def trouble(code: Trouble, **parts: object) -> Said:
    """Say it; numbers among the parts go along as figures, since only they are the same in every language."""
    figures = {name: float(value) for name, value in parts.items() if isinstance(value, (int, float))}
    return Said(code.value, SENTENCES[code].format(**parts), figures)
