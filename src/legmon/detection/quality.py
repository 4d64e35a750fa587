"""Which samples can be trusted. Faults of a failing or badly set sensor are named, and the detector does not see them.

It is one pass with a delay of a second, so that a fault is known before the detector sees its first sample. The result does not
depend on how samples were cut. Two kinds of fault remove samples: an axis that is *frozen*, and a stretch at the end of the
range. *Spikes* are replaced by the sample before them. A wrong *scale* and a *noisy* signal are findings about the whole
recording; the detector runs all the same.

When is a repeated value a fault? A healthy sensor of coarse resolution repeats itself too: with steps of 3 mg and noise of 2 mg
every second sample equals the last. So the question is whether *this* sensor can repeat itself for so long:

- Its noise spans several steps (two or more from one sample to the next, in 40 % of samples). Then one second is impossible.
- Its noise is about one step (in 5 %, and runs of one value are usually shorter than 10 samples). Then ten seconds are.
- Its noise is below a step, or it has none. Then only ten minutes without one changed bit on any axis prove that it is dead,
  because pulse, breath and warmth would have changed something. A single axis is never called dead for this reason.

A recording in which nothing ever changes is stuck from its first sample.
"""

import copy
import math
from collections.abc import Sequence
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from legmon.detection.faults import Finding, Unseen
from legmon.detection.jit import jit
from legmon.detection.vector import if_equal, larger, load, store, total, vector
from legmon.messages import FAULT_CAUSES, Fault

# Compiled with vector.py de195101: numba compiles again only if this file changes.

DELAY_S, SOON_S, LATER_S, LATE_S = 1.1, 1.0, 10.0, 600.0
LEARN_S: Final = 10.0  # until the noise of a sensor is known
SPIKE_S, SPIKE_G, SPIKE_RANGE, SPIKE_BACK = 0.04, 4.0, 0.4, 0.25
RAIL: Final = 0.999  # of the range; the largest value of a 12-bit chip is 0.05 % below it
CLIP_JOIN_S: Final = 0.2
SCALE_SHARE, SCALE_LOOKS = 0.03, 3
NOISY_G: Final = 0.008
COARSE_G, TOO_COARSE_G = 0.0081, 0.0201  # steps in which a sensor measures
FINEST_G: Final = 2e-5  # no sensor has a smaller step

_CODES: Final = tuple(FAULT_CAUSES.values())  # as numbers 1, 2, 3

# Where each value stands in the integer state.
_N, _RELEASED, _CODE, _FIRST, _AWAY, _CLIP_FIRST, _CLIP_LAST, _NOTES = range(8)
_STEPS, _BIG, _SQUARES, _SPIKES, _RUN = range(8, 13)
_INTEGERS: Final = _RUN + 3
# And in the float state: last sample, last sample that is no spike, smallest step, size of the jump under way.
_LAST, _GOOD, _STEP, _JUMP, _FLOATS = 0, 3, 6, 7, 8
# And in the parameters.
_SOON, _LATER, _LATE, _LEARN, _SPIKE, _JOIN, _RAIL_G, _DELAY, _PARAMETERS = range(9)
# What a note says: one of the codes when such a stretch is over, or that a sample is at the end of the range, or was replaced.
_AT_RAIL, _REPLACED = 4, 5

_BLOCK: Final = 256  # samples that are looked at together, as long as nothing may be wrong


@jit
def _patience(p: Any, i: Any, more: int) -> float:
    """Return how long a value may repeat itself before it is a fault, in samples: the least until so many more steps are seen."""
    steps, big = i[_STEPS], i[_BIG] + more
    if steps + more < p[_LEARN] or i[_SQUARES] >= 10 * (steps + more):
        return float(p[_LATE])
    if big > 0.4 * steps:
        return float(p[_SOON])
    return float(p[_LATER]) if big > 0.05 * steps else float(p[_LATE])


@jit
def _note(notes: Any, i: Any, what: int, first: int, count: int) -> None:
    note = notes[i[_NOTES]]
    note[0], note[1], note[2] = what, first, count
    i[_NOTES] += 1


@jit
def _add_ordinary(waiting: Any, first: int, end: int, p: Any, s: Any, i: Any) -> bool:
    """Add a block of samples in which nothing is wrong. Return False, and add nothing, where something may be.

    The result is that of `_add_one` for each of them. The sample before `first` is in `waiting` too, and was not replaced.
    """
    was_clipped = i[_CLIP_LAST] >= 0 and i[_N] - i[_CLIP_LAST] <= p[_JOIN]
    if was_clipped or i[_CODE] > 0 or i[_AWAY] >= 0:
        return False
    line = waiting.reshape(-1)
    now, before = line[3 * first : 3 * end], line[3 * first - 3 : 3 * end - 3]
    smallest = s[_STEP] if s[_STEP] > FINEST_G else 0.0
    large, rail = 1.5 * s[_STEP], p[_RAIL_G]
    odd, big = 0, 0
    for j in range(len(now)):
        step = abs(now[j] - before[j])
        odd += ((step > 0.0) & (step < smallest)) | (step > SPIKE_G) | (abs(now[j]) >= rail)
        big += step > large
    if odd > 0:
        return False
    run = began = longest = vector(float(i[_RUN]), float(i[_RUN + 1]), float(i[_RUN + 2]))
    places, last = vector(0.0, 0.0, 0.0), load(waiting, first - 1, 0)
    for r in range(first, end):
        v = load(waiting, r, 0)
        run = if_equal(v, last, run + 1.0, 1.0)
        places = places + run
        longest = larger(longest, run)
        last = v
    count, steps = end - first, np.int64(total(began))
    if max(longest[0], longest[1], longest[2]) > _patience(p, i, steps + 3 * count):
        return False
    # The places 1, 2, 3 of a run add to the square of its length: 1 + 3 + 5 = 9.
    i[_SQUARES] += np.int64(2.0 * total(places) + total(began * began) - total(run * run)) - 3 * count
    i[_STEPS] += steps + 3 * count - np.int64(total(run))
    for k in range(3):
        i[_RUN + k] = np.int64(run[k])
    store(last, s, _LAST)
    store(last, s, _GOOD)
    i[_BIG] += big
    i[_N] += count
    i[_RELEASED] = max(i[_RELEASED], i[_N] - np.int64(p[_DELAY]))
    return True


@jit
def _add_one(waiting: Any, at: int, p: Any, s: Any, i: Any, notes: Any) -> None:
    """Add the sample at `at` of those that wait, and decide about a stretch that cannot be trusted."""
    n, rail = i[_N], p[_RAIL_G]
    patience = _patience(p, i, 0)
    # How long each axis has repeated itself.
    for k in range(3):
        v = waiting[at, k]
        step = abs(v - s[_LAST + k])
        if i[_RUN + k] > 0 and step == 0.0:
            i[_RUN + k] += 1
            continue
        if i[_RUN + k] > 0:
            s[_STEP] = max(min(s[_STEP], step), FINEST_G)
            if i[_RUN + k] <= patience:
                i[_STEPS] += i[_RUN + k]
                i[_SQUARES] += i[_RUN + k] * i[_RUN + k]
                i[_BIG] += 1 if step > 1.5 * s[_STEP] else 0
        i[_RUN + k] = 1
        s[_LAST + k] = v
    # At the end of the range?
    jump, at_rail = 0.0, False
    for k in range(3):
        jump = max(jump, abs(waiting[at, k] - s[_GOOD + k]))
        at_rail = at_rail or abs(waiting[at, k]) >= rail
    if at_rail:
        _note(notes, i, _AT_RAIL, n, 1)
        if i[_CLIP_LAST] < 0 or n - i[_CLIP_LAST] > p[_JOIN]:
            i[_CLIP_FIRST] = n
        i[_CLIP_LAST] = n
    # Out and back within 40 ms?
    out_now = jump > SPIKE_G or (at_rail and jump > SPIKE_RANGE * rail)
    if i[_AWAY] >= 0:
        if jump < SPIKE_BACK * s[_JUMP]:
            i[_SPIKES] += n - i[_AWAY]
            _note(notes, i, _REPLACED, i[_AWAY], n - i[_AWAY])
            for q in range(max(i[_AWAY], i[_RELEASED]), n):
                for k in range(3):
                    waiting[at - n + q, k] = s[_GOOD + k]
            i[_AWAY] = -1
        elif n - i[_AWAY] >= p[_SPIKE]:
            i[_AWAY] = -1
        s[_JUMP] = max(s[_JUMP], jump)
    elif out_now and n > i[_FIRST]:
        i[_AWAY] = n
        s[_JUMP] = jump
    if i[_AWAY] < 0:
        for k in range(3):
            s[_GOOD + k] = waiting[at, k]
    # Is this a stretch that cannot be trusted?
    shortest = min(i[_RUN], i[_RUN + 1], i[_RUN + 2])
    longest = max(i[_RUN], i[_RUN + 1], i[_RUN + 2])
    code, first = 0, n
    is_clipped = i[_CLIP_LAST] >= 0 and n - i[_CLIP_LAST] <= p[_JOIN]
    if is_clipped and i[_CLIP_LAST] - i[_CLIP_FIRST] >= p[_SOON]:
        code, first = 3, i[_CLIP_FIRST]
    elif shortest > patience:
        code, first = 1, n - shortest + 1
    elif longest > patience and patience < p[_LATE] and 2 * shortest < patience and not is_clipped:
        code, first = 2, n - longest + 1
    if i[_CODE] == 0 and code > 0:
        i[_CODE] = code
        i[_FIRST] = max(first, i[_RELEASED])
    elif i[_CODE] > 0 and code == 0:
        _note(notes, i, i[_CODE], i[_FIRST], n - i[_FIRST])
        i[_CODE] = 0
        i[_RELEASED] = n
        i[_FIRST] = n
        i[_AWAY] = -1
        for k in range(3):
            s[_GOOD + k] = waiting[at, k]
    i[_N] = n + 1
    if i[_CODE] > 0:
        i[_RELEASED] = n + 1
    else:
        i[_RELEASED] = max(i[_RELEASED], i[_N] - np.int64(p[_DELAY]))


@jit
def add(waiting: Any, new: int, p: Any, s: Any, i: Any, notes: Any) -> None:
    """Add samples: those that wait, from `new` on. `notes` receives what happened, up to three times a sample."""
    i[_NOTES] = 0
    first, end = new, min(new + 1, waiting.shape[0])
    while first < waiting.shape[0]:
        if first == new or not _add_ordinary(waiting, first, end, p, s, i):
            for at in range(first, end):
                _add_one(waiting, at, p, s, i, notes)
        first, end = end, min(end + _BLOCK, waiting.shape[0])


class Quality:
    """Check the quality of one recording as it arrives.

    Parameters
    ----------
    rate_hz : float
        Sample rate.
    range_g : float, optional
        The largest value that the sensor can measure. Without it no sample counts as clipped.
    """

    def __init__(self, rate_hz: float, range_g: float | None = None) -> None:
        self._rate = rate_hz
        self._p = np.zeros(_PARAMETERS)
        self._p[[_SOON, _LATER, _LATE]] = [round(t * rate_hz) for t in (SOON_S, LATER_S, LATE_S)]
        self._p[_LEARN] = 3 * round(LEARN_S * rate_hz)
        self._p[_SPIKE] = max(int(SPIKE_S * rate_hz), 2)
        self._p[_JOIN] = round(CLIP_JOIN_S * rate_hz)
        self._p[_RAIL_G] = math.inf if range_g is None else RAIL * range_g
        self._p[_DELAY] = round(DELAY_S * rate_hz) + 1
        self._s = np.zeros(_FLOATS)
        self._s[_STEP] = math.inf
        self._i = np.zeros(_INTEGERS, dtype=np.int64)
        self._i[[_AWAY, _CLIP_FIRST, _CLIP_LAST]] = -1
        self._waiting = np.empty((0, 3))
        self._at_rail: list[int] = []  # of those that wait
        self._trusted = 0
        self._clipped = 0
        self.unseen: list[Unseen] = []
        self.clipped: list[int] = []
        """Indices of released samples at the end of the range. The user of this list removes those it has used."""

    def copy(self) -> "Quality":
        """Return another one in the same state, without the stretches noted so far."""
        other: Quality = copy.copy(self)
        other._s, other._i = self._s.copy(), self._i.copy()
        other._waiting, other._at_rail = self._waiting.copy(), self._at_rail.copy()
        other.unseen, other.clipped = [], self.clipped.copy()
        return other

    @property
    def position(self) -> int:
        """The index that the next sample gets."""
        return int(self._i[_N])

    @property
    def under_way(self) -> Unseen | None:
        """The untrusted stretch that is not over yet, if any."""
        i = self._i
        if i[_CODE] == 0:
            return None
        return Unseen(int(i[_FIRST]), int(i[_N] - i[_FIRST]), _CODES[i[_CODE] - 1])

    def feed(self, x: NDArray[np.float64]) -> list[NDArray[np.float64] | Unseen]:
        """Add samples that follow the last ones.

        Parameters
        ----------
        x : (m, 3) float64, g
            Any m >= 0.

        Returns
        -------
        list of (n, 3) arrays and Unseen
            Earlier samples whose quality is known now, in order. Spikes are replaced.
        """
        i = self._i
        at = self.position - len(self._waiting)  # index of the first sample that waits
        waiting = np.concatenate((self._waiting, x))
        notes = np.empty((3 * len(x), 3), dtype=np.int64)
        add(waiting, len(self._waiting), self._p, self._s, i, notes)
        pieces: list[NDArray[np.float64] | Unseen] = []
        begin = at
        for what, first, count in notes[: i[_NOTES]].tolist():
            if what == _AT_RAIL:
                self._at_rail.append(first)
            elif what == _REPLACED:
                self._at_rail = [n for n in self._at_rail if not first <= n < first + count]
            else:
                pieces.append(waiting[begin - at : max(first, begin) - at])
                self._release(begin, first)
                begin = first + count
                self._at_rail = [n for n in self._at_rail if n >= begin]
                self.unseen.append(Unseen(first, count, _CODES[what - 1]))
                pieces.append(self.unseen[-1])
        end = int(i[_FIRST] if i[_CODE] > 0 else i[_RELEASED])
        pieces.append(waiting[begin - at : max(end, begin) - at])
        self._release(begin, end)
        if i[_CODE] > 0:
            self._at_rail.clear()  # what is not trusted is not clipped as well
        self._waiting = waiting[i[_RELEASED] - at :].copy()
        return pieces

    def flush(self) -> list[NDArray[np.float64] | Unseen]:
        """Release what is left, because the recording ends here or a gap begins."""
        under_way, i = self.under_way, self._i
        if under_way is not None:
            i[_CODE] = 0
            i[_RELEASED] = i[_FIRST] = i[_N]
            self._at_rail.clear()
            self.unseen.append(under_way)
            return [under_way]
        left, self._waiting = self._waiting, self._waiting[:0]
        self._release(int(i[_RELEASED]), int(i[_N]))
        i[_RELEASED] = i[_N]
        return [left]

    def skip(self, missing: int) -> None:
        """Skip samples that were never received. Call `flush` first."""
        self._i[_N] += missing
        self._i[[_RELEASED, _FIRST]] = self._i[_N]
        self._i[[_AWAY, _CLIP_FIRST, _CLIP_LAST]] = -1

    @property
    def is_constant(self) -> bool:
        """Whether no value has changed since the start, in more than 10 s."""
        return bool(math.isinf(self._s[_STEP]) and self._i[_RUN] > self._p[_LATER])

    def findings(self, floors: Sequence[float] = (), gravity: Sequence[float] = ()) -> list[Finding]:
        """Return the faults so far.

        Parameters
        ----------
        floors : sequence of float
            The detector's noise floor at equal intervals, g.
        gravity : sequence of float
            How much gravity the detector measured at rest, at equal intervals, g.
        """
        samples: dict[Fault, float] = dict.fromkeys(Fault, 0)
        for u in [*self.unseen, *([self.under_way] if self.under_way else [])]:
            samples[u.fault] += u.count
        if self.is_constant:
            samples[Fault.STUCK] = int(self._i[_RUN])
        samples[Fault.CLIPPED] += self._clipped
        samples[Fault.SPIKE] = int(self._i[_SPIKES])
        trusted = self._trusted
        at_rest = gravity if len(gravity) >= SCALE_LOOKS and not self.is_constant else [1.0]
        if abs(median(at_rest) - 1.0) > SCALE_SHARE:
            samples[Fault.SCALE] = trusted
        if TOO_COARSE_G < self._s[_STEP] < math.inf:
            samples[Fault.TOO_COARSE] = trusted
        elif COARSE_G < self._s[_STEP] < math.inf:
            samples[Fault.COARSE] = trusted
        if floors and median(floors) > NOISY_G:
            samples[Fault.NOISY] = trusted
        return [Finding(code, round(n / self._rate, 3)) for code, n in samples.items() if n]

    def _release(self, first: int, end: int) -> None:
        """Count the samples from `first` to `end`, those at the end of the range apart."""
        released = [n for n in self._at_rail if n < end]
        self._at_rail = self._at_rail[len(released) :]
        self.clipped += released
        self._clipped += len(released)
        self._trusted += max(end - first, 0) - len(released)
