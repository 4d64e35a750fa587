"""Whatever stands in the place of a recording, or in it: reading it takes bounded time and memory, and ends with a sentence."""

from __future__ import annotations

import json
import os
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from legmon.movement import NS
from legmon.night.leg import analyse
from legmon.night.track import score_night
from legmon.nights.postures import _GrowingPosture
from legmon.nights.signal import LegSignal
from legmon.recording.blocks import unpack
from legmon.recording.files import NO_FILE, TOO_LARGE, RecordingError, read_segment
from legmon.recording.records import (
    MOST_SAMPLES,
    Anchored,
    End,
    Gap,
    Kind,
    Meta,
    Note,
    Record,
    Samples,
    Stream,
    encode,
    framed,
    frames,
)
from legmon.recording.seal import inspect, packed
from legmon.recording.segment import SegmentTail, SegmentWriter
from tests.conftest import ROOT

META = Meta("n", "left", "s", "a", 50.0, 122, 4, simulated=True)
BEGAN = 1_790_000_000 * NS
XYZ = np.random.default_rng(3).normal((0, 0, 8197), 20, (30, 50, 3)).astype(np.int16)
NIGHT: list[Record] = [META, Stream(1, 0, 0), Anchored(0, BEGAN, 50.0, final=True)]
for second, xyz_of in enumerate(XYZ):
    NIGHT += [Samples(50 * second, BEGAN + second * NS, second * 1_000_000, xyz_of)]
    NIGHT += [META] * (second % 10 == 9) + [Note(BEGAN, "battery", "80")] * (second == 5)
NIGHT += [Gap(1500, 100, "link_lost"), End(BEGAN + 32 * NS)]
PLAIN = b"".join(map(encode, NIGHT))
PACKED = b"".join(packed((kind, payload) for _, kind, payload in frames(PLAIN)))

HUGE = st.sampled_from(
    [0, -1, 1, 2**31, 2**32, 2**62, -(2**62), 2**63 - 1, -(2**63), 10**15, MOST_SAMPLES, MOST_SAMPLES - 3]
)
NUMBER = st.one_of(HUGE, st.integers(-(2**63), 2**63 - 1))
ANY = st.one_of(
    NUMBER,
    st.floats(),
    st.text(max_size=5),
    st.none(),
    st.booleans(),
    st.sampled_from([10**400, "9" * 5000, "²", [[]], {}, 1e308]),
)


@st.composite
def hostile_record(draw: st.DrawFn) -> bytes:
    """A record with a right checksum that legmon would not write."""
    kind = draw(st.sampled_from([*Kind, 9, 200, 255]))
    if kind == Kind.SAMPLES:
        head = struct.pack("<qqQ", draw(NUMBER), draw(NUMBER), draw(st.integers(0, 2**64 - 1)))
        return framed(kind, head + draw(st.binary(max_size=20)))
    if kind in {Kind.BLOCK, 9, 200, 255}:
        at = draw(st.integers(0, 40))
        block = bytearray(next(p for p in (PACKED[12:],))[:3000])
        block[at % len(block)] = draw(st.integers(0, 255))
        return framed(kind, draw(st.sampled_from([bytes(block), draw(st.binary(max_size=40))])))
    names = [
        "night",
        "leg",
        "sensor",
        "declared_hz",
        "scale_ug",
        "range_g",
        "simulated",
        "first",
        "count",
        "cause",
    ]
    names += [
        "stream",
        "device_first",
        "utc_ns",
        "rate_hz",
        "final",
        "at_ns",
        "what",
        "value",
        "address",
        "loss",
    ]
    chosen: Record = draw(st.sampled_from(NIGHT[:3] + NIGHT[-2:] + [Note(BEGAN, "battery", "80")]))
    fields = json.loads(encode(chosen)[12:]) if not isinstance(chosen, Samples) else {}
    for name in draw(st.lists(st.sampled_from(names), max_size=3)):
        fields[name] = draw(ANY)
    return framed(kind, json.dumps(fields).encode())


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A recording, plain or packed, with bytes changed, cut out, doubled or put in."""
    data = bytearray(draw(st.sampled_from([PLAIN, PACKED])))
    for _ in range(draw(st.integers(1, 4))):
        at, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        deed = draw(st.sampled_from(["flip", "cut", "double", "put", "put", "put", "end"]))
        if deed == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif deed == "cut":
            del data[at : min(end, at + 2000)]
        elif deed == "double":
            data[at:at] = data[at:end][:2000]
        elif deed == "put":
            whole = [0, *sorted({e for e, _, _ in frames(bytes(data))})]
            place = draw(st.sampled_from(whole))
            data[place:place] = draw(hostile_record())
        else:
            del data[end:]
        if not data:
            data += b"x"
    return bytes(data)


def read_everything(path: Path) -> None:
    """Read a recording in every way in which legmon reads one."""
    records = list(read_segment(path))
    assert list(map(repr, SegmentTail(path).read())) == list(map(repr, records))
    inspect(path, "n", "left", 1600)
    signal = LegSignal(path)
    signal.update()
    assert signal.end <= MOST_SAMPLES
    signal.window(0, min(signal.end, 3000), 500)
    try:
        night = analyse(records)
    except ValueError:  # no description, or one of a sensor that no night can be recorded with
        return
    track = night.track()
    assert track.end <= MOST_SAMPLES
    if track.end < 1 << 20:  # the rows of days of nothing take seconds
        growing = _GrowingPosture(path)
        growing.read()
        growing.read(closed=True)
    if track.end and track.anchors:
        score_night([track])


@settings(max_examples=150)
@given(mutated())
@example(PLAIN)
@example(PACKED)
@example(encode(META) + encode(Gap(0, MOST_SAMPLES, "x")) + encode(End(5)))
@example(
    encode(META)
    + encode(Samples(2**62, 1, 1, XYZ[0]))
    + encode(Gap(0, 10**15, "x"))
    + encode(Gap(5, -3, "x"))
)
def test_a_recording_with_anything_in_it_is_read(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("hostile") / "left.seg"
    path.write_bytes(data)
    read_everything(path)
    path.rename(path.with_suffix(".sealed"))
    read_everything(path)


@settings(max_examples=200)
@given(st.binary(max_size=300), st.integers(0, 60), st.integers(0, 255))
def test_a_block_of_anything_is_refused(data: bytes, at: int, value: int) -> None:
    block = bytearray(PACKED[12 : 12 + struct.unpack_from("<I", PACKED, 4)[0]])
    block[at] = value
    for hostile in (data, bytes(block), bytes(block)[: 50 + at]):
        try:
            unpack(hostile)
        except ValueError:
            continue
        assert hostile == bytes(block)


def test_a_block_that_claims_more_than_it_holds_sets_no_memory_aside() -> None:
    huge = struct.pack("<BIII", 1, 2**32 - 1, 2**32 - 1, 2**32 - 1)
    with pytest.raises(ValueError, match="not a block"):
        unpack(huge + bytes(100))
    bomb = zlib.compress(bytes(1 << 26), 9)
    parts = [bomb, *[b""] * 8]
    block = struct.pack("<BIII", 1, 8, 0, 0) + b"".join(struct.pack("<I", len(p)) + p for p in parts)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="more than it says"):
        unpack(block)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000, "kB"


@pytest.mark.timeout(120)
def test_bytes_that_look_like_millions_of_records_cost_no_more_than_their_size(tmp_path: Path) -> None:
    """Without a bound, each of them would cost the checksum of a megabyte: hours."""
    path = tmp_path / "left.seg"
    path.write_bytes(encode(META) + b"\3\1\0\0\xff\xff\x0f\0" * (1 << 21))
    assert list(read_segment(path)) == [META]
    assert inspect(path).damage is not None


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_link(path: Path) -> None:
    other = path.with_suffix(".other")
    other.write_bytes(PLAIN)
    path.symlink_to(other)


def a_link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_folder(path: Path) -> None:
    path.mkdir()


def a_sparse_file(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 42)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["left.seg", "left.2.seg", "left.sealed"])
@pytest.mark.parametrize("deed", [a_pipe, a_link, a_link_to_itself, a_device, a_folder, a_sparse_file])
def test_what_is_no_recording_is_refused_in_a_sentence(
    tmp_path: Path, deed: Callable[[Path], None], name: str
) -> None:
    first = tmp_path / "left.seg"
    deed(tmp_path / name)
    for records in (read_segment(first), SegmentTail(first).read()):
        with pytest.raises(RecordingError) as error:
            list(records)
        assert NO_FILE in str(error.value) or TOO_LARGE in str(error.value)
    signal = LegSignal(first)
    signal.update()
    assert signal.end == 0
    found = inspect(first, "n", "left", 100)
    assert found.damage is not None
    assert (found.damage.code, found.damage.lost) == ("not_a_file", ((0, 100),))
    with pytest.raises(RecordingError, match=r"cannot be written|is sealed"):
        SegmentWriter(first)


def test_a_real_device_in_the_place_of_a_recording_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        path.symlink_to("/dev/zero")
    with pytest.raises(RecordingError, match="not a file"):
        list(read_segment(path))


BOUNDED = """
import resource, sys
from pathlib import Path
from legmon.night.leg import analyse
from legmon.nights.postures import _GrowingPosture
from legmon.recording.files import read_segment
path = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
analyse(read_segment(path)).track()
_GrowingPosture(path).read(closed=True)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_gap_of_days_sets_no_memory_aside_for_its_samples(tmp_path: Path) -> None:
    path = tmp_path / "left.seg"
    path.write_bytes(encode(META) + encode(Gap(0, MOST_SAMPLES, "link_lost")) + encode(End(5)))
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert int(done.stdout) < 300, "MB; its samples would take 800"
