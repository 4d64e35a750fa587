"""Bound what connections cost: how many there are, how long a request may take, and how long a client may not read.

uvicorn bounds none of these for a client that sends its request byte by byte, or asks and never reads. A connection that does
so is cut off. Where there are too many, the oldest one that nobody was let in through makes room, so that a flood of them does
not keep the owner out.
"""

import asyncio
import contextlib
import errno
import logging
import time
from dataclasses import dataclass, field
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from legmon.web.lock import LET_IN
from legmon.web.sizes import HEAD_BYTES

log = logging.getLogger(__name__)

MOST: Final = 128
BACKLOG: Final = 64
"""So many connections may wait to be accepted, and so many are accepted at once."""
MESSAGE_BYTES: Final = 16_384
"""Of one message of a live socket; the pages send none."""
HEAD_S: Final = 10.0
BODY_S: Final = 20.0
REQUEST_S: Final = 120.0
UNREAD_S: Final = 20.0
KEEP_ALIVE_S: Final = 5
LOOK_S: Final = 1.0
ENDLESS: Final = "legmon.endless"
"""The scope's key of a request whose answer has no end."""
OUT_OF_FILES: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def most_connections() -> int:
    """Return how many connections there may be: a third of the files that this process may open, and at most 128."""
    try:
        import resource
    except ImportError:  # Windows
        return MOST
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST if soft == resource.RLIM_INFINITY else max(min(MOST, soft // 3), 8)


@dataclass(eq=False, slots=True)
class _Seen:
    """What was last seen of a connection.

    Parameters
    ----------
    protocol : H11Protocol or WebSocketsSansIOProtocol
        Its protocol; another one once it is a live socket.
    cycle : object or None
        Its request, None while it waits for one.
    since : float
        Since when it waits, or when its request began.
    unread : int
        Bytes that wait to be sent.
    moved : float
        When some of them were last read.
    """

    protocol: Any
    since: float
    moved: float
    cycle: object | None = None
    unread: int = 0

    def is_let_in(self) -> bool:
        """Whether its last request was one of somebody who was let in."""
        return LET_IN in (getattr(self.protocol, "scope", None) or {})

    def is_too_slow(self, now: float) -> bool:
        """Look at it again. Return whether to cut it off."""
        unread = self.protocol.transport.get_write_buffer_size()
        if unread == 0 or unread < self.unread:
            self.moved = now
        self.unread = unread
        if now - self.moved > UNREAD_S:
            return True
        if not isinstance(self.protocol, H11Protocol):
            return False
        cycle: Any = self.protocol.cycle  # None before the first request, whatever its type says
        if cycle is not None and cycle.response_complete:
            cycle = None
        if cycle is not self.cycle:
            self.cycle, self.since = cycle, now
        if cycle is None:
            return now - self.since > HEAD_S
        if ENDLESS in cycle.scope:
            return False
        return now - self.since > (BODY_S if cycle.more_body else REQUEST_S)


@dataclass(eq=False)
class Connections:
    """All connections of the dashboard.

    Parameters
    ----------
    most : int
        How many there may be.
    """

    most: int = field(default_factory=most_connections)

    def __post_init__(self) -> None:
        self._open: dict[asyncio.Transport, _Seen] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._open)

    def made(self, transport: asyncio.Transport, protocol: Any) -> None:
        """Note a connection, or that it has become a live socket. Cut one off if there are too many."""
        now = time.monotonic()
        self._open[transport] = _Seen(protocol, now, now)
        if len(self._open) > self.most:
            strangers = (t for t, seen in self._open.items() if not seen.is_let_in())
            self._cut_off(next(strangers, transport))

    def lost(self, transport: asyncio.Transport) -> None:
        """Forget a connection."""
        self._open.pop(transport, None)

    def config(self, app: ASGIApp) -> uvicorn.Config:
        """Return the configuration of a server whose connections are bounded."""
        http, live_socket = self.protocols()
        return uvicorn.Config(
            app,
            log_config=None,  # its messages go into this process's log
            log_level="warning",
            access_log=False,  # a line for each request would hold what was asked
            timeout_graceful_shutdown=1,
            loop="asyncio",
            http=http,
            ws=live_socket,
            ws_max_size=MESSAGE_BYTES,
            h11_max_incomplete_event_size=HEAD_BYTES,
            timeout_keep_alive=KEEP_ALIVE_S,
            backlog=max(min(BACKLOG, self.most // 2), 1),
            proxy_headers=False,  # nobody stands in between; a header must not say who a client is
            server_header=False,
        )

    async def watch(self) -> None:
        """Cut off whoever is too slow, until cancelled."""
        asyncio.get_running_loop().set_exception_handler(on_loop_error)
        while True:
            await asyncio.sleep(LOOK_S)
            now = time.monotonic()
            for transport, seen in list(self._open.items()):
                if seen.is_too_slow(now):
                    self._cut_off(transport)

    def _cut_off(self, transport: asyncio.Transport) -> None:
        self.lost(transport)
        with contextlib.suppress(OSError, RuntimeError):
            transport.abort()

    def protocols(self) -> "tuple[type[H11Protocol], type[WebSocketsSansIOProtocol]]":
        """Return uvicorn's protocols, bounded."""
        connections = self

        class Http(H11Protocol):
            """HTTP on a bounded connection."""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                connections.made(transport, self)

            def connection_lost(self, exc: Exception | None) -> None:
                connections.lost(self.transport)
                super().connection_lost(exc)

        class Socket(WebSocketsSansIOProtocol):
            """A live socket on a bounded connection."""

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                connections.made(self.transport, self)

            def connection_lost(self, exc: Exception | None) -> None:
                connections.lost(self.transport)
                super().connection_lost(exc)

        return Http, Socket


def on_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an error of the event loop; one sentence where the system has no more files, not a traceback for each try."""
    error = context.get("exception")
    if isinstance(error, OSError) and error.errno in OUT_OF_FILES:
        log.warning("no more connections can be accepted: %s", error.strerror)
        return
    if isinstance(error, ConnectionError):
        return  # a client that is gone
    loop.default_exception_handler(context)
