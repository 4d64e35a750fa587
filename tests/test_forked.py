"""A forked program is a process like one that is started: streams, signals, exit status, command line, children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from legmon.catalog.store import Catalog
from tests.conftest import ROOT, started, until
from tests.forked import _KEPT, CAN_FORK, Forked, Started
from tests.test_demo import processes

pytestmark = [
    pytest.mark.radio,
    pytest.mark.skipif(not CAN_FORK, reason="this system does not fork"),
]


@pytest.mark.parametrize(
    "arguments",
    [
        ("firmware_sim", "golden"),
        ("firmware_sim", "air"),
        ("firmware_sim", "render", "nowhere.yaml", "-o", "x"),
        ("legmon", "score", "nowhere"),
        ("legmon", "--version"),
        ("legmon.recorder", "--data", "/dev/null/nowhere"),
    ],
    ids=" ".join,
)
def test_it_writes_and_ends_as_one_that_is_started(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", *arguments]
    with Started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as plain:
        expected = plain.communicate(timeout=60)
    with Forked(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as forked:
        assert forked._asked is not None, "it is forked"
        written = forked.communicate(timeout=60)
    assert "".join(expected)
    assert (forked.returncode, *written) == (plain.returncode, *expected)


def test_it_has_a_session_and_signals_of_its_own(short_folder: Path) -> None:
    with started("-m", "firmware_sim", "air", f"unix:{short_folder}/air", "--until-eof") as air:
        air.says("ready")
        pid = air.process.pid
        assert os.getsid(pid) == pid
        with pytest.raises(subprocess.TimeoutExpired):
            air.process.wait(0.1)
        assert air.process.poll() is None
        air.process.send_signal(signal.SIGTERM)
        assert air.process.wait(60) == 0
    with started("-m", "firmware_sim", "air", f"unix:{short_folder}/air", "--until-eof") as air:
        air.says("ready")
        air.process.kill()
        assert air.process.wait(60) == -signal.SIGKILL
    with started("-m", "firmware_sim", "air", f"unix:{short_folder}/other", "--until-eof") as air:
        air.says("ready")
        assert air.end() == 0, "it ends with its standard input"


def state_of(pid: int, name: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))


def test_its_command_line_mask_and_ignored_signals_are_those_asked_for(short_folder: Path) -> None:
    before, ignored = os.umask(0o027), signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with started("-m", "firmware_sim", "air", f"unix:{short_folder}/air", "--until-eof") as air:
            shown = Path(f"/proc/{air.process.pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
            assert [word.decode() for word in shown] == air.process.args
            assert state_of(air.process.pid, "Umask") == "0027"
            assert int(state_of(air.process.pid, "SigIgn"), 16) & 1 << (signal.SIGHUP - 1)
    finally:
        os.umask(before)
        signal.signal(signal.SIGHUP, ignored)


def test_what_it_starts_is_forked_too(tmp_path: Path) -> None:
    data = tmp_path / "data"
    Catalog(data).close()
    command = ("-m", "legmon", "run", "--simulate", "--data", str(data), "--no-browser", "--port", "0")
    with started(*command) as running:
        running.says("Your pages are at")
        found = {line.split(" -m ")[1].split()[0]: pid for pid, line in processes(data)}
        assert found.keys() >= {
            "legmon",
            "legmon.app.supervisor",
            "legmon.recorder",
            "legmon.web",
            "firmware_sim",
        }
        assert {state_of(pid, "PPid") for pid in found.values()} == {str(_KEPT[0].pid)}
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(60) == 0
    until(lambda: not processes(data))


@pytest.mark.usefixtures("fresh")
def test_a_test_may_start_its_programs_anew(short_folder: Path) -> None:
    with started("-m", "firmware_sim", "air", f"unix:{short_folder}/air", "--until-eof") as air:
        air.says("ready")
        assert state_of(air.process.pid, "PPid") == str(os.getpid())
