"""Whether a frame's index and the sensor's uptime in it belong together."""

SLACK_S, SLACK = 1.0, 0.3  # rates are off by percents; what is damaged in the air is off by more
LEARNED_S = 60.0  # after which the sensor's own rate is known well
KNOWN_SLACK = 0.01


class UptimeCheck:
    """One stream's pairs of index and uptime: a frame whose pair is far from the line through the others is damaged.

    A radio's checksum lets one damaged packet in millions through, and some sensors' firmware damages more by itself. A wrong
    index would put samples in the wrong minute.

    Parameters
    ----------
    declared_hz : float
        The rate the sensor claims.
    """

    def __init__(self, declared_hz: float) -> None:
        self._declared_hz = declared_hz
        self._first: tuple[int, int] | None = None
        self._last = (0, 0)

    def learn(self, index: int, t_us: int) -> None:
        """Take the pair of a frame that was believed."""
        if self._first is None:
            self._first = (index, t_us)
        if t_us >= self._last[1]:
            self._last = (index, t_us)

    def believes(self, index: int, t_us: int) -> bool:
        """Whether a pair can be; one without a time (0) always can."""
        if self._first is None or t_us == 0:
            return True
        samples, learned_s = self._last[0] - self._first[0], (self._last[1] - self._first[1]) / 1e6
        is_known = learned_s > LEARNED_S and samples > 0
        rate = samples / learned_s if is_known else self._declared_hz
        expected_s = (index - self._last[0]) / rate
        off_s = abs((t_us - self._last[1]) / 1e6 - expected_s)
        return off_s <= SLACK_S + (KNOWN_SLACK if is_known else SLACK) * abs(expected_s)
