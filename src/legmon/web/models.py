"""What the HTTP interface says of nights and of now: the JSON of the routes and of the live socket.

Times are Unix seconds (UTC), durations seconds, unless a name says otherwise.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from legmon.messages import ProblemCode
from legmon.sensors.base import HeardSensor
from legmon.web.models_evening import Chosen, Fit, Frozen, Leg, Mode

Side = Literal["left", "right", "both"]
Rules = Literal["wasm2016", "wasm2006", "aasm"]
NightState = Literal["recording", "closed"]
EndedBy = Literal["", "charger", "risen"]
LinkState = Literal["off", "searching", "connecting", "streaming", "silent"]


class Problem(BaseModel):
    """An error, as RFC 9457 (application/problem+json) says it."""

    model_config = ConfigDict(frozen=True)
    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: ProblemCode = Field(description="why, of a closed list: pages say it in another language")


class Movement(Frozen):
    """A leg movement (LM), or something the detector told apart from one."""

    id: str = Field(description="names it within its night, for a label")
    onset: float
    offset: float
    leg: Side
    kind: str = Field(description="`leg` for what the rules look at, otherwise what it was taken for")
    candidate: bool = Field(description="meets the rules' definition of a candidate leg movement (CLM)")
    periodic: bool = Field(description="belongs to a periodic series")
    series: int | None = Field(description="number of its series in this night, from 1")
    interval_s: float | None = Field(description="onset to onset from the movement before, where measurable")
    peak_mg: float | None = Field(description="largest acceleration beyond rest, in thousandths of g")


class Sensor(Frozen):
    """An ankle sensor of the running night, as the recorder last saw it."""

    leg: Leg
    name: str | None
    address: str | None
    link: LinkState
    detail: str = Field(description="one plain sentence about the link")
    detail_code: str = Field(description="which one, of a closed list; empty for none of it")
    battery_percent: int | None
    rssi_dbm: int | None
    declared_rate_hz: float | None
    measured_rate_hz: float | None
    samples: int = Field(description="recorded this night")
    missing_samples: int = Field(description="known to be missing this night")
    pending_samples: int = Field(description="did not come yet, and may still out of the sensor's memory")
    refused_frames: int = Field(description="frames that did not keep to the sensor's protocol")
    last_sample: float | None
    moving: bool = Field(description="it was shaken within the last second or so")


class ZoneChange(Frozen):
    """Clocks are set anew."""

    at: float
    utc_offset_s: int = Field(description="from then on")


class Zone(Frozen):
    """The time zone of a recording."""

    name: str
    utc_offset_s: int = Field(description="at the start")
    changes: list[ZoneChange] = Field(description="clocks set anew while it recorded")


class Confirmed(Frozen):
    """Counts of the running night that nothing to come can change."""

    movements: int
    candidates: int
    periodic: int
    series: int


class Status(Frozen):
    """What is happening now; counts are of everything known so far, and provisional."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)
    version: str
    simulated: bool
    recording: bool
    mode: Mode = Field(description="what the recorder was asked to do")
    night: str | None
    now: float = Field(description="the recording's clock; runs fast when simulated time does")
    speed: float = Field(description="seconds of night per second of wall clock")
    recorder_alive: bool
    trouble: str | None = Field(description="what keeps the recorder from its work, in a sentence")
    trouble_code: str | None = Field(description="which one, of a closed list; empty for none of it")
    trouble_values: dict[str, float] = Field(description="the figures in it")
    started: float | None
    zone: Zone
    rules: Rules
    movements: int
    candidates: int
    periodic: int
    series: int
    confirmed: Confirmed
    analysed_s: float
    sensors: list[Sensor]
    nearby: list[HeardSensor] = Field(description="sensors to choose from while checking, strongest first")
    chosen: Chosen
    last_movements: list[Movement] = Field(description="up to 12, newest first")


class Headline(Frozen):
    """Periodic movements per hour, with one mask for numerator and denominator."""

    denominator: Literal["lying", "in_bed"] = Field(
        description="lying with the sensor on, or, without a calibration, in bed as marked with the sensor on"
    )
    calibrated_by: Literal["standing", "walking"] | None
    seconds: float
    movements: int
    periodic: int
    series: int
    periodic_per_hour: float | None


class NightSummary(Frozen):
    """A night in the list."""

    id: str
    simulated: bool
    state: NightState
    label: str = Field(description="date of the evening it began, YYYY-MM-DD, in its own zone")
    started: float
    ended: float
    zone: Zone
    legs: list[Leg]
    rules: Rules
    duration_s: float
    analysed_s: float
    movements: int
    candidates: int
    periodic: int
    series: int
    ended_by: EndedBy = Field(description="why it ended by itself; empty where it did not")
    movements_per_hour: float | None
    periodic_per_hour: float | None
    gaps: int
    headline: Headline


class Gap(Frozen):
    """A stretch without samples. Never bridged, never counted as rest."""

    leg: Leg
    start: float
    end: float
    cause: str
    sentence: str = Field(description="the cause in plain words")


class Finding(Frozen):
    """Something that is wrong with the signal, or with the recording of it."""

    code: Literal["stuck", "dead_axis", "clipped", "spike", "scale", "noisy", "damaged"]
    leg: Leg
    seconds: float = Field(description="how much of the night it touches")
    sentence: str = Field(description="cause and advice in plain words")


class Indices(Frozen):
    """The rule set's counts and indices; null where one does not exist."""

    movements: int
    candidates: int
    periodic: int
    series: int
    hours: float
    periodic_per_hour: float | None
    periodicity_index_2006: float | None
    periodic_ratio: float | None
    interval_geometric_mean_s: float | None


class IntervalHistogram(Frozen):
    """Intervals from onset to onset between successive candidates."""

    bin_s: float
    counts: list[int] = Field(description="from 0 s on, one number a bin")
    longer: int = Field(description="intervals beyond the last bin")
    window_s: tuple[float, float] = Field(description="the bounds that the rules call periodic")


class Hour(Frozen):
    """One hour of the night, counted from its start."""

    start: float
    analysed_s: float
    counted_s: float = Field(description="of it in the headline's denominator")
    movements: int
    periodic: int


class Held(Frozen):
    """How the leg was for a while."""

    start: float
    end: float
    state: Literal["lying", "upright", "walking", "not_worn", "unknown"]


class Lights(Frozen):
    """Lights off and on: as the owner says, beside what the recording itself says."""

    off: float
    on: float
    edited: bool
    recorded_off: float
    recorded_on: float


class SetLights(Frozen):
    """Say when the light was off and on again; null takes a time back to the recording's own."""

    off: float | None = Field(ge=0, le=32_503_680_000)
    on: float | None = Field(ge=0, le=32_503_680_000)


class Usual(Frozen):
    """The nights before this one that can be compared with it; no range below five."""

    nights: int
    within: int
    low: float | None
    high: float | None


class Noise(Frozen):
    """What a leg's signal does in the quieter seconds of the night."""

    leg: Leg
    floor_mg: float


class Losses(Frozen):
    """By what a loss of a sensor's samples shows: its count (exactly), its times (to a sample), or only pauses."""

    leg: Leg
    shown_by: Literal["index", "time", "arrival"]


class Span(Frozen):
    """From when to when, seconds since 1970 UTC."""

    start: float
    end: float


class Night(NightSummary):
    """One night, whole."""

    lights: Lights
    usual: Usual
    held: list[Held]
    fits: list[Fit]
    noise: list[Noise]
    voluntary: int = Field(description="movements that their owner made on purpose")
    earlier: str | None = Field(description="the night before")
    later: str | None = Field(description="the night after")

    rate_hz: float | None = Field(description="measured sample rate of the first leg")
    detector: str = Field(description="detector and version that found the movements")
    indices: Indices
    intervals: IntervalHistogram
    by_hour: list[Hour]
    gap_list: list[Gap]
    uncounted: list[Span] = Field(
        description="where nothing is counted: no samples, in the midst of a night also of one leg alone"
    )
    quality: list[Finding] = Field(
        description="what is wrong with the signal or its recording; empty where nothing is"
    )
    losses: list[Losses] = Field(description="how surely lost samples are known, each leg")
    verdict: Literal["usable", "look", "poor"] = Field(
        description="good, to be read with `quality` in mind, or too poor to be read"
    )


class Movements(Frozen):
    """The movements of a night under one rule set, in time order."""

    night: str
    simulated: bool
    rules: Rules
    movements: list[Movement]


class SetVoluntary(Frozen):
    """Say of a movement that it was made on purpose, or take it back."""

    voluntary: bool


class LiveHello(Frozen):
    """First text message of the live socket."""

    type: Literal["hello"] = "hello"
    schema_version: int = 1
    leg: Leg | None
    window_s: float = Field(description="how much of the trace to show")


class LiveStatus(Frozen):
    """Text message of the live socket whenever the status changes, twice a second at most."""

    type: Literal["status"] = "status"
    status: Status
