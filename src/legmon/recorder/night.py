"""Records one night of one or two legs, and keeps the catalog up to date with it."""

from datetime import UTC, datetime, timedelta

from legmon.catalog.store import Catalog
from legmon.catalog.zone import local_zone
from legmon.detection import detector
from legmon.movement import NS, Leg
from legmon.night.track import score_night
from legmon.recorder.leg import LegRecorder, Source
from legmon.scoring.scored import RULES


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
        self._catalog = catalog
        self._simulated = simulated

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
        """Return the recorder of a leg, made at the first call."""
        if leg not in self.legs:
            path = self._catalog.segment(self.id, leg)
            self.legs[leg] = LegRecorder(path, self.id, leg, source, simulated=self._simulated)
            self._catalog.add_leg(self.legs[leg].night.meta)
        return self.legs[leg]

    def resume(self) -> None:
        """Open the legs that have a segment, and go on behind its end."""
        for leg, (rate, scale) in self._catalog.scales(self.id).items():
            self.leg(leg, Source("", "", round(rate), 0, scale))

    def save(self, *, closed: bool = False) -> None:
        """Bring the catalog up to date."""
        tracks = [(leg.night.track(), leg.night.samples) for leg in self.legs.values()]
        measured = any(t.end for t, _ in tracks)
        scored = score_night([t for t, _ in tracks]) if measured else None
        self._catalog.save(self.id, tracks, scored, closed=closed)

    def sync(self) -> None:
        """Bring the segments to the disk."""
        for leg in self.legs.values():
            leg.sync()

    def close(self, now_ns: int) -> None:
        """End the night; one without a sample leaves the list."""
        for leg in self.legs.values():
            leg.close(now_ns)
        if any(leg.night.samples for leg in self.legs.values()):
            self.save(closed=True)
        else:
            self._catalog.discard(self.id)
