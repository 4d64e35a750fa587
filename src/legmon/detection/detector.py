"""Finds leg movements in acceleration, as it arrives or all at once."""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from legmon.detection import kernel as k
from legmon.detection.filters import high_pass, low_pass
from legmon.movement import NS, Leg, LegMovement

NAME: Final = "legmon-adaptive"
VERSION: Final = "1"

# Starting values from the literature on ankle accelerometry and from simulated nights; none is validated against EMG.
MOTION_BAND_HZ = (1.0, 8.0)
SMOOTH_S = 0.08
SLOW_S = 0.06
REST_S = 4.0
FLOOR_S = 20.0
ON_FACTOR, ON_LEAST_G, OFF_SHARE = 4.0, 0.016, 0.4
TURN_ON_G, TURN_OFF_G, TURN_BACK = 0.018, 0.008, 0.3
MOTION_BACK = 0.2
QUIET_S, SETTLE_S, LOOK_BACK_S = 1.0, 8.5, 1.0
DELAY_S = 0.06  # of the filters at onset and offset, subtracted
POSTURE_G = 0.35  # a rest turned by 20 degrees or more is another posture: 2 sin(10 deg)
LONG_S = 10.0


class Detector:
    """Streaming detector of one leg's movements.

    Parameters
    ----------
    rate_hz : float
        Sample rate, 20 to 500 Hz. Filters are designed for it; use the rate the sensor declares.
    leg : {"left", "right"}
        Which ankle.

    Notes
    -----
    `feed` cut anywhere gives the same movements as one call. A movement becomes final 1 s after the leg is quiet and back
    where it was, or 8.5 s after it settled elsewhere. Thresholds follow the noise of the recording, since fixed ones are known
    to fail (Yang et al. 2014); a lift and its return are one movement, held open while gravity stays turned.
    """

    def __init__(self, rate_hz: float, leg: Leg = "left") -> None:
        if not 20.0 <= rate_hz <= 500.0:
            raise ValueError(f"a sample rate of {rate_hz} Hz is outside 20 to 500 Hz")
        if leg not in ("left", "right"):
            raise ValueError(f"leg is {leg!r}; it must be 'left' or 'right'")
        self.rate_hz = float(rate_hz)
        self.leg: Leg = leg
        self._p = _parameters(self.rate_hz)
        self._s = np.zeros(k.FLOATS)
        self._i = np.zeros(k.INTEGERS, dtype=np.int64)
        self._s[k.FLOOR] = 0.002
        self._delay = round(DELAY_S * self.rate_hz)
        self._last_end = 0

    @property
    def position(self) -> int:
        """Index the next sample will get, gaps included."""
        return int(self._i[k.INDEX])

    @property
    def earliest(self) -> int:
        """Index before which no movement will begin any more, also not one that is under way."""
        if self._i[k.ACTIVE]:
            first = int(self._i[k.FIRST])
        else:
            first = max(int(self._i[k.LAST_CALM]) + 1, self.position - int(self._p[k.LOOK_BACK]))
        return max(first - self._delay, self._last_end)

    def feed(self, block: ArrayLike) -> list[LegMovement]:
        """Take samples that follow the last ones.

        Parameters
        ----------
        block : (m, 3) array, g
            Any m >= 0.

        Returns
        -------
        list of LegMovement
            Those that became final.

        Raises
        ------
        ValueError
            If the shape is another one or a value is not finite.
        """
        x = np.ascontiguousarray(block, dtype=np.float64)
        if x.size == 0:
            return []
        if x.ndim != 2 or x.shape[1] != 3:
            raise ValueError(f"samples have the shape {x.shape}; expected (m, 3), in g")
        if not np.isfinite(x).all():
            raise ValueError("samples hold NaN or infinity; leave such stretches out with gap()")
        out = np.empty((len(x) // int(self._p[k.QUIET]) + 1, k.COLUMNS))
        count = k.run(x, self._p, self._s, self._i, out)
        return [self._movement(row) for row in out[:count]]

    def gap(self, missing: int) -> list[LegMovement]:
        """Skip samples that were never received; a movement under way ends where the data end.

        Parameters
        ----------
        missing : int
            How many, 0 or more.
        """
        if missing < 0:
            raise ValueError(f"a gap of {missing} samples cannot be")
        ended = self.finish()
        self._i[k.INDEX] += missing
        self._i[k.STARTED] = 0
        self._last_end = self.position
        return ended

    def finish(self) -> list[LegMovement]:
        """End the recording here: the movement under way, if any, with what is known of it."""
        if not self._i[k.ACTIVE]:
            return []
        self._i[k.ACTIVE] = 0
        end = max(self._i[k.LAST_MOTION], self._i[k.LAST_TURN]) + 1
        turn = math.dist(self._s[k.SLOW_V2 : k.SLOW_V2 + 3], self._s[k.REST_V : k.REST_V + 3])
        return [self._movement(np.array([self._i[k.FIRST], end, self._s[k.PEAK], turn]))]

    def _movement(self, row: NDArray[np.float64]) -> LegMovement:
        first = max(int(row[k.OUT_FIRST]) - self._delay, self._last_end)
        end = max(int(row[k.OUT_END]) - self._delay, first + 1)
        self._last_end = end
        kind = "leg"
        if row[k.OUT_TURN] > POSTURE_G:
            kind = "posture"
        elif end - first > LONG_S * self.rate_hz:
            kind = "long"
        return LegMovement(
            onset_ns=round(first * NS / self.rate_hz),
            offset_ns=round(end * NS / self.rate_hz),
            leg=self.leg,
            kind=kind,
            peak_mg=round(float(row[k.OUT_PEAK]) * 1000.0, 1),
            first=first,
            end=end,
        )


def detect(xyz_g: ArrayLike, rate_hz: float, leg: Leg = "left") -> list[LegMovement]:
    """Find the leg movements of a whole recording.

    Parameters
    ----------
    xyz_g : (n, 3) array, g
        Acceleration at the ankle, any orientation of the axes.
    rate_hz : float
        Sample rate in Hz.
    leg : {"left", "right"}
        Which ankle.

    Returns
    -------
    list of LegMovement
        In order of onset, times from the first sample.
    """
    detector = Detector(rate_hz, leg)
    return detector.feed(xyz_g) + detector.finish()


def _share(time_s: float, rate_hz: float) -> float:
    """Weight of a new sample in an exponential average of this time constant."""
    return 1.0 - math.exp(-1.0 / (time_s * rate_hz))


def _parameters(rate_hz: float) -> NDArray[np.float64]:
    p = np.zeros(k.PARAMETERS)
    p[k.HP_B0 : k.HP_A2 + 1] = high_pass(MOTION_BAND_HZ[0], rate_hz)
    p[k.LP_B0 : k.LP_A2 + 1] = low_pass(min(MOTION_BAND_HZ[1], 0.4 * rate_hz), rate_hz)
    p[k.SMOOTH] = _share(SMOOTH_S, rate_hz)
    p[k.SLOW] = _share(SLOW_S, rate_hz)
    p[k.REST] = _share(REST_S, rate_hz)
    p[k.FLOOR_UP] = p[k.FLOOR_DOWN] = 0.5 * _share(FLOOR_S, rate_hz)
    p[k.FLOOR_LEAST] = 0.0005
    p[k.ON_FACTOR], p[k.ON_LEAST], p[k.OFF_SHARE] = ON_FACTOR, ON_LEAST_G, OFF_SHARE
    p[k.TURN_ON], p[k.TURN_OFF], p[k.TURN_BACK] = TURN_ON_G, TURN_OFF_G, TURN_BACK
    p[k.MOTION_BACK] = MOTION_BACK
    p[k.QUIET], p[k.SETTLE] = round(QUIET_S * rate_hz), round(SETTLE_S * rate_hz)
    p[k.BUSY_FLOOR], p[k.LOOK_BACK] = 0.25, round(LOOK_BACK_S * rate_hz)
    return p
