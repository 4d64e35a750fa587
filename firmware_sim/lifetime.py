"""End a process of the simulation on a signal, or with its parent process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def end_requested(
    *, until_eof: bool, on_line: Callable[[str], object] = lambda _: None
) -> Iterator[asyncio.Event]:
    """Yield an event that is set by SIGINT, by SIGTERM and, with `until_eof`, by the end of standard input.

    `on_line` is called in the loop with each line of standard input before that.
    """
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A loop on Windows cannot do this; there the interpreter's own handler ends the process.
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, end.set)
    if until_eof:
        # A thread, because a loop can watch pipes and terminals but not every standard input (/dev/null, a file).
        threading.Thread(target=_read_to_end, args=(loop, end, on_line), daemon=True).start()
    yield end


def _read_to_end(
    loop: asyncio.AbstractEventLoop, end: asyncio.Event, on_line: Callable[[str], object]
) -> None:
    rest = b""
    with suppress(OSError, ValueError, AttributeError, RuntimeError):
        while data := os.read(sys.stdin.fileno(), 4096):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                loop.call_soon_threadsafe(on_line, line.decode("utf-8", "replace"))
    with suppress(RuntimeError):  # the loop has ended before the input
        loop.call_soon_threadsafe(end.set)
