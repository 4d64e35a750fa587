"""When a night ends, or goes on: a charger, a recorder that was away, what a sensor still holds at Stop."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest

from legmon.catalog.clock import Clock
from legmon.catalog.store import Catalog
from legmon.link.listener import ConnectedSensor
from legmon.link.radio import pick
from legmon.messages import GapCause
from legmon.movement import NS
from legmon.recorder import ending
from legmon.recorder.ankle_sensor import AnkleSensor
from legmon.recorder.choice import SensorChoice
from legmon.recorder.ending import ended_by
from legmon.recorder.process import Recorder
from legmon.recording.files import read_segment
from legmon.recording.records import Samples
from legmon.sensors import ankle as ankle_driver
from legmon.sensors.base import Frame, Status, StreamFormat, StreamStart
from tests.test_leg_recorder import BEGAN, QUIET, begin, stream


@pytest.fixture
def ankle(tmp_path: Path) -> AnkleSensor:
    return AnkleSensor(time.time_ns, "left")


def charged(ankle: AnkleSensor, monkeypatch: pytest.MonkeyPatch) -> str:
    """Why the night is over, minutes later."""
    later = time.monotonic() + 300
    with monkeypatch.context() as m:
        m.setattr("legmon.recorder.ending.time.monotonic", lambda: later)
        return ended_by([ankle])


@pytest.mark.parametrize("known", [True, False])
def test_a_night_that_begins_on_the_charger_is_not_over(
    ankle: AnkleSensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    if known:  # by the check before
        ankle.status(Status(charging=True))
    ankle.attach(begin(tmp_path / "left.seg"))
    ankle.status(Status(charging=True))
    assert charged(ankle, monkeypatch) == ""
    ankle.status(Status(charging=False))
    assert charged(ankle, monkeypatch) == ""
    ankle.status(Status(charging=True))
    assert charged(ankle, monkeypatch) == "charger"


def test_a_night_begun_on_the_charger_is_not_over_because_its_recorder_restarts(
    ankle: AnkleSensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = AnkleSensor(time.time_ns, "left")
    before.status(Status(charging=True))
    leg = begin(tmp_path / "left.seg")
    before.attach(leg)
    leg.note(BEGAN, "charging", "true")
    stream(leg, 0, 5)
    leg.abandon()
    ankle.attach(begin(tmp_path / "left.seg"))
    ankle.status(Status(charging=True))
    assert charged(ankle, monkeypatch) == ""


def test_a_night_whose_sensor_was_docked_while_the_recorder_was_away_is_over(
    ankle: AnkleSensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = begin(tmp_path / "left.seg")
    stream(before, 0, 5)
    before.abandon()
    ankle.attach(begin(tmp_path / "left.seg"))
    ankle.status(Status(charging=True))
    assert charged(ankle, monkeypatch) == "charger"


def test_at_stop_what_comes_is_waited_for_and_what_does_not_is_not(
    ankle: AnkleSensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leg = begin(tmp_path / "left.seg")
    ankle.attach(leg)
    leg.is_buffered = True
    stream(leg, 0, 5)
    stream(leg, 65, 70)
    monkeypatch.setattr(ending, "STUCK_S", 1.0)
    came = 0

    async def turn() -> None:
        nonlocal came
        came += 1
        missing = leg.next_to_fetch()
        if missing is not None and came < 8:
            leg._give_up(missing.first, missing.first + 100)

    began = time.monotonic()
    asyncio.run(ending.finish_backfill([ankle], turn, is_urgent=lambda: False))
    assert came >= 8
    assert leg.pending == 3000 - 700
    assert time.monotonic() - began > 1.0, "and a moment longer"
    monkeypatch.setattr(ending, "URGENT_S", 0.6)
    monkeypatch.setattr(ending, "STUCK_S", 600.0)
    asyncio.run(ending.finish_backfill([ankle], turn, is_urgent=lambda: True))
    assert leg.pending == 3000 - 700


def test_while_stop_waits_what_comes_live_is_no_longer_of_the_night(
    ankle: AnkleSensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leg = begin(tmp_path / "left.seg")
    ankle.sensor_started(
        ConnectedSensor(
            "s",
            "a",
            "ankle",
            ankle_driver.DRIVER.declares,
            StreamStart(StreamFormat(50, 4, 122, "index"), 1.0, stream=1),
        )
    )
    ankle.attach(leg)
    stream(leg, 0, 5)
    stream(leg, 65, 70)
    monkeypatch.setattr(ending, "LIVE_S", 0.4)
    at_s, pending = 70, []

    async def turn() -> None:
        nonlocal at_s
        if at_s == 75:
            leg.lost(GapCause.LINK_LOST)
            at_s = 80
        ankle.frame(Frame(1, 50 * at_s, 0, QUIET[:50].astype(np.int16)), BEGAN + (at_s + 1) * NS)
        at_s += 1
        pending.append(leg.pending)
        if at_s > 83:
            leg._give_up(0, 50 * 200)

    asyncio.run(ending.finish_backfill([ankle], turn, is_urgent=lambda: False))
    assert pending[0] == 3000, "at first it is"
    assert pending[-2] > 3000 + 250, "and what a cut kept back is fetched"
    samples = [r for r in read_segment(tmp_path / "left.seg") if isinstance(r, Samples)]
    recorded = [r.first // 50 for r in samples if r.first >= 70 * 50]
    assert recorded[-1] == 80, "which its first frame tells"
    assert 70 in recorded
    assert 74 not in recorded


def test_a_start_while_stop_waits_is_seen(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    recorder = Recorder(catalog, pick(None), Clock(), SensorChoice(None, None), simulated=True)
    catalog.want("record")
    asyncio.run(recorder._turn())
    assert recorder._wanted.mode == "record"
    catalog.close()
