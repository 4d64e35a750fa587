"""Posture, envelope and battery of each leg's night: read from the recording once, then from the catalog."""

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from legmon.catalog.derived import BatteryLevels, Derived, DerivedData
from legmon.catalog.file import CATALOG_ERRORS
from legmon.catalog.state import NightInfo
from legmon.catalog.store import Catalog
from legmon.movement import NS, Leg
from legmon.night.posture import Posture, PostureReader
from legmon.night.track import LegTrack
from legmon.nights.custody import check_leg, check_legs
from legmon.outside import parse_json
from legmon.recording.files import FileState, RecordingError, file_state, leg_files
from legmon.recording.records import Gap, Meta, Note, Samples
from legmon.recording.segment import SegmentTail

log = logging.getLogger(__name__)

FLOOR_PERCENTILE = 20
NIGHTS_OF_DRAIN = 5

PARTIAL = 32
"""Postures kept in memory for legs whose file could not be read to its end; one of a night takes about 200 kB."""


class _GrowingPosture:
    """The posture of a leg whose recording may grow."""

    def __init__(self, path: Path) -> None:
        self._tail = SegmentTail(path)
        self._reader: PostureReader | None = None
        self._battery: BatteryLevels = []
        self._before: list[Samples | Gap] = []  # records before the first description that can be read

    def read(self, *, closed: bool = False) -> Derived:
        """Read what is new, and return all that is known; of a closed night that is all there will ever be."""
        for record in self._tail.read():
            if isinstance(record, Meta) and self._reader is None:
                self._reader = PostureReader(record)
                for before in self._before:
                    self._reader.feed(before)
                self._before.clear()
            elif isinstance(record, Note) and record.what == "battery" and _is_percent(record.value):
                self._battery.append((record.at_ns, int(record.value)))
            elif self._reader is not None:
                self._reader.feed(record)
            elif isinstance(record, Samples | Gap):
                self._before.append(record)
        if closed and self._reader is not None:
            self._reader.finish()
        return self.posture()

    def posture(self) -> Derived:
        """Return all that is known so far."""
        empty = Posture(500, np.zeros((0, 6), np.float32), np.zeros(0, np.float32), 0)
        return Derived(self._reader.posture() if self._reader else empty, list(self._battery))


def _is_percent(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3


class Postures:
    """Reads the postures of nights, and keeps those of closed nights in the catalog.

    A posture is kept only if it reaches the end of its leg. If a file was absent, or could not be read to its end, it is
    read again when it has changed. If the catalog cannot be written, postures stay in memory.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    kept : DerivedData
        The catalog's store of derived data.
    keep : bool
        Whether to keep postures in the catalog.
    """

    def __init__(self, catalog: Catalog, kept: DerivedData, *, keep: bool = True) -> None:
        self._catalog = catalog
        self._kept = kept
        self._keep = keep
        self._growing: dict[Path, _GrowingPosture] = {}
        self._partial: OrderedDict[Path, tuple[list[FileState | None], Derived]] = OrderedDict()
        self._lock = threading.RLock()

    def checked(self, info: NightInfo) -> NightInfo:
        """Verify the recordings of a night that `read` will read, and return the night as it stands then."""
        legs = [leg for leg in info.legs if self._kept.posture(info.id, leg) is None]
        return check_legs(self._catalog, info, legs)

    def read(self, info: NightInfo, leg: Leg) -> Derived:
        """Return posture, envelope and battery of a leg."""
        path = self._catalog.segment(info.id, leg)
        if info.state != "closed":
            with self._lock:  # one reader goes on where it was
                return self._growing.setdefault(path, _GrowingPosture(path)).read()
        with self._lock:
            self._growing.pop(path, None)
        kept = self._kept.posture(info.id, leg)
        return kept if kept is not None else self._read_closed(info, leg, path)

    def _read_closed(self, info: NightInfo, leg: Leg, path: Path) -> Derived:
        if self._keep:
            check_leg(self._catalog, info.id, leg)
        state = _states(path)
        with self._lock:
            before, partial = self._partial.get(path, ([], None))
        if partial is not None and before == state:
            return partial
        growing = _GrowingPosture(path)
        try:
            derived = growing.read(closed=True)
        except RecordingError as error:
            log.warning("%s", error)
            derived = growing.posture()
        kept = self._keep and self._keep_posture(info, leg, derived)
        with self._lock:
            self._partial.pop(path, None)
            if not kept:
                self._partial[path] = (state, derived)
                while len(self._partial) > PARTIAL:
                    self._partial.popitem(last=False)
        return derived

    def _keep_posture(self, info: NightInfo, leg: Leg, derived: Derived) -> bool:
        """Keep a posture if the catalog can be written; return whether it is kept."""
        try:
            return self._kept.keep_posture(info.id, leg, derived)
        except CATALOG_ERRORS as error:
            log.warning("the posture of night %s, %s leg, cannot be kept: %s", info.id, leg, error)
            return False

    def files(self, night: str, legs: Iterable[Leg]) -> str:
        """Return the state of a night's files by leg (JSON), to see whether they have changed."""
        states = {leg: _states(self._catalog.segment(night, leg)) for leg in sorted(legs)}
        return json.dumps({leg: [s and astuple(s) for s in found] for leg, found in states.items()})

    def have_changed(self, night: str, files: str) -> bool:
        """Whether a night's files are no longer as `files` has them."""
        try:
            legs = [leg for leg in parse_json(files) if leg in get_args(Leg)]
        except (ValueError, TypeError):
            return True
        return files != self.files(night, legs)

    def drain_per_hour(self) -> float | None:
        """Return the battery percent that an hour of recording used in the last nights; None if none shows it."""
        used = hours = 0.0
        closed = [n for n in self._catalog.nights(limit=NIGHTS_OF_DRAIN + 1) if n.state == "closed"]
        for info in closed[:NIGHTS_OF_DRAIN]:
            for leg in info.legs:
                levels = self._kept.battery(info.id, leg)
                if levels is None:
                    levels = self.read(info, leg).battery
                if len(levels) > 1 and levels[-1][0] > levels[0][0]:
                    used += levels[0][1] - levels[-1][1]
                    hours += (levels[-1][0] - levels[0][0]) / NS / 3600
        return used / hours if hours > 1 and used > 0 else None


def _states(first: Path) -> list[FileState | None]:
    """Return the states of the files of a leg's recording; empty if there are none."""
    return [file_state(path) for path in leg_files(first)]


def envelope(
    derived: Derived, track: LegTrack, start_ns: int, seconds: int
) -> tuple[NDArray[np.float32], float]:
    """Return a leg's envelope on the night's clock, one value a second, and its noise floor (g).

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
