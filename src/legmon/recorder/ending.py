"""How a night ends: when it is over, the last back-fill, closing; and which night a restart resumes."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from sqlalchemy.exc import DBAPIError

from legmon.catalog.database import catalog_fault
from legmon.catalog.file import CATALOG_ERRORS
from legmon.catalog.rescan import try_to_add
from legmon.catalog.state import BOTH, EndedBy, NightInfo
from legmon.catalog.store import Catalog
from legmon.messages import FREE_SPACE, NIGHT_LEFT_OPEN, CatalogFault, Message, Trouble, trouble
from legmon.movement import NS
from legmon.night.lying import has_risen
from legmon.recorder.ankle_sensor import AnkleSensor
from legmon.recorder.night import NightRecorder
from legmon.recording.files import RecordingError, file_state, leg_files

log = logging.getLogger(__name__)

CHARGER_S = 60.0  # after so long on the charger the night is over
GONE_S = 600.0  # a sensor that has sent nothing for this long, or never, does not keep a night open
FETCH_S = 1800.0  # longest wait for the last back-fill: hours of samples take minutes
STUCK_S, LOST_S = 5.0, 10.0  # longest wait without progress: while the link is up, and while it is down
URGENT_S = 12.0  # longest wait if a person or the next night waits for the end
LIVE_S = 5.0  # afterwards live samples no longer belong to the night
RETRY_S = 2.0  # between two tries to close a night
LATELY_S = 12 * 3600.0
LAST_TRIES = 2  # at the end of the program
RESUME_NS = 30 * 60 * NS  # a night that was interrupted for longer is closed, not resumed


def ended_by(ankles: Iterable[AnkleSensor]) -> EndedBy:
    """Return why the night ended; "" while it goes on.

    Parameters
    ----------
    ankles : iterable of AnkleSensor
        The ankles that are recorded.
    """
    now, ankles = time.monotonic(), list(ankles)
    docked = [x for x in ankles if x.charging_since is not None and now - x.charging_since > CHARGER_S]
    if docked and all(x in docked or now - x.heard_at > GONE_S for x in ankles):
        return "charger"
    nights = [x.recorder.night for x in ankles if x.recorder is not None]
    if any(has_risen(n.movements, n.end, n.meta.declared_hz) for n in nights):
        return "risen"
    return ""


async def finish_backfill(
    ankles: Iterable[AnkleSensor], turn: Callable[[], Awaitable[None]], *, is_urgent: Callable[[], bool]
) -> None:
    """Wait while the links fetch the samples that their sensors still hold.

    Parameters
    ----------
    ankles : iterable of AnkleSensor
        The ankles that are recorded.
    turn : callable
        Called a few times a second meanwhile, for other work.
    is_urgent : callable
        Return whether somebody waits, because the program is to end or to do something else. Then do not wait for a link that is
        down.
    """
    began = moved = time.monotonic()
    until, left, hurries = began + FETCH_S, -1, False
    while (now := time.monotonic()) < until:
        if is_urgent() and not hurries:
            hurries, until = True, now + URGENT_S
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


class NightCloser:
    """Closes nights, and tries again if that fails. A night left open at the end of the program is closed at its next start."""

    def __init__(self) -> None:
        self._nights: dict[NightRecorder, int | None] = {}
        self._why: dict[NightRecorder, Exception] = {}
        self._tried = 0.0
        self.last: Message | None = None
        """What a person should know of the night that was closed last."""

    @property
    def troubles(self) -> list[Message]:
        """The messages about nights that are not closed yet."""
        return [_not_closed(night.id, e) for night, e in self._why.items()]

    @property
    def left_open(self) -> list[str]:
        """The sentences for the nights that are still open when the program ends."""
        return [NIGHT_LEFT_OPEN.format(night=night.id, why=_why(e)) for night, e in self._why.items()]

    def close(self, night: NightRecorder, at_ns: int | None) -> None:
        """Close a night now, or as soon as it can be.

        Parameters
        ----------
        night : NightRecorder
            A night that is no longer recorded.
        at_ns : int or None
            Its end, ns UTC; None to end it with its last sample.
        """
        self._nights[night] = at_ns
        self._try(night)

    async def finish(self) -> None:
        """Try for the last time, and again if only another program keeps the catalog busy: the program ends."""
        for _ in range(LAST_TRIES):
            if all(map(_is_full, self._why.values())):
                return
            await asyncio.sleep(RETRY_S)
            self.retry()

    def retry(self) -> None:
        """Try again, from time to time, to close the nights that are still open."""
        if self._nights and time.monotonic() - self._tried >= RETRY_S:
            for night in list(self._nights):
                self._try(night)

    def _try(self, night: NightRecorder) -> None:
        self._tried = time.monotonic()
        try:
            night.close(self._nights[night])
        except (*CATALOG_ERRORS, RecordingError) as e:
            log.warning("night %s cannot be closed yet: %s", night.id, e)
            self._why[night] = e
        else:
            del self._nights[night]
            self._why.pop(night, None)
            faults = {leg: r.fault for leg, r in night.legs.items() if r.fault is not None}
            self.last = next((trouble(Trouble.NIGHT_CHANGED, night=night.id, leg=x) for x in faults), None)


def add_interrupted(catalog: Catalog) -> None:
    """Add a night to a new catalog that may go on: one whose recording was written to lately. The dashboard adds the others."""
    for night in catalog.unknown_recordings():
        states = [file_state(p) for leg in BOTH for p in leg_files(catalog.segment(night, leg))]
        written_s = max((s.mtime_ns for s in states if s is not None), default=0) / NS
        if time.time() - written_s < LATELY_S:
            try_to_add(catalog, night)


def _is_full(error: Exception) -> bool:
    if isinstance(error, RecordingError):
        return error.is_full
    return isinstance(error, DBAPIError) and catalog_fault(error) is CatalogFault.FULL


def _not_closed(night: str, error: Exception) -> Message:
    code = Trouble.NOT_CLOSED_FULL if _is_full(error) else Trouble.NOT_CLOSED
    return trouble(code, night=night, why=_why(error))


def _why(error: Exception) -> str:
    if isinstance(error, DBAPIError):
        return f"{error.orig}; {FREE_SPACE}" if _is_full(error) else str(error.orig)
    return str(error)


def resume_night(
    catalog: Catalog, closer: NightCloser, now_ns: int | None, *, simulated: bool
) -> tuple[NightRecorder | None, Message | None]:
    """Resume the night that was interrupted, and close all other open nights.

    If a recording cannot be read at the moment, its night is left open for the next start. A damaged night is closed with the
    samples that can be read; its file stays.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    closer : NightCloser
        Closes the other nights.
    now_ns : int or None
        On the recording's clock, ns UTC; None if no night is to be recorded.
    simulated : bool
        Whether this recorder's sensors are simulated.

    Returns
    -------
    (NightRecorder or None, Message or None)
        The night that is resumed, and the message about a recording that cannot be.
    """
    resumed: NightRecorder | None = None
    message: Message | None = None
    for info in catalog.nights():
        if info.state != "recording":
            continue
        night = NightRecorder(catalog, info.id, simulated=info.simulated)
        night.resume()
        for leg, e in night.unread.items():
            log.error("night %s, %s leg", info.id, leg, exc_info=e)
            message = trouble(Trouble.NOT_RESUMED, night=info.id, leg=leg, why=e)
        for leg in night.shortened:
            log.error("night %s, %s leg: the recording has fewer samples than were recorded", info.id, leg)
            message = message or trouble(Trouble.NIGHT_SHORTENED, night=info.id, leg=leg)
        may_resume = resumed is None and info.simulated == simulated and night.legs
        if may_resume and now_ns is not None and goes_on(catalog, info, now_ns):
            log.info("resuming night %s", info.id)
            resumed, night.ended_by = night, ""
        elif any(isinstance(e, DBAPIError) or getattr(e, "errno", None) for e in night.unread.values()):
            for recorder in night.legs.values():
                recorder.abandon()
        else:
            log.info("closing night %s", info.id)
            closer.close(night, None)
    return resumed, message


def goes_on(catalog: Catalog, night: NightInfo, now_ns: int) -> bool:
    """Whether a recorder that starts now resumes a night. A gap before the interruption does not count.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    night : NightInfo
        A night that is not closed.
    now_ns : int
        On the recording's clock, ns UTC.
    """
    away = [now_ns - (night.started_ns + night.duration_ns)]
    state = catalog.recorder()
    if state is not None and state.night == night.id:
        away.append(round((time.time_ns() - state.seen_ns) * state.clock.speed))
    return any(0 <= ns < RESUME_NS for ns in away)
