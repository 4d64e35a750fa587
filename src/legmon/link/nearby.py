"""List the devices nearby, their signal strength, and the driver that fits each."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from legmon import logs
from legmon.link.radio import Radio
from legmon.link.scan import scanning
from legmon.link.session import advertisement
from legmon.movement import Leg
from legmon.sensors import ankle
from legmon.sensors.base import Driver, HeardSensor, strongest_first
from legmon.sensors.registry import recognise

log = logging.getLogger(__name__)

WEIGHT = 0.3  # of the newest signal strength: single packets differ by 10 dB
MOST, FORGOTTEN_S = 12, 10.0
LOOK_S = 1.0  # between two checks whether a device is to be forgotten
LISTEN_S, REST_S = 3.0, 4.0  # beside a stream: long enough for sensors that advertise once a second
WEAKEST_DBM, STRONGEST_DBM = -126, 20  # beyond, it is not known: BlueZ reports -127, a controller itself 127


async def listen(
    radio: Radio,
    drivers: Mapping[str, Driver],
    seconds: float,
    changed: Callable[[list[HeardSensor]], None] = lambda _: None,
    *,
    forgotten_s: float | None = None,
) -> list[HeardSensor]:
    """Scan for some seconds and return the devices found lately: sensors before other devices, the strongest first.

    Parameters
    ----------
    radio : Radio
        Through which Bluetooth.
    drivers : mapping of str to Driver
        The drivers that may fit, by name.
    seconds : float
        How long.
    changed : callable
        Called with the list whenever it may have changed.
    forgotten_s : float or None
        A device that has not advertised for this long leaves the list; None for 10 s.

    Raises
    ------
    BleakError, OSError
        If there is no Bluetooth to listen with.
    """
    recent = RecentlyHeard(forgotten_s)

    def hear(device: BLEDevice, data: AdvertisementData) -> None:
        recent.hear(device, data, recognise(drivers.values(), advertisement(data)))
        changed(recent.strongest())

    async with scanning(hear, radio.scanner):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(LOOK_S, left))
            changed(recent.strongest())
    return recent.strongest()


def is_known(rssi_dbm: float) -> bool:
    """Whether this is a signal strength, and not the value that stands for none."""
    return WEAKEST_DBM <= rssi_dbm <= STRONGEST_DBM


class RecentlyHeard:
    """The devices that advertised in the last seconds. A packet without a known strength leaves the strength as it was.

    Parameters
    ----------
    forgotten_s : float or None
        After how long a device is forgotten; None for `FORGOTTEN_S`.
    """

    def __init__(self, forgotten_s: float | None = None) -> None:
        self._forgotten_s = FORGOTTEN_S if forgotten_s is None else forgotten_s
        self._heard: dict[str, tuple[HeardSensor, float]] = {}

    def hear(self, device: BLEDevice, data: AdvertisementData, fit: tuple[Driver, Leg | None] | None) -> None:
        """Add a packet, with the driver and the leg of its sender where a driver fits."""
        before, _ = self._heard.get(device.address, (None, 0.0))
        self._heard[device.address] = (_heard(before, device, data, fit), time.monotonic())

    def strongest(self) -> list[HeardSensor]:
        """Return the devices: sensors with a driver before the rest, the strongest first, unknown strengths last."""
        now = time.monotonic()
        self._heard = {a: (h, at) for a, (h, at) in self._heard.items() if now - at < self._forgotten_s}
        heard = [replace(h, heard_s=round(now - at, 1)) for h, at in self._heard.values()]
        return sorted(heard, key=lambda h: (h.driver is None, *strongest_first(h)))

    def clear(self) -> None:
        """Forget everything."""
        self._heard.clear()


class Surroundings:
    """The sensors that any scan found lately. It scans itself if no other scan runs.

    Parameters
    ----------
    radio : Radio
        The Bluetooth radio to use.
    drivers : sequence of Driver
        The kinds of sensors that count.
    """

    def __init__(self, radio: Radio, drivers: Sequence[Driver]) -> None:
        self._scan = radio.scan
        self._drivers = drivers
        self._recent = RecentlyHeard()

    async def run(self, is_free: Callable[[], bool]) -> None:
        """Note every advertisement until cancelled, and scan from time to time.

        Parameters
        ----------
        is_free : callable
            Whether a scan is allowed: not while a session connects or looks for a sensor, which is a scan already.
        """
        self._scan.overheard = self._hear
        try:
            while True:
                if is_free():
                    try:
                        await self._scan.listen(LISTEN_S)
                    except Exception as e:  # noqa: BLE001 (the session that needs the radio reports what is wrong with it)
                        log.info("listening: %s: %s", type(e).__name__, e)
                await asyncio.sleep(REST_S)
        finally:
            self._scan.overheard = None
            self._recent.clear()

    def lately(self) -> list[HeardSensor]:
        """Return the strongest of them."""
        return self._recent.strongest()[:MOST]

    def _hear(self, device: BLEDevice, data: AdvertisementData) -> None:
        fit = recognise(self._drivers, advertisement(data))
        if fit is not None and is_known(data.rssi):  # the pages ask to choose by strength
            logs.hide(data.local_name, device.name, device.address)
            self._recent.hear(device, data, fit)


def _heard(
    before: HeardSensor | None,
    device: BLEDevice,
    data: AdvertisementData,
    fit: tuple[Driver, Leg | None] | None,
) -> HeardSensor:
    """Return a device with what its newest packet adds to what was known."""
    known = before or HeardSensor(device.address, None, None, None, None)
    rssi_dbm = known.rssi_dbm
    if is_known(data.rssi):
        smoothed = data.rssi if rssi_dbm is None else rssi_dbm
        rssi_dbm = round(smoothed + WEIGHT * (data.rssi - smoothed), 1)
    battery = ankle.advertised_battery(advertisement(data)) if fit and fit[0] is ankle.DRIVER else None
    return HeardSensor(
        address=device.address,
        name=data.local_name or device.name or known.name,
        rssi_dbm=rssi_dbm,
        driver=fit[0].name if fit else known.driver,
        side=fit[1] if fit else known.side,
        battery_percent=known.battery_percent if battery is None else battery,
    )
