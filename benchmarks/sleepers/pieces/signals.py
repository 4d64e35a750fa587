"""Curves, noises and turns that the pieces are made of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from benchmarks.sleepers.night import Array

Knots = Sequence[tuple[float, float]]
"""Times and values that a path goes through."""


def log_normal(rng: np.random.Generator, median: float, spread: float, low: float, high: float) -> float:
    """Draw a number whose logarithm is normal, within limits."""
    return float(np.clip(median * np.exp(spread * rng.standard_normal()), low, high))


def unit(vector: Array) -> Array:
    """Return a vector of length 1."""
    return np.asarray(vector / (np.linalg.norm(vector) + 1e-12))


def ramp(x: Array) -> Array:
    """Return the smooth step from 0 to 1, without acceleration at its ends."""
    x = np.clip(x, 0, 1)
    return x * x * x * (10 - 15 * x + 6 * x * x)


def rotate(turns: Array, vector: Array) -> Array:
    """Return a vector of three, turned by each of the rotation vectors, of shape (turns, 3)."""
    angle = np.sqrt((turns * turns).sum(1))[:, None]
    axis = turns / np.maximum(angle, 1e-12)
    across, along = np.cross(axis, vector), axis * (axis @ vector)[:, None]
    return np.asarray(vector * np.cos(angle) + across * np.sin(angle) + along * (1 - np.cos(angle)))


def spline(times: Array, knots: Array, values: Array) -> Array:
    """Return a smooth curve through knots: cubic Hermite pieces with the tangents of their neighbours."""
    slope = np.gradient(values, knots)
    i = np.clip(np.searchsorted(knots, times, "right") - 1, 0, len(knots) - 2)
    width = knots[i + 1] - knots[i]
    u = np.clip((times - knots[i]) / width, 0, 1)
    return np.asarray(
        (2 * u**3 - 3 * u**2 + 1) * values[i]
        + (u**3 - 2 * u**2 + u) * width * slope[i]
        + (3 * u**2 - 2 * u**3) * values[i + 1]
        + (u**3 - u**2) * width * slope[i + 1]
    )


def wander(rng: np.random.Generator, times: Array, step_s: float) -> Array:
    """Return a smooth random curve of unit spread, with a knot about every `step_s` seconds."""
    count = max(3, int((times[-1] - times[0]) / step_s) + 2)
    knots = np.linspace(times[0], times[-1] + 1e-6, count)
    knots[1:-1] += (knots[1] - knots[0]) * rng.uniform(-0.3, 0.3, count - 2)
    return spline(times, knots, rng.standard_normal(count))


def band_noise(
    rng: np.random.Generator, samples: int, rate_hz: float, low_hz: float, high_hz: float, axes: int
) -> Array:
    """Return noise between two frequencies with soft edges and an rms of 1, of shape (samples, axes)."""
    high_hz = min(high_hz, 0.45 * rate_hz)
    low_hz = min(low_hz, 0.8 * high_hz)
    length = 1 << int(np.ceil(np.log2(max(samples, int(2 * rate_hz)))))
    hz = np.fft.rfftfreq(length, 1 / rate_hz)
    below = (np.maximum(low_hz - hz, 0) / (0.15 * low_hz + 0.05)) ** 2
    above = (np.maximum(hz - high_hz, 0) / (0.15 * high_hz)) ** 2
    gain = np.exp(-0.5 * below - 0.5 * above)
    gain[0] = 0
    spectrum = (rng.standard_normal((axes, len(hz))) + 1j * rng.standard_normal((axes, len(hz)))) * gain
    noise = np.fft.irfft(spectrum, length, axis=1)
    return np.asarray((noise / np.sqrt(2.0 * (gain**2).sum()) * length).T[:samples])


def smoothed(signal: Array, rate_hz: float, sigma_s: float) -> Array:
    """Return a signal smoothed with a Gaussian kernel."""
    half = int(np.ceil(3 * sigma_s * rate_hz))
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / (sigma_s * rate_hz)) ** 2)
    return np.convolve(np.pad(signal, half, mode="edge"), kernel / kernel.sum(), "valid")


def skewed_path(rng: np.random.Generator, times: Array, knots: Knots, skew: float) -> Array:
    """Return a path that goes from knot to knot by smooth steps, some early and some late."""
    path = np.full(len(times), float(knots[0][1]))
    for (start, before), (end, after) in pairwise(knots):
        part = np.clip((times - start) / max(end - start, 1e-3), 0, 1) ** float(np.exp(rng.normal(0, skew)))
        path += (after - before) * ramp(part)
    return path
