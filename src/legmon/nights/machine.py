"""Ask this machine and its data folder whether everything is ready for the night."""

import asyncio
import ctypes
import os
import shutil
import sqlite3
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import tzlocal
from sqlalchemy.exc import DBAPIError

from legmon.catalog.annotations import Annotations
from legmon.catalog.database import contents
from legmon.catalog.derived import DerivedData
from legmon.catalog.file import FILE, catalog_trouble, has_recordings
from legmon.catalog.recording_files import RecordingFiles
from legmon.catalog.state import SensorState
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.limits import RATE_HZ
from legmon.link.inhibitor import SleepInhibitor, Wakefulness
from legmon.movement import NS, Leg
from legmon.nights import readiness
from legmon.nights.postures import Postures
from legmon.nights.readiness import DiskRoom, RadioTrouble, ReadinessCheck
from legmon.recording.records import Samples, encode
from legmon.sensors.base import Driver, HeardSensor
from legmon.sensors.registry import registry

if TYPE_CHECKING:
    from bleak.exc import BleakError

FRAME_S = 0.25
MEASURED_NIGHTS = 10  # the newest ones say how much room a night takes
SHORTEST_MEASURED_NS = 600 * NS  # the beginning of a recording says little of a night
TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


# the two lists


def examine(folder: Path, hci: str | None, seconds: float) -> Iterator[ReadinessCheck]:
    """Check everything that `legmon doctor` looks at.

    Parameters
    ----------
    folder : Path
        The data folder, which need not exist.
    hci : str or None
        A Bluetooth controller of its own; None for the operating system's Bluetooth.
    seconds : float
        How long to listen for sensors.
    """
    before = wall_minus_boot_ns()
    newest_ns, drain, room, of_catalog = _from_catalog(folder)
    yield from _radio(hci, seconds, drain)
    jump_s = (wall_minus_boot_ns() - before) / 1e9
    refused = write_trouble(folder)
    if of_catalog and not refused:
        yield of_catalog
    else:
        exists, others = folder.exists(), read_by_others(folder)
        yield readiness.folder(str(folder), refused, exists=exists, others_read=others)
    yield from recordings(folder)
    yield readiness.disk(room)
    yield readiness.clock(time.time_ns(), newest_ns=newest_ns, synchronised=synchronised(), jump_s=jump_s)
    yield from readiness.computer(asyncio.run(SleepInhibitor().look()))
    yield readiness.zone(*zone())
    kept = compiled_folder()
    yield readiness.cache(str(kept), writable=write_trouble(kept) is None)


def tonight(
    catalog: Catalog,
    annotations: Annotations,
    legs: Sequence[Leg],
    sensors: Sequence[SensorState],
    *,
    now_ns: int,
    simulated: bool,
    wakefulness: Wakefulness,
    drain_per_hour: float | None,
) -> list[ReadinessCheck]:
    """Check everything that the page Tonight lists.

    Parameters
    ----------
    catalog, annotations : Catalog, Annotations
        The catalog of the data folder.
    legs : sequence of str
        The legs that wear a sensor tonight.
    sensors : sequence of SensorState
        What the recorder reports of them.
    now_ns : int
        The recording's clock, ns UTC.
    simulated : bool
        Whether that clock is a simulated one, which no time server sets.
    wakefulness : Wakefulness
        Whether the computer stays awake, as the recorder reports it.
    drain_per_hour : float or None
        Battery percent that an hour took on earlier nights.
    """
    newest_ns = _newest_ns(catalog)
    follows = None if simulated else synchronised()
    return readiness.tonight(
        sensors,
        disk=readiness.disk(disk_room(catalog.folder, catalog)),
        clock=readiness.clock(now_ns, newest_ns=newest_ns, synchronised=follows),
        wakefulness=wakefulness,
        drain_per_hour=drain_per_hour,
        fits=[annotations.check_of(leg, now_ns) for leg in legs],
    )


def disk_room(folder: Path, catalog: Catalog | None = None) -> DiskRoom:
    """Return how many nights fit on the disk that a folder is, or would be, on.

    Parameters
    ----------
    folder : Path
        The data folder.
    catalog : Catalog, optional
        Its catalog. The newest nights in it are measured; without one, the size of a night is estimated.
    """
    free = shutil.disk_usage(nearest_existing(folder)).free
    nights = catalog.nights(limit=MEASURED_NIGHTS) if catalog else []
    closed = [n for n in nights if n.state == "closed" and n.duration_ns >= SHORTEST_MEASURED_NS and n.legs]
    taken = sum(_folder_bytes(folder / "nights" / n.id) for n in closed)
    seconds = sum(n.duration_ns / NS * len(n.legs) for n in closed)
    kept = taken / seconds if taken else None
    return DiskRoom.of(free, bytes_per_second(RATE_HZ), kept, len(closed) if taken else 0)


def _folder_bytes(folder: Path) -> int:
    """Return how many bytes the files of a folder take."""
    with suppress(OSError):
        return sum(f.stat().st_size for f in os.scandir(folder) if f.is_file(follow_symlinks=False))
    return 0


def _from_catalog(folder: Path) -> tuple[int | None, float | None, DiskRoom, ReadinessCheck | None]:
    """Return the end of the newest night, battery drain per hour, the room for nights, and what is wrong with the catalog."""
    nothing = None, None, disk_room(folder)
    try:
        found = contents(folder / FILE, whole=True)
        if found.kind in {"missing", "empty"} and not has_recordings(folder):
            return *nothing, None
        if found.kind in {"missing", "empty", "damaged", "unknown"}:
            return *nothing, readiness.lost_catalog(str(folder), found.kind)
        catalog = Catalog(folder)
    except (LegmonError, sqlite3.Error, OSError) as e:
        return *nothing, readiness.catalog(str(folder), str(e))
    postures = Postures(catalog, DerivedData(catalog, ""), keep=False)  # a check changes nothing
    try:
        real = any(
            not n.simulated for n in catalog.nights(limit=1)
        )  # simulated nights have a clock of their own
        drain = None
        with suppress(ValueError, OSError):  # a recording that cannot be read has no battery levels
            drain = postures.drain_per_hour()
        return _newest_ns(catalog) if real else None, drain, disk_room(folder, catalog), None
    except DBAPIError as e:
        return *nothing, readiness.catalog(str(folder), catalog_trouble(folder, e))
    finally:
        catalog.close()


def recordings(folder: Path) -> list[ReadinessCheck]:
    """Check whether the recordings are what was sealed, from what the catalog knows; empty where it cannot be read."""
    try:
        if contents(folder / FILE).kind != "ours":
            return []
        catalog = Catalog(folder)
    except (LegmonError, sqlite3.Error, OSError):
        return []
    try:
        known = RecordingFiles(catalog).custody()
    except DBAPIError:
        return []
    finally:
        catalog.close()
    return [readiness.recordings(known, time.time_ns())]


def _newest_ns(catalog: Catalog) -> int | None:
    nights = catalog.nights(limit=1)
    return nights[0].started_ns + nights[0].duration_ns if nights else None


# the radio


class RadioError(Exception):
    """The radio does not scan."""

    def __init__(self, trouble: RadioTrouble, detail: str) -> None:
        super().__init__(detail)
        self.trouble = trouble


def try_radio(hci: str | None) -> ReadinessCheck:
    """Check whether the radio scans, by a scan of no length.

    Parameters
    ----------
    hci : str or None
        A Bluetooth controller of its own; None for the operating system's Bluetooth.
    """
    return next(_radio(hci, 0.0, None))


def _radio(hci: str | None, seconds: float, drain_per_hour: float | None) -> Iterator[ReadinessCheck]:
    drivers = registry().drivers
    try:
        everything = asyncio.run(_listen(hci, drivers, seconds))
    except RadioError as e:
        yield readiness.bluetooth(e.trouble, str(e), sys.platform)
        return
    radio = f"The controller at {hci}" if hci else "A Bluetooth adapter"
    yield readiness.bluetooth(None, radio, sys.platform)
    sensors = [heard for heard in everything if heard.driver is not None]
    titles = {name: driver.title for name, driver in drivers.items()}
    others = len(everything) - len(sensors)
    yield from readiness.heard(sensors, titles, others, seconds, drain_per_hour)


async def _listen(hci: str | None, drivers: Mapping[str, Driver], seconds: float) -> list[HeardSensor]:
    """Listen for some seconds and return every device that was found.

    Raises
    ------
    RadioError
        If the radio does not scan.
    """
    from bleak.exc import BleakError

    from legmon.link.nearby import listen
    from legmon.link.radio import pick

    try:
        return await listen(pick(hci), drivers, seconds, forgotten_s=float("inf"))
    except (BleakError, OSError) as e:
        raise RadioError(_trouble(e, hci=hci is not None), str(e.args[0] if e.args else e)) from e
    finally:
        if hci is not None:
            from legmon.link.hci.adapter import Adapter

            await Adapter.close_all()


def _trouble(error: "BleakError | OSError", *, hci: bool) -> RadioTrouble:
    from bleak.exc import BleakBluetoothNotAvailableError
    from bleak.exc import BleakBluetoothNotAvailableReason as Reason

    reasons: dict[object, RadioTrouble] = {
        Reason.NO_BLUETOOTH: "absent",
        Reason.NO_BLE_CENTRAL_ROLE: "classic",
        Reason.POWERED_OFF: "off",
        Reason.DENIED_BY_USER: "denied",
        Reason.DENIED_BY_SYSTEM: "denied",
        Reason.DENIED_BY_UNKNOWN: "denied",
    }
    if hci:
        return "hci"
    if isinstance(error, BleakBluetoothNotAvailableError):
        return reasons.get(error.args[1] if len(error.args) > 1 else None, "unknown")
    text = str(error)
    if isinstance(error, PermissionError) or "AccessDenied" in text:
        return "denied"
    # Without a D-Bus, or without a Bluetooth service on it.
    if isinstance(error, OSError) or "ServiceUnknown" in text or "NameHasNoOwner" in text:
        return "service"
    return "unknown"


# folders and the disk


def nearest_existing(path: Path) -> Path:
    """Return the nearest folder that exists: the path itself, or one above it."""
    return next((p for p in (path, *path.parents) if p.exists()), Path(path.anchor or "."))


def write_trouble(path: Path) -> str | None:
    """Return why legmon cannot write to a folder, or cannot create it; None if it can."""
    place = nearest_existing(path)
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
    """Return the folder in which numba keeps the compiled detector."""
    import legmon.detection.jit  # noqa: F401 (sets it if it is not set)

    return Path(os.environ["NUMBA_CACHE_DIR"])


def bytes_per_second(rate_hz: int) -> float:
    """Return how many bytes of recording a sensor makes in a second."""
    samples = max(1, round(rate_hz * FRAME_S))
    frame = encode(Samples(first=0, arrival_ns=0, t_us=0, xyz=np.zeros((samples, 3), np.int16)))
    return len(frame) / samples * rate_hz


# the clock


def wall_minus_boot_ns() -> int:
    """Return the wall clock minus the monotonic clock. The difference changes when the wall clock is set."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.time_ns() - (time.monotonic_ns() if boot is None else time.clock_gettime_ns(boot))


def synchronised() -> bool | None:
    """Whether the kernel says that the clock follows a time server; None if the kernel does not report it."""
    with suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        adjtimex = getattr(library, "adjtimex", None) or library.ntp_adjtime
        state = adjtimex(ctypes.create_string_buffer(512))  # `modes` 0: changes nothing
        return None if state < 0 else bool(state != TIME_ERROR)
    return None


def zone() -> tuple[str | None, int]:
    """Return the name of the time zone, None if it is not known, and its offset from UTC in seconds."""
    with suppress(Exception):  # whatever a machine has for a zone
        name = tzlocal.get_localzone_name()
        ZoneInfo(name)
        return name, time.localtime().tm_gmtoff
    return None, 0
