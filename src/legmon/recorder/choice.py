"""Which sensor may be taken for which ankle."""

from legmon.catalog.state import RecorderState
from legmon.detection.detector import LOWEST_HZ
from legmon.errors import LegmonError
from legmon.movement import Leg
from legmon.recorder.limb import Limb
from legmon.sensors.base import Driver
from legmon.sensors.registry import registry


class Choice:
    """Of the sensors that are heard, those that will do; none is taken twice.

    Parameters
    ----------
    sensor : str or None
        A family of sensors, or the address of one; None for any that is made to be worn.
    before : RecorderState or None
        What the recorder before this one said: its sensors are the first to be looked for.

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
        elif sensor is not None and (
            sensor.count(":") == 5 or len(sensor) == 36
        ):  # macOS has UUIDs for addresses
            self.drivers, self._only = tuple(d for d in known.values() if _is_fast(d)), sensor.upper()
        elif sensor is not None:
            raise LegmonError(
                f"{sensor!r} is neither a family of sensors (legmon sensors lists them) nor an address (legmon scan)"
            )
        self._before = {s.leg: s.address for s in before.sensors} if before else {}
        self._claimed: dict[Limb, str] = {}

    def claim(self, limb: Limb, address: str) -> bool:
        """Whether a limb may take the sensor at an address; if so it is its own from now on."""
        if limb.address not in (None, address) or self._only not in (None, address.upper()):
            return False
        if address in self._others(limb):
            return False
        self._claimed[limb] = address
        return True

    def known(self, limb: Limb, leg: Leg | None) -> str | None:
        """Address of the sensor that a limb had, or that its ankle had the last time."""
        before = self._before.get(leg) if leg else next(iter(self._before.values()), None)
        address = limb.address or before
        return None if address in self._others(limb) else address

    def release(self) -> None:
        """Let all sensors go."""
        self._claimed.clear()

    def _others(self, limb: Limb) -> list[str]:
        return [a for other, a in self._claimed.items() if other is not limb]


def _is_fast(driver: Driver) -> bool:
    return max(driver.declares.rates_hz) >= LOWEST_HZ
