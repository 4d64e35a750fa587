"""Build the application from the routes, the live socket, the pages and the guard."""

import logging
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from legmon import __version__
from legmon.catalog.database import catalog_fault
from legmon.catalog.file import CatalogError, DiskFullError
from legmon.catalog.store import Catalog
from legmon.messages import CatalogFault, ProblemCode, problem_sentence
from legmon.nights.cache import NightReports
from legmon.nights.signal import SignalStore
from legmon.nights.why import LastTrace
from legmon.quoting import shortened
from legmon.web import audited, demo, events, live, nights, tonight, twins
from legmon.web.audit import Audit
from legmon.web.description import describe, methods_of
from legmon.web.guard import Guard
from legmon.web.happening import HappeningFeed
from legmon.web.keys import Keys
from legmon.web.lock import Lock
from legmon.web.models import Problem
from legmon.web.problems import RefusedError
from legmon.web.sizes import Sizes

log = logging.getLogger(__name__)

STATIC = Path(__file__).with_name("static")
MOST_FAULTS = 5
"""Faults of a request that the answer names."""
NOT_BUILT = (
    "The dashboard's pages were not built into this installation. Install legmon again with pip or uv."
)


def create_app(catalog: Catalog, port: int) -> FastAPI:
    """Build the application.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder to show.
    port : int
        Where it listens on loopback; requests to any other host are refused.
    """
    app = FastAPI(title="legmon", version=__version__, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.catalog = catalog
    app.state.signals = SignalStore()
    app.state.reports = NightReports(catalog)
    app.state.last_trace = LastTrace()
    app.state.feed = live.StatusFeed(catalog)
    app.state.happenings = HappeningFeed(catalog, app.state.feed)
    app.state.audit = audit = Audit(catalog.folder)
    for part in (tonight, nights, twins, audited, demo, events, live):
        app.include_router(part.router)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    app.add_exception_handler(DBAPIError, _catalog_problem)
    app.add_exception_handler(CatalogError, _not_stored)
    app.add_exception_handler(Exception, _defect)
    app.add_middleware(Lock, keys=Keys(catalog.folder), audit=audit, public=_public())
    app.add_middleware(Sizes)
    app.add_middleware(Guard, hosts=[f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")])

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    def index() -> Response:
        page = STATIC / "index.html"
        if not page.exists():
            return PlainTextResponse(NOT_BUILT, status_code=503)
        return FileResponse(page, headers={"Cache-Control": "no-cache"})

    describe(app)
    if STATIC.is_dir():
        app.mount("/", StaticFiles(directory=STATIC))
    return app


def _public() -> set[str]:
    """Return the paths that anybody may read: the pages' own files, and nothing else."""
    return {"/", *(f"/{p.relative_to(STATIC).as_posix()}" for p in STATIC.rglob("*") if p.is_file())}


def _problem(
    status: int, detail: str, code: ProblemCode, headers: dict[str, str] | None = None
) -> JSONResponse:
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, code=code)
    return JSONResponse(
        problem.model_dump(), status_code=status, media_type="application/problem+json", headers=headers
    )


async def _http_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for this class alone)
    if isinstance(error, RefusedError):
        return _problem(error.status_code, str(error.detail), error.code)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allow, code = ", ".join(methods_of(request.app, request.url.path)), ProblemCode.WRONG_METHOD
        return _problem(405, problem_sentence(code, allow=allow), code, {"Allow": allow})
    if error.status_code == HTTPStatus.BAD_REQUEST:  # FastAPI's word for a body that is no text
        code = ProblemCode.INVALID_REQUEST
        return _problem(422, problem_sentence(code, why="its body cannot be read"), code)
    return _problem(error.status_code, problem_sentence(ProblemCode.NOT_FOUND), ProblemCode.NOT_FOUND)


async def _validation_problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = error.errors()
    places = (".".join(map(str, e["loc"][1:])) for e in found[:MOST_FAULTS])
    why = "; ".join(f"{shortened(at)}: {e['msg']}" for at, e in zip(places, found, strict=False))
    why += f"; and {len(found) - MOST_FAULTS} more" if len(found) > MOST_FAULTS else ""
    code = ProblemCode.INVALID_REQUEST
    return _problem(422, problem_sentence(code, why=why), code)


async def _not_stored(_: Request, error: Exception) -> JSONResponse:
    log.warning("the catalog or the data folder cannot be used: %s", error)
    is_full = isinstance(error, DiskFullError)
    status, code = (507, ProblemCode.DISK_FULL) if is_full else (503, ProblemCode.NOT_STORED)
    return _problem(status, problem_sentence(code, why=error), code)


async def _catalog_problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DBAPIError)  # noqa: S101 (registered for this class alone)
    status, code = _CATALOG_PROBLEMS.get(catalog_fault(error), (503, ProblemCode.CATALOG_FAILS))
    log.warning("a request failed: %s", error.orig)
    return _problem(status, problem_sentence(code, why=error.orig), code)


_CATALOG_PROBLEMS = {
    CatalogFault.FULL: (507, ProblemCode.DISK_FULL),
    CatalogFault.BUSY: (503, ProblemCode.CATALOG_LOCKED),
}


async def _defect(_: Request, error: Exception) -> JSONResponse:
    log.error("a request failed", exc_info=error)
    code = ProblemCode.INTERNAL_ERROR
    return _problem(500, problem_sentence(code), code)
