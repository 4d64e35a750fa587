"""Finds leg movements in acceleration, while it arrives or all at once."""

import copy
import math
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from legmon.detection import kernel as k
from legmon.detection.bout import Bout, bout
from legmon.detection.bouts import BoutMerger, Kind
from legmon.detection.confidence import confidence
from legmon.detection.faults import Finding, Unseen
from legmon.detection.filters import high_pass, low_pass
from legmon.detection.jit import compilations
from legmon.detection.quality import Quality
from legmon.detection.trace import Trace, Tracer
from legmon.messages import Fault
from legmon.movement import NS, Leg, LegMovement

NAME: Final = "legmon-adaptive"
VERSION: Final = "4"
DETECTOR: Final = f"{NAME} {VERSION}"

# From the literature on ankle accelerometry (docs/detector.md) and from simulated nights. None is validated against EMG.
MOTION_BAND_HZ = (1.0, 8.0)
SLOW_S, SMOOTH_S, REST_S, FLOOR_S = 0.1, 0.06, 2.0, 20.0
ON_FACTOR, ON_LEAST_G, OFF_SHARE, MOTION_BACK = 4.5, 0.005, 0.4, 0.12
TURN_FACTOR, TURN_LEAST_G = 6.0, 0.0065
SPEED_FACTOR, SPEED_LEAST_G, SPEED_LAG_S = 3.0, 0.005, 0.4
EDGE_FACTOR, EDGE_LEAST_G = 3.0, 0.005
KERNEL_HELD_G, KERNEL_HELD_FACTOR, HELD_BACK, KERNEL_HOLD_S = 0.004, 2.5, 0.5, 9.0
QUIET_S, CALM_S, HALF_S, TRIM_S, LOOK_BACK_S = 1.0, 0.15, 0.03, 0.02, 3.0
FIRST_FLOOR_G = 0.004
STEADY_S, BOX_S = 0.25, 0.5
FLOOR_ACTIVE_S = 80.0
HALF_MOST_S = 0.15
DRIFT_S, DRIFT_SHARE = 1.2, 0.35
SPEED_BACK, GRAIN_ON, GRAIN_MOST_G = 0.06, 0.9, 0.04
HUM_S, HUM_WANDER_G, HUM_MOST_G, HUM_PAUSES = 3.0, 0.006, 0.020, 0.1
LOWEST_HZ, HIGHEST_HZ = 20.0, 500.0
SLICE: Final = 16384
LOOK_S: Final = 10.0  # the noise floor is sampled this often
SETTLED_S: Final = 0.4  # a leg that was quiet for so long has perhaps ended its movement


class Detector:
    """Detect one leg's movements in a stream of samples.

    Parameters
    ----------
    rate_hz : float
        Sample rate, 20 to 500 Hz. Filters are designed for it. Use the rate that the sensor declares.
    leg : {"left", "right"}
        Which ankle.
    range_g : float, optional
        The largest value that the sensor can measure. With it clipped samples are recognised.
    tracer : Tracer, optional
        Collects why each bout was found, left out or joined. The movements are the same without it.

    Notes
    -----
    `feed` cut anywhere gives the same movements as one call. A movement becomes final about 6 s after the leg rests again, or
    about 14 s after it was left displaced, because its return would belong to it. Thresholds follow the noise of the recording,
    since fixed ones are known to fail (Yang et al. 2014). `legmon.detection.kernel` and `legmon.detection.bouts` describe the
    method. `legmon.detection.quality` removes the samples of a failing sensor. The detector treats such a stretch (`unseen`)
    like a gap.
    """

    def __init__(
        self,
        rate_hz: float,
        leg: Leg = "left",
        *,
        range_g: float | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        if not LOWEST_HZ <= rate_hz <= HIGHEST_HZ:
            raise ValueError(f"a sample rate of {rate_hz} Hz is outside {LOWEST_HZ:g} to {HIGHEST_HZ:g} Hz")
        if leg not in ("left", "right"):
            raise ValueError(f"leg is {leg!r}; it must be 'left' or 'right'")
        self.rate_hz = float(rate_hz)
        self.leg: Leg = leg
        self._p = _parameters(self.rate_hz)
        self._s = np.zeros(k.FLOATS)
        self._s[[k.MOTION_FLOOR, k.TURN_FLOOR, k.SPEED_FLOOR]] = FIRST_FLOOR_G
        self._s[k.GRAIN] = math.inf
        self._i = np.zeros(k.INTEGERS, dtype=np.int64)
        self._ring = np.zeros((k.ROWS, k.WIDTH))
        # An onset lies between two samples and is seen at the second one. At 25 Hz there is no room for more trim.
        self._trim = (math.floor(TRIM_S * self.rate_hz), math.floor(TRIM_S * self.rate_hz + 0.5))
        self._tracer = tracer
        if tracer:
            tracer.begin(self.rate_hz)
        self._merger = BoutMerger(self.rate_hz, tracer)
        self._last_end = 0
        self._quality = Quality(self.rate_hz, range_g)
        self._floors: list[float] = []
        self._gravity: list[float] = []
        self._look, self._quiet = int(self._p[k.LOOK]), int(self._p[k.QUIET])

    @classmethod
    def compile(cls) -> int:
        """Compile what a detector calls, or load it from the cache. Without this the first samples wait for it.

        It takes some 15 s, once on each computer, and half a second afterwards.

        Returns
        -------
        int
            How many functions were compiled; 0 if all of them came from the cache.
        """
        made: Detector = cls(LOWEST_HZ)
        made.feed([[0.0, 0.0, 1.0]])
        made.finish()
        k.finish(made._p, made._s, made._i, made._ring, np.zeros(k.COLUMNS))
        return len(compilations())

    @property
    def position(self) -> int:
        """The index that the next sample gets, gaps included."""
        return self._quality.position

    @property
    def unseen(self) -> list[Unseen]:
        """Stretches in which the sensor failed, so that the leg was not seen. Only those that are over."""
        return self._quality.unseen

    def unseen_so_far(self) -> list[Unseen]:
        """Return the same, with one that is not over. A recording in which no value ever changed is one such stretch."""
        q = self._quality
        if q.is_constant:
            return [Unseen(0, q.position, Fault.STUCK)]
        return q.unseen if q.under_way is None else [*q.unseen, q.under_way]

    def quality(self) -> list[Finding]:
        """Return what is wrong with the signal so far."""
        return self._quality.findings(self._floors, self._gravity)

    @property
    def earliest(self) -> int:
        """Index before which no movement will begin any more, including the one under way."""
        return max(self._merger.earliest(self._horizon()), self._last_end)

    @property
    def _seen(self) -> int:
        """Index of the next sample for the kernel: a second behind `position`."""
        return int(self._i[k.INDEX])

    def _horizon(self) -> int:
        """Return the earliest index at which a later bout can begin."""
        if self._i[k.ACTIVE]:
            return int(self._i[k.FIRST])
        return max(int(self._i[k.LIMIT]), self._seen - int(self._p[k.LOOK_BACK]))

    def feed(self, block: ArrayLike) -> list[LegMovement]:
        """Add samples that follow the last ones.

        Parameters
        ----------
        block : (m, 3) array, g
            Any m >= 0.

        Returns
        -------
        list of LegMovement
            The movements that became final.

        Raises
        ------
        ValueError
            If the shape is wrong or a value is not finite.
        """
        x = np.ascontiguousarray(block, dtype=np.float64)
        if x.size == 0:
            return []
        if x.ndim != 2 or x.shape[1] != 3:
            raise ValueError(f"samples have the shape {x.shape}; expected (m, 3), in g")
        if not np.isfinite(x).all():
            raise ValueError("samples hold NaN or infinity; leave such stretches out with gap()")
        found: list[LegMovement] = []
        for at in range(0, len(x), SLICE):
            found += self._take(self._quality.feed(x[at : at + SLICE]))
        return found

    def _take(self, pieces: Iterable[NDArray[np.float64] | Unseen]) -> list[LegMovement]:
        found: list[LegMovement] = []
        for piece in pieces:
            if isinstance(piece, Unseen):
                found += self._skip(piece.count)
                continue
            if len(piece):
                found += self._see(piece)
        return found

    def _see(self, x: NDArray[np.float64]) -> list[LegMovement]:
        out = np.empty((len(x) // self._quiet + 1, k.COLUMNS))
        looks = np.empty(((self._seen + len(x)) // self._look - self._seen // self._look, k.LOOKS))
        count = self._run(x, out, looks)
        for floor, is_active, *rest in looks.tolist():
            self._floors.append(floor)
            if not is_active:
                self._gravity.append(math.hypot(*rest))
        found: list[LegMovement] = []
        for row in out[:count]:
            found += self._movements(self._merger.take(self._bout(row)))
        return found + self._movements(self._merger.advance(self._horizon()))

    def _run(self, x: NDArray[np.float64], out: NDArray[np.float64], looks: NDArray[np.float64]) -> int:
        given = (self._p, self._s, self._i, self._ring, out, looks)
        if self._tracer is None:
            return int(k.run(x, *given))
        first, signals = self._seen, np.empty((len(x), k.TRACED))
        count = int(k.probe(x, *given, signals))
        self._tracer.saw(first, signals)
        return count

    def _bout(self, row: NDArray[np.float64], *, cut_off: bool = False) -> Bout:
        b = bout(row, self.rate_hz, self._trim)
        if self._tracer:
            self._tracer.took(b, self._seen if cut_off else None)
        return b

    def gap(self, missing: int) -> list[LegMovement]:
        """Skip samples that were never received. A movement under way ends where the data end.

        Parameters
        ----------
        missing : int
            Number of samples, 0 or more.
        """
        if missing < 0:
            raise ValueError(f"a gap has {missing} samples; expected 0 or more")
        found = self._take(self._quality.flush()) + self._skip(missing)
        self._quality.skip(missing)
        return found

    def _skip(self, missing: int) -> list[LegMovement]:
        ended = self._end()
        self._i[k.INDEX] += missing
        self._i[k.STARTED] = 0
        self._last_end = self._seen
        return ended

    def finish(self) -> list[LegMovement]:
        """End the recording. Return the movements that are left, including the one under way."""
        return self._take(self._quality.flush()) + self._end()

    def _end(self) -> list[LegMovement]:
        found: list[LegMovement] = []
        if self._i[k.ACTIVE]:
            row = np.zeros(k.COLUMNS)
            now, before = self._s[k.SLOW_V : k.SLOW_V + 3].copy(), self._s[k.BEFORE_V : k.BEFORE_V + 3]
            is_away = math.dist(now, before) > max(EDGE_LEAST_G, EDGE_FACTOR * self._s[k.MOTION_FLOOR])
            k.finish(self._p, self._s, self._i, self._ring, row)
            row[k.OUT_END] = self._seen + self._trim[1] if is_away else self._i[k.LAST] + 1
            row[k.OUT_AFTER : k.OUT_AFTER + 3] = now
            found += self._movements(self._merger.take(self._bout(row, cut_off=True)))
        return found + self._movements(self._merger.finish(self._seen))

    def pending(self) -> list[LegMovement]:
        """Return the movements that are seen but not final, as if the leg did nothing more. The detector is not changed.

        A movement is among them about half a second after the leg has become quiet. Its end, kind and existence may still
        change: it may go on, be joined to another one, or turn out to be the bed.

        Returns
        -------
        list of LegMovement
            In order of onset. A movement under way is not among them.
        """
        ahead: Detector = self._copy()
        found = ahead._take(ahead._quality.flush())
        if ahead._i[k.ACTIVE] and ahead._seen - ahead._i[k.LAST] >= SETTLED_S * self.rate_hz:
            row = np.zeros(k.COLUMNS)
            k.finish(ahead._p, ahead._s, ahead._i, ahead._ring, row)
            found += ahead._movements(ahead._merger.take(ahead._bout(row)))
        return found + ahead._movements(ahead._merger.finish(0))

    def _copy(self) -> "Detector":
        """Return a detector in the same state, without what was noted of the signal so far."""
        other: Detector = copy.copy(self)
        other._s, other._i, other._ring = self._s.copy(), self._i.copy(), self._ring.copy()
        other._merger = copy.deepcopy(self._merger)
        other._quality = self._quality.copy()
        other._floors, other._gravity = [], []
        other._tracer = None
        return other

    def _movements(self, given: Iterable[tuple[Bout, Kind]]) -> list[LegMovement]:
        found = []
        for b, kind in given:
            first = max(b.first, self._last_end)
            end = max(b.end, first + 1)
            self._last_end = end
            clipped = self._quality.clipped
            inside = sum(first <= at < end for at in clipped)
            clipped[:] = [at for at in clipped if at >= end]
            named = "artefact" if 2 * inside > end - first else kind
            movement = LegMovement(
                onset_ns=round(first * NS / self.rate_hz),
                offset_ns=round(end * NS / self.rate_hz),
                leg=self.leg,
                kind=named,
                peak_mg=round(b.peak * 1000.0, 1),
                first=first,
                end=end,
                confidence=confidence(b, named, self.rate_hz),
            )
            if self._tracer:
                self._tracer.became(b, movement)
            found.append(movement)
        return found


class Detected(list[LegMovement]):
    """The movements of a recording, in order of onset.

    Attributes
    ----------
    trace : Trace or None
        Why the detector decided as it did. None unless `detect` was asked for it.
    """

    trace: Trace | None = None


def detect(xyz_g: ArrayLike, rate_hz: float, leg: Leg = "left", *, trace: bool = False) -> Detected:
    """Find the leg movements of a whole recording.

    Parameters
    ----------
    xyz_g : (n, 3) array, g
        Acceleration at the ankle, with the axes in any orientation.
    rate_hz : float
        Sample rate in Hz.
    leg : {"left", "right"}
        Which ankle.
    trace : bool
        Whether to note why: the list's attribute `trace` then holds every bout with its signals, their thresholds and the
        rules that decided. The movements are the same.

    Returns
    -------
    Detected
        The movements in order of onset, as a list. Times count from the first sample.
    """
    tracer = Tracer() if trace else None
    detector = Detector(rate_hz, leg, tracer=tracer)
    found = Detected(detector.feed(xyz_g) + detector.finish())
    found.trace = tracer.trace if tracer else None
    return found


def _share(time_s: float, rate_hz: float) -> float:
    """Return the weight of a new sample in an exponential average of this time constant."""
    return 1.0 - math.exp(-1.0 / (time_s * rate_hz))


def _parameters(rate_hz: float) -> NDArray[np.float64]:
    p = np.zeros(k.PARAMETERS)
    p[k.HP_B0 : k.HP_A2 + 1] = high_pass(MOTION_BAND_HZ[0], rate_hz)
    p[k.LP_B0 : k.LP_A2 + 1] = low_pass(min(MOTION_BAND_HZ[1], 0.4 * rate_hz), rate_hz)
    p[k.SLOW], p[k.SMOOTH], p[k.REST] = (_share(t, rate_hz) for t in (SLOW_S, SMOOTH_S, REST_S))
    p[k.FLOOR_STEP] = 0.5 * _share(FLOOR_S, rate_hz)
    p[k.ON_FACTOR], p[k.ON_LEAST] = ON_FACTOR, ON_LEAST_G
    p[k.OFF_SHARE], p[k.MOTION_BACK] = OFF_SHARE, MOTION_BACK
    p[k.TURN_FACTOR], p[k.TURN_LEAST] = TURN_FACTOR, TURN_LEAST_G
    p[k.SPEED_FACTOR], p[k.SPEED_LEAST] = SPEED_FACTOR, SPEED_LEAST_G
    p[k.EDGE_FACTOR], p[k.EDGE_LEAST] = EDGE_FACTOR, EDGE_LEAST_G
    p[k.HELD_FACTOR], p[k.HELD_LEAST], p[k.HELD_BACK] = KERNEL_HELD_FACTOR, KERNEL_HELD_G, HELD_BACK
    p[k.QUIET], p[k.CALM] = round(QUIET_S * rate_hz), round(CALM_S * rate_hz)
    p[k.HELD], p[k.SPEED_LAG] = round(KERNEL_HOLD_S * rate_hz), round(SPEED_LAG_S * rate_hz)
    p[k.LOOK_BACK] = round(LOOK_BACK_S * rate_hz)
    p[k.STEADY] = _share(STEADY_S, rate_hz)
    p[k.FLOOR_STEP_ACTIVE] = 0.5 * _share(FLOOR_ACTIVE_S, rate_hz)
    p[k.HUM_PAUSES] = HUM_PAUSES
    p[k.HUM], p[k.HUM_WANDER], p[k.HUM_MOST] = round(HUM_S * rate_hz), HUM_WANDER_G, HUM_MOST_G
    p[k.HALF_MOST] = max(round(HALF_MOST_S * rate_hz), 1)
    p[k.SPEED_BACK], p[k.GRAIN_ON], p[k.GRAIN_MOST] = SPEED_BACK, GRAIN_ON, GRAIN_MOST_G
    p[k.DRIFT], p[k.DRIFT_SHARE] = round(DRIFT_S * rate_hz), DRIFT_SHARE
    p[k.LOOK] = round(LOOK_S * rate_hz)
    p[k.BOX] = round(BOX_S * rate_hz)
    p[k.HALF] = max(round(HALF_S * rate_hz), 1)
    return p
