"""What render and capture write, and how the commands end."""

from __future__ import annotations

import csv
import json
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("fresh")
MINUTES = "name: two minutes\nduration: 121s\nmovements_per_hour: 120\nleg: right\nseed: 5\n"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "firmware_sim", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "scenario.yaml"
    path.write_text(MINUTES)
    return path


def test_render(scenario: Path, tmp_path: Path) -> None:
    done = run("render", scenario, "-o", tmp_path / "night", "--progress")
    assert (done.returncode, done.stderr) == (0, "")
    steps = [float(line.removeprefix("progress ")) for line in done.stdout.splitlines()]
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    with (tmp_path / "night" / "right.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["time_s", "x_g", "y_g", "z_g"]
    assert len(rows) - 1 == -(-121 * 50.6 // 1)
    assert rows[1][0] == "0.000000"
    assert rows[-1][0] == f"{(len(rows) - 2) / 50.6:.6f}"
    truth = json.loads((tmp_path / "night" / "truth.json").read_text())
    assert {key: truth[key] for key in list(truth)[:6]} == {
        "simulated": True,
        "scenario": "two minutes",
        "seed": 5,
        "rate_hz": 50.6,
        "declared_rate_hz": 50,
        "duration_s": 121.0,
    }
    assert truth["chip"] == {"step_mg": 0.122, "noise_mg": 0.805}  # 160 µg/√Hz up to 25.3 Hz
    assert truth["movements"]
    keys = {"onset_s", "offset_s", "leg", "kind", "visible", "peak_mg"}
    assert {key for movement in truth["movements"] for key in movement} - keys == {
        "performed_onset_s",
        "performed_offset_s",
    }


def test_section_9_capture_holds_the_samples_of_render(scenario: Path, tmp_path: Path) -> None:
    run("render", scenario, "-o", tmp_path, "--seed", "6")
    done = run("capture", scenario, "-o", tmp_path / "night.capture", "--seed", "6")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    line, _, records = (tmp_path / "night.capture").read_bytes().partition(b"\n")
    assert json.loads(line) == {
        "capture": 1,
        "scenario": "two minutes",
        "seed": 6,
        "leg": "right",
        "sensor": "LegMon-Right",
        "rate_hz": 50,
        "range_g": 4,
        "scale_ug": 122,
        "duration_s": 121.0,
        "simulated": True,
    }
    at = index = 0
    values: list[float] = []
    while at < len(records):
        handed_us, length = struct.unpack_from("<QH", records, at)
        kind, n, _stream, first, t_us = struct.unpack_from("<BBHIQ", records, at + 10)
        assert (kind, first, length) == (0x11, index, 16 + 6 * n)
        assert handed_us - t_us == pytest.approx((n - 1) * 1e6 / 50.6, abs=1)
        values += [v * 122e-6 for v in struct.unpack_from(f"<{3 * n}h", records, at + 26)]
        index += n
        at += 10 + length
    assert at == len(records)
    with (tmp_path / "right.csv").open() as file:
        rendered = [float(v) for row in list(csv.reader(file))[1:] for v in row[1:]]
    assert values == pytest.approx(rendered, abs=1e-6)
    assert (tmp_path / "night.truth.json").read_text() == (tmp_path / "truth.json").read_text()


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("render", "none.yaml", "-o", "x"), 2, "none.yaml"),
        (("air", "somewhere"), 2, "unix:/path"),
        (("air", "unix:/nowhere/at/all"), 1, "/nowhere/at/all"),
        (("sensor", "unix-client:/nowhere"), 1, "start an air"),
        (("sensor", "pigeon:1"), 2, "HCI transport"),
        (("sensor", "usb:0", "--name", "Bob"), 2, "LegMon-"),
        (("sensor", "usb:0", "--address", "00:00:00:00:00:00"), 2, "static random"),
        (("sensor", "usb:0", "--speed", "0"), 2, "--speed"),
        (("fly",), 2, "fly"),
    ],
)
def test_bad_input_is_told_in_one_sentence(arguments: tuple[str, ...], status: int, says: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM, None])
def test_air_and_sensor_end_cleanly_at_once(way: signal.Signals | None, short_folder: Path) -> None:
    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "firmware_sim", *arguments, "--until-eof"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    socket = short_folder / "air"
    air = start("air", f"unix:{socket}")
    assert air.stdout is not None
    assert air.stdout.readline() == f"ready unix:{socket}\n"
    sensor = start("sensor", f"unix-client:{socket}")
    assert sensor.stdout is not None
    assert sensor.stdout.readline() == "advertising LegMon-Left C4:4C:4D:00:00:01\n"
    for process in (sensor, air):
        if way is None:
            assert process.stdin is not None
            process.stdin.close()
            process.stdin = None
        else:
            process.send_signal(way)
        assert process.communicate(timeout=30) == ("", "")
        assert process.returncode == 0
    assert not socket.exists()


def test_a_sensor_whose_radio_has_gone_says_so(short_folder: Path) -> None:
    socket = short_folder / "air"
    command = [sys.executable, "-m", "firmware_sim"]
    air = subprocess.Popen([*command, "air", f"unix:{socket}"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert air.stdout is not None
    air.stdout.readline()
    sensor = subprocess.Popen(
        [*command, "sensor", f"unix-client:{socket}"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert sensor.stdout is not None
    sensor.stdout.readline()
    air.kill()
    air.communicate()
    _out, said = sensor.communicate(timeout=30)
    assert sensor.returncode == 1
    assert "has disconnected" in said
    # What a killed air leaves behind does not stop the next one.
    assert socket.exists()
    again = subprocess.Popen([*command, "air", f"unix:{socket}"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert again.stdout is not None
    assert again.stdout.readline().startswith("ready")
    second = run("air", f"unix:{socket}")
    assert (second.returncode, "already" in second.stderr) == (1, True)
    again.terminate()
    again.communicate(timeout=30)
