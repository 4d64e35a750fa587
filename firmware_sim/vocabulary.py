"""What a scenario can ask for: every key with its default and the range it may have.

``docs/scenarios.md`` explains each key with its unit and the source of its default. The rule beside a field's type is what the
reader in `firmware_sim.scenario` holds a file to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

MakeName = Literal["bmi270", "lsm6dso", "lsm6dso-lowpower", "lis3dh", "adxl362"]
FaultKind = Literal["stuck", "clip", "spikes", "dead_axis"]

LONGEST_S = 48 * 3600.0


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `low` to `high`; a whole one when `whole`."""

    low: float
    high: float
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `values`."""

    values: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Time:
    """A length of time or a time since the night began, in seconds, from `low` to `high`.

    In a file it may be written 1h30m, and its key has no ``_s``.
    """

    low: float
    high: float = LONGEST_S


@dataclass(frozen=True, slots=True)
class Text:
    """Any text that is not blank."""


@dataclass(frozen=True, slots=True)
class Part:
    """Keys of its own, one level deeper."""


@dataclass(frozen=True, slots=True)
class Several:
    """A list whose items are parts of type `item`."""

    item: type[Any]


@dataclass(frozen=True, slots=True)
class Spreads:
    """A `Spread` whose median is from `low` to `high`."""

    low: float
    high: float


Rule = Number | Choice | Time | Text | Part | Several | Spreads


@dataclass(frozen=True, slots=True)
class Spread:
    """A log-normal distribution: its median, and the standard deviation of its natural logarithm."""

    median: Annotated[float, Number(0, 1e9)]
    sigma: Annotated[float, Number(0, 1.5)]


@dataclass(frozen=True, slots=True)
class Sensor:
    """The chip. None stands for what its make has."""

    make: Annotated[MakeName, Choice(("bmi270", "lsm6dso", "lsm6dso-lowpower", "lis3dh", "adxl362"))] = (
        "bmi270"
    )
    noise_ug_rthz: Annotated[float | None, Number(0, 5000)] = None
    range_g: Annotated[int, Choice((2, 4, 8, 16))] = 4
    offset_mg: Annotated[float | None, Number(0, 200)] = None
    scale_error_percent: Annotated[float, Number(-20, 20)] = 0.0
    drift_mg_per_k: Annotated[float | None, Number(0, 5)] = None


@dataclass(frozen=True, slots=True)
class Series:
    """Periodic leg movements: onset-to-onset intervals in s, mean number in a series, and how both change."""

    interval_s: Annotated[Spread, Spreads(4, 120)] = Spread(22.0, 0.3)
    length: Annotated[float, Number(4, 200)] = 14.0
    gap_min_s: Annotated[float, Number(2.5, 900)] = 2.5
    lengthen: Annotated[float, Number(0.5, 3)] = 1.0


@dataclass(frozen=True, slots=True)
class Trip:
    """Up to the bathroom and back: when, and for how long, s."""

    at_s: Annotated[float, Time(0)]
    for_s: Annotated[float, Time(30, 1800)] = 240.0


@dataclass(frozen=True, slots=True)
class Body:
    """What the sleeper does."""

    periodic_share: Annotated[float, Number(0, 1)] = 0.8
    series: Annotated[Series, Part()] = Series()
    thin: Annotated[float, Number(0.2, 10)] = 3.0
    peak_mg: Annotated[Spread, Spreads(22, 1500)] = Spread(120.0, 0.6)
    invisible_share: Annotated[float, Number(0, 1)] = 0.08
    duration_s: Annotated[Spread, Spreads(0.7, 9)] = Spread(2.8, 0.45)
    clonic_share: Annotated[float, Number(0, 1)] = 0.3
    slow_share: Annotated[float, Number(0, 1)] = 0.0
    large_per_hour: Annotated[float, Number(0, 60)] = 1.0
    posture_per_hour: Annotated[float, Number(0, 60)] = 1.6
    tremor_trains_per_hour: Annotated[float, Number(0, 60)] = 0.0
    jerks_per_hour: Annotated[float, Number(0, 60)] = 0.0
    bathroom: Annotated[tuple[Trip, ...], Several(Trip)] = ()


@dataclass(frozen=True, slots=True)
class Vibration:
    """A hum through the bed: when, how long (s), amplitude (mg) and frequency (Hz)."""

    at_s: Annotated[float, Time(0)]
    for_s: Annotated[float, Time(1)]
    mg: Annotated[float, Number(0.1, 500)] = 10.0
    hz: Annotated[float, Number(0.5, 80)] = 14.0


@dataclass(frozen=True, slots=True)
class Strap:
    """How the strap sits from `at_s` on: gain of what the sensor feels of a movement, and share that rings after.

    As it loosens, the case rolls about the shank by `roll_deg` within `roll_for_s`.
    """

    at_s: Annotated[float, Time(0)]
    gain: Annotated[float, Number(0.3, 2)] = 1.0
    ring: Annotated[float, Number(0, 0.6)] = 0.0
    roll_deg: Annotated[float, Number(-180, 180)] = 0.0
    roll_for_s: Annotated[float, Time(10)] = 600.0


@dataclass(frozen=True, slots=True)
class Disturb:
    """What the sensor feels beside the sleeper's movements."""

    breath_mg: Annotated[float, Number(0, 20)] = 0.0
    pulse_mg: Annotated[float, Number(0, 10)] = 0.0
    bumps_per_hour: Annotated[float, Number(0, 600)] = 0.0
    bump_mg: Annotated[Spread, Spreads(2, 40)] = Spread(10.0, 0.6)
    vibration: Annotated[tuple[Vibration, ...], Several(Vibration)] = ()
    strap: Annotated[tuple[Strap, ...], Several(Strap)] = ()
    temperature_k: Annotated[float, Number(-20, 20)] = 0.0


@dataclass(frozen=True, slots=True)
class Loss:
    """A stretch whose samples never arrive, s."""

    at_s: Annotated[float, Time(0)]
    for_s: Annotated[float, Time(0.02)]


@dataclass(frozen=True, slots=True)
class Link:
    """What the radio loses: so many an hour by chance, and the stretches listed."""

    losses_per_hour: Annotated[float, Number(0, 120)] = 0.0
    loss_s: Annotated[Spread, Spreads(0.05, 600)] = Spread(3.0, 0.8)
    losses: Annotated[tuple[Loss, ...], Several(Loss)] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """A stretch in which the chip misbehaves, s."""

    kind: Annotated[FaultKind, Choice(("stuck", "clip", "spikes", "dead_axis"))]
    at_s: Annotated[float, Time(0)]
    for_s: Annotated[float, Time(0.02)]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One night of one leg.

    Attributes
    ----------
    duration_s : float
        Length of the night in seconds of true time.
    name : str
        What the night is called in every output.
    seed : int
        Everything random follows from it.
    rate_hz : int
        Declared sampling rate.
    rate_error_percent : float
        True rate off the declared one. 1.2 % is a modelling choice within the few percent that makers allow
        their oscillators.
    leg : {"left", "right"}
        The leg that wears the sensor.
    movements_per_hour : float
        Expected number of performed leg movements per hour in bed.
    sensor, body, disturb, link, faults
        The chip, the sleeper, what else is felt, what the radio loses, and how the chip fails.
    """

    duration_s: Annotated[float, Time(1)]
    name: Annotated[str, Text()] = "night"
    seed: Annotated[int, Number(0, 2**63 - 1, whole=True)] = 1
    rate_hz: Annotated[int, Choice((25, 50, 100, 200))] = 50
    rate_error_percent: Annotated[float, Number(-10, 10)] = 1.2
    leg: Annotated[Literal["left", "right"], Choice(("left", "right"))] = "left"
    movements_per_hour: Annotated[float, Number(0, 400)] = 30.0
    sensor: Annotated[Sensor, Part()] = Sensor()
    body: Annotated[Body, Part()] = Body()
    disturb: Annotated[Disturb, Part()] = Disturb()
    link: Annotated[Link, Part()] = Link()
    faults: Annotated[tuple[Fault, ...], Several(Fault)] = ()

    def true_rate_hz(self, declared_hz: int) -> float:
        """Rate at which the chip really samples when it declares `declared_hz`."""
        # Rounded so that 50 Hz and 1.2 % print as 50.6, not as 50.599999999999994.
        return round(declared_hz * (1.0 + self.rate_error_percent / 100.0), 9)


DEFAULT = Scenario(duration_s=8 * 3600.0)
