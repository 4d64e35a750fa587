"""The JSON twin of every page: what the page shows, at the page's own address with ``.json`` behind it."""

from fastapi import APIRouter
from pydantic import BaseModel

from legmon.catalog.state import ListedMovement
from legmon.nights import answers
from legmon.nights.report import movements
from legmon.scoring.rules import Rules
from legmon.web import models
from legmon.web import models_evening as e
from legmon.web.dependencies import PROBLEMS, FromAnnotations, FromCatalog, FromReports, ThisNight
from legmon.web.status import status
from legmon.web.tonight import preflight

router = APIRouter(responses=PROBLEMS)


class TonightPage(BaseModel):
    """What Tonight shows."""

    status: models.Status
    preflight: e.Preflight
    settings: e.Settings


class NightPage(BaseModel):
    """What Night shows: a night, and the page of the list that it is in."""

    night: answers.Night
    movements: list[ListedMovement]
    nights: list[answers.NightSummary]
    total: int
    earlier: str | None


@router.get("/tonight.json", operation_id="tonightPage")
def tonight(catalog: FromCatalog, annotations: FromAnnotations, reports: FromReports) -> TonightPage:
    """Return what Tonight, its set-up and its live trace show."""
    return TonightPage(
        status=status(catalog),
        preflight=preflight(catalog, annotations, reports),
        settings=e.Settings.of(annotations.settings()),
    )


@router.get("/night/{night_id}.json", operation_id="nightPage")
def night(info: ThisNight, reports: FromReports, rules: Rules = "wasm2016") -> NightPage:
    """Return what Night shows of one night; `last` is the newest."""
    page = reports.page_with(info, rules)
    return NightPage(
        night=reports.night(info, rules),
        movements=movements(reports.report(info, rules)).movements,
        nights=page.nights,
        total=page.total,
        earlier=page.earlier,
    )
