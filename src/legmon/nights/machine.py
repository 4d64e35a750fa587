"""What `legmon doctor` asks of this machine: the radio, folders, the disk, the clock."""

import asyncio
import ctypes
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import tzlocal
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakError

from legmon.link.radio import Radio
from legmon.link.scan import scanning
from legmon.link.session import advertisement
from legmon.nights.readiness import Heard, Trouble
from legmon.recording.records import Samples, encode
from legmon.sensors import ankle
from legmon.sensors.base import Driver
from legmon.sensors.registry import recognise

FRAME_S = 0.25
TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised

_REASONS: dict[object, Trouble] = {
    BleakBluetoothNotAvailableReason.NO_BLUETOOTH: "absent",
    BleakBluetoothNotAvailableReason.NO_BLE_CENTRAL_ROLE: "classic",
    BleakBluetoothNotAvailableReason.POWERED_OFF: "off",
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: "denied",
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: "denied",
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: "denied",
}


class RadioError(Exception):
    """The radio does not scan."""

    def __init__(self, trouble: Trouble, detail: str) -> None:
        super().__init__(detail)
        self.trouble = trouble


async def listen(
    radio: Radio, drivers: Sequence[Driver], seconds: float, *, hci: bool
) -> tuple[list[Heard], int]:
    """Scan for so long; give the sensors that were heard, and how many other devices.

    Raises
    ------
    RadioError
        If the radio does not scan.
    """
    sensors: dict[str, Heard] = {}
    everybody: set[str] = set()

    def heard(device: BLEDevice, data: AdvertisementData) -> None:
        everybody.add(device.address)
        said = advertisement(data)
        fit = recognise(drivers, said)
        if fit is not None:
            driver, side = fit
            sensors[device.address] = Heard(
                name=device.name or "unnamed",
                address=device.address,
                driver=driver.title,
                side=side,
                rssi_dbm=data.rssi,
                battery=ankle.advertised_battery(said) if driver is ankle.DRIVER else None,
            )

    try:
        async with scanning(heard, radio.scanner):
            await asyncio.sleep(seconds)
    except (BleakError, OSError) as e:
        raise RadioError(_trouble(e, hci=hci), str(e.args[0] if e.args else e)) from e
    finally:
        if hci:
            from legmon.link.hci.adapter import Adapter

            await Adapter.close_all()
    return list(sensors.values()), len(everybody) - len(sensors)


def _trouble(error: BleakError | OSError, *, hci: bool) -> Trouble:
    if hci:
        return "hci"
    if isinstance(error, BleakBluetoothNotAvailableError):
        return _REASONS.get(error.args[1] if len(error.args) > 1 else None, "unknown")
    text = str(error)
    if isinstance(error, PermissionError) or "AccessDenied" in text:
        return "denied"
    # Without a D-Bus, or without anybody on it who speaks for Bluetooth.
    if isinstance(error, OSError) or "ServiceUnknown" in text or "NameHasNoOwner" in text:
        return "service"
    return "unknown"


def existing(path: Path) -> Path:
    """Find the nearest folder that is there already."""
    return next((p for p in (path, *path.parents) if p.exists()), Path(path.anchor or "."))


def write_trouble(path: Path) -> str | None:
    """Say why nothing can be written there, or where it would be made; None when something can."""
    place = existing(path)
    if not place.is_dir():
        return f"{place} is not a folder"
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".legmon-") as probe:
            probe.write(b"x")
    except OSError as e:
        return e.strerror or str(e)
    return None


def read_by_others(path: Path) -> bool:
    """Whether others on this computer can look into a folder."""
    return os.name == "posix" and path.is_dir() and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def compiled_folder() -> Path:
    """Find where numba keeps what it compiled."""
    import legmon.detection.jit  # noqa: F401 (names it, unless somebody has)

    return Path(os.environ["NUMBA_CACHE_DIR"])


def free_bytes(path: Path) -> int:
    """Room on the disk that a folder is, or would be, on."""
    return shutil.disk_usage(existing(path)).free


def bytes_per_second(rate_hz: int) -> float:
    """What a sensor writes."""
    samples = max(1, round(rate_hz * FRAME_S))
    frame = encode(Samples(first=0, arrival_ns=0, t_us=0, xyz=np.zeros((samples, 3), np.int16)))
    return len(frame) / samples * rate_hz


def wall_minus_boot_ns() -> int:
    """Difference of the clock that can be set and the one that cannot; changes when it is set."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.time_ns() - (time.monotonic_ns() if boot is None else time.clock_gettime_ns(boot))


def synchronised() -> bool | None:
    """Whether the kernel says that the clock follows a time server; None where it does not tell."""
    with suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        ask = getattr(library, "adjtimex", None) or library.ntp_adjtime
        state = ask(ctypes.create_string_buffer(512))  # `modes` 0: only asks
        return None if state < 0 else bool(state != TIME_ERROR)
    return None


def zone() -> tuple[str | None, int]:
    """Name of the time zone, None where it is not known, and its offset from UTC in seconds."""
    with suppress(Exception):  # whatever a machine has for a zone
        name = tzlocal.get_localzone_name()
        ZoneInfo(name)
        return name, time.localtime().tm_gmtoff
    return None, 0
