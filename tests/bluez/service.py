"""`org.bluez` on a bus: which call goes where, and what happens when a client or the radio goes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from bumble import att, core, hci
from bumble.transport import open_transport
from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from tests.bluez.adapter import ADAPTER, PATH, Adapter
from tests.bluez.attribute import CHARACTERISTIC, DESCRIPTOR, Attribute, BluezError, att_error
from tests.bluez.remote import DEVICE, Remote
from tests.bluez.tree import OBJECT_MANAGER, PROPERTIES, Tree

NAME = "org.bluez"
RETRY_S = 0.1  # how often a radio that went is looked for

_Result = tuple[str, list[Any]]
_NOTHING: _Result = ("", [])


class Bluez:
    """The service.

    Parameters
    ----------
    hci_transport : str
        bumble's name of the radio's HCI stream.
    """

    def __init__(self, hci_transport: str) -> None:
        self._spec = hci_transport
        self._adapter: Adapter | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until the bus goes.

        Parameters
        ----------
        ready : callable
            Is called once, when the adapter is there.
        """
        self._bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        self._tree = Tree(self._bus)
        self._spawn(self._tree.pump())
        self._bus.add_message_handler(self._message)
        await self._bus.request_name(NAME)
        match = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'"
        self._tree.say(
            Message(
                destination="org.freedesktop.DBus",
                path="/org/freedesktop/DBus",
                interface="org.freedesktop.DBus",
                member="AddMatch",
                signature="s",
                body=[match],
            )
        )
        self._spawn(self._radio(ready))
        await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]

    async def _radio(self, ready: Callable[[], None]) -> None:
        """Have an adapter whenever there is a radio."""
        while True:
            with contextlib.suppress(OSError, core.BaseBumbleError, hci.HCI_Error, asyncio.CancelledError):
                async with await open_transport(self._spec) as transport:
                    adapter = Adapter(self._tree, transport)
                    await adapter.publish()
                    self._adapter = adapter
                    ready()
                    await adapter.lost.wait()
            if self._adapter is not None:
                self._adapter.withdraw()
                self._adapter = None
            await asyncio.sleep(RETRY_S)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # what comes in

    def _message(self, message: Message) -> bool | None:
        if message.message_type is MessageType.SIGNAL and message.member == "NameOwnerChanged":
            name, _, owner = message.body
            if not owner and self._adapter is not None:
                self._spawn(self._adapter.client_left(name))
            return None
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        self._spawn(self._answer(message))
        return True

    async def _answer(self, message: Message) -> None:
        try:
            signature, body = await self._route(message)
        except att.ATT_Error as e:
            error = att_error(e)
        except BluezError as e:
            error = e
        except asyncio.CancelledError:  # bumble cancels what waits for a device that went
            error = BluezError("Failed", "Not connected")
        except (core.BaseBumbleError, hci.HCI_Error) as e:
            error = BluezError("Failed", f"{e}" or f"{e!r}")
        else:
            self._tree.say(Message.new_method_return(message, signature, body))
            return
        self._tree.say(Message.new_error(message, error.name, error.text))

    async def _route(self, message: Message) -> _Result:
        path, interface, body = message.path or "", message.interface or "", message.body
        if interface == OBJECT_MANAGER and message.member == "GetManagedObjects":
            return "a{oa{sa{sv}}}", [self._tree.objects]
        if path not in self._tree.objects:
            raise BluezError("org.freedesktop.DBus.Error.UnknownObject", f"no object {path}")
        if interface == PROPERTIES:
            return self._property(path, message.member or "", body)
        if interface not in self._tree.objects[path]:
            raise BluezError("org.freedesktop.DBus.Error.UnknownInterface", interface)
        handler = self._handler(path, interface, message)
        if handler is None:
            raise BluezError("org.freedesktop.DBus.Error.UnknownMethod", message.member or "")
        return await handler or _NOTHING

    def _property(self, path: str, member: str, body: list[Any]) -> _Result:
        properties = self._tree.objects[path].get(body[0], {})
        if member == "GetAll":
            return "a{sv}", [properties]
        if member == "Get" and body[1] in properties:
            return "v", [properties[body[1]]]
        if member == "Set" and body[1] in properties:
            self._tree.change(path, body[0], {body[1]: body[2]})
            return _NOTHING
        raise BluezError("org.freedesktop.DBus.Error.InvalidArgs", f"no property {body[1:2]}")

    def _handler(self, path: str, interface: str, message: Message) -> Awaitable[_Result | None] | None:
        adapter = self._adapter
        if adapter is None:
            return None
        if interface == ADAPTER and path == PATH:
            return self._adapter_call(adapter, message)
        if interface == DEVICE:
            return self._device_call(adapter.remotes[path], message)
        if interface in {CHARACTERISTIC, DESCRIPTOR}:
            device = "/".join(path.split("/")[:5])
            attribute = adapter.remotes[device].attributes[path]
            return self._attribute_call(attribute, message)
        return None

    @staticmethod
    async def _adapter_call(adapter: Adapter, message: Message) -> None:
        sender = message.sender or ""
        match message.member:
            case "SetDiscoveryFilter":
                pass
            case "StartDiscovery":
                await adapter.start_discovery(sender)
            case "StopDiscovery":
                await adapter.stop_discovery(sender)
            case "RemoveDevice":
                await adapter.remove_device(message.body[0])
            case other:
                raise BluezError("org.freedesktop.DBus.Error.UnknownMethod", other or "")

    @staticmethod
    async def _device_call(remote: Remote, message: Message) -> None:
        match message.member:
            case "Connect":
                await remote.connect()
            case "Disconnect":
                await remote.disconnect()
            case "Pair":
                await remote.pair()
            case other:
                raise BluezError("org.freedesktop.DBus.Error.UnknownMethod", other or "")

    @staticmethod
    async def _attribute_call(attribute: Attribute, message: Message) -> _Result | None:
        sender = message.sender or ""
        match message.member:
            case "ReadValue":
                return "ay", [await attribute.read()]
            case "WriteValue":
                value, options = message.body
                command = "type" in options and options["type"].value == "command"
                await attribute.write(bytes(value), response=not command)
            case "StartNotify":
                await attribute.subscribe(sender)
            case "StopNotify":
                await attribute.unsubscribe(sender)
            case other:
                raise BluezError("org.freedesktop.DBus.Error.UnknownMethod", other or "")
        return None
