"""What routes need from a request: the catalog, the reports, the night it names; and how they say no."""

from typing import Annotated, Any

from fastapi import Depends, Query, Request

from legmon.catalog.annotations import Annotations
from legmon.catalog.state import NightInfo
from legmon.catalog.store import Catalog, UnknownNightError
from legmon.messages import ProblemCode
from legmon.nights.cache import NightReports
from legmon.web import models
from legmon.web.problems import RefusedError

PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: {"model": models.Problem, "description": "No such night"},
    422: {"model": models.Problem, "description": "Invalid request"},
}


def _catalog(request: Request) -> Catalog:
    catalog: Catalog = request.app.state.catalog
    return catalog


def _annotations(request: Request) -> Annotations:
    return Annotations(_catalog(request))


def _reports(request: Request) -> NightReports:
    reports: NightReports = request.app.state.reports
    return reports


def _night(night_id: str, catalog: Annotated[Catalog, Depends(_catalog)]) -> NightInfo:
    try:
        return catalog.night(night_id)
    except UnknownNightError as e:
        raise RefusedError(404, ProblemCode.NO_SUCH_NIGHT, night=night_id) from e


FromCatalog = Annotated[Catalog, Depends(_catalog)]
FromAnnotations = Annotated[Annotations, Depends(_annotations)]
FromReports = Annotated[NightReports, Depends(_reports)]
ThisNight = Annotated[NightInfo, Depends(_night)]
Moment = Annotated[float, Query(allow_inf_nan=False, ge=0, le=32_503_680_000)]
"""Unix seconds, up to the year 3000."""
