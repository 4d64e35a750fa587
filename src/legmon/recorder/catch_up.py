"""Before a night is closed: what its sensors still hold is waited for, as long as it comes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

from legmon.recorder.ankle_sensor import Limb

CATCH_UP_S = 1800.0  # at most: to fetch hours takes minutes
STUCK_S, LOST_S = 5.0, 10.0  # how long while nothing comes, and where the link is down at that moment
LEAVE_S = 12.0  # at most where somebody waits for the end
LIVE_S = 5.0  # then what comes live belongs to the night no more


async def catch_up(
    limbs: Iterable[Limb], turn: Callable[[], Awaitable[None]], *, is_urgent: Callable[[], bool]
) -> None:
    """Let the links fetch what their sensors still hold.

    Parameters
    ----------
    limbs : iterable of Limb
        The ankles that are recorded.
    turn : callable
        What else is to be done meanwhile, a few times a second.
    is_urgent : callable
        Whether somebody waits: the program is to end, or to do something else. A link that is down is then not waited for.
    """
    began = moved = time.monotonic()
    until, left, hurries = began + CATCH_UP_S, -1, False
    while (now := time.monotonic()) < until:
        if is_urgent() and not hurries:
            hurries, until = True, now + LEAVE_S
        held = [x.recorder for x in limbs if x.recorder and x.recorder.is_buffered]
        pending, is_cut = sum(r.pending for r in held), any(r.is_cut for r in held)
        if left < 0 or pending < left:
            left, moved = pending, now
        rest = sum(r.pending for r in held if not r.is_cut)
        if not (rest if hurries else pending or is_cut) or now - moved > (LOST_S if is_cut else STUCK_S):
            return
        if now - began > LIVE_S:
            for limb in limbs:
                limb.is_over = True
        await turn()
        await asyncio.sleep(0.25)
