"""Which sensors can be heard, how strongly, and which driver fits each."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from legmon.link.radio import Radio
from legmon.link.session import advertisement
from legmon.movement import Leg
from legmon.sensors.registry import Registry

WEIGHT = 0.3  # of the newest signal strength: single packets differ by 10 dB


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
        before = heard.get(device.address)
        rssi = data.rssi if before is None else before.rssi_dbm + WEIGHT * (data.rssi - before.rssi_dbm)
        said = advertisement(data)
        driver = known.recognise(said)
        name = data.local_name or device.name or (before.name if before else None)
        heard[device.address] = Nearby(
            device.address,
            name,
            round(rssi, 1),
            driver.name if driver else before.driver if before else None,
            driver.side(said) if driver else before.side if before else None,
        )
        changed(strongest_first(heard))

    async with BleakScanner(hear, **radio.scanner):
        await asyncio.sleep(seconds)
    return strongest_first(heard)


def strongest_first(heard: dict[str, Nearby]) -> list[Nearby]:
    """Sort by signal strength, sensors with a driver before the rest."""
    return sorted(heard.values(), key=lambda n: (n.driver is None, -n.rssi_dbm))
