"""Write and read the bytes of ``docs/ankle-profile.md``, version 1.

Only the firmware's side is here: it packs frames, answers, capabilities and status, and it parses requests. Section
numbers in the comments are those of that page.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _uuid(short: int) -> str:
    return f"7c9e{short:04x}-5b1d-4c37-9a86-3f0c6d2b8e11"


# Section 2.
SERVICE = _uuid(0x0100)
LIVE_DATA = _uuid(0x0101)
CONTROL_POINT = _uuid(0x0102)
CAPABILITIES = _uuid(0x0103)
STATUS = _uuid(0x0104)
BACKFILL_DATA = _uuid(0x0105)
TIME = _uuid(0x0106)
SMALLEST_MTU = 65

# Section 1.
COMPANY = 0xFFFF
ADVERTISED_VERSION = 1
NAME_PREFIX = "LegMon-"
LONGEST_NAME = len(NAME_PREFIX) + 14
SIDES = {"left": 1, "right": 2}

# Section 3.
LIVE_KIND, LATE_KIND = 0x11, 0x12
MOST_SAMPLES = 83
_HEADER = struct.Struct("<BBHIQ")
LONGEST_FRAME = _HEADER.size + 6 * MOST_SAMPLES

# Section 5: in the order of the bits.
RATES_HZ = (25, 50, 100, 200)
RANGES_G = (2, 4, 8, 16)
SCALE_UG = {2: 61, 4: 122, 8: 244, 16: 488}
FEATURE_BACKFILL = 0x0001
FEATURE_IDENTIFY = 0x0002
FEATURE_SELF_TEST = 0x0004
_CAPABILITIES = struct.Struct("<BBQHBBIHH")

# Section 6.
FLAG_WORN = 0x01
FLAG_CAN_TELL_WORN = 0x02
FLAG_CHARGING = 0x04
_STATUS = struct.Struct("<BHIIIbB")

_TIME = struct.Struct("<BQ")
_START_ARGUMENTS = struct.Struct("<HBB")
_START_RESULTS = struct.Struct("<HHBBHI")
_STOP_RESULTS = struct.Struct("<HI")
_RANGE = struct.Struct("<HII")


class Op(IntEnum):
    """Operations of the control point (section 4)."""

    START = 0x01
    STOP = 0x02
    IDENTIFY = 0x03
    GET_BUFFER = 0x04
    BACKFILL = 0x05
    ABORT = 0x06
    ERASE = 0x07
    SELF_TEST = 0x08


class Answer(IntEnum):
    """Statuses of the control point (section 4) that this sensor uses."""

    OK = 0x00
    UNKNOWN_OP = 0x01
    NOT_SUPPORTED = 0x02
    BAD_LENGTH = 0x03
    BAD_PARAMETER = 0x04
    BUSY = 0x05
    NOT_RUNNING = 0x06
    MTU_TOO_SMALL = 0x08
    UNKNOWN_STREAM = 0x09
    NOT_IN_BUFFER = 0x0A


@dataclass(frozen=True, slots=True)
class StartRequest:
    """Arguments of START: rate in Hz, range in ±g, samples per frame (0: the sensor chooses)."""

    rate_hz: int
    range_g: int
    batch: int


def parse_start(arguments: bytes) -> StartRequest | None:
    """Parse the arguments of START; None if their length is wrong."""
    if len(arguments) != _START_ARGUMENTS.size:
        return None
    return StartRequest(*_START_ARGUMENTS.unpack(arguments))


def answer(op: int, tag: int, status: Answer, results: bytes = b"") -> bytes:
    """Pack the indication that answers a request, with results only if the status is OK."""
    return bytes((0x80, op, tag, status)) + (results if status is Answer.OK else b"")


def start_results(*, stream: int, rate_hz: int, range_g: int, batch: int, next_index: int) -> bytes:
    """Pack the results of START, with the scale of the range."""
    return _START_RESULTS.pack(stream, rate_hz, range_g, batch, SCALE_UG[range_g], next_index)


def stop_results(*, stream: int, next_index: int) -> bytes:
    """Pack the results of STOP."""
    return _STOP_RESULTS.pack(stream, next_index)


def samples_that_fit(mtu: int) -> int:
    """Return how many samples a frame can hold at an ATT MTU: at most MTU - 3 bytes and 83 samples."""
    return max(0, min(MOST_SAMPLES, (mtu - 3 - _HEADER.size) // 6))


def parse_range(arguments: bytes) -> tuple[int, int, int] | None:
    """Parse the arguments of BACKFILL: stream, first, count; None if their length is wrong."""
    return _RANGE.unpack(arguments) if len(arguments) == _RANGE.size else None


def range_results(stream: int, first: int, other: int) -> bytes:
    """Pack the results of GET_BUFFER (stream, oldest, next)."""
    return _RANGE.pack(stream, first, other)


def backfill_ended(tag: int, status: Answer, *, stream: int, first: int, count: int) -> bytes:
    """Pack the event that a back-fill ended (section 4)."""
    return bytes((0x81, Op.BACKFILL, tag, status)) + _RANGE.pack(stream, first, count)


def frame(*, stream: int, first: int, t_us: int, samples: NDArray[np.int16], kind: int = LIVE_KIND) -> bytes:
    """Pack a frame (section 3).

    Parameters
    ----------
    stream : int
        Number of the stream.
    first : int
        Index of the first sample in the stream.
    t_us : int
        The sensor's uptime in µs when that sample was taken.
    samples : ndarray of int16, shape (n, 3)
        x, y, z in units of the range's scale, 1 to 83 of them, oldest first.
    kind : int
        `LIVE_KIND` or `LATE_KIND`.
    """
    return _HEADER.pack(kind, len(samples), stream, first, t_us) + samples.astype("<i2", copy=False).tobytes()


def capabilities(*, sensor_id: int, side: Literal["left", "right"], depth: int = 0) -> bytes:
    """Pack the value of the capabilities characteristic (sections 5 and 8): every rate and range, `depth` samples kept."""
    every_rate = (1 << len(RATES_HZ)) - 1
    every_range = (1 << len(RANGES_G)) - 1
    features = FEATURE_IDENTIFY | FEATURE_SELF_TEST | (FEATURE_BACKFILL if depth else 0)
    return _CAPABILITIES.pack(
        1, 1, sensor_id, every_rate, every_range, SIDES[side], depth, LONGEST_FRAME, features
    )


def status(
    *,
    sampling: bool,
    stream: int,
    next_index: int,
    dropped: int,
    temperature_c: int,
    oldest: int | None = None,
    charging: bool = False,
) -> bytes:
    """Pack the value of the status characteristic (section 6); without a buffer, `oldest` equals `next`."""
    flags = FLAG_WORN | FLAG_CAN_TELL_WORN | (FLAG_CHARGING if charging else 0)
    kept = next_index if oldest is None else oldest
    return _STATUS.pack(int(sampling), stream, next_index, kept, dropped, temperature_c, flags)


def time(*, tag: int, uptime_us: int) -> bytes:
    """Pack the value of the time characteristic (section 7)."""
    return _TIME.pack(tag, uptime_us)


def manufacturer_data(*, side: Literal["left", "right"], battery: int, streaming: bool) -> bytes:
    """Pack the manufacturer data of the scan response, after the company number (section 1)."""
    return bytes((ADVERTISED_VERSION, SIDES[side], battery, int(streaming)))
