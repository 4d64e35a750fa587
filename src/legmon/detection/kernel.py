"""The loop over samples: acceleration in, bouts of activity out, with pieces of any length.

A *bout* is a stretch in which the leg moves, between two in which it rests. Three signals open one:

- *motion*: the length of the vector between 1 and 8 Hz, smoothed. It shows jerks.
- *turn*: how far gravity has turned away from where it rested. It shows slow lifts.
- *back*: gravity that comes back in the seconds after a bout left the leg displaced. It shows the soft return of a lift.

Shaking for seconds while gravity stays where it is, is a hum. It is no bout, and the floor takes its strength at once.

A bout ends when motion and the speed at which gravity turns have been low for a second. Its samples are still in a ring then,
and its edges are searched there: the first and the last sample at which the signal, averaged over a few samples around it, is
away from rest by 5 mg or by more where there is noise. So no filter delays an edge. Where there is noise, the mean is over more
samples.

The samples are worked on in blocks. `_filter` computes what does not depend on bouts and puts it into the ring. Then `_rest`
follows the leg until a bout opens, and `_move` until it ends. The ring is written up to a block ahead of the sample that is
looked at; nothing reads ahead. So the result does not depend on where blocks end.

All state is in arrays, so that a piece can end anywhere: `p` parameters, `s` float state, `i` integer state, `ring` the last
samples. The same source runs as plain Python (`run.py_func`) with the same bits. Loops hold the state in local variables, since a
compiler must read an array again after each write to another one.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from legmon.detection.jit import jit
from legmon.detection.vector import if_above, larger, load, store, total, vector

# Compiled with vector.py de195101: numba compiles again only if this file changes.

RING = 4096
"""Samples in the ring: 80 s at 50 Hz, 20 s at 200 Hz. The edges and the shape of a longer bout come from its last part."""
BLOCK = 256
ROWS = 8192
"""Rows of the array that holds the ring, more than `RING` and a block. It is a power of two: a row is an index `& MASK`."""
MASK = ROWS - 1
FLOOR_LEAST, NO_STEP = 0.0005, 1e-9  # g: no floor is lower, and no smaller change is a step of the chip

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
LOOK = 45  # samples from one look at the noise to the next
HUM_PAUSES = 46  # share of a hum that may be as quiet as rest
PARAMETERS = 47

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
ENERGY, MOTION_FLOOR, SPEED_FLOOR, TURN_FLOOR = range(45, 49)
FLOORS = MOTION_FLOOR  # the three as one vector
MOTION_PEAK, SPEED_PEAK, PEAK, DISPLACED, HUM_MOTION, HUM_SPEED = range(49, 55)
GRAIN, LAST_V = 55, 56  # the smallest step of the chip, the last sample
FLOATS = 59

# Where each value stands in i.
STARTED, INDEX, ACTIVE, FIRST, LAST, RESTING, LIMIT, HELD_UNTIL = range(8)
HUM_SINCE, WANDERED, WIDE, WIDE_FIRST, HUM_PAUSED = range(8, 13)
INTEGERS = 13

# Columns of the ring: the vector below 8 Hz, gravity, the samples themselves, and gravity that shaking hardly moves.
LIGHT, SLOWLY, RAW, STEADILY = 0, 3, 6, 9
MOTION, SPEED = 12, 13
WIDTH = 14

# Columns of a bout.
OUT_FIRST, OUT_END, OUT_WIDE_FIRST, OUT_WIDE_END, OUT_PEAK, OUT_FLOOR, OUT_HZ, OUT_POWER = range(8)
OUT_RETURNS, OUT_TURN, OUT_SIDED, OUT_SWINGS, OUT_HELD = range(8, 13)
OUT_BEFORE, OUT_AFTER = 13, 16
COLUMNS = 19

# Columns of a look at the noise: the floor of the motion, whether the leg moves, and gravity at rest.
LOOK_FLOOR, LOOK_ACTIVE, LOOK_REST = 0, 1, 2
LOOKS = 5

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
    added = vector(0.0, 0.0, 0.0)
    for j in range(at - half, last + 1):
        added = added + load(ring, j & MASK, RAW)
    away = added / float(last - (at - half) + 1) - load(s, ref)
    return math.sqrt(total(away * away))


@jit
def _between(s: Any, a: int, b: int) -> float:
    way = load(s, a) - load(s, b)
    return math.sqrt(total(way * way))


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
            d = ring[q & MASK, LIGHT + k] - s[BEFORE_V + k]
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
    half, farthest = box // 2, 0.0
    before, far, added = load(s, BEFORE_V), vector(0.0, 0.0, 0.0), vector(0.0, 0.0, 0.0)
    for q in range(start - half, start - half + box):
        added = added + load(ring, min(q, newest) & MASK, LIGHT)
    for q in range(start, end + 1):
        turn = added / float(box) - before
        square = total(turn * turn)
        if square > farthest:
            farthest, far = square, turn
        added = added + load(ring, min(q - half + box, newest) & MASK, LIGHT)
        added = added - load(ring, (q - half) & MASK, LIGHT)
    store(far, s, FAR_V)
    return math.sqrt(farthest)


@jit
def _sided(ring: Any, s: Any, start: int, end: int) -> float:
    """Return how much a bout lies to one side of rest: the length of its mean over its root mean square, 0 to 1."""
    count = end + 1 - start
    mean, square = 0.0, 1e-18
    for k in range(3):
        total = 0.0
        for q in range(start, end + 1):
            d = ring[q & MASK, LIGHT + k] - s[BEFORE_V + k]
            total += d
            square += d * d
        mean += (total / count) * (total / count)
    return math.sqrt(mean / (square / count))


@jit
def _swings(ring: Any, s: Any, start: int, end: int) -> int:
    """Return how often a bout changes from one side of rest to the other, by three tenths of its farthest point."""
    before = load(s, BEFORE_V)
    farthest, far = 0.0, load(ring, start & MASK, LIGHT) - before
    for q in range(start, end + 1):
        away = load(ring, q & MASK, LIGHT) - before
        square = total(away * away)
        if square > farthest:
            farthest, far = square, away
    swings, side = 0, 0
    for q in range(start, end + 1):
        along = total((load(ring, q & MASK, LIGHT) - before) * far)
        now = 1 if along > 0.3 * farthest else (-1 if along < -0.3 * farthest else 0)
        if now not in (0, side):
            swings += 1
            side = now
    return swings


@jit
def _held(ring: Any, p: Any, s: Any, start: int, end: int, newest: int, turn: float) -> float:
    """Return which share of its farthest turn the leg keeps at least, in the middle half of a bout; negative beyond rest."""
    half, quarter = np.int64(p[HALF]), (end + 1 - start) // 4
    before, far, least = load(s, BEFORE_V), load(s, FAR_V), turn
    for q in range(start + quarter, end - quarter + 1):
        added = vector(0.0, 0.0, 0.0)
        for j in range(q - half, q + half + 1):
            added = added + load(ring, min(j, newest) & MASK, LIGHT)
        along = total((added / float(2 * half + 1) - before) * far)
        least = min(least, along / (turn + 1e-12))
    return least / (turn + 1e-12)


@jit
def _returns(ring: Any, s: Any, start: int, end: int) -> int:
    """Return how often a bout comes back to within a quarter of its farthest distance from rest."""
    before, farthest = load(s, BEFORE_V), 0.0
    for q in range(start, end + 1):
        away = load(ring, q & MASK, LIGHT) - before
        farthest = max(farthest, total(away * away))
    returns, out = 0, False
    for q in range(start, end + 1):
        away = load(ring, q & MASK, LIGHT) - before
        square = total(away * away)
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
            d = ring[q & MASK, LIGHT + k] - ring[(q - 1) & MASK, LIGHT + k]
            changes += d * d
            d = ring[q & MASK, LIGHT + k] - s[BEFORE_V + k]
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
        now = ring[at & MASK, SLOWLY + k]
        before = ring[(at - lag) & MASK, SLOWLY + k]
        d = now - before
        along += d * (before - ring[(at - 2 * lag) & MASK, SLOWLY + k])
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
    added = vector(0.0, 0.0, 0.0)
    for j in range(still):
        added = added + load(ring, (at - j) & MASK, LIGHT)
    store(added / float(still), s, AFTER_V)
    start = max(i[FIRST], at - RING + 2 + np.int64(max(p[BOX], p[HALF_MOST])))
    end = _end(ring, p, s, i, start)
    row[OUT_FIRST] = i[FIRST]
    row[OUT_END] = end + 1
    row[OUT_WIDE_FIRST] = i[WIDE_FIRST] - np.int64(p[HALF])
    row[OUT_WIDE_END] = i[WIDE] - np.int64(p[HALF])
    row[OUT_PEAK] = s[PEAK]
    row[OUT_FLOOR] = s[TURN_FLOOR]
    _describe(ring, p, s, start, end, at, row)
    store(load(s, BEFORE_V), row, OUT_BEFORE)
    store(load(s, AFTER_V), row, OUT_AFTER)
    # Is the leg held up now, or back from being held?
    moved = _between(s, AFTER_V, BEFORE_V)
    if s[DISPLACED] > 0.0 and _between(s, AFTER_V, ORIGIN_V) < p[HELD_BACK] * s[DISPLACED]:
        s[DISPLACED] = 0.0
    elif moved > max(p[HELD_LEAST], p[HELD_FACTOR] * s[TURN_FLOOR]):
        s[DISPLACED] = moved
        i[HELD_UNTIL] = at + np.int64(p[HELD])
        store(load(s, BEFORE_V), s, ORIGIN_V)
    i[ACTIVE] = 0
    i[RESTING] = at - still
    i[LIMIT] = at - np.int64(0.5 * p[QUIET])
    store(load(s, AFTER_V), s, REST_V)


@jit
def finish(p: Any, s: Any, i: Any, ring: Any, row: Any) -> None:
    """Describe the bout under way, because the samples end here."""
    i[INDEX] -= 1
    _close(ring, p, s, i, row)
    i[INDEX] += 1


@jit
def _start(x: Any, r: int, p: Any, s: Any, i: Any, ring: Any) -> None:
    """Begin, or begin again after a gap: filters and ring are as after a long rest at the sample `r`."""
    v = load(x, r, 0)
    store(-p[HP_B0] * v, s, HP1)
    store(p[HP_B2] * v, s, HP2)
    store(v - v, s, BP1)
    store(v - v, s, BP2)
    store(v - p[LP_B0] * v, s, LP1)
    store((p[LP_B2] - p[LP_A2]) * v, s, LP2)
    store(v, s, SLOW_V)
    store(v, s, STEADY_V)
    store(v, s, REST_V)
    store(v, s, LAST_V)
    at = i[INDEX]
    for j in range(at - RING, at):
        store(v, ring, j & MASK, LIGHT)
        store(v, ring, j & MASK, SLOWLY)
        store(v, ring, j & MASK, RAW)
    s[ENERGY] = 0.0
    s[DISPLACED] = 0.0
    i[STARTED] = 1
    i[RESTING] = at
    i[LIMIT] = at


@jit
def _step_of_chip(x: Any, first: int, end: int, s: Any) -> int:
    """Note the smallest step between two samples up to `first`. Return where the next smaller one is seen, at most `end`."""
    for k in range(3):
        step = abs(x[first, k] - s[LAST_V + k])
        if step > NO_STEP:
            s[GRAIN] = min(s[GRAIN], step)
    grain, smaller, line = s[GRAIN], 0, x.reshape(-1)
    now, before = line[3 * first + 3 : 3 * end], line[3 * first : 3 * end - 3]
    for j in range(len(now)):
        step = abs(now[j] - before[j])
        smaller += (step > NO_STEP) & (step < grain)
    if smaller > 0:
        for r in range(first + 1, end):
            for k in range(3):
                step = abs(x[r, k] - x[r - 1, k])
                if NO_STEP < step < grain:
                    return r
    return end


@jit
def _filter(x: Any, first: int, end: int, p: Any, s: Any, i: Any, ring: Any) -> None:
    """Filter samples and put them into the ring, with the motion and the speed of turning. Nothing here depends on a bout."""
    hp_b0, hp_b1, hp_b2, hp_a1, hp_a2 = p[HP_B0], p[HP_B1], p[HP_B2], p[HP_A1], p[HP_A2]
    lp_b0, lp_b1, lp_b2, lp_a1, lp_a2 = p[LP_B0], p[LP_B1], p[LP_B2], p[LP_A1], p[LP_A2]
    share_slow, share_steady, share_smooth = p[SLOW], p[STEADY], p[SMOOTH]
    hp1, hp2, bp1, bp2 = load(s, HP1), load(s, HP2), load(s, BP1), load(s, BP2)
    lp1, lp2, slow, steady = load(s, LP1), load(s, LP2), load(s, SLOW_V), load(s, STEADY_V)
    energy, lag, at = s[ENERGY], np.int64(p[SPEED_LAG]), i[INDEX]
    for r in range(first, end):
        v = load(x, r, 0)
        high = hp_b0 * v + hp1
        hp1 = hp_b1 * v - hp_a1 * high + hp2
        hp2 = hp_b2 * v - hp_a2 * high
        band = lp_b0 * high + bp1
        bp1 = lp_b1 * high - lp_a1 * band + bp2
        bp2 = lp_b2 * high - lp_a2 * band
        light = lp_b0 * v + lp1
        lp1 = lp_b1 * v - lp_a1 * light + lp2
        lp2 = lp_b2 * v - lp_a2 * light
        slow = slow + share_slow * (light - slow)
        steady = steady + share_steady * (slow - steady)
        energy += share_smooth * (total(band * band) - energy)
        turned = slow - load(ring, (at - lag) & MASK, SLOWLY)
        here = at & MASK
        store(light, ring, here, LIGHT)
        store(slow, ring, here, SLOWLY)
        store(v, ring, here, RAW)
        store(steady, ring, here, STEADILY)
        ring[here, MOTION] = math.sqrt(energy)
        ring[here, SPEED] = math.sqrt(total(turned * turned))
        at += 1
    store(hp1, s, HP1)
    store(hp2, s, HP2)
    store(bp1, s, BP1)
    store(bp2, s, BP2)
    store(lp1, s, LP1)
    store(lp2, s, LP2)
    store(slow, s, SLOW_V)
    store(steady, s, STEADY_V)
    store(load(x, end - 1, 0), s, LAST_V)
    s[ENERGY] = energy


@jit
def _floors_after(floors: Any, signals: Any, rise: Any, fall: Any, fall_fast: Any) -> Any:
    """Return the floors after one more sample: a small step nearer to the medians, and a larger one when the noise stops."""
    higher, lower = larger(floors * rise, FLOOR_LEAST), larger(floors * fall, FLOOR_LEAST)
    lowest = larger(floors * fall_fast, FLOOR_LEAST)
    return if_above(signals, floors, higher, if_above(floors, 2.0 * signals, lowest, lower))


@jit
def _rest(ring: Any, p: Any, s: Any, i: Any, until: int) -> None:
    """Follow a leg that rests, to the sample at which a bout opens or to the end of the block."""
    at, resting = i[INDEX], i[RESTING]
    grain_on = p[GRAIN_ON] * s[GRAIN] if s[GRAIN] < p[GRAIN_MOST] else 0.0
    factors = vector(p[ON_FACTOR], 0.0, p[TURN_FACTOR])
    least = vector(max(p[ON_LEAST], grain_on), 0.0, max(p[TURN_LEAST], grain_on))
    up, down = 1.0 + p[FLOOR_STEP], 1.0 - p[FLOOR_STEP]
    rise, fall = vector(up, up, up), vector(down, down, down)
    fall_fast = vector(1.0 - 3.0 * p[FLOOR_STEP], down, down)  # of the motion only
    floors, displaced, rest = load(s, FLOORS), s[DISPLACED], load(s, REST_V)
    settled = resting + np.int64(1.0 / p[REST]) + 1
    held = load(s, AFTER_V)
    way_back = load(s, ORIGIN_V) - held
    is_open = False
    while at < until and not is_open:
        here = at & MASK
        steady = load(ring, here, STEADILY)
        away = steady - rest
        motion, turn = ring[here, MOTION], math.sqrt(total(away * away))
        on = larger(factors * floors, least)
        floors = _floors_after(floors, vector(motion, ring[here, SPEED], turn), rise, fall, fall_fast)
        returned = False
        if displaced > 0.0:
            if at > i[HELD_UNTIL]:
                displaced = 0.0
            elif total((steady - held) * way_back) > displaced * max(
                p[HELD_BACK] * displaced, p[HELD_FACTOR] * floors[2]
            ):
                returned = True
                displaced = 0.0
        if motion > on[0] or turn > on[2] or returned:
            i[INDEX] = at
            if motion <= on[0] and not returned and _drifts(ring, p, i):
                resting, rest = at, steady
                settled = resting + np.int64(1.0 / p[REST]) + 1
            else:
                is_open = True
        if not is_open:
            share = p[REST] if at > settled else max(p[REST], 1.0 / (at - resting + 1.0))
            rest = rest + share * (load(ring, here, SLOWLY) - rest)
        at += 1
    store(floors, s, FLOORS)
    s[DISPLACED] = displaced
    store(rest, s, REST_V)
    i[RESTING] = resting
    if is_open:
        i[INDEX] = at - 1
        _open(ring, p, s, i)
    i[INDEX] = at


@jit
def _open(ring: Any, p: Any, s: Any, i: Any) -> None:
    """Open a bout at this sample. It began a little earlier."""
    at = i[INDEX]
    here = at & MASK
    i[FIRST] = _begin(ring, p, s, i)
    i[WIDE_FIRST] = i[WIDE]
    i[ACTIVE] = 1
    i[LAST] = at
    i[HUM_SINCE] = at
    i[HUM_PAUSED] = 0
    i[WANDERED] = 0
    s[HUM_MOTION], s[HUM_SPEED] = 0.0, 0.0
    store(load(ring, here, STEADILY), s, HUM_V)
    store(load(s, REST_V), s, BEFORE_V)
    s[MOTION_PEAK], s[SPEED_PEAK], s[PEAK] = ring[here, MOTION], ring[here, SPEED], 0.0
    for q in range(i[FIRST], at + 1):
        beyond = load(ring, q & MASK, LIGHT) - load(s, REST_V)
        s[PEAK] = max(s[PEAK], math.sqrt(total(beyond * beyond)))


@jit
def _move(ring: Any, p: Any, s: Any, i: Any, until: int, out: Any, found: int) -> int:
    """Follow a leg that moves, to the end of its bout or of the block. Return how many bouts have ended."""
    at, last, hum_since, hum_paused = i[INDEX], i[LAST], i[HUM_SINCE], i[HUM_PAUSED]
    grain_on = p[GRAIN_ON] * s[GRAIN] if s[GRAIN] < p[GRAIN_MOST] else 0.0
    factors = vector(p[ON_FACTOR], p[SPEED_FACTOR], 0.0)
    least = vector(max(p[ON_LEAST], grain_on), p[SPEED_LEAST], 0.0)
    off_share, motion_back, speed_back = p[OFF_SHARE], p[MOTION_BACK], p[SPEED_BACK]
    still = p[HUM_WANDER] * p[HUM_WANDER]
    # The floors move more slowly than at rest, and that of the turn stays. So a lasting vibration becomes part of the floor and
    # a movement does not.
    up, down = 1.0 + p[FLOOR_STEP_ACTIVE], 1.0 - p[FLOOR_STEP_ACTIVE]
    rise, fall = vector(up, up, 1.0), vector(down, down, 1.0)
    fall_fast = vector(1.0 - 3.0 * p[FLOOR_STEP_ACTIVE], down, 1.0)
    floors = load(s, FLOORS)
    motion_peak, speed_peak, peak = s[MOTION_PEAK], s[SPEED_PEAK], s[PEAK]
    hum_motion, hum_speed, hum = s[HUM_MOTION], s[HUM_SPEED], load(s, HUM_V)
    rest = load(s, REST_V)
    is_over, is_hum = False, False
    while at < until and not is_over and not is_hum:
        here = at & MASK
        motion, speed = ring[here, MOTION], ring[here, SPEED]
        on = larger(factors * floors, least)
        floors = _floors_after(floors, vector(motion, speed, 0.0), rise, fall, fall_fast)
        motion_peak, speed_peak = max(motion_peak, motion), max(speed_peak, speed)
        beyond = load(ring, here, LIGHT) - rest
        peak = max(peak, math.sqrt(total(beyond * beyond)))
        # Shaking for seconds without a pause, while gravity stays where it is: a hum. The floors take its strength at once.
        hum_motion += motion
        hum_paused += motion < off_share * on[0]
        hum_speed += speed
        wander = load(ring, here, STEADILY) - hum
        if total(wander * wander) > still:
            hum_since, hum_motion, hum_speed, hum = at, 0.0, 0.0, load(ring, here, STEADILY)
            hum_paused = 0
            i[WANDERED] = 1
        elif at - hum_since >= p[HUM]:
            length = at - hum_since
            lifted = load(ring, here, STEADILY) - load(s, BEFORE_V)
            lasts = hum_paused <= p[HUM_PAUSES] * length
            if lasts and hum_motion / length < p[HUM_MOST] and total(lifted * lifted) < still:
                floors = larger(floors, vector(hum_motion / length, hum_speed / length, 0.0))
                is_hum = i[WANDERED] == 0
            hum_since, hum_motion, hum_speed, hum_paused = at, 0.0, 0.0, 0
        if motion > max(off_share * on[0], motion_back * motion_peak) or speed > max(
            on[1], speed_back * speed_peak
        ):
            last = at
        is_over = at - last >= p[QUIET]
        at += 1
    store(floors, s, FLOORS)
    s[MOTION_PEAK], s[SPEED_PEAK], s[PEAK] = motion_peak, speed_peak, peak
    s[HUM_MOTION], s[HUM_SPEED] = hum_motion, hum_speed
    store(hum, s, HUM_V)
    i[LAST], i[HUM_SINCE], i[HUM_PAUSED] = last, hum_since, hum_paused
    i[INDEX] = at - 1
    if is_hum:
        i[ACTIVE] = 0
        i[LIMIT] = at - 1
        i[RESTING] = at - 1
    elif is_over:
        _close(ring, p, s, i, out[found])
        found += 1
    i[INDEX] = at
    return found


@jit
def run(
    x: NDArray[np.float64],
    p: NDArray[np.float64],
    s: NDArray[np.float64],
    i: NDArray[np.int64],
    ring: NDArray[np.float64],
    out: NDArray[np.float64],
    looks: NDArray[np.float64],
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
    looks : (l, LOOKS) float64
        Receives the state after each sample whose index, plus one, is a multiple of `LOOK`.

    Returns
    -------
    int
        Number of bouts written.
    """
    found, looked, first, look = 0, 0, 0, np.int64(p[LOOK])
    while first < x.shape[0]:
        if i[STARTED] == 0:
            _start(x, first, p, s, i, ring)
        end = min(first + min(BLOCK, look - i[INDEX] % look), x.shape[0])
        end = _step_of_chip(x, first, end, s)
        _filter(x, first, end, p, s, i, ring)
        until = i[INDEX] + end - first
        while i[INDEX] < until:
            if i[ACTIVE] == 0:
                _rest(ring, p, s, i, until)
            else:
                found = _move(ring, p, s, i, until, out, found)
        if until % look == 0:
            looks[looked, LOOK_FLOOR], looks[looked, LOOK_ACTIVE] = s[MOTION_FLOOR], i[ACTIVE]
            store(load(s, REST_V), looks, looked, LOOK_REST)
            looked += 1
        first = end
    return found


@jit
def probe(x: Any, p: Any, s: Any, i: Any, ring: Any, out: Any, looks: Any, trace: Any) -> int:
    """Feed samples as `run` does, one at a time, and write what it compared at each of them.

    Parameters
    ----------
    x, p, s, i, ring, out, looks : arrays
        As for `run`, which sees the same samples and so finds the same bouts.
    trace : (n, TRACED) float64
        Receives the signals and thresholds at each sample.

    Returns
    -------
    int
        Number of bouts written.
    """
    found, looked = 0, 0
    rest, away, origin = np.empty(3), np.empty(3), np.empty(3)
    for r in range(x.shape[0]):
        at, begins, moved = i[INDEX], i[STARTED] == 0, i[ACTIVE] == 1
        floor, turn_floor, speed_floor = s[MOTION_FLOOR], s[TURN_FLOOR], s[SPEED_FLOOR]
        displaced = 0.0 if begins else s[DISPLACED]
        for k in range(3):
            rest[k] = x[r, k] if begins else s[REST_V + k]
            away[k], origin[k] = s[AFTER_V + k], s[ORIGIN_V + k]
        new = run(x[r : r + 1], p, s, i, ring, out[found:], looks[looked:])
        looked += i[INDEX] % np.int64(p[LOOK]) == 0
        turned, speed, back = 0.0, 0.0, 0.0
        here, lagged = at & MASK, (at - np.int64(p[SPEED_LAG])) & MASK
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
