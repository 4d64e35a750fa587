"""Notice that the computer slept: one of its clocks goes on during sleep, the other stands still."""

import sys
import time
from collections.abc import Callable

SLEPT_NS = 2_000_000_000  # less is drift between the two clocks


def asleep_ns() -> int:
    """Return how long this computer has slept since an arbitrary moment, ns. Constant on Windows, where it is not known."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    if sys.platform == "darwin":  # its CLOCK_MONOTONIC goes on during sleep; time.monotonic() does not
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC) - time.monotonic_ns()
    return 0


class SleepWatch:
    """Notices that the computer slept between two calls.

    Parameters
    ----------
    asleep : callable, optional
        Return how long the computer has slept so far, ns.
    """

    def __init__(self, asleep: Callable[[], int] | None = None) -> None:
        self._asleep = asleep or asleep_ns
        self._before = self._asleep()

    def has_slept(self) -> bool:
        """Whether the computer slept since the last call."""
        before, self._before = self._before, self._asleep()
        return self._before - before > SLEPT_NS
