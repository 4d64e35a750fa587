"""The routes of nights under ``/api/v1``: the list, one night, its movements and signal, and what the person adds to it.

No route writes to a recording.
"""

import time
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response
from numpy.typing import NDArray

from legmon.catalog.annotations import NightNote
from legmon.catalog.state import NightInfo
from legmon.catalog.store import UnknownNightError
from legmon.messages import Event, ProblemCode
from legmon.movement import NS, Leg
from legmon.night.marks import Mark, mark_of, marked_movements
from legmon.nights import answers, report
from legmon.nights.custody import check_legs
from legmon.nights.signal import SignalStore
from legmon.nights.why import LONGEST_S, Why, explain_night
from legmon.recording.files import RecordingError
from legmon.scoring.rules import Rules
from legmon.timeline.clock import TimeMap
from legmon.web import frames, models
from legmon.web.dependencies import (
    LONGEST_NAME,
    PROBLEMS,
    FromAnnotations,
    FromCatalog,
    FromLastTrace,
    FromReports,
    FromRequest,
    Moment,
    ThisNight,
)
from legmon.web.problems import RefusedError

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)

MovementId = Annotated[str, Path(max_length=4000, description="as `ListedMovement.id`")]


@router.get("/nights", operation_id="listNights")
def list_nights(
    reports: FromReports,
    rules: Rules = "wasm2016",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[
        str | None, Query(max_length=LONGEST_NAME, description="only nights that began before this one")
    ] = None,
) -> answers.NightsPage:
    """List nights, the newest first; `earlier` is the `before` of the next page."""
    try:
        return reports.page(rules, limit=limit, before=before)
    except UnknownNightError as e:
        raise RefusedError(404, ProblemCode.NO_SUCH_NIGHT, night=before) from e


@router.get("/nights/{night_id}", operation_id="getNight")
def get_night(info: ThisNight, reports: FromReports, rules: Rules = "wasm2016") -> answers.Night:
    """Return one night under a rule set; `last` is the newest."""
    return reports.night(info, rules)


@router.get("/nights/{night_id}/movements", operation_id="getMovements")
def get_movements(info: ThisNight, reports: FromReports, rules: Rules = "wasm2016") -> answers.Movements:
    """List the movements of a night under a rule set."""
    return report.movements(reports.report(info, rules))


@router.get("/nights/{night_id}/trace", operation_id="getTrace")
def get_trace(
    info: ThisNight,
    catalog: FromCatalog,
    start: Moment,
    end: Moment,
    last: FromLastTrace,
    leg: Leg | None = None,
    rules: Rules = "wasm2016",
) -> Why:
    """Explain what the detector and the rules decided between two times, ten minutes apart at most.

    The detector runs again over the whole recording, so this takes a second or two, and less for the night
    that was asked about last. Each bout of activity comes with its
    signals, their thresholds then and the rules that decided. Where there is none, `rest` has what came
    nearest to opening one.
    """
    if not end > start:
        raise RefusedError(422, ProblemCode.WRONG_WINDOW)
    if end - start > LONGEST_S:
        raise RefusedError(422, ProblemCode.LONG_WINDOW)
    if leg is not None and leg not in info.legs:
        raise RefusedError(404, ProblemCode.NO_SAMPLES, night=info.id)
    try:
        return explain_night(catalog, info, rules, round(start * NS), round(end * NS), leg, last=last)
    except (ValueError, RecordingError) as error:
        raise RefusedError(404, ProblemCode.NO_SAMPLES, night=info.id) from error


# what the person adds


@router.patch("/nights/{night_id}", operation_id="setLights")
def set_lights(
    info: ThisNight,
    lights: models.SetLights,
    catalog: FromCatalog,
    annotations: FromAnnotations,
    reports: FromReports,
    note: FromRequest,
    rules: Rules = "wasm2016",
) -> answers.Night:
    """Set lights off and on; the recording's own start and end stay beside them."""
    off, on = (None if t is None else round(t * NS) for t in (lights.off, lights.on))
    start, end = info.started_ns, info.started_ns + info.duration_ns
    if not max(start, off or start) < min(end, on or end):
        raise RefusedError(422, ProblemCode.WRONG_LIGHTS)
    annotations.set_lights(info.id, (off, on), time.time_ns())
    note(Event.LIGHTS, info.id)
    return reports.night(catalog.night(info.id), rules)


@router.put("/nights/{night_id}/note", operation_id="setNote", status_code=204)
def set_note(
    info: ThisNight, written: models.SetNote, annotations: FromAnnotations, note: FromRequest
) -> None:
    """Replace the note and the tags of a night."""
    tags = tuple(dict.fromkeys(tag.strip() for tag in written.tags if tag.strip()))
    annotations.set_note(info.id, NightNote(written.text.strip(), tags), time.time_ns())
    note(Event.NOTE, info.id)


@router.put("/nights/{night_id}/movements/{movement_id}", operation_id="setVoluntary", status_code=204)
def set_voluntary(
    info: ThisNight,
    movement_id: MovementId,
    mark: models.SetVoluntary,
    catalog: FromCatalog,
    annotations: FromAnnotations,
    note: FromRequest,
) -> None:
    """Mark a movement as the person's own, or remove the mark: a marked movement is listed and not counted."""
    try:
        parts = movement_parts(movement_id)
    except ValueError as error:
        raise RefusedError(422, ProblemCode.NO_SUCH_MOVEMENT, night=info.id, movement=movement_id) from error
    tracks, now_ns = {t.leg: t for t in catalog.tracks(info.id)}, time.time_ns()
    try:
        marks = [mark_of(tracks[leg], first, now_ns) for leg, first in parts]
    except KeyError as error:
        raise RefusedError(404, ProblemCode.NO_SUCH_MOVEMENT, night=info.id, movement=movement_id) from error
    found = marked_movements(tracks.values(), annotations.marks(info.id)).movements
    if mark.voluntary:
        new = [m for m, part in zip(marks, parts, strict=True) if part not in found]
        annotations.add_marks(info.id, new)
    else:
        annotations.remove_marks(info.id, [m for part in parts for m in found.get(part, [])])
    note(Event.MARK, info.id)


@router.post("/nights/{night_id}/marks", operation_id="addMark", status_code=204)
def add_mark(info: ThisNight, added: models.AddMark, annotations: FromAnnotations, note: FromRequest) -> None:
    """Mark a stretch as the person's own, also one at which there is no movement."""
    mark = Mark(added.leg, round(added.start * NS), round(added.end * NS), time.time_ns())
    outside = mark.end_ns < info.started_ns or mark.start_ns > info.started_ns + info.duration_ns
    if mark.start_ns > mark.end_ns or outside:
        raise RefusedError(422, ProblemCode.WRONG_WINDOW)
    annotations.add_marks(info.id, [mark])
    note(Event.MARK, info.id)


@router.delete("/nights/{night_id}/marks/{mark_id}", operation_id="removeMark", status_code=204)
def remove_mark(
    info: ThisNight,
    mark_id: Annotated[str, Path(max_length=64, description="as `Mark.id`")],
    annotations: FromAnnotations,
    note: FromRequest,
) -> None:
    """Remove a mark, also one at which there is no movement."""
    marks = [m for m in annotations.marks(info.id) if m.id == mark_id]
    if not marks:
        raise RefusedError(404, ProblemCode.NO_SUCH_MARK, night=info.id, mark=mark_id)
    annotations.remove_marks(info.id, marks)
    note(Event.MARK, info.id)


def movement_parts(name: str) -> list[tuple[Leg, int]]:
    """Return leg and first sample of each part of a movement, from its id.

    Raises
    ------
    ValueError
        If it is not the id of a movement.
    """
    parts: list[tuple[Leg, int]] = []
    for part in name.split("+"):
        side, _, first = part.partition("-")
        if side not in {"left", "right"} or not (first.isascii() and first.isdigit() and len(first) < 16):
            raise ValueError(f"{name!r} is not the id of a movement")
        parts.append(("left" if side == "left" else "right", int(first)))
    return parts


# the signal, as frames for charts

FRAME: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "description": "An LGM1 frame: raw samples, or minimum and maximum where there are too many",
    }
}


@router.get(
    "/nights/{night_id}/envelope", operation_id="getEnvelope", response_class=Response, responses=FRAME
)
def get_envelope(info: ThisNight, reports: FromReports, leg: Leg | None = None) -> Response:
    """Return how far the signal went in each second of the night, g: one axis, one value a second, NaN without samples."""
    r = reports.report(info)
    track = next((t for t in r.timed if leg in (None, t.leg)), None)
    if track is None or r.scored is None:
        return _no_samples_yet(info, leg, axes=1)
    values, _ = report.leg_envelope(r, track)
    return _frame(values[None], t0=r.scored.origin_ns / NS, dt=1.0)


@router.get("/nights/{night_id}/window", operation_id="getWindow", response_class=Response, responses=FRAME)
def get_window(
    info: ThisNight,
    catalog: FromCatalog,
    request: Request,
    start: Moment,
    end: Moment,
    points: Annotated[int, Query(ge=2, le=20_000)] = 2000,
    leg: Leg | None = None,
) -> Response:
    """Return the signal between two times for a chart of so many points."""
    if not end > start:
        raise RefusedError(422, ProblemCode.WRONG_WINDOW)
    anchors = catalog.anchors(info.id)
    side = next((side for side in anchors if leg in (None, side)), None)
    if side is None:
        return _no_samples_yet(info, leg, axes=3)
    check_legs(catalog, info, [side])
    store: SignalStore = request.app.state.signals
    signal = store.get(catalog.segment(info.id, side))
    clock = TimeMap(anchors[side])
    values = signal.window(clock.index(round(start * NS)), clock.index(round(end * NS)) + 1, points)
    t0 = clock.utc(values.first) / NS
    n = values.axes.shape[1]
    dt = (clock.utc(values.end) / NS - t0) / n if n else 1.0
    return _frame(values.axes, t0=t0, dt=dt, min_max=values.min_max)


def _no_samples_yet(info: NightInfo, leg: Leg | None, *, axes: int) -> Response:
    """Return a frame without values for a leg whose first samples are not saved yet; refuse a leg that is not there."""
    if leg is not None and leg not in info.legs:
        raise RefusedError(404, ProblemCode.NO_SAMPLES, night=info.id)
    return _frame(np.zeros((axes, 0), np.float32), t0=info.started_ns / NS, dt=1.0)


def _frame(values: NDArray[np.float32], *, t0: float, dt: float, min_max: bool = False) -> Response:
    return Response(
        frames.encode(values, t0=t0, dt=dt, min_max=min_max),
        media_type="application/octet-stream",
        headers={"Cache-Control": "no-store"},
    )
