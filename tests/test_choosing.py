"""Choosing among the sensors that are near, over real BLE from HCI up: the list, the choice, the exchange of two."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from legmon.catalog.state import Mode, RecorderState
from legmon.catalog.store import Catalog
from legmon.movement import Leg, Legs
from tests.bluez.through import opened_air
from tests.conftest import sensor, started, until
from tests.test_recorder import recorder

NEAR, FAR = "C4:4C:4D:00:00:21", "C4:4C:4D:00:00:22"
WALKS = "body:\n  bathroom: [{at: 2s, for: 10m}]\n"
STILL = "duration: 1h\nseed: 3\nmovements_per_hour: 0\nleg: {leg}\n"


@contextmanager
def two_sensors(short_folder: Path, folder: Path, legs: tuple[Leg, Leg] = ("left", "left")) -> Iterator[str]:
    """An air with two ankle sensors, of which the one heard more weakly is carried about; gives its HCI transport."""
    folders = [folder / "near", folder / "far"]
    for each in folders:
        each.mkdir()
    with opened_air(short_folder) as (air, process):
        assert process.process.stdin is not None
        process.process.stdin.write(f"strength {NEAR} -50\nstrength {FAR} -83\n")
        process.process.stdin.flush()
        near, far = (STILL.format(leg=leg) for leg in legs)
        with (
            sensor(air, folders[1], "--address", FAR, "--name", "LegMon-Far", scenario=far + WALKS),
            sensor(air, folders[0], "--address", NEAR, "--name", "LegMon-Near", scenario=near),
        ):
            yield air


def ask(data: Path, mode: Mode, legs: Legs | None = None, sensors: dict[Leg, str] | None = None) -> None:
    catalog = Catalog(data)
    catalog.want(mode, legs)
    if sensors is not None:
        catalog.choose(sensors)
    catalog.close()


def said(data: Path) -> RecorderState | None:
    catalog = Catalog(data)
    try:
        return catalog.recorder()
    finally:
        catalog.close()


def held(data: Path) -> dict[Leg, str | None]:
    """Which sensors stream, by leg."""
    state = said(data)
    return {s.leg: s.address for s in state.sensors if s.link == "streaming"} if state else {}


def moving(data: Path) -> set[str | None]:
    """Which sensors move now."""
    state = said(data)
    return {s.address for s in state.sensors if s.moving} if state else set()


def near(data: Path) -> list[str]:
    state = said(data)
    return [n.address for n in state.nearby] if state else []


def test_the_list_is_strongest_first_goes_on_beside_a_stream_and_the_weaker_one_can_be_chosen(
    short_folder: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with two_sensors(short_folder, tmp_path) as air:
        with started(*recorder(data, air, speed=1)) as process:
            process.says("ready")
            ask(data, "check", "left", {"left": NEAR})
            until(lambda: held(data) == {"left": NEAR}, what="the chosen one is held")
            until(lambda: near(data) == [NEAR, FAR], what="the list is strongest first, with the one held")
            state = said(data)
            assert state
            assert [(n.name, n.leg) for n in state.nearby] == [("LegMon-Near", "left"), ("LegMon-Far", None)]
            assert [round(n.rssi_dbm or 0) for n in state.nearby] == [-50, -83]
            assert {n.driver for n in state.nearby} == {"ankle"}
            ask(data, "check", "left", {"left": FAR})
            until(lambda: held(data) == {"left": FAR}, what="the weaker one takes its place")
            until(lambda: near(data) == [NEAR, FAR], what="and the other one is heard again")
            assert process.end() == 0
        with started(*recorder(data, air, speed=1)) as again:
            until(lambda: held(data) == {"left": FAR}, what="the choice outlives the recorder")
            ask(data, "record", "left")
            until(lambda: (s := said(data)) and s.night and s.sensors[0].samples > 100)
            assert held(data) == {"left": FAR}, "the check's link stays up"
            assert near(data) == [], "a night is not disturbed by a scan"
            assert again.end() == 0


def test_two_sensors_change_legs_whatever_leg_they_say_they_are_on(
    short_folder: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with (
        two_sensors(short_folder, tmp_path, ("left", "right")) as air,
        started(*recorder(data, air, speed=1)) as process,
    ):
        process.says("ready")
        ask(data, "check", "both")
        until(lambda: held(data) == {"left": NEAR, "right": FAR}, what="each on the leg it says")
        ask(data, "check", "both", {"left": FAR, "right": NEAR})
        until(lambda: held(data) == {"left": FAR, "right": NEAR}, what="a person knows better")
        until(lambda: moving(data) == {FAR}, what="the one that moves says so, the other one does not")
        assert process.end() == 0
