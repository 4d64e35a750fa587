"""Movesense sensors with the GATT SensorData app: the GSP protocol, version 1.

Accelerations are 32-bit floats in m/s², stamped with the time of the first sample in ms since the sensor was switched
on. When the link is lost, the sensor forgets its subscriptions. The older open sample app never confirms a
subscription, and has no request for the battery level.
"""

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from legmon.movement import Leg
from legmon.sensors import decode
from legmon.sensors.base import (
    Advertisement,
    Answer,
    Declaration,
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
from legmon.sensors.device_time import TimedIndex
from legmon.sensors.values import G_MS2, counts, floats, nearest

SERVICE = "34802252-7185-4d5d-b431-630e7050e8f0"
COMMANDS, EVENTS = (f"3480000{n}-7185-4d5d-b431-630e7050e8f0" for n in (1, 2))
ADVERTISED = ("0000fdf3-0000-1000-8000-00805f9b34fb", "0000fe06-0000-1000-8000-00805f9b34fb")

HELLO, SUBSCRIBE, UNSUBSCRIBE, GET = 0, 1, 2, 4
_REPLY, _DATA, _MORE = 1, 2, 3
RATES_HZ = (13.0, 26.0, 52.0, 104.0, 208.0, 416.0, 833.0)
RANGE_G = 8
SCALE_UG: Final = 488
"""Twice as coarse as the chip at ± 8 g, so that a sensor set to ± 16 g by another app is not clipped."""
WRAPS_NS = (1 << 32) * 1_000_000
LONGEST = 512
_HAIL, _LEVEL = 100, 101
_REFERENCES = 90
"""A client chooses the reference of a request, and the answer carries it. Each subscription uses a new one of these, so that an
answer to an earlier subscription is not mistaken for its own."""

_ELSE = "it answers with status {}; switch it off and on, or update its firmware in Movesense's app"
_WHY = {
    404: "it does not know this measurement; its firmware may lack the GATT SensorData app",
    409: "it is busy; end the recording in its own app",
    429: "it has no room for another request; switch it off and on",
    503: "it is busy; try again",
    507: "it has no room for another subscription; switch it off and on",
}


def command(code: int, reference: int, path: str = "") -> bytes:
    """Return the bytes of a command; paths end with a zero, as the vendor's own tool writes them."""
    return bytes([code, reference]) + (path.encode() + b"\0" if path else b"")


def decode_status(data: bytes) -> int:
    """Read the status of a reply: little endian, but the open sample app writes its 507 the other way round.

    Raises
    ------
    FrameError
        If it has none.
    """
    if len(data) < 4 or data[0] != _REPLY:
        raise FrameError(f"not a reply with a status: {data[:8].hex(' ') or 'no byte'}")
    status = int.from_bytes(data[2:4], "little")
    return status if status < 1000 else int.from_bytes(data[2:4], "big")


def decode_payload(payload: bytes, vectors: int = 1) -> tuple[int, bytes]:
    """Read the time, ms, and the floats of the acceleration.

    With gyroscope or magnetometer (`vectors` 2 or 3) all accelerations come first, then the others.

    Raises
    ------
    FrameError
        If there is no sample, or part of one.
    """
    size = len(payload) - 4
    if size <= 0 or size % (12 * vectors):
        raise FrameError(f"{len(payload)} bytes; expected 4 and a multiple of {12 * vectors}")
    return struct.unpack_from("<I", payload)[0], payload[4 : 4 + size // vectors]


class Packets:
    """Joins packets that come in two notifications.

    Parameters
    ----------
    vectors : int
        How many triples a sample has.
    """

    def __init__(self, vectors: int = 1) -> None:
        self._size = 12 * vectors
        self._begun = b""

    @property
    def is_begun(self) -> bool:
        """Whether the rest of a packet is to come."""
        return bool(self._begun)

    def whole(self, data: bytes) -> bytes | None:
        """Add a notification of data. Return the packet's payload, or None while more is to come.

        Raises
        ------
        FrameError
            If the packet's beginning is missing, or the packet is too long.
        """
        begun, self._begun = self._begun, b""
        if data[0] == _MORE and not begun:
            raise FrameError("the rest of a packet whose beginning did not come")
        payload = (begun if data[0] == _MORE else b"") + data[2:]
        if len(payload) > LONGEST:
            raise FrameError(f"a packet of {len(payload)} bytes; expected {LONGEST} or fewer")
        if data[0] == _DATA and len(payload) > 4 and (len(payload) - 4) % self._size:
            self._begun = payload
            return None
        return payload


class MovesenseConversation(Unbuffered):
    """One Movesense sensor. Its logbook goes through other commands and is not used."""

    def __init__(self) -> None:
        self._reference = 0
        self._index: TimedIndex | None = None
        self._packets = Packets()
        self._is_silent = False
        self._tells_charge = True

    def start(self, wanted: StreamRequest) -> Steps[StreamStart]:
        """Set up and start.

        Raises
        ------
        RefusedError
            If the sensor answers with an error.
        """
        self._index, self._packets = None, Packets()
        yield Subscribe(EVENTS)
        yield from ask(Write(COMMANDS, command(HELLO, _HAIL)), _to(_HAIL))
        self._reference = self._reference % _REFERENCES + 1
        rate_hz = nearest(wanted.rate_hz, RATES_HZ)
        self._index = TimedIndex(wanted.stream, rate_hz, stamp="first", wraps_ns=WRAPS_NS)
        subscribe = Write(COMMANDS, command(SUBSCRIBE, self._reference, f"/Meas/Acc/{rate_hz:g}"))
        try:
            status = yield from ask(subscribe, _status_to(self._reference), seconds=1.5, tries=1)
        except TimeoutError:
            status, self._is_silent = 200, True  # the old app; whether samples come is watched anyway
        else:
            self._is_silent, self._tells_charge = False, True
        if status >= 300:
            self._index = None
            raise RefusedError(f"the Movesense sensor refused: {_WHY.get(status, _ELSE.format(status))}")
        return StreamStart(StreamFormat(rate_hz, RANGE_G, SCALE_UG, "time"), max(0.3, 16 / rate_hz))

    def stop(self) -> Steps[None]:
        """End the subscription."""
        self._index = None
        yield Write(COMMANDS, command(UNSUBSCRIBE, self._reference))

    def received(self, uuid: str, data: bytes) -> Sequence[SensorEvent]:
        """Decode a notification."""
        if uuid != EVENTS:
            return ()
        if len(data) < 2:
            raise FrameError(f"notification of {len(data)} bytes; expected 2 or more")
        if data[0] == _REPLY:
            return (Answer(data),)
        if data[0] not in {_DATA, _MORE}:
            raise FrameError(f"notification of kind {data[0]}; known are 1, 2 and 3")
        if data[1] != self._reference or self._index is None:
            return ()
        payload = self._packets.whole(data)
        if payload is None:
            return ()
        time_ms, content = decode_payload(payload)
        xyz = counts(floats(content) / G_MS2 * (1e6 / SCALE_UG))
        return self._index.place(time_ms * 1_000_000, xyz)

    def battery(self) -> Steps[int | None]:
        """Request the battery level. A sensor that answered neither this nor its subscription is not asked again."""
        if not self._tells_charge:
            return None
        level, tries = (
            Write(COMMANDS, command(GET, _LEVEL, "/System/Energy/Level")),
            1 if self._is_silent else 2,
        )
        try:
            reply = yield from ask(level, _to(_LEVEL), tries=tries)
        except TimeoutError:
            self._tells_charge = not self._is_silent
            return None
        return reply[4] if len(reply) > 4 and decode_status(reply) == 200 and reply[4] <= 100 else None


def _to(reference: int) -> Callable[[bytes], bytes | None]:
    return lambda data: data if len(data) >= 2 and data[1] == reference else None


def _status_to(reference: int) -> Callable[[bytes], int | None]:
    return lambda data: decode_status(data) if len(data) >= 4 and data[1] == reference else None


class MovesenseDecoder:
    """Decodes captured notifications, or payloads as the vendor's tool stores them. Their lengths differ."""

    def __init__(self, vectors: int, rate_hz: float) -> None:
        self._vectors = vectors
        self._rate_hz = rate_hz
        self._packets = Packets(vectors)
        self._last: tuple[int, int] | None = None

    def read(self, data: bytes, following: bytes | None) -> decode.Decoded:
        """Decode a notification. An incomplete packet is returned with the notification that ends it."""
        payload: bytes | None = data
        if (len(data) - 4) % (12 * self._vectors) or self._is_part(data, following):
            if len(data) < 2 or data[0] not in {_DATA, _MORE}:
                raise FrameError(f"not a notification of data: {data[:8].hex(' ') or 'no byte'}")
            payload = self._packets.whole(data)
        if payload is None:
            if following is None or following[:1] != bytes([_MORE]):
                self._packets = Packets(self._vectors)
                raise FrameError(f"{len(data)} bytes of a packet whose rest does not come")
            return decode.Decoded(decode.no_samples())
        time_ms, content = decode_payload(payload, self._vectors)
        values = floats(content) / G_MS2
        counts(values)
        spacing_ns = 1e9 / self._rate_hz
        if self._last is not None and (step := time_ms - self._last[0]) > 0:
            own = step * 1e6 / self._last[1]
            spacing_ns = own if 0.5 < own / spacing_ns < 1.5 else spacing_ns
        self._last = time_ms, len(values)
        times = [time_ms * 1_000_000 + round(i * spacing_ns) for i in range(len(values))]
        return decode.Decoded(values, times)

    def _is_part(self, data: bytes, following: bytes | None) -> bool:
        if self._packets.is_begun:
            return data[:1] == bytes([_MORE])
        return data[:1] == bytes([_DATA]) and following is not None and following[:1] == bytes([_MORE])


class Movesense:
    """The driver of the family."""

    name = "movesense"
    title = "Movesense Active, HR2, MD, Flash"
    declares = Declaration(
        rates_hz=RATES_HZ,
        ranges_g=(RANGE_G,),
        device_time=True,
        loss="time",
        buffer=False,
        frame_s=0.7,
        idle="Forgets its subscriptions when the link goes; nothing else.",
    )
    pairs = False
    settings: Mapping[str, str] = {
        "path": "what was subscribed, such as /Meas/IMU6/52; /Meas/Acc/52 by default",
    }

    def recognises(self, advertisement: Advertisement) -> bool:
        """Check service and name; without a name by its member number, which other products have as well."""
        name, services = advertisement.name, advertisement.services
        if name:
            return SERVICE in services or name.startswith("Movesense ")
        return bool(services & {SERVICE, *ADVERTISED})

    def side(self, advertisement: Advertisement) -> Leg | None:  # noqa: ARG002
        """Return None: it does not say."""
        return None

    def converse(self) -> MovesenseConversation:
        """Return a new conversation with one sensor."""
        return MovesenseConversation()

    def decoder(self, settings: Mapping[str, str]) -> MovesenseDecoder:
        """Return a decoder for captured notifications."""
        decode.check(settings, self.settings)
        parts = settings.get("path", "/Meas/Acc/52").strip("/").split("/")
        vectors = {"Acc": 1, "IMU6": 2, "IMU9": 3}.get(parts[1] if len(parts) == 3 else "")
        if vectors is None or not re.fullmatch(r"[0-9]{1,4}", parts[2]) or not 1 <= int(parts[2]) <= 1000:
            raise decode.SettingError(
                f"path={settings['path']} holds no acceleration: write /Meas/Acc/52, /Meas/IMU6/52 or /Meas/IMU9/52"
            )
        return MovesenseDecoder(vectors, float(parts[2]))


DRIVER = Movesense()
