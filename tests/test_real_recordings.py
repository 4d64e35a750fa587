"""Real sensors: noise is no movement, walking is walking, and nothing that people recorded makes the detector stumble."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from legmon.detection.detector import detect
from legmon.movement import LegMovement

DATA = Path(__file__).parent / "data" / "recordings"
ELSEWHERE = Path(__file__).parents[2] / "shared" / "data"
"""Recordings whose licence does not allow a copy here (tests/data/README.md)."""

needs_recordings = pytest.mark.skipif(
    not ELSEWHERE.exists(), reason="the recording may not be copied into this repository"
)


def candidates(found: list[LegMovement]) -> list[LegMovement]:
    return [m for m in found if m.kind == "leg" and 0.5 <= m.duration_s <= 10]


def test_a_sensor_on_a_table_does_not_move() -> None:
    x = np.loadtxt(DATA / "actigraph_on_a_table.csv", delimiter=",", skiprows=1)
    assert len(x) / 80.0 > 60
    assert detect(x, 80.0) == []


@pytest.mark.parametrize(
    ("sd_g", "step_g", "rate_hz"), [(0.0020, 0.003, 80.0), (0.0015, 0.00048, 102.4), (0.0100, 0.001, 64.0)]
)
def test_eight_hours_of_a_real_sensors_noise_hold_no_movement(
    sd_g: float, step_g: float, rate_hz: float
) -> None:
    """Noise as measured on a table (ActiGraph), in static faces (NilsPod) and at a quiet ankle (Daphnet)."""
    noise = np.random.default_rng(8).normal(0.0, sd_g, (round(8 * 3600 * rate_hz), 3)) + np.array(
        [0.1, -0.2, 0.97]
    )
    assert candidates(detect(np.round(noise / step_g) * step_g, rate_hz)) == []


def daphnet() -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Ankle of people with Parkinson's disease, 64 Hz, an old and noisy sensor with glitches of tens of g."""
    for file in sorted((ELSEWHERE / "daphnet_ankle").glob("*.gz")):
        with gzip.open(file, "rt") as lines:
            table = np.array([[float(v) for v in line.split()] for line in lines])
        yield file.name, np.clip(table[:, 1:4] / 1000.0, -16.0, 16.0)


def quiet_bouts(x: NDArray[np.float64], rate: int = 64) -> list[tuple[int, int]]:
    """Half minutes and longer in which every second has less than 25 mg, seconds."""
    seconds = x[: len(x) // rate * rate].reshape(-1, rate, 3)
    still = np.sqrt(((seconds - seconds.mean(axis=1, keepdims=True)) ** 2).sum(axis=2).mean(axis=1)) < 0.025
    edges = np.flatnonzero(np.diff(np.r_[0, still.astype(int), 0]))
    return [(a, b) for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True) if b - a >= 30]


@needs_recordings
def test_quiet_minutes_at_a_real_ankle_hold_hardly_a_candidate_and_walking_is_walking() -> None:
    inside, minutes, walks = [], 0.0, 0
    for _, x in daphnet():
        found = detect(x, 64.0)
        walks += sum(m.kind == "locomotion" for m in found)
        for a, b in quiet_bouts(x):
            minutes += (b - a) / 60
            inside += [m for m in candidates(found) if a + 1 < m.onset_s < b - 1]
    assert minutes > 15
    assert len(inside) <= 1, inside
    assert walks >= 30


@needs_recordings
def test_people_lying_down_and_walking_over_ble() -> None:
    """UMAFall: a sensor at 20 Hz over BLE with lost samples; only that nothing goes wrong, and walking is no leg movement."""
    files = 0
    for file in sorted((ELSEWHERE / "umafall_ankle_ble").glob("*.gz")):
        with gzip.open(file, "rt", errors="replace") as text:
            lines = text.read().splitlines()
        ankle = next(
            (
                line.split(";")[1].strip()
                for line in lines
                if line.startswith("%") and "ANKLE" in line and ";" in line
            ),
            None,
        )
        rows = []
        for line in lines:
            fields = line.split(";")
            if (
                line.startswith("%")
                or len(fields) < 7
                or fields[6].strip() not in (ankle, "0", "1", "2", "3", "4")
            ):
                continue
            try:
                row = [float(v) for v in fields[2:5]]
            except ValueError:
                continue  # numbers mangled by a spreadsheet
            if fields[5].strip() == "0" and max(map(abs, row)) < 20:
                rows.append(row)
        if len(rows) > 40:
            files += 1
            detect(np.array(rows), 20.0)
    assert files >= 15


def test_the_still_stretches_of_a_real_sensor_hold_no_candidate() -> None:
    """NilsPod, 204.8 Hz, at rest and handled in turn: seconds with less than 8 mg are still."""
    counts = np.loadtxt(DATA / "nilspod_at_rest_and_handled.csv", delimiter=",", skiprows=1)
    x, rate = counts / 2048, 204.8
    seconds = x[: int(len(x) / rate) * 204].reshape(-1, 204, 3)
    still = np.sqrt(((seconds - seconds.mean(axis=1, keepdims=True)) ** 2).sum(axis=2).mean(axis=1)) < 0.008
    assert still.sum() >= 10
    inside = [
        m for m in candidates(detect(x, rate)) if still[max(int(m.onset_s), 0) : int(m.offset_s) + 1].all()
    ]
    assert inside == []
