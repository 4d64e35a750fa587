"""Who ends the recorder: the process that started it, and nobody else while that one lives.

A supervisor writes the word `end`. A signal without that word, as a system that runs out of memory sends it, is no wish of a
person: the recorder ends as in a crash, its night stays open, and the supervisor starts it again into the same night. Where
there is no supervisor, a signal ends the night in order.
"""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from legmon.recorder import presence
from legmon.recorder.presence import STOP, Presence

RETRY_S: Final = 3.0
"""Between two tries to get a supervisor."""
GRACE_S: Final = 2.0
"""A signal to all processes at once reaches the supervisor too, which writes `end` well within this time."""
LOOK_S: Final = 0.5
"""Between two looks at the file that asks a recorder without a supervisor to end."""

log = logging.getLogger("legmon.recorder")


class Parent:
    """The process that started this recorder.

    Parameters
    ----------
    folder : Path
        The data folder.
    ended : asyncio.Event
        Set when the recorder is to end in order.
    again : list of str or None
        The command line of another supervisor; None where the recorder is not supervised.
    change_speed : callable
        Called with a moment of the wall clock (ns) and the speed of simulated time from then on.
    """

    def __init__(
        self,
        folder: Path,
        ended: asyncio.Event,
        again: list[str] | None,
        change_speed: Callable[[int, float], None] = lambda _at, _speed: None,
    ) -> None:
        self._folder = folder
        self._ended = ended
        self._again = again
        self._change_speed = change_speed
        self._loop = asyncio.get_running_loop()
        self._is_gone = False
        self._leaves = False

    def obey(self) -> None:
        """End the recorder when its parent or a signal wants it."""
        for sig in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows: the end of standard input ends it
                self._loop.add_signal_handler(sig, self._signalled, sig)
        threading.Thread(target=self._read_input, daemon=True).start()

    def _signalled(self, sig: signal.Signals) -> None:
        if self._again is None or self._is_gone:
            self._ended.set()
        elif not self._ended.is_set() and not self._leaves:
            self._leaves = True
            self._loop.call_later(GRACE_S, self._leave, sig)

    def _leave(self, sig: signal.Signals) -> None:
        """Leave like a crash, unless the supervisor has asked for an end in order or is gone itself."""
        if self._is_gone:
            self._ended.set()
        elif not self._ended.is_set():
            log.warning("%s came without the supervisor's word; the recorder leaves its night open", sig.name)
            os._exit(128 + sig)

    def _read_input(self) -> None:
        """Wait until the parent asks this process to end, or has ended itself: its end of the pipe closes then."""
        words = b""
        while data := os.read(0, 4096):  # not sys.stdin: its lock would abort the interpreter at exit
            words = (words + data)[-4096:]
            if b"end\n" in words:
                break
            *lines, words = words.split(b"\n")
            for line in lines:
                self._hear(line)
        if self._again is None or b"end\n" in words:
            self._end()
        else:
            self._is_gone = True
            self._find_supervisor(self._again)

    def _hear(self, line: bytes) -> None:
        """Obey a line such as ``pace 1796080140000000000 60``; any other one is passed over."""
        with contextlib.suppress(ValueError, RuntimeError):  # another line; the loop is closed
            word, at_ns, speed = line.split()
            if word == b"pace":
                self._loop.call_soon_threadsafe(self._change_speed, int(at_ns), float(speed))

    def _end(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: it has ended
            self._loop.call_soon_threadsafe(self._ended.set)

    def _find_supervisor(self, command: list[str]) -> None:
        """Go on without a supervisor, and start another one, until one takes this recorder's place."""
        log.warning("the supervisor is gone without goodbye; the recorder goes on and starts another one")
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in (1, 2):  # nobody reads these pipes any more
            os.dup2(nothing, fd)
        options: dict[str, Any] = {"start_new_session": os.name == "posix"}
        this = presence.inherited(self._folder, Presence.this(supervised=True))
        child: subprocess.Popen[bytes] | None = None
        next_try = 0.0
        while not self._ended.is_set():
            if (self._folder / STOP).exists():
                log.info("asked to end")
                self._end()
                return
            if (child is None or child.poll() is not None) and time.monotonic() >= next_try:
                next_try = time.monotonic() + RETRY_S
                try:
                    child = subprocess.Popen(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                        creationflags=getattr(subprocess, "DETACHED_PROCESS", 0),
                        env=os.environ | this,
                        **options,
                    )
                    next_try = time.monotonic() + RETRY_S
                except OSError as e:
                    log.warning("no supervisor can be started: %s", e)
            time.sleep(LOOK_S)


class Sign:
    """The file that names this recorder, kept in its place for as long as the recorder works.

    Parameters
    ----------
    folder : Path
        The data folder.
    supervised : bool
        Whether a supervisor started it.
    """

    def __init__(self, folder: Path, *, supervised: bool) -> None:
        self._file = presence.KeptFile(folder / presence.RECORDER)
        self._values = Presence.this(supervised=supervised).values()
        self._over = threading.Event()
        self._file.keep(self._values)
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def _keep(self) -> None:
        while not self._over.wait(presence.KEEP_S):
            self._file.keep(self._values)

    def leave(self) -> None:
        """Write it no more."""
        self._over.set()
        self._thread.join(presence.KEEP_S)
