"""A logind of the tests' own on a private D-Bus: it gives out inhibitor locks and records who holds which, and for how long."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

NAME, MANAGER = "org.freedesktop.login1", "org.freedesktop.login1.Manager"


@dataclass
class FakeLogind:
    """Answers `Inhibit` and `GetAll` as logind does; the other end of each pipe shows when a lock is released.

    Parameters
    ----------
    refuses : str
        What to answer instead of a lock; empty to grant it.
    properties : dict
        What `GetAll` answers.
    """

    refuses: str = ""
    properties: dict[str, Variant] = field(default_factory=dict)
    seen: list[tuple[str, ...]] = field(default_factory=list)
    _ends: list[int] = field(default_factory=list)

    async def serve(self, address: str) -> MessageBus:
        """Own the name on the bus at an address."""
        bus = await MessageBus(bus_type=BusType.SYSTEM, bus_address=address, negotiate_unix_fd=True).connect()
        bus.add_message_handler(self._answer)
        await bus.request_name(NAME)
        return bus

    def _answer(self, message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL or message.destination != NAME:
            return None
        if message.member == "Inhibit":
            self.seen.append(tuple(message.body))
            if self.refuses:
                return Message.new_error(message, "org.freedesktop.DBus.Error.AccessDenied", self.refuses)
            kept, given = os.pipe()
            os.set_blocking(kept, False)
            self._ends.append(kept)
            asyncio.get_running_loop().call_later(0.2, os.close, given)
            return Message.new_method_return(message, "h", [0], unix_fds=[given])
        if message.member == "GetAll":
            return Message.new_method_return(message, "a{sv}", [self.properties])
        return None

    @property
    def held(self) -> int:
        """How many locks are held: the reading end of a pipe reports its end once every writer has closed it."""
        held = 0
        for end in self._ends:
            try:
                held += os.read(end, 1) != b""
            except BlockingIOError:
                held += 1
        return held

    def close(self) -> None:
        """Close what is left."""
        for end in self._ends:
            os.close(end)
        self._ends.clear()
