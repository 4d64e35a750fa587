"""Boards for the bench over real BLE: what they have more than once, and what they lack."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from legmon.messages import LINK_SENTENCES, LinkCode
from legmon.sensors.open_services import DRIVER_ADAFRUIT
from legmon.sensors.registry import registry
from tests.bluez.through import Through
from tests.conftest import sensor, started
from tests.test_link import Heard, over, through, when

__all__ = ["through"]  # the fixture: on both radios


def test_a_board_whose_sensors_share_a_characteristic_is_set_by_its_service(through: Through) -> None:
    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        await when(lambda: heard.samples > 50)
        assert heard.identities[0].format.rate_hz == 50

    command = ("-m", "firmware_sim", "sensor", through.air, "--until-eof", "--family", "adafruit")
    with started(*command) as board:
        board.says("advertising")
        heard = over(through, scene, drivers=(registry().drivers["adafruit"],))
    assert len(heard.identities) == 1


@pytest.mark.parametrize(
    "lacks", ["adaf0200-c332-42a8-93bd-25e905756cb9", "adaf0100-c332-42a8-93bd-25e905756cb8"]
)
def test_a_board_that_lacks_the_service_or_the_characteristic_is_not_understood(
    through: Through, tmp_path: Path, lacks: str
) -> None:
    other = replace(DRIVER_ADAFRUIT.layout, period=DRIVER_ADAFRUIT.layout.data, service=lacks)
    driver = replace(DRIVER_ADAFRUIT, layout=other)

    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        await when(lambda: LINK_SENTENCES[LinkCode.NOT_UNDERSTOOD] in heard.sentences)

    with sensor(through.air, tmp_path, "--family", "adafruit"):
        heard = over(through, scene, drivers=(driver,))  # type: ignore[arg-type]  # of a dataclass, which is frozen
    assert not heard.frames
