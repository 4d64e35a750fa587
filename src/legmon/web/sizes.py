"""Bound the head and the body of a request."""

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from legmon.messages import ProblemCode
from legmon.web.lock import drain, refuse
from legmon.web.problems import RefusedError

HEAD_BYTES: Final = 16_384
BODY_BYTES: Final = 1_000_000


class Sizes:
    """ASGI middleware that refuses a head of more than 16 kB and a body of more than 1 MB.

    A body that does not say how long it is, is counted as it comes.

    Parameters
    ----------
    app : ASGI application
        What gets the requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        head = len(scope["raw_path"]) + len(scope["query_string"])
        if head + sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES:
            await refuse(ProblemCode.TOO_LARGE, scope, receive, send, status=431)
            return
        named = Headers(scope=scope).get("content-length", "0")
        if len(named) > len(str(BODY_BYTES)) or not named.isdigit() or int(named) > BODY_BYTES:
            await refuse(ProblemCode.TOO_LARGE, scope, receive, send)
            return
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b"")) if message["type"] == "http.request" else 0
            if received > BODY_BYTES:
                if message.get("more_body"):
                    await drain(receive, received)
                raise RefusedError(413, ProblemCode.TOO_LARGE)
            return message

        await self._app(scope, bounded, send)
