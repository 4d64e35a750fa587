"""Scenario files: what may stand in them, and what an error names."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware_sim.scenario import ScenarioError, parse_scenario, read_scenario
from firmware_sim.vocabulary import Scenario


def test_only_the_duration_is_required() -> None:
    assert parse_scenario("duration: 8h") == Scenario(duration_s=28800.0)


def test_every_key() -> None:
    text = (
        "scenario: 1\nname: restless\nduration: 7h30m\nseed: 9\nrate_hz: 100\nrate_error_percent: -2.5\n"
        "leg: right\nmovements_per_hour: 80\n"
    )
    assert parse_scenario(text) == Scenario(27000.0, "restless", 9, 100, -2.5, "right", 80.0)


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("90m", 5400.0), ("45s", 45.0), ("1h0m5s", 3605.0), ("12.5", 12.5), ("1.5h", 5400.0)],
)
def test_durations(duration: str, seconds: float) -> None:
    assert parse_scenario(f"duration: {duration}").duration_s == seconds


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "duration"),
        ("- 1", "duration"),
        ("name: x", '"duration" is missing'),
        ("duration: soon", 'line 1: "duration"'),
        ("duration: 49h", 'line 1: "duration"'),
        ("duration: 0.5", 'line 1: "duration"'),
        ("duration: .nan", 'line 1: "duration"'),
        ("duration: 1h\nrate: 50", 'line 2: "rate" is not a key'),
        ("duration: 1h\nduration: 2h", 'line 2: "duration" is there twice'),
        ("duration: 1h\nscenario: 2", 'line 2: "scenario"'),
        ("duration: 1h\nseed: -1", 'line 2: "seed"'),
        ("duration: 1h\nseed: true", 'line 2: "seed"'),
        ("duration: 1h\nrate_hz: 60", 'line 2: "rate_hz"'),
        ("duration: 1h\nrate_error_percent: 11", 'line 2: "rate_error_percent"'),
        ("duration: 1h\nleg: both", 'line 2: "leg"'),
        ("duration: 1h\nmovements_per_hour: many", 'line 2: "movements_per_hour"'),
        ("duration: 1h\nname: 5", 'line 2: "name"'),
        ("duration: [1", "not YAML"),
        ("duration: !!python/name:os 1", "not YAML"),
    ],
)
def test_an_error_names_the_line_and_the_key(text: str, names: str) -> None:
    with pytest.raises(ScenarioError, match=r".") as wrong:
        parse_scenario(text)
    assert names in str(wrong.value)
    assert "\n" not in str(wrong.value)


def test_a_missing_file_is_a_scenario_error(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"none\.yaml"):
        read_scenario(tmp_path / "none.yaml")
