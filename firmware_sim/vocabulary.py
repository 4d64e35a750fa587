"""The scenario language: every key with its meaning, its default and the values that it may have.

`firmware_sim.scenario` reads and writes files by the rules that stand beside the types of the fields, and
`firmware_sim.schema` passes them on to editors, with the sentence below each field. ``docs/scenarios.md`` has the
units and the source of each default.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

MakeName = Literal["bmi270", "lsm6dso", "lsm6dso-lowpower", "lis3dh", "adxl362"]
FaultKind = Literal["stuck", "clip", "spikes", "dead_axis"]

LONGEST_S = 48 * 3600.0


class Rule:
    """The values that a key may have in a file."""

    __slots__ = ()

    build_check: ClassVar[Callable[[Rule], CoreSchema]]
    """Build pydantic's check of a value. `firmware_sim.scenario` sets it.

    This module does not import pydantic, which takes a tenth of a second: a sensor without a scenario file does without it.
    """

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> CoreSchema:
        return Rule.build_check(self)


@dataclass(frozen=True, slots=True)
class Number(Rule):
    """A number from `low` to `high`; a whole one when `whole`."""

    low: float
    high: float
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Choice(Rule):
    """One of `values`."""

    values: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Time(Rule):
    """A length of time, or a time since the night began, in seconds from `low` to `high`.

    A file may also have it as ``1h30m``. The key in the file has no ``_s``.
    """

    low: float
    high: float = LONGEST_S


@dataclass(frozen=True, slots=True)
class Text(Rule):
    """Any text that is not blank."""


@dataclass(frozen=True, slots=True)
class Spreads(Rule):
    """A `Spread` whose median is from `low` to `high`."""

    low: float
    high: float


class Part:
    """Keys that stand together."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "use_attribute_docstrings": True}


class TimedPart(Part):
    """Keys that stand together; the fields whose names end in ``_s`` are times."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, Any]] = {
        **Part.__pydantic_config__,
        "alias_generator": lambda field: field.removesuffix("_s"),
    }


@dataclass(frozen=True, slots=True)
class Spread:
    """A log-normal distribution: its median, and the standard deviation of its natural logarithm."""

    median: Annotated[float, Number(0, 1e9)]
    sigma: Annotated[float, Number(0, 1.5)]


@dataclass(frozen=True, slots=True)
class Sensor(Part):
    """The accelerometer chip. Where the default is None, the value is the one of the make."""

    make: Annotated[MakeName, Choice(("bmi270", "lsm6dso", "lsm6dso-lowpower", "lis3dh", "adxl362"))] = (
        "bmi270"
    )
    """The chip whose noise, resolution, offset and drift the sensor has."""
    noise_ug_rthz: Annotated[float | None, Number(0, 5000)] = None
    """Noise density, µg per root hertz."""
    range_g: Annotated[int, Choice((2, 4, 8, 16))] = 4
    """Range of a file or a capture, ±g. Over Bluetooth the client chooses the range."""
    offset_mg: Annotated[float | None, Number(0, 200)] = None
    """Largest zero-g offset of an axis, mg."""
    scale_error_percent: Annotated[float, Number(-20, 20)] = 0.0
    """Every axis reads this much too large, %."""
    drift_mg_per_k: Annotated[float | None, Number(0, 5)] = None
    """Largest drift of an axis with temperature, mg per kelvin."""
    step_mg: Annotated[float | None, Number(0.05, 64)] = None
    """Smallest difference between two samples, mg; rounded to whole units of the range."""


@dataclass(frozen=True, slots=True)
class Series(Part):
    """The series that periodic leg movements come in."""

    interval_s: Annotated[Spread, Spreads(4, 120)] = Spread(22.0, 0.3)
    """Time from onset to onset, s."""
    length: Annotated[float, Number(4, 200)] = 14.0
    """Mean number of movements in a series; a series has at least 4."""
    gap_min_s: Annotated[float, Number(2.5, 900)] = 2.5
    """Shortest quiet time before and after a series, s."""
    lengthen: Annotated[float, Number(0.5, 3)] = 1.0
    """Intervals grow to this multiple by the morning."""


@dataclass(frozen=True, slots=True)
class Beats(Part):
    """The beats of a clonic leg movement."""

    depth: Annotated[float, Number(0, 0.8)] = 0.05
    """Share of the angle that a beat moves by."""
    slowest_hz: Annotated[float, Number(0.5, 6)] = 1.7
    """Slowest rate of the beats, Hz."""
    fastest_hz: Annotated[float, Number(0.5, 6)] = 3.0
    """Fastest rate of the beats, Hz."""
    most: Annotated[int, Number(0, 12, whole=True)] = 0
    """Most beats of a movement, which then has at least 2. With 0, the hold beats from its begin to its end."""
    irregular: Annotated[float, Number(0, 0.8)] = 0.0
    """How much the beats of a movement differ from each other in depth and time, as a share."""
    about: Annotated[float, Number(0, 1)] = 0.0
    """Share of the clonic movements that beat about the position held. The others fall back from it."""


@dataclass(frozen=True, slots=True)
class Hold(Part):
    """The tremor of the muscle that holds the leg."""

    share: Annotated[float, Number(0, 1)] = 0.0
    """Share of the leg movements whose hold trembles."""
    mg: Annotated[Spread, Spreads(1, 40)] = Spread(6.0, 0.4)
    """Amplitude of the tremor, mg."""
    slowest_hz: Annotated[float, Number(3, 20)] = 4.0
    """Slowest rate of the tremor, Hz."""
    fastest_hz: Annotated[float, Number(3, 20)] = 12.0
    """Fastest rate of the tremor, Hz."""


@dataclass(frozen=True, slots=True)
class Return(Part):
    """How the leg comes back to where it lay."""

    residual_deg: Annotated[float, Number(0, 10)] = 0.0
    """Standard deviation of the angle between where the leg lay and where it comes back to, degrees."""
    adds_up: Annotated[float, Number(0, 1)] = 0.0
    """Share of the residual that the next movement starts from: 0 keeps it bounded, 1 makes a random walk."""
    overshoot: Annotated[float, Number(0, 0.6)] = 0.0
    """Mean share of the angle by which the return goes too far, before the leg settles within 0.2 to 0.6 s."""
    creep: Annotated[float, Number(-0.6, 0.6)] = 0.0
    """Mean share of the angle by which a leg that is held creeps on (or back, if negative)."""
    relax: Annotated[float, Number(0, 0.8)] = 0.0
    """Mean share of the angle that the return leaves, and that then relaxes slowly."""
    relax_s: Annotated[Spread, Spreads(0.3, 60)] = Spread(4.0, 0.4)
    """Time constant of the slow relaxation, s."""
    stays: Annotated[float, Number(0, 1)] = 0.0
    """Share of the movements after which the leg stays displaced until the next one."""


@dataclass(frozen=True, slots=True)
class Trip(TimedPart):
    """A walk to the bathroom and back."""

    at_s: Annotated[float, Time(0)]
    """When the person gets up, since the night began."""
    for_s: Annotated[float, Time(30, 1800)] = 240.0
    """How long the walk lasts."""


@dataclass(frozen=True, slots=True)
class Body(Part):
    """The movements of the sleeper."""

    periodic_share: Annotated[float, Number(0, 1)] = 0.8
    """Share of the leg movements that come in series. The others come alone."""
    series: Series = Series()
    """The series that periodic leg movements come in."""
    thin: Annotated[float, Number(0.2, 10)] = 3.0
    """The quiet time between series grows to this multiple by the morning."""
    peak_mg: Annotated[Spread, Spreads(22, 1500)] = Spread(120.0, 0.6)
    """Largest distance of a visible movement's signal from rest, mg."""
    invisible_share: Annotated[float, Number(0, 1)] = 0.08
    """Share of the leg movements that reach only 6 to 16 mg."""
    duration_s: Annotated[Spread, Spreads(0.7, 9)] = Spread(2.8, 0.45)
    """Length of a leg movement, s."""
    clonic_share: Annotated[float, Number(0, 1)] = 0.3
    """Share of the leg movements whose hold beats at 1.7 to 3 Hz. The others hold still."""
    slow_share: Annotated[float, Number(0, 1)] = 0.0
    """Share of the leg movements that rise in 1 to 2.5 s and return in as long."""
    large_per_hour: Annotated[float, Number(0, 60)] = 1.0
    """Movements of the whole body per hour, of 12 to 40 s."""
    posture_per_hour: Annotated[float, Number(0, 60)] = 1.6
    """Posture changes per hour: 20 to 120 degrees in 1 to 5 s."""
    tremor_trains_per_hour: Annotated[float, Number(0, 60)] = 0.0
    """Trains of foot tremor per hour: at least 4 bursts at 0.7 to 3 Hz, for 5 to 30 s."""
    jerks_per_hour: Annotated[float, Number(0, 60)] = 0.0
    """Hypnic jerks per hour, of 0.1 to 0.4 s and 0.2 to 2 g."""
    bathroom: tuple[Trip, ...] = ()
    """Walks to the bathroom and back."""
    small_share: Annotated[float, Number(0, 1)] = 0.0
    """Share of the leg movements that reach 20 to 40 mg, whatever `peak_mg` says."""
    gradual_share: Annotated[float, Number(0, 1)] = 0.0
    """Share of the rises, and of the returns, that take 0.6 to 1.5 s."""
    two_step_share: Annotated[float, Number(0, 1)] = 0.0
    """Share of the leg movements that rise in two steps."""
    only_ankle_share: Annotated[float, Number(0, 1)] = 0.0
    """Share of the leg movements that the ankle makes alone: at the ankle a small tilt of the strap."""
    beats: Beats = Beats()
    """The beats of the clonic leg movements."""
    hold: Hold = Hold()
    """The tremor of the muscle while the leg is held."""
    come_back: Return = Return()
    """How the leg comes back to where it lay."""
    fidgets_per_hour: Annotated[float, Number(0, 30)] = 0.0
    """Bouts of fidgeting per hour: rubbing, tapping and crossing the legs, awake, for 20 s to 4 minutes."""


@dataclass(frozen=True, slots=True)
class Vibration(TimedPart):
    """A hum through the bed."""

    at_s: Annotated[float, Time(0)]
    """When the hum begins, since the night began."""
    for_s: Annotated[float, Time(1)]
    """How long the hum lasts."""
    mg: Annotated[float, Number(0.1, 500)] = 10.0
    """Amplitude of a tone; the root mean square of a noise, mg."""
    hz: Annotated[float, Number(0.5, 80)] = 14.0
    """Frequency, Hz; of a noise, the middle of its band."""
    width_hz: Annotated[float, Number(0, 20)] = 0.0
    """Width of the band of a noise, Hz. With 0, the hum is a tone."""
    edge_s: Annotated[float, Time(0.02, 600)] = 2.0
    """How long the hum takes to swell and to fade."""


@dataclass(frozen=True, slots=True)
class Strap(TimedPart):
    """How the strap sits from a time on."""

    at_s: Annotated[float, Time(0)]
    """From when on, since the night began."""
    gain: Annotated[float, Number(0.3, 2)] = 1.0
    """The sensor feels this multiple of a leg movement."""
    ring: Annotated[float, Number(0, 0.6)] = 0.0
    """Share of the peak that rings at 5 to 12 Hz after each stroke."""
    roll_deg: Annotated[float, Number(-180, 180)] = 0.0
    """The case rolls about the shank by this angle, degrees."""
    roll_for_s: Annotated[float, Time(10)] = 600.0
    """How long the roll takes."""


@dataclass(frozen=True, slots=True)
class Bed(Part):
    """How the mattress sways when somebody else moves."""

    hz: Annotated[float, Number(0.5, 5)] = 1.5
    """Rate at which the mattress sways; each time up to a third slower or faster, from 0.7 to 3 Hz, Hz."""
    damping: Annotated[float, Number(0.02, 0.9)] = 0.2
    """Share of the critical damping; each time a little more or less."""
    sways_per_hour: Annotated[float, Number(0, 120)] = 0.0
    """Times per hour that somebody else in the bed turns or shifts."""
    sway_mg: Annotated[Spread, Spreads(2, 80)] = Spread(15.0, 0.5)
    """Largest excursion of a sway, mg."""
    tilt_mg: Annotated[float, Number(0, 20)] = 0.0
    """Largest lasting turn of the mattress after a sway, in mg of gravity."""


@dataclass(frozen=True, slots=True)
class Gasps(Part):
    """Gasps after pauses of the breath, which shake the bed at even intervals."""

    runs_per_hour: Annotated[float, Number(0, 12)] = 0.0
    """Runs of gasps per hour."""
    length: Annotated[float, Number(4, 200)] = 20.0
    """Mean number of gasps in a run."""
    interval_s: Annotated[Spread, Spreads(15, 120)] = Spread(38.0, 0.12)
    """Time from gasp to gasp, s."""
    mg: Annotated[Spread, Spreads(2, 80)] = Spread(15.0, 0.4)
    """Largest excursion, mg."""


@dataclass(frozen=True, slots=True)
class Partner(Part):
    """A partner's own periodic leg movements, felt through the mattress: a knock and a sway each."""

    runs_per_hour: Annotated[float, Number(0, 12)] = 0.0
    """Series of the partner per hour."""
    length: Annotated[float, Number(4, 200)] = 20.0
    """Mean number of movements in a series."""
    interval_s: Annotated[Spread, Spreads(5, 120)] = Spread(25.0, 0.25)
    """Time from movement to movement, s."""
    mg: Annotated[Spread, Spreads(2, 60)] = Spread(10.0, 0.6)
    """Largest excursion, mg."""


@dataclass(frozen=True, slots=True)
class Pet(Part):
    """A pet that jumps onto the bed, walks about and jumps off again."""

    visits_per_hour: Annotated[float, Number(0, 30)] = 0.0
    """Visits per hour."""
    mg: Annotated[Spread, Spreads(2, 100)] = Spread(25.0, 0.5)
    """Largest excursion when it jumps, mg. Its steps reach a tenth to a half of it."""


@dataclass(frozen=True, slots=True)
class Disturb(Part):
    """What the sensor feels besides the sleeper's movements."""

    breath_mg: Annotated[float, Number(0, 20)] = 0.0
    """Largest amplitude of the breath at 0.2 to 0.33 Hz, mg."""
    pulse_mg: Annotated[float, Number(0, 10)] = 0.0
    """Largest amplitude of the pulse at 0.85 to 1.2 Hz, mg."""
    bumps_per_hour: Annotated[float, Number(0, 600)] = 0.0
    """Bumps of a bed partner through the mattress, per hour."""
    bump_mg: Annotated[Spread, Spreads(2, 40)] = Spread(10.0, 0.6)
    """Largest excursion of a bump, mg."""
    vibration: tuple[Vibration, ...] = ()
    """Hums through the bed."""
    strap: tuple[Strap, ...] = ()
    """How the strap sits, from each of these times on. Before the first, it sits firmly."""
    temperature_k: Annotated[float, Number(-20, 20)] = 0.0
    """How much the chip warms on the skin, K."""
    bed: Bed = Bed()
    """How the mattress sways when somebody else moves."""
    gasps: Gasps = Gasps()
    """Gasps after pauses of the breath."""
    partner: Partner = Partner()
    """A partner's own periodic leg movements."""
    pet: Pet = Pet()
    """A pet on the bed."""
    spring_hz: Annotated[float, Number(0, 20)] = 0.0
    """Resonance of a sensor on a springy strap, Hz; 0 for a firm one."""
    spring_damping: Annotated[float, Number(0.03, 1)] = 0.2
    """Damping of the springy strap, as a share of the critical damping."""


@dataclass(frozen=True, slots=True)
class Loss(TimedPart):
    """A stretch whose samples never arrive."""

    at_s: Annotated[float, Time(0)]
    """When the loss begins, since the night began."""
    for_s: Annotated[float, Time(0.02)]
    """How long the loss lasts."""


@dataclass(frozen=True, slots=True)
class Link(Part):
    """What the radio loses."""

    losses_per_hour: Annotated[float, Number(0, 120)] = 0.0
    """Losses by chance, per hour."""
    loss_s: Annotated[Spread, Spreads(0.05, 600)] = Spread(3.0, 0.8)
    """How long a loss by chance lasts, s."""
    losses: tuple[Loss, ...] = ()
    """Losses at these times, besides those by chance."""


@dataclass(frozen=True, slots=True)
class Fault(TimedPart):
    """A stretch in which the chip fails."""

    kind: Annotated[FaultKind, Choice(("stuck", "clip", "spikes", "dead_axis"))]
    """How the chip fails."""
    at_s: Annotated[float, Time(0)]
    """When the fault begins, since the night began."""
    for_s: Annotated[float, Time(0.02)]
    """How long the fault lasts."""


@dataclass(frozen=True, slots=True)
class Scenario(TimedPart):
    """One night of one leg."""

    duration_s: Annotated[float, Time(1)]
    """Length of the night."""
    name: Annotated[str, Text()] = "night"
    """Name of the night in every output."""
    seed: Annotated[int, Number(0, 2**63 - 1, whole=True)] = 1
    """Everything random follows from the seed."""
    rate_hz: Annotated[int, Choice((25, 50, 100, 200))] = 50
    """Sample rate that the sensor declares, Hz."""
    rate_error_percent: Annotated[float, Number(-10, 10)] = 1.2
    """How far the true rate is off the declared one, %."""
    leg: Annotated[Literal["left", "right"], Choice(("left", "right"))] = "left"
    """The leg that wears the sensor."""
    movements_per_hour: Annotated[float, Number(0, 400)] = 30.0
    """Expected number of leg movements per hour in bed."""
    site: Annotated[Literal["ankle", "foot"], Choice(("ankle", "foot"))] = "ankle"
    """Where the sensor sits: above the ankle, or on the back of the foot."""
    sensor: Sensor = Sensor()
    """The accelerometer chip."""
    body: Body = Body()
    """The movements of the sleeper."""
    disturb: Disturb = Disturb()
    """What the sensor feels besides the sleeper's movements."""
    link: Link = Link()
    """What the radio loses."""
    faults: tuple[Fault, ...] = ()
    """Stretches in which the chip fails."""

    def true_rate_hz(self, declared_hz: int) -> float:
        """Return the rate at which the chip really samples when it declares `declared_hz`."""
        # Rounded so that 50 Hz and 1.2 % print as 50.6, not as 50.599999999999994.
        return round(declared_hz * (1.0 + self.rate_error_percent / 100.0), 9)


DEFAULT = Scenario(duration_s=8 * 3600.0)
"""Eight plain hours."""
