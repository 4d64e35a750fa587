"""Pack the records of about a minute into one block, without loss, and unpack them again.

The columns of a minute (sample indices, times of arrival, the three axes …) are packed one by one with pcodec
(https://github.com/pcodec/pcodec), which comes within a few percent of the entropy of their differences. Everything rare is
packed with zlib. A block is unpacked by itself, so damage to a file costs one block. What a block claims about itself is checked
before memory is set aside for it.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import TypeVar

import numpy as np
import pcodec
from numpy.typing import NDArray

SAMPLES = struct.Struct("<qqQ")
"""How the payload of a record of samples begins: index of the first, arrival, time by the sensor. Three int16 a sample follow."""
SAMPLES_KIND = 3
PLAIN_MOST = 1 << 14
"""Longest payload that goes into a block, bytes. A longer record stands in the file as it is."""
SAMPLES_MOST, RECORDS_MOST = 1 << 17, 1 << 13
LEVEL = 8

_ORDER, _BATCH = 4, 256
_SMOOTH, _ANY = pcodec.DeltaSpec.try_conv1(_ORDER), pcodec.DeltaSpec.auto()
"""How pcodec foretells a value: on an axis, from the four before it. That needs 4 % less than their differences.

pcodec 1.1.0 panics where the last of its batches is shorter than that. Such a column gets the differences.
"""

_HEAD = struct.Struct("<BIII")
_LENGTH = struct.Struct("<I")
_VERSION = 1
_PARTS = 9
_XYZ = 6
_KNOWN = (
    b'{"stream":1,"device_first":0,"first":0}{"at_ns":17,"what":"disconnected","value":"link_lost"}'
    b'"what":"quiet_ms","value":""}"what":"battery","value":""}"what":"charging","value":"false"}"what":"worn","value":"true"}'
    b'{"first":0,"count":1,"cause":"not_sent"}{"first":0,"utc_ns":17,"rate_hz":50.0,"final":false}'
    b'{"night":"20","leg":"left","sensor":"LegMon","address":"C4:4C:4D:00:00:01","declared_hz":50.0,"scale_ug":122,'
    b'"range_g":4,"simulated":false,"loss":"index"}'
)
"""What rare records look like: zlib finds repetitions of it from the first record on. It belongs to version 1 of a block."""

_Number = TypeVar("_Number", np.int16, np.int32, np.int64, np.uint64)
Plain = tuple[int, bytes]
"""Kind and payload of a record."""


def is_packable(kind: int, payload: bytes | memoryview) -> bool:
    """Whether a record may go into a block."""
    return 0 <= kind < 255 and len(payload) <= PLAIN_MOST


def _holds_samples(kind: int, payload: bytes) -> bool:
    return kind == SAMPLES_KIND and len(payload) >= SAMPLES.size and not (len(payload) - SAMPLES.size) % _XYZ


def pack(records: Sequence[Plain]) -> bytes:
    """Return the block of some records.

    Raises
    ------
    ValueError
        If they are too many, or one of them is too long.
    """
    if len(records) > RECORDS_MOST or not all(is_packable(*r) for r in records):
        raise ValueError("these records do not fit into a block")
    samples = [p for k, p in records if _holds_samples(k, p)]
    rare = [p for k, p in records if not _holds_samples(k, p)]
    heads = [SAMPLES.unpack_from(p) for p in samples]
    first = np.array([h[0] for h in heads], dtype=np.int64)
    counts = np.array([(len(p) - SAMPLES.size) // _XYZ for p in samples], dtype=np.int32)
    xyz = np.frombuffer(b"".join(p[SAMPLES.size :] for p in samples), dtype="<i2").reshape(-1, 3)
    if len(xyz) > SAMPLES_MOST:
        raise ValueError("these records do not fit into a block")
    jumps = first.copy()
    jumps[1:] -= (
        first[:-1] + counts[:-1]
    )  # 0 where records follow one another; overflows are undone by `unpack`
    smooth = _ANY if 0 < len(xyz) % _BATCH < _ORDER else _SMOOTH
    packer = zlib.compressobj(9, zdict=_KNOWN)
    texts = b"".join(_LENGTH.pack(len(p)) + p for p in rare)
    parts = [
        # A kind that does not stand for samples here is marked by its payload among the rare ones.
        zlib.compress(
            bytes(k if _holds_samples(k, p) else (k, 255)[k == SAMPLES_KIND] for k, p in records), 9
        ),
        _column(jumps),
        _column(np.array([h[1] for h in heads], dtype=np.int64)),
        _column(np.array([h[2] for h in heads], dtype=np.uint64)),
        _column(counts),
        *(_column(np.ascontiguousarray(xyz[:, axis], dtype=np.int16), smooth) for axis in range(3)),
        packer.compress(texts) + packer.flush(),
    ]
    head = _HEAD.pack(_VERSION, len(records), len(samples), len(xyz))
    return head + b"".join(_LENGTH.pack(len(p)) + p for p in parts)


def _column(values: NDArray[np.generic], delta: pcodec.DeltaSpec = _ANY) -> bytes:
    if not len(values):
        return b""
    config = pcodec.ChunkConfig(compression_level=LEVEL, delta_spec=delta)
    packed: bytes = pcodec.standalone.simple_compress(values, config)
    return packed


def unpack(block: bytes) -> list[Plain]:
    """Return the records of a block.

    Raises
    ------
    ValueError
        If it is not a block.
    """
    try:
        return _unpack(block)
    except (struct.error, zlib.error, RuntimeError, TypeError, OverflowError) as e:
        raise ValueError(f"not a block of records ({e})") from e


def _unpack(block: bytes) -> list[Plain]:
    version, count, holding, total = _HEAD.unpack_from(block)
    if version != _VERSION or not holding <= count <= RECORDS_MOST or total > SAMPLES_MOST:
        raise ValueError("not a block of records")
    parts = _parts(block)
    kinds = _inflate(parts[0], count)
    counts = _values(parts[4], holding, np.int32)
    if len(kinds) != count or kinds.count(SAMPLES_KIND) != holding:
        raise ValueError("the block does not hold the records that it says")
    if counts.sum(dtype=np.int64) != total or (counts < 0).any():
        raise ValueError("the block does not hold the samples that it says")
    first = _values(parts[1], holding, np.int64)
    first[1:] += counts[:-1]
    heads = zip(
        np.cumsum(first).tolist(),
        _values(parts[2], holding, np.int64).tolist(),
        _values(parts[3], holding, np.uint64).tolist(),
        strict=True,
    )
    xyz = np.stack([_values(p, total, np.int16) for p in parts[5:8]], axis=1).astype("<i2").tobytes()
    ends = accumulate((_XYZ * n for n in counts.tolist()), initial=0)
    samples = (
        SAMPLES.pack(*head) + xyz[start:end] for head, (start, end) in zip(heads, pairwise(ends), strict=True)
    )
    rare = _texts(_inflate(parts[8], (PLAIN_MOST + _LENGTH.size) * (count - holding), _KNOWN))
    records = [
        (k, next(samples)) if k == SAMPLES_KIND else (SAMPLES_KIND if k == 255 else k, next(rare, None))
        for k in kinds
    ]
    plain = [(k, p) for k, p in records if p is not None]
    if len(plain) != count or next(rare, None) is not None:
        raise ValueError("the block does not hold the records that it says")
    return plain


def _parts(block: bytes) -> list[bytes]:
    parts, at = [], _HEAD.size
    for _ in range(_PARTS):
        (length,) = _LENGTH.unpack_from(block, at)
        at += _LENGTH.size + length
        if at > len(block):
            raise ValueError("the block is cut")
        parts.append(block[at - length : at])
    if at != len(block):
        raise ValueError("the block is longer than it says")
    return parts


def _inflate(packed: bytes, most: int, known: bytes | None = None) -> bytes:
    """Unpack bytes of zlib, at most so many."""
    reader = zlib.decompressobj(zdict=known) if known else zlib.decompressobj()
    found = reader.decompress(packed, most + 1)  # 0 would mean without a limit
    if len(found) > most or not reader.eof or reader.unused_data:
        raise ValueError("the block holds more than it says, or less")
    return found


def _values(packed: bytes, count: int, kind: type[_Number]) -> NDArray[_Number]:
    """Unpack a column into an array of a known length, whatever the column says of its own."""
    values = np.zeros(count, dtype=kind)
    if not count:
        if packed:
            raise ValueError("a column without values is empty")
        return values
    progress = pcodec.standalone.simple_decompress_into(packed, values)
    if progress.n_processed != count or not progress.finished:
        raise ValueError("a column is shorter or longer than the block says")
    return values


def _texts(joined: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(joined):
        (length,) = _LENGTH.unpack_from(joined, at)
        at += _LENGTH.size + length
        if at > len(joined):
            raise ValueError("the block is cut")
        yield joined[at - length : at]
