"""Control the local radio behind an HCI stream, which is usually the operating system's task."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakError
from bumble import hci
from bumble.core import UUID, BaseBumbleError
from bumble.device import Device, DeviceConfiguration
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport

OPEN_S = 6.0  # longest time to set a controller up
ANSWER_S = 3.0  # longest time for one request to the controller; Linux allows 2 s for a command


class Adapter:
    """One Bluetooth host on one HCI transport, shared by all scanners and clients of an event loop.

    Use `Adapter.get`. Bonds last as long as the process: after a restart, client and sensor pair again.
    """

    _open: ClassVar[dict[tuple[int, str], "Adapter"]] = {}

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self.alive = True
        self.connecting = asyncio.Lock()  # a controller has one pending connection at a time
        self.on_lost: set[Callable[[], None]] = set()
        self.device: Device
        self._scanning = asyncio.Lock()
        self._listeners: set[Callable[[Any], None]] = set()
        self._transport: Any = None
        self._ready = asyncio.ensure_future(self._start())
        self._ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())

    @classmethod
    async def get(cls, spec: str) -> "Adapter":
        """Return the adapter of this event loop, opened.

        Raises
        ------
        BleakBluetoothNotAvailableError
            If the transport cannot be opened, or no controller answers.
        """
        key = (id(asyncio.get_running_loop()), spec)
        adapter = cls._open.get(key)
        if adapter is None or not adapter.alive:
            adapter = cls._open[key] = cls(spec)
        await asyncio.shield(adapter._ready)
        return adapter

    async def _start(self) -> None:
        try:
            async with asyncio.timeout(OPEN_S):
                self._transport = await open_transport(self.spec)
                config = DeviceConfiguration(name="legmon", address=hci.Address.generate_static_address())
                self.device = Device.from_config_with_hci(
                    config, self._transport.source, self._transport.sink
                )
                self.device.pairing_config_factory = _pairing
                self.device.on("advertisement", self._advertisement)
                self.device.on("flush", self._lost)
                await self.device.power_on()
                self.device.keystore = MemoryKeyStore()
        except Exception as e:
            await self._drop()
            why = f"nothing came within {OPEN_S:.0f} s" if isinstance(e, TimeoutError) else str(e)
            raise self._silent(why) from e

    def _silent(self, why: str) -> BleakBluetoothNotAvailableError:
        reason = BleakBluetoothNotAvailableReason.NO_BLUETOOTH
        return BleakBluetoothNotAvailableError(
            f"the Bluetooth controller at {self.spec} does not answer: {why}", reason
        )

    def _advertisement(self, advertisement: Any) -> None:
        for listener in list(self._listeners):
            listener(advertisement)

    def _lost(self) -> None:
        """Notify every client: bumble reports no disconnection when the HCI stream itself ends."""
        self.alive = False
        for callback in list(self.on_lost):
            callback()

    async def _drop(self) -> None:
        """Close a controller that does not answer. The next try opens it again."""
        self._lost()
        with contextlib.suppress(Exception):  # it may be gone, or hang here too
            async with asyncio.timeout(ANSWER_S):
                await self.close()

    async def listen(self, listener: Callable[[Any], None], *, active: bool) -> None:
        """Pass advertisements to a listener. The radio scans while there is any listener."""
        async with self._scanning:
            self._listeners.add(listener)
            if len(self._listeners) == 1:
                try:
                    async with asyncio.timeout(ANSWER_S):
                        await self.device.start_scanning(active=active, filter_duplicates=False)
                except (hci.HCI_Error, BaseBumbleError) as e:
                    self._listeners.discard(listener)
                    raise BleakError(f"the Bluetooth controller does not scan: {e}") from e
                except TimeoutError as e:
                    await self._drop()
                    raise self._silent("it does not begin to scan") from e

    async def unlisten(self, listener: Callable[[Any], None]) -> None:
        """Stop passing advertisements to a listener."""
        async with self._scanning:
            if listener not in self._listeners:
                return
            self._listeners.discard(listener)
            if not self._listeners and self.alive:
                try:
                    async with asyncio.timeout(ANSWER_S):
                        await self.device.stop_scanning()
                except hci.HCI_Error:
                    pass
                except TimeoutError as e:
                    await self._drop()
                    raise self._silent("it does not stop scanning") from e

    @classmethod
    async def close_all(cls) -> None:
        """Close the transports of this event loop."""
        mine = [key for key in cls._open if key[0] == id(asyncio.get_running_loop())]
        for key in mine:
            adapter = cls._open.pop(key)
            await adapter.close()

    async def close(self) -> None:
        """Close the transport to the controller."""
        self.alive = False
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()


def _pairing(_connection: Any) -> PairingConfig:
    """LE Secure Connections, Just Works, with bonding."""
    delegate = PairingDelegate(PairingDelegate.IoCapability.NO_OUTPUT_NO_INPUT)
    return PairingConfig(sc=True, mitm=False, bonding=True, delegate=delegate)


def uuid_text(uuid: UUID) -> str:
    """Write a UUID as bleak does: 128 bits, lower case."""
    text: str = uuid.to_hex_str("-").lower()
    return text if len(text) == 36 else f"{text.zfill(8)}-0000-1000-8000-00805f9b34fb"


def uuids(data: Iterable[bytes], width: int) -> list[str]:
    """Split concatenated UUIDs of one width into bleak's form."""
    return [
        uuid_text(UUID.from_bytes(block[i : i + width]))
        for block in data
        for i in range(0, len(block) - width + 1, width)
    ]
