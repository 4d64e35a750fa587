"""Run the simulated firmware: a separate program, reached by its command line alone."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence

from legmon.errors import LegmonError


def firmware_sim() -> list[str]:
    """Return the start of the command line that runs the simulated firmware."""
    return [sys.executable, "-m", "firmware_sim"]


def child_environment() -> dict[str, str]:
    """Return the environment of the processes that legmon starts.

    Their output comes line by line. They import no module from the current folder.
    """
    return os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}


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
        for line in child.stdout:
            word, _, value = line.partition(" ")
            if word == "progress":
                progress(float(value))
        complaint = child.stderr.read().strip()
    if child.returncode:
        raise LegmonError(complaint or f"the simulator ended with status {child.returncode}")
