"""Open the HCI transport of a simulated sensor, and run the sensor until it should end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from bumble.transport import open_transport
from bumble.transport.common import Transport, TransportSpecError

from firmware_sim.cli_files import BadInputError, FailedError


async def plugged(spec: str) -> Transport:
    """Open a transport.

    Raises
    ------
    BadInputError, FailedError
        If the name is not a transport, or nothing answers there.
    """
    try:
        return await open_transport(spec)
    except (TransportSpecError, ValueError) as error:
        raise BadInputError(
            f'"{spec}" is not an HCI transport: write for example unix-client:/tmp/air or usb:0.'
        ) from error
    except OSError as error:
        raise FailedError(
            f"Nothing answers at {spec} ({error}); start an air there, or plug the dongle in."
        ) from error


async def until_end(
    work: Coroutine[Any, Any, None], transport: Transport, end: asyncio.Event, spec: str
) -> None:
    """Run the work until it is done, or until `end` is set.

    Raises
    ------
    FailedError
        If the radio disconnects before that.
    """
    working = asyncio.create_task(work)
    waiting = asyncio.create_task(end.wait())
    lost: asyncio.Future[None] = transport.source.terminated
    try:
        await asyncio.wait((working, waiting, lost), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        if lost.done() and not end.is_set():
            raise FailedError(f"The radio at {spec} has disconnected; start it again, then the sensor.")
    finally:
        for task in (working, waiting):
            task.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)
