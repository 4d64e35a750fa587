"""`legmon run` over a controller of its own: the whole program on the virtual air, as on a dongle."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest

from legmon.catalog.store import Catalog
from legmon.movement import NS
from legmon.recorder.leg import LegRecorder, segment_meta
from legmon.recording.files import read_segment
from legmon.recording.records import Meta, Samples
from legmon.sensors.base import StreamFormat
from tests.conftest import sensor, started, until
from tests.test_demo import processes
from tests.test_doctor import mute
from tests.test_recorder import info, recorded

QUIET = ("--no-browser", "--port", "0")


def test_a_mute_controller_gets_one_sentence_within_seconds(short_folder: Path, tmp_path: Path) -> None:
    with mute(short_folder) as hci:
        command = ("-m", "legmon", "run", "--hci", hci, "--data", str(tmp_path / "data"), *QUIET)
        with started(*command) as process:
            assert process.process.wait(60) == 2
            until(lambda: process.errors)
    assert len(process.errors) == 1
    assert "does not answer: nothing came within 6 s" in process.errors[0]


WINDOWS = """
import asyncio, runpy, sys
def refuse(*_):
    raise NotImplementedError
asyncio.SelectorEventLoop.add_signal_handler = refuse
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__")
"""
"""A loop as it is on Windows, where this test cannot run."""


@pytest.mark.parametrize(
    ("module", "options"), [("legmon.recorder", ("--hci", "unix-client:/nowhere")), ("legmon.web", ())]
)
def test_a_process_starts_where_a_loop_knows_no_signals(
    module: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    Catalog(tmp_path).close()
    with started("-c", WINDOWS, module, "--data", str(tmp_path), *options) as process:
        process.says("ready")
        assert process.end() == 0
    assert not [line for line in process.errors if "NotImplementedError" in line]


def interrupted(folder: Path, ago: timedelta) -> None:
    """Leave a night open, as a recorder does that is killed."""
    catalog = Catalog(folder)
    began = time.time_ns() - round(ago.total_seconds()) * NS
    night = catalog.begin(
        "2026-11-21-2200",
        started_ns=began,
        zone=("UTC", 0),
        simulated=False,
        rules="wasm2016",
        detector="legmon 3",
    )
    source = ("LegMon-Own", "C4:4C:4D:00:00:01", StreamFormat(50, 4, 122, "index"))
    LegRecorder(catalog.segment(night, "left"), segment_meta(night, "left", *source, simulated=False))
    catalog.add_leg(segment_meta(night, "left", *source, simulated=False))
    catalog.close()


@pytest.mark.parametrize(
    ("ago", "says"),
    [(timedelta(days=3), "the night begins with Start"), (timedelta(minutes=9), "with its first samples")],
)
def test_only_a_night_that_was_just_interrupted_goes_on_without_start(
    air: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ago: timedelta, says: str
) -> None:
    monkeypatch.setenv("BROWSER", "true")  # a program that shows nothing, and is content
    interrupted(tmp_path, ago)
    command = ("-m", "legmon", "run", "--hci", air, "--data", str(tmp_path), "--port", "0")
    with started(*command) as process:
        said = process.says("Looking for the sensor", 60)
        assert says in said
        process.process.send_signal(signal.SIGINT)
        assert process.process.wait(60) == 0


def test_a_sensor_that_answers_no_more_does_not_keep_the_night_from_being_closed(
    air: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    command = ("-m", "legmon", "run", "--hci", air, "--data", str(data), *QUIET)
    with sensor(air, tmp_path) as ankle, started(*command) as process:
        until(lambda: recorded(data) > 50, 60)
        ankle.process.send_signal(signal.SIGSTOP)
        process.process.send_signal(signal.SIGINT)
        assert process.process.wait(60) == 0
        ankle.process.send_signal(signal.SIGCONT)
    assert info(data).state == "closed"
    assert [line for line in process.lines if line.startswith("Closing the night and ")]
    assert process.lines[-1].startswith("Everything is closed.")


def test_a_recorder_that_does_not_end_is_not_said_to_have_closed_the_night(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = ("-m", "legmon", "run", "--hci", air, "--data", str(data), *QUIET)
    with sensor(air, tmp_path), started(*command) as process:
        until(lambda: recorded(data) > 50, 60)
        (held,) = [pid for pid, line in processes(data) if "legmon.recorder" in line]
        os.kill(held, signal.SIGSTOP)
        process.process.send_signal(signal.SIGINT)
        assert process.process.wait(60) == 1
    night = info(data)
    assert night.state == "recording"
    assert process.lines[-1].startswith(f"The recorder did not end in order. Night {night.id} is open. ")


def test_a_night_over_a_controller_of_its_own(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = ("-m", "legmon", "run", "--hci", air, "--data", str(data), *QUIET)
    with sensor(air, tmp_path, "--name", "LegMon-Own"), started(*command) as process:
        process.says("Looking for the sensor", 60)
        until(lambda: recorded(data) > 50, 60)
        process.process.send_signal(signal.SIGINT)
        assert process.process.wait(60) == 0
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
        (
            ("--hci", "unix-client:/nowhere/air"),
            "run `legmon doctor --hci unix-client:/nowhere/air` for details",
        ),
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
