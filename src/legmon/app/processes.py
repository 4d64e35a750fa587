"""Start the processes of a night, keep them running, and end them together."""

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from legmon.app.simulator import child_environment
from legmon.errors import FailedError, LegmonError
from legmon.logs import BoundedFile

READY_S = 60.0  # a busy computer starts slowly
CLOSE_S = 20.0  # time for a recorder to fetch samples, stop its sensors, disconnect and close the night
NOTICE_S = 1.0  # after this time the person reads that the recorder is still closing
END_S = 2.0  # time for the other processes to end, after the recorder
SHORTEST_LIFE_S = 5.0  # a process that ends sooner than this several times in a row is no longer restarted
MOST_FAST_DEATHS = 3
SLOWEST_S = 30.0


class Child:
    """One process. Its standard input is a pipe from legmon: when legmon is gone, however it ended, the process ends too.

    Parameters
    ----------
    name : str
        Its name in messages.
    command : list of str
        What to run.
    log : Path
        The file that gets its standard error.
    word : str
        The word on its standard input that asks it to end; empty where the end of the input does.
    """

    def __init__(self, name: str, command: list[str], log: Path, word: str = "") -> None:
        self.name = name
        self._command = command
        self._log = log
        self._output = BoundedFile(log)
        self._word = word
        self._fast_deaths = 0
        self.fails = ""  # why it ends at once again and again
        self._not_before = 0.0
        self.start()

    def start(self) -> None:
        """Start the process."""
        self._born = time.monotonic()
        self._error_lines: deque[str] = deque(maxlen=20)
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=child_environment(),
            start_new_session=os.name
            == "posix",  # Ctrl-C reaches legmon alone, which ends the others in order
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same on Windows
        )
        self._output_thread = threading.Thread(
            target=self._read_output, args=(self.process.stdout,), daemon=True
        )
        self._output_thread.start()
        self._errors = threading.Thread(target=self._read_errors, args=(self.process.stderr,), daemon=True)
        self._errors.start()

    def _read_output(self, pipe: object) -> None:
        for line in pipe:  # type: ignore[attr-defined]
            self._lines.put(line.strip())
        self._lines.put(None)

    def _read_errors(self, pipe: object) -> None:
        for line in pipe:  # type: ignore[attr-defined]
            self._error_lines.append(line.strip())
            self._output.write(line)

    def ready(self, word: str) -> str:
        """Wait for a line that begins with `word`, and return the rest of it.

        Raises
        ------
        LegmonError
            If the process ends first, in its own words, or does not print the line within a minute.
        """
        end = time.monotonic() + READY_S
        while True:
            try:
                line = self._lines.get(timeout=max(end - time.monotonic(), 0.01))
            except queue.Empty:
                raise LegmonError(
                    f"the {self.name} did not start within {READY_S:.0f} s; see {self._log.parent}"
                ) from None
            if line is None:
                self.process.wait()
                self._errors.join(1)
                last = self._last_error()
                raise LegmonError(
                    last
                    if self.process.returncode == 2
                    else f"the {self.name} ended: {last}; see {self._log.parent}"
                )
            if line.startswith(word):
                return line[len(word) :].strip()

    def lines(self) -> Iterator[str]:
        """Yield what it has printed since the last call. Does not wait."""
        with contextlib.suppress(queue.Empty):
            while (printed := self._lines.get_nowait()) is not None:
                yield printed

    def printed(self, line: str) -> bool:
        """Whether it has printed this line since the last call. Does not wait."""
        return line in self.lines()

    def is_ready(self, word: str) -> str | None:
        """Return the rest of a line that begins with `word`, None as long as there is none. Does not wait."""
        if self.process.poll() is not None:
            return self.ready(word)
        return next((line[len(word) :].strip() for line in self.lines() if line.startswith(word)), None)

    def failure(self) -> str:
        """Return why it ended, in its own words."""
        return self._last_error()

    def last_words(self, start: str) -> list[str]:
        """Return the rest of the lines that it printed before it ended and that begin with a word."""
        said: list[str] = []
        with contextlib.suppress(queue.Empty):
            while (line := self._lines.get(timeout=1.0)) is not None:
                said += [line[len(start) :].strip()] * line.startswith(start)
        return said

    def revive(self, *, for_ever: bool) -> bool:
        """Start the process again if it has ended. Return whether it was started.

        Parameters
        ----------
        for_ever : bool
            Whether to keep trying, more and more slowly, when it ends at once again and again.

        Raises
        ------
        FailedError
            If it ends at once again and again, and `for_ever` is False.
        """
        if self.process.poll() is None or time.monotonic() < self._not_before:
            return False
        fast = time.monotonic() - self._born < SHORTEST_LIFE_S
        self._fast_deaths = self._fast_deaths + 1 if fast else 0
        if not for_ever and (self.process.returncode == 2 or self._fast_deaths >= MOST_FAST_DEATHS):
            raise FailedError(f"the {self.name} cannot continue: {self._last_error()}")
        self.fails = self._last_error() if self._fast_deaths >= MOST_FAST_DEATHS else ""
        wait = min(2.0**self._fast_deaths, SLOWEST_S) if self._fast_deaths else 0.0
        self._not_before = time.monotonic() + wait  # earliest time of the next start
        self.start()
        return True

    def _last_error(self) -> str:
        self._errors.join(1)
        return self._error_lines[-1] if self._error_lines else f"it reported nothing; see {self._log.parent}"

    def tell(self, line: str) -> None:
        """Write a line to its standard input; one that has ended does not get it."""
        with contextlib.suppress(OSError, ValueError):
            if self.process.stdin is not None:
                self.process.stdin.write(f"{line}\n")
                self.process.stdin.flush()

    def set_option(self, option: str, *values: str) -> None:
        """Let it have other values of an option, if it has to be started again."""
        at = self._command.index(option) + 1
        self._command = [*self._command[:at], *values, *self._command[at + len(values) :]]

    def ask_to_end(self) -> None:
        """Ask it to end, and close its standard input."""
        with contextlib.suppress(OSError, ValueError):
            if self.process.stdin is not None:
                if self._word and not self.process.stdin.closed:
                    self.process.stdin.write(f"{self._word}\n")
                self.process.stdin.close()

    def ends(self, within_s: float) -> bool:
        """Ask it to end and wait. Return whether it has ended."""
        self.ask_to_end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(within_s, 0.05))
        return self.process.poll() is not None

    def drop(self) -> None:
        """Kill it, and let go of its pipes: it needs no end in order."""
        self.process.kill()
        self.process.wait()
        for thread in (self._output_thread, self._errors):
            thread.join(1)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def end(self, within_s: float) -> bool:
        """Ask it to end, wait, and kill it if it does not. Return whether it ended in order."""
        if not self.ends(within_s):
            self.process.kill()
            self.process.wait()
        return self.process.returncode == 0


def python_module(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs a Python module."""
    return [sys.executable, "-m", module, *arguments]


def end_all(recorder: Child | None, others: list[Child], on_wait: Callable[[], None]) -> bool:
    """End the recorder first, while it can still stop the sensor, then the rest.

    Parameters
    ----------
    recorder, others : Child
        The processes that run.
    on_wait : callable
        Called where the recorder takes longer than a person would wait without a message.

    Returns
    -------
    bool
        Whether the recorder ended in order, and so has closed its night.
    """
    in_order = True
    if recorder is not None:
        if not recorder.ends(NOTICE_S):
            on_wait()
        in_order = recorder.end(CLOSE_S - NOTICE_S)
    until = time.monotonic() + END_S
    for child in others:
        child.ask_to_end()
    for child in others:
        child.end(until - time.monotonic())
    return in_order
