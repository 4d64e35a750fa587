"""Read what comes from outside: regular files up to a bound, and JSON whose objects cost no more than its text allows.

A folder, a pipe or a device is not opened, and a sparse file counts with its whole length. So no file keeps a reader waiting,
and none fills the memory.
"""

import errno
import json
import os
import stat
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

NO_FILE: Final = "it is a folder, a pipe or a device; name a file"
BLOCK: Final = 1 << 20
GZIP: Final = b"\x1f\x8b"
GZIP_ONLY: Final = 31
"""What zlib is told to expect a file of gzip."""
MOST_PARTS: Final = 250_000
"""Lists and objects in a JSON text. Each takes a hundred bytes of memory or more, and two bytes of the text."""
STATE_BYTES: Final = 1 << 20
"""A file in which a process keeps its state is never longer."""


def open_outside(path: Path, most: int) -> int:
    """Open a file that somebody named. Links are followed.

    Parameters
    ----------
    path : Path
        The file.
    most : int
        The largest size that is read, bytes.

    Raises
    ------
    OSError
        If it cannot be opened, is no regular file, or is larger. `strerror` says so to a person.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "its name holds a NUL character; name another file", str(path))
    if not stat.S_ISREG(path.stat().st_mode):  # not even opened: a pipe would wait for its writer
        raise OSError(errno.EINVAL, NO_FILE, str(path))
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode) and found.st_size <= most:
        return fd
    os.close(fd)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, NO_FILE, str(path))
    raise OSError(errno.EFBIG, f"it is larger than {size(most)}; check that it is the right file", str(path))


def blocks(path: Path, most: int) -> Iterator[bytes]:
    """Yield a file in blocks of 1 MB, up to `most` bytes, also if it grows meanwhile.

    Raises
    ------
    OSError
        As `open_outside`.
    """
    with os.fdopen(open_outside(path, most), "rb", buffering=0) as file:
        left = most
        while left > 0 and (block := file.read(min(BLOCK, left))):
            left -= len(block)
            yield block


def read_outside(path: Path, most: int) -> bytes:
    """Return the content of a file that has at most `most` bytes.

    Raises
    ------
    OSError
        As `open_outside`.
    """
    return b"".join(blocks(path, most))


def unpacked(path: Path, most: int) -> Iterator[bytes]:
    """Yield a file in blocks of 1 MB; one that gzip packed is unpacked, up to `most` bytes.

    Raises
    ------
    OSError
        As `open_outside`; or if a packed file is damaged, cut short, or holds more. `strerror` says so.
    """
    packed = blocks(path, most)
    first = next(packed, b"")
    if not first.startswith(GZIP):
        yield first
        yield from packed
        return
    left, ended = most, False
    unpacker = zlib.decompressobj(GZIP_ONLY)
    for block in chain([first], packed):
        waiting = block
        while waiting:
            try:
                data = unpacker.decompress(waiting, BLOCK)
            except zlib.error as e:
                raise OSError(errno.EINVAL, "the packed file is damaged; copy it again", str(path)) from e
            left -= len(data)
            if left < 0:
                raise OSError(errno.EFBIG, f"unpacked, it is larger than {size(most)}", str(path))
            if data:
                yield data
            waiting = unpacker.unconsumed_tail
            if unpacker.eof:
                waiting = unpacker.unused_data
                if not waiting.startswith(GZIP):  # nothing, or zeros of a tape
                    waiting = b""
                unpacker = zlib.decompressobj(GZIP_ONLY)
                ended = True
            else:
                ended = False
    if not ended:
        raise OSError(errno.EINVAL, "the packed file is cut short; copy it again", str(path))


def size(count: int) -> str:
    """Return a number of bytes for a person."""
    return f"{count >> 20} MB" if count >= 1 << 20 else f"{count >> 10} kB"


def parse_json(data: bytes | str) -> Any:
    """Parse JSON in UTF-8, with or without a byte order mark.

    Raises
    ------
    ValueError
        If it is not JSON, is nested too deep, has a number of thousands of digits, or more than `MOST_PARTS` lists and objects.
    """
    text = data.decode("utf-8-sig") if isinstance(data, bytes) else data.removeprefix("\ufeff")
    if text.count("[") + text.count("{") > MOST_PARTS:
        raise ValueError(f"it has more than {MOST_PARTS:,} lists and objects")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def read_state(path: Path) -> dict[str, Any]:
    """Return the object in a small JSON file that a process of ours wrote.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or holds something else.
    """
    value = parse_json(read_outside(path, STATE_BYTES))
    if not isinstance(value, dict):
        raise ValueError("it holds no object")  # noqa: TRY004 (as everything else that is wrong with its content)
    return value


def is_int(value: object, low: int = -(1 << 63), high: int = (1 << 63) - 1) -> bool:
    """Whether a value from JSON is a whole number within bounds, those of SQLite by default."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
