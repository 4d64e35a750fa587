"""What keeps the recorder from its work, or may do so before morning: a closed list, one code and one sentence each."""

from enum import StrEnum

from sqlalchemy.exc import DBAPIError

from legmon.catalog.database import Refusal, refusal
from legmon.messages import Said
from legmon.recording.segment import RecordingError


class Trouble(StrEnum):
    """Codes, as they stand in the catalog and in answers."""

    OTHER_SENSOR = "other_sensor"
    DISK_REFUSES = "disk_refuses"
    DISK_FAILS = "disk_fails"
    BATTERY_LOW = "battery_low"
    NOT_SYNCED = "not_synced"
    NOT_RESUMED = "not_resumed"
    NOT_BEGUN = "not_begun"
    CATALOG_BUSY = "catalog_busy"
    CATALOG_FULL = "catalog_full"
    CATALOG_FAILS = "catalog_fails"
    CATALOG_DAMAGED = "catalog_damaged"
    NOT_CLOSED = "not_closed"


SENTENCES: dict[Trouble, str] = {
    Trouble.OTHER_SENSOR: "The sensor measures in another way than this night began with; stop the night and start a new one.",
    Trouble.DISK_REFUSES: "Nothing is recorded at the moment: {why}. It goes on by itself when there is room.",
    Trouble.DISK_FAILS: "Nothing is recorded at the moment: {why}, or start legmon with another data folder (--data)."
    " It goes on by itself when the disk takes it again.",
    Trouble.BATTERY_LOW: "Battery at {percent} %: it may not last until morning. Charge the sensor, then start again.",
    Trouble.NOT_SYNCED: "The disk failed while it was to keep what is recorded: {why}. Recording goes on; part of this night may"
    " be lost all the same, so use another disk for the next one.",
    Trouble.NOT_RESUMED: "The {leg} leg of night {night} cannot be gone on with: {why}. Its recording stays: check the disk and"
    " start legmon again, or record a new night.",
    Trouble.NOT_BEGUN: "The night cannot begin yet: {why}.",
    Trouble.CATALOG_BUSY: "The night cannot begin yet: the catalog is busy. That is tried again; if it stays so, end what else"
    " has the data folder open.",
    Trouble.CATALOG_FULL: "The night cannot begin yet: the disk has no room for the catalog. Make room; it goes on by itself.",
    Trouble.CATALOG_FAILS: "The night cannot begin yet: the catalog cannot be written ({why}). Check the disk and the permissions"
    " of the data folder, or start legmon with another one (--data).",
    Trouble.CATALOG_DAMAGED: "The night cannot begin: the catalog is damaged ({why}). End legmon, move catalog.sqlite out of the"
    " data folder and start again; the nights' recordings stay.",
    Trouble.NOT_CLOSED: "Night {night} is not closed yet, which is tried again: {why}.",
}


_OF_CATALOG = {
    Refusal.BUSY: Trouble.CATALOG_BUSY,
    Refusal.FULL: Trouble.CATALOG_FULL,
    Refusal.DAMAGED: Trouble.CATALOG_DAMAGED,
}


def disk_trouble(error: RecordingError) -> Said:
    """Say why a recording cannot be written: there is no room, or the disk fails."""
    return trouble(Trouble.DISK_REFUSES if error.is_full else Trouble.DISK_FAILS, why=error)


def catalog_trouble(error: DBAPIError) -> Said:
    """Say why a night cannot be entered: the catalog is busy, its disk is full, it cannot be written, or it is damaged."""
    return trouble(_OF_CATALOG.get(refusal(error), Trouble.CATALOG_FAILS), why=error.orig)


def trouble(code: Trouble, **parts: object) -> Said:
    """Say it; numbers among the parts go along as figures, since only they are the same in every language."""
    figures = {name: float(value) for name, value in parts.items() if isinstance(value, (int, float))}
    return Said(code.value, SENTENCES[code].format(**parts), figures)
