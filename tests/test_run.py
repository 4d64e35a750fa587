"""`legmon run` over a controller of its own: the whole program on the virtual air, as on a dongle."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from legmon.recording.records import Meta, Samples
from legmon.recording.segment import read_segment
from tests.conftest import sensor, started, until
from tests.test_recorder import info, recorded

QUIET = ("--no-browser", "--port", "0")


def test_a_night_over_a_controller_of_its_own(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = ("-m", "legmon", "run", "--hci", air, "--data", str(data), *QUIET)
    with sensor(air, tmp_path, "--name", "LegMon-Own"), started(*command) as process:
        process.says("Looking for the sensor", 60)
        until(lambda: recorded(data) > 50, 60)
        process.process.send_signal(signal.SIGINT)
        assert process.process.wait(20) == 0
    night = info(data)
    assert (night.state, night.simulated) == ("closed", False)
    (segment,) = data.glob("nights/*/left.seg")
    rows = list(read_segment(segment))
    assert isinstance(rows[0], Meta)
    assert rows[0].sensor == "LegMon-Own"
    assert any(isinstance(r, Samples) for r in rows)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--hci", "carrier-pigeon:0"), "--hci carrier-pigeon:0: write one of unix-client:…"),
        (("--hci", "unix-client:/nowhere/air"), "`legmon doctor --hci unix-client:/nowhere/air` says more"),
        (("--hci", "usb:0", "--simulate"), "leave --hci out"),
    ],
)
def test_a_controller_that_cannot_be_used_gets_one_sentence(
    options: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    with started("-m", "legmon", "run", *options, "--data", str(tmp_path / "data"), *QUIET) as process:
        assert process.process.wait(60) == 2
        until(lambda: process.errors)
    assert len(process.errors) == 1
    assert says in process.errors[0]
    assert not (tmp_path / "data").exists()
