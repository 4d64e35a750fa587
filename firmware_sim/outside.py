"""Read what somebody names: regular files up to a bound; and quote it short, on one line, without control characters."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

BLOCK = 1 << 20
LONGEST_SENTENCE = 600
LONGEST_VALUE = 60
_NO_FILE = "it is a folder, a pipe or a device; name a file"


def blocks(path: Path, most: int) -> Iterator[bytes]:
    """Yield a file in blocks of 1 MB.

    Raises
    ------
    OSError
        If it cannot be opened, is no regular file, or has more than `most` bytes. A pipe or a device is not opened.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, _NO_FILE, str(path))
    with os.fdopen(
        os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb"
    ) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, _NO_FILE, str(path))
        if found.st_size > most:
            size = f"{most >> 20} MB" if most >= 1 << 20 else f"{most >> 10} kB"
            raise OSError(
                errno.EFBIG, f"it is larger than {size}; check that it is the right file", str(path)
            )
        left = most
        while left > 0 and (block := file.read(min(BLOCK, left))):
            left -= len(block)
            yield block


def read(path: Path, most: int) -> bytes:
    """Return the content of a file. See `blocks`."""
    return b"".join(blocks(path, most))


def plain(text: str) -> str:
    """Return a text without characters that are not printed."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def shortened(text: str, most: int = LONGEST_VALUE) -> str:
    """Return a text of at most `most` characters: the middle of a longer one is left out."""
    if len(text) <= most:
        return text
    head = (2 * most) // 3
    return f"{text[:head]}…{text[len(text) - (most - head - 1) :]}"


def sentence(text: object) -> str:
    """Return one line of at most `LONGEST_SENTENCE` characters."""
    return shortened(plain(" ".join(str(text).split())), LONGEST_SENTENCE)
