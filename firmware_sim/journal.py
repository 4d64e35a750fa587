"""What a simulated sensor did, as lines of JSON for whoever checks what a client made of it."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType


class Journal(AbstractContextManager["Journal"]):
    """A file of events, one JSON object a line, complete up to the last line even after a ``kill -9``.

    Parameters
    ----------
    path : Path or None
        None keeps no journal.
    goes_on : bool
        Whether what is there stays.
    """

    def __init__(self, path: Path | None, *, goes_on: bool = False) -> None:
        mode = "a" if goes_on else "w"
        self._file = None if path is None else path.open(mode, buffering=1, encoding="utf-8")

    def write(self, event: str, **facts: object) -> None:
        """Add one event; what happens while the process ends, after the file was closed, is not told."""
        if self._file is not None and not self._file.closed:
            self._file.write(json.dumps({"event": event, **facts}) + "\n")

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
