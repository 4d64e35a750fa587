"""What the catalog says, as values."""

from dataclasses import dataclass, field
from typing import Literal

from legmon.catalog.clock import Clock, Moment
from legmon.messages import Message
from legmon.movement import Leg, Legs
from legmon.scoring.live import Tally
from legmon.sensors.base import HeardSensor

Mode = Literal["off", "check", "record"]
"""What is wanted of the recorder: nothing; a link and a look at the signal, but no night; a night."""
BOTH: tuple[Leg, Leg] = ("left", "right")
EndedBy = Literal["", "charger", "risen"]
"""Why a night ended by itself; empty where a person ended it, or nobody did."""
LinkState = Literal["off", "searching", "connecting", "streaming", "silent"]


@dataclass(frozen=True, slots=True)
class SensorState:
    """What the recorder says of a sensor; see `legmon.web.models.Sensor`."""

    leg: Leg
    name: str | None = None
    address: str | None = None
    link: LinkState = "off"
    detail: str = ""
    detail_code: str = ""
    battery_percent: int | None = None
    rssi_dbm: int | None = None
    declared_rate_hz: float | None = None
    measured_rate_hz: float | None = None
    samples: int = 0
    missing_samples: int = 0
    refused_frames: int = 0
    last_sample_ns: int | None = None
    repeated_frames: int = 0
    pending_samples: int = 0
    driver: str | None = None
    charging: bool | None = None
    worn: bool | None = None
    loss: Literal["index", "time", "arrival"] | None = None
    moving: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """The desired state.

    Parameters
    ----------
    mode : {"off", "check", "record"}
        What the recorder shall do.
    legs : {"left", "right", "both"} or None
        On which legs; None for whatever is there.
    sensors : dict
        Address of the sensor that was chosen for a leg, where one was.
    asked_ns : int
        When that was last asked for, ns UTC.
    """

    mode: Mode = "off"
    legs: Legs | None = None
    sensors: dict[Leg, str] = field(default_factory=dict)
    asked_ns: int = 0


@dataclass(frozen=True, slots=True)
class RecorderState:
    """What the recorder last said of itself; `moment` is what its clock counts from."""

    seen_ns: int
    clock: Clock
    simulated: bool
    night: str | None
    sensors: list[SensorState]
    confirmed: Tally = field(default_factory=Tally)
    trouble: Message | None = None
    mode: Mode = "off"
    nearby: list[HeardSensor] = field(default_factory=list)
    moment: Moment = field(default_factory=Moment.now)

    def now_ns(self) -> int:
        """Return the time on the recording's clock as the recorder has it, ns UTC."""
        return self.clock.now_ns(self.moment)


@dataclass(frozen=True, slots=True)
class NightInfo:
    """A night in the list; counts are those of its rule set.

    `ended_by` is why it ended by itself, empty where a person ended it or nobody did; `damaged` are the legs whose file is not
    what was written.
    """

    id: str
    state: Literal["recording", "closed"]
    simulated: bool
    zone_name: str
    utc_offset_s: int
    rules: str
    detector: str
    started_ns: int
    duration_ns: int
    analysed_ns: int
    movements: int
    candidates: int
    periodic: int
    series: int
    ended_by: EndedBy
    legs: tuple[Leg, ...]
    gaps: int
    damaged: tuple[Leg, ...] = ()
