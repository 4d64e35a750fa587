"""Values of the catalog: nights of the list, the desired state, the recorder's report."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final, Literal, Self

from legmon.catalog.clock import Clock, Moment
from legmon.detection.confidence import calibrated_on
from legmon.link.inhibitor import Wakefulness
from legmon.link.listener import LinkState
from legmon.messages import DamageCode, Message, damage_sentence
from legmon.movement import NS, Leg, Legs
from legmon.recording.files import file_state
from legmon.scoring.events import ScoredMovement, Side
from legmon.scoring.live import Tally
from legmon.sensors.base import HeardSensor

Mode = Literal["off", "check", "record"]
"""The recorder's task: nothing; connect and look at the signal without a night; record a night."""
BOTH: tuple[Leg, Leg] = ("left", "right")
EndedBy = Literal["", "charger", "risen"]
"""Why a night ended by itself; empty if it did not."""


class ApiValue:
    """Base of dataclasses that the HTTP interface answers with: its description names every field as present."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, bool]] = {"json_schema_serialization_defaults_required": True}


def about(description: str) -> dict[str, str]:
    """Return the metadata of a field that the description of the HTTP interface explains."""
    return {"description": description}


@dataclass(frozen=True, slots=True)
class SensorState:
    """A sensor as the recorder last saw it; `legmon.web.models.Sensor` explains the fields."""

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
class ListedMovement(ApiValue):
    """A leg movement (LM), or another kind of movement that the detector found. Times are Unix seconds."""

    id: str = field(metadata=about("names it within its night, for a mark"))
    onset: float
    offset: float
    leg: Side
    kind: str = field(metadata=about("`leg` for what the rules look at, otherwise what it was taken for"))
    candidate: bool = field(metadata=about("meets the rules' definition of a candidate leg movement (CLM)"))
    periodic: bool = field(metadata=about("belongs to a periodic series"))
    series: int | None = field(metadata=about("number of its series in this night, from 1"))
    interval_s: float | None = field(
        metadata=about("onset to onset from the movement before, where measurable")
    )
    peak_mg: float | None = field(metadata=about("largest acceleration beyond rest, in thousandths of g"))
    confidence: float | None = field(
        metadata=about(
            "chance that it is what `kind` says; null where an earlier version or another program found it"
        )
    )
    calibrated_on: Literal["simulated"] | None = field(
        metadata=about("what the confidence was calibrated on; nobody has compared it with people")
    )

    @classmethod
    def of(cls, scored: ScoredMovement, origin_ns: int) -> Self:
        """Return a scored movement of a night whose onset 0 is `origin_ns`, ns UTC."""
        m = scored.movement
        return cls(
            id="+".join(f"{p.leg}-{p.first}" for p in m.parts),
            onset=(origin_ns + m.onset) / NS,
            offset=(origin_ns + m.offset) / NS,
            leg=m.side,
            kind=m.kind,
            candidate=scored.candidate,
            periodic=scored.periodic,
            series=scored.series,
            interval_s=None if scored.interval is None else scored.interval / NS,
            peak_mg=m.peak_mg,
            confidence=m.confidence,
            calibrated_on=calibrated_on(m.confidence),
        )


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


LAST_MOVEMENTS: Final = 12


@dataclass(frozen=True, slots=True)
class RecorderState:
    """The recorder's last report.

    Parameters
    ----------
    seen_ns : int
        When it was written, wall clock, ns UTC.
    night : str or None
        The night that is recorded; counts and movements are of this night.
    confirmed, counts : Tally
        Counts that no later movement can change, and counts of everything known so far.
    analysed_ns : int
        Time with samples so far.
    last_movements : list of ListedMovement
        Up to `LAST_MOVEMENTS`, the newest first.
    moment : Moment
        From which its clock counts.
    computer : Wakefulness
        Whether the computer stays awake.
    """

    seen_ns: int
    clock: Clock
    simulated: bool
    night: str | None
    sensors: list[SensorState]
    confirmed: Tally = field(default_factory=Tally)
    counts: Tally = field(default_factory=Tally)
    analysed_ns: int = 0
    last_movements: list[ListedMovement] = field(default_factory=list)
    trouble: Message | None = None
    mode: Mode = "off"
    nearby: list[HeardSensor] = field(default_factory=list)
    moment: Moment = field(default_factory=Moment.now)
    computer: Wakefulness = field(default_factory=Wakefulness)

    def now_ns(self) -> int:
        """Return the time on the recording's clock as the recorder has it, ns UTC."""
        return self.clock.now_ns(self.moment)


@dataclass(frozen=True, slots=True)
class KeptDamage:
    """What was found instead of what was sealed: why, the samples that cannot be read, and the file's size and time then."""

    code: DamageCode
    lost: tuple[tuple[int, int], ...]
    size: int
    mtime_ns: int
    checked_ns: int


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a recording as it was when it was verified; see `legmon.catalog.models.FileRow`."""

    name: str
    size: int
    mtime_ns: int
    sha256: str
    records_sha256: str
    verified_ns: int
    damage: KeptDamage | None = None

    @property
    def checked_ns(self) -> int:
        """When it was looked at last, ns UTC."""
        return self.damage.checked_ns if self.damage else self.verified_ns

    def has_changed(self, path: Path) -> bool:
        """Whether size or time of the file are not those that it had when it was looked at last."""
        state = file_state(path)
        now = (state.size, state.mtime_ns) if state else (-1, 0)
        if self.damage is not None:
            return now != (self.damage.size, self.damage.mtime_ns)
        return self.size >= 0 and now != (self.size, self.mtime_ns)


@dataclass(frozen=True, slots=True)
class FileFault:
    """A leg whose recording is not what was sealed, or is not verified since its file has changed.

    Parameters
    ----------
    leg : {"left", "right"}
        The leg.
    code : DamageCode
        What happened to it.
    minutes : float
        How long the recording is.
    readable : tuple of (float, float)
        The stretches that can still be read, minutes from its start.
    verified_ns : int or None
        When it was last found to be what was sealed, ns UTC; None if this is not known.
    """

    leg: Leg
    code: DamageCode
    minutes: float
    readable: tuple[tuple[float, float], ...]
    verified_ns: int | None

    @property
    def sentence(self) -> str:
        """The sentence for a person."""
        day = datetime.fromtimestamp((self.verified_ns or 0) / 1e9).astimezone()
        since = f"{day:%Y-%m-%d %H:%M}" if self.verified_ns else ""
        return damage_sentence(self.code, self.readable, self.minutes, since)

    @property
    def lost_s(self) -> float:
        """How much of it cannot be read, or is in doubt, s."""
        if self.code in {DamageCode.ALTERED, DamageCode.NOT_VERIFIED}:
            return self.minutes * 60
        return (self.minutes - sum(b - a for a, b in self.readable)) * 60


@dataclass(frozen=True, slots=True)
class NightInfo:
    """A night in the list. Its counts follow its rule set, as the recorder saved them.

    Parameters
    ----------
    ended_by : {"", "charger", "risen"}
        Why the night ended by itself; empty if it did not.
    revision : int
        Grows with each change that can change the night's figures.
    damaged : tuple of str
        Legs whose recording is not what was sealed.
    faults : tuple of FileFault
        What is known of their files; also of files that have changed since they were verified.
    imported : bool
        Whether it comes from a file of another program, and was not recorded by legmon.
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
    revision: int
    legs: tuple[Leg, ...]
    gaps: int
    damaged: tuple[Leg, ...] = ()
    faults: tuple[FileFault, ...] = ()
    imported: bool = False
