"""The adapter: who discovers, and which devices were heard."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from bumble import hci
from bumble.device import Device, DeviceConfiguration
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import Transport
from dbus_fast import Variant

from tests.bluez.advertising import advertised
from tests.bluez.attribute import BluezError
from tests.bluez.remote import DEVICE, Remote
from tests.bluez.tree import Tree

ADAPTER = "org.bluez.Adapter1"
PATH = "/org/bluez/hci0"


class Adapter:
    """One radio.

    Parameters
    ----------
    tree : Tree
        Where it is published.
    transport : Transport
        Its HCI stream.
    """

    def __init__(self, tree: Tree, transport: Transport) -> None:
        self.remotes: dict[str, Remote] = {}
        self.lost = asyncio.Event()
        self._tree = tree
        self._connecting = asyncio.Lock()
        self._discovery = asyncio.Lock()
        self._discoverers: set[str] = set()
        self._pending: dict[str, tuple[Any, list[tuple[int, bytes]]]] = {}
        configuration = DeviceConfiguration(name="bluez", address=hci.Address.generate_static_address())
        self._device = Device.from_config_with_hci(configuration, transport.source, transport.sink)
        self._device.pairing_config_factory = _pairing
        self._device.on(Device.EVENT_ADVERTISEMENT, self._heard)
        self._device.on(Device.EVENT_FLUSH, self.lost.set)

    async def publish(self) -> None:
        """Switch the radio on and add the object."""
        await self._device.power_on()
        self._device.keystore = MemoryKeyStore()
        properties = {
            "Address": Variant("s", self._device.random_address.to_string(with_type_qualifier=False)),
            "AddressType": Variant("s", "random"),
            "Name": Variant("s", "bluez"),
            "Alias": Variant("s", "bluez"),
            "Powered": Variant("b", True),
            "Discovering": Variant("b", False),
            "Roles": Variant("as", ["central"]),
        }
        self._tree.add(PATH, ADAPTER, properties)

    def withdraw(self) -> None:
        """Remove everything, after the radio went: connections end first."""
        for remote in self.remotes.values():
            remote.gone()
        self.remotes.clear()
        self._tree.remove(PATH)

    async def start_discovery(self, sender: str) -> None:
        """Let a client of the bus discover."""
        async with self._discovery:
            if sender in self._discoverers:
                raise BluezError("InProgress", "Operation already in progress")
            self._discoverers.add(sender)
            if len(self._discoverers) == 1:
                self._pending.clear()
                await self._device.start_scanning(active=True, filter_duplicates=False)
                self._tree.change(PATH, ADAPTER, {"Discovering": Variant("b", True)})

    async def stop_discovery(self, sender: str) -> None:
        """End the discovery of a client; with the last one the signal strengths go."""
        async with self._discovery:
            if sender not in self._discoverers:
                raise BluezError("Failed", "No discovery started")
            self._discoverers.discard(sender)
            if not self._discoverers and not self.lost.is_set():
                await self._device.stop_scanning()
                for path in self.remotes:
                    self._tree.withdraw(path, DEVICE, "RSSI")
                self._tree.change(PATH, ADAPTER, {"Discovering": Variant("b", False)})

    async def remove_device(self, path: str) -> None:
        """Forget a device and its bond."""
        remote = self.remotes.pop(path, None)
        if remote is None:
            raise BluezError("DoesNotExist", "Does Not Exist")
        await remote.forget()
        self._tree.remove(path)

    async def client_left(self, sender: str) -> None:
        """End what a client of the bus began: its discovery and its subscriptions."""
        if sender in self._discoverers:
            await self.stop_discovery(sender)
        for remote in self.remotes.values():
            for attribute in list(remote.attributes.values()):
                with contextlib.suppress(Exception):  # the device may be about to go too
                    await attribute.forget(sender)

    def _heard(self, advertisement: Any) -> None:
        """Hold an advertisement back until its scan response comes, or the next advertisement instead."""
        if not self._discoverers:
            return
        address = advertisement.address.to_string(with_type_qualifier=False)
        structures = [(kind, bytes(value)) for kind, value in advertisement.data.ad_structures]
        pending = self._pending.pop(address, None)
        if advertisement.is_scan_response:
            self._found(advertisement, (pending[1] if pending else []) + structures)
            return
        if pending is not None:
            self._found(*pending)
        self._pending[address] = (advertisement, structures)

    def _found(self, advertisement: Any, structures: list[tuple[int, bytes]]) -> None:
        address = advertisement.address
        path = f"{PATH}/dev_{address.to_string(with_type_qualifier=False).replace(':', '_')}"
        properties = advertised(structures, advertisement.rssi)
        if path in self.remotes:
            self.remotes[path].set(**properties)
            return
        remote = Remote(self._tree, path, PATH, self._device, address, self._connecting)
        self.remotes[path] = remote
        remote.publish(properties)


def _pairing(_connection: Any) -> PairingConfig:
    """LE Secure Connections, Just Works, with bonding."""
    delegate = PairingDelegate(PairingDelegate.IoCapability.NO_OUTPUT_NO_INPUT)
    return PairingConfig(sc=True, mitm=False, bonding=True, delegate=delegate)
