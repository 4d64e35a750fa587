"""Leg movements by fixed thresholds in g, as published detectors find them: for comparison only.

Nothing in the program uses it. `legmon golden` sets it beside the detector, since a fixed threshold is what most published ankle
accelerometers use.
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
"""From those of a clinic's ankle band down to what research devices use."""


def fixed_thresholds(
    xyz_g: ArrayLike, rate_hz: float, thresholds: Thresholds, leg: Leg = "left", *, first: int = 0
) -> list[LegMovement]:
    """Find movements where the length of the high-passed acceleration vector crosses fixed thresholds.

    Each axis passes a Butterworth high-pass of second order at 0.5 Hz, which takes gravity away; onset is the first sample at
    `on_g` or more, offset the end of the last one at `off_g` or more. What is shorter than 0.5 s is left out; over
    10 s it is listed as ``"long"``, so that it breaks a series as it would in a laboratory.

    Parameters
    ----------
    xyz_g : (n, 3) array, g
        Samples without a hole; they are taken to begin at rest.
    rate_hz : float
        Sample rate in Hz.
    thresholds : Thresholds
        In g and seconds.
    leg : {"left", "right"}
        Which ankle.
    first : int
        Index of the first sample in the recording.
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
    """Write first and end of each crossing; one closes at least `release` samples after the one before. How many."""
    b0, b1, b2, a1, a2 = biquad
    s1, s2 = np.zeros(3), np.zeros(3)
    for k in range(3):  # as after resting for ever where the first sample lies
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
