"""How a task is ended: cancelled until it has ended."""

import asyncio
from typing import Any


async def ended(*tasks: asyncio.Task[Any], again_s: float = 2.0) -> None:
    """Cancel tasks and wait until they have ended; one in which the cancellation was lost is cancelled again.

    Before Python 3.12 `asyncio.wait_for`, with which bumble and bleak wait for answers, loses one that comes in the same
    turn of the event loop as the answer: the task goes on as if nobody had asked it to end.

    Parameters
    ----------
    *tasks : Task
        What they return or raise is of no interest any more.
    again_s : float
        After how long a task is cancelled again; longer than it may take to end in order.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=again_s)
    for task in tasks:
        if not task.cancelled():
            task.exception()
