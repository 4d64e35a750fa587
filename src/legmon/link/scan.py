"""One discovery of a radio for everybody who looks for a sensor on it."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason

log = logging.getLogger(__name__)

T = TypeVar("T")

END_S = 10.0
RENEW_S = 20.0  # a discovery whose adapter was pulled out hears nothing more and says nothing; a new one finds the next adapter


class Scan:
    """Scans while anybody waits. BlueZ grants a process one discovery, and refuses a second one.

    Parameters
    ----------
    arguments : dict
        Keyword arguments for ``BleakScanner``.
    """

    def __init__(self, arguments: dict[str, Any]) -> None:
        self._arguments = arguments
        self._waiting: dict[asyncio.Future[Any], Callable[[BLEDevice, AdvertisementData], Any]] = {}
        self._task: asyncio.Task[None] | None = None
        self._rest = asyncio.Event()
        self._listening: set[asyncio.Future[None]] = set()
        self.overheard: Callable[[BLEDevice, AdvertisementData], None] | None = None
        """Is told everything that is heard, whoever it is that scans."""

    async def first(self, wanted: Callable[[BLEDevice, AdvertisementData], T | None]) -> T:
        """Wait until something is heard that is wanted, however long.

        Parameters
        ----------
        wanted : callable
            Is given what is heard; what it returns is returned, unless it is None.

        Raises
        ------
        BleakError
            If the radio does not scan: `BleakBluetoothNotAvailableError` also where Linux has no D-Bus.
        """
        return await self._until(asyncio.get_running_loop().create_future(), wanted)

    async def listen(self, seconds: float) -> None:
        """Scan for some seconds for who overhears; for less where somebody finds a sensor: radios connect badly while they scan.

        Raises
        ------
        BleakError
            As `first`.
        """
        enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listening.add(enough)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._until(enough, lambda *_: None)
        finally:
            self._listening.discard(enough)

    async def _until(
        self, future: asyncio.Future[T], wanted: Callable[[BLEDevice, AdvertisementData], T | None]
    ) -> T:
        self._waiting[future] = wanted
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        try:
            return await future
        finally:
            del self._waiting[future]
            if not self._waiting:
                self._rest.set()
                await asyncio.wait({self._task}, timeout=END_S)

    async def _run(self) -> None:
        """Scan while anybody waits.

        It is asked to end, never cancelled: a radio whose command is broken off may never answer again.
        """
        try:
            while self._waiting:
                self._rest.clear()
                async with BleakScanner(self._heard, **self._arguments):
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(RENEW_S):
                            await self._rest.wait()
        except OSError as e:
            reason = BleakBluetoothNotAvailableReason.NO_BLUETOOTH
            self._fail(BleakBluetoothNotAvailableError(f"no Bluetooth service answers: {e}", reason))
        except Exception as e:  # noqa: BLE001 (it is raised where it is waited for)
            self._fail(e)

    def _fail(self, error: Exception) -> None:
        log.info("scan: %s: %s", type(error).__name__, error)
        for future in self._waiting:
            if not future.done():
                future.set_exception(error)

    def _heard(self, device: BLEDevice, data: AdvertisementData) -> None:
        if self.overheard is not None:
            self.overheard(device, data)
        for future, wanted in list(self._waiting.items()):
            if not future.done() and (found := wanted(device, data)) is not None:
                for (
                    enough
                ) in self._listening:  # before who found: he then sees that nobody waits, and ends the scan
                    if not enough.done():
                        enough.set_result(None)
                future.set_result(found)
