"""`legmon replay`: a file, a night or a scenario through the whole program, and what the simulated sensor makes of a file."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from firmware_sim.playback import Playback, PlaybackError
from firmware_sim.sensor import Sensor
from legmon.catalog.store import Catalog
from legmon.exchange.csv import read_csv
from legmon.recording.files import read_segment
from legmon.recording.records import Samples
from tests.conftest import ROOT, run_command, run_program, started

SCENARIO = "duration: 7m\nseed: 5\nrate_error_percent: 1.2\nmovements_per_hour: 120\n"
HEADER = "time_s,x_g,y_g,z_g"
OVER = "The simulated night is over and closed."
START = bytes.fromhex("01 01 3200 04 32")  # 50 Hz, 4 g, 50 samples a frame


def replay(source: Path | str, *options: str, speed: float = 60) -> str:
    """Replay to the end, then press Ctrl-C; give what was said."""
    quiet = ("--no-browser", "--port", "0", "--minutes", "1", "--speed", str(speed))
    with started("-m", "legmon", "replay", str(source), *options, *quiet) as process:
        process.says(OVER, 50)
        process.process.send_signal(signal.SIGINT)
        assert process.process.wait(60) == 0
        return "\n".join(process.lines)


def scored(*what: str) -> dict[str, Any]:
    done = run_command("score", *what, "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def samples(folder: Path) -> NDArray[np.int16]:
    (segment,) = folder.glob("nights/*/*.se*")
    return np.concatenate([r.xyz for r in read_segment(segment) if isinstance(r, Samples)])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("file")
    (folder / "night.yaml").write_text(SCENARIO)
    assert run_command("simulate", str(folder / "night.yaml"), "-o", str(folder)).returncode == 0
    return folder / "left.csv"


@pytest.fixture(scope="module")
def replayed(file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The data folder of the file's replay, and what was said."""
    folder = tmp_path_factory.mktemp("replayed")
    return folder, replay(file, "--into", str(folder))


def test_a_replayed_file_gives_the_movements_of_the_file(file: Path, replayed: tuple[Path, str]) -> None:
    folder, said = replayed
    assert "SIMULATED" in said
    assert "Recording 7 min 00 s of the left ankle at 50 Hz" in said
    truth, found = scored("--left", str(file)), scored("last", "--data", str(folder))
    assert found["simulated"] is True
    assert found["gaps"] == []
    assert found["duration_s"] == pytest.approx(truth["duration_s"], abs=0.5)
    last = truth["duration_s"] - 15
    onsets = [[m["onset_s"] for m in a["movements"] if m["onset_s"] < last] for a in (truth, found)]
    assert len(onsets[0]) > 5
    assert onsets[1] == pytest.approx(onsets[0], abs=0.2)


def test_every_sample_of_the_file_is_recorded_as_it_was(file: Path, replayed: tuple[Path, str]) -> None:
    (stretch,) = read_csv(file).stretches
    recorded = samples(replayed[0])
    assert recorded.shape == stretch.xyz.shape
    assert np.abs(recorded * 122e-6 - stretch.xyz).max() < 1e-6


def test_a_recorded_night_is_replayed_to_the_bit_beside_itself(replayed: tuple[Path, str]) -> None:
    folder, _ = replayed
    (segment,) = folder.glob("nights/*/left.se*")
    before = segment.read_bytes()
    said = replay("last", "--data", str(folder), speed=200)
    assert "A simulated sensor plays the left ankle of the night" in said
    assert segment.read_bytes() == before
    catalog, again = Catalog(folder), Catalog(folder / "replay")
    assert len(catalog.nights()) == 1
    assert again.night("last").simulated is True
    catalog.close()
    again.close()
    assert np.array_equal(samples(folder), samples(folder / "replay"))


def test_a_scenario_of_the_right_ankle_at_another_rate(tmp_path: Path) -> None:
    (tmp_path / "night.yaml").write_text("duration: 3m\nseed: 6\nrate_hz: 100\nleg: right\n")
    said = replay(tmp_path / "night.yaml", "--into", str(tmp_path / "into"))
    assert "Recording 3 min 00 s of the right ankle at 100 Hz" in said
    catalog = Catalog(tmp_path / "into")
    night = catalog.night("last")
    assert (night.state, night.simulated, night.legs) == ("closed", True, ("right",))
    assert catalog.scales(night.id)["right"][0] == 100.0
    catalog.close()
    assert len(samples(tmp_path / "into")) >= 18_000
    truth = json.loads((tmp_path / "into" / "simulated" / "replay-1.truth.json").read_text())
    assert truth["duration_s"] == 180.0


@pytest.mark.usefixtures("fresh")
def test_a_gap_in_the_file_is_a_named_gap_of_its_length(file: Path, tmp_path: Path) -> None:
    header, *lines = file.read_text().splitlines()
    kept = [line for line in lines[:9000] if not 60.0 < float(line.split(",")[0]) < 67.3]
    (tmp_path / "gap.csv").write_text("\n".join([header, *kept]) + "\n")
    replay(tmp_path / "gap.csv", "--into", str(tmp_path / "into"))
    (truth,) = scored("--left", str(tmp_path / "gap.csv"))["gaps"]
    found = scored("last", "--data", str(tmp_path / "into"))
    assert truth == pytest.approx([60.0, 67.3], abs=0.05)
    assert found["gaps"] == [pytest.approx(truth, abs=0.5)]
    assert found["duration_s"] - found["analysed_s"] == pytest.approx(7.3, abs=0.5)
    catalog = Catalog(tmp_path / "into")
    (track,) = catalog.tracks(catalog.night("last").id)
    catalog.close()
    assert [h.cause for h in track.gaps] == ["not_sent"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("nowhere.csv", None, "there is no file"),
        ("nowhere.yaml", None, "there is no file"),
        ("2026-01-01-2300", None, "there is no night '2026-01-01-2300'"),
        ("notes.txt", "hello", "neither a .csv"),
        ("bad.csv", "a,b\n1,2\n", "the first line is 'a,b'; expected time_s,x_g,y_g,z_g"),
        ("bad.csv", f"{HEADER}\n0,0,0,1\n0.02,0,zero,1\n", "line 3 is '0.02,0,zero,1'"),
        ("bad.yaml", "duration: long\n", '"duration" must be a time'),
    ],
)
def test_a_bad_source_gets_one_sentence_and_status_2(
    name: str, text: str | None, says: str, tmp_path: Path
) -> None:
    source = name
    if "." in name:
        source = str(tmp_path / name)
    if text is not None:
        Path(source).write_text(text)
    catalog = Catalog(tmp_path / "data")
    catalog.begin("2026-01-02-2300", started_ns=1, zone=("UTC", 0), simulated=True, rules="x", detector="x")
    catalog.close()
    done = run_program("replay", source, "--data", str(tmp_path / "data"), "--no-browser", "--port", "0")
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


# what the sensor makes of a file


def written(path: Path, times: NDArray[np.float64], xyz: NDArray[np.float64]) -> Path:
    np.savetxt(path, np.column_stack([times, xyz]), fmt="%.6f", delimiter=",", header=HEADER, comments="")
    return path


def wave(times: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([np.sin(times), np.cos(times), np.ones(len(times))])


@pytest.mark.parametrize(
    ("rate_hz", "declared_hz", "true_hz"),
    [
        (24.0, 25, 24.0),
        (31.25, 50, 50.0),
        (50.6, 50, 50.6),
        (104.0, 100, 104.0),
        (130.0, 200, 200.0),
        (208.0, 200, 208.0),
        (400.0, 200, 200.0),
    ],
)
def test_a_rate_far_from_all_declared_ones_is_interpolated(
    rate_hz: float, declared_hz: int, true_hz: float, tmp_path: Path
) -> None:
    times = np.arange(2000) / rate_hz
    night = Playback(written(tmp_path / "x.csv", times, wave(times)), "left")
    assert night.declared_rate_hz == declared_hz
    assert night.duration_s == pytest.approx(2000 / rate_hz, rel=1e-4)
    measured = night.measured(declared_hz, 4)
    assert measured.rate_hz == pytest.approx(true_hz, rel=1e-4)
    at = np.arange(100, 300) / measured.rate_hz
    assert measured.chip.samples(100, 200) * 122e-6 == pytest.approx(wave(at), abs=5e-4)


def test_range_ends_and_another_rate(tmp_path: Path) -> None:
    times = np.arange(100) / 50.0
    night = Playback(written(tmp_path / "x.csv", times, 5.0 * wave(times)), "right")
    assert night.leg == "right"
    chip = night.measured(50, 4).chip
    assert chip.samples(0, 1).tolist() == [[0, 32767, 32767]], "clipped to the range"
    assert (chip.samples(99, 50) == chip.samples(99, 1)).all(), "after the end the leg rests"
    assert night.measured(100, 16).rate_hz == 100.0
    assert np.array_equal(
        night.measured(100, 16).chip.samples(0, 9)[::2], night.measured(50, 16).chip.samples(0, 5)
    )


def test_jitter_is_played_evenly_and_a_gap_is_never_sent(tmp_path: Path) -> None:
    times = np.arange(1000) / 50.0 + np.random.default_rng(1).uniform(-0.006, 0.006, 1000)
    times[600:] += 3.3
    night = Playback(written(tmp_path / "x.csv", times, wave(times)), "left")
    measured = night.measured(50, 4)
    (begin, end), (last, _) = measured.lost
    assert begin == 600
    assert (end - begin) / measured.rate_hz == pytest.approx(3.3, abs=0.03)
    sensor = Sensor(night, sensor_id=1, first_stream=1)
    sensor.control(START, now_us=0, mtu=517)
    stream = sensor.stream
    assert stream is not None
    sent: list[int] = []
    lost: list[int] = []
    while not sensor.over:
        due = sensor.due(60_000_000, mtu=517)
        assert due is not None
        (lost if stream.loses(*due) else sent).extend(range(due[0], sum(due)))
        sensor.sent(due[1])
    assert lost == list(range(begin, end)), "cut where the gap begins and ends"
    assert sent[-1] == last - 1 == end + 399, "nothing is sent after the end"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "fewer than two samples"),
        ("0,0,0,1\n", "fewer than two samples"),
        ("0,0,0,1\n0,0,0,1\n", "do not advance"),
        ("0,0,0,1\n0.1,0,0,1\n0.05,0,0,1\n", "sample 3: time_s goes back from 0.1 to 0.05"),
        ("0,0,0,1\n0.1,0,nan,1\n", "sample 2: not every number is finite"),
        ("0,0,1\n0.1,0,1\n", "there are 3 columns"),
        ("0,0,0,1\n0.1,0,1\n", "line 3 is '0.1,0,1'"),
    ],
)
def test_a_file_that_cannot_be_played_says_why(body: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(f"{HEADER}\n{body}")
    with pytest.raises(PlaybackError, match=says):
        Playback(tmp_path / "x.csv", "left")


def test_play_stands_alone() -> None:
    command = [sys.executable, "-m", "firmware_sim", "sensor", "unix-client:/nowhere", "--play", "x.csv"]
    done = subprocess.run(
        [*command, "--seed", "3"], cwd=ROOT, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 2
    assert "Do not use --play with --scenario" in done.stderr
