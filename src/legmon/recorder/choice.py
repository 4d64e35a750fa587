"""Which sensor may be taken for which ankle."""

from collections.abc import Mapping

from legmon.catalog.state import RecorderState
from legmon.detection.detector import LOWEST_HZ
from legmon.errors import LegmonError
from legmon.movement import Leg, Legs
from legmon.recorder.ankle_sensor import AnkleSensor
from legmon.sensors.base import Driver
from legmon.sensors.registry import registry


class Choice:
    """Of the sensors that are heard, those that will do; none is taken twice.

    Parameters
    ----------
    sensor : str or None
        A family of sensors, or the address of one; None for any that is made to be worn.
    before : RecorderState or None
        What the recorder before this one said: its sensors are the first to be looked for, where nobody chose.

    Raises
    ------
    LegmonError
        If there is no such family, or it measures too seldom for a night, and it is no address.
    """

    def __init__(self, sensor: str | None = None, before: RecorderState | None = None) -> None:
        known = registry().drivers
        self.drivers = registry().nightly
        self._only: str | None = None
        if sensor is not None and sensor in known:
            if not _is_fast(known[sensor]):
                raise LegmonError(
                    f"{known[sensor].title} measures at most {max(known[sensor].declares.rates_hz):g} times a second; "
                    f"a night needs {LOWEST_HZ:g} and more. `legmon qualify --sensor {sensor}` still tells how good it is"
                )
            self.drivers = (known[sensor],)
        elif sensor is not None and is_address(sensor):
            self.drivers, self._only = tuple(d for d in known.values() if _is_fast(d)), sensor.upper()
        elif sensor is not None:
            raise LegmonError(
                f"{sensor!r} is neither a family of sensors (legmon sensors lists them) nor an address (legmon scan)"
            )
        self._before = {s.leg: s.address for s in before.sensors} if before else {}
        self._asked = sensor is not None
        self._chosen: dict[Leg, str] = {}
        self._claimed: dict[AnkleSensor, str] = {}

    def choose(self, sensors: Mapping[Leg, str]) -> None:
        """Take only these for their legs from now on; what was asked for at the start goes before."""
        self._chosen = {} if self._asked else dict(sensors)
        for ankle, address in list(self._claimed.items()):
            if ankle.address is None and not self.suits(ankle.wanted, address):
                del self._claimed[ankle]

    def legs(self, wanted: Legs | None) -> Legs | None:
        """Which legs are looked for: where nobody said, the one that a sensor was chosen for."""
        return next(iter(self._chosen)) if wanted is None and len(self._chosen) == 1 else wanted

    def offers(self, address: str) -> bool:
        """Whether a sensor may be chosen at all."""
        return self._only in (None, address.upper())

    def suits(self, leg: Leg | None, address: str) -> bool:
        """Whether a leg may have a sensor, by what was chosen; None for a leg that nobody said."""
        own = self._chosen.get(leg) if leg else None
        if own is not None or (leg is None and self._chosen):
            return address in ([own] if own else self._chosen.values())
        return address not in self._chosen.values()

    def insists(self, leg: Leg | None, address: str) -> bool:
        """Whether just this sensor was chosen for a leg."""
        return leg is not None and self._chosen.get(leg) == address

    def claim(self, ankle: AnkleSensor, address: str) -> bool:
        """Whether a limb may take the sensor at an address; if so it is its own from now on."""
        if ankle.address not in (None, address) or not self.offers(address):
            return False
        if address in self._others(ankle) or (
            ankle.address is None and not self.suits(ankle.wanted, address)
        ):
            return False
        self._claimed[ankle] = address
        return True

    def known(self, ankle: AnkleSensor, leg: Leg | None) -> str | None:
        """Address of the sensor that a limb had, or that its ankle had the last time."""
        before = self._before.get(leg) if leg else next(iter(self._before.values()), None)
        address = ankle.address or (self._chosen.get(leg) if leg else None) or before
        return None if address in self._others(ankle) else address

    def release(self, ankle: AnkleSensor) -> None:
        """Let a limb's sensor go."""
        self._claimed.pop(ankle, None)

    def _others(self, ankle: AnkleSensor) -> list[str]:
        return [a for other, a in self._claimed.items() if other is not ankle]


def is_address(text: str) -> bool:
    """Whether this looks like the address of a sensor; macOS has UUIDs for that."""
    return text.count(":") == 5 or len(text) == 36


def _is_fast(driver: Driver) -> bool:
    return max(driver.declares.rates_hz) >= LOWEST_HZ
