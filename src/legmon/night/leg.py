"""From a leg's records to its track: the one way, live, again later, or from a file."""

from collections.abc import Iterable

from legmon.detection.detector import Detector
from legmon.link.faults import Cause
from legmon.movement import LegMovement
from legmon.night.track import Hole, LegTrack
from legmon.recording.records import Anchored, Gap, Meta, Record, Samples
from legmon.timeline.clock import Anchor


class LegNight:
    """One leg's night, fed with the records of its segment in the order they were written.

    The recorder feeds it as it writes; scoring a recorded night feeds it from the file. Both give the same movements, since
    movements are sample indices and the detector does not see how samples were cut.

    Parameters
    ----------
    meta : Meta
        The segment's first record.
    """

    def __init__(self, meta: Meta) -> None:
        self.meta = meta
        self.movements: list[LegMovement] = []
        self.holes: list[Hole] = []
        self.samples = 0
        self._provisional: dict[int, Anchor] = {}
        self._final: dict[int, Anchor] = {}
        self._scale = meta.scale_ug * 1e-6
        self._detector = Detector(meta.declared_hz, meta.leg)

    @property
    def end(self) -> int:
        """Index after the last sample."""
        return self._detector.position

    @property
    def missing(self) -> int:
        """How many samples are known to be missing."""
        return sum(h.count for h in self.holes)

    @property
    def earliest(self) -> int:
        """Index before which no movement will begin any more."""
        return self._detector.earliest

    def feed(self, record: Record) -> list[LegMovement]:
        """Take the next record.

        Returns
        -------
        list of LegMovement
            Those that became final.
        """
        found: list[LegMovement] = []
        if isinstance(record, Samples):
            lost = record.first - self._detector.position
            if lost > 0:  # no record says so: it was in one that is damaged
                found += self._detector.gap(lost)
                self.holes.append(Hole(record.first - lost, lost, Cause.DAMAGED.value))
            found += self._detector.feed(record.xyz * self._scale)
            self.samples += len(record.xyz)
        elif isinstance(record, Gap):
            found = self._detector.gap(record.count)
            self.holes.append(Hole(record.first, record.count, record.cause))
        elif isinstance(record, Anchored):
            (self._final if record.final else self._provisional)[record.first] = record.anchor
        self.movements += found
        return found

    def finish(self) -> list[LegMovement]:
        """End the night: a movement under way ends with the data."""
        found = self._detector.finish()
        self.movements += found
        return found

    def track(self) -> LegTrack:
        """Return what is known so far; times by the final anchors where the night is closed."""
        return LegTrack(
            leg=self.meta.leg,
            end=self.end,
            movements=tuple(self.movements),
            holes=tuple(self.holes),
            anchors=tuple((self._final or self._provisional).values()),
            simulated=self.meta.simulated,
        )


def analyse(records: Iterable[Record]) -> LegNight:
    """Feed a whole segment.

    Raises
    ------
    ValueError
        If it does not begin as a segment does.
    """
    night: LegNight | None = None
    for record in records:
        if night is not None:
            night.feed(record)
        elif isinstance(record, Meta):
            night = LegNight(record)
        else:
            raise ValueError("the recording does not begin with its description; legmon did not write it")
    if night is None:
        raise ValueError("the recording is empty")
    night.finish()
    return night
