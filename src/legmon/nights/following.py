"""Follow a night while it is recorded, from its segments: what happens in it, as soon as it can be known.

A movement is reported as provisional when the leg has been quiet for a moment, and confirmed or retracted when detector and
scorer are done with it. The confirmed ones are those that scoring the recorded night finds.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from legmon.catalog.state import BOTH, ListedMovement
from legmon.movement import NS, Leg, LegMovement
from legmon.night.leg import LegNight
from legmon.night.live import LiveNight
from legmon.nights.happenings import (
    GapEvent,
    MovementEvent,
    NightHappening,
    PeriodicEvent,
    SeriesEnded,
    SeriesStarted,
)
from legmon.recording.files import RecordingError
from legmon.recording.records import End, Meta, Record
from legmon.recording.segment import SegmentTail
from legmon.scoring.events import ScoredMovement
from legmon.scoring.live import Tally

log = logging.getLogger(__name__)

MOVED_S: Final = 0.2
"""A provisional movement is reported again when its end has moved by so much."""
Parts = tuple[LegMovement, ...]


@dataclass(slots=True)
class _Told:
    """A provisional movement as it was reported last."""

    parts: Parts
    listed: ListedMovement


class _Leg:
    """One leg's recording as far as it was read."""

    def __init__(self, path: Path) -> None:
        self.night: LegNight | None = None
        self.is_over = False
        self._tail = SegmentTail(path)

    def read(self) -> bool:
        """Read what is new. Return whether there was something."""
        is_new = False
        for record in self._records():
            is_new = True
            if self.night is None and isinstance(record, Meta):
                self.night = LegNight(record)
            if self.night is None:
                continue
            self.night.feed(record)
            if isinstance(record, End):
                self.finish()
        return is_new

    def _records(self) -> Iterator[Record]:
        try:
            yield from self._tail.read()
        except RecordingError as error:
            log.warning("%s", error)

    def finish(self) -> None:
        """End the recording."""
        if self.night is not None and not self.is_over:
            self.night.finish()
        self.is_over = True


class NightFollower:
    """Follow one night.

    Parameters
    ----------
    night : str
        Its id.
    segment : callable
        Returns the path that names a leg's recording.
    """

    def __init__(self, night: str, segment: Callable[[Leg], Path]) -> None:
        self.night = night
        self._legs = {leg: _Leg(segment(leg)) for leg in BOTH}
        self._live: LiveNight | None = None
        self._gaps: dict[Leg, int] = {}  # gaps that were reported
        self._told: dict[str, _Told] = {}  # by key, provisional ones
        self._confirmed: dict[tuple[Leg, int], str] = {}  # the key of each part of a confirmed movement
        self._scored = 0  # movements of the scorer that were reported
        self._settled = 0  # of them those whose series cannot change
        self._periodic: set[str] = set()
        self._series: dict[int, list[ScoredMovement]] = {}
        self._ended = 0  # number of the last series that ended

    @property
    def is_over(self) -> bool:
        """Whether the recordings say that the night was closed."""
        return self._live is not None and all(x.is_over for x in self._legs.values() if x.night is not None)

    @property
    def tally(self) -> Tally:
        """Counts that no later movement can change."""
        return self._live.scorer.tally() if self._live else Tally()

    def look(self) -> list[NightHappening]:
        """Read what was recorded since the last call. Return what happened, in order."""
        is_new = [leg.read() for leg in self._legs.values()]
        nights = {leg: x.night for leg, x in self._legs.items() if x.night is not None}
        if not nights or not any(is_new):
            return []
        if self._live is None or self._live.legs.keys() != nights.keys():
            self._live = LiveNight(nights)  # a second leg begins: both are scored together from the start
            self._scored = self._settled = 0
        live = self._live
        live.update()
        return [*self._new_gaps(live), *self._new_scored(live), *self._provisional(live), *self._serial(live)]

    def finish(self) -> list[NightHappening]:
        """End the night: everything becomes confirmed or retracted."""
        found = self.look()
        if self._live is None:
            return found
        for leg in self._legs.values():
            leg.finish()
        self._live.update()
        self._live.scorer.finish()
        found += [*self._new_gaps(self._live), *self._new_scored(self._live)]
        found += [self._retract(key) for key in list(self._told)]
        return found + list(self._serial(self._live))

    def _new_gaps(self, live: LiveNight) -> Iterator[GapEvent]:
        for leg, night in live.legs.items():
            if (time := night.time) is None:
                continue
            for gap in night.gaps[self._gaps.get(leg, 0) :]:
                first, end = time.utc(gap.first) / NS, time.utc(gap.end) / NS
                yield GapEvent(night=self.night, leg=leg, start=first, end=end, cause=gap.cause)
            self._gaps[leg] = len(night.gaps)

    def _new_scored(self, live: LiveNight) -> Iterator[MovementEvent]:
        """Confirm the movements that are final."""
        scored = live.scorer.scored
        for s in scored[self._scored :]:
            if self._key(s) is not None:
                continue  # it was confirmed before the second leg began
            key, others = self._match(s)
            self._told.pop(key, None)
            self._confirmed |= {(p.leg, p.first or 0): key for p in s.movement.parts}
            yield self._event("confirmed", key, ListedMovement.of(s, 0))
            yield from (self._retract(other, key) for other in others)
        self._scored = len(scored)

    def _provisional(self, live: LiveNight) -> Iterator[MovementEvent]:
        """Report the movements that are seen but not final, if they are new or have changed."""
        seen: set[str] = set()
        for s in live.scorer.ahead(live.pending()):
            key, others = self._match(s)
            yield from (self._retract(other, key) for other in others)
            seen.add(key)
            now, told = ListedMovement.of(s, 0), self._told.get(key)
            if told is None or _has_changed(told.listed, now):
                yield self._event("provisional", key, now)
                self._told[key] = _Told(s.movement.parts, now)
        for key in [k for k in self._told if k not in seen]:
            if all(
                (p.first or 0) < live.legs[p.leg].earliest for p in self._told[key].parts
            ):  # it is too late for it to come back
                yield self._retract(key)

    def _serial(self, live: LiveNight) -> Iterator[NightHappening]:
        """Report series that began, their members, and series that ended."""
        scored, confirmed = live.scorer.scored, len(live.scorer.confirmed)
        for s in scored[self._settled :]:
            key = self._key(s)
            if s.series is None or key is None or key in self._periodic:
                continue
            if s.series not in self._series:
                yield from self._end_series(s.series - 1)
                onset = s.movement.onset / NS
                yield SeriesStarted(night=self.night, series=s.series, onset=onset)
            self._series.setdefault(s.series, []).append(s)
            self._periodic.add(key)
            yield PeriodicEvent(night=self.night, key=key, movement=ListedMovement.of(s, 0))
        self._settled = confirmed
        last = max(self._series, default=0)
        if live.scorer.running != last:
            yield from self._end_series(last)

    def _end_series(self, series: int) -> Iterator[SeriesEnded]:
        members = self._series.get(series)
        if members and series > self._ended:
            self._ended = series
            yield SeriesEnded(
                night=self.night,
                series=series,
                onset=members[0].movement.onset / NS,
                offset=max(s.movement.offset for s in members) / NS,
                movements=len(members),
            )

    def _key(self, s: ScoredMovement) -> str | None:
        """Return the key of a movement that was confirmed."""
        found = (self._confirmed.get((p.leg, p.first or 0)) for p in s.movement.parts)
        return next((key for key in found if key is not None), None)

    def _match(self, s: ScoredMovement) -> tuple[str, list[str]]:
        """Return the key of a movement, and the keys of other provisional ones that are part of it."""
        parts = s.movement.parts
        known = [key for key, told in self._told.items() if _overlap(told.parts, parts)]
        return (known[0], known[1:]) if known else (f"{parts[0].leg}-{parts[0].first}", [])

    def _retract(self, key: str, joined: str | None = None) -> MovementEvent:
        return self._event("retracted", key, self._told.pop(key).listed, joined)

    def _event(
        self, state: str, key: str, movement: ListedMovement, joined: str | None = None
    ) -> MovementEvent:
        return MovementEvent(night=self.night, state=state, key=key, movement=movement, joined=joined)  # type: ignore[arg-type]


def _overlap(one: Iterable[LegMovement], other: Parts) -> bool:
    """Whether a part of one movement and a part of another have samples in common."""
    return any(
        p.leg == q.leg and (p.first or 0) < (q.end or 0) and (q.first or 0) < (p.end or 0)
        for p in one
        for q in other
    )


def _has_changed(before: ListedMovement, now: ListedMovement) -> bool:
    return abs(before.offset - now.offset) >= MOVED_S or (before.leg, before.kind) != (now.leg, now.kind)
