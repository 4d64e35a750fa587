"""The computer stays awake while a night is recorded: the lock as logind sees it, on a private D-Bus."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbus_fast import Variant

from legmon.catalog.annotations import Annotations
from legmon.catalog.store import Catalog
from legmon.link.inhibitor import SleepInhibitor, lid, on_mains
from legmon.web.evening import evening_list
from legmon.web.status import alive_recorder
from tests.bluez.daemon import bus_daemon
from tests.bluez.logind import FakeLogind
from tests.conftest import sensor, started
from tests.test_recorder import recorder

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("dbus-daemon") is None, reason="needs Linux and dbus-daemon"
)


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with bus_daemon() as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address


async def _settled(logind: FakeLogind, expected: int) -> None:
    """Wait until logind sees so many locks."""
    async with asyncio.timeout(60):
        while logind.held != expected:
            await asyncio.sleep(0.05)


async def _shown(catalog: Catalog, code: str) -> None:
    """Wait until the page Tonight shows this of the computer."""
    annotations = Annotations(catalog)
    async with asyncio.timeout(30):
        while True:
            items = evening_list(catalog, annotations, None, alive_recorder(catalog)).items
            if [i.code for i in items if i.item == "sleep"] == [code]:
                return
            await asyncio.sleep(0.1)


def test_the_lock_is_held_until_it_is_released(bus: str) -> None:
    async def scene() -> None:
        logind = FakeLogind()
        served = await logind.serve(bus)
        inhibitor = SleepInhibitor()
        assert (await inhibitor.hold()).lock == "held"
        assert (await inhibitor.hold()).lock == "held"
        assert logind.seen == [("sleep:idle", "legmon", "legmon is recording a night", "block")]
        await asyncio.sleep(0.4)  # logind has closed its own copy: what is left is the recorder's
        assert logind.held == 1
        assert inhibitor.release().lock == "released"
        await _settled(logind, 0)
        logind.close()
        served.disconnect()

    asyncio.run(scene())


def test_a_night_that_ends_while_the_system_is_asked_keeps_nothing_awake(bus: str) -> None:
    async def scene() -> None:
        logind = FakeLogind()
        served = await logind.serve(bus)
        inhibitor = SleepInhibitor()
        inhibitor.keep_awake(awake=True)
        await asyncio.sleep(0)
        inhibitor.keep_awake(awake=False)
        async with asyncio.timeout(5):
            while not logind.seen:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.4)
        await _settled(logind, 0)
        assert inhibitor.state.lock == "released"
        logind.close()
        served.disconnect()

    asyncio.run(scene())


def test_the_recorder_keeps_the_computer_awake_while_a_night_is_recorded(
    bus: str, air: str, tmp_path: Path
) -> None:
    async def scene() -> None:
        logind = FakeLogind()
        served = await logind.serve(bus)
        catalog = Catalog(tmp_path / "data")
        with started(*recorder(catalog.folder, air)) as process:
            await asyncio.to_thread(process.says, "ready")
            await _shown(catalog, "released")  # it was held for a moment, to know that it can be
            await _settled(logind, 0)
            catalog.want("record")
            await _settled(logind, 1)
            await asyncio.sleep(0.4)
            assert logind.held == 1
            await _shown(catalog, "held")
            catalog.want("off")
            await _settled(logind, 0)
            await _shown(catalog, "released")
            catalog.want("record")
            await _settled(logind, 1)
            await asyncio.to_thread(process.end)
        await _settled(logind, 0)
        logind.close()
        served.disconnect()
        catalog.close()

    with sensor(air, tmp_path):
        asyncio.run(scene())


def test_a_refusal_is_reported_in_the_words_of_logind(bus: str) -> None:
    async def scene() -> None:
        logind = FakeLogind(refuses="Operation inhibited by policy")
        served = await logind.serve(bus)
        state = await SleepInhibitor().hold()
        assert (state.lock, state.why) == ("refused", "Operation inhibited by policy")
        served.disconnect()

    asyncio.run(scene())


def test_a_look_knows_whether_the_lock_can_be_held_and_holds_it_for_no_longer(bus: str) -> None:
    async def scene() -> None:
        logind = FakeLogind(properties={"HandleLidSwitch": Variant("s", "ignore")})
        served = await logind.serve(bus)
        inhibitor = SleepInhibitor()
        assert inhibitor.state.lock == "unknown"
        found = await inhibitor.look()
        assert (found.lock, found.lid in {"stays_awake", "no_lid"}) == ("released", True)
        assert inhibitor.state == found
        await asyncio.sleep(0.4)
        await _settled(logind, 0)
        logind.refuses = "not now"
        assert (await inhibitor.look()).lock == "refused"
        inhibitor.keep_awake(awake=True)
        async with asyncio.timeout(5):
            while inhibitor.state.why != "not now":
                await asyncio.sleep(0.05)
        logind.refuses = ""
        assert (await inhibitor.look()).lock == "held", "a refusal is not the last word"
        await asyncio.sleep(0.4)
        assert logind.held == 1
        assert (await inhibitor.look()).lock == "held"
        inhibitor.keep_awake(awake=False)
        await _settled(logind, 0)
        logind.close()
        served.disconnect()

    asyncio.run(scene())


def test_without_logind_the_lock_is_unavailable(bus: str) -> None:
    assert asyncio.run(SleepInhibitor().hold()).lock == "unavailable"


def test_without_a_bus_the_lock_is_unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    assert asyncio.run(SleepInhibitor().hold()).lock == "unavailable"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"HandleLidSwitch": "suspend"}, "sleeps"),
        ({"HandleLidSwitch": "ignore"}, "stays_awake"),
        (
            {"HandleLidSwitch": "suspend", "HandleLidSwitchExternalPower": "lock", "OnExternalPower": True},
            "stays_awake",
        ),
        (
            {"HandleLidSwitch": "suspend", "HandleLidSwitchExternalPower": "lock", "OnExternalPower": False},
            "sleeps",
        ),
        ({"HandleLidSwitch": "suspend", "HandleLidSwitchDocked": "ignore", "Docked": True}, "stays_awake"),
    ],
)
def test_what_the_lid_does(bus: str, tmp_path: Path, settings: dict[str, str | bool], expected: str) -> None:
    async def scene() -> None:
        properties = {k: Variant("b" if isinstance(v, bool) else "s", v) for k, v in settings.items()}
        served = await FakeLogind(properties=properties).serve(bus)
        assert await lid(tmp_path / "no ACPI") == expected
        (tmp_path / "button").mkdir()
        assert await lid(tmp_path) == "no_lid"
        served.disconnect()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ({}, None),
        ({"AC": {"type": "Mains", "online": "1"}, "BAT0": {"type": "Battery"}}, True),
        ({"AC": {"type": "Mains", "online": "0"}, "BAT0": {"type": "Battery"}}, False),
        ({"BAT0": {"type": "Battery"}}, False),
        ({"mouse": {"type": "Battery", "scope": "Device"}}, None),
    ],
)
def test_whether_the_computer_is_on_mains(
    tmp_path: Path, supplies: dict[str, dict[str, str]], expected: bool | None
) -> None:
    for name, files in supplies.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(f"{text}\n")
    assert on_mains(tmp_path) is expected
