"""``legmon doctor``: what it finds on this machine, and what it says of it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dbus_fast import Variant

from legmon.catalog.annotations import Annotations
from legmon.catalog.recording_files import Custody
from legmon.catalog.state import SensorState
from legmon.catalog.store import Catalog
from legmon.link.inhibitor import SleepInhibitor, Wakefulness
from legmon.messages import READINESS
from legmon.movement import NS
from legmon.nights import machine
from legmon.nights import readiness as checks
from legmon.sensors.base import HeardSensor
from legmon.web.evening import preflight_item
from legmon.web.models_evening import PreflightItem
from tests.bluez.daemon import bus_daemon
from tests.bluez.logind import FakeLogind
from tests.bluez.through import NEEDS_DAEMON, opened_air, through_radio
from tests.conftest import run_command, sensor

RIGHT = "duration: 1h\nleg: right\n"
NIGHT_BYTES = 32_000_000


def doctor(*arguments: str, data: Path) -> tuple[int, dict[str, list[dict[str, Any]]], str]:
    """Run it for half a second; give its status, its checks by name, and what it said on standard error."""
    done = run_command("doctor", "--seconds", "0.5", "--json", *arguments, data=data)
    by_name: dict[str, list[dict[str, Any]]] = {}
    for check in json.loads(done.stdout)["checks"] if done.stdout else []:
        by_name.setdefault(check["item"], []).append(check)
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
    assert found["bluetooth"][0]["level"] == "ok"
    assert [c["level"] for c in found["sensor"]] == ["ok"]
    for part in ("LegMon-Doc", "right leg", "nkle sensor"):
        assert part in found["sensor"][0]["sentence"]
    assert found["battery"][0]["sentence"] == "LegMon-Doc: 87 %."
    assert found["link"][0]["sentence"] == "LegMon-Doc: the signal is strong enough (-58 dBm)."
    assert found["folder"][0]["level"] == "ok"
    assert set(found) == {
        "bluetooth",
        "sensor",
        "link",
        "battery",
        "folder",
        "disk",
        "clock",
        "sleep",
        "mains",
        "lid",
        "zone",
        "cache",
    }


def test_nobody_there_is_worth_a_look_and_no_more(air: str, private: Path) -> None:
    status, found, _ = doctor("--hci", air, data=private)
    assert status == 0
    assert found["sensor"][0]["level"] == "look"
    assert "charged" in found["sensor"][0]["advice"]


def test_a_controller_that_does_not_answer_is_a_stop(private: Path) -> None:
    status, found, _ = doctor("--hci", "unix-client:/nowhere/air", data=private)
    assert status == 1
    assert found["bluetooth"][0]["level"] == "stop"
    assert "/nowhere/air does not answer" in found["bluetooth"][0]["sentence"]
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
        assert time.monotonic() - began < 60
    assert status == 1
    assert found["bluetooth"][0]["level"] == "stop"
    assert "/mute does not answer: nothing came" in found["bluetooth"][0]["sentence"]
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
    assert found["bluetooth"][0]["sentence"] == "The Bluetooth service does not run."
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
        assert found["bluetooth"][0]["level"] == found["sensor"][0]["level"] == "ok"
        through.process.end()
        status, found, _ = doctor(data=private)
    assert status == 1
    assert found["bluetooth"][0]["sentence"] == "This computer has no Bluetooth adapter."


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
    assert found["folder"][0]["level"] == "stop"
    assert "cannot be written" in found["folder"][0]["sentence"]


def test_a_disk_that_is_nearly_full_is_a_stop(tmp_path: Path, short_folder: Path) -> None:
    folder = tmp_path / "disk"
    with opened_air(short_folder) as (air, _), mounted(folder, "size=4m,mode=700"):
        status, found, _ = doctor("--hci", air, data=folder)
    assert status == 1
    assert found["disk"][0]["level"] == "stop"
    assert "0 nights" in found["disk"][0]["sentence"]
    assert found["folder"][0]["level"] == "ok"


HEARD = HeardSensor("C4:00:00:00:00:01", "LegMon-1", -60, "ankle", "left", battery_percent=80)
NOW_NS = 1_780_000_000 * NS  # in 2026
DAY_NS = 24 * 3600 * NS
TITLES = {"ankle": "Ankle sensor"}


def heard(**changes: Any) -> list[checks.ReadinessCheck]:
    return checks.heard([replace(HEARD, **changes)], TITLES, 0, 5)


def only(item: str, found: list[checks.ReadinessCheck]) -> checks.ReadinessCheck:
    (check,) = [c for c in found if c.item == item]
    return check


@pytest.mark.parametrize(
    ("check", "level", "says"),
    [
        (only("battery", heard(battery_percent=19)), "look", "Charge it"),
        (only("link", heard(rssi_dbm=-90)), "look", "foot end"),
        (only("link", heard(rssi_dbm=-83)), "look", "foot end"),
        (only("link", heard()), "ok", "(-60 dBm)."),
        (only("sensor", heard()), "ok", "LegMon-1 (C4:00:00:00:00:01), Ankle sensor, left leg."),
        (only("sensor", heard(side=None)), "ok", "Ankle sensor."),
        (
            only("sensor", checks.heard([], TITLES, 3, 5)),
            "look",
            "No sensor was heard in 5 s; 3 other devices.",
        ),
        (checks.bluetooth("off", "", "linux"), "stop", "power on"),
        (checks.bluetooth("denied", "", "linux"), "stop", "usermod -aG bluetooth"),
        (checks.bluetooth("denied", "", "darwin"), "stop", "Privacy & Security"),
        (checks.folder("/n", None, exists=True, others_read=True), "look", "chmod 700 /n"),
        (checks.catalog("/n", "it is damaged"), "stop", "it is damaged."),
        (checks.disk(checks.DiskRoom.of(3 * NIGHT_BYTES, 444)), "stop", "A night needs 200 MB free"),
        (checks.disk(checks.DiskRoom.of(9 * NIGHT_BYTES, 444)), "look", "9 nights"),
        (
            checks.disk(checks.DiskRoom.of(900 * NIGHT_BYTES, 444)),
            "ok",
            "900 nights of 32 MB (10 h, two sensors, estimated)",
        ),
        (
            checks.disk(checks.DiskRoom.of(99 * NIGHT_BYTES, 444, 111, 7)),
            "ok",
            "393 nights of 8 MB (10 h, two sensors, measured on 7 nights)",
        ),
        (checks.disk(checks.DiskRoom.of(NIGHT_BYTES - 100_000, 444, 111, 7)), "stop", "room for 0 nights"),
        (checks.battery(30, 5.0), "look", "Charge it"),
        (checks.battery(90, 5.0), "ok", "about 2 nights."),
        (checks.clock(NOW_NS, synchronised=True), "ok", "follows a time server"),
        (checks.clock(NOW_NS, synchronised=None), "ok", "not known"),
        (checks.clock(NOW_NS, synchronised=False), "look", "set-ntp"),
        (checks.clock(NOW_NS, synchronised=True, jump_s=-3.0), "look", "set by -3.0 s"),
        (checks.clock(NOW_NS, newest_ns=NOW_NS + 1), "look", "before the end of your last night"),
        (checks.clock(0), "stop", "1970"),
        (checks.zone(None, 0), "look", "set-timezone"),
        (checks.zone("America/St_Johns", -12600), "ok", "UTC-03:30"),
        (checks.cache("/c", writable=False), "look", "NUMBA_CACHE_DIR"),
        (checks.recordings(Custody(0, None, (), ()), NOW_NS), "ok", "No recording is sealed yet."),
        (
            checks.recordings(Custody(9, NOW_NS - 3 * DAY_NS, (), ()), NOW_NS),
            "ok",
            "9 recordings, verified within 3 days.",
        ),
        (
            checks.recordings(Custody(9, NOW_NS, tuple("abcdefg"), ("h",)), NOW_NS),
            "look",
            "damaged: a, b, c, d, e and 2 more.",
        ),
        (checks.recordings(Custody(9, NOW_NS, (), ("h",)), NOW_NS), "look", "since they were verified: h."),
    ],
)
def test_what_is_said_of_it(check: checks.ReadinessCheck, level: str, says: str) -> None:
    assert check.level == level
    assert says in f"{check.sentence} {check.advice}"
    assert check.sentence.endswith((".", ":"))


def on_page(item: str, sensors: list[SensorState], **facts: Any) -> PreflightItem:
    """A line of the page Tonight, as it leaves the web process."""
    here: dict[str, Any] = {
        "disk": checks.disk(checks.DiskRoom.of(10**10, 444)),
        "clock": checks.clock(NOW_NS),
        "wakefulness": Wakefulness(),
    }
    facts = here | facts
    return preflight_item(only(item, checks.tonight(sensors, **facts)))


def streaming(**state: Any) -> list[SensorState]:
    return [SensorState(leg="left", link="streaming", **state)]


def same(line: PreflightItem, check: checks.ReadinessCheck) -> bool:
    return (line.item, line.level, line.code) == (check.item, check.level, check.code)


@pytest.mark.parametrize("dbm", range(-95, -55, 3))
def test_the_page_says_of_the_signal_what_the_doctor_says(dbm: int) -> None:
    assert same(on_page("link", streaming(rssi_dbm=dbm)), only("link", heard(rssi_dbm=dbm)))


@pytest.mark.parametrize("percent", [0, 5, 19, 20, 40, 79, 80, 100])
@pytest.mark.parametrize("drain", [None, 1.0, 5.0, 10.0])
def test_the_page_says_of_the_battery_what_the_doctor_says(percent: int, drain: float | None) -> None:
    doctors = checks.heard([replace(HEARD, battery_percent=percent)], TITLES, 0, 5, drain)
    line = on_page("battery", streaming(battery_percent=percent), drain_per_hour=drain)
    assert same(line, only("battery", doctors))


@pytest.fixture(params=["ready", "small disk", "full disk", "no time server", "night ahead", "1970"])
def facts(request: pytest.FixtureRequest, private: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one night, on a machine of which the disk and the clock are as the name says."""
    free = {"small disk": 500_000_000, "full disk": 5_000_000}.get(request.param, 10**11)
    monkeypatch.setattr("legmon.nights.machine.shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    monkeypatch.setattr("legmon.nights.machine.synchronised", lambda: request.param != "no time server")
    now_ns = 10**15 if request.param == "1970" else NOW_NS
    monkeypatch.setattr("legmon.nights.machine.time.time_ns", lambda: now_ns)
    monkeypatch.setattr("legmon.nights.machine.wall_minus_boot_ns", lambda: 0)
    catalog = Catalog(private)
    began_ns = NOW_NS + (3600 if request.param == "night ahead" else -86_400) * NS
    catalog.begin(
        "2026-05-28-2300",
        started_ns=began_ns,
        zone=("UTC", 0),
        simulated=False,
        rules="wasm2016",
        detector="x",
    )
    catalog.close()
    return private


def test_the_page_and_the_doctor_find_the_same_on_the_same_machine(facts: Path) -> None:
    doctors = list(machine.examine(facts, "unix-client:/nowhere/air", 0.1))
    catalog = Catalog(facts)
    page = machine.tonight(
        catalog,
        Annotations(catalog),
        [],
        [],
        now_ns=time.time_ns(),
        simulated=False,
        wakefulness=asyncio.run(SleepInhibitor().look()),
        drain_per_hour=None,
    )
    catalog.close()
    for item in ("disk", "clock", "sleep", "mains", "lid"):
        assert same(preflight_item(only(item, page)), only(item, doctors))


@NEEDS_DAEMON
@pytest.mark.parametrize(
    ("refuses", "code", "says"),
    [("", "released", "while a night is recorded"), ("Not allowed", "refused", "(Not allowed)")],
)
def test_the_doctor_knows_whether_the_computer_would_stay_awake(
    private: Path, monkeypatch: pytest.MonkeyPatch, refuses: str, code: str, says: str
) -> None:
    """As logind answers."""
    held: list[int] = []

    async def scene(address: str) -> dict[str, Any]:
        lid = {"HandleLidSwitch": Variant("s", "ignore")}
        logind = FakeLogind(refuses=refuses, properties=lid)
        served = await logind.serve(address)
        _, found, _ = await asyncio.to_thread(doctor, "--hci", "unix-client:/nowhere/air", data=private)
        await asyncio.sleep(0.4)
        held.append(logind.held)
        logind.close()
        served.disconnect()
        return found

    with bus_daemon() as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        found = asyncio.run(scene(address))
    (sleep,), (mains,), (lid,) = found["sleep"], found["mains"], found["lid"]
    assert (sleep["code"], held) == (code, [0]), "a check keeps nothing awake"
    assert says in sleep["sentence"]
    assert lid["code"] in {"stays_awake", "no_lid"}
    assert mains["code"] in {"plugged", "battery", "unknown"}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (Wakefulness(), ["unknown", "unknown", "unknown"]),
        (Wakefulness("held", on_mains=True, lid="no_lid"), ["ok", "ok", "ok"]),
        (Wakefulness("refused", on_mains=False, lid="sleeps", why="no"), ["look", "look", "ok"]),
    ],
)
def test_a_computer_on_its_battery_or_that_may_sleep_is_worth_a_look(
    state: Wakefulness, expected: list[str]
) -> None:
    found = checks.computer(state)
    assert [c.level for c in found] == expected
    assert [preflight_item(c).code for c in found] == [c.code for c in found]


def test_a_damaged_catalog_is_said_and_left_as_it_is(air: str, private: Path) -> None:
    (private / "catalog.sqlite").write_text("not a database, but long enough to be looked at as one")
    status, found, _ = doctor("--hci", air, data=private)
    assert status == 0
    assert found["folder"][0]["code"] == "catalog_damaged"
    assert [p.name for p in private.iterdir()] == ["catalog.sqlite"]


def test_a_catalog_of_another_program_is_a_stop(air: str, private: Path) -> None:
    with sqlite3.connect(private / "catalog.sqlite") as other:
        other.execute("CREATE TABLE nights (x)")
    other.close()
    status, found, _ = doctor("--hci", air, data=private)
    assert status == 1
    assert found["folder"][0]["code"] == "catalog"
    assert "another program" in found["folder"][0]["sentence"]


def test_every_code_has_a_sentence_that_can_be_written() -> None:
    words = dict.fromkeys(
        ("radio", "fix", "sensor_words", "name", "address", "kind", "others", "of", "nights_text", "basis", "free", "needed",
         "state", "network_time", "path", "why", "zone", "offset", "words", "recordings_text", "days_text"),
        "x",
    )  # fmt: skip
    values = dict.fromkeys(("seconds", "percent", "dbm", "hz", "year", "jump_s", "toes", "ratio"), 1.0)
    for item, codes in READINESS.items():
        for code in codes:
            check = checks.ReadinessCheck(item, code, values, words)
            assert check.sentence.endswith((".", ":"))
            assert check.level in {"ok", "look", "stop", "unknown"}
            assert (check.level == "ok") <= ("not known" not in check.sentence), "what is not known is not OK"
            assert (
                check.advice
                or check.level != "stop"
                or (item, code) in {("sensor", "connecting"), ("folder", "catalog")}
            )


def test_every_trouble_of_the_radio_has_advice_on_every_system() -> None:
    for trouble in ("absent", "service", "off", "denied", "classic", "hci", "unknown"):
        for platform in ("linux", "darwin", "win32", "plan9"):
            check = checks.bluetooth(trouble, "said", platform)
            assert check.level == "stop"
            assert check.advice
