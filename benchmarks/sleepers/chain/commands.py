"""What one movement of the leg asks of the muscles: how it holds, how it comes back, and what catches it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.sleepers.chain.person import HOLDS, RETURNS, Person
from benchmarks.sleepers.chain.signals import GRID_HZ, GRID_S
from benchmarks.sleepers.night import Array, log_uniform


@dataclass
class LegMovement:
    """One planned movement of the leg.

    The first five are drawn with the plan; `eases` tells whether a pull without a hold lets go slowly. `omega`, `end`
    and `creep` come from its command, and `path` from the muscles: where ankle, leg and rotation are on the grid, in
    units of the pull.
    """

    duration_s: float
    peak_mg: float
    hold: str
    comes_back: str
    eases: bool
    omega: float = 0.0
    end: float = 0.0
    creep: float = 0.0
    creep_s: float = 1.0
    path: Array | None = None


def draw_leg_movement(rng: np.random.Generator, person: Person) -> LegMovement:
    """Draw length, size, hold and return by the person's habits."""
    habits = person.habits
    duration = float(np.clip(habits.duration_s * np.exp(rng.normal(0, habits.duration_spread)), 0.55, 9.2))
    if person.has("short_mixed"):
        duration = rng.uniform(0.5, 1.0) if rng.random() < 0.55 else float(np.clip(duration * 1.3, 2, 9))
    peak = float(np.clip(habits.peak_mg * np.exp(rng.normal(0, habits.peak_spread)), 8, 1500))
    hold = str(rng.choice(HOLDS, p=habits.p_hold))
    comes_back = str(rng.choice(RETURNS, p=habits.p_return))
    if duration < 1.1 and hold in {"clonic", "ratchet", "tremor"}:
        hold = "none"
    return LegMovement(duration, peak, hold, comes_back, eases=hold == "none" and duration > 1.6)


@dataclass(frozen=True)
class Command:
    """A movement for the muscles of ankle, leg and rotation (arrays of three), on the grid of time.

    `pull` has the shape (times, 3). `stiffness` tells how much of the leg's muscle still works. The leg weighs
    `weight`, the muscles follow within `rise_s` and let go within `fall_s`, and the mattress is at `end` after
    `release_s`.
    """

    pull: Array
    stiffness: Array
    omega: Array
    damping: Array
    weight: Array
    rise_s: Array
    fall_s: Array
    end: float
    release_s: float


@dataclass(frozen=True)
class Joint:
    """The spring of a movement's joints, its beat, and when its command is up and ends."""

    omega: float
    damping: float
    beat_hz: float
    up_s: float
    release_s: float


@dataclass(frozen=True)
class Return:
    """Where the leg comes to lie, how much of that it creeps back, and whether it drops."""

    residual: float
    creep: float
    creep_s: float
    drops: bool


def draw_command(rng: np.random.Generator, person: Person, movement: LegMovement, times: Array) -> Command:
    """Draw the command of a movement, and note its spring, its end and its creep in the movement."""
    joint = draw_joint(rng, person, movement)
    hold, release = hold_level(rng, person, movement, joint, times)
    if movement.hold in {"plateau", "tremor"} or rng.random() < 0.2:
        unsteady = rng.normal(size=int(len(times) / 60) + 3)
        hold = hold * (1 + rng.uniform(0, 0.1) * np.interp(times, np.arange(len(unsteady)) * 0.12, unsteady))
    back = draw_return(rng, person, movement)
    movement.omega, movement.creep, movement.creep_s = joint.omega, back.creep, back.creep_s
    movement.end = back.residual + back.creep
    level = level_with_return(rng, movement, hold, release, times)
    # the three start one after the other, and need not do the same
    lags = np.array([0.0, rng.uniform(0, 0.15), rng.uniform(0, 0.12)])
    if rng.random() < 0.2:
        lags = lags[::-1]
    pull, omega, rise, fall = np.zeros((len(times), 3)), np.zeros(3), np.zeros(3), np.zeros(3)
    for part in range(3):
        lag = int(lags[part] * GRID_HZ)
        pull[lag:, part] = level[: len(times) - lag]
        omega[part] = joint.omega * np.exp(rng.normal(0, 0.15))
        rise[part], fall[part] = rng.uniform(0.03, 0.06), rng.uniform(0.05, 0.16)
    drop_s = rng.uniform(0.25, 0.7)
    weight = np.array([0.0, 2 / drop_s**2 * (1 if back.drops else rng.uniform(0.1, 0.6)), 0.0])
    stiffness = np.ones(len(times))
    if back.drops:
        gone_s = rng.uniform(0.06, 0.2) if movement.hold != "none" else 0.12
        stiffness = np.clip(1 - (times - release) / gone_s, 0.02, 1)
    return Command(
        pull, stiffness, omega, np.full(3, joint.damping), weight, rise, fall, movement.end, release
    )


def draw_joint(rng: np.random.Generator, person: Person, movement: LegMovement) -> Joint:
    """Draw the spring and the times of a movement. Who beats fast is fast, and so is a short movement."""
    omega = float(person.synergy.omega * np.exp(rng.normal(0, 0.25)))
    if movement.duration_s < 1.3:
        omega = max(omega, rng.uniform(9, 18))
    damping = float(np.clip(person.synergy.damping + rng.normal(0, 0.15), 0.3, 1.1))
    beat_hz = float(np.clip(person.habits.beat_hz * np.exp(rng.normal(0, 0.15)), 1, 4))
    if movement.hold == "clonic":
        omega = max(omega, 5.7 * beat_hz, 8.5)
    return_omega = omega * log_uniform(rng, 0.45, 1.1)
    tail = min(2.5 / return_omega, 0.45 * movement.duration_s)
    return Joint(omega, damping, beat_hz, 2.2 / omega, max(0.12, movement.duration_s - tail - 0.05))


def hold_level(
    rng: np.random.Generator, person: Person, movement: LegMovement, joint: Joint, times: Array
) -> tuple[Array, float]:
    """Return the level of the pull while it lasts, and when it ends."""
    hold, release = movement.hold, joint.release_s
    pulled = times < release
    level = np.where(pulled, 1.0, 0.0)
    phase = np.clip((times - joint.up_s) / max(release - joint.up_s, 0.1), 0, 1)
    if hold == "none":
        return let_go_early(rng, movement, joint, times)
    if hold == "sag":
        level = level * (1 - rng.uniform(0.1, 0.6) * phase ** rng.uniform(0.5, 1.5))
    elif hold == "grow":
        level = level * (rng.uniform(0.4, 0.85) + (1 - 0.6) * phase)
    elif hold == "ratchet":
        steps = rng.integers(2, 5)
        heights = np.cumsum(rng.dirichlet(np.ones(steps) * 2))
        level = level * heights[np.minimum((phase * steps).astype(int), steps - 1)]
    elif hold == "clonic":
        level = level * (1 - beats(rng, person, joint, times))
    return level, release


def let_go_early(
    rng: np.random.Generator, movement: LegMovement, joint: Joint, times: Array
) -> tuple[Array, float]:
    """Return a pull without a hold: the leg is past its peak early."""
    if movement.eases:
        top, release = joint.up_s * rng.uniform(0.8, 1.6), joint.release_s
        sinks = 1 - (np.maximum(times - top, 0) / max(release - top, 0.1)) ** rng.uniform(0.6, 1.6)
        falling = (times >= top) & (times < release)
        return np.where(times < top, 1, 0.0) + np.where(falling, sinks, 0), release
    release = max(0.1, min(joint.release_s, 0.55 * movement.duration_s))
    return np.where(times < release, 1.0, 0.0), release


def beats(rng: np.random.Generator, person: Person, joint: Joint, times: Array) -> Array:
    """Return how far the pull gives way between beats: so far that the angle does by about the depth."""
    depth = np.clip(person.habits.beat_depth * np.exp(rng.normal(0, 0.2)), 0.1, 0.57)
    knots = np.arange(0, times[-1] + 1, 0.35)
    uneven = np.interp(times, knots, rng.normal(size=int(times[-1] / 0.35) + 4)[: len(knots)])
    phase = 2 * np.pi * np.cumsum(joint.beat_hz * (1 + 0.25 * uneven)) * GRID_S
    share = rng.uniform(0.35, 0.65)
    pulse = ((phase / (2 * np.pi)) % 1) < share
    # the joint and the muscle pass on only a part of the beat
    beat = 2 * np.pi * joint.beat_hz
    lost = 2 * joint.damping * 2 * np.pi * joint.beat_hz / joint.omega
    passed = 1 / np.sqrt((1 - (beat / joint.omega) ** 2) ** 2 + lost**2)
    passed *= 1 / np.sqrt((1 + (beat * 0.075) ** 2) * (1 + (beat * 0.035) ** 2))
    return np.where(pulse, 0, min(depth / max(1.25 * passed, 0.15), 1.3))


def draw_return(rng: np.random.Generator, person: Person, movement: LegMovement) -> Return:
    """Draw where the leg comes to lie, in parts of the pull."""
    scale = person.habits.residual
    residual, creep, creep_s = 0.0, 0.0, 1.0
    sign = 1 if rng.random() < 0.5 + 0.4 * person.habits.residual_bias else -1
    drops = bool(rng.random() < 0.25)
    how = movement.comes_back
    if how == "exact":
        residual = rng.normal(0, 0.012)
    elif how == "residual":
        residual = sign * scale * np.exp(rng.normal(0, 0.6))
    elif how == "overshoot":
        residual = -scale * np.exp(rng.normal(0, 0.6)) * (rng.random() < 0.6)
        drops = False
    elif how == "relax":
        residual = rng.normal(0, 0.4) * scale
        creep, creep_s = rng.uniform(0.08, 0.45), log_uniform(rng, 0.8, 9)
    elif how == "two_stage":
        residual = rng.normal(0, 0.5) * scale
    elif how == "bounce":
        residual, drops = rng.normal(0, 0.3) * scale, True
    elif how == "stay":
        residual, drops = rng.uniform(0.35, 1.0), False
    return Return(float(np.clip(residual, -0.6, 1.0)), creep, creep_s, drops)


def level_with_return(
    rng: np.random.Generator, movement: LegMovement, hold: Array, release: float, times: Array
) -> Array:
    """Return the level of the pull with its return: at once, over a stage between, or past its end."""
    duration, end = movement.duration_s, movement.end
    if movement.comes_back == "two_stage" and duration > 1.2:
        first = max(0.3 + 0.3 * duration, release - rng.uniform(0.3, 0.5) * duration)
        staged = np.where(times < first, hold, rng.uniform(0.25, 0.65))
        return np.where(times < release, staged, end)
    if movement.comes_back == "overshoot" and duration > 0.8:
        caught = release + rng.uniform(0.15, 0.4)
        past = np.where(times < caught, end - rng.uniform(0.1, 0.4), end)
        return np.where(times < release, hold, past)
    return np.where(times < release, hold, end)
