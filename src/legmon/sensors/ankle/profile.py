"""The reference profile, byte by byte: the messages of an ankle sensor (docs/ankle-profile.md)."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np

from legmon.movement import Leg
from legmon.sensors.base import Frame, FrameError, Held, RefusedError
from legmon.sensors.conversation import BATTERY_LEVEL as _BATTERY_LEVEL

_BASE = "7c9e{:04x}-5b1d-4c37-9a86-3f0c6d2b8e11"
SERVICE = _BASE.format(0x0100)
LIVE = _BASE.format(0x0101)
CONTROL = _BASE.format(0x0102)
CAPABILITIES = _BASE.format(0x0103)
STATUS = _BASE.format(0x0104)
BACKFILL = _BASE.format(0x0105)
BATTERY_LEVEL = _BATTERY_LEVEL

RATES_HZ = (25, 50, 100, 200)
RANGES_G = (2, 4, 8, 16)
MOST_SAMPLES = 83
"""Samples of the longest frame."""

_FRAME = struct.Struct("<BBHIQ")
_CAPABILITIES = struct.Struct("<BBQHBBIHH")
_STATUS = struct.Struct("<BHIIIbB")
_STARTED = struct.Struct("<HHBBHI")
_LIVE_KIND, _LATE_KIND = 0x11, 0x12
_HELD = struct.Struct("<HII")
_ENDED = struct.Struct("<BBBBHII")
_CAN_BACKFILL = 0x0001
_ANSWER, _EVENT = 0x80, 0x81
_WORN, _CAN_TELL_WORN, _CHARGING = 0x01, 0x02, 0x04
_SIDES: dict[int, Leg | None] = {0: None, 1: "left", 2: "right"}


class Op(IntEnum):
    """Operations of the control point (section 4)."""

    START = 0x01
    STOP = 0x02
    IDENTIFY = 0x03
    GET_BUFFER = 0x04
    BACKFILL = 0x05
    ABORT = 0x06


STATUS_TEXT = {
    0x00: "OK",
    0x01: "it does not know this operation",
    0x02: "it does not support this operation",
    0x03: "the request had the wrong length",
    0x04: "it cannot measure at this rate or range",
    0x05: "it is already measuring in another way",
    0x06: "it is not measuring",
    0x07: "it is on the charger",
    0x08: "the Bluetooth packets are too small",
    0x09: "it does not know this stream",
    0x0A: "its buffer no longer holds these samples",
}


class RefusedStatusError(RefusedError):
    """The sensor answered a request with a status other than OK."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"the sensor refused: {STATUS_TEXT.get(status, f'status 0x{status:02x}')}")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The capabilities of a sensor (section 5)."""

    sensor_id: int
    rates_hz: tuple[int, ...]
    ranges_g: tuple[int, ...]
    side: Leg | None
    buffer: int
    """Samples kept for BACKFILL; 0: no buffer."""


@dataclass(frozen=True, slots=True)
class SensorStatus:
    """The state of a sensor (section 6)."""

    state: Literal["idle", "sampling"]
    stream: int
    next: int
    dropped: int
    temperature_c: int | None
    worn: bool | None
    charging: bool


@dataclass(frozen=True, slots=True)
class Streaming:
    """Answer to START: the stream as it runs."""

    stream: int
    rate_hz: int
    range_g: int
    batch: int
    scale_ug: int
    next: int


def decode_frame(data: bytes | bytearray) -> Frame:
    """Read a frame, live or of the back-fill (section 3).

    Raises
    ------
    FrameError
        If the length, version, kind or count is wrong.
    """
    if len(data) < _FRAME.size + 6:
        raise FrameError(f"frame of {len(data)} bytes; the shortest has {_FRAME.size + 6}")
    kind, n, stream, first, t_us = _FRAME.unpack_from(data)
    if kind not in (_LIVE_KIND, _LATE_KIND):
        raise FrameError(f"frame of kind 0x{kind:02x}; expected 0x{_LIVE_KIND:02x} or 0x{_LATE_KIND:02x}")
    if not 1 <= n <= MOST_SAMPLES:
        raise FrameError(f"frame of {n} samples; expected 1 to {MOST_SAMPLES}")
    if len(data) != _FRAME.size + 6 * n:
        raise FrameError(f"frame of {len(data)} bytes; {n} samples need {_FRAME.size + 6 * n}")
    xyz = np.frombuffer(bytes(data), dtype="<i2", offset=_FRAME.size).reshape(n, 3)
    return Frame(stream, first, t_us, xyz, late=kind == _LATE_KIND)


def decode_capabilities(data: bytes | bytearray) -> Capabilities:
    """Read the capabilities (section 5); fields a later minor version adds are ignored.

    Raises
    ------
    FrameError
        If they are too short or of another major version.
    """
    if len(data) < _CAPABILITIES.size:
        raise FrameError(f"capabilities of {len(data)} bytes; expected {_CAPABILITIES.size} or more")
    major, _, sensor_id, rates, ranges, side, buffer, _, features = _CAPABILITIES.unpack_from(data)
    if major != 1:
        raise FrameError(f"the sensor speaks version {major} of the ankle profile; this program speaks 1")
    return Capabilities(
        sensor_id=sensor_id,
        rates_hz=tuple(r for bit, r in enumerate(RATES_HZ) if rates >> bit & 1),
        ranges_g=tuple(r for bit, r in enumerate(RANGES_G) if ranges >> bit & 1),
        side=_SIDES.get(side),
        buffer=buffer if features & _CAN_BACKFILL else 0,
    )


def decode_status(data: bytes | bytearray) -> SensorStatus:
    """Read the status (section 6).

    Raises
    ------
    FrameError
        If it is too short.
    """
    if len(data) < _STATUS.size:
        raise FrameError(f"status of {len(data)} bytes; expected {_STATUS.size} or more")
    state, stream, following, _, dropped, temperature, flags = _STATUS.unpack_from(data)
    return SensorStatus(
        state="sampling" if state == 1 else "idle",
        stream=stream,
        next=following,
        dropped=dropped,
        temperature_c=None if temperature == -128 else temperature,
        worn=bool(flags & _WORN) if flags & _CAN_TELL_WORN else None,
        charging=bool(flags & _CHARGING),
    )


def request(op: Op, tag: int, arguments: bytes = b"") -> bytes:
    """Return the bytes of a request to the control point (section 4)."""
    return bytes([op, tag]) + arguments


def start_arguments(rate_hz: int, range_g: int, batch: int) -> bytes:
    """Return the arguments of START."""
    return struct.pack("<HBB", rate_hz, range_g, batch)


def decode_answer(data: bytes | bytearray, op: Op, tag: int) -> bytes | None:
    """Read an indication of the control point.

    Returns
    -------
    bytes or None
        The results, or None when this is not the answer to this request.

    Raises
    ------
    RefusedStatusError
        If the status is not OK.
    FrameError
        If the answer is too short to be one.
    """
    if len(data) < 4:
        raise FrameError(f"control point answer of {len(data)} bytes; expected 4 or more")
    if (data[0], data[1], data[2]) != (_ANSWER, op, tag):
        return None
    if data[3] != 0:
        raise RefusedStatusError(data[3])
    return bytes(data[4:])


def decode_started(results: bytes) -> Streaming:
    """Read the results of START.

    Raises
    ------
    FrameError
        If they are too short.
    """
    if len(results) < _STARTED.size:
        raise FrameError(f"answer to START of {len(results)} bytes; expected {_STARTED.size} or more")
    return Streaming(*_STARTED.unpack_from(results))


def buffer_arguments(stream: int) -> bytes:
    """Return the arguments of GET_BUFFER for a stream."""
    return struct.pack("<H", stream)


def decode_held(results: bytes) -> Held:
    """Read the results of GET_BUFFER.

    Raises
    ------
    FrameError
        If they are too short.
    """
    if len(results) < _HELD.size:
        raise FrameError(f"answer to GET_BUFFER of {len(results)} bytes; expected {_HELD.size} or more")
    return Held(*_HELD.unpack_from(results))


def backfill_arguments(stream: int, first: int, count: int) -> bytes:
    """Return the arguments of BACKFILL."""
    return _HELD.pack(stream, first, count)


def decode_ended(data: bytes | bytearray, tag: int) -> int | None:
    """Read the event that a back-fill ended.

    Returns
    -------
    int or None
        How many samples were sent, or None when this is another indication.

    Raises
    ------
    RefusedStatusError
        If the status is not OK.
    """
    if len(data) < _ENDED.size or (data[0], data[1], data[2]) != (_EVENT, Op.BACKFILL, tag):
        return None
    if data[3] != 0:
        raise RefusedStatusError(data[3])
    return int(_ENDED.unpack_from(data)[6])
