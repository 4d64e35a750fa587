"""What must not change what is found: how the case sits, how samples are cut, the sample rate, a rate that is off, a hole."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from legmon.detection.detector import Detector, detect
from legmon.exchange.capture import Capture, read_capture
from legmon.movement import NS, LegMovement
from legmon.scoring.score import score
from tests.conftest import ROOT

NIGHT = "duration: 90m\nseed: {seed}\nrate_hz: {rate}\nrate_error_percent: {error}\nmovements_per_hour: 60\n"


def capture(folder: Path, *, rate: int = 50, error: float = 0.0, seed: int = 12, more: str = "") -> Capture:
    folder.mkdir(exist_ok=True)
    scenario, file = folder / "night.yaml", folder / "night.capture"
    scenario.write_text(NIGHT.format(seed=seed, rate=rate, error=error) + more)
    command = [sys.executable, "-m", "firmware_sim", "capture", str(scenario), "-o", str(file)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return read_capture(file)


def samples(c: Capture) -> NDArray[np.float64]:
    return np.concatenate([f.xyz for _, f in c.frames()]) * (c.format.scale_ug * 1e-6)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.float64]:
    return samples(capture(tmp_path_factory.mktemp("night")))


def legs(found: list[LegMovement]) -> list[LegMovement]:
    return [m for m in found if m.kind == "leg" and 0.5 <= m.duration_s <= 10]


def test_the_case_may_sit_anyhow(whole: NDArray[np.float64]) -> None:
    straight = legs(detect(whole, 50.0))
    assert len(straight) > 60
    rng = np.random.default_rng(3)
    for _ in range(3):
        rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        turned = legs(detect(whole @ rotation.T, 50.0))
        assert [m.onset_s for m in turned] == pytest.approx([m.onset_s for m in straight], abs=0.04)


@pytest.mark.parametrize("size", [1, 7, 25, 83, 1000])
def test_packets_of_any_size_give_the_same_movements(whole: NDArray[np.float64], size: int) -> None:
    part = whole[: 40_000 if size > 1 else 10_000]
    detector = Detector(50.0)
    found = [m for i in range(0, len(part), size) for m in detector.feed(part[i : i + size])]
    assert found + detector.finish() == detect(part, 50.0)


def test_25_50_and_100_hz_of_the_same_night_agree_within_3_percent(tmp_path: Path) -> None:
    found = {
        rate: legs(detect(samples(capture(tmp_path / str(rate), rate=rate)), float(rate)))
        for rate in (25, 50, 100)
    }
    counts = {rate: len(m) for rate, m in found.items()}
    assert max(counts.values()) - min(counts.values()) <= 0.03 * counts[50] + 1, counts
    periodic = {rate: score(m).indices.periodic for rate, m in found.items()}
    assert max(periodic.values()) - min(periodic.values()) <= 0.03 * periodic[50] + 4, periodic


@pytest.fixture(scope="module")
def fine(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.float64]:
    return samples(capture(tmp_path_factory.mktemp("fine"), rate=200))


def sampled_at(x: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """What a sensor of another rate would have measured: straight lines between samples at 200 Hz."""
    t = np.arange(int(len(x) / 200 * rate_hz)) / rate_hz
    return np.stack([np.interp(t * 200.0, np.arange(len(x)), axis) for axis in x.T], axis=1)


@pytest.mark.parametrize("rate", [25.0, 26.0, 50.0, 52.0, 100.0, 104.0, 208.0])
def test_the_rates_of_common_sensors_agree_with_200_hz_within_3_percent(
    fine: NDArray[np.float64], rate: float
) -> None:
    """Polar and Movesense sensors offer 26, 52, 104 and 208 Hz."""
    at_200, found = legs(detect(fine, 200.0)), legs(detect(sampled_at(fine, rate), rate))
    assert abs(len(found) - len(at_200)) <= 0.03 * len(at_200)
    periodic = score(found).indices.periodic, score(at_200).indices.periodic
    assert abs(periodic[0] - periodic[1]) <= 0.03 * periodic[1]


@pytest.mark.parametrize("degrees", [-60.0, 30.0])
def test_a_case_that_rolls_slowly_is_no_movement_and_hides_none(tmp_path: Path, degrees: float) -> None:
    firm, loose = tmp_path / "firm", tmp_path / "loose"
    asked = f"disturb: {{strap: [{{at: 20m, roll_deg: {degrees}, roll_for: 10m}}]}}\n"
    without, found = (
        legs(detect(samples(capture(folder, more=more)), 50.0))
        for folder, more in ((firm, ""), (loose, asked))
    )
    assert len(without) > 10
    assert abs(len(found) - len(without)) <= 0.03 * len(without)
    assert not [m for m in found if all(abs(m.onset_s - w.onset_s) > 1 for w in without)]


@pytest.mark.parametrize("error", [-2.0, 2.0])
def test_a_rate_that_is_2_percent_off_changes_no_count(tmp_path: Path, error: float) -> None:
    true = legs(detect(samples(capture(tmp_path / "true")), 50.0))
    off = legs(detect(samples(capture(tmp_path / "off", error=error)), 50.0))
    assert len(true) > 10
    assert abs(len(off) - len(true)) <= 0.03 * len(true)


def test_a_gap_neither_invents_nor_bridges_a_series(whole: NDArray[np.float64]) -> None:
    base = detect(whole, 50.0)
    known = {m.first for m in base}
    for at in range(20_000, 250_000, 23_000):
        detector = Detector(50.0)
        found = (
            detector.feed(whole[:at])
            + detector.gap(500)
            + detector.feed(whole[at + 500 :])
            + detector.finish()
        )
        new = [m for m in legs(found) if not any(abs((m.first or 0) - (k or 0)) < 100 for k in known)]
        assert all(abs((m.first or 0) - at) < 700 for m in new), (
            "only beside the gap may something look different"
        )
        gap = (at / 50.0, (at + 500) / 50.0)
        scored = score(found, gaps=[gap], duration_s=len(whole) / 50.0)
        assert scored.indices.series, "there is a series that a gap could bridge"
        for before, after in zip(scored.movements, scored.movements[1:], strict=False):
            if before.series is not None and before.series == after.series:
                assert not before.movement.onset <= gap[0] * NS < gap[1] * NS <= after.movement.onset


def test_the_same_seed_gives_the_same_bytes_and_movements(tmp_path: Path) -> None:
    digests = []
    for name in ("a", "b"):
        x = samples(capture(tmp_path / name))
        found = [replace(m, leg="left") for m in detect(x, 50.0)]
        digests.append((hashlib.sha256(x.tobytes()).hexdigest(), found))
    assert digests[0] == digests[1]
