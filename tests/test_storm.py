"""A short storm with a new seed each time, and that a storm can fail. The long ones: ``uv run python -m tests.storm --help``."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT

MINUTES = 15


def storm(*options: str, within_s: float = 200.0) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "tests.storm", "--hours", str(MINUTES / 60), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=within_s, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.timeout(300)
def test_a_short_storm_loses_nothing() -> None:
    status, answer, said = storm("--faults", "9")
    print(said)  # the seed, and what each fault did
    assert status == 0, (answer, said)
    assert sum(answer["faults"].values()) == 9
    whole = answer["samples_expected"] + answer["samples_while_restarting"]
    assert whole == pytest.approx(answer["hours"] * 3600 * 50, abs=0.005 * 3600 * 50 + 1), (
        "a night is these two"
    )
    assert whole > 0.9 * MINUTES * 60 * 50
    assert answer["samples_expected"] > 0.5 * whole, "a busy machine takes long to start a sensor again"
    assert (answer["samples_lost"], answer["samples_duplicated"], answer["samples_wrong"]) == (0, 0, 0)
    assert (answer["gaps_unnamed"], answer["identical"]) == (0, True)
    assert set(answer["gaps"]) <= {"sensor_restarted"}


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
