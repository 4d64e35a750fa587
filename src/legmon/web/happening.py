"""The feed of what happens: numbered messages that all readers share, kept for those who come back."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace
from typing import Final

from pydantic import TypeAdapter

from legmon.catalog.store import Catalog
from legmon.link.listener import LinkState
from legmon.movement import Leg
from legmon.nights.following import NightFollower
from legmon.nights.happenings import AnyHappening, Hello, LinkEvent, NightEnded, NightStarted
from legmon.web.live import Snapshot, StatusFeed
from legmon.web.models import Status

log = logging.getLogger(__name__)

LOOK_S: Final = 0.1
KEPT: Final = 10_000
"""Messages. A movement makes about three."""
CLOSING_S: Final = 10.0
"""For so long the end of a night is awaited in its recordings, after the recorder has said that it is over."""
AGAIN_S: Final = 2.0
_JSON: Final[TypeAdapter[AnyHappening]] = TypeAdapter(AnyHappening)


class LaggingError(Exception):
    """A reader is so slow that messages which it has not read are no longer kept."""


class HappeningFeed:
    """What happens, as messages with a growing number.

    The feed follows the running night from its recordings and the links from the recorder's report, as the live socket does.
    It begins with its first reader and then goes on, so that a reader who comes back gets what it missed. Numbers grow over
    restarts, because the first one is the time in µs.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    statuses : StatusFeed
        What is happening now.
    """

    def __init__(self, catalog: Catalog, statuses: StatusFeed) -> None:
        self._catalog = catalog
        self._statuses = statuses
        self._messages: deque[str] = deque(maxlen=KEPT)
        self._newest = time.time_ns() // 1000
        self._news = asyncio.Condition()
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_over = False
        self._follower: NightFollower | None = None
        self._links: dict[Leg, tuple[LinkState, str | None]] = {}
        self._over_since: float | None = None
        self._now, self._read_at = 0.0, 0.0  # the recording's clock, and when it was read
        self._snapshot: Snapshot | None = None

    async def read(self, after: int | None = None) -> AsyncIterator[tuple[int, str]]:
        """Yield number and JSON text of each message, first a `Hello`, until the feed ends.

        Parameters
        ----------
        after : int, optional
            The number of the last message that the reader has. Without it only what happens from now on follows.

        Raises
        ------
        LaggingError
            If the reader is too slow.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._follow())
        await self._ready.wait()
        oldest = self._newest - len(self._messages)
        missed = after is not None and not oldest <= after <= self._newest
        at = self._newest if after is None else oldest if missed else after
        night = self._follower.night if self._follower else None
        yield at, _text(Hello(seq=at, at=self._now, night=night, missed=missed))
        while True:
            async with self._news:
                while self._newest <= at:
                    if self._is_over:
                        return
                    await self._news.wait()
                waiting = self._newest - at
                if waiting > len(self._messages):
                    raise LaggingError
                texts = list(self._messages)[-waiting:]
            for text in texts:
                at += 1
                yield at, text

    async def end(self) -> None:
        """End the feed, so that all readers go."""
        self._is_over = True
        if self._task is not None:
            self._task.cancel()
        self._ready.set()
        async with self._news:
            self._news.notify_all()

    async def _follow(self) -> None:
        """Look at what was recorded, again and again."""
        while True:
            wait = LOOK_S
            try:
                snapshot = await self._statuses.latest()
                found = await asyncio.to_thread(self._look, snapshot)
                async with self._news:
                    self._add(found)
                    self._news.notify_all()
            except Exception:
                log.exception("what happens cannot be followed, trying again")
                wait = AGAIN_S
            self._ready.set()
            await asyncio.sleep(wait)

    def _add(self, found: Iterable[AnyHappening]) -> None:
        for happening in found:
            self._newest += 1
            self._messages.append(_text(replace(happening, seq=self._newest, at=self._now)))

    def _look(self, snapshot: Snapshot) -> list[AnyHappening]:
        status = snapshot.status
        if snapshot is not self._snapshot:
            self._snapshot, self._read_at = snapshot, time.monotonic()
        self._now = status.now + (time.monotonic() - self._read_at) * status.speed
        found: list[AnyHappening] = []
        if self._follower is None or status.night == self._follower.night:
            self._over_since = None
        else:
            found += self._end(self._follower)
        if self._follower is None and status.night is not None:
            night = status.night
            self._follower = NightFollower(night, lambda leg: self._catalog.segment(night, leg))
            found.append(NightStarted(night=night, started=status.started or 0.0, simulated=status.simulated))
        found += self._new_links(status)
        if self._follower is not None:
            found += self._follower.look()
        return found

    def _new_links(self, status: Status) -> Iterator[LinkEvent]:
        """Report links that have changed. A leg without a sensor, or without a recorder, has none."""
        links: dict[Leg, tuple[LinkState, str | None]] = {s.leg: (s.link, s.name) for s in status.sensors}
        for leg, (_, name) in self._links.items():
            links.setdefault(leg, ("off", name))
        for leg, (link, name) in links.items():
            if self._links.get(leg) != (link, name):
                yield LinkEvent(night=status.night, leg=leg, link=link, sensor=name)
        self._links = links

    def _end(self, follower: NightFollower) -> list[AnyHappening]:
        """End the night that is followed, once its recordings are closed."""
        found: list[AnyHappening] = list(follower.look())
        self._over_since = self._over_since or time.monotonic()
        if not follower.is_over and time.monotonic() - self._over_since < CLOSING_S:
            return found
        self._over_since, self._follower = None, None
        found += follower.finish()
        counts = follower.tally
        ended = NightEnded(
            night=follower.night, movements=counts.movements, periodic=counts.periodic, series=counts.series
        )
        return [*found, ended]


def _text(happening: AnyHappening) -> str:
    return _JSON.dump_json(happening).decode()
