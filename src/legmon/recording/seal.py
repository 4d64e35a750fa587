"""Verify the recording of a leg whose night is closed, and pack it into one sealed file.

What was verified is kept as the SHA-256 of each file and of all decoded records. A later check compares them. Where a recording
is not what it was, `Damage` says why and which samples can no longer be read.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from legmon.messages import DamageCode
from legmon.movement import Leg
from legmon.recording.blocks import RECORDS_MOST, SAMPLES, is_packable, pack
from legmon.recording.files import (
    FileState,
    LegFile,
    RecordingError,
    file_state,
    foreign_parts,
    keep_as_torn,
    merged_frames,
    read_file,
    read_leg,
    sealed_path,
    sync_folder,
    torn_path,
    unreadable,
    written_parts,
)
from legmon.recording.ordered import OrderedReader
from legmon.recording.records import (
    End,
    Gap,
    Kind,
    Meta,
    Record,
    damage,
    framed,
    frames,
    is_plausible,
    parse,
)

BLOCK_S = 60.0
"""How much recording a block holds."""
MOST_RANGES = 100


@dataclass(frozen=True, slots=True)
class Damage:
    """Why a recording is not what was written, and which samples of it cannot be read.

    Parameters
    ----------
    code : DamageCode
        The reason.
    lost : tuple of (int, int)
        First and end of each stretch of samples that cannot be read.
    detail : str
        Where it was found, for the log.
    """

    code: DamageCode
    lost: tuple[tuple[int, int], ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A file of a recording as it was when it was verified."""

    state: FileState
    sha256: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """A recording as it was found.

    Parameters
    ----------
    files : tuple of SealedFile
        The files that could be read.
    records_sha256 : str
        SHA-256 of all records, as they were written: the same before and after they are packed.
    damage : Damage or None
        None if nothing is damaged and nothing is missing.
    """

    files: tuple[SealedFile, ...]
    records_sha256: str
    damage: Damage | None


def inspect(first: Path, night: str | None = None, leg: Leg | None = None, end: int = 0) -> Inspection:
    """Read a closed recording back from the disk, and check that nothing is missing from it.

    Parameters
    ----------
    first : Path
        The recording, named by its first file.
    night : str, optional
        The night that it should be of.
    leg : {"left", "right"}, optional
        The leg that it should be of.
    end : int
        How many samples and missing samples it had when it was closed; 0 if this is not known.

    Raises
    ------
    RecordingError
        If it cannot be read at the moment.
    """
    everything = ((0, end),) if end else ()
    found = read_leg(first)
    if not found:
        return Inspection((), "", Damage(DamageCode.MISSING, everything, f"{first} is gone"))
    failed = [f for f in found if f.error is not None and not f.is_none]
    if failed:
        raise unreadable(failed[-1].path, failed[-1].error or OSError())
    files = tuple(SealedFile(f.state, _sha256(f)) for f in found if f.state is not None)
    others = [f for f in found if f.is_none]
    parts = [f.data for f in found if not f.is_none]
    digest = records_digest(merged_frames(parts, first))
    if others:
        lost = _damage(first, parts, night, leg, end) if parts else Damage(DamageCode.NOT_A_FILE, everything)
        what = f"{others[0].path}: {others[0].error and others[0].error.strerror}"
        return Inspection(files, digest, Damage(DamageCode.NOT_A_FILE, lost.lost if lost else (), what))
    if not any(parts):
        return Inspection(files, digest, Damage(DamageCode.EMPTIED, everything, f"{first} is empty"))
    damaged = _damage(first, parts, night, leg, end)
    for path, of in zip((f.path for f in found), foreign_parts(parts, first), strict=True):
        if of is not None:
            what = f"{path} is the {of[1]} leg of night {of[0]}"
            damaged = Damage(DamageCode.SWAPPED, damaged.lost if damaged else (), what)
    return Inspection(files, digest, damaged)


def _sha256(file: LegFile) -> str:
    return "" if file.is_none else hashlib.sha256(file.data).hexdigest()


def _damage(first: Path, parts: list[bytes], night: str | None, leg: Leg | None, end: int) -> Damage | None:
    """Return what is wrong with the records of this leg in some parts."""
    reader, last, meta = OrderedReader(), None, None
    for record in plausible_records(merged_frames(parts, first)):
        last = record
        if isinstance(record, Meta):
            meta = meta or record
        reader.feed(record)
    found = reader.end
    ahead = reader.finish()
    lost = lost_ranges(ahead, max(end, reader.end), reader.end)
    if meta is not None and ((night or meta.night) != meta.night or (leg or meta.leg) != meta.leg):
        lost = ((0, end),) if end else ()
        return Damage(DamageCode.SWAPPED, lost, f"{first} is the {meta.leg} leg of night {meta.night}")
    own = [p for p, of in zip(parts, foreign_parts(parts, first), strict=True) if of is None]
    hurt = damage(own[0]) if len(own) == 1 else None  # what one part lacks, another one may have
    if meta is None:
        lost = ((0, max(end, reader.end)),)
    if hurt is not None and hurt[1] < len(own[0]):
        where = f"between bytes {hurt[0]} and {hurt[1]}; the rest can be read"
        return Damage(DamageCode.DAMAGED, lost, f"{first} is damaged {where}")
    if hurt is not None or not isinstance(last, End) or reader.end < end:
        return Damage(DamageCode.CUT, lost, f"{first} does not end as a closed night does")
    if meta is None:
        return Damage(DamageCode.DAMAGED, lost, f"{first} has no description")
    if ahead:
        return Damage(DamageCode.DAMAGED, lost, f"{first} holds nothing at sample {found}")
    if reader.first_repeated is not None:
        return Damage(
            DamageCode.DAMAGED, lost, f"{first} holds samples twice at sample {reader.first_repeated}"
        )
    torn = [s.name for p in written_parts(first) if (s := file_state(torn_path(p))) is not None and s.size]
    if torn and not reader.end:  # without a sample beside it, it may be all that there was
        return Damage(DamageCode.DAMAGED, (), f"{first} holds no sample; {torn[0]} has what was torn off")
    return None


def lost_ranges(pieces: Iterable[Record], end: int, read: int) -> tuple[tuple[int, int], ...]:
    """Return the samples that cannot be read: what `OrderedReader.finish` made gaps of, and what is missing at the end."""
    lost = [(p.first, p.end) for p in pieces if isinstance(p, Gap) and p.cause == "recording_damaged"]
    if read < end:
        lost.append((read, end))
    if len(lost) > MOST_RANGES:
        lost = [*lost[: MOST_RANGES - 1], (lost[MOST_RANGES - 1][0], lost[-1][1])]
    return tuple(lost)


# the records of a leg


def plausible_records(plain: Iterable[tuple[int, bytes]]) -> Iterator[Record]:
    """Yield the records of kinds and payloads, without those that cannot be of a night."""
    for kind, payload in plain:
        record = parse(kind, payload)
        if record is not None and is_plausible(record):
            yield record


def records_digest(plain: Iterable[tuple[int, bytes]]) -> str:
    """Return the SHA-256 of records as they are written in a file that is not packed."""
    digest = hashlib.sha256()
    for kind, payload in plain:
        digest.update(framed(kind, payload))
    return digest.hexdigest()


# the sealed file


def packed(plain: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    """Yield the pieces of a sealed file: the records, about a minute in each block."""
    waiting: list[tuple[int, bytes]] = []
    held, most = 0, 0
    for kind, payload in plain:
        if kind == Kind.META and isinstance(meta := parse(kind, payload), Meta) and is_plausible(meta):
            most = round(BLOCK_S * meta.declared_hz)
        is_full = held >= (most or 3000) or len(waiting) >= RECORDS_MOST
        if waiting and (is_full or not is_packable(kind, payload)):
            yield framed(Kind.BLOCK, pack(waiting))
            waiting, held = [], 0
        if not is_packable(kind, payload):
            yield framed(kind, payload)
            continue
        waiting.append((kind, payload))
        held += (len(payload) - SAMPLES.size) // 6 if kind == Kind.SAMPLES else 0
    if waiting:
        yield framed(Kind.BLOCK, pack(waiting))


def reached(step: str) -> None:
    """Mark a step of `seal_files`. A test ends the process here."""


def seal_files(first: Path) -> Path:
    """Pack a recording that `inspect` found whole into its sealed file, and remove the files that it was in.

    The sealed file is written under another name, brought to the disk, read back and compared record by record. Then it gets its
    name, and only then the old files go. Whenever this ends early, the next call completes it. A part that holds something else
    than records of this leg is not removed: its name gets the suffix ``.torn``.

    Returns
    -------
    Path
        The sealed file.

    Raises
    ------
    RecordingError
        If the file cannot be written, or does not read back as it was written. The recording stays as it is.
    """
    path = sealed_path(first)
    try:
        if file_state(path) is None:
            _write_sealed(first, path)
        _remove_parts(first, path)
    except OSError as e:
        raise RecordingError(f"{path} cannot be written ({e.strerror})", e.errno) from e
    return path


def set_sealed_aside(first: Path) -> bool:
    """Rename a sealed file that cannot be read, if the files that it was made of are still there; return whether they are."""
    path = sealed_path(first)
    if file_state(path) is None or not written_parts(first):
        return False
    keep_as_torn(path)
    return True


def _write_sealed(first: Path, path: Path) -> None:
    parts = [read_file(p) for p in written_parts(first)]
    scratch = path.with_name(path.name + ".new")
    scratch.unlink(missing_ok=True)
    reached("begun")
    fd = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(os.dup(fd), "wb") as file:
            for number, piece in enumerate(packed(merged_frames(parts, first))):
                file.write(piece)
                if number == 1:
                    file.flush()
                    reached("half written")
        reached("written")
        os.fsync(fd)
        if hasattr(os, "posix_fadvise"):  # it is read from the disk then, and not from memory
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)
    reached("synced")
    written = merged_frames([read_file(scratch)], first)
    for frame in merged_frames(parts, first):
        if next(written, None) != frame:
            raise RecordingError(f"{scratch} does not read back as it was written; check this disk")
    if next(written, None) is not None:
        raise RecordingError(f"{scratch} does not read back as it was written; check this disk")
    reached("compared")
    scratch.replace(path)
    reached("named")
    sync_folder(path.parent)
    with contextlib.suppress(OSError):  # some file systems have no permissions
        path.chmod(0o400)
    reached("kept")


def _remove_parts(first: Path, path: Path) -> None:
    """Remove the files whose records the sealed file has."""
    parts = written_parts(first)
    if not parts:
        return
    has = {(k, hashlib.sha256(p).digest()) for k, p in merged_frames([read_file(path)], first)}
    for part in parts:
        try:
            data = read_file(part)
        except OSError:  # a folder or a device that somebody put there
            continue
        is_kept = damage(data) is None and all(
            (k, hashlib.sha256(p).digest()) in has for _, k, p in frames(data)
        )
        if is_kept:
            part.unlink()
        else:
            keep_as_torn(part)
        reached("removed")
    sync_folder(path.parent)
