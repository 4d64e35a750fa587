"""The same night through every family: a simulated peripheral, the air, bleak, the session, the recorder, the detector."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.families import Result, night
from firmware_sim.cli_families import build_firmware
from firmware_sim.cli_files import BadInputError
from firmware_sim.families.firmware import BATTERY_PERCENT
from firmware_sim.night import Performed
from firmware_sim.vocabulary import Scenario
from tests.conftest import ROOT, started

MINUTES, SPEED = 3.0, 60.0
LOSS = "link:\n  losses: [{at: 60s, for: 6s}]\n"


@pytest.fixture(scope="module")
def reference() -> Result:
    return night("ankle", minutes=MINUTES, speed=SPEED)


def check(result: Result, reference: Result) -> None:
    """Of so few movements one may be another at another rate; the benchmark's longer night shows the percents."""
    assert reference.movements is not None
    assert result.movements is not None
    assert reference.movements >= 6
    assert abs(result.movements - reference.movements) <= 1
    assert result.refused <= 1


def under_way(result: Result, speed: float) -> float:
    """Return how many samples may be on their way at either end, when the rate is set or the link is closed.

    On a busy machine these are the samples of 50 ms of real time.
    """
    return 0.05 * speed * result.rate_hz


SHOWN = [
    "movesense/old-app",
    "movesense/gsp",
    "witmotion/wt901",
    "witmotion/sdcl",
    "metamotion/bmi270",
    "metamotion/bmi160-old",
    "polar/h10",
    "microbit/board",
]


@pytest.mark.parametrize("model", SHOWN)
def test_the_same_movements_are_found(model: str, reference: Result) -> None:
    # A frame for each sample is a lot for a busy machine at 60 times real time: silence, and a new connection.
    is_alone = model.startswith("witmotion") or model == "metamotion/bmi160-old"
    speed = 20.0 if is_alone else SPEED
    result = night(model, minutes=MINUTES, speed=speed)
    if result.gaps:  # a busy machine fell behind so far that the link seemed silent
        speed /= 4
        result = night(model, minutes=MINUTES, speed=speed)
    check(result, reference)
    assert result.lost <= 0.002 * result.samples + under_way(result, speed)
    if model.startswith("movesense"):
        assert result.battery == (None if model == "movesense/old-app" else BATTERY_PERCENT)


def test_what_the_radio_loses_shows_in_the_times_of_a_polar(reference: Result) -> None:
    result = night("polar/verity", minutes=MINUTES, speed=SPEED, more=LOSS)
    check(result, reference)
    assert result.gaps == pytest.approx(6 * 52 * 1.017, abs=2 * 71 + 1)
    assert 0 <= result.lost - result.gaps <= under_way(result, SPEED)


def test_what_the_radio_loses_is_fetched_from_the_watch(reference: Result) -> None:
    result = night("bangle/app", minutes=MINUTES, speed=SPEED, more=LOSS)
    check(result, reference)
    assert result.gaps == 0
    assert result.lost <= under_way(result, SPEED), "half of the 6 s that the radio loses"


def test_what_a_busy_watch_missed_is_a_gap_and_holds_up_nothing() -> None:
    result = night("bangle/busy", minutes=1.5, speed=15.0, more=LOSS)
    # Three are missed each twenty seconds, the first before all others. What the radio lost is fetched.
    assert result.lost == 15
    assert 12 <= result.gaps <= 15


def test_a_polar_that_ends_the_stream_is_started_again() -> None:
    result = night("polar/verity", minutes=1.5, speed=10.0, extra=("--stop-after", "40"))
    # 0.2 s are waited; to be found and set up takes one more and a half: 15 to 18 s of night, more on a busy machine.
    assert result.gaps > 2 * 52
    assert result.samples > 42 * 52, "it stopped after 40 s"
    assert result.samples + result.gaps == pytest.approx(90 * 52 * 1.017, abs=10 * 52)


@pytest.mark.parametrize("model", ["movesense/old-app", "bangle/app"])
def test_a_link_that_is_cut_is_taken_up_again(model: str) -> None:
    result = night(model, minutes=0.8, speed=6.0, cut_s=1.5)
    # 8 s are 48 s of night: the watch measures on and is asked for what it kept, the others lose it and say so.
    if model == "bangle/app":
        assert result.gaps == 0
        assert result.lost <= under_way(result, 6.0)
    else:
        # Of 9 s nothing comes; to be found and set up takes 1 to 2 s of night, and a busy machine decides how many more.
        assert result.gaps > 8 * 52
        assert result.samples + result.gaps == pytest.approx(48 * 52 * 1.017, abs=6 * 52)


def test_a_family_that_there_is_not() -> None:
    command = [sys.executable, "-m", "firmware_sim", "sensor", "unix-client:/nowhere", "--family", "fitbit"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert 'no family "fitbit"; there are polar,' in done.stderr


def test_a_model_that_there_is_not() -> None:
    asleep = Performed(Scenario(duration_s=60.0, seed=5))
    with pytest.raises(BadInputError, match='polar has no model "x"; it has verity,'):
        build_firmware("polar", "x", asleep, None)


def test_a_scan_names_what_fits(air: str, short_folder: Path) -> None:
    arguments = ("-m", "firmware_sim", "sensor", air, "--until-eof", "--family")
    with (
        started(*arguments, "polar", "--address", "C4:4C:4D:00:00:05") as one,
        started(*arguments, "bangle", "--address", "C4:4C:4D:00:00:06") as other,
        started("-m", "firmware_sim", "sensor", air, "--until-eof") as ankle,
    ):
        for sensor in (one, other, ankle):
            sensor.says("advertising")
        done = subprocess.run(
            [sys.executable, "-m", "legmon", "scan", "--hci", air, "--seconds", "4", "--json"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    near = json.loads(done.stdout)["nearby"]
    assert {(n["name"], n["driver"]) for n in near} == {
        ("Polar Sense A1B2C3D4", "polar"),
        ("Bangle.js 7f3a", "bangle"),
        ("LegMon-Left", "ankle"),
    }
    assert [n["rssi_dbm"] for n in near] == sorted((n["rssi_dbm"] for n in near), reverse=True)
