"""Whether what a frame says of its own place can be: going by the clock, and by the sensor's uptime."""

from typing import Literal

from legmon.sensors.base import Frame
from legmon.timeline.uptime import UptimeCheck

SLACK, SLACK_S = 1.5, 120.0  # so much further on than the clock says a frame may be: both may be off
REPEATED_S = 5.0  # a live frame so far behind may have come before
MOST_ODD = 20


class Belief:
    """What is believed of one leg's frames.

    Parameters
    ----------
    declared_hz : float
        Nominal rate.
    """

    def __init__(self, declared_hz: float) -> None:
        self._hz = declared_hz
        self._uptime: dict[int, UptimeCheck] = {}
        self._odd = 0  # frames in a row that cannot be

    def begin(self, stream: int) -> None:
        """Take note of a stream."""
        self._uptime[stream] = UptimeCheck(self._hz)

    def learn(self, stream: int, first: int, t_us: int) -> None:
        """Take the uptime at a sample of a frame that was believed."""
        self._uptime[stream].learn(first, t_us)

    def late(self, frame: Frame) -> bool:
        """Whether a frame out of the buffer can be."""
        return self._uptime[frame.stream].believes(frame.first, frame.t_us)

    def live(self, frame: Frame, ahead: int, since_s: float) -> Literal["yes", "no", "anew"]:
        """Judge a live frame.

        Parameters
        ----------
        frame : Frame
            Of a stream that is known.
        ahead : int
            How many samples it is further on than the newest one.
        since_s : float
            Seconds since that one arrived.

        Returns
        -------
        {"yes", "no", "anew"}
            *anew* where many in a row could not be: it is the sensor that has begun to count anew.
        """
        uptime = self._uptime[frame.stream]
        fits = -REPEATED_S * self._hz <= ahead <= (SLACK * since_s + SLACK_S) * self._hz
        if fits and uptime.believes(frame.first, frame.t_us):
            self._odd = 0
            return "yes"
        self._odd += 1
        if self._odd < MOST_ODD:
            return "no"
        self.begin(frame.stream)  # its clock, or its count
        return "no" if fits else "anew"
