"""Read the battery level from time to time, and fetch lost samples from the sensor's buffer, beside the live stream."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace

from bleak.exc import BleakError

from legmon.link.connection import Connection
from legmon.link.listener import LinkListener, SampleRange
from legmon.messages import GapCause
from legmon.sensors.base import Conversation, Driver, FrameError, NeverTakenError, RefusedError

log = logging.getLogger(__name__)

LOOK_S = 0.25  # between two looks at the link, and at what there is to fetch
BATTERY_S = 600.0  # between two reads of the battery level
FETCH_MOST = 4096  # samples in one request, so that a lost link interrupts little
FETCH_TRIES = (
    5  # tries that were answered but brought nothing, while live frames come; then the samples are given up
)
DEAF_TRIES = 30  # the same for tries without an answer, as on a bad link


async def keep_up(
    connection: Connection,
    driver: Driver,
    conversation: Conversation,
    listener: LinkListener,
    last_frame: Callable[[], float],
) -> None:
    """Read the battery level and fetch lost samples until cancelled.

    Parameters
    ----------
    connection : Connection
        The connection to the sensor.
    driver : Driver
        The driver of the sensor.
    conversation : Conversation
        The conversation with the sensor.
    listener : LinkListener
        Names the samples to fetch. It learns which of them cannot be fetched.
    last_frame : callable
        Return the loop's time of the last live frame.
    """
    loop = asyncio.get_running_loop()
    battery_read = -BATTERY_S
    nothing = SampleRange(0, 0, 0)
    previous, tries, deaf, is_deaf = nothing, 0, 0, False
    while True:
        if loop.time() - battery_read > BATTERY_S:
            battery_read = loop.time()
            with contextlib.suppress(BleakError, RefusedError, TimeoutError, FrameError):
                percent = await connection.run(conversation.battery())
                if percent is not None:  # not every sensor has one to tell
                    listener.battery(percent)
        wanted = listener.next_to_fetch() if driver.declares.buffer else None
        if wanted is None:  # also while the disk refuses samples: then no try counts
            previous, tries = nothing, 0
            await asyncio.sleep(LOOK_S)
            continue
        tries, deaf = (tries + (not is_deaf), deaf + is_deaf) if wanted == previous else (0, 0)
        previous = wanted
        if tries or deaf:  # a try without a result counts only while live frames show that the link works
            before = last_frame()
            while last_frame() == before:  # noqa: ASYNC110 (everything here is looked at this often)
                await asyncio.sleep(LOOK_S)
        if tries >= FETCH_TRIES or deaf >= DEAF_TRIES:
            listener.unavailable(replace(wanted, count=min(wanted.count, FETCH_MOST)), None)
            continue
        is_deaf = False
        try:
            await _fetch(connection, conversation, listener, wanted)
        except (BleakError, RefusedError, TimeoutError, FrameError) as e:
            is_deaf = not isinstance(e, RefusedError)
            log.info("back-fill: %s: %s", type(e).__name__, e)
            await asyncio.sleep(LOOK_S)


async def _fetch(
    connection: Connection, conversation: Conversation, listener: LinkListener, wanted: SampleRange
) -> None:
    """Fetch samples. If the sensor refuses, give up those that it does not hold."""
    count = min(wanted.count, FETCH_MOST)
    try:
        await connection.run(conversation.fetch(wanted.stream, wanted.first, count))
    except NeverTakenError as e:
        listener.unavailable(replace(wanted, count=min(e.count, wanted.count)), None)
    except RefusedError:
        held = await connection.run(conversation.held(wanted.stream))
        if held is None:  # no buffer, or the sensor restarted and lost it
            listener.unavailable(wanted, None)
            return
        end = wanted.first + wanted.count
        oldest = min(max(held.oldest, wanted.first), end)
        following = max(min(held.next, end), oldest)
        if oldest > wanted.first:
            overrun = SampleRange(wanted.stream, wanted.first, oldest - wanted.first)
            listener.unavailable(overrun, GapCause.BUFFER_OVERRUN)
        if following < end:
            listener.unavailable(SampleRange(wanted.stream, following, end - following), None)
        if (oldest, following) == (wanted.first, end):
            raise
