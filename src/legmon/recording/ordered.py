"""Read the records of a leg in order of their sample index: the one reader that everything else uses.

A segment is append-ordered. Samples that the sensor sends again stand where they arrived. A gap is recorded once
its samples can no longer arrive. Readers need the samples in order of their index, each once, with a gap for every missing
index.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from legmon.messages import GapCause
from legmon.recording.records import Gap, Record, Samples


class OrderedReader:
    """Put samples and gaps in order of index while records arrive.

    At an index that is missing the reader waits until the samples arrive or a record names the gap. Where records overlap,
    the one that comes first in this order keeps the index, and the other one is trimmed. The pieces follow one another
    without a space between them, from index 0.
    """

    def __init__(self) -> None:
        self.end = 0
        """Index after the last piece that was returned."""
        self.first_repeated: int | None = None
        """The lowest index that the file has twice; None if it has each index once."""
        self._waiting: list[tuple[int, int, Samples | Gap]] = []
        self._count = 0  # breaks ties in the heap by order of arrival

    def feed(self, record: Record) -> list[Samples | Gap]:
        """Add the next record of the segment.

        Parameters
        ----------
        record : Record
            Of any kind. Kinds other than `Samples` and `Gap` change nothing.

        Returns
        -------
        list of Samples or Gap
            The pieces that are in order now.
        """
        if not isinstance(record, Samples | Gap) or record.end <= record.first:
            return []
        if record.first > self.end:
            self._count += 1
            heapq.heappush(self._waiting, (record.first, self._count, record))
            return []
        pieces: list[Samples | Gap] = []
        self._append(record, pieces)
        while self._waiting and self._waiting[0][0] <= self.end:
            self._append(heapq.heappop(self._waiting)[2], pieces)
        return pieces

    def ahead(self) -> list[Samples | Gap]:
        """Return the pieces that `finish` would return now, without changing the reader."""
        other = OrderedReader()
        other.end, other._waiting = self.end, self._waiting
        return other.finish()

    def finish(self) -> list[Samples | Gap]:
        """End the recording.

        Returns
        -------
        list of Samples or Gap
            The records that were still waiting. An index without samples and without a gap was in a damaged record. It
            becomes a gap with the cause `GapCause.DAMAGED`.
        """
        pieces: list[Samples | Gap] = []
        waiting, self._waiting = sorted(self._waiting), []
        for first, _, record in waiting:
            if first > self.end:
                pieces.append(Gap(self.end, first - self.end, GapCause.DAMAGED.value))
                self.end = first
            self._append(record, pieces)
        return pieces

    def _append(self, record: Samples | Gap, pieces: list[Samples | Gap]) -> None:
        """Append the part of a record that is new; it begins at `end` or before."""
        repeated = self.end - record.first
        if repeated:
            if self.first_repeated is None or record.first < self.first_repeated:
                self.first_repeated = record.first
            if record.end <= self.end:
                return
            record = (
                replace(record, first=self.end, xyz=record.xyz[repeated:])
                if isinstance(record, Samples)
                else replace(record, first=self.end, count=record.count - repeated)
            )
        pieces.append(record)
        self.end = record.end


def read_ordered(records: Iterable[Record]) -> Iterator[Samples | Gap]:
    """Yield the samples and gaps of a whole segment in order of index; see `OrderedReader`."""
    reader = OrderedReader()
    for record in records:
        yield from reader.feed(record)
    yield from reader.finish()


def stretches(pieces: Iterable[Samples | Gap]) -> list[tuple[int, NDArray[np.int16]]]:
    """Join samples that follow one another.

    Parameters
    ----------
    pieces : iterable of Samples or Gap
        In order of index.

    Returns
    -------
    list of (int, (n, 3) int16 array)
        For each stretch between gaps, the index of its first sample and its samples in units of the sensor.
    """
    parts: list[tuple[int, list[NDArray[np.int16]]]] = []
    end = -1
    for piece in pieces:
        if isinstance(piece, Samples):
            if piece.first != end:
                parts.append((piece.first, []))
            parts[-1][1].append(piece.xyz)
            end = piece.end
    return [(first, np.concatenate(joined)) for first, joined in parts]


def dense(pieces: Sequence[Samples | Gap], scale_ug: int) -> NDArray[np.float64]:
    """Return samples by their index, as an array.

    Parameters
    ----------
    pieces : sequence of Samples or Gap
        In order of index, from index 0.
    scale_ug : int
        µg per unit of the sensor.

    Returns
    -------
    (n, 3) float64 array, g
        NaN where samples are missing.
    """
    xyz = np.full((pieces[-1].end if pieces else 0, 3), np.nan)
    for piece in pieces:
        if isinstance(piece, Samples):
            xyz[piece.first : piece.end] = piece.xyz * (scale_ug * 1e-6)
    return xyz
