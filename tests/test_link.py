"""The link, over real BLE from HCI up: a real simulated peripheral and bleak, with our backend and with its own for BlueZ."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.scanner import AdvertisementData
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)
from bumble.transport import open_transport

from firmware_sim.journal import Journal
from firmware_sim.peripheral import Peripheral
from firmware_sim.sensor import Sensor
from firmware_sim.uptime import Uptime
from firmware_sim.vocabulary import Scenario
from legmon.link.listener import ConnectedSensor, LinkState, SampleRange
from legmon.link.radio import pick
from legmon.link.session import Session
from legmon.link.tasks import end_tasks
from legmon.messages import GAP_SENTENCES, GapCause, Message, gap_sentence
from legmon.movement import Leg
from legmon.sensors.ankle import DRIVER
from legmon.sensors.ankle import profile as ankle
from legmon.sensors.base import Driver, Frame, Status
from tests.bluez.through import NEEDS_DAEMON, Through, opened_air, through_radio
from tests.conftest import sensor, started


@pytest.fixture(params=["hci", pytest.param("bluez", marks=NEEDS_DAEMON)])
def through(
    request: pytest.FixtureRequest, short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Through]:
    """Both ways to the air, so that every test that asks for it runs on each."""
    with through_radio(request.param, short_folder, monkeypatch) as way:
        yield way


@dataclass
class Heard:
    """A listener that keeps what it is told."""

    frames: list[Frame] = field(default_factory=list)
    states: list[LinkState] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    downs: list[GapCause] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    identities: list[ConnectedSensor] = field(default_factory=list)
    batteries: list[int] = field(default_factory=list)
    signals: list[int] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    wanted: list[SampleRange] = field(default_factory=list)
    given_up: list[tuple[SampleRange, GapCause | None]] = field(default_factory=list)

    def link_changed(self, state: LinkState, said: Message) -> None:
        assert said.sentence.endswith((".", "?"))
        self.states.append(state)
        self.sentences.append(said.sentence)

    def link_down(self, cause: GapCause) -> None:
        self.downs.append(cause)

    def sensor_started(self, sensor: ConnectedSensor) -> None:
        self.identities.append(sensor)

    def frame(self, frame: Frame, arrival_ns: int) -> None:
        self.frames.append(frame)

    def refused(self, reason: str) -> None:
        self.refusals.append(reason)

    def battery(self, percent: int) -> None:
        self.batteries.append(percent)

    def signal(self, rssi_dbm: int) -> None:
        self.signals.append(rssi_dbm)

    def status(self, status: Status) -> None:
        self.statuses.append(status)

    def last_stream(self) -> int | None:
        return self.frames[-1].stream if self.frames else None

    def next_to_fetch(self) -> SampleRange | None:
        return self.wanted.pop(0) if self.wanted else None

    def unavailable(self, samples: SampleRange, cause: GapCause | None) -> None:
        self.given_up.append((samples, cause))

    @property
    def samples(self) -> int:
        return sum(len(f.xyz) for f in self.frames)


def over(
    through: Through,
    scene: Callable[[Heard, asyncio.Task[None]], Awaitable[None]],
    *,
    speed: float = 1.0,
    heard: Heard | None = None,
    drivers: Sequence[Driver] = (DRIVER,),
) -> Heard:
    """Run a session on the air while a scene plays; then end it as the recorder does."""
    heard = heard or Heard()

    async def play() -> None:
        session = Session(through.pick(), time.time_ns, heard, speed=lambda: speed, drivers=drivers)
        task = asyncio.create_task(session.run())
        try:
            await scene(heard, task)
        finally:
            await end_tasks(task)
            await through.close()

    asyncio.run(play())
    return heard


async def when(condition: Callable[[], object], within_s: float = 60.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.02)


def test_every_sample_the_sensor_sent_arrives_in_order(through: Through, tmp_path: Path) -> None:
    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        await when(lambda: heard.samples > 3000)

    with sensor(through.air, tmp_path, "--speed", "30"):
        heard = over(through, scene, speed=30)
    log = [json.loads(line) for line in (tmp_path / "sent.jsonl").read_text().splitlines()]
    assert heard.samples == sum(e["count"] for e in log if e["event"] == "sent")
    firsts = [f.first for f in heard.frames]
    assert firsts == [sum(len(f.xyz) for f in heard.frames[:k]) for k in range(len(firsts))]
    assert any(e["event"] == "stop" for e in log), "ending the session stops the sensor"


def test_the_sensor_says_who_it_is_and_how_it_measures(through: Through, tmp_path: Path) -> None:
    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        await when(lambda: heard.frames and heard.batteries)

    with sensor(through.air, tmp_path, "--name", "LegMon-Test", scenario="duration: 1h\nleg: right\n"):
        heard = over(through, scene)
    who = heard.identities[0]
    assert (who.name, who.start.side) == ("LegMon-Test", "right")
    assert (who.format.rate_hz, who.format.range_g, who.format.scale_ug) == (50, 4, 122)
    assert heard.batteries[0] == 87
    assert heard.signals[0] < 0
    assert [s for s in heard.states if s in ("searching", "connecting", "streaming")][:3] == [
        "searching",
        "connecting",
        "streaming",
    ]


def test_a_sensor_that_vanishes_is_a_lost_link_and_is_found_again(through: Through, tmp_path: Path) -> None:
    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        with sensor(through.air, tmp_path) as first:
            await when(lambda: len(heard.frames) > 2)
            first.process.kill()
            await when(lambda: heard.downs)
        before = len(heard.frames)
        with sensor(through.air, tmp_path):
            await when(lambda: len(heard.frames) > before + 2)

    heard = over(through, scene)
    assert heard.downs[0] == GapCause.LINK_LOST
    assert len({f.stream for f in heard.frames}) == 2, "a sensor that was started again has a new stream"


def test_a_connected_link_that_carries_nothing_is_set_up_again(through: Through, tmp_path: Path) -> None:
    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        with sensor(through.air, tmp_path) as process:
            await when(lambda: len(heard.frames) > 2)
            process.process.send_signal(signal.SIGSTOP)
            await when(lambda: heard.downs)
            process.process.send_signal(signal.SIGCONT)
            before = len(heard.frames)
            await when(lambda: len(heard.frames) > before + 2)

    heard = over(through, scene)
    assert heard.downs == [GapCause.LINK_SILENT]
    assert "silent" in heard.states
    assert len({f.stream for f in heard.frames}) == 1, "the sensor went on measuring all the while"
    steps = [b.first - a.first - len(a.xyz) for a, b in pairwise(heard.frames)]
    assert sum(s > 0 for s in steps) <= 1, (
        "what it could not send in time it may still have sent before it hung up"
    )
    assert min(steps) == 0


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\x11",
        bytes(22),
        b"\x21\x01" + bytes(20),
        b"\x11\x02" + bytes(20),
        b"\x11\x00" + bytes(14),
        bytes(200),
    ],
    ids=["empty", "one byte", "kind 0", "version 2", "length", "no samples", "long"],
)
def test_a_frame_that_breaks_the_protocol_is_refused_and_the_stream_goes_on(
    through: Through, garbage: bytes
) -> None:
    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        async with await open_transport(through.air) as transport:
            peripheral = Peripheral(
                Sensor(Scenario(duration_s=600.0), sensor_id=1, first_stream=1),
                transport,
                name="LegMon-Odd",
                address="C4:4C:4D:00:00:09",
                uptime=Uptime(1.0),
                journal=Journal(None),
            )
            await peripheral.advertise()
            running = asyncio.create_task(peripheral.run())
            await when(lambda: len(heard.frames) > 1)
            connection = peripheral._connection
            assert connection is not None
            await peripheral._device.notify_subscriber(connection, peripheral._attributes.live, garbage)
            await when(lambda: heard.refusals)
            before = len(heard.frames)
            await when(lambda: len(heard.frames) > before + 1)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    heard = over(through, scene)
    assert len(heard.refusals) == 1
    assert not heard.downs, "one bad frame costs nothing else"


def test_two_sessions_look_for_their_sensors_at_once_and_take_no_other(
    through: Through, tmp_path: Path
) -> None:
    left, right = tmp_path / "left", tmp_path / "right"
    left.mkdir()
    right.mkdir()
    heard: dict[Leg, Heard] = {"left": Heard(), "right": Heard()}

    async def play() -> None:
        radio = through.pick()
        tasks = [
            asyncio.create_task(Session(radio, time.time_ns, each, leg=leg).run())
            for leg, each in heard.items()
        ]
        try:
            with sensor(
                through.air, right, "--address", "C4:4C:4D:00:00:12", scenario="duration: 1h\nleg: right\n"
            ):
                await when(lambda: heard["right"].frames)
                assert not heard["left"].identities, "looks on while the other one streams"
                with sensor(through.air, left, "--address", "C4:4C:4D:00:00:11"):
                    await when(lambda: heard["left"].frames)
                    before = len(heard["right"].frames)
                    await when(lambda: len(heard["right"].frames) > before)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await through.close()

    asyncio.run(play())
    for leg, each in heard.items():
        assert [i.start.side for i in each.identities] == [leg]
        assert not each.downs


def test_a_search_goes_on_when_the_radio_was_away(
    through: Through, tmp_path: Path, short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("legmon.link.scan.RENEW_S", 0.5)

    async def scene(heard: Heard, _: asyncio.Task[None]) -> None:
        await when(lambda: heard.states)
        through.process.end()
        # a command that was under way when the radio went is waited for: START_S and STOP_S of legmon.link.scan
        await when(lambda: any("Bluetooth is gone" in s for s in heard.sentences), 60)
        with opened_air(short_folder) as (air, _again), sensor(air, tmp_path):
            await when(lambda: heard.frames)

    over(through, scene)


HOLD = """
import asyncio, sys
from bleak import BleakClient, BleakScanner
from legmon.link.radio import pick
async def hold():
    radio = pick(sys.argv[1] or None)
    device = await BleakScanner.find_device_by_address(sys.argv[2], timeout=10, **radio.scanner)
    async with BleakClient(device, pair=True, **radio.client):
        print("connected", flush=True)
        await asyncio.sleep(600)
asyncio.run(hold())
"""
HELD = "C4:4C:4D:00:00:11"


def test_a_sensor_that_a_killed_program_left_connected_is_let_go_and_found(
    through: Through, tmp_path: Path
) -> None:
    heard = Heard()

    async def play() -> None:
        session = Session(through.pick(), time.time_ns, heard, known=lambda: HELD)
        task = asyncio.create_task(session.run())
        began = time.monotonic()
        try:
            await when(lambda: len(heard.frames) > 2)
            print(f"{through.name}: samples again after {time.monotonic() - began:.1f} s")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await through.close()

    with sensor(through.air, tmp_path, "--address", HELD):
        hci = through.air if through.name == "hci" else ""
        with started("-c", HOLD, hci, HELD) as holder:
            holder.says("connected")
            holder.process.kill()
            holder.process.wait()
        asyncio.run(play())
    assert ("still connected" in " ".join(heard.sentences)) == (through.name == "bluez"), (
        "over HCI a connection ends with its program"
    )


def test_the_first_thing_heard_of_a_sensor_is_all_of_it(through: Through, tmp_path: Path) -> None:
    first: list[AdvertisementData] = []

    async def play() -> None:
        async with BleakScanner(lambda _, data: first.append(data), **through.pick().scanner):
            await when(lambda: first)
        await through.close()

    with sensor(through.air, tmp_path, "--name", "LegMon-All"):
        asyncio.run(play())
    assert first[0].local_name == "LegMon-All"
    assert first[0].service_uuids == [ankle.SERVICE]
    assert first[0].manufacturer_data == {0xFFFF: bytes([1, 1, 87, 0])}, "its leg among it"


def test_what_needs_encryption_is_refused_before_pairing_and_read_after(
    through: Through, tmp_path: Path
) -> None:
    async def play() -> None:
        radio = through.pick()
        device = await BleakScanner.find_device_by_filter(
            lambda _, data: ankle.SERVICE in data.service_uuids, timeout=20, **radio.scanner
        )
        assert device is not None
        async with BleakClient(device, **radio.client) as client:
            with pytest.raises(BleakError) as refused:
                await client.read_gatt_char(ankle.CAPABILITIES)
            if through.name == "hci":
                assert isinstance(refused.value, BleakGATTProtocolError)
                assert refused.value.code == 0x0F
            else:  # D-Bus has one name for three ATT errors
                assert "Not paired" in str(refused.value)
            await client.pair()
            assert ankle.decode_capabilities(await client.read_gatt_char(ankle.CAPABILITIES)).side == "left"
            assert ankle.decode_status(await client.read_gatt_char(ankle.STATUS)).state == "idle"
        await through.close()

    with sensor(through.air, tmp_path):
        asyncio.run(play())


def test_connecting_to_a_sensor_that_is_not_there_fails_in_time_and_spoils_nothing(
    through: Through, tmp_path: Path
) -> None:
    async def play() -> None:
        radio = through.pick()
        absent = BleakClient("C4:00:00:00:00:77", timeout=1.0, **radio.client)
        with pytest.raises(BleakDeviceNotFoundError):
            await absent.connect()
        cancelled = asyncio.create_task(
            BleakClient("C4:00:00:00:00:78", timeout=9.0, **radio.client).connect()
        )
        await asyncio.sleep(0.3)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        device = await BleakScanner.find_device_by_filter(lambda *_: True, timeout=20, **radio.scanner)
        assert device is not None
        async with BleakClient(device, pair=True, **radio.client) as client:
            assert await client.read_gatt_char(ankle.BATTERY_LEVEL) == b"\x57"
        await through.close()

    with sensor(through.air, tmp_path):
        asyncio.run(play())


def test_a_bonded_sensor_that_has_gone_is_not_waited_for(through: Through, tmp_path: Path) -> None:
    async def play() -> None:
        radio = through.pick()
        with sensor(through.air, tmp_path, "--address", "C4:4C:4D:00:00:11"):
            device = await BleakScanner.find_device_by_filter(lambda *_: True, timeout=20, **radio.scanner)
            assert device is not None
            async with BleakClient(device, pair=True, **radio.client):
                pass
        began = time.monotonic()
        with pytest.raises((BleakDeviceNotFoundError, TimeoutError)):
            await BleakClient(device, timeout=1.0, **radio.client).connect()
        assert time.monotonic() - began < 25, "the second it was given, not the half minute of a connection"
        with sensor(through.air, tmp_path, "--address", "C4:4C:4D:00:00:12"):
            device = await BleakScanner.find_device_by_filter(
                lambda d, _: d.address.endswith("12"), timeout=20, **radio.scanner
            )
            assert device is not None
            async with BleakClient(device, **radio.client) as client:
                assert await client.read_gatt_char(ankle.BATTERY_LEVEL) == b"\x57"
        await through.close()

    asyncio.run(play())


def test_no_radio_is_said_as_bleak_says_it() -> None:
    async def play() -> None:
        async with BleakScanner(**pick("unix-client:/nowhere/air").scanner):
            pass

    with pytest.raises(BleakBluetoothNotAvailableError, match="does not answer"):
        asyncio.run(play())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a machine's Bluetooth cannot be hidden")
def test_a_machine_without_bluetooth_is_said_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    heard = Heard()

    async def play() -> None:
        task = asyncio.create_task(Session(pick(None), time.time_ns, heard).run())
        await when(lambda: any("Bluetooth is gone" in s for s in heard.sentences), 60)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(play())


def test_every_cause_has_one_sentence_of_its_own() -> None:
    assert set(GAP_SENTENCES) == set(GapCause)
    assert len(set(GAP_SENTENCES.values())) == len(GAP_SENTENCES)
    assert gap_sentence("a later version's cause") == "No samples (a later version's cause)."
