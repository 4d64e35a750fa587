"""Check whether the index of a frame is possible, from the clock and the sensor's uptime."""

from typing import Literal

from legmon.sensors.base import Frame

SLACK, SLACK_S = 1.5, 120.0  # a frame may be this much further on than the clock shows: both may be off
REPEATED_S = 5.0  # a live frame may repeat samples from this far back
MOST_ODD = 20
UPTIME_SLACK_S, UPTIME_SLACK = 1.0, 0.3  # rates are off by percents, frames damaged in the air by more
LEARNED_S = 60.0  # after this the sensor's own rate is known well
KNOWN_SLACK = 0.01


class FramePlausibility:
    """Decide which frames of one leg are plausible.

    Parameters
    ----------
    declared_hz : float
        Nominal rate.
    """

    def __init__(self, declared_hz: float) -> None:
        self._hz = declared_hz
        self._uptime: dict[int, UptimeCheck] = {}
        self._odd = 0  # implausible frames in a row

    def begin(self, stream: int) -> None:
        """Begin a stream."""
        self._uptime[stream] = UptimeCheck(self._hz)

    def learn(self, stream: int, first: int, t_us: int) -> None:
        """Add the uptime at a sample of a frame that was accepted."""
        self._uptime[stream].learn(first, t_us)

    def late(self, frame: Frame) -> bool:
        """Whether a frame from the sensor's buffer is plausible."""
        return self._uptime[frame.stream].believes(frame.first, frame.t_us)

    def live(self, frame: Frame, ahead: int, since_s: float) -> Literal["yes", "no", "anew"]:
        """Return whether a live frame is plausible.

        Parameters
        ----------
        frame : Frame
            A frame of a known stream.
        ahead : int
            How many samples it is after the newest one.
        since_s : float
            Seconds since that one arrived.

        Returns
        -------
        {"yes", "no", "anew"}
            *anew* where many in a row are implausible: then the sensor itself restarted its count.
        """
        uptime = self._uptime[frame.stream]
        fits = -REPEATED_S * self._hz <= ahead <= (SLACK * since_s + SLACK_S) * self._hz
        if fits and uptime.believes(frame.first, frame.t_us):
            self._odd = 0
            return "yes"
        self._odd += 1
        if self._odd < MOST_ODD:
            return "no"
        self.begin(frame.stream)  # the sensor restarted its clock or its count
        return "no" if fits else "anew"


class UptimeCheck:
    """The pairs of index and uptime of one stream. A frame whose pair is far from the line through the others is damaged.

    A radio's checksum misses one damaged packet in millions, and the firmware of some sensors damages more. A wrong index would
    put samples into the wrong minute.

    Parameters
    ----------
    declared_hz : float
        The rate that the sensor declares.
    """

    def __init__(self, declared_hz: float) -> None:
        self._declared_hz = declared_hz
        self._first: tuple[int, int] | None = None
        self._last = (0, 0)

    def learn(self, index: int, t_us: int) -> None:
        """Add the pair of a frame that was accepted."""
        if self._first is None:
            self._first = (index, t_us)
        if t_us >= self._last[1]:
            self._last = (index, t_us)

    def believes(self, index: int, t_us: int) -> bool:
        """Whether a pair is plausible. A pair without a time (0) always is."""
        if self._first is None or t_us == 0:
            return True
        samples, learned_s = self._last[0] - self._first[0], (self._last[1] - self._first[1]) / 1e6
        is_known = learned_s > LEARNED_S and samples > 0
        rate = samples / learned_s if is_known else self._declared_hz
        expected_s = (index - self._last[0]) / rate
        off_s = abs((t_us - self._last[1]) / 1e6 - expected_s)
        return off_s <= UPTIME_SLACK_S + (KNOWN_SLACK if is_known else UPTIME_SLACK) * abs(expected_s)
