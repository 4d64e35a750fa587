"""Back up a data folder, also while it is being recorded into: only what is new is copied, and everything is read back.

The folder of a backup holds ``backup.json`` and, below ``files``, the files of the data folder under their own names. A file
that has changed is written beside its earlier state, with a number behind its name. ``backup.json`` is replaced last, and only
then is the earlier state removed. So a backup that is interrupted leaves the earlier one whole.

A recording that is sealed is copied once, and its copy is compared with the SHA-256 that the catalog has of it. If the file in
the data folder is damaged or removed later, the backup keeps the copy of what was sealed.
"""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from legmon import __version__
from legmon.catalog.file import FILE
from legmon.catalog.report_file import LAST_RESORT
from legmon.catalog.store import NO_NIGHTS
from legmon.errors import FailedError
from legmon.exchange.manifest import (
    CHUNK,
    FILES,
    LOCK,
    MANIFEST,
    BackupError,
    Manifest,
    StoredFile,
    damaged_files,
    make_folders,
    night_of,
    open_private,
    open_to_read,
    read_back,
)
from legmon.recorder.presence import RECORDER, STOP
from legmon.recording.files import sync_folder
from legmon.recording.records import last_whole

PASSES = 5
"""How often the files are copied again because a night was closed or sealed meanwhile."""
SPARE_BYTES = 1_000_000
"""Room for the list of the files, beside the files."""
NOT_COPIED = {"logs", "check", "entry"}
"""Folders of what is no part of the nights."""
STATES = {
    LAST_RESORT,
    RECORDER,
    "supervisor.json",
    STOP,
    "clock.json",
    "dashboard.json",
    "token",
    "session.key",
}
"""Files in which a running process keeps its state (see `legmon.app.running` and `legmon.catalog.clock`), and the tokens that
 let somebody in (see `legmon.web.keys`): whoever reads a backup comes in nowhere."""
PASSING = (".lock", ".new", ".tmp", ".part", "-wal", "-shm", "-journal")
"""Ends of the names of files that belong to a running process."""
RECORDINGS = (".seg", ".sealed")

OnProgress = Callable[[int, int], None]
"""Called with the bytes done and the bytes to do."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup did.

    Parameters
    ----------
    manifest : Manifest
        What it holds now.
    copied : dict
        The files that were copied, with their size.
    mended : list of str
        The files that were copied again, because the backup's own copy was damaged.
    only_here : list of str
        The nights that are no longer in the data folder. The backup keeps them.
    left_out : list of str
        Links and other things in the data folder that a backup does not follow.
    damaged : dict
        Files that are only in the backup, and are damaged there, and why.
    not_as_sealed : dict
        Recordings that are not in the data folder as they were sealed, and why. Where an earlier backup has copied one as it was
        sealed, that copy stays.
    catalog : str
        How the catalog was copied: ``ok``; ``missing``; ``damaged``, as it is.
    """

    manifest: Manifest
    copied: dict[str, int]
    mended: list[str]
    only_here: list[str]
    left_out: list[str]
    damaged: dict[str, str]
    not_as_sealed: dict[str, str]
    catalog: str


def make_backup(source: Path, target: Path, *, simulated: bool, on_progress: OnProgress) -> Backup:
    """Back up a data folder.

    Parameters
    ----------
    source : Path
        The data folder. It may be recorded into meanwhile.
    target : Path
        The folder of the backup: new, empty, or with an earlier backup.
    simulated : bool
        Whether the files of the simulated sensors are copied too.
    on_progress : callable
        Called with the bytes done and to do.

    Raises
    ------
    BackupError
        If the folders are not right, or there is no room.
    FailedError
        If something cannot be read or written, or does not read back as it was written.
    """
    check_folders(source, target)
    try:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(target / LOCK, timeout=0, mode=0o600):
            return _Run(source, target, simulated, on_progress).run()
    except Timeout:
        raise FailedError(f"another backup to {target} is running; wait until it has ended") from None
    except OSError as e:
        raise FailedError(
            f"the backup failed: {e.filename or target}: {e.strerror or e}; the earlier backup is kept"
        ) from e


def verify_backup(target: Path, on_progress: OnProgress) -> tuple[Manifest, dict[str, str]]:
    """Read every file of a backup. Return what it holds, and the files that are not as they were written, and why.

    Raises
    ------
    BackupError
        If the folder holds no backup, or one by a later version.
    FailedError
        If its list of files is damaged.
    """
    manifest = Manifest.read(target)
    if manifest.made_ns is None:
        raise BackupError(f"the first backup to {target} was interrupted; run `legmon backup` again")
    progress = _Progress(on_progress, manifest.size)
    return manifest, damaged_files(target, manifest.files.values(), progress.add)


def check_folders(source: Path, target: Path) -> None:
    """Check that one folder can be backed up into the other.

    Raises
    ------
    BackupError
        If not. The message says what to do.
    """
    if not (source / FILE).exists() and not (source / "nights").is_dir():
        raise BackupError(f"{NO_NIGHTS} ({source}); name the data folder with --data")
    inner, outer = target.resolve(), source.resolve()
    if inner == outer or outer in inner.parents:
        raise BackupError(
            f"{target} is in the data folder itself; name a folder outside of it, best on another disk"
        )
    if inner in outer.parents and target.exists():
        raise BackupError(
            f"{target} holds the data folder; name another folder for the backup, best on another disk"
        )
    if target.exists() and not target.is_dir():
        raise BackupError(f"{target} is not a folder; name another one for the backup")
    if not target.exists():
        return
    there = {p.name for p in target.iterdir()} - {LOCK, f"{MANIFEST}.part", "lost+found"}
    if there and MANIFEST not in there:
        raise BackupError(f"{target} holds something else than a backup; name a new or empty folder")
    if MANIFEST in there:
        before = Manifest.read(target)
        other = Path(before.source) != outer and before.nights
        if other and not any((source / "nights" / night).is_dir() for night in before.nights):
            raise BackupError(
                f"{target} is the backup of other nights ({before.source}); name another folder"
            )


class _Sealed(NamedTuple):
    """A file of a sealed recording, as the catalog knows it."""

    size: int
    mtime_ns: int
    sha256: str


class _Progress:
    """Adds up bytes."""

    def __init__(self, on_progress: OnProgress, total: int) -> None:
        self.total = total
        self._done = 0
        self._on_progress = on_progress

    def add(self, count: int) -> None:
        """Count bytes that are done."""
        self._done += count
        self._on_progress(min(self._done, self.total), self.total)


@dataclass
class _Run:
    """One backup under way."""

    source: Path
    target: Path
    simulated: bool
    on_progress: OnProgress
    staged: dict[str, StoredFile] = field(default_factory=dict)
    copied: dict[str, int] = field(default_factory=dict)
    closed: set[str] | None = (
        None  # nights that are closed, as the catalog's copy says; None if that is not known
    )
    sealed: dict[str, _Sealed] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)

    def run(self) -> Backup:
        """Copy, read back, and replace the list of files."""
        try:
            self.before = Manifest.read(self.target)
        except BackupError:  # a new backup
            self.before = Manifest(None, str(self.source.resolve()), __version__)
            self.before.write(self.target)
        self._remove_unknown(self.before)
        self.kept = dict(self.before.files)
        files, left_out = source_files(self.source, simulated=self.simulated)
        self._check_room(files)
        damaged = damaged_files(self.target, self.kept.values(), self.progress.add)
        for path in damaged:
            del self.kept[path]
        catalog = self._copy_all()
        not_as_sealed = self._compare_sealed()
        only_here, carried = self._only_here()
        new = [f for p, f in self.staged.items() if p in self.copied]
        if wrong := damaged_files(self.target, new, self.progress.add):
            path, why = next(iter(wrong.items()))
            raise FailedError(
                f"{path} does not read back from {self.target} as it was written ({why}); use another disk"
            )
        made = Manifest(time.time_ns(), str(self.source.resolve()), __version__, carried | self.staged)
        for folder in {(self.target / FILES / f.stored).parent for f in new}:
            sync_folder(folder)
        made.write(self.target)
        self._remove_unknown(made)
        return Backup(
            made,
            self.copied,
            sorted(p for p in damaged if p in self.copied),
            only_here,
            left_out,
            {p: why for p, why in damaged.items() if p in carried},
            not_as_sealed,
            catalog,
        )

    def _check_room(self, files: dict[str, os.stat_result]) -> None:
        needed = sum(found.st_size for path, found in files.items() if self._unchanged(path, found) is None)
        needed += sum(p.stat().st_size for p in self._catalog_files())
        free = shutil.disk_usage(self.target).free
        if needed + SPARE_BYTES > free:
            raise BackupError(
                f"the backup needs {_mb(needed + SPARE_BYTES)} and {self.target} has {_mb(free)} free;"
                " free some space there, or name a folder on another disk"
            )
        self.progress = _Progress(self.on_progress, 2 * needed + self.before.size)

    def _catalog_files(self) -> list[Path]:
        return [p for end in ("", "-wal") if (p := self.source / f"{FILE}{end}").exists()]

    def _unchanged(self, path: str, found: os.stat_result) -> StoredFile | None:
        """Return the copy of a file that has not changed since."""
        if path in self.sealed:
            return self._copy_of_sealed(path)
        for copies in (self.staged, self.kept):
            if (copy := copies.get(path)) and (copy.size, copy.mtime_ns) == (
                found.st_size,
                found.st_mtime_ns,
            ):
                return copy
        return None

    def _copy_of_sealed(self, path: str) -> StoredFile | None:
        """Return the copy that has the SHA-256 with which a recording was sealed, whatever became of the file since."""
        known = self.sealed[path]
        copies = (self.staged.get(path), self.kept.get(path))
        copy = next((c for c in copies if c is not None and c.sha256 == known.sha256), None)
        return copy and replace(copy, mtime_ns=known.mtime_ns)

    def _copy_all(self) -> str:
        """Copy the catalog and then the files, again if something has changed meanwhile. Return the catalog's state."""
        for _ in range(PASSES):
            place = _place_of(self.source / FILE)
            catalog, facts = self._copy_catalog()
            files, _ = source_files(self.source, simulated=self.simulated)
            if catalog == "damaged":
                files |= {p.name: p.stat() for p in self._catalog_files()}
            for path in self.staged.keys() - files.keys() - {FILE}:
                del self.staged[path]
            self.there, has_moved = set(files), False
            for path, found in sorted(files.items()):
                try:
                    self.staged[path] = self._unchanged(path, found) or self._copy(path)
                except FileNotFoundError:  # a night without a sample was removed, or a recording was sealed
                    self.staged.pop(path, None)
                    has_moved = True
            for path in self.sealed.keys() - files.keys():
                if copy := self._copy_of_sealed(path):
                    self.staged[path] = copy
            is_same = (
                facts == _facts(self.source / FILE)
                if catalog == "ok"
                else place == _place_of(self.source / FILE)
            )
            if is_same and not has_moved:
                return catalog
        raise FailedError(
            "the nights changed again and again while they were copied; try again; the earlier backup is kept"
        )

    def _compare_sealed(self) -> dict[str, str]:
        """Return the recordings that are not in the data folder as they were sealed, and why."""
        wrong: dict[str, str] = {}
        for path, known in self.sealed.items():
            copy = self.staged.get(path)
            is_kept = copy is not None and copy.sha256 == known.sha256
            try:
                found = (self.source / path).lstat()
                if is_kept and (found.st_size, found.st_mtime_ns) == (known.size, known.mtime_ns):
                    continue
                is_same = read_back(self.source / path, lambda _: None) == (known.size, known.sha256)
                why = "" if is_same else "its content has changed"
            except FileNotFoundError:
                why = "" if is_kept else "it is gone"
            except OSError as e:
                why = e.strerror or str(e)
            if why:
                kept = "the backup keeps it as it was sealed" if is_kept else "the backup has no better copy"
                wrong[path] = f"{why}; {kept}"
        return wrong

    def _only_here(self) -> tuple[list[str], dict[str, StoredFile]]:
        """Return the nights with a recording that is no longer in the data folder, and what the backup keeps of them."""
        gone = _legs(self.before.files) - _legs(self.there)
        nights = {night for night, _ in gone}
        whole = nights - {night_of(path) for path in self.there}
        kept = {
            path: f
            for path, f in self.before.files.items()
            if path not in self.staged and (night_of(path) in whole or _legs([path]) & gone)
        }
        return sorted(nights), kept

    def _copy_catalog(self) -> tuple[str, list[Any]]:
        """Copy the catalog with SQLite's own backup. Return how that went, and the facts that its files must agree with."""
        self.closed, self.sealed = None, {}
        if not (self.source / FILE).exists():
            self.staged.pop(FILE, None)
            return "missing", []
        stored = self._place(FILE)
        part = stored.with_name(stored.name + ".part")
        mtime_ns = time.time_ns()
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        try:
            with open_private(part):
                pass
            with _opened(self.source / FILE) as here, contextlib.closing(sqlite3.connect(part)) as there:
                here.backup(there)
                there.execute(
                    "PRAGMA journal_mode=DELETE"
                )  # it can then be read on a disk that cannot be written
        except sqlite3.OperationalError as e:
            code = getattr(e, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise FailedError(
                    f"the catalog cannot be copied ({e}); try again; the earlier backup is kept"
                ) from e
            return "damaged", []
        except sqlite3.DatabaseError:
            return "damaged", []
        with _opened(part) as there, contextlib.suppress(sqlite3.Error):
            if there.execute("PRAGMA quick_check(1)").fetchall() != [("ok",)]:
                return "damaged", []
            self.closed = {
                night for (night,) in there.execute("SELECT id FROM nights WHERE state = 'closed'")
            }
            self.sealed = _sealed(there)
        facts = _facts(part)
        for end in ("-wal", "-shm", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                part.with_name(part.name + end).unlink()
        with part.open("rb+") as data:
            os.fsync(data.fileno())
        size, digest = read_back(part, lambda _: None)
        same = next(
            (f for f in (self.staged.get(FILE), self.kept.get(FILE)) if f and f.sha256 == digest), None
        )
        if same is not None:
            part.unlink()
            self.staged[FILE] = same
        else:
            part.replace(stored)
            self._stage(StoredFile(FILE, self._name(stored), size, digest, mtime_ns, sealed=False))
        return "ok", facts

    def _copy(self, path: str) -> StoredFile:
        """Copy a file as it is; one that is still being written, up to its last whole record."""
        stored = self._place(path)
        part = stored.with_name(stored.name + ".part")
        with open_to_read(self.source / path) as data, open_private(part) as out:
            found = os.fstat(data.fileno())
            digest, size = hashlib.sha256(), 0
            for block in self._blocks(path, data, found.st_size):
                out.write(block)
                digest.update(block)
                size += len(block)
                self.progress.add(len(block))
            out.flush()
            os.fsync(out.fileno())
        part.replace(stored)
        sealed = path.endswith(".sealed") or not found.st_mode & stat.S_IWUSR
        return self._stage(
            StoredFile(path, self._name(stored), size, digest.hexdigest(), found.st_mtime_ns, sealed)
        )

    def _blocks(self, path: str, data: Any, size: int) -> Iterator[bytes]:
        """Yield a file of `size` bytes, without what a writer had not finished then."""
        night = night_of(path)
        is_open = path.endswith(".seg") and (self.closed is not None and night not in self.closed)
        if is_open:
            whole = b"".join(iter(lambda: data.read(min(CHUNK, size - data.tell())), b""))
            yield whole[: last_whole(whole)]
            return
        while (left := size - data.tell()) > 0 and (block := data.read(min(CHUNK, left))):
            yield block

    def _stage(self, file: StoredFile) -> StoredFile:
        before = self.staged.get(file.path)
        if before is not None and before.stored != file.stored and before.path in self.copied:
            (self.target / FILES / before.stored).unlink(missing_ok=True)
        self.staged[file.path] = file
        self.copied[file.path] = file.size
        return file

    def _place(self, path: str) -> Path:
        """Return where to write a file, so that nothing that the earlier backup holds is touched."""
        taken = {f.stored for f in self.before.files.values()} | {f.stored for f in self.staged.values()}
        name = next(name for i in range(1, 1000) if (name := f"{path}~{i}" if i > 1 else path) not in taken)
        stored = self.target / FILES / name
        make_folders(stored.parent, self.target)
        return stored

    def _name(self, stored: Path) -> str:
        return stored.relative_to(self.target / FILES).as_posix()

    def _remove_unknown(self, manifest: Manifest) -> None:
        """Remove what no longer belongs to the backup, or what an interrupted backup left. Only our own folder is looked at."""
        known = {self.target / FILES / f.stored for f in manifest.files.values()}
        for folder, folders, files in os.walk(self.target / FILES, topdown=False):
            for name in files:
                if (file := Path(folder) / name) not in known:
                    file.unlink()
            for name in folders:
                with contextlib.suppress(OSError):  # it is not empty
                    (Path(folder) / name).rmdir()


def source_files(folder: Path, *, simulated: bool) -> tuple[dict[str, os.stat_result], list[str]]:
    """Return the files of a data folder that belong into a backup, and what is left out that a person may miss.

    The catalog is copied in another way. A catalog that was set aside is a file like any other: it may hold what nothing else
    holds. Logs, locks, temporary files, the state of running processes and the last check are no part of the nights. A folder
    with a catalog of its own, such as the demo's, is another data folder.
    """
    files: dict[str, os.stat_result] = {}
    left_out: list[str] = []

    def walk(place: Path, within: str) -> None:
        for item in sorted(os.scandir(place), key=lambda item: item.name):
            path = f"{within}{item.name}"
            is_passing = item.name.endswith(PASSING) and not _is_log_set_aside(path)
            if item.name.startswith(".") or is_passing or path in {FILE, *STATES}:
                continue
            if item.is_dir(follow_symlinks=False):
                if path in NOT_COPIED or (path == "simulated" and not simulated):
                    continue
                if (Path(item.path) / FILE).exists():
                    left_out.append(path)
                    continue
                walk(Path(item.path), f"{path}/")
            elif item.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                    files[path] = item.stat(follow_symlinks=False)
            else:
                left_out.append(path)

    walk(folder, "")
    return files, left_out


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a catalog without changing it."""
    uri = f"{file.resolve().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=5)
    try:
        try:
            connection.execute("SELECT name FROM sqlite_master LIMIT 1").fetchall()
        except sqlite3.OperationalError:
            if file.with_name(file.name + "-wal").exists():
                raise
            connection.close()  # on a disk that cannot be written, SQLite can read it only as a file that nobody changes
            connection = sqlite3.connect(f"{uri}&immutable=1", uri=True)
        yield connection
    finally:
        connection.close()


def _is_log_set_aside(path: str) -> bool:
    """Whether a file is SQLite's log of a catalog that was set aside. It holds the newest of what that catalog has."""
    head, _, tail = FILE.partition(".")
    return path.startswith(f"{head}.") and path.endswith(f".{tail}-wal") and path != f"{FILE}-wal"


def _place_of(file: Path) -> tuple[int, int] | None:
    """Return which file has a name; None if there is none."""
    with contextlib.suppress(OSError):
        found = file.stat()
        return found.st_dev, found.st_ino
    return None


def _legs(paths: Iterable[str]) -> set[tuple[str, str]]:
    """Return night and leg of the recordings among some files."""
    return {
        (night, path.rpartition("/")[2].partition(".")[0])
        for path in paths
        if path.endswith(RECORDINGS) and (night := night_of(path))
    }


_FACTS = (
    "SELECT legs.* FROM legs JOIN nights ON nights.id = night_id WHERE state = 'closed' ORDER BY night_id, leg",
    "SELECT night_id, name, sha256 FROM files JOIN legs ON legs.id = leg_id ORDER BY 1, 2",
    "SELECT * FROM lights ORDER BY night_id",
    "SELECT * FROM marks ORDER BY 1, 2, 3",
    "SELECT * FROM checks ORDER BY id",
    "SELECT * FROM settings",
)


def _facts(file: Path) -> list[Any]:
    """Return what a catalog knows that also stands in the files beside it: its closed nights, and what the person said."""
    facts: list[Any] = []
    with contextlib.suppress(sqlite3.Error), _opened(file) as catalog:
        for query in _FACTS:
            try:
                facts.append(catalog.execute(query).fetchall())
            except sqlite3.Error:  # an earlier version has no such table
                facts.append(None)
    return facts


def _sealed(catalog: sqlite3.Connection) -> dict[str, _Sealed]:
    """Return the files of the sealed recordings that a catalog knows."""
    query = (
        "SELECT night_id, name, size, mtime_ns, sha256 FROM files JOIN legs ON legs.id = leg_id"
        " WHERE sha256 != ''"
    )
    with contextlib.suppress(sqlite3.Error):  # an earlier version has no such table
        return {f"nights/{night}/{name}": _Sealed(*known) for night, name, *known in catalog.execute(query)}
    return {}


def _mb(count: float) -> str:
    return f"{count / 1e6:.1f} MB"
