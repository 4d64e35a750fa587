"""From a leg's records to its track: the same way live, again later, and from a file."""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice
from typing import Final, cast

import numpy as np

from legmon.detection.detector import DETECTOR, Detector
from legmon.detection.faults import Unseen
from legmon.detection.trace import Tracer
from legmon.messages import FAULT_CAUSES
from legmon.movement import LegMovement
from legmon.night.track import LegTrack
from legmon.recording.ordered import OrderedReader
from legmon.recording.records import Anchored, Gap, Meta, Record, Samples
from legmon.timeline.clock import Anchor, TimeMap

BATCH: Final = 1000  # records of a recorded night that are detected together


class LegNight:
    """One leg's night, fed with the records of its segment in the order they were written.

    Samples that were lost may arrive later, from the sensor's buffer. At a gap the detector waits until it is filled or named
    (`OrderedReader`). The recorder feeds records as it writes them; scoring a recorded night feeds them from the file. Both
    give the same movements, because movements are sample indices and the detector does not see how samples were cut.

    Parameters
    ----------
    meta : Meta
        The description of the recording; a repetition of it changes nothing.
    tracer : Tracer, optional
        Collects why the detector decides as it does.
    """

    def __init__(self, meta: Meta, tracer: Tracer | None = None) -> None:
        self.meta = meta
        self.movements: list[LegMovement] = []
        self.gaps: list[Gap] = []
        self.samples = 0
        self.missing = 0
        self._provisional: dict[int, Anchor] = {}
        self._final: dict[int, Anchor] = {}
        self._scale = meta.scale_ug * 1e-6
        self._faults = 0  # stretches of a failing sensor that are among the gaps already
        self._reader = OrderedReader()
        self._detector = Detector(meta.declared_hz, meta.leg, range_g=meta.range_g, tracer=tracer)

    @property
    def end(self) -> int:
        """Index after the last sample that the detector received. Samples behind an open gap are not among them."""
        return self._detector.position

    @property
    def earliest(self) -> int:
        """Index before which no movement will begin any more."""
        return self._detector.earliest

    @property
    def time(self) -> TimeMap | None:
        """The map from index to time; None before there is one. It is final once the night is closed."""
        anchors = tuple((self._final or self._provisional).values())
        return TimeMap(anchors) if anchors else None

    def pending(self) -> list[LegMovement]:
        """Return the movements that are seen but not final; see `Detector.pending`."""
        return self._detector.pending()

    def feed(self, record: Record) -> list[LegMovement]:
        """Add the next record.

        Returns
        -------
        list of LegMovement
            The movements that became final.
        """
        return self.feed_all([record])

    def feed_all(self, records: Iterable[Record]) -> list[LegMovement]:
        """Add the next records together, which is faster than one by one and gives the same."""
        pieces: list[Samples | Gap] = []
        for record in records:
            if isinstance(record, Anchored):
                (self._final if record.final else self._provisional)[record.first] = record.anchor
            else:
                pieces += self._reader.feed(record)
        return self._detect(pieces)

    def _detect(self, pieces: Iterable[Samples | Gap]) -> list[LegMovement]:
        found: list[LegMovement] = []
        for kind, group in groupby(pieces, type):
            if kind is Gap:
                for gap in cast("Iterator[Gap]", group):
                    found += self._detector.gap(gap.count)
                    self._add_faults()
                    self.missing += gap.count
                    self.gaps.append(gap)
            else:
                xyz = np.concatenate([samples.xyz for samples in cast("Iterator[Samples]", group)])
                found += self._detector.feed(xyz * self._scale)
                self.samples += len(xyz)
                self._add_faults()
        self.movements += found
        return found

    def finish(self) -> list[LegMovement]:
        """End the night. A movement under way ends with the data."""
        found = self._detect(self._reader.finish())
        last = self._detector.finish()
        self._add_faults()
        self.movements += last
        return found + last

    def _add_faults(self) -> None:
        for u in islice(self._detector.unseen, self._faults, None):
            self.gaps.append(_fault_gap(u))
            self._faults += 1

    def track(self) -> LegTrack:
        """Return what is known so far, including a fault that is not over.

        Times follow the final anchors once the night is closed.
        """
        missing = [g for g in self.gaps if g.cause not in FAULT_CAUSES]
        faults = [_fault_gap(u) for u in self._detector.unseen_so_far()]
        return LegTrack(
            leg=self.meta.leg,
            end=self.end,
            movements=tuple(self.movements),
            gaps=tuple(sorted([*missing, *faults], key=lambda g: g.first)),
            anchors=tuple((self._final or self._provisional).values()),
            simulated=self.meta.simulated,
            quality=tuple(self._detector.quality()),
            loss=self.meta.loss,
            detector=DETECTOR,
        )


def _fault_gap(u: Unseen) -> Gap:
    return Gap(u.first, u.count, u.cause)


def described(records: Iterable[Record]) -> tuple[Meta, Iterator[Record]]:
    """Find the description of a recording. It is the first record, unless the beginning is damaged: it is repeated later.

    Returns
    -------
    (Meta, iterator of Record)
        The description, and all records in their order.

    Raises
    ------
    ValueError
        If there is none.
    """
    rest, before = iter(records), []
    for record in rest:
        before.append(record)
        if isinstance(record, Meta):
            return record, chain(before, rest)
    if before:
        raise ValueError(
            "the recording has no description that can be read, so nothing is known of its samples"
        )
    raise ValueError("the recording is empty")


def analyse(records: Iterable[Record], tracer: Tracer | None = None) -> LegNight:
    """Feed a whole segment to a new `LegNight`, with a tracer or without.

    Raises
    ------
    ValueError
        If it has no description, or one of a sensor that no night can be recorded with.
    """
    meta, rest = described(records)
    night = LegNight(meta, tracer)
    while batch := list(islice(rest, BATCH)):
        night.feed_all(batch)
    night.finish()
    return night
