"""Bodies that only the HTTP interface has, of the evening: settings, the list before the night, the fit check.

Times are Unix seconds (UTC), durations seconds, unless a name says otherwise.
"""

import contextlib
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from legmon.catalog.state import Mode
from legmon.messages import DOCTOR_CODES, READINESS, TONIGHT_ITEMS, Level
from legmon.movement import Leg, Legs
from legmon.night.fit import Step
from legmon.nights.answers import FitResult
from legmon.scoring.rules import Rules

LATEST_S: Final = 9_000_000_000
"""Unix seconds in the year 2255. Later ones do not fit into the nanoseconds of a catalog."""
Time = Annotated[float, Field(ge=0, le=LATEST_S, allow_inf_nan=False)]
"""Unix seconds."""


class Frozen(BaseModel):
    """A body that rejects unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Want(Frozen):
    """What the recorder shall do."""

    mode: Mode
    leg: Legs | None = None


class Choose(Frozen):
    """Which sensor a leg shall have."""

    address: str | None = Field(max_length=64, description="of a sensor near; null for whatever is there")


class Chosen(Frozen):
    """Address of the sensor that was chosen for each leg, where one was."""

    left: str | None
    right: str | None


class Settings(Frozen):
    """How the pages look, and what was set up."""

    theme: Literal["auto", "light", "dark", "night"] = "auto"
    language: Literal["auto", "en", "de", "pseudo"] = "auto"
    leg: Legs | None = None
    set_up: bool = False
    rules: Rules = Field(default="wasm2016", description="the rule set that the pages show")

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Return settings that were stored. One that this version does not know, or that is damaged, is left out."""
        kept: dict[str, Any] = {}
        for name, value in stored.items():
            with contextlib.suppress(ValidationError, TypeError):
                cls.model_validate({name: value})
                kept[name] = value
        return cls(**kept)


ITEM_CODES: Final[dict[str, tuple[str, ...]]] = {
    item: tuple(code for code in READINESS[item] if (item, code) not in DOCTOR_CODES)
    for item in TONIGHT_ITEMS
}
"""The codes of each line of the evening's list; the pages have the words."""


class PreflightItem(Frozen):
    """One line of the list before the night."""

    item: Literal[
        "sensor", "battery", "link", "rate", "worn", "fit", "disk", "clock", "sleep", "mains", "lid"
    ]
    level: Level
    code: str
    values: dict[str, float]
    text: str = Field(description="the sensor's own words, in English; empty where it sends none")

    @model_validator(mode="after")
    def _is_listed(self) -> Self:
        if self.code not in ITEM_CODES[self.item]:
            raise ValueError(f"{self.item} has no code {self.code!r}")
        return self


class Preflight(Frozen):
    """Whether tonight can be recorded."""

    legs: list[Leg] = Field(description="that wear a sensor tonight")
    items: list[PreflightItem]
    may_start: bool = Field(description="false only where the night would be worthless")
    data_folder: str
    fits: list[FitResult] = Field(description="this evening's")


class FitStep(Frozen):
    """One step of the check, by the recording's clock."""

    step: Step
    start: Time
    end: Time
    cues: list[Time] = Field(default=[], max_length=20)


class FitRequest(Frozen):
    """The steps that were just done."""

    leg: Leg
    steps: list[FitStep] = Field(min_length=1, max_length=8)
