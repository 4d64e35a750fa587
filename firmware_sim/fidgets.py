"""Fidgeting awake: minutes of rubbing, tapping and crossing the legs, at no even interval.

As in `firmware_sim.kinematics`, times are seconds since it began, and the signal is in g. All of it is a modelling choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware_sim.kinematics import minimum_jerk, swing
from firmware_sim.rows import Array, cross, empty, turned, unit

_KINDS = ("rub", "rub", "tap", "cross", "lift")


@dataclass(frozen=True, slots=True)
class Piece:
    """One rubbing, tapping or crossing: the shank turns about an axis, stroke by stroke, and comes back.

    Attributes
    ----------
    axis : ndarray, shape (3,)
        Unit vector the shank turns about.
    at, lasting : ndarray, shape (n,)
        When each stroke begins, and how long it takes, s. No two overlap.
    angles : ndarray, shape (n + 1,)
        Angle before the first stroke and after each, rad; the first and the last are 0.
    """

    axis: Array
    at: Array
    lasting: Array
    angles: Array


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
        last = self.pieces[-1]
        return float(last.at[-1] + last.lasting[-1])

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
        felt = empty(len(t))
        felt[:] = self.up
        for piece in self.pieces:
            low, high = np.searchsorted(t, (piece.at[0], piece.at[-1] + piece.lasting[-1]))
            inside = t[low:high]
            number = np.maximum(np.searchsorted(piece.at, inside, side="right") - 1, 0)
            steps = np.diff(piece.angles)[number]
            x, pace = (inside - piece.at[number]) / piece.lasting[number], piece.lasting[number]
            position, velocity, acceleration = minimum_jerk(x, 1.0)
            felt[low:high] = turned(self.up, piece.axis, piece.angles[number] + steps * position)
            felt[low:high] += swing(
                self.arm, piece.axis, steps * velocity / pace, steps * acceleration / (pace * pace)
            )
        return felt


def draw_fidget(rng: np.random.Generator, duration_s: float, up: Array, shank: Array, arm: Array) -> Fidget:
    """Draw a bout of at most `duration_s`, which is 5 s or more."""
    pieces: list[Piece] = []
    now = 0.0
    while now < duration_s - 4.0:
        axis = unit(cross(shank, rng.normal(size=3)) + 0.3 * rng.normal(size=3))
        kind = _KINDS[rng.integers(len(_KINDS))]
        piece = _strokes(rng, now, duration_s - now, axis, kind)
        pieces.append(piece)
        now = float(piece.at[-1] + piece.lasting[-1]) + float(np.exp(rng.uniform(np.log(0.3), np.log(12.0))))
    return Fidget(up, arm, tuple(pieces))


def _strokes(rng: np.random.Generator, now: float, left_s: float, axis: Array, kind: str) -> Piece:
    """Draw one piece that begins at `now` and takes at most `left_s`."""
    if kind in {"rub", "tap"}:
        # To and fro, each stroke a little longer or shorter than the last.
        hz, angle = (
            (rng.uniform(0.7, 2.5), rng.uniform(2.0, 12.0))
            if kind == "rub"
            else (rng.uniform(2.5, 6.0), rng.uniform(0.5, 3.0))
        )
        count = max(2, int(min(rng.uniform(1.5, 12.0), left_s / 1.5) * 2.0 * hz))
        lasting = 0.5 / hz * rng.uniform(0.7, 1.3, count)
        angles = (
            np.radians(angle)
            * rng.uniform(0.5, 1.2, count + 1)
            * np.where(np.arange(count + 1) % 2, 1.0, -0.4)
        )
        at = now + np.concatenate(([0.0], np.cumsum(lasting)[:-1]))
    else:
        # A leg that is crossed, or lifted, and comes back.
        there, held, angle = (
            (rng.uniform(0.6, 1.4), rng.uniform(2.0, 25.0), rng.uniform(8.0, 40.0))
            if kind == "cross"
            else (rng.uniform(0.2, 0.5), rng.uniform(0.3, 3.0), rng.uniform(2.0, 10.0))
        )
        lasting = there * np.array([1.0, 1.3])
        held = min(held, max(0.1, left_s - lasting.sum()))
        angles = np.radians(angle) * rng.choice((-1.0, 1.0)) * np.array([0.0, 1.0, 0.0])
        at = now + np.array([0.0, lasting[0] + held])
    angles[0] = angles[-1] = 0.0
    return Piece(axis, at, lasting, angles)
