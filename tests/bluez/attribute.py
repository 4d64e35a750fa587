"""A characteristic or descriptor of a connected device: read, write, notify, and how BlueZ names what goes wrong."""

from __future__ import annotations

from typing import Any

from bumble import att
from bumble.device import Peer
from bumble.gatt_client import AttributeProxy, CharacteristicProxy
from dbus_fast import Variant

from tests.bluez.tree import Tree

CHARACTERISTIC = "org.bluez.GattCharacteristic1"
DESCRIPTOR = "org.bluez.GattDescriptor1"


class BluezError(Exception):
    """An error reply: `org.bluez.Error.` and this name, unless it is a whole name."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(text)
        self.name = name if "." in name else f"org.bluez.Error.{name}"
        self.text = text


_NOT_PAIRED = BluezError("NotPermitted", "Not paired")
_ATT_ERRORS = {
    0x02: BluezError("NotPermitted", "Read not permitted"),
    0x03: BluezError("NotPermitted", "Write not permitted"),
    0x05: _NOT_PAIRED,
    0x06: BluezError("NotSupported", "Operation is not supported"),
    0x07: BluezError("InvalidArguments", "Invalid offset"),
    0x08: BluezError("NotAuthorized", "Operation Not Authorized"),
    0x0C: _NOT_PAIRED,
    0x0D: BluezError("InvalidArguments", "Invalid Length"),
    0x0F: _NOT_PAIRED,
    0xFD: BluezError("ImproperlyConfigured", "CCCD improperly configured"),
}


def att_error(error: att.ATT_Error) -> BluezError:
    """Name an ATT error as BlueZ does: several codes share a name, most are only a number in a text."""
    code = int(error.error_code)
    return _ATT_ERRORS.get(code) or BluezError("Failed", f"Operation failed with ATT error: 0x{code:02x}")


class Attribute:
    """One object of the GATT tree.

    Parameters
    ----------
    tree : Tree
        Where it is published.
    path, interface : str
        As what.
    peer, proxy
        bumble's view of the device and of the attribute.
    """

    def __init__(self, tree: Tree, path: str, interface: str, peer: Peer, proxy: AttributeProxy[Any]) -> None:
        self._tree = tree
        self._path = path
        self._interface = interface
        self._peer = peer
        self._proxy = proxy
        self._subscribers: set[str] = set()

    async def read(self) -> bytes:
        """Read it; the value is signalled as well, as a notified one is."""
        value = bytes(await self._peer.gatt_client.read_value(self._proxy))
        self._show(value)
        return value

    async def write(self, value: bytes, *, response: bool) -> None:
        """Write it."""
        await self._peer.gatt_client.write_value(self._proxy, value, with_response=response)

    async def subscribe(self, sender: str) -> None:
        """Start notifications for one client of the bus; the first one asks the device."""
        if not isinstance(self._proxy, CharacteristicProxy):
            raise BluezError("NotSupported", "Operation is not supported")
        if sender in self._subscribers:
            raise BluezError("InProgress", "Operation already in progress")
        self._subscribers.add(sender)
        if len(self._subscribers) > 1:
            return
        try:
            await self._proxy.subscribe(self._show)
        except BaseException:
            self._subscribers.discard(sender)
            raise
        self._tree.change(self._path, self._interface, {"Notifying": Variant("b", True)})

    async def unsubscribe(self, sender: str) -> None:
        """End them; the last client that goes tells the device."""
        if sender not in self._subscribers:
            raise BluezError("Failed", "No notify session started")
        await self.forget(sender)

    async def forget(self, sender: str) -> None:
        """End the notifications of a client that may never have asked for any."""
        if sender not in self._subscribers:
            return
        self._subscribers.discard(sender)
        if not self._subscribers and isinstance(self._proxy, CharacteristicProxy):
            await self._proxy.unsubscribe(self._show)
            self._tree.change(self._path, self._interface, {"Notifying": Variant("b", False)})

    def _show(self, value: bytes) -> None:
        if self._path in self._tree.objects:
            self._tree.announce(self._path, self._interface, {"Value": Variant("ay", bytes(value))})
