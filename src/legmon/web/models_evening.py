"""What the HTTP interface says of the evening: settings, the list before the night, the fit check.

Times are Unix seconds (UTC), durations seconds, unless a name says otherwise.
"""

from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from legmon.messages import DOCTOR_CODES, READINESS, TONIGHT_ITEMS

Mode = Literal["off", "check", "record"]
Leg = Literal["left", "right"]
Legs = Literal["left", "right", "both"]


class Frozen(BaseModel):
    """A value; what it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


FitProblem = Literal[
    "no_data",
    "not_still",
    "not_one_g",
    "rate",
    "missing",
    "toes_unseen",
    "looser",
    "firmer",
    "no_roll",
    "not_standing",
]


class Fit(Frozen):
    """What a fit check found."""

    leg: Leg
    at: float
    problems: list[FitProblem]
    noise_mg: float | None
    gravity_g: float | None
    toes: int | None
    toe_mg: float | None
    ratio: float | None
    rolled_deg: float | None
    stood: bool


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


ITEM_CODES: Final[dict[str, tuple[str, ...]]] = {
    item: tuple(code for code in READINESS[item] if (item, code) not in DOCTOR_CODES)
    for item in TONIGHT_ITEMS
}
"""The codes of each line of the evening's list; the pages have the words."""


class PreflightItem(Frozen):
    """One line of the evening's list."""

    item: Literal["sensor", "battery", "link", "rate", "worn", "fit", "disk", "clock"]
    level: Literal["ok", "look", "stop"]
    code: str
    values: dict[str, float]
    text: str = Field(description="what the sensor itself says, in English; empty where it says nothing")

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
    fits: list[Fit] = Field(description="this evening's")


class FitStep(Frozen):
    """One step of the check, by the recording's clock."""

    step: Literal["stand", "still", "toes", "roll"]
    start: float = Field(ge=0, le=32_503_680_000)
    end: float = Field(ge=0, le=32_503_680_000)
    cues: list[float] = Field(default=[], max_length=20)


class FitRequest(Frozen):
    """The steps that were just done."""

    leg: Leg
    steps: list[FitStep] = Field(min_length=1, max_length=8)
