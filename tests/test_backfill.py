"""When samples are fetched again out of a sensor's buffer, and when they are given up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from legmon.link import backfill
from legmon.link.connection import Connection
from legmon.link.listener import SampleRange
from legmon.sensors.base import NeverTakenError, Pause, Steps
from tests.bluez.through import Through
from tests.conftest import sensor
from tests.test_link import Heard, over, through, when

__all__ = ["through"]  # the fixture: on both radios


def test_what_never_comes_is_given_up_but_not_while_the_link_carries_nothing(
    through: Through, tmp_path: Path
) -> None:
    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        await when(lambda: len(heard.frames) > 2)
        stream = heard.frames[0].stream
        assert ankle.process.stdin is not None
        ankle.process.stdin.write("mute 2.6\n")  # shorter than the watchdog's patience
        ankle.process.stdin.flush()
        heard.wanted = [SampleRange(stream, 0, 12)] * 10_000
        await asyncio.sleep(2.2)
        assert not heard.given_up
        await when(lambda: heard.given_up)
        assert heard.given_up[0] == (SampleRange(stream, 0, 12), None)

    with sensor(through.air, tmp_path) as ankle:
        heard = over(through, scene)
    late = [f for f in heard.frames if f.late]
    assert len(late) >= 4, "asked for again and again"
    assert not heard.downs


def test_of_a_long_hole_only_what_was_asked_for_in_vain_is_given_up(through: Through, tmp_path: Path) -> None:
    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        await when(lambda: heard.samples > 6000)
        heard.wanted = [SampleRange(heard.frames[0].stream, 0, 5000)] * 10_000
        await when(lambda: heard.given_up)
        assert heard.given_up[0] == (SampleRange(heard.frames[0].stream, 0, backfill.FETCH_MOST), None)

    with sensor(through.air, tmp_path, "--speed", "30"):
        over(through, scene, speed=30)


def test_a_sensor_that_does_not_answer_is_asked_for_longer(
    through: Through, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def unanswered(*_: object) -> None:
        nonlocal asked
        asked += 1
        raise TimeoutError

    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        await when(lambda: heard.frames)
        heard.wanted = [SampleRange(heard.frames[0].stream, 0, 12)] * 10_000
        await when(lambda: heard.given_up, 60)

    monkeypatch.setattr(backfill, "_fetch", unanswered)
    monkeypatch.setattr(backfill, "LOOK_S", 0.01)
    monkeypatch.setattr(backfill, "DEAF_TRIES", 12)
    with sensor(through.air, tmp_path):
        over(through, scene)
    assert asked >= 12


def test_what_the_sensor_never_measured_is_given_up_at_once() -> None:
    """The conversation is none of a real driver's: a watch that misses samples on command is `bangle/busy`."""
    heard, asked = Heard(), []

    class Missed:
        def fetch(self, stream: int, first: int, count: int) -> Steps[int]:
            asked.append((stream, first, count))
            yield Pause(0.0)
            raise NeverTakenError(3)

    async def play(*missing: SampleRange) -> None:
        conversation: Any = Missed()
        client: Any = None
        talk = Connection(client, conversation, lambda: 0, lambda *_: None, lambda _: None)
        for one in missing:
            await backfill._fetch(talk, conversation, heard, one)

    asyncio.run(play(SampleRange(7, 100, 5000), SampleRange(7, 200, 2)))
    assert asked == [(7, 100, backfill.FETCH_MOST), (7, 200, 2)]
    assert heard.given_up == [(SampleRange(7, 100, 3), None), (SampleRange(7, 200, 2), None)]
