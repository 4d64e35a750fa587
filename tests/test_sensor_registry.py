"""Families of sensors are found by entry points; a broken one is named and stops no other."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

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


@pytest.mark.parametrize("name", sorted(BUILT_IN - {"ankle"}))
def test_a_page_says_what_to_buy_and_that_it_was_not_proven_on_hardware(name: str) -> None:
    boards = {"microbit", "adafruit", "thingy52", "infinitime"}
    page = (ROOT / "docs" / "sensors" / f"{'open-services' if name in boards else name}.md").read_text()
    assert "ot on hardware" in page or "has not run on a watch" in page
    assert name in boards or "## What to buy" in page
    assert (
        f"sensors/{'open-services' if name in boards else name}.md"
        in (ROOT / "docs" / "sensors.md").read_text()
    )


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
