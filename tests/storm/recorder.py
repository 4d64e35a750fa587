"""The recorder on a computer whose clock is set and whose disk is slow.

Everything else is real in a storm. These two cannot be: setting the machine's clock or slowing its disk would hit whatever
else runs on it. So the recorder's process starts here, where `time.time_ns`, `os.write` and `os.fdatasync` first look into a
file.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

CONTROL = Path(os.environ["STORM_CONTROL"])
"""JSON: `offset_ns` of the wall clock; `slow_s` of every write until `slow_until` (monotonic s)."""

_time_ns, _write, _fdatasync = time.time_ns, os.write, os.fdatasync
_slowed = 0


def _control() -> dict[str, Any]:
    try:
        wanted: dict[str, Any] = json.loads(CONTROL.read_text())
    except (OSError, ValueError):
        return {}
    return wanted


def _set_clock() -> int:
    return _time_ns() + int(_control().get("offset_ns", 0))


def _hold_up() -> None:
    global _slowed  # noqa: PLW0603 (a process-wide count, as the functions it counts for are)
    wanted = _control()
    if time.monotonic() < wanted.get("slow_until", 0.0):
        _slowed += 1
        CONTROL.with_suffix(".slowed").write_text(str(_slowed))
        time.sleep(wanted["slow_s"])


def _slow_write(fd: int, data: bytes) -> int:
    _hold_up()
    return _write(fd, data)


def _slow_sync(fd: int) -> None:
    _hold_up()
    _fdatasync(fd)


if __name__ == "__main__":
    time.time_ns, os.write, os.fdatasync = _set_clock, _slow_write, _slow_sync  # type: ignore[assignment]
    from legmon.recorder.__main__ import main

    logging.getLogger("legmon").setLevel(logging.INFO)
    sys.exit(main())
