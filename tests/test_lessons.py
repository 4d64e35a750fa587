"""What goes wrong with sensors overnight, each with the program's own processes on the air: docs/link.md."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError

from legmon.catalog.state import RecorderState
from legmon.catalog.store import Catalog
from legmon.link.hci.adapter import Adapter
from legmon.link.radio import pick
from legmon.link.session import Session
from legmon.link.suspend import SleepWatch
from legmon.link.tasks import end_tasks
from legmon.messages import GapCause
from legmon.recording.records import Note, Samples
from legmon.sensors.ankle import profile as a
from tests.bluez.through import Through, opened_air
from tests.conftest import Running, sensor, started, until
from tests.test_doctor import mute
from tests.test_link import Heard, through, when
from tests.test_recorder import close_by_itself, recorded, recorder, records, want, whole

__all__ = ["through"]  # the fixture: on both radios


def tell(process: Running, line: str) -> None:
    """Write a line to a process's standard input."""
    assert process.process.stdin is not None
    process.process.stdin.write(f"{line}\n")
    process.process.stdin.flush()


def state(data: Path) -> RecorderState | None:
    """What the recorder last said."""
    if not (data / "catalog.sqlite").exists():
        return None
    catalog = Catalog(data)
    try:
        return catalog.recorder()
    finally:
        catalog.close()


def trouble(data: Path) -> str:
    said = state(data)
    return said.trouble.sentence if said and said.trouble else ""


def test_a_battery_below_20_percent_at_the_beginning_is_said_and_stops_nothing(
    air: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with sensor(air, tmp_path, "--speed", "30") as ankle, started(*recorder(data, air)) as process:
        tell(ankle, "level 12")
        process.says("ready")
        want(data, record=True)
        until(lambda: trouble(data).startswith("Battery at 12 %. "), 60)
        before = recorded(data)
        until(lambda: recorded(data) > before + 1000)
        assert trouble(data).startswith("Battery at 12 %. "), "until it is charged"
        tell(ankle, "level 90")
        until(lambda: not trouble(data))
        tell(ankle, "level 10")
        until(lambda: (said := state(data)) and said.sensors[0].battery_percent == 10)
        assert not trouble(data), "in the midst of a night nobody can charge it"
        close_by_itself(process, data)
    assert not whole(data)[1]


def test_a_sensor_that_stops_by_itself_is_started_again_at_once(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    with sensor(air, tmp_path, "--speed", "30") as ankle, started(*recorder(data, air)) as process:
        until(lambda: recorded(data) > 1000, 60)
        tell(ankle, "rest 1")
        until(lambda: any(isinstance(r, Note) and r.value == "sensor_stopped" for r in records(data)))
        before = recorded(data)
        until(lambda: recorded(data) > before + 1000)
        close_by_itself(process, data)
    _, gaps = whole(data)
    assert [g.cause for g in gaps] == ["sensor_stopped"]
    assert gaps[0].count < 50 * 30 * 3, "less than the seconds after which silence is one"


def test_what_a_small_buffer_has_lost_is_a_gap_named_buffer_overrun(
    short_folder: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    address = "C4:4C:4D:00:00:01"
    with opened_air(short_folder) as (air, process_air):
        options = ("--speed", "30", "--buffer", "2000", "--address", address)
        with sensor(air, tmp_path, *options), started(*recorder(data, air)) as process:
            until(lambda: recorded(data) > 1000, 60)
            before = recorded(data)
            tell(process_air, f"shadow {address} 3")  # 4500 samples, of which the sensor keeps 2000
            until(lambda: any(isinstance(r, Note) and r.what == "disconnected" for r in records(data)))
            until(lambda: recorded(data) > before + 4000)
            close_by_itself(process, data)
    rows, gaps = whole(data)
    assert {g.cause for g in gaps} == {"buffer_overrun"}, "in two pieces where it overran while it was asked"
    assert sum(g.count for g in gaps) > 1000
    late = sum(len(r.xyz) for r in rows if isinstance(r, Samples) and not r.arrival_ns)
    assert 0 < late <= 2000, "and what it still held was fetched"


def test_a_sensor_with_another_rate_than_the_nights_is_not_mixed_in(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    command = recorder(data, air)
    with sensor(air, tmp_path, "--speed", "30"):
        with started(*command) as first:
            until(lambda: recorded(data) > 1000, 60)
            first.process.kill()
            first.process.wait()
        before = recorded(data)
        with started(*command, "--rate", "100") as second:
            until(lambda: "differs from the one this night started with" in trouble(data), 60)
            assert recorded(data) == before
            close_by_itself(second, data)
    assert recorded(data) == before


def test_an_adapter_that_vanishes_is_said_and_the_night_goes_on_when_it_is_back(
    short_folder: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    with opened_air(short_folder) as (air, radio), started(*recorder(data, air)) as process:
        with sensor(air, tmp_path, "--speed", "30", "--resume"):
            until(lambda: recorded(data) > 1000, 60)
            radio.process.kill()
            until(lambda: (said := state(data)) and "Bluetooth is gone" in said.sensors[0].detail)
        before = recorded(data)
        with opened_air(short_folder) as (again, _), sensor(again, tmp_path, "--speed", "30", "--resume"):
            until(lambda: recorded(data) > before + 1000)
            close_by_itself(process, data)
    _, gaps = whole(data)
    assert [g.cause for g in gaps] == ["sensor_restarted"], "the sensor's own radio went as well"


def test_a_radio_that_has_gone_is_the_cause_of_what_is_missing_and_said_once(
    through: Through, tmp_path: Path
) -> None:
    heard = Heard()

    async def play() -> None:
        task = asyncio.create_task(Session(through.pick(), time.time_ns, heard).run())
        with sensor(through.air, tmp_path):
            await when(lambda: len(heard.frames) > 2)
        await when(lambda: heard.downs)
        through.process.end()
        await when(lambda: sum("Bluetooth is gone" in s for s in heard.sentences) > 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await through.close()

    asyncio.run(play())
    assert heard.downs == [GapCause.LINK_LOST, GapCause.RADIO_GONE]


def over_a_sleep(
    air: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    sleeps: Callable[[Heard, list[int], Running], Awaitable[None]],
) -> list[GapCause]:
    """Stream, sleep in some way, stream on; gives the causes. The clocks are made up: no test can send its computer to sleep."""
    slept_ns = [7 * 10**9]
    monkeypatch.setattr("legmon.link.suspend.asleep_ns", lambda: slept_ns[0])
    heard = Heard()

    async def play(ankle: Running) -> None:
        task = asyncio.create_task(Session(pick(air), time.time_ns, heard).run())
        await when(lambda: len(heard.frames) > 2)
        await sleeps(heard, slept_ns, ankle)
        before = len(heard.frames)
        await when(lambda: len(heard.frames) > before + 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await Adapter.close_all()

    with sensor(air, folder) as ankle:
        asyncio.run(play(ankle))
    return heard.downs


def test_a_computer_that_slept_is_the_cause_of_what_is_missing(
    air: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sleeps(heard: Heard, slept_ns: list[int], _: Running) -> None:
        slept_ns[0] += 10**9
        await asyncio.sleep(1)
        assert not heard.downs, "two clocks may drift apart"
        slept_ns[0] += 3 * 10**9
        await when(lambda: heard.downs)

    assert over_a_sleep(air, tmp_path, monkeypatch, sleeps) == [GapCause.COMPUTER_SLEPT]


def test_a_computer_whose_links_end_before_it_sleeps_has_slept_all_the_same(
    air: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sleeps(heard: Heard, slept_ns: list[int], ankle: Running) -> None:
        tell(ankle, "cut 1")
        await when(lambda: heard.downs)
        slept_ns[0] += 3600 * 10**9

    assert over_a_sleep(air, tmp_path, monkeypatch, sleeps) == [GapCause.LINK_LOST, GapCause.COMPUTER_SLEPT]


def test_a_computer_that_does_not_sleep_is_never_said_to_have_slept() -> None:
    sleep = SleepWatch()
    for _ in range(10):
        assert not sleep.has_slept()
        time.sleep(0.01)
    slept = iter([0, 1_900_000_000, 3_800_000_000, 5_900_000_000, 5_900_000_000])
    sleep = SleepWatch(lambda: next(slept))
    assert [sleep.has_slept() for _ in range(4)] == [False, False, True, False], "since the last look"


def test_a_radio_that_hangs_is_said_and_used_again_when_it_answers(
    through: Through, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("RENEW_S", 0.3), ("START_S", 1.0), ("STOP_S", 1.0)):
        monkeypatch.setattr(f"legmon.link.scan.{name}", seconds)
    monkeypatch.setattr("legmon.link.hci.adapter.ANSWER_S", 0.5)
    heard = Heard()

    async def play() -> None:
        task = asyncio.create_task(Session(through.pick(), time.time_ns, heard).run())
        await when(lambda: heard.states)
        await asyncio.sleep(1)
        through.process.process.send_signal(signal.SIGSTOP)  # it is there, and does not answer
        await when(lambda: any("Bluetooth is gone" in s for s in heard.sentences), 60)
        through.process.process.send_signal(signal.SIGCONT)
        with sensor(through.air, tmp_path):
            await when(lambda: len(heard.frames) > 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await through.close()

    asyncio.run(play())


def test_a_controller_that_never_answered_is_opened_anew(
    short_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("legmon.link.hci.adapter.OPEN_S", 0.5)
    heard = Heard()

    async def play() -> None:
        with mute(short_folder) as hci:
            task = asyncio.create_task(Session(pick(hci), time.time_ns, heard).run())
            await when(lambda: any("Bluetooth is gone" in s for s in heard.sentences), 60)
        (short_folder / "mute").unlink()
        with opened_air(short_folder) as (air, _), sensor(air, tmp_path):
            (short_folder / "mute").symlink_to(short_folder / "air")
            await when(lambda: len(heard.frames) > 2)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await Adapter.close_all()

    asyncio.run(play())


async def connected(way: Through) -> BleakClient:
    """A client of the only sensor there is."""
    radio = way.pick()
    device = await BleakScanner.find_device_by_filter(
        lambda _, data: a.SERVICE in data.service_uuids, timeout=10, **radio.scanner
    )
    assert device is not None
    client = BleakClient(device, pair=True, **radio.client)
    await client.connect()
    return client


def test_a_sensor_left_measuring_in_another_way_is_stopped_and_started(
    through: Through, tmp_path: Path
) -> None:
    heard = Heard()

    async def play() -> None:
        client = await connected(through)
        answers: asyncio.Queue[bytes] = asyncio.Queue()
        await client.start_notify(a.CONTROL, lambda _, data: answers.put_nowait(bytes(data)))
        request = a.request(a.Op.START, 7, a.start_arguments(100, 8, 25))
        await client.write_gatt_char(a.CONTROL, request, response=True)
        assert a.decode_started(a.decode_answer(await answers.get(), a.Op.START, 7) or b"").rate_hz == 100
        await client.disconnect()  # and it measures on
        task = asyncio.create_task(Session(through.pick(), time.time_ns, heard).run())
        await when(lambda: len(heard.frames) > 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await through.close()

    with sensor(through.air, tmp_path):
        asyncio.run(play())
    assert [(i.format.rate_hz, i.format.range_g) for i in heard.identities] == [(50, 4)]
    assert not heard.downs


def test_the_scanner_rests_while_the_sensor_streams(through: Through, tmp_path: Path) -> None:
    heard = Heard()

    async def play() -> None:
        task = asyncio.create_task(Session(through.pick(), time.time_ns, heard).run())
        await when(lambda: len(heard.frames) > 2)
        async with BleakScanner(**through.pick().scanner):  # BlueZ grants a process one discovery: it is free
            before = len(heard.frames)
            await when(lambda: len(heard.frames) > before + 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await through.close()

    with sensor(through.air, tmp_path):
        asyncio.run(play())


def test_what_is_under_way_when_the_link_is_lost_fails_with_an_error_and_no_cancellation(
    through: Through, tmp_path: Path
) -> None:
    async def play() -> None:
        with sensor(through.air, tmp_path) as ankle:
            client = await connected(through)
            ankle.process.send_signal(signal.SIGSTOP)  # its radio still answers, it does not
            reading = asyncio.create_task(client.read_gatt_char(a.BATTERY_LEVEL))
            await asyncio.sleep(0.3)
            assert not reading.done()
            ankle.process.kill()
            with pytest.raises((BleakError, EOFError)):
                async with asyncio.timeout(8):
                    await reading
            await client.disconnect()
        await through.close()

    asyncio.run(play())


def test_a_task_that_lost_its_cancellation_is_ended_all_the_same() -> None:
    async def deaf_once(heard: list[str]) -> None:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(answer.set_result, "answer")
        with contextlib.suppress(asyncio.CancelledError):  # what `asyncio.wait_for` does before Python 3.12
            heard.append(await answer)
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    async def end_it() -> tuple[bool, list[str]]:
        heard: list[str] = []
        task = asyncio.create_task(deaf_once(heard))
        await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            await end_tasks(task, again_s=0.05)
        return task.cancelled(), heard

    assert asyncio.run(end_it()) == (True, ["answer"])
