"""The drivers of this installation: those that come with it, and those that other packages add."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from legmon.movement import Leg
from legmon.sensors.base import Advertisement, Driver

GROUP = "legmon.sensors"


@dataclass(frozen=True, slots=True)
class Registry:
    """Drivers by name, and the entry points that did not load.

    Parameters
    ----------
    drivers : mapping of str to Driver
        In the order of their names, `ankle` first.
    broken : mapping of str to str
        A sentence for each entry point without a driver.
    """

    drivers: Mapping[str, Driver]
    broken: Mapping[str, str]

    @property
    def nightly(self) -> tuple[Driver, ...]:
        """The drivers of sensors to wear for a night. Boards for the bench are used only if asked for."""
        return tuple(d for d in self.drivers.values() if not d.declares.bench)


def recognise(drivers: Iterable[Driver], advertisement: Advertisement) -> tuple[Driver, Leg | None] | None:
    """Return the driver that recognises an advertisement, and the leg that the sensor is set up for.

    A driver that raises an error counts as one that does not recognise it.
    """
    for driver in drivers:
        try:
            if driver.recognises(advertisement):
                return driver, driver.side(advertisement)
        except Exception:  # noqa: BLE001, S112 (code of others, with bytes of unknown devices)
            continue
    return None


@cache
def registry() -> Registry:
    """Load the installed drivers, once."""
    return load(tuple(entry_points(group=GROUP)))


def load(found: tuple[EntryPoint, ...]) -> Registry:
    """Load entry points. An entry point that fails is listed as broken, and the others still load."""
    drivers: dict[str, Driver] = {}
    broken: dict[str, str] = {}
    for point in sorted(found, key=lambda p: (p.name != "ankle", p.name)):
        try:
            driver: Driver = point.load()
            missing = [name for name in _REQUIRED if not hasattr(driver, name)]
        except Exception as e:  # noqa: BLE001  (a plug-in may fail in any way)
            broken[point.name] = f"{point.value} does not load ({type(e).__name__}: {e})"
            continue
        if missing:
            broken[point.name] = f"{point.value} is no driver: it lacks {', '.join(missing)}"
        elif driver.name in drivers:
            broken[point.name] = f"{point.value} is called {driver.name}, and so is another one"
        else:
            drivers[driver.name] = driver
    return Registry(drivers, broken)


_REQUIRED = ("name", "title", "declares", "pairs", "recognises", "side", "converse")
