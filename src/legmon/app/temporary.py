"""Temporary folders that do not stay behind: what a killed process left is removed at the next start."""

import contextlib
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

log = logging.getLogger(__name__)

PREFIX = "legmon-"
OWNER = "owner.lock"
"""Name of the file that a process keeps locked in its folder. The system unlocks it when the process ends, however it ends."""
YOUNG_S = 1.0
"""A younger lock may belong to a process that has made the file and not locked it yet."""


@contextlib.contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """Make a folder that is removed when the block ends, or at a later start if this process is killed.

    Parameters
    ----------
    purpose : str
        Part of the folder's name.
    """
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-"))
    try:
        with FileLock(folder / OWNER):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove the temporary folders of legmon whose process is gone. Folders of living processes and of others stay."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = folder / OWNER
        try:
            if folder.is_symlink() or not lock.is_file() or time.time() - lock.stat().st_mtime < YOUNG_S:
                continue
            with FileLock(lock, timeout=0):
                pass
        except (Timeout, OSError):  # a living process holds it, or another user owns it
            continue
        shutil.rmtree(folder, ignore_errors=True)
        log.info("removed %s, which a killed process left", folder)
