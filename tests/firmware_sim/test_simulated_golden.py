"""The golden nights: each has in it what its comment says is hard."""

from __future__ import annotations

import hashlib
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware_sim.accelerometer import Accelerometer
from firmware_sim.cli_files import GOLDEN
from firmware_sim.lifts import Lift
from firmware_sim.render import capture
from firmware_sim.scenario import read_scenario
from firmware_sim.sleeper import Sleeper
from firmware_sim.truth import truth
from firmware_sim.vocabulary import Scenario

NOT_THE_BODY = {"bump", "vibration", "sway", "gasp", "partner", "pet"}
NAMES = sorted(path.stem for path in GOLDEN.glob("*.yaml"))


@cache
def night(name: str) -> tuple[Scenario, dict[str, Any]]:
    scenario = read_scenario(GOLDEN / f"{name}.yaml")
    return scenario, truth(Sleeper(scenario))


def legs(name: str, *, visible: bool = True) -> list[dict[str, Any]]:
    movements = night(name)[1]["movements"]
    return [m for m in movements if m["kind"] == "leg" and (m["visible"] or not visible)]


def kinds(name: str) -> Counter[str]:
    return Counter(movement["kind"] for movement in night(name)[1]["movements"])


def intervals(name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.diff([movement["onset_s"] for movement in legs(name)])


def lasting(name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([movement["offset_s"] - movement["onset_s"] for movement in legs(name)])


def test_there_are_eighteen_with_seeds_of_their_own_and_a_comment() -> None:
    assert len(NAMES) == 18
    assert len({read_scenario(GOLDEN / f"{name}.yaml").seed for name in NAMES}) == 18
    for name in NAMES:
        text = (GOLDEN / f"{name}.yaml").read_text()
        assert text.startswith("# ")
        assert "Hard because" in text


@pytest.mark.parametrize("name", NAMES)
def test_what_may_be_found_is_a_leg_movement_by_itself(name: str) -> None:
    # A leg that hardly comes back has moved only while it rose.
    share = 0.93 if name == "15-inexact-returns" else 0.98
    assert (lasting(name) >= 0.5).mean() > share
    assert lasting(name).max() <= 10.0
    body = [m for m in night(name)[1]["movements"] if m["kind"] not in NOT_THE_BODY]
    assert min(b["onset_s"] - a["offset_s"] for a, b in pairwise(body)) > 2.0


def test_still() -> None:
    assert len(legs("01-still")) < 20
    assert kinds("01-still")["bump"] > 60


def test_healthy_few_has_no_run_of_four_intervals_of_a_series() -> None:
    inside = (intervals("02-healthy-few") >= 10) & (intervals("02-healthy-few") <= 90)
    assert len(inside) > 3
    assert not any(inside[i : i + 3].all() for i in range(len(inside) - 2))
    assert kinds("02-healthy-few")["locomotion"] == 1


def test_typical() -> None:
    assert 18 < np.median(intervals("03-typical")[intervals("03-typical") < 60]) < 28
    starts = np.array([movement["onset_s"] for movement in legs("03-typical")])
    assert (starts < 4 * 3600).mean() > 0.5


def test_dense_intervals_are_12_to_16_s() -> None:
    assert 12 < np.percentile(intervals("04-dense"), 25) < np.percentile(intervals("04-dense"), 60) < 16
    assert len(legs("04-dense")) > 350


def test_restless_is_half_something_else() -> None:
    count = kinds("05-restless")
    assert count["long"] + count["posture"] + count["jerk"] + count["tremor"] > 100
    assert count["locomotion"] == 2


def test_slow_lifts_are_slow_and_a_third_is_invisible() -> None:
    share = len(legs("06-slow-lifts")) / len(legs("06-slow-lifts", visible=False))
    assert 0.6 < share < 0.72
    assert np.median(lasting("06-slow-lifts")) > 3.5


def test_lossy_link() -> None:
    lost = night("07-lossy-link")[1]["lost"]
    assert len(lost) > 60
    assert sum(end - begin for begin, end in lost) > 900


def test_foot_tremor() -> None:
    assert kinds("08-foot-tremor")["tremor"] > 40
    assert kinds("08-foot-tremor")["jerk"] > 15


def test_partner_bumps_outnumber_the_movements() -> None:
    assert kinds("09-partner")["bump"] > 2 * len(legs("09-partner"))


def test_hum_is_above_8_mg_for_an_hour_and_below_the_movements() -> None:
    hums = [m for m in night("10-hum")[1]["movements"] if m["kind"] == "vibration"]
    assert sum(m["offset_s"] - m["onset_s"] for m in hums) > 3600
    assert all(8 <= m["peak_mg"] <= 15 for m in hums)
    assert np.mean([m["peak_mg"] > 40 for m in legs("10-hum")]) > 0.9


def test_cheap_and_loose() -> None:
    scenario, _truth = night("11-cheap-loose")
    assert (scenario.rate_hz, scenario.sensor.make, len(scenario.disturb.strap)) == (25, "adxl362", 2)


def test_long_holds_last_and_their_intervals_lie_on_both_sides_of_90_s() -> None:
    assert np.median(lasting("12-long-holds")) > 5
    near = intervals("12-long-holds")
    assert ((near > 75) & (near <= 90)).sum() > 15
    assert ((near > 90) & (near <= 110)).sum() > 15
    assert kinds("12-long-holds")["locomotion"] == 2


DIGESTS = {
    "01-still": "604fc255628007dd",
    "02-healthy-few": "972fb2fc4ecf8825",
    "03-typical": "29915ccf693a6ae1",
    "04-dense": "191f12e6d5bf274d",
    "05-restless": "16862079e4678017",
    "06-slow-lifts": "60876b8e50bd8dff",
    "07-lossy-link": "7d1d8e162524b898",
    "08-foot-tremor": "00bcd33e1982a571",
    "09-partner": "5b435b0ae9145517",
    "10-hum": "937c0dd25469e423",
    "11-cheap-loose": "29ed77b92ae4b28d",
    "12-long-holds": "d66efbf4a6e9fd39",
}
"""The first twelve are from before a leg could come back to another place. They stay the same to the byte."""


@pytest.mark.parametrize("name", DIGESTS)
def test_the_first_twelve_never_change(name: str, tmp_path: Path) -> None:
    capture(night(name)[0], tmp_path / "night.capture", lambda _done: None)
    assert hashlib.sha256((tmp_path / "night.capture").read_bytes()).hexdigest()[:16] == DIGESTS[name]


def lifts(name: str) -> list[Lift]:
    return [m.motion for m in Sleeper(night(name)[0]).movements if isinstance(m.motion, Lift)]


def test_dense_and_awake_intervals_are_9_to_15_s_and_movements_short() -> None:
    near = intervals("13-dense-awake")
    assert 9 < np.percentile(near, 10) < np.median(near) < 13 < np.percentile(near, 75) < 15
    assert np.median(lasting("13-dense-awake")) < 2.2
    assert len(legs("13-dense-awake")) > 500


def test_clonic_beats_are_deep_and_holds_tremble() -> None:
    beating = [lift for lift in lifts("14-clonic") if len(lift.beat_at)]
    assert len(beating) > 150
    assert np.median(np.concatenate([lift.beat_depth for lift in beating])) > 0.2
    assert sum(len(lift.tremor) > 0 for lift in lifts("14-clonic")) > 100


def test_inexact_returns_add_up_and_some_legs_stay_away() -> None:
    made = lifts("15-inexact-returns")
    left = np.array([np.degrees(np.linalg.norm(lift.up_after - lift.up_before)) for lift in made])
    assert 0.3 < np.median(left) < 2
    assert (left > 2).sum() > 20
    assert all(lift.relax for lift in made)
    away = [
        np.degrees(np.linalg.norm(a.up_before - b.up_before)) for a, b in zip(made, made[10:], strict=False)
    ]
    assert np.median(away) > 2


def test_noise_hums_are_noise_for_two_hours_and_below_most_movements() -> None:
    scenario, told = night("16-noise-hum")
    assert all(hum.width_hz and 2 <= hum.hz <= 10 and 6 <= hum.mg <= 13 for hum in scenario.disturb.vibration)
    hums = [m for m in told["movements"] if m["kind"] == "vibration"]
    assert sum(m["offset_s"] - m["onset_s"] for m in hums) > 6000
    assert min(m["offset_s"] - m["onset_s"] for m in hums) < 30
    assert np.mean([m["peak_mg"] > 40 for m in legs("16-noise-hum")]) > 0.9


def test_swaying_bed_has_no_series_and_much_that_looks_like_one() -> None:
    count = kinds("17-swaying-bed")
    assert count["gasp"] > 200
    assert count["partner"] > 60
    assert min(count["sway"], count["pet"]) > 20
    inside = (intervals("17-swaying-bed") >= 10) & (intervals("17-swaying-bed") <= 90)
    assert not any(inside[i : i + 3].all() for i in range(len(inside) - 2))


def test_coarse_chip() -> None:
    scenario, _truth = night("18-coarse-chip")
    assert (scenario.rate_hz, scenario.sensor.step_mg, scenario.sensor.range_g) == (25, 15.625, 8)
    samples = Accelerometer(Sleeper(scenario), 8).samples(0, 50_000)
    assert np.diff(np.unique(samples).astype(int)).min() == 64  # of 0.244 mg
