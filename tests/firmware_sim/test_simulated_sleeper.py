"""A simulated night: reproducible, cut anywhere, and with about the movements that were asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.accelerometer import Accelerometer
from firmware_sim.kinematics import Flexion, minimum_jerk, swelling_beats
from firmware_sim.rows import Array
from firmware_sim.sleeper import Movement, Sleeper
from firmware_sim.truth import truth, visibility_of
from firmware_sim.vocabulary import Scenario

NIGHT = Scenario(duration_s=8 * 3600.0)
HOUR = Scenario(duration_s=3600.0, movements_per_hour=120.0)
ONE_NIGHT = Sleeper(HOUR)
ONE_CHIP = Accelerometer(ONE_NIGHT, 4)
TOTAL = 200_000


def test_the_same_seed_is_the_same_night_and_another_is_not() -> None:
    first, same = Sleeper(HOUR), Sleeper(HOUR)
    np.testing.assert_array_equal(first.acceleration(0, 20_000), same.acceleration(0, 20_000))
    assert truth(first) == truth(same)
    other = Sleeper(Scenario(duration_s=3600.0, movements_per_hour=120.0, seed=2))
    assert truth(first)["movements"] != truth(other)["movements"]


@settings(max_examples=30, deadline=None)
@given(
    st.integers(min_value=-10_000, max_value=TOTAL),
    st.lists(st.integers(min_value=0, max_value=9_000), max_size=6),
)
def test_the_numbers_do_not_depend_on_the_cut(first: int, counts: list[int]) -> None:
    pieces = []
    at = first
    for count in counts:
        pieces.append(ONE_NIGHT.acceleration(at, count))
        at += count
    whole = Sleeper(HOUR).acceleration(first, at - first)
    assert whole.shape == (at - first, 3)
    np.testing.assert_array_equal(np.concatenate([*pieces, np.empty((0, 3))]), whole)


@settings(max_examples=15, deadline=None)
@given(st.integers(min_value=0, max_value=TOTAL), st.integers(min_value=1, max_value=9_000))
def test_the_noise_does_not_depend_on_the_cut_either(first: int, count: int) -> None:
    halves = (ONE_CHIP.samples(first, count), ONE_CHIP.samples(first + count, count))
    whole = Accelerometer(Sleeper(HOUR), 4).samples(first, 2 * count)
    np.testing.assert_array_equal(np.concatenate(halves), whole)


def test_the_leg_lies_still_before_and_after_the_night() -> None:
    for first in (-5_000, int(3600 * ONE_NIGHT.rate_hz)):
        still = ONE_NIGHT.acceleration(first, 5_000)
        np.testing.assert_array_equal(still, np.broadcast_to(still[0], still.shape))
        assert np.linalg.norm(still[0]) == pytest.approx(1.0)


@pytest.mark.parametrize("per_hour", [0.0, 10.0, 30.0, 120.0, 400.0])
def test_movements_come_at_the_rate_asked_for_and_never_closer_than_2_s(per_hour: float) -> None:
    night = truth(Sleeper(Scenario(duration_s=8 * 3600.0, movements_per_hour=per_hour)))["movements"]
    legs = [movement for movement in night if movement["kind"] == "leg"]
    assert len(legs) == pytest.approx(8 * per_hour, abs=1)
    onsets, offsets = (np.array([movement[key] for movement in night]) for key in ("onset_s", "offset_s"))
    assert (onsets[1:] - offsets[:-1]).min() > 2.0
    assert offsets[-1] < 8 * 3600.0


def test_a_plain_night_looks_like_one() -> None:
    night = truth(Sleeper(NIGHT))["movements"]
    legs = [movement for movement in night if movement["kind"] == "leg"]
    peaks = np.array([movement["peak_mg"] for movement in legs])
    assert 80 < np.median(peaks) < 150
    assert 0.03 < np.mean(peaks < 20) < 0.15
    intervals = np.diff([movement["onset_s"] for movement in legs])
    assert 18 < np.median(intervals[intervals < 90]) < 27
    assert 5 < sum(movement["kind"] == "posture" for movement in night) < 25
    assert any(movement["kind"] == "long" for movement in night)
    assert all(m["offset_s"] - m["onset_s"] > 10 for m in night if m["kind"] == "long")
    assert np.mean([movement["onset_s"] < 4 * 3600 for movement in legs]) > 0.5


def test_truth_is_what_the_sampled_signal_shows() -> None:
    rate = ONE_NIGHT.rate_hz
    felt = ONE_NIGHT.acceleration(0, int(3600 * rate))
    still_from = 0
    movements = truth(ONE_NIGHT)["movements"]
    assert {movement["visible"] for movement in movements} == {True, False}
    for movement in movements:
        onset, offset = movement["onset_s"] * rate, movement["offset_s"] * rate
        # 1.5 s of rest: performed movements are 2.5 s apart, and an onset comes a little after the start.
        before = felt[int(onset - 1.5 * rate)]
        away = np.linalg.norm(felt - before, axis=1)
        assert away[still_from : int(onset - 0.5)].max() <= 0.0051
        inside = away[int(onset) : int(offset) + 2]
        if movement["visible"]:
            assert inside.max() >= 0.0195
            assert away[int(onset) + 1 : int(onset) + 4].max() > 0.005
        else:
            assert inside.max() < 0.020
        assert movement["peak_mg"] == pytest.approx(1000 * inside.max(), rel=0.25)
        still_from = int(offset + 0.5 * rate)


def hand_made(angle: float) -> Movement:
    """Up is z; the shank, along x, turns about y with the sensor at the joint, so that only up turns."""
    x, y, z = np.eye(3)
    motion = Flexion(
        up=z, axis=y, arm=0.0 * x, angle=angle, rise_s=0.4, hold_s=2.0, fall_s=0.8, tremor_hz=0.0
    )
    return Movement(start_s=100.0, kind="leg", motion=motion)


def test_truth_onset_and_offset_are_where_the_signal_leaves_and_comes_back_by_5_mg() -> None:
    seen = visibility_of(hand_made(0.1))
    assert seen.visible
    assert seen.peak_mg == pytest.approx(1000 * 2 * np.sin(0.05), abs=0.01)  # a chord of the unit circle
    away = 2 * np.arcsin(0.0025) / 0.1  # share of the angle at which it is 5 mg away
    ways = np.linspace(0.0, 1.0, 100_001)
    share = float(ways[np.argmax(minimum_jerk(ways, 1.0)[0] >= away)])
    assert seen.onset_s == pytest.approx(100.0 + 0.4 * share, abs=0.0015)
    assert seen.offset_s == pytest.approx(100.0 + 3.2 - 0.8 * share, abs=0.0015)


@pytest.mark.parametrize(("peak_g", "visible"), [(0.0201, True), (0.0199, False)])
def test_truth_visible_is_20_mg_or_more(peak_g: float, visible: bool) -> None:
    seen = visibility_of(hand_made(2 * np.arcsin(peak_g / 2)))
    assert seen.visible is visible
    if not visible:
        assert (seen.onset_s, seen.offset_s) == (100.0, 103.2)


def test_truth_the_derivatives_of_the_tremor_belong_to_its_angle() -> None:
    t = np.arange(0.0, 2.0, 1e-4)
    position, velocity, acceleration = swelling_beats(t, 2.0, 2.5, 0.05)
    np.testing.assert_allclose(np.gradient(position, t)[1:-1], velocity[1:-1], atol=1e-4)
    np.testing.assert_allclose(np.gradient(velocity, t)[2:-2], acceleration[2:-2], atol=2e-2)


@pytest.mark.parametrize(("range_g", "scale_ug"), [(2, 61), (4, 122), (8, 244), (16, 488)])
def test_the_chip_measures_1_g_at_rest_in_its_scale(range_g: int, scale_ug: int) -> None:
    rest = Accelerometer(Sleeper(Scenario(duration_s=60.0, movements_per_hour=0.0)), range_g).samples(
        0, 3_000
    )
    assert rest.dtype == np.int16
    measured = rest * (scale_ug * 1e-6)
    assert np.linalg.norm(measured.mean(axis=0)) == pytest.approx(1.0, abs=0.04)  # offsets of 20 mg an axis
    noise = np.hypot(160e-6 * np.sqrt(25.3), scale_ug * 1e-6 / np.sqrt(12))
    np.testing.assert_allclose(measured.std(axis=0), noise, rtol=0.1)


class ThrownAbout(Sleeper):
    """A leg that feels 3 g and -3 g, more than any night has."""

    def acceleration(self, first: int, count: int) -> Array:
        felt = np.full((count, 3), 3.0)
        felt[::2] = -3.0
        return felt


def test_the_chip_clips_at_its_range() -> None:
    samples = Accelerometer(ThrownAbout(Scenario(duration_s=60.0)), 2).samples(0, 4)
    np.testing.assert_array_equal(samples[:, 0], [-32768, 32767, -32768, 32767])
    assert (Accelerometer(ThrownAbout(Scenario(duration_s=60.0)), 4).samples(1, 1) < 32767).all()
