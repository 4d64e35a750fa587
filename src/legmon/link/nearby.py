"""Which sensors can be heard, how strongly, and which driver fits each."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from legmon.link.radio import Radio
from legmon.link.session import advertisement
from legmon.movement import Leg
from legmon.sensors.base import Driver
from legmon.sensors.registry import Registry

WEIGHT = 0.3  # of the newest signal strength: single packets differ by 10 dB
MOST, FORGOTTEN_S = 12, 10.0
LISTEN_S, REST_S = 3.0, 4.0  # beside a stream: long enough for sensors that advertise once a second
NO_STRENGTH_DBM = -127  # as BlueZ and the Core specification say that it is not known


@dataclass(frozen=True, slots=True)
class Nearby:
    """One thing that advertises.

    Parameters
    ----------
    address : str
        As the system has it.
    name : str or None
        What it calls itself.
    rssi_dbm : float
        Signal strength, smoothed.
    driver : str or None
        Name of the driver that fits.
    side : {"left", "right"} or None
        Which leg it claims to be on.
    """

    address: str
    name: str | None
    rssi_dbm: float
    driver: str | None
    side: Leg | None


async def listen(
    radio: Radio, known: Registry, seconds: float, changed: Callable[[list[Nearby]], None]
) -> list[Nearby]:
    """Listen for some seconds; `changed` is called with everything heard so far, strongest first, after each packet.

    Raises
    ------
    BleakError
        If there is no Bluetooth to listen with.
    """
    heard: dict[str, Nearby] = {}

    def hear(device: BLEDevice, data: AdvertisementData) -> None:
        driver = known.recognise(advertisement(data))
        heard[device.address] = _heard(heard.get(device.address), device, data, driver)
        changed(strongest_first(heard))

    async with BleakScanner(hear, **radio.scanner):
        await asyncio.sleep(seconds)
    return strongest_first(heard)


class Surroundings:
    """Which sensors were heard lately by whoever scans, and by itself where nobody does.

    Parameters
    ----------
    radio : Radio
        Through which Bluetooth.
    drivers : sequence of Driver
        The families of sensors that count.
    """

    def __init__(self, radio: Radio, drivers: Sequence[Driver]) -> None:
        self._scan = radio.scan
        self._drivers = drivers
        self._heard: dict[str, tuple[Nearby, float]] = {}

    async def run(self, free: Callable[[], bool]) -> None:
        """Take note of what is heard until cancelled, and scan now and then.

        Parameters
        ----------
        free : callable
            Whether to scan: not while somebody looks for a sensor, which is a scan already, or connects.
        """
        self._scan.overheard = self._hear
        try:
            while True:
                if free():
                    with contextlib.suppress(BleakError):  # who needs the radio says what is wrong with it
                        await self._scan.listen(LISTEN_S)
                await asyncio.sleep(REST_S)
        finally:
            self._scan.overheard = None
            self._heard.clear()

    def lately(self) -> list[tuple[Nearby, float]]:
        """Return the strongest of them, each with how many seconds ago it was heard."""
        now = time.monotonic()
        self._heard = {a: (n, at) for a, (n, at) in self._heard.items() if now - at < FORGOTTEN_S}
        order = strongest_first({a: n for a, (n, _) in self._heard.items()})
        return [(n, now - self._heard[n.address][1]) for n in order[:MOST]]

    def _hear(self, device: BLEDevice, data: AdvertisementData) -> None:
        said = advertisement(data)
        driver = next((d for d in self._drivers if d.recognises(said)), None)
        if driver is not None and data.rssi > NO_STRENGTH_DBM:
            before, _ = self._heard.get(device.address, (None, 0.0))
            self._heard[device.address] = (_heard(before, device, data, driver), time.monotonic())


def _heard(
    before: Nearby | None, device: BLEDevice, data: AdvertisementData, driver: Driver | None
) -> Nearby:
    rssi = data.rssi if before is None else before.rssi_dbm + WEIGHT * (data.rssi - before.rssi_dbm)
    return Nearby(
        device.address,
        data.local_name or device.name or (before.name if before else None),
        round(rssi, 1),
        driver.name if driver else before.driver if before else None,
        driver.side(advertisement(data)) if driver else before.side if before else None,
    )


def strongest_first(heard: dict[str, Nearby]) -> list[Nearby]:
    """Sort by signal strength, sensors with a driver before the rest."""
    return sorted(heard.values(), key=lambda n: (n.driver is None, -n.rssi_dbm))
