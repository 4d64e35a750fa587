"""The fourteen styles of a leg movement: how the leg is lifted, held and let down, and when it is kicked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.sleepers.night import Array
from benchmarks.sleepers.pieces.person import Person
from benchmarks.sleepers.pieces.signals import (
    Knots,
    band_noise,
    log_normal,
    ramp,
    skewed_path,
    smoothed,
    wander,
)

TILT_RISE_S = (0.8, 1.5)
BEAT_DEPTH = (0.1, 0.6)


@dataclass(frozen=True)
class Lift:
    """What all styles share: the times of the rise and the fall, the level at the end of the hold, the kick back."""

    rng: np.random.Generator
    person: Person
    style: str
    times: Array
    seconds: float
    rise_s: float
    fall_s: float
    top: float
    kick_back: float

    @property
    def falls_at(self) -> float:
        """Return when the leg begins to fall."""
        return self.seconds - self.fall_s

    def path(self, knots: Knots, skew: float | None = None) -> Array:
        """Return a path through knots with the skew of the person, or with another."""
        return skewed_path(self.rng, self.times, knots, self.person.skew if skew is None else skew)


@dataclass
class Shape:
    """A movement of height 1: its angle, kicks (when, how hard), hold (from, to), end, and the kick at its fall."""

    angle: Array
    kicks: list[tuple[float, float]]
    hold: tuple[float, float]
    end: float
    kick_back: float


def draw_shape(
    rng: np.random.Generator, person: Person, style: str, seconds: float, times: Array, rate_hz: float
) -> tuple[Shape, Array]:
    """Draw a movement in a style, and the tremor on top of it, of shape (times, 3)."""
    lift = draw_lift(rng, person, style, seconds, times)
    shape = DRAWN.get(style, plateau)(lift)
    if shape.kick_back > 0.02:
        shape.kicks.append((max(0.0, lift.falls_at), shape.kick_back))
    first, last = shape.hold
    if style == "clonic" and last - first > 0.4:
        add_beats(lift, shape)
    tremor = np.zeros((len(times), 3))
    if style == "tonic" or (rng.random() < person.hold_tremor_share and style not in {"twitch", "tilt"}):
        held = ramp((times - first + 0.1) / 0.25) * ramp((last - times + 0.1) / 0.25)
        tremor = draw_tremor(lift, held, rate_hz)
    shape.angle = smoothed(shape.angle, rate_hz, 0.03)
    return shape, tremor


def draw_lift(rng: np.random.Generator, person: Person, style: str, seconds: float, times: Array) -> Lift:
    """Draw what all styles share."""
    rise = log_normal(rng, person.rise_s, 0.35, 0.12, 0.9)
    fall = log_normal(rng, person.fall_s, 0.35, 0.2, 1.8)
    if style == "tilt":
        rise, fall = rng.uniform(*TILT_RISE_S), rng.uniform(0.8, 2.2)
    if rise + fall > 0.9 * seconds:
        rise, fall = np.array([rise, fall]) * 0.9 * seconds / (rise + fall)
    kick_back = person.kick_back * rng.uniform(0.3, 1.3)
    drift = person.drift * rng.normal(0, 0.7)
    return Lift(rng, person, style, times, seconds, rise, fall, max(0.35, 1 + drift), kick_back)


def plateau(lift: Lift) -> Shape:
    """Return a lift with a level that drifts. Clonic, tonic and tilted movements begin as one."""
    rng, rise, falls = lift.rng, lift.rise_s, lift.falls_at
    between = [
        (rise + (falls - rise) * x, 1 + (lift.top - 1) * x + 0.25 * lift.person.drift * rng.standard_normal())
        for x in np.sort(rng.uniform(0.15, 0.9, int(rng.integers(0, 4))))
    ]
    angle = lift.path([(0, 0), (rise, 1), *between, (falls, lift.top), (lift.seconds, 0)])
    shape = Shape(angle, [(0.0, 1.0)], (rise, falls), lift.seconds, lift.kick_back)
    if lift.style == "tilt":
        shape.kicks = [(0.0, rng.uniform(0, 0.08))]
        shape.kick_back *= 0.1
    return shape


def fast_rise(lift: Lift) -> Shape:
    """Return a fast lift that sinks at once."""
    rise = min(lift.rise_s, lift.rng.uniform(0.12, 0.3))
    angle = lift.path([(0, 0), (rise, 1), (lift.seconds, 0)], 0.25)
    return Shape(angle, [(0.0, 1.0)], (rise, lift.seconds * 0.5), lift.seconds, lift.kick_back)


def fast_drop(lift: Lift) -> Shape:
    """Return a slow lift that drops."""
    drops = lift.seconds - lift.rng.uniform(0.15, 0.35)
    angle = lift.path([(0, 0), (drops, 1), (lift.seconds, 0)], 0.25)
    return Shape(angle, [(0.0, 0.3), (drops, 1.0)], (lift.seconds * 0.4, drops), lift.seconds, 0.0)


def double(lift: Lift) -> Shape:
    """Return a lift that gives way once and comes up again."""
    rng, rise, falls = lift.rng, lift.rise_s, lift.falls_at
    dip, again = sorted(rng.uniform(0.3, 0.7, 2))
    dip_s = rise + dip * (falls - rise)
    low, high = rng.uniform(0.3, 0.75), rng.uniform(0.6, 1.2)
    up = (rise + max(again, dip + 0.1) * (falls - rise), high)
    angle = lift.path([(0, 0), (rise, 1), (dip_s, low), up, (falls, lift.top), (lift.seconds, 0)])
    kicks = [(0.0, 1.0), (dip_s, rng.uniform(0.2, 0.8))]
    return Shape(angle, kicks, (rise, falls), lift.seconds, lift.kick_back)


def second_lift(lift: Lift) -> Shape:
    """Return a half lift, and the rest of it later."""
    rng, rise, falls = lift.rng, lift.rise_s, lift.falls_at
    later = rise + rng.uniform(0.25, 0.65) * (falls - rise)
    end = max(lift.seconds, later + rise + 0.3)
    angle = lift.path([
        (0, 0), (rise, rng.uniform(0.35, 0.7)), (later, rng.uniform(0.35, 0.7)), (later + rise, 1),
        (max(falls, later + rise + 0.05), 1), (end, 0),
    ])  # fmt: skip
    return Shape(angle, [(0.0, 1.0), (later, rng.uniform(0.3, 1.0))], (rise, falls), end, lift.kick_back)


def stepwise_return(lift: Lift) -> Shape:
    """Return a lift that comes down in two or three steps."""
    rng, rise, seconds, top = lift.rng, lift.rise_s, lift.seconds, lift.top
    steps = int(rng.integers(2, 4))
    span = min(seconds - rise, steps * rng.uniform(0.4, 0.9) * lift.fall_s * 1.5)
    at = np.linspace(seconds - span, seconds, 2 * steps)
    levels = np.sort(rng.uniform(0.15, 0.85, steps - 1))[::-1]
    knots, kicks = [(0, 0), (rise, 1), (max(rise + 0.02, seconds - span), top)], [(0.0, 1.0)]
    for j in range(steps):
        level = levels[j] * top if j < steps - 1 else 0.0
        knots.append((at[2 * j + 1], level))
        if j < steps - 1:
            knots.append((at[2 * j + 2], level * rng.uniform(0.9, 1.05)))
        kicks.append((at[2 * j], lift.kick_back * 0.6))
    return Shape(lift.path(sorted(knots)), kicks, (rise, seconds - span), seconds, 0.0)


def slow_return(lift: Lift) -> Shape:
    """Return a lift that comes down ever more slowly."""
    rng, rise, times = lift.rng, lift.rise_s, lift.times
    slow = rng.uniform(0.12, max(0.15, min(0.9, lift.seconds / 4)))
    falls = max(rise, lift.seconds - 3.2 * slow)
    angle = lift.path([(0, 0), (rise, 1), (max(falls, rise + 0.02), lift.top)])
    angle *= np.exp(-np.maximum(times - falls, 0) / slow)
    end = falls + 6.5 * slow
    angle[times > falls] *= ramp((end - times[times > falls]) / (1.5 * slow))
    return Shape(angle, [(0.0, 1.0)], (rise, falls), end, lift.kick_back)


def bounce(lift: Lift) -> Shape:
    """Return a lift that bounces where it lands."""
    height, width = lift.rng.uniform(0.12, 0.4), lift.rng.uniform(0.2, 0.45)
    lands, falls = lift.seconds, lift.falls_at
    knots = [
        (0, 0),
        (lift.rise_s, 1),
        (falls, lift.top),
        (lands, 0),
        (lands + width / 2, height),
        (lands + width, 0),
    ]
    kicks = [(0.0, 1.0), (lands, lift.kick_back)]
    return Shape(lift.path(knots, 0.1), kicks, (lift.rise_s, falls), lands + width, lift.kick_back)


def overshoot(lift: Lift) -> Shape:
    """Return a lift that comes down past its rest, and back."""
    rng, rise = lift.rng, lift.rise_s
    depth, width = rng.uniform(0.08, 0.4), rng.uniform(0.3, 1.2)
    past = max(lift.seconds, 2.1 * rise + 0.2)
    angle = lift.path([
        (0, 0), (rise, 1), (rise * rng.uniform(1.4, 2), rng.uniform(0.7, 0.95)),
        (max(lift.falls_at, 2.1 * rise), lift.top * 0.9), (past, -depth), (past + width, 0),
    ])  # fmt: skip
    return Shape(angle, [(0.0, 1.0)], (rise, lift.falls_at), past + width, lift.kick_back)


def several(lift: Lift) -> Shape:
    """Return two to four lifts, with the leg not quite down between them."""
    rng, seconds = lift.rng, lift.seconds
    count = int(rng.integers(2, 5))
    edges = np.linspace(0, seconds, count + 1)
    edges += np.r_[0, rng.uniform(-0.15, 0.15, count - 1) * seconds / count, 0]
    knots, kicks = [(0.0, 0.0)], []
    for j in range(count):
        start, width = edges[j], edges[j + 1] - edges[j]
        height = rng.uniform(0.5, 1.0)
        knots += [
            (start + width * rng.uniform(0.2, 0.35), height),
            (start + width * rng.uniform(0.45, 0.65), height * rng.uniform(0.8, 1.05)),
            (edges[j + 1], rng.uniform(0.15, 0.5) * height if j < count - 1 else 0.0),
        ]
        kicks.append((start, height * rng.uniform(0.4, 1)))
    return Shape(lift.path(knots), kicks, (seconds * 0.3, seconds * 0.7), seconds, 0.0)


def twitch(lift: Lift) -> Shape:
    """Return kicks with hardly any lift."""
    rng, seconds = lift.rng, lift.seconds
    angle = rng.uniform(0, 0.12) * lift.path([(0, 0), (0.3 * seconds, 1), (seconds, 0)])
    kicks, at = [(0.0, 1.0)], rng.uniform(0.12, 0.4)
    while at < seconds - 0.15:
        kicks.append((at, rng.uniform(0.3, 1.0)))
        at += rng.uniform(0.12, 0.4)
    return Shape(angle, kicks, (lift.rise_s, lift.falls_at), seconds, 0.0)


DRAWN: dict[str, Callable[[Lift], Shape]] = {
    "fast_rise": fast_rise, "fast_drop": fast_drop, "double": double, "second_lift": second_lift,
    "stepwise_return": stepwise_return, "slow_return": slow_return, "bounce": bounce, "overshoot": overshoot,
    "several": several, "twitch": twitch,
}  # fmt: skip


def add_beats(lift: Lift, shape: Shape) -> None:
    """Let the leg give way 1 to 4 times a second while it is held, with a kick at each beat."""
    rng, times = lift.rng, lift.times
    at, last = shape.hold
    depth, dip = rng.uniform(*BEAT_DEPTH), np.zeros(len(times))
    hz = np.clip(lift.person.beat_hz * np.exp(rng.normal(0, 0.15)), 1, 4)
    down = rng.uniform(0.25, 0.75)
    while at < last - 0.1:
        width = np.exp(rng.normal(0, 0.12)) / hz
        deep = min(depth * np.exp(rng.normal(0, 0.25)), 0.75)
        part = (times - at) / width
        wave = np.where(part < down, ramp(part / down), ramp((1 - part) / (1 - down)))
        dip = np.maximum(dip, deep * wave * ((part > 0) & (part < 1)))
        shape.kicks.append((at + down * width, depth * rng.uniform(0.1, 0.7)))
        at += width
    shape.angle = shape.angle * (1 - dip)


def draw_tremor(lift: Lift, held: Array, rate_hz: float) -> Array:
    """Draw the tremor of muscles while the leg is held, half as large outside a tonic movement."""
    rng, person, times = lift.rng, lift.person, lift.times
    hz = person.tremor_hz * np.exp(rng.normal(0, 0.1))
    noise = band_noise(rng, len(times), rate_hz, hz * rng.uniform(0.75, 0.95), hz * rng.uniform(1.05, 1.3), 3)
    swell = np.clip(1 + 0.5 * wander(rng, times, 0.6), 0.1, 2.2)
    size = rng.uniform(*person.tremor_size)
    return size * noise * (held * swell)[:, None] * (1 if lift.style == "tonic" else 0.5)
