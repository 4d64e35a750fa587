"""``legmon doctor``: what it finds on this machine, and what it says of it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from legmon.catalog.state import SensorState
from legmon.nights import readiness as checks
from legmon.nights.readiness import Heard
from legmon.web.evening import preflight
from tests.bluez.daemon import bus_daemon
from tests.bluez.through import NEEDS_DAEMON, opened_air, through_radio
from tests.conftest import run_command, sensor

RIGHT = "duration: 1h\nleg: right\n"
NIGHT_BYTES = 32_000_000


def doctor(*arguments: str, data: Path) -> tuple[int, dict[str, list[dict[str, Any]]], str]:
    """Run it for half a second; give its status, its checks by name, and what it said on standard error."""
    done = run_command("doctor", "--seconds", "0.5", "--json", *arguments, data=data)
    by_name: dict[str, list[dict[str, Any]]] = {}
    for check in json.loads(done.stdout)["checks"] if done.stdout else []:
        by_name.setdefault(check["name"], []).append(check)
    return done.returncode, by_name, done.stderr


@contextmanager
def mounted(place: Path, options: str) -> Iterator[None]:
    """A file system in memory, where a person may mount one."""
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"needs to mount a file system: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    folder = tmp_path / "nights"
    folder.mkdir(mode=0o700)
    return folder


def test_a_sensor_over_hci_is_found_with_its_leg_and_battery(air: str, tmp_path: Path, private: Path) -> None:
    with sensor(air, tmp_path, "--name", "LegMon-Doc", scenario=RIGHT):
        status, found, _ = doctor("--hci", air, data=private)
    assert status == 0, found
    assert found["bluetooth"][0]["verdict"] == "ok"
    assert [c["verdict"] for c in found["sensor"]] == ["ok"]
    for part in ("LegMon-Doc", "right leg", "-58 dBm", "battery 87 %", "Ankle sensor"):
        assert part in found["sensor"][0]["found"]
    assert found["folder"][0]["verdict"] == "ok"
    assert set(found) == {"bluetooth", "sensor", "folder", "disk", "clock", "zone", "cache"}


def test_nobody_there_is_worth_a_look_and_no_more(air: str, private: Path) -> None:
    status, found, _ = doctor("--hci", air, data=private)
    assert status == 0
    assert found["sensor"][0]["verdict"] == "look"
    assert "charged" in found["sensor"][0]["advice"]


def test_a_controller_that_does_not_answer_is_a_stop(private: Path) -> None:
    status, found, _ = doctor("--hci", "unix-client:/nowhere/air", data=private)
    assert status == 1
    assert found["bluetooth"][0]["verdict"] == "stop"
    assert "/nowhere/air does not answer" in found["bluetooth"][0]["found"]
    assert "sensor" not in found, "one line for one trouble"


@contextmanager
def mute(folder: Path) -> Iterator[str]:
    """A controller that takes every byte and never answers; its HCI transport."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/mute")
        listening.listen()
        yield f"unix-client:{folder}/mute"


def test_a_controller_that_is_mute_is_a_stop_within_seconds(
    short_folder: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("legmon.link.hci.adapter.OPEN_S", 0.5)
    with mute(short_folder) as hci:
        began = time.monotonic()
        status, found, _ = doctor("--hci", hci, data=private)
        assert time.monotonic() - began < 10
    assert status == 1
    assert found["bluetooth"][0]["verdict"] == "stop"
    assert "/mute does not answer: nothing came" in found["bluetooth"][0]["found"]
    assert "plug it in again" in found["bluetooth"][0]["advice"]


def test_a_transport_that_makes_no_sense_is_asked_wrongly(private: Path) -> None:
    status, _, said = doctor("--hci", "carrier-pigeon:0", data=private)
    assert status == 2
    assert said.startswith("legmon: --hci carrier-pigeon:0: write one of")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a machine's Bluetooth cannot be hidden")
def test_a_machine_without_bluetooth(private: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    status, found, _ = doctor(data=private)
    assert status == 1
    assert found["bluetooth"][0]["found"] == "The Bluetooth service does not run."
    assert "legmon demo" in found["bluetooth"][0]["advice"]


@NEEDS_DAEMON
def test_a_machine_whose_bluetooth_service_is_not_started(
    private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bus_daemon() as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        status, found, _ = doctor(data=private)
    assert status == 1
    assert "systemctl" in found["bluetooth"][0]["advice"]


@NEEDS_DAEMON
def test_the_machines_own_bluetooth_and_then_no_adapter(
    short_folder: Path, tmp_path: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with through_radio("bluez", short_folder, monkeypatch) as through:
        with sensor(through.air, tmp_path):
            status, found, _ = doctor(data=private)
        assert status == 0
        assert found["bluetooth"][0]["verdict"] == found["sensor"][0]["verdict"] == "ok"
        through.process.end()
        status, found, _ = doctor(data=private)
    assert status == 1
    assert found["bluetooth"][0]["found"] == "This computer has no Bluetooth adapter."


def test_a_folder_that_cannot_be_written_is_a_stop(tmp_path: Path, short_folder: Path) -> None:
    folder = tmp_path / "nights"
    with opened_air(short_folder) as (air, _):
        if os.getuid() == 0:  # whom no permission stops, but a file system does
            with mounted(folder, "ro,size=1m"):
                status, found, _ = doctor("--hci", air, data=folder / "mine")
        else:
            folder.mkdir(mode=0o500)
            status, found, _ = doctor("--hci", air, data=folder / "mine")
    assert status == 1
    assert found["folder"][0]["verdict"] == "stop"
    assert "cannot be written" in found["folder"][0]["found"]


def test_a_disk_that_is_nearly_full_is_a_stop(tmp_path: Path, short_folder: Path) -> None:
    folder = tmp_path / "disk"
    with opened_air(short_folder) as (air, _), mounted(folder, "size=4m,mode=700"):
        status, found, _ = doctor("--hci", air, data=folder)
    assert status == 1
    assert found["disk"][0]["verdict"] == "stop"
    assert "0 nights" in found["disk"][0]["found"]
    assert found["folder"][0]["verdict"] == "ok"


HEARD = Heard("LegMon-1", "C4:00:00:00:00:01", "Ankle sensor", "left", -60, 80)


@pytest.mark.parametrize(
    ("check", "verdict", "says"),
    [
        (checks.sensors([replace(HEARD, battery=19)], 0, 5)[0], "look", "Charge it"),
        (checks.sensors([replace(HEARD, rssi_dbm=-90)], 0, 5)[0], "look", "foot end"),
        (checks.sensors([replace(HEARD, battery=None, side=None)], 0, 5)[0], "ok", "-60 dBm."),
        (checks.bluetooth("off", "", "linux"), "stop", "power on"),
        (checks.bluetooth("denied", "", "linux"), "stop", "usermod -aG bluetooth"),
        (checks.bluetooth("denied", "", "darwin"), "stop", "Privacy & Security"),
        (checks.folder("/n", None, exists=True, others_read=True), "look", "chmod 700 /n"),
        (checks.sensors([replace(HEARD, rssi_dbm=-83)], 0, 5)[0], "look", "foot end"),
        (checks.disk(3 * NIGHT_BYTES, 444), "stop", "A night wants 200 MB free"),
        (checks.disk(9 * NIGHT_BYTES, 444), "look", "9 nights"),
        (checks.disk(900 * NIGHT_BYTES, 444), "ok", "900 nights"),
        (checks.clock(2026, 0.0, synchronised=True), "ok", "follows a time server"),
        (checks.clock(2026, 0.0, synchronised=None), "ok", "not known"),
        (checks.clock(2026, 0.0, synchronised=False), "look", "set-ntp"),
        (checks.clock(2026, -3.0, synchronised=True), "look", "set by -3.0 s"),
        (checks.clock(1970, 0.0, synchronised=None), "stop", "1970"),
        (checks.zone(None, 0), "look", "set-timezone"),
        (checks.zone("America/St_Johns", -12600), "ok", "UTC-03:30"),
        (checks.cache("/c", writable=False), "look", "NUMBA_CACHE_DIR"),
    ],
)
def test_what_is_said_of_it(check: checks.Check, verdict: str, says: str) -> None:
    assert check.verdict == verdict
    assert says in f"{check.found} {check.advice}"
    assert check.found.endswith(".")


@pytest.mark.parametrize("free_mb", [0, 40, 150, 199, 200, 500, 999, 1000, 50_000])
def test_the_page_says_of_the_disk_what_the_doctor_says(free_mb: int) -> None:
    items = preflight([], free_bytes=free_mb * 10**6, drain_per_hour=None, fits=[], now_ns=0, newest_ns=None)
    (on_page,) = [i.level for i in items if i.item == "disk"]
    assert on_page == checks.disk(free_mb * 10**6, 444).verdict


@pytest.mark.parametrize("dbm", range(-95, -55, 3))
@pytest.mark.parametrize("percent", [5, 19, 20, 80])
def test_the_page_says_of_a_sensor_what_the_doctor_says(dbm: int, percent: int) -> None:
    state = SensorState(leg="left", link="streaming", rssi_dbm=dbm, battery_percent=percent)
    items = preflight([state], free_bytes=10**10, drain_per_hour=None, fits=[], now_ns=0, newest_ns=None)
    on_page = {i.level for i in items if i.item in {"battery", "link"}}
    (check,) = checks.sensors([replace(HEARD, rssi_dbm=dbm, battery=percent)], 0, 5)
    assert check.verdict == max(on_page, key=["ok", "look", "stop"].index)


def test_every_trouble_of_the_radio_has_advice_on_every_system() -> None:
    for trouble in ("absent", "service", "off", "denied", "classic", "hci", "unknown"):
        for platform in ("linux", "darwin", "win32", "plan9"):
            check = checks.bluetooth(trouble, "said", platform)
            assert check.verdict == "stop"
            assert check.advice
