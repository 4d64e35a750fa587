"""What the catalog says, as values."""

import time
from dataclasses import dataclass, field
from typing import Literal

from legmon.movement import Leg
from legmon.scoring.live import Tally

LinkState = Literal["off", "searching", "connecting", "streaming", "silent"]


def _ticks_ns() -> int:
    """Time that never jumps and, where the system can tell, goes on while the computer sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return time.monotonic_ns()


_WALL_NS, _TICKS_NS = time.time_ns(), _ticks_ns()


@dataclass(frozen=True, slots=True)
class Clock:
    """The recording's clock: wall time, or a simulated night that runs faster.

    The wall clock is read once, when the process begins; from then on time is counted, so that a wall clock that is set, or
    jumps, changes nothing in a night.

    Parameters
    ----------
    night_ns, wall_ns : int
        A moment on both clocks, ns UTC.
    speed : float
        Seconds of night per wall second.
    """

    night_ns: int = 0
    wall_ns: int = 0
    speed: float = 1.0

    def now_ns(self) -> int:
        """Return the time on the recording's clock, ns UTC."""
        wall_ns = _WALL_NS + _ticks_ns() - _TICKS_NS
        return self.night_ns + round((wall_ns - self.wall_ns) * self.speed)


@dataclass(frozen=True, slots=True)
class SensorState:
    """What the recorder says of a sensor; see `legmon.web.models.Sensor`."""

    leg: Leg
    name: str | None = None
    address: str | None = None
    link: LinkState = "off"
    detail: str = ""
    battery_percent: int | None = None
    rssi_dbm: int | None = None
    declared_rate_hz: float | None = None
    measured_rate_hz: float | None = None
    samples: int = 0
    missing_samples: int = 0
    refused_frames: int = 0
    last_sample_ns: int | None = None


@dataclass(frozen=True, slots=True)
class RecorderState:
    """What the recorder last said of itself."""

    seen_ns: int
    clock: Clock
    simulated: bool
    night: str | None
    sensors: list[SensorState]
    confirmed: Tally = field(default_factory=Tally)


@dataclass(frozen=True, slots=True)
class NightInfo:
    """A night in the list; counts are those of its rule set."""

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
    legs: tuple[Leg, ...]
    gaps: int
