"""What a sensor can be on for a night: a simulated sleeper's leg, or a recording that is played (`firmware_sim.playback`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from firmware_sim.accelerometer import Accelerometer
from firmware_sim.losses import lost_samples
from firmware_sim.sleeper import Sleeper
from firmware_sim.vocabulary import Scenario


class Chip(Protocol):
    """Where samples come from."""

    def samples(self, first: int, count: int) -> NDArray[np.int16]:
        """Give samples `first` to `first + count - 1` of the night, shape (count, 3), in units of the range's scale."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A night measured at one rate and range.

    Attributes
    ----------
    chip : Chip
        Where the samples come from.
    rate_hz : float
        How often a sample is really taken.
    lost : tuple of (int, int)
        Samples that never arrive: first one, and first that is not lost again; in order and apart.
    """

    chip: Chip
    rate_hz: float
    lost: tuple[tuple[int, int], ...]


class Night(Protocol):
    """One leg's night."""

    @property
    def leg(self) -> Literal["left", "right"]:
        """The ankle."""

    @property
    def declared_rate_hz(self) -> int:
        """Rate at which it is best measured."""

    @property
    def duration_s(self) -> float:
        """How long it is, seconds of true time."""

    def measured(self, rate_hz: int, range_g: int) -> Measurement:
        """Measure it at a declared rate and a range."""


class Performed:
    """A scenario's night.

    Parameters
    ----------
    scenario : Scenario
        The night asked for.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.sleeper = Sleeper(scenario)
        self.leg: Literal["left", "right"] = scenario.leg
        self.declared_rate_hz = scenario.rate_hz
        self.duration_s = scenario.duration_s

    def measured(self, rate_hz: int, range_g: int) -> Measurement:
        """Measure it at a declared rate and a range; what its radio loses is lost."""
        if rate_hz != self.sleeper.declared_rate_hz:
            self.sleeper = Sleeper(self.sleeper.scenario, rate_hz)
        true_rate_hz = self.sleeper.rate_hz
        lost = lost_samples(self.sleeper.scenario, true_rate_hz)
        return Measurement(Accelerometer(self.sleeper, range_g), true_rate_hz, tuple(lost))
