"""Nights as they are read on the pages: scored under a rule set, with their owner's marks, over one mask.

A closed night's reading is kept until somebody says something new of it.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError

from legmon.catalog.annotations import Annotations, Check, Derived, Lights
from legmon.catalog.state import NightInfo
from legmon.catalog.store import Catalog
from legmon.movement import NS, Leg
from legmon.night.figures import Figures, LegPosture, figures, leg_posture, voluntary_movements
from legmon.night.posture import Posture, PostureReader
from legmon.night.track import LegTrack, score_night
from legmon.night.usual import Comparable, Usual, usual
from legmon.recording.records import Meta, Note
from legmon.recording.segment import SegmentTail
from legmon.scoring.result import Scored
from legmon.scoring.rules import RULES, Interpretation, Rules

log = logging.getLogger(__name__)

KEPT = 400
WARM_S = 5.0
FLOOR_PERCENTILE = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """One night under one rule set; `scored` and `figures` are None before there are samples."""

    info: NightInfo
    tracks: list[LegTrack]
    scored: Scored | None
    figures: Figures | None
    lights: Lights
    voluntary: int
    checks: list[Check]

    @property
    def comparable(self) -> Comparable:
        """What decides whether other nights can be compared with it."""
        f, s = self.figures, self.scored
        return Comparable(
            legs=self.info.legs,
            rules=s.rules if s else RULES,
            denominator=f.denominator if f else "in_bed",
            detector=self.info.detector,
            hours_s=f.seconds if f else 0.0,
            coverage=s.analysed_ns / s.duration_ns if s and s.duration_ns else 0.0,
            per_hour=f.per_hour if f else None,
        )


class _Growing:
    """The posture of a night that is recorded, read on as it grows."""

    def __init__(self, path: Path) -> None:
        self._tail = SegmentTail(path)
        self._reader: PostureReader | None = None
        self._battery: list[tuple[int, int]] = []

    def derived(self, *, closed: bool = False) -> Derived:
        """Read what is new, and give what is known; all there will ever be where the night is closed."""
        for record in self._tail.read():
            if isinstance(record, Meta):
                self._reader = PostureReader(record)
            elif isinstance(record, Note) and record.what == "battery" and record.value.isdigit():
                self._battery.append((record.at_ns, int(record.value)))
            elif self._reader is not None:
                self._reader.feed(record)
        if closed and self._reader is not None:
            self._reader.finish()
        empty = Posture(500, np.zeros((0, 6), np.float32), np.zeros(0, np.float32), 0)
        return Derived(self._reader.posture() if self._reader else empty, list(self._battery))


class Readings:
    """Reads nights, and keeps what was read.

    Parameters
    ----------
    catalog : Catalog
        Of the data folder.
    journal : Annotations
        Of the same.
    """

    def __init__(self, catalog: Catalog, annotations: Annotations) -> None:
        self.annotations = annotations
        self._catalog = catalog
        self._kept: OrderedDict[tuple[str, Rules], tuple[int, Reading]] = OrderedDict()
        self._growing: dict[Path, _Growing] = {}
        self._lock = threading.RLock()

    def of(self, info: NightInfo, rules: Rules = RULES) -> Reading:
        """Read one night."""
        key, revision = (info.id, rules), self.annotations.revision
        with self._lock:
            kept = self._kept.get(key)
        if kept is None or kept[0] != revision or info.state != "closed" or kept[1].info != info:
            kept = (revision, self._read(info, rules))
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return kept[1]

    def derived(self, info: NightInfo, leg: Leg) -> Derived:
        """Posture, envelope and battery of a leg."""
        path = self._catalog.segment(info.id, leg)
        if info.state == "closed":
            with self._lock:
                self._growing.pop(path, None)
            return self.annotations.derived(
                info.id, leg, lambda: _Growing(path).derived(closed=True), keep=True
            )
        with self._lock:  # one reader goes on where it was
            growing = self._growing.setdefault(path, _Growing(path))
            return growing.derived()

    def warm(self, ended: threading.Event) -> None:
        """Read the closed nights before anybody asks for them, and those that close later, until it ends."""
        while not ended.is_set():
            try:
                for info in self._catalog.nights():
                    if ended.is_set():
                        return
                    if info.state == "closed":
                        self.of(info)
            except (SQLAlchemyError, ValueError, OSError) as error:  # asked for, it is said to who asks
                log.warning("a night cannot be read ahead: %s", error)
            ended.wait(WARM_S)

    def usual(self, reading: Reading) -> Usual:
        """What was usual before a night, under the same rules."""
        nights = self._catalog.nights()
        before = [n for n in nights if n.state == "closed" and n.started_ns < reading.info.started_ns]
        rules = reading.scored.rules if reading.scored else RULES
        mine = reading.comparable
        return usual(mine, (self.of(n, rules).comparable for n in before))

    def drain_per_hour(self) -> float | None:
        """Battery percent that an hour of recording took, over the last nights that tell; None where none does."""
        took = hours = 0.0
        for info in [n for n in self._catalog.nights() if n.state == "closed"][:5]:
            for leg in info.legs:
                levels = self.derived(info, leg).battery
                if len(levels) > 1 and levels[-1][0] > levels[0][0]:
                    took += levels[0][1] - levels[-1][1]
                    hours += (levels[-1][0] - levels[0][0]) / NS / 3600
        return took / hours if hours > 1 and took > 0 else None

    def _read(self, info: NightInfo, rules: Rules) -> Reading:
        return self.judged(info, self._catalog.tracks(info.id), rules)

    def judged(
        self, info: NightInfo, found: Iterable[LegTrack], rules: Rules, how: Interpretation | None = None
    ) -> Reading:
        """Score a night's movements with what its owner said of it: their own movements, and lights off and on.

        Parameters
        ----------
        info : NightInfo
            The night.
        found : iterable of LegTrack
            Its legs, as the recorder wrote them or as they were found again.
        rules : str
            The rule set.
        how : Interpretation, optional
            How open places of the rules are read.
        """
        voluntary = self.annotations.voluntary(info.id)
        tracks = voluntary_movements(found, voluntary)
        checks = [c for leg in info.legs if (c := self.annotations.check_of(leg, info.started_ns))]
        lights = self.annotations.lights(info.id)
        timed = [t for t in tracks if t.end and t.anchors]
        scored = score_night(tracks, rules, interpretation=how) if timed else None
        over = figures(scored, timed, self._postures(info, timed, checks), lights) if scored else None
        return Reading(info, tracks, scored, over, lights, len(voluntary), checks)

    def _postures(self, info: NightInfo, tracks: list[LegTrack], checks: list[Check]) -> list[LegPosture]:
        standing = {c.leg: c.fit.standing for c in checks}
        postures = []
        for t in tracks:
            stood = standing.get(t.leg)
            axis = None if stood is None else np.array(stood)
            postures.append(leg_posture(t.leg, self.derived(info, t.leg).posture, axis))
        return postures


def envelope(
    derived: Derived, track: LegTrack, start_ns: int, seconds: int
) -> tuple[NDArray[np.float32], float]:
    """Put a leg's envelope on the night's clock, one value a second, and say its noise floor (g).

    The floor is the 20th percentile: what the signal does in the quieter seconds of the night.
    """
    posture = derived.posture
    rate = posture.step // 10
    firsts = np.array([a.first for a in track.anchors], dtype=np.int64)
    times = np.array([a.utc_ns for a in track.anchors], dtype=np.int64)
    rates = np.array([a.rate_hz for a in track.anchors])
    at = start_ns + NS * np.arange(seconds, dtype=np.int64) + NS // 2
    which = np.clip(np.searchsorted(times, at, side="right") - 1, 0, None)
    index = firsts[which] + ((at - times[which]) / NS * rates[which]).astype(np.int64)
    bins = index // rate
    inside = (bins >= 0) & (bins < len(posture.envelope))
    values = np.full(seconds, np.nan, dtype=np.float32)
    values[inside] = posture.envelope[bins[inside]]
    known = values[np.isfinite(values)]
    return values, float(np.percentile(known, FLOOR_PERCENTILE)) if len(known) else 0.0
