"""Write and read the file of one leg's night. A record that was written is never lost."""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from legmon.errors import LegmonError
from legmon.messages import FREE_SPACE
from legmon.recording.ordered import OrderedReader
from legmon.recording.records import End, Record, damage, decode, encode

FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


class RecordingError(LegmonError):
    """The file cannot be written or read. The message says what to do.

    Attributes
    ----------
    errno : int or None
        The error number of the operating system; None if the content of the file is wrong.
    """

    def __init__(self, message: str, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno

    @property
    def is_full(self) -> bool:
        """Whether the disk is full, as opposed to a disk that fails or is read-only."""
        return self.errno in FULL


class SegmentWriter:
    """An append-only file of records.

    Opening a file that exists continues after its last whole record. Bytes after that, torn by a crash, are moved to a file of
    the same name with the suffix ``.torn``. They are never deleted.

    Parameters
    ----------
    path : Path
        The file. Its folder is created where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1
        self._is_torn = False  # a write that failed left some of its bytes after `_size`
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
        for end, _ in decode(data):  # noqa: B007 (only the last one counts)
            pass
        if end < len(data):
            with self.path.with_name(self.path.name + ".torn").open("ab") as torn:
                torn.write(data[end:])
            os.ftruncate(self._fd, end)
        return end

    def append(self, *records: Record) -> None:
        """Write all records or none. When this returns, the operating system has them.

        Raises
        ------
        RecordingError
            If they could not be written whole. Their remains are cut off at once, or before the next records are written.
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
        """Write all bytes. Where only a part was written, writing the rest raises the reason."""
        rest = memoryview(data)
        while rest:
            written = os.write(self._fd, rest)
            if not written:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            rest = rest[written:]

    def _cut(self) -> None:
        """Remove the bytes that a failed write left."""
        if self._is_torn:
            os.ftruncate(self._fd, self._size)
            self._is_torn = False

    def _refusal(self, e: OSError) -> RecordingError:
        advice = FREE_SPACE if e.errno in FULL else "check the disk and its permissions"
        return RecordingError(f"{self.path} cannot be written ({e.strerror}); {advice}", e.errno)

    def sync(self) -> None:
        """Bring the data to the disk itself, so that it also survives a power cut and not only a crash.

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
            If it cannot be synced. The file stays open then.
        """
        self.sync()
        self.abandon()  # the whole file is on the disk

    def abandon(self) -> None:
        """Close the file without a sync. A second call does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)


def verify(path: Path) -> str:
    """Read a closed file back from the disk, and check that nothing is missing from it.

    Returns
    -------
    str
        SHA-256 of the file, hexadecimal.

    Raises
    ------
    RecordingError
        If a record is damaged, or if an index is neither a sample nor in a named gap, or is there twice. The message says where.
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
    """Read a file that may still grow.

    Parameters
    ----------
    path : Path
        The file. It need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._at = 0

    def read(self) -> Iterator[Record]:
        """Yield the whole records that were not yielded before."""
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
        If the file does not exist or cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as e:
        raise RecordingError(f"{path} cannot be read ({e.strerror})", e.errno) from e
    for _, record in decode(data):
        yield record
