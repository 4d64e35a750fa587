"""Whether this computer slept: of its two clocks, the one that goes on meanwhile has run ahead of the one that stands still."""

import sys
import time
from collections.abc import Callable

SLEPT_NS = 2_000_000_000


def asleep_ns() -> int:
    """Give how long this computer has slept since some moment; the same number each time where it cannot be told (Windows)."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    if sys.platform == "darwin":  # its CLOCK_MONOTONIC goes on; what time.monotonic() reads does not
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC) - time.monotonic_ns()
    return 0


class Sleep:
    """Notices that the computer slept between two looks.

    Parameters
    ----------
    asleep : callable, optional
        Gives how long it has slept so far, ns.
    """

    def __init__(self, asleep: Callable[[], int] | None = None) -> None:
        self._asleep = asleep or asleep_ns
        self._before = self._asleep()

    def noticed(self) -> bool:
        """Whether it slept since the last look; what two clocks drift apart by meanwhile is no sleep."""
        before, self._before = self._before, self._asleep()
        return self._before - before > SLEPT_NS
