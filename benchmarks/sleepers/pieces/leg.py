"""The piece of one leg movement: a shape about an axis, with jerks, lever, strap and the place where it comes to lie."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from benchmarks.sleepers.night import DEGREE, Array
from benchmarks.sleepers.pieces.person import Person
from benchmarks.sleepers.pieces.signals import (
    band_noise,
    log_normal,
    ramp,
    rotate,
    smoothed,
    unit,
    wander,
)
from benchmarks.sleepers.pieces.styles import Shape, draw_shape

LARGEST_TURN = 45 * DEGREE


class Piece(NamedTuple):
    """The signal of the sensor while the leg moves, in g, and the gravity that it feels afterwards."""

    signal: Array
    gravity: Array
    taps: bool = False


class Wish(NamedTuple):
    """What a leg movement is meant to be."""

    style: str
    peak: float
    seconds: float


def add_burst(
    rng: np.random.Generator, person: Person, rate_hz: float, onset_s: float, size: float, out: Array
) -> None:
    """Add a jerk: band noise under a skewed envelope, mostly along one line."""
    first = max(0, int(onset_s * rate_hz))
    peak_s = log_normal(rng, 0.07, 0.4, 0.03, 0.25)
    seconds = peak_s * 6
    last = min(len(out), first + int(seconds * rate_hz) + 2)
    if last - first < 4:
        return
    times = np.arange(last - first) / rate_hz
    envelope = (times / peak_s) * np.exp(1 - times / peak_s)
    envelope *= ramp((seconds - times) / (0.3 * seconds))
    low = person.jerk_low_hz * np.exp(rng.normal(0, 0.2))
    high = max(person.jerk_high_hz * np.exp(rng.normal(0, 0.2)), low * 1.8)
    noise = band_noise(rng, len(times), rate_hz, low, high, 4)
    line = unit(person.jerk_direction + 0.5 * rng.standard_normal(3))
    jerk = (noise[:, :1] * line + rng.uniform(0.15, 0.5) * noise[:, 1:]) * envelope[:, None]
    out[first:last] += size * jerk / max(np.abs(jerk).max(), 1e-9)


def add_thud(
    rng: np.random.Generator, rate_hz: float, hz: float, onset_s: float, size: float, out: Array,
    direction: Array, ring_s: float | None = None,
) -> None:  # fmt: skip
    """Add a ringing knock."""
    first = int(onset_s * rate_hz)
    ring_s = ring_s or rng.uniform(0.05, 0.2)
    last = min(len(out), first + int(5 * ring_s * rate_hz) + 2)
    if first < 0 or last - first < 3:
        return
    times = np.arange(last - first) / rate_hz
    wave = np.sin(2 * np.pi * min(hz, 0.4 * rate_hz) * times + rng.uniform(-0.4, 0.4))
    wave = wave * np.exp(-times / ring_s) * ramp(times / 0.03) * ramp((5 * ring_s - times) / ring_s)
    out[first:last] += size * wave[:, None] * unit(direction + 0.3 * rng.standard_normal(3))


def leg_piece(
    rng: np.random.Generator, person: Person, gravity: Array, rate_hz: float, wish: Wish, home: Array
) -> Piece:
    """Draw one leg movement. What it leaves behind leads more often back to `home` than away from it."""
    style = wish.style
    seconds = wish.seconds * 1.25 + 4.5 if style == "slow_return" else wish.seconds + 3.0
    times = np.arange(int(seconds * rate_hz)) / rate_hz
    shape, tremor = draw_shape(rng, person, style, wish.seconds, times, rate_hz)
    usual = draw_axis(rng, person, gravity)
    wanders = np.stack([wander(rng, times, rng.uniform(0.5, 2.0)) for _ in range(3)], 1) * person.axis_wander
    axis = usual + wanders
    axis /= np.maximum(np.linalg.norm(axis, axis=1), 0.2)[:, None]
    shaking = draw_jerks(rng, person, gravity, rate_hz, style, shape, len(times))
    if person.lever > 0:
        shaking += draw_lever(rng, person, rate_hz, shape, usual)
    shaking = shaking + tremor
    gain = 1.0
    if person.loose:
        gain = rng.uniform(0.5, 1.8)
        shaking = shaking + strap_ring(person, rate_hz, shape, shaking, np.cross(usual, gravity))
    stops = (shape.end + rng.uniform(0.35, 0.6) + (4 * person.ring_s)) * rate_hz
    stop = min(len(times) - 1, int(stops))
    shaking *= ramp((stop / rate_hz - times) / 0.3)[:, None]
    left = draw_residual(rng, person, gravity, wish.peak, usual, home)
    way = ramp((times - shape.hold[0]) / max(shape.end - shape.hold[0], 0.2))
    residual = left * way[:, None]
    size = wish.peak * gain
    wanted = float(np.clip(size, person.peak_low, 2.0))
    for _ in range(4):
        turns = (size * shape.angle)[:, None] * axis + residual
        felt = rotate(turns, gravity) + size * shaking
        peak = np.sqrt(((felt - gravity) ** 2).sum(1)).max()
        size *= float(np.clip(wanted / max(peak, 1e-6), 0.2, 4))
        if size * np.abs(shape.angle).max() > LARGEST_TURN:
            size = LARGEST_TURN / np.abs(shape.angle).max()
    turns = (size * shape.angle)[:, None] * axis + residual
    signal = rotate(turns, gravity) + size * shaking
    return Piece(signal[: stop + 1], unit(rotate(left[None], gravity)[0]))


def draw_axis(rng: np.random.Generator, person: Person, gravity: Array) -> Array:
    """Draw the axis of a movement, near that of the person and not along gravity, where the sensor feels nothing."""
    near = person.axis
    for _ in range(6):
        axis = unit(near + person.axis_spread * rng.standard_normal(3))
        if np.linalg.norm(np.cross(axis, gravity)) > 0.35:
            break
        near = unit(rng.standard_normal(3))
    return axis


def draw_jerks(
    rng: np.random.Generator,
    person: Person,
    gravity: Array,
    rate_hz: float,
    style: str,
    shape: Shape,
    samples: int,
) -> Array:
    """Draw the jerks at the kicks of a shape, and the thud where it lands."""
    shaking = np.zeros((samples, 3))
    size = 1.0
    if style != "twitch":
        size = person.jerk * np.exp(rng.normal(0, 0.5)) * (0.3 if style == "tilt" else 1)
    for onset, kick in shape.kicks:
        if kick * size > 0.01:
            add_burst(rng, person, rate_hz, onset + rng.uniform(0, 0.06), size * kick, shaking)
    if rng.random() < 0.7 and person.land > 0 and style not in {"twitch", "tilt"}:
        hz = person.land_hz * np.exp(rng.normal(0, 0.1))
        lands = shape.hold[1] + 0.1 if style == "slow_return" else shape.end - 0.1
        add_thud(rng, rate_hz, hz, lands, size * person.land * rng.uniform(0.3, 1.3), shaking, gravity)
    return shaking


def draw_lever(rng: np.random.Generator, person: Person, rate_hz: float, shape: Shape, axis: Array) -> Array:
    """Draw the acceleration of a sensor that sits away from the axis."""
    acceleration = np.gradient(np.gradient(shape.angle, 1 / rate_hz), 1 / rate_hz)
    acceleration = smoothed(acceleration, rate_hz, 0.03)
    size = person.lever * rng.uniform(0.5, 1.5)
    lever = size * np.clip(acceleration / 60, -2, 2)[:, None] * np.cross(axis, unit(person.shank))
    return np.asarray(lever)


def strap_ring(person: Person, rate_hz: float, shape: Shape, shaking: Array, way: Array) -> Array:
    """Return how a loose strap rings after what shakes it."""
    since = np.arange(int(5 * person.ring_s * rate_hz)) / rate_hz
    kernel = np.sin(2 * np.pi * min(person.ring_hz, 0.4 * rate_hz) * since) * np.exp(-since / person.ring_s)
    kernel /= np.sqrt((kernel**2).sum() * 2)
    drive = shaking + 0.3 * np.gradient(shape.angle)[:, None] * rate_hz / 10 * way
    return person.ring * np.stack([np.convolve(drive[:, i], kernel)[: len(drive)] for i in range(3)], 1)


def draw_residual(
    rng: np.random.Generator, person: Person, gravity: Array, peak: float, axis: Array, home: Array
) -> Array:
    """Draw the turn that a movement leaves behind."""
    size = person.residual * np.abs(rng.standard_normal()) ** 1.3
    left = size * unit(axis + 0.7 * rng.standard_normal(3)) * rng.choice([1, 1, -1])
    if person.hysteresis:
        left = left + peak * rng.uniform(0, person.hysteresis) * axis
    away = np.cross(home, gravity)
    if np.linalg.norm(away) > 0.2 and left @ away > 0 and rng.random() < 0.6:
        left = -left
    limit = person.residual_limit * peak
    if np.linalg.norm(left) > limit:
        left = left * limit / np.linalg.norm(left)
    if person.loose:
        left = left + person.slip * rng.standard_normal() * person.shank * (rng.random() < 0.5)
    return np.asarray(left)


def plain_piece(
    rng: np.random.Generator, gravity: Array, rate_hz: float, peak: float, seconds: float, axis: Array
) -> Piece:
    """Return one smooth lift, for when no other piece obeys the rule of truth."""
    times = np.arange(int((seconds + 0.5) * rate_hz)) / rate_hz
    if np.linalg.norm(np.cross(axis, gravity)) < 0.35:
        axis = unit(np.cross(gravity, rng.standard_normal(3)))
    angle = ramp(times / min(0.4, 0.3 * seconds)) * ramp((seconds - times) / min(0.7, 0.45 * seconds))
    size = peak / np.linalg.norm(np.cross(axis, gravity))
    return Piece(rotate(angle[:, None] * size * axis, gravity), gravity.copy())
