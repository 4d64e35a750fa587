"""A log of what a simulated sensor did, in lines of JSON. Tests compare a client's recording with it."""

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
        None writes no journal.
    goes_on : bool
        Whether to append to the file.
    """

    def __init__(self, path: Path | None, *, goes_on: bool = False) -> None:
        mode = "a" if goes_on else "w"
        self._file = None if path is None else path.open(mode, buffering=1, encoding="utf-8")

    def write(self, event: str, **facts: object) -> None:
        """Add one event. After the file was closed, while the process ends, events are dropped."""
        if self._file is not None and not self._file.closed:
            self._file.write(json.dumps({"event": event, **facts}) + "\n")

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
