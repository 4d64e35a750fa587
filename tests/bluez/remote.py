"""One device that was heard: connect, bond, and its services as objects."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from bleak.assigned_numbers import gatt_char_props_to_strs
from bumble import core, hci
from bumble.device import Connection, Device, Peer
from bumble.gatt_client import CharacteristicProxy, ServiceProxy
from dbus_fast import Variant

from tests.bluez.advertising import uuid_text
from tests.bluez.attribute import CHARACTERISTIC, DESCRIPTOR, Attribute, BluezError
from tests.bluez.tree import Properties, Tree

DEVICE = "org.bluez.Device1"
SERVICE = "org.bluez.GattService1"
MTU = 517
CONNECT_S = 20.0  # as long as the Linux kernel waits for a device it was told to connect to

_HIDDEN_SERVICE = core.UUID.from_16_bits(0x1800)
_HIDDEN_DESCRIPTOR = core.UUID.from_16_bits(0x2902)

_log = logging.getLogger(__name__)


class Remote:
    """A device.

    Parameters
    ----------
    tree : Tree
        Where it is published.
    path, adapter : str
        Its object and its adapter's.
    device : Device
        The local radio.
    address : hci.Address
        Its address.
    connecting : asyncio.Lock
        Held while the controller connects: it can to one device at a time.
    """

    def __init__(
        self,
        tree: Tree,
        path: str,
        adapter: str,
        device: Device,
        address: hci.Address,
        connecting: asyncio.Lock,
    ) -> None:
        self.path = path
        self.attributes: dict[str, Attribute] = {}
        self._tree = tree
        self._adapter = adapter
        self._device = device
        self._address = address
        self._connecting = connecting
        self._attempt: asyncio.Task[Connection] | None = None
        self._creating = False
        self._connection: Connection | None = None
        self._discovery: asyncio.Task[None] | None = None

    def publish(self, advertised: Properties) -> None:
        """Add the object, as it was heard first."""
        address = self._address.to_string(with_type_qualifier=False)
        flags = ("Paired", "Bonded", "Trusted", "Blocked", "LegacyPairing", "Connected", "ServicesResolved")
        base: Properties = {
            "Address": Variant("s", address),
            "AddressType": Variant("s", "public" if self._address.is_public else "random"),
            "Alias": Variant("s", address.replace(":", "-")),
            "Adapter": Variant("o", self._adapter),
            "UUIDs": Variant("as", []),
            **{flag: Variant("b", False) for flag in flags},
        }
        self._tree.add(self.path, DEVICE, base | advertised)

    def set(self, **properties: Variant) -> None:
        """Change properties."""
        if self.path in self._tree.objects:
            self._tree.change(self.path, DEVICE, properties)

    # connection and bond

    async def connect(self) -> None:
        """Connect; a bonded link is encrypted before this returns."""
        if self._connection is not None:
            return
        if self._attempt is not None:
            raise BluezError("InProgress", "Operation already in progress")
        await self._establish()
        if await self._bonded():
            try:
                await self._link().encrypt()
            except (hci.HCI_Error, core.BaseBumbleError) as e:
                await self.disconnect()
                raise BluezError("Failed", "br-connection-canceled") from e
        self._discovery = asyncio.create_task(self._resolve(Peer(self._link())))

    async def _establish(self) -> None:
        self._attempt = asyncio.create_task(self._create_connection())
        try:
            connection = await self._attempt
        except (TimeoutError, core.BaseBumbleError, hci.HCI_Error, asyncio.CancelledError) as e:
            raise BluezError("Failed", "le-connection-abort-by-local") from e
        finally:
            self._attempt = None
            self._creating = False
        self._connection = connection
        connection.on(Connection.EVENT_DISCONNECTION, lambda _reason: self.gone())
        self.set(Connected=Variant("b", True))

    async def _create_connection(self) -> Connection:
        async with self._connecting:
            # Sensors here have static addresses; bumble would scan for a bonded one that is away, without an end.
            self._device.address_resolver = None
            self._creating = True
            return await self._device.connect(self._address, timeout=CONNECT_S)

    async def disconnect(self) -> None:
        """End the link, or the attempt at one."""
        if self._attempt is not None:
            if self._device.is_le_connecting and self._creating:
                await self._device.cancel_connection()  # type: ignore[no-untyped-call]
            else:
                self._attempt.cancel()
            return
        if self._connection is not None:
            with contextlib.suppress(hci.HCI_Error, core.BaseBumbleError, asyncio.CancelledError):
                await self._connection.disconnect()

    async def pair(self) -> None:
        """Bond with the device, connecting where it is not."""
        if await self._bonded():
            raise BluezError("AlreadyExists", "Already Exists")
        if self._connection is None:
            await self._establish()
        try:
            await self._link().pair()
        except asyncio.CancelledError as e:
            raise BluezError("AuthenticationCanceled", "Authentication Canceled") from e
        except (hci.HCI_Error, core.BaseBumbleError) as e:
            raise BluezError("AuthenticationFailed", "Authentication Failed") from e
        self.set(Paired=Variant("b", True), Bonded=Variant("b", True))
        if self._discovery is None:
            self._discovery = asyncio.create_task(self._resolve(Peer(self._link())))

    async def forget(self) -> None:
        """End the link and the bond."""
        await self.disconnect()
        if self._device.keystore is not None:
            with contextlib.suppress(KeyError):
                await self._device.keystore.delete(str(self._address))

    async def _bonded(self) -> bool:
        store = self._device.keystore
        return store is not None and await store.get(str(self._address)) is not None

    def _link(self) -> Connection:
        if self._connection is None:
            raise BluezError("NotConnected", "Not Connected")
        return self._connection

    def gone(self) -> None:
        """Note that the link is down: services first, then the connection, as BlueZ says it."""
        if self._connection is None:
            return
        self._connection = None
        if self._discovery is not None:
            self._discovery.cancel()
            self._discovery = None
        self.set(ServicesResolved=Variant("b", False))
        self.set(Connected=Variant("b", False))
        self.attributes.clear()
        for path in [p for p in self._tree.objects if p.startswith(f"{self.path}/service")]:
            self._tree.remove(path)

    # services

    async def _resolve(self, peer: Peer) -> None:
        try:
            await peer.request_mtu(MTU)
            for service in await peer.discover_services():
                await service.discover_characteristics()
                if service.uuid != _HIDDEN_SERVICE:
                    await self._publish_service(peer, service)
            self.set(UUIDs=Variant("as", sorted(uuid_text(service.uuid) for service in peer.services)))
            self.set(ServicesResolved=Variant("b", True))
        except (hci.HCI_Error, core.BaseBumbleError) as e:
            _log.warning("The services of %s could not be read: %r", self._address, e)

    async def _publish_service(self, peer: Peer, service: ServiceProxy) -> None:
        path = f"{self.path}/service{service.handle:04x}"
        properties = {
            "UUID": Variant("s", uuid_text(service.uuid)),
            "Primary": Variant("b", True),
            "Device": Variant("o", self.path),
        }
        self._tree.add(path, SERVICE, properties)
        for characteristic in service.characteristics:
            await self._publish_characteristic(peer, path, characteristic)

    async def _publish_characteristic(
        self, peer: Peer, service: str, characteristic: CharacteristicProxy[Any]
    ) -> None:
        await characteristic.discover_descriptors()
        path = f"{service}/char{characteristic.handle - 1:04x}"  # the handle of its declaration
        properties = {
            "UUID": Variant("s", uuid_text(characteristic.uuid)),
            "Service": Variant("o", service),
            "Flags": Variant("as", sorted(gatt_char_props_to_strs(int(characteristic.properties)))),
            "MTU": Variant("q", self._link().att_mtu),
            "Notifying": Variant("b", False),
            "Value": Variant("ay", b""),
        }
        self.attributes[path] = Attribute(self._tree, path, CHARACTERISTIC, peer, characteristic)
        self._tree.add(path, CHARACTERISTIC, properties)
        for descriptor in characteristic.descriptors:
            if descriptor.type == _HIDDEN_DESCRIPTOR:
                continue
            below = f"{path}/desc{descriptor.handle:04x}"
            properties = {
                "UUID": Variant("s", uuid_text(descriptor.type)),
                "Characteristic": Variant("o", path),
                "Value": Variant("ay", b""),
            }
            self.attributes[below] = Attribute(self._tree, below, DESCRIPTOR, peer, descriptor)
            self._tree.add(below, DESCRIPTOR, properties)
