"""End asyncio tasks for certain. Shared by link and recorder, and short because it does one thing."""

import asyncio
from typing import Any


async def end_tasks(*tasks: asyncio.Task[Any], again_s: float = 2.0) -> None:
    """Cancel tasks and wait until they have ended. Cancel a task again if its cancellation was lost.

    Before Python 3.12 `asyncio.wait_for`, which bumble and bleak use, loses a cancellation that comes in the same turn of the
    event loop as the result it waits for. The task then goes on.

    Parameters
    ----------
    *tasks : Task
        Their results and exceptions are dropped.
    again_s : float
        Seconds until a task is cancelled again; longer than an orderly end may take.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=again_s)
    for task in tasks:
        if not task.cancelled():
            task.exception()
