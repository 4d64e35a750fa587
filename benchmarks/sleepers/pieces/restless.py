"""The pieces of a foot and a leg that cannot keep still: trains of twitches, tapping, rubbing, crossing."""

from __future__ import annotations

import numpy as np

from benchmarks.sleepers.night import DEGREE, Array, log_uniform
from benchmarks.sleepers.pieces.leg import Piece, add_burst
from benchmarks.sleepers.pieces.person import Person
from benchmarks.sleepers.pieces.signals import (
    band_noise,
    log_normal,
    ramp,
    rotate,
    skewed_path,
    unit,
    wander,
)


def twitches_piece(rng: np.random.Generator, person: Person, gravity: Array, rate_hz: float) -> Piece:
    """Draw a train of foot twitches: each a short bump of tilt with a jerk, hardly any tilt between."""
    count = int(np.clip(rng.geometric(1 / 14) + 3, 4, 60))
    per_second = rng.uniform(0.4, 3.5)
    gaps = np.maximum(np.exp(rng.normal(0, rng.uniform(0.08, 0.25), count)) / per_second, 0.22)
    onsets = np.cumsum(gaps) - gaps[0]
    times = np.arange(int((onsets[-1] + 1.6) * rate_hz)) / rate_hz
    angle, shaking = np.zeros(len(times)), np.zeros((len(times), 3))
    width = min(rng.uniform(0.2, 0.6), 0.9 / per_second)
    tilt = rng.uniform(0, 1.0)
    for onset in onsets:
        height = np.exp(rng.normal(0, 0.3))
        part = (times - onset) / width
        angle += height * tilt * ramp(part / 0.3) * ramp((1 - part) / 0.6)
        add_burst(rng, person, rate_hz, onset, height * rng.uniform(0.2, 1.0), shaking)
    shaking *= ramp((times[-1] - times) / 0.2)[:, None]
    peak = log_normal(rng, 0.06, 0.6, 0.022, 0.5)
    axis = unit(np.cross(gravity, rng.standard_normal(3)))
    felt = np.sqrt(((angle[:, None] * np.cross(axis, gravity) + shaking) ** 2).sum(1)).max()
    size = peak / felt
    return Piece(rotate(size * angle[:, None] * axis, gravity) + size * shaking, gravity.copy())


def fidget_piece(rng: np.random.Generator, gravity: Array, rate_hz: float) -> Piece:
    """Draw what a restless leg does: it rubs, taps, crosses the other one or shuffles."""
    what = rng.choice(["rub", "tap", "cross", "shuffle"], p=[0.35, 0.25, 0.25, 0.15])
    axis = unit(np.cross(gravity, rng.standard_normal(3)) + 0.3 * rng.standard_normal(3))
    if what == "tap":
        return tapping_piece(rng, gravity, rate_hz, axis)
    if what == "rub":
        return rubbing_piece(rng, gravity, rate_hz, axis)
    return crossing_piece(rng, gravity, rate_hz, axis, shuffles=what == "shuffle")


def tapping_piece(rng: np.random.Generator, gravity: Array, rate_hz: float, axis: Array) -> Piece:
    """Draw a foot that taps."""
    per_second, count = rng.uniform(2.2, 5), int(rng.integers(4, 40))
    seconds = count / per_second
    times = np.arange(int((seconds + 1) * rate_hz)) / rate_hz
    moving = ramp(times / 0.2) * ramp((seconds - times) / 0.25)
    phase = 2 * np.pi * np.cumsum(per_second * (1 + 0.08 * wander(rng, times, 1)) / rate_hz)
    sharp = rng.uniform(0.3, 1.0)
    taps = (0.5 - 0.5 * np.cos(phase)) ** (1 + 2 * sharp)
    knocks = log_uniform(rng, 0.02, 0.25) * np.sin(2 * phase + 1) * taps * moving
    shaking = knocks[:, None] * unit(gravity + rng.standard_normal(3))
    angle = log_uniform(rng, 0.5, 6) * DEGREE * (taps + 0.1) * moving
    angle = angle * np.clip(1 + 0.3 * wander(rng, times, 0.8), 0.3, 2)
    return Piece(rotate(angle[:, None] * axis, gravity) + shaking, gravity.copy(), taps=True)


def rubbing_piece(rng: np.random.Generator, gravity: Array, rate_hz: float, axis: Array) -> Piece:
    """Draw a leg that rubs to and fro, and comes to lie elsewhere."""
    per_second, seconds = rng.uniform(0.7, 3), log_normal(rng, 5, 0.6, 1.2, 25)
    times = np.arange(int((seconds + 1.3) * rate_hz)) / rate_hz
    moving = ramp(times / 0.35) * ramp((seconds - times) / 0.45)
    phase = 2 * np.pi * np.cumsum(per_second * (1 + 0.15 * wander(rng, times, 1)) / rate_hz)
    strength = np.clip(1 + 0.4 * wander(rng, times, 1.5), 0.2, 2)
    to_and_fro = log_uniform(rng, 0.6, 7) * DEGREE * strength * np.sin(phase) * moving
    lift = rng.uniform(0.8, 5) * DEGREE * moving
    turns = to_and_fro[:, None] * axis + lift[:, None] * unit(np.cross(axis, gravity))
    left = log_uniform(rng, 0.05, 3) * DEGREE * unit(rng.standard_normal(3))
    turns = turns + left * ramp((times - 0.3 * seconds) / (0.7 * seconds))[:, None]
    size = log_uniform(rng, 0.01, 0.15)
    along = np.cos(phase + 1)[:, None] * unit(rng.standard_normal(3))
    rough = along + 0.6 * band_noise(rng, len(times), rate_hz, 2, 9, 3)
    shaking = size * (strength * moving)[:, None] * rough
    return Piece(rotate(turns, gravity) + shaking, unit(rotate(left[None], gravity)[0]))


def crossing_piece(
    rng: np.random.Generator, gravity: Array, rate_hz: float, axis: Array, *, shuffles: bool
) -> Piece:
    """Draw a leg that crosses the other one, or shuffles a little aside."""
    seconds = rng.uniform(0.6, 1.8) if shuffles else rng.uniform(0.9, 2.8)
    times = np.arange(int((seconds + 1.2) * rate_hz)) / rate_hz
    left = (log_uniform(rng, 0.5, 6) if shuffles else rng.uniform(5, 40)) * DEGREE * axis
    lift = np.sin(np.pi * np.clip(times / seconds, 0, 1)) ** 2 * rng.uniform(1, 12) * DEGREE
    way = skewed_path(rng, times, [(0, 0), (seconds * rng.uniform(0.6, 1), 1)], 0.3)
    turns = left * way[:, None]
    turns = turns + lift[:, None] * unit(np.cross(axis, gravity) + 0.3 * rng.standard_normal(3))
    size = log_uniform(rng, 0.008, 0.08)
    noise = size * band_noise(rng, len(times), rate_hz, 0.8, rng.uniform(3, 8), 3)
    envelope = ramp(times / 0.2) * ramp((seconds + 0.1 - times) / 0.3)
    shaking = noise * (envelope * np.clip(0.7 + 0.6 * wander(rng, times, 0.5), 0.05, 2))[:, None]
    return Piece(rotate(turns, gravity) + shaking, unit(rotate(left[None], gravity)[0]))
