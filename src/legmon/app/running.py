"""What runs on a data folder: the file in which the supervisor reports, and how to start and to stop a supervisor.

The report is `supervisor.json` in the data folder. It is written whole or not at all, and whoever reads it checks that the
process in it still lives. `supervisor.lock` decides who may be the supervisor.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from filelock import Timeout

from legmon.app.simulator import child_environment
from legmon.catalog.file import RECORDER_LOCK, file_lock
from legmon.outside import is_int
from legmon.quoting import LONGEST_SENTENCE, shortened
from legmon.recorder import presence
from legmon.recorder.presence import LOCK_S, STOP, KeptFile, Presence

REPORT: Final = "supervisor.json"
LOCK: Final = "supervisor.lock"
KEPT: Final = 50
"""The report keeps this many sentences."""
TAKEN_STATUS: Final = 3
"""The exit status of a supervisor that finds another one at work."""
OPEN_STATUS: Final = 4
"""The exit status of a supervisor that was asked to end and could not close everything."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a supervisor reports.

    Parameters
    ----------
    process : Presence
        The supervisor.
    since_ns : int
        When the first supervisor of this evening started, ns UTC. Another one may have taken its place since.
    simulated : bool
        Whether the sensors are simulated.
    seed : int
        Of the simulated sleeper.
    port : int
        Of the pages.
    pages : str
        The address of the pages; empty until they are there.
    recorder, dashboard : int
        The process ids; 0 until they run.
    night : str or None
        The night that is recorded, or was recorded last.
    said : list of (int, str)
        The newest sentences for the person, counted from 1.
    ended : int or None
        The exit status, once it has ended in order or with an error.
    """

    process: Presence
    since_ns: int
    simulated: bool = False
    seed: int = 0
    port: int = 0
    pages: str = ""
    recorder: int = 0
    dashboard: int = 0
    night: str | None = None
    said: list[tuple[int, str]] = field(default_factory=list)
    ended: int | None = None

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the last report of a data folder; None if there is none that can be read."""
        value = presence.read(folder / REPORT)
        try:
            process = Presence.parse(value.pop("process"))
            said = [(n, shortened(str(text), LONGEST_SENTENCE)) for n, text in value.pop("said")][-KEPT:]
            found = None if process is None else cls(process, said=said, **value)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
        return found if found is not None and found.is_plausible() else None

    def is_plausible(self) -> bool:
        """Whether every value is one that a supervisor writes."""
        numbers = (
            self.since_ns,
            self.seed,
            self.port,
            self.recorder,
            self.dashboard,
            *(n for n, _ in self.said),
        )
        simulated: object = self.simulated
        texts: list[object] = [self.pages, self.night or ""]
        return (
            all(is_int(n) for n in (*numbers, self.ended or 0))
            and isinstance(simulated, bool)
            and all(isinstance(text, str) for text in texts)
        )

    def write(self, folder: Path) -> bool:
        """Write it. Return whether it was written."""
        return presence.write(folder / REPORT, self._values())

    def keep(self, file: KeptFile) -> bool:
        """Write it if it has changed, or if somebody removed or changed the file. Return whether the file holds it."""
        return file.keep(self._values())

    def _values(self) -> dict[str, Any]:
        return asdict(self) | {"process": self.process.values()}

    def with_sentence(self, text: str) -> Self:
        """Return it with one more sentence."""
        number = self.said[-1][0] + 1 if self.said else 1
        return replace(self, said=[*self.said, (number, text)][-KEPT:])

    @property
    def runs(self) -> bool:
        """Whether the supervisor is at work."""
        return self.ended is None and self.process.is_alive()


def supervisor(folder: Path) -> Report | None:
    """Return the report of the supervisor that is at work on a data folder; None if there is none."""
    report = Report.read(folder)
    return report if report is not None and report.runs else None


def start_supervisor(arguments: list[str]) -> subprocess.Popen[str]:
    """Start a supervisor that no terminal can end. Its standard error is a pipe until it has started everything."""
    return subprocess.Popen(
        supervisor_command(arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=child_environment(),
        start_new_session=os.name == "posix",
        # On Windows (not tried): no console whose end would be its end.
        creationflags=getattr(subprocess, "DETACHED_PROCESS", 0)
        | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def supervisor_command(arguments: list[str]) -> list[str]:
    """Return the command line of a supervisor."""
    return [sys.executable, "-m", "legmon.app.supervisor", *arguments]


def locks(folder: Path) -> list[str]:
    """Return which of the locks of supervisor and recorder are held."""
    return [name for name in (LOCK, RECORDER_LOCK) if _is_held(folder / name)]


def _is_held(lock: Path) -> bool:
    if not lock.exists():
        return False
    try:
        with file_lock(lock):
            return False
    except Timeout:
        return True
    except OSError:  # nobody works in a folder that cannot be written
        return False


def runs_on(folder: Path) -> bool:
    """Whether something runs on a data folder, as far as a file or a lock tells."""
    return bool(supervisor(folder) or presence.recorder(folder) or locks(folder))


def find_supervisor(folder: Path) -> Report | None:
    """Return the report of the supervisor at work. One that has not reported yet, or whose file was removed, gets a moment."""
    until = time.monotonic() + LOCK_S
    while (found := supervisor(folder)) is None and LOCK in locks(folder) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def find_recorder(folder: Path) -> Presence | None:
    """Return the recorder at work. One whose file was removed gets a moment to write it again."""
    until = time.monotonic() + LOCK_S
    while (
        (found := presence.recorder(folder)) is None
        and RECORDER_LOCK in locks(folder)
        and time.monotonic() < until
    ):
        time.sleep(0.1)
    return found


def ask_without_signal(folder: Path) -> None:
    """Ask whatever supervises or records to end in order, where no process is known."""
    with contextlib.suppress(OSError):
        (folder / STOP).touch(mode=0o600)


def ask_to_stop(folder: Path, process: Presence) -> None:
    """Ask a supervisor, or a recorder whose supervisor is gone, to end in order."""
    if sys.platform == "win32":
        ask_without_signal(folder)
    elif process.is_alive():
        with contextlib.suppress(OSError):
            os.kill(process.pid, signal.SIGTERM)


def is_asked_to_stop(folder: Path) -> bool:
    """Whether the file that asks the supervisor to end is there. It is removed."""
    try:
        (folder / STOP).unlink()
    except OSError:
        return False
    return True


def as_json(report: Report) -> dict[str, Any]:
    """Return what other programs may know of a supervisor."""
    return {"pid": report.process.pid, "since": report.since_ns / 1e9}
