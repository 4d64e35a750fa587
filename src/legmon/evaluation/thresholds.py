"""Leg movements by fixed thresholds in g, for comparison only.

Most published ankle accelerometers use fixed thresholds, so `legmon golden` shows them beside the detector. Nothing else in the
program uses them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from legmon.detection.filters import high_pass
from legmon.detection.jit import jit
from legmon.movement import NS, Leg, LegMovement

HIGH_PASS_HZ = 0.5
SHORTEST_S, LONGEST_S = 0.5, 10.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A movement begins at `on_g` and ends where the signal falls below `off_g` for `release_s`."""

    on_g: float
    off_g: float
    release_s: float

    def __str__(self) -> str:
        return f"{self.on_g:g}/{self.off_g:g} g, {self.release_s:g} s"


PUBLISHED = tuple(
    Thresholds(on, off, release)
    for on, off in ((0.10, 0.05), (0.04, 0.02), (0.02, 0.01), (0.015, 0.008))
    for release in (0.5, 1.0)
)
"""From the thresholds of a clinic's ankle band down to those of research devices."""


def fixed_thresholds(
    xyz_g: ArrayLike, rate_hz: float, thresholds: Thresholds, leg: Leg = "left", *, first: int = 0
) -> list[LegMovement]:
    """Find movements where the length of the high-passed acceleration vector crosses fixed thresholds.

    Each axis passes a second-order Butterworth high-pass filter at 0.5 Hz, which removes gravity. The onset is the first sample
    at `on_g` or more, the offset the end of the last sample at `off_g` or more. Movements shorter than 0.5 s are left out.
    Movements over 10 s are listed as ``"long"``, so that they break a series as they would in a laboratory.

    Parameters
    ----------
    xyz_g : (n, 3) array, g
        Samples without a gap. The sensor counts as at rest before the first one.
    rate_hz : float
        Sample rate in Hz.
    thresholds : Thresholds
        In g and seconds.
    leg : {"left", "right"}
        Which ankle.
    first : int
        Index of the first sample in the recording.

    Returns
    -------
    list of LegMovement
        In order of onset.
    """
    x = np.ascontiguousarray(xyz_g, dtype=np.float64)
    release = max(round(thresholds.release_s * rate_hz), 1)
    spans = np.empty((len(x) // release + 1, 2), dtype=np.int64)
    biquad = np.array(high_pass(HIGH_PASS_HZ, rate_hz))
    count = _cross(x, biquad, thresholds.on_g, thresholds.off_g, release, spans)
    return [
        LegMovement(
            onset_ns=round((first + a) * NS / rate_hz),
            offset_ns=round((first + b) * NS / rate_hz),
            leg=leg,
            kind="leg" if b - a <= LONGEST_S * rate_hz else "long",
            first=first + a,
            end=first + b,
        )
        for a, b in spans[:count].tolist()
        if b - a >= SHORTEST_S * rate_hz
    ]


@jit
def _cross(
    x: NDArray[np.float64], biquad: NDArray[np.float64], on: float, off: float, release: int, spans: Any
) -> int:
    """Write the first sample and the end of each crossing to `spans`. Return how many there are.

    Each crossing closes at least `release` samples after the one before it.
    """
    b0, b1, b2, a1, a2 = biquad
    s1, s2 = np.zeros(3), np.zeros(3)
    for k in range(3):  # the state after endless rest at the first sample
        if len(x):
            s1[k] = -b0 * x[0, k]
            s2[k] = b2 * x[0, k]
    found, start, last = 0, -1, -1
    for r in range(x.shape[0]):
        power = 0.0
        for k in range(3):
            v = x[r, k]
            h = b0 * v + s1[k]
            s1[k] = b1 * v - a1 * h + s2[k]
            s2[k] = b2 * v - a2 * h
            power += h * h
        if start < 0:
            if power >= on * on:
                start, last = r, r
        elif power >= off * off:
            last = r
        elif r - last >= release:
            spans[found, 0], spans[found, 1] = start, last + 1
            found += 1
            start = -1
    if start >= 0:
        spans[found, 0], spans[found, 1] = start, last + 1
        found += 1
    return found
