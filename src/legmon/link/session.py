"""Keeps one sensor streaming all night: find, connect, pair, start, watch, fetch what was lost, and all over again.

It speaks to any driver: what to read, write and wait for are the steps of a conversation (`legmon.sensors.base`), carried out one
at a time, since radios and sensors mind two requests at once.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Sequence

from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakDeviceNotFoundError, BleakError

from legmon.link.backfill import LOOK_S, keep_up
from legmon.link.connection import Connection
from legmon.link.failure import plain
from legmon.link.listener import Identity, Listener
from legmon.link.pairing import REFUSED, UNANSWERED, Pairing, UnpairedError, wants_pairing
from legmon.link.radio import Radio
from legmon.link.suspend import Sleep
from legmon.link.tasks import ended
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

CONNECT_S = 5.0  # a sensor that was just heard answers at once, or is gone again
PAIR_S, START_S = 5.0, 8.0  # to encrypt and to learn what it has; to set it up
PATIENT_TRIES = 3  # so often the first, second, … time: a person may have to agree to a pairing
ANEW_TRIES = 4  # in a row that failed with a sensor that is heard: then what is believed of it may be wrong
SILENT_LEAST_S, SILENT_FRAMES = 3.0, 5.0  # a link can be "connected" and carry nothing
BACK_OFF_S, BACK_OFF_MOST_S = 0.2, 5.0
GONE_S = 60.0  # a radio that is found gone within so long after a link was up has taken it along
STALE_S = 5.0  # between two looks whether the sensor is still held for a program that died, and so not heard
OFF_S = 20.0  # not heard for so long, one that switches itself off when it lies still may have done so
FRAME_S = 0.25


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
    drivers : sequence of Driver
        The families of sensors that will do.
    leg : {"left", "right"} or None
        Only a sensor that says it is on this leg, or says nothing; None for any.
    claim : callable
        Asked with the address of a sensor that would do whether it may be taken: once a night has its sensor no other will,
        and two sessions never take the same.
    insists : callable
        Asked with an address whether a person chose that sensor: what it says of its leg does not count then.
    known : callable
        Gives the address of the sensor that is looked for, where that is known.
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
        drivers: Sequence[Driver] = (ankle.DRIVER,),
        leg: Leg | None = None,
        claim: Callable[[str], bool] = lambda _: True,
        insists: Callable[[str], bool] = lambda _: False,
        known: Callable[[], str | None] = lambda: None,
        rate_hz: int = 50,
        range_g: int = 4,
        speed: float = 1.0,
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
        self._frame_s = FRAME_S * max(1.0, speed / 15)
        self._conversations: dict[str, Conversation] = {}
        self._early: list[tuple[Frame, int]] | None = None
        self._ended: str | None = None
        self._last_frame = 0.0
        self._last_up = float("-inf")
        self._pairing = Pairing()
        self._switches_off = False  # the sensor that streamed last, when it lies still
        self._sleep = Sleep()

    async def run(self) -> None:
        """Stream until cancelled; whatever fails is tried again. Cancelling stops the sensor."""
        wait, tries = BACK_OFF_S, 0
        while True:
            self._listener.link_changed("searching", link_message(LinkCode.SEARCHING))
            try:
                device, driver = await self._find()
                tries += 1
                name = device.name or device.address
                self._listener.link_changed("connecting", link_message(LinkCode.CONNECTING, name=name))
                if tries % ANEW_TRIES == 0:
                    self._radio.look_anew()
                await self._stream(device, driver, min(tries, PATIENT_TRIES))
                wait, tries = BACK_OFF_S, 0
            except (BleakError, FrameError, RefusedError, OSError, TimeoutError, EOFError) as e:
                log.info("link: %s: %s", type(e).__name__, e)
                since_s = asyncio.get_running_loop().time() - self._last_up
                if isinstance(e, BleakBluetoothNotAvailableError) and since_s < GONE_S:
                    self._last_up = float("-inf")
                    self._listener.link_down(GapCause.RADIO_GONE)
                self._listener.link_changed("searching", plain(e))
            except Exception as e:  # a defect, ours or of what we build on, must not end the night
                log.exception("link")
                self._listener.link_changed("searching", plain(e))
            await asyncio.sleep(wait)
            wait = min(2 * wait, BACK_OFF_MOST_S)

    async def _find(self) -> tuple[BLEDevice, Driver]:
        """Scan until a sensor that will do is heard; the scanner rests while it is connected."""

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

        # before bleak asks BlueZ what there is: what changes in that moment it never learns
        await self._let_go()
        freeing = asyncio.create_task(self._free())
        try:
            return await self._radio.scan.first(wanted)
        finally:
            await ended(freeing)
            self._look_for_sleep()

    async def _free(self) -> None:
        """Have the known sensor let go, if something that died left it connected; say it where it may be off."""
        since = asyncio.get_running_loop().time()
        is_said = not self._switches_off
        while True:
            await asyncio.sleep(STALE_S)
            self._look_for_sleep()
            await self._let_go()
            if not is_said and asyncio.get_running_loop().time() - since > OFF_S:
                is_said = True
                self._listener.link_changed("searching", link_message(LinkCode.MAYBE_OFF))

    def _look_for_sleep(self) -> None:
        """A computer that goes to sleep may end its links before; then it was the sleep, and no link that was lost."""
        if self._sleep.noticed() and asyncio.get_running_loop().time() - self._last_up < GONE_S:
            self._last_up = float("-inf")
            self._listener.link_down(GapCause.COMPUTER_SLEPT)

    async def _let_go(self) -> None:
        address = self._known()
        if address is not None and await self._radio.let_go(address):
            self._listener.link_changed("searching", link_message(LinkCode.LET_GO))

    async def _stream(self, device: BLEDevice, driver: Driver, patience: int) -> None:
        """Connect and stream until the link fails; with more patience where it failed before."""
        connect_s, pair_s, start_s = CONNECT_S * patience, PAIR_S * patience, START_S * patience
        gone = asyncio.Event()
        pairs = driver.pairs or self._pairing.wants(device.address)
        client = BleakClient(
            device, lambda _: gone.set(), timeout=connect_s, pair=pairs, **self._radio.client
        )
        conversation = self._conversations.setdefault(device.address, driver.converse())
        connection = Connection(client, conversation, self._now_ns, self._take, self._listener.refused)
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
                    await ended(fetching)
                with contextlib.suppress(BleakError, TimeoutError, RefusedError, FrameError):
                    async with asyncio.timeout(1.0):
                        await connection.run(conversation.stop())
            raise
        finally:
            if fetching is not None:
                await ended(fetching)
            with contextlib.suppress(BleakError, TimeoutError, EOFError):
                async with asyncio.timeout(1.0):
                    await client.disconnect()

    async def _connect(self, client: BleakClient, within_s: float, *, pairs: bool) -> None:
        """Connect. A sensor that is there and does not let us in may have lost its bond: ours is forgotten and made anew."""
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
        """Set the sensor up; return after how many wall seconds without a frame the link counts as silent."""
        self._early, self._ended = [], None
        wanted = StreamRequest(
            rate_hz=self._rate_hz,
            range_g=self._range_g,
            frame_s=self._frame_s,
            stream=FOREIGN_STREAMS + random.getrandbits(31),
            last=self._listener.last_stream(),
        )
        started = await connection.run(conversation.start(wanted))
        self._look_for_sleep()
        self._pairing.started(client.address)
        self._switches_off = driver.declares.idle_s is not None
        self._listener.sensor_started(
            Identity(client.name, client.address, driver.name, driver.declares, started)
        )
        self._listener.link_changed("streaming", link_message(LinkCode.STREAMING))
        self._last_frame = asyncio.get_running_loop().time()
        early, self._early = self._early, None
        for frame, arrival in early:
            self._listener.frame(frame, arrival)
        return max(SILENT_LEAST_S, SILENT_FRAMES * started.frame_s / self._speed)

    async def _watch(
        self, gone: asyncio.Event, fetching: asyncio.Task[None], silent_s: float
    ) -> tuple[GapCause, Message | None]:
        """Wait until the link fails, and say how."""
        while True:
            if fetching.done():
                fetching.result()  # it ends only by a defect: let it be seen
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await gone.wait()
            if self._sleep.noticed():
                self._last_up = float("-inf")
                return GapCause.COMPUTER_SLEPT, None
            self._last_up = asyncio.get_running_loop().time()
            if gone.is_set():
                return GapCause.LINK_LOST, None
            if self._ended is not None:
                return GapCause.SENSOR_STOPPED, link_message(LinkCode.SENSOR_STOPPED, why=self._ended)
            if asyncio.get_running_loop().time() - self._last_frame > silent_s:
                return GapCause.LINK_SILENT, link_message(LinkCode.SILENT)

    def _take(self, event: SensorEvent, arrival: int) -> None:
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
            self._ended = event.reason


def advertisement(data: AdvertisementData) -> Advertisement:
    """Give a driver what bleak heard."""
    return Advertisement(
        data.local_name, frozenset(u.lower() for u in data.service_uuids), data.manufacturer_data
    )
