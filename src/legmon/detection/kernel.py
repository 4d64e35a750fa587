"""The loop over samples, in one pass: acceleration in, bouts of activity out, with blocks of any length.

A *bout* is a stretch in which the leg moves, between two in which it rests. Three signals open one:

- *motion*: the length of the vector between 1 and 8 Hz, smoothed. It shows jerks.
- *turn*: how far gravity has turned away from where it rested. It shows slow lifts.
- *back*: gravity that comes back in the seconds after a bout left the leg displaced. It shows the soft return of a lift.

A bout ends when motion and the speed at which gravity turns have been low for a second. Its samples are still in a ring then,
and its edges are searched there: the first and the last sample at which the signal, averaged over a few samples around it, is
away from rest by 5 mg or by more where there is noise. So no filter delays an edge.

All state is in arrays, so that a block can end anywhere: `p` parameters, `s` float state, `i` integer state, `ring` the last
samples. The same source runs as plain Python (`run.py_func`) with the same bits.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from legmon.detection.jit import jit

RING = 4096
"""Samples in the ring: 80 s at 50 Hz, 20 s at 200 Hz. The edges and the shape of a longer bout come from its last part."""

# Where each parameter stands in p.
HP_B0, HP_B1, HP_B2, HP_A1, HP_A2 = 0, 1, 2, 3, 4
LP_B0, LP_B1, LP_B2, LP_A1, LP_A2 = 5, 6, 7, 8, 9
SLOW, SMOOTH, REST, FLOOR_STEP = 10, 11, 12, 13  # shares of a new sample
ON_FACTOR, ON_LEAST, OFF_SHARE, MOTION_BACK = (
    14,
    15,
    16,
    17,
)  # motion: factor of its floor, g, share, share of the peak
TURN_FACTOR, TURN_LEAST = 18, 19  # factor of its floor, g
SPEED_FACTOR, SPEED_LEAST = 20, 21
EDGE_FACTOR, EDGE_LEAST = 22, 23
HELD_FACTOR, HELD_LEAST, HELD_BACK = (
    24,
    25,
    26,
)  # displaced: factor of the turn's floor, g; share that counts as back
QUIET, CALM, HELD, SPEED_LAG, HALF, LOOK_BACK = 27, 28, 29, 30, 31, 32  # samples
PARAMETERS = 33

# Where each value stands in s; the three axes of a vector follow one another.
HP1, HP2, BP1, BP2, LP1, LP2, SLOW_V, REST_V = 0, 3, 6, 9, 12, 15, 18, 21
BEFORE_V, AFTER_V, ORIGIN_V = (
    24,
    27,
    30,
)  # rest before the bout, after it, and before the lift that is being held
ENERGY, MOTION_FLOOR, TURN_FLOOR, SPEED_FLOOR = 33, 34, 35, 36
MOTION_PEAK, PEAK, TURN_PEAK, DISPLACED = 37, 38, 39, 40
FLOATS = 41

# Where each value stands in i.
STARTED, INDEX, ACTIVE, FIRST, LAST, RESTING, LIMIT, HELD_UNTIL = 0, 1, 2, 3, 4, 5, 6, 7
INTEGERS = 8

# Columns of the ring: the vector below 8 Hz, gravity, and the samples themselves.
LIGHT, SLOWLY, RAW = 0, 3, 6

# Columns of a bout.
OUT_FIRST, OUT_END, OUT_PEAK, OUT_TURN, OUT_FLOOR, OUT_HZ, OUT_RETURNS, OUT_POWER = 0, 1, 2, 3, 4, 5, 6, 7
OUT_BEFORE, OUT_AFTER = 8, 11
COLUMNS = 14


@jit
def _away(ring: Any, at: int, newest: int, half: int, s: Any, ref: int) -> float:
    """Return the distance of the mean of the samples around `at` from a reference vector in `s`, g."""
    last = min(at + half, newest)
    count = last - (at - half) + 1
    total = 0.0
    for k in range(3):
        mean = 0.0
        for j in range(at - half, last + 1):
            mean += ring[j % RING, RAW + k]
        d = mean / count - s[ref + k]
        total += d * d
    return math.sqrt(total)


@jit
def _between(s: Any, a: int, b: int) -> float:
    total = 0.0
    for k in range(3):
        d = s[a + k] - s[b + k]
        total += d * d
    return math.sqrt(total)


@jit
def _stays_away(ring: Any, start: int, end: int, s: Any) -> bool:
    """Whether the leg, in the middle half of a bout, is held away from where it was by more than it swings.

    A twitch comes straight back, so a train of twitches swings more than it is away. A leg that is lifted and beats while it is
    held up does not.
    """
    quarter = (end + 1 - start) // 4
    count = end + 1 - start - 2 * quarter
    away, square = 0.0, 0.0
    for k in range(3):
        total = 0.0
        for q in range(start + quarter, end + 1 - quarter):
            d = ring[q % RING, LIGHT + k] - s[BEFORE_V + k]
            total += d
            square += d * d
        away += (total / count) * (total / count)
    return away > 0.5 * square / count


@jit
def _close(ring: Any, p: Any, s: Any, i: Any, row: Any) -> None:
    """Describe the bout that has just ended, and what may come back from it."""
    at = i[INDEX]
    still = np.int64(0.6 * p[QUIET])
    for k in range(3):
        mean = 0.0
        for j in range(still):
            mean += ring[(at - j) % RING, LIGHT + k]
        s[AFTER_V + k] = mean / still
    edge = max(p[EDGE_LEAST], p[EDGE_FACTOR] * s[MOTION_FLOOR])
    start = max(i[FIRST], at - RING + 2 + np.int64(p[HALF]))
    end = at
    while end > start and _away(ring, end, at, np.int64(p[HALF]), s, AFTER_V) <= edge:
        end -= 1
    # How fast the leg shakes, how strongly on average, and how often it comes back to where it was.
    changes, lengths, farthest = 0.0, 1e-12, 0.0
    for q in range(start, end + 1):
        change, length = 0.0, 0.0
        for k in range(3):
            d = ring[q % RING, LIGHT + k] - ring[(q - 1) % RING, LIGHT + k]
            change += d * d
            d = ring[q % RING, LIGHT + k] - s[BEFORE_V + k]
            length += d * d
        changes += change
        lengths += length
        farthest = max(farthest, length)
    returns, out = 0, False
    for q in range(start, end + 1):
        length = 0.0
        for k in range(3):
            d = ring[q % RING, LIGHT + k] - s[BEFORE_V + k]
            length += d * d
        if out and length < 0.0625 * farthest:  # within a quarter of the way
            returns += 1
            out = False
        elif not out and length > 0.16 * farthest:
            out = True
    if _stays_away(ring, start, end, s):
        returns = 0
    row[OUT_FIRST] = i[FIRST]
    row[OUT_END] = end + 1
    row[OUT_PEAK] = s[PEAK]
    row[OUT_TURN] = s[TURN_PEAK]
    row[OUT_FLOOR] = s[TURN_FLOOR]
    row[OUT_HZ] = math.sqrt(changes / lengths)
    row[OUT_RETURNS] = returns
    row[OUT_POWER] = math.sqrt(changes / (end + 1 - start + 1))
    for k in range(3):
        row[OUT_BEFORE + k] = s[BEFORE_V + k]
        row[OUT_AFTER + k] = s[AFTER_V + k]
    # Is the leg held up now, or back from being held?
    moved = _between(s, AFTER_V, BEFORE_V)
    if s[DISPLACED] > 0.0 and _between(s, AFTER_V, ORIGIN_V) < p[HELD_BACK] * s[DISPLACED]:
        s[DISPLACED] = 0.0
    elif moved > max(p[HELD_LEAST], p[HELD_FACTOR] * s[TURN_FLOOR]):
        s[DISPLACED] = moved
        i[HELD_UNTIL] = at + np.int64(p[HELD])
        for k in range(3):
            s[ORIGIN_V + k] = s[BEFORE_V + k]
    i[ACTIVE] = 0
    i[RESTING] = at - still
    i[LIMIT] = at - np.int64(0.5 * p[QUIET])
    for k in range(3):
        s[REST_V + k] = s[AFTER_V + k]


@jit
def run(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    s: NDArray[np.float64],
    i: NDArray[np.int64],
    ring: NDArray[np.float64],
    out: NDArray[np.float64],
) -> int:
    """Feed samples.

    Parameters
    ----------
    x : (n, 3) float64, g
        Samples that follow those of the last call without a gap.
    p, s, i, ring : arrays
        Parameters and state. All but `p` are changed.
    out : (m, COLUMNS) float64
        Receives bouts. One ends at least `QUIET` samples after the one before, so ``m = n // QUIET + 1`` is enough.

    Returns
    -------
    int
        Number of bouts written.
    """
    found = 0
    for r in range(x.shape[0]):
        at = i[INDEX]
        if i[STARTED] == 0:
            for k in range(3):  # filters start in the state they would have after a long rest here
                v = x[r, k]
                s[HP1 + k] = -p[HP_B0] * v
                s[HP2 + k] = p[HP_B2] * v
                s[BP1 + k] = 0.0
                s[BP2 + k] = 0.0
                s[LP1 + k] = v - p[LP_B0] * v
                s[LP2 + k] = (p[LP_B2] - p[LP_A2]) * v
                s[SLOW_V + k] = v
                s[REST_V + k] = v
                for j in range(RING):
                    ring[j, LIGHT + k] = v
                    ring[j, SLOWLY + k] = v
                    ring[j, RAW + k] = v
            s[ENERGY] = 0.0
            s[DISPLACED] = 0.0
            i[STARTED] = 1
            i[RESTING] = at
            i[LIMIT] = at
        here, lagged = at % RING, (at - np.int64(p[SPEED_LAG])) % RING
        power, turned, beyond, moved, back = 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(3):
            v = x[r, k]
            h = p[HP_B0] * v + s[HP1 + k]
            s[HP1 + k] = p[HP_B1] * v - p[HP_A1] * h + s[HP2 + k]
            s[HP2 + k] = p[HP_B2] * v - p[HP_A2] * h
            w = p[LP_B0] * h + s[BP1 + k]
            s[BP1 + k] = p[LP_B1] * h - p[LP_A1] * w + s[BP2 + k]
            s[BP2 + k] = p[LP_B2] * h - p[LP_A2] * w
            light = p[LP_B0] * v + s[LP1 + k]
            s[LP1 + k] = p[LP_B1] * v - p[LP_A1] * light + s[LP2 + k]
            s[LP2 + k] = p[LP_B2] * v - p[LP_A2] * light
            s[SLOW_V + k] += p[SLOW] * (light - s[SLOW_V + k])
            slow = s[SLOW_V + k]
            ring[here, LIGHT + k] = light
            ring[here, SLOWLY + k] = slow
            ring[here, RAW + k] = v
            power += w * w
            d = slow - s[REST_V + k]
            turned += d * d
            d = light - s[REST_V + k]
            beyond += d * d
            d = slow - ring[lagged, SLOWLY + k]
            moved += d * d
            d = slow - s[ORIGIN_V + k]
            back += d * d
        s[ENERGY] += p[SMOOTH] * (power - s[ENERGY])
        motion, turn, speed = math.sqrt(s[ENERGY]), math.sqrt(turned), math.sqrt(moved)
        active = i[ACTIVE] == 1
        on = max(p[ON_FACTOR] * s[MOTION_FLOOR], p[ON_LEAST])
        turn_on = max(p[TURN_FACTOR] * s[TURN_FLOOR], p[TURN_LEAST])
        speed_on = max(p[SPEED_FACTOR] * s[SPEED_FLOOR], p[SPEED_LEAST])
        # Floors move slowly towards the median, and more slowly while the leg moves. So a lasting vibration becomes
        # part of the floor and a movement does not.
        step = p[FLOOR_STEP] * (0.25 if active else 1.0)
        s[MOTION_FLOOR] *= 1.0 + (step if motion > s[MOTION_FLOOR] else -step)
        s[SPEED_FLOOR] *= 1.0 + (step if speed > s[SPEED_FLOOR] else -step)
        if not active:
            s[TURN_FLOOR] *= 1.0 + (step if turn > s[TURN_FLOOR] else -step)
        s[MOTION_FLOOR] = max(s[MOTION_FLOOR], 0.0005)
        s[SPEED_FLOOR] = max(s[SPEED_FLOOR], 0.0005)
        s[TURN_FLOOR] = max(s[TURN_FLOOR], 0.0005)
        if active:
            s[MOTION_PEAK] = max(s[MOTION_PEAK], motion)
            s[PEAK] = max(s[PEAK], math.sqrt(beyond))
            s[TURN_PEAK] = max(s[TURN_PEAK], turn)
            if motion > max(p[OFF_SHARE] * on, p[MOTION_BACK] * s[MOTION_PEAK]) or speed > speed_on:
                i[LAST] = at
            if at - i[LAST] >= p[QUIET]:
                _close(ring, p, s, i, out[found])
                found += 1
        else:
            returned = False
            if s[DISPLACED] > 0.0:
                if at > i[HELD_UNTIL]:
                    s[DISPLACED] = 0.0
                elif math.sqrt(back) < p[HELD_BACK] * s[DISPLACED]:
                    returned = True
                    s[DISPLACED] = 0.0
            if motion > on or turn > turn_on or returned:
                edge = max(p[EDGE_LEAST], p[EDGE_FACTOR] * s[MOTION_FLOOR])
                first, q, calm = at, at, 0
                lowest = max(i[LIMIT], at - np.int64(p[LOOK_BACK]))
                while q > lowest and calm < p[CALM]:
                    if _away(ring, q, at, np.int64(p[HALF]), s, REST_V) > edge:
                        first, calm = q, 0
                    else:
                        calm += 1
                    q -= 1
                i[ACTIVE] = 1
                i[FIRST] = first
                i[LAST] = at
                s[MOTION_PEAK], s[PEAK], s[TURN_PEAK] = motion, math.sqrt(beyond), turn
                for k in range(3):
                    s[BEFORE_V + k] = s[REST_V + k]
            else:
                share = max(p[REST], 1.0 / (at - i[RESTING] + 1.0))
                for k in range(3):
                    s[REST_V + k] += share * (s[SLOW_V + k] - s[REST_V + k])
        i[INDEX] = at + 1
    return found
