"""Read what a sensor's flash memory holds after a reboot. The journal that it writes while it samples stands for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from firmware_sim.sensor import Flashed


def read_flash(journal: Path) -> tuple[int, list[Flashed]] | None:
    """Return when the night began (monotonic ns of this computer) and the streams so far; None if the sensor never sampled.

    A line that a ``kill -9`` cut off is left out: flash would not hold it either.
    """
    try:
        lines = journal.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    zero_ns: int | None = None
    streams: list[dict[str, Any]] = []
    for line in lines:
        try:
            e = json.loads(line)
        except ValueError:
            continue
        if e["event"] == "start":
            zero_ns = e["zero_ns"] if zero_ns is None else zero_ns
            keys = ("rate_hz", "range_g", "batch", "night_first", "night_us")
            streams.append({"number": e["stream"], **{k: e[k] for k in keys}, "framed": 0, "sampling": True})
        elif e["event"] in ("sent", "dropped"):
            streams[-1]["framed"] = max(streams[-1]["framed"], e["first"] + e["count"])
        elif e["event"] == "stop":
            streams[-1] |= {"framed": e["next"], "sampling": False}
    return None if zero_ns is None else (zero_ns, [Flashed(**s) for s in streams])
