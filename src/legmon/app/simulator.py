"""Run the simulated firmware: a separate program, reached by its command line alone."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import IO, Final

from legmon.errors import LegmonError

LONGEST_COMPLAINT: Final = 4096
"""Characters that are kept of what the simulator writes to standard error."""


def firmware_sim() -> list[str]:
    """Return the start of the command line that runs the simulated firmware."""
    return [sys.executable, "-m", "firmware_sim"]


def child_environment() -> dict[str, str]:
    """Return the environment of the processes that legmon starts.

    Their output comes line by line. They import no module from the current folder.
    """
    return os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}


class _Complaints:
    """Reads what a process writes to standard error while its standard output is read: a full pipe would stop the process.

    Parameters
    ----------
    pipe : file
        Its standard error.
    """

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe
        self._text = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while piece := self._pipe.read(LONGEST_COMPLAINT):
                self._text = (self._text + piece)[:LONGEST_COMPLAINT]

    def text(self) -> str:
        """Return the beginning of it, once the process has ended."""
        self._thread.join()
        return self._text.strip()


def run_simulator(
    arguments: Sequence[str],
    progress: Callable[[float], None] = lambda _: None,
    started: Callable[[subprocess.Popen[str]], None] = lambda _: None,
) -> None:
    """Run a command of the simulated firmware to its end.

    Parameters
    ----------
    arguments : sequence of str
        The command and its options.
    progress : callable
        Called with the share that is done, 0 to 1.
    started : callable
        Called with the process, so that the caller can end it.

    Raises
    ------
    LegmonError
        If the simulator refuses, in its own words.
    """
    with subprocess.Popen(
        [*firmware_sim(), *arguments, "--progress"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=child_environment(),
    ) as child:
        started(child)
        assert child.stdout is not None  # noqa: S101
        assert child.stderr is not None  # noqa: S101
        complaints = _Complaints(child.stderr)
        for line in child.stdout:
            word, _, value = line.partition(" ")
            if word == "progress":
                progress(float(value))
        complaint = complaints.text()
    if child.returncode:
        raise LegmonError(complaint or f"the simulator ended with status {child.returncode}")
