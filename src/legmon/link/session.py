"""Keeps one ankle sensor streaming all night: find, connect, pair, start, watch, and all over again."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from legmon.link.faults import Cause
from legmon.link.radio import Radio
from legmon.movement import Leg
from legmon.sensors import ankle
from legmon.sensors.base import Frame, FrameError

log = logging.getLogger(__name__)

State = Literal["off", "searching", "connecting", "streaming", "silent"]

CONNECT_S = 15.0
ANSWER_S = 5.0  # a control point that has not answered by then will not
SILENT_LEAST_S, SILENT_FRAMES = 3.0, 5.0  # a link can be "connected" and carry nothing
BACK_OFF_S, BACK_OFF_MOST_S = 0.2, 5.0
FRAME_S = 0.25


@dataclass(frozen=True, slots=True)
class Identity:
    """The sensor that answered, and how it measures."""

    name: str
    address: str
    side: Leg | None
    started: ankle.Started


class Listener(Protocol):
    """What a session tells."""

    def link_changed(self, state: State, sentence: str) -> None:
        """Take the state of the link, and a sentence for a person."""

    def link_down(self, cause: Cause) -> None:
        """Note why a link that streamed is gone."""

    def sensor_started(self, identity: Identity) -> None:
        """Take the sensor, each time it was started."""

    def frame(self, frame: Frame, arrival_ns: int) -> None:
        """Take samples."""

    def refused(self, reason: str) -> None:
        """Count a frame that did not keep to the protocol."""

    def battery(self, percent: int) -> None:
        """Take the battery level."""

    def signal(self, rssi_dbm: int) -> None:
        """Take the signal strength of an advertisement."""


class Session:
    """One sensor, from now until cancelled.

    Parameters
    ----------
    radio : Radio
        Through which Bluetooth.
    now_ns : callable
        The recording's clock, ns UTC; stamps arrivals.
    listener : Listener
        Is told everything, in the event loop's thread.
    leg : {"left", "right"} or None
        Only a sensor that says it is on this leg, or says nothing; None for any.
    rate_hz, range_g : int
        Asked of the sensor.
    speed : float
        Seconds of night per wall second, above 1 in simulation: asks for longer frames, so that there are not more of them.
    """

    def __init__(
        self,
        radio: Radio,
        now_ns: Callable[[], int],
        listener: Listener,
        *,
        leg: Leg | None = None,
        rate_hz: int = 50,
        range_g: int = 4,
        speed: float = 1.0,
    ) -> None:
        self._radio = radio
        self._now_ns = now_ns
        self._listener = listener
        self._leg = leg
        self._rate_hz = rate_hz
        self._range_g = range_g
        self._batch = max(1, min(83, round(rate_hz * FRAME_S * max(1.0, speed / 15))))
        self._silent_s = max(SILENT_LEAST_S, SILENT_FRAMES * self._batch / rate_hz / speed)
        self._tag = 0
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._last_frame = 0.0

    async def run(self) -> None:
        """Stream until cancelled; whatever fails is tried again. Cancelling stops the sensor."""
        wait = BACK_OFF_S
        while True:
            self._listener.link_changed("searching", "Looking for the sensor. Is it on, charged and near?")
            try:
                device = await self._find()
                self._listener.link_changed("connecting", f"Connecting to {device.name or device.address}.")
                if await self._stream(device):
                    wait = BACK_OFF_S
            except (BleakError, FrameError, ankle.RefusedError, OSError, TimeoutError) as e:
                log.info("link: %s: %s", type(e).__name__, e)
                self._listener.link_changed("searching", f"{_plain(e)} Trying again.")
            await asyncio.sleep(wait)
            wait = min(2 * wait, BACK_OFF_MOST_S)

    async def _find(self) -> BLEDevice:
        found: asyncio.Future[BLEDevice] = asyncio.get_running_loop().create_future()

        def heard(device: BLEDevice, data: AdvertisementData) -> None:
            side = _side(data)
            if found.done() or (self._leg and side and side != self._leg):
                return
            self._listener.signal(data.rssi)
            found.set_result(device)

        async with BleakScanner(heard, service_uuids=[ankle.SERVICE], **self._radio.scanner):
            return await found

    async def _stream(self, device: BLEDevice) -> bool:
        """Connect and stream until the link fails; True when it streamed at all."""
        gone = asyncio.Event()
        client = BleakClient(device, lambda _: gone.set(), timeout=CONNECT_S, pair=True, **self._radio.client)
        started = False
        try:
            async with asyncio.timeout(2 * CONNECT_S):
                await client.connect()
                await self._start(client)
            started = True
            self._last_frame = asyncio.get_running_loop().time()
            while not gone.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(gone.wait(), 0.5)
                if asyncio.get_running_loop().time() - self._last_frame > self._silent_s:
                    self._listener.link_down(Cause.LINK_SILENT)
                    self._listener.link_changed("silent", "Connected, but nothing arrives. Connecting again.")
                    return True
            self._listener.link_down(Cause.LINK_LOST)
            return True
        except asyncio.CancelledError:
            if started and client.is_connected:
                with contextlib.suppress(BleakError, TimeoutError, ankle.RefusedError, FrameError):
                    async with asyncio.timeout(1.0):
                        await self._ask(client, ankle.Op.STOP)  # the last samples come before its answer
            raise
        finally:
            with contextlib.suppress(BleakError, TimeoutError, EOFError):
                async with asyncio.timeout(1.0):
                    await client.disconnect()

    async def _start(self, client: BleakClient) -> None:
        capabilities = ankle.decode_capabilities(await client.read_gatt_char(ankle.CAPABILITIES))
        self._answers = asyncio.Queue()
        await client.start_notify(ankle.CONTROL, lambda _, data: self._answers.put_nowait(bytes(data)))
        await client.start_notify(ankle.LIVE, self._received)
        arguments = ankle.start_arguments(self._rate_hz, self._range_g, self._batch)
        try:
            started = ankle.decode_started(await self._ask(client, ankle.Op.START, arguments))
        except ankle.RefusedError as e:
            if e.status != 0x05:  # measuring in another way, left so by somebody else
                raise
            await self._ask(client, ankle.Op.STOP)
            started = ankle.decode_started(await self._ask(client, ankle.Op.START, arguments))
        self._listener.sensor_started(Identity(client.name, client.address, capabilities.side, started))
        self._listener.link_changed("streaming", "Streaming.")
        with contextlib.suppress(BleakError):  # a night without a battery level is a night
            self._battery(await client.read_gatt_char(ankle.BATTERY_LEVEL))
            await client.start_notify(ankle.BATTERY_LEVEL, lambda _, data: self._battery(data))

    async def _ask(self, client: BleakClient, op: ankle.Op, arguments: bytes = b"") -> bytes:
        tag = self._next_tag()
        await client.write_gatt_char(ankle.CONTROL, ankle.request(op, tag, arguments), response=True)
        async with asyncio.timeout(ANSWER_S):
            while True:
                results = ankle.decode_answer(await self._answers.get(), op, tag)
                if results is not None:
                    return results

    def _next_tag(self) -> int:
        self._tag = (self._tag + 1) % 256
        return self._tag

    def _battery(self, data: bytearray) -> None:
        if len(data) == 1 and data[0] <= 100:
            self._listener.battery(data[0])

    def _received(self, _: BleakGATTCharacteristic, data: bytearray) -> None:
        arrival = self._now_ns()
        self._last_frame = asyncio.get_running_loop().time()
        try:
            frame = ankle.decode_frame(data)
        except FrameError as e:
            log.warning("refused: %s: %s", e, bytes(data[:32]).hex())
            self._listener.refused(str(e))
            return
        self._listener.frame(frame, arrival)


def _side(data: AdvertisementData) -> Leg | None:
    """Which leg an advertisement claims (section 1 of the profile)."""
    sides: dict[int, Leg] = {1: "left", 2: "right"}
    value = data.manufacturer_data.get(0xFFFF, b"")
    return sides.get(value[1]) if len(value) >= 2 else None


def _plain(error: Exception) -> str:
    if isinstance(error, ankle.RefusedError):
        return f"{str(error)[0].upper()}{str(error)[1:]}."
    if isinstance(error, TimeoutError):
        return "The sensor did not answer in time."
    return "The connection did not come about."
