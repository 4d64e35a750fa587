"""The routes of the demo under ``/api/v1``: which nights it has recorded, how fast tonight arrives, and how it went."""

from typing import Self

from fastapi import APIRouter
from pydantic import Field

from legmon.messages import ProblemCode
from legmon.web import models
from legmon.web.demo_state import FASTEST, DemoState, DemoStep, wish_for
from legmon.web.dependencies import PROBLEMS, FromCatalog
from legmon.web.models_evening import Frozen
from legmon.web.problems import RefusedError

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)

NO_DEMO = {"model": models.Problem, "description": "These pages belong to no demo"}


class Demo(Frozen):
    """What `legmon demo` is doing."""

    running: bool = Field(description="whether these pages belong to a demo")
    past: int = Field(description="how many past nights it has, once all are recorded")
    recorded: int = Field(description="how many of them are recorded")
    share: float = Field(description="which share of the present work on them is done, 0 to 1")
    step: DemoStep = Field(description="what is being done for the newest of them")
    speed: float = Field(description="how many seconds of tonight a second has; 0 while it is stopped")
    tonight: str | None = Field(description="the night that is recorded over simulated Bluetooth, or was")
    over: bool = Field(description="whether that night has ended and is closed")
    movements: int = Field(description="leg movements in it, once it is over")
    in_series: int = Field(description="how many of them came in series")

    @classmethod
    def of(cls, state: DemoState | None) -> Self:
        """Return what a demo is doing; None stands for no demo."""
        return cls(
            running=state is not None,
            past=state.past if state else 0,
            recorded=state.recorded if state else 0,
            share=state.share if state else 0.0,
            step=state.step if state else "",
            speed=state.speed if state else 1.0,
            tonight=state.tonight if state else None,
            over=state is not None and state.is_over,
            movements=state.movements if state else 0,
            in_series=state.in_series if state else 0,
        )


class DemoSpeed(Frozen):
    """How fast tonight shall arrive."""

    speed: float = Field(ge=0, le=FASTEST, allow_inf_nan=False, description="0 stops it")


@router.get("/demo", operation_id="getDemo")
def get_demo(catalog: FromCatalog) -> Demo:
    """Return what the demo is doing. Without a demo, `running` is false."""
    return Demo.of(DemoState.read(catalog.folder))


@router.post("/demo/speed", operation_id="setDemoSpeed", responses={409: NO_DEMO})
def set_demo_speed(asked: DemoSpeed, catalog: FromCatalog) -> DemoSpeed:
    """Let tonight arrive faster or slower, or stop it. The demo obeys within a second."""
    if DemoState.read(catalog.folder) is None or not wish_for(catalog.folder, asked.speed):
        raise RefusedError(409, ProblemCode.NO_DEMO)
    return asked
