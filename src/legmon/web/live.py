"""The live socket: the trace at 20 frames a second, and the status twice a second, which all sockets share."""

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from legmon.catalog.store import Catalog
from legmon.movement import NS, Leg
from legmon.nights.signal import LegSignal, SignalStore
from legmon.timeline.clock import TimeMap
from legmon.web import frames, models
from legmon.web.status import status

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api/v1")

FRAME_S = 0.05
STATUS_S = 0.5
SMOOTHING = 3  # a frame carries a third of what is waiting: an even flow with little delay
WINDOW_S, WINDOW_MOST_S = 30.0, 600.0
RAW_MOST, BUCKETS = 4000, 1000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is happening, the message that tells it, and the leg whose trace is shown, with its clock."""

    status: models.Status
    message: str
    leg: Leg | None
    clock: TimeMap | None


class StatusFeed:
    """One snapshot for all sockets, read anew when it is half a second old and a socket asks for it.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = asyncio.Lock()
        self._latest: Snapshot | None = None
        self._read_at = 0.0

    async def latest(self) -> Snapshot:
        """Return the latest snapshot."""
        async with self._lock:
            if self._latest is None or time.monotonic() - self._read_at >= STATUS_S:
                self._latest = await asyncio.to_thread(self._read)
                self._read_at = time.monotonic()
            return self._latest

    def _read(self) -> Snapshot:
        now = status(self._catalog)
        message = models.LiveStatus(status=now).model_dump_json()
        for leg, anchors in (self._catalog.anchors(now.night) if now.night else {}).items():
            return Snapshot(now, message, leg, TimeMap(anchors))
        return Snapshot(now, message, None, None)


@dataclass(slots=True)
class _Trace:
    """How much of one leg's signal one socket has received."""

    signal: LegSignal
    bucket: int
    sent: int
    until: float = 0.0
    seq: int = 0

    def frame(self, clock: TimeMap) -> bytes | None:
        """Return the next frame, None if there is nothing to send."""
        self.signal.update()
        waiting = self.signal.end // self.bucket - self.sent
        if waiting <= 0:
            return None
        count = -(-waiting // SMOOTHING)
        first, end = self.sent * self.bucket, (self.sent + count) * self.bucket
        values = (
            self.signal.raw(first, end) if self.bucket == 1 else self.signal.min_max(first, end, self.bucket)
        )
        t0 = max(clock.utc(first) / NS, self.until)
        n = values.axes.shape[1]
        dt = max((clock.utc(end) / NS - t0) / n, 1e-4)
        self.sent += count
        self.until = t0 + n * dt
        self.seq += 1
        return frames.encode(values.axes, t0=t0, dt=dt, min_max=values.min_max, seq=self.seq)


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """Send hello, then status and trace until the page closes the socket."""
    await socket.accept()
    tasks = [asyncio.create_task(_send(socket)), asyncio.create_task(until_closed(socket))]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    gone = WebSocketState.DISCONNECTED in {socket.client_state, socket.application_state}
    if tasks[0] in done and (error := tasks[0].exception()) is not None and not gone:
        log.error("a live socket failed", exc_info=error)
        await socket.close(1011)  # the page sees it and connects again


async def until_closed(socket: WebSocket) -> None:
    """Wait until the page closes the socket; it sends nothing else."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()


async def _send(socket: WebSocket) -> None:
    feed: StatusFeed = socket.app.state.feed
    shown: tuple[str | None, Leg | None] | None = None
    trace: _Trace | None = None
    sent = ""
    tick = time.monotonic()
    while True:
        now = await feed.latest()
        if shown != (now.status.night, now.leg):  # the left leg goes first, also where it joins later
            shown = (now.status.night, now.leg)
            trace = _open_trace(socket, now)
            hello = models.LiveHello(leg=now.leg, window_s=_window_s(now.status.speed))
            await socket.send_text(hello.model_dump_json())
        if now.message != sent:
            await socket.send_text(now.message)
            sent = now.message
        if trace is not None and now.clock is not None and (frame := trace.frame(now.clock)):
            await socket.send_bytes(frame)
        turn = FRAME_S if trace is not None else STATUS_S / 2
        tick = max(tick + turn, time.monotonic() - turn)
        await asyncio.sleep(max(tick - time.monotonic(), 0))


def _window_s(speed: float) -> float:
    return min(max(WINDOW_S * speed, WINDOW_S), WINDOW_MOST_S)


def _open_trace(socket: WebSocket, now: Snapshot) -> _Trace | None:
    """Begin a trace as far back as the page shows it; None before there are samples."""
    if now.status.night is None or now.leg is None or now.clock is None:
        return None
    catalog: Catalog = socket.app.state.catalog
    signals: SignalStore = socket.app.state.signals
    signal = signals.get(catalog.segment(now.status.night, now.leg))
    shown = round(_window_s(now.status.speed) * now.clock.anchors[-1].rate_hz)
    bucket = 1 if shown <= RAW_MOST else -(-shown // BUCKETS)
    return _Trace(signal, bucket, max(signal.end - shown, 0) // bucket)
