"""Record one night of one or two legs, and keep the catalog up to date."""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from legmon.catalog.annotation_files import AnnotationFileError, night_values, read_annotations
from legmon.catalog.state import BOTH, LAST_MOVEMENTS, EndedBy, ListedMovement
from legmon.catalog.store import Catalog, UnknownNightError
from legmon.catalog.zone import local_zone, night_name
from legmon.detection import detector
from legmon.movement import Leg
from legmon.night.live import LiveNight
from legmon.night.track import LegTrack, score_night
from legmon.nights.custody import find_damage
from legmon.recorder.leg import LegRecorder, check_present, segment_meta
from legmon.recording.files import RecordingError, is_blank, leg_files
from legmon.scoring.live import Tally, tally
from legmon.scoring.result import Scored
from legmon.scoring.rules import RULES
from legmon.sensors.base import StreamFormat

log = logging.getLogger(__name__)

UNSAID = {"format", "version", "night", "checks"}
"""What of an annotation file says nothing of the night: the fit checks stand in the data folder's file too."""


class NightRecorder:
    """One night.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    night : str
        Its id. The night is in the catalog already.
    simulated : bool
        Whether the sensors are simulated.
    """

    def __init__(self, catalog: Catalog, night: str, *, simulated: bool) -> None:
        self.id = night
        self.legs: dict[Leg, LegRecorder] = {}
        self.ended_by: EndedBy = ""
        self.unread: dict[Leg, Exception] = {}  # legs that cannot be resumed, and why
        self.shortened: set[Leg] = set()  # legs whose recording has lost samples that the catalog knows
        self._catalog = catalog
        self._info = catalog.night(night)
        self._simulated = simulated
        self._closed: set[Leg] = set()
        self.counts = Tally()
        self.analysed_ns = 0
        self.last_movements: list[ListedMovement] = []
        self._live: LiveNight | None = None
        self._logged: dict[Leg, int] = {}  # gaps per leg that the log knows

    @classmethod
    def begin(cls, catalog: Catalog, now_ns: int, *, simulated: bool) -> "NightRecorder":
        """Add a new night to the catalog and return its recorder."""
        night = catalog.begin(
            night_name(now_ns),
            started_ns=now_ns,
            zone=local_zone(now_ns),
            simulated=simulated,
            rules=RULES,
            detector=f"{detector.NAME} {detector.VERSION}",
        )
        log.info("night %s begins", night)
        return cls(catalog, night, simulated=simulated)

    def leg(self, leg: Leg, sensor: str, address: str, stream_format: StreamFormat) -> LegRecorder:
        """Return the recorder of a leg. The first call creates it, and the segment if there is none.

        Parameters
        ----------
        leg : {"left", "right"}
            The ankle.
        sensor, address : str
            Name and address of the sensor.
        stream_format : StreamFormat
            How it measures.

        Raises
        ------
        RecordingError
            If its segment cannot be written.
        """
        if leg not in self.legs:
            path = self._catalog.segment(self.id, leg)
            meta = segment_meta(self.id, leg, sensor, address, stream_format, simulated=self._simulated)
            recorder = LegRecorder(path, meta)
            try:
                self._catalog.add_leg(recorder.night.meta)
            except BaseException:
                recorder.abandon()
                raise
            self.legs[leg] = recorder
            self._live = None  # live scoring starts again with both legs
        return self.legs[leg]

    def resume(self) -> None:
        """Open the legs that have a segment, to record on at its end.

        A leg whose recording cannot be read, or has lost all of its samples, does not stop the other one: see `unread`. One that
        has lost some of them goes on: see `shortened`.
        """
        self.ended_by = self._info.ended_by
        scales = self._catalog.scales(self.id)
        known = {track.leg: track.end for track in self._catalog.tracks(self.id)}
        for leg in BOTH:
            if leg not in scales and not leg_files(self._catalog.segment(self.id, leg)):
                continue
            rate, scale = scales.get(leg, (0.0, 0))  # its recording knows them
            try:
                if known.get(leg):
                    check_present(self._catalog.segment(self.id, leg))
                recorder = self.leg(leg, "", "", StreamFormat(rate, 0, scale, "index"))
                if recorder.shortened(known.get(leg, 0)):
                    self.shortened.add(leg)
            except Exception as e:  # noqa: BLE001 (a damaged recording may raise anything)
                self.unread[leg] = e

    def _score_live(self) -> None:
        """Score new movements and gaps, with times by the fit so far."""
        if self._live is None and self.legs:
            self._live = LiveNight({leg: recorder.night for leg, recorder in self.legs.items()})
        if self._live is not None:
            self._live.update()

    @property
    def found(self) -> int:
        """How many movements and gaps there are so far."""
        return sum(len(r.night.movements) + len(r.night.gaps) for r in self.legs.values())

    def catch_up(self) -> bool:
        """Let the detector see more of what was recorded while it was compiled. Return whether it has seen all of it."""
        behind = [leg for leg in self.legs.values() if leg.is_behind]
        for leg in behind:
            leg.catch_up()
        return not any(leg.is_behind for leg in behind)

    @property
    def confirmed(self) -> Tally:
        """Counts that later movements cannot change, with times by the fit so far."""
        return self._live.scorer.tally() if self._live else Tally()

    def saving(self, *, closed: bool = False) -> Callable[[], None]:
        """Return a function that writes the present state to the catalog. It may run slowly in another thread."""
        self._score_live()
        self._log_gaps()
        tracks = [(leg.night.track(), leg.night.samples) for leg in self.legs.values()]
        measured = any(t.end and t.anchors for t, _ in tracks)
        scored = score_night([t for t, _ in tracks]) if measured else None
        if scored is not None:
            self.counts, self.analysed_ns = tally(scored.movements), scored.analysed_ns
            newest = scored.movements[: -LAST_MOVEMENTS - 1 : -1]
            self.last_movements = [ListedMovement.of(m, scored.origin_ns) for m in newest]
        return partial(self._save, tracks, scored, closed=closed)

    def _save(self, tracks: list[tuple[LegTrack, int]], scored: Scored | None, *, closed: bool) -> None:
        """Write to the catalog; to a new one, which does not know the night, all of it."""
        try:
            self._catalog.save(self.id, tracks, scored, closed=closed, ended_by=self.ended_by)
        except UnknownNightError:
            said, metas = {}, {leg.night.meta.leg: leg.night.meta for leg in self.legs.values()}
            with contextlib.suppress(AnnotationFileError):
                said = read_annotations(self._catalog.annotation_file(self.id))
            info = replace(self._info, state="closed" if closed else "recording", ended_by=self.ended_by)
            self._catalog.add_night(info, [(metas[t.leg], t, n) for t, n in tracks], scored, said)

    def _log_gaps(self) -> None:
        for name, leg in self.legs.items():
            gaps = leg.night.gaps
            for gap in gaps[self._logged.get(name, 0) :]:
                log.info("%s leg: gap of %d samples from %d (%s)", name, gap.count, gap.first, gap.cause)
            self._logged[name] = len(gaps)

    def sync(self) -> None:
        """Make sure that everything written is on the disk."""
        for leg in self.legs.values():
            leg.sync()

    def close(self, now_ns: int | None) -> None:
        """End the night. A night of which nothing was recorded and nothing was said is removed.

        If a recording that had samples has none, or cannot be read, the night stays, and the catalog keeps the damage.

        Parameters
        ----------
        now_ns : int or None
            The end, ns UTC; None to end with the last sample.

        Raises
        ------
        RecordingError
            If it cannot be written. The call may be repeated.
        """
        for leg, recorder in self.legs.items():
            if leg not in self._closed:
                recorder.close(now_ns)
                self._closed.add(leg)
        if self._is_blank():
            self._catalog.discard(self.id)
            log.info("night %s had no samples and is discarded", self.id)
            return
        self.saving(closed=True)()
        log.info("night %s is closed", self.id)
        samples = {leg: recorder.night.samples for leg, recorder in self.legs.items()}
        for leg in BOTH:
            if leg in self.unread or not samples.get(leg, 1):
                with contextlib.suppress(RecordingError):  # it is tried again when it is sealed
                    find_damage(self._catalog, self.id, leg)

    def _is_blank(self) -> bool:
        """Whether nothing was recorded or said of the night, as far as its files and the catalog know."""
        if self.unread or any(leg.night.samples for leg in self.legs.values()):
            return False
        file = self._catalog.annotation_file(self.id)
        try:
            said = [read_annotations(file)]
        except AnnotationFileError:
            return False
        if self._catalog.named([self.id]):
            if any(track.end for track in self._catalog.tracks(self.id)):
                return False
            with self._catalog.session() as s:
                said.append(night_values(s, self.id))
        if any(v for values in said for k, v in values.items() if k not in UNSAID):
            return False
        return is_blank(file.parent, file.name)
