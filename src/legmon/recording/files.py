"""Find and read the files that hold the recording of one leg.

A leg's recording is named by its first file, ``left.seg``. If that file vanishes or is changed while it is written, recording
goes on in ``left.2.seg``, and so on: each of these parts begins with everything that was written before it. Once the night is
sealed, one file ``left.sealed`` holds all records. A record that several parts have is read once.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from legmon.errors import LegmonError
from legmon.movement import Leg
from legmon.recording.records import Kind, Meta, Record, damage, frames, is_plausible, parse

FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
"""What a file system says that cannot sync a folder."""
LARGEST = 1 << 28
"""Longest file that is read: 9 days at 50 Hz, a day at 500 Hz."""
NO_FILE = "it is not a file, but a folder, a link or a device"
TOO_LARGE = "it is larger than a night can be"

READS = 5
"""How often the files of a leg are listed again because they changed while they were read."""

_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


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


def unreadable(path: Path, error: OSError) -> RecordingError:
    """Return the error for a file that cannot be read."""
    return RecordingError(f"{path} cannot be read ({error.strerror})", error.errno)


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as the folder lists it, to see whether it has changed.

    Parameters
    ----------
    name : str
        Its name in the folder of the night.
    size, mtime_ns : int
        Its size in bytes, and when its content was changed last, ns UTC.
    place : (int, int, int)
        Device, number, and the time of the last change of its entry, ns UTC: they tell a file from another one of this name.
    """

    name: str
    size: int
    mtime_ns: int
    place: tuple[int, int, int]


def file_state(path: Path) -> FileState | None:
    """Return the state of a file; None if there is none, or it cannot be looked at."""
    try:
        s = path.lstat()
    except OSError:
        return None
    return FileState(path.name, s.st_size, s.st_mtime_ns, (s.st_dev, s.st_ino, s.st_ctime_ns))


def first_file(folder: Path, night: str, leg: str) -> Path:
    """Return the path that names the recording of a leg in a data folder."""
    return folder / "nights" / night / f"{leg}.seg"


def holds_recording(folder: Path) -> bool:
    """Whether the folder of a night has files of a recording, sealed or not."""
    return any(p.suffix in {".seg", ".sealed"} for p in folder.glob("*"))


def sealed_path(first: Path) -> Path:
    """Return the path of a leg's recording once it is sealed."""
    return first.with_suffix(".sealed")


def torn_path(path: Path) -> Path:
    """Return where the bytes are kept that were torn off a file."""
    return path.with_name(path.name + ".torn")


def keep_as_torn(path: Path) -> None:
    """Rename a file that holds something else than it should; a file that was kept before stays."""
    kept, number = torn_path(path), 2
    while file_state(kept) is not None:
        kept, number = torn_path(path).with_suffix(f".torn{number}"), number + 1
    path.rename(kept)


def part_path(first: Path, number: int) -> Path:
    """Return the path of a part of a leg's recording; the first has number 1."""
    return first if number == 1 else first.with_suffix(f".{number}{first.suffix}")


def part_number(first: Path, path: Path) -> int | None:
    """Return which part of a leg's recording a file is; None if it is none."""
    if path.name == first.name:
        return 1
    head, tail = f"{first.stem}.", first.suffix
    middle = path.name[len(head) : len(path.name) - len(tail)]
    is_part = (
        path.name.startswith(head) and path.name.endswith(tail) and middle.isascii() and middle.isdigit()
    )
    return int(middle) if is_part and len(middle) < 6 and int(middle) > 1 else None


def written_parts(first: Path) -> list[Path]:
    """Return the parts of a leg's recording that is not sealed, in the order in which they were begun."""
    try:
        names = os.listdir(first.parent)  # noqa: PTH208 (a folder may be large, and a Path is made only for the parts)
    except OSError:
        return []
    found = {n: first.parent / name for name in names if (n := part_number(first, Path(name))) is not None}
    return [found[n] for n in sorted(found)]


def leg_files(first: Path) -> list[Path]:
    """Return the files that hold a leg's recording, in the order to read them: the one place that knows it.

    Parameters
    ----------
    first : Path
        The recording, named by its first file, as `legmon.catalog.store.Catalog.segment` returns it. It need not exist.

    Returns
    -------
    list of Path
        The sealed file alone where there is one, else every part; empty if there is none.
    """
    parts, sealed = written_parts(first), sealed_path(first)
    # In this order: parts go only when the sealed file is there, so a list without it has all of them.
    return [sealed] if file_state(sealed) is not None else parts


def open_regular(path: Path, flags: int = _READ) -> int:
    """Open a regular file, and nothing else that may stand in its place.

    Raises
    ------
    OSError
        If it cannot be opened, or is a folder, a link, a pipe or a device. These are not opened: some do something then.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        raise OSError(errno.EINVAL, NO_FILE, str(path))
    fd = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, NO_FILE, str(path))
    return fd


def read_open(fd: int, at: int = 0) -> bytes:
    """Read an open file from an offset to its end.

    Raises
    ------
    OSError
        If it cannot be read, or is larger than a night can be.
    """
    if os.fstat(fd).st_size > LARGEST:
        raise OSError(errno.EOVERFLOW, TOO_LARGE)
    os.lseek(fd, at, os.SEEK_SET)
    pieces: list[bytes] = []
    left = LARGEST - at
    while left > 0 and (piece := os.read(fd, min(left, 1 << 22))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def read_file(path: Path, at: int = 0) -> bytes:
    """Read a file from an offset to its end.

    Raises
    ------
    OSError
        If it cannot be read, is not a file, or is larger than a night can be.
    """
    fd = open_regular(path)
    try:
        return read_open(fd, at)
    finally:
        os.close(fd)


@dataclass(frozen=True, slots=True)
class LegFile:
    """One file of a leg's recording, as it was read.

    Parameters
    ----------
    path : Path
        Where it is.
    state : FileState or None
        What the folder said of it before it was read.
    data : bytes
        Its content; empty if it could not be read.
    error : OSError or None
        Why it could not be read.
    """

    path: Path
    state: FileState | None
    data: bytes = b""
    error: OSError | None = None

    @property
    def is_none(self) -> bool:
        """Whether something else stands in its place, so that it holds nothing of the recording."""
        return self.error is not None and self.error.strerror in {NO_FILE, TOO_LARGE}


def read_leg(first: Path) -> list[LegFile]:
    """Read the files that hold a leg's recording.

    Where a file cannot be read because the recording was sealed or went on in another part meanwhile, they are listed again.

    Parameters
    ----------
    first : Path
        The recording, named by its first file.
    """
    found: list[LegFile] = []
    for _ in range(READS):
        found = [_leg_file(path) for path in leg_files(first)]
        if all(f.error is None for f in found) or [f.path for f in found] == leg_files(first):
            break
    return found


def _leg_file(path: Path) -> LegFile:
    state = file_state(path)
    try:
        return LegFile(path, state, read_file(path))
    except OSError as e:
        return LegFile(path, state, error=e)


def check_complete(first: Path, found: Sequence[LegFile]) -> None:
    """Check that no file that could not be read may hold more than those that could.

    Raises
    ------
    RecordingError
        If one may, or if none could be read.
    """
    longest = 0
    for file in reversed(found):  # a part begins with everything that was written before it
        size = file.state.size if file.state else LARGEST
        if file.error is not None and not file.is_none and (not longest or size > longest):
            raise unreadable(file.path, file.error) from file.error
        longest = max(longest, len(file.data))
    if all(f.error is not None for f in found):
        why = found[-1].error if found else None
        raise unreadable(first, why or OSError(errno.ENOENT, os.strerror(errno.ENOENT))) from why


def foreign_parts(parts: Sequence[bytes], first: Path) -> list[tuple[str, str] | None]:
    """Return which parts of a leg's recording somebody else put there.

    These are parts that name another night or leg than the path, or than the last part if no part names what the path does.

    Parameters
    ----------
    parts : sequence of bytes
        The content of the parts.
    first : Path
        The recording, named by its first file: the folder is named after the night, the file after the leg.

    Returns
    -------
    list of (str, str) or None
        For each part the night and leg that it names, if these are other ones; else None.
    """
    if len(parts) <= 1:
        return [None for _ in parts]
    described, known = [_described(p) for p in parts], (first.parent.name, first.stem)
    wanted = known if known in described else next((d for d in reversed(described) if d), None)
    return [d if d not in {None, wanted} else None for d in described]


def merged_frames(parts: Sequence[bytes], first: Path) -> Iterator[tuple[int, bytes]]:
    """Yield kind and payload of the records of a leg from the bytes of its files, in order.

    The last part has everything that was written before it, so usually the others add nothing. If they do, because a crash came
    while the last one was begun, all parts are read in order, each record once. `foreign_parts` are left out.
    """
    if len(parts) <= 1:
        yield from ((kind, payload) for part in parts for _, kind, payload in frames(part))
        return
    *earlier, last = [p for p, of in zip(parts, foreign_parts(parts, first), strict=True) if of is None]
    had = {_key(kind, payload) for _, kind, payload in frames(last)}
    if all(_key(kind, payload) in had for part in earlier for _, kind, payload in frames(part)):
        yield from ((kind, payload) for _, kind, payload in frames(last))
        return
    seen: set[bytes] = set()
    for part in (*earlier, last):
        new: set[bytes] = set()
        for _, kind, payload in frames(part):
            key = _key(kind, payload)
            if key not in seen:
                new.add(key)
                yield kind, payload
        seen |= new


def _key(kind: int, payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16, salt=bytes([kind])).digest()


def _described(data: bytes) -> tuple[str, str] | None:
    for _, kind, payload in frames(data):
        if kind == Kind.META and isinstance(meta := parse(kind, payload), Meta):
            return meta.night, meta.leg
    return None


def read_segment(first: Path) -> Iterator[Record]:
    """Yield every whole record of a leg's recording: of all its parts, or of its sealed file.

    Records that cannot be of a night are left out.

    Parameters
    ----------
    first : Path
        The recording, named by its first file.

    Raises
    ------
    RecordingError
        If it does not exist, or if a file that may hold more than the others cannot be read.
    """
    found = read_leg(first)
    check_complete(first, found)
    parts = [f.data for f in found if f.error is None]
    for kind, payload in merged_frames(parts, first):
        record = parse(kind, payload)
        if record is not None and is_plausible(record):
            yield record


def is_blank(folder: Path, besides: str) -> bool:
    """Whether the folder of a night holds nothing that was recorded.

    It holds nothing then but first parts, whole and without a sample, and a file that does not count.

    Parameters
    ----------
    folder : Path
        The folder. It need not exist.
    besides : str
        Name of the file that does not count.

    Raises
    ------
    RecordingError
        If this cannot be found out.
    """
    if not folder.exists():
        return True
    try:
        for path in folder.iterdir():
            if path.name == besides:
                continue
            if path.suffix != ".seg" or path.stem not in get_args(Leg) or not path.is_file():
                return False
            data = read_file(path)
            if damage(data) is not None or any(kind == Kind.SAMPLES for _, kind, _ in frames(data)):
                return False
    except OSError as e:
        raise unreadable(folder, e) from e
    return True


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, so that they survive a power cut; where the system has no call for it, do nothing.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    if os.name != "posix":  # Windows opens no folder
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError as e:
        if e.errno not in NO_SYNC:
            raise
    finally:
        os.close(fd)
