"""The clocks of one leg's streams, one after another: each restart of a sensor begins a new line."""

from legmon.timeline.clock import Anchor, ArrivalClock


class StreamClocks:
    """Map index to time while a night is recorded.

    Parameters
    ----------
    declared_hz : float
        The rate that the sensor declares.
    """

    def __init__(self, declared_hz: float) -> None:
        self.line: Anchor | None = None
        """The line of the running stream, fitted at each completed half minute."""
        self._declared_hz = declared_hz
        self._clocks: list[ArrivalClock] = []

    def begin(self, first: int) -> None:
        """Begin a stream at an index of the night."""
        self._clocks.append(ArrivalClock(first, self._declared_hz))

    def restarted(self) -> None:
        """Note that the recorder was restarted, so its clock may have been set."""
        if self._clocks:
            self._clocks[-1].restarted()

    def observe(self, end: int, arrival_ns: int) -> bool:
        """Add an arrival of the running stream. Return whether a new fit is due."""
        return self._clocks[-1].observe(end, arrival_ns)

    def fit(self) -> Anchor:
        """Fit the line of the running stream.

        Raises
        ------
        ValueError
            If none of its frames has arrived.
        """
        self.line = self._clocks[-1].fit()
        return self.line

    def index(self, utc_ns: int) -> int | None:
        """Return the index at a time, ns UTC, by the newest stream that has frames; None if there is none."""
        clock = next((c for c in reversed(self._clocks) if c.has_begun), None)
        line = clock.fit() if clock else self.line
        return line.index(utc_ns) if line else None

    def anchors(self) -> list[Anchor]:
        """Return the lines of the whole night."""
        return [a for clock in self._clocks if clock.has_begun for a in clock.anchors()]
