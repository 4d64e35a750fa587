"""What some minutes with a sensor show, from frames made up with known faults; and the command against a simulated one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from legmon.sensors.base import Frame
from legmon.timeline.qualify import Evidence, Heard, qualify
from tests.conftest import ROOT, sensor

NS = 1_000_000_000
SCALE = 122


def evidence(
    *,
    hz: float = 50.0,
    true_hz: float = 50.0,
    seconds: float = 300.0,
    batch: int = 25,
    noise_mg: float = 2.0,
    scale: float = 1.0,
    offset_mg: tuple[float, float, float] = (0.0, 0.0, 0.0),
    sides: int = 1,
    lose: tuple[int, ...] = (),
    loss: str = "index",
    battery: tuple[tuple[int, int], ...] = (),
) -> Evidence:
    rng = np.random.default_rng(4)
    ups = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, -1], [-1, 0, 0], [0, -1, 0]], dtype=float)
    frames, counted = [], 0
    count = int(seconds * true_hz) // batch
    for i in range(count):
        up = ups[i * sides // count]
        g = up * scale + np.array(offset_mg) / 1000 + rng.normal(0, noise_mg / 1000, (batch, 3))
        end_s = (i + 1) * batch / true_hz
        late_s = abs(rng.normal(0, 0.02))
        if i in lose:
            continue
        first = i * batch if loss != "arrival" else counted
        counted += batch
        xyz = np.rint(g / (SCALE * 1e-6)).astype(np.int16)
        frames.append(Heard(Frame(7, first, 0, xyz), round((1000 + end_s + late_s) * NS)))
    return Evidence(hz, SCALE, loss, frames, battery)  # type: ignore[arg-type]


def test_the_true_rate_and_how_late_frames_are() -> None:
    card = qualify(evidence(true_hz=50.85))
    assert card.true_hz == pytest.approx(50.85, rel=2e-4)
    assert card.rate_error_percent == pytest.approx(1.7, abs=0.03)
    assert card.frame_s == pytest.approx(25 / 50.85, abs=0.02)
    assert card.late_ms is not None
    assert 8 < card.late_ms[0] < 20 < card.late_ms[1] < 60
    assert card.warnings == []


def test_noise_by_root_hertz() -> None:
    card = qualify(evidence(noise_mg=3.0))
    assert card.noise_mg == pytest.approx(3.0, rel=0.05)
    assert card.noise_ug_rthz == pytest.approx(600, rel=0.05)
    assert card.gravity_g == pytest.approx(1.0, abs=0.002)
    assert card.scale_error_percent is None
    assert card.sides == 1


def test_on_six_sides_scale_and_offset_are_told_apart() -> None:
    card = qualify(evidence(sides=6, scale=1.03, offset_mg=(30, -10, 5)))
    assert card.sides == 6
    assert card.scale_error_percent == pytest.approx(3.0, abs=0.1)
    assert card.offset_mg == pytest.approx(float(np.linalg.norm([30, -10, 5])), abs=1.0)


@pytest.mark.parametrize("loss", ["index", "time", "arrival"])
def test_what_is_lost(loss: str) -> None:
    card = qualify(evidence(lose=(100, 101, 102, 300), loss=loss))
    assert card.lost == pytest.approx(100, abs=0 if loss != "arrival" else 30)


def test_a_pause_without_a_loss_is_none() -> None:
    made = evidence(loss="arrival")
    held = [
        Heard(h.frame, max(h.arrival_ns, made.frames[104].arrival_ns) if 100 <= i < 105 else h.arrival_ns)
        for i, h in enumerate(made.frames)
    ]
    card = qualify(Evidence(50.0, SCALE, "arrival", held))
    assert card.lost <= 10
    assert card.longest_pause_s == pytest.approx(2.5, abs=0.3)


def test_battery_of_a_night_only_after_half_an_hour() -> None:
    hour = 3600 * NS
    assert qualify(evidence(battery=((0, 90), (hour // 6, 90)))).battery_percent_night is None
    assert qualify(evidence(battery=((0, 90), (hour, 85)))).battery_percent_night == pytest.approx(40)


def test_what_does_not_fit_a_night_is_said() -> None:
    card = qualify(evidence(true_hz=25.0, noise_mg=12.0, scale=0.5))
    assert [w.split(" ")[0] for w in card.warnings] == ["It", "Its", "Lying"]
    assert "No samples came." in qualify(Evidence(50.0, SCALE, "index", [])).warnings


def test_moving_all_the_time_says_so() -> None:
    made = evidence(noise_mg=60.0, seconds=60)
    card = qualify(made)
    assert card.noise_mg is None
    assert "hardly lay still" in card.warnings[-1]


@pytest.mark.parametrize("seconds", [0.1, 3.0, 6.0])
def test_a_short_trial_tells_what_it_can(seconds: float) -> None:
    card = qualify(evidence(seconds=seconds, batch=1))
    assert card.lost == 0


def test_the_command_with_a_simulated_sensor(air: str, short_folder: Path, tmp_path: Path) -> None:
    still = "duration: 1h\nseed: 3\nmovements_per_hour: 0\n"
    with sensor(air, short_folder, scenario=still):
        command = ["qualify", "--minutes", "0.2", "--hci", air, "--data", str(tmp_path), "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "legmon", *command],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)
    assert card["driver"] == "ankle"
    assert card["simulated"] is True
    assert card["lost"] == 0
    assert card["true_hz"] == pytest.approx(50, rel=0.02)
    assert 0.5 < card["noise_mg"] < 6
    saved = json.loads(Path(card.pop("saved")).read_text())
    assert saved == card
