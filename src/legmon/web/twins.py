"""Every page's twin: what it shows, as JSON, at its own address with ``.json`` behind it."""

from fastapi import APIRouter
from pydantic import BaseModel

from legmon.web import models, nights, views
from legmon.web import models_evening as e
from legmon.web.api import PROBLEMS, AllReadings, FromCatalog, ThisNight
from legmon.web.owner import preflight

router = APIRouter(responses=PROBLEMS)


class TonightPage(BaseModel):
    """What Tonight shows."""

    status: models.Status
    preflight: e.Preflight
    settings: e.Settings


class NightPage(BaseModel):
    """What Night shows."""

    night: models.Night
    movements: list[models.Movement]
    nights: list[models.NightSummary]


@router.get("/tonight.json", operation_id="tonightPage")
def tonight(catalog: FromCatalog, readings: AllReadings) -> TonightPage:
    """Give what Tonight, its set-up and its live trace show."""
    return TonightPage(
        status=views.status(catalog),
        preflight=preflight(catalog, readings),
        settings=e.Settings(**readings.annotations.settings()),
    )


@router.get("/night/{night_id}.json", operation_id="nightPage")
def night(
    info: ThisNight, catalog: FromCatalog, readings: AllReadings, rules: models.Rules = "wasm2016"
) -> NightPage:
    """Give what Night shows of one night; `last` is the newest."""
    reading = readings.of(info, rules)
    return NightPage(
        night=nights.night(catalog, readings, reading),
        movements=nights.movements(reading).movements,
        nights=[nights.summary(readings.of(i, rules)) for i in catalog.nights()],
    )
