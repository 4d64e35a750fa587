"""Whether a night that nobody ended is gone on with: its recorder was not away for long."""

import time

from legmon.catalog.state import NightInfo
from legmon.catalog.store import Catalog
from legmon.movement import NS

RESUME_NS = 30 * 60 * NS  # a night interrupted for longer is closed, not gone on with


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
