"""No faster than the radio takes it: bumble queues notifications without end."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bumble.device import Connection

_FRAMES_PER_DRAIN = 16
"""After so many notifications wait until the radio has taken them; a replay at 1000 x would else queue up in memory."""


class Pace:
    """Of what goes out to one client."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sent = 0

    async def went(self) -> None:
        """Count a notification; wait where the radio has to catch up, and let others send in between."""
        self._sent += 1
        if self._sent % _FRAMES_PER_DRAIN:
            return
        link = self._connection.device.host.connections.get(self._connection.handle)
        if link is not None and link.acl_packet_queue is not None:
            with suppress(ValueError):  # disconnected while we were busy; bumble then knows no such queue
                await link.acl_packet_queue.drain(self._connection.handle)
        await asyncio.sleep(0)
