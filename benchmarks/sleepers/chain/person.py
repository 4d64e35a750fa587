"""The kinds of night, and the person of a night: limb, habits, strap and chip, all drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.sleepers.chain.signals import GRID_HZ, GRID_S
from benchmarks.sleepers.night import DEGREE, Array, log_uniform

KINDS: dict[str, str] = {
    "ordinary": "series of 14-30 s intervals, every habit possible, fair chip",
    "dense": "series with 8-15 s between movements",
    "clonic": "movements of beats, a tenth to six tenths of the angle, 1-4 a second",
    "tonic": "long tonic holds with muscle tremor of 4-12 Hz",
    "inexact": "the leg comes back elsewhere: residuals that add up, overshoot, creep, slow relaxation, two stages",
    "short_mixed": "jerky movements of 0.5-1 s mixed with long ones",
    "small": "movements of 20-40 mg, some below",
    "small_noisy": "movements of 20-50 mg on a noisy chip and a breathing bed",
    "ankle_tilt": "the ankle alone moves; the strap on the shank tilts a little",
    "foot": "sensor on the back of the foot",
    "hum": "series under noise-like hums of 2-10 Hz, seconds to a quarter of an hour",
    "sway_no_series": "no series; the bed sways: gasps every 28-50 s, a partner turning, a pet",
    "partner": "a partner's own periodic movements through the mattress; half the sleepers have no series themselves",
    "fidget": "awake and fidgeting: rubbing, tapping, crossing, no series",
    "coarse": "chip with steps of 8 or 16 mg",
    "chip31": "chip with steps of 31 mg",
    "loose_strap": "strap on a spring: gain, after-ring, slipping round the shank",
    "foot_tremor": "trains of foot twitches (HFT, ALMA) beside series",
    "mixed": "several of the above at once, drawn",
}
WITHOUT_SERIES = ("sway_no_series", "fidget")

MIXABLE = [
    "dense", "clonic", "tonic", "inexact", "short_mixed", "small", "ankle_tilt", "foot", "hum", "sway",
    "partner", "fidget_some", "coarse", "loose_strap", "foot_tremor",
]  # fmt: skip
"""What a mixed night draws from. `sway` and `fidget_some` leave the series in place."""

RETURNS = ["exact", "residual", "overshoot", "relax", "two_stage", "bounce", "stay"]
HOLDS = ["none", "plateau", "sag", "grow", "clonic", "tremor", "ratchet"]


@dataclass(frozen=True)
class Limb:
    """Lengths of the leg, and where the sensor sits on it."""

    thigh_m: float
    shank_m: float
    knee_to_sensor_m: float
    axis_to_sensor_m: float
    angle_about_axis: float
    on_foot: bool
    heel_to_sensor_m: float
    mounting: Array
    incline: float


@dataclass(frozen=True)
class Habits:
    """How the person moves: probabilities, medians, and spreads of logarithms."""

    p_return: Array
    p_hold: Array
    residual: float
    residual_bias: float
    beat_hz: float
    beat_depth: float
    tremor_hz: float
    tremor_mg: float
    peak_mg: float
    peak_spread: float
    duration_s: float
    duration_spread: float
    interval_s: float
    interval_spread: float


@dataclass(frozen=True)
class Synergy:
    """How much each joint takes part, and how the joints and the mattress behave."""

    ankle: float
    leg: float
    knee_per_hip: float
    roll: float
    yaw: float
    strap_per_ankle: float
    omega: float
    damping: float
    mattress_hz: float
    mattress_damping: float


@dataclass(frozen=True)
class Strap:
    """A strap that is a spring, for shaking alone: what is slow it follows."""

    hz: float
    damping: float
    gain: float


@dataclass(frozen=True)
class Chip:
    """The accelerometer: rate, range, step, noise and low-pass filter."""

    rate_hz: float
    range_g: float
    step_mg: float
    noise_mg: float
    low_pass: Array


@dataclass(frozen=True)
class Person:
    """Everything about a sleeper that stays the same all night."""

    tags: frozenset[str]
    series: bool
    limb: Limb
    habits: Habits
    synergy: Synergy
    strap: Strap | None
    slip: float
    chip: Chip

    def has(self, *tags: str) -> bool:
        """Whether the night has one of these properties."""
        return not self.tags.isdisjoint(tags)


def draw_person(rng: np.random.Generator, kind: str) -> Person:
    """Draw the sleeper of a night of this kind."""
    tags = draw_tags(rng, kind)
    series = kind not in WITHOUT_SERIES and not (kind == "partner" and rng.random() < 0.5)
    limb = draw_limb(rng, tags)
    habits = draw_habits(rng, tags)
    synergy = draw_synergy(rng, tags)
    strap, slip = draw_strap(rng, tags)
    return Person(tags, series, limb, habits, synergy, strap, slip, draw_chip(rng, tags))


def draw_tags(rng: np.random.Generator, kind: str) -> frozenset[str]:
    """Draw the properties of a night: its kind, and for a mixed night three to five more."""
    tags = {kind}
    if kind == "mixed":
        tags |= {str(tag) for tag in rng.choice(MIXABLE, size=rng.integers(3, 6), replace=False)}
        if "ankle_tilt" in tags:
            tags.discard("foot")
    return frozenset(tags)


def draw_limb(rng: np.random.Generator, tags: frozenset[str]) -> Limb:
    """Draw a leg and the place of the sensor."""
    thigh, shank = rng.uniform(0.38, 0.46), rng.uniform(0.36, 0.44)
    to_sensor = shank - rng.uniform(0.04, 0.12)
    from_axis, about_axis = rng.uniform(0.03, 0.055), rng.uniform(0, 2 * np.pi)
    heel_to_sensor = rng.uniform(0.06, 0.14)
    frame, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return Limb(
        thigh, shank, to_sensor, from_axis, about_axis, "foot" in tags, heel_to_sensor,
        mounting=np.asarray(frame * np.sign(np.linalg.det(frame))),
        incline=rng.uniform(-8, 12) * DEGREE,
    )  # fmt: skip


def draw_habits(rng: np.random.Generator, tags: frozenset[str]) -> Habits:
    """Draw how the person holds, comes back, beats and trembles, and how large, long and frequent movements are."""
    habit = log_uniform(rng, 0.3, 2.0)
    p_return = rng.dirichlet(habit * np.array([2.0, 2.5, 1.0, 1.2, 1.3, 1.5, 0.4]))
    p_hold = rng.dirichlet(habit * np.array([2.0, 2.5, 1.5, 1.0, 0.7, 0.6, 0.6]))
    if "inexact" in tags:
        p_return = rng.dirichlet(1.2 * np.array([0.3, 3.0, 1.5, 2.2, 2.0, 1.0, 0.7]))
    for tag, hold in (("clonic", "clonic"), ("tonic", "tremor")):
        if tag in tags:
            p_hold = 0.25 * p_hold + 0.75 * np.eye(7)[HOLDS.index(hold)]
    residual = log_uniform(rng, 0.03, 0.2) * (2.2 if "inexact" in tags else 1)
    residual_bias = rng.uniform(-0.8, 1.0)
    beat_hz, beat_depth = log_uniform(rng, 1.1, 3.8), rng.uniform(0.12, 0.58)
    tremor_hz, tremor_mg = rng.uniform(4, 12), log_uniform(rng, 3, 25)
    peak = float(120 * np.exp(rng.normal(0, 0.3)))
    peak_spread = rng.uniform(0.5, 0.8)
    duration, duration_spread = float(2.8 * np.exp(rng.normal(0, 0.2))), rng.uniform(0.4, 0.6)
    if "tonic" in tags:
        duration *= 1.35
    interval, interval_spread = rng.uniform(14, 30), rng.uniform(0.3, 0.4)
    if "dense" in tags:
        interval, interval_spread = rng.uniform(8.5, 14), rng.uniform(0.12, 0.25)
    if not tags.isdisjoint({"small", "small_noisy"}):
        peak, peak_spread = rng.uniform(25, 34), rng.uniform(0.2, 0.32)
    if "chip31" in tags:
        peak = max(peak, 110)
    if "ankle_tilt" in tags:
        peak, peak_spread = rng.uniform(35, 90), rng.uniform(0.4, 0.65)
    return Habits(
        p_return, p_hold, residual, residual_bias, beat_hz, beat_depth, tremor_hz, tremor_mg,
        peak, peak_spread, duration, duration_spread, interval, interval_spread,
    )  # fmt: skip


def draw_synergy(rng: np.random.Generator, tags: frozenset[str]) -> Synergy:
    """Draw the shares of the joints, and the springs of joints and mattress."""
    ankle, leg, knee_per_hip = log_uniform(rng, 0.4, 2.5), log_uniform(rng, 0.5, 1.5), rng.uniform(0.9, 2.1)
    roll, yaw = rng.normal(0, 0.3), rng.normal(0, 0.15)
    strap_per_ankle = rng.choice([-1, 1]) * rng.uniform(0.02, 0.12)
    if "ankle_tilt" in tags:
        strap_per_ankle = rng.choice([-1, 1]) * rng.uniform(0.12, 0.38)
    omega, damping = log_uniform(rng, 6, 15), rng.uniform(0.4, 1.0)
    mattress_hz, mattress_damping = rng.uniform(3, 9), rng.uniform(0.28, 0.9)
    return Synergy(
        ankle, leg, knee_per_hip, roll, yaw, strap_per_ankle, omega, damping, mattress_hz, mattress_damping
    )


def draw_strap(rng: np.random.Generator, tags: frozenset[str]) -> tuple[Strap | None, float]:
    """Draw the strap, none if it sits tight, and how far it slips with a movement, in radians."""
    loose = "loose_strap" in tags
    if not (loose or rng.random() < 0.1):
        return None, 0.0
    strap = Strap(
        hz=rng.uniform(5, 12),
        damping=rng.uniform(0.06, 0.3) if loose else rng.uniform(0.3, 0.6),
        gain=rng.uniform(0.5, 1.8) if loose else rng.uniform(0.9, 1.2),
    )
    return strap, log_uniform(rng, 0.1, 1.5) * DEGREE if loose else 0.0


def draw_chip(rng: np.random.Generator, tags: frozenset[str]) -> Chip:
    """Draw the accelerometer. Its rate is off by some per mille, as that of a real one is."""
    rate = float(rng.choice([50, 50, 50, 50, 50, 52, 25, 26, 31.25, 100, 104])) * (1 + rng.normal(0, 0.008))
    rate = float(np.clip(rate, 25.0, 104.0))
    range_g = float(rng.choice([2, 4, 8], p=[0.4, 0.4, 0.2]))
    step = float(rng.choice([0.061, 0.122, 0.244, 0.98, 1.95, 3.9], p=[0.2, 0.2, 0.15, 0.25, 0.15, 0.05]))
    noise = log_uniform(rng, 0.3, 2.2)
    if "small_noisy" in tags:
        noise = rng.uniform(2.5, 5.0)
    elif rng.random() < 0.1:
        noise = rng.uniform(2, 4)
    if "coarse" in tags:
        step, noise = float(rng.choice([7.8, 15.6, 8.0, 16.0])), log_uniform(rng, 0.4, 5.0)
    if "chip31" in tags:
        step, noise = 31.25, log_uniform(rng, 0.6, 6.0)
        range_g = float(rng.choice([2, 4]))
    cut_hz = rate * (rng.uniform(0.3, 0.45) if rng.random() < 0.8 else rng.uniform(0.5, 0.8))
    half = int(np.ceil(1.5 / cut_hz * GRID_HZ))
    times = np.arange(-half, half + 1) / GRID_HZ
    kernel = np.sinc(2 * cut_hz * times) * (0.5 + 0.5 * np.cos(np.pi * times / (half * GRID_S + GRID_S)))
    return Chip(rate, range_g, step, noise, np.asarray(kernel / kernel.sum()))
