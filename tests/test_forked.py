"""A forked simulator is a process like one that is started: streams, signals, exit status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, started
from tests.forked import CAN_FORK, fork_simulator

pytestmark = [
    pytest.mark.radio,
    pytest.mark.skipif(not CAN_FORK, reason="this system does not fork"),
]


@pytest.mark.parametrize("arguments", [("golden",), ("air",), ("render", "nowhere.yaml", "-o", "x")])
def test_it_writes_and_ends_as_one_that_is_started(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "firmware_sim", *arguments]
    plain = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    forked = fork_simulator(arguments)
    assert forked.stdout is not None
    assert forked.stderr is not None
    with forked.stdout, forked.stderr:
        written = forked.stdout.read(), forked.stderr.read()
    assert forked.stdin is not None
    forked.stdin.close()
    assert (forked.wait(60), *written) == (plain.returncode, plain.stdout, plain.stderr)


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
