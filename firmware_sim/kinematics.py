"""The noise-free signal of a sensor on the shank while the leg moves.

At rest an accelerometer feels "up", a unit vector, in g. While the shank turns, up turns in the sensor's axes. The sensor
is at a distance from the joint, so it also feels the swing: angular acceleration across the shank and centripetal
acceleration along it. All times are seconds since the movement began. Every function takes an array of times and returns
one row of x, y, z in g for each.

The shapes and numbers are modelling choices; no spectrum of a periodic leg movement has been published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from firmware_sim.rows import Array, cross, length, scaled, turned

STANDARD_GRAVITY = 9.80665

RING_S = 0.5
"""How long a loose strap rings after a stroke; a modelling choice."""


class Motion(Protocol):
    """A movement from one resting position to another."""

    @property
    def duration_s(self) -> float:
        """Duration, s."""
        ...

    @property
    def up_before(self) -> Array:
        """Up at rest before the movement, shape (3,), g."""
        ...

    @property
    def up_after(self) -> Array:
        """Up at rest after the movement, shape (3,), g."""
        ...

    def felt(self, t: Array) -> Array:
        """Return what the sensor feels at the times `t` within the movement, in g, shape (len(t), 3)."""
        ...


def minimum_jerk(t: Array, length: float) -> tuple[Array, Array, Array]:
    """Return position, velocity and acceleration at `t` on the smoothest way from 0 to 1 in `length` seconds.

    The minimum-jerk polynomial of Flash and Hogan (1985); 0 before it starts, 1 after it ends.
    """
    x = np.clip(t / length, 0.0, 1.0)
    position = x * x * x * (10.0 + x * (6.0 * x - 15.0))
    velocity = 30.0 * x * x * (1.0 - x) * (1.0 - x) / length
    acceleration = 60.0 * x * (1.0 - x) * (1.0 - 2.0 * x) / (length * length)
    return position, velocity, acceleration


def swing(arm: Array, axis: Array, velocity: Array, acceleration: Array) -> Array:
    """Return the acceleration in g of a point at `arm` (m) from the joint while it turns about `axis`."""
    across = cross(axis, arm)
    swung = scaled(acceleration, across)
    swung += scaled(velocity * velocity, cross(axis, across))
    swung /= STANDARD_GRAVITY
    return swung


def ringing(t: Array, hz: float, length: float) -> Array:
    """Return a damped oscillation of amplitude 1 that starts at 0 and ends after `length` seconds."""
    inside = np.clip(t / length, 0.0, 1.0)
    ring: Array = np.exp(-4.0 * inside) * (1.0 - inside) * np.sin(2.0 * np.pi * hz * length * inside)
    return ring


@dataclass(frozen=True, slots=True)
class Flexion:
    """A leg movement: the shank turns, stays, and turns back to where it was.

    Attributes
    ----------
    up : ndarray, shape (3,)
        Up at rest.
    axis : ndarray, shape (3,)
        Unit vector the shank turns about.
    arm : ndarray, shape (3,)
        From the joint to the sensor, m.
    angle : float
        Angle of the turn, rad.
    rise_s, hold_s, fall_s : float
        Duration of the three parts, s.
    tremor_hz : float
        Frequency of the beats during the hold, Hz; 0 for a still hold.
    ring_g, ring_hz : float
        Ringing of a loose strap after each of the two strokes: amplitude in g, and frequency in Hz.
    depth : float
        Share of the angle that the beats move by.
    """

    up: Array
    axis: Array
    arm: Array
    angle: float
    rise_s: float
    hold_s: float
    fall_s: float
    tremor_hz: float
    ring_g: float = 0.0
    ring_hz: float = 8.0
    depth: float = 0.05

    @property
    def duration_s(self) -> float:
        """Duration, s, with the ringing of the strap."""
        return self.rise_s + self.hold_s + self.fall_s + (RING_S if self.ring_g else 0.0)

    @property
    def up_before(self) -> Array:
        """Up at rest before the movement."""
        return self.up

    @property
    def up_after(self) -> Array:
        """Up at rest after the movement: the same as before."""
        return self.up

    def felt(self, t: Array) -> Array:
        """Return what the sensor feels, in g, shape (len(t), 3)."""
        rise, rise_v, rise_a = minimum_jerk(t, self.rise_s)
        fall, fall_v, fall_a = minimum_jerk(t - self.rise_s - self.hold_s, self.fall_s)
        angle, velocity, acceleration = rise - fall, rise_v - fall_v, rise_a - fall_a
        if self.tremor_hz:
            beat, beat_v, beat_a = swelling_beats(t - self.rise_s, self.hold_s, self.tremor_hz, self.depth)
            angle, velocity, acceleration = angle + beat, velocity + beat_v, acceleration + beat_a
        felt = turned(self.up, self.axis, self.angle * angle)
        felt += swing(self.arm, self.axis, self.angle * velocity, self.angle * acceleration)
        if self.ring_g:
            across = cross(self.axis, self.arm)
            across *= self.ring_g / length(across)
            for stroke_s in (self.rise_s, self.rise_s + self.hold_s + self.fall_s):
                felt += scaled(ringing(t - stroke_s, self.ring_hz, RING_S), across)
        return felt


def swelling_beats(t: Array, hold_s: float, hz: float, depth: float) -> tuple[Array, Array, Array]:
    """Return clonic beats that swell and fade while the leg is held for `hold_s`, and their two derivatives; 0 outside."""
    inside = (t > 0.0) & (t < hold_s)
    swell_rate, beat_rate = 2.0 * np.pi / hold_s, 2.0 * np.pi * hz
    swell = 0.5 * (1.0 - np.cos(swell_rate * t))
    swell_v = 0.5 * swell_rate * np.sin(swell_rate * t)
    swell_a = 0.5 * swell_rate**2 * np.cos(swell_rate * t)
    sin, cos = np.sin(beat_rate * t), np.cos(beat_rate * t)
    size = np.where(inside, depth, 0.0)
    position = size * swell * sin
    velocity = size * (swell_v * sin + swell * beat_rate * cos)
    acceleration = size * (swell_a * sin + 2.0 * swell_v * beat_rate * cos - swell * beat_rate**2 * sin)
    return position, velocity, acceleration


def angle_for_peak(peak_g: Array, up: Array, axis: Array, arm: Array, quickest_s: Array) -> Array:
    """Return the angle (rad) at which the signal leaves rest by about `peak_g`.

    The model is linear in the angle, so large angles are approximate. Each row is one movement.

    Parameters
    ----------
    peak_g, quickest_s : ndarray, shape (n,)
        Largest distance from rest in g, and the shorter of rise and fall in s.
    up, axis, arm : ndarray, shape (n, 3)
        As in `Flexion`.
    """
    x = np.linspace(0.0, 1.0, 33)
    position, _velocity, acceleration = minimum_jerk(x, 1.0)
    tilt = np.cross(axis, up)[:, None, :] * position[None, :, None]
    push = np.cross(axis, arm)[:, None, :] * acceleration[None, :, None] / STANDARD_GRAVITY
    per_radian = np.linalg.norm(tilt + push / (quickest_s**2)[:, None, None], axis=2).max(axis=1)
    angle: Array = peak_g / per_radian
    return angle
