"""Simulate what a sensor on the shank measures during short twitches: a train of foot tremor, or one hypnic jerk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware_sim.kinematics import STANDARD_GRAVITY, swing
from firmware_sim.rows import Array, cross, lengths, scaled, turned


@dataclass(frozen=True, slots=True)
class Bursts:
    """A row of twitches. Each turns the shank and straight back.

    Attributes
    ----------
    up : ndarray, shape (3,)
        Up at rest.
    axis : ndarray, shape (3,)
        Unit vector the shank turns about.
    arm : ndarray, shape (3,)
        From the joint to the sensor, m.
    onsets : ndarray, shape (n,)
        When each twitch begins, s; the first at 0.
    angles : ndarray, shape (n,)
        Angle of each twitch, rad.
    burst_s : float
        Duration of a twitch, s; shorter than the time to the next.
    """

    up: Array
    axis: Array
    arm: Array
    onsets: Array
    angles: Array
    burst_s: float

    @property
    def duration_s(self) -> float:
        """Duration of all twitches, s."""
        return float(self.onsets[-1]) + self.burst_s

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
        number = np.maximum(np.searchsorted(self.onsets, t, side="right") - 1, 0)
        position, velocity, acceleration = twitch(t - self.onsets[number], self.burst_s)
        angle = self.angles[number]
        up = turned(self.up, self.axis, angle * position)
        return up + swing(self.arm, self.axis, angle * velocity, angle * acceleration)


def twitch(t: Array, length: float) -> tuple[Array, Array, Array]:
    """Return position, velocity and acceleration at `t` on the way from 0 to 1 and back within `length` seconds; 0 outside."""
    x = np.clip(t / length, 0.0, 1.0)
    way = x * (1.0 - x)
    slope = 1.0 - 2.0 * x
    position = 64.0 * way * way * way
    velocity = 192.0 * way * way * slope / length
    acceleration = 384.0 * way * (slope * slope - way) / (length * length)
    return position, velocity, acceleration


def twitch_for_peak(peak_g: float, up: Array, axis: Array, arm: Array, length: float) -> float:
    """Return the angle (rad) of a twitch whose signal leaves rest by about `peak_g`. The model is linear in the angle."""
    position, _velocity, acceleration = twitch(np.linspace(0.0, length, 33), length)
    tilt = scaled(position, cross(axis, up))
    push = scaled(acceleration, cross(axis, arm)) / STANDARD_GRAVITY
    return float(peak_g / lengths(tilt + push).max())
