"""A commodity sensor on Bluetooth: the characteristics and notifications of its firmware, on an HCI transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

from bumble import att, core, data_types, gatt, hci
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import CharacteristicValue, Service
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import Transport

from firmware_sim.families.firmware import Characteristic, Firmware, Notice, RefusedError, long_uuid
from firmware_sim.journal import Journal
from firmware_sim.mischief import Mischief

_SHORTEST_SLEEP_S = 0.004
_NOTICES_PER_DRAIN = 24
_LAST_ORDERS_S = 0.3
_INTERVAL_MS = 100.0

_P = gatt.Characteristic.Properties
_PROPERTIES = {
    "read": _P.READ,
    "write": _P.WRITE,
    "write-no-response": _P.WRITE_WITHOUT_RESPONSE,
    "notify": _P.NOTIFY,
    "indicate": _P.INDICATE,
}


class FamilyPeripheral:
    """A commodity sensor on a radio.

    Parameters
    ----------
    firmware : Firmware
        The firmware of the sensor.
    transport : Transport
        HCI transport of the radio.
    address : str
        Static random address.
    clock : callable
        Returns the sensor's uptime in µs.
    speed : float
        How many times faster than real time `clock` runs.
    journal : Journal
        Records what happens.
    over : callable
        Called once, when the end of the night has been sent.
    mischief : Mischief, optional
        Frames that the radio loses on purpose.
    """

    def __init__(
        self,
        firmware: Firmware,
        transport: Transport,
        *,
        address: str,
        clock: Callable[[], int],
        speed: float,
        journal: Journal,
        over: Callable[[], None] = lambda: None,
        mischief: Mischief | None = None,
    ) -> None:
        self._firmware = firmware
        self._clock = clock
        self._speed = speed
        self._journal = journal
        self._mischief = mischief or Mischief()
        self._on_over: Callable[[], None] | None = over
        self._connection: Connection | None = None
        self._changed = asyncio.Event()
        self._sending = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._radio_lost = transport.source.terminated
        self._device = Device.from_config_with_hci(
            DeviceConfiguration(
                name=firmware.name,
                address=hci.Address(address),
                advertising_interval_min=_INTERVAL_MS,
                advertising_interval_max=_INTERVAL_MS,
            ),
            transport.source,
            transport.sink,
        )
        self._device.pairing_config_factory = lambda _: _pairing(refuses=firmware.refuses_pairing)
        self._values: dict[str, gatt.Characteristic[bytes]] = {}
        for uuid, characteristics in {**firmware.services, **firmware.public}.items():
            service = Service(UUID(uuid), [self._value(c) for c in characteristics])
            self._device.gatt_server.add_services([service])
        self._device.on(Device.EVENT_CONNECTION, self._on_connection)

    async def advertise(self) -> None:
        """Switch the radio on and advertise, from then on also after every disconnect."""
        flags, advertised = AdvertisingData.Flags, self._firmware.advertised
        parts: list[Any] = [data_types.Flags(flags.LE_GENERAL_DISCOVERABLE_MODE | flags.BR_EDR_NOT_SUPPORTED)]
        if advertised.services:
            parts.append(data_types.CompleteListOf128BitServiceUUIDs([UUID(u) for u in advertised.services]))
        if advertised.short_services:
            parts.append(
                data_types.CompleteListOf16BitServiceUUIDs([UUID(u) for u in advertised.short_services])
            )
        if advertised.company:
            parts.append(data_types.ManufacturerSpecificData(*advertised.company))
        self._device.advertising_data = bytes(AdvertisingData(parts))
        name = data_types.CompleteLocalName(self._firmware.name)
        self._device.scan_response_data = bytes(AdvertisingData([name]))
        await self._device.power_on()
        await self._device.start_advertising()

    async def run(self) -> None:
        """Measure, notify and answer until cancelled. After the sensor has switched itself off, it sends nothing."""
        running, is_off = self._firmware.worn, False
        try:
            while True:
                self._changed.clear()
                await self._send_due()
                if self._firmware.is_off and not is_off:
                    is_off = True
                    await self._switch_off()
                worn = self._firmware.worn
                if worn is not running:
                    running = worn
                    self._journal.write("started" if worn else "stopped", first=worn.sent if worn else 0)
                if self._on_over is not None and worn is not None and worn.over:
                    self._on_over()
                    self._on_over = None
                due_us = self._firmware.next_due_us(self._mtu())
                wait_s = None
                if due_us is not None:
                    wait_s = max(_SHORTEST_SLEEP_S, (due_us - self._clock()) / 1e6 / self._speed)
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._changed.wait()
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_ORDERS_S):
                    await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _switch_off(self) -> None:
        self._journal.write("off")
        with suppress(core.BaseBumbleError, hci.HCI_Error):
            if self._connection is not None:
                await self._connection.disconnect()
            await self._device.stop_advertising()

    def _value(self, what: Characteristic) -> gatt.Characteristic[bytes]:
        uuid, properties = what.uuid, what.properties
        flags, permissions = _P(0), gatt.Characteristic.Permissions(0)
        for name in properties:
            flags |= _PROPERTIES[name]
        if "read" in properties:
            permissions |= gatt.Characteristic.READABLE
        if flags & (_P.WRITE | _P.WRITE_WITHOUT_RESPONSE):
            permissions |= gatt.Characteristic.WRITEABLE
        if what.encrypted:
            permissions |= (
                gatt.Characteristic.READ_REQUIRES_ENCRYPTION | gatt.Characteristic.WRITE_REQUIRES_ENCRYPTION
            )

        if what.inert:
            nothing = CharacteristicValue(read=lambda _: bytes(4), write=lambda _, __: None)
            return gatt.Characteristic[bytes](uuid, flags, permissions, nothing)

        def read(_connection: Connection) -> bytes:
            value: bytes = _or_att_error(lambda: self._firmware.read(uuid, self._clock()))
            return value

        def write(connection: Connection, data: bytes) -> None:
            mtu = connection.att_mtu
            notices = _or_att_error(lambda: self._firmware.written(uuid, bytes(data), self._clock(), mtu))
            self._journal.write("written", uuid=uuid, data=bytes(data).hex())
            self._changed.set()
            if notices:  # in a task, so that the response to the write is sent before them
                self._spawn(self._answer(notices))

        made = gatt.Characteristic[bytes](
            uuid, flags, permissions, CharacteristicValue(read=read, write=write)
        )
        made.on(made.EVENT_SUBSCRIPTION, lambda *_facts: self._on_subscription(uuid))
        self._values[long_uuid(uuid) if len(uuid) == 4 else uuid] = made
        return made

    def _on_subscription(self, uuid: str) -> None:
        self._firmware.subscribed(uuid, self._clock())
        self._changed.set()

    async def _answer(self, notices: list[Notice]) -> None:
        async with self._sending:
            for notice in notices:
                await self._send(notice)

    async def _send_due(self) -> None:
        async with self._sending:
            count = 0
            while (notices := self._firmware.due(self._clock(), self._mtu())) is not None:
                for notice in notices:
                    lost = notice.lost or self._mischief.loses()
                    count += await self._send(replace(notice, lost=lost))
                if count >= _NOTICES_PER_DRAIN and self._connection is not None:
                    await _drain(self._connection)
                    count = 0

    async def _send(self, notice: Notice) -> bool:
        """Notify or indicate if a client is subscribed. Record a notice with samples as sent or dropped."""
        connection = self._connection
        value = self._values[notice.uuid]
        wishes = b"\0\0"
        if connection is not None:
            wishes = self._device.gatt_server.subscribers.get(connection, {}).get(value.handle, wishes)
        listens = bool(wishes[0]) and not notice.lost
        if notice.samples:
            self._journal.write("sent" if listens else "dropped", count=notice.samples)
        if connection is None or not listens or not notice.data:
            return False
        with suppress(TimeoutError, core.BaseBumbleError):  # the link was lost before the client confirmed
            if wishes[0] & 2:
                await self._device.gatt_server.indicate_subscriber(connection, value, notice.data)
            else:
                await self._device.notify_subscriber(connection, value, notice.data)
        return True

    def _mtu(self) -> int:
        return self._connection.att_mtu if self._connection is not None else att.ATT_DEFAULT_MTU

    def _on_connection(self, connection: Connection) -> None:
        self._connection = connection
        self._firmware.client_came(self._clock())
        self._journal.write("connected")
        connection.on(Connection.EVENT_DISCONNECTION, lambda _reason: self._on_disconnection(connection))

    def _on_disconnection(self, connection: Connection) -> None:
        if self._connection is connection:
            self._connection = None
            self._firmware.client_went(self._clock())
            self._changed.set()
        self._journal.write("disconnected")
        if not self._radio_lost.done() and not self._firmware.is_off:
            self._spawn(self._advertise_again())

    async def _advertise_again(self) -> None:
        with suppress(core.BaseBumbleError):
            await asyncio.shield(self._device.start_advertising())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _or_att_error(do: Callable[[], Any]) -> Any:
    try:
        return do()
    except RefusedError as error:
        raise att.ATT_Error(att.ErrorCode(error.code)) from error


class _Refusing(PairingDelegate):
    async def accept(self) -> bool:
        return False


def _pairing(*, refuses: bool) -> PairingConfig:
    delegate = _Refusing if refuses else PairingDelegate
    just_works = delegate(PairingDelegate.IoCapability.NO_OUTPUT_NO_INPUT)
    return PairingConfig(sc=True, mitm=False, bonding=True, delegate=just_works)


async def _drain(connection: Connection) -> None:
    """Wait until the radio has taken everything queued for this client."""
    link = connection.device.host.connections.get(connection.handle)
    if link is None or link.acl_packet_queue is None:
        return
    with suppress(ValueError):
        await link.acl_packet_queue.drain(connection.handle)
