"""The log of a process: bounded files in the data folder that name no sensor, no person and nothing that a person wrote."""

import contextlib
import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

FILE_BYTES: Final = 1_000_000
OLDER_FILES: Final = 4
"""A log is at most this many older files and one that grows."""
LONGEST: Final = 20_000
"""Longer entries are cut, in characters."""
REPEAT_S: Final = 60.0
MOST_TEXTS: Final = 1000
SHORTEST_NAME: Final = 3
"""A shorter name is not left out, since it would be in every second word."""
ADDRESS, WORDS, QUERY, SECRET = "[address]", "[left out]", "?[left out]", "[secret]"

_BASE_UUID: Final = "0000-1000-8000-00805f9b34fb"
_PATTERNS: Final = (
    # addresses of Bluetooth devices, also in the paths of BlueZ
    (
        re.compile(
            r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{2}(?:([:_-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![0-9A-Fa-f])"
        ),
        ADDRESS,
    ),
    # macOS names a device by a UUID; those of Bluetooth's own services say nothing of a device
    (
        re.compile(
            rf"(?i)\b[0-9a-f]{{8}}-(?!{_BASE_UUID})[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}\b"
        ),
        ADDRESS,
    ),
    # what SQLAlchemy and pydantic quote of a person's words
    (re.compile(r"\[parameters: .*?\](?=\s*(?:\n|$|\(Background))", re.DOTALL), f"[parameters: {WORDS}]"),
    (re.compile(r"input_value=.*?(?=, input_type=)", re.DOTALL), f"input_value={WORDS}"),
    # the query of a web address, and everything that looks like a secret
    (re.compile(r"\?[\w.~%\[\]+-]+=[^\s\"'<>]*"), QUERY),
    (
        re.compile(
            r"(?i)\b(authorization|bearer|token|secret|password|passwd|api[_-]?key|cookie)\b([\"']?\s*[=:]?\s*[\"']?)"
            r"((?:bearer|basic)\s+)?(?=\S*[0-9_-])[^\s\"',;&]{6,}"
        ),
        rf"\1\2{SECRET}",
    ),
)
_hidden: set[str] = set()


def hide(*words: str | None) -> None:
    """Leave these words out of all logs of this process from now on: the name and the address of a sensor."""
    _hidden.update(w for w in words if w and len(w) >= SHORTEST_NAME)


def private(text: str) -> str:
    """Return a text without what no log may hold."""
    home = str(Path.home())
    if len(home) > SHORTEST_NAME:
        text = text.replace(home, "~")
    for word in sorted(_hidden, key=len, reverse=True):
        text = text.replace(word, WORDS)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … [cut]"


class _Private(logging.Formatter):
    """Writes an entry, with its traceback, without what no log may hold."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry."""
        return private(super().format(record))


class _Log(RotatingFileHandler):
    """A bounded log. A full disk, or a folder that is gone, stops nothing and is not reported: the log is the least of it."""

    def __init__(self, file: Path, older: int = OLDER_FILES) -> None:
        super().__init__(
            file, maxBytes=FILE_BYTES, backupCount=older, encoding="utf-8", errors="replace", delay=True
        )

    def _open(self):  # type: ignore[no-untyped-def]
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return super()._open()

    def handleError(self, _: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """Go on without this entry. What could not be written is dropped; the next entry opens the file again."""
        stream, self.stream = self.stream, None
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:
                stream.close()


class _Repeats(logging.Filter):
    """Leaves out an entry that was written less than a minute ago: what fails each second would push the rest out."""

    def __init__(self) -> None:
        super().__init__()
        self._written: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write the entry."""
        now, text = time.monotonic(), f"{record.name} {record.getMessage()}"
        if now - self._written.get(text, -REPEAT_S) < REPEAT_S and record.levelno >= logging.WARNING:
            return False
        if len(self._written) > MOST_TEXTS:
            self._written.clear()
        self._written[text] = now
        return True


class BoundedFile:
    """A bounded file for what a process prints.

    Parameters
    ----------
    file : Path
        The file; it and its folder are made with the first line.
    """

    def __init__(self, file: Path) -> None:
        self._handler = _Log(file, older=1)
        self._handler.setFormatter(_Private("%(message)s"))

    def write(self, line: str) -> None:
        """Write a line, where the disk accepts it."""
        self._handler.handle(logging.LogRecord("", logging.INFO, "", 0, line.rstrip("\n"), None, None))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


def log_file(folder: Path, name: str) -> Path:
    """Return the log of a process of a data folder."""
    return folder / "logs" / f"{name}.log"


def set_up(folder: Path, name: str, *, verbose: bool = False, on_terminal: bool = True) -> None:
    """Write the log of this process into the data folder.

    Parameters
    ----------
    folder : Path
        The data folder.
    name : str
        The name of the process.
    verbose : bool
        Whether to write details too.
    on_terminal : bool
        Whether warnings also go to standard error.
    """
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    kept = _Log(log_file(folder, name))
    kept.setFormatter(_Private(form))
    kept.addFilter(_Repeats())
    root.addHandler(kept)
    if on_terminal:
        shown = logging.StreamHandler(sys.stderr)
        shown.setLevel(logging.WARNING)
        shown.setFormatter(_Private(form))
        root.addHandler(shown)
    root.setLevel(logging.INFO if verbose else logging.WARNING)
    logging.getLogger("legmon").setLevel(logging.DEBUG if verbose else logging.INFO)
    # At INFO, SQLAlchemy logs every value that is stored.
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False


class Tail:
    """Follows the logs of a data folder and passes on what is new.

    Parameters
    ----------
    folder : Path
        The data folder.
    names : tuple of str
        The processes.
    show : callable
        Gets each new line.
    """

    def __init__(self, folder: Path, names: tuple[str, ...], show: Callable[[str], None]) -> None:
        self._files = [log_file(folder, name) for name in names]
        self._read = {file: self._size(file) for file in self._files}
        self._show = show
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "Tail":
        """Begin to follow."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Show the rest and end."""
        self._ended.set()
        self._thread.join(2)

    @staticmethod
    def _size(file: Path) -> int:
        try:
            return file.stat().st_size
        except OSError:
            return 0

    def _follow(self) -> None:
        while not self._ended.wait(0.2):
            self._pass_on()
        self._pass_on()

    def _pass_on(self) -> None:
        for file in self._files:
            for line in self._new(file):
                with contextlib.suppress(OSError):
                    self._show(line)

    def _new(self, file: Path) -> Iterator[str]:
        size = self._size(file)
        if size < self._read[file]:  # a new file has begun
            self._read[file] = 0
        with contextlib.suppress(OSError), file.open("rb") as log:
            log.seek(self._read[file])
            *whole, _ = log.read(FILE_BYTES).split(b"\n")
            self._read[file] += sum(len(line) + 1 for line in whole)
            yield from (line.decode("utf-8", "replace") for line in whole)
