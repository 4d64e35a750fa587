"""Choose the Bluetooth radio: the operating system's, or a controller over HCI."""

import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from legmon.link import bluez
from legmon.link.scan import Scan


@dataclass(frozen=True)
class Radio:
    """A radio, as arguments for bleak. Code above this module does not know which radio it uses.

    Parameters
    ----------
    scanner, client : dict
        Keyword arguments for ``BleakScanner`` and ``BleakClient``; empty for the operating system's Bluetooth.
    """

    scanner: dict[str, Any] = field(default_factory=dict)
    client: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def scan(self) -> Scan:
        """The scan that all users of this radio share."""
        return Scan(self.scanner)

    async def disconnect_stale(self, address: str) -> bool:
        """End connections to a sensor that a dead program left open. Return whether there was one.

        Only BlueZ keeps such connections; elsewhere a connection ends with its program.
        """
        return self._is_bluez and await bluez.disconnect_stale(address)

    def refresh(self) -> None:
        """Have the state of all sensors read again. Only bleak's picture of BlueZ can be wrong."""
        if self._is_bluez:
            bluez.replace_manager()

    @property
    def _is_bluez(self) -> bool:
        return sys.platform == "linux" and "backend" not in self.client


def pick(hci: str | None) -> Radio:
    """Return the radio to use.

    Parameters
    ----------
    hci : str or None
        None for the operating system's Bluetooth. Otherwise a bumble transport: ``unix-client:PATH`` or
        ``tcp-client:HOST:PORT`` for the virtual air, ``usb:0`` or ``serial:DEVICE,BAUD`` for a separate dongle.
    """
    if hci is None:
        return Radio()
    from legmon.link.hci.client import HciClient
    from legmon.link.hci.scanner import HciScanner

    return Radio({"backend": HciScanner, "hci": hci}, {"backend": HciClient, "hci": hci})
