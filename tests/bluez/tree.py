"""The objects of `org.bluez`: their properties, and the signals that say how they change."""

from __future__ import annotations

import asyncio

from dbus_fast import Message, Variant
from dbus_fast.aio import MessageBus

Properties = dict[str, Variant]

OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"


class Tree:
    """Objects by path, each with properties by interface.

    Parameters
    ----------
    bus : MessageBus
        Where changes are signalled, in order with the replies.
    """

    def __init__(self, bus: MessageBus) -> None:
        self.objects: dict[str, dict[str, Properties]] = {}
        self._bus = bus
        self._out: asyncio.Queue[Message] = asyncio.Queue()

    async def pump(self) -> None:
        """Send what was said, until cancelled.

        One message at a time: dbus-fast 5.2 closes the bus when a message is sent while another is half written.
        """
        while True:
            await self._bus.send(await self._out.get())

    def say(self, message: Message) -> None:
        """Send a message after all those before it."""
        self._out.put_nowait(message)

    def add(self, path: str, interface: str, properties: Properties) -> None:
        """Add an object."""
        self.objects[path] = {interface: dict(properties)}
        self._signal("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, self.objects[path]])

    def remove(self, path: str) -> None:
        """Remove an object and what is below it, the lowest first."""
        below = sorted((p for p in self.objects if p == path or p.startswith(f"{path}/")), reverse=True)
        for each in below:
            interfaces = list(self.objects.pop(each))
            self._signal("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", [each, interfaces])

    def change(self, path: str, interface: str, properties: Properties) -> None:
        """Set properties and signal those that are new."""
        own = self.objects[path][interface]
        changed = {name: value for name, value in properties.items() if own.get(name) != value}
        if changed:
            self.announce(path, interface, changed)

    def announce(self, path: str, interface: str, properties: Properties) -> None:
        """Set properties and signal them even where they are what they were."""
        self.objects[path][interface].update(properties)
        self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, properties, []])

    def withdraw(self, path: str, interface: str, name: str) -> None:
        """Remove a property."""
        if self.objects[path][interface].pop(name, None) is not None:
            self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, {}, [name]])

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[object]) -> None:
        self.say(Message.new_signal(path, interface, member, signature, body))
