"""The readers of this installation: those that come with it, and those that other packages add as entry points.

A reader turns a file of another program into samples on a time axis, or into the rows of a scored night. It is found by the
entry points of the group ``legmon.readers``, as sensors are by ``legmon.sensors``.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final

from legmon.exchange.layout import Asked
from legmon.exchange.scored_night import Events
from legmon.exchange.signal import Signal
from legmon.movement import Leg
from legmon.outside import open_outside

GROUP: Final = "legmon.readers"
HEAD: Final = 4096
LARGEST: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the files of a format.

    Parameters
    ----------
    name : str
        What ``--format`` takes.
    title : str
        The format, as a person reads it.
    endings : tuple of str
        How names of such files end, in small letters.
    recognises : callable
        Whether a file is one, from its first 4096 bytes; only asked if its name ends in another way, or several readers fit.
    signal : callable, optional
        Read the samples of a leg. Raise `ValueError` or `OSError` where that is not possible, with a sentence for the person.
    events : callable, optional
        Read the recordings of a file of scored events, in the same way.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    recognises: Callable[[bytes], bool]
    signal: Callable[[Path, Asked, Leg], Signal] | None = None
    events: Callable[[Path], list[Events]] | None = None


@dataclass(frozen=True, slots=True)
class Readers:
    """Readers by name, and the entry points that did not load.

    Parameters
    ----------
    found : mapping of str to Reader
        In the order of their names.
    broken : mapping of str to str
        A sentence for each entry point without a reader.
    """

    found: Mapping[str, Reader]
    broken: Mapping[str, str]

    def of_signals(self, path: Path, asked: Asked) -> Reader | None:
        """Return the reader for the samples of a file; None if there is none.

        Raises
        ------
        OSError
            If the file cannot be opened.
        """
        return self._chosen(path, [r for r in self.found.values() if r.signal is not None], asked.format)

    def of_events(self, path: Path) -> Reader | None:
        """Return the reader for the scored events of a file; None if there is none.

        Raises
        ------
        OSError
            If the file cannot be opened.
        """
        return self._chosen(path, [r for r in self.found.values() if r.events is not None], None)

    @staticmethod
    def _chosen(path: Path, readers: list[Reader], name: str | None) -> Reader | None:
        if name is not None:
            return next((r for r in readers if r.name == name), None)
        ending = path.name.lower()
        by_name = [r for r in readers if ending.endswith(r.endings)]
        if len(by_name) == 1:
            return by_name[0]
        head = _head(path)
        recognised = [r for r in by_name or readers if _recognises(r, head)]
        return recognised[0] if recognised else by_name[0] if by_name else None


def _recognises(reader: Reader, head: bytes) -> bool:
    try:
        return reader.recognises(head)
    except Exception:  # noqa: BLE001 (code of others, with bytes of unknown files)
        return False


def _head(path: Path) -> bytes:
    with os.fdopen(open_outside(path, LARGEST), "rb") as file:
        return file.read(HEAD)


@cache
def readers() -> Readers:
    """Load the installed readers, once."""
    return load(tuple(entry_points(group=GROUP)))


def load(found: tuple[EntryPoint, ...]) -> Readers:
    """Load entry points. An entry point that fails is listed as broken, and the others still load."""
    good: dict[str, Reader] = {}
    broken: dict[str, str] = {}
    for point in sorted(found, key=lambda p: p.name):
        try:
            reader = point.load()
        except Exception as e:  # noqa: BLE001 (a plug-in may fail in any way)
            broken[point.name] = f"{point.value} does not load ({type(e).__name__}: {e})"
            continue
        if not isinstance(reader, Reader):
            broken[point.name] = f"{point.value} is no reader"
        elif reader.name in good:
            broken[point.name] = f"{point.value} is called {reader.name}, and so is another one"
        else:
            good[reader.name] = reader
    return Readers(good, broken)
