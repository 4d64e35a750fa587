"""The routes under ``/api/v1``."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response

from legmon.catalog.state import NightInfo
from legmon.catalog.store import Catalog, CatalogError
from legmon.messages import ProblemCode
from legmon.movement import NS
from legmon.nights.cache import Readings, envelope
from legmon.nights.signal import SignalStore
from legmon.web import frames, models, nights, views
from legmon.web.models_evening import Leg
from legmon.web.problems import RefusedError

PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: {"model": models.Problem, "description": "No such night"},
    422: {"model": models.Problem, "description": "Asked wrongly"},
}
router = APIRouter(prefix="/api/v1", responses=PROBLEMS)


def _catalog(request: Request) -> Catalog:
    catalog: Catalog = request.app.state.catalog
    return catalog


def _readings(request: Request) -> Readings:
    readings: Readings = request.app.state.readings
    return readings


def _info(night_id: str, catalog: Annotated[Catalog, Depends(_catalog)]) -> NightInfo:
    try:
        return catalog.night(night_id)
    except CatalogError as e:
        raise RefusedError(404, ProblemCode.NO_SUCH_NIGHT, str(e)) from e


FromCatalog = Annotated[Catalog, Depends(_catalog)]
AllReadings = Annotated[Readings, Depends(_readings)]
Moment = Annotated[float, Query(allow_inf_nan=False, ge=0, le=32_503_680_000)]
"""Unix seconds, up to the year 3000."""
ThisNight = Annotated[NightInfo, Depends(_info)]


@router.get("/status", operation_id="getStatus")
def get_status(catalog: FromCatalog) -> models.Status:
    """Say what is happening now."""
    return views.status(catalog)


@router.get("/nights", operation_id="listNights")
def list_nights(
    catalog: FromCatalog, readings: AllReadings, rules: models.Rules = "wasm2016"
) -> list[models.NightSummary]:
    """List all nights, newest first."""
    return [nights.summary(readings.of(info, rules)) for info in catalog.nights()]


@router.get("/nights/{night_id}", operation_id="getNight")
def get_night(
    info: ThisNight, catalog: FromCatalog, readings: AllReadings, rules: models.Rules = "wasm2016"
) -> models.Night:
    """Show one night under a rule set; `last` is the newest."""
    return nights.night(catalog, readings, readings.of(info, rules))


@router.get("/nights/{night_id}/movements", operation_id="getMovements")
def get_movements(
    info: ThisNight, readings: AllReadings, rules: models.Rules = "wasm2016"
) -> models.Movements:
    """List the movements of a night under a rule set."""
    return nights.movements(readings.of(info, rules))


FRAME: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "description": "An LGM1 frame: raw samples, or minimum and maximum where there are too many",
    }
}


@router.get(
    "/nights/{night_id}/envelope", operation_id="getEnvelope", response_class=Response, responses=FRAME
)
def get_envelope(info: ThisNight, readings: AllReadings, leg: Leg | None = None) -> Response:
    """Give how far the signal went in each second of the night, g: one axis, one value a second, NaN without samples."""
    reading = readings.of(info)
    track = next((t for t in reading.tracks if leg in (None, t.leg) and t.end and t.anchors), None)
    if track is None or reading.scored is None:
        return _nothing_yet(info, leg, axes=1)
    scored = reading.scored
    derived = readings.derived(info, track.leg)
    values, _ = envelope(derived, track, scored.origin_ns, -(-scored.duration_ns // NS))
    frame = frames.encode(values[None], t0=scored.origin_ns / NS, dt=1.0, min_max=False)
    return Response(frame, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def _nothing_yet(info: NightInfo, leg: Leg | None, *, axes: int) -> Response:
    """Give a frame without values for a leg whose first samples are still to be saved; refuse one that is not there."""
    if leg is not None and leg not in info.legs:
        raise RefusedError(404, ProblemCode.NO_SAMPLES, f"night {info.id} has no samples of this leg")
    frame = frames.encode(np.zeros((axes, 0), np.float32), t0=info.started_ns / NS, dt=1.0, min_max=False)
    return Response(frame, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


@router.get(
    "/nights/{night_id}/window",
    operation_id="getWindow",
    response_class=Response,
    responses=FRAME,
)
def get_window(
    info: ThisNight,
    catalog: FromCatalog,
    request: Request,
    start: Moment,
    end: Moment,
    points: Annotated[int, Query(ge=2, le=20_000)] = 2000,
    leg: Leg | None = None,
) -> Response:
    """Give the signal between two times for a chart of so many points."""
    if not end > start:
        raise RefusedError(422, ProblemCode.WRONG_WINDOW, "end must lie after start")
    track = next((t for t in catalog.tracks(info.id) if leg in (None, t.leg) and t.anchors), None)
    if track is None:
        return _nothing_yet(info, leg, axes=3)
    store: SignalStore = request.app.state.signals
    signal = store.get(catalog.segment(info.id, track.leg))
    time = track.time
    values = signal.window(time.index(round(start * NS)), time.index(round(end * NS)) + 1, points)
    t0 = time.utc(values.first) / NS
    n = values.axes.shape[1]
    dt = (time.utc(values.end) / NS - t0) / n if n else 1.0
    frame = frames.encode(values.axes, t0=t0, dt=dt, min_max=values.min_max)
    return Response(frame, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})
