"""`legmon scan`: what is near, what has gone again, and what it says where it hears no sensor or has no Bluetooth."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from rich.console import Console
from typer.testing import CliRunner

from legmon.cli import scan
from legmon.errors import FailedError
from legmon.link import nearby
from legmon.link.hci.adapter import Adapter
from legmon.link.nearby import RecentlyHeard, listen
from legmon.link.radio import pick
from legmon.nights import readiness
from legmon.sensors import ankle
from legmon.sensors.base import HeardSensor
from legmon.sensors.registry import Registry, registry
from tests.bluez import daemon
from tests.bluez.through import NEEDS_DAEMON, through_radio
from tests.conftest import sensor, started

ONLY_LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a machine's Bluetooth cannot be hidden"
)


INTERRUPTED = """
import os, signal, threading
from legmon.link import nearby
def told(self, *told, hear=nearby.RecentlyHeard.hear):
    hear(self, *told)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
nearby.RecentlyHeard.hear = told
from legmon.cli import main
main()
"""
"""The command line, with a Ctrl-C half a second after the first sensor was heard."""


def run(*arguments: str) -> Any:
    made = typer.Typer()
    scan.register(made)
    made.callback()(lambda: None)  # with one command alone its name would not be taken
    return CliRunner().invoke(made, arguments)


def packet(rssi: int) -> tuple[BLEDevice, AdvertisementData]:
    device = BLEDevice("AA:00", "LegMon", {})
    return device, AdvertisementData("LegMon", {}, {}, [ankle.DRIVER.name], None, rssi, ())


def test_a_device_of_unknown_strength_is_listed_and_its_strength_does_not_count() -> None:
    recent = RecentlyHeard()
    for rssi in (-127, 127):
        recent.hear(*packet(rssi), (ankle.DRIVER, "left"))
    assert [(n.rssi_dbm, n.driver) for n in recent.strongest()] == [(None, "ankle")]
    checks = readiness.heard(recent.strongest(), {}, 0, 1)
    assert [(c.item, c.code) for c in checks] == [("sensor", "heard"), ("link", "unknown")]
    near = BLEDevice("BB:00", "Near", {})
    recent.hear(near, packet(-90)[1], (ankle.DRIVER, "left"))
    assert [n.rssi_dbm for n in recent.strongest()] == [-90, None], "an unknown strength comes last"
    table = scan._table(recent.strongest())
    assert [str(cell) for cell in table.columns[1].cells] == ["-90", "?"]
    recent.clear()
    for rssi in (-60, -127, 127, -60):
        recent.hear(*packet(rssi), (ankle.DRIVER, "left"))
    assert [n.rssi_dbm for n in recent.strongest()] == [-60]


def test_a_sensor_that_is_switched_off_leaves_the_list(
    air: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearby, "FORGOTTEN_S", 1.5)
    seen: list[int] = []

    async def play() -> list[HeardSensor]:
        with sensor(air, tmp_path) as one:

            def changed(now: list[HeardSensor]) -> None:
                seen.append(len(now))
                if now:
                    one.process.kill()

            left = await listen(pick(air), registry().drivers, 8.0, changed)
        await Adapter.close_all()
        return left

    assert asyncio.run(play()) == []
    assert 1 in seen
    assert seen[-1] == 0, "though nothing more was heard, the list was told of it"


@pytest.mark.parametrize(
    ("others", "says"),
    [
        (0, "No device was heard. Is the sensor on"),
        (1, "legmon does not know the one device that was heard; `legmon scan --all` shows it."),
        (7, "legmon knows none of the 7 devices that were heard; `legmon scan --all` shows them."),
    ],
)
def test_no_sensor_among_so_many_devices(others: int, says: str) -> None:
    assert scan.no_sensor(others).startswith(says)


def test_all_are_all() -> None:
    strangers = [HeardSensor(f"AA:{i:02}", None, -60.0 - i, None, None) for i in range(14)]
    assert scan.shown(strangers, everything=True) == strangers
    assert scan.shown(strangers, everything=False) == []


def test_a_stranger_is_counted_and_shown_with_all(
    air: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("legmon.sensors.registry.registry", lambda: Registry({}, {}))  # nobody knows it
    with sensor(air, tmp_path, "--name", "LegMon-Stranger"):
        silent = run("scan", "--hci", air, "--seconds", "4")
        shown = run("scan", "--hci", air, "--seconds", "4", "--all", "--json")
    assert "legmon does not know the one device that was heard" in silent.stdout
    assert [n["name"] for n in json.loads(shown.stdout)["nearby"]] == ["LegMon-Stranger"]


@ONLY_LINUX
def test_without_bluetooth_it_says_what_the_doctor_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    done = run("scan", "--seconds", "0.5")
    assert isinstance(done.exception, FailedError)
    assert str(done.exception).startswith("The Bluetooth service does not run. Start it: `sudo systemctl")


@NEEDS_DAEMON
def test_a_bluetooth_that_may_not_be_used_is_told_apart(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    denied = daemon._CONFIGURATION.replace("</policy>", '<deny send_destination="org.bluez"/></policy>')
    monkeypatch.setattr(daemon, "_CONFIGURATION", denied)
    with through_radio("bluez", short_folder, monkeypatch):
        done = run("scan", "--seconds", "0.5")
    assert "legmon may not use Bluetooth. Add yourself to the group" in str(done.exception)


def test_a_name_is_shown_as_it_is() -> None:
    names = ["BBC micro:bit [zuvot]", "TV [/x]", "a[/]", "Köln ☂"]
    console = Console(file=io.StringIO(), width=120)
    console.print(
        scan._table([HeardSensor(f"AA:{i}", name, -60.0, None, None) for i, name in enumerate(names)])
    )
    assert isinstance(console.file, io.StringIO)
    for name in names:
        assert name in console.file.getvalue()


def test_a_name_does_nothing_to_the_terminal() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    console.print(scan._table([HeardSensor("AA:0", "a\x1b[2J\x1b]0;x\x07\nb", -60.0, None, None)]))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "a�[2J�]0;x��b" in shown
    assert "\x1b[2J" not in shown


def test_a_board_for_the_bench_is_marked() -> None:
    console = Console(file=io.StringIO(), width=120)
    boards = [HeardSensor(f"AA:{n}", "x", -60.0, n, None) for n in ("thingy52", "polar")]
    console.print(scan._table(boards))
    assert isinstance(console.file, io.StringIO)
    assert "thingy52 (bench)" in console.file.getvalue()
    assert "polar (bench)" not in console.file.getvalue()


def test_an_early_end_still_answers(air: str, tmp_path: Path) -> None:
    with (
        sensor(air, tmp_path, "--name", "LegMon-Early"),
        started("-c", INTERRUPTED, "scan", "--hci", air, "--seconds", "120", "--json") as scanning,
    ):
        answer = json.loads("{" + scanning.says("{"))
        assert scanning.process.wait(60) == 0
    assert [n["name"] for n in answer["nearby"]] == ["LegMon-Early"]
