"""The loop over samples, in one pass: acceleration in, bouts of activity out, with blocks of any length.

A *bout* is a stretch in which the leg moves, between two in which it rests. Three signals open one:

- *motion*: the length of the vector between 1 and 8 Hz, smoothed. It shows jerks.
- *turn*: how far gravity has turned away from where it rested. It shows slow lifts.
- *back*: gravity that comes back in the seconds after a bout left the leg displaced. It shows the soft return of a lift.

Shaking for seconds while gravity stays where it is, is a hum. It is no bout, and the floor takes its strength at once.

A bout ends when motion and the speed at which gravity turns have been low for a second. Its samples are still in a ring then,
and its edges are searched there: the first and the last sample at which the signal, averaged over a few samples around it, is
away from rest by 5 mg or by more where there is noise. So no filter delays an edge. Where there is noise, the mean is over more
samples.

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
HP_B0, HP_B1, HP_B2, HP_A1, HP_A2, LP_B0, LP_B1, LP_B2, LP_A1, LP_A2 = range(10)
SLOW, STEADY, SMOOTH, REST = range(10, 14)  # shares of a new sample
FLOOR_STEP, FLOOR_STEP_ACTIVE = (
    14,
    15,
)  # share by which a floor moves with each sample, while the leg rests or moves
ON_FACTOR, ON_LEAST, OFF_SHARE, MOTION_BACK = range(
    16, 20
)  # factor of its floor, g, share, share of the peak
TURN_FACTOR, TURN_LEAST, SPEED_FACTOR, SPEED_LEAST, EDGE_FACTOR, EDGE_LEAST = range(
    20, 26
)  # factors of floors, g
HELD_FACTOR, HELD_LEAST, HELD_BACK = (
    26,
    27,
    28,
)  # factor of the turn's floor, g, share of the way that counts as back
QUIET, CALM, HELD, SPEED_LAG, HALF, HALF_MOST, BOX, LOOK_BACK = range(29, 37)  # samples
HUM, HUM_WANDER, HUM_MOST = 37, 38, 39  # samples, g, g
SPEED_BACK, GRAIN_ON, GRAIN_MOST = 40, 41, 42  # share of the peak, factor of the step of the chip, g
DRIFT, DRIFT_SHARE = 43, 44  # samples, share
PARAMETERS = 45

# Where each value stands in s. The three axes of a vector follow one another.
HP1, HP2, BP1, BP2, LP1, LP2 = range(0, 18, 3)
SLOW_V, STEADY_V, REST_V = 18, 21, 24  # gravity, gravity that shaking hardly moves, gravity at rest
BEFORE_V, AFTER_V, ORIGIN_V = (
    27,
    30,
    33,
)  # rest before the bout, after it, and before the lift that is being held
HUM_V, FAR_V, SUM_V = (
    36,
    39,
    42,
)  # gravity when a hum may have begun, its farthest turn in a bout, a running sum
ENERGY, MOTION_FLOOR, TURN_FLOOR, SPEED_FLOOR = range(45, 49)
MOTION_PEAK, SPEED_PEAK, PEAK, DISPLACED, HUM_MOTION, HUM_SPEED = range(49, 55)
GRAIN, LAST_V = 55, 56  # the smallest step of the chip, the last sample
FLOATS = 59

# Where each value stands in i.
STARTED, INDEX, ACTIVE, FIRST, LAST, RESTING, LIMIT, HELD_UNTIL = range(8)
HUM_SINCE, WANDERED, WIDE, WIDE_FIRST = range(8, 12)
INTEGERS = 12

# Columns of the ring: the vector below 8 Hz, gravity, and the samples themselves.
LIGHT, SLOWLY, RAW = 0, 3, 6

# Columns of a bout.
OUT_FIRST, OUT_END, OUT_WIDE_FIRST, OUT_WIDE_END, OUT_PEAK, OUT_FLOOR, OUT_HZ, OUT_POWER = range(8)
OUT_RETURNS, OUT_TURN, OUT_SIDED, OUT_SWINGS, OUT_HELD = range(8, 13)
OUT_BEFORE, OUT_AFTER = 13, 16
COLUMNS = 19

# Columns of a trace: signals with the thresholds above which they open a bout, and below which it ends; then what happened.
T_MOTION, T_MOTION_ON, T_TURN, T_TURN_ON, T_BACK, T_BACK_ON = range(6)  # g
T_SPEED, T_MOTION_LOW, T_SPEED_LOW, T_STATE, T_OPENED = range(6, 11)
TRACED = 11
RESTS, MOVES, RELAXES, CLOSES, HUMS = range(
    5
)  # T_STATE; the last two at the sample that ends a bout, or a hum
BY_MOTION, BY_TURN, BY_BACK = 1, 2, 4  # bits of T_OPENED at the sample that opens a bout, otherwise 0


@jit
def _edge(p: Any, s: Any, i: Any) -> float:
    """Return how far from rest the mean at an edge is. Where there is noise, the mean is over more samples."""
    noise = p[EDGE_FACTOR] * s[MOTION_FLOOR]
    wide = p[HALF]
    if noise > p[EDGE_LEAST]:
        wide = min(p[HALF] * (noise / p[EDGE_LEAST]) ** 2, p[HALF_MOST])
    i[WIDE] = np.int64(wide)
    edge: float = max(p[EDGE_LEAST], noise * math.sqrt(p[HALF] / wide))
    return edge


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
def _turn(ring: Any, p: Any, s: Any, start: int, end: int, newest: int) -> float:
    """Return how far gravity turned during a bout, g, and put the farthest turn in `s`.

    Gravity is the mean over half a second. Beats, jerks and a swaying bed hardly move it.
    """
    box = int(p[BOX])
    before, farthest = box // 2, 0.0
    for k in range(3):
        s[SUM_V + k] = 0.0
        for q in range(start - before, start - before + box):
            s[SUM_V + k] += ring[min(q, newest) % RING, LIGHT + k]
        s[FAR_V + k] = 0.0
    for q in range(start, end + 1):
        square = 0.0
        for k in range(3):
            d = s[SUM_V + k] / box - s[BEFORE_V + k]
            square += d * d
        if square > farthest:
            farthest = square
            for k in range(3):
                s[FAR_V + k] = s[SUM_V + k] / box - s[BEFORE_V + k]
        for k in range(3):
            s[SUM_V + k] += ring[min(q - before + box, newest) % RING, LIGHT + k]
            s[SUM_V + k] -= ring[(q - before) % RING, LIGHT + k]
    return math.sqrt(farthest)


@jit
def _sided(ring: Any, s: Any, start: int, end: int) -> float:
    """Return how much a bout lies to one side of rest: the length of its mean over its root mean square, 0 to 1."""
    count = end + 1 - start
    mean, square = 0.0, 1e-18
    for k in range(3):
        total = 0.0
        for q in range(start, end + 1):
            d = ring[q % RING, LIGHT + k] - s[BEFORE_V + k]
            total += d
            square += d * d
        mean += (total / count) * (total / count)
    return math.sqrt(mean / (square / count))


@jit
def _swings(ring: Any, s: Any, start: int, end: int) -> int:
    """Return how often a bout changes from one side of rest to the other, by three tenths of its farthest point."""
    farthest, at = 0.0, start
    for q in range(start, end + 1):
        square = 0.0
        for k in range(3):
            d = ring[q % RING, LIGHT + k] - s[BEFORE_V + k]
            square += d * d
        if square > farthest:
            farthest, at = square, q
    swings, side = 0, 0
    for q in range(start, end + 1):
        along = 0.0
        for k in range(3):
            d = ring[q % RING, LIGHT + k] - s[BEFORE_V + k]
            along += d * (ring[at % RING, LIGHT + k] - s[BEFORE_V + k])
        now = 1 if along > 0.3 * farthest else (-1 if along < -0.3 * farthest else 0)
        if now not in (0, side):
            swings += 1
            side = now
    return swings


@jit
def _held(ring: Any, p: Any, s: Any, start: int, end: int, newest: int, turn: float) -> float:
    """Return which share of its farthest turn the leg keeps at least, in the middle half of a bout; negative beyond rest."""
    half, quarter = np.int64(p[HALF]), (end + 1 - start) // 4
    least = turn
    for q in range(start + quarter, end - quarter + 1):
        along = 0.0
        for k in range(3):
            total = 0.0
            for j in range(q - half, q + half + 1):
                total += ring[min(j, newest) % RING, LIGHT + k]
            along += (total / (2 * half + 1) - s[BEFORE_V + k]) * s[FAR_V + k]
        least = min(least, along / (turn + 1e-12))
    return least / (turn + 1e-12)


@jit
def _returns(ring: Any, s: Any, start: int, end: int) -> int:
    """Return how often a bout comes back to within a quarter of its farthest distance from rest."""
    farthest = 0.0
    for q in range(start, end + 1):
        square = 0.0
        for k in range(3):
            d = ring[q % RING, LIGHT + k] - s[BEFORE_V + k]
            square += d * d
        farthest = max(farthest, square)
    returns, out = 0, False
    for q in range(start, end + 1):
        square = 0.0
        for k in range(3):
            d = ring[q % RING, LIGHT + k] - s[BEFORE_V + k]
            square += d * d
        if out and square < 0.0625 * farthest:
            returns += 1
            out = False
        elif not out and square > 0.16 * farthest:
            out = True
    return returns


@jit
def _describe(ring: Any, p: Any, s: Any, start: int, end: int, newest: int, row: Any) -> None:
    """Describe how the leg moved from the sample `start` to `end`: how fast, how far, to which side, how often back."""
    changes, squares = 0.0, 1e-12
    for q in range(start, end + 1):
        for k in range(3):
            d = ring[q % RING, LIGHT + k] - ring[(q - 1) % RING, LIGHT + k]
            changes += d * d
            d = ring[q % RING, LIGHT + k] - s[BEFORE_V + k]
            squares += d * d
    turn = _turn(ring, p, s, start, end, newest)
    row[OUT_HZ] = math.sqrt(changes / squares)
    row[OUT_POWER] = math.sqrt(changes / (end + 1 - start + 1))
    row[OUT_RETURNS] = 0 if _stays_away(ring, start, end, s) else _returns(ring, s, start, end)
    row[OUT_TURN] = turn
    row[OUT_SIDED] = _sided(ring, s, start, end)
    row[OUT_SWINGS] = _swings(ring, s, start, end)
    row[OUT_HELD] = _held(ring, p, s, start, end, newest, turn)


@jit
def _end(ring: Any, p: Any, s: Any, i: Any, start: int) -> int:
    """Return the last sample that is away from rest after the bout.

    A mean over many samples widens a jerk. Where a mean over few is away from rest at about the same time, its edge counts.
    """
    at, half = int(i[INDEX]), int(p[HALF])
    edge = _edge(p, s, i)
    end = at
    while end > start and _away(ring, end, at, i[WIDE], s, AFTER_V) <= edge:
        end -= 1
    if i[WIDE] > half:
        narrow, lowest = end, max(start, end - 2 * i[WIDE])
        noise = p[EDGE_FACTOR] * s[MOTION_FLOOR]
        while narrow > lowest and _away(ring, narrow, at, half, s, AFTER_V) <= noise:
            narrow -= 1
        if narrow > lowest:
            end = narrow
            i[WIDE] = half
    return end


@jit
def _drifts(ring: Any, p: Any, i: Any) -> bool:
    """Whether gravity was turning the same way before: a leg that relaxes slowly. A lift begins from rest."""
    at, lag = i[INDEX], np.int64(p[DRIFT])
    along, square = 0.0, 1e-12
    for k in range(3):
        now = ring[at % RING, SLOWLY + k]
        before = ring[(at - lag) % RING, SLOWLY + k]
        d = now - before
        along += d * (before - ring[(at - 2 * lag) % RING, SLOWLY + k])
        square += d * d
    return bool(along > p[DRIFT_SHARE] * square)


@jit
def _begin(ring: Any, p: Any, s: Any, i: Any) -> int:
    """Return the first sample that is away from rest before the sample that opens a bout."""
    at, half = int(i[INDEX]), int(p[HALF])
    edge = _edge(p, s, i)
    first, q, calm = at, at, 0
    lowest = max(i[LIMIT], at - np.int64(p[LOOK_BACK]))
    while q > lowest and calm < p[CALM]:
        if _away(ring, q, at, i[WIDE], s, REST_V) > edge:
            first, calm = q, 0
        else:
            calm += 1
        q -= 1
    if i[WIDE] > half:
        narrow, highest = first, min(at, first + 2 * i[WIDE])
        noise = p[EDGE_FACTOR] * s[MOTION_FLOOR]
        while narrow < highest and _away(ring, narrow, at, half, s, REST_V) <= noise:
            narrow += 1
        if narrow < highest:
            first = narrow
            i[WIDE] = half
    return first


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
    start = max(i[FIRST], at - RING + 2 + np.int64(max(p[BOX], p[HALF_MOST])))
    end = _end(ring, p, s, i, start)
    row[OUT_FIRST] = i[FIRST]
    row[OUT_END] = end + 1
    row[OUT_WIDE_FIRST] = i[WIDE_FIRST] - np.int64(p[HALF])
    row[OUT_WIDE_END] = i[WIDE] - np.int64(p[HALF])
    row[OUT_PEAK] = s[PEAK]
    row[OUT_FLOOR] = s[TURN_FLOOR]
    _describe(ring, p, s, start, end, at, row)
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
def finish(p: Any, s: Any, i: Any, ring: Any, row: Any) -> None:
    """Describe the bout under way, because the samples end here."""
    i[INDEX] -= 1
    _close(ring, p, s, i, row)
    i[INDEX] += 1


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
                s[STEADY_V + k] = v
                s[LAST_V + k] = v
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
        power, turned, beyond, moved, back, wander, lifted = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(3):
            v = x[r, k]
            d = abs(v - s[LAST_V + k])
            if d > 1e-9:
                s[GRAIN] = min(s[GRAIN], d)
            s[LAST_V + k] = v
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
            s[STEADY_V + k] += p[STEADY] * (slow - s[STEADY_V + k])
            d = s[STEADY_V + k] - s[HUM_V + k]
            wander += d * d
            d = s[STEADY_V + k] - s[BEFORE_V + k]
            lifted += d * d
            ring[here, LIGHT + k] = light
            ring[here, SLOWLY + k] = slow
            ring[here, RAW + k] = v
            power += w * w
            d = s[STEADY_V + k] - s[REST_V + k]
            turned += d * d
            d = light - s[REST_V + k]
            beyond += d * d
            d = slow - ring[lagged, SLOWLY + k]
            moved += d * d
            back += (s[STEADY_V + k] - s[AFTER_V + k]) * (s[ORIGIN_V + k] - s[AFTER_V + k])
        s[ENERGY] += p[SMOOTH] * (power - s[ENERGY])
        motion, turn, speed = math.sqrt(s[ENERGY]), math.sqrt(turned), math.sqrt(moved)
        active = i[ACTIVE] == 1
        grain = s[GRAIN] if s[GRAIN] < p[GRAIN_MOST] else 0.0
        on = max(p[ON_FACTOR] * s[MOTION_FLOOR], p[ON_LEAST], p[GRAIN_ON] * grain)
        turn_on = max(p[TURN_FACTOR] * s[TURN_FLOOR], p[TURN_LEAST], p[GRAIN_ON] * grain)
        speed_on = max(p[SPEED_FACTOR] * s[SPEED_FLOOR], p[SPEED_LEAST])
        # Floors move slowly towards the median, and more slowly while the leg moves. So a lasting vibration becomes
        # part of the floor and a movement does not.
        step = p[FLOOR_STEP_ACTIVE] if active else p[FLOOR_STEP]
        fall = 3.0 * step if motion < 0.5 * s[MOTION_FLOOR] else step
        s[MOTION_FLOOR] *= 1.0 + (step if motion > s[MOTION_FLOOR] else -fall)
        s[SPEED_FLOOR] *= 1.0 + (step if speed > s[SPEED_FLOOR] else -step)
        if not active:
            s[TURN_FLOOR] *= 1.0 + (step if turn > s[TURN_FLOOR] else -step)
        s[MOTION_FLOOR] = max(s[MOTION_FLOOR], 0.0005)
        s[SPEED_FLOOR] = max(s[SPEED_FLOOR], 0.0005)
        s[TURN_FLOOR] = max(s[TURN_FLOOR], 0.0005)
        if active:
            s[MOTION_PEAK] = max(s[MOTION_PEAK], motion)
            s[SPEED_PEAK] = max(s[SPEED_PEAK], speed)
            s[PEAK] = max(s[PEAK], math.sqrt(beyond))
            # Shaking for seconds while gravity stays where it is: a hum. The floor takes its strength at once.
            s[HUM_MOTION] += motion
            s[HUM_SPEED] += speed
            if wander > p[HUM_WANDER] * p[HUM_WANDER]:
                i[HUM_SINCE] = at
                i[WANDERED] = 1
                s[HUM_MOTION], s[HUM_SPEED] = 0.0, 0.0
                for k in range(3):
                    s[HUM_V + k] = s[STEADY_V + k]
            elif at - i[HUM_SINCE] >= p[HUM]:
                length = at - i[HUM_SINCE]
                if s[HUM_MOTION] / length < p[HUM_MOST] and lifted < p[HUM_WANDER] * p[HUM_WANDER]:
                    s[MOTION_FLOOR] = max(s[MOTION_FLOOR], s[HUM_MOTION] / length)
                    s[SPEED_FLOOR] = max(s[SPEED_FLOOR], s[HUM_SPEED] / length)
                    if i[WANDERED] == 0:  # nothing but a hum
                        i[ACTIVE] = 0
                        i[LIMIT] = at
                        i[RESTING] = at
                        i[INDEX] = at + 1
                        continue
                i[HUM_SINCE] = at
                s[HUM_MOTION], s[HUM_SPEED] = 0.0, 0.0
            if motion > max(p[OFF_SHARE] * on, p[MOTION_BACK] * s[MOTION_PEAK]) or speed > max(
                speed_on, p[SPEED_BACK] * s[SPEED_PEAK]
            ):
                i[LAST] = at
            if at - i[LAST] >= p[QUIET]:
                _close(ring, p, s, i, out[found])
                found += 1
        else:
            returned = False
            if s[DISPLACED] > 0.0:
                if at > i[HELD_UNTIL]:
                    s[DISPLACED] = 0.0
                elif back > s[DISPLACED] * max(p[HELD_BACK] * s[DISPLACED], p[HELD_FACTOR] * s[TURN_FLOOR]):
                    returned = True
                    s[DISPLACED] = 0.0
            lifts = turn > turn_on
            if lifts and motion <= on and not returned and _drifts(ring, p, i):
                lifts = False
                i[RESTING] = at
                for k in range(3):
                    s[REST_V + k] = s[STEADY_V + k]
            if motion > on or lifts or returned:
                i[FIRST] = _begin(ring, p, s, i)
                i[WIDE_FIRST] = i[WIDE]
                i[ACTIVE] = 1
                i[HUM_SINCE] = at
                i[WANDERED] = 0
                s[HUM_MOTION], s[HUM_SPEED] = 0.0, 0.0
                for k in range(3):
                    s[HUM_V + k] = s[STEADY_V + k]
                i[LAST] = at
                s[MOTION_PEAK], s[SPEED_PEAK], s[PEAK] = motion, speed, math.sqrt(beyond)
                for k in range(3):
                    s[BEFORE_V + k] = s[REST_V + k]
            else:
                share = max(p[REST], 1.0 / (at - i[RESTING] + 1.0))
                for k in range(3):
                    s[REST_V + k] += share * (s[SLOW_V + k] - s[REST_V + k])
        i[INDEX] = at + 1
    return found


@jit
def probe(x: Any, p: Any, s: Any, i: Any, ring: Any, out: Any, trace: Any) -> int:
    """Feed samples as `run` does, one at a time, and write what it compared at each of them.

    Parameters
    ----------
    x, p, s, i, ring, out : arrays
        As for `run`, which sees the same samples and so finds the same bouts.
    trace : (n, TRACED) float64
        Receives the signals and thresholds at each sample.

    Returns
    -------
    int
        Number of bouts written.
    """
    found = 0
    rest, away, origin = np.empty(3), np.empty(3), np.empty(3)
    for r in range(x.shape[0]):
        at, begins, moved = i[INDEX], i[STARTED] == 0, i[ACTIVE] == 1
        floor, turn_floor, speed_floor = s[MOTION_FLOOR], s[TURN_FLOOR], s[SPEED_FLOOR]
        displaced = 0.0 if begins else s[DISPLACED]
        for k in range(3):
            rest[k] = x[r, k] if begins else s[REST_V + k]
            away[k], origin[k] = s[AFTER_V + k], s[ORIGIN_V + k]
        new = run(x[r : r + 1], p, s, i, ring, out[found:])
        turned, speed, back = 0.0, 0.0, 0.0
        here, lagged = at % len(ring), (at - np.int64(p[SPEED_LAG])) % len(ring)
        for k in range(3):
            d = s[STEADY_V + k] - rest[k]
            turned += d * d
            back += (s[STEADY_V + k] - away[k]) * (origin[k] - away[k])
            d = ring[here, SLOWLY + k] - ring[lagged, SLOWLY + k]
            speed += d * d
        grain = s[GRAIN] if s[GRAIN] < p[GRAIN_MOST] else 0.0
        on = max(p[ON_FACTOR] * floor, p[ON_LEAST], p[GRAIN_ON] * grain)
        row = trace[r]
        row[T_MOTION], row[T_MOTION_ON] = math.sqrt(s[ENERGY]), on
        row[T_TURN] = math.sqrt(turned)
        row[T_TURN_ON] = max(p[TURN_FACTOR] * turn_floor, p[TURN_LEAST], p[GRAIN_ON] * grain)
        waits = displaced > 0.0 and not moved and at <= i[HELD_UNTIL]
        row[T_BACK] = back / displaced if waits else 0.0
        row[T_BACK_ON] = max(p[HELD_BACK] * displaced, p[HELD_FACTOR] * s[TURN_FLOOR]) if waits else math.inf
        row[T_SPEED] = math.sqrt(speed)
        row[T_MOTION_LOW] = max(p[OFF_SHARE] * on, p[MOTION_BACK] * s[MOTION_PEAK])
        low = max(p[SPEED_FACTOR] * speed_floor, p[SPEED_LEAST])
        row[T_SPEED_LOW] = max(low, p[SPEED_BACK] * s[SPEED_PEAK])
        row[T_STATE], row[T_OPENED] = RESTS, 0
        if i[ACTIVE] == 1:
            row[T_STATE] = MOVES
            if not moved:
                opened = BY_MOTION if row[T_MOTION] > on else 0
                opened += BY_TURN if row[T_TURN] > row[T_TURN_ON] else 0
                row[T_OPENED] = opened + (BY_BACK if waits and s[DISPLACED] == 0.0 else 0)
        elif moved:
            row[T_STATE] = CLOSES if new == 1 else HUMS
        elif row[T_TURN] > row[T_TURN_ON]:
            row[T_STATE] = RELAXES
        found += new
    return found
