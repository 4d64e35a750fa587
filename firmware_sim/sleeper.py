"""What one leg does all night, and what a sensor on it feels, following from a scenario and its seed.

The night is planned at once as a list of movements with quiet between them: series of periodic leg movements, single
leg movements, shifts of posture, and a few long movements of the whole body. Quiet grows towards the morning, so
that activity declines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from firmware_sim.blocks import BLOCK, Blocks
from firmware_sim.kinematics import Array, Flexion, Motion, Shift, angle_for_peak
from firmware_sim.plan import Kind, Planned, plan_night
from firmware_sim.scenario import Scenario

# Modelling choices; where the shared notes name a source, the numbers are near it.
_MEDIAN_PEAK_G = 0.120
_PEAK_SIGMA = 0.6
_INVISIBLE = 0.08
_CLONIC = 0.3


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement as it is performed.

    Attributes
    ----------
    start_s : float
        When it begins, seconds of true time.
    kind : {"leg", "posture", "long"}
        What it is.
    motion : Motion
        What the sensor feels of it.
    """

    start_s: float
    kind: Kind
    motion: Motion

    @property
    def end_s(self) -> float:
        """When it is over."""
        return self.start_s + self.motion.duration_s


class Sleeper:
    """One leg's night.

    Parameters
    ----------
    scenario : Scenario
        The night asked for; the same scenario gives the same night.
    declared_rate_hz : int, optional
        Rate the sensor declares, if not the scenario's. The movements do not depend on it.
    """

    def __init__(self, scenario: Scenario, declared_rate_hz: int | None = None) -> None:
        self.scenario = scenario
        self.declared_rate_hz = declared_rate_hz or scenario.rate_hz
        self.rate_hz = scenario.true_rate_hz(self.declared_rate_hz)
        self.leg: Literal["left", "right"] = scenario.leg
        rng = np.random.default_rng([scenario.seed, 0x5EE9])
        plan = plan_night(rng, scenario.duration_s, scenario.movements_per_hour)
        self._rest, self.movements = _perform(rng, plan)
        self._starts = np.array([movement.start_s for movement in self.movements])
        self._ends = np.array([movement.end_s for movement in self.movements])
        self._blocks = Blocks(self._compute)

    def acceleration(self, first: int, count: int) -> Array:
        """Give what the sensor feels at samples `first` to `first + count - 1`, without noise.

        Sample k is taken at k / `rate_hz` seconds. The numbers do not depend on how the night is cut; before the
        night and after it the leg lies still.

        Returns
        -------
        ndarray of float64, shape (count, 3)
            x, y, z in g.
        """
        return self._blocks.read(first, count)

    def _compute(self, block: int) -> Array:
        t = np.arange(block * BLOCK, (block + 1) * BLOCK) / self.rate_hz
        felt = np.empty((BLOCK, 3))
        begin, end = np.searchsorted(self._ends, t[0]), np.searchsorted(self._starts, t[-1], side="right")
        felt[:] = self.movements[begin - 1].motion.up_after if begin else self._rest
        for movement in self.movements[begin:end]:
            low = int(np.searchsorted(t, movement.start_s))
            high = int(np.searchsorted(t, movement.end_s))
            felt[low:high] = movement.motion.felt(t[low:high] - movement.start_s)
            felt[high:] = movement.motion.up_after
        return felt


def _perform(rng: np.random.Generator, plan: list[Planned]) -> tuple[Array, list[Movement]]:
    """Turn the plan into motions; also up before the first of them."""
    shank = _unit(rng.normal(size=3))
    arm = shank * rng.uniform(0.15, 0.30)
    rest = up = _lying(rng, shank)
    ups: list[Array] = []
    motions: dict[int, Motion] = {}
    for number, planned in enumerate(plan):
        ups.append(up)
        if planned.kind != "leg":
            motion = _shift(rng, planned, up, shank, arm)
            motions[number], up = motion, motion.up_after
    legs = [number for number, planned in enumerate(plan) if planned.kind == "leg"]
    if legs:
        durations = np.array([plan[number].duration_s for number in legs])
        flexions = _flexions(rng, durations, np.array([ups[number] for number in legs]), shank, arm)
        motions.update(zip(legs, flexions, strict=True))
    return rest, [Movement(planned.start_s, planned.kind, motions[n]) for n, planned in enumerate(plan)]


def _flexions(
    rng: np.random.Generator, durations: Array, ups: Array, shank: Array, arm: Array
) -> list[Flexion]:
    """Leg movements of the given lengths; all at once, because a night may have thousands."""
    n = len(durations)
    rise, fall = rng.uniform(0.15, 0.5, n), rng.uniform(0.3, 1.0, n)
    squeeze = np.minimum(1.0, 0.9 * durations / (rise + fall))
    rise, fall = rise * squeeze, fall * squeeze
    hold = durations - rise - fall
    # Knee, ankle and hip turn the shank about axes across it, never quite the same one.
    lean = shank * rng.normal(0.0, 0.1, n)[:, None]
    across = np.cross(shank, rng.normal(size=(n, 3)))
    axes = across / np.linalg.norm(across, axis=1)[:, None] + lean
    axes /= np.linalg.norm(axes, axis=1)[:, None]
    peaks = np.clip(_MEDIAN_PEAK_G * np.exp(rng.normal(0.0, _PEAK_SIGMA, n)), 0.022, 1.5)
    peaks = np.where(rng.random(n) < _INVISIBLE, rng.uniform(0.006, 0.016, n), peaks)
    angles = angle_for_peak(peaks, ups, axes, np.broadcast_to(arm, (n, 3)), np.minimum(rise, fall))
    angles = np.minimum(angles, np.radians(60.0)) * rng.choice((-1.0, 1.0), n)
    clonic = (rng.random(n) < _CLONIC) & (hold > 1.0)
    tremor = np.where(clonic, rng.uniform(1.7, 3.0, n), 0.0)
    return [
        Flexion(
            up=ups[i],
            axis=axes[i],
            arm=arm,
            angle=float(angles[i]),
            rise_s=float(rise[i]),
            hold_s=float(hold[i]),
            fall_s=float(fall[i]),
            tremor_hz=float(tremor[i]),
        )
        for i in range(n)
    ]


def _shift(rng: np.random.Generator, planned: Planned, up: Array, shank: Array, arm: Array) -> Shift:
    """Make a movement of the whole body; a shift of posture turns up by 20 to 120 degrees, a long movement by a few."""
    low, high, shaking = (20.0, 120.0, 0.35) if planned.kind == "posture" else (3.0, 25.0, 0.25)
    wished = np.radians(rng.uniform(low, high))
    # Mostly a roll about the shank, which stays near the mattress.
    axis = _unit(shank * rng.choice((-1.0, 1.0)) + 0.2 * rng.normal(size=3))
    axis = _unit(axis - up * (axis @ up))
    up_to = up * np.cos(wished) + np.cross(axis, up) * np.sin(wished)
    waves = 6
    strength = min(1.2, shaking * float(np.exp(rng.normal(0.0, 0.5))))
    return Shift(
        up_from=up,
        up_to=_unit(up_to),
        arm=arm,
        duration_s=planned.duration_s,
        shake=rng.normal(0.0, strength / np.sqrt(waves), (waves, 3)),
        shake_hz=rng.uniform(0.4, 3.5, waves),
        shake_phase=rng.uniform(0.0, 2.0 * np.pi, waves),
    )


def _lying(rng: np.random.Generator, shank: Array) -> Array:
    """Up for a shank that lies within about 20 degrees of level, rolled anyhow."""
    across = _unit(np.cross(shank, rng.normal(size=3)))
    tilt = np.radians(np.clip(rng.normal(0.0, 8.0), -20.0, 20.0))
    return _unit(across * np.cos(tilt) + shank * np.sin(tilt))


def _unit(vector: Array) -> Array:
    unit: Array = vector / np.linalg.norm(vector)
    return unit
