"""A sensor on a springy strap: it follows each jerk of the leg with a swing of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmware_sim.rows import Array
from firmware_sim.vocabulary import Scenario

_REMEMBERS = 1024
"""Samples after which a spring has forgotten a jerk: 5 s at the highest rate."""
_FORGOTTEN = 6.0
_PASSES = 0.4
"""A resonance above this share of the sample rate is lost in the chip's own filter."""


class Spring:
    """The spring of a strap: a resonance of second order, whose sensor at rest reads what a firm one reads.

    It is no movement of the leg, so the truth does not have it.
    """

    def __init__(self, scenario: Scenario, rate_hz: float) -> None:
        hz, damping = scenario.disturb.spring_hz, scenario.disturb.spring_damping
        self._answer: NDArray[np.complex128] | None = None
        self.remembers = 0
        """How many samples before a block it takes to compute the block."""
        if 0.0 < hz < _PASSES * rate_hz:
            rate = 2.0 * np.pi * hz / rate_hz
            k = np.arange(_REMEMBERS)
            swings = np.sin(rate * np.sqrt(max(1.0 - damping * damping, 1e-4)) * k)
            fades = np.exp(-damping * rate * k) * np.clip(1.0 - damping * rate * k / _FORGOTTEN, 0.0, 1.0)
            answer = swings * fades
            self._answer = np.fft.rfft(answer / answer.sum(), 8 * _REMEMBERS)
            self.remembers = _REMEMBERS

    def follow(self, felt: Array) -> Array:
        """Return what a sensor on the spring feels while its strap feels `felt`, without the first `remembers` samples."""
        if self._answer is None:
            return felt
        # Relative to the first sample, so that what wraps around is zero.
        rest = felt[0]
        swung = np.fft.irfft(np.fft.rfft(felt - rest, 8 * _REMEMBERS, axis=0) * self._answer[:, None], axis=0)
        follows: Array = swung[self.remembers : len(felt)] + rest
        return follows
