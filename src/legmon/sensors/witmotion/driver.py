"""WitMotion's Bluetooth 5 sensors: WT901BLE, WT9011DCL-BT50 and, with a clock in each frame, WT901SDCL-BT50.

Commands are FF AA, a register, and its value (data sheet WT901BLECL v23-0420). The rate is set for now and not saved,
so a sensor has its old rate again after it was switched off. Register 01, which zeroes the accelerometer, is
never written.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from legmon.movement import Leg
from legmon.sensors import decode
from legmon.sensors.base import (
    Advertisement,
    Answer,
    Declaration,
    Frame,
    FrameError,
    Loss,
    Pause,
    RefusedError,
    SensorEvent,
    Steps,
    StreamFormat,
    StreamRequest,
    StreamStart,
    Subscribe,
    Write,
)
from legmon.sensors.conversation import Unbuffered, ask
from legmon.sensors.device_time import TimedIndex
from legmon.sensors.values import Counts, nearest
from legmon.sensors.witmotion.stream import ByteStream, decode_measured

_UUID = "0000{}-0000-1000-8000-00805f9a34fb"  # 9a34, not the 9b34 of Bluetooth's own numbers
SERVICE, EVENTS, COMMANDS = _UUID.format("ffe5"), _UUID.format("ffe4"), _UUID.format("ffe9")

RANGE_G = 16
SCALE_UG: Final = 488
RATES = {10.0: 0x06, 20.0: 0x07, 50.0: 0x08, 100.0: 0x09, 200.0: 0x0A}
RATE, UNLOCK, BATTERY = 0x03, 0x69, 0x64
SETTLES_S = 0.1
EMPTY_V, FULL_V = 3.4, 4.1
"""Voltage of a lithium cell that is nearly empty and nearly full. The line between them is rough."""


def write_register(register: int, value: int) -> bytes:
    """Return the bytes that write a register."""
    return bytes([0xFF, 0xAA, register]) + value.to_bytes(2, "little")


def read_register(register: int) -> bytes:
    """Return the bytes that read 8 registers from this one on."""
    return bytes([0xFF, 0xAA, 0x27, register, 0x00])


def decode_registers(answer: bytes) -> tuple[int, tuple[int, ...]]:
    """Read an answer: the first register, and 8 values.

    Raises
    ------
    FrameError
        If it is none.
    """
    if len(answer) != 20 or answer[:2] != b"\x55\x71":
        raise FrameError(
            f"not an answer of 20 bytes that begins with 55 71: {answer[:8].hex(' ') or 'no byte'}"
        )
    values = np.frombuffer(answer, dtype="<u2", offset=4)
    return int.from_bytes(answer[2:4], "little"), tuple(int(v) for v in values)


class WitMotionConversation(Unbuffered):
    """One WitMotion sensor. Nothing is held over the air; the SDCL's card is read by cable."""

    def __init__(self) -> None:
        self._bytes = ByteStream()
        self._stream = 0
        self._next = 0
        self._rate_hz = 0.0
        self._index: TimedIndex | None = None
        self._is_timed: bool | None = None  # whether frames have a time, once one has come
        self._unsettled = 0  # frames that may still come at the rate it had before
        self._held: tuple[int, Counts] | None = None  # the last of these

    def start(self, wanted: StreamRequest) -> Steps[StreamStart]:
        """Set the rate. The sensor streams whenever a client has subscribed.

        Raises
        ------
        RefusedError
            If it keeps another rate.
        """
        self._rate_hz, self._is_timed = 0.0, None
        self._bytes = ByteStream()
        yield Subscribe(EVENTS)
        rate_hz = nearest(wanted.rate_hz, tuple(RATES))
        yield Write(COMMANDS, write_register(UNLOCK, 0xB588), response=False)
        yield Pause(SETTLES_S)
        yield Write(COMMANDS, write_register(RATE, RATES[rate_hz]), response=False)
        self._stream, self._next, self._rate_hz = wanted.stream, 0, rate_hz
        self._index = TimedIndex(wanted.stream, rate_hz, stamp="last")
        self._unsettled, self._held = round(rate_hz), None
        yield Pause(SETTLES_S)
        try:
            kept = yield from ask(
                Write(COMMANDS, read_register(RATE), response=False), _values_of(RATE), seconds=1.0
            )
        except (TimeoutError, FrameError):
            kept = (RATES[rate_hz],)  # not every model answers
        if kept[0] & 0xFF != RATES[rate_hz]:
            self._rate_hz = 0.0
            raise RefusedError(
                "the WitMotion sensor keeps another rate than it was asked for; switch it off and on"
            )
        stream_format = StreamFormat(rate_hz, RANGE_G, SCALE_UG, self._loss())
        return StreamStart(stream_format, max(0.2, 2 / rate_hz))

    def _loss(self) -> Loss:
        """How a loss shows. On models with a clock it shows in the frame times, unlike the rest of the family."""
        return "time" if self._is_timed else "arrival"

    def stop(self) -> Steps[None]:
        """Set the rate to 10 Hz. The sensor streams while it is connected, and no command stops it."""
        self._rate_hz = 0.0
        for command in (write_register(UNLOCK, 0xB588), write_register(RATE, RATES[10.0])):
            yield Write(COMMANDS, command, response=False)
            yield Pause(SETTLES_S)

    def received(self, uuid: str, data: bytes) -> Sequence[SensorEvent]:
        """Decode a notification: any piece of the byte stream."""
        if uuid != EVENTS:
            return ()
        events: list[SensorEvent] = []
        untimed: list[Counts] = []
        refused: FrameError | None = None
        for piece in self._bytes.feed(data):
            if piece[1] == 0x71:
                events.append(Answer(piece))
                continue
            try:
                measured = decode_measured(piece)
                if self._is_timed is None:
                    self._is_timed = measured.time_ms is not None
                if not self._rate_hz or self._index is None:
                    continue
                xyz = measured.values[:3].reshape(1, 3)
                if not self._is_timed:
                    untimed.append(xyz)
                elif measured.time_ms is not None:
                    events += self._place(self._index, measured.time_ms * 1_000_000, xyz)
            except FrameError as e:  # the loss then shows in the times of those that follow
                refused = e
        if untimed:
            events.append(Frame(self._stream, self._next, 0, np.concatenate(untimed)))
            self._next += len(untimed)
        if refused is not None and not events:
            raise refused
        return events

    def _place(self, index: TimedIndex, at_ns: int, xyz: Counts) -> tuple[Frame, ...]:
        """Place a frame with a time, once two frames follow each other at the new rate: the sensor does not use it at once."""
        if not self._unsettled:
            return index.place(at_ns, xyz)
        before, self._held = self._held, (at_ns, xyz)
        self._unsettled -= 1
        if before is None or (self._unsettled and not 0.5 < (at_ns - before[0]) / index.spacing_ns < 1.5):
            return ()
        self._unsettled = 0
        return (*index.place(*before), *index.place(at_ns, xyz))

    def battery(self) -> Steps[int | None]:
        """Request the voltage and estimate the battery level from it."""
        try:
            values = yield from ask(
                Write(COMMANDS, read_register(BATTERY), response=False), _values_of(BATTERY), seconds=1.5
            )
        except (TimeoutError, FrameError):
            return None
        volt = values[0] / 100
        return (
            round(100 * min(1.0, max(0.0, (volt - EMPTY_V) / (FULL_V - EMPTY_V))))
            if 2.5 < volt < 5.0
            else None
        )


def _values_of(register: int) -> Callable[[bytes], tuple[int, ...] | None]:
    def match(answer: bytes) -> tuple[int, ...] | None:
        first, values = decode_registers(answer)
        return values if first == register else None

    return match


class WitMotionDecoder:
    """Captured notifications, in whatever pieces they came."""

    def __init__(self) -> None:
        self._bytes = ByteStream()

    def read(self, data: bytes, following: bytes | None) -> decode.Decoded:
        """Read a piece; a frame that it only begins comes with the piece that ends it."""
        ended = following is None or following[:2] in {b"\x55\x61", b"\x55\x71"}
        measured = [decode_measured(p) for p in self._bytes.feed(data, ended=ended) if p[1] == 0x61]
        if not measured and following is None and self._bytes.unfinished:
            raise FrameError(
                f"{self._bytes.unfinished} bytes of a frame that does not end; a frame has 20 or 28"
            )
        if not measured and following is None:
            raise FrameError("no frame of measurements in these bytes; one begins with 55 61")
        values: NDArray[np.float64] = np.array([m.values[:3] for m in measured], dtype=np.float64).reshape(
            -1, 3
        )
        times = [m.time_ms for m in measured if m.time_ms is not None]
        stamped = len(times) == len(measured) > 0
        return decode.Decoded(values * (RANGE_G / 32768), [t * 1_000_000 for t in times] if stamped else None)


class WitMotion:
    """The driver of the family."""

    name = "witmotion"
    title = "WitMotion WT901BLE, WT9011DCL, WT901SDCL"
    declares = Declaration(
        rates_hz=tuple(RATES),
        ranges_g=(RANGE_G,),
        device_time=False,
        loss="arrival",
        buffer=False,
        frame_s=0.2,
        idle="",
    )
    pairs = False
    settings: Mapping[str, str] = {}

    def recognises(self, advertisement: Advertisement) -> bool:
        """Check the service or the name. The vendor's programs look for WT anywhere in a name, but other devices match, too."""
        is_named = re.match(r"B?WT\d|WTSDCL", advertisement.name or "") is not None
        return SERVICE in advertisement.services or is_named

    def side(self, advertisement: Advertisement) -> Leg | None:  # noqa: ARG002
        """Return None: the sensor does not advertise its side."""
        return None

    def converse(self) -> WitMotionConversation:
        """Return a new conversation with one sensor."""
        return WitMotionConversation()

    def decoder(self, settings: Mapping[str, str]) -> WitMotionDecoder:
        """Return a decoder for captured notifications."""
        decode.check(settings, self.settings)
        return WitMotionDecoder()


DRIVER = WitMotion()
