"""The format of a segment file, byte by byte.

A file is a sequence of records. A record is a header of 12 bytes (kind u8, version u8 = 1, two zero bytes, length u32, CRC-32
u32, little endian) and the payload. The checksum covers the first 8 bytes and the payload. Samples are binary. Everything rare is
JSON, so that a person can read it with `strings`. A sealed file holds the same records, packed into blocks
(`legmon.recording.blocks`); a block is framed like a record. A reader returns whole records only. A file may hold anything: what
it claims costs neither time nor memory out of proportion to its size.
"""

import json
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from enum import IntEnum
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from legmon.movement import Leg
from legmon.recording.blocks import SAMPLES, SAMPLES_KIND, unpack
from legmon.timeline.clock import Anchor

HEADER = struct.Struct("<BBHII")
VERSION = 1
LONGEST = 1 << 20
MOST_SAMPLES = 1 << 26
"""The highest index that a reader believes: 15 days at 50 Hz, 37 hours at 500 Hz."""
MOST_NS = 1 << 62
SEARCH_LEAST, SEARCH_FACTOR, SEARCH_STEP = 1 << 26, 4, 256
"""How many bytes are checked to find whole records among damaged bytes: so many, and so many times the size of the data. To look
at one place costs as much as to check 256 bytes."""


class Kind(IntEnum):
    """The kinds of record."""

    META = 1
    STREAM = 2
    SAMPLES = SAMPLES_KIND
    GAP = 4
    ANCHOR = 5
    NOTE = 6
    END = 7
    BLOCK = 8


@dataclass(frozen=True, slots=True)
class Meta:
    """The description of a recording: which night, which leg, which sensor. The first record, repeated once a minute."""

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
    return framed(record.KIND, payload)


def framed(kind: int, payload: bytes) -> bytes:
    """Return the bytes of a record from its kind and payload.

    Raises
    ------
    ValueError
        If it is longer than a reader accepts.
    """
    if len(payload) > LONGEST:
        raise ValueError(f"a record has {len(payload)} bytes; a reader accepts {LONGEST} at most")
    head = HEADER.pack(kind, VERSION, 0, len(payload), 0)[:8]
    return head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload


def frames(data: bytes, start: int = 0) -> Iterator[tuple[int, int, bytes]]:
    """Read whole records without a look into them, and skip damaged bytes between them.

    Parameters
    ----------
    data : bytes
        From a segment file.
    start : int
        Where to begin: the start of a record.

    Yields
    ------
    (int, int, bytes)
        Where the record ends, its kind, and its payload. The records of a block all end where the block ends. A block that
        holds something else than records counts as damaged.
    """
    for begin, end, is_whole in _stretches(data, start):
        if not is_whole:
            continue
        kind, payload = data[begin], data[begin + HEADER.size : end]
        if kind != Kind.BLOCK:
            yield end, kind, payload
            continue
        try:
            packed = unpack(payload)
        except ValueError:
            continue
        for inner, text in packed:
            yield end, inner, text


def parse(kind: int, payload: bytes) -> Record | None:
    """Return the record of a kind and a payload; None if this version does not know it, or if it cannot be true."""
    if kind == Kind.SAMPLES:
        if len(payload) < SAMPLES.size or (len(payload) - SAMPLES.size) % 6:
            return None
        first, arrival, t_us = SAMPLES.unpack_from(payload)
        return Samples(
            first, arrival, t_us, np.frombuffer(payload, dtype="<i2", offset=SAMPLES.size).reshape(-1, 3)
        )
    return _rare(_JSON[Kind(kind)], payload) if kind in _JSON else None


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
    for end, kind, payload in frames(data, start):
        record = parse(kind, payload)
        if record is not None:
            yield end, record


def is_plausible(record: Record) -> bool:
    """Whether a record can be of a night. One that cannot was not written by legmon, or not to this file."""
    if isinstance(record, Samples):
        return record.first >= 0 and record.end <= MOST_SAMPLES and 0 <= record.arrival_ns < MOST_NS
    if isinstance(record, Gap):
        return 0 <= record.first <= record.end <= MOST_SAMPLES
    if isinstance(record, Stream):
        return 0 <= record.first <= MOST_SAMPLES and 0 <= record.device_first < 1 << 33
    if isinstance(record, Anchored):
        return (
            abs(record.first) <= MOST_SAMPLES and abs(record.utc_ns) < MOST_NS and 1 <= record.rate_hz < 1e4
        )
    if isinstance(record, Meta):
        is_measured = 1 <= record.declared_hz <= 1e4 and 0 < record.scale_ug < 1e7
        return record.leg in get_args(Leg) and is_measured and 0 <= record.range_g < 1e4
    return abs(record.at_ns) < MOST_NS


def last_whole(data: bytes) -> int:
    """Return where the last whole record ends. What follows is torn: a writer has not finished it, or a crash cut it off."""
    return max((end for _, end, is_whole in _stretches(data, 0) if is_whole), default=0)


def damage(data: bytes) -> tuple[int, int] | None:
    """Return where data is damaged first and where the next whole record begins; None if nothing is damaged."""
    for begin, end, is_whole in _stretches(data, 0):
        if not is_whole or (data[begin] == Kind.BLOCK and not _is_block(data[begin + HEADER.size : end])):
            return begin, end
    return None


def _is_block(payload: bytes) -> bool:
    try:
        return bool(unpack(payload))
    except ValueError:
        return False


_TYPES: dict[Any, tuple[type, ...]] = {
    int: (int,),
    float: (int, float),
    str: (str,),
    bool: (bool,),
    Leg: (str,),
}


def _rare(made: type[Any], payload: bytes) -> Any:
    """Parse a record in JSON and ignore unknown fields.

    It is None if another version left out a field that this one needs, or if a value is of another type.
    """
    types = {f.name: _TYPES[f.type] for f in fields(made)}
    try:
        values = {name: value for name, value in json.loads(payload).items() if name in types}
        return made(**values) if all(_suits(v, types[name]) for name, v in values.items()) else None
    except (TypeError, ValueError, AttributeError, RecursionError):
        return None


def _suits(value: object, types: tuple[type, ...]) -> bool:
    if isinstance(value, bool) or not isinstance(value, types):
        return isinstance(value, bool) and types == (bool,)
    return not isinstance(value, float) or math.isfinite(value)


def _stretches(data: bytes, start: int) -> Iterator[tuple[int, int, bool]]:
    """Yield the begin and end of each record, and of all that is between records, and whether it is a whole record."""
    view, at = memoryview(data), start
    left = [SEARCH_LEAST + SEARCH_FACTOR * len(data)]
    while at < len(view):
        end = _whole(view, at)
        if end is not None:
            yield at, end, True
            at = end
            continue
        end = _next_whole(data, view, at + 1, left)
        yield at, end, False
        at = end


def _whole(view: memoryview, at: int) -> int | None:
    """Return where the record at an offset ends; None if there is no undamaged record."""
    if at + HEADER.size > len(view):
        return None
    _, version, zero, length, crc = HEADER.unpack_from(view, at)
    end = at + HEADER.size + length
    if version != VERSION or zero or length > LONGEST or end > len(view):
        return None
    payload = view[at + HEADER.size : end]
    return end if zlib.crc32(payload, zlib.crc32(view[at : at + 8])) == crc else None


def _next_whole(data: bytes, view: memoryview, at: int, left: list[int]) -> int:
    """Return where the next undamaged record begins, or the end of the data.

    Each place that looks like a record costs the time to check as many bytes as it claims. `left` is how many may still be
    checked in this data, so that bytes made to look like millions of records cost no more than their size allows.
    """
    mark = bytes([VERSION, 0, 0])
    while (found := data.find(mark, at + 1)) >= 0:
        at = found - 1
        if at + HEADER.size > len(view):
            break
        left[0] -= SEARCH_STEP
        if data[at] in _KINDS:
            left[0] -= min(HEADER.unpack_from(view, at)[3], LONGEST)
            if _whole(view, at) is not None:
                return at
        if left[0] < 0:
            break
        at = found
    return len(view)


_KINDS = {kind.value for kind in Kind}
