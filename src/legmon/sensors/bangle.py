"""Bangle.js 2 with legmon's own app: numbered and timed samples over the Nordic UART (docs/sensors/bangle.md is the protocol).

The watch's UART is a stream of bytes, so a frame has a mark, a length and a checksum. The app switches off the watch's power
saving, which would lower the rate to 1.25 Hz after a minute without movement.
"""

import struct
import zlib
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
    Held,
    NeverTakenError,
    RefusedError,
    SensorEvent,
    Steps,
    StreamFormat,
    StreamRequest,
    StreamStart,
    Subscribe,
    Write,
)
from legmon.sensors.conversation import ask
from legmon.sensors.values import nearest, words

_UUID = "6e40000{}-b5a3-f393-e0a9-e50e24dcca9e"
COMMANDS, EVENTS = _UUID.format(2), _UUID.format(3)

MARK = b"LM"
LIVE, AGAIN, ANSWER = 1, 2, 3
LONGEST = 2 + 2 + 255 + 4
MOST_AT_ONCE = 2000  # samples asked for again in one request
RATES_HZ = (12.5, 25.0, 50.0, 100.0)
RANGES_G = (4, 8)
SCALE_UG: Final = 122
_DATA = struct.Struct("<HII")
_STARTED = struct.Struct("<BHHHBIB")
_HELD = struct.Struct("<HII")
_VERSION, _NEVER = 1, 5
_SIDES: dict[int, Leg | None] = {1: "left", 2: "right"}
_SPOILT = "a frame with a wrong checksum"
_NOT_HELD = "the watch no longer holds these samples"
_WHY = {
    1: "it does not know this command; update the app",
    2: "it cannot measure that way",
    3: "it is not measuring",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One frame: its kind, and what it carries."""

    kind: int
    payload: bytes


class UartStream:
    """Cuts the stream into frames. It holds back the bytes of one frame at most."""

    def __init__(self) -> None:
        self._held = b""
        self.spoilt = 0
        """Frames whose checksum was wrong."""

    @property
    def unfinished(self) -> int:
        """How many bytes wait for the rest of their frame."""
        return len(self._held)

    def feed(self, data: bytes) -> list[Piece]:
        """Add bytes and return the frames that are complete; bytes between frames are dropped."""
        held, at, found = self._held + data, 0, []
        while (at := _mark(held, at)) + 4 <= len(held):
            end = at + 4 + held[at + 3] + 4
            if end > len(held):
                break
            body = held[at + 2 : end - 4]
            if zlib.crc32(body) == int.from_bytes(held[end - 4 : end], "little"):
                found.append(Piece(body[0], body[2:]))
                at = end
            else:
                self.spoilt += 1
                at += 1
        self._held = held[at:][:LONGEST]
        return found


def _mark(held: bytes, at: int) -> int:
    place = held.find(MARK, at)
    if place >= 0:
        return place
    return len(held) - 1 if held.endswith(MARK[:1]) and at < len(held) else len(held)


def decode_data(piece: Piece, stream: int | None = None) -> Frame:
    """Read a frame of samples.

    Raises
    ------
    FrameError
        If its length is not valid, or it belongs to another stream than the running one.
    """
    size = len(piece.payload) - _DATA.size
    if piece.kind not in {LIVE, AGAIN} or size < 6 or size % 6:
        raise FrameError(
            f"frame of kind {piece.kind} with {len(piece.payload)} bytes; samples have 6 each after 10"
        )
    number, first, t_ms = _DATA.unpack_from(piece.payload)
    if stream is not None and number != stream:
        raise FrameError(f"a frame of stream {number}; {stream} runs")
    return Frame(number, first, t_ms * 1000, words(piece.payload[_DATA.size :]), late=piece.kind == AGAIN)


class BangleConversation:
    """The conversation with one watch."""

    def __init__(self) -> None:
        self._bytes = UartStream()
        self._stream: int | None = None

    def start(self, wanted: StreamRequest) -> Steps[StreamStart]:
        """Start a stream, or continue the running one: the watch goes on measuring while the link is down.

        Raises
        ------
        RefusedError
            If the app is not running, is of another version or refuses.
        """
        self._bytes, self._stream = UartStream(), None
        yield Subscribe(EVENTS)
        rate_hz = nearest(wanted.rate_hz, RATES_HZ)
        range_g = int(nearest(wanted.range_g, tuple(float(g) for g in RANGES_G)))
        line = f"S,{rate_hz:g},{range_g}"
        try:
            status, results = yield from _ask(line)
            if status == 3:  # another client left it measuring with other settings
                yield from _ask("X")
                status, results = yield from _ask(line)
        except (TimeoutError, FrameError) as e:
            raise RefusedError("the watch does not answer: open the legmon app on it") from e
        if status:
            raise RefusedError(f"the watch refused: {_WHY.get(status, f'status {status}')}")
        if len(results) < _STARTED.size:
            raise FrameError(f"answer to the start of {len(results)} bytes; expected {_STARTED.size} or more")
        version, stream, period_ms, scale_ug, range_g, following, side = _STARTED.unpack_from(results)
        if version != _VERSION:
            raise RefusedError(
                f"the watch's legmon app speaks version {version}, this program version {_VERSION}: "
                "put the app of this version on the watch (docs/sensors/bangle.md)"
            )
        if not period_ms or not scale_ug:
            raise RefusedError(
                f"the watch says it measures every {period_ms} ms in units of {scale_ug} µg, which cannot be: "
                "put the app of this version on the watch (docs/sensors/bangle.md)"
            )
        self._stream = stream
        rate_hz = 1000 / period_ms
        before = None
        if wanted.last is not None and wanted.last != stream:
            before = yield from self.held(wanted.last)
        frame_s = max(1.0, 45 / rate_hz)
        return StreamStart(
            StreamFormat(rate_hz, range_g, scale_ug, "index"),
            frame_s,
            _SIDES.get(side),
            stream=stream,
            next=following,
            before=before,
        )

    def stop(self) -> Steps[None]:
        """End the stream; the watch saves power again."""
        self._stream = None
        yield from _ask("X", tries=1)

    def received(self, uuid: str, data: bytes) -> Sequence[SensorEvent]:
        """Decode a notification: any piece of the byte stream."""
        if uuid != EVENTS:
            return ()
        spoilt = self._bytes.spoilt
        events: list[SensorEvent] = []
        refused: FrameError | None = None
        for piece in self._bytes.feed(data):
            if piece.kind == ANSWER:
                events.append(Answer(piece.payload))
            elif self._stream is not None:
                try:
                    events.append(decode_data(piece, self._stream))
                except FrameError as e:  # the loss then shows in the index of the next frame
                    refused = e
        if not events and self._bytes.spoilt > spoilt:
            refused = refused or FrameError(_SPOILT)
        if not events and refused is not None:
            raise refused
        return events

    def battery(self) -> Steps[int | None]:
        """Request the battery level."""
        try:
            status, results = yield from _ask("B")
        except (TimeoutError, FrameError):
            return None
        return results[0] if not status and results and results[0] <= 100 else None

    def held(self, stream: int) -> Steps[Held | None]:
        """Request what the watch still holds."""
        status, results = yield from _ask("H")
        if status or len(results) < _HELD.size:
            return None
        held = Held(*_HELD.unpack_from(results))
        return held if held.stream == stream else None

    def fetch(self, stream: int, first: int, count: int) -> Steps[int]:
        """Fetch samples.

        Raises
        ------
        RefusedError
            If the watch no longer holds the first of them, or never measured it.
        """
        if stream != self._stream:
            raise RefusedError(_NOT_HELD)
        sent = 0
        while sent < count:
            asked = min(count - sent, MOST_AT_ONCE)
            status, results = yield from _ask(f"F,{first + sent},{asked}", seconds=5.0 + asked / 100, tries=1)
            if status not in {0, _NEVER}:
                raise RefusedError(_NOT_HELD if status == 4 else f"the watch refused: status {status}")
            if len(results) < 4:
                raise FrameError(f"answer about samples sent again of {len(results)} bytes; expected 4")
            got = int.from_bytes(results[:4], "little")
            if status == _NEVER and not sent:
                raise NeverTakenError(got)
            sent += min(got, asked)
            if got < asked:
                break
        return sent


def _ask(line: str, *, seconds: float = 3.0, tries: int = 2) -> Steps[tuple[int, bytes]]:
    """Send a line and wait for its answer: status and results."""
    write = Write(COMMANDS, f"{line}\n".encode(), response=False)
    return ask(write, _answering(ord(line[0])), seconds=seconds, tries=tries)


def _answering(op: int) -> Callable[[bytes], tuple[int, bytes] | None]:
    return lambda data: (data[1], data[2:]) if len(data) >= 2 and data[0] == op else None


class BangleDecoder:
    """Captured notifications of the watch's UART."""

    def __init__(self, scale_ug: float, rate_hz: float) -> None:
        self._bytes = UartStream()
        self._scale_ug = scale_ug
        self._times = decode.CountedTimes(rate_hz)

    def read(self, data: bytes, following: bytes | None) -> decode.Decoded:
        """Decode a piece of the stream. Return the samples of all frames that end in it."""
        spoilt = self._bytes.spoilt
        pieces = self._bytes.feed(data)
        waits = self._bytes.unfinished
        if not pieces and self._bytes.spoilt > spoilt:
            raise FrameError(_SPOILT)
        if not pieces and waits and following is None:
            raise FrameError(f"{waits} bytes of a frame that does not end")
        if not pieces and not waits:
            raise FrameError("no frame in these bytes; one begins with 4c 4d")
        frames = [decode_data(piece) for piece in pieces if piece.kind != ANSWER]
        if not frames:
            return decode.Decoded(decode.no_samples())
        xyz = np.concatenate([frame.xyz for frame in frames])
        times = [t for frame in frames for t in self._times.of(frame)]
        return decode.Decoded(xyz * (self._scale_ug * 1e-6), times, frames[0].first)


class Bangle:
    """The driver of the family."""

    name = "bangle"
    title = "Bangle.js 2 with the legmon app"
    declares = Declaration(
        rates_hz=RATES_HZ,
        ranges_g=RANGES_G,
        device_time=True,
        loss="index",
        buffer=True,
        frame_s=1.8,
        idle="Measures 1.25 times a second after a minute without movement, unless an app switches power saving off; the"
        " legmon app does.",
    )
    pairs = False
    settings: Mapping[str, str] = {
        "scale_ug": "µg per unit, as the start was answered; 122 by default",
        "rate_hz": "nominal rate, for the times in the first frame; 50 by default",
    }

    def recognises(self, advertisement: Advertisement) -> bool:
        """Check the name: other things speak the Nordic UART as well."""
        return (advertisement.name or "").startswith("Bangle.js")

    def side(self, advertisement: Advertisement) -> Leg | None:  # noqa: ARG002
        """Return None: it says so only after it is connected."""
        return None

    def converse(self) -> BangleConversation:
        """Return a new conversation with one watch."""
        return BangleConversation()

    def decoder(self, settings: Mapping[str, str]) -> BangleDecoder:
        """Return a decoder for captured notifications."""
        decode.check(settings, self.settings)
        rate_hz = decode.number(settings, "rate_hz", 50.0, 10000.0)
        return BangleDecoder(decode.number(settings, "scale_ug", SCALE_UG, 65535), rate_hz)


DRIVER = Bangle()
