"""The pieces of whole-body movements: a turn to another posture, a long movement, a walk."""

from __future__ import annotations

import numpy as np

from benchmarks.sleepers.night import DEGREE, Array, log_uniform
from benchmarks.sleepers.pieces.leg import Piece
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


def posture_piece(rng: np.random.Generator, person: Person, gravity: Array, rate_hz: float) -> Piece:
    """Draw a turn of the body by 22 degrees or more, about the shank."""
    seconds = rng.uniform(1.0, 5.0)
    times = np.arange(int((seconds + 1.2) * rate_hz)) / rate_hz
    turn = rng.uniform(22, 115) * DEGREE * rng.choice([-1, 1])
    parts = int(rng.integers(1, 4))
    at = np.r_[0, np.sort(rng.uniform(0.2, 0.8, parts - 1)) * seconds, seconds]
    levels = np.r_[0, np.sort(rng.uniform(0.2, 0.9, parts - 1)), 1]
    angle = turn * skewed_path(rng, times, list(zip(at, levels, strict=True)), 0.3)
    if rng.random() < 0.5:
        late = np.clip((times - 0.3 * seconds) / (0.7 * seconds), 0, 1)
        angle = angle + turn * rng.uniform(0.05, 0.25) * np.sin(np.pi * late) ** 2
    bend = rng.uniform(3, 30) * DEGREE
    bent = np.sin(np.pi * np.clip(times / seconds, 0, 1)) ** 2
    knee = unit(np.cross(person.shank, rng.standard_normal(3)))
    turns = (
        angle[:, None] * unit(person.shank + 0.25 * rng.standard_normal(3)) + (bend * bent)[:, None] * knee
    )
    envelope = ramp(times / 0.3) * ramp((seconds + 0.3 - times) / 0.5)
    envelope = envelope * np.clip(0.6 + 0.5 * wander(rng, times, 0.5), 0.05, 2)
    size = log_uniform(rng, 0.06, 0.45)
    shaking = size * band_noise(rng, len(times), rate_hz, 0.6, rng.uniform(3, 8), 3) * envelope[:, None]
    return Piece(rotate(turns, gravity) + shaking, unit(rotate(turns[-1:], gravity)[0]))


def long_piece(rng: np.random.Generator, gravity: Array, rate_hz: float) -> Piece:
    """Draw a long movement: the leg wanders and comes to lie elsewhere."""
    seconds = log_normal(rng, 11, 0.5, 3.5, 45)
    times = np.arange(int((seconds + 1.2) * rate_hz)) / rate_hz
    size = log_uniform(rng, 3, 25) * DEGREE
    turns = size * np.stack([wander(rng, times, rng.uniform(0.7, 2.5)) for _ in range(3)], 1)
    lift = unit(np.cross(gravity, rng.standard_normal(3))) * rng.uniform(2, 12) * DEGREE
    moving = ramp(times / 0.6) * ramp((seconds - times) / 0.9)
    left = min(log_uniform(rng, 0.3, 16), 40) * DEGREE * unit(rng.standard_normal(3))
    late = ramp((times - 0.3 * seconds) / (0.7 * seconds))
    turns = (turns + lift) * moving[:, None] + left * late[:, None]
    envelope = moving * np.clip(0.5 + 0.6 * wander(rng, times, 1.2), 0.06, 2)
    size = log_uniform(rng, 0.03, 0.3)
    shaking = size * band_noise(rng, len(times), rate_hz, 0.5, rng.uniform(3, 8), 3) * envelope[:, None]
    return Piece(rotate(turns, gravity) + shaking, unit(rotate(left[None], gravity)[0]))


def walking_piece(rng: np.random.Generator, person: Person, gravity: Array, rate_hz: float) -> Piece:
    """Draw a walk: up, swings of the leg with heel strikes, and down again."""
    up, walk, down = rng.uniform(1.2, 3), rng.uniform(10, 30), rng.uniform(1.5, 3.5)
    seconds = up + walk + down
    times = np.arange(int((seconds + 1) * rate_hz)) / rate_hz
    upright = person.shank * rng.choice([-1, 1])
    axis = np.cross(gravity, upright)
    rise = np.arctan2(np.linalg.norm(axis), gravity @ upright)
    axis = unit(axis)
    per_second = rng.uniform(0.75, 1.25)
    walking = ramp((times - up) / 0.8) * ramp((up + walk - times) / 0.8)
    phase = 2 * np.pi * np.cumsum(per_second * (1 + 0.05 * wander(rng, times, 2)) / rate_hz)
    swing = rng.uniform(12, 28) * DEGREE * np.sin(phase) * walking
    left = rng.uniform(-25, 25) * DEGREE
    standing = rise * ramp(times / up) * ramp((seconds - times) / down)
    turns = (standing + swing)[:, None] * axis
    turns = turns + (left * ramp((times - up - walk) / down))[:, None] * person.shank
    strike = np.maximum(np.sin(phase + 0.6), 0) ** 12
    knocks = rng.uniform(0.6, 2.0) * strike[:, None] * unit(upright + 0.4 * rng.standard_normal(3))
    knocks = knocks * np.sin(6 * phase + 1)[:, None]
    knocks = knocks + rng.uniform(0.15, 0.4) * band_noise(rng, len(times), rate_hz, 1, 8, 3)
    shaking = walking[:, None] * knocks
    moving = ramp(times / 0.3) * ramp((seconds - times) / 0.5)
    shaking += 0.08 * band_noise(rng, len(times), rate_hz, 0.6, 5, 3) * moving[:, None]
    return Piece(rotate(turns, gravity) + shaking, unit(rotate(left * person.shank[None], gravity)[0]))
