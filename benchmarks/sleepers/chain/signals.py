"""The grid of time that the leg moves on, and signals that several parts are made of."""

from __future__ import annotations

import numpy as np

from benchmarks.sleepers.night import Array

GRID_HZ = 500.0
GRID_S = 1.0 / GRID_HZ


def grid(samples: int) -> Array:
    """Return the times of so many samples on the grid."""
    return np.arange(samples, dtype=np.float64) * GRID_S


def step_response(times: Array, omega: float, damping: float, lag_s: float) -> Array:
    """Return the unit step of a damped joint that a muscle pulls, zero before time zero.

    The muscle is two lags, of `lag_s` and six tenths of it; the joint has the angular frequency `omega`.
    """
    damping = min(max(damping, 0.05), 0.97)
    ringing = omega * np.sqrt(1 - damping * damping)
    poles = np.array([
        -1 / lag_s,
        -1 / (0.6 * lag_s + 1e-4),
        -damping * omega + 1j * ringing,
        -damping * omega - 1j * ringing,
    ])  # fmt: skip
    gain = np.prod(-poles)
    response = np.ones(times.shape)
    since = np.maximum(times, 0)
    for i in (0, 1):
        residue = gain / (poles[i] * np.prod(poles[i] - np.delete(poles, i)))
        response = response + (residue.real * np.exp(poles[i].real * since))
    residue = gain / (poles[2] * np.prod(poles[2] - np.delete(poles, 2)))
    response = response + 2 * (residue * np.exp(poles[2] * since)).real
    return np.where(times > 0, response, 0.0)


def band_noise(
    rng: np.random.Generator, samples: int, rate_hz: float, low_hz: float, high_hz: float, softness: float
) -> Array:
    """Return noise between two frequencies, with soft edges and a standard deviation of 1."""
    length = 1 << int(np.ceil(np.log2(max(samples, 16))))
    hz = np.fft.rfftfreq(length, 1 / rate_hz)
    below = (np.maximum(low_hz - hz, 0) / (softness * low_hz)) ** 4
    above = (np.maximum(hz - high_hz, 0) / (softness * high_hz)) ** 4
    gain = 1 / np.sqrt(1 + below + above)
    gain *= hz > 0.2 * low_hz
    noise = np.fft.irfft(gain * (rng.normal(size=hz.size) + 1j * rng.normal(size=hz.size)), length)[:samples]
    return np.asarray(noise / (noise.std() + 1e-12))


def taper(samples: int, edge: int) -> Array:
    """Return ones with a smooth edge of `edge` samples at each end."""
    edge = max(1, min(edge, samples // 2))
    weight = np.ones(samples)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
    weight[:edge] = rise
    weight[samples - edge :] = rise[::-1]
    return weight


def end_at(path: Array, end: Array | float, samples: int) -> None:
    """Lead the last samples of a path smoothly to the value where it must end."""
    fade = (0.5 - 0.5 * np.cos(np.pi * np.arange(1, samples + 1) / samples))[:, None]
    path[-samples:] = path[-samples:] * (1 - fade) + end * fade


def smooth_step(x: Array) -> Array:
    """Return the smooth step from 0 to 1 of values that are already between 0 and 1."""
    return x * x * (3 - 2 * x)


def direction(rng: np.random.Generator) -> Array:
    """Draw a direction in space."""
    vector = rng.normal(size=3)
    return np.asarray(vector / np.linalg.norm(vector))
