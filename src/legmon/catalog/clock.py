"""The recording's clock: wall time, or the faster time of a simulation. Setting the wall clock does not change it."""

import contextlib
import ctypes
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from legmon.outside import is_int, read_state

SET_NS = 10_000_000  # a wall clock that differs by more from the counted time has been set


def _ticks_ns() -> int:
    """Return a time that never jumps and, if the system offers it, goes on while the computer sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":  # its CLOCK_MONOTONIC goes on during sleep; time.monotonic() does not
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    return time.monotonic_ns()


def _boot() -> str | None:
    """Return the name of this boot of the computer, None if the system has none, as on Windows."""
    if sys.platform == "darwin":
        return _sysctl("kern.bootsessionuuid")
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None


def _sysctl(name: str) -> str | None:
    """Read a text value of the kernel by its name on macOS and the BSDs."""
    value, size = ctypes.create_string_buffer(256), ctypes.c_size_t(256)
    try:
        read = ctypes.CDLL(None).sysctlbyname
    except (OSError, AttributeError, TypeError):
        return None
    if read(name.encode(), value, ctypes.byref(size), None, ctypes.c_size_t(0)) != 0:
        return None
    return value.value.decode("ascii", "replace") or None


@dataclass(frozen=True, slots=True)
class Moment:
    """The wall clock and the ticks, read at the same moment."""

    wall_ns: int
    ticks_ns: int
    boot: str | None

    @classmethod
    def now(cls) -> "Moment":
        """Read both."""
        return cls(time.time_ns(), _ticks_ns(), _boot())

    @classmethod
    def kept(cls, file: Path, *, anew: bool) -> "Moment":
        """Return the moment that a file keeps, so that setting the wall clock between two starts does not change a night.

        Parameters
        ----------
        file : Path
            The catalog of the data folder.
        anew : bool
            Whether to read the clocks now and keep that. This also happens if the file is from another boot.
        """
        now = cls.now()
        if not anew and now.boot is not None:
            with contextlib.suppress(OSError, ValueError, TypeError):
                kept = cls(**read_state(file))
                is_time = is_int(kept.wall_ns, 0) and is_int(kept.ticks_ns, 0)
                if is_time and kept.boot == now.boot and kept.ticks_ns <= now.ticks_ns:
                    return kept
        with contextlib.suppress(OSError):
            file.write_text(json.dumps(asdict(now)), encoding="utf-8")
        return now

    def wall_now_ns(self) -> int:
        """Return the wall clock's time, ns UTC, without changes made to the clock since this moment."""
        return self.wall_ns + _ticks_ns() - self.ticks_ns


_BEGIN = Moment.now()


@dataclass(frozen=True, slots=True)
class Clock:
    """The recording's clock: wall time, or a simulated night that runs faster.

    The wall clock is read once, before a night or a check. From then on time is counted, so that setting the wall clock does
    not change the recording's clock.

    Parameters
    ----------
    night_ns, wall_ns : int
        A moment on both clocks, ns UTC.
    speed : float
        Seconds of night per wall second.
    """

    night_ns: int = 0
    wall_ns: int = 0
    speed: float = 1.0

    def now_ns(self, moment: Moment = _BEGIN) -> int:
        """Return the time on the recording's clock, ns UTC, counted from a moment (the start of this process)."""
        return self.at(moment.wall_now_ns())

    def at(self, wall_ns: int) -> int:
        """Return the time on the recording's clock at a moment of the wall clock, ns UTC."""
        return self.night_ns + round((wall_ns - self.wall_ns) * self.speed)

    def changed(self, wall_ns: int, speed: float) -> "Clock":
        """Return the clock that goes on from a moment of the wall clock at another speed; 0 stops it."""
        return Clock(self.at(wall_ns), wall_ns, speed)


class Watch:
    """The recording's clock in a recorder. It counts from one moment and reads a new moment only while nothing is recorded.

    Parameters
    ----------
    clock : Clock
        The recording's clock.
    file : Path
        The file that keeps the moment, for a recorder that starts again.
    anew : bool
        Whether to read the wall clock now instead of counting from the kept moment.
    """

    def __init__(self, clock: Clock, file: Path, *, anew: bool) -> None:
        self._clock = clock
        self._next: Clock | None = None
        self._file = file
        self.moment = Moment.kept(file, anew=anew)

    @property
    def clock(self) -> Clock:
        """The recording's clock as it runs now."""
        if self._next is not None and self.moment.wall_now_ns() >= self._next.wall_ns:
            self._clock, self._next = self._next, None
        return self._clock

    def now_ns(self) -> int:
        """Return the time on the recording's clock, ns UTC."""
        return self.clock.now_ns(self.moment)

    def change(self, wall_ns: int, speed: float) -> None:
        """Let simulated time run at another speed from a moment of the wall clock on, which may be soon; 0 stops it."""
        counted_ns = self.moment.wall_now_ns() + wall_ns - time.time_ns()
        self._next = (self._next or self.clock).changed(counted_ns, speed)

    def follow(self) -> None:
        """Read the wall clock again if it was set since; only while nothing is recorded."""
        if abs(time.time_ns() - self.moment.wall_now_ns()) > SET_NS:
            self.moment = Moment.kept(self._file, anew=True)
