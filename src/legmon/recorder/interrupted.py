"""Nights that nobody ended, at the start of a recorder: one goes on if its recorder was not away for long, others are closed."""

import logging
import time

from sqlalchemy.exc import DBAPIError

from legmon.catalog.state import NightInfo
from legmon.catalog.store import Catalog
from legmon.messages import Message, Trouble, trouble
from legmon.movement import NS
from legmon.recorder.ending import Closing
from legmon.recorder.night import NightRecorder

log = logging.getLogger(__name__)

RESUME_NS = 30 * 60 * NS  # a night interrupted for longer is closed, not gone on with


def take_up(
    catalog: Catalog, closing: Closing, now_ns: int | None, *, simulated: bool
) -> tuple[NightRecorder | None, Message | None]:
    """Find the night to go on with; close the others.

    A night is left for the next start where a recording cannot be read at the moment. One that is damaged is closed with what
    is known of it, and its file stays.

    Parameters
    ----------
    catalog : Catalog
        Of the data folder.
    closing : Closing
        Closes nights.
    now_ns : int or None
        On the recording's clock, ns UTC; None where no night is to be recorded.
    simulated : bool
        Whether this recorder's sensors are simulated.

    Returns
    -------
    (NightRecorder or None, Message or None)
        The night that goes on, and what cannot be gone on with.
    """
    found: NightRecorder | None = None
    message: Message | None = None
    for info in catalog.nights():
        if info.state != "recording":
            continue
        night = NightRecorder(catalog, info.id, simulated=info.simulated)
        night.resume()
        for leg, e in night.unread.items():
            log.error("night %s, %s leg", info.id, leg, exc_info=e)
            message = trouble(Trouble.NOT_RESUMED, night=info.id, leg=leg, why=e)
        may = found is None and info.simulated == simulated and night.legs
        if may and now_ns is not None and goes_on(catalog, info, now_ns):
            log.info("going on with night %s", info.id)
            found, night.ended_by = night, ""
        elif any(isinstance(e, DBAPIError) or getattr(e, "errno", None) for e in night.unread.values()):
            for recorder in night.legs.values():
                recorder.abandon()
        else:
            log.info("closing night %s", info.id)
            closing.close(night, None)
    return found, message


def goes_on(catalog: Catalog, night: NightInfo, now_ns: int) -> bool:
    """Whether a recorder that starts now goes on with a night; how long nothing came before it was interrupted does not count.

    Parameters
    ----------
    catalog : Catalog
        Of the data folder.
    night : NightInfo
        One that is not closed.
    now_ns : int
        On the recording's clock, ns UTC.
    """
    away = [now_ns - (night.started_ns + night.duration_ns)]
    state = catalog.recorder()
    if state is not None and state.night == night.id:
        away.append(round((time.time_ns() - state.seen_ns) * state.clock.speed))
    return any(0 <= ns < RESUME_NS for ns in away)
