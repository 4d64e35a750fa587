"""A leg movement as legs make it: it may beat, tremble, creep while it is held, and come back to another place.

`firmware_sim.kinematics.Flexion` is the exact movement that this one varies. As there, times are seconds since the movement
began, and the signal is in g. All shapes are modelling choices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware_sim.bursts import twitch
from firmware_sim.kinematics import (
    RING_S,
    Flexion,
    minimum_jerk,
    ringing,
    swelling_beats,
    swing,
)
from firmware_sim.rows import Array, cross, each_turned, length, scaled, turned

_TREMBLES_IN_S = 0.15
"""The tremor of a muscle swells and fades in this time."""
_RELAXED = 6.0
"""A leg has come to rest after this many time constants: a four-hundredth of the way is left."""


@dataclass(frozen=True, slots=True)
class Lift:
    """A leg movement that varies an exact one.

    Attributes
    ----------
    exact : Flexion
        The movement that it would be: up at rest, axis, arm, angle, times, beats of the hold, and ringing of the strap.
    second_step : (float, float, float)
        Share of the angle that comes in a second step, when the step begins, and how long it takes, s.
    beat_at, beat_s, beat_depth : ndarray, shape (n,)
        Begin and duration of each separate beat, s, and by which share of the angle it falls back; negative if it goes on.
    tremor : ndarray, shape (m, 3)
        Amplitude of each wave of the trembling muscle, g.
    tremor_hz, tremor_phase : ndarray, shape (m,)
        Its frequency, and its phase in rad.
    creep, overshoot, relax : float
        As shares of the angle: how far the held leg creeps, by how much the return goes too far, and how much of it relaxes
        slowly.
    settle_s, relax_s : float
        How long it takes to come back from the overshoot, and time constant of the slow relaxation, s.
    lies : ndarray, shape (3,)
        Up where the leg comes to lie.
    """

    exact: Flexion
    second_step: tuple[float, float, float]
    beat_at: Array
    beat_s: Array
    beat_depth: Array
    tremor: Array
    tremor_hz: Array
    tremor_phase: Array
    creep: float
    overshoot: float
    relax: float
    settle_s: float
    relax_s: float
    lies: Array

    @property
    def duration_s(self) -> float:
        """Duration, s, without the slow relaxation."""
        return self._end_s + (RING_S if self.exact.ring_g else 0.0)

    @property
    def up_before(self) -> Array:
        """Up at rest before the movement."""
        return self.exact.up

    @property
    def up_after(self) -> Array:
        """Up at rest after the movement, once the leg has relaxed."""
        return self.lies

    @property
    def up_reached(self) -> Array:
        """Up when the movement itself has ended and the leg begins to relax."""
        reached: Array = self._relaxing(np.array([0.0]))[0]
        return reached

    def felt(self, t: Array) -> Array:
        """Return what the sensor feels, in g, shape (len(t), 3)."""
        exact = self.exact
        angle, velocity, acceleration = self._angle(t)
        fall, fall_v, fall_a = minimum_jerk(t - exact.rise_s - exact.hold_s, exact.fall_s)
        back, back_axis = self._back()
        felt = each_turned(turned(exact.up, exact.axis, exact.angle * angle), back_axis, back * fall)
        felt += swing(exact.arm, exact.axis, exact.angle * velocity, exact.angle * acceleration)
        if back:
            felt += swing(exact.arm, back_axis, back * fall_v, back * fall_a)
        if len(self.tremor):
            held = t - exact.rise_s
            window = np.clip(np.minimum(held, exact.hold_s - held) / _TREMBLES_IN_S, 0.0, 1.0)
            for push, hz, start in zip(self.tremor, self.tremor_hz, self.tremor_phase, strict=True):
                felt += scaled(window * np.sin(2.0 * np.pi * hz * t + start), push)
        if exact.ring_g:
            across = cross(exact.axis, exact.arm)
            across *= exact.ring_g / length(across)
            for stroke_s in (exact.rise_s, self._end_s):
                felt += scaled(ringing(t - stroke_s, exact.ring_hz, RING_S), across)
        return felt

    def relaxation(self) -> Relaxation | None:
        """Return how the leg relaxes after the movement; None if it does not."""
        return Relaxation(self) if self.relax else None

    @property
    def _end_s(self) -> float:
        exact = self.exact
        return exact.rise_s + exact.hold_s + exact.fall_s + (self.settle_s if self.overshoot else 0.0)

    def _angle(self, t: Array) -> tuple[Array, Array, Array]:
        """Return the share of the angle at the times `t`, and its two derivatives."""
        exact = self.exact
        share, step_at, step_s = self.second_step
        held_from, falls_at = exact.rise_s, exact.rise_s + exact.hold_s
        parts = [
            (1.0 - share, minimum_jerk(t, exact.rise_s)),
            (self.relax - 1.0 - self.creep - self.overshoot, minimum_jerk(t - falls_at, exact.fall_s)),
        ]
        if share:
            parts.append((share, minimum_jerk(t - step_at, step_s)))
        if self.creep:
            parts.append((self.creep, minimum_jerk(t - held_from, exact.hold_s)))
        if self.overshoot:
            parts.append((self.overshoot, minimum_jerk(t - falls_at - exact.fall_s, self.settle_s)))
        if exact.tremor_hz:
            parts.append((1.0, swelling_beats(t - held_from, exact.hold_s, exact.tremor_hz, exact.depth)))
        for at, lasting, depth in zip(self.beat_at, self.beat_s, self.beat_depth, strict=True):
            parts.append((-depth, twitch(t - at, lasting)))
        position, velocity, acceleration = (
            np.sum([size * curve[order] for size, curve in parts], axis=0) for order in range(3)
        )
        return position, velocity, acceleration

    def _back(self) -> tuple[float, Array]:
        """Return angle and axis of the turn from where the leg lay to where it comes to lie."""
        axis = cross(self.exact.up, self.lies)
        sin = length(axis)
        if sin < 1e-12:
            return 0.0, self.exact.axis
        return float(np.arctan2(sin, self.exact.up @ self.lies)), axis / sin

    def _relaxing(self, after: Array) -> Array:
        """Return up while the leg relaxes, `after` seconds after the movement."""
        left = self.exact.angle * self.relax * np.exp(-after / self.relax_s)
        back, axis = self._back()
        return each_turned(
            turned(self.exact.up, self.exact.axis, left), axis, np.full(len(after), float(back))
        )


@dataclass(frozen=True, slots=True)
class Relaxation:
    """What a leg that relaxes after a movement adds to the signal at rest. It is no movement of its own."""

    lift: Lift

    @property
    def duration_s(self) -> float:
        """Duration, s."""
        return _RELAXED * self.lift.relax_s

    @property
    def up_before(self) -> Array:
        """What it adds at first."""
        before: Array = self.lift.up_reached - self.lift.lies
        return before

    @property
    def up_after(self) -> Array:
        """Zero: the leg has come to rest."""
        return np.zeros(3)

    def felt(self, t: Array) -> Array:
        """Return what it adds, in g, shape (len(t), 3)."""
        added: Array = self.lift._relaxing(t) - self.lift.lies  # noqa: SLF001 (two halves of one movement)
        return added
