"""The recording's clock: wall time, or the faster time of a simulation, immune to a wall clock that is set."""

import contextlib
import ctypes
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

SET_NS = 10_000_000  # a wall clock that is off by more from what was counted has been set


def _ticks_ns() -> int:
    """Time that never jumps and, where the system can tell, goes on while the computer sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":  # its CLOCK_MONOTONIC goes on; what time.monotonic() reads does not
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    return time.monotonic_ns()


def _boot() -> str | None:
    """Name of this boot of the computer, where it can be told: not on Windows."""
    if sys.platform == "darwin":
        return _sysctl("kern.bootsessionuuid")
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None


def _sysctl(name: str) -> str | None:
    """Read a text of the kernel, as macOS and the BSDs name them."""
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
    """A reading of the wall clock and of the ticks beside it."""

    wall_ns: int
    ticks_ns: int
    boot: str | None

    @classmethod
    def now(cls) -> "Moment":
        """Read both."""
        return cls(time.time_ns(), _ticks_ns(), _boot())

    @classmethod
    def kept(cls, file: Path, *, anew: bool) -> "Moment":
        """Return the moment a file keeps, so that a wall clock that is set between two starts changes nothing in a night.

        Parameters
        ----------
        file : Path
            Of the data folder.
        anew : bool
            Whether to read the clocks and keep that; done too where the file is of another boot.
        """
        now = cls.now()
        if not anew and now.boot is not None:
            with contextlib.suppress(OSError, ValueError, TypeError):
                kept = cls(**json.loads(file.read_text(encoding="utf-8")))
                if kept.boot == now.boot and kept.ticks_ns <= now.ticks_ns:
                    return kept
        with contextlib.suppress(OSError):
            file.write_text(json.dumps(asdict(now)), encoding="utf-8")
        return now

    def wall_now_ns(self) -> int:
        """Return what the wall clock would say had nobody set it since, ns UTC."""
        return self.wall_ns + _ticks_ns() - self.ticks_ns


_BEGIN = Moment.now()


@dataclass(frozen=True, slots=True)
class Clock:
    """The recording's clock: wall time, or a simulated night that runs faster.

    The wall clock is read once, before a night or a check; from then on time is counted, so that a wall clock that is set, or
    jumps, changes nothing in it.

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
        """Return the time on the recording's clock, ns UTC, counted from a moment: when this process began, or another."""
        return self.night_ns + round((moment.wall_now_ns() - self.wall_ns) * self.speed)


class Watch:
    """The recording's clock as a recorder has it: it counts from a moment that is read anew only while nothing is recorded.

    Parameters
    ----------
    clock : Clock
        The recording's clock.
    file : Path
        Where the moment is kept for a recorder that is started again.
    anew : bool
        Whether to read the wall clock now, and not to go on counting from the moment kept.
    """

    def __init__(self, clock: Clock, file: Path, *, anew: bool) -> None:
        self._clock = clock
        self._file = file
        self.moment = Moment.kept(file, anew=anew)

    def now_ns(self) -> int:
        """Return the time on the recording's clock, ns UTC."""
        return self._clock.now_ns(self.moment)

    def follow(self) -> None:
        """Read the wall clock anew if it was set since; only while nothing is recorded."""
        if abs(time.time_ns() - self.moment.wall_now_ns()) > SET_NS:
            self.moment = Moment.kept(self._file, anew=True)
