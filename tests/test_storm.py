"""A short storm, and that a storm can fail. The long ones: ``uv run python -m tests.storm --help``.

The gate's storm has the same seed each time (`STORM_SEED` in tests/conftest.py). ``STORM_SEED=random uv run pytest
tests/test_storm.py`` draws another one and prints it at the top.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.storm.__main__ import drawn
from tests.storm.faults import FAULTS

MINUTES = 15


def storm(*options: str, within_s: float = 350.0) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "tests.storm", "--hours", str(MINUTES / 60), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=within_s, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.timeout(300)
def test_a_short_storm_loses_nothing() -> None:
    status, answer, said = storm("--faults", "8", "--seed", os.environ["STORM_SEED"])
    print(said)  # what each fault did
    assert status == 0, (answer, said)
    assert sum(answer["faults"].values()) == 8
    whole = answer["samples_expected"] + answer["samples_while_restarting"]
    assert whole == pytest.approx(answer["hours"] * 3600 * 50, abs=0.005 * 3600 * 50 + 1), (
        "a night is these two"
    )
    assert whole > 0.9 * MINUTES * 60 * 50
    assert answer["samples_expected"] > 0.3 * whole, "a busy machine takes long to start a sensor again"
    assert (answer["samples_lost"], answer["samples_duplicated"], answer["samples_wrong"]) == (0, 0, 0)
    assert (answer["gaps_unnamed"], answer["identical"]) == (0, True)
    assert set(answer["gaps"]) <= {"sensor_restarted"}
    assert not answer["tracebacks"]


def test_every_kind_of_fault_comes_up_in_short_storms_too() -> None:
    plans = [drawn(list(FAULTS), 9, seed) for seed in range(40)]
    assert {len(set(plan)) for plan in plans} == {9}
    assert Counter(kind for plan in plans for kind in plan).keys() == FAULTS.keys()
    equally = 300 // len(FAULTS)
    assert set(Counter(drawn(list(FAULTS), 300, 1)).values()) <= {equally, equally + 1}


def test_a_storm_without_backfill_fails() -> None:
    status, answer, _ = storm(
        "--faults", "3", "--kinds", "link_cut,link_lost", "--no-backfill", "--seed", "1"
    )
    assert status == 1
    assert answer["samples_lost"] > 0
    assert answer["identical"] is False
    assert answer["gaps_unnamed"] == 0, "what is lost is named all the same"


def test_a_storm_in_which_a_fault_had_no_effect_fails() -> None:
    status, answer, _ = storm(
        "--hours", "0.1", "--faults", "1", "--kinds", "link_cut", "--toothless", "--seed", "1"
    )
    assert status == 1
    assert "any effect" in answer["error"]
