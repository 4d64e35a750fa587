"""The loop over samples: acceleration in, movements out, one pass, any block length.

Two signals are watched. *Motion* is the length of the acceleration vector between 1 and 8 Hz, smoothed: it sees jerks.
*Displacement* is how far the slow part of the vector, gravity, has turned away from where it rested: it sees slow lifts, and
keeps a movement open while the leg is held up, so that a lift and its return are one movement.

Everything lives in three arrays so that a block can end anywhere: `P` parameters, `S` float state, `I` integer state. The
same source runs as plain Python (`run.py_func`) with the same bits.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from legmon.detection.jit import jit

# Where each parameter stands in P.
HP_B0, HP_B1, HP_B2, HP_A1, HP_A2 = 0, 1, 2, 3, 4
LP_B0, LP_B1, LP_B2, LP_A1, LP_A2 = 5, 6, 7, 8, 9
SMOOTH = 10  # share of a new sample in motion energy
SLOW = 11  # share of a new sample in the slow vector
REST = 12  # share of a new sample in the resting vector
FLOOR_UP, FLOOR_DOWN = 13, 14  # steps of the noise floor, as a share of itself
FLOOR_LEAST = 15  # g
ON_FACTOR, ON_LEAST, OFF_SHARE = 16, 17, 18  # motion thresholds
TURN_ON, TURN_OFF, TURN_BACK = (
    19,
    20,
    21,
)  # displacement thresholds, g, and the share of the peak that counts as back
QUIET, SETTLE, BUSY_FLOOR, LOOK_BACK = 22, 23, 24, 25  # samples, samples, share, samples
MOTION_BACK = 26  # share of the movement's largest motion that counts as over
PARAMETERS = 27

# S: float state; a vector's axes lie one behind the other
HP1, HP2, LP1, LP2, SLOW_V, SLOW_V2, REST_V = 0, 3, 6, 9, 12, 15, 18
ENERGY, FLOOR, PEAK, TURN_PEAK = 21, 22, 23, 24
MOTION_PEAK = 25
FLOATS = 26

# I: integer state
STARTED, INDEX, ACTIVE, FIRST, LAST_MOTION, LAST_TURN, LAST_CALM = 0, 1, 2, 3, 4, 5, 6
INTEGERS = 7

# columns of a found movement
OUT_FIRST, OUT_END, OUT_PEAK, OUT_TURN = 0, 1, 2, 3
COLUMNS = 4


@jit
def run(
    x: NDArray[np.float64], p: NDArray[np.float64], s: NDArray[np.float64], i: NDArray[np.int64], out: Any
) -> int:
    """Feed samples.

    Parameters
    ----------
    x : (n, 3) float64, g
        Samples that follow the last call's without a hole.
    p, s, i : arrays
        Parameters and state; `s` and `i` are changed.
    out : (m, 4) float64
        Receives movements: first sample, end (exclusive), peak beyond rest in g, and how far gravity stayed turned in g.
        A movement closes at least `QUIET` samples after the one before, so ``m = n // QUIET + 1`` is always enough.

    Returns
    -------
    int
        Number of movements written.
    """
    found = 0
    for r in range(x.shape[0]):
        at = i[INDEX]
        if i[STARTED] == 0:
            for k in range(3):  # filters in the state they would have after resting here for ever
                v = x[r, k]
                s[HP1 + k] = -p[HP_B0] * v
                s[HP2 + k] = p[HP_B2] * v
                s[LP1 + k] = 0.0
                s[LP2 + k] = 0.0
                s[SLOW_V + k] = v
                s[SLOW_V2 + k] = v
                s[REST_V + k] = v
            s[ENERGY] = 0.0
            i[STARTED] = 1
            i[LAST_CALM] = at - 1
        power = 0.0
        turned = 0.0
        beyond = 0.0
        for k in range(3):
            v = x[r, k]
            h = p[HP_B0] * v + s[HP1 + k]
            s[HP1 + k] = p[HP_B1] * v - p[HP_A1] * h + s[HP2 + k]
            s[HP2 + k] = p[HP_B2] * v - p[HP_A2] * h
            w = p[LP_B0] * h + s[LP1 + k]
            s[LP1 + k] = p[LP_B1] * h - p[LP_A1] * w + s[LP2 + k]
            s[LP2 + k] = p[LP_B2] * h - p[LP_A2] * w
            power += w * w
            s[SLOW_V + k] += p[SLOW] * (v - s[SLOW_V + k])
            s[SLOW_V2 + k] += p[SLOW] * (s[SLOW_V + k] - s[SLOW_V2 + k])
            d = s[SLOW_V2 + k] - s[REST_V + k]
            turned += d * d
            b = v - s[REST_V + k]
            beyond += b * b
        s[ENERGY] += p[SMOOTH] * (power - s[ENERGY])
        motion = math.sqrt(s[ENERGY])
        turn = math.sqrt(turned)
        floor = s[FLOOR]
        on = max(p[ON_FACTOR] * floor, p[ON_LEAST])
        off = p[OFF_SHARE] * on
        step = p[FLOOR_UP] if motion > floor else -p[FLOOR_DOWN]
        if i[ACTIVE] == 1:
            step *= p[BUSY_FLOOR]
        s[FLOOR] = max(floor + floor * step, p[FLOOR_LEAST])

        if i[ACTIVE] == 0:
            if motion < off and turn < p[TURN_OFF]:
                i[LAST_CALM] = at
            if motion > on or turn > p[TURN_ON]:
                i[ACTIVE] = 1
                i[FIRST] = max(i[LAST_CALM] + 1, at - np.int64(p[LOOK_BACK]))
                i[LAST_MOTION] = at
                i[LAST_TURN] = at
                s[PEAK] = math.sqrt(beyond)
                s[TURN_PEAK] = turn
                s[MOTION_PEAK] = motion
            else:
                for k in range(3):
                    s[REST_V + k] += p[REST] * (s[SLOW_V2 + k] - s[REST_V + k])
        else:
            s[PEAK] = max(s[PEAK], math.sqrt(beyond))
            s[TURN_PEAK] = max(s[TURN_PEAK], turn)
            s[MOTION_PEAK] = max(s[MOTION_PEAK], motion)
            if motion > max(off, p[MOTION_BACK] * s[MOTION_PEAK]):
                i[LAST_MOTION] = at
            if turn > max(p[TURN_OFF], p[TURN_BACK] * s[TURN_PEAK]):
                i[LAST_TURN] = at
            calm = at - i[LAST_MOTION]
            returned = at - i[LAST_TURN]
            if calm >= p[QUIET] and (returned >= p[QUIET] or calm >= p[SETTLE]):
                settled = returned < p[QUIET]  # at rest, but another way round
                end = i[LAST_MOTION] if settled else max(i[LAST_MOTION], i[LAST_TURN])
                out[found, OUT_FIRST] = i[FIRST]
                out[found, OUT_END] = end + 1
                out[found, OUT_PEAK] = s[PEAK]
                out[found, OUT_TURN] = turn
                found += 1
                i[ACTIVE] = 0
                i[LAST_CALM] = at
                for k in range(3):
                    s[REST_V + k] = s[SLOW_V2 + k]
        i[INDEX] = at + 1
    return found
