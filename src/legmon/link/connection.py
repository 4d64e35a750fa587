"""Carries out a conversation with a sensor on one connection: its steps one at a time, its notifications as they come."""

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakCharacteristicNotFoundError, BleakError

from legmon.link.pairing import wants_pairing
from legmon.sensors.base import (
    Answer,
    Await,
    Conversation,
    FrameError,
    Pause,
    Read,
    SensorEvent,
    Step,
    Steps,
    Subscribe,
    Write,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

OPERATION_S = 10.0  # a GATT operation that takes longer will not end: some radios never answer
SUBSCRIBE_TRIES, SUBSCRIBE_AGAIN_S = 3, 0.5
MOST_ANSWERS = 32  # kept for who waits; a sensor that talks unasked loses the oldest


class Connection:
    """A conversation on a connection.

    Parameters
    ----------
    client : BleakClient
        The connection.
    conversation : Conversation
        Reads the notifications.
    now_ns : callable
        The recording's clock, ns UTC; stamps arrivals.
    tell : callable
        Is given what a notification said, and when it arrived; answers to requests are kept for `Await`.
    refused : callable
        Is told of a notification that could not be read.
    """

    def __init__(
        self,
        client: BleakClient,
        conversation: Conversation,
        now_ns: Callable[[], int],
        tell: Callable[[SensorEvent, int], None],
        refused: Callable[[str], None],
    ) -> None:
        self._client = client
        self._conversation = conversation
        self._now_ns = now_ns
        self._take = tell
        self._refused = refused
        self._answers: asyncio.Queue[bytes] = asyncio.Queue(MOST_ANSWERS)
        self._is_asked = False  # since the last answer was waited for
        self._turn = asyncio.Lock()

    async def run(self, steps: Steps[T]) -> T:
        """Carry out steps, one at a time, and return their result.

        Raises
        ------
        BleakError, FrameError, RefusedError, TimeoutError
            As the radio and the steps say.
        """
        async with self._turn:
            give: Callable[[], Step] = steps.__next__
            while True:
                try:
                    step = give()
                except StopIteration as done:
                    return done.value  # type: ignore[no-any-return]
                try:
                    gave = await self._carry_out(step)
                except TimeoutError as e:
                    give = _throwing(steps, e)
                else:
                    give = _sending(steps, gave)

    async def _carry_out(self, step: Step) -> bytes:
        if isinstance(step, Await):
            self._is_asked = False
            async with asyncio.timeout(step.seconds):
                return await self._answers.get()
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return b""
        async with asyncio.timeout(OPERATION_S):
            if isinstance(step, Read):
                return bytes(await self._client.read_gatt_char(self._which(step)))
            if isinstance(step, Write):
                self._ask()
                await self._client.write_gatt_char(self._which(step), step.data, response=step.response)
            else:
                await self._subscribe(step)
        return b""

    def _which(self, step: Read | Write) -> BleakGATTCharacteristic | str:
        """Find the characteristic: by its UUID alone bleak refuses to choose between several."""
        if step.service is None:
            return step.uuid
        service = self._client.services.get_service(step.service)
        found = service.get_characteristic(step.uuid) if service else None
        if found is None:
            raise BleakCharacteristicNotFoundError(step.uuid)
        return found

    def _ask(self) -> None:
        """Before a question nothing can have answered it: what came was said twice, late or unasked."""
        while not self._is_asked and not self._answers.empty():
            self._answers.get_nowait()
        self._is_asked = True

    async def _subscribe(self, step: Subscribe) -> None:
        def received(_: BleakGATTCharacteristic, data: bytearray) -> None:
            self._received(step.uuid, bytes(data))

        for left in reversed(range(SUBSCRIBE_TRIES)):
            try:
                await self._client.start_notify(step.uuid, received)
            except BleakCharacteristicNotFoundError:
                if not step.optional:
                    raise
            except BleakError as e:  # some sensors are not ready as soon as they are connected
                if not left or not self._client.is_connected or wants_pairing(e):
                    raise
                await asyncio.sleep(SUBSCRIBE_AGAIN_S)
                continue
            return

    def _received(self, uuid: str, data: bytes) -> None:
        arrival = self._now_ns()
        try:
            for event in self._conversation.received(uuid, data):
                if isinstance(event, Answer):
                    if self._answers.full():
                        self._answers.get_nowait()
                    self._answers.put_nowait(event.data)
                else:
                    self._take(event, arrival)
        except FrameError as e:
            log.warning("refused: %s: %s", e, data[:32].hex())
            self._refused(str(e))


def _sending(steps: Steps[T], gave: bytes) -> Callable[[], Step]:
    return lambda: steps.send(gave)


def _throwing(steps: Steps[T], error: Exception) -> Callable[[], Step]:
    return lambda: steps.throw(error)
