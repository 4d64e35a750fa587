"""What happens, as it happens: a WebSocket and server-sent events, with the same messages."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request, WebSocket
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.websockets import WebSocketState

from legmon.nights.happenings import AnyHappening
from legmon.web.connections import ENDLESS
from legmon.web.dependencies import PROBLEMS
from legmon.web.happening import HappeningFeed, LaggingError
from legmon.web.live import until_closed

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api/v1")

MOST_SEQ: Final = 2**53 - 1
GOING_AWAY, TRY_AGAIN = 1001, 1013
After = Annotated[
    int | None,
    Query(
        ge=0, le=MOST_SEQ, description="number of the last message that you have; what came after it follows"
    ),
]
LastId = Annotated[
    str | None,
    Header(
        alias="last-event-id",
        max_length=200,
        description="the same, as a browser sends it when it comes back",
    ),
]
ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Messages without end; the data of each is one JSON object"}
}


def _asked(after: int | None, last_id: str | None) -> int | None:
    """Return the number that a reader has: a browser that comes back knows a later one than its address."""
    if last_id is not None and last_id.isascii() and last_id.isdigit() and len(last_id) < 17:
        return int(last_id)
    return after


@router.get(
    "/events",
    operation_id="getEvents",
    response_class=EventSourceResponse,
    responses={**PROBLEMS, **ANSWER},
)
async def get_events(
    request: Request, after: After = None, last_event_id: LastId = None
) -> AsyncIterator[AnyHappening]:
    """Send what happens, as server-sent events: first `hello`, then a message for each thing, with a growing `seq`."""
    request.scope[ENDLESS] = True
    feed: HappeningFeed = request.app.state.happenings
    with contextlib.suppress(LaggingError):
        async for seq, text in feed.read(_asked(after, last_event_id)):
            yield ServerSentEvent(raw_data=text, id=str(seq))  # type: ignore[misc]


@router.websocket("/events")
async def events(socket: WebSocket, after: After = None) -> None:
    """Send the same messages over a WebSocket, until the other end closes it."""
    await socket.accept()
    tasks = [asyncio.create_task(_send(socket, after)), asyncio.create_task(until_closed(socket))]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    if WebSocketState.DISCONNECTED in {socket.client_state, socket.application_state}:
        return
    error = tasks[0].exception() if tasks[0] in done else None
    if error is not None and not isinstance(error, LaggingError):
        log.error("a socket of events failed", exc_info=error)
    await socket.close(TRY_AGAIN if error else GOING_AWAY)


async def _send(socket: WebSocket, after: int | None) -> None:
    feed: HappeningFeed = socket.app.state.happenings
    async for _, text in feed.read(after):
        await socket.send_text(text)
