"""Reads the header and the annotations of EDF+ and BDF+ files.

The standard says where each data record begins (EDF+D), that a file without signals has records of no length, and that texts
are UTF-8. Older programs write other texts, leave the times of records out, or end before the header says. None of that costs
more than itself. The bytes are read here and not by edfio, which reads EDF+D as continuous and stops at the first odd byte.
"""

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from legmon.exchange.annotation import Annotation, decoded_piece
from legmon.outside import open_outside

LARGEST: Final = 1 << 36
"""Bytes of a file."""
HEAD: Final = 256
MOST_SIGNALS: Final = 1024
MOST_RECORDS: Final = 200_000
"""Data records: more than two days of one second each."""
MOST_BYTES: Final = 1 << 25
"""Bytes of annotations, with the room that is left empty between them."""
MOST_ANNOTATIONS: Final = 250_000
LEAST_GAP_S: Final = 1e-3
LONGEST_RECORD_S: Final = 1e7
_DIGITS: Final = re.compile(rb"\d{40}")
_STAMP: Final = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d+(?:\.\d*)?|\.\d+)?)?\x14")


@dataclass(frozen=True, slots=True)
class EdfSignal:
    """A signal, as the header describes it."""

    label: str
    unit: str
    physical: tuple[float, float]
    digital: tuple[float, float]
    samples: int
    """In a data record."""


@dataclass(frozen=True, slots=True)
class EdfHeader:
    """The header of a file.

    Parameters
    ----------
    start : datetime or None
        When the recording began, on the clock of the laboratory; None where the header names no date.
    records : int
        Data records that are there.
    record_s : float
        The length of one, s.
    signals : list of EdfSignal
        With those of annotations.
    is_discontinuous : bool
        Whether records may have gaps between them (EDF+D).
    bytes_a_sample : int
        2 for EDF, 3 for BDF.
    """

    start: datetime | None
    records: int
    record_s: float
    signals: list[EdfSignal]
    is_discontinuous: bool
    bytes_a_sample: int

    @property
    def size(self) -> int:
        """Bytes of the header."""
        return HEAD * (len(self.signals) + 1)

    @property
    def record_bytes(self) -> int:
        """Bytes of a data record."""
        return self.bytes_a_sample * sum(s.samples for s in self.signals)

    def places(self) -> list[tuple[int, int]]:
        """Return where in a record the signals of annotations lie: first byte and length."""
        found, at = [], 0
        for s in self.signals:
            length = self.bytes_a_sample * s.samples
            if s.label.startswith(("EDF Annotations", "BDF Annotations")):
                found.append((at, length))
            at += length
        return found


@dataclass(slots=True)
class EdfContent:
    """The annotations of a file, and when its records were measured.

    Parameters
    ----------
    header : EdfHeader
        Its header.
    annotations : list of Annotation
        Seconds from the start that the header names.
    record_starts : list of float
        When each record begins, s; of a file with signals.
    gaps : list of (start, end)
        Stretches without a record, s.
    duration_s : float or None
        From the start to the end of the last record; None for a file without signals.
    odd_texts : int
        Texts that are not UTF-8.
    unreadable : int
        Pieces that are no annotation.
    """

    header: EdfHeader
    annotations: list[Annotation] = field(default_factory=list)
    record_starts: list[float] = field(default_factory=list)
    gaps: list[tuple[float, float]] = field(default_factory=list)
    duration_s: float | None = None
    odd_texts: int = 0
    unreadable: int = 0


def read_edf(path: Path) -> EdfContent:
    """Read a file's header and annotations.

    Raises
    ------
    OSError
        If it cannot be opened.
    ValueError
        If it cannot be read as EDF+, or would take more than seconds. The message says why.
    """
    with os.fdopen(open_outside(path, LARGEST), "rb") as file:
        header = _header(file, os.fstat(file.fileno()).st_size)
        content = EdfContent(header)
        stamps = _read_records(file, content)
    if header.record_s > 0 and header.records:
        _place_records(content, stamps)
    return content


def _header(file: BinaryIO, size: int) -> EdfHeader:
    """Return the header.

    Raises
    ------
    ValueError
        If it describes no file.
    """
    head = file.read(HEAD)
    if len(head) < HEAD:
        raise ValueError("it is too short")
    length, count = _number(head[184:192]), _number(head[252:256])
    if not 1 <= count <= MOST_SIGNALS or length != HEAD * (count + 1):
        raise ValueError(f"its header does not describe 1 to {MOST_SIGNALS:,} signals")
    described = file.read(HEAD * count)

    def column(at: int, width: int) -> list[bytes]:
        return [described[at * count + width * i :][:width] for i in range(count)]

    samples = [_number(f) for f in column(216, 8)]
    if any(n < 0 for n in samples) or not sum(samples):
        raise ValueError("its data records are empty")
    is_bdf = head[:1] == b"\xff"
    width = 3 if is_bdf else 2
    present = max(size - length, 0) // (width * sum(samples))
    declared = _number(head[236:244])
    records = present if declared < 0 else min(declared, present)
    record_s = _decimal(head[244:252])
    if not 0 <= record_s <= LONGEST_RECORD_S:
        raise ValueError("the length of its data records is no time")
    if present > MOST_RECORDS:
        raise ValueError(f"it has more than {MOST_RECORDS:,} data records")
    signals = [
        EdfSignal(_text(label), _text(unit), (_loosely(a), _loosely(b)), (_loosely(c), _loosely(d)), n)
        for label, unit, a, b, c, d, n in zip(
            column(0, 16),
            column(96, 8),
            column(104, 8),
            column(112, 8),
            column(120, 8),
            column(128, 8),
            samples,
            strict=True,
        )
    ]
    header = EdfHeader(_start(head), records, record_s, signals, head[192:197] in {b"EDF+D", b"BDF+D"}, width)
    if present * sum(n for _, n in header.places()) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES >> 20} MB of annotations")
    return header


def _start(head: bytes) -> datetime | None:
    """Return the start in the header; one of 85 to 99 is in the last century."""
    numbers = [n for part in (head[168:176], head[176:184]) for n in re.findall(rb"\d+", part)]
    if len(numbers) != 6:
        return None
    day, month, year, hour, minute, second = map(int, numbers)
    try:
        return datetime(year + (1900 if year >= 85 else 2000), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _read_records(file: BinaryIO, content: EdfContent) -> list[float | None]:
    """Read the annotations of all records. Return when each record begins, as it says itself."""
    header, places = content.header, content.header.places()
    stamps: list[float | None] = []
    for number in range(header.records):
        stamp: float | None = None
        for k, (at, length) in enumerate(places):
            file.seek(header.size + number * header.record_bytes + at)
            for n, (onset, lasts, texts) in enumerate(_stamped(file.read(length), content)):
                if k == n == 0 and texts[0] == b"":
                    stamp = onset
                for text in texts:
                    if text:
                        written, odd = decoded_piece(text)
                        content.odd_texts += odd
                        content.annotations.append(Annotation(onset, lasts, written))
                if len(content.annotations) > MOST_ANNOTATIONS:
                    raise ValueError(f"it has more than {MOST_ANNOTATIONS:,} annotations")
        stamps.append(stamp)
    return stamps


def _stamped(data: bytes, content: EdfContent) -> Iterator[tuple[float, float | None, list[bytes]]]:
    """Yield onset, length and texts of each time-stamped list of annotations."""
    for piece in data.split(b"\0"):
        if not piece:
            continue
        if _DIGITS.search(piece):
            raise ValueError("an annotation holds a number of more than 40 digits")
        found = _STAMP.match(piece)
        if found is None:
            content.unreadable += 1
            continue
        lasts = found[2]
        yield (
            float(found[1]),
            None if lasts is None else float(lasts),
            piece[found.end() :].removesuffix(b"\x14").split(b"\x14"),
        )


def _place_records(content: EdfContent, stamps: list[float | None]) -> None:
    """Find when the records begin, and the gaps between them. The stamps of the records count, whatever the header says."""
    header = content.header
    first = stamps[0] or 0.0
    starts: list[float] = []
    end = 0.0 if header.is_discontinuous else first
    for stamp in stamps:
        start = end if stamp is None else max(stamp, end)
        if start - end > LEAST_GAP_S:
            content.gaps.append((end, start))
        starts.append(start)
        end = start + header.record_s
    content.record_starts, content.duration_s = starts, end


def _text(field_: bytes) -> str:
    return field_.decode("latin-1").strip()


def _number(field_: bytes) -> int:
    try:
        return int(field_.decode("ascii"))
    except ValueError:
        raise ValueError("a number in its header cannot be read") from None


def _loosely(field_: bytes) -> float:
    """Return a number that only signals need; NaN where it cannot be read."""
    try:
        return _decimal(field_)
    except ValueError:
        return math.nan


def _decimal(field_: bytes) -> float:
    try:
        value = float(field_.decode("ascii").strip().replace(",", ".") or "0")
    except ValueError:
        raise ValueError("a number in its header cannot be read") from None
    if not math.isfinite(value):
        raise ValueError("a number in its header cannot be read")
    return value
