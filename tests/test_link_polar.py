"""What a Polar sensor does to its link, over real BLE: wants to be paired with, and switches itself off."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from legmon.messages import LINK_SENTENCES, GapCause, LinkCode
from legmon.sensors.polar import DRIVER
from tests.bluez.through import Through
from tests.conftest import sensor
from tests.test_link import Heard, over, through, when

__all__ = ["through"]  # the fixture: on both radios

VAGUE = {LINK_SENTENCES[says] for says in (LinkCode.NO_CONNECTION, LinkCode.NO_ANSWER)}


def test_a_sensor_that_wants_to_be_paired_with_is_and_streams(through: Through, tmp_path: Path) -> None:
    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        await when(lambda: heard.samples > 50)

    with sensor(through.air, tmp_path, "--family", "polar", "--model", "h10-paired"):
        heard = over(through, scene, drivers=(DRIVER,))
    assert heard.sentences.count(LINK_SENTENCES[LinkCode.PAIRING]) == 1
    assert not VAGUE & set(heard.sentences)
    assert not heard.downs


def test_that_a_sensor_cannot_be_paired_with_is_said(through: Through, tmp_path: Path) -> None:
    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        await when(lambda: heard.sentences.count(LINK_SENTENCES[LinkCode.NOT_PAIRED]) > 1)

    with sensor(through.air, tmp_path, "--family", "polar", "--model", "h10-taken"):
        heard = over(through, scene, drivers=(DRIVER,))
    assert not heard.frames
    assert not VAGUE & set(heard.sentences)


def test_a_sensor_that_may_have_switched_itself_off_is_looked_for_with_that_said(
    through: Through, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("legmon.link.session.STALE_S", 0.2)
    monkeypatch.setattr("legmon.link.session.OFF_S", 1.0)

    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        await when(lambda: LINK_SENTENCES[LinkCode.MAYBE_OFF] in heard.sentences)

    with sensor(
        through.air, tmp_path, "--family", "polar", "--model", "verity-idle", "--speed", "60"
    ) as idle:
        heard = over(through, scene, speed=60, drivers=(DRIVER,))
        assert idle.process.poll() is None
    log = [json.loads(line) for line in (tmp_path / "sent.jsonl").read_text().splitlines()]
    assert [e["event"] for e in log if e["event"] in {"connected", "off", "disconnected"}] == [
        "connected",
        "off",
        "disconnected",
    ]
    assert heard.downs == [GapCause.LINK_LOST]
    assert heard.sentences.count(LINK_SENTENCES[LinkCode.MAYBE_OFF]) == 1
    assert 560 * 52 < heard.samples < 640 * 52
