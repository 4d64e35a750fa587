"""Custody of sealed recordings: whatever happens to a file on the disk is said with its night, which is then never usable."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from legmon.catalog.recording_files import RecordingFiles
from legmon.catalog.store import Catalog
from legmon.messages import DamageCode
from legmon.movement import NS
from legmon.night.leg import analyse
from legmon.nights import custody, machine
from legmon.nights.cache import NightReports
from legmon.nights.custody import check_legs, scrub_next, seal_next
from legmon.recorder.night import NightRecorder
from legmon.recording import seal
from legmon.recording.files import leg_files, read_segment
from legmon.recording.records import HEADER, Kind, Samples, decode, encode, framed, frames
from legmon.sensors.base import Frame, StreamFormat
from legmon.web.app import create_app
from tests.conftest import let_in, run_command

SOURCE = ("s", "a", StreamFormat(50, 4, 122, "index"))
BEGAN_NS = 1_790_000_000 * NS
MINUTES = 6
QUIET = np.random.default_rng(1).normal((0, 0, 8197), 8, (60 * MINUTES, 50, 3)).astype(np.int16)


def sealed_night(catalog: Catalog, began_ns: int = BEGAN_NS) -> str:
    """A night of some minutes in which nothing moves, sealed and packed."""
    night = NightRecorder.begin(catalog, began_ns, simulated=True)
    leg = night.leg("left", *SOURCE)
    for second, xyz in enumerate(QUIET):
        leg.frame(Frame(1, 50 * second, 0, xyz), began_ns + (second + 1) * NS)
    night.close(began_ns + 60 * MINUTES * NS)
    seal_next(catalog)
    return night.id


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = Catalog(tmp_path / "data")
    yield opened
    opened.close()


def file_of(catalog: Catalog, night: str) -> Path:
    (file,) = leg_files(catalog.segment(night, "left"))
    assert file.name == "left.sealed"
    return file


def rewrite(file: Path, data: bytes) -> None:
    """Replace the content of a file as a program or a person does: its time changes."""
    file.chmod(0o600)
    file.write_bytes(data)
    os.utime(file, (1_700_000_000, 1_700_000_000))


def flipped(data: bytes) -> bytes:
    """One bit in the middle of the third block."""
    ends = sorted({end for end, _, _ in frames(data)})
    at = (ends[1] + ends[2]) // 2
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


def rewritten(data: bytes) -> bytes:
    """One sample is another one, with the right checksum: nothing but the SHA-256 shows it."""
    records = [(kind, payload) for _, kind, payload in frames(data)]
    at = next(n for n, (kind, _) in enumerate(records) if kind == Kind.SAMPLES and n > 30)
    kind, payload = records[at]
    records[at] = kind, payload[:-2] + struct.pack("<h", 1)
    return b"".join(seal.packed(records))


Deed = Callable[[Catalog, Path], None]


def swap(catalog: Catalog, file: Path) -> None:
    other = file_of(catalog, sealed_night(catalog, BEGAN_NS + 24 * 3600 * NS))
    rewrite(file, other.read_bytes())


def put_a_folder(_: Catalog, file: Path) -> None:
    file.unlink()
    file.mkdir()


DEEDS: dict[str, tuple[Deed, DamageCode, str]] = {
    "flipped": (
        lambda _, f: rewrite(f, flipped(f.read_bytes())),
        DamageCode.DAMAGED,
        "0.0 to 2.0, 3.0 to 6.0",
    ),
    "rewritten": (lambda _, f: rewrite(f, rewritten(f.read_bytes())), DamageCode.ALTERED, "0.0 to 6.0"),
    "cut": (lambda _, f: rewrite(f, f.read_bytes()[: 2 * f.stat().st_size // 3]), DamageCode.CUT, "0.0 to "),
    "swapped": (swap, DamageCode.SWAPPED, "Nothing of it"),
    "emptied": (lambda _, f: rewrite(f, b""), DamageCode.EMPTIED, "Nothing of it"),
    "gone": (lambda _, f: f.unlink(), DamageCode.MISSING, "Nothing of it"),
    "folder": (put_a_folder, DamageCode.NOT_A_FILE, "Nothing of it"),
}


@pytest.mark.parametrize("name", DEEDS)
def test_a_sealed_recording_that_is_not_what_it_was_is_never_usable(catalog: Catalog, name: str) -> None:
    deed, code, readable = DEEDS[name]
    night = sealed_night(catalog)
    reports, data = NightReports(catalog), catalog.folder
    assert reports.page().nights[-1].verdict == "usable"
    file = file_of(catalog, night)
    kept = file.with_suffix(".kept")
    shutil.copy2(file, kept)
    deed(catalog, file)

    # The list looks at size and time only.
    listed = next(n for n in reports.page().nights if n.id == night)
    (first,) = listed.damage
    assert first.code == ("missing" if code == DamageCode.MISSING else "not_verified")
    assert listed.verdict == "look"
    shown = " ".join(run_command("nights", data=data).stdout.split())
    assert {"gone": "damaged"}.get(name, "is not verified since 20") in shown
    assert f"{night}, left leg: {first.sentence}" in shown
    # Scoring from the samples compares the SHA-256 first.
    scored = run_command("score", night, "--json", data=data)
    if "Nothing" not in readable or name == "swapped":
        details = json.loads(scored.stdout)["details"]
        assert details["verdict"] != "usable"
        assert [f["code"] for f in details["quality"]][-1] == code
    else:
        assert scored.returncode in {1, 2}
        assert night in scored.stderr
    check_legs(catalog, catalog.night(night), ["left"])
    (fault,) = catalog.night(night).faults
    assert fault.code == code
    assert readable in fault.sentence
    page = reports.night(catalog.night(night))
    assert page.verdict == "look"
    assert page.quality[-1].code == code
    assert next(n for n in reports.page().nights if n.id == night).damage[0].code == code

    # What was put back is right again.
    if file.is_dir():
        file.rmdir()
    kept.replace(file)
    scrub_next(catalog)
    assert catalog.night(night).faults == ()
    assert next(n for n in reports.page().nights if n.id == night).verdict == "usable"


def test_an_altered_recording_of_the_same_size_and_time_is_found_when_its_signal_is_read(
    catalog: Catalog,
) -> None:
    night = sealed_night(catalog)
    file = file_of(catalog, night)
    before = file.stat()
    file.chmod(0o600)
    file.write_bytes(flipped(file.read_bytes()))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert catalog.night(night).faults == (), "size and time show nothing"
    details = json.loads(run_command("score", night, "--json", data=catalog.folder).stdout)["details"]
    assert (details["verdict"], details["quality"][-1]["code"]) == ("look", "damaged")
    causes = [g.cause for g in analyse(read_segment(catalog.segment(night, "left"))).gaps]
    assert causes == ["recording_damaged"], "only the block that was damaged is lost"


async def window(catalog: Catalog, night: str) -> httpx.Response:
    through = httpx.ASGITransport(create_app(catalog, 8000))
    address = "http://127.0.0.1:8000"
    headers = let_in(address, catalog.folder)
    async with httpx.AsyncClient(transport=through, base_url=f"{address}/api/v1", headers=headers) as http:
        await http.get(f"/nights/{night}/window?start={BEGAN_NS / NS}&end={BEGAN_NS / NS + 60}")
        return await http.get(f"/nights/{night}")


def test_a_chart_verifies_the_recording_that_it_shows(catalog: Catalog) -> None:
    night = sealed_night(catalog)
    before = asyncio.run(window(catalog, night)).json()
    assert (before["verdict"], before["damage"]) == ("usable", [])
    rewrite(file_of(catalog, night), rewritten(file_of(catalog, night).read_bytes()))
    after = asyncio.run(window(catalog, night)).json()
    assert (after["verdict"], [d["code"] for d in after["damage"]]) == ("look", ["altered"])


def test_a_file_is_read_for_its_sha256_once_in_a_process(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = sealed_night(catalog)
    read: list[Path] = []

    def count(path: Path) -> bytes:
        read.append(path)
        return path.read_bytes()

    monkeypatch.setattr(custody, "read_file", count)
    monkeypatch.setattr(custody, "_verified", {})
    for _ in range(3):
        check_legs(catalog, catalog.night(night), ["left"])
    assert len(read) == 1
    os.utime(file_of(catalog, night))
    for _ in range(3):
        check_legs(catalog, catalog.night(night), ["left"])
    assert len(read) == 2, "its time has changed"
    assert catalog.night(night).faults == (), "the new time is kept"


def test_each_recording_is_verified_again_once_a_week(catalog: Catalog) -> None:
    nights = [sealed_night(catalog, BEGAN_NS + n * 24 * 3600 * NS) for n in range(2)]
    kept = RecordingFiles(catalog)
    week_ago = time.time_ns() - custody.SCRUB_NS
    assert kept.next_to_verify(week_ago) is None
    with sqlite3.connect(catalog.folder / "catalog.sqlite") as c:
        c.execute("UPDATE files SET verified_ns = ?", (week_ago - 1,))
    c.close()
    file = file_of(catalog, nights[0])
    before = file.stat()
    file.chmod(0o600)
    file.write_bytes(flipped(file.read_bytes()))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # a disk that decays changes no time
    for _ in range(2):
        scrub_next(catalog)
    assert kept.next_to_verify(week_ago) is None
    assert [catalog.night(n).damaged for n in nights] == [("left",), ()]
    known = kept.custody()
    assert (known.sealed, known.damaged, known.not_verified) == (2, (nights[0],), ())


def test_a_recording_that_an_earlier_version_sealed_is_verified_and_packed(catalog: Catalog) -> None:
    night = sealed_night(catalog)
    file, first = file_of(catalog, night), catalog.segment(night, "left")
    first.write_bytes(b"".join(framed(k, p) for _, k, p in frames(file.read_bytes())))
    file.unlink()
    ((kept,), _) = RecordingFiles(catalog).of(night, "left")
    with sqlite3.connect(catalog.folder / "catalog.sqlite") as c:  # as v0004 carries it over
        c.execute(
            "UPDATE files SET name = 'left.seg', size = -1, mtime_ns = 0, sha256 = records_sha256, verified_ns = 0"
        )
    c.close()
    assert catalog.night(night).faults == (), "its size and time are not known"
    assert catalog.unsealed() == (night, "left")
    seal_next(catalog)
    ((again,), _) = RecordingFiles(catalog).of(night, "left")
    assert file_of(catalog, night).exists()
    assert not first.exists()
    assert again.records_sha256 == kept.records_sha256, "it covers the records and not the file"


def test_a_recording_with_a_damaged_beginning_is_read_from_its_next_description(catalog: Catalog) -> None:
    night = NightRecorder.begin(catalog, BEGAN_NS, simulated=True)
    leg = night.leg("left", *SOURCE)
    for second, xyz in enumerate(QUIET):
        leg.frame(Frame(1, 50 * second, 0, xyz), BEGAN_NS + (second + 1) * NS)
    night.close(BEGAN_NS + 60 * MINUTES * NS)
    path = catalog.segment(night.id, "left")
    data = bytearray(path.read_bytes())
    metas = [end for end, kind, _ in frames(bytes(data)) if kind == Kind.META]
    assert len(metas) == MINUTES + 1, "it is repeated once a minute"
    data[HEADER.size + 5] ^= 1
    path.write_bytes(data)
    seal_next(catalog)
    (fault,) = catalog.night(night.id).faults
    assert (fault.code, fault.readable) == (DamageCode.DAMAGED, ((0.0, float(MINUTES)),))
    details = json.loads(run_command("score", night.id, "--json", data=catalog.folder).stdout)["details"]
    assert details["verdict"] == "look"
    before = [s for _, s in decode(bytes(data)) if isinstance(s, Samples)]
    assert sum(len(s.xyz) for s in before) == 60 * 50 * MINUTES, "no sample is lost"
    held = NightReports(catalog).report(catalog.night(night.id)).derived["left"].posture
    assert held.end == 60 * 50 * MINUTES
    assert np.isfinite(held.rows[:, 0]).all()


def test_the_doctor_says_when_recordings_were_verified_and_which_are_not(catalog: Catalog) -> None:
    night = sealed_night(catalog)
    (check,) = machine.recordings(catalog.folder)
    assert (check.item, check.code, check.level) == ("recordings", "ok", "ok")
    rewrite(file_of(catalog, night), flipped(file_of(catalog, night).read_bytes()))
    (check,) = machine.recordings(catalog.folder)
    assert (check.code, check.level) == ("not_verified", "look")
    scrub_next(catalog)
    (check,) = machine.recordings(catalog.folder)
    assert (check.code, check.level) == ("damaged", "look")
    assert night in check.sentence


def test_bytes_with_the_right_checksum_may_still_be_no_record() -> None:
    head = struct.pack("<BBHI", Kind.SAMPLES, 1, 0, 5)
    assert list(decode(head + struct.pack("<I", zlib.crc32(b"short", zlib.crc32(head))) + b"short")) == []
    assert encode(Samples(0, 0, 0, np.zeros((0, 3), np.int16)))
