"""The route of the demo under ``/api/v1``: which nights it has recorded, and how tonight went."""

from typing import Self

from fastapi import APIRouter
from pydantic import Field

from legmon.web.demo_state import DemoState
from legmon.web.dependencies import PROBLEMS, FromCatalog
from legmon.web.models_evening import Frozen

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)


class Demo(Frozen):
    """What `legmon demo` is doing."""

    running: bool = Field(description="whether these pages belong to a demo")
    past: int = Field(description="how many past nights it has, once all are recorded")
    recorded: int = Field(description="how many of them are recorded")
    share: float = Field(description="which share of the present work on them is done, 0 to 1")
    tonight: str | None = Field(description="the night that is recorded over simulated Bluetooth, or was")
    over: bool = Field(description="whether that night has ended and is closed")
    movements: int = Field(description="leg movements in it, once it is over")
    in_series: int = Field(description="how many of them came in series")

    @classmethod
    def of(cls, state: DemoState | None) -> Self:
        """Return what a demo is doing; None stands for no demo."""
        if state is None:
            return cls(
                running=False,
                past=0,
                recorded=0,
                share=0.0,
                tonight=None,
                over=False,
                movements=0,
                in_series=0,
            )
        return cls(
            running=True,
            past=state.past,
            recorded=state.recorded,
            share=state.share,
            tonight=state.tonight,
            over=state.is_over,
            movements=state.movements,
            in_series=state.in_series,
        )


@router.get("/demo", operation_id="getDemo")
def get_demo(catalog: FromCatalog) -> Demo:
    """Return what the demo is doing. Without a demo, `running` is false."""
    return Demo.of(DemoState.read(catalog.folder))
