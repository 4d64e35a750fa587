"""The detector: one movement for one lift, the same list however the samples are cut, nothing in stillness."""

from __future__ import annotations

import cmath
import hashlib
import inspect
import math
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import legmon
from benchmarks import detector as benchmark
from legmon.detection import kernel as k
from legmon.detection import quality, vector
from legmon.detection.detector import Detector, detect
from legmon.detection.filters import Biquad, high_pass, low_pass
from legmon.movement import NS, Leg, LegMovement

Samples = NDArray[np.float64]
RATE = 50.0
LEAVES_G = 0.005
"""The true onset is where the noise-free signal has left rest by this much (shared/contracts.md)."""


def smooth(u: Samples) -> Samples:
    """From 0 to 1 with the least jerk."""
    v = np.clip(u, 0.0, 1.0)
    return np.asarray(v**3 * (10 - 15 * v + 6 * v * v))


def times(seconds: float, rate: float = RATE) -> Samples:
    return np.arange(round(seconds * rate)) / rate


def lift(
    t: Samples, onset: float, degrees: float, rise: float = 0.5, hold: float = 1.0, fall: float = 0.7
) -> Samples:
    """Angle of a leg that is lifted, held without a tremble, and put back."""
    return np.asarray(
        math.radians(degrees) * (smooth((t - onset) / rise) - smooth((t - onset - rise - hold) / fall))
    )


def turn(t: Samples, onset: float, degrees: float, takes: float = 1.0) -> Samples:
    """Angle of a leg that comes to rest another way round."""
    return np.asarray(math.radians(degrees) * smooth((t - onset) / takes))


def felt(angle: Samples, noise_g: float = 0.002, seed: int = 1) -> Samples:
    """What a sensor at the ankle feels, in g."""
    up = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=1)
    return np.asarray(up + np.random.default_rng(seed).normal(0.0, noise_g, up.shape))


def true_onset(t: Samples, angle: Samples) -> float:
    up = felt(angle, 0.0)
    return float(t[np.argmax(np.linalg.norm(up - up[0], axis=1) > LEAVES_G)])


def restless(seconds: float = 120.0, rate: float = RATE, seed: int = 1) -> tuple[Samples, list[float]]:
    """Return lifts every 12 s of different sizes, and their true onsets."""
    x, onsets = _restless(seconds, rate, seed)
    return x.copy(), list(onsets)


@cache
def _restless(seconds: float, rate: float, seed: int) -> tuple[Samples, list[float]]:
    rng = np.random.default_rng(7)
    t = times(seconds, rate)
    angle, onsets = np.zeros_like(t), []
    for start in np.arange(8.0, seconds - 6.0, 12.0):
        one = lift(
            t,
            float(start),
            degrees=rng.uniform(6, 18),
            rise=rng.uniform(0.3, 0.6),
            hold=rng.uniform(0, 2.5),
            fall=rng.uniform(0.5, 0.9),
        )
        onsets.append(true_onset(t, one))
        angle += one
    return felt(angle, seed=seed), onsets


def in_cuts(x: Samples, sizes: list[int]) -> list[LegMovement]:
    detector, found, at = Detector(RATE), [], 0
    while at < len(x):
        for size in [*sizes, 1]:
            found += detector.feed(x[at : at + size])
            at += size
    return found + detector.finish()


SIGNAL, ONSETS = restless()


# One way, whatever the cut.


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=12))
def test_fed_in_any_cuts_the_list_is_the_same(sizes: list[int]) -> None:
    assert in_cuts(SIGNAL, sizes) == detect(SIGNAL, RATE)


def test_fed_one_by_one_the_list_is_the_same() -> None:
    assert in_cuts(SIGNAL, [1]) == detect(SIGNAL, RATE)


def test_a_movement_is_given_once_and_as_soon_as_it_is_final() -> None:
    t = times(30)
    x = felt(lift(t, 10, 12))  # over at 12.2 s
    detector = Detector(RATE)
    assert detector.feed(x[: round(14.0 * RATE)]) == [], "a return or a further twitch could still come"
    (movement,) = detector.feed(x[round(14.0 * RATE) : round(20.5 * RATE)])
    assert detector.feed(x[round(20.5 * RATE) :]) == []
    assert detector.finish() == []
    assert [movement] == detect(x, RATE)


def state_of(x: Samples, cuts: list[int]) -> tuple[list[LegMovement], list[bytes]]:
    """Return what a detector finds, and every bit of its state."""
    detector, found, at = Detector(RATE, range_g=2.0), [], 0
    for end in [*cuts, len(x)]:
        found += detector.feed(x[at:end])
        at = end
    found += detector.gap(40) + detector.feed(x[:200])
    q = detector._quality
    arrays = (detector._s, detector._i, detector._ring, q._s, q._i, q._waiting)
    return found + detector.finish(), [a.tobytes() for a in arrays]


def unsound() -> Samples:
    """Return lifts on a coarse chip, with a hum, a spike, a clipped stretch and one that is stuck."""
    x = np.round(SIGNAL[:3000] / 0.004) * 0.004
    t = times(8.0)
    x[1500:1900, 1] += 0.015 * np.sin(2 * math.pi * 6.0 * t)
    x[2000, 2] = 9.0
    x[2200:2290, 0] = 2.0
    x[2500:2700] = x[2500]
    return x


@pytest.mark.parametrize("x", [SIGNAL[:3000], unsound()], ids=["sound", "unsound"])
def test_in_plain_python_the_bits_are_the_same(x: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = state_of(x, [700, 1234])
    for module in (k, quality):
        for name, kernel in vars(module).items():
            if hasattr(kernel, "py_func"):
                monkeypatch.setattr(module, name, kernel.py_func)
    assert all(inspect.isfunction(f) for f in (k.run, k._filter, k._away, quality.add, quality._patience))
    assert len(compiled[0]) >= 3
    assert state_of(x, [700, 1234]) == compiled


def test_every_bit_of_the_state_is_the_same_however_samples_are_cut() -> None:
    whole = state_of(unsound(), [])
    assert state_of(unsound(), [*range(1, 3000, 7)]) == whole
    assert state_of(unsound(), [256, 257, 512, 1100, 1101, 2999]) == whole


@pytest.mark.parametrize("module", [k, quality])
def test_a_kernel_names_the_vectors_that_it_is_compiled_with(module: ModuleType) -> None:
    version = hashlib.sha256(Path(vector.__file__).read_bytes()).hexdigest()[:8]
    assert f"vector.py {version}:" in Path(str(module.__file__)).read_text(), (
        "or numba keeps what it compiled before"
    )


def test_c_of_the_same_arithmetic_finds_the_same_to_the_last_bit(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark.main(["--kind", "mixed", "--hours", "0.4", "--rounds", "1"]) == 0
    said = capsys.readouterr()
    if benchmark.compiler():
        assert "same to the last bit" in said.out
    else:
        assert "no C compiler" in said.err


# What is one movement.


def test_every_lift_is_found_once_with_its_onset() -> None:
    found = detect(SIGNAL, RATE)
    assert [m.kind for m in found] == ["leg"] * len(ONSETS)
    assert [m.onset_s for m in found] == pytest.approx(ONSETS, abs=0.15)


def test_onsets_are_on_average_where_the_movement_began() -> None:
    x, onsets = restless(600, seed=2)
    assert np.mean([m.onset_s for m in detect(x, RATE)]) == pytest.approx(np.mean(onsets), abs=0.03)


@pytest.mark.parametrize(
    ("degrees", "rise", "hold", "fall"),
    [(4, 0.4, 1.5, 0.7), (10, 0.5, 3.0, 0.7), (15, 0.5, 6.0, 0.8), (12, 0.6, 0.0, 0.9)],
)
def test_a_lift_a_silent_hold_and_a_return_are_one_movement(
    degrees: float, rise: float, hold: float, fall: float
) -> None:
    t = times(40)
    angle = lift(t, 15, degrees, rise, hold, fall)
    (m,) = detect(felt(angle), RATE)
    assert m.kind == "leg"
    assert m.onset_s == pytest.approx(true_onset(t, angle), abs=0.15)
    assert m.offset_s == pytest.approx(15 + rise + hold + fall, abs=0.8)
    assert m.peak_mg == pytest.approx(2000 * math.sin(math.radians(degrees) / 2), abs=15)


@pytest.mark.parametrize(("degrees", "rise", "hold", "fall"), [(10, 2.0, 2.0, 2.0), (20, 3.0, 1.0, 3.0)])
def test_a_slow_lift_is_one_movement_too(degrees: float, rise: float, hold: float, fall: float) -> None:
    t = times(60)
    angle = lift(t, 20, degrees, rise, hold, fall)
    (m,) = detect(felt(angle), RATE)
    assert m.kind == "leg"
    assert m.onset_s == pytest.approx(true_onset(t, angle), abs=0.25)
    assert m.offset_s == pytest.approx(20 + rise + hold + fall, abs=1.0)


def test_two_lifts_with_rest_between_are_two_movements() -> None:
    t = times(40)
    assert len(detect(felt(lift(t, 10, 12) + lift(t, 15, 12)), RATE)) == 2


def test_times_and_samples_agree() -> None:
    found = detect(SIGNAL, RATE, leg="right")
    assert found
    for m in found:
        assert (m.first, m.end) == (round(m.onset_s * RATE), round(m.offset_s * RATE))
        assert m.leg == "right"
        assert m.offset_ns > m.onset_ns


def test_movements_do_not_overlap_and_come_in_order() -> None:
    found = detect(SIGNAL, RATE)
    assert len(found) > 1
    assert all(a.offset_ns <= b.onset_ns for a, b in pairwise(found))


@pytest.mark.parametrize("seed", range(5))
def test_turned_axes_change_nothing_essential(seed: int) -> None:
    turned, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    found, again = detect(SIGNAL, RATE), detect(SIGNAL @ turned.T, RATE)
    assert len(again) == len(found) > 0
    for a, b in zip(found, again, strict=True):
        assert a.kind == b.kind
        assert b.onset_s == pytest.approx(a.onset_s, abs=2 / RATE)
        assert b.offset_s == pytest.approx(a.offset_s, abs=2 / RATE)
        assert b.peak_mg == pytest.approx(a.peak_mg, abs=0.2)


@pytest.mark.parametrize("rate", [25.0, 50.0, 100.0, 200.0])
def test_every_rate_finds_the_same_movements(rate: float) -> None:
    x, _ = restless(rate=rate)
    found = detect(x, rate)
    assert [m.onset_s for m in found] == pytest.approx([m.onset_s for m in detect(SIGNAL, RATE)], abs=0.15)
    assert [m.kind for m in found] == ["leg"] * len(ONSETS)


# What is no leg movement.


@pytest.mark.parametrize("degrees", [30, 60, 90, 180])
def test_a_leg_that_comes_to_rest_another_way_round_is_a_posture(degrees: float) -> None:
    t = times(60)
    (m,) = detect(felt(turn(t, 20, degrees)), RATE)
    assert m.kind == "posture"
    assert m.onset_s == pytest.approx(20.1, abs=0.25)
    assert m.offset_s == pytest.approx(21.2, abs=0.5)


def test_after_a_posture_movements_are_found_again() -> None:
    t = times(90)
    found = detect(felt(turn(t, 20, 60) + lift(t, 50, 12)), RATE)
    assert [m.kind for m in found] == ["posture", "leg"]
    assert found[1].onset_s == pytest.approx(50.1, abs=0.15)


@pytest.mark.parametrize(("cycles", "kind"), [(2, "leg"), (5, "tremor"), (10, "long")])
def test_a_movement_of_more_than_10_s_is_long(cycles: int, kind: str) -> None:
    t = times(80)
    moving = (t >= 20) & (t < 20 + cycles / 0.7)
    (m,) = detect(felt(math.radians(10) * np.sin(2 * np.pi * 0.7 * (t - 20)) * moving), RATE)
    assert m.kind == kind
    assert m.duration_s == pytest.approx(cycles / 0.7, abs=1.0)


@pytest.mark.parametrize("degrees", [4, 8])
@pytest.mark.parametrize("beat_g", [0.02, 0.05])
def test_a_lift_that_beats_while_it_is_held_is_a_leg_movement_and_no_tremor(
    degrees: float, beat_g: float
) -> None:
    t = times(60)
    x = felt(lift(t, 20, degrees, rise=0.3, hold=6.0, fall=0.5), 0.001)
    inside = np.clip((t - 20.3) / 6.0, 0, 1)
    x[:, 0] += beat_g * np.sin(math.pi * inside) ** 2 * np.sin(2 * math.pi * 2.2 * t)
    (m,) = detect(x, RATE)
    assert m.kind == "leg"
    assert m.duration_s == pytest.approx(6.7, abs=0.3)


def test_a_train_of_twitches_is_a_tremor() -> None:
    t = times(60)
    phase = (t - 20) * 1.2
    twitching = (phase >= 0) & (phase < 8) & (phase % 1 < 0.5)
    x = felt(math.radians(4) * np.sin(2 * math.pi * (phase % 1)) ** 2 * twitching, 0.001)
    (m,) = detect(x, RATE)
    assert m.kind == "tremor"


@pytest.mark.parametrize("degrees", [45, 55])
def test_a_large_lift_and_its_return_are_no_shifts_of_posture(degrees: float) -> None:
    t = times(60)
    (m,) = detect(felt(lift(t, 20, degrees, hold=4.0)), RATE)
    assert m.kind == "leg"
    assert m.duration_s == pytest.approx(5.2, abs=0.3)


def test_a_knock_at_the_bed_is_not_listed_and_parts_nothing() -> None:
    t = times(40)
    x = felt(np.zeros_like(t), 0.0005)
    since = np.clip(t - 20, 0, None)
    x[:, 0] += 0.035 * np.exp(-since / 0.12) * np.sin(2 * math.pi * 7 * since) * (t >= 20)
    assert detect(x, RATE) == []


@pytest.mark.parametrize("noise_g", [0.0, 0.001, 0.002, 0.004])
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_half_an_hour_of_stillness_holds_no_movement(noise_g: float, seed: int) -> None:
    assert detect(felt(np.zeros(90_000), noise_g, seed), RATE) == []


def test_a_movement_at_the_first_sample_s_posture_is_not_invented() -> None:
    assert detect(np.tile([0.3, -0.4, 0.86], (3000, 1)), RATE) == []


# Gaps and the end.


def test_a_gap_ends_the_movement_under_way_and_the_count_goes_on() -> None:
    t = times(20)
    detector = Detector(RATE)
    held = felt(lift(t, 17, 12, hold=10))  # still up when the data stop
    assert detector.feed(held) == []
    (cut,) = detector.gap(500)
    assert cut.kind == "leg"
    assert cut.onset_s == pytest.approx(17.1, abs=0.15)
    assert cut.end is not None
    assert cut.end <= len(held)
    assert cut.offset_s == pytest.approx(20, abs=0.15)
    assert detector.position == len(held) + 500
    t = times(40)
    (after,) = detector.feed(felt(lift(t, 15, 12), seed=2)) + detector.finish()
    assert after.onset_s == pytest.approx(20 + 10 + 15.1, abs=0.15)
    assert detector.position == 1000 + 500 + 2000


@pytest.mark.parametrize("began_s", [0.4, 0.25, 0.1, 0.0])
def test_a_movement_right_behind_a_gap_does_not_begin_in_it(began_s: float) -> None:
    detector = Detector(RATE)
    detector.feed(felt(np.zeros(1000)))
    assert detector.gap(100) == []
    (m,) = detector.feed(felt(lift(times(12), -began_s, 25))) + detector.finish()
    assert m.first is not None
    assert 1100 <= m.first <= 1110


def test_another_posture_behind_a_gap_is_no_movement() -> None:
    detector = Detector(RATE)
    found = detector.feed(felt(np.zeros(2000)))
    found += detector.gap(50)
    found += detector.feed(felt(np.full(2000, 1.2)))
    assert found + detector.finish() == []


def test_a_gap_of_nothing_or_less() -> None:
    detector = Detector(RATE)
    detector.feed(felt(np.zeros(100)))
    assert (detector.gap(0), detector.position) == ([], 100)
    with pytest.raises(ValueError, match="-1 samples"):
        detector.gap(-1)


def test_the_end_of_the_recording_ends_the_movement_under_way() -> None:
    t = times(20)
    x = felt(lift(t, 18.5, 12, hold=5))
    detector = Detector(RATE)
    assert detector.feed(x) == []
    (m,) = detector.finish()
    assert m.onset_s == pytest.approx(18.6, abs=0.15)
    assert m.offset_s == pytest.approx(20.0, abs=0.15)
    assert m.end is not None
    assert m.end <= len(x)
    assert detector.finish() == []


# What is refused.


@pytest.mark.parametrize("rate", [0.0, -50.0, 19.99, 500.01, math.nan, math.inf])
def test_a_rate_outside_20_to_500_hz_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="20 to 500 Hz"):
        Detector(rate)


@pytest.mark.parametrize("rate", [20.0, 500.0])
def test_a_rate_of_20_and_of_500_hz_is_taken(rate: float) -> None:
    t = times(30, rate)
    assert len(detect(felt(lift(t, 15, 15)), rate)) == 1


def test_another_leg_is_refused() -> None:
    arm: Leg = "arm"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="'left' or 'right'"):
        Detector(RATE, arm)


@pytest.mark.parametrize("shape", [(3,), (10,), (10, 2), (3, 10), (10, 4), (2, 5, 3)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected \\(m, 3\\)"):
        Detector(RATE).feed(np.zeros(shape))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_and_leaves_the_detector_as_it_was(value: float) -> None:
    detector = Detector(RATE)
    before = detector.feed(SIGNAL[:2000])
    bad = SIGNAL[2000:2100].copy()
    bad[50, 1] = value
    with pytest.raises(ValueError, match="NaN or infinity"):
        detector.feed(bad)
    assert detector.position == 2000
    assert before + detector.feed(SIGNAL[2000:]) + detector.finish() == detect(SIGNAL, RATE)


def test_an_empty_block_is_nothing() -> None:
    detector = Detector(RATE)
    assert detector.feed(np.zeros((0, 3))) == []
    assert detector.feed([]) == []
    assert detector.position == 0
    assert detect([], RATE) == []


def test_lists_and_other_number_types_are_taken() -> None:
    x = SIGNAL[:1000].astype(np.float32)
    assert detect(x.tolist(), RATE) == detect(x, RATE) != []


def test_the_package_offers_the_detector_by_name() -> None:
    assert (legmon.Detector, legmon.detect) == (Detector, detect)


# Filters.


def gain(biquad: Biquad, hz: float, rate: float) -> float:
    b0, b1, b2, a1, a2 = biquad
    z = cmath.exp(-2j * math.pi * hz / rate)
    return abs((b0 + b1 * z + b2 * z * z) / (1 + a1 * z + a2 * z * z))


@pytest.mark.parametrize("rate", [25.0, 50.0, 100.0, 200.0])
@pytest.mark.parametrize("cutoff", [1.0, 8.0])
def test_filters_let_half_the_power_through_at_their_cutoff(cutoff: float, rate: float) -> None:
    for design in (low_pass, high_pass):
        assert 20 * math.log10(gain(design(cutoff, rate), cutoff, rate)) == pytest.approx(-3.0103, abs=1e-3)


@pytest.mark.parametrize("rate", [25.0, 50.0, 200.0])
def test_filters_pass_what_they_should_and_stop_the_rest(rate: float) -> None:
    low, high = low_pass(8.0, rate), high_pass(1.0, rate)
    assert (gain(low, 0.0, rate), gain(low, rate / 2, rate)) == pytest.approx((1.0, 0.0), abs=1e-9)
    assert (gain(high, 0.0, rate), gain(high, rate / 2, rate)) == pytest.approx((0.0, 1.0), abs=1e-9)
    assert gain(high, 0.1, rate) == pytest.approx(0.01, rel=0.05)  # 40 dB a decade


def test_filters_together_have_no_ripple() -> None:
    steps = np.linspace(0.1, 25.0, 300)
    for design, sign in ((low_pass, -1), (high_pass, 1)):
        gains = [gain(design(4.0, RATE), float(hz), RATE) for hz in steps]
        assert all(sign * (b - a) >= -1e-12 for a, b in pairwise(gains))


def test_times_are_ns_of_the_rate_given() -> None:
    m = detect(SIGNAL, RATE)[0]
    assert m.first is not None
    assert m.onset_ns == m.first * NS // 50
