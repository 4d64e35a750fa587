"""Segment files: what was written whole is read again, whatever happened after."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from legmon.errors import LegmonError
from legmon.recording.files import RecordingError, read_segment
from legmon.recording.records import (
    HEADER,
    VERSION,
    Anchored,
    End,
    Gap,
    Kind,
    Meta,
    Note,
    Record,
    Samples,
    Stream,
    decode,
    encode,
)
from legmon.recording.segment import SegmentTail, SegmentWriter
from legmon.timeline.clock import Anchor
from tests.made import verify

META = Meta(
    night="2026-11-22-2210",
    leg="left",
    sensor="LegMon-Zoë",
    address="C4:4C:4D:00:00:01",
    declared_hz=50.0,
    scale_ug=122,
    range_g=4,
    simulated=True,
)
RARE: list[Record] = [
    META,
    Stream(stream=65535, device_first=4_294_967_295, first=1_000_000),
    Gap(first=120, count=7, cause="link_lost"),
    Anchored(first=0, utc_ns=1_790_000_000_123_456_789, rate_hz=50.599999999999994, final=False),
    Anchored(first=9, utc_ns=1_790_000_000_123_456_789, rate_hz=0.1 + 0.2, final=True),
    Note(at_ns=5, what="battery", value="87 % \n\x00 “full” 🦵"),
    End(at_ns=1_790_000_000_123_456_789),
]


def samples(first: int, count: int = 3) -> Samples:
    xyz = np.arange(3 * first, 3 * (first + count), dtype=np.int16).reshape(-1, 3)
    return Samples(first, 1_790_000_000_000_000_000 + first, 20_000 * first, xyz)


def plain(record: Record) -> Any:
    """A record as something that compares, arrays as lists."""
    if isinstance(record, Samples):
        return (
            "samples",
            record.first,
            record.arrival_ns,
            record.t_us,
            record.xyz.dtype,
            record.xyz.tolist(),
        )
    return record


def read(path: Path) -> list[Any]:
    return [plain(r) for r in read_segment(path)]


def decoded(data: bytes, start: int = 0) -> list[Any]:
    return [plain(r) for _, r in decode(data, start)]


NIGHT: list[Record] = [
    META,
    Stream(1, 0, 0),
    samples(0),
    samples(3),
    Gap(6, 4, "not_sent"),
    samples(10),
    End(9),
]
WHOLE = [plain(r) for r in NIGHT]
BYTES = b"".join(map(encode, NIGHT))


def write(path: Path, records: list[Record]) -> None:
    writer = SegmentWriter(path)
    for record in records:
        writer.append(record)
    writer.close()


# Records.


@pytest.mark.parametrize("record", RARE, ids=lambda r: type(r).__name__)
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    data = encode(record)
    assert list(decode(data)) == [(len(data), record)]


@settings(deadline=None)
@given(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**64 - 1),
    arrays.arrays(np.int16, st.tuples(st.integers(0, 83), st.just(3))),
)
def test_samples_are_read_as_they_were_written(first: int, arrival: int, t_us: int, xyz: Any) -> None:
    record = Samples(first, arrival, t_us, xyz)
    ((_, again),) = decode(encode(record))
    assert plain(again) == plain(record)
    assert isinstance(again, Samples)
    assert again.end == first + len(xyz)


@settings(deadline=None, max_examples=50)
@given(st.integers(), st.text(), st.text())
def test_any_text_is_read_as_it_was_written(at_ns: int, what: str, value: str) -> None:
    note = Note(at_ns, what, value)
    assert [r for _, r in decode(encode(note))] == [note]


def test_an_anchor_record_gives_its_anchor() -> None:
    assert Anchored(3, 4, 50.5, final=True).anchor == Anchor(3, 4, 50.5)


def test_the_bytes_of_samples_are_as_the_format_says() -> None:
    data = encode(Samples(0x0102, 0x0304, 0x0506, np.array([[1, -1, 256]], dtype=np.int16)))
    head, payload = data[:12], data[12:]
    assert head[:8] == bytes([3, 1, 0, 0]) + (30).to_bytes(4, "little")
    assert head[8:] == zlib.crc32(head[:8] + payload).to_bytes(4, "little")
    assert payload == bytes.fromhex("0201000000000000 0403000000000000 0605000000000000 0100ffff0001")


def test_rare_records_can_be_read_by_a_person() -> None:
    assert json.loads(encode(META)[12:]) == {
        "night": "2026-11-22-2210",
        "leg": "left",
        "sensor": "LegMon-Zoë",
        "address": "C4:4C:4D:00:00:01",
        "declared_hz": 50.0,
        "scale_ug": 122,
        "range_g": 4,
        "simulated": True,
        "loss": "index",
    }
    assert "LegMon-Zoë".encode() in encode(META)


def test_decode_begins_where_it_is_told_and_says_where_each_record_ends() -> None:
    ends = [end for end, _ in decode(BYTES)]
    assert ends[-1] == len(BYTES)
    assert decoded(BYTES, ends[2]) == WHOLE[3:]


def test_a_kind_of_a_later_version_is_left_out() -> None:
    payload = b"what the future holds"
    head = HEADER.pack(99, VERSION, 0, len(payload), 0)[:8]
    unknown = head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload
    assert 99 not in set(Kind)
    assert decoded(encode(META) + unknown + encode(End(1))) == [META, End(1)]


def test_the_end_of_the_data_anywhere_gives_the_whole_records_before() -> None:
    ends = [0, *(end for end, _ in decode(BYTES))]
    for cut in range(len(BYTES)):
        assert decoded(BYTES[:cut]) == WHOLE[: sum(end <= cut for end in ends) - 1]


def test_a_flipped_bit_anywhere_costs_one_record_and_no_more() -> None:
    ends = [end for end, _ in decode(BYTES)]
    for at in range(ends[2], ends[3]):
        for bit in (0, 3, 7):
            damaged = bytearray(BYTES)
            damaged[at] ^= 1 << bit
            assert decoded(bytes(damaged)) == WHOLE[:3] + WHOLE[4:], f"bit {bit} of byte {at}"


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_bytes_of_something_else_are_no_records(data: bytes) -> None:
    assert decoded(data) == []


# The writer.


def test_a_night_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "nights" / "2026-11-22" / "left.seg"
    write(path, NIGHT)
    assert read(path) == WHOLE
    assert path.read_bytes() == BYTES
    assert not list(path.parent.glob("*.torn"))


def test_a_file_opened_again_goes_on_behind_its_end(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    write(path, NIGHT[:3])
    write(path, NIGHT[3:])
    assert read(path) == WHOLE


def test_what_is_appended_is_with_the_operating_system_at_once(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "left.seg")
    for n, record in enumerate(NIGHT, start=1):
        writer.append(record)
        assert read(tmp_path / "left.seg") == WHOLE[:n]
    writer.close()


@pytest.mark.parametrize("lost", [1, 11, 12, 13, 30])
def test_a_torn_tail_is_cut_and_kept(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "left.seg"
    head, last = encode(META), encode(samples(0))
    assert lost < len(last)
    path.write_bytes(head + last[:-lost])
    write(path, [samples(0), End(1)])
    assert read(path) == [META, plain(samples(0)), End(1)]
    assert (tmp_path / "left.seg.torn").read_bytes() == last[:-lost]


def test_a_second_torn_tail_is_kept_behind_the_first(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    path.write_bytes(encode(META) + b"one")
    SegmentWriter(path).close()
    with path.open("ab") as file:
        file.write(b"two")
    SegmentWriter(path).close()
    assert path.read_bytes() == encode(META)
    assert (tmp_path / "left.seg.torn").read_bytes() == b"onetwo"


def test_a_damaged_record_stays_where_it_is_and_so_does_all_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    first = len(encode(META))
    damaged = bytearray(BYTES)
    damaged[first + 14] ^= 1
    path.write_bytes(damaged)
    SegmentWriter(path).close()
    assert read(path) == [WHOLE[0], *WHOLE[2:]]
    assert path.read_bytes() == damaged
    assert not (tmp_path / "left.seg.torn").exists()


def test_the_recording_is_for_its_owner_alone(tmp_path: Path) -> None:
    write(tmp_path / "left.seg", NIGHT)
    assert (tmp_path / "left.seg").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_said_with_advice(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here is no folder")
    path = tmp_path / "file" / "left.seg"
    with pytest.raises(RecordingError, match="check the disk and its permissions") as error:
        SegmentWriter(path)
    assert str(path) in str(error.value)
    assert isinstance(error.value, LegmonError)


def test_a_folder_in_the_file_s_place_is_said_with_advice(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="check the disk"):
        SegmentWriter(tmp_path)


FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from legmon.recording.records import End, Samples
from legmon.recording.files import RecordingError
from legmon.recording.segment import SegmentWriter

path, limit = Path(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
writer, at = SegmentWriter(path), 0
try:
    while True:
        writer.append(Samples(at, 0, 0, np.full((5, 3), at, dtype=np.int16)))
        at += 1
except RecordingError as e:
    print(at, path.stat().st_size, e, sep="|")
resource.setrlimit(resource.RLIMIT_FSIZE, (limit + 1000, resource.RLIM_INFINITY))
writer.append(End(at))
writer.close()
"""
RECORD = len(encode(samples(0, 5)))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on a file's size")
@pytest.mark.parametrize("limit", [4 * RECORD, 4 * RECORD + 1, 4 * RECORD + 12, 5 * RECORD - 1])
def test_a_full_disk_leaves_the_file_at_the_last_whole_record(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "left.seg"
    command = [sys.executable, "-c", FULL, str(path), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    written, size, message = done.stdout.strip().split("|")
    assert (int(written), int(size)) == (4, 4 * RECORD)
    assert "free some space on the disk" in message
    assert str(path) in message
    *found, end = read_segment(path)  # with room again, it goes on
    assert [r.first for r in found if isinstance(r, Samples)] == [0, 1, 2, 3]
    assert end == End(4)


# Readers.


def test_a_recording_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read") as error:
        list(read_segment(tmp_path / "none.seg"))
    assert "none.seg" in str(error.value)


def test_an_empty_recording_has_no_records(tmp_path: Path) -> None:
    SegmentWriter(tmp_path / "left.seg").close()
    assert read(tmp_path / "left.seg") == []


def test_a_tail_reads_only_what_is_new_while_a_writer_appends(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    tail = SegmentTail(path)
    assert list(tail.read()) == []  # not there yet
    writer = SegmentWriter(path)
    assert list(tail.read()) == []
    writer.append(NIGHT[0])
    writer.append(NIGHT[1])
    assert [plain(r) for r in tail.read()] == WHOLE[:2]
    assert list(tail.read()) == []
    for record in NIGHT[2:]:
        writer.append(record)
    assert [plain(r) for r in tail.read()] == WHOLE[2:]
    writer.close()
    assert list(tail.read()) == []


def test_a_tail_waits_for_the_rest_of_a_record(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    path.write_bytes(b"")
    tail, found, ends = SegmentTail(path), [], [end for end, _ in decode(BYTES)]
    for at in range(0, len(BYTES), 7):
        with path.open("ab") as file:
            file.write(BYTES[at : at + 7])
        found += [plain(r) for r in tail.read()]
        assert found == WHOLE[: sum(end <= at + 7 for end in ends)]
    assert found == WHOLE


def test_a_tail_left_early_goes_on_with_the_next_record(tmp_path: Path) -> None:
    write(tmp_path / "left.seg", NIGHT)
    tail = SegmentTail(tmp_path / "left.seg")
    reader = tail.read()
    assert next(reader) == META
    reader.close()  # type: ignore[attr-defined]
    assert [plain(r) for r in tail.read()] == WHOLE[1:]


def test_a_tail_survives_a_torn_end_that_is_repaired(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    path.write_bytes(encode(META) + encode(samples(0))[:-5])
    tail = SegmentTail(path)
    assert list(tail.read()) == [META]
    write(path, [samples(0), End(1)])
    assert [plain(r) for r in tail.read()] == [plain(samples(0)), End(1)]


def test_sync_and_close_bring_the_file_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    name = "fdatasync" if hasattr(os, "fdatasync") else "fsync"
    monkeypatch.setattr(os, name, synced.append)
    writer = SegmentWriter(tmp_path / "left.seg")
    writer.sync()
    assert len(synced) == 1
    writer.close()
    assert len(synced) == 2


def test_records_of_another_version_are_no_damage(tmp_path: Path) -> None:
    """An older one lacks a field, a newer one has one more, or a kind of record that this one does not know."""
    path = tmp_path / "left.seg"
    meta = encode(Meta("n", "left", "s", "a", 50.0, 122, 4, simulated=True))
    older = _changed(meta, lambda row: row.pop("loss"))
    newer = _changed(encode(Note(1, "connected", "a")), lambda row: row.update(how="well"))
    unlike = _changed(
        encode(Note(1, "connected", "a")), lambda row: [row.pop(name) for name in ("at_ns", "what")]
    )
    head = struct.pack("<BBHI", 99, 1, 0, 3)
    unknown = head + struct.pack("<I", zlib.crc32(b"new", zlib.crc32(head))) + b"new"
    whole = older + newer + unlike + unknown + encode(End(5))
    path.write_bytes(whole)
    assert len(verify(path)) == 64
    assert [type(r).__name__ for r in read_segment(path)] == ["Meta", "Note", "End"]
    path.write_bytes(whole[:10] + b"?" + whole[11:])
    with pytest.raises(RecordingError, match="is damaged between bytes 0 and"):
        verify(path)


def _changed(record: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    row = json.loads(record[12:])
    change(row)
    payload = json.dumps(row).encode()
    head = record[:4] + struct.pack("<I", len(payload))
    return head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload
