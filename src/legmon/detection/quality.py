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
from legmon.messages import FAULT_CAUSES, Fault

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
_N, _RELEASED, _CODE, _FIRST, _AWAY, _CLIP_FIRST, _CLIP_LAST = range(7)
_STEPS, _BIG, _SQUARES, _SPIKES, _RUN = range(7, 12)
_TRUSTED: Final = _RUN + 3
_INTEGERS: Final = _TRUSTED + 1
# And in the float state: last sample, last sample that is no spike, smallest step, size of the jump under way.
_LAST, _GOOD, _STEP, _JUMP, _FLOATS = 0, 3, 6, 7, 8
# And in the parameters.
_SOON, _LATER, _LATE, _LEARN, _SPIKE, _JOIN, _RAIL_G = range(7)


@jit
def _patience(p: Any, i: Any) -> float:
    """Return how long a value may repeat itself before it is a fault, in samples."""
    steps = i[_STEPS]
    if steps < p[_LEARN] or i[_SQUARES] >= 10 * steps:
        return float(p[_LATE])
    if i[_BIG] > 0.4 * steps:
        return float(p[_SOON])
    return float(p[_LATER]) if i[_BIG] > 0.05 * steps else float(p[_LATE])


@jit
def _release(ring: Any, flags: Any, i: Any, until: int, out: Any, clipped: Any, counts: Any) -> None:
    """Release the samples before `until`. `counts` holds how many samples, gaps and clipped samples were written."""
    while i[_RELEASED] < until:
        at = i[_RELEASED] % ring.shape[0]
        for k in range(3):
            out[counts[0], k] = ring[at, k]
        counts[0] += 1
        if flags[at] == 1:
            clipped[counts[2]] = i[_RELEASED]
            counts[2] += 1
        else:
            i[_TRUSTED] += 1
        i[_RELEASED] += 1


@jit
def _run(
    x: Any,
    p: Any,
    s: Any,
    i: Any,
    ring: Any,
    flags: Any,
    out: Any,
    gaps: Any,
    clipped: Any,
    counts: Any,
) -> None:
    """Add samples. Release those that are a second older, and untrusted stretches once they are over."""
    length = ring.shape[0]
    rail = p[_RAIL_G]
    for r in range(x.shape[0]):
        n = i[_N]
        at = n % length
        patience = _patience(p, i)
        # How long each axis has repeated itself.
        for k in range(3):
            v = x[r, k]
            ring[at, k] = v
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
        flags[at] = 0
        jump, at_rail = 0.0, False
        for k in range(3):
            jump = max(jump, abs(x[r, k] - s[_GOOD + k]))
            at_rail = at_rail or abs(x[r, k]) >= rail
        if at_rail:
            flags[at] = 1
            if i[_CLIP_LAST] < 0 or n - i[_CLIP_LAST] > p[_JOIN]:
                i[_CLIP_FIRST] = n
            i[_CLIP_LAST] = n
        # Out and back within 40 ms?
        out_now = jump > SPIKE_G or (at_rail and jump > SPIKE_RANGE * rail)
        if i[_AWAY] >= 0:
            if jump < SPIKE_BACK * s[_JUMP]:
                for q in range(i[_AWAY], n):
                    i[_SPIKES] += 1
                    if q >= i[_RELEASED]:
                        flags[q % length] = 2
                        for k in range(3):
                            ring[q % length, k] = s[_GOOD + k]
                i[_AWAY] = -1
            elif n - i[_AWAY] >= p[_SPIKE]:
                i[_AWAY] = -1
            s[_JUMP] = max(s[_JUMP], jump)
        elif out_now and n > i[_FIRST]:
            i[_AWAY] = n
            s[_JUMP] = jump
        if i[_AWAY] < 0:
            for k in range(3):
                s[_GOOD + k] = x[r, k]
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
            first = max(first, i[_RELEASED])
            _release(ring, flags, i, first, out, clipped, counts)
            i[_CODE] = code
            i[_FIRST] = first
        elif i[_CODE] > 0 and code == 0:
            gaps[counts[1], 0] = i[_CODE]
            gaps[counts[1], 1] = i[_FIRST]
            gaps[counts[1], 2] = n - i[_FIRST]
            counts[1] += 1
            i[_CODE] = 0
            i[_RELEASED] = n
            i[_FIRST] = n
            i[_AWAY] = -1
            for k in range(3):
                s[_GOOD + k] = x[r, k]
        i[_N] = n + 1
        if i[_CODE] > 0:
            i[_RELEASED] = n + 1
        else:
            _release(ring, flags, i, n + 2 - length, out, clipped, counts)


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
        self._p = np.array(
            [round(t * rate_hz) for t in (SOON_S, LATER_S, LATE_S)]
            + [3 * round(LEARN_S * rate_hz), max(int(SPIKE_S * rate_hz), 2), round(CLIP_JOIN_S * rate_hz)]
            + [math.inf if range_g is None else RAIL * range_g]
        )
        self._s = np.zeros(_FLOATS)
        self._s[_STEP] = math.inf
        self._i = np.zeros(_INTEGERS, dtype=np.int64)
        self._i[[_AWAY, _CLIP_FIRST, _CLIP_LAST]] = -1
        length = round(DELAY_S * rate_hz) + 2
        self._ring, self._flags = np.zeros((length, 3)), np.zeros(length, dtype=np.int8)
        self._clipped = 0
        self.unseen: list[Unseen] = []
        self.clipped: list[int] = []
        """Indices of released samples at the end of the range. The user of this list removes those it has used."""

    def copy(self) -> "Quality":
        """Return another one in the same state, without the stretches noted so far."""
        other: Quality = copy.copy(self)
        other._s, other._i = self._s.copy(), self._i.copy()
        other._ring, other._flags = self._ring.copy(), self._flags.copy()
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
        room = len(x) + len(self._ring)
        out, clipped = np.empty((room, 3)), np.empty(room, dtype=np.int64)
        gaps, counts = np.empty((len(x) + 1, 3), dtype=np.int64), np.zeros(3, dtype=np.int64)
        before = int(self._i[_RELEASED]) if self._i[_CODE] == 0 else int(self._i[_FIRST])
        _run(x, self._p, self._s, self._i, self._ring, self._flags, out, gaps, clipped, counts)
        self._note(clipped[: counts[2]])
        pieces: list[NDArray[np.float64] | Unseen] = []
        given = 0
        for code, first, count in gaps[: counts[1]].tolist():
            size = first - before
            pieces += [out[given : given + size], Unseen(first, count, _CODES[code - 1])]
            self.unseen.append(Unseen(first, count, _CODES[code - 1]))
            given, before = given + size, first + count
        return [*pieces, out[given : counts[0]]]

    def flush(self) -> list[NDArray[np.float64] | Unseen]:
        """Release what is left, because the recording ends here or a gap begins."""
        under_way, i = self.under_way, self._i
        if under_way is not None:
            i[_CODE] = 0
            i[_RELEASED] = i[_FIRST] = i[_N]
            self.unseen.append(under_way)
            return [under_way]
        room = len(self._ring)
        out, clipped, counts = (
            np.empty((room, 3)),
            np.empty(room, dtype=np.int64),
            np.zeros(3, dtype=np.int64),
        )
        _release(self._ring, self._flags, i, int(i[_N]), out, clipped, counts)
        self._note(clipped[: counts[2]])
        return [out[: counts[0]]]

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
        trusted = int(self._i[_TRUSTED])
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

    def _note(self, clipped: NDArray[np.int64]) -> None:
        self._clipped += len(clipped)
        self.clipped += clipped.tolist()
