"""The clocks of one leg's streams, one behind the other: a sensor that starts anew begins a new line."""

from legmon.timeline.clock import Anchor, ArrivalClock


class StreamClocks:
    """Index to time while a night is recorded.

    Parameters
    ----------
    declared_hz : float
        The rate the sensor claims.
    """

    def __init__(self, declared_hz: float) -> None:
        self.line: Anchor | None = None
        """The running stream's, as last fitted: at each completed half minute."""
        self._declared_hz = declared_hz
        self._clocks: list[ArrivalClock] = []

    def begin(self, first: int) -> None:
        """Begin a stream at an index of the night."""
        self._clocks.append(ArrivalClock(first, self._declared_hz))

    def restarted(self) -> None:
        """Take note that the recorder was started again, and with it perhaps its clock."""
        if self._clocks:
            self._clocks[-1].restarted()

    def observe(self, end: int, arrival_ns: int) -> bool:
        """Take an arrival in the running stream; whether a new fit is worth while."""
        return self._clocks[-1].observe(end, arrival_ns)

    def fit(self) -> Anchor:
        """Fit the running stream's line.

        Raises
        ------
        ValueError
            If nothing of it has arrived.
        """
        self.line = self._clocks[-1].fit()
        return self.line

    def index(self, utc_ns: int) -> int | None:
        """Index at a time, ns UTC, by the newest stream of which anything arrived; None where nothing is known."""
        clock = next((c for c in reversed(self._clocks) if c.has_begun), None)
        line = clock.fit() if clock else self.line
        return line.index(utc_ns) if line else None

    def anchors(self) -> list[Anchor]:
        """Return the lines of the whole night."""
        return [a for clock in self._clocks if clock.has_begun for a in clock.anchors()]
