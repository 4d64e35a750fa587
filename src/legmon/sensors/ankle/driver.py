"""The driver of the reference profile: set up an ankle sensor, stop it, and fetch lost samples."""

from collections.abc import Mapping, Sequence

import numpy as np

import legmon.sensors.ankle.profile as a
from legmon.movement import Leg
from legmon.sensors import decode
from legmon.sensors.base import (
    Advertisement,
    Answer,
    Battery,
    Declaration,
    FrameError,
    Held,
    Read,
    SensorEvent,
    Status,
    Steps,
    Stopped,
    StreamFormat,
    StreamRequest,
    StreamStart,
    Subscribe,
    Write,
)
from legmon.sensors.conversation import STRAY, answer, ask, battery_level, percent

COMPANY = 0xFFFF
SCALE_UG = 122
_SIDES: dict[int, Leg] = {1: "left", 2: "right"}
_BUSY, _UNKNOWN_STREAM, _NOT_SUPPORTED = 0x05, 0x09, 0x02


class AnkleConversation:
    """One ankle sensor (docs/ankle-profile.md, sections 2 to 6)."""

    def __init__(self) -> None:
        self._tag = 0
        self._is_started = False

    def start(self, wanted: StreamRequest) -> Steps[StreamStart]:
        """Subscribe to everything, then START; a sensor that measures with other settings is stopped first."""
        self._is_started = False
        can = a.decode_capabilities((yield Read(a.CAPABILITIES)))
        yield Subscribe(a.CONTROL)
        yield Subscribe(a.LIVE)
        if can.buffer:
            yield Subscribe(a.BACKFILL)
        rate = min(can.rates_hz, key=lambda r: abs(r - wanted.rate_hz), default=round(wanted.rate_hz))
        range_g = min(can.ranges_g, key=lambda g: abs(g - wanted.range_g), default=wanted.range_g)
        arguments = a.start_arguments(
            rate, range_g, max(1, min(a.MOST_SAMPLES, round(rate * wanted.frame_s)))
        )
        try:
            running = a.decode_started((yield from self._ask(a.Op.START, arguments)))
        except a.RefusedStatusError as e:
            if e.status != _BUSY:
                raise
            yield from self._ask(a.Op.STOP)
            running = a.decode_started((yield from self._ask(a.Op.START, arguments)))
        self._is_started = True
        before = None
        if can.buffer and wanted.last is not None and wanted.last != running.stream:
            before = yield from self.held(wanted.last)
        yield Subscribe(a.STATUS, optional=True)
        yield Subscribe(a.BATTERY_LEVEL, optional=True)
        return StreamStart(
            StreamFormat(running.rate_hz, running.range_g, running.scale_ug, "index"),
            frame_s=running.batch / running.rate_hz,
            side=can.side,
            stream=running.stream,
            next=running.next,
            before=before,
        )

    def stop(self) -> Steps[None]:
        """STOP; the last samples come before its answer."""
        self._is_started = False
        yield from self._ask(a.Op.STOP)

    def battery(self) -> Steps[int | None]:
        """Read the battery level."""
        return battery_level()

    def held(self, stream: int) -> Steps[Held | None]:
        """GET_BUFFER of one stream."""
        try:
            return a.decode_held((yield from self._ask(a.Op.GET_BUFFER, a.buffer_arguments(stream))))
        except a.RefusedStatusError as e:
            if e.status in (_UNKNOWN_STREAM, _NOT_SUPPORTED):
                return None
            raise

    def fetch(self, stream: int, first: int, count: int) -> Steps[int]:
        """Run BACKFILL to its end. A back-fill that a lost link left running is aborted first."""
        arguments = a.backfill_arguments(stream, first, count)
        try:
            yield from self._ask(a.Op.BACKFILL, arguments)
        except a.RefusedStatusError as e:
            if e.status != _BUSY:
                raise
            yield from self._ask(a.Op.ABORT)
            yield from self._ask(a.Op.BACKFILL, arguments)
        tag = self._tag
        sent = yield from answer(lambda data: a.decode_ended(data, tag), seconds=10.0)
        if sent is None:
            raise FrameError(STRAY)
        return sent

    def received(self, uuid: str, data: bytes) -> Sequence[SensorEvent]:
        """Decode a notification."""
        if uuid in (a.LIVE, a.BACKFILL):
            return (a.decode_frame(data),)
        if uuid == a.CONTROL:
            return (Answer(data),)
        if uuid == a.STATUS:
            status = a.decode_status(data)
            reported = Status(charging=status.charging, worn=status.worn)
            if self._is_started and status.state == "idle":
                return (reported, Stopped("The sensor stopped measuring by itself."))
            return (reported,)
        if uuid == a.BATTERY_LEVEL and (charge := percent(data)) is not None:
            return (Battery(charge),)
        raise FrameError(f"{len(data)} bytes on {uuid}, which is not part of this profile")

    def _ask(self, op: a.Op, arguments: bytes = b"") -> Steps[bytes]:
        self._tag = tag = (self._tag + 1) % 256
        request = Write(a.CONTROL, a.request(op, tag, arguments))
        return ask(request, lambda data: a.decode_answer(data, op, tag), seconds=5.0, tries=1)


class AnkleDecoder:
    """Decodes captured notifications of the live and back-fill characteristics."""

    def __init__(self, scale_ug: float, rate_hz: float) -> None:
        self._scale_ug = scale_ug
        self._times = decode.CountedTimes(rate_hz)

    def read(self, data: bytes, following: bytes | None) -> decode.Decoded:  # noqa: ARG002
        """Read one frame."""
        frame = a.decode_frame(data)
        g = frame.xyz.astype(np.float64) * (self._scale_ug * 1e-6)
        return decode.Decoded(g, self._times.of(frame), frame.first)


def advertised_battery(advertisement: Advertisement) -> int | None:
    """Return the battery level in the manufacturer data (section 1), percent; None if there is none."""
    value = advertisement.manufacturer.get(COMPANY, b"")
    return value[2] if len(value) >= 3 and value[2] <= 100 else None


class AnkleDriver:
    """Sensors that speak the reference profile."""

    name = "ankle"
    title = "Ankle sensor (reference profile)"
    declares = Declaration(
        rates_hz=a.RATES_HZ, ranges_g=a.RANGES_G, device_time=True, loss="index", buffer=True, frame_s=0.5
    )
    pairs = True

    def recognises(self, advertisement: Advertisement) -> bool:
        """Whether it advertises the service (section 1)."""
        return a.SERVICE in advertisement.services

    def side(self, advertisement: Advertisement) -> Leg | None:
        """Return the leg in the manufacturer data (section 1)."""
        value = advertisement.manufacturer.get(COMPANY, b"")
        return _SIDES.get(value[1]) if len(value) >= 2 else None

    def converse(self) -> AnkleConversation:
        """Return a new conversation with one sensor."""
        return AnkleConversation()

    settings: Mapping[str, str] = {
        "scale_ug": "µg per unit, from the answer to START; 122 (± 4 g) by default",
        "rate_hz": "nominal rate, for the times in the first frame; 50 by default",
    }

    def decoder(self, settings: Mapping[str, str]) -> AnkleDecoder:
        """Return a decoder for captured notifications."""
        decode.check(settings, self.settings)
        rate_hz = decode.number(settings, "rate_hz", 50.0, 10000.0)
        return AnkleDecoder(decode.number(settings, "scale_ug", SCALE_UG, 65535), rate_hz)


DRIVER = AnkleDriver()
