"""Send no faster than the radio can: bumble queues notifications without limit."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bumble.device import Connection

_FRAMES_PER_DRAIN = 16
"""After this many notifications, wait until the radio has sent them. Otherwise a replay at 1000 x fills the memory."""


class Pace:
    """Limits the notifications to one client."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sent = 0

    async def went(self) -> None:
        """Count a notification. Wait if the radio has to catch up, and let other tasks send in between."""
        self._sent += 1
        if self._sent % _FRAMES_PER_DRAIN:
            return
        link = self._connection.device.host.connections.get(self._connection.handle)
        if link is not None and link.acl_packet_queue is not None:
            with suppress(ValueError):  # the client has disconnected; bumble has no such queue then
                await link.acl_packet_queue.drain(self._connection.handle)
        await asyncio.sleep(0)
