"""When a process of the simulation has to end: a signal, or its parent's end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def told_to_end(*, until_eof: bool) -> Iterator[asyncio.Event]:
    """Give an event that is set by SIGINT, by SIGTERM and, with `until_eof`, by the end of standard input."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A loop on Windows cannot do this; there the interpreter's own handling ends the process.
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, told.set)
    if until_eof:
        # A thread, because a loop can watch pipes and terminals but not every standard input (/dev/null, a file).
        threading.Thread(target=_read_to_end, args=(loop, told), daemon=True).start()
    yield told


def _read_to_end(loop: asyncio.AbstractEventLoop, told: asyncio.Event) -> None:
    with suppress(OSError, ValueError, AttributeError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    with suppress(RuntimeError):  # the loop has ended before the input
        loop.call_soon_threadsafe(told.set)
