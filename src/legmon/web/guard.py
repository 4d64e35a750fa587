"""Let only this machine's own pages in, and let pages load only what they need."""

from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legmon.messages import ProblemCode
from legmon.web.lock import refuse

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware for HTTP and WebSocket.

    The Host header must name this server. Otherwise a page elsewhere could reach it through a name that resolves to loopback.
    An Origin header must be this server's if there is one.

    Parameters
    ----------
    app : ASGI application
        The application to guard.
    hosts : iterable of str
        Allowed values of Host, with port.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._origins = frozenset(f"http://{h}" for h in self._hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or reject it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if headers.get("host") not in self._hosts or (origin is not None and origin not in self._origins):
            await refuse(ProblemCode.NOT_HERE, scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)
