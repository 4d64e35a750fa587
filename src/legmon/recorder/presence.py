"""Which process works on a data folder: a small file that names it, and whether it still lives.

A process id alone is not enough, because the system uses it again. So a file also keeps when the process was born, in the
words of the system.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from legmon.outside import is_int, parse_json, read_state

RECORDER: Final = "recorder.json"
"""The file in the data folder that names the recorder. `recorder.lock` decides who may record."""
STOP: Final = "supervisor.stop"
"""A file of this name asks the supervisor to end, or a recorder whose supervisor is gone, where no signal can reach it."""
LOCK_S: Final = 3.0
"""A look at a lock, or a process that is just ending, may hold it this long."""
KEEP_S: Final = 1.0
"""Between two looks whether the file of the recorder is still there."""
_INHERITED: Final = "LEGMON_RECORDER"
"""The variable in which a recorder names itself to the supervisor that it starts: the file may be gone, and the disk full."""
_QUERY_LIMITED_INFORMATION: Final = 0x1000
_STILL_ACTIVE: Final = 259


@dataclass(frozen=True, slots=True)
class Presence:
    """A process.

    Parameters
    ----------
    pid : int
        Its number.
    born : str
        When it was born, in the words of this system; empty where the system does not tell.
    since_ns : int
        When it wrote this, ns UTC.
    supervised : bool
        Whether a supervisor started it: another supervisor may then take its place.
    """

    pid: int
    born: str
    since_ns: int
    supervised: bool = False

    @classmethod
    def this(cls, *, supervised: bool = False) -> Self:
        """Return this process."""
        return cls(os.getpid(), born(os.getpid()) or "", time.time_ns(), supervised)

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return another process, which lives now."""
        return cls(pid, born(pid) or "", time.time_ns())

    @classmethod
    def parse(cls, value: Any) -> Self | None:
        """Return what a file holds; None if it is not such a thing."""
        try:
            found = cls(value["pid"], str(value["born"]), value["since_ns"], bool(value["supervised"]))
        except (KeyError, TypeError):
            return None
        return found if is_int(found.pid, 2, 1 << 31) and is_int(found.since_ns, 0) else None

    def values(self) -> dict[str, Any]:
        """Return what a file holds."""
        return asdict(self)

    def is_alive(self) -> bool:
        """Whether this very process still lives."""
        now = born(self.pid)
        return now is not None and now == self.born

    def kill(self) -> None:
        """Kill it, if it still lives."""
        if self.is_alive():
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)


def read(file: Path) -> Any:
    """Return the object in a small JSON file; None if it is missing or holds none."""
    try:
        return read_state(file)
    except (OSError, ValueError):
        return None


def write(file: Path, value: Any) -> bool:
    """Write a value as JSON, all of it or nothing. Return whether it was written: a full disk is no reason to end."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        fresh.write_text(json.dumps(value), encoding="utf-8")
        fresh.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        return False
    return True


class KeptFile:
    """A small JSON file that a process keeps in its place: it is written again while it is missing or somebody changed it.

    Parameters
    ----------
    file : Path
        The file.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._value: Any = None
        self._written: tuple[int, int, int] | None = None

    def keep(self, value: Any) -> bool:
        """Let the file hold a value. Return whether it does."""
        if self._written is None or value != self._value or _state(self._file) != self._written:
            self._value = value
            self._written = _state(self._file) if write(self._file, value) else None
        return self._written is not None


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def recorder(folder: Path) -> Presence | None:
    """Return the recorder of a data folder; None if none is alive, or none says so."""
    for value in (read(folder / RECORDER), _read_inherited(folder)):
        found = Presence.parse(value)
        if found is not None and found.is_alive():
            return found
    return None


def inherited(folder: Path, process: Presence) -> dict[str, str]:
    """Return the variable that names a recorder to the supervisor that it starts."""
    return {_INHERITED: json.dumps(process.values() | {"data": str(folder.resolve())})}


def _read_inherited(folder: Path) -> Any:
    try:
        value = parse_json(os.environ.get(_INHERITED, "null"))
        return value if value["data"] == str(folder.resolve()) else None
    except (KeyError, TypeError, ValueError, OSError):
        return None


def born(pid: int) -> str | None:
    """Return when a process was born, in the words of this system; None if there is no such process.

    A process that has ended and that nobody has asked about yet (a zombie) counts as gone.
    """
    if sys.platform == "linux":
        found = _born_linux(pid)
    elif sys.platform == "win32":
        found = _born_windows(pid)
    else:
        found = _born_elsewhere(pid)
    return found


def _born_linux(pid: int) -> str | None:
    """Return the clock ticks from the boot to the birth, which setting the clock does not change, and the boot."""
    try:
        # The name in the brackets may hold anything, also brackets.
        rest = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return None if rest[0] in {b"Z", b"X"} else f"{boot} {int(rest[19])}"


def _born_elsewhere(pid: int) -> str | None:
    """Return the start time that `ps` shows (macOS and the BSDs; not tried)."""
    try:
        done = subprocess.run(
            ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
            env={"LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    state, _, start = done.stdout.strip().partition(" ")
    return start.strip() if start and not state.startswith("Z") else None


def _born_windows(pid: int) -> str | None:
    """Return the creation time of a process (Windows; not tried)."""
    kernel32 = ctypes.windll.kernel32  # type: ignore[attr-defined]
    handle = kernel32.OpenProcess(_QUERY_LIMITED_INFORMATION, 0, pid)
    if not handle:
        return None
    times = [ctypes.c_ulonglong() for _ in range(4)]
    status = ctypes.c_ulong()
    try:
        if not kernel32.GetProcessTimes(handle, *(ctypes.byref(t) for t in times)):
            return None
        if kernel32.GetExitCodeProcess(handle, ctypes.byref(status)) and status.value != _STILL_ACTIVE:
            return None
    finally:
        kernel32.CloseHandle(handle)
    return str(times[0].value)
