"""Bound the body of a request."""

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legmon.messages import ProblemCode
from legmon.web.lock import refuse
from legmon.web.problems import RefusedError

MOST_BYTES: Final = 1_000_000


class Bodies:
    """ASGI middleware that refuses a body of more than 1 MB, also one that does not say how long it is.

    Parameters
    ----------
    app : ASGI application
        What gets the requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        named = Headers(scope=scope).get("content-length", "0")
        if not named.isdigit() or int(named) > MOST_BYTES:  # h11 has refused what is not a number
            await refuse(ProblemCode.TOO_LARGE, scope, receive, send)
            return
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MOST_BYTES:
                raise RefusedError(413, ProblemCode.TOO_LARGE)
            return message

        await self._app(scope, bounded, send)
