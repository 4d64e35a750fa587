"""MbientLab MetaMotion and MetaWear boards with a BMI160 or BMI270: three samples a notification, no time and no number.

A message is module, register, data; the accelerometer is module 3 (mbientlab/MetaWear-SDK-Cpp). Reading the module tells the
chip and the revision. A BMI160 of revision 0 sends one sample in a notification. Samples are not counted, so a loss shows only
as a pause between arrivals.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from legmon.movement import Leg
from legmon.sensors import decode
from legmon.sensors.base import (
    Advertisement,
    Answer,
    Declaration,
    Frame,
    FrameError,
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
from legmon.sensors.values import Counts, nearest, words

_UUID = "326a{}-85cb-9195-d9dd-464cfbbae75a"
SERVICE, COMMANDS, EVENTS = _UUID.format("9000"), _UUID.format("9001"), _UUID.format("9006")

ACCELEROMETER, SETTINGS = 0x03, 0x11
_READ = 0x80
_SINGLE = 0x04
_PACKED = {0x1C, 0x05}
SCALES_UG: Final = {2: 61, 4: 122, 8: 244, 16: 488}
RATES = {12.5: 0x5, 25.0: 0x6, 50.0: 0x7, 100.0: 0x8, 200.0: 0x9}


@dataclass(frozen=True, slots=True)
class Chip:
    """The settings of one accelerometer: bits above the rate, ranges, and the register of packed samples.

    `packed_since` is the first revision of the module that has this register.
    """

    name: str
    filter_bits: int
    ranges: Mapping[int, int]
    packed: int
    packed_since: int

    def register(self, module: bytes) -> int:
        """Return the register of the samples, by the module's answer. The revision is 0 if the answer has none."""
        revision = module[3] if len(module) > 3 else 0
        return self.packed if revision >= self.packed_since else _SINGLE

    def config(self, rate_hz: float, range_g: int) -> bytes:
        """Return the message that sets rate and range."""
        return bytes([ACCELEROMETER, 0x03, self.filter_bits | RATES[rate_hz], self.ranges[range_g]])


CHIPS = {
    1: Chip("BMI160", 0x20, {2: 0x03, 4: 0x05, 8: 0x08, 16: 0x0C}, 0x1C, packed_since=1),
    4: Chip("BMI270", 0xA0, {2: 0x00, 4: 0x01, 8: 0x02, 16: 0x03}, 0x05, packed_since=0),
}

READ_MODULE = bytes([ACCELEROMETER, _READ])
READ_BATTERY = bytes([SETTINGS, 0xCC])
ENABLE, DISABLE = bytes.fromhex("03020100"), bytes.fromhex("03020001")
START, STOP = bytes.fromhex("030101"), bytes.fromhex("030100")


def notify(register: int, *, on: bool = True) -> bytes:
    """Return the message that switches a register's notifications on or off."""
    return bytes([ACCELEROMETER, register, on])


def decode_samples(data: bytes) -> Counts:
    """Read a notification of one or three samples.

    Raises
    ------
    FrameError
        If it is of another module or register, or has another length.
    """
    if len(data) < 2 or data[0] != ACCELEROMETER or (data[1] != _SINGLE and data[1] not in _PACKED):
        raise FrameError(f"not a notification of acceleration: {data[:8].hex(' ') or 'no byte'}")
    expected = 6 if data[1] == _SINGLE else 18
    if len(data) != 2 + expected:
        raise FrameError(f"notification of {len(data)} bytes; expected {2 + expected}")
    return words(data[2:])


def decode_battery(data: bytes) -> tuple[int, int]:
    """Decode the battery level, percent, and the voltage, mV.

    Raises
    ------
    FrameError
        If it is something else.
    """
    if len(data) != 5 or data[0] != SETTINGS or data[1] & ~0x40 != 0x8C:
        raise FrameError(f"not an answer about the battery: {data[:8].hex(' ') or 'no byte'}")
    return data[2], int.from_bytes(data[3:5], "little")


class MetaMotionConversation(Unbuffered):
    """One MetaMotion board. Its log is a separate measurement, not a copy of the stream."""

    def __init__(self) -> None:
        self._stream = 0
        self._next: int | None = None

    def start(self, wanted: StreamRequest) -> Steps[StreamStart]:
        """Set up and start. The board does not stream on by itself after a disconnect.

        Raises
        ------
        RefusedError
            If its accelerometer is not known.
        """
        self._next = None
        yield Subscribe(EVENTS)
        module = yield from ask(Write(COMMANDS, READ_MODULE), _starting(ACCELEROMETER, _READ))
        chip = CHIPS.get(module[2]) if len(module) > 2 else None
        if chip is None:
            raise RefusedError(
                "this MetaWear board has an accelerometer that is not known here; BMI160 and BMI270 are"
            )
        rate_hz = nearest(wanted.rate_hz, tuple(RATES))
        range_g = int(nearest(wanted.range_g, tuple(float(g) for g in SCALES_UG)))
        for message in (STOP, DISABLE, notify(_SINGLE, on=False), chip.config(rate_hz, range_g)):
            yield Write(COMMANDS, message)
        self._stream, self._next = wanted.stream, 0
        register = chip.register(module)
        for message in (notify(register), ENABLE, START):
            yield Write(COMMANDS, message)
        three_frames = 3 if register == _SINGLE else 9
        stream_format = StreamFormat(rate_hz, range_g, SCALES_UG[range_g], "arrival")
        return StreamStart(stream_format, max(0.2, three_frames / rate_hz))

    def stop(self) -> Steps[None]:
        """Stop measuring."""
        self._next = None
        for message in (STOP, DISABLE):
            yield Write(COMMANDS, message)

    def received(self, uuid: str, data: bytes) -> Sequence[SensorEvent]:
        """Decode a notification."""
        if uuid != EVENTS:
            return ()
        if len(data) >= 2 and (data[1] & _READ or data[0] != ACCELEROMETER):
            return (Answer(data),) if data[1] & _READ else ()
        xyz = decode_samples(data)
        if self._next is None:
            return ()
        frame = Frame(self._stream, self._next, 0, xyz)
        self._next += len(xyz)
        return (frame,)

    def battery(self) -> Steps[int | None]:
        """Request the battery level."""
        try:
            answer = yield from ask(Write(COMMANDS, READ_BATTERY), _starting(SETTINGS, 0x8C), seconds=1.5)
            charge, _ = decode_battery(answer)
        except (TimeoutError, FrameError):
            return None
        return charge if charge <= 100 else None


def _starting(module: int, register: int) -> Callable[[bytes], bytes | None]:
    return lambda data: data if data[0] == module and data[1] & ~0x40 == register else None


class MetaMotionDecoder:
    """Captured notifications of acceleration."""

    def __init__(self, range_g: int) -> None:
        self._range_g = range_g

    def read(self, data: bytes, following: bytes | None) -> decode.Decoded:  # noqa: ARG002
        """Read one."""
        return decode.Decoded(decode_samples(data).astype(np.float64) * (self._range_g / 32768.0))


class MetaMotion:
    """The driver of the family."""

    name = "metamotion"
    title = "MbientLab MetaMotion, MetaWear"
    declares = Declaration(
        rates_hz=tuple(RATES),
        ranges_g=tuple(SCALES_UG),
        device_time=False,
        loss="arrival",
        buffer=False,
        frame_s=0.4,
        idle="Does not go on by itself after a disconnect; it is started again.",
    )
    pairs = False
    settings: Mapping[str, str] = {"range_g": "the range it was set to: 2, 4, 8 or 16; 2 by default"}

    def recognises(self, advertisement: Advertisement) -> bool:
        """Check the service, or the name it comes with."""
        name = advertisement.name or ""
        return SERVICE in advertisement.services or name.startswith(("MetaWear", "MetaMotion"))

    def side(self, advertisement: Advertisement) -> Leg | None:  # noqa: ARG002
        """Return None: it does not say."""
        return None

    def converse(self) -> MetaMotionConversation:
        """Return a new conversation with one sensor."""
        return MetaMotionConversation()

    def decoder(self, settings: Mapping[str, str]) -> MetaMotionDecoder:
        """Return a decoder for captured notifications."""
        decode.check(settings, self.settings)
        range_g = decode.number(settings, "range_g", 2, 16)
        if range_g not in SCALES_UG:
            raise decode.SettingError(f"range_g={settings['range_g']} is none of 2, 4, 8 and 16")
        return MetaMotionDecoder(int(range_g))


DRIVER = MetaMotion()
