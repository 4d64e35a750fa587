"""The sensor's uptime: it changes its speed at the moment that it was told, without a jump."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from firmware_sim.flash import read_flash
from firmware_sim.uptime import Uptime

S = 1_000_000_000


class Clocks:
    """The two clocks of a computer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.s = 0.0
        monkeypatch.setattr(time, "monotonic_ns", lambda: round(self.s * S) + 7 * S)
        monkeypatch.setattr(time, "time_ns", lambda: round(self.s * S) + 1_000_000 * S)

    def line(self, at_s: float, speed: float) -> str:
        return f"pace {round(at_s * S) + 1_000_000 * S} {speed}\n"


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def test_it_runs_at_one_speed_until_it_is_told_another(clocks: Clocks) -> None:
    uptime = Uptime(60.0)
    clocks.s = 2.0
    assert uptime.us() == 120_000_000
    assert uptime.take(clocks.line(3.0, 1.0))
    clocks.s = 2.5
    assert (uptime.us(), uptime.speed) == (150_000_000, 60.0)
    clocks.s = 5.0
    assert (uptime.us(), uptime.speed) == (182_000_000, 1.0)


def test_it_may_stop_and_go_on(clocks: Clocks) -> None:
    uptime, changes = Uptime(1.0), list[float]()
    uptime.on_change = lambda: changes.append(clocks.s)
    uptime.take(clocks.line(1.0, 0.0))
    clocks.s = 9.0
    assert (uptime.us(), uptime.speed) == (1_000_000, 0.0)
    uptime.take(clocks.line(9.0, 300.0))
    clocks.s = 10.0
    assert uptime.us() == 301_000_000
    assert changes == [9.0, 10.0]


@pytest.mark.parametrize(
    "line",
    ["", "pace", "pace 1", "pace x 2", "pace 1 nan", "pace 1 -1", "pace 1 1e9", "mute 8", "pace 1 2 3"],
)
def test_another_line_changes_nothing(clocks: Clocks, line: str) -> None:
    uptime = Uptime(60.0)
    assert not uptime.take(line)
    clocks.s = 2.0
    assert (uptime.us(), uptime.speed) == (120_000_000, 60.0)


def test_a_reboot_continues_the_night_at_the_speed_that_it_had_last(tmp_path: Path) -> None:
    start = {
        "event": "start",
        "stream": 1,
        "rate_hz": 50,
        "range_g": 4,
        "batch": 12,
        "night_first": 0,
        "night_us": 5,
    }
    lines = [
        start | {"zero_ns": 100},
        {"event": "pace", "zero_ns": 700},
        {"event": "sent", "first": 0, "count": 12},
    ]
    (tmp_path / "journal").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    found = read_flash(tmp_path / "journal")
    assert found is not None
    assert found[0] == 700
