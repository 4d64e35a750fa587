"""Which Bluetooth the program goes through: the operating system's, or a controller reached over HCI."""

import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from legmon.link import bluez as stale
from legmon.link.scan import Scan


@dataclass(frozen=True)
class Radio:
    """What to hand to bleak so that it uses this radio; nothing above looks inside.

    Parameters
    ----------
    scanner, client : dict
        Keyword arguments for ``BleakScanner`` and ``BleakClient``; empty for the operating system's Bluetooth.
    """

    scanner: dict[str, Any] = field(default_factory=dict)
    client: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def scan(self) -> Scan:
        """The one discovery of everybody who has this radio."""
        return Scan(self.scanner)

    async def let_go(self, address: str) -> bool:
        """End a connection to a sensor that outlived the program which asked for it; say whether there was one.

        Only BlueZ keeps such connections; elsewhere they end with their program.
        """
        return self._is_bluez and await stale.let_go(address)

    def look_anew(self) -> None:
        """Have what is believed of the sensors asked for anew, where attempts fail time after time; only BlueZ's can be wrong."""
        if self._is_bluez:
            stale.look_anew()

    @property
    def _is_bluez(self) -> bool:
        return sys.platform == "linux" and "backend" not in self.client


def pick(hci: str | None) -> Radio:
    """Choose the radio.

    Parameters
    ----------
    hci : str or None
        None for the operating system's Bluetooth; otherwise a bumble transport: ``unix-client:PATH`` or
        ``tcp-client:HOST:PORT`` (the virtual air), ``usb:0``, ``serial:DEVICE,BAUD`` (a dongle of one's own).
    """
    if hci is None:
        return Radio()
    from legmon.link.hci.client import HciClient
    from legmon.link.hci.scanner import HciScanner

    return Radio({"backend": HciScanner, "hci": hci}, {"backend": HciClient, "hci": hci})
