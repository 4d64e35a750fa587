"""When a night ends, or goes on: a charger, a recorder that was away, what a sensor still holds at Stop."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from legmon.catalog.state import Clock, RecorderState
from legmon.catalog.store import Catalog
from legmon.movement import NS
from legmon.recorder import catch_up
from legmon.recorder.interrupted import goes_on
from legmon.recorder.limb import Limb
from legmon.recorder.night import NightRecorder
from legmon.recorder.over import over
from legmon.sensors.base import Status
from tests.test_leg_recorder import begin, stream

MINUTE_NS = 60 * NS


@pytest.fixture
def limb(tmp_path: Path) -> Limb:
    return Limb(time.time_ns, "left")


def charged(limb: Limb, monkeypatch: pytest.MonkeyPatch) -> str:
    """Why the night is over, minutes later."""
    later = time.monotonic() + 300
    with monkeypatch.context() as m:
        m.setattr("legmon.recorder.over.time.monotonic", lambda: later)
        return over([limb])


@pytest.mark.parametrize("known", [True, False])
def test_a_night_that_begins_on_the_charger_is_not_over(
    limb: Limb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    if known:  # by the check before
        limb.status(Status(charging=True))
    limb.attach(begin(tmp_path / "left.seg"))
    limb.status(Status(charging=True))
    assert charged(limb, monkeypatch) == ""
    limb.status(Status(charging=False))
    assert charged(limb, monkeypatch) == ""
    limb.status(Status(charging=True))
    assert charged(limb, monkeypatch) == "charger"


def test_a_night_whose_sensor_was_docked_while_the_recorder_was_away_is_over(
    limb: Limb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = begin(tmp_path / "left.seg")
    stream(before, 0, 5)
    before.abandon()
    limb.attach(begin(tmp_path / "left.seg"))
    limb.status(Status(charging=True))
    assert charged(limb, monkeypatch) == "charger"


@pytest.mark.parametrize(
    ("night_min", "seen_s", "speed", "goes"),
    [
        (20, None, 1.0, True),
        (31, None, 1.0, False),
        (300, 5.0, 1.0, True),  # nothing came for hours, or what came is still waited for
        (300, 2000.0, 1.0, False),
        (300, 100.0, 30.0, False),  # a simulated night runs faster
        (20, -3600.0, 1.0, True),  # the wall clock was set meanwhile
    ],
)
def test_a_night_goes_on_if_its_recorder_was_away_for_less_than_half_an_hour(
    tmp_path: Path, night_min: int, seen_s: float | None, speed: float, *, goes: bool
) -> None:
    catalog = Catalog(tmp_path)
    now_ns = time.time_ns()
    night = NightRecorder.begin(catalog, now_ns - night_min * MINUTE_NS, simulated=True)
    if seen_s is not None:
        state = RecorderState(now_ns - round(seen_s * NS), Clock(speed=speed), True, night.id, [])
        catalog.report(state)
    (info,) = catalog.nights()
    assert goes_on(catalog, info, now_ns) is goes
    other = replace(info, id="another")
    assert goes_on(catalog, other, now_ns) is (night_min < 30)
    catalog.close()


def test_at_stop_what_comes_is_waited_for_and_what_does_not_is_not(
    limb: Limb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leg = begin(tmp_path / "left.seg")
    limb.attach(leg)
    leg.is_buffered = True
    stream(leg, 0, 5)
    stream(leg, 65, 70)
    monkeypatch.setattr(catch_up, "STUCK_S", 1.0)
    came = 0

    async def turn() -> None:
        nonlocal came
        came += 1
        missing = leg.missing()
        if missing is not None and came < 8:
            leg._give_up(missing.first, missing.first + 100)

    began = time.monotonic()
    asyncio.run(catch_up.catch_up([limb], turn, is_leaving=lambda: False))
    assert came >= 8
    assert leg.pending == 3000 - 700
    assert time.monotonic() - began > 1.0, "and a moment longer"
    monkeypatch.setattr(catch_up, "LEAVE_S", 0.6)
    monkeypatch.setattr(catch_up, "STUCK_S", 600.0)
    asyncio.run(catch_up.catch_up([limb], turn, is_leaving=lambda: True))
    assert leg.pending == 3000 - 700
