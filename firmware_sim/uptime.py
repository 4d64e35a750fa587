"""The sensor's uptime, which may run faster than wall time, and change its speed while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable


class Uptime:
    """Counts the uptime of a sensor.

    Parameters
    ----------
    speed : float
        How much faster than wall time it runs.
    """

    def __init__(self, speed: float) -> None:
        self.born_ns = time.monotonic_ns()
        self._from_ns, self._us, self._speed = self.born_ns, 0.0, speed
        self._next: tuple[int, float] | None = None
        self.on_change: Callable[[], None] = lambda: None
        """Called when the speed has changed."""

    @property
    def speed(self) -> float:
        """How much faster than wall time it runs now; 0 while it is stopped."""
        self._follow()
        return self._speed

    def us(self) -> int:
        """Return the uptime, µs."""
        self._follow()
        return int(self._at(time.monotonic_ns()))

    def change(self, wall_ns: int, speed: float) -> None:
        """Run at another speed from a moment of the wall clock on, which may be soon; 0 stops it."""
        self._follow()
        self._next = (time.monotonic_ns() + wall_ns - time.time_ns(), speed)

    def take(self, line: str) -> bool:
        """Obey a line such as ``pace 1796080140000000000 60``: from this moment on (wall clock, ns), at this speed.

        Return False if it is not such a line.
        """
        try:
            word, at, speed = line.split()
            at_ns, times = int(at), float(speed)
        except ValueError:
            return False
        if word != "pace" or not 0.0 <= times <= 10_000.0:
            return False
        self.change(at_ns, times)
        return True

    def _at(self, monotonic_ns: int) -> float:
        return self._us + (monotonic_ns - self._from_ns) * self._speed / 1000.0

    def _follow(self) -> None:
        if self._next is not None and time.monotonic_ns() >= self._next[0]:
            at_ns, speed = self._next
            self._us, self._from_ns, self._speed, self._next = self._at(at_ns), at_ns, speed, None
            self.on_change()
