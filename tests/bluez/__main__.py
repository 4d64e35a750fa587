"""``DBUS_SYSTEM_BUS_ADDRESS=… python -m tests.bluez TRANSPORT``: be `org.bluez` on that bus until standard input ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading

from tests.bluez.service import Bluez


def _end_with_standard_input() -> None:
    with contextlib.suppress(OSError):
        sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Serve, and say ``ready``, once."""
    logging.basicConfig(level=logging.WARNING)
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    said: list[bool] = []

    def ready() -> None:
        if not said:
            print("ready", flush=True)
        said.append(True)

    with contextlib.suppress(EOFError, OSError):  # the bus went
        asyncio.run(Bluez(sys.argv[1]).run(ready))


main()
