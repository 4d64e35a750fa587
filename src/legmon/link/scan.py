"""One scan of a radio, shared by all who look for a sensor."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason

from legmon.link.tasks import end_tasks

log = logging.getLogger(__name__)

T = TypeVar("T")

RENEW_S = 20.0  # a scan whose adapter was pulled out stays silent without an error; a new scan finds the next adapter
START_S, STOP_S = 10.0, 4.0  # a radio that has not answered by then hangs
LATE_S = 60.0  # it may still answer until then; afterwards the command is cancelled

_late: set[asyncio.Task[None]] = set()


@contextlib.asynccontextmanager
async def scanning(
    heard: Callable[[BLEDevice, AdvertisementData], None], arguments: dict[str, Any]
) -> AsyncIterator[None]:
    """Scan while the block runs. Raise an error if the radio hangs.

    A radio may never answer again after a command was cancelled. So a command that takes too long goes on in the background. If
    its scan starts after all, it is stopped. No new scan is started until then.

    Parameters
    ----------
    heard : callable
        Called with each device and its advertisement.
    arguments : dict
        Keyword arguments for ``BleakScanner``.

    Raises
    ------
    BleakError
        If the radio does not scan; `BleakBluetoothNotAvailableError` if it does not answer.
    """
    mine = [task for task in _late if task.get_loop() is asyncio.get_running_loop()]
    if mine and (await asyncio.wait(mine, timeout=START_S))[1]:
        raise _silent()
    scanner = BleakScanner(heard, **arguments)
    await _in_time(asyncio.create_task(scanner.start()), START_S, scanner)
    try:
        yield
    finally:
        await _in_time(asyncio.create_task(scanner.stop()), STOP_S, scanner)


async def _in_time(command: asyncio.Task[None], within_s: float, scanner: BleakScanner) -> None:
    try:
        await asyncio.wait({command}, timeout=within_s)
    finally:
        if not command.done() and not command.cancelling():
            late = asyncio.create_task(_come_late(command, scanner))
            _late.add(late)
            late.add_done_callback(_late.discard)
    if not command.done():
        raise _silent()
    command.result()


async def _come_late(command: asyncio.Task[None], scanner: BleakScanner) -> None:
    await asyncio.wait({command}, timeout=LATE_S)
    await end_tasks(command)
    with contextlib.suppress(Exception):  # a radio that hung may raise anything
        async with asyncio.timeout(STOP_S):
            await scanner.stop()


def _silent() -> BleakBluetoothNotAvailableError:
    reason = BleakBluetoothNotAvailableReason.UNKNOWN
    return BleakBluetoothNotAvailableError("no answer in time", reason)


class Scan:
    """Scans while any task waits for a device. BlueZ allows one scan per process and refuses a second one.

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
        """A callback for every advertisement, whichever scan receives it."""

    async def first(self, wanted: Callable[[BLEDevice, AdvertisementData], T | None]) -> T:
        """Wait without limit until a wanted device advertises.

        Parameters
        ----------
        wanted : callable
            Called with each device and its advertisement. Its first result that is not None is returned.

        Raises
        ------
        BleakError
            If the radio does not scan; `BleakBluetoothNotAvailableError` also if Linux has no D-Bus.
        """
        return await self._until(asyncio.get_running_loop().create_future(), wanted)

    async def listen(self, seconds: float) -> None:
        """Scan for some seconds for `overheard`. End early if somebody finds a sensor: radios connect badly while they scan.

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
                await asyncio.wait({self._task}, timeout=STOP_S)

    async def _run(self) -> None:
        """Scan while anybody waits. Never cancelled: a radio may not answer again after a cancelled command."""
        try:
            while self._waiting:
                self._rest.clear()
                async with scanning(self._heard, self._arguments):
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(RENEW_S):
                            await self._rest.wait()
        except OSError as e:
            reason = BleakBluetoothNotAvailableReason.NO_BLUETOOTH
            self._fail(BleakBluetoothNotAvailableError(f"no Bluetooth service answers: {e}", reason))
        except Exception as e:  # noqa: BLE001 (raised in the waiting task)
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
                # End the listeners first. The finder then sees that no task waits, and ends the scan.
                for enough in self._listening:
                    if not enough.done():
                        enough.set_result(None)
                future.set_result(found)
