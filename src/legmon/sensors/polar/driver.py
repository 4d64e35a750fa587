"""Polar Verity Sense, H10 and OH1: the PMD service, in SDK mode if the sensor has it.

Outside SDK mode a Verity Sense switches itself off after ten minutes without a heart beat, which it does not find at an
ankle. Whether it does so in SDK mode is not known. The steps after every connect follow Polar's documents and its maintainers:
read the features, end running measurements, SDK mode, at least 100 ms, settings, start.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from legmon.movement import Leg
from legmon.sensors import decode
from legmon.sensors.base import (
    Advertisement,
    Answer,
    Await,
    Declaration,
    FrameError,
    Pause,
    Read,
    RefusedError,
    SensorEvent,
    Steps,
    Stopped,
    StreamFormat,
    StreamRequest,
    StreamStart,
    Subscribe,
    Write,
)
from legmon.sensors.conversation import MOST_STRAY, Unbuffered, battery_level
from legmon.sensors.device_time import TimedIndex
from legmon.sensors.polar.control import (
    SDK_MODE,
    Op,
    Response,
    Setting,
    Status,
    decode_features,
    decode_response,
    decode_settings,
    decode_status,
    decode_stopped,
    factor,
    request,
)
from legmon.sensors.polar.frames import ACC, PolarDecoder, decode_frame, frame_type
from legmon.sensors.values import counts, nearest

_UUID = "fb005c{:02x}-02e7-f387-1cad-8acd2d8df0c8"
SERVICE, CONTROL, DATA = _UUID.format(0x80), _UUID.format(0x81), _UUID.format(0x82)
_MODELS = ("sense", "verity", "h10", "oh1")

READY_S, SDK_SETTLES_S, STOP_SETTLES_S = (
    0.5,
    0.3,
    0.5,
)  # a Verity Sense is not ready as soon as it is connected
FRAME_SAMPLES = 110
"""A still Verity Sense has been seen to send 71 samples at once; compression may fit more."""
MG_UG: Final = 1000
COARSEST = 0.002
"""Largest factor of an accelerometer, g. A factor of 1 stands for frames in mg."""
RATES_HZ = (25.0, 26.0, 50.0, 52.0, 100.0, 104.0, 200.0, 208.0, 416.0)
RANGES_G = (2, 4, 8, 16)
"""The values of all models. Each model is asked for one that it offers."""

_UPDATE = "update its firmware in the Polar Flow app"
_SETTINGS = f"it does not take these settings; {_UPDATE}"
_WHY: Mapping[int, str] = {
    Status.OPERATION: f"it does not know this command; {_UPDATE}",
    Status.MEASUREMENT: f"it does not know this measurement; {_UPDATE}",
    Status.NOT_SUPPORTED: f"it cannot measure acceleration this way; {_UPDATE}",
    Status.LENGTH: f"it cannot read the request; {_UPDATE}",
    Status.PARAMETER: _SETTINGS,
    Status.ALREADY_IN_STATE: "it says it measures already; switch it off and on",
    Status.RESOLUTION: _SETTINGS,
    Status.RATE: f"it cannot measure at this rate; ask for another one, or {_UPDATE}",
    Status.RANGE: f"it cannot measure over this range; ask for another one, or {_UPDATE}",
    Status.MTU: "the Bluetooth packets are too small; another adapter, or pairing with it in the system's settings, may help",
    Status.CHANNELS: _SETTINGS,
    Status.STATE: "it is busy with another measurement; end it in Polar's app, or switch the sensor off and on",
    Status.IN_CHARGER: "it is in its charger; take it out",
    Status.DISK_FULL: "its memory is full; delete the recordings in it with the app that made them",
}


class PolarConversation(Unbuffered):
    """One Polar sensor. The recordings in a Verity Sense's own memory need another protocol and are not used."""

    def __init__(self) -> None:
        self._scale_ug = MG_UG
        self._factor = 1.0
        self._index: TimedIndex | None = None

    def start(self, wanted: StreamRequest) -> Steps[StreamStart]:
        """Set up and start.

        Raises
        ------
        RefusedError
            If the sensor has no accelerometer, is in the charger or refuses otherwise.
        """
        self._index = None
        yield Pause(READY_S)
        yield Subscribe(CONTROL)
        yield Subscribe(DATA)
        features = decode_features((yield Read(CONTROL)))
        if not features.acc:
            raise RefusedError(
                "this Polar sensor does not offer acceleration; a Verity Sense, H10 or OH1 does"
            )
        yield from self._quieten()
        if features.sdk_mode:
            yield from self._enter_sdk_mode()
        offered = yield from self._offered(sdk_mode=features.sdk_mode)
        chosen = _choose(offered, wanted)
        response = yield from self._begin(chosen)
        answered = decode_settings(response.parameters)
        self._factor = factor(answered)
        self._scale_ug = round(self._factor * 1e6) if self._factor <= COARSEST else MG_UG
        rate_hz = float(chosen[Setting.SAMPLE_RATE])
        self._index = TimedIndex(wanted.stream, rate_hz, stamp="last")
        stream_format = StreamFormat(rate_hz, chosen.get(Setting.RANGE, 8), self._scale_ug, "time")
        return StreamStart(stream_format, max(2.0, FRAME_SAMPLES / rate_hz))

    def stop(self) -> Steps[None]:
        """End the stream and leave SDK mode. An H10 would stream until its cell is empty."""
        self._index = None
        yield from self._ask(Op.STOP, ACC, tries=1)
        yield from self._ask(Op.STOP, SDK_MODE, tries=1)

    def received(self, uuid: str, data: bytes) -> Sequence[SensorEvent]:
        """Decode a notification."""
        if uuid == CONTROL:
            return self._control(data)
        if self._index is None or frame_type(data) != ACC:
            return ()
        frame = decode_frame(data)
        if frame.unit == "factor":
            if self._factor > COARSEST:
                raise FrameError(
                    f"samples without the factor they need; the start was answered with none of {COARSEST:g} g or less"
                )
            xyz = counts(frame.raw)
        else:
            xyz = counts(frame.g(self._factor) * (1e6 / self._scale_ug))
        return self._index.place(frame.time_ns, xyz)

    def battery(self) -> Steps[int | None]:
        """Read the battery service. In the charger it shows the level from before."""
        return battery_level()

    def _control(self, data: bytes) -> Sequence[SensorEvent]:
        stopped = decode_stopped(data)
        if stopped is None:
            decode_response(data)
            return (Answer(data),)
        if ACC not in stopped or self._index is None:
            return ()
        self._index = None
        return (Stopped("The sensor ended the measurement by itself."),)

    def _ask(
        self,
        op: Op,
        measurement: int | None = ACC,
        settings: Mapping[int, int] | None = None,
        *,
        tries: int = 2,
    ) -> Steps[Response]:
        """Send a request and join an answer that comes in several indications."""
        for left in reversed(range(tries)):
            yield Write(CONTROL, request(op, measurement, settings))
            try:
                return (yield from self._answer(op, measurement))
            except TimeoutError:
                if not left:
                    raise
        raise FrameError("not asked")

    @staticmethod
    def _answer(op: Op, measurement: int | None) -> Steps[Response]:
        parameters = b""
        for _ in range(MOST_STRAY):
            part = decode_response((yield Await(3.0)))
            if part.op != op or (measurement is not None and part.measurement != measurement):
                continue
            parameters += part.parameters
            if not part.more:
                return Response(part.op, part.measurement, part.status, more=False, parameters=parameters)
        raise FrameError("the sensor answers, but never completes the answer to this request")

    def _quieten(self) -> Steps[None]:
        """End measurements that another client left running. An older sensor may refuse or ignore the status request."""
        try:
            status = yield from self._ask(Op.STATUS, None, tries=1)
        except TimeoutError:
            status = None
        if status is None or status.status != Status.OK:
            yield from self._ask(Op.STOP, ACC)
            yield Pause(STOP_SETTLES_S)
            return
        ended = False
        for running in decode_status(status.parameters):
            if running.online:
                yield from self._ask(Op.STOP, running.measurement)
                ended = True
        if ended:
            yield Pause(STOP_SETTLES_S)

    def _enter_sdk_mode(self) -> Steps[None]:
        response = yield from self._ask(Op.START, SDK_MODE)
        if response.status not in {Status.OK, Status.ALREADY_IN_STATE}:
            raise _refused(response.status)
        yield Pause(SDK_SETTLES_S)

    def _offered(self, *, sdk_mode: bool) -> Steps[dict[int, tuple[int, ...]]]:
        response = yield from self._ask(Op.SDK_SETTINGS if sdk_mode else Op.SETTINGS)
        if sdk_mode and response.status != Status.OK:
            response = yield from self._ask(Op.SETTINGS)
        if response.status != Status.OK:
            raise _refused(response.status)
        return decode_settings(response.parameters)

    def _begin(self, chosen: Mapping[int, int]) -> Steps[Response]:
        response = yield from self._ask(Op.START, ACC, chosen)
        if response.status in {Status.ALREADY_IN_STATE, Status.STATE}:
            yield from self._ask(Op.STOP, ACC)
            yield Pause(STOP_SETTLES_S)
            response = yield from self._ask(Op.START, ACC, chosen)
        if response.status != Status.OK:
            raise _refused(response.status)
        return response


def _choose(offered: Mapping[int, tuple[int, ...]], wanted: StreamRequest) -> dict[int, int]:
    """Choose one value of each setting that is offered.

    Raises
    ------
    FrameError
        If no rate is offered.
    """
    rates = tuple(float(rate) for rate in offered.get(Setting.SAMPLE_RATE, ()) if rate)
    if not rates:
        raise FrameError("the sensor offers no rate to measure acceleration at")
    chosen = {Setting.SAMPLE_RATE.value: int(nearest(wanted.rate_hz, rates))}
    if resolutions := offered.get(Setting.RESOLUTION):
        chosen[Setting.RESOLUTION] = max(resolutions)
    if ranges := tuple(float(g) for g in offered.get(Setting.RANGE, ()) if 0 < g <= 64):
        chosen[Setting.RANGE] = int(nearest(wanted.range_g, ranges))
    if channels := offered.get(Setting.CHANNELS):
        chosen[Setting.CHANNELS] = 3 if 3 in channels else channels[0]
    return chosen


def _refused(status: int) -> RefusedError:
    why = _WHY.get(status, f"it answers with status {status}; switch it off and on, or {_UPDATE}")
    return RefusedError(f"the Polar sensor refused: {why}")


class Polar:
    """The driver of the family."""

    name = "polar"
    title = "Polar Verity Sense, H10, OH1"
    declares = Declaration(
        rates_hz=RATES_HZ,
        ranges_g=RANGES_G,
        device_time=True,
        loss="time",
        buffer=False,
        frame_s=4.3,
        idle="A Verity Sense outside SDK mode switches itself off after 10 minutes without a heart beat; whether in SDK mode too"
        " is not known: its makers said both. Wear it when it is connected.",
        idle_s=600.0,
    )
    pairs = False
    settings: Mapping[str, str] = {
        "factor": "g per unit of a frame of type 80, as the start was answered; 1 by default",
        "rate_hz": "nominal rate, for the times in the first frame; 52 by default",
    }

    def recognises(self, advertisement: Advertisement) -> bool:
        """Check the name: the PMD service is not advertised, and other Polar devices have the same company number."""
        name = (advertisement.name or "").lower()
        return SERVICE in advertisement.services or (
            name.startswith("polar ") and any(model in name for model in _MODELS)
        )

    def side(self, advertisement: Advertisement) -> Leg | None:  # noqa: ARG002
        """Return None: it does not say."""
        return None

    def converse(self) -> PolarConversation:
        """Return a new conversation with one sensor."""
        return PolarConversation()

    def decoder(self, settings: Mapping[str, str]) -> PolarDecoder:
        """Return a decoder for captured notifications."""
        decode.check(settings, self.settings)
        return PolarDecoder(
            decode.number(settings, "factor", 1.0, 1000.0),
            decode.number(settings, "rate_hz", 52.0, 10000.0),
        )


DRIVER = Polar()
