"""What the chip makes of what it feels: noise, an offset, a range and 16 bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmware_sim.blocks import BLOCK, Blocks
from firmware_sim.profile import SCALE_UG
from firmware_sim.sleeper import Sleeper

_NOISE_DENSITY_G = 160e-6
"""Noise per root hertz: the data sheet's of a Bosch BMI270."""

_LARGEST_OFFSET_G = 0.020
"""Zero-g offset of an axis; makers promise 20 to 60 mg."""


class Accelerometer:
    """A chip on a sleeper's leg, at one range.

    Parameters
    ----------
    sleeper : Sleeper
        Whose leg it is on; noise and offset follow from the scenario's seed.
    range_g : int
        2, 4, 8 or 16.
    """

    def __init__(self, sleeper: Sleeper, range_g: int) -> None:
        self._sleeper = sleeper
        self._scale_g = SCALE_UG[range_g] * 1e-6
        self._seed = sleeper.scenario.seed
        self._offset_g = np.random.default_rng([self._seed, 0x0FF5]).uniform(
            -_LARGEST_OFFSET_G, _LARGEST_OFFSET_G, 3
        )
        # White up to half the sampling rate, which is where the chip's own filter ends.
        self._noise_g = _NOISE_DENSITY_G * np.sqrt(sleeper.rate_hz / 2.0)
        self._blocks = Blocks(self._compute)

    def samples(self, first: int, count: int) -> NDArray[np.int16]:
        """Give samples `first` to `first + count - 1` in units of the range's scale, shape (count, 3).

        `first` is 0 or later. The numbers do not depend on how the night is cut.
        """
        return self._blocks.read(first, count)

    def _compute(self, block: int) -> NDArray[np.int16]:
        seed = np.random.SeedSequence([self._seed, 0x4015E], spawn_key=(block,))
        noise = np.random.default_rng(seed).standard_normal((BLOCK, 3))
        felt = self._sleeper.acceleration(block * BLOCK, BLOCK)
        counts = np.rint((felt + self._offset_g + self._noise_g * noise) / self._scale_g)
        samples: NDArray[np.int16] = np.clip(counts, -32768, 32767).astype(np.int16)
        return samples
