"""Simulate what a sensor on the shank measures when the whole body moves: a shift of posture, or a walk to the bathroom.

As in `firmware_sim.kinematics`, times are seconds since the movement began, and the signal is in g. Shapes are modelling
choices. A walker takes 1.5 to 2.5 steps per second, and the sensor feels 1 to 3 g at the ankle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware_sim.kinematics import minimum_jerk, swing
from firmware_sim.rows import Array, cross, empty, length, scaled, turned, zeros


@dataclass(frozen=True, slots=True)
class Shift:
    """A movement of the whole body: the leg is shaken about and comes to rest at another angle.

    Attributes
    ----------
    up_from, up_to : ndarray, shape (3,)
        Up at rest before and after.
    arm : ndarray, shape (3,)
        From the joint to the sensor, m.
    duration_s : float
        Duration, s.
    shake : ndarray, shape (n, 3)
        Amplitude of each wave of the shaking, g.
    shake_hz, shake_phase : ndarray, shape (n,)
        Its frequency, and its phase in rad.
    """

    up_from: Array
    up_to: Array
    arm: Array
    duration_s: float
    shake: Array
    shake_hz: Array
    shake_phase: Array

    @property
    def up_before(self) -> Array:
        """Up at rest before the movement."""
        return self.up_from

    @property
    def up_after(self) -> Array:
        """Up at rest after the movement."""
        return self.up_to

    def felt(self, t: Array) -> Array:
        """Return what the sensor feels, in g, shape (len(t), 3)."""
        axis = cross(self.up_from, self.up_to)
        sin = length(axis)
        angle = float(np.arctan2(sin, self.up_from @ self.up_to))
        axis = axis / sin
        position, velocity, acceleration = minimum_jerk(t, self.duration_s)
        window = np.sin(np.pi * np.clip(t / self.duration_s, 0.0, 1.0)) ** 2
        shaking = zeros(len(t))
        # Summed wave by wave: a matrix product may add in another order for another number of rows.
        for push, hz, phase in zip(self.shake, self.shake_hz, self.shake_phase, strict=True):
            shaking += scaled(np.sin(2.0 * np.pi * (t * hz) + phase), push)
        shaking *= window[:, None]
        felt = turned(self.up_from, axis, angle * position)
        felt += swing(self.arm, axis, angle * velocity, angle * acceleration)
        felt += shaking
        return felt


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk: getting up, walking there, standing, walking back and lying down.

    Attributes
    ----------
    rising, settling : Shift
        How the shank comes to stand upright, and how it comes to lie again.
    walking_s : float
        Time between the two. During the third fifth the person stands.
    stride_hz : float
        Strides per second, of two steps each.
    impact_g, swing_g : float
        Peak along the shank when the foot lands, and amplitude along `across` while the leg swings.
    across : ndarray, shape (3,)
        Unit vector fore and aft.
    """

    rising: Shift
    settling: Shift
    walking_s: float
    stride_hz: float
    impact_g: float
    swing_g: float
    across: Array

    @property
    def duration_s(self) -> float:
        """Duration, s."""
        return self.rising.duration_s + self.walking_s + self.settling.duration_s

    @property
    def up_before(self) -> Array:
        """The direction of up at rest before the walk, in the axes of the sensor."""
        return self.rising.up_from

    @property
    def up_after(self) -> Array:
        """The direction of up at rest after the walk, in the axes of the sensor."""
        return self.settling.up_to

    def felt(self, t: Array) -> Array:
        """Return what the sensor feels, in g, shape (len(t), 3)."""
        upright_from = self.rising.duration_s
        upright_to = upright_from + self.walking_s
        felt = empty(len(t))
        rises, settles = t < upright_from, t >= upright_to
        felt[rises] = self.rising.felt(t[rises])
        felt[settles] = self.settling.felt(t[settles] - upright_to)
        upright = ~(rises | settles)
        felt[upright] = self._gait(t[upright] - upright_from)
        return felt

    def _gait(self, t: Array) -> Array:
        fifth = self.walking_s / 5.0
        # Steps grow and fade within half a second.
        edges = (0.0, 2.0 * fifth, 3.0 * fifth, self.walking_s)
        there = np.clip(2.0 * np.minimum(t - edges[0], edges[1] - t), 0.0, 1.0)
        back = np.clip(2.0 * np.minimum(t - edges[2], edges[3] - t), 0.0, 1.0)
        walks = there + back
        phase = np.pi * self.stride_hz * t
        cos = np.cos(phase)
        landing = cos * cos
        landing = landing * landing * landing  # narrow, once a stride
        along = self.rising.up_to
        dynamic = scaled(self.impact_g * (landing * walks), along)
        dynamic += scaled(self.swing_g * (np.sin(2.0 * phase) * walks), self.across)
        felt: Array = along + dynamic
        return felt
