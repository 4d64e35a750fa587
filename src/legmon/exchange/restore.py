"""Restore a backup into a new data folder, list every night in it, and close the one that was being recorded."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from legmon.catalog.database import contents
from legmon.catalog.file import CATALOG_ERRORS, FILE
from legmon.catalog.rescan import add_night
from legmon.catalog.store import Catalog
from legmon.errors import FailedError, LegmonError
from legmon.exchange.backup import verify_backup
from legmon.exchange.manifest import (
    CHUNK,
    FILES,
    BackupError,
    Manifest,
    StoredFile,
    make_folders,
    open_private,
    open_to_read,
    read_back,
)
from legmon.recorder.ending import NightCloser, resume_night
from legmon.recording.files import sync_folder

UNDER_WAY = ".restoring"
"""The folder in the new data folder in which the files are until all of them are there."""
SPARE_BYTES = 1_000_000


@dataclass(slots=True)
class Restored:
    """What was restored.

    Parameters
    ----------
    manifest : Manifest
        What the backup holds.
    closed : list of str
        The nights that were being recorded when the backup was made. They end with their last sample.
    added : list of str
        The nights that the catalog of the backup did not list. They were added from their recordings.
    unlisted : list of str
        The nights that could not be added; their recordings are there.
    problems : list of str
        What could not be read of the nights that were added or closed, each in one sentence.
    trouble : str
        Why the catalog cannot be opened, or a night is not closed; empty if all is well.
    """

    manifest: Manifest
    closed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    trouble: str = ""


def restore_backup(backup: Path, target: Path, on_progress: Callable[[int, int], None]) -> Restored:
    """Restore a backup.

    Parameters
    ----------
    backup : Path
        The folder of the backup.
    target : Path
        The new data folder: it does not exist, or is empty.
    on_progress : callable
        Called with the bytes done and to do.

    Raises
    ------
    BackupError
        If the folders are not right, there is no room, or a later version made the backup.
    FailedError
        If the backup is damaged, or something cannot be read or written.
    """
    manifest = Manifest.read(backup)
    _check_target(backup, target)
    total = 3 * manifest.size
    _, damaged = verify_backup(backup, lambda done, _: on_progress(done, total))
    if damaged:
        path, why = next(iter(damaged.items()))
        more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        raise FailedError(
            f"{backup} is damaged: {path} ({why}){more}; nothing was restored; `legmon backup` mends it while the nights are"
            " still where they were recorded"
        )
    _refuse_later(manifest, backup)
    try:
        _copy_back(manifest, backup, target, lambda done: on_progress(manifest.size + done, total))
    except OSError as e:
        raise FailedError(f"nothing was restored: {e.filename or target}: {e.strerror or e}") from e
    return _opened(manifest, target)


def _refuse_later(manifest: Manifest, backup: Path) -> None:
    """Refuse a catalog of a later version before anything is written: this version would not open it."""
    if FILE not in manifest.files:
        return
    try:
        found = contents(backup / FILES / manifest.files[FILE].stored)
    except sqlite3.Error as e:
        raise FailedError(f"the catalog in {backup} cannot be read ({e}); nothing was restored") from e
    if found.kind == "later":
        raise BackupError(
            f"{backup} was made by a later version of legmon ({manifest.legmon}); install that version"
        )


def _check_target(backup: Path, target: Path) -> None:
    inner, outer = target.resolve(), backup.resolve()
    if inner == outer or outer in inner.parents or inner in outer.parents:
        raise BackupError(f"{target} and the backup lie in each other; name another new folder with --data")
    if target.exists() and not target.is_dir():
        raise BackupError(f"{target} is not a folder; name a new one with --data")
    if target.exists() and any(p.name != UNDER_WAY for p in target.iterdir()):
        raise BackupError(
            f"{target} is not empty, and nothing in it may be overwritten; name a new folder with --data"
        )


def _copy_back(manifest: Manifest, backup: Path, target: Path, on_done: Callable[[int], None]) -> None:
    """Copy every file, read it back, and move all of them to their places, the catalog last."""
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.name == "posix":
        target.chmod(0o700)
    free = shutil.disk_usage(target).free
    if manifest.size + SPARE_BYTES > free:
        raise BackupError(
            f"the nights need {(manifest.size + SPARE_BYTES) / 1e6:.1f} MB and {target} has {free / 1e6:.1f} MB free;"
            " name a folder on another disk with --data"
        )
    staging = target / UNDER_WAY
    shutil.rmtree(staging, ignore_errors=True)  # of a restore that was interrupted
    done = 0

    def add(count: int) -> None:
        nonlocal done
        done += count
        on_done(done)

    try:
        staging.mkdir(mode=0o700)
        for file in manifest.files.values():
            _copy(file, backup, staging, add)
        for file in manifest.files.values():
            if read_back(staging / file.path, add, file.size) != (file.size, file.sha256):
                raise FailedError(
                    f"{file.path} does not read back as it was written; use another disk; nothing was restored"
                )
        for path in sorted(staging.iterdir(), key=lambda p: p.name == FILE):
            path.replace(target / path.name)
        sync_folder(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _copy(file: StoredFile, backup: Path, staging: Path, add: Callable[[int], None]) -> None:
    place = staging / file.path
    make_folders(place.parent, staging)
    with open_to_read(backup / FILES / file.stored) as data, open_private(place) as out:
        while block := data.read(CHUNK):
            out.write(block)
            add(len(block))
        out.flush()
        os.fsync(out.fileno())
    os.utime(place, ns=(file.mtime_ns, file.mtime_ns))
    if file.sealed:
        place.chmod(0o400)


def _opened(manifest: Manifest, target: Path) -> Restored:
    """Open the new folder. Add the nights that its catalog does not list, and close the one that was under way."""
    made = Restored(manifest)
    try:
        with contextlib.closing(Catalog(target, check=True)) as catalog:
            catalog.want("off")
            for night in catalog.unknown_recordings():
                found = add_night(catalog, night)
                made.problems += found.problems
                (made.unlisted if found.movements is None else made.added).append(night)
            closer = NightCloser()
            left = [n for n in catalog.nights() if n.state == "recording"]
            for simulated in sorted({n.simulated for n in left}):
                _, message = resume_night(catalog, closer, None, simulated=simulated)
                made.problems += [message.sentence] if message is not None else []
            made.trouble = " ".join(closer.left_open)
            listed = {n.id: n.state for n in catalog.nights()}
            made.closed = [n.id for n in left if listed.get(n.id) == "closed"]
    except (*CATALOG_ERRORS, LegmonError) as e:
        made.trouble = str(getattr(e, "orig", e))
        made.unlisted = [n for n in manifest.nights if n not in made.added]
    return made
