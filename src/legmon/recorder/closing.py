"""Nights that have ended and are not closed yet: on a full disk or with a busy catalog that is tried again."""

import logging
import time

from sqlalchemy.exc import DBAPIError

from legmon.messages import Said
from legmon.recorder.night import NightRecorder
from legmon.recorder.troubles import Trouble, trouble
from legmon.recording.segment import RecordingError

log = logging.getLogger(__name__)

AGAIN_S = 2.0


class Closing:
    """Closes nights; what is not closed when the program ends is closed at its next start."""

    def __init__(self) -> None:
        self._nights: dict[NightRecorder, int | None] = {}
        self._why: dict[NightRecorder, Said] = {}
        self._tried = 0.0

    @property
    def troubles(self) -> list[Said]:
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
