"""The format of a segment file, byte by byte.

A file is a sequence of records. A record is a header of 12 bytes (kind u8, version u8 = 1, two zero bytes, length u32, CRC-32
u32, little endian) and the payload. The checksum covers the first 8 bytes and the payload. Samples are binary. Everything rare is
JSON, so that a person can read it with `strings`. A reader returns whole records only.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from legmon.movement import Leg
from legmon.timeline.clock import Anchor

HEADER = struct.Struct("<BBHII")
SAMPLES = struct.Struct("<qqQ")
VERSION = 1
LONGEST = 1 << 20


class Kind(IntEnum):
    """The kinds of record."""

    META = 1
    STREAM = 2
    SAMPLES = 3
    GAP = 4
    ANCHOR = 5
    NOTE = 6
    END = 7


@dataclass(frozen=True, slots=True)
class Meta:
    """The first record of a file: which night, which leg, which sensor."""

    KIND: ClassVar[Kind] = Kind.META
    night: str
    leg: Leg
    sensor: str
    address: str
    declared_hz: float
    scale_ug: int
    range_g: int
    simulated: bool
    loss: str = "index"
    """How a loss of this sensor shows (`legmon.sensors.base.Declaration`)."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The sensor started a stream. Its index `device_first` is index `first` of the night."""

    KIND: ClassVar[Kind] = Kind.STREAM
    stream: int
    device_first: int
    first: int


@dataclass(frozen=True, slots=True)
class Samples:
    """The new samples of one frame: (n, 3) int16, in the scale of `Meta`.

    Records need not be in order of index: samples that a sensor sends again stand where they arrived. Their `arrival_ns` is 0,
    because that arrival says nothing about when they were taken.
    """

    KIND: ClassVar[Kind] = Kind.SAMPLES
    first: int
    arrival_ns: int
    t_us: int
    xyz: NDArray[np.int16]

    @property
    def end(self) -> int:
        """Index after the last sample."""
        return self.first + len(self.xyz)


@dataclass(frozen=True, slots=True)
class Gap:
    """Samples that never came, and why. Samples that neither came nor are in a gap may still come."""

    KIND: ClassVar[Kind] = Kind.GAP
    first: int
    count: int
    cause: str

    @property
    def end(self) -> int:
        """Index after the last missing sample."""
        return self.first + self.count


@dataclass(frozen=True, slots=True)
class Anchored:
    """An anchor of the time fit. A closed night uses the ones that are `final`."""

    KIND: ClassVar[Kind] = Kind.ANCHOR
    first: int
    utc_ns: int
    rate_hz: float
    final: bool

    @property
    def anchor(self) -> Anchor:
        """The anchor itself."""
        return Anchor(self.first, self.utc_ns, self.rate_hz)


@dataclass(frozen=True, slots=True)
class Note:
    """An event: connected, disconnected, battery level."""

    KIND: ClassVar[Kind] = Kind.NOTE
    at_ns: int
    what: str
    value: str


@dataclass(frozen=True, slots=True)
class End:
    """The night was closed."""

    KIND: ClassVar[Kind] = Kind.END
    at_ns: int


Record = Meta | Stream | Samples | Gap | Anchored | Note | End
_JSON: dict[Kind, type[Any]] = {t.KIND: t for t in (Meta, Stream, Gap, Anchored, Note, End)}


def encode(record: Record) -> bytes:
    """Return the bytes of one record.

    Raises
    ------
    ValueError
        If it is longer than a reader accepts.
    """
    if isinstance(record, Samples):
        payload = (
            SAMPLES.pack(record.first, record.arrival_ns, record.t_us) + record.xyz.astype("<i2").tobytes()
        )
    else:
        payload = json.dumps(asdict(record), ensure_ascii=False, separators=(",", ":")).encode()
    if len(payload) > LONGEST:
        raise ValueError(f"a record has {len(payload)} bytes; a reader accepts {LONGEST} at most")
    head = HEADER.pack(record.KIND, VERSION, 0, len(payload), 0)[:8]
    return head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload


def decode(data: bytes, start: int = 0) -> Iterator[tuple[int, Record]]:
    """Read whole records and skip damaged bytes between them.

    Parameters
    ----------
    data : bytes
        From a segment file.
    start : int
        Where to begin: the start of a record.

    Yields
    ------
    (int, Record)
        Where the record ends, and the record. Kinds that this version does not know are skipped. The samples of a damaged
        record leave a gap in the indices, so a reader notices that they are missing.
    """
    view = memoryview(data)
    at = start
    while at + HEADER.size <= len(view):
        end = _whole(view, at)
        if end is None:
            at = _next_whole(data, view, at + 1)
            continue
        kind, payload = view[at], view[at + HEADER.size : end]
        if kind == Kind.SAMPLES:
            first, arrival, t_us = SAMPLES.unpack_from(payload)
            xyz = np.frombuffer(payload[SAMPLES.size :], dtype="<i2").reshape(-1, 3)
            yield end, Samples(first, arrival, t_us, xyz)
        elif kind in _JSON and (record := _rare(_JSON[Kind(kind)], bytes(payload))) is not None:
            yield end, record
        at = end


def last_whole(data: bytes) -> int:
    """Return where the last whole record ends. What follows is torn: a writer has not finished it, or a crash cut it off."""
    view, at, last = memoryview(data), 0, 0
    while at + HEADER.size <= len(view):
        end = _whole(view, at)
        at = _next_whole(data, view, at + 1) if end is None else end
        last = last if end is None else end
    return last


def damage(data: bytes) -> tuple[int, int] | None:
    """Return where data is damaged first and where the next whole record begins; None if nothing is damaged."""
    view, at = memoryview(data), 0
    while at < len(view):
        end = _whole(view, at) if at + HEADER.size <= len(view) else None
        if end is None:
            return at, _next_whole(data, view, at + 1)
        at = end
    return None


def _rare(made: type[Any], payload: bytes) -> Any:
    """Parse a record in JSON and ignore unknown fields; None if another version left out a field that this one needs."""
    known = {f.name for f in fields(made)}
    try:
        return made(**{name: value for name, value in json.loads(payload).items() if name in known})
    except (TypeError, ValueError, AttributeError):
        return None


def _whole(view: memoryview, at: int) -> int | None:
    """Return where the record at an offset ends; None if there is no undamaged record."""
    _, version, zero, length, crc = HEADER.unpack_from(view, at)
    end = at + HEADER.size + length
    if version != VERSION or zero or length > LONGEST or end > len(view):
        return None
    payload = view[at + HEADER.size : end]
    return end if zlib.crc32(payload, zlib.crc32(view[at : at + 8])) == crc else None


def _next_whole(data: bytes, view: memoryview, at: int) -> int:
    """Return where the next undamaged record begins, or the end of the data."""
    mark = bytes([VERSION, 0, 0])
    while (found := data.find(mark, at + 1)) >= 0:
        at = found - 1
        if at + HEADER.size <= len(view) and _whole(view, at) is not None:
            return at
        at = found
    return len(view)
