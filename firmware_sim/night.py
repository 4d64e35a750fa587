"""The night that a sensor measures: a simulated sleeper's leg, or a recording (`firmware_sim.playback`)."""

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
    """A source of samples."""

    def samples(self, first: int, count: int) -> NDArray[np.int16]:
        """Return samples `first` to `first + count - 1` of the night, shape (count, 3), in units of the range's scale."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A night measured at one rate and range.

    Attributes
    ----------
    chip : Chip
        The simulated chip that measures the samples.
    rate_hz : float
        True sample rate, Hz.
    lost : tuple of (int, int)
        Losses: the first lost sample, and the first one after the loss; in order and apart.
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
        """Sample rate that suits the night best, Hz."""

    @property
    def duration_s(self) -> float:
        """Duration, seconds of true time."""

    def measured(self, rate_hz: int, range_g: int) -> Measurement:
        """Measure the night at a declared rate and a range."""


class Performed:
    """The night of a scenario.

    Parameters
    ----------
    scenario : Scenario
        The night to play.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.sleeper = Sleeper(scenario)
        self.leg: Literal["left", "right"] = scenario.leg
        self.declared_rate_hz = scenario.rate_hz
        self.duration_s = scenario.duration_s

    def measured(self, rate_hz: int, range_g: int) -> Measurement:
        """Measure the night at a declared rate and a range, with the scenario's losses."""
        if rate_hz != self.sleeper.declared_rate_hz:
            self.sleeper = Sleeper(self.sleeper.scenario, rate_hz)
        true_rate_hz = self.sleeper.rate_hz
        lost = lost_samples(self.sleeper.scenario, true_rate_hz)
        return Measurement(Accelerometer(self.sleeper, range_g), true_rate_hz, tuple(lost))
