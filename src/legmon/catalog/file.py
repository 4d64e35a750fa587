"""The file of the catalog: open it, keep it open, and make a new one when it is lost.

The catalog is derived. Everything in it can be made again from the recordings and the annotation files. So a catalog that is
damaged, emptied or gone is no reason to stop: it is set aside, and a new one takes its place.
"""

import contextlib
import logging
import os
import shutil
import sqlite3
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.orm import Session

from legmon.catalog.annotation_files import (
    NAME,
    AnnotationFileError,
    load_folder_annotations,
    write_all_annotations,
)
from legmon.catalog.carry_over import carry_over
from legmon.catalog.database import (
    HEAD,
    PASSING,
    Contents,
    catalog_fault,
    contents,
    copy_database,
    fault_of,
    migrate,
    open_database,
    set_aside,
)
from legmon.errors import LegmonError
from legmon.messages import CATALOG_ADVICE, CatalogFault
from legmon.outside import blocks
from legmon.recording.files import holds_recording

log = logging.getLogger(__name__)

FILE = "catalog.sqlite"
LOCK, RECORDER_LOCK = "catalog.lock", "recorder.lock"
LARGEST = 1 << 32
"""Bytes of a catalog that is copied out of a folder that can only be read: that of thousands of nights has a tenth."""
LATER = "install that version, or name another folder with --data"
BRIEF_MS = 500
"""How long what the recorder writes regularly waits for another writer, ms. It is tried again soon, and the page waits for it."""
LOCK_S = 60.0  # a migration of thousands of nights takes some seconds
BRIEF_LOCK_S = 3.0  # somebody may just be looking at the lock

OTHERS = 0o077
"""The mode bits of the group and of all other users."""


class CatalogError(LegmonError):
    """The catalog cannot be used. The message names what to do."""


class UnavailableError(CatalogError):
    """The catalog cannot be used at the moment. The caller may try again."""

    status = 1


class DiskFullError(UnavailableError):
    """Nothing can be saved until there is room on the disk."""


CATALOG_ERRORS = (DBAPIError, CatalogError)
"""What a transaction may raise: SQLite refuses, or a new catalog cannot be made."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """A new catalog had to be made.

    Parameters
    ----------
    why : {"missing", "damaged", "older"}
        What was wrong with the one before.
    kept : str
        The name under which the one before is kept; empty if there was nothing to keep.
    """

    why: Literal["missing", "damaged", "older"]
    kept: str = ""


def file_lock(path: Path, within_s: float = 0.0) -> FileLock:
    """Return a lock between processes; to enter it raises `filelock.Timeout` after `within_s`."""
    return FileLock(path, timeout=within_s, mode=0o600)


def is_locked(lock: Path) -> bool:
    """Whether another process holds a lock, as a recorder holds `RECORDER_LOCK` of its data folder."""
    if not lock.exists():
        return False
    try:
        with file_lock(lock):
            return False
    except (Timeout, OSError):
        return True


def catalog_trouble(folder: Path, error: DBAPIError) -> str:
    """Return why SQLite refuses the catalog of a data folder, and what to do."""
    return _trouble(folder, error.orig)


def _trouble(folder: Path, error: BaseException | None) -> str:
    return f"{folder / FILE} cannot be used ({error}); {CATALOG_ADVICE[fault_of(error)]}"


def make_private(folder: Path) -> None:
    """Remove the rights of other users to a folder and everything in it, if this user owns it.

    Only a folder that others can look into is walked through: in a private one nobody reaches the files.
    """
    if os.name != "posix" or folder.stat().st_uid != os.getuid() or not folder.stat().st_mode & OTHERS:
        return
    folder.chmod(0o700)
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # deleted meanwhile, or owned by somebody else
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o7777 & ~OTHERS)


class CatalogFile:
    """The open file of a catalog.

    Parameters
    ----------
    folder : Path
        The data folder. It is created if it does not exist. If it cannot be written, a copy of the catalog in a temporary
        folder is used, so that the nights can be viewed and scored.
    check : bool
        Whether to check the whole file for damage first.

    Attributes
    ----------
    read_only : bool
        Whether the data folder cannot be written.
    renewal : Renewal or None
        The last time that a new catalog had to be made, by this process.
    openings : int
        How often a file was opened: once, and once for each time that another file took its place.

    Raises
    ------
    CatalogError
        If the folder cannot be made, or the file is no catalog, or one of a later version.
    UnavailableError
        If the file is locked for longer than a writer waits, or the disk is full or fails.
    """

    def __init__(self, folder: Path, *, check: bool = False) -> None:
        self.folder = folder
        self.renewal: Renewal | None = None
        self.openings = 0
        self._opened: tuple[int, int] | None = None
        self._log: tuple[int, int] | None = None
        self._opening = threading.RLock()
        self.read_only = folder.is_dir() and not os.access(folder, os.W_OK)
        self._place = folder
        if self.read_only:
            self._place = Path(tempfile.mkdtemp(prefix="legmon-catalog-"))
            weakref.finalize(self, shutil.rmtree, self._place, ignore_errors=True)
            self._copy_catalog()
        else:
            self._refuse_later()
            self._make_folder()
        try:
            self._open(check=check)
        except BaseException:
            self.close()
            raise

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            make_private(self.folder)
        except OSError as e:
            raise CatalogError(
                f"the data folder {self.folder} cannot be made ({e.strerror}); name another with --data"
            ) from e

    def _copy_catalog(self) -> None:
        if not (self.folder / FILE).exists():
            return
        try:
            for end in (
                "",
                "-wal",
            ):  # a database in a folder that cannot be written cannot be opened beside its log
                if (source := self.folder / (FILE + end)).exists():
                    with (self._place / (FILE + end)).open("wb") as copy:
                        copy.writelines(blocks(source, LARGEST))
        except OSError as e:
            raise CatalogError(
                f"{self.folder / FILE} cannot be read ({e.strerror}); check its permissions"
            ) from e

    @property
    def path(self) -> Path:
        """The file."""
        return self._place / FILE

    def close(self) -> None:
        """Close the file."""
        for engine in self._engines():
            engine.dispose()

    def _engines(self) -> list[Engine]:
        found = (getattr(self, name, None) for name in ("engine", "_lasting", "_brief"))
        return [e for e in found if e is not None]

    @contextmanager
    def session(self, *, lasting: bool = False, brief: bool = False) -> Iterator[Session]:
        """Open a transaction. If the file is gone or damaged, a new one takes its place.

        Parameters
        ----------
        lasting : bool
            Whether a power cut must not lose the transaction.
        brief : bool
            Whether to wait only `BRIEF_MS` for another writer.

        Raises
        ------
        sqlalchemy.exc.DBAPIError
            If SQLite refuses. After damage, the next transaction finds a new catalog.
        CatalogError
            If a new catalog cannot be made.
        """
        if _identity(self.path) != self._opened:
            self._renew()
        elif self._has_lost_log():
            self._renew(lost=True)
        try:
            engine = self._lasting if lasting else self._brief if brief else self.engine
            with Session(engine) as session, session.begin():
                yield session
            self._log = self._log or _identity(self._log_path)
        except DatabaseError as e:
            if catalog_fault(e) is CatalogFault.DAMAGED or "no such table" in str(e.orig):
                self._renew(damaged=True)
            raise

    @property
    def _log_path(self) -> Path:
        """SQLite's log, which is there while a connection is open, and holds the newest transactions."""
        return self.path.with_name(FILE + "-wal")

    def _has_lost_log(self) -> bool:
        """Whether somebody removed SQLite's log while it is in use: what this process writes would be seen by no other one."""
        if self._log is None:
            return False
        try:
            found = self._log_path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:  # the disk or the network does not answer now
            return False
        return (found.st_dev, found.st_ino) != self._log

    # opening

    def _refuse_later(self) -> None:
        if self._contents().kind == "later":
            raise CatalogError(f"{self.path} was made by a later version of legmon; {LATER}")

    def _contents(self, *, whole: bool = False) -> Contents:
        try:
            return contents(self.path, whole=whole)
        except sqlite3.Error as e:
            kind = UnavailableError if fault_of(e) in PASSING else CatalogError
            raise kind(_trouble(self.folder, e)) from e
        except OSError as e:
            raise CatalogError(f"{self.path} cannot be read ({e.strerror}); check its permissions") from e

    def _open(self, *, check: bool = False, lost: bool = False) -> None:
        """Open the file, after putting it right where it is not whole, or where parts of it are `lost`."""
        if lost or self._contents(whole=check) != Contents("ours", HEAD):
            with self._locked():  # another process may have put it right meanwhile
                is_lost = lost and _identity(self.path) == self._opened
                found = Contents("damaged") if is_lost else self._contents(whole=check)
                if found != Contents("ours", HEAD):
                    self._put_right(found)
        self.engine, self._lasting = open_database(self.path), open_database(self.path, lasting=True)
        self._brief = open_database(self.path, wait_ms=BRIEF_MS)
        self._opened, self._log = _identity(self.path), None
        self.openings += 1

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes away while the file is put right."""
        try:
            with file_lock(self._place / LOCK, LOCK_S):
                yield
        except Timeout:
            raise UnavailableError(
                f"another legmon is working on {self.path}; wait until it has finished, then try again"
            ) from None
        except OSError as e:
            advice = CATALOG_ADVICE[CatalogFault.READ_ONLY]
            raise CatalogError(f"{self._place / LOCK} cannot be written ({e.strerror}); {advice}") from e

    def _put_right(self, found: Contents) -> None:
        """Leave a whole catalog of this version where the file is."""
        if found.kind == "later":
            raise CatalogError(f"{self.path} was made by a later version of legmon; {LATER}")
        if found.kind == "foreign":
            why = "a database of another program has its name"
            raise CatalogError(f"{self.path} cannot be used ({why}); {CATALOG_ADVICE[CatalogFault.OTHER]}")
        try:
            if found.kind == "ours":
                self._migrate(found.version)
            else:
                self._make_anew(found)
        except DatabaseError as e:
            kind = UnavailableError if catalog_fault(e) in PASSING else CatalogError
            raise kind(catalog_trouble(self.folder, e)) from e
        except (sqlite3.Error, OSError) as e:
            full = isinstance(e, OSError)
            kind = UnavailableError if full or fault_of(e) in PASSING else CatalogError
            advice = CATALOG_ADVICE[CatalogFault.FULL] if full else CATALOG_ADVICE[fault_of(e)]
            raise kind(f"{self.path} cannot be brought up to date ({e}); {advice}") from e

    def _migrate(self, version: str) -> None:
        """Bring an older catalog up to date, unless a recorder is using it. A copy of the older one stays."""
        with self._no_recorder():
            if not self.read_only:
                copy_database(self.path, self.path.with_name(f"catalog.before-{HEAD}.sqlite"))
            engine = open_database(self.path, lasting=True)
            try:
                migrate(engine, version, None if self.read_only else self._write_annotations)
            finally:
                engine.dispose()

    def _write_annotations(self, c: Connection) -> None:
        with Session(c) as s:
            write_all_annotations(s, self.folder)

    @contextmanager
    def _no_recorder(self) -> Iterator[None]:
        if self.read_only:
            yield
            return
        try:
            with file_lock(self.folder / RECORDER_LOCK, BRIEF_LOCK_S):
                yield
        except Timeout:
            raise UnavailableError(
                f"an older legmon is recording into {self.folder}; end it first; then this one brings the catalog up to date"
            ) from None

    def _make_anew(self, found: Contents) -> None:
        """Make a new catalog. What was there is kept, and what the person said is carried over."""
        kept = ""
        if found.kind == "unknown":
            with self._no_recorder():
                kept = self._carry_over("older")
        elif found.kind == "damaged":
            kept = self._carry_over("damaged")
        elif any(self.path.with_name(FILE + end).exists() for end in ("-wal", "-shm")):
            kept = set_aside(self.path, "damaged").name  # a log without its database
        with contextlib.suppress(OSError):  # if it cannot be made, SQLite says why
            # SQLite's own files beside it get the same mode
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        engine = open_database(self.path)
        try:
            migrate(engine, "")
            with Session(engine) as s, s.begin():
                try:
                    load_folder_annotations(s, self.folder / NAME)
                except AnnotationFileError as e:
                    log.warning("settings and checks cannot be carried over: %s", e)
        finally:
            engine.dispose()
        if kept or has_recordings(self.folder):
            why: Literal["missing", "damaged", "older"] = "damaged" if kept else "missing"
            self.renewal = Renewal("older" if found.kind == "unknown" else why, kept)
            log.warning("a new catalog was made: the one before was %s", self.renewal.why)

    def _carry_over(self, why: str) -> str:
        """Save what the person said, then keep the catalog under another name and return that."""
        if not self.read_only:
            carry_over(self.path, self.folder)
        return set_aside(self.path, why).name

    # while it is open

    def _renew(self, *, damaged: bool = False, lost: bool = False) -> None:
        """Open the file that has the catalog's name now, and make a new catalog if it is no whole one.

        Parameters
        ----------
        damaged : bool
            Whether SQLite found damage.
        lost : bool
            Whether SQLite's log was removed.
        """
        with self._opening:
            is_same = _identity(self.path) == self._opened
            if lost and is_same:
                is_same = not self._has_lost_log()
            elif damaged and is_same:
                is_same = self._contents(whole=True) == Contents("ours", HEAD)
            if is_same:
                return  # nothing is wrong with it, or another thread has put it right
            for engine in self._engines():
                engine.dispose()
            self._open(check=True, lost=lost)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return which file has a name; None if there is none, or an empty one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found.st_size else None


def has_recordings(folder: Path) -> bool:
    """Whether a data folder has the recording of a night."""
    return any(holds_recording(night) for night in (folder / "nights").glob("*"))
