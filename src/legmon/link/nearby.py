"""List the sensors that can be heard, their signal strength, and the driver that fits."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from legmon.link.radio import Radio
from legmon.link.scan import scanning
from legmon.link.session import advertisement
from legmon.movement import Leg
from legmon.sensors.base import Driver
from legmon.sensors.registry import Registry, recognise

log = logging.getLogger(__name__)

WEIGHT = 0.3  # of the newest signal strength: single packets differ by 10 dB
MOST, FORGOTTEN_S = 12, 10.0
LOOK_S = 1.0  # between two looks whether something is to be forgotten
LISTEN_S, REST_S = 3.0, 4.0  # beside a stream; long enough for sensors that advertise once a second
WEAKEST_DBM, STRONGEST_DBM = -126, 20  # other values mean unknown: -127 from BlueZ, 127 from a controller


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
    """Listen for some seconds. `changed` is called with the sensors heard lately, strongest first, when that may have changed.

    Raises
    ------
    BleakError
        If there is no Bluetooth to listen with.
    """
    lately = Lately()

    def hear(device: BLEDevice, data: AdvertisementData) -> None:
        lately.hear(device, data, recognise(known.drivers.values(), advertisement(data)))
        changed([n for n, _ in lately.strongest()])

    async with scanning(hear, radio.scanner):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(LOOK_S, left))
            changed([n for n, _ in lately.strongest()])
    return [n for n, _ in lately.strongest()]


def is_known(rssi_dbm: float) -> bool:
    """Whether this is a signal strength, not a value that means unknown."""
    return WEAKEST_DBM <= rssi_dbm <= STRONGEST_DBM


class Lately:
    """The devices heard in the last seconds. Packets without a known strength do not count."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[Nearby, float]] = {}

    def hear(self, device: BLEDevice, data: AdvertisementData, fit: tuple[Driver, Leg | None] | None) -> None:
        """Add a packet, with driver and leg of its sender if a driver fits."""
        if is_known(data.rssi):
            before, _ = self._heard.get(device.address, (None, 0.0))
            self._heard[device.address] = (_heard(before, device, data, fit), time.monotonic())

    def strongest(self) -> list[tuple[Nearby, float]]:
        """Return each device and how many seconds ago it was heard: those with a driver first, the strongest first."""
        now = time.monotonic()
        self._heard = {a: (n, at) for a, (n, at) in self._heard.items() if now - at < FORGOTTEN_S}
        order = sorted(self._heard.values(), key=lambda h: (h[0].driver is None, -h[0].rssi_dbm))
        return [(n, now - at) for n, at in order]

    def clear(self) -> None:
        """Forget everything."""
        self._heard.clear()


class Surroundings:
    """The sensors heard lately, by any scan, or by its own scans if there is no other.

    Parameters
    ----------
    radio : Radio
        The Bluetooth radio to use.
    drivers : sequence of Driver
        The families of sensors to list.
    """

    def __init__(self, radio: Radio, drivers: Sequence[Driver]) -> None:
        self._scan = radio.scan
        self._drivers = drivers
        self._lately = Lately()

    async def run(self, free: Callable[[], bool]) -> None:
        """Note what is heard until cancelled, and scan now and then.

        Parameters
        ----------
        free : callable
            Return whether to scan: not while a session scans or connects.
        """
        self._scan.overheard = self._hear
        try:
            while True:
                if free():
                    try:
                        await self._scan.listen(LISTEN_S)
                    except Exception as e:  # noqa: BLE001 (the session that needs the radio reports what is wrong)
                        log.info("listening: %s: %s", type(e).__name__, e)
                await asyncio.sleep(REST_S)
        finally:
            self._scan.overheard = None
            self._lately.clear()

    def lately(self) -> list[tuple[Nearby, float]]:
        """Return the strongest sensors, and how many seconds ago each was heard."""
        return self._lately.strongest()[:MOST]

    def _hear(self, device: BLEDevice, data: AdvertisementData) -> None:
        fit = recognise(self._drivers, advertisement(data))
        if fit is not None:
            self._lately.hear(device, data, fit)


def _heard(
    before: Nearby | None,
    device: BLEDevice,
    data: AdvertisementData,
    fit: tuple[Driver, Leg | None] | None,
) -> Nearby:
    rssi = data.rssi if before is None else before.rssi_dbm + WEIGHT * (data.rssi - before.rssi_dbm)
    return Nearby(
        device.address,
        data.local_name or device.name or (before.name if before else None),
        round(rssi, 1),
        fit[0].name if fit else before.driver if before else None,
        fit[1] if fit else before.side if before else None,
    )
