"""The sensor on Bluetooth: its advertisement, connection, answers and notifications.

`firmware_sim.sensor` makes all decisions. This module carries them to and from a bumble device on any HCI transport.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from bumble import att, core, hci
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Characteristic
from bumble.transport.common import Transport

from firmware_sim import profile
from firmware_sim.advertising import advertising_data, just_works, scan_response
from firmware_sim.attributes import Attributes
from firmware_sim.journal import Journal
from firmware_sim.mischief import Mischief
from firmware_sim.pace import Pace
from firmware_sim.sensor import Sensor
from firmware_sim.stream import Stream
from firmware_sim.uptime import Uptime

_log = logging.getLogger(__name__)

_SHORTEST_SLEEP_S = 0.005
"""At high speed several frames are due within a few milliseconds; they are sent together."""
_LONGEST_SLEEP_S = 0.1

_LAST_ORDERS_S = 0.3
"""How long the process waits at its end for commands that the radio has not answered yet."""

_NOTICES_EVERY_S = 1.0  # section 6: status once a second at most

_ADVERTISING_INTERVAL_MS = 100.0
# Section 2, in the units of bumble: interval in ms, latency in intervals, supervision timeout in ms.
_PREFERRED_PARAMETERS = (15.0, 30.0, 4, 4000.0)


class Peripheral:
    """The sensor on a radio.

    Parameters
    ----------
    sensor : Sensor
        The firmware's state.
    transport : Transport
        HCI transport of the radio.
    name, address : str
        Advertised name, and static random address.
    uptime : Uptime
        The sensor's uptime.
    journal : Journal
        Records what happens.
    over : callable
        Called once, when the end of the night has been sent.
    mischief : Mischief, optional
        Faults on purpose.
    """

    def __init__(
        self,
        sensor: Sensor,
        transport: Transport,
        *,
        name: str,
        address: str,
        uptime: Uptime,
        journal: Journal,
        over: Callable[[], None] = lambda: None,
        mischief: Mischief | None = None,
    ) -> None:
        self._sensor = sensor
        self._on_over: Callable[[], None] | None = over
        self._name = name
        self._uptime = uptime
        self._clock = uptime.us
        self._journal = journal
        self._mischief = mischief or Mischief()
        self._connection: Connection | None = None
        self._sending = asyncio.Lock()
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._orders: set[asyncio.Task[Any]] = set()
        self._radio_lost = transport.source.terminated
        self._device = Device.from_config_with_hci(
            DeviceConfiguration(
                name=name,
                address=hci.Address(address),
                advertising_interval_min=_ADVERTISING_INTERVAL_MS,
                advertising_interval_max=_ADVERTISING_INTERVAL_MS,
                irk=secrets.token_bytes(16),
            ),
            transport.source,
            transport.sink,
        )
        self._device.pairing_config_factory = just_works
        self._attributes = Attributes(sensor, uptime.us, self._on_request)
        self._attributes.offer(self._device.gatt_server)
        self._attributes.live.on(Characteristic.EVENT_SUBSCRIPTION, lambda *_facts: self._changed.set())
        self._device.on(Device.EVENT_CONNECTION, self._on_connection)

    async def run(self) -> None:
        """Measure, notify and answer until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump())
                group.create_task(self._notices())
                group.create_task(self._hang_up())
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_ORDERS_S):
                    await asyncio.gather(*self._orders, return_exceptions=True)

    async def advertise(self) -> None:
        """Switch the radio on and advertise, from then on also after every disconnect."""
        self._device.advertising_data = advertising_data()
        self._device.scan_response_data = self._scan_response()
        await self._device.power_on()
        await self._device.start_advertising()

    def _scan_response(self) -> bytes:
        return scan_response(self._name, self._sensor.manufacturer_data(self._clock()))

    # --- requests -------------------------------------------------------------------------------------------------

    def _on_request(self, connection: Connection, request: bytes) -> None:
        # In a task, so that the response to the write is sent before the indication.
        self._spawn(self._carry_out(connection, request))

    async def _obey(self, request: bytes) -> bytes:
        """Carry out a request and return its answer."""
        now_us = self._clock()
        before = self._sensor.stream
        if request[0] == profile.Op.STOP and len(request) == 2:
            # Samples that have been taken are sent before the answer with the end of the stream.
            await self._send_due(now_us, rest=True)
        answer = self._sensor.control(request, now_us=now_us, mtu=self._mtu())
        after = self._sensor.stream
        if before is not None and after is None:
            taken, dropped = self._sensor.framed, self._sensor.dropped
            self._journal.write("stop", stream=before.number, next=taken, dropped=dropped)
        elif before is None and after is not None:
            self.note_start(after)
        self._device.scan_response_data = self._scan_response()
        self._changed.set()
        return answer

    async def _carry_out(self, connection: Connection, request: bytes) -> None:
        answer = await self._obey(request)
        # TimeoutError: the link was lost before the client confirmed.
        with suppress(TimeoutError, core.BaseBumbleError):
            await self._device.gatt_server.indicate_subscriber(connection, self._attributes.control, answer)
        if request[0] == profile.Op.BACKFILL and answer[3] == profile.Answer.OK:
            await self._fill(connection, request)

    def note_start(self, stream: Stream) -> None:
        """Record that a stream began, with everything that a reboot needs to continue."""
        self._journal.write(
            "start",
            stream=stream.number,
            rate_hz=stream.rate_hz,
            range_g=stream.range_g,
            batch=stream.batch,
            t_us=stream.time_us(0),
            night_first=stream.night_first,
            night_us=stream.night_us,
            zero_ns=self._zero_ns(stream),
        )

    def note_pace(self) -> None:
        """Record that the uptime has changed its speed, so that a reboot continues at the right moment."""
        if (stream := self._sensor.stream) is not None and self._uptime.speed:
            self._journal.write("pace", zero_ns=self._zero_ns(stream))

    def _zero_ns(self, stream: Stream) -> int:
        """Return when the night would have begun at the present speed, by the monotonic clock."""
        return time.monotonic_ns() - round(
            (self._clock() - stream.night_us) * 1000 / (self._uptime.speed or 1.0)
        )

    async def _fill(self, connection: Connection, request: bytes) -> None:
        """Send the samples of a BACKFILL, then its event. Live frames are sent in between."""
        number, first, count = profile.parse_range(request[2:]) or (0, 0, 0)
        at, pace = first, Pace(connection)
        try:
            while connection is self._connection:
                late = self._sensor.late_frame(number, at, first + count, mtu=connection.att_mtu)
                if late is None:
                    break
                frame, size = late
                at += size
                if frame is not None and self._subscribed(self._attributes.backfill) is connection:
                    for value in self._mischief.apply(frame):
                        await self._device.notify_subscriber(connection, self._attributes.backfill, value)
                await pace.went()
        finally:
            self._sensor.is_filling = False
        self._journal.write("filled", stream=number, first=first, count=at - first)
        event = profile.backfill_ended(
            request[1], profile.Answer.OK, stream=number, first=first, count=at - first
        )
        with suppress(TimeoutError, core.BaseBumbleError):
            await self._device.gatt_server.indicate_subscriber(connection, self._attributes.control, event)

    # --- the link -------------------------------------------------------------------------------------------------

    def _on_connection(self, connection: Connection) -> None:
        self._connection = connection
        self._journal.write("connected", peer=connection.peer_address.to_string(with_type_qualifier=False))
        connection.on(
            Connection.EVENT_DISCONNECTION, lambda reason: self._on_disconnection(connection, reason)
        )
        self._spawn(self._ask_for_parameters(connection))

    def _on_disconnection(self, connection: Connection, reason: int) -> None:
        self._journal.write("disconnected", reason=reason)
        if self._connection is connection:
            self._connection = None
        if not self._radio_lost.done():
            # Not by bumble's auto_restart, which cannot be awaited when the process ends.
            self._spawn(self._order(self._device.start_advertising))

    async def _order(self, commands: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Run commands of the radio to their end, even if this task is cancelled.

        bumble 0.0.236 fails on the answer to a command whose sender was cancelled.
        """
        order = asyncio.create_task(commands())
        self._orders.add(order)
        order.add_done_callback(self._orders.discard)
        with suppress(core.BaseBumbleError):
            await asyncio.shield(order)

    async def _ask_for_parameters(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(5.0):
                await connection.update_parameters(*_PREFERRED_PARAMETERS, use_l2cap=True)
        except (TimeoutError, core.BaseBumbleError) as error:
            _log.info("The client did not accept the connection parameters: %r", error)
        finally:
            # bumble 0.0.236 keeps an unanswered request pending after a disconnect and then refuses the next one.
            self._device.l2cap_channel_manager.connection_parameters_update_response = None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- notifications --------------------------------------------------------------------------------------------

    def _subscribed(self, characteristic: Characteristic[bytes]) -> Connection | None:
        """Return the connected client if it wants notifications of `characteristic`."""
        connection = self._connection
        if connection is None:
            return None
        wishes = self._device.gatt_server.subscribers.get(connection, {}).get(characteristic.handle, b"\0\0")
        return connection if wishes[0] & 0x01 else None

    def _mtu(self) -> int:
        return self._connection.att_mtu if self._connection is not None else att.ATT_DEFAULT_MTU

    async def _pump(self) -> None:
        """Send each live frame when it is due."""
        while True:
            self._changed.clear()
            await self._send_due(self._clock())
            if self._on_over is not None and self._sensor.over:
                self._on_over()
                self._on_over = None
            due_us = self._sensor.next_due_us(mtu=self._mtu())
            wait_s = None if due_us is None else self._wait_s(due_us)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()

    def _wait_s(self, due_us: int) -> float:
        """Return how long to sleep until a frame is due; not long, because the speed may change meanwhile."""
        speed = self._uptime.speed
        soon_s = (due_us - self._clock()) / 1e6 / speed if speed else _LONGEST_SLEEP_S
        return min(max(_SHORTEST_SLEEP_S, soon_s), _LONGEST_SLEEP_S)

    async def _send_due(self, now_us: int, *, rest: bool = False) -> None:
        """Notify, or count as dropped, every frame that is due at `now_us`."""
        async with self._sending:
            pace: Pace | None = None
            while (frame := self._sensor.due(now_us, mtu=self._mtu(), rest=rest)) is not None:
                first, count = frame
                stream = self._sensor.stream
                if stream is None:
                    return
                client = self._subscribed(self._attributes.live)
                if client is None or client.att_mtu < profile.SMALLEST_MTU or stream.loses(first, count):
                    self._sensor.drop(count)
                    self._journal.write("dropped", stream=stream.number, first=first, count=count)
                    continue
                for value in self._mischief.apply(stream.frame(first, count)):
                    await self._device.notify_subscriber(client, self._attributes.live, value)
                self._sensor.sent(count)
                self._journal.write("sent", stream=stream.number, first=first, count=count)
                pace = pace or Pace(client)
                await pace.went()

    async def _hang_up(self) -> None:
        """Disconnect whenever a fault asks for it."""
        while True:
            await self._mischief.cut.wait()
            self._mischief.cut.clear()
            if self._connection is not None:
                with suppress(TimeoutError, core.BaseBumbleError):
                    await self._order(self._connection.disconnect)

    async def _notices(self) -> None:
        """Notify status and battery level when they have changed, and keep the scan response current."""
        sent_status, sent_battery = b"", -1
        while True:
            await asyncio.sleep(_NOTICES_EVERY_S)
            now_us = self._clock()
            self._sensor.charging, self._sensor.level = self._mischief.is_charging, self._mischief.level
            if self._mischief.takes_a_rest():
                await self._obey(bytes([profile.Op.STOP, 0]))
            status, battery = self._sensor.status(now_us), self._sensor.battery(now_us)
            if (client := self._subscribed(self._attributes.status)) is not None and status != sent_status:
                await self._device.notify_subscriber(client, self._attributes.status, status)
                sent_status = status
            if (client := self._subscribed(self._attributes.battery)) is not None and battery != sent_battery:
                await self._device.notify_subscriber(client, self._attributes.battery, bytes([battery]))
                sent_battery = battery
            response = self._scan_response()
            if response != self._device.scan_response_data:
                self._device.scan_response_data = response
                if self._connection is None:
                    command = hci.HCI_LE_Set_Scan_Response_Data_Command(scan_response_data=response)
                    await self._order(partial(self._device.send_sync_command, command))
