"""Write the file of one leg's night, and follow it while it grows. A record that was written is never lost."""

import contextlib
import errno
import hashlib
import logging
import os
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from legmon.messages import FREE_SPACE, SegmentFault
from legmon.recording.files import (
    FULL,
    NO_FILE,
    TOO_LARGE,
    RecordingError,
    file_state,
    foreign_parts,
    leg_files,
    merged_frames,
    open_regular,
    part_number,
    part_path,
    read_file,
    read_open,
    sealed_path,
    torn_path,
    unreadable,
    written_parts,
)
from legmon.recording.records import Record, decode, encode, framed, frames, is_plausible, parse

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

log = logging.getLogger(__name__)

HELD_MOST = 1 << 26
"""How much of a file is kept in memory, to write it again where the file is changed: two days at 50 Hz."""
TRIES = 5
"""How often a reader lists the files again because one vanished while it was read."""
COMPARE_S = 60.0
"""Between two times that a file is read back and compared with what was written."""
MOVES, MOVES_S = 3, 60.0
"""After so many moves in so many seconds, a file that seems to be another one is read before the next move."""
LOCK_AT = 1 << 40
"""Where Windows locks a file: behind its end, so that others may read it."""

_APPEND = (
    os.O_RDWR
    | os.O_APPEND
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
)


class SegmentWriter:
    """An append-only file of records.

    Opening a file that exists continues after its last whole record. Bytes after that, torn by a crash, are moved to a file of
    the same name with the suffix ``.torn``. They are never deleted.

    Another program may remove, replace, cut or change the file while it is written. That is noticed before the next record, or at
    the next `sync`. Then everything that was written goes into a new file, ``left.2.seg``, from memory, and recording goes on
    there. `fault` says what happened. The file is locked while it is open, so that no other recorder writes to it.

    Parameters
    ----------
    first : Path
        The recording, named by its first file. The folder is created where it is missing. Where there are several parts, the last
        one is continued.

    Raises
    ------
    RecordingError
        If the file cannot be opened, or somebody else is writing to it.
    """

    def __init__(self, first: Path) -> None:
        self.path = first
        self.fault: SegmentFault | None = None
        self._first = first
        self._fd = -1
        self._is_torn = False  # a write that failed left some of its bytes after `_size`
        self._lock = threading.Lock()
        self._compared = time.monotonic()
        self._moved: list[float] = []  # when the file seemed to be another one
        self._has_inodes = True  # whether this file system keeps the number of a file
        try:
            first.parent.mkdir(parents=True, exist_ok=True)
            self.path = _last_part(first)
            if file_state(sealed_path(first)) is not None:
                raise RecordingError(f"{sealed_path(first)} is sealed; nothing is written to it any more")
            self._fd = self._open(self.path)
            self._recover()
        except BaseException as e:
            self.abandon()
            if isinstance(e, OSError):
                raise self._refusal(e) from e
            raise

    def __del__(self) -> None:
        self.abandon()  # a file that nobody writes to is not locked

    def _open(self, path: Path, *, anew: bool = False) -> int:
        """Open and lock a file; `anew`: it does not exist yet."""
        try:
            fd = os.open(path, _APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if anew:
                raise
            fd = open_regular(path, _APPEND)
        try:
            self._lock_file(fd)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _lock_file(self, fd: int) -> None:
        try:
            if sys.platform == "win32":
                os.lseek(fd, LOCK_AT, os.SEEK_SET)
                msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            if e.errno in {errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}:
                raise RecordingError(
                    f"{self._first} is being recorded by another legmon; end that one first",
                    errno.EWOULDBLOCK,
                ) from e
            log.info("%s cannot be locked on this file system (%s)", self._first, e.strerror)

    def _recover(self) -> None:
        data = read_open(self._fd)
        end = 0
        for end, _ in decode(data):  # noqa: B007 (only the last one counts)
            pass
        if end < len(data):
            with torn_path(self.path).open("ab") as torn:
                torn.write(data[end:])
                torn.flush()
                os.fsync(torn.fileno())
            os.ftruncate(self._fd, end)
        self._written(data[:end])
        parts = [data[:end] if p == self.path else _readable(p) for p in written_parts(self._first)]
        if len(parts) > 1:  # a crash may have come while this part was begun
            whole = b"".join(framed(kind, payload) for kind, payload in merged_frames(parts, self._first))
            if len(whole) > end:
                self._written(whole)
                self._move(SegmentFault.CUT)

    def _written(self, data: bytes) -> None:
        """Note the whole content of the file."""
        self._size, self._digest = len(data), hashlib.sha256(data)
        self._held, self._held_from = bytearray(data), 0
        self._limit()

    def _limit(self) -> None:
        if len(self._held) > HELD_MOST:
            del self._held[: HELD_MOST // 2]
            self._held_from += HELD_MOST // 2

    def append(self, *records: Record) -> None:
        """Write all records or none. When this returns, the operating system has them.

        Raises
        ------
        RecordingError
            If they could not be written whole. Their remains are cut off at once, or before the next records are written.
        """
        data = b"".join(map(encode, records))
        with self._lock:
            try:
                self._move_if_changed()
                self._cut()
                self._is_torn = True
                self._write(data)
            except OSError as e:
                with contextlib.suppress(OSError):
                    self._cut()
                raise self._refusal(e) from e
            self._size += len(data)
            self._is_torn = False
            self._digest.update(data)
            self._held += data
            self._limit()

    def _write(self, data: bytes) -> None:
        """Write all bytes. Where only a part was written, writing the rest raises the reason."""
        _write_all(self._fd, data)

    def _cut(self) -> None:
        """Remove the bytes that a failed write left."""
        if self._is_torn:
            os.ftruncate(self._fd, self._size)
            self._is_torn = False

    def _refusal(self, e: OSError) -> RecordingError:
        advice = FREE_SPACE if e.errno in FULL else "check the disk and its permissions"
        why = e.strerror if e.strerror == NO_FILE or e.errno is None else os.strerror(e.errno)
        return RecordingError(f"{self.path} cannot be written ({why}); {advice}", e.errno)

    # a file that others change

    def _changed(self) -> SegmentFault | None:
        """Return what somebody did to the file; None if it is as it should be, as far as the folder shows."""
        own = os.fstat(self._fd)
        if own.st_nlink == 0:
            return SegmentFault.REMOVED if file_state(self.path) is None else SegmentFault.REPLACED
        if own.st_size != self._size and not self._is_torn:
            return SegmentFault.CUT if own.st_size < self._size else SegmentFault.CHANGED
        try:
            there = self.path.lstat()
        except FileNotFoundError:
            return SegmentFault.REMOVED
        except OSError:  # the folder cannot be looked into at the moment
            return None
        if self._has_inodes:
            is_same = (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino)
        else:
            is_same = there.st_size == own.st_size or self._holds_what_was_written()
        return None if is_same or self._has_other_number() else SegmentFault.REPLACED

    def _has_other_number(self) -> bool:
        """Whether only the number of the file has changed, again and again, as some file systems do with every file."""
        now = time.monotonic()
        self._moved = [at for at in self._moved if now - at < MOVES_S]
        if len(self._moved) < MOVES or not self._holds_what_was_written():
            return False
        if self._has_inodes:
            log.warning("this file system gives %s another number again and again", self.path)
            self._has_inodes = False
        return True

    def _holds_what_was_written(self) -> bool:
        try:
            return hashlib.sha256(read_file(self.path)[: self._size]).digest() == self._digest.digest()
        except OSError:
            return False

    def _move_if_changed(self) -> None:
        fault = self._changed()
        if fault is not None:
            if fault == SegmentFault.REPLACED:
                self._moved.append(time.monotonic())
            self._move(fault)

    def _move(self, fault: SegmentFault) -> None:
        """Write everything into a new file, and go on there. The old one, if it is there, stays as it is."""
        before = b""
        if self._held_from:  # too long for the memory: what it does not have is in the file, if anywhere
            with contextlib.suppress(OSError):
                before = read_open(self._fd)[: self._held_from]
        data = before + bytes(self._held)
        self._first.parent.mkdir(parents=True, exist_ok=True)
        numbers = [n for p in written_parts(self._first) if (n := part_number(self._first, p)) is not None]
        path = part_path(self._first, max([1, part_number(self._first, self.path) or 1, *numbers]) + 1)
        fd = self._open(path, anew=True)
        try:
            _write_all(fd, data)
            os.fsync(fd)
        except BaseException:
            os.close(fd)
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        log.error("%s was %s while it was recorded; going on in %s", self.path, fault.value, path.name)
        with contextlib.suppress(OSError):
            os.close(self._fd)
        self._fd, self.path, self.fault, self._is_torn = fd, path, fault, False
        self._written(data)

    def _compare(self) -> None:
        """Read the file back, and write a new one if its content is not what was written."""
        with self._lock:
            path, size, digest = self.path, self._size, self._digest.copy()
        self._compared = time.monotonic()
        try:
            is_same = hashlib.sha256(read_file(path)[:size]).digest() == digest.digest()
        except OSError as e:
            log.warning("%s cannot be read back: %s", path, e)
            return
        with self._lock:
            if not is_same and self.path == path:
                self._move(SegmentFault.CHANGED)

    def compare(self) -> None:
        """Read the file back now, as the end of the recording does.

        Raises
        ------
        RecordingError
            If it is not what was written, and no new file can be written.
        """
        try:
            self._compare()
        except OSError as e:
            raise self._refusal(e) from e

    def sync(self) -> None:
        """Bring the data to the disk itself, so that it also survives a power cut and not only a crash.

        It also notices if the file was removed or changed; its content is compared once a minute.

        Raises
        ------
        RecordingError
            If the disk refuses.
        """
        self._sync(compare=time.monotonic() - self._compared > COMPARE_S)

    def _sync(self, *, compare: bool) -> None:
        try:
            with self._lock:
                self._move_if_changed()
            if compare:
                self._compare()
            with self._lock:
                fd = os.dup(self._fd)  # a slow disk keeps no sample waiting
            try:
                getattr(os, "fdatasync", os.fsync)(fd)
            finally:
                os.close(fd)
        except OSError as e:
            raise self._refusal(e) from e

    def close(self) -> None:
        """Compare the file with what was written, sync it and close it.

        Raises
        ------
        RecordingError
            If it cannot be synced. The file stays open then.
        """
        self._sync(compare=True)
        self.abandon()  # the whole file is on the disk

    def abandon(self) -> None:
        """Close the file without a sync. A second call does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        written = os.write(fd, rest)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest = rest[written:]


def _last_part(first: Path) -> Path:
    """Return the part to go on in: the last one that is a file and of this leg."""
    parts = written_parts(first)
    if len(parts) > 1:
        foreign = foreign_parts([_readable(p) for p in parts], first)
        own = [p for p, of in zip(parts, foreign, strict=True) if of is None]
        parts = [p for p in own if p.is_file() and not p.is_symlink()] or own
    return (parts or [first])[-1]


def _readable(path: Path) -> bytes:
    """Return the bytes of a part; nothing if it cannot be read, or is none."""
    try:
        return read_file(path)
    except OSError:
        return b""


class SegmentTail:
    """Read a leg's recording that may still grow, go on in another part, or be sealed.

    Parameters
    ----------
    first : Path
        The recording, named by its first file. It need not exist yet.
    """

    def __init__(self, first: Path) -> None:
        self._first = first
        self._file: Path | None = None
        self._at = 0  # the last record that was read begins here or later, behind the one before it
        self._end = 0  # and ends here
        self._within = 0  # so many of the records that end there together were read
        self._crc = 0  # of the bytes before `_at`
        self._count = 0  # records that were read
        self._skip = 0  # so many records of this file were read from other files
        self._parts: list[Path] = []  # the files when they were looked at last
        self._left_out: set[Path] = set()  # those of them that somebody else put there

    def read(self) -> Iterator[Record]:
        """Yield the whole records that were not yielded before.

        Raises
        ------
        RecordingError
            If a file cannot be read, or is none.
        """
        files = self._files()
        none: tuple[Path, OSError] | None = None
        is_read = False
        for _ in range(TRIES):
            while (file := self._next(files)) is not None:
                files = files[files.index(file) + 1 :]
                try:
                    yield from self._read(file)
                    is_read = True
                except FileNotFoundError:
                    break
                except OSError as e:
                    if e.strerror not in {NO_FILE, TOO_LARGE}:
                        raise unreadable(file, e) from e
                    none = file, e
            else:
                break
            files = self._files()  # it was sealed meanwhile, or somebody removed it
        if none is not None and not is_read:
            raise unreadable(*none) from none[1]

    def _files(self) -> list[Path]:
        """Return the files to read: without those that somebody else put there."""
        files = leg_files(self._first)
        if len(files) > 1 and files != self._parts:
            data = [_readable(p) for p in files]
            self._left_out = {p for p, of in zip(files, foreign_parts(data, self._first), strict=True) if of}
            self._parts = files if all(data) else []  # one that is empty may say later what it is
        return [p for p in files if len(files) == 1 or p not in self._left_out]

    def _next(self, files: list[Path]) -> Path | None:
        """Return the file to go on in; None if there is no other one."""
        if self._file in files or not files:
            return self._file if files else None
        return files[0]

    def _read(self, file: Path) -> Iterator[Record]:
        if file != self._file:
            self._go_on_in(file)
        data, base = read_file(file, self._at), self._at
        at = last = base
        within, until, known = 0, self._end, self._within
        for behind, kind, payload in frames(data):
            end = base + behind
            if end != last:
                at, last, within = last, end, 0
            within += 1
            if end < until or (end == until and within <= known):
                continue
            if self._at < at:
                self._crc = zlib.crc32(data[self._at - base : at - base], self._crc)
                self._at = at
            self._end, self._within = end, within
            if self._skip:
                self._skip -= 1
                continue
            self._count += 1
            record = parse(kind, payload)
            if record is not None and is_plausible(record):
                yield record

    def _go_on_in(self, file: Path) -> None:
        """Begin another file: a part begins with all that was written before it, a sealed file has all records."""
        is_sealed = file == sealed_path(self._first)
        if is_sealed or self._file is None or zlib.crc32(read_file(file)[: self._at]) != self._crc:
            self._at = self._end = self._within = self._crc = 0
            self._skip, self._count = (self._count, self._count) if is_sealed else (0, 0)
        self._file = file
