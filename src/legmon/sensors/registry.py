"""Which families of sensors this installation knows: those that come with it, and those that other packages add."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from legmon.movement import Leg
from legmon.sensors.base import Advertisement, Driver

GROUP = "legmon.sensors"


@dataclass(frozen=True, slots=True)
class Registry:
    """Drivers by name, and what did not load.

    Parameters
    ----------
    drivers : mapping of str to Driver
        In the order of their names, `ankle` first.
    broken : mapping of str to str
        A sentence for each entry point that gave no driver.
    """

    drivers: Mapping[str, Driver]
    broken: Mapping[str, str]

    @property
    def nightly(self) -> tuple[Driver, ...]:
        """Drivers of sensors to wear for a night; a board for the bench is only taken when asked for."""
        return tuple(d for d in self.drivers.values() if not d.declares.bench)


def recognise(drivers: Iterable[Driver], advertisement: Advertisement) -> tuple[Driver, Leg | None] | None:
    """Return the driver of what advertises this, and which leg it claims to be on.

    A driver that fails to say counts as one that does not know it.
    """
    for driver in drivers:
        try:
            if driver.recognises(advertisement):
                return driver, driver.side(advertisement)
        except Exception:  # noqa: BLE001, S112 (somebody else's code, given a stranger's bytes)
            continue
    return None


@cache
def registry() -> Registry:
    """Load what is installed, once."""
    return load(tuple(entry_points(group=GROUP)))


def load(found: tuple[EntryPoint, ...]) -> Registry:
    """Load entry points; one that fails is named and the others stand."""
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
