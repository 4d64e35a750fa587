"""bleak's own BlueZ backend on the virtual air, as the operating system's Bluetooth: see tests/bluez/README.md."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.bluezdbus.defs import DEVICE_INTERFACE
from bleak.backends.bluezdbus.manager import get_global_bluez_manager
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakDBusError, BleakDeviceNotFoundError, BleakError
from bleak.exc import BleakGATTProtocolError as GattError
from bleak_retry_connector import close_stale_connections_by_address

from legmon.link.radio import Radio
from legmon.link.session import REFRESH_TRIES, Session
from legmon.link.tasks import end_tasks
from legmon.sensors.ankle import profile as ankle
from tests.bluez.through import NEEDS_DAEMON, Through, opened_air, through_radio
from tests.conftest import sensor, started, until
from tests.test_link import Heard, when
from tests.test_recorder import close_by_itself, recorded, want, whole

pytestmark = NEEDS_DAEMON

FIRST, SECOND = "C4:4C:4D:00:00:11", "C4:4C:4D:00:00:12"


@pytest.fixture
def on_bluez(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Through]:
    with through_radio("bluez", short_folder, monkeypatch) as through:
        yield through


def play(through: Through, scene: Callable[[], Awaitable[None]]) -> None:
    assert through.pick() == Radio(), "the operating system's Bluetooth needs no arguments"

    async def whole() -> None:
        try:
            async with asyncio.timeout(30):
                await scene()
        finally:
            await through.close()

    asyncio.run(whole())


async def find(address: str, within_s: float = 5.0) -> tuple[BLEDevice, AdvertisementData]:
    found: asyncio.Future[tuple[BLEDevice, AdvertisementData]] = asyncio.get_running_loop().create_future()

    def heard(device: BLEDevice, data: AdvertisementData) -> None:
        if device.address == address and not found.done():
            found.set_result((device, data))

    async with asyncio.timeout(within_s), BleakScanner(heard, service_uuids=[ankle.SERVICE]):
        return await found


def test_the_first_thing_heard_of_a_sensor_is_all_of_it(on_bluez: Through, tmp_path: Path) -> None:
    async def scene() -> None:
        device, data = await find(FIRST)
        assert (device.name, data.local_name) == ("LegMon-Bus", "LegMon-Bus")
        assert data.service_uuids == [ankle.SERVICE]
        assert data.manufacturer_data == {0xFFFF: bytes([1, 1, 87, 0])}
        assert data.rssi == -58
        again, _ = await find(FIRST)
        assert again.address == device.address, (
            "a device already known is heard in the next discovery as well"
        )

    with sensor(on_bluez.air, tmp_path, "--name", "LegMon-Bus", "--address", FIRST):
        play(on_bluez, scene)


def test_pair_read_write_indicate_and_notify(on_bluez: Through, tmp_path: Path) -> None:
    async def scene() -> None:
        device, _ = await find(FIRST)
        answers: asyncio.Queue[bytes] = asyncio.Queue()
        frames: asyncio.Queue[bytes] = asyncio.Queue()
        async with BleakClient(device, pair=True) as client:
            live = client.services.get_characteristic(ankle.LIVE)
            assert live is not None
            assert live.max_write_without_response_size == 514
            assert ankle.decode_capabilities(await client.read_gatt_char(ankle.CAPABILITIES)).side == "left"
            await client.start_notify(ankle.CONTROL, lambda _, data: answers.put_nowait(bytes(data)))
            await client.start_notify(ankle.LIVE, lambda _, data: frames.put_nowait(bytes(data)))
            request = ankle.request(ankle.Op.START, 7, ankle.start_arguments(50, 4, 5))
            await client.write_gatt_char(ankle.CONTROL, request, response=True)
            started = ankle.decode_started(ankle.decode_answer(await answers.get(), ankle.Op.START, 7) or b"")
            assert (started.rate_hz, started.range_g) == (50, 4)
            first, second = [ankle.decode_frame(await frames.get()) for _ in range(2)]
            assert second.first == first.first + len(first.xyz)
            await client.stop_notify(ankle.LIVE)
            assert client.is_connected
        assert not client.is_connected

    with sensor(on_bluez.air, tmp_path, "--address", FIRST):
        play(on_bluez, scene)


def test_att_errors_come_back_as_bluez_names_them(on_bluez: Through, tmp_path: Path) -> None:
    async def scene() -> None:
        device, _ = await find(FIRST)
        async with BleakClient(device) as client:
            with pytest.raises(BleakDBusError, match="Not paired"):
                await client.read_gatt_char(ankle.CAPABILITIES)
            assert client.is_connected, "a refusal costs nothing else"
            assert await client.read_gatt_char(ankle.BATTERY_LEVEL) == b"\x57"
            await client.pair()
            with pytest.raises(GattError) as refused:
                await client.write_gatt_char(ankle.CONTROL, b"\x01", response=True)
            assert refused.value.code == 0x0D, "a request of one byte (docs/ankle-profile.md, section 4)"

    with sensor(on_bluez.air, tmp_path, "--address", FIRST):
        play(on_bluez, scene)


def test_a_sensor_that_is_killed_is_a_disconnection(on_bluez: Through, tmp_path: Path) -> None:
    async def scene() -> None:
        with sensor(on_bluez.air, tmp_path, "--address", FIRST) as process:
            device, _ = await find(FIRST)
            gone = asyncio.Event()
            client = BleakClient(device, lambda _: gone.set(), pair=True)
            await client.connect()
            process.process.kill()
            killed = time.monotonic()
            await asyncio.wait_for(gone.wait(), 60)
            assert time.monotonic() - killed > 0.5, "no sooner than the air's supervision timeout"
            assert not client.is_connected
            with pytest.raises(BleakError):
                await client.read_gatt_char(ankle.BATTERY_LEVEL)
            await client.disconnect()

    play(on_bluez, scene)


def test_a_bond_lasts_and_one_the_sensor_has_lost_is_unpaired_and_made_anew(
    on_bluez: Through, tmp_path: Path
) -> None:
    async def scene() -> None:
        with sensor(on_bluez.air, tmp_path, "--address", FIRST):
            device, _ = await find(FIRST)
            for _ in range(2):
                async with BleakClient(device, pair=True) as client:
                    await client.read_gatt_char(ankle.CAPABILITIES)
        with sensor(on_bluez.air, tmp_path, "--address", FIRST):
            device, _ = await find(FIRST)
            stale = BleakClient(device, pair=True)
            with pytest.raises(BleakDBusError, match="br-connection-canceled"):
                await stale.connect()
            await stale.unpair()
            device, _ = await find(FIRST)
            async with BleakClient(device, pair=True) as client:
                await client.read_gatt_char(ankle.CAPABILITIES)

    play(on_bluez, scene)


def test_a_sensor_that_is_not_there(on_bluez: Through, tmp_path: Path) -> None:
    async def scene() -> None:
        with pytest.raises(BleakDeviceNotFoundError):
            await BleakClient("C4:00:00:00:00:77", timeout=0.5).connect()
        with sensor(on_bluez.air, tmp_path, "--address", SECOND) as process:
            left, _ = await find(SECOND)
            process.process.kill()
            process.process.wait(60)
        with pytest.raises(TimeoutError):
            await BleakClient(left, timeout=0.5).connect()
        with sensor(on_bluez.air, tmp_path, "--address", FIRST):
            device, _ = await find(FIRST)
            async with BleakClient(device) as client:
                assert await client.read_gatt_char(ankle.BATTERY_LEVEL) == b"\x57"

    play(on_bluez, scene)


def test_a_process_has_one_discovery_at_a_time(on_bluez: Through) -> None:
    async def scene() -> None:
        async with BleakScanner():
            with pytest.raises(BleakDBusError, match="InProgress"):
                await BleakScanner().start()
        async with BleakScanner():
            pass

    play(on_bluez, scene)


def test_two_sensors_at_once(on_bluez: Through, tmp_path: Path) -> None:
    async def read(device: BLEDevice) -> str | None:
        async with BleakClient(device, pair=True) as client:
            both.append(device.address)
            async with asyncio.timeout(10):
                while len(both) < 2:
                    await asyncio.sleep(0.02)
            return ankle.decode_capabilities(await client.read_gatt_char(ankle.CAPABILITIES)).side

    both: list[str] = []

    async def scene() -> None:
        devices = [(await find(address))[0] for address in (FIRST, SECOND)]
        assert list(await asyncio.gather(*map(read, devices))) == ["left", "right"]

    left, right = tmp_path / "left", tmp_path / "right"
    left.mkdir()
    right.mkdir()
    with (
        sensor(on_bluez.air, left, "--address", FIRST),
        sensor(on_bluez.air, right, "--address", SECOND, scenario="duration: 1h\nleg: right\n"),
    ):
        play(on_bluez, scene)


async def searched(until: str) -> None:
    """Search, as the program does while it has no sensor, until that is how a search ends."""
    async with asyncio.timeout(5):
        outcome = ""
        while until not in outcome:
            try:
                await find(FIRST, 1.0)
            except (BleakError, TimeoutError) as e:
                outcome = str(e)
                await asyncio.sleep(0.05)
            else:
                outcome = "found"


def test_an_adapter_that_vanishes_ends_connections_and_is_used_again_when_it_is_back(
    on_bluez: Through, short_folder: Path, tmp_path: Path
) -> None:
    async def scene() -> None:
        with sensor(on_bluez.air, tmp_path, "--address", FIRST):
            device, _ = await find(FIRST)
            gone = asyncio.Event()
            client = BleakClient(device, lambda _: gone.set(), pair=True)
            await client.connect()
            on_bluez.process.end()
            await asyncio.wait_for(gone.wait(), 60)
            assert not client.is_connected
            await client.disconnect()
        await searched("No Bluetooth adapters found")
        with opened_air(short_folder) as (again, _), sensor(again, tmp_path, "--address", FIRST):
            await searched("found")
            device, _ = await find(FIRST)
            async with BleakClient(device, pair=True) as client:
                await client.read_gatt_char(ankle.CAPABILITIES)

    play(on_bluez, scene)


def test_a_sensor_that_bleak_wrongly_takes_for_connected_streams_all_the_same(
    on_bluez: Through, tmp_path: Path
) -> None:
    async def scene() -> None:
        heard = Heard()
        device, _ = await find(FIRST)
        believed = (await get_global_bluez_manager())._properties[device.details["path"]][DEVICE_INTERFACE]
        believed["Connected"] = believed["ServicesResolved"] = True
        task = asyncio.create_task(Session(on_bluez.pick(), time.time_ns, heard).run())
        try:
            await when(lambda: heard.samples > 20)
        finally:
            await end_tasks(task)
        assert heard.states.count("connecting") == REFRESH_TRIES

    with sensor(on_bluez.air, tmp_path, "--address", FIRST):
        play(on_bluez, scene)


CONNECTED = """
import asyncio, sys
from bleak import BleakClient, BleakScanner
async def hold():
    device = await BleakScanner.find_device_by_address(sys.argv[1])
    await BleakClient(device).connect()
    print("connected", flush=True)
    await asyncio.sleep(60)
asyncio.run(hold())
"""


async def is_connected(address: str) -> bool:
    """Ask BlueZ itself, on a D-Bus connection of its own."""
    from bleak.backends.bluezdbus.utils import get_dbus_authenticator
    from dbus_fast import BusType, Message
    from dbus_fast.aio import MessageBus

    bus = await MessageBus(bus_type=BusType.SYSTEM, auth=get_dbus_authenticator()).connect()
    try:
        manager = "org.freedesktop.DBus.ObjectManager"
        reply = await bus.call(
            Message(destination="org.bluez", path="/", interface=manager, member="GetManagedObjects")
        )
        assert reply is not None
        devices = [o[DEVICE_INTERFACE] for o in reply.body[0].values() if DEVICE_INTERFACE in o]
        return any(d["Address"].value == address and d["Connected"].value for d in devices)
    finally:
        bus.disconnect()


@pytest.mark.parametrize("is_stale", [False, True])
def test_a_connection_of_a_dead_program_is_ended_also_if_bleak_does_not_know_it(
    on_bluez: Through, tmp_path: Path, *, is_stale: bool
) -> None:
    """bleak-retry-connector asks bleak's manager: it ends the connection only if the manager knows it."""

    async def scene() -> None:
        manager = await get_global_bluez_manager()
        (path,) = [p for p, o in manager._properties.items() if DEVICE_INTERFACE in o]
        assert manager._properties[path][DEVICE_INTERFACE]["Connected"]
        if is_stale:
            manager._properties[path][DEVICE_INTERFACE]["Connected"] = False
        await close_stale_connections_by_address(FIRST)
        if not is_stale:
            await gone()
        assert await is_connected(FIRST) == is_stale, "what the library leaves"
        assert await on_bluez.pick().disconnect_stale(FIRST) == is_stale
        await gone()

    async def gone() -> None:
        async with asyncio.timeout(5):
            while await is_connected(FIRST):
                await asyncio.sleep(0.05)

    with sensor(on_bluez.air, tmp_path, "--address", FIRST):
        with started("-c", CONNECTED, FIRST) as holder:
            holder.says("connected")
            holder.process.kill()
            holder.process.wait()
        play(on_bluez, scene)


@pytest.mark.parametrize(("version", "is_replaced"), [("3.1.7", True), ("3.2.0", False)])
def test_bleaks_manager_is_replaced_only_where_its_private_attributes_are_known(
    on_bluez: Through,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    version: str,
    *,
    is_replaced: bool,
) -> None:
    async def scene() -> None:
        before = await get_global_bluez_manager()
        on_bluez.pick().refresh()
        assert (await get_global_bluez_manager() is not before) == is_replaced

    monkeypatch.setattr("legmon.link.bluez.version", lambda _: version)
    play(on_bluez, scene)
    assert ("bleak 3.2.0 is an unknown version" in caplog.text) != is_replaced


def test_a_recorder_that_was_killed_gets_its_sensor_back_and_the_night_is_whole(
    on_bluez: Through, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    now = str(time.time_ns())
    command = ("-m", "legmon.recorder", "--data", str(data), "--simulated", "--clock", now, now, "30")
    with sensor(on_bluez.air, tmp_path, "--address", FIRST, "--speed", "30"):
        with started(*command) as first:
            until(lambda: recorded(data) > 2000, 60)
            first.process.kill()
            first.process.wait()
        before, began = recorded(data), time.monotonic()
        with started(*command) as second:
            second.says("ready")
            ready = time.monotonic()
            until(lambda: recorded(data) > before)
            print(f"samples {time.monotonic() - began:.1f} s after the kill, start-up {ready - began:.1f} s")
            until(lambda: recorded(data) > before + 2000)
            close_by_itself(second, data)
    assert not whole(data)[1], "what was measured in between is fetched"
