"""Choose which sensor may be used for which ankle."""

from collections.abc import Mapping

from legmon.catalog.state import RecorderState
from legmon.detection.detector import LOWEST_HZ
from legmon.errors import LegmonError
from legmon.movement import Leg, Legs
from legmon.recorder.ankle_sensor import AnkleSensor
from legmon.sensors.base import Driver
from legmon.sensors.registry import registry


class SensorChoice:
    """Decides which of the sensors in range may be used. No sensor is used twice.

    Parameters
    ----------
    sensor : str or None
        A family of sensors, or the address of one sensor; None for any sensor made to be worn.
    before : RecorderState or None
        The state of the recorder before this one. Without a choice, its sensors are looked for first.

    Raises
    ------
    LegmonError
        If `sensor` is neither an address nor a family whose rate is high enough for a night.
    """

    def __init__(self, sensor: str | None = None, before: RecorderState | None = None) -> None:
        known = registry().drivers
        self.drivers = registry().nightly
        self._only: str | None = None
        if sensor is not None and sensor in known:
            if not _is_fast(known[sensor]):
                raise LegmonError(
                    f"{known[sensor].title} measures at most {max(known[sensor].declares.rates_hz):g} times a second; "
                    f"a night needs {LOWEST_HZ:g} or more. `legmon qualify --sensor {sensor}` still shows how good it is"
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
        """Use only these sensors for their legs from now on. A sensor given at the start has priority."""
        self._chosen = {} if self._asked else dict(sensors)
        for ankle, address in list(self._claimed.items()):
            if ankle.address is None and not self.suits(ankle.wanted_leg, address):
                del self._claimed[ankle]

    def legs(self, wanted: Legs | None) -> Legs | None:
        """Return which legs to record. If no leg is asked for, it is the leg that a sensor was chosen for."""
        return next(iter(self._chosen)) if wanted is None and len(self._chosen) == 1 else wanted

    def offers(self, address: str) -> bool:
        """Whether a sensor may be chosen at all."""
        return self._only in (None, address.upper())

    def suits(self, leg: Leg | None, address: str) -> bool:
        """Whether the choice allows a sensor for a leg; None for a leg that was not named."""
        chosen = self._chosen.get(leg) if leg else None
        if chosen is not None or (leg is None and self._chosen):
            return address in ([chosen] if chosen else self._chosen.values())
        return address not in self._chosen.values()

    def insists(self, leg: Leg | None, address: str) -> bool:
        """Whether this very sensor was chosen for a leg."""
        return leg is not None and self._chosen.get(leg) == address

    def claim(self, ankle: AnkleSensor, address: str) -> bool:
        """Whether an ankle may use the sensor at an address. If so, the sensor is reserved for it."""
        if ankle.address not in (None, address) or not self.offers(address):
            return False
        if address in self._others(ankle) or (
            ankle.address is None and not self.suits(ankle.wanted_leg, address)
        ):
            return False
        self._claimed[ankle] = address
        return True

    def known(self, ankle: AnkleSensor, leg: Leg | None) -> str | None:
        """Return the address of the ankle's sensor, or of the one it had the last time."""
        before = self._before.get(leg) if leg else next(iter(self._before.values()), None)
        address = ankle.address or (self._chosen.get(leg) if leg else None) or before
        return None if address in self._others(ankle) else address

    def release(self, ankle: AnkleSensor) -> None:
        """End the reservation of an ankle's sensor."""
        self._claimed.pop(ankle, None)

    def _others(self, ankle: AnkleSensor) -> list[str]:
        return [a for other, a in self._claimed.items() if other is not ankle]


def is_address(text: str) -> bool:
    """Whether this looks like the address of a sensor. On macOS it is a UUID."""
    return text.count(":") == 5 or len(text) == 36


def _is_fast(driver: Driver) -> bool:
    return max(driver.declares.rates_hz) >= LOWEST_HZ
