"""Define the results of a night for pages and programs. The HTTP interface sends them as JSON.

Times are Unix seconds (UTC), durations seconds, unless a name says otherwise.
"""

import functools
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from legmon.catalog.state import ApiValue, EndedBy, ListedMovement, about
from legmon.detection.faults import Verdict
from legmon.movement import Leg
from legmon.night.fit import Problem as FitProblem
from legmon.night.lying import PostureState
from legmon.night.usual import Comparable, Usual
from legmon.scoring.rules import Rules

if TYPE_CHECKING:
    from pydantic import TypeAdapter

ShownBy = Literal["index", "time", "arrival"]
FindingCode = Literal[
    "stuck",
    "dead_axis",
    "clipped",
    "spike",
    "scale",
    "noisy",
    "coarse",
    "too_coarse",
    "damaged",
    "altered",
    "cut",
    "swapped",
    "emptied",
    "missing",
    "not_a_file",
    "not_verified",
]


@dataclass(frozen=True, slots=True)
class ZoneChange(ApiValue):
    """The clocks of a time zone change."""

    at: float
    utc_offset_s: int = field(metadata=about("from then on"))


@dataclass(frozen=True, slots=True)
class Zone(ApiValue):
    """The time zone of a recording."""

    name: str
    utc_offset_s: int = field(metadata=about("at the start"))
    changes: list[ZoneChange] = field(metadata=about("changes of the clocks while it recorded"))


@dataclass(frozen=True, slots=True)
class Headline(ApiValue):
    """Periodic movements per hour, with one mask for numerator and denominator."""

    denominator: Literal["lying", "in_bed"] = field(
        metadata=about(
            "lying with the sensor on, or, without a calibration, in bed as marked with the sensor on"
        )
    )
    calibrated_by: Literal["standing", "walking"] | None
    seconds: float
    movements: int
    periodic: int
    series: int
    periodic_per_hour: float | None


@dataclass(frozen=True, slots=True)
class Indices(ApiValue):
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


@dataclass(frozen=True, slots=True)
class Finding(ApiValue):
    """A fault of the signal, or of its recording."""

    code: FindingCode
    leg: Leg
    seconds: float = field(metadata=about("how much of the night it touches"))
    sentence: str = field(metadata=about("cause and advice in plain words"))


@dataclass(frozen=True, slots=True)
class NightSummary(ApiValue):
    """A night in the list."""

    id: str
    simulated: bool
    state: Literal["recording", "closed"]
    label: str = field(metadata=about("date of the evening it began, YYYY-MM-DD, in its own zone"))
    started: float
    ended: float
    zone: Zone
    legs: list[Leg]
    rules: Rules
    detector: str = field(metadata=about("detector and version that found the movements"))
    duration_s: float
    analysed_s: float
    movements: int
    candidates: int
    periodic: int
    series: int
    ended_by: EndedBy = field(metadata=about("why it ended by itself; empty where it did not"))
    movements_per_hour: float | None
    periodic_per_hour: float | None
    gaps: int = field(
        metadata=about("stretches without samples at one ankle or more; one at both ankles is one")
    )
    headline: Headline
    indices: Indices
    damage: list[Finding] = field(
        metadata=about(
            "legs whose recording is not what was sealed, or is not verified since its file changed"
        )
    )
    verdict: Verdict = field(
        metadata=about("good, to be read with `quality` in mind, or too poor to be read")
    )
    imported: bool = field(metadata=about("whether it comes from a file of another program"))

    @property
    def comparable(self) -> Comparable:
        """The properties that comparable nights share."""
        return Comparable(
            legs=self.legs,
            rules=self.rules,
            denominator=self.headline.denominator,
            detector=self.detector,
            hours_s=self.headline.seconds,
            coverage=self.analysed_s / self.duration_s if self.duration_s else 0.0,
            per_hour=self.headline.periodic_per_hour,
        )

    def to_json(self) -> str:
        """Return it as JSON, for the catalog."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return it from its JSON.

        Raises
        ------
        ValueError
            If it is not what this version writes.
        """
        return cast("Self", _checker(cls.__name__).validate_json(text, strict=True))


@functools.cache
def _checker(name: str) -> "TypeAdapter[Any]":
    """Return what checks the types of one of these values. Its import takes long, and only the pages need it."""
    from pydantic import TypeAdapter

    return TypeAdapter(globals()[name])


@dataclass(frozen=True, slots=True)
class NightsPage(ApiValue):
    """A page of the list of nights, the newest first."""

    nights: list[NightSummary]
    total: int = field(metadata=about("nights in the whole list"))
    earlier: str | None = field(metadata=about("`before` of the next page; null where this is the last one"))
    unlisted: int = field(
        default=0,
        metadata=about(
            "recordings in the data folder that are not in the list: they are still read, or cannot be read"
        ),
    )


@dataclass(frozen=True, slots=True)
class Mark(ApiValue):
    """A stretch in which the person said that the movement was voluntary. Times are Unix seconds."""

    id: str = field(metadata=about("names it within its night"))
    leg: Leg
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Gap(ApiValue):
    """A stretch without samples. Never bridged, never counted as rest."""

    leg: Leg
    start: float
    end: float
    cause: str
    sentence: str = field(metadata=about("the cause in plain words"))


@dataclass(frozen=True, slots=True)
class IntervalHistogram(ApiValue):
    """Intervals from onset to onset between successive candidates."""

    bin_s: float
    counts: list[int] = field(metadata=about("from 0 s on, one number a bin"))
    longer: int = field(metadata=about("intervals beyond the last bin"))
    window_s: tuple[float, float] = field(metadata=about("the bounds that the rules call periodic"))


@dataclass(frozen=True, slots=True)
class Hour(ApiValue):
    """One hour of the night, counted from its start."""

    start: float
    analysed_s: float
    counted_s: float = field(metadata=about("of it in the headline's denominator"))
    movements: int
    periodic: int


@dataclass(frozen=True, slots=True)
class PostureSpan(ApiValue):
    """How the leg was for a while."""

    start: float
    end: float
    state: PostureState


@dataclass(frozen=True, slots=True)
class Lights(ApiValue):
    """Lights off and on as the person set them, beside the recording's own start and end."""

    off: float
    on: float
    edited: bool
    recorded_off: float
    recorded_on: float


@dataclass(frozen=True, slots=True)
class Noise(ApiValue):
    """What a leg's signal does in the quieter seconds of the night."""

    leg: Leg
    floor_mg: float


@dataclass(frozen=True, slots=True)
class Losses(ApiValue):
    """How lost samples of a sensor show: by its count (exact), by its times (to a sample), or only by pauses."""

    leg: Leg
    shown_by: ShownBy


@dataclass(frozen=True, slots=True)
class Span(ApiValue):
    """A stretch of time."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class FitResult(ApiValue):
    """Result of a fit check."""

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
    sentence: str = field(metadata=about("the worst problem and what to do, or that the strap fits"))


@dataclass(frozen=True, slots=True)
class NightNote(ApiValue):
    """What the person wrote of a night, in their own words."""

    text: str
    tags: list[str]


@dataclass(frozen=True, slots=True)
class Night(NightSummary):
    """One night, whole."""

    lights: Lights
    usual: Usual
    held: list[PostureSpan]
    fits: list[FitResult]
    noise: list[Noise]
    voluntary: int = field(metadata=about("movements that the person marked as their own"))
    marks_without_movement: list[Mark] = field(
        metadata=about("the person's marks at which this detector found no movement")
    )
    earlier: str | None = field(metadata=about("the night before"))
    later: str | None = field(metadata=about("the night after"))
    rate_hz: float | None = field(metadata=about("measured sample rate of the first leg"))
    intervals: IntervalHistogram
    by_hour: list[Hour]
    gap_list: list[Gap]
    uncounted: list[Span] = field(
        metadata=about("where nothing is counted: no samples, or inside a night no samples of one leg")
    )
    quality: list[Finding] = field(
        metadata=about("faults of the signal or its recording; empty where there are none")
    )
    losses: list[Losses] = field(metadata=about("how surely lost samples are known, for each leg"))
    note: NightNote


@dataclass(frozen=True, slots=True)
class Movements(ApiValue):
    """The movements of a night under one rule set, in time order."""

    night: str
    simulated: bool
    rules: Rules
    movements: list[ListedMovement]
