"""Run a driver's requests on one connection, one at a time, and pass its notifications on as they come."""

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

OPERATION_S = 10.0  # a GATT operation that takes longer never ends: some radios do not answer
SUBSCRIBE_TRIES, SUBSCRIBE_AGAIN_S = 3, 0.5
MOST_ANSWERS = 32  # kept for `Await`; further ones push the oldest out


class Connection:
    """A conversation with a sensor on one BLE connection.

    Parameters
    ----------
    client : BleakClient
        The connection.
    conversation : Conversation
        Decodes the notifications.
    now_ns : callable
        The recording's clock, ns UTC; it stamps arrivals.
    event : callable
        Called with each event of a notification and its arrival time. Answers to requests are kept for `Await` instead.
    refused : callable
        Called with the reason when a notification cannot be decoded.
    """

    def __init__(
        self,
        client: BleakClient,
        conversation: Conversation,
        now_ns: Callable[[], int],
        event: Callable[[SensorEvent, int], None],
        refused: Callable[[str], None],
    ) -> None:
        self._client = client
        self._conversation = conversation
        self._now_ns = now_ns
        self._event = event
        self._refused = refused
        self._answers: asyncio.Queue[bytes] = asyncio.Queue(MOST_ANSWERS)
        self._is_asked = False  # whether a request was written since the last answer was awaited
        self._turn = asyncio.Lock()

    async def run(self, steps: Steps[T]) -> T:
        """Run steps one at a time and return their result.

        Raises
        ------
        BleakError, TimeoutError
            If the radio fails or does not answer.
        FrameError, RefusedError
            If the steps raise it.
        """
        async with self._turn:
            advance: Callable[[], Step] = steps.__next__
            while True:
                try:
                    step = advance()
                except StopIteration as done:
                    return done.value  # type: ignore[no-any-return]
                try:
                    result = await self._run_step(step)
                except TimeoutError as e:
                    advance = _throwing(steps, e)
                else:
                    advance = _sending(steps, result)

    async def _run_step(self, step: Step) -> bytes:
        if isinstance(step, Await):
            self._is_asked = False
            async with asyncio.timeout(step.seconds):
                return await self._answers.get()
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return b""
        async with asyncio.timeout(OPERATION_S):
            if isinstance(step, Read):
                return bytes(await self._client.read_gatt_char(self._characteristic(step)))
            if isinstance(step, Write):
                self._drop_old_answers()
                await self._client.write_gatt_char(
                    self._characteristic(step), step.data, response=step.response
                )
            else:
                await self._subscribe(step)
        return b""

    def _characteristic(self, step: Read | Write) -> BleakGATTCharacteristic | str:
        """Find the characteristic by its service too: bleak refuses to choose between several with one UUID."""
        if step.service is None:
            return step.uuid
        service = self._client.services.get_service(step.service)
        found = service.get_characteristic(step.uuid) if service else None
        if found is None:
            raise BleakCharacteristicNotFoundError(step.uuid)
        return found

    def _drop_old_answers(self) -> None:
        """Forget answers from before this request: they were late, repeated or unasked."""
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
                    self._event(event, arrival)
        except FrameError as e:
            log.warning("refused: %s: %s", e, data[:32].hex())
            self._refused(str(e))


def _sending(steps: Steps[T], result: bytes) -> Callable[[], Step]:
    return lambda: steps.send(result)


def _throwing(steps: Steps[T], error: Exception) -> Callable[[], Step]:
    return lambda: steps.throw(error)
