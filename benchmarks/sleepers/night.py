"""What a simulated night holds: the samples of the sensor, and the truth about the leg and the bed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DEGREE = np.pi / 180
"""One degree in radians."""


class Movement(TypedDict):
    """A true movement of the leg that wears the sensor, measured on the noise-free signal of the leg.

    It begins when the signal leaves the rest before it by 5 mg, and ends when the signal stays within 5 mg of
    the rest after it. It is visible from a peak of 20 mg. `kind` is leg, long, posture, tremor or locomotion.
    """

    onset_s: float
    offset_s: float
    leg: str
    kind: str
    visible: bool
    peak_mg: float


class Disturbance(TypedDict):
    """Something else that shakes the sensor: a partner, a pet, a swaying bed, a hum."""

    onset_s: float
    offset_s: float
    what: str
    peak_mg: NotRequired[float]


@dataclass(frozen=True)
class Night:
    """One simulated night of one sensor.

    Attributes
    ----------
    xyz_g : array of shape (samples, 3)
        What the sensor records, in g.
    rate_hz, range_g : float
        Sample rate and range of the sensor.
    kind : str
        The kind of night that was asked for.
    movements : list of Movement
        The truth, in the order of time.
    others : list of Disturbance
        What shook the sensor besides the leg, in the order of onset.
    leg_g : array of shape (samples, 3)
        The noise-free signal of the leg alone, from which the truth was measured.
    """

    xyz_g: Array
    rate_hz: float
    range_g: float
    kind: str
    movements: list[Movement]
    others: list[Disturbance]
    leg_g: Array


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
