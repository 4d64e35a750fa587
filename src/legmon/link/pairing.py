"""Who is paired with: sensors whose driver says so, and those that refuse a step of their start until they are."""

import asyncio
import contextlib
import logging
from typing import Literal

from bleak import BleakClient
from bleak.exc import BleakDBusError, BleakError, BleakGATTProtocolError

log = logging.getLogger(__name__)

DOUBTFUL, REFUSED, UNANSWERED = 8, 4, 1  # BlueZ refuses for a bond that is lost, but once for a bad link too
FORGET_S = 5.0
_INSUFFICIENT = {0x05, 0x08, 0x0C, 0x0F}  # authentication, authorization, key size, encryption


class UnpairedError(BleakError):
    """The sensor refused what it does for a paired computer.

    Parameters
    ----------
    has_failed : bool
        Whether pairing did not help, or did not come about.
    """

    def __init__(self, *, has_failed: bool) -> None:
        super().__init__("pairing did not help" if has_failed else "wants to be paired")
        self.has_failed = has_failed


class Pairing:
    """What one session knows of bonds."""

    def __init__(self) -> None:
        self._wanting: dict[
            str, Literal["new", "anew", "works"]
        ] = {}  # where a step was refused for want of one
        self._doubts = 0

    def wants(self, address: str) -> bool:
        """Whether a sensor has refused something for want of a bond."""
        return address in self._wanting

    def has_failed(self, address: str) -> bool:
        """Whether a sensor that wants a bond has not streamed with one yet."""
        return self._wanting.get(address, "works") != "works"

    def connected(self) -> None:
        """Note that a sensor let us in."""
        self._doubts = 0

    def started(self, address: str) -> None:
        """Note that a sensor streams."""
        if address in self._wanting:
            self._wanting[address] = "works"

    async def refused(self, client: BleakClient, *, was_paired: bool) -> UnpairedError:
        """Note that a step of a start was refused; say what that means. At the next connection it is paired with.

        A bond with which it was refused is forgotten, but only once until one has worked: a person may have to agree each time.
        """
        address = client.address
        if not was_paired:
            self._wanting[address] = "new"
        elif self._wanting.get(address) != "anew":
            self._wanting[address] = "anew"
            await _forget(client)
        return UnpairedError(has_failed=was_paired)

    async def doubt(self, client: BleakClient, weight: int, *, pairs: bool) -> None:
        """Weigh an attempt that failed with a sensor that was heard; after enough of them in a row forget the bond."""
        self._doubts += weight
        if pairs and self._doubts >= DOUBTFUL and weight == REFUSED:  # silence alone is no refusal
            self._doubts = 0
            await _forget(client)


async def _forget(client: BleakClient) -> None:
    log.info("link: forgetting the bond with %s", client.address)
    with contextlib.suppress(
        BleakError, TimeoutError, NotImplementedError, EOFError
    ):  # macOS: its owner does
        async with asyncio.timeout(FORGET_S):
            if client.is_connected:
                await client.disconnect()
            await client.unpair()


def wants_pairing(error: Exception) -> bool:
    """Whether a read, write or subscription was refused for want of a bond; D-Bus has one name for three ATT errors."""
    if isinstance(error, BleakDBusError):
        return error.dbus_error == "org.bluez.Error.NotPermitted" and "Not paired" in str(error)
    return isinstance(error, BleakGATTProtocolError) and int(error.code) in _INSUFFICIENT
