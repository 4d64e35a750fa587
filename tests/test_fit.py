"""The fit check on made-up samples: what a strap that sits right gives, and each thing that can be wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from legmon.night.fit import Part, check_fit

RATE = 50
REST = np.array([0.0, 0.0, 1.0])
Array = NDArray[np.float64]


def still(seconds: float, gravity: Array = REST, noise: float = 0.002) -> Array:
    rng = np.random.default_rng(5)
    made: Array = gravity + rng.normal(0, noise, (round(seconds * RATE), 3))
    return made


def toes(peak_g: float = 0.2, missed: int = 0) -> Part:
    xyz = still(20)
    cues = [RATE * 4 * i for i in range(5)]
    for cue in cues[missed:]:
        xyz[cue + 40 : cue + 80, 0] += peak_g * np.sin(np.pi * np.arange(40) / 40)
    return Part("toes", xyz, cues)


def roll(degrees: float = 50.0) -> Part:
    a = np.radians(degrees) * np.clip(np.linspace(-1, 2, 5 * RATE), 0, 1)
    return Part("roll", np.stack([np.sin(a), 0 * a, np.cos(a)], axis=1))


GOOD = [Part("still", still(15)), toes(), roll(), Part("stand", still(5, np.array([0.6, 0.0, 0.8])))]


def test_a_strap_that_sits_right_has_no_problem() -> None:
    fit = check_fit(GOOD, declared_hz=50, measured_hz=50.4, usual_mg=190)
    assert fit.problems == ()
    assert fit.toes == 5
    assert fit.toe_mg == pytest.approx(200, abs=10)
    assert fit.ratio == pytest.approx(1.05, abs=0.06)
    assert fit.rolled_deg == pytest.approx(50, abs=5)
    assert fit.noise_mg == pytest.approx(3.5, abs=0.5)
    assert fit.standing == pytest.approx((0.6, 0.0, 0.8), abs=0.01)


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ([], "no_data"),
        ([Part("still", np.full((750, 3), np.nan))], "no_data"),
        ([Part("still", np.concatenate([still(12), np.full((150, 3), np.nan)])), toes()], "missing"),
        ([Part("still", still(15, noise=0.05)), toes()], "not_still"),
        ([Part("still", still(15, REST * 1.05)), toes()], "not_one_g"),
        ([Part("still", still(15)), toes(missed=2)], "toes_unseen"),
        ([Part("still", still(15)), toes(peak_g=0.01)], "toes_unseen"),
        ([Part("still", still(15)), toes(peak_g=0.12)], "looser"),
        ([Part("still", still(15)), toes(peak_g=0.3)], "firmer"),
        ([Part("still", still(15)), toes(), roll(5)], "no_roll"),
        ([Part("stand", still(5, noise=0.1))], "not_standing"),
    ],
)
def test_what_is_wrong_is_named(parts: list[Part], problem: str) -> None:
    assert check_fit(parts, declared_hz=50, measured_hz=None, usual_mg=200).problems[:1] == (problem,)


def test_four_of_five_toe_ups_are_enough_and_the_first_evening_has_no_usual() -> None:
    fit = check_fit([GOOD[0], toes(missed=1)], declared_hz=50, measured_hz=50)
    assert (fit.problems, fit.toes, fit.ratio) == ((), 4, None)


def test_a_sensor_at_another_rate_is_named() -> None:
    assert check_fit(GOOD, declared_hz=50, measured_hz=52).problems == ("rate",)


def test_turning_the_case_changes_nothing() -> None:
    q, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    plain = check_fit(GOOD, declared_hz=50, measured_hz=50)
    turned = check_fit([replace(p, xyz=p.xyz @ q) for p in GOOD], declared_hz=50, measured_hz=50)
    assert turned.problems == plain.problems
    assert turned.toe_mg == pytest.approx(plain.toe_mg)
    assert turned.rolled_deg == pytest.approx(plain.rolled_deg)


@pytest.mark.parametrize("rate", [25, 50, 100])
def test_rest_is_the_quarter_second_before_a_cue_at_every_rate(rate: int) -> None:
    """Before that the leg lies elsewhere, and in the quarter second it drifts through where it rests."""
    before = (np.arange(-rate, 0) + 0.5) / rate
    xyz = np.tile(REST, (3 * rate, 1))
    xyz[:rate, 0] = np.where(before < -0.25, -0.4, -0.1 - 0.8 * before)
    xyz[rate : 2 * rate, 0] = 0.2 * np.sin(np.pi * np.arange(rate) / rate)
    parts = [Part("still", np.tile(REST, (15 * rate, 1))), Part("toes", xyz, [rate])]
    fit = check_fit(parts, declared_hz=rate, measured_hz=None)
    assert fit.toe_mg == pytest.approx(200, abs=10)
