"""What goes on beside the stream: the battery level now and then, and what was lost out of the sensor's buffer."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace

from bleak.exc import BleakError

from legmon.link.connection import Connection
from legmon.link.listener import Listener, Missing
from legmon.messages import GapCause
from legmon.sensors.base import Conversation, Driver, FrameError, NeverTakenError, RefusedError

log = logging.getLogger(__name__)

LOOK_S = 0.25  # between two looks at the link, and at what is missing
BATTERY_S = 600.0  # levels that are not notified are asked for
FETCH_MOST = 4096  # samples a request: one that a cut interrupts costs little
FETCH_TRIES = 5  # answered without any progress, though live frames come; then it is given up
DEAF_TRIES = 30  # the same without an answer, as on a bad link


async def keep_up(
    connection: Connection,
    driver: Driver,
    conversation: Conversation,
    listener: Listener,
    last_frame: Callable[[], float],
) -> None:
    """Ask for the battery level and for missing samples until cancelled.

    Parameters
    ----------
    talk, driver, conversation
        The connection, and how the sensor speaks.
    listener : Listener
        Says what is missing, and is told of what cannot be had.
    last_frame : callable
        Gives when the last live frame came.
    """
    loop = asyncio.get_running_loop()
    asked = -BATTERY_S
    stuck, tries, deaf, is_deaf = Missing(0, 0, 0), 0, 0, False
    while True:
        if loop.time() - asked > BATTERY_S:
            asked = loop.time()
            with contextlib.suppress(BleakError, RefusedError, TimeoutError, FrameError):
                percent = await connection.run(conversation.battery())
                if percent is not None:  # a night without a battery level is a night
                    listener.battery(percent)
        missing = listener.missing() if driver.declares.buffer else None
        if missing is None:  # nothing is, or the disk takes nothing at the moment: then no try counts
            stuck, tries = Missing(0, 0, 0), 0
            await asyncio.sleep(LOOK_S)
            continue
        tries, deaf = (tries + (not is_deaf), deaf + is_deaf) if missing == stuck else (0, 0)
        stuck = missing
        if (
            tries or deaf
        ):  # nothing came of it: that counts once live frames show that the link carries anything
            heard = last_frame()
            while last_frame() == heard:  # noqa: ASYNC110 (it is looked at as often as everything here)
                await asyncio.sleep(LOOK_S)
        if tries >= FETCH_TRIES or deaf >= DEAF_TRIES:
            listener.unavailable(replace(missing, count=min(missing.count, FETCH_MOST)), None)
            continue
        is_deaf = False
        try:
            await _fetch(connection, conversation, listener, missing)
        except (BleakError, RefusedError, TimeoutError, FrameError) as e:
            is_deaf = not isinstance(e, RefusedError)
            log.info("back-fill: %s: %s", type(e).__name__, e)
            await asyncio.sleep(LOOK_S)


async def _fetch(
    connection: Connection, conversation: Conversation, listener: Listener, missing: Missing
) -> None:
    """Fetch samples; give up those of them that the sensor says it does not hold."""
    count = min(missing.count, FETCH_MOST)
    try:
        await connection.run(conversation.fetch(missing.stream, missing.first, count))
    except NeverTakenError as e:
        listener.unavailable(replace(missing, count=min(e.count, missing.count)), None)
    except RefusedError:
        held = await connection.run(conversation.held(missing.stream))
        if held is None:  # without a buffer, or lost with it in a restart
            listener.unavailable(missing, None)
            return
        end = missing.first + missing.count
        oldest = min(max(held.oldest, missing.first), end)
        following = max(min(held.next, end), oldest)
        if oldest > missing.first:
            overrun = Missing(missing.stream, missing.first, oldest - missing.first)
            listener.unavailable(overrun, GapCause.BUFFER_OVERRUN)
        if following < end:
            listener.unavailable(Missing(missing.stream, following, end - following), None)
        if (oldest, following) == (missing.first, end):
            raise
