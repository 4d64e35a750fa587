"""Decide when to pair: if the driver requires it, or if the sensor refused a request until it is paired."""

import asyncio
import contextlib
import logging
from typing import Literal

from bleak import BleakClient
from bleak.exc import BleakDBusError, BleakError, BleakGATTProtocolError

log = logging.getLogger(__name__)

DOUBTFUL, REFUSED, UNANSWERED = 8, 4, 1  # two refusals mean a lost bond; a single one may be a bad link
FORGET_S = 5.0
_INSUFFICIENT = {0x05, 0x08, 0x0C, 0x0F}  # authentication, authorization, key size, encryption


class UnpairedError(BleakError):
    """The sensor refused a request that it accepts only from a paired computer.

    Parameters
    ----------
    has_failed : bool
        Whether pairing was tried and failed, or did not help.
    """

    def __init__(self, *, has_failed: bool) -> None:
        super().__init__("pairing did not help" if has_failed else "wants to be paired")
        self.has_failed = has_failed


class Pairing:
    """The pairing state of one session."""

    def __init__(self) -> None:
        # for each sensor that refused a request without a bond
        self._wanting: dict[str, Literal["new", "again", "works"]] = {}
        self._doubts = 0

    def wants(self, address: str) -> bool:
        """Whether a sensor has refused a request because it was not paired."""
        return address in self._wanting

    def has_failed(self, address: str) -> bool:
        """Whether a sensor that wants to be paired has not streamed since."""
        return self._wanting.get(address, "works") != "works"

    def connected(self) -> None:
        """Note that a connection succeeded."""
        self._doubts = 0

    def started(self, address: str) -> None:
        """Note that a sensor streams."""
        if address in self._wanting:
            self._wanting[address] = "works"

    async def refused(self, client: BleakClient, *, was_paired: bool) -> UnpairedError:
        """Note that a request was refused for lack of pairing; the next connection pairs. Return the error to raise.

        If it was refused in spite of a bond, the bond is forgotten, but only once until a bond has worked: a person may have to
        confirm every pairing.
        """
        address = client.address
        if not was_paired:
            self._wanting[address] = "new"
        elif self._wanting.get(address) != "again":
            self._wanting[address] = "again"
            await _forget(client)
        return UnpairedError(has_failed=was_paired)

    async def doubt(self, client: BleakClient, weight: int, *, pairs: bool) -> None:
        """Count a failed attempt with a sensor that advertises. After enough failures in a row, forget the bond."""
        self._doubts += weight
        if pairs and self._doubts >= DOUBTFUL and weight == REFUSED:  # no answer is not a refusal
            self._doubts = 0
            await _forget(client)


async def _forget(client: BleakClient) -> None:
    log.info("link: forgetting the bond with %s", client.address)
    # on macOS only a person can remove a bond: NotImplementedError
    with contextlib.suppress(BleakError, TimeoutError, NotImplementedError, EOFError):
        async with asyncio.timeout(FORGET_S):
            if client.is_connected:
                await client.disconnect()
            await client.unpair()


def wants_pairing(error: Exception) -> bool:
    """Whether a request was refused because of missing pairing. D-Bus has one name for three ATT errors."""
    if isinstance(error, BleakDBusError):
        return error.dbus_error == "org.bluez.Error.NotPermitted" and "Not paired" in str(error)
    return isinstance(error, BleakGATTProtocolError) and int(error.code) in _INSUFFICIENT
