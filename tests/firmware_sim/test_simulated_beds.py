"""Beds that sway, hums that are noise, straps on springs and coarse chips: none of them is a movement of the leg."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from firmware_sim.accelerometer import Accelerometer
from firmware_sim.rows import Array
from firmware_sim.scenario import parse_scenario
from firmware_sim.sleeper import Sleeper
from firmware_sim.truth import truth

PLAIN = "duration: 2h\nseed: 6\nmovements_per_hour: 30\n"
STILL = "duration: 2h\nseed: 6\nmovements_per_hour: 0\nbody: {posture_per_hour: 0, large_per_hour: 0}\n"


def night(text: str) -> Sleeper:
    return Sleeper(parse_scenario(text))


def of(kind: str, sleeper: Sleeper) -> list[dict[str, Any]]:
    return [m for m in truth(sleeper)["movements"] if m["kind"] == kind]


def felt(sleeper: Sleeper) -> Array:
    return sleeper.acceleration(0, int(7200 * sleeper.rate_hz))


SWAYS = {
    "sway": "bed: {sways_per_hour: 20, tilt_mg: 3}",
    "gasp": "gasps: {runs_per_hour: 1}",
    "partner": "partner: {runs_per_hour: 3}",
    "pet": "pet: {visits_per_hour: 3}",
}


@pytest.mark.parametrize("kind", SWAYS)
def test_whatever_sways_the_bed_has_a_kind_of_its_own_and_moves_no_leg(kind: str) -> None:
    swaying = night(f"{PLAIN}disturb: {{{SWAYS[kind]}}}")
    rows = of(kind, swaying)
    assert len(rows) >= 6
    assert all(0.0 < m["offset_s"] - m["onset_s"] < 26 for m in rows)
    assert of("leg", swaying) == of("leg", night(PLAIN))


@pytest.mark.parametrize("kind", ["sway", "gasp", "partner"])
def test_a_bed_sways_at_its_rate_about_its_rest_and_fades(kind: str) -> None:
    how = SWAYS[kind] if kind == "sway" else f"bed: {{}}, {SWAYS[kind]}"
    still = night(f"{STILL}disturb: {{{how.replace('bed: {', 'bed: {hz: 1.2, damping: 0.1, ')}}}")
    directions = []
    for movement in still.sways:
        t = np.arange(0.0, movement.motion.duration_s, 0.01)
        x = movement.motion.felt(t) - np.outer(t >= 1.5, movement.motion.up_after)
        size = np.linalg.norm(x, axis=1)
        assert 0.0015 < size.max() < 0.065
        assert size[-1] < 0.1 * size.max()
        # It sways about rest: unlike a leg, it lies to no side of it.
        assert np.linalg.norm(x.mean(axis=0)) < 0.35 * np.sqrt((x * x).sum(axis=1).mean())
        spectrum = np.abs(np.fft.rfft(x, 8192, axis=0)) ** 2
        hz = np.fft.rfftfreq(8192, 0.01)
        slow = (hz > 0.4) & (hz < 3.5)
        assert spectrum[slow].sum() > 0.4 * spectrum.sum()
        directions.append(np.abs(np.linalg.svd(x, full_matrices=False)[2][0]))
    if kind == "sway":
        assert np.std(directions, axis=0).max() > 0.15


def test_gasps_look_periodic_and_so_does_a_partner() -> None:
    both = night(f"{STILL}disturb: {{{SWAYS['gasp']}, {SWAYS['partner']}}}")
    for kind, low, high in (("gasp", 28, 50), ("partner", 12, 45)):
        between = np.diff([m["onset_s"] for m in of(kind, both)])
        assert low < np.median(between) < high


def test_lasting_turns_of_the_mattress_do_not_add_up() -> None:
    tilting = felt(night(f"{STILL}disturb: {{bed: {{sways_per_hour: 60, tilt_mg: 5}}}}"))
    away = np.linalg.norm(tilting - tilting[0], axis=1)
    assert 0.001 < np.median(away) < 0.006


def test_a_hum_with_a_width_is_noise_of_that_band_and_strength() -> None:
    hum = "disturb: {vibration: [{at: 10m, for: 20m, mg: 5, hz: 6, width_hz: 4, edge: 0.1}]}"
    humming = night(STILL + hum)
    x = felt(humming) - felt(night(STILL))
    rate = humming.rate_hz
    assert not x[: int(600 * rate)].any()
    assert not x[int(1800 * rate) + 1 :].any()
    inside = x[int(601 * rate) : int(1799 * rate)]
    assert 1000 * np.sqrt((inside**2).sum(axis=1).mean()) == pytest.approx(5.0, rel=0.15)
    power = (np.abs(np.fft.rfft(inside, axis=0)) ** 2).sum(axis=1)
    hz = np.fft.rfftfreq(len(inside), 1 / rate)
    assert power[(hz > 3.7) & (hz < 8.3)].sum() > 0.98 * power.sum()
    # A tone has all of it in one line. Of a noise, no tenth of a hertz has a third.
    assert max(power[(hz >= f) & (hz < f + 0.1)].sum() for f in np.arange(4, 8, 0.1)) < 0.3 * power.sum()
    assert 1000 * np.linalg.norm(x[int(600.3 * rate) : int(602 * rate)], axis=1).max() > 2.0
    (row,) = of("vibration", humming)
    assert (row["onset_s"], row["offset_s"], row["peak_mg"]) == (600.0, 1800.0, 15.0)


def test_a_hum_swells_within_its_edge() -> None:
    slow = night(f"{STILL}disturb: {{vibration: [{{at: 0, for: 1h, mg: 5, hz: 6, width_hz: 4, edge: 300}}]}}")
    x = np.linalg.norm(felt(slow) - felt(night(STILL)), axis=1)
    rate = int(slow.rate_hz)
    assert x[10 * rate : 40 * rate].mean() < 0.25 * x[600 * rate : 900 * rate].mean()


def test_a_strap_on_a_spring_rings_after_a_jerk_and_is_in_no_truth() -> None:
    firm, springy = night(PLAIN), night(PLAIN + "disturb: {spring_hz: 6, spring_damping: 0.08}")
    assert truth(firm)["movements"] == truth(springy)["movements"]
    x, y = felt(firm), felt(springy)
    assert np.linalg.norm(y - x, axis=1).max() > 0.02
    # At rest both read the same.
    quiet = [int((m.start_s - 0.1) * firm.rate_hz) for m in firm.movements[1:]]
    np.testing.assert_allclose(x[quiet], y[quiet], atol=2e-4)
    before, after = ((np.abs(np.fft.rfft(each - each[0], axis=0)) ** 2).sum(axis=1) for each in (x, y))
    hz = np.fft.rfftfreq(len(x), 1 / firm.rate_hz)
    slow, near, fast = ((hz > low) & (hz < high) for low, high in ((0.05, 1), (5.8, 6.2), (10, 12)))
    assert after[slow].sum() == pytest.approx(before[slow].sum(), rel=0.1)
    assert after[near].sum() > 15 * before[near].sum()
    assert after[fast].sum() < before[fast].sum()


def test_no_cut_changes_a_sample_with_springs_sways_and_noise() -> None:
    text = (
        PLAIN + "body: {fidgets_per_hour: 3, come_back: {residual_deg: 1, relax: 0.3}}\n"
        "disturb: {spring_hz: 7, bed: {sways_per_hour: 20, tilt_mg: 3}, gasps: {runs_per_hour: 1}, "
        "vibration: [{at: 0, for: 2h, mg: 4, hz: 5, width_hz: 5}]}"
    )
    whole = Accelerometer(night(text), 4).samples(0, 300_000)
    chip, rng = Accelerometer(night(text), 4), np.random.default_rng(2)
    for first in rng.integers(0, 290_000, 25):
        count = int(rng.integers(1, 9000))
        np.testing.assert_array_equal(chip.samples(int(first), count), whole[first : first + count])


@pytest.mark.parametrize(("step_mg", "range_g"), [(7.8125, 2), (15.625, 4), (31.25, 16)])
def test_a_coarse_chip_has_the_steps_that_were_asked_for(step_mg: float, range_g: int) -> None:
    coarse = Accelerometer(night(f"{PLAIN}sensor: {{step_mg: {step_mg}}}"), range_g)
    unit_mg = {2: 0.061, 4: 0.122, 16: 0.488}[range_g]
    values = np.unique(coarse.samples(0, 100_000)).astype(int)
    steps = np.diff(values) * unit_mg
    assert steps.min() == pytest.approx(step_mg, rel=0.02)
    assert (values % round(step_mg / unit_mg) == 0).all()
