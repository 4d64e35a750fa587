"""Vectors and rows of them: the same bits as numpy's own functions, in an order in which numpy is fast."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firmware_sim import rows
from firmware_sim.scenario import read_scenario
from firmware_sim.sleeper import Sleeper

RNG = np.random.default_rng(7)
VECTORS, ONE = RNG.normal(size=(1000, 3)), RNG.normal(size=3)
GOLDEN = Path(rows.__file__).parent / "golden"


def test_products_and_lengths_are_those_of_numpy_to_the_bit() -> None:
    np.testing.assert_array_equal(rows.cross(ONE, VECTORS), np.cross(ONE, VECTORS))
    np.testing.assert_array_equal(rows.cross(VECTORS[0], ONE), np.cross(VECTORS[0], ONE))
    np.testing.assert_array_equal(rows.cross(VECTORS, VECTORS[::-1]), np.cross(VECTORS, VECTORS[::-1]))
    np.testing.assert_array_equal(rows.lengths(VECTORS), np.linalg.norm(VECTORS, axis=1))
    np.testing.assert_array_equal(rows.scaled(VECTORS[:, 0], ONE), VECTORS[:, 0][:, None] * ONE)
    assert rows.length(ONE) == np.linalg.norm(ONE)


def test_a_turn_keeps_the_length_and_the_part_along_the_axis() -> None:
    axis, angles = rows.unit(ONE), RNG.uniform(-3.0, 3.0, 1000)
    turned = rows.each_turned(VECTORS, axis, angles)
    np.testing.assert_allclose(rows.lengths(turned), rows.lengths(VECTORS))
    np.testing.assert_allclose(rows.dots(turned, axis), rows.dots(VECTORS, axis))
    np.testing.assert_allclose(
        rows.turned(VECTORS[0], axis, angles)[5], rows.each_turned(VECTORS[:1], axis, angles[5:6])[0]
    )


@pytest.mark.parametrize("name", ["05-restless", "13-dense-awake", "15-inexact-returns", "17-swaying-bed"])
def test_every_motion_is_computed_axis_by_axis(name: str) -> None:
    sleeper = Sleeper(read_scenario(GOLDEN / f"{name}.yaml"))
    kinds = {type(m.motion): m.motion for m in (*sleeper.movements, *sleeper.bumps, *sleeper.sways)}
    for kind, motion in kinds.items():
        felt = motion.felt(np.arange(0.0, motion.duration_s, 0.01))
        assert felt.flags.f_contiguous, f"{kind.__name__}: numpy would loop over three numbers at a time"
