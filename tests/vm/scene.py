"""``python tests/vm/scene.py TRANSPORT``: a sensor through bleak and the operating system's Bluetooth, step by step.

Prints what each step saw. What `tests/bluez/README.md` says of BlueZ is checked here, where it can be false.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakDBusError, BleakError

sys.path.insert(0, str(Path(__file__).parents[2]))

from legmon.recording.records import Note
from legmon.sensors.ankle import profile as ankle
from tests.conftest import Running, started, until
from tests.test_recorder import info, recorded, want, whole

ADDRESS = "C4:4C:4D:00:00:11"


def say(text: str) -> None:
    print(f"vm: {time.monotonic():6.1f} s: {text}", flush=True)


async def find() -> BLEDevice:
    found: asyncio.Future[tuple[BLEDevice, AdvertisementData]] = asyncio.get_running_loop().create_future()

    def heard(device: BLEDevice, data: AdvertisementData) -> None:
        if device.address == ADDRESS and not found.done():
            found.set_result((device, data))

    start = time.monotonic()
    async with asyncio.timeout(40), BleakScanner(heard, service_uuids=[ankle.SERVICE]):
        device, data = await found
    say(
        f"found in {time.monotonic() - start:.2f} s: {device.name}, {data.rssi} dBm, {data.manufacturer_data}"
    )
    assert ankle.SERVICE in data.service_uuids, "with all services of a device once they were resolved"
    return device


@contextmanager
def sensor(air: str, folder: Path) -> Iterator[Running]:
    """A simulated sensor; an emulated processor takes a minute to import it."""
    scenario = folder / "scenario.yaml"
    scenario.write_text("duration: 1h\nseed: 3\n")
    command = ("-m", "firmware_sim", "sensor", air, "--scenario", str(scenario), "--address", ADDRESS)
    with started(*command, "--until-eof") as running:
        running.says("advertising", 300)
        yield running


async def one_discovery_at_a_time() -> None:
    async with BleakScanner():
        try:
            await BleakScanner().start()
        except BleakDBusError as e:
            refusal = str(e)
        else:
            refusal = "was allowed"
    say(f"a second discovery of the same process: {refusal}")
    assert "InProgress" in refusal


async def pair_and_stream(running: Running) -> None:
    device = await find()
    gone = asyncio.Event()
    frames: list[bytes] = []
    answers: asyncio.Queue[bytes] = asyncio.Queue()
    client = BleakClient(device, lambda _: gone.set(), pair=True, timeout=60)
    start = time.monotonic()
    await client.connect()
    say(f"paired and connected in {time.monotonic() - start:.2f} s")
    live = client.services.get_characteristic(ankle.LIVE)
    assert live is not None
    say(f"MTU {live.max_write_without_response_size + 3}")
    say(f"capabilities: {ankle.decode_capabilities(await client.read_gatt_char(ankle.CAPABILITIES))}")
    await client.start_notify(ankle.CONTROL, lambda _, data: answers.put_nowait(bytes(data)))
    await client.start_notify(ankle.LIVE, lambda _, data: frames.append(bytes(data)))
    try:
        await client.write_gatt_char(ankle.CONTROL, b"\x01", response=True)
    except BleakError as e:
        say(f"a request of one byte: {type(e).__name__} {e}")
    request = ankle.request(ankle.Op.START, 1, ankle.start_arguments(50, 4, 5))
    await client.write_gatt_char(ankle.CONTROL, request, response=True)
    async with asyncio.timeout(20):
        say(
            f"started: {ankle.decode_started(ankle.decode_answer(await answers.get(), ankle.Op.START, 1) or b'')}"
        )
    await asyncio.sleep(10)
    decoded = [ankle.decode_frame(frame) for frame in list(frames)]
    samples = sum(len(frame.xyz) for frame in decoded)
    say(f"{len(decoded)} frames, {samples} samples in 10 s")
    assert samples > 300
    assert all(b.first == a.first + len(a.xyz) for a, b in pairwise(decoded)), "gaps"
    running.process.kill()
    start = time.monotonic()
    await asyncio.wait_for(gone.wait(), 20)
    say(f"killed: disconnected after {time.monotonic() - start:.2f} s")
    await client.disconnect()


async def come_back_without_the_bond() -> None:
    device = await find()
    client = BleakClient(device, pair=True, timeout=15)
    start = time.monotonic()
    try:
        await client.connect()
        say(f"a bond the sensor has lost: connected in {time.monotonic() - start:.2f} s")
        await client.read_gatt_char(ankle.CAPABILITIES)
        say("a bond the sensor has lost: read all the same")
    except (BleakError, TimeoutError) as e:
        say(f"a bond the sensor has lost: {type(e).__name__} {e} after {time.monotonic() - start:.2f} s")
    await client.unpair()
    device = await find()
    async with BleakClient(device, pair=True, timeout=60) as client:
        await client.read_gatt_char(ankle.CAPABILITIES)
    say("unpaired, found again, paired anew")


def the_recorder_itself(air: str, folder: Path) -> None:
    """The program's own recorder: a bond that is gone, a kill, a cut and a silence; then everything is there once."""
    data = folder / "data"
    want(data, record=True)
    command = ("-m", "legmon.recorder", "--data", str(data), "--simulated")

    def goes_on(what: str) -> None:
        before, began = recorded(data), time.monotonic()
        until(lambda: recorded(data) > before + 200, 120, what=what)
        say(f"{what}: samples again within {time.monotonic() - began:.1f} s, {recorded(data)} so far")

    with sensor(air, folder) as ankle:
        with started(*command) as first:
            first.says("ready", 600)
            goes_on("a recorder, and a sensor that has lost its bond")
            first.process.kill()
        with started(*command) as second:
            second.says("ready", 600)
            goes_on("started again after kill -9, the sensor still held by bluetoothd")
            for line, what in (("cut 1", "the sensor hung up"), ("mute 7", "the sensor fell silent")):
                assert ankle.process.stdin is not None
                ankle.process.stdin.write(f"{line}\n")
                ankle.process.stdin.flush()
                time.sleep(5)
                goes_on(what)
            want(data, record=False)
            until(lambda: info(data).state == "closed", 120, what="the night is closed")
            assert second.end() == 0
    rows, gaps = whole(data)
    downs = [r.value for r in rows if isinstance(r, Note) and r.what == "disconnected"]
    say(f"the night: {recorded(data)} samples, each once; links down: {downs}; gaps: {gaps}")
    assert not gaps
    assert {"link_lost", "link_silent"} <= set(downs)


async def main(air: str) -> None:
    """Play the steps in order."""
    folder = Path(tempfile.mkdtemp())
    await one_discovery_at_a_time()
    with sensor(air, folder) as running:
        await pair_and_stream(running)
    with sensor(air, folder):
        await come_back_without_the_bond()
    await asyncio.to_thread(the_recorder_itself, air, folder)
    say("all of the scene passed")


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1]))
    except (Exception, asyncio.CancelledError):  # noqa: BLE001 (whatever it was, it is what the run is for)
        traceback.print_exc(file=sys.stdout)
        sys.exit(1)
