"""How a night ends: when it is over, what is still fetched, how it is closed, and how its files are sealed."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from sqlalchemy.exc import DBAPIError

from legmon.catalog.state import EndedBy
from legmon.catalog.store import Catalog
from legmon.messages import Message, Trouble, trouble
from legmon.night.lying import has_risen
from legmon.recorder.ankle_sensor import AnkleSensor
from legmon.recorder.night import NightRecorder
from legmon.recording.segment import RecordingError, verify

log = logging.getLogger(__name__)

CHARGER_S = 60.0  # on the charger for so long: the night is over
GONE_S = 600.0  # a sensor not heard for so long, or never, keeps no night going
CATCH_UP_S = 1800.0  # at most: to fetch hours takes minutes
STUCK_S, LOST_S = 5.0, 10.0  # how long while nothing comes, and where the link is down at that moment
LEAVE_S = 12.0  # at most where somebody waits for the end
LIVE_S = 5.0  # then what comes live belongs to the night no more
AGAIN_S = 2.0


def over(ankles: Iterable[AnkleSensor]) -> EndedBy:
    """Say why a night is over, or nothing while it is not.

    Parameters
    ----------
    limbs : iterable of AnkleSensor
        The ankles that are recorded.
    """
    now, ankles = time.monotonic(), list(ankles)
    docked = [x for x in ankles if x.charging_since is not None and now - x.charging_since > CHARGER_S]
    if docked and all(x in docked or now - x.heard > GONE_S for x in ankles):
        return "charger"
    nights = [x.recorder.night for x in ankles if x.recorder is not None]
    if any(has_risen(n.movements, n.end, n.meta.declared_hz) for n in nights):
        return "risen"
    return ""


async def catch_up(
    ankles: Iterable[AnkleSensor], turn: Callable[[], Awaitable[None]], *, is_urgent: Callable[[], bool]
) -> None:
    """Let the links fetch what their sensors still hold.

    Parameters
    ----------
    limbs : iterable of AnkleSensor
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
        held = [x.recorder for x in ankles if x.recorder and x.recorder.is_buffered]
        pending, is_cut = sum(r.pending for r in held), any(r.is_cut for r in held)
        if left < 0 or pending < left:
            left, moved = pending, now
        rest = sum(r.pending for r in held if not r.is_cut)
        if not (rest if hurries else pending or is_cut) or now - moved > (LOST_S if is_cut else STUCK_S):
            return
        if now - began > LIVE_S:
            for ankle in ankles:
                ankle.is_over = True
        await turn()
        await asyncio.sleep(0.25)


class Closing:
    """Closes nights; what is not closed when the program ends is closed at its next start."""

    def __init__(self) -> None:
        self._nights: dict[NightRecorder, int | None] = {}
        self._why: dict[NightRecorder, Message] = {}
        self._tried = 0.0

    @property
    def troubles(self) -> list[Message]:
        """Why nights are not closed yet."""
        return list(self._why.values())

    def close(self, night: NightRecorder, at_ns: int | None) -> None:
        """Close a night now, or as soon as it can be.

        Parameters
        ----------
        night : NightRecorder
            Nothing is recorded into it any more.
        at_ns : int or None
            Its end, ns UTC; None for one that nobody ended.
        """
        self._nights[night] = at_ns
        self._try(night)

    def again(self) -> None:
        """Try those that are left, now and then."""
        if self._nights and time.monotonic() - self._tried > AGAIN_S:
            for night in list(self._nights):
                self._try(night)

    def _try(self, night: NightRecorder) -> None:
        self._tried = time.monotonic()
        try:
            night.close(self._nights[night])
        except (DBAPIError, RecordingError) as e:
            log.warning("night %s cannot be closed yet: %s", night.id, e)
            self._why[night] = trouble(Trouble.NOT_CLOSED, night=night.id, why=e)
        else:
            del self._nights[night]
            self._why.pop(night, None)


def seal_next(catalog: Catalog) -> None:
    """Verify one file that no one has verified yet, if there is one; one that cannot be read is left for the next start."""
    found = catalog.unsealed()
    if found is None:
        return
    night, leg = found
    path = catalog.segment(night, leg)
    digest: str | None
    try:
        digest = verify(path)
    except RecordingError as e:
        log.error("night %s, %s leg: %s", night, leg, e)  # noqa: TRY400 (no traceback: it says all)
        digest = "" if e.errno is None else None
    if digest:
        with contextlib.suppress(OSError):  # some cards have no permissions
            path.chmod(0o400)
    catalog.seal(night, leg, digest)
