"""From a leg's records to its track: the one way, live, again later, or from a file."""

from collections.abc import Iterable
from itertools import islice

from legmon.detection.detector import Detector
from legmon.detection.faults import Unseen
from legmon.messages import FAULT_CAUSES, GapCause
from legmon.movement import LegMovement
from legmon.night.track import LegTrack
from legmon.recording.records import Anchored, Gap, Meta, Record, Samples
from legmon.timeline.clock import Anchor


class LegNight:
    """One leg's night, fed with the records of its segment in the order they were written.

    Samples that were lost may come later, out of the sensor's buffer: at a hole the detector waits until it is filled or named.
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
        self.gaps: list[Gap] = []
        self.samples = 0
        self._provisional: dict[int, Anchor] = {}
        self._final: dict[int, Anchor] = {}
        self._scale = meta.scale_ug * 1e-6
        self.missing = 0
        self._unseen = 0  # stretches of a failing sensor that are among the holes
        self._ahead: dict[int, Samples | Gap] = {}  # behind a hole that may still be filled
        self._detector = Detector(meta.declared_hz, meta.leg, range_g=meta.range_g)

    @property
    def end(self) -> int:
        """Index after the last sample that has been looked at: what is missing and may still come is waited for."""
        return self._detector.position

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
        if isinstance(record, Anchored):
            (self._final if record.final else self._provisional)[record.first] = record.anchor
            return []
        if not isinstance(record, Samples | Gap):
            return []
        if record.first > self.end:
            self._ahead[record.first] = record
            return []
        found = self._take(record)
        while (ready := self._ahead.pop(self.end, None)) is not None:
            found += self._take(ready)
        return found

    def _take(self, record: Samples | Gap) -> list[LegMovement]:
        """Take a record that follows; one that was there before adds nothing."""
        if record.first < self.end:
            return []
        if isinstance(record, Gap):
            found = self._skip(record.count, record.cause)
        else:
            found = self._detector.feed(record.xyz * self._scale)
            self.samples += len(record.xyz)
        self._add_unseen()
        self.movements += found
        return found

    def _skip(self, count: int, cause: str) -> list[LegMovement]:
        first = self.end
        found = self._detector.gap(count)
        self._add_unseen()
        self.missing += count
        self.gaps.append(Gap(first, count, cause))
        return found

    def finish(self) -> list[LegMovement]:
        """End the night: a movement under way ends with the data.

        What neither came nor was named missing stood in records that are damaged.
        """
        found: list[LegMovement] = []
        for first in sorted(self._ahead):
            record = self._ahead.pop(first)
            if first > self.end:
                gone = self._skip(first - self.end, GapCause.DAMAGED.value)
                self.movements += gone
                found += gone
            found += self._take(record)
        last = self._detector.finish()
        self._add_unseen()
        self.movements += last
        return found + last

    def _add_unseen(self) -> None:
        for u in islice(self._detector.unseen, self._unseen, None):
            self.gaps.append(_hole(u))
            self._unseen += 1

    def track(self) -> LegTrack:
        """Return what is known so far, a fault that is not over too; times by the final anchors where the night is closed."""
        missing = [h for h in self.gaps if h.cause not in FAULT_CAUSES]
        faults = [_hole(u) for u in self._detector.unseen_so_far()]
        return LegTrack(
            leg=self.meta.leg,
            end=self.end,
            movements=tuple(self.movements),
            gaps=tuple(sorted([*missing, *faults], key=lambda h: h.first)),
            anchors=tuple((self._final or self._provisional).values()),
            simulated=self.meta.simulated,
            quality=tuple(self._detector.quality()),
            loss=self.meta.loss,
        )


def _hole(u: Unseen) -> Gap:
    return Gap(u.first, u.count, u.cause)


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
