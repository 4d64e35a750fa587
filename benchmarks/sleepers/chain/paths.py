"""Paths of the joints: a movement of the leg by its muscles, and all the rest as sums of steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.sleepers.chain.commands import LegMovement
from benchmarks.sleepers.chain.limb import (
    ANKLE,
    HIP,
    KNEE,
    ROLL,
    STRAP,
    TRUNK,
    YAW,
    G,
    moving_force,
    resting_force,
)
from benchmarks.sleepers.chain.person import Person
from benchmarks.sleepers.chain.signals import GRID_HZ, GRID_S, band_noise, end_at, grid, step_response, taper
from benchmarks.sleepers.night import DEGREE, Array, log_uniform

COLUMNS = 7


@dataclass(frozen=True)
class Path:
    """Angles on the grid against the pose before, and where they end.

    `creep` is what the leg still creeps back after the movement, and `knocks` shakes the sensor, in mg.
    """

    angles: Array
    end: Array
    creep: Array | None = None
    knocks: Array | None = None


class Step(NamedTuple):
    """A turn of the joints that begins at a time, with a spring of its own."""

    at_s: float
    turn: Array
    omega: float
    damping: float


def sum_of(steps: list[Step], seconds: float) -> Path:
    """Return the path that the steps make together."""
    times = grid(int(seconds * GRID_HZ))
    angles = np.zeros((len(times), COLUMNS))
    for step in steps:
        angles += step_response(times - step.at_s, step.omega, step.damping, 0.06)[:, None] * step.turn
    end = np.asarray(sum(step.turn for step in steps))
    end_at(angles, end, min(150, len(times) // 3))
    return Path(angles, end)


def half_turn(angle: float) -> float:
    """Return the same angle between minus and plus half a turn."""
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def resting_pose(rng: np.random.Generator) -> Array:
    """Draw how a sleeper lies: on the back, on a side or prone, with the leg more or less bent."""
    lying = [rng.normal(0, 20), rng.normal(80, 15), rng.normal(-80, 15), rng.normal(170, 15)]
    trunk = rng.choice(lying, p=[0.4, 0.25, 0.25, 0.1]) * DEGREE
    hip = rng.uniform(-2, 30) * DEGREE
    pose = np.zeros(COLUMNS)
    pose[HIP], pose[TRUNK] = hip, trunk
    pose[KNEE] = hip * rng.uniform(0.8, 1.8) + rng.uniform(0, 8) * DEGREE
    pose[ANKLE], pose[ROLL] = rng.uniform(-20, 0) * DEGREE, rng.normal(0, 12) * DEGREE
    return pose


def leg_path(rng: np.random.Generator, person: Person, movement: LegMovement, pose: Array) -> Path:
    """Return the path of a movement whose muscles have pulled, so large that the sensor feels about its peak."""
    assert movement.path is not None
    shares = draw_shares(rng, person)
    shape = movement.path @ shares
    end, creep = np.full(3, movement.end) @ shares, np.full(3, movement.creep) @ shares
    size = size_for_peak(person, movement.peak_mg, shape, pose)
    angles = size * shape
    if movement.hold == "tremor":
        add_tremor(rng, person, movement, angles)
    if person.slip:
        way = np.clip(np.arange(len(angles)) / max(len(angles) * 0.6, 1), 0, 1)
        slip = rng.normal(0, person.slip)
        angles[:, ROLL] += slip * way * way * (3 - 2 * way)
        end[ROLL] += slip / max(size, 1e-9)
    return Path(angles, size * end, size * creep)


def draw_shares(rng: np.random.Generator, person: Person) -> Array:
    """Draw how far each joint goes with the pulls of ankle, leg and rotation, of shape (3, columns)."""
    synergy = person.synergy
    vary = np.exp(rng.normal(0, 0.25, 5))
    shares = np.zeros((3, COLUMNS))
    if person.has("ankle_tilt"):
        shares[0, ANKLE], shares[0, STRAP] = 1, synergy.strap_per_ankle
        shares[1, ROLL] = rng.normal(0, 0.02)
        return shares
    way = -1 if rng.random() < 0.12 else 1
    shares[0, ANKLE] = synergy.ankle * vary[0]
    shares[0, STRAP] = synergy.strap_per_ankle * synergy.ankle * vary[0]
    shares[1, HIP] = synergy.leg * vary[1] * way
    shares[1, KNEE] = synergy.leg * vary[1] * way * np.clip(synergy.knee_per_hip * vary[2], 0.6, 2.6)
    shares[1, YAW] = synergy.yaw * vary[3] + rng.normal(0, 0.05)
    shares[2, ROLL] = synergy.roll * vary[4] + rng.normal(0, 0.1)
    if person.limb.on_foot:
        leg = log_uniform(rng, 0.05, 1.0)
        shares[1] *= leg
        shares[2] *= leg
    return shares


def size_for_peak(person: Person, peak_mg: float, shape: Array, pose: Array) -> float:
    """Return the factor with which a shape of angles makes the sensor feel about this peak."""
    largest = 0.9 if not person.has("ankle_tilt") else 40 * DEGREE
    largest = min(55 * DEGREE / max(np.abs(shape).max(), 1e-6), largest)
    rest = resting_force(person.limb, pose[None])
    sparse = shape[::3]
    size = min(max(peak_mg, 8) / 1000 * 1.2, largest)
    for _ in range(5):
        felt = moving_force(person.limb, pose + size * sparse, 3 * GRID_S) - rest
        peak = np.sqrt((felt**2).sum(1)).max()
        size = min(size * np.clip(peak_mg / max(peak, 0.1), 0.15, 8) ** 0.95, largest)
    return float(size)


def add_tremor(rng: np.random.Generator, person: Person, movement: LegMovement, angles: Array) -> None:
    """Let the muscle tremble while it holds."""
    hz = np.clip(person.habits.tremor_hz * np.exp(rng.normal(0, 0.1)), 4, 12)
    noise = band_noise(rng, len(angles), GRID_HZ, hz * 0.85, hz * 1.15, 0.12)
    first, last = int(2 / movement.omega * GRID_HZ), int(max(movement.duration_s * 0.9, 0.3) * GRID_HZ)
    last = min(last, len(angles) - 60)
    if last - first <= 100:
        return
    held = np.zeros(len(angles))
    held[first:last] = taper(last - first, 120)
    shake_mg = min(person.habits.tremor_mg * np.exp(rng.normal(0, 0.4)), 0.25 * movement.peak_mg)
    tremor = shake_mg * G / 1000 / (0.4 * (2 * np.pi * hz) ** 2) * noise * held
    angles[:, ANKLE if person.limb.on_foot else KNEE] += tremor
    if person.has("ankle_tilt"):
        angles[:, STRAP] += tremor * 0.3


def long_path(rng: np.random.Generator, person: Person, pose: Array, seconds: float) -> Path:
    """Return a long movement: the leg looks for a place, from one to the next."""
    steps, place, at = [], np.zeros(COLUMNS), 0.05
    wide = log_uniform(rng, 0.35, 1.3)
    while at < seconds - 1.2:
        spread = np.array([8, 14, 10, 8, 5, 0, 7]) * DEGREE * wide * (rng.random(COLUMNS) < 0.55)
        new = rng.normal(0, 1, COLUMNS) * spread
        new[HIP], new[KNEE] = abs(new[HIP]), abs(new[KNEE])
        steps.append(Step(at, new - place, log_uniform(rng, 3.5, 10), rng.uniform(0.45, 0.9)))
        place = new
        at += rng.uniform(0.35, 1.7)
    last = rng.normal(0, 1, COLUMNS) * np.array([2, 3, 3, 2.5, 1.5, 0, 2.5]) * DEGREE
    last[HIP] -= 0.3 * (pose[HIP] - 12 * DEGREE)
    last[KNEE] -= 0.3 * (pose[KNEE] - 18 * DEGREE)
    last[ROLL] -= 0.3 * pose[ROLL]
    last = np.clip(last, -10 * DEGREE, 10 * DEGREE)
    at = max(at, seconds - 1)
    steps.append(Step(at, last - place, log_uniform(rng, 3.5, 8), rng.uniform(0.5, 0.95)))
    for step in steps:
        step.turn[STRAP] += person.synergy.strap_per_ankle * step.turn[ANKLE]
    return sum_of(steps, at + 2.8)


def posture_path(rng: np.random.Generator, pose: Array) -> Path:
    """Return a turn of the body to another pose, in one to four parts."""
    for _ in range(20):
        way = resting_pose(rng) - pose
        way[TRUNK] = half_turn(way[TRUNK])
        if abs(way[TRUNK]) > 22 * DEGREE:
            break
    way[YAW] = -pose[YAW] * 0.7
    way[STRAP] = -pose[STRAP]
    seconds = rng.uniform(1, 4.5)
    count = int(rng.integers(1, 5))
    parts = rng.dirichlet(np.ones(count) * 1.5)
    steps = []
    for i in range(count):
        lift = np.zeros(COLUMNS)
        lift[[HIP, KNEE]] = abs(rng.normal(0, 12)) * DEGREE, abs(rng.normal(0, 18)) * DEGREE
        at = 0.05 + seconds * i / count * rng.uniform(0.8, 1)
        omega, damping = log_uniform(rng, 3, 8), rng.uniform(0.5, 0.95)
        steps += [
            Step(at, way * parts[i] + lift, omega, damping),
            Step(at + rng.uniform(0.3, 0.8), -lift, omega, damping),
        ]
    return sum_of(steps, seconds + 3.2)


def twitches_path(
    rng: np.random.Generator, person: Person, count: int, per_second: float, width_s: float, degrees: float
) -> Path:
    """Return a train of foot twitches: the ankle, and a little of the knee."""
    at, steps = 0.05, []
    turn = np.zeros(COLUMNS)
    turn[ANKLE], turn[STRAP] = 1, person.synergy.strap_per_ankle
    turn[KNEE] = rng.normal(0, 0.12) if not person.has("ankle_tilt") else 0
    turn[ROLL] = rng.normal(0, 0.08)
    for _ in range(count):
        size = degrees * DEGREE * np.exp(rng.normal(0, 0.25))
        width = width_s * np.exp(rng.normal(0, 0.15))
        omega, damping = rng.uniform(14, 26), rng.uniform(0.5, 0.9)
        steps += [Step(at, size * turn, omega, damping), Step(at + width * 0.5, -size * turn, omega, damping)]
        at += np.exp(rng.normal(0, 0.12)) / per_second
    return sum_of(steps, at + 1.2)


def rubbing_path(rng: np.random.Generator, person: Person, seconds: float) -> Path:
    """Return a leg that rubs to and fro."""
    per_second = rng.uniform(0.6, 2.8)
    turn = np.zeros(COLUMNS)
    turn[HIP], turn[KNEE] = rng.uniform(0.5, 3), rng.uniform(1, 6)
    turn[ROLL], turn[YAW], turn[ANKLE] = rng.normal(0, 4), rng.normal(0, 2.5), rng.normal(0, 5)
    turn *= DEGREE * log_uniform(rng, 0.4, 1.8)
    turn[STRAP] = person.synergy.strap_per_ankle * turn[ANKLE]
    steps, at, level = [], 0.05, 0.0
    while at < seconds:
        new = rng.uniform(0.6, 1.2) if level < 0.3 else rng.uniform(-0.3, 0.3)
        steps.append(Step(at, (new - level) * turn, rng.uniform(7, 14), rng.uniform(0.5, 0.9)))
        level = new
        at += 0.5 / per_second * np.exp(rng.normal(0, 0.15))
    steps.append(Step(at, (rng.normal(0, 0.15) - level) * turn, 8, 0.8))
    return sum_of(steps, at + 1.6)


def crossing_path(rng: np.random.Generator) -> Path:
    """Return a leg that is lifted over the other one."""
    turn = np.zeros(COLUMNS)
    turn[HIP], turn[KNEE] = rng.uniform(-6, 8), rng.uniform(-8, 10)
    turn[YAW], turn[ROLL] = rng.normal(0, 10), rng.normal(0, 12)
    turn *= DEGREE
    lift = np.zeros(COLUMNS)
    lift[[HIP, KNEE]] = rng.uniform(5, 15) * DEGREE, rng.uniform(3, 18) * DEGREE
    over, down = rng.uniform(0.3, 0.9), rng.uniform(0.6, 1.5)
    steps = [Step(0.05, lift, 7, 0.7), Step(over, turn, 6, 0.8), Step(down, -lift, 6, 0.6)]
    return sum_of(steps, down + 2.2)


def walking_path(rng: np.random.Generator, pose: Array) -> Path:
    """Return a walk: up, steps with a knock at each heel strike, and down in another pose."""
    seconds = rng.uniform(10, 30)
    rise = np.zeros(COLUMNS)
    rise[HIP], rise[KNEE] = -75 * DEGREE - pose[HIP], -pose[KNEE]
    rise[KNEE] += 8 * DEGREE
    rise[TRUNK] = -half_turn(pose[TRUNK])
    back = resting_pose(rng) - pose
    back[TRUNK] = half_turn(back[TRUNK])
    per_second = rng.uniform(0.75, 1.2)
    steps = [
        Step(0.05, 0.4 * rise, 4, 0.8),
        Step(1.2, 0.6 * rise, 4, 0.8),
        Step(2.5 + seconds, 0.6 * (back - rise), 3.5, 0.8),
        Step(3.6 + seconds, 0.4 * (back - rise), 4, 0.8),
    ]
    path = sum_of(steps, seconds + 7)
    times = grid(len(path.angles))
    first, last = int(2.8 * GRID_HZ), int((2.4 + seconds) * GRID_HZ)
    walking = np.zeros(len(times))
    walking[first:last] = taper(last - first, 400)
    phase = 2 * np.pi * per_second * times
    path.angles[:, HIP] += walking * 20 * DEGREE * np.sin(phase)
    path.angles[:, KNEE] += walking * 30 * DEGREE * np.maximum(np.sin(phase - 0.6), 0) ** 2 * 1.8
    knocks = np.zeros(len(times))
    since = grid(int(0.15 * GRID_HZ))
    pulse = np.exp(-since / 0.02) * np.sin(2 * np.pi * 14 * since)
    for strike_s in np.arange(2.9, 2.3 + seconds, 1 / per_second):
        i = int(strike_s * GRID_HZ)
        knocks[i : i + len(pulse)] += pulse[: len(knocks) - i] * rng.uniform(0.7, 1.6)
    return Path(path.angles, path.end, knocks=knocks * 1000)


def stretched(path: Path, factor: float) -> Path:
    """Return a path that takes longer by a factor, four times as long at most, smoothed over 60 ms."""
    angles = path.angles
    samples = min(int(len(angles) * factor), 4 * len(angles))
    new, old = np.linspace(0, len(angles) - 1, samples), np.arange(len(angles))
    angles = np.stack([np.interp(new, old, angles[:, c]) for c in range(COLUMNS)], 1)
    kernel = np.hanning(31)[1:-1]
    kernel /= kernel.sum()
    padded = np.concatenate([np.repeat(angles[:1], 14, 0), angles, np.repeat(angles[-1:], 14, 0)])
    angles = np.stack([np.convolve(padded[:, c], kernel, "valid") for c in range(COLUMNS)], 1)
    return Path(angles, path.end, path.creep, path.knocks)
