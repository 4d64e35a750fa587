"""Read what a sensor's flash memory holds after a reboot. The journal that it writes while it samples stands for it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firmware_sim.outside import blocks
from firmware_sim.sensor import Flashed

LARGEST = 1 << 28
LONGEST_LINE = 10_000


def read_flash(journal: Path) -> tuple[int, list[Flashed]] | None:
    """Return when the night began (monotonic ns of this computer) and the streams so far; None if the sensor never sampled.

    If the speed has changed, that is when it would have begun at the present one.

    A line that the sensor did not write, or that a ``kill -9`` cut off is left out: flash would not hold it either.
    """
    zero_ns: int | None = None
    streams: list[dict[str, Any]] = []
    for line in filter(None, _lines(journal)):
        with contextlib.suppress(ValueError, KeyError, TypeError, IndexError, RecursionError):
            e = json.loads(line)
            if e["event"] == "start":
                zero_ns = _whole(e["zero_ns"]) if zero_ns is None else zero_ns
                facts = {k: _whole(e[k]) for k in ("rate_hz", "range_g", "batch", "night_first", "night_us")}
                streams.append({"number": _whole(e["stream"]), **facts, "framed": 0, "sampling": True})
            elif e["event"] in ("sent", "dropped"):
                streams[-1]["framed"] = max(streams[-1]["framed"], _whole(e["first"]) + _whole(e["count"]))
            elif e["event"] == "pace":
                zero_ns = _whole(e["zero_ns"])
            elif e["event"] == "stop":
                streams[-1] |= {"framed": _whole(e["next"]), "sampling": False}
    return None if zero_ns is None or not streams else (zero_ns, [Flashed(**s) for s in streams])


def _lines(journal: Path) -> Iterator[bytes]:
    """Yield the whole lines. A longer one than the sensor writes is left out."""
    rest = b""
    with contextlib.suppress(OSError):
        for block in blocks(journal, LARGEST):
            *lines, rest = (rest[:LONGEST_LINE] + block).split(b"\n")
            yield from (line for line in lines if len(line) <= LONGEST_LINE)
    yield rest[:LONGEST_LINE]


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 63:
        raise ValueError
    return value
