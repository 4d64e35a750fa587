"""What happens in a night, for other programs: the values of `/api/v1/events`. Each class is one message.

Times are Unix seconds on the recording's clock.
"""

from dataclasses import dataclass, field
from typing import Literal

from legmon.catalog.state import ApiValue, ListedMovement, about
from legmon.link.listener import LinkState
from legmon.movement import Leg

State = Literal["provisional", "confirmed", "retracted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening(ApiValue):
    """Something that happened."""

    seq: int = field(default=0, metadata=about("grows with every message, also when legmon starts again"))
    at: float = field(default=0.0, metadata=about("when it became known"))
    night: str | None = field(default=None, metadata=about("the night it belongs to"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello(Happening):
    """The first message of a connection. `seq` is where the messages behind it begin."""

    type: Literal["hello"] = "hello"
    schema_version: int = 1
    missed: bool = field(
        metadata=about(
            "what was asked for with `after` is no longer kept, or is of an earlier start: all that is kept follows"
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementEvent(Happening):
    """A movement was seen, became final, or turned out to be none."""

    type: Literal["movement"] = "movement"
    state: State = field(
        metadata=about(
            "a provisional one comes again when its end changes, and is confirmed or retracted later"
        )
    )
    key: str = field(metadata=about("stays the same from `provisional` to `confirmed` or `retracted`"))
    movement: ListedMovement = field(
        metadata=about("as `GET /nights/{night}/movements` lists it; its series may become known later")
    )
    joined: str | None = field(
        default=None, metadata=about("of a retracted one: the key of the movement that it is a part of")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicEvent(Happening):
    """A confirmed movement belongs to a periodic series."""

    type: Literal["periodic"] = "periodic"
    key: str
    movement: ListedMovement


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesStarted(Happening):
    """Four candidates made a periodic series. A message `periodic` for each of them follows."""

    type: Literal["series_started"] = "series_started"
    series: int = field(metadata=about("its number in this night, from 1"))
    onset: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesEnded(Happening):
    """No later movement can belong to the series."""

    type: Literal["series_ended"] = "series_ended"
    series: int
    onset: float
    offset: float
    movements: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GapEvent(Happening):
    """Samples are missing for good."""

    type: Literal["gap"] = "gap"
    leg: Leg
    start: float
    end: float
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEvent(Happening):
    """The link to a sensor changed."""

    type: Literal["link"] = "link"
    leg: Leg
    link: LinkState
    sensor: str | None = field(metadata=about("its name"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NightStarted(Happening):
    """A night is being recorded."""

    type: Literal["night_started"] = "night_started"
    started: float
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NightEnded(Happening):
    """The night is closed. All its movements are confirmed."""

    type: Literal["night_ended"] = "night_ended"
    movements: int
    periodic: int
    series: int


NightHappening = MovementEvent | PeriodicEvent | SeriesStarted | SeriesEnded | GapEvent
AnyHappening = Hello | NightHappening | LinkEvent | NightStarted | NightEnded
