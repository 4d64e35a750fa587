"""The routes of this evening under ``/api/v1``: status, settings, the recorder's task, the list before the night, the fit check.

No route reaches the recorder but through the desired state in the catalog.
"""

from fastapi import APIRouter

from legmon.catalog.annotations import Annotations
from legmon.catalog.store import Catalog
from legmon.messages import Event, ProblemCode
from legmon.movement import NS, Leg
from legmon.nights import answers, check
from legmon.nights.cache import NightReports
from legmon.nights.machine import disk_room
from legmon.nights.readiness import DiskRoom
from legmon.nights.report import fit_result
from legmon.web import evening, models
from legmon.web import models_evening as e
from legmon.web.dependencies import PROBLEMS, FromAnnotations, FromCatalog, FromReports, FromRequest
from legmon.web.problems import RefusedError
from legmon.web.status import alive_recorder, status

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)

CONFLICT = {"model": models.Problem, "description": "A night is being recorded"}
NO_SAMPLES = {"model": models.Problem, "description": "The sensor has sent nothing for a check yet"}


@router.get("/status", operation_id="getStatus")
def get_status(catalog: FromCatalog) -> models.Status:
    """Return what is happening now."""
    return status(catalog)


@router.get("/settings", operation_id="getSettings")
def get_settings(annotations: FromAnnotations) -> e.Settings:
    """Return how the pages look and what was set up."""
    return e.Settings.of(annotations.settings())


@router.put("/settings", operation_id="setSettings")
def set_settings(settings: e.Settings, annotations: FromAnnotations, note: FromRequest) -> e.Settings:
    """Replace the settings."""
    annotations.set_settings(settings.model_dump())
    note(Event.SETTINGS)
    return settings


@router.post("/wanted", operation_id="want")
def want(wanted: e.Want, catalog: FromCatalog, note: FromRequest) -> e.Want:
    """Ask the recorder to be off, to check its sensor, or to record."""
    catalog.want(wanted.mode, wanted.leg)
    note({"record": Event.START, "check": Event.CHECK, "off": Event.STOP}[wanted.mode])
    return wanted


@router.put("/wanted/sensors/{leg}", operation_id="choose", responses={409: CONFLICT})
def choose(leg: Leg, chosen: e.Choose, catalog: FromCatalog, note: FromRequest) -> e.Chosen:
    """Choose the sensor of a leg; if the other leg has this sensor, the two change places."""
    now_chosen = evening.choose(catalog, alive_recorder(catalog), leg, chosen.address)
    note(Event.SENSOR)
    return now_chosen


@router.get("/disk", operation_id="getDisk")
def get_disk(catalog: FromCatalog) -> DiskRoom:
    """Return how many nights still fit on the disk, and what a night takes."""
    return disk_room(catalog.folder, catalog)


@router.get("/preflight", operation_id="getPreflight")
def get_preflight(catalog: FromCatalog, annotations: FromAnnotations, reports: FromReports) -> e.Preflight:
    """Return the list before the night: what is OK, what to look at, what makes the night worthless."""
    return preflight(catalog, annotations, reports)


def preflight(catalog: Catalog, annotations: Annotations, reports: NightReports) -> e.Preflight:
    """Return the list before the night."""
    recorder = alive_recorder(catalog)
    return evening.evening_list(catalog, annotations, reports.postures.drain_per_hour(), recorder)


@router.post("/checks/fit", operation_id="checkFit", responses={409: NO_SAMPLES})
def check_fit(
    request: e.FitRequest, catalog: FromCatalog, annotations: FromAnnotations, note: FromRequest
) -> answers.FitResult:
    """Judge the steps of a fit check that were just done, and keep the result with the evening."""
    if any(s.end <= s.start or s.end - s.start > 120 for s in request.steps):
        raise RefusedError(422, ProblemCode.WRONG_STEPS)
    steps = [_done_step(s) for s in request.steps]
    try:
        result = fit_result(check.fit_check(catalog, annotations, request.leg, steps))
    except check.NoCheckError as error:
        raise RefusedError(409, ProblemCode.NOTHING_SENT) from error
    note(Event.FIT)
    return result


def _done_step(step: e.FitStep) -> check.DoneStep:
    cues = tuple(round(t * NS) for t in step.cues)
    return check.DoneStep(step.step, round(step.start * NS), round(step.end * NS), cues)
