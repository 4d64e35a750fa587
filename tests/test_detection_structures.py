"""The detector tells apart what looks alike: beats and twitches, a leg and a bed, a hum and a movement, drift and a lift."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

from legmon.detection import bed, bed_weights
from legmon.detection.detector import Detector, detect
from legmon.detection.faults import verdict
from tests.test_detection import RATE, Samples, felt, lift, smooth, times, turn

ARM_M, GRAVITY = 0.22, 9.81


def moved(angle: Samples, noise_g: float = 0.001, seed: int = 1) -> Samples:
    """What a sensor on a shank feels that turns by these angles: gravity, and the push along the circle."""
    x = felt(angle, noise_g, seed)
    x[:, 2] += ARM_M * np.gradient(np.gradient(angle, 1 / RATE), 1 / RATE) / GRAVITY
    return x


def beats(t: Samples, onset: float, degrees: float, hz: float, depth: float, count: int) -> Samples:
    """Angle of a leg that is lifted, falls back by `depth` of the lift `count` times, and is put back."""
    lasts = count / hz
    since = np.clip(t - onset - 0.3, 0.0, lasts)
    back = depth * 0.5 * (1.0 - np.cos(2 * np.pi * hz * since))
    return np.asarray(lift(t, onset, degrees, 0.3, lasts, 0.5) - math.radians(degrees) * back)


def sway(t: Samples, at: float, peak_g: float, hz: float = 1.4, fades_s: float = 0.8) -> Samples:
    """What a mattress adds that swings and fades."""
    since = np.clip(t - at, 0.0, None)
    wave = peak_g * 1.2 * np.exp(-since / fades_s) * np.sin(2 * np.pi * hz * since) * (t >= at)
    return np.asarray(np.outer(wave, [0.8, 0.6, 0.0]))


def noise_of_band(count: int, low_hz: float, high_hz: float, rms_g: float, seed: int) -> Samples:
    """Noise between two frequencies, on three axes."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=(count, 3)), axis=0)
    hz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0.0
    x = np.fft.irfft(spectrum, count, axis=0)
    return np.asarray(rms_g * x / x.std())


# Beats, twitches, holds.


@pytest.mark.parametrize("degrees", [3, 8, 15])
@pytest.mark.parametrize(("hz", "depth"), [(1.5, 0.3), (1.5, 0.6), (2.5, 0.3), (2.5, 0.5), (3.5, 0.2)])
def test_deep_beats_of_a_leg_that_is_held_are_a_leg_movement(degrees: float, hz: float, depth: float) -> None:
    t = times(60)
    (m,) = detect(moved(beats(t, 20, degrees, hz, depth, 6)), RATE)
    assert m.kind == "leg"
    assert m.duration_s == pytest.approx(0.8 + 6 / hz, abs=0.4)


def test_the_tremor_of_a_muscle_that_holds_the_leg_does_not_make_a_tremor_of_the_movement() -> None:
    t = times(60)
    x = moved(lift(t, 20, 8, hold=5.0))
    held = (t > 20.5) & (t < 25.5)
    x[:, 1] += 0.012 * np.sin(2 * np.pi * 7 * t) * held
    (m,) = detect(x, RATE)
    assert m.kind == "leg"
    assert m.duration_s == pytest.approx(6.2, abs=0.4)


def jerked(t: Samples, onsets: list[float], peak_g: float) -> Samples:
    """What a leg adds that turns about the direction of gravity: jerks, and no turn."""
    jerks = sum(np.sin(2 * np.pi * 3 * (t - at)) * ((t >= at) & (t < at + 1 / 3)) for at in onsets)
    return felt(np.zeros(len(t)), 0.001) + np.outer(peak_g * jerks, [0.0, 1.0, 0.0])


@pytest.mark.parametrize("apart_s", [1.8, 2.5, 3.2])
def test_two_jerks_without_a_turn_are_the_ends_of_one_movement(apart_s: float) -> None:
    (m,) = detect(jerked(times(60), [20, 20 + apart_s], 0.15), RATE)
    assert m.kind == "leg"
    assert m.onset_s == pytest.approx(20, abs=0.1)
    assert m.duration_s == pytest.approx(apart_s + 1 / 3, abs=0.15)


def test_two_jerks_far_apart_are_two_movements() -> None:
    assert len(detect(jerked(times(60), [20, 26], 0.15), RATE)) == 2


def test_weak_jerks_with_pauses_are_no_hum() -> None:
    t = times(60)
    jerks = sum(
        np.sin(12 * np.pi * (t - at)) * ((t >= at) & (t < at + 1 / 3))
        for at in (20, 20.9, 21.8, 22.7, 23.6, 24.5)
    )
    x = felt(np.zeros(len(t)), 0.001) + np.outer(0.065 * jerks, [0.0, 1.0, 0.0])
    (m,) = detect(x, RATE)
    assert m.kind == "leg", "a hum has no pauses"
    assert m.onset_s == pytest.approx(20, abs=0.1)
    assert m.duration_s == pytest.approx(4.8, abs=0.2)


def test_strong_shaking_of_the_leg_is_no_foot_tremor() -> None:
    t = times(60)
    on = (t > 20) & (t < 27)
    x = felt(np.zeros(len(t)), 0.001)
    x[:, 1] += 0.6 * np.sin(2 * np.pi * 1.5 * t) * on
    (m,) = detect(x, RATE)
    assert m.kind == "leg"


# Returns.


def test_movements_every_9_s_that_come_back_to_another_place_stay_apart() -> None:
    t = times(240)
    rng, angle = np.random.default_rng(5), np.zeros(len(times(240)))
    onsets = np.arange(20.0, 220.0, 9.0)
    for onset in onsets:
        angle += lift(t, float(onset), 8, 0.3, 1.0, 0.6) + turn(
            t, float(onset) + 1.3, rng.uniform(-1.5, 1.5), 0.6
        )
    found = detect(moved(angle), RATE)
    assert [m.kind for m in found] == ["leg"] * len(onsets)
    assert [m.onset_s for m in found] == pytest.approx(list(onsets), abs=0.3)


@pytest.mark.parametrize("left", [0.1, 0.3])
@pytest.mark.parametrize("relax_s", [2.0, 6.0, 15.0])
def test_a_leg_that_relaxes_slowly_makes_one_movement(left: float, relax_s: float) -> None:
    t = times(120)
    since = np.clip(t - 31.8, 0.0, None)
    angle = lift(t, 30, 12, 0.3, 1.0, 0.5)
    angle += math.radians(12) * left * smooth((t - 31.3) / 0.5) * np.exp(-since / relax_s)
    found = [m for m in detect(moved(angle), RATE) if m.kind != "leg" or m.duration_s >= 0.5]
    assert [m.kind for m in found] == ["leg"]
    assert found[0].onset_s == pytest.approx(30.1, abs=0.2)
    assert found[0].duration_s < 9.5


def test_a_lift_that_comes_back_too_far_is_one_movement() -> None:
    t = times(90)
    angle = lift(t, 30, 6, 0.3, 4.0, 0.6) - lift(t, 34.9, 2.5, 0.3, 0.0, 0.4)
    (m,) = detect(moved(angle), RATE)
    assert m.kind == "leg"
    assert m.duration_s == pytest.approx(5.3, abs=0.5)


# The bed.


@pytest.mark.parametrize("peak_g", [0.022, 0.035, 0.05])
@pytest.mark.parametrize("hz", [0.9, 1.4, 2.2])
def test_a_bed_that_sways_every_30_s_is_not_listed(peak_g: float, hz: float) -> None:
    t = times(300)
    x = felt(np.zeros(len(t)), 0.001)
    for at in np.arange(20.0, 280.0, 30.0):
        x += sway(t, float(at), peak_g, hz)
    assert [m for m in detect(x, RATE) if m.duration_s >= 0.5] == []


@pytest.mark.parametrize("degrees", [1.6, 2.5, 3.5])
def test_a_leg_that_moves_by_as_much_as_a_bed_sways_is_listed(degrees: float) -> None:
    t = times(300)
    onsets = np.arange(20.0, 280.0, 30.0)
    x = moved(np.sum([lift(t, float(at), degrees, 0.4, 1.2, 0.6) for at in onsets], axis=0))
    assert [m.kind for m in detect(x, RATE)] == ["leg"] * len(onsets)


def test_the_weights_are_of_the_features_and_calibrated_on_simulated_nights() -> None:
    n = len(bed.FEATURES)
    assert len(bed_weights.MEAN) == len(bed_weights.SPREAD) == n
    assert len(bed_weights.TERMS) == 1 + n + n * (n + 1) // 2
    assert "simulated nights only" in (bed_weights.__doc__ or "")


def test_written_weights_read_as_they_were(tmp_path: Path) -> None:
    weights = bed.Weights(bed_weights.MEAN, bed_weights.SPREAD, bed_weights.TERMS)
    file = tmp_path / "weights.py"
    file.write_text(bed.written(weights, "3 nights"))
    spec = importlib.util.spec_from_file_location("weights", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert bed.Weights(module.MEAN, module.SPREAD, module.TERMS) == weights


# Hums and chips.


@pytest.mark.parametrize("rms_g", [0.003, 0.006])
@pytest.mark.parametrize("low_hz", [2.0, 5.0])
def test_a_hum_of_noise_is_no_movement_and_hides_none(rms_g: float, low_hz: float) -> None:
    t = times(400)
    onsets = [60.0, 150.0, 180.0, 210.0, 240.0, 330.0]
    x = moved(np.sum([lift(t, at, 8) for at in onsets], axis=0))
    on = (t > 100) & (t < 280)
    x[on] += noise_of_band(int(on.sum()), low_hz, low_hz + 4, rms_g, 3)
    found = [m for m in detect(x, RATE) if m.duration_s >= 0.5]
    assert [m.kind for m in found] == ["leg"] * len(onsets)
    assert [m.onset_s for m in found] == pytest.approx([at + 0.1 for at in onsets], abs=0.4)


@pytest.mark.parametrize(
    ("step_g", "code", "said"),
    [
        (0.0039, None, "usable"),
        (0.0078, None, "usable"),
        (0.0156, "coarse", "look"),
        (0.03125, "too_coarse", "poor"),
    ],
)
def test_a_chip_of_coarse_steps_is_named(step_g: float, code: str | None, said: str) -> None:
    t = times(120)
    x = np.rint(felt(lift(t, 60, 10), 0.002) / step_g) * step_g
    detector = Detector(RATE)
    detector.feed(x)
    detector.finish()
    findings = detector.quality()
    assert [f.code for f in findings] == ([code] if code else [])
    assert verdict(findings, 120, 120) == said


def test_the_scale_is_judged_while_the_leg_rests() -> None:
    t = times(400)
    walking = (t > 20) & (t < 340)
    x = felt(np.zeros(len(t)), 0.001)
    x[:, 2] += walking * (0.35 + 0.5 * np.sin(2 * np.pi * 1.8 * t))
    detector = Detector(RATE)
    detector.feed(x)
    detector.finish()
    assert "scale" not in {f.code for f in detector.quality()}


def test_a_recording_that_ends_while_somebody_walks_ends_with_locomotion() -> None:
    t = times(32)
    walking = t > 20
    x = felt(np.zeros(len(t)), 0.002)
    stride = np.sin(2 * np.pi * 0.9 * t)
    x[:, 0] += walking * (0.6 * stride + 1.4 * np.maximum(0, np.sin(2 * np.pi * 1.8 * t)) ** 6)
    found = detect(x, RATE)
    assert found[-1].kind == "locomotion"


@pytest.mark.parametrize("noise_g", [0.001, 0.003, 0.005])
def test_noise_does_not_make_a_jerk_longer(noise_g: float) -> None:
    t = times(60)
    x = felt(np.zeros(len(t)), noise_g)
    inside = np.clip((t - 30) / 0.2, 0, 1)
    x[:, 0] += 0.5 * np.sin(np.pi * inside) * (inside > 0) * (inside < 1)
    (m,) = detect(x, RATE)
    assert m.duration_s < 0.5
