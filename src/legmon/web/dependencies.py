"""What routes need from a request: the catalog, the reports, the night it names; and how they say no."""

from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query, Request

from legmon.catalog.annotations import Annotations
from legmon.catalog.state import NightInfo
from legmon.catalog.store import Catalog, UnknownNightError
from legmon.messages import Event, ProblemCode
from legmon.nights.cache import NightReports
from legmon.nights.why import LastTrace
from legmon.web import models
from legmon.web.audit import Audit, Client
from legmon.web.lock import LET_IN
from legmon.web.models_evening import LATEST_S
from legmon.web.problems import RefusedError

PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"model": models.Problem, "description": "Nobody was let in: no token, or a wrong one"},
    403: {"model": models.Problem, "description": "Asked by something else than legmon's own pages"},
    404: {"model": models.Problem, "description": "No such night"},
    405: {"model": models.Problem, "description": "The address has other methods, named by `Allow`"},
    413: {"model": models.Problem, "description": "Larger than 1 MB"},
    422: {"model": models.Problem, "description": "Invalid request"},
    429: {"model": models.Problem, "description": "Too many wrong tokens"},
    431: {"model": models.Problem, "description": "A head of more than 16 kB"},
    507: {"model": models.Problem, "description": "The disk is full"},
    503: {"model": models.Problem, "description": "The catalog or the data folder cannot be used now"},
}


LONGEST_NAME: Final = 255
"""Characters of the name of a night: it is the name of a folder."""
NightId = Annotated[str, Path(max_length=LONGEST_NAME, description="id of a night, or `last`")]


def _catalog(request: Request) -> Catalog:
    catalog: Catalog = request.app.state.catalog
    return catalog


def _annotations(request: Request) -> Annotations:
    return Annotations(_catalog(request))


def _reports(request: Request) -> NightReports:
    reports: NightReports = request.app.state.reports
    return reports


def _last_trace(request: Request) -> LastTrace:
    last: LastTrace = request.app.state.last_trace
    return last


def _night(night_id: NightId, catalog: Annotated[Catalog, Depends(_catalog)]) -> NightInfo:
    try:
        return catalog.night(night_id)
    except UnknownNightError as e:
        raise RefusedError(404, ProblemCode.NO_SUCH_NIGHT, night=night_id) from e


class Noted:
    """Notes in the audit what the client of a request does."""

    def __init__(self, request: Request) -> None:
        self._audit: Audit = request.app.state.audit
        self._client: Client = request.scope[LET_IN]

    def __call__(self, event: Event, night: str | None = None) -> None:
        """Note it; called when it is done."""
        self._audit.note(event, self._client, night)


FromRequest = Annotated[Noted, Depends(Noted)]
FromCatalog = Annotated[Catalog, Depends(_catalog)]
FromAnnotations = Annotated[Annotations, Depends(_annotations)]
FromLastTrace = Annotated[LastTrace, Depends(_last_trace)]
FromReports = Annotated[NightReports, Depends(_reports)]
ThisNight = Annotated[NightInfo, Depends(_night)]
Moment = Annotated[float, Query(allow_inf_nan=False, ge=0, le=LATEST_S)]
"""Unix seconds."""
