"""The person of a night: habits of moving, and how the sensor is worn."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmarks.sleepers.night import DEGREE, Array, log_uniform
from benchmarks.sleepers.pieces.signals import log_normal, unit

STYLES = (
    "plateau", "fast_rise", "fast_drop", "double", "second_lift", "stepwise_return", "slow_return", "bounce",
    "overshoot", "clonic", "tonic", "twitch", "tilt", "several",
)  # fmt: skip
STYLE_SHARES = np.array([3, 1.2, 0.9, 1, 1, 1, 1, 0.6, 0.6, 0.8, 0.6, 0.6, 0.6, 0.6]) * 0.7


@dataclass
class Person:
    """What a night draws about its sleeper. Sizes are in g, turns in radians, rates in events an hour."""

    peak: float
    duration_s: float
    interval_s: float
    interval_spread: float
    weights: dict[str, float]
    jerk: float
    jerk_low_hz: float
    jerk_high_hz: float
    kick_back: float
    land: float
    land_hz: float
    lever: float
    rise_s: float
    fall_s: float
    skew: float
    axis_spread: float
    axis_wander: float
    drift: float
    residual: float
    creep_share: float
    creep: float
    beat_hz: float
    tremor_hz: float
    hold_tremor_share: float
    pair_share: float
    postures: float
    long_movements: float
    isolated: float
    peak_spread: float = 0.8
    peak_low: float = 0.008
    peak_high: float = 1.5
    duration_spread: float = 0.55
    interval_low_s: float = 6.0
    residual_limit: float = 0.35
    tremor_size: tuple[float, float] = (0.03, 0.15)
    series: bool = True
    dense: bool = False
    on_foot: bool = False
    hysteresis: float = 0.0
    twitch_trains: float = 0.0
    fidgets: float = 0.0
    hums: float = 0.0
    gasps: bool = False
    partner_turns: float = 0.0
    pets: float = 0.0
    partner_series: bool = False
    loose: bool = False
    ring_hz: float = 0.0
    ring_s: float = 0.0
    ring: float = 0.0
    roll: float = 0.0
    slip: float = 0.0
    shank: Array = field(default_factory=lambda: np.zeros(3))
    gravity: Array = field(default_factory=lambda: np.zeros(3))
    axis: Array = field(default_factory=lambda: np.zeros(3))
    jerk_direction: Array = field(default_factory=lambda: np.zeros(3))

    def prefer(self, share: float, *styles: str) -> None:
        """Let a share of the movements have these styles."""
        rest = sum(weight for style, weight in self.weights.items() if style not in styles) or 1.0
        for style, weight in self.weights.items():
            self.weights[style] = share / len(styles) if style in styles else weight / rest * (1 - share)

    def wear(self, rng: np.random.Generator) -> None:
        """Draw how the sensor sits on the leg: where the shank, gravity and the axis of movement lie."""
        frame, _ = np.linalg.qr(rng.standard_normal((3, 3)))
        self.shank = frame[0]
        steep = rng.uniform(-25, 30) * DEGREE if not self.on_foot else rng.uniform(-70, 70) * DEGREE
        self.gravity = unit(np.sin(steep) * frame[0] + np.cos(steep) * frame[1])
        bend = rng.normal(0, 0.5)
        axis = np.cos(bend) * frame[2] + np.sin(bend) * frame[1] + 0.15 * rng.standard_normal(3)
        self.axis = unit(axis) * rng.choice([-1, 1])
        self.jerk_direction = unit(rng.standard_normal(3))


def draw_person(rng: np.random.Generator) -> Person:
    """Draw a sleeper with series and an ordinary bed. The order of the draws is part of the night."""
    return Person(
        peak=log_normal(rng, 0.120, 0.25, 0.06, 0.25),
        duration_s=log_normal(rng, 2.8, 0.15, 2.0, 4.0),
        interval_s=rng.uniform(14, 30),
        interval_spread=rng.uniform(0.3, 0.4),
        weights={style: float(w) for style, w in zip(STYLES, rng.dirichlet(STYLE_SHARES), strict=True)},
        jerk=log_uniform(rng, 0.10, 0.9),
        jerk_low_hz=rng.uniform(0.8, 2.5),
        jerk_high_hz=rng.uniform(4, 11),
        kick_back=rng.uniform(0.1, 0.9),
        land=rng.choice([0.0, rng.uniform(0.1, 0.8)]),
        land_hz=rng.uniform(5, 15),
        lever=rng.choice([0.0, rng.uniform(0.02, 0.25)]),
        rise_s=rng.uniform(0.2, 0.45),
        fall_s=rng.uniform(0.35, 0.9),
        skew=rng.uniform(0.1, 0.4),
        axis_spread=rng.uniform(0.1, 0.6),
        axis_wander=rng.uniform(0.05, 0.5),
        drift=rng.uniform(0.0, 0.35),
        residual=log_uniform(rng, 0.02, 0.5) * DEGREE,
        creep_share=rng.uniform(0, 0.5),
        creep=log_uniform(rng, 0.05, 0.6) * DEGREE,
        beat_hz=rng.uniform(1.2, 3.5),
        tremor_hz=rng.uniform(4.5, 11),
        hold_tremor_share=rng.uniform(0, 0.25),
        pair_share=rng.uniform(0, 0.10),
        postures=rng.uniform(1, 2),
        long_movements=rng.uniform(5, 7),
        isolated=rng.uniform(1, 6),
    )
