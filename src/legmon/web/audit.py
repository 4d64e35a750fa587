"""What somebody did, when, and by which kind of client: `audit.jsonl` in the data folder. It never holds contents.

Dashboard and command line write it. It is bounded: one file that grows, and one older file.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from filelock import FileLock, Timeout

from legmon.messages import Event
from legmon.outside import parse_json, read_outside

FILE: Final = "audit.jsonl"
OLDER: Final = "audit.older.jsonl"
LOCK: Final = "audit.lock"
FILE_BYTES: Final = 200_000
LATEST_S: Final = 1e11
REFUSED_S: Final = 60.0
"""Refused tokens make one entry a minute."""

Client = Literal["browser", "program", "command"]
"""A browser that was let in, a program with the token, or the command line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that somebody did.

    Parameters
    ----------
    at : float
        When, Unix seconds.
    event : Event
        What.
    client : {"browser", "program", "command"} or None
        By which kind of client; None where nobody was let in.
    night : str or None
        The night that it concerned.
    """

    at: float
    event: Event
    client: Client | None
    night: str | None = None


class Audit:
    """The audit of a data folder.

    Parameters
    ----------
    folder : Path
        The data folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._refused_at = float("-inf")

    def note(self, event: Event, client: Client | None, night: str | None = None) -> None:
        """Add an entry, where the disk accepts it: what was done is not undone because it cannot be noted."""
        entry = {"at": round(time.time(), 3), "event": event, "client": client, "night": night}
        line = json.dumps({k: v for k, v in entry.items() if v is not None}) + "\n"
        file = self._folder / FILE
        with contextlib.suppress(OSError, Timeout), FileLock(self._folder / LOCK, timeout=1, mode=0o600):
            with contextlib.suppress(FileNotFoundError):
                if file.stat().st_size > FILE_BYTES:
                    file.replace(self._folder / OLDER)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)

    def note_refused(self) -> None:
        """Add an entry for a wrong token, at most one a minute."""
        if time.monotonic() - self._refused_at >= REFUSED_S:
            self._refused_at = time.monotonic()
            self.note(Event.REFUSED, None)

    def newest(self, most: int) -> list[Entry]:
        """Return the newest entries, the newest first. A line that cannot be read is left out."""
        entries: list[Entry] = []
        for name in (FILE, OLDER):
            entries += reversed(list(self._read(self._folder / name)))
            if len(entries) >= most:
                break
        return entries[:most]

    @staticmethod
    def _read(file: Path) -> Iterator[Entry]:
        try:
            lines = read_outside(file, 2 * FILE_BYTES).splitlines()
        except OSError:
            return
        for line in lines:
            with contextlib.suppress(AttributeError, KeyError, OverflowError, TypeError, ValueError):
                value = parse_json(line)
                client, night = value.get("client"), value.get("night")
                if client not in (None, *get_args(Client)) or not 0 <= value["at"] < LATEST_S:
                    continue
                yield Entry(
                    float(value["at"]),
                    Event(value["event"]),
                    client,
                    None if night is None else str(night)[:64],
                )
