"""Drawn nights: each has structures of its own, one can be forced or left out, and plain nights are the early draw."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from firmware_sim.draw import plain
from firmware_sim.scenario import parse_scenario, write_scenario
from firmware_sim.sleeper import Sleeper
from firmware_sim.structures import PLAIN, STRUCTURES, drawn, names, structures

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_structure_can_be_forced_left_out_and_written(name: str) -> None:
    for seed in range(12):
        night = drawn(seed, structure=name)
        assert name in structures(night)
        assert parse_scenario(write_scenario(night)) == night
        assert name not in structures(drawn(seed, without=[name]))


def test_a_plain_night_is_the_early_draw_to_the_byte() -> None:
    assert all(drawn(seed, structure=PLAIN) == plain(seed) for seed in range(20))
    text = write_scenario(drawn(1, structure=PLAIN))
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert digest == "0ec979b8ffb0460333f2dd1950d42122936ad600d934f884b31ad855cfc8b3fd"


def test_leaving_one_structure_out_leaves_the_others_as_they_were() -> None:
    changed = 0
    for seed in range(60):
        night, less = drawn(seed), drawn(seed, without=["clonic"])
        changed += night != less
        assert set(structures(night)) - {"clonic", PLAIN} == set(structures(less)) - {PLAIN}
        assert (night.disturb, night.sensor, night.body.come_back) == (
            less.disturb,
            less.sensor,
            less.body.come_back,
        )
    assert 4 < changed < 30


def test_every_structure_is_drawn_and_nights_have_from_none_to_many() -> None:
    found = [structures(drawn(seed)) for seed in range(400)]
    count = Counter(name for each in found for name in each)
    assert set(count) == set(names())
    assert min(count.values()) > 15
    lengths = [len(each) for each in found]
    assert min(lengths) == 1
    assert max(lengths) >= 8
    assert 0.05 < np.mean([each[0] == PLAIN for each in found]) < 0.25


def test_nights_without_series_are_few_movements_among_confusers() -> None:
    nights = [drawn(seed, structure="no series") for seed in range(30)]
    assert all(night.movements_per_hour <= 10 for night in nights)
    confusers = {"sway", "gasps", "partner", "pet", "noise hum", "fidget"}
    not_plain = [night for night in nights if structures(night)[0] != PLAIN]
    assert len(not_plain) > 20
    assert all(confusers & set(structures(night)) for night in not_plain)


def test_a_name_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError, match="there is no structure 'clonik'; there are plain, clonic"):
        drawn(1, structure="clonik")
    with pytest.raises(ValueError, match="there is no structure 'x'"):
        drawn(1, without=["x"])
    with pytest.raises(ValueError, match="have and not have"):
        drawn(1, structure="sway", without=["sway"])


def test_draw_on_the_command_line_prints_what_it_drew(tmp_path: Path) -> None:
    def draw(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "firmware_sim", "draw", *arguments, "-o", str(tmp_path / "n.yaml")]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    done = draw("7", "--structure", "gasps", "--without", "clonic")
    assert done.returncode == 0, done.stderr
    night = parse_scenario((tmp_path / "n.yaml").read_text())
    assert tuple(done.stdout.splitlines()) == structures(night)
    assert "gasps" in structures(night)
    wrong = draw("7", "--structure", "gasp")
    assert wrong.returncode == 2
    assert "there is no structure 'gasp'" in wrong.stderr


@pytest.mark.parametrize("seed", range(8))
def test_a_drawn_night_can_be_played(seed: int) -> None:
    sleeper = Sleeper(drawn(seed))
    middle = int(sleeper.scenario.duration_s / 2 * sleeper.rate_hz)
    assert np.isfinite(sleeper.acceleration(middle, 20_000)).all()
