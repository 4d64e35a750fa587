"""The routes under ``/api/v1`` by which somebody says something: settings, the evening, lights, labels.

No route writes to a recording. The recorder is asked through the catalog's desired state.
"""

import time
from typing import Annotated

from fastapi import APIRouter

from legmon.catalog.store import Catalog
from legmon.messages import ProblemCode
from legmon.movement import NS
from legmon.nights import check
from legmon.nights.cache import Readings
from legmon.web import evening, models, nights, views
from legmon.web import models_evening as e
from legmon.web.api import PROBLEMS, AllReadings, FromCatalog, ThisNight
from legmon.web.problems import RefusedError

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)

CONFLICT = {"model": models.Problem, "description": "A night is being recorded"}
MovementId = Annotated[str, "as `Movement.id`"]


@router.get("/settings", operation_id="getSettings")
def get_settings(readings: AllReadings) -> e.Settings:
    """Say how the pages look and what was set up."""
    return e.Settings(**readings.annotations.settings())


@router.put("/settings", operation_id="setSettings")
def set_settings(settings: e.Settings, readings: AllReadings) -> e.Settings:
    """Replace the settings."""
    readings.annotations.set_settings(settings.model_dump())
    return settings


@router.post("/wanted", operation_id="want")
def want(wanted: e.Want, catalog: FromCatalog) -> e.Want:
    """Ask the recorder to be off, to check its sensor, or to record."""
    catalog.want(wanted.mode, wanted.leg)
    return wanted


@router.put("/wanted/sensors/{leg}", operation_id="choose", responses={409: CONFLICT})
def choose(leg: e.Leg, chosen: e.Choose, catalog: FromCatalog) -> e.Chosen:
    """Choose the sensor of a leg; one that the other leg has changes places with this leg's."""
    return evening.choose(catalog, views.alive_recorder(catalog), leg, chosen.address)


@router.get("/preflight", operation_id="getPreflight")
def get_preflight(catalog: FromCatalog, readings: AllReadings) -> e.Preflight:
    """Give the evening's list: what is OK, what to look at, what makes the night worthless."""
    return preflight(catalog, readings)


def preflight(catalog: Catalog, readings: Readings) -> e.Preflight:
    """Give the evening's list."""
    recorder = views.alive_recorder(catalog)
    return evening.evening_list(catalog, readings.annotations, readings.drain_per_hour(), recorder)


@router.post("/checks/fit", operation_id="checkFit")
def check_fit(asked: e.FitRequest, catalog: FromCatalog, readings: AllReadings) -> e.Fit:
    """Judge the steps of a fit check that were just done, and keep the result with the evening."""
    if any(s.end <= s.start or s.end - s.start > 120 for s in asked.steps):
        raise RefusedError(
            422, ProblemCode.WRONG_STEPS, "each step must end after it starts, within two minutes"
        )
    try:
        return nights.fit(
            check.fit_check(catalog, readings.annotations, asked.leg, [_done(s) for s in asked.steps])
        )
    except check.NoCheckError as error:
        raise RefusedError(409, ProblemCode.NOTHING_SENT, str(error)) from error


def _done(step: e.FitStep) -> check.DoneStep:
    cues = tuple(round(t * NS) for t in step.cues)
    return check.DoneStep(step.step, round(step.start * NS), round(step.end * NS), cues)


@router.patch("/nights/{night_id}", operation_id="setLights")
def set_lights(
    info: ThisNight,
    lights: models.SetLights,
    catalog: FromCatalog,
    readings: AllReadings,
    rules: models.Rules = "wasm2016",
) -> models.Night:
    """Say when the light was off and on again; the recording's own times are kept beside it."""
    off, on = (None if t is None else round(t * NS) for t in (lights.off, lights.on))
    start, end = info.started_ns, info.started_ns + info.duration_ns
    if not max(start, off or start) < min(end, on or end):
        raise RefusedError(
            422,
            ProblemCode.WRONG_LIGHTS,
            "lights off must lie before lights on, and both within the recording",
        )
    readings.annotations.set_lights(info.id, (off, on), time.time_ns())
    return nights.night(catalog, readings, readings.of(info, rules))


@router.put("/nights/{night_id}/movements/{movement_id}", operation_id="setVoluntary", status_code=204)
def set_voluntary(
    info: ThisNight, movement_id: MovementId, said: models.SetVoluntary, readings: AllReadings
) -> None:
    """Say of a movement that it was made on purpose: it is listed, and no longer counted."""
    try:
        parts = nights.movement_parts(movement_id)
    except ValueError as error:
        raise RefusedError(422, ProblemCode.NO_SUCH_MOVEMENT, str(error)) from error
    known = {(m.leg, m.first) for t in readings.of(info).tracks for m in t.movements}
    if not set(parts) <= known:
        raise RefusedError(
            404, ProblemCode.NO_SUCH_MOVEMENT, f"night {info.id} has no movement {movement_id!r}"
        )
    readings.annotations.set_voluntary(info.id, parts, time.time_ns(), voluntary=said.voluntary)
