"""Appends a leg's night to its file, so that what was written once is never lost."""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from legmon.errors import LegmonError
from legmon.recording.ordered import OrderedReader
from legmon.recording.records import End, Record, damage, decode, encode

FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


class RecordingError(LegmonError):
    """The file cannot be written or read; says what to do.

    Attributes
    ----------
    errno : int or None
        What the operating system refused with; None where it refused nothing and the file's content is wrong.
    """

    def __init__(self, message: str, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno

    @property
    def is_full(self) -> bool:
        """Whether there is no room, and not a disk that fails or may not be written."""
        return self.errno in FULL


class SegmentWriter:
    """An append-only file of records.

    Opening a file that exists goes on behind its last whole record. Bytes behind that, torn by a crash, are moved to a file of
    the same name with ``.torn`` behind it, never thrown away.

    Parameters
    ----------
    path : Path
        The file; its folder is made where missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1
        self._is_torn = False  # a write that failed left something of itself behind `_size`
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
            self._size = self._recover()
        except BaseException as e:
            self.abandon()
            if isinstance(e, OSError):
                raise self._refusal(e) from e
            raise

    def _recover(self) -> int:
        data = self.path.read_bytes()
        end = 0
        for end, _ in decode(data):  # noqa: B007 (the last one is what counts)
            pass
        if end < len(data):
            with self.path.with_name(self.path.name + ".torn").open("ab") as torn:
                torn.write(data[end:])
            os.ftruncate(self._fd, end)
        return end

    def append(self, *records: Record) -> None:
        """Write records, all or none; when this returns, the operating system has them.

        Raises
        ------
        RecordingError
            If they could not be written whole. What is left of them is cut off, at once or before the next records are written.
        """
        data = b"".join(map(encode, records))
        try:
            self._cut()
            self._is_torn = True
            self._write(data)
        except OSError as e:
            with contextlib.suppress(OSError):
                self._cut()
            raise self._refusal(e) from e
        self._size += len(data)
        self._is_torn = False

    def _write(self, data: bytes) -> None:
        """Write it all; where only a part is taken, writing the rest says why."""
        rest = memoryview(data)
        while rest:
            written = os.write(self._fd, rest)
            if not written:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            rest = rest[written:]

    def _cut(self) -> None:
        """Take away what a write that failed left of itself."""
        if self._is_torn:
            os.ftruncate(self._fd, self._size)
            self._is_torn = False

    def _refusal(self, e: OSError) -> RecordingError:
        advice = "make room on the disk" if e.errno in FULL else "check the disk and its permissions"
        return RecordingError(f"{self.path} cannot be written ({e.strerror}); {advice}", e.errno)

    def sync(self) -> None:
        """Ask for the data to be on the disk itself (power cut), not only with the operating system (crash).

        Raises
        ------
        RecordingError
            If the disk refuses.
        """
        try:
            getattr(os, "fdatasync", os.fsync)(self._fd)
        except OSError as e:
            raise self._refusal(e) from e

    def close(self) -> None:
        """Sync and close.

        Raises
        ------
        RecordingError
            If it cannot be synced; the file is open then as before.
        """
        self.sync()
        self.abandon()  # what it held is on the disk

    def abandon(self) -> None:
        """Let go of the file without a sync; nothing happens where that was done before."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)


def verify(path: Path) -> str:
    """Read a closed file back as it stands on the disk, and check that nothing is missing from it.

    Returns
    -------
    str
        SHA-256 of the file, hexadecimal.

    Raises
    ------
    RecordingError
        If a record is damaged, or an index is neither a sample nor in a named gap, or is there twice; says where.
    """
    try:
        data = path.read_bytes()
    except OSError as e:
        raise RecordingError(f"{path} cannot be read ({e.strerror})", e.errno) from e
    hurt = damage(data)
    if hurt is not None and hurt[1] < len(data):
        raise RecordingError(f"{path} is damaged between bytes {hurt[0]} and {hurt[1]}; the rest can be read")
    reader, last = OrderedReader(), None
    for _, record in decode(data):
        last = record
        reader.feed(record)
    if hurt is not None or not isinstance(last, End):
        raise RecordingError(f"{path} does not end as a closed night does")
    end = reader.end
    if reader.finish():
        raise RecordingError(f"{path} holds nothing at sample {end}")
    if reader.first_repeated is not None:
        raise RecordingError(f"{path} holds samples twice at sample {reader.first_repeated}")
    return hashlib.sha256(data).hexdigest()


class SegmentTail:
    """Reads a file that may still grow.

    Parameters
    ----------
    path : Path
        The file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._at = 0

    def read(self) -> Iterator[Record]:
        """Yield the records that are whole and were not yielded before."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._at)
                data = file.read()
        except FileNotFoundError:
            return
        base = self._at
        for end, record in decode(data):
            self._at = base + end
            yield record


def read_segment(path: Path) -> Iterator[Record]:
    """Yield every whole record of a file.

    Raises
    ------
    RecordingError
        If there is no such file or it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as e:
        raise RecordingError(f"{path} cannot be read ({e.strerror})", e.errno) from e
    for _, record in decode(data):
        yield record
