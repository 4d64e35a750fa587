"""The lock: nobody comes in without a token of this data folder, since every user of the computer reaches loopback.

The pages' own files are public, and nothing else: they hold no night. A browser comes in with a ticket in the address, which
becomes a cookie and leaves the address at once. A program sends `Authorization: Bearer`.
"""

import contextlib
import json
import logging
import time
from collections import deque
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from legmon.messages import Event, ProblemCode, problem_sentence
from legmon.web import peer
from legmon.web.audit import Audit, Client
from legmon.web.keys import SESSION_S, Keys

log = logging.getLogger(__name__)

LET_IN: Final = "legmon.client"
"""The scope's key for who was let in."""
READING: Final = {"GET", "HEAD"}
DRAINED_BYTES: Final = 4_000_000
MOST_WRONG: Final = 10
WRONG_S: Final = 60.0
_STATUS: Final = {
    ProblemCode.NOT_LET_IN: 401,
    ProblemCode.NOT_HERE: 403,
    ProblemCode.TOO_MANY_TRIES: 429,
    ProblemCode.TOO_LARGE: 413,
}


class Lock:
    """ASGI middleware for HTTP and WebSocket. Who was let in stands in the scope.

    Parameters
    ----------
    app : ASGI application
        The application behind the lock.
    keys : Keys
        The tokens of the data folder.
    audit : Audit
        Where it is noted who came in, and who tried.
    public : iterable of str
        The paths that anybody may read.
    """

    def __init__(self, app: ASGIApp, keys: Keys, audit: Audit, public: Iterable[str]) -> None:
        self._app = app
        self._keys = keys
        self._audit = audit
        self._public = frozenset(public)
        self._wrong: deque[float] = deque(maxlen=MOST_WRONG)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, let a browser in, or refuse."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "http" and scope["method"] in READING and scope["path"] in self._public:
            tickets = parse_qs(scope["query_string"].decode("latin-1")).get("token")
            if tickets and scope["path"] == "/" and scope["method"] == "GET":
                await self._enter(tickets[0], scope, receive, send)
                return
            await self._app(scope, receive, send)
            return
        found = self._client(scope)
        if isinstance(found, ProblemCode):
            await refuse(found, scope, receive, send)
            return
        scope[LET_IN] = found
        await self._app(scope, receive, send)

    async def _enter(self, ticket: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Make a cookie of a ticket. Whatever comes of it, the token leaves the address bar."""
        headers = [(b"location", b"/"), (b"cache-control", b"no-store"), (b"content-length", b"0")]
        if not peer.is_other_user(scope.get("server"), scope.get("client")) and self._keys.uses(ticket):
            self._audit.note(Event.ENTERED, "browser")
            cookie = f"{self._keys.cookie}={self._keys.new_session()}; Path=/; Max-Age={SESSION_S}; HttpOnly; SameSite=Strict"
            headers.append((b"set-cookie", cookie.encode()))
            scope[LET_IN] = "browser"
        elif not self._has_session(Headers(scope=scope)) and self._is_guess():
            await refuse(ProblemCode.TOO_MANY_TRIES, scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _client(self, scope: Scope) -> Client | ProblemCode:
        """Return who asks, or why nobody is let in."""
        headers = Headers(scope=scope)
        given = headers.get("authorization")
        if given is not None:
            kind, _, token = given.partition(" ")
            if kind.lower() == "bearer" and self._keys.is_bearer(token.strip()):
                return "program"
            return ProblemCode.TOO_MANY_TRIES if self._is_guess() else ProblemCode.NOT_LET_IN
        if not self._has_session(headers) or peer.is_other_user(scope.get("server"), scope.get("client")):
            return ProblemCode.NOT_LET_IN
        # The guard has checked that an Origin is ours. A browser sends none where it reads from its own page.
        changes = scope["type"] == "websocket" or scope["method"] not in READING
        if changes and headers.get("origin") is None:
            return ProblemCode.NOT_HERE
        if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            return ProblemCode.NOT_HERE
        return "browser"

    def _has_session(self, headers: Headers) -> bool:
        name = self._keys.cookie
        return any(
            self._keys.is_session(cookie_parser(line).get(name, "")) for line in headers.getlist("cookie")
        )

    def _is_guess(self) -> bool:
        """Note a wrong token. Return whether there were more than ten within a minute.

        A right token is let in all the same: otherwise whoever guesses could keep its owner out. What makes guessing hopeless
        is that a token has 256 random bits.
        """
        now = time.monotonic()
        is_many = len(self._wrong) == MOST_WRONG and now - self._wrong[0] < WRONG_S
        self._wrong.append(now)
        self._audit.note_refused()
        log.warning("a wrong token was refused")
        return is_many


async def refuse(
    code: ProblemCode, scope: Scope, receive: Receive, send: Send, *, status: int | None = None
) -> None:
    """Answer with a problem and close the connection."""
    status = status or _STATUS[code]
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": problem_sentence(code),
        "code": code.value,
    }
    headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    body = json.dumps(problem).encode()
    headers.append((b"content-length", str(len(body)).encode()))
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b'Bearer realm="legmon"'))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers.append((b"retry-after", b"60"))
    if scope["type"] == "websocket":
        await receive()
        kind = "websocket.http.response"
        if kind not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
    else:
        kind = "http.response"
        headers.append((b"connection", b"close"))
        await drain(receive)
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})


async def drain(receive: Receive, read: int = 0) -> None:
    """Read the rest of a body, up to 4 MB, and forget it: a client that still sends may otherwise not see the answer."""
    more = True
    with contextlib.suppress(HTTPException):  # it is too large, and was read so far
        while more and read < DRAINED_BYTES:
            message = await receive()
            read += len(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)
