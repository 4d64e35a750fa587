"""Whether the person lay, stood, walked, wore no sensor, or has risen for the day.

It works on the rows of `legmon.night.posture`. A shank lies when its axis is within 45 degrees of level for ten minutes or
longer (GGIR uses the same angle at the hip). That needs the direction of the shank in the sensor's axes: from standing still
at the fit check, or from walking, when gravity points along the shank. Without either, lying is unknown. Raised knees and a
leg on a stool are taken for standing or lying wrongly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from legmon.movement import LegMovement
from legmon.night.posture import ACTIVITY, CADENCE, SEEN, STEP_S, Posture, X, Z

PostureState = Literal["lying", "upright", "walking", "not_worn", "unknown"]
Vector = NDArray[np.float64]

LEVEL_DEG: Final = 45.0
LYING_S: Final = 600
"""A shorter stretch with a level shank is a leg that was put up for a moment."""
BRIEF_S: Final = 60
"""A shorter stretch with an upright shank is a raised knee or a person turning over."""
REGULAR: Final = 0.7
STRONG_G: Final = 0.2
WALK_ROWS: Final = 3
SAME_DEG: Final = 20.0
"""Rows whose gravity is further than this from the direction that the others share are not walking."""
NOT_WORN_S: Final = 5400
"""No person lies for an hour and a half without any movement. A shorter still stretch may be a person, not a bedside table."""
STILL: Final = 3.0
TURNED_DEG: Final = 2.0
RISEN_WALK_S, RISEN_WITHIN_S = 600.0, 900.0  # a walk to the bathroom and back, or to a child, takes less
RISEN_AFTER_S: Final = 4 * 3600.0  # earlier, people get up for other reasons, and the night must not end


@dataclass(frozen=True, slots=True)
class Stretch:
    """Samples `first` to `end` of one leg, and its state."""

    first: int
    end: int
    state: PostureState


def walking(rows: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the rows of walking: a strong, regular beat about one direction, for twenty seconds or longer.

    A body that turns over shakes as strongly, but no two of its rows are alike.
    """
    units = _units(rows)
    beat = (rows[:, CADENCE] > REGULAR) & (rows[:, ACTIVITY] > STRONG_G) & (rows[:, SEEN] > 0.9)
    alike = (units[1:] * units[:-1]).sum(axis=1) > np.cos(np.radians(SAME_DEG))
    pairs = beat[1:] & beat[:-1] & alike
    found: NDArray[np.bool_] = np.zeros(len(rows), dtype=np.bool_)
    found[1:] |= pairs
    found[:-1] |= pairs
    return found


def axis_of_walking(posture: Posture) -> Vector | None:
    """Return the direction of the shank in the sensor's axes, from gravity while walking; None without half a minute of it.

    It is the direction that most rows of walking agree on. The other rows are not walking.
    """
    units = _units(posture.rows)[walking(posture.rows)]
    if len(units) < WALK_ROWS:
        return None
    near = units @ units.T > np.cos(np.radians(SAME_DEG))
    agreed = near[int(np.argmax(near.sum(axis=1)))]
    if agreed.sum() < max(WALK_ROWS, 0.6 * len(units)):
        return None
    axis: Vector = units[agreed].sum(axis=0)
    return axis / np.linalg.norm(axis)


def _units(rows: NDArray[np.float32]) -> Vector:
    """Return the direction of gravity in each row; 0 if there are no samples."""
    means = np.nan_to_num(rows[:, X : Z + 1].astype(np.float64))
    units: Vector = means / np.maximum(np.linalg.norm(means, axis=1), 1e-9)[:, None]
    return units


def stretches(posture: Posture, axis: Vector | None) -> list[Stretch]:
    """Return the states of the leg, from the first sample to the last.

    Parameters
    ----------
    posture : Posture
        The leg's rows.
    axis : (3,) array or None
        Unit vector along the shank in the sensor's axes. Without it the states `lying` and `upright` become `unknown`.
    """
    rows = posture.rows
    states = _upright_or_lying(rows, axis)
    states[walking(rows)] = 2
    states[_not_worn(rows)] = 3
    names: tuple[PostureState, ...] = ("lying", "upright", "walking", "not_worn", "unknown")
    found: list[Stretch] = []
    for first, end in _runs(states):
        until = min(end * posture.step, posture.end)
        found.append(Stretch(first * posture.step, until, names[states[first]]))
    return found


def _upright_or_lying(rows: NDArray[np.float32], axis: Vector | None) -> NDArray[np.int64]:
    """Return 0 for lying, 1 for upright, 4 for unknown."""
    if axis is None or not len(rows):
        return np.full(len(rows), 4)
    along = np.where(rows[:, SEEN] > 0, np.abs(_units(rows) @ axis), np.nan)
    upright: NDArray[np.int64] = (_carried(along) > np.cos(np.radians(LEVEL_DEG))).astype(np.int64)
    for first, end in _runs(upright):
        if upright[first] == 1 and end - first < BRIEF_S // STEP_S and first > 0 and end < len(rows):
            upright[first:end] = 0
    for first, end in _runs(upright):
        if upright[first] == 0 and end - first < LYING_S // STEP_S and end - first < len(rows):
            upright[first:end] = 1
    return upright


def _carried(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values, with the last known one repeated in rows without samples."""
    known = np.where(np.isnan(values), -1, np.arange(len(values)))
    last = np.maximum.accumulate(known)
    first = int(np.argmax(~np.isnan(values)))
    return values[np.where(last < 0, first, last)]


def _not_worn(rows: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the rows of stretches without any movement or turn that are longer than a person lies like that."""
    found = np.zeros(len(rows), dtype=np.bool_)
    activity = rows[:, ACTIVITY]
    seen = rows[:, SEEN] > 0
    if seen.sum() < NOT_WORN_S // STEP_S:
        return found
    floor = max(float(np.percentile(activity[seen], 10)), 1e-4)
    units = _units(rows)
    turns = np.concatenate([[False], (units[1:] * units[:-1]).sum(axis=1) < np.cos(np.radians(TURNED_DEG))])
    still = activity < STILL * floor
    resting: NDArray[np.int64] = np.cumsum(turns | ~still)
    resting[~still] = -1
    for first, end in _runs(resting):
        if resting[first] >= 0 and seen[first:end].sum() >= NOT_WORN_S // STEP_S:
            found[first:end] = True
    return found


def _runs(states: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return first and end of each run of equal values."""
    if not len(states):
        return []
    cuts = [0, *(np.flatnonzero(np.diff(states)) + 1).tolist(), len(states)]
    return list(pairwise(cuts))


def has_risen(movements: Sequence[LegMovement], end: int, rate_hz: float) -> bool:
    """Whether the person has risen for the day: the ankle walked for ten of the last fifteen minutes, after four hours or more.

    Parameters
    ----------
    movements : sequence of LegMovement
        With sample indices, in order.
    end : int
        Index after the last sample.
    rate_hz : float
        Samples per second.
    """
    if end < RISEN_AFTER_S * rate_hz:
        return False
    since = end - RISEN_WITHIN_S * rate_hz
    walked = 0.0
    for m in reversed(movements):
        if m.end is None or m.first is None or m.end < since:
            break
        if m.kind == "locomotion":
            walked += m.end - max(m.first, since)
    return walked >= RISEN_WALK_S * rate_hz
