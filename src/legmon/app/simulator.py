"""Runs the simulated firmware: a separate program, reached by its command line alone."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence

from legmon.errors import LegmonError


def firmware_sim() -> list[str]:
    """Start of the command line that runs the simulated firmware: a program apart, reached by its arguments alone."""
    return [sys.executable, "-m", "firmware_sim"]


def child_environment() -> dict[str, str]:
    """Environment of the processes we start.

    Their output comes line by line, and the folder the person stands in holds none of their modules.
    """
    return os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}


def run_simulator(
    arguments: Sequence[str],
    progress: Callable[[float], None] = lambda _: None,
    started: Callable[[subprocess.Popen[str]], None] = lambda _: None,
) -> None:
    """Run the simulated firmware's command line to its end.

    Raises
    ------
    LegmonError
        If it refuses; its own words.
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
