"""Bodies that only the HTTP interface has: problems, the status, marks on a night, and the messages of the live socket.

Times are Unix seconds (UTC), durations seconds, unless a name says otherwise.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from legmon.catalog.annotation_files import LONGEST_NOTE, LONGEST_TAG, MOST_TAGS
from legmon.catalog.state import ListedMovement, Mode
from legmon.link.listener import LinkState
from legmon.messages import ProblemCode
from legmon.movement import Leg
from legmon.nights.answers import Zone
from legmon.scoring.live import Tally
from legmon.scoring.rules import Rules
from legmon.sensors.base import HeardSensor
from legmon.web.models_evening import Chosen, Frozen, Time


class Problem(BaseModel):
    """An error, as RFC 9457 (application/problem+json) describes it."""

    model_config = ConfigDict(frozen=True)
    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: ProblemCode = Field(description="the reason, of a closed list, which pages translate")


class Sensor(Frozen):
    """An ankle sensor of the running night, as the recorder last saw it."""

    leg: Leg
    name: str | None
    address: str | None
    link: LinkState
    detail: str = Field(description="one plain sentence about the link")
    detail_code: str = Field(
        description="code of this sentence, of a closed list; empty for one without a code"
    )
    battery_percent: int | None
    rssi_dbm: int | None
    declared_rate_hz: float | None
    measured_rate_hz: float | None
    samples: int = Field(description="recorded this night")
    missing_samples: int = Field(description="known to be missing this night")
    pending_samples: int = Field(
        description="not received yet; the sensor may still send them from its memory"
    )
    refused_frames: int = Field(description="frames that do not follow the sensor's protocol")
    last_sample: float | None
    moving: bool = Field(description="it was shaken within the last second or so")


class Status(Frozen):
    """What is happening now. Counts are of everything known so far, and provisional."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)
    version: str
    simulated: bool
    recording: bool
    mode: Mode = Field(description="what the recorder was asked to do")
    night: str | None
    now: float = Field(description="the recording's clock; runs fast when simulated time does")
    speed: float = Field(description="seconds of night per second of wall clock")
    recorder_alive: bool
    trouble: str | None = Field(description="what keeps the recorder from recording, in a sentence")
    trouble_code: str | None = Field(
        description="code of this sentence, of a closed list; empty for one without a code"
    )
    trouble_values: dict[str, float] = Field(description="the numbers in it")
    started: float | None
    zone: Zone
    rules: Rules
    movements: int
    candidates: int
    periodic: int
    series: int
    confirmed: Tally = Field(description="counts that no later movement can change")
    analysed_s: float
    sensors: list[Sensor]
    nearby: list[HeardSensor] = Field(description="sensors to choose from while checking, strongest first")
    chosen: Chosen
    last_movements: list[ListedMovement] = Field(description="up to 12, newest first")


class SetLights(Frozen):
    """Lights off and on; null stands for the recording's own start or end."""

    off: Time | None
    on: Time | None


class SetNote(Frozen):
    """A note of a night and its tags; empty ones remove it."""

    text: str = Field(max_length=LONGEST_NOTE)
    tags: list[Annotated[str, Field(min_length=1, max_length=LONGEST_TAG)]] = Field(max_length=MOST_TAGS)


class SetVoluntary(Frozen):
    """Whether the person marks a movement as their own."""

    voluntary: bool


class AddMark(Frozen):
    """A stretch in which the person moved a leg themselves."""

    leg: Leg
    start: Time
    end: Time


class LiveHello(Frozen):
    """First text message of the live socket."""

    type: Literal["hello"] = "hello"
    schema_version: int = 1
    leg: Leg | None
    window_s: float = Field(description="how much of the trace to show")


class LiveStatus(Frozen):
    """Text message of the live socket when the status changes, at most twice a second."""

    type: Literal["status"] = "status"
    status: Status
