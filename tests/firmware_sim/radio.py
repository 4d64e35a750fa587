"""A central on bumble's own client, and the simulation's processes: what the end-to-end tests are made of.

Nothing of legmon is in here, so that a misreading of the document on either side cannot hide.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bumble import hci
from bumble.device import Connection, Device, DeviceConfiguration, Peer
from bumble.gatt_client import CharacteristicProxy
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport

ROOT = Path(__file__).parents[2]
BASE = "7c9e%04x-5b1d-4c37-9a86-3f0c6d2b8e11"


def uuid(short: int) -> str:
    return BASE % short


@asynccontextmanager
async def process(*arguments: str, says: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Run a command of firmware_sim until the block ends; give it and its first line, which begins with `says`."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "firmware_sim",
        *arguments,
        "--until-eof",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert running.stdout is not None
    assert running.stdin is not None
    try:
        line = (await asyncio.wait_for(running.stdout.readline(), 60)).decode().strip()
        assert line.startswith(says), line
        yield running, line
    finally:
        # Its standard input ends: that is how a parent that dies takes its children along.
        running.stdin.close()
        _out, said = await asyncio.wait_for(running.communicate(), 60)
    assert said == b"", said.decode()


@asynccontextmanager
async def central(transport: str) -> AsyncIterator[Device]:
    async with await open_transport(transport) as radio:
        device = Device.from_config_with_hci(
            DeviceConfiguration(name="test", address=hci.Address.generate_static_address()),
            radio.source,
            radio.sink,
        )
        just_works = PairingDelegate(PairingDelegate.IoCapability.NO_OUTPUT_NO_INPUT)
        device.pairing_config_factory = lambda _connection: PairingConfig(
            sc=True, mitm=False, bonding=True, delegate=just_works
        )
        await device.power_on()
        yield device


@dataclass
class Link:
    """A connection to a sensor, with its characteristics by the last four digits of their UUID."""

    connection: Connection
    characteristics: dict[int, CharacteristicProxy[bytes]]
    answers: asyncio.Queue[bytes]

    async def control(self, request: bytes) -> bytes:
        await self.characteristics[0x0102].write_value(request, with_response=True)
        return await asyncio.wait_for(self.answers.get(), 60)

    async def hear_answers(self) -> None:
        await self.characteristics[0x0102].subscribe(self.answers.put_nowait, prefer_notify=False)


async def connect(device: Device, address: str, *, mtu: int = 517) -> Link:
    connection = await device.connect(hci.Address(address), timeout=10)
    peer = Peer(connection)
    if mtu > 23:
        await peer.request_mtu(mtu)
    await peer.discover_services()
    await peer.discover_characteristics()
    for service in peer.services:
        for characteristic in service.characteristics:
            await characteristic.discover_descriptors()
    found = {short: peer.get_characteristics_by_uuid(_core_uuid(short))[0] for short in range(0x0101, 0x0107)}
    return Link(connection, found, asyncio.Queue())


def _core_uuid(short: int) -> Any:
    from bumble.core import UUID

    return UUID(uuid(short))


def frames_of(log: Path, event: str) -> list[dict[str, int]]:
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [line for line in lines if line["event"] == event]


def unpack_frame(value: bytes) -> tuple[int, int, int, int, int]:
    kind, n, stream, first, t_us = struct.unpack_from("<BBHIQ", value)
    assert len(value) == 16 + 6 * n
    return kind, n, stream, first, t_us
