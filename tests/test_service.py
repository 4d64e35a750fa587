"""`legmon service`: the unit that it writes is one that systemd accepts, and it runs this installation."""

from __future__ import annotations

import json
import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from legmon.app import service
from tests.conftest import run_command

pytestmark = [
    pytest.mark.radio,  # asks systemctl
    pytest.mark.skipif(sys.platform != "linux", reason="the service of Linux"),
]

ODD = 'da "ta" %h $HOME \\x'


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "systemd" / "user" / "legmon.service"


def command_of(unit: str) -> list[str]:
    """Return the command as systemd reads it."""
    (line,) = [x.removeprefix("ExecStart=") for x in unit.splitlines() if x.startswith("ExecStart=")]
    words = line[1:-1].split('" "')
    for mark, instead in (("%%", "%"), ("$$", "$"), ('\\"', '"'), ("\\\\", "\\")):
        words = [w.replace(mark, instead) for w in words]
    return words


def test_the_service_is_written_shown_and_removed(config: Path, tmp_path: Path) -> None:
    before = json.loads(run_command("service", "status", "--json").stdout)
    assert (before["file"], before["installed"]) == (str(config), False)
    assert "not installed" in run_command("service", "status").stdout
    data = tmp_path / ODD
    said = run_command("service", "install", "--port", "8740", data=data)
    assert said.returncode == 0, said.stderr
    assert "loginctl enable-linger" in said.stdout
    command = command_of(config.read_text())
    assert command[:3] == [sys.executable, "-m", "legmon.app.supervisor"]
    assert command[3:] == ["--data", str(data), "--port", "8740", "--begin", "off"]
    assert not data.exists(), "the folder is made when the service starts"
    assert json.loads(run_command("service", "status", "--json").stdout)["installed"] is True
    assert "The service is installed" in run_command("service", "status").stdout
    assert run_command("service", "remove").returncode == 0
    assert not config.exists()
    again = run_command("service", "remove")
    assert (again.returncode, "There is no service" in again.stdout) == (0, True)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
def test_systemd_accepts_the_unit(config: Path, tmp_path: Path) -> None:
    assert run_command("service", "install", data=tmp_path / ODD).returncode == 0
    done = subprocess.run(
        ["systemd-analyze", "--user", "--man=no", "verify", str(config)],
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "legmon.service" not in done.stderr, done.stderr


def test_a_relative_config_folder_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert service.file_of_service() == tmp_path / ".config" / "systemd" / "user" / "legmon.service"


def test_a_folder_that_cannot_be_written_gets_one_sentence(config: Path, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("")
    done = run_command("service", "install", data=tmp_path)
    assert done.returncode == 1
    assert f"{config} cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_agent_of_launchd_runs_the_same_command() -> None:
    """That launchd accepts it is not tried."""
    agent = plistlib.loads(service.launchd_agent(["python", "-m", "legmon.app.supervisor"], Path("/log")))
    assert agent["ProgramArguments"] == ["python", "-m", "legmon.app.supervisor"]
    assert (agent["RunAtLoad"], agent["KeepAlive"]) == (True, {"SuccessfulExit": False})


def test_windows_is_told_what_to_do_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")  # there is no Windows here to run this on
    done = run_command("service", "install")
    assert done.returncode == 2
    assert "Task Scheduler" in done.stderr
