"""The control point of Polar's PMD service: requests, answers, settings, and unasked messages."""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from legmon.sensors.base import FrameError
from legmon.sensors.polar.frames import ACC

SDK_MODE = 9
_ANSWER, _FEATURES, _STOPPED = 0xF0, 0x0F, 0x01
_ACC_BIT, _SDK_BIT = 1 << 2, 1 << 1


class Op(IntEnum):
    """Operations that this client uses."""

    SETTINGS = 0x01
    START = 0x02
    STOP = 0x03
    SDK_SETTINGS = 0x04
    STATUS = 0x05


class Status(IntEnum):
    """How a request was answered."""

    OK = 0
    OPERATION = 1
    MEASUREMENT = 2
    NOT_SUPPORTED = 3
    LENGTH = 4
    PARAMETER = 5
    ALREADY_IN_STATE = 6
    RESOLUTION = 7
    RATE = 8
    RANGE = 9
    MTU = 10
    CHANNELS = 11
    STATE = 12
    IN_CHARGER = 13
    DISK_FULL = 14


class Setting(IntEnum):
    """Fields of a list of settings."""

    SAMPLE_RATE = 0
    RESOLUTION = 1
    RANGE = 2
    RANGE_MILLIUNIT = 3
    CHANNELS = 4
    FACTOR = 5
    SECURITY = 6


_SIZES = {0: 2, 1: 2, 2: 2, 3: 4, 4: 1, 5: 4, 6: 16}


@dataclass(frozen=True, slots=True)
class Response:
    """Answer to a request. `measurement` is 0 if the request named none."""

    op: int
    measurement: int
    status: int
    more: bool
    parameters: bytes


def decode_response(data: bytes) -> Response:
    """Read an answer.

    Raises
    ------
    FrameError
        If it is none, or has no status.
    """
    if not data or data[0] != _ANSWER:
        raise FrameError(f"not an answer of the control point: {data[:8].hex(' ') or 'no byte'}")
    if len(data) < 4:
        raise FrameError(f"answer of the control point of {len(data)} bytes; expected 4 or more")
    return Response(data[1], data[2], data[3], len(data) > 4 and data[4] != 0, data[5:])


def decode_stopped(data: bytes) -> tuple[int, ...] | None:
    """Return the measurements that the sensor has ended by itself; None if the bytes are another message."""
    if len(data) < 2 or data[0] != _STOPPED:
        return None
    return tuple(kind & 0x3F for kind in data[1:])


@dataclass(frozen=True, slots=True)
class Features:
    """The measurements that a sensor offers."""

    acc: bool
    sdk_mode: bool


def decode_features(data: bytes) -> Features:
    """Decode the value of the control point.

    Raises
    ------
    FrameError
        If it is something else.
    """
    if len(data) < 2 or data[0] != _FEATURES:
        raise FrameError(f"not the features of a Polar sensor: {data[:8].hex(' ') or 'no byte'}")
    return Features(bool(data[1] & _ACC_BIT), len(data) > 2 and bool(data[2] & _SDK_BIT))


@dataclass(frozen=True, slots=True)
class Running:
    """One entry of the status: which measurement runs, to a client and to the sensor's own memory."""

    measurement: int
    online: bool
    offline: bool


def decode_status(parameters: bytes) -> tuple[Running, ...]:
    """Read the parameters of an answer to STATUS."""
    return tuple(Running(b & 0x3F, bool(b & 0x40), bool(b & 0x80)) for b in parameters)


def decode_settings(parameters: bytes) -> dict[int, tuple[int, ...]]:
    """Read a list of settings: type, count, values.

    If a field occurs twice, the second one counts. The length of an unknown field is not known: it and the rest are ignored. So
    is a single last byte (the H10 ends its answer to START with one).

    Raises
    ------
    FrameError
        If a known field is cut short.
    """
    settings: dict[int, tuple[int, ...]] = {}
    at = 0
    while at + 1 < len(parameters):
        kind, count = parameters[at], parameters[at + 1]
        size = _SIZES.get(kind)
        if size is None:
            break
        values = parameters[at + 2 : at + 2 + size * count]
        if len(values) < size * count:
            raise FrameError(
                f"setting {kind} with {count} values of {size} bytes, {len(values)} bytes are left"
            )
        settings[kind] = tuple(
            int.from_bytes(values[i : i + size], "little", signed=kind == Setting.RANGE_MILLIUNIT)
            for i in range(0, size * count, size)
        )
        at += 2 + size * count
    return settings


def factor(settings: Mapping[int, Sequence[int]]) -> float:
    """Return the factor of a number: g, or mg in frames of mg. It is 1 if the settings have none.

    Raises
    ------
    FrameError
        If it is not a number, or not a factor of an accelerometer.
    """
    bits = settings.get(Setting.FACTOR, ())
    if not bits:
        return 1.0
    value: float = struct.unpack("<f", bits[0].to_bytes(4, "little"))[0]
    if not math.isfinite(value) or not 1e-6 <= value <= 1.0:
        raise FrameError(f"a factor of {value:g}; between 0.000001 and 1 makes sense")
    return value


def encode_settings(chosen: Mapping[int, int]) -> bytes:
    """Encode chosen settings in the order of their types. The factor is never sent."""
    return b"".join(
        bytes([kind, 1]) + chosen[kind].to_bytes(_SIZES[kind], "little")
        for kind in sorted(chosen)
        if kind not in {Setting.FACTOR, Setting.SECURITY}
    )


def request(op: Op, measurement: int | None = ACC, settings: Mapping[int, int] | None = None) -> bytes:
    """Return the bytes of a request."""
    named = b"" if measurement is None else bytes([measurement])
    return bytes([op]) + named + encode_settings(settings or {})
