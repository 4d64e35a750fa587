"""The live socket: the trace at 20 frames a second and the status as it changes."""

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from legmon.catalog.store import Catalog
from legmon.movement import NS, Leg
from legmon.night.track import LegTrack
from legmon.nights.signal import LegSignal, SignalStore
from legmon.web import frames, models, views

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api/v1")

FRAME_S = 0.05
STATUS_S = 0.5
SMOOTHING = 3  # a frame carries this share of what is waiting: an even flow without much delay
WINDOW_S, WINDOW_MOST_S = 30.0, 600.0
RAW_MOST, BUCKETS = 4000, 1000


@dataclass(slots=True)
class _Trace:
    """What one socket has been sent of one leg."""

    signal: LegSignal
    bucket: int
    sent: int
    until: float = 0.0
    seq: int = 0

    def frame(self, track: LegTrack) -> bytes | None:
        """Give the next frame, if there is anything to send."""
        self.signal.update()
        waiting = self.signal.end // self.bucket - self.sent
        if waiting <= 0:
            return None
        count = -(-waiting // SMOOTHING)
        first, end = self.sent * self.bucket, (self.sent + count) * self.bucket
        values = (
            self.signal.raw(first, end) if self.bucket == 1 else self.signal.min_max(first, end, self.bucket)
        )
        clock = track.time
        t0 = max(clock.utc(first) / NS, self.until)
        n = values.axes.shape[1]
        dt = max((clock.utc(end) / NS - t0) / n, 1e-4)
        self.sent += count
        self.until = t0 + n * dt
        self.seq += 1
        return frames.encode(values.axes, t0=t0, dt=dt, min_max=values.min_max, seq=self.seq)


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """Send hello, then status and trace until the page goes."""
    await socket.accept()
    tasks = [asyncio.create_task(_send(socket)), asyncio.create_task(_until_it_goes(socket))]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    gone = WebSocketState.DISCONNECTED in {socket.client_state, socket.application_state}
    if tasks[0] in done and (error := tasks[0].exception()) is not None and not gone:
        log.error("a live socket failed", exc_info=error)
        await socket.close(1011)  # the page sees it and connects again


async def _until_it_goes(socket: WebSocket) -> None:
    """Wait until the page is gone; it sends nothing else."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()


async def _send(socket: WebSocket) -> None:
    catalog: Catalog = socket.app.state.catalog
    signals: SignalStore = socket.app.state.signals
    night: str | None = "not asked yet"
    trace: _Trace | None = None
    track: LegTrack | None = None
    said, next_status = "", 0.0
    tick = time.monotonic()
    while True:
        if time.monotonic() >= next_status:
            next_status = time.monotonic() + STATUS_S
            status = await asyncio.to_thread(views.status, catalog)
            tracks = await asyncio.to_thread(catalog.tracks, status.night) if status.night else []
            track = next((t for t in tracks if t.anchors), None)
            if status.night != night or (track is not None and trace is None):
                night = status.night
                trace = _open(catalog, signals, night, track, status.speed) if night and track else None
                hello = models.LiveHello(leg=track.leg if track else None, window_s=_window_s(status.speed))
                await socket.send_text(hello.model_dump_json())
            message = models.LiveStatus(status=status).model_dump_json()
            if message != said:
                await socket.send_text(message)
                said = message
        if trace is not None and track is not None and (frame := trace.frame(track)):
            await socket.send_bytes(frame)
        tick = max(tick + FRAME_S, time.monotonic() - FRAME_S)
        await asyncio.sleep(max(tick - time.monotonic(), 0))


def _window_s(speed: float) -> float:
    return min(max(WINDOW_S * speed, WINDOW_S), WINDOW_MOST_S)


def _open(catalog: Catalog, signals: SignalStore, night: str, track: LegTrack, speed: float) -> _Trace:
    leg: Leg = track.leg
    signal = signals.get(catalog.segment(night, leg))
    rate = track.anchors[-1].rate_hz
    shown = round(_window_s(speed) * rate)
    bucket = 1 if shown <= RAW_MOST else -(-shown // BUCKETS)
    return _Trace(signal, bucket, max(signal.end - shown, 0) // bucket)
