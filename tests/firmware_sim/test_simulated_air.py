"""Each defect of bumble's virtual controller that `firmware_sim.air` corrects: shown, and shown to be gone.

The first half of a test is about bumble alone. When it fails after an upgrade, the defect is no more and its correction
can go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from bumble import hci
from bumble.controller import Controller
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.link import LocalLink

from firmware_sim.air import AirController, AirLink

SENSOR, CLIENT = "C4:11:22:33:44:01", "C4:11:22:33:44:02"

Radios = tuple[LocalLink, type[Controller]]


def stock() -> Radios:
    return LocalLink(), Controller  # type: ignore[no-untyped-call]


def corrected() -> Radios:
    return AirLink(), AirController


def on_both(scene: Callable[[Radios], Coroutine[Any, Any, Any]], *, defective: object, right: object) -> None:
    assert asyncio.run(_run(scene, stock)) == defective, "bumble has changed: is the correction still needed?"
    assert asyncio.run(_run(scene, corrected)) == right


async def _run(scene: Callable[[Radios], Coroutine[Any, Any, Any]], make: Callable[[], Radios]) -> Any:
    return await scene(make())


async def device(radios: Radios, address: str) -> tuple[Device, Controller]:
    link, kind = radios
    controller = kind(address, link=link)
    host = Device.from_config_with_hci(
        DeviceConfiguration(
            name="x", address=hci.Address(address), advertising_interval_min=20, advertising_interval_max=20
        ),
        controller,
        controller,
    )
    await host.power_on()
    return host, controller


async def pair_of(radios: Radios) -> tuple[Device, Controller, Device, Connection]:
    sensor, controller = await device(radios, SENSOR)
    await sensor.start_advertising()
    client, _controller = await device(radios, CLIENT)
    return sensor, controller, client, await client.connect(hci.Address(SENSOR), timeout=2)


def test_the_scan_response_is_not_a_copy_of_the_advertisement() -> None:
    async def scene(radios: Radios) -> list[bytes]:
        sensor, _controller = await device(radios, SENSOR)
        sensor.advertising_data, sensor.scan_response_data = b"\x02\x01\x06", b"\x02\x09L"
        await sensor.start_advertising()
        client, _controller = await device(radios, CLIENT)
        heard: list[bytes] = []
        client.host.on("advertising_report", lambda report: heard.append(bytes(report.data)))
        await client.start_scanning(active=True)
        async with asyncio.timeout(10):
            while len(heard) < 2:
                await asyncio.sleep(0.01)
        return heard[:2]

    on_both(scene, defective=[b"\x02\x01\x06"] * 2, right=[b"\x02\x01\x06", b"\x02\x09L"])


def test_a_connect_to_an_absent_sensor_ends_and_the_next_one_works() -> None:
    async def scene(radios: Radios) -> str:
        client, controller = await device(radios, CLIENT)
        connecting = asyncio.create_task(client.connect(hci.Address(SENSOR)))
        await asyncio.sleep(0.05)
        await client.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command())
        await asyncio.wait((connecting,), timeout=0.3)
        if not connecting.done():
            connecting.cancel()
            return "still connecting" if controller.pending_le_connection else "lost"
        connecting.exception()
        sensor, _controller = await device(radios, SENSOR)
        await sensor.start_advertising()
        await client.connect(hci.Address(SENSOR), timeout=2)
        return "connected"

    on_both(scene, defective="still connecting", right="connected")


def test_a_radio_that_vanishes_is_a_supervision_timeout() -> None:
    async def scene(radios: Radios) -> list[int]:
        _sensor, controller, _client, connection = await pair_of(radios)
        reasons: list[int] = []
        connection.on(Connection.EVENT_DISCONNECTION, reasons.append)
        link = radios[0]
        if isinstance(link, AirLink):
            link.lose(controller)
        else:
            link.remove_controller(controller)
        await asyncio.sleep(1.0)
        return reasons

    on_both(scene, defective=[], right=[hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR])


def test_hanging_up_on_a_radio_that_has_vanished_completes() -> None:
    async def scene(radios: Radios) -> str:
        _sensor, controller, _client, connection = await pair_of(radios)
        radios[0].controllers.discard(controller)
        try:
            async with asyncio.timeout(0.3):
                await connection.disconnect()
        except Exception as error:  # noqa: BLE001  (which one it is, is bumble's business)
            return type(error).__name__
        return "disconnected"

    on_both(scene, defective="InvalidArgumentError", right="disconnected")


def test_a_radio_that_comes_back_under_the_same_address_keeps_its_new_connection() -> None:
    async def scene() -> bool:
        radios = corrected()
        _sensor, controller, client, connection = await pair_of(radios)
        link = radios[0]
        assert isinstance(link, AirLink)
        link.lose(controller)
        await connection.disconnect()
        again, _controller = await device(radios, SENSOR)
        await again.start_advertising()
        renewed = await client.connect(hci.Address(SENSOR), timeout=2)
        gone: list[int] = []
        renewed.on(Connection.EVENT_DISCONNECTION, gone.append)
        await asyncio.sleep(1.0)
        return not gone

    assert asyncio.run(scene())


@pytest.mark.parametrize(("make", "length"), [(stock, 27), (corrected, 251)])
def test_a_frame_is_not_cut_into_the_packets_of_bluetooth_4_0(
    make: Callable[[], Radios], length: int
) -> None:
    async def scene(radios: Radios) -> int:
        host, _controller = await device(radios, CLIENT)
        queue = host.host.le_acl_packet_queue
        assert queue is not None
        return queue.max_packet_size

    assert asyncio.run(_run(scene, make)) == length


@pytest.mark.parametrize(("make", "extended"), [(stock, True), (corrected, False)])
def test_every_host_uses_legacy_advertising(make: Callable[[], Radios], extended: bool) -> None:
    async def scene(radios: Radios) -> bool:
        host, _controller = await device(radios, CLIENT)
        return bool(host.host.supports_le_features(hci.LeFeatureMask.LE_EXTENDED_ADVERTISING))

    assert asyncio.run(_run(scene, make)) is extended
