"""Start legmon with the computer: a user unit of systemd, or an agent of launchd (not tried).

The service runs the supervisor. It records nothing until somebody presses Start on the page Tonight, but a night that a crash or
a restart of the computer interrupted less than half an hour ago goes on by itself.
"""

import getpass
import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from legmon.app.running import OPEN_STATUS, TAKEN_STATUS, supervisor, supervisor_command
from legmon.errors import FailedError, LegmonError

NAME: Final = "legmon"
LABEL: Final = "org.legmon.legmon"
NO_SERVICE: Final = (
    "legmon has no service for this system. On Windows, make a task in the Task Scheduler that runs `legmon run` when you log on,"
    " or start `legmon run` each evening"
)
UNIT: Final = """\
# Written by `legmon service install`; `legmon service remove` removes it.
[Unit]
Description=legmon, a recorder of leg movements at night
StartLimitIntervalSec=0

[Service]
ExecStart={command}
Environment=PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1
UMask=0077
Restart=on-failure
RestartSec=5
# Another legmon is at work on the data folder; or a person ended this one, and not everything could be closed.
RestartPreventExitStatus={taken} {left_open}
# The supervisor ends the others in order, which may take 20 seconds.
KillMode=mixed
TimeoutStopSec=60

[Install]
WantedBy=default.target
"""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The service.

    Parameters
    ----------
    file : Path
        The file that describes it to the system.
    installed : bool
        Whether that file is there.
    enabled, active : bool or None
        Whether it starts with the computer, and whether it runs; None where the system does not tell.
    lingers : bool or None
        Whether it also runs while nobody is logged in; None where the system does not tell.
    """

    file: Path
    installed: bool
    enabled: bool | None
    active: bool | None
    lingers: bool | None

    def answer(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "file": str(self.file),
            "installed": self.installed,
            "enabled": self.enabled,
            "active": self.active,
            "lingers": self.lingers,
        }


def file_of_service() -> Path:
    """Return the file that describes the service to this system.

    Raises
    ------
    LegmonError
        If this system has no such services.
    """
    if sys.platform == "darwin":
        return Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    if sys.platform == "win32":
        raise LegmonError(NO_SERVICE)
    base = os.environ.get("XDG_CONFIG_HOME", "")
    config = (
        Path(base) if base.startswith("/") else Path.home() / ".config"
    )  # a relative one is to be ignored
    return config / "systemd" / "user" / f"{NAME}.service"


def systemd_unit(command: list[str]) -> str:
    """Return the user unit that runs a command."""
    return UNIT.format(command=" ".join(map(_quoted, command)), taken=TAKEN_STATUS, left_open=OPEN_STATUS)


def _quoted(word: str) -> str:
    """Return a word of a command line as systemd reads it: `%` and `$` have a meaning there."""
    for mark, instead in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$"), ("\n", "\\n")):
        word = word.replace(mark, instead)
    return f'"{word}"'


def launchd_agent(command: list[str], log: Path) -> bytes:
    """Return the property list of an agent that runs a command (not tried)."""
    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": command,
            "EnvironmentVariables": {"PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"},
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ExitTimeOut": 60,
            "Umask": 0o077,
            "StandardErrorPath": str(log),
        }
    )


def install(folder: Path, port: int) -> Iterator[str]:
    """Write the file of the service and start it. Yield sentences for the person.

    Parameters
    ----------
    folder : Path
        The data folder.
    port : int
        The port of the pages.

    Raises
    ------
    LegmonError
        If this system has no such services, or the file cannot be written.
    """
    file, folder = file_of_service(), folder.absolute()
    command = supervisor_command(["--data", str(folder), "--port", str(port), "--begin", "off"])
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if sys.platform == "darwin":
            file.write_bytes(launchd_agent(command, folder / "logs" / "service.log"))
        else:
            file.write_text(systemd_unit(command), encoding="utf-8")
    except OSError as e:
        raise FailedError(
            f"{file} cannot be written ({e.strerror}); check the permissions of its folder"
        ) from e
    yield f"{file} is written. The data folder is {folder}."
    if supervisor(folder) is not None:
        yield "legmon runs there already. The service takes over at the next start of the computer."
    if sys.platform == "darwin":
        yield f"Not tried yet on macOS. Start it with: launchctl bootstrap gui/{os.getuid()} '{file}'"
        return
    if _systemctl("daemon-reload") == 0 and _systemctl("enable", "--now", f"{NAME}.service") == 0:
        yield "The service runs, and starts with each login. Open your pages with: legmon open"
    else:
        yield f"Start it with: systemctl --user daemon-reload && systemctl --user enable --now {NAME}.service"
    yield "To start it with the computer, and to keep it when you log out: loginctl enable-linger"


def remove() -> Iterator[str]:
    """Stop the service and remove its file. Yield sentences for the person. The nights stay.

    Raises
    ------
    LegmonError
        If this system has no such services, or the file cannot be removed.
    """
    file = file_of_service()
    if not file.exists():
        yield f"There is no service: {file} does not exist."
        return
    if sys.platform == "darwin":
        _run("launchctl", "bootout", f"gui/{os.getuid()}/{LABEL}")
    else:
        _systemctl("disable", "--now", f"{NAME}.service")
    try:
        file.unlink()
    except OSError as e:
        raise FailedError(
            f"{file} cannot be removed ({e.strerror}); check the permissions of its folder"
        ) from e
    if sys.platform != "darwin":
        _systemctl("daemon-reload")
    yield f"{file} is removed. Your nights stay where they are."


def state() -> ServiceState:
    """Return the state of the service.

    Raises
    ------
    LegmonError
        If this system has no such services.
    """
    file = file_of_service()
    if sys.platform == "darwin":
        active = _run("launchctl", "print", f"gui/{os.getuid()}/{LABEL}")
        return ServiceState(file, file.exists(), None, None if active is None else active == 0, None)
    answers = _systemctl("show-environment") == 0  # else the user's systemd does not run
    enabled = _systemctl("is-enabled", "--quiet", f"{NAME}.service") == 0 if answers else None
    active_now = _systemctl("is-active", "--quiet", f"{NAME}.service") == 0 if answers else None
    return ServiceState(file, file.exists(), enabled, active_now, _lingers())


def _lingers() -> bool | None:
    """Whether services of this user run while the user is not logged in."""
    folder = Path("/var/lib/systemd/linger")
    if not folder.is_dir():
        return None
    try:
        return (folder / getpass.getuser()).exists()
    except OSError:
        return None


def _systemctl(*arguments: str) -> int | None:
    return _run("systemctl", "--user", *arguments)


def _run(program: str, *arguments: str) -> int | None:
    """Run a program of the system quietly. Return its exit status; None if it is not there."""
    found = shutil.which(program)
    if found is None:
        return None
    try:
        return subprocess.run([found, *arguments], capture_output=True, timeout=90, check=False).returncode
    except (OSError, subprocess.SubprocessError):
        return None
