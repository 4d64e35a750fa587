"""Fidgeting awake: minutes of rubbing, tapping and crossing the legs, at no even interval.

As in `firmware_sim.kinematics`, times are seconds since it began, and the signal is in g. All of it is a modelling choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware_sim.kinematics import Array, minimum_jerk, swing, turned
from firmware_sim.surroundings import unit

_KINDS = ("rub", "rub", "tap", "cross", "lift")


@dataclass(frozen=True, slots=True)
class Piece:
    """One rubbing, tapping or crossing: the shank turns about an axis, and comes back.

    Attributes
    ----------
    at_s, duration_s, edge_s : float
        When it begins, how long it lasts, and how long it takes to turn there and to turn back, s.
    axis : ndarray, shape (3,)
        Unit vector the shank turns about.
    angle : float
        Angle, rad.
    hz : float
        Rate of the rubbing or tapping, Hz; 0 for a turn that is held.
    """

    at_s: float
    duration_s: float
    edge_s: float
    axis: Array
    angle: float
    hz: float


@dataclass(frozen=True, slots=True)
class Fidget:
    """A bout of fidgeting, which ends where it began.

    Attributes
    ----------
    up : ndarray, shape (3,)
        Up at rest.
    arm : ndarray, shape (3,)
        From the joint to the sensor, m.
    pieces : tuple of Piece
        What happens, in order, without overlaps; the first at 0.
    """

    up: Array
    arm: Array
    pieces: tuple[Piece, ...]

    @property
    def duration_s(self) -> float:
        """Duration, s."""
        return self.pieces[-1].at_s + self.pieces[-1].duration_s

    @property
    def up_before(self) -> Array:
        """Up at rest before it."""
        return self.up

    @property
    def up_after(self) -> Array:
        """Up at rest after it: the same as before."""
        return self.up

    def felt(self, t: Array) -> Array:
        """Return what the sensor feels, in g, shape (len(t), 3)."""
        felt = np.empty((len(t), 3))
        felt[:] = self.up
        for piece in self.pieces:
            low, high = np.searchsorted(t, (piece.at_s, piece.at_s + piece.duration_s))
            if low == high:
                continue
            angle, velocity, acceleration = _way(piece, t[low:high] - piece.at_s)
            felt[low:high] = turned(self.up, piece.axis, angle) + swing(
                self.arm, piece.axis, velocity, acceleration
            )
        return felt


def _way(piece: Piece, t: Array) -> tuple[Array, Array, Array]:
    """Return the angle of a piece at the times `t`, and its two derivatives."""
    there, there_v, there_a = minimum_jerk(t, piece.edge_s)
    back, back_v, back_a = minimum_jerk(t - piece.duration_s + piece.edge_s, piece.edge_s)
    window, window_v, window_a = there - back, there_v - back_v, there_a - back_a
    if not piece.hz:
        return piece.angle * window, piece.angle * window_v, piece.angle * window_a
    rate = 2.0 * np.pi * piece.hz
    sin, cos = np.sin(rate * t), np.cos(rate * t)
    return (
        piece.angle * window * sin,
        piece.angle * (window_v * sin + window * rate * cos),
        piece.angle * (window_a * sin + 2.0 * window_v * rate * cos - window * rate**2 * sin),
    )


def draw_fidget(rng: np.random.Generator, duration_s: float, up: Array, shank: Array, arm: Array) -> Fidget:
    """Draw a bout of about `duration_s`."""
    pieces: list[Piece] = []
    now = 0.0
    while now < duration_s - 1.5:
        left = duration_s - now
        kind = _KINDS[rng.integers(len(_KINDS))]
        axis = unit(np.cross(shank, rng.normal(size=3)) + 0.3 * rng.normal(size=3))
        if kind == "rub":
            lasting, edge, angle, hz = (
                rng.uniform(1.5, 12.0),
                0.4,
                rng.uniform(2.0, 12.0),
                rng.uniform(0.7, 2.5),
            )
        elif kind == "tap":
            lasting, edge, angle, hz = (
                rng.uniform(1.0, 8.0),
                0.2,
                rng.uniform(0.5, 3.0),
                rng.uniform(2.5, 6.0),
            )
        elif kind == "cross":
            lasting, edge, angle, hz = (
                rng.uniform(3.0, 25.0),
                rng.uniform(0.6, 1.4),
                rng.uniform(8.0, 40.0),
                0.0,
            )
        else:
            lasting, edge, angle, hz = (
                rng.uniform(1.0, 4.0),
                rng.uniform(0.2, 0.5),
                rng.uniform(2.0, 10.0),
                0.0,
            )
        lasting = min(lasting, left)
        pieces.append(
            Piece(now, lasting, min(edge, lasting / 2.0), axis, float(np.radians(angle) * rng.choice((-1.0, 1.0))), hz)
        )  # fmt: skip
        now += lasting + float(np.exp(rng.uniform(np.log(0.3), np.log(12.0))))
    return Fidget(up, arm, tuple(pieces))
