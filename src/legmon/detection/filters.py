"""Second-order filters in closed form, for the detector and for the published detectors beside it.

They need no filter design library at run time.
"""

import math

Biquad = tuple[float, float, float, float, float]
"""b0, b1, b2, a1, a2 with a0 = 1."""


def low_pass(cutoff_hz: float, rate_hz: float) -> Biquad:
    """Return a Butterworth low-pass of second order, by the bilinear transform."""
    k = math.tan(math.pi * cutoff_hz / rate_hz)
    norm = 1.0 / (1.0 + math.sqrt(2.0) * k + k * k)
    b0 = k * k * norm
    return b0, 2.0 * b0, b0, *_poles(k, norm)


def high_pass(cutoff_hz: float, rate_hz: float) -> Biquad:
    """Return a Butterworth high-pass of second order, by the bilinear transform."""
    k = math.tan(math.pi * cutoff_hz / rate_hz)
    norm = 1.0 / (1.0 + math.sqrt(2.0) * k + k * k)
    return norm, -2.0 * norm, norm, *_poles(k, norm)


def _poles(k: float, norm: float) -> tuple[float, float]:
    return 2.0 * (k * k - 1.0) * norm, (1.0 - math.sqrt(2.0) * k + k * k) * norm
