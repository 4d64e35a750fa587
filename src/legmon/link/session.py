"""Keep one sensor streaming all night: find it, connect, pair, start, watch, fetch lost samples, and reconnect.

It works with any driver. A driver's requests are steps of a conversation (`legmon.sensors.base`). They are carried out one at a
time, because radios and sensors do not cope with two requests at once.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Sequence

from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakCharacteristicNotFoundError,
    BleakDeviceNotFoundError,
    BleakError,
)

from legmon.link.backfill import LOOK_S, keep_up
from legmon.link.connection import Connection
from legmon.link.listener import ConnectedSensor, LinkListener
from legmon.link.pairing import REFUSED, UNANSWERED, Pairing, UnpairedError, wants_pairing
from legmon.link.radio import Radio
from legmon.link.suspend import SleepWatch
from legmon.link.tasks import end_tasks
from legmon.messages import GapCause, LinkCode, Message, link_message
from legmon.movement import Leg
from legmon.sensors import ankle
from legmon.sensors.base import (
    FOREIGN_STREAMS,
    Advertisement,
    Battery,
    Conversation,
    Driver,
    Frame,
    FrameError,
    RefusedError,
    SensorEvent,
    Status,
    Stopped,
    StreamRequest,
)
from legmon.sensors.registry import recognise

log = logging.getLogger(__name__)

CONNECT_S = 5.0  # a sensor that has just advertised answers at once, or is out of range again
PAIR_S, START_S = 5.0, 8.0  # to encrypt and discover services; to set the sensor up
PATIENT_TRIES = 3  # time-outs grow with each try up to this one: a person may have to confirm a pairing
REFRESH_TRIES = 4  # failed tries in a row with a sensor that advertises: bleak's state of it may be wrong
SILENT_LEAST_S, SILENT_FRAMES = 3.0, 5.0  # a link can be "connected" and carry nothing
BACK_OFF_S, BACK_OFF_MOST_S = 0.2, 5.0
GONE_S = (
    60.0  # if the radio or the computer failed within this time after the link was up, that ended the link
)
STALE_S = 5.0  # between two looks for a connection that a dead program left open
OFF_S = 20.0  # a sensor that switches itself off when still may be off if it has not advertised for this long
FRAME_S = 0.25


class Session:
    """Streams from one sensor until cancelled.

    Parameters
    ----------
    radio : Radio
        The Bluetooth radio to use.
    now_ns : callable
        The recording's clock, ns UTC; it stamps arrivals.
    listener : LinkListener
        Receives samples and changes of the link, in the event loop's thread.
    drivers : sequence of Driver
        The families of sensors to accept.
    leg : {"left", "right"} or None
        Accept only a sensor set up for this leg, or for none; None accepts any.
    claim : callable
        Called with the address of a sensor that fits; return whether the session may take it. A night keeps its sensor, and two
        sessions never take the same one.
    insists : callable
        Called with an address; return whether a person chose this sensor for the leg. The sensor's own leg is ignored then.
    known : callable
        Return the address of the sensor to find, None if it is not known.
    rate_hz, range_g : int
        The rate and range to ask the sensor for.
    speed : callable
        Return how many seconds of night a wall second has now: above 1 in simulation, 0 while it is stopped. The sensor is asked
        for longer frames at a high speed, so that the number of frames per second stays the same.
    """

    def __init__(
        self,
        radio: Radio,
        now_ns: Callable[[], int],
        listener: LinkListener,
        *,
        drivers: Sequence[Driver] = (ankle.DRIVER,),
        leg: Leg | None = None,
        claim: Callable[[str], bool] = lambda _: True,
        insists: Callable[[str], bool] = lambda _: False,
        known: Callable[[], str | None] = lambda: None,
        rate_hz: int = 50,
        range_g: int = 4,
        speed: Callable[[], float] = lambda: 1.0,
    ) -> None:
        self._radio = radio
        self._now_ns = now_ns
        self._listener = listener
        self._drivers = drivers
        self._leg = leg
        self._claim = claim
        self._insists = insists
        self._known = known
        self._rate_hz, self._range_g = rate_hz, range_g
        self._speed = speed
        self._conversations: dict[str, Conversation] = {}
        self._early: list[tuple[Frame, int]] | None = None
        self._stop_reason: str | None = None
        self._last_frame = 0.0
        self._last_up = float("-inf")
        self._pairing = Pairing()
        self._switches_off = False  # whether the sensor that streamed last does so when it lies still
        self._sleep = SleepWatch()

    async def run(self) -> None:
        """Stream until cancelled, and try again after every failure. Cancelling stops the sensor."""
        wait, tries = BACK_OFF_S, 0
        while True:
            self._listener.link_changed("searching", link_message(LinkCode.SEARCHING))
            try:
                device, driver = await self._find()
                tries += 1
                name = device.name or device.address
                self._listener.link_changed("connecting", link_message(LinkCode.CONNECTING, name=name))
                if tries % REFRESH_TRIES == 0:
                    self._radio.refresh()
                await self._stream(device, driver, min(tries, PATIENT_TRIES))
                wait, tries = BACK_OFF_S, 0
            except (BleakError, FrameError, RefusedError, OSError, TimeoutError, EOFError) as e:
                log.info("link: %s: %s", type(e).__name__, e)
                since_s = asyncio.get_running_loop().time() - self._last_up
                if isinstance(e, BleakBluetoothNotAvailableError) and since_s < GONE_S:
                    self._last_up = float("-inf")
                    self._listener.link_down(GapCause.RADIO_GONE)
                self._listener.link_changed("searching", failure_message(e))
            except Exception as e:  # a programming error, here or in a library, must not end the night
                log.exception("link")
                self._listener.link_changed("searching", failure_message(e))
            await asyncio.sleep(wait)
            wait = min(2 * wait, BACK_OFF_MOST_S)

    async def _find(self) -> tuple[BLEDevice, Driver]:
        """Scan until a sensor that fits advertises. The scanner is off while the sensor is connected."""

        def wanted(device: BLEDevice, data: AdvertisementData) -> tuple[BLEDevice, Driver] | None:
            fit = recognise(self._drivers, advertisement(data))
            if fit is None:
                return None
            driver, side = fit
            other = self._leg and side and side != self._leg and not self._insists(device.address)
            if other or not self._claim(device.address):
                return None
            self._listener.signal(data.rssi)
            return device, driver

        # first of all: bleak asks BlueZ for its objects when the scan starts, and misses what changes in that moment
        await self._disconnect_stale()
        waiting = asyncio.create_task(self._while_not_heard())
        try:
            return await self._radio.scan.first(wanted)
        finally:
            await end_tasks(waiting)
            self._look_for_sleep()

    async def _while_not_heard(self) -> None:
        """End connections that a dead program left open, and report it if the sensor may be off."""
        since = asyncio.get_running_loop().time()
        is_reported = not self._switches_off
        while True:
            await asyncio.sleep(STALE_S)
            self._look_for_sleep()
            await self._disconnect_stale()
            if not is_reported and asyncio.get_running_loop().time() - since > OFF_S:
                is_reported = True
                self._listener.link_changed("searching", link_message(LinkCode.MAYBE_OFF))

    def _look_for_sleep(self) -> None:
        """Report sleep as the cause of a gap. A computer may end its links before it sleeps; the link was not lost then."""
        if self._sleep.has_slept() and asyncio.get_running_loop().time() - self._last_up < GONE_S:
            self._last_up = float("-inf")
            self._listener.link_down(GapCause.COMPUTER_SLEPT)

    async def _disconnect_stale(self) -> None:
        address = self._known()
        if address is not None and await self._radio.disconnect_stale(address):
            self._listener.link_changed("searching", link_message(LinkCode.LET_GO))

    async def _stream(self, device: BLEDevice, driver: Driver, patience: int) -> None:
        """Connect and stream until the link fails. `patience` multiplies the time-outs."""
        connect_s, pair_s, start_s = CONNECT_S * patience, PAIR_S * patience, START_S * patience
        gone = asyncio.Event()
        pairs = driver.pairs or self._pairing.wants(device.address)
        client = BleakClient(
            device, lambda _: gone.set(), timeout=connect_s, pair=pairs, **self._radio.client
        )
        conversation = self._conversations.setdefault(device.address, driver.converse())
        connection = Connection(client, conversation, self._now_ns, self._event, self._listener.refused)
        fetching: asyncio.Task[None] | None = None
        is_begun = False
        try:
            await self._connect(client, connect_s + pair_s, pairs=pairs)
            is_begun = True
            try:
                async with asyncio.timeout(start_s):
                    silent_s = await self._start(client, connection, driver, conversation)
            except BleakError as e:
                if not wants_pairing(e):
                    raise
                raise await self._pairing.refused(client, was_paired=pairs) from e
            fetching = asyncio.create_task(
                keep_up(connection, driver, conversation, self._listener, lambda: self._last_frame)
            )
            cause, message = await self._watch(gone, fetching, silent_s)
            self._listener.link_down(cause)
            if message:
                self._listener.link_changed("silent", message)
        except (asyncio.CancelledError, RefusedError):
            if is_begun and client.is_connected:
                if fetching is not None:
                    await end_tasks(fetching)
                with contextlib.suppress(BleakError, TimeoutError, RefusedError, FrameError):
                    async with asyncio.timeout(1.0):
                        await connection.run(conversation.stop())
            raise
        finally:
            if fetching is not None:
                await end_tasks(fetching)
            with contextlib.suppress(BleakError, TimeoutError, EOFError):
                async with asyncio.timeout(1.0):
                    await client.disconnect()

    async def _connect(self, client: BleakClient, within_s: float, *, pairs: bool) -> None:
        """Connect. If a sensor that is there refuses, it may have lost its bond: forget ours and pair again."""
        try:
            async with asyncio.timeout(within_s):
                await client.connect()
        except (BleakDeviceNotFoundError, BleakBluetoothNotAvailableError):
            raise
        except (BleakError, TimeoutError) as e:
            is_refused = not isinstance(e, TimeoutError)
            await self._pairing.doubt(client, REFUSED if is_refused else UNANSWERED, pairs=pairs)
            if is_refused and self._pairing.has_failed(client.address):
                raise UnpairedError(has_failed=True) from e
            raise
        self._pairing.connected()

    async def _start(
        self, client: BleakClient, connection: Connection, driver: Driver, conversation: Conversation
    ) -> float:
        """Set the sensor up. Return after how many seconds of the night without a frame the link counts as silent."""
        self._early, self._stop_reason = [], None
        wanted = StreamRequest(
            rate_hz=self._rate_hz,
            range_g=self._range_g,
            frame_s=FRAME_S * max(1.0, self._speed() / 15),
            stream=FOREIGN_STREAMS + random.getrandbits(31),
            last=self._listener.last_stream(),
        )
        start = await connection.run(conversation.start(wanted))
        self._look_for_sleep()
        self._pairing.started(client.address)
        self._switches_off = driver.declares.idle_s is not None
        self._listener.sensor_started(
            ConnectedSensor(client.name, client.address, driver.name, driver.declares, start)
        )
        self._listener.link_changed("streaming", link_message(LinkCode.STREAMING))
        self._last_frame = asyncio.get_running_loop().time()
        early, self._early = self._early, None
        for frame, arrival in early:
            self._listener.frame(frame, arrival)
        return SILENT_FRAMES * start.frame_s

    async def _watch(
        self, gone: asyncio.Event, fetching: asyncio.Task[None], silent_s: float
    ) -> tuple[GapCause, Message | None]:
        """Wait until the link fails. Return the cause, and a message for the person if the link is silent."""
        while True:
            if fetching.done():
                fetching.result()  # it ends only by a programming error: raise it
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await gone.wait()
            if self._sleep.has_slept():
                self._last_up = float("-inf")
                return GapCause.COMPUTER_SLEPT, None
            self._last_up = asyncio.get_running_loop().time()
            if gone.is_set():
                return GapCause.LINK_LOST, None
            if self._stop_reason is not None:
                return GapCause.SENSOR_STOPPED, link_message(LinkCode.SENSOR_STOPPED, why=self._stop_reason)
            if (speed := self._speed()) == 0:  # the simulated night is stopped, and no frame is due
                self._last_frame = asyncio.get_running_loop().time()
            elif asyncio.get_running_loop().time() - self._last_frame > max(SILENT_LEAST_S, silent_s / speed):
                return GapCause.LINK_SILENT, link_message(LinkCode.SILENT)

    def _event(self, event: SensorEvent, arrival: int) -> None:
        if isinstance(event, Frame):
            if not event.late:
                self._last_frame = asyncio.get_running_loop().time()
            if self._early is not None:
                self._early.append((event, arrival))
            else:
                self._listener.frame(event, arrival)
        elif isinstance(event, Battery):
            self._listener.battery(event.percent)
        elif isinstance(event, Status):
            self._listener.status(event)
        elif isinstance(event, Stopped):
            self._stop_reason = event.reason


def failure_message(error: Exception) -> Message:
    """Return the message for a person about an attempt that failed."""
    if isinstance(error, RefusedError):
        why = str(error).rstrip(".")
        return link_message(LinkCode.SENSOR_REFUSED, why=f"{why[:1].upper()}{why[1:]}.")
    if isinstance(error, BleakBluetoothNotAvailableError):
        return link_message(LinkCode.BLUETOOTH_GONE)
    if isinstance(error, UnpairedError):
        return link_message(LinkCode.NOT_PAIRED if error.has_failed else LinkCode.PAIRING)
    if isinstance(error, FrameError | BleakCharacteristicNotFoundError):
        return link_message(LinkCode.NOT_UNDERSTOOD)
    return link_message(LinkCode.NO_ANSWER if isinstance(error, TimeoutError) else LinkCode.NO_CONNECTION)


def advertisement(data: AdvertisementData) -> Advertisement:
    """Convert an advertisement from bleak's form to the drivers'."""
    return Advertisement(
        data.local_name, frozenset(u.lower() for u in data.service_uuids), data.manufacturer_data
    )
