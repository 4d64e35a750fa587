"""Measure how fast each driver decodes notifications: ``uv run python -m benchmarks.decode [--json]``.

The notifications come from the simulated sensors at rest, after the start of a conversation, as in a night. An 8-hour night
at 50 Hz has 1.4 million samples.
"""

import argparse
import json
import struct
import time
import zlib
from collections.abc import Callable

import numpy as np

from benchmarks.scripted import SCRIPTS, started
from firmware_sim.families.polar import _compressed
from legmon.sensors.base import Frame

NIGHT = 8 * 3600 * 50
SECONDS = 1.0


def _noise(count: int) -> np.ndarray:
    return np.rint(np.random.default_rng(1).normal((0, 0, 1000), 3, (count, 3))).astype(np.int64)


def _polar(i: int) -> bytes:
    stamp = 10**17 + i * round(71e9 / 52)
    return b"\x02" + stamp.to_bytes(8, "little") + b"\x81" + _POLAR


def _movesense(i: int) -> bytes:
    return b"\x02\x01" + struct.pack("<I", i * 77) + _FLOATS


def _bangle(i: int) -> bytes:
    body = bytes([1, 160]) + struct.pack("<HII", 7, i * 25, i * 500) + _WORDS
    return b"LM" + body + zlib.crc32(body).to_bytes(4, "little")


_POLAR = _compressed(_noise(71))
_FLOATS = np.full((4, 3), 5.0, "<f4").tobytes()
_WORDS = _noise(25).astype("<i2").tobytes()
_SHORT = b"\x55\x61" + bytes(18)

MAKE: dict[str, Callable[[int], bytes]] = {
    "polar": _polar,
    "movesense": _movesense,
    "witmotion": lambda _i: _SHORT * 2,
    "metamotion": lambda _i: b"\x03\x1c" + bytes(18),
    "bangle": _bangle,
    "microbit": lambda _i: bytes(6),
    "adafruit": lambda _i: bytes(12),
    "thingy52": lambda _i: bytes(18),
    "infinitime": lambda _i: bytes(6),
}


def measure(name: str) -> dict[str, float]:
    """Decode notifications for one second."""
    conversation = started(name).conversation
    uuid = SCRIPTS[name][2][0]
    made = [MAKE[name](i) for i in range(4000)]
    notifications = samples = 0
    begun = time.perf_counter()
    while time.perf_counter() - begun < SECONDS and notifications < len(made):
        for event in conversation.received(uuid, made[notifications]):
            if isinstance(event, Frame):
                samples += len(event.xyz)
        notifications += 1
    spent = time.perf_counter() - begun
    return {
        "notifications_per_s": round(notifications / spent),
        "samples_per_s": round(samples / spent),
        "night_s": round(NIGHT / (samples / spent), 1),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    asked = parser.parse_args()
    rows = {name: measure(name) for name in MAKE}
    if asked.json:
        print(json.dumps(rows))
        return
    for name, row in rows.items():
        print(
            f"{name:<12}{row['notifications_per_s']:>9,} notifications/s{row['samples_per_s']:>12,} samples/s"
            f"{row['night_s']:>7} s for a night"
        )


if __name__ == "__main__":
    main()
