"""Records one night of one or two legs, and keeps the catalog up to date with it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from legmon.catalog.state import LAST_MOVEMENTS, EndedBy, ListedMovement
from legmon.catalog.store import Catalog
from legmon.catalog.zone import local_zone
from legmon.detection import detector
from legmon.movement import NS, Leg
from legmon.night.track import on_clock, score_night
from legmon.recorder.leg import LegRecorder
from legmon.recorder.source import Source
from legmon.scoring.live import LiveScorer, Tally, tally
from legmon.scoring.rules import RULES


class NightRecorder:
    """One night.

    Parameters
    ----------
    catalog : Catalog
        Of the data folder.
    night : str
        Its id, entered before.
    simulated : bool
        Whether the sensors are simulated.
    """

    def __init__(self, catalog: Catalog, night: str, *, simulated: bool) -> None:
        self.id = night
        self.legs: dict[Leg, LegRecorder] = {}
        self.ended_by: EndedBy = ""
        self.unread: dict[Leg, Exception] = {}  # legs that cannot be gone on with, and why
        self._catalog = catalog
        self._simulated = simulated
        self._closed: set[Leg] = set()
        self.counts = Tally()
        self.analysed_ns = 0
        self.last_movements: list[ListedMovement] = []
        self._live: LiveScorer | None = None
        self._told: dict[Leg, list[int]] = {}  # movements and holes per leg that the live scorer knows

    @classmethod
    def begin(cls, catalog: Catalog, now_ns: int, *, simulated: bool) -> "NightRecorder":
        """Enter a new night and record it."""
        zone, offset = local_zone(now_ns)
        local = datetime.fromtimestamp(now_ns / NS, UTC) + timedelta(seconds=offset)
        night = catalog.begin(
            local.strftime("%Y-%m-%d-%H%M"),
            started_ns=now_ns,
            zone=(zone, offset),
            simulated=simulated,
            rules=RULES,
            detector=f"{detector.NAME} {detector.VERSION}",
        )
        return cls(catalog, night, simulated=simulated)

    def leg(self, leg: Leg, source: Source) -> LegRecorder:
        """Return the recorder of a leg, made at the first call.

        Raises
        ------
        RecordingError
            If its segment cannot be written.
        """
        if leg not in self.legs:
            path = self._catalog.segment(self.id, leg)
            recorder = LegRecorder(path, self.id, leg, source, simulated=self._simulated)
            try:
                self._catalog.add_leg(recorder.night.meta)
            except BaseException:
                recorder.abandon()
                raise
            self.legs[leg] = recorder
            self._live = None  # it begins anew with both legs
            self._told.clear()
        return self.legs[leg]

    def resume(self) -> None:
        """Open the legs that have a segment, and go on behind its end.

        Whatever a damaged recording does to its reader, the others go on: see `unread`.
        """
        self.ended_by = self._catalog.night(self.id).ended_by
        for leg, (rate, scale) in self._catalog.scales(self.id).items():
            try:
                self.leg(leg, Source("", "", rate, 0, scale))
            except Exception as e:  # noqa: BLE001 (it is kept)
                self.unread[leg] = e

    def _score_live(self) -> None:
        """Tell the live scorer what is new; times by the fit so far."""
        if self._live is None and self.legs:
            self._live = LiveScorer(list(self.legs))
        for leg, recorder in self.legs.items():
            track = recorder.night.track()
            if self._live is None or not track.anchors:
                continue
            time, told = track.time, self._told.setdefault(leg, [0, 0])
            for m in on_clock(track.movements[told[0] :], time, 0):
                self._live.movement(m)
            for gap in recorder.night.gaps[told[1] :]:
                self._live.gap(time.utc(gap.first), time.utc(gap.first + gap.count))
            told[:] = [len(track.movements), len(recorder.night.gaps)]
            self._live.advance(leg, time.utc(recorder.night.earliest))

    @property
    def found(self) -> int:
        """How much there is to tell: movements and holes so far."""
        return sum(len(r.night.movements) + len(r.night.gaps) for r in self.legs.values())

    @property
    def confirmed(self) -> Tally:
        """Counts that nothing to come can change, going by the fit of time so far."""
        return self._live.tally() if self._live else Tally()

    def saving(self, *, closed: bool = False) -> Callable[[], None]:
        """Take what is known now; what is returned writes it to the catalog, and may take its time in another thread."""
        self._score_live()
        tracks = [(leg.night.track(), leg.night.samples) for leg in self.legs.values()]
        measured = any(t.end and t.anchors for t, _ in tracks)
        scored = score_night([t for t, _ in tracks]) if measured else None
        if scored is not None:
            self.counts, self.analysed_ns = tally(scored.movements), scored.analysed_ns
            newest = scored.movements[: -LAST_MOVEMENTS - 1 : -1]
            self.last_movements = [ListedMovement.of(m, scored.origin_ns) for m in newest]
        return partial(self._catalog.save, self.id, tracks, scored, closed=closed, ended_by=self.ended_by)

    def sync(self) -> None:
        """Bring the segments to the disk."""
        for leg in self.legs.values():
            leg.sync()

    def close(self, now_ns: int | None) -> None:
        """End the night; one without a sample leaves the list, but for one of which something cannot be read.

        Parameters
        ----------
        now_ns : int or None
            The end, ns UTC; None for a night that nobody ended: with its last sample.

        Raises
        ------
        RecordingError
            If it cannot be written; it may be tried again.
        """
        for leg, recorder in self.legs.items():
            if leg not in self._closed:
                recorder.close(now_ns)
                self._closed.add(leg)
        if self.unread or any(leg.night.samples for leg in self.legs.values()):
            self.saving(closed=True)()
        else:
            self._catalog.discard(self.id)
