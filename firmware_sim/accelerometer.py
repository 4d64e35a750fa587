"""A simulated accelerometer chip: noise, offset, scale error, drift with temperature, range and resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_sim.blocks import BLOCK, Blocks
from firmware_sim.faults import Faults
from firmware_sim.profile import SCALE_UG
from firmware_sim.rows import scaled
from firmware_sim.sleeper import Sleeper
from firmware_sim.streams import stream
from firmware_sim.vocabulary import MakeName, Sensor

_WARMING_S = 8 * 60.0
"""Time constant. A chip on the skin is almost at its final temperature after 20 minutes, two and a half of these."""


@dataclass(frozen=True, slots=True)
class Make:
    """The properties of a chip, from its data sheet.

    Attributes
    ----------
    noise_ug_rthz : float
        Noise density, µg per root hertz.
    bits : int
        Resolution of the converter over the whole range.
    offset_mg : float
        Largest zero-g offset of an axis.
    drift_mg_per_k : float
        Largest drift of an axis for each kelvin.
    """

    noise_ug_rthz: float
    bits: int
    offset_mg: float
    drift_mg_per_k: float


MAKES: dict[MakeName, Make] = {
    "bmi270": Make(160.0, 16, 20.0, 0.25),
    "lsm6dso": Make(70.0, 16, 20.0, 0.1),
    "lsm6dso-lowpower": Make(350.0, 16, 20.0, 0.1),  # 1.8 mg rms at 52 Hz
    "lis3dh": Make(220.0, 12, 40.0, 0.5),
    "adxl362": Make(550.0, 12, 50.0, 0.5),
}


class Accelerometer:
    """A chip on a sleeper's leg, at one range.

    Parameters
    ----------
    sleeper : Sleeper
        The sleeper who wears the chip. The make and the seed of the noise are the scenario's.
    range_g : int
        2, 4, 8 or 16.
    """

    def __init__(self, sleeper: Sleeper, range_g: int) -> None:
        scenario = sleeper.scenario
        chip = _chip(scenario.sensor)
        rng = stream(scenario.seed, "chip")
        self._sleeper = sleeper
        self._seed = scenario.seed
        self._unit_g = SCALE_UG[range_g] * 1e-6
        # A coarser converter leaves the low bits of the 16 at 0.
        self._step = 1 << (16 - chip.bits)
        if (step_mg := scenario.sensor.step_mg) is not None:
            self._step = max(1, round(1e-3 * step_mg / self._unit_g))
        self._offset_g = 1e-3 * chip.offset_mg * rng.uniform(-1.0, 1.0, 3)
        warmth_mg = chip.drift_mg_per_k * scenario.disturb.temperature_k
        self._warm_g = 1e-3 * warmth_mg * rng.uniform(-1.0, 1.0, 3)
        self._scale = 1.0 + scenario.sensor.scale_error_percent / 100.0
        # White up to half the sampling rate, which is where the chip's own filter ends.
        self._noise_g = 1e-6 * chip.noise_ug_rthz * np.sqrt(sleeper.rate_hz / 2.0)
        self._faults = Faults(scenario, sleeper.rate_hz)
        self._blocks = Blocks(self._compute)

    @property
    def step_mg(self) -> float:
        """The steps in which it measures, mg."""
        return 1000.0 * self._step * self._unit_g

    @property
    def noise_mg(self) -> float:
        """Root mean square of the noise of an axis, mg."""
        return float(1000.0 * self._noise_g)

    def samples(self, first: int, count: int) -> NDArray[np.int16]:
        """Return samples `first` to `first + count - 1` in units of the range's scale, shape (count, 3).

        `first` is 0 or later. The samples do not depend on the size of the pieces in which they are read.
        """
        return self._blocks.read(first, count)

    def _compute(self, block: int) -> NDArray[np.int16]:
        first = block * BLOCK
        noise = stream(self._seed, "noise", block).standard_normal((BLOCK, 3))
        felt = self._sleeper.acceleration(first, BLOCK) * self._scale + self._offset_g
        if self._warm_g.any():
            t = np.arange(first, first + BLOCK) / self._sleeper.rate_hz
            felt += scaled(1.0 - np.exp(-t / _WARMING_S), self._warm_g)
        counts = self._round((felt + self._noise_g * noise) / self._unit_g)
        return self._faults.apply(counts, first, self._without_noise)

    def _round(self, counts: NDArray[np.float64]) -> NDArray[np.int16]:
        steps = np.rint(counts / self._step) * self._step
        samples: NDArray[np.int16] = np.clip(
            steps, -32768 // -self._step * -self._step, 32767 // self._step * self._step
        ).astype(np.int16)
        return samples

    def _without_noise(self, index: int) -> NDArray[np.int16]:
        """Return sample `index` without noise. A chip that is stuck from there on repeats it."""
        felt = self._sleeper.acceleration(index, 1) * self._scale + self._offset_g
        sample: NDArray[np.int16] = self._round(felt / self._unit_g)[0]
        return sample


def _chip(asked: Sensor) -> Make:
    make = MAKES[asked.make]
    return Make(
        make.noise_ug_rthz if asked.noise_ug_rthz is None else asked.noise_ug_rthz,
        make.bits,
        make.offset_mg if asked.offset_mg is None else asked.offset_mg,
        make.drift_mg_per_k if asked.drift_mg_per_k is None else asked.drift_mg_per_k,
    )
