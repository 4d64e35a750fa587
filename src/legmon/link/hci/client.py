"""A GATT client over an HCI stream, for ``BleakClient(device, backend=HciClient)``."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import att, core, hci
from bumble.device import Connection, Peer

from legmon.link.hci.adapter import Adapter, uuid_text

MTU = 517  # what BlueZ asks for
HANG_UP_S = 2.0  # a controller that has not confirmed by then never does
RESOLVE_S = 0.5  # bumble looks for a bonded sensor before it connects, without a time limit of its own


class HciClient(BaseBleakClient):
    """Client backend.

    Parameters
    ----------
    hci : str, optional
        Bumble transport of the controller; by default the one the device was found on.
    """

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        services: set[str] | None = None,
        hci: str | None = None,
        **_: Any,
    ) -> None:
        super().__init__(address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout)
        details = address_or_ble_device.details if isinstance(address_or_ble_device, BLEDevice) else {}
        self._spec = hci or details["hci"]
        self._target = details.get("address")
        self._name = address_or_ble_device.name if isinstance(address_or_ble_device, BLEDevice) else None
        self._wanted = services
        self._adapter: Adapter
        self._connection: Connection | None = None
        self._peer: Peer
        self._callbacks: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        """Name from the advertisement, or the address."""
        return self._name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """ATT MTU of the connection."""
        return self._connection.att_mtu if self._connection else 23

    @property
    def is_connected(self) -> bool:
        """Whether the link is up."""
        return self._connection is not None

    async def connect(self, pair: bool, **_: Any) -> None:  # noqa: FBT001 (bleak's signature)
        """Connect, exchange the MTU, pair if asked, discover services."""
        if self._connection is not None:
            raise BleakError("already connected")
        self._adapter = await Adapter.get(self._spec)
        target = self._target or hci.Address(self.address, hci.Address.RANDOM_DEVICE_ADDRESS)
        async with self._adapter.connecting:
            connection = await self._establish(target)
        self._connection = connection
        self._peer = Peer(connection)
        self._callbacks.clear()
        self._adapter.on_lost.add(self._gone)
        connection.on("disconnection", lambda _reason: self._gone())
        try:
            async with self._translated():
                await self._peer.request_mtu(MTU)
            if pair:
                await self.pair()
            async with self._translated():
                await self._discover()
        except BaseException:
            await self.disconnect()
            raise

    async def _establish(self, target: hci.Address) -> Connection:
        """Open the link in a task of its own.

        Cancelling bumble's ``connect`` leaves the controller's request pending, and every later connection fails. So the request
        is cancelled over HCI instead.
        """
        job = asyncio.ensure_future(self._adapter.device.connect(target, timeout=self._timeout))
        try:
            async with asyncio.timeout(self._timeout + RESOLVE_S):
                return await asyncio.shield(job)
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(HANG_UP_S):
                    await self._adapter.device.cancel_connection()  # type: ignore[no-untyped-call]
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await (await asyncio.wait_for(job, 2)).disconnect()
            raise
        except (core.TimeoutError, TimeoutError) as e:
            job.cancel()
            await asyncio.wait({job}, timeout=HANG_UP_S)
            raise BleakDeviceNotFoundError(self.address, f"no answer from {self.address}") from e
        except (hci.HCI_Error, core.BaseBumbleError) as e:
            raise BleakError(f"cannot connect to {self.address}: {e}") from e

    def _gone(self) -> None:
        if self._connection is None:
            return
        self._adapter.on_lost.discard(self._gone)
        self._connection = None
        self.services = None
        if self._disconnected_callback:
            self._disconnected_callback()

    @contextlib.asynccontextmanager
    async def _translated(self) -> AsyncIterator[Connection]:
        """Turn bumble's errors into bleak's.

        Bumble cancels a pending request when the link is lost; that is an error here, not a cancellation.
        """
        if self._connection is None:
            raise BleakError("not connected")
        try:
            yield self._connection
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self.is_connected and not (task and task.cancelling()):
                raise BleakError("disconnected") from None
            raise
        except att.ATT_Error as e:
            raise BleakGATTProtocolError(e.error_code) from e
        except (core.BaseBumbleError, hci.HCI_Error) as e:
            raise BleakError(str(e) or repr(e)) from e

    async def _discover(self) -> None:
        found = BleakGATTServiceCollection()
        await self._peer.discover_services()
        for service in self._peer.services:
            uuid = uuid_text(service.uuid)
            if self._wanted and uuid not in self._wanted:
                continue
            await service.discover_characteristics()
            entry = BleakGATTService(service, service.handle, uuid)
            found.add_service(entry)
            for characteristic in service.characteristics:
                await characteristic.discover_descriptors()
                item = BleakGATTCharacteristic(
                    characteristic,
                    characteristic.handle,
                    uuid_text(characteristic.uuid),
                    list(gatt_char_props_to_strs(int(characteristic.properties))),
                    lambda: self.mtu_size - 3,
                    entry,
                )
                found.add_characteristic(item)
                for d in characteristic.descriptors:
                    found.add_descriptor(BleakGATTDescriptor(d, d.handle, uuid_text(d.type), item))
        self.services = found

    async def disconnect(self) -> None:
        """End the link, if there is one."""
        if self._connection is not None:
            with contextlib.suppress(
                hci.HCI_Error, core.BaseBumbleError, asyncio.CancelledError, TimeoutError
            ):
                async with asyncio.timeout(HANG_UP_S):
                    await self._connection.disconnect()

    async def pair(self, *_args: Any, **_: Any) -> None:
        """Encrypt with the bond, or pair. A bond that the sensor has lost is forgotten and made again."""
        async with self._translated() as connection:
            store = self._adapter.device.keystore
            peer = str(connection.peer_address)
            if store is not None and await store.get(peer) is not None:
                try:
                    await connection.encrypt()
                except (hci.HCI_Error, core.BaseBumbleError):
                    await store.delete(peer)
                else:
                    return
            await connection.pair()

    async def unpair(self) -> None:
        """Forget the bond."""
        adapter = await Adapter.get(self._spec)
        if adapter.device.keystore is not None:
            with contextlib.suppress(KeyError):
                await adapter.device.keystore.delete(str(self._target or self.address))

    async def read_gatt_char(self, characteristic: BleakGATTCharacteristic, **_: Any) -> bytearray:
        """Read a characteristic."""
        async with self._translated():
            return bytearray(await self._peer.gatt_client.read_value(characteristic.obj))

    async def read_gatt_descriptor(self, descriptor: BleakGATTDescriptor, **_: Any) -> bytearray:
        """Read a descriptor."""
        async with self._translated():
            return bytearray(await self._peer.gatt_client.read_value(descriptor.obj))

    async def write_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        data: Any,
        response: bool,  # noqa: FBT001 (bleak's signature)
    ) -> None:
        """Write a characteristic, with or without response."""
        async with self._translated():
            await self._peer.gatt_client.write_value(characteristic.obj, bytes(data), response)

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        """Write a descriptor."""
        async with self._translated():
            await self._peer.gatt_client.write_value(descriptor.obj, bytes(data), with_response=True)

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_: Any
    ) -> None:
        """Subscribe to notifications or indications."""
        if characteristic.handle in self._callbacks:
            raise BleakError("notifications were started before")

        def received(value: bytes) -> None:
            callback(bytearray(value))

        self._callbacks[characteristic.handle] = received
        try:
            async with self._translated():
                await characteristic.obj.subscribe(received)
        except BaseException:
            self._callbacks.pop(characteristic.handle, None)
            raise

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """End a subscription."""
        received = self._callbacks.pop(characteristic.handle, None)
        if received is None:
            raise BleakError("notifications were not started")
        async with self._translated():
            await characteristic.obj.unsubscribe(received)
