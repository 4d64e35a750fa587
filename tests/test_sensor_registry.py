"""Families of sensors are found by entry points; a broken one is named and stops no other."""

from __future__ import annotations

from importlib.metadata import EntryPoint

from legmon.sensors import polar
from legmon.sensors.base import Advertisement
from legmon.sensors.registry import GROUP, load, recognise, registry
from tests.conftest import ROOT

BUILT_IN = {
    "ankle", "polar", "movesense", "witmotion", "metamotion", "bangle", "microbit", "adafruit", "thingy52", "infinitime",
}  # fmt: skip


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


def test_those_that_come_with_the_program() -> None:
    known = registry()
    assert set(known.drivers) >= BUILT_IN
    assert next(iter(known.drivers)) == "ankle"
    assert not known.broken


def test_the_pages_of_all_families_tell_what_to_buy_and_that_no_hardware_was_tried() -> None:
    boards = {"microbit", "adafruit", "thingy52", "infinitime"}
    index, faults = (ROOT / "docs" / "sensors.md").read_text(), []
    for name in sorted(BUILT_IN - {"ankle"}):
        file = f"sensors/{'open-services' if name in boards else name}.md"
        page = (ROOT / "docs" / file).read_text()
        if "ot on hardware" not in page and "has not run on a watch" not in page:
            faults.append(f"{file} does not tell that no hardware was tried")
        if name not in boards and "## What to buy" not in page:
            faults.append(f"{file} does not tell what to buy")
        if file not in index:
            faults.append(f"docs/sensors.md has no link to {file}")
    assert not faults, "\n".join(faults)


def test_boards_for_the_bench_are_not_for_nights() -> None:
    assert {d.name for d in registry().nightly} >= {
        "ankle",
        "polar",
        "movesense",
        "witmotion",
        "metamotion",
        "bangle",
    }
    assert not {d.name for d in registry().nightly} & {"microbit", "adafruit", "thingy52", "infinitime"}


def test_a_broken_plug_in_is_named() -> None:
    known = load(
        (
            point("gone", "no_such_package:DRIVER"),
            point("nothing", "legmon.sensors.polar:NOTHING"),
            point("number", "legmon.sensors.polar.driver:MG_UG"),
            point("twice", "legmon.sensors.polar:DRIVER"),
            point("polar", "legmon.sensors.polar:DRIVER"),
        )
    )
    assert list(known.drivers) == ["polar"]
    assert set(known.broken) == {"gone", "nothing", "number", "twice"}
    assert "does not load (ModuleNotFoundError" in known.broken["gone"]
    assert "it lacks name, title" in known.broken["number"]
    assert "and so is another one" in known.broken["twice"]


def test_who_fits() -> None:
    known = registry()

    def fits(name: str | None, *services: str, company: tuple[int, str] = (0xFFFF, "")) -> str | None:
        said = {company[0]: bytes.fromhex(company[1])}
        fit = recognise(known.drivers.values(), Advertisement(name, frozenset(services), said))
        return fit[0].name if fit else None

    assert fits("Polar Sense 1234ABCD") == "polar"
    assert fits("Movesense 174430000051") == "movesense"
    assert fits(None, "0000fdf3-0000-1000-8000-00805f9b34fb") == "movesense"
    assert fits("Somebody's watch", "0000fdf3-0000-1000-8000-00805f9b34fb") is None
    assert fits("WTH-Thermometer") is None
    assert fits("WT901BLE67") == fits("BWT901CL") == "witmotion"
    assert fits("WT901BLE67") == "witmotion"
    assert fits(None, "0000ffe5-0000-1000-8000-00805f9a34fb") == "witmotion"
    assert fits("MetaWear") == "metamotion"
    assert fits("Bangle.js a1b2") == "bangle"
    assert fits("BBC micro:bit [zuvot]") == "microbit"
    assert fits("Thingy") == "thingy52"
    assert fits("CLUE") == "adafruit"
    assert fits("Sense", company=(0x0822, "0401008880")) == "adafruit"  # a board of another name
    assert fits("Somebody's beacon", company=(0x0822, "0601000a00")) is None
    assert fits("Somebody's phone", "0000180f-0000-1000-8000-00805f9b34fb") is None


def test_a_plug_in_that_fails_to_say_is_passed_over() -> None:
    class Rude:
        name, title, declares, pairs = "rude", "Rude", polar.DRIVER.declares, False

        def recognises(self, _advertisement: Advertisement) -> bool:
            raise RuntimeError

        side = converse = recognises

    drivers = [Rude(), *registry().drivers.values()]
    fit = recognise(drivers, Advertisement("Polar H10 1", frozenset(), {}))  # type: ignore[arg-type]
    assert fit is not None
    assert fit[0].name == "polar"
