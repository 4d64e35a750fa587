"""When a process of the simulation has to end: a signal, or its parent's end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def told_to_end(
    *, until_eof: bool, said: Callable[[str], object] = lambda _: None
) -> Iterator[asyncio.Event]:
    """Give an event that is set by SIGINT, by SIGTERM and, with `until_eof`, by the end of standard input.

    `said` is given each line of standard input before that, in the loop.
    """
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A loop on Windows cannot do this; there the interpreter's own handling ends the process.
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, told.set)
    if until_eof:
        # A thread, because a loop can watch pipes and terminals but not every standard input (/dev/null, a file).
        threading.Thread(target=_read_to_end, args=(loop, told, said), daemon=True).start()
    yield told


def _read_to_end(loop: asyncio.AbstractEventLoop, told: asyncio.Event, said: Callable[[str], object]) -> None:
    rest = b""
    with suppress(OSError, ValueError, AttributeError, RuntimeError):
        while data := os.read(sys.stdin.fileno(), 4096):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                loop.call_soon_threadsafe(said, line.decode("utf-8", "replace"))
    with suppress(RuntimeError):  # the loop has ended before the input
        loop.call_soon_threadsafe(told.set)
