"""A scripted link: it runs the steps of a conversation against scripted answers, without a radio and without waiting."""

import zlib
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from legmon.sensors import bangle, metamotion, movesense, open_services
from legmon.sensors.base import (
    Answer,
    Await,
    Conversation,
    Read,
    SensorEvent,
    Step,
    Steps,
    StreamRequest,
    Write,
)
from legmon.sensors.polar import driver as polar
from legmon.sensors.registry import registry
from legmon.sensors.witmotion import driver as witmotion

T = TypeVar("T")
Notification = tuple[str, bytes]
Script = Callable[[str, bytes], list[Notification]]
"""What a sensor notifies after a write."""

REQUEST = StreamRequest(rate_hz=50.0, range_g=4, frame_s=0.5, stream=1 << 16)


class Hand:
    """Runs the steps of a conversation.

    Parameters
    ----------
    conversation : Conversation
        The conversation that receives the notifications.
    script : callable
        Returns the notifications after each write.
    reads : mapping
        Values of characteristics. Reading another one fails as on a radio.
    """

    def __init__(
        self, conversation: Conversation, script: Script, reads: Mapping[str, bytes] | None = None
    ) -> None:
        self.conversation = conversation
        self.done: list[Step] = []
        self.events: list[SensorEvent] = []
        self._script = script
        self._reads = reads or {}
        self._answers: deque[bytes] = deque()

    @property
    def written(self) -> list[str]:
        """Return what was written, in hexadecimal."""
        return [step.data.hex() for step in self.done if isinstance(step, Write)]

    def notify(self, uuid: str, data: bytes) -> None:
        """Send a notification from the sensor."""
        for event in self.conversation.received(uuid, data):
            if isinstance(event, Answer):
                self._answers.append(event.data)
            else:
                self.events.append(event)

    def carry_out(self, steps: Steps[T]) -> T:
        """Run steps to their end. Waiting for an answer that is not there raises `TimeoutError` at once."""
        try:
            step = next(steps)
            while True:
                self.done.append(step)
                step = self._next(steps, step)
        except StopIteration as end:
            result: T = end.value
            return result

    def _next(self, steps: Steps[Any], step: Step) -> Step:
        if isinstance(step, Await):
            return steps.send(self._answers.popleft()) if self._answers else steps.throw(TimeoutError())
        if isinstance(step, Read):
            return steps.send(self._reads[step.uuid])
        if isinstance(step, Write):
            for uuid, data in self._script(step.uuid, step.data):
                self.notify(uuid, data)
        return steps.send(b"")


def polar_script(settings: str, started: str = "f002020000") -> Script:
    """Return a script of a Polar sensor that answers OK to everything, with these settings and this start."""

    def script(_uuid: str, data: bytes) -> list[Notification]:
        op, kind = data[0], data[1] if len(data) > 1 else 0
        answer = {1: f"f001020000{settings}", 4: f"f004020000{settings}", 5: "f005000000"}.get(
            op, f"f0{op:02x}{kind:02x}0000"
        )
        if (op, kind) == (2, 2):
            answer = started
        return [(polar.CONTROL, bytes.fromhex(answer))]

    return script


VERITY_SETTINGS = "00021a003400" + "01011000" + "020402000400" + "08001000" + "040103"


def _movesense(_uuid: str, data: bytes) -> list[Notification]:
    if data[0] == movesense.SUBSCRIBE:
        return [(movesense.EVENTS, bytes([1, data[1], 200, 0]))]
    if data[0] == movesense.GET:
        return [(movesense.EVENTS, bytes([1, data[1], 200, 0, 77]))]
    return [(movesense.EVENTS, bytes([1, data[1]]) + b"sensor")]


def _witmotion(_uuid: str, data: bytes) -> list[Notification]:
    if data[2] != 0x27:
        return []
    value = {witmotion.RATE: 0x08, witmotion.BATTERY: 390}.get(data[3], 0)
    return [(witmotion.EVENTS, bytes([0x55, 0x71, data[3], 0]) + value.to_bytes(2, "little") + bytes(14))]


def _metamotion(_uuid: str, data: bytes) -> list[Notification]:
    answers = {b"\x03\x80": b"\x03\x80\x01\x02", b"\x11\xcc": bytes.fromhex("118c633410")}
    return [(metamotion.EVENTS, answers[data])] if data in answers else []


def bangle_frame(kind: int, payload: bytes) -> bytes:
    """Return a frame of the watch's protocol."""
    body = bytes([kind, len(payload)]) + payload
    return b"LM" + body + zlib.crc32(body).to_bytes(4, "little")


def _bangle(_uuid: str, data: bytes) -> list[Notification]:
    results = {
        ord("S"): "01 0700 1400 7a00 04 00000000 01",
        ord("B"): "42",
        ord("H"): "0700 00000000 10000000",
        ord("F"): "05000000",
    }.get(data[0], "")
    return [(bangle.EVENTS, bangle_frame(bangle.ANSWER, bytes([data[0], 0]) + bytes.fromhex(results)))]


SCRIPTS: dict[str, tuple[Script, dict[str, bytes], tuple[str, ...]]] = {
    "polar": (
        polar_script(VERITY_SETTINGS),
        {polar.CONTROL: bytes.fromhex("0f0402")},
        (polar.DATA, polar.CONTROL),
    ),
    "movesense": (_movesense, {}, (movesense.EVENTS,)),
    "witmotion": (_witmotion, {}, (witmotion.EVENTS,)),
    "metamotion": (_metamotion, {}, (metamotion.EVENTS,)),
    "bangle": (_bangle, {}, (bangle.EVENTS,)),
    "microbit": (
        lambda _uuid, _data: [],
        {str(open_services.MICROBIT.period): b"\x14\x00"},
        (open_services.MICROBIT.data,),
    ),
    "adafruit": (lambda _uuid, _data: [], {}, (open_services.ADAFRUIT.data,)),
    "thingy52": (lambda _uuid, _data: [], {}, (open_services.THINGY52.data,)),
    "infinitime": (lambda _uuid, _data: [], {}, (open_services.INFINITIME.data,)),
}
"""By family: what it notifies after a write, what can be read, and where its samples come."""


def started(name: str) -> Hand:
    """Return a link after the start of a conversation."""
    script, reads, _ = SCRIPTS[name]
    hand = Hand(registry().drivers[name].converse(), script, reads)
    hand.carry_out(hand.conversation.start(REQUEST))
    return hand


HOLDERS = (list, tuple, set, frozenset, deque)


def held(thing: Any, depth: int = 5) -> int:
    """Count the bytes that a conversation or a decoder holds in attributes, lists and arrays."""
    if isinstance(thing, bytes | bytearray | str):
        return len(thing)
    if isinstance(thing, np.ndarray):
        return int(thing.nbytes)
    if not depth:
        return 0
    parts = (
        list(thing.values()) if isinstance(thing, dict) else list(thing) if isinstance(thing, HOLDERS) else []
    )
    parts += getattr(thing, "__dict__", {}).values()
    parts += [getattr(thing, name, None) for name in getattr(type(thing), "__slots__", ())]
    return len(parts) + sum(held(part, depth - 1) for part in parts)
