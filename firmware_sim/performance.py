"""Turn planned movements into motions of one shank.

Amplitudes are distributions, not constants. No peak acceleration of a periodic leg movement has been published, so all of
this is a model. ``docs/scenarios.md`` names the source of each number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware_sim.bodily import Shift, Walk
from firmware_sim.bursts import Bursts, twitch_for_peak
from firmware_sim.fidgets import Fidget, draw_fidget
from firmware_sim.habits import exact, loosened
from firmware_sim.kinematics import RING_S, Flexion, Motion, angle_for_peak
from firmware_sim.plan import Kind, Planned
from firmware_sim.rows import Array, cross, unit
from firmware_sim.streams import stream
from firmware_sim.vocabulary import Scenario, Strap

_UPRIGHT = 0.9  # cosine of the angle between an axis and up
_FOOT_TURNS = 1.8
"""The foot turns by more than the shank, from which the peaks of a scenario are; a modelling choice."""
_STRAP_TILTS, _MOST_TILT_G = 0.35, 0.045
"""Share of a movement that a strap above the ankle shows when the ankle moves alone, and the most; modelling choices."""
_FOOT_ARM_M, _TILT_ARM_M = 0.12, 0.02
"""From the ankle to the back of the foot, and from the strap to what tilts it, m."""
_WAVES = 6  # of the shaking of a body that turns over


@dataclass(frozen=True, slots=True)
class Worn:
    """How the sensor sits: unit vector along the shank, from the joint to the sensor (m), and up at first."""

    shank: Array
    arm: Array
    rest: Array


def worn(seed: int) -> Worn:
    """Return a random orientation of the case, on a shank within about 20 degrees of level."""
    rng = stream(seed, "worn")
    shank = unit(rng.normal(size=3))
    return Worn(shank, shank * rng.uniform(0.15, 0.30), _lying(rng, shank))


def perform(scenario: Scenario, plan: list[Planned], wears: Worn) -> list[Motion]:
    """Return the motion of each planned movement, in the order of the plan."""
    up, ups = wears.rest, []
    motions: dict[tuple[Kind, int], Motion] = {}
    clonic: set[int] = set()
    for planned in plan:
        ups.append(up)
        if planned.kind != "leg":
            motion = _bodily(scenario, planned, up, wears)
            motions[planned.kind, planned.number] = motion
            up = motion.up_after
    legs = [(planned, up) for planned, up in zip(plan, ups, strict=True) if planned.kind == "leg"]
    if legs:
        for planned, flexion in zip(
            [leg for leg, _up in legs], _flexions(scenario, legs, wears), strict=True
        ):
            motions["leg", planned.number] = flexion
            if flexion.tremor_hz:
                clonic.add(planned.number)
    performed = [motions[planned.kind, planned.number] for planned in plan]
    return performed if exact(scenario.body) else loosened(scenario, plan, performed, wears.shank, clonic)


def _flexions(scenario: Scenario, legs: list[tuple[Planned, Array]], wears: Worn) -> list[Flexion]:
    """Return the leg movements. All at once, because a night may have thousands."""
    body, n = scenario.body, len(legs)
    numbers = np.array([planned.number for planned, _up in legs])
    # One row of draws for each number, so that removing a movement changes no other.
    u = stream(scenario.seed, "leg shapes").random((numbers.max() + 1, 11))[numbers].T
    z = stream(scenario.seed, "leg sizes").normal(size=(numbers.max() + 1, 5))[numbers].T
    straps = [_strap_at(scenario, planned.start_s) for planned, _up in legs]
    gains, rings = (np.array([getattr(strap, key) for strap in straps]) for key in ("gain", "ring"))
    durations = np.array([planned.duration_s for planned, _up in legs]) - np.where(rings > 0, RING_S, 0.0)
    durations = np.maximum(durations, 0.5)
    slow = u[0] < body.slow_share
    rise = np.where(slow, 1.0 + 1.5 * u[1], 0.15 + 0.35 * u[1])
    fall = np.where(slow, 1.0 + 1.5 * u[2], 0.3 + 0.7 * u[2])
    habit = stream(scenario.seed, "leg sizes and sites").random((numbers.max() + 1, 8))[numbers].T
    rise = np.where(habit[0] < body.gradual_share, 0.6 + 0.9 * habit[1], rise)
    fall = np.where(habit[2] < body.gradual_share, 0.6 + 0.9 * habit[3], fall)
    squeeze = np.minimum(1.0, 0.9 * durations / (rise + fall))
    rise, fall = rise * squeeze, fall * squeeze
    hold = durations - rise - fall
    # Knee, ankle and hip turn the shank about axes across it, each time a slightly different one.
    across = np.cross(wears.shank, z[:3].T)
    across /= np.linalg.norm(across, axis=1)[:, None]
    ups = np.array([up for _planned, up in legs])
    # A leg hardly ever turns about the vertical alone: the foot is lifted against gravity.
    upright = np.abs((across * ups).sum(axis=1)) > _UPRIGHT
    across[upright] = np.cross(wears.shank, across[upright])
    axes = across + wears.shank * (0.1 * z[3])[:, None]
    axes /= np.linalg.norm(axes, axis=1)[:, None]
    peaks = 1e-3 * np.clip(body.peak_mg.median * np.exp(body.peak_mg.sigma * z[4]), 22.0, 1500.0)
    peaks = np.where(u[3] < body.invisible_share, 0.006 + 0.010 * u[4], peaks)
    peaks = np.where(habit[4] < body.small_share, 0.020 + 0.020 * habit[5], peaks)
    only_ankle = habit[6] < body.only_ankle_share
    if scenario.site == "foot":
        # The foot turns more than the shank, and the ankle turns it too.
        peaks = np.minimum(_FOOT_TURNS * peaks, 1.5)
    else:
        # The shank hardly moves: the tendons tilt the strap a little.
        peaks = np.where(only_ankle, np.minimum(_STRAP_TILTS * peaks, _MOST_TILT_G), peaks)
    short = unit(wears.arm) * (_FOOT_ARM_M if scenario.site == "foot" else _TILT_ARM_M)
    arms = np.where(only_ankle[:, None], short, wears.arm)
    angles = np.minimum(angle_for_peak(peaks, ups, axes, arms, np.minimum(rise, fall)), np.radians(60.0))
    angles *= gains * np.where(u[5] < 0.5, -1.0, 1.0)
    beats = body.beats
    clonic = (u[6] < body.clonic_share) & (hold > (0.6 if beats.most else 1.0))
    beats_hz = np.where(clonic, beats.slowest_hz + (beats.fastest_hz - beats.slowest_hz) * u[7], 0.0)
    ring_hz = 5.0 + 7.0 * u[8]
    return [
        Flexion(
            up=ups[i],
            axis=axes[i],
            arm=arms[i],
            angle=float(angles[i]),
            rise_s=float(rise[i]),
            hold_s=float(hold[i]),
            fall_s=float(fall[i]),
            tremor_hz=float(beats_hz[i]),
            ring_g=float(rings[i] * gains[i] * peaks[i]),
            ring_hz=float(ring_hz[i]),
            depth=beats.depth,
        )
        for i in range(n)
    ]


def _strap_at(scenario: Scenario, at_s: float) -> Strap:
    """Return the last strap entry before a time; a firm strap before the first entry."""
    come = [strap for strap in scenario.disturb.strap if strap.at_s <= at_s]
    return max(come, key=lambda strap: strap.at_s) if come else Strap(0.0)


def _bodily(scenario: Scenario, planned: Planned, up: Array, wears: Worn) -> Shift | Walk | Bursts | Fidget:
    rng = stream(scenario.seed, planned.kind, planned.number)
    if planned.kind == "fidget":
        return draw_fidget(rng, planned.duration_s, up, wears.shank, wears.arm)
    if planned.kind == "locomotion":
        return _walk(rng, planned, up, wears)
    if planned.kind in {"tremor", "jerk"}:
        return _bursts(rng, planned, up, wears)
    low, high, shaking = (20.0, 120.0, 0.35) if planned.kind == "posture" else (3.0, 25.0, 0.25)
    wished = np.radians(rng.uniform(low, high))
    # Mostly a roll about the shank, which stays near the mattress.
    axis = unit(wears.shank * rng.choice((-1.0, 1.0)) + 0.2 * rng.normal(size=3))
    axis = unit(axis - up * (axis @ up))
    up_to = unit(up * np.cos(wished) + cross(axis, up) * np.sin(wished))
    return _shift(rng, up, up_to, wears, planned.duration_s, shaking)


def _shift(
    rng: np.random.Generator, up_from: Array, up_to: Array, wears: Worn, duration_s: float, shaking: float
) -> Shift:
    """Draw a shift of posture: up turns from one direction to another while the body shakes by about `shaking` g."""
    strength = min(1.2, shaking * float(np.exp(rng.normal(0.0, 0.5))))
    return Shift(
        up_from=up_from,
        up_to=up_to,
        arm=wears.arm,
        duration_s=duration_s,
        shake=rng.normal(0.0, strength / np.sqrt(_WAVES), (_WAVES, 3)),
        shake_hz=rng.uniform(0.4, 3.5, _WAVES),
        shake_phase=rng.uniform(0.0, 2.0 * np.pi, _WAVES),
    )


def _walk(rng: np.random.Generator, planned: Planned, up: Array, wears: Worn) -> Walk:
    rising_s, settling_s = rng.uniform(2.0, 4.0), rng.uniform(3.0, 6.0)
    return Walk(
        rising=_shift(rng, up, wears.shank, wears, rising_s, 0.35),
        settling=_shift(rng, wears.shank, _lying(rng, wears.shank), wears, settling_s, 0.35),
        walking_s=planned.duration_s - rising_s - settling_s,
        stride_hz=rng.uniform(1.5, 2.5) / 2.0,
        impact_g=rng.uniform(1.0, 3.0),
        swing_g=rng.uniform(0.3, 0.8),
        across=unit(cross(wears.shank, rng.normal(size=3))),
    )


def _bursts(rng: np.random.Generator, planned: Planned, up: Array, wears: Worn) -> Bursts:
    """Return a train of at least four bursts at 0.7 to 3 Hz, or one burst for a jerk."""
    axis = unit(cross(wears.shank, rng.normal(size=3)))
    if planned.kind == "jerk":
        onsets, burst_s = np.zeros(1), planned.duration_s
        peaks = np.array([np.clip(0.5 * np.exp(rng.normal(0.0, 0.5)), 0.2, 2.0)])
    else:
        hz = max(rng.uniform(0.7, 3.0), 4.5 / planned.duration_s)
        burst_s = min(rng.uniform(0.3, 0.7), 0.8 / hz)
        count = max(4, int((planned.duration_s - burst_s) * hz) + 1)
        onsets = np.arange(count) / hz
        onsets[1:-1] += rng.uniform(-0.08, 0.08, count - 2) / hz
        peak = np.clip(0.060 * np.exp(rng.normal(0.0, 0.5)), 0.025, 0.4)
        peaks = peak * rng.uniform(0.7, 1.3, count)
    angle = twitch_for_peak(1.0, up, axis, wears.arm, burst_s)
    return Bursts(up, axis, wears.arm, onsets, angle * peaks, burst_s)


def _lying(rng: np.random.Generator, shank: Array) -> Array:
    across = unit(cross(shank, rng.normal(size=3)))
    tilt = np.radians(np.clip(rng.normal(0.0, 8.0), -20.0, 20.0))
    return unit(across * np.cos(tilt) + shank * np.sin(tilt))
