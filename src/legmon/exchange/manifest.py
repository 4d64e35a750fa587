"""The list of a backup: the files that it holds, with the size and the SHA-256 of each."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from legmon.errors import FailedError, LegmonError
from legmon.outside import is_int, parse_json, read_outside
from legmon.recording.files import open_regular, sync_folder

MANIFEST, FILES, LOCK = "backup.json", "files", "backup.lock"
VERSION = 1
LARGEST = 1 << 25
"""Bytes of the list of a backup: more than a hundred thousand files."""
LONGEST_PATH = 4096
MOST_BYTES = 1 << 60
CHUNK = 1 << 20
OnBytes = Callable[[int], None]
"""Called with the number of bytes that were read or written since the last call."""


class BackupError(LegmonError):
    """The folders are not right for a backup, or the backup is not right for this version. The message says what to do."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the data folder in the backup.

    Parameters
    ----------
    path : str
        Its place in the data folder, with slashes.
    stored : str
        Its place below ``files`` in the backup: the same, with a number behind it if an earlier state stood there.
    size : int
        Its size in the backup.
    sha256 : str
        Its SHA-256, hexadecimal.
    mtime_ns : int
        When it was last changed in the data folder.
    sealed : bool
        Whether nobody may write to it.
    """

    path: str
    stored: str
    size: int
    sha256: str
    mtime_ns: int
    sealed: bool

    def is_plausible(self) -> bool:
        """Whether every value is one that legmon writes, and both places are inside their folders."""
        texts: list[object] = [self.path, self.stored, self.sha256]
        sealed: object = self.sealed
        return (
            all(isinstance(text, str) and len(text) <= LONGEST_PATH and text.isprintable() for text in texts)
            and is_inside(self.path)
            and is_inside(self.stored)
            and is_int(self.size, 0)
            and is_int(self.mtime_ns)
            and isinstance(sealed, bool)
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    Parameters
    ----------
    made_ns : int or None
        When it was made, ns UTC; None while the first backup is still being made.
    source : str
        The data folder.
    legmon : str
        The version of the program that made it.
    files : dict
        The files by their place in the data folder.
    """

    made_ns: int | None
    source: str
    legmon: str
    files: dict[str, StoredFile] = field(default_factory=dict)

    @property
    def nights(self) -> list[str]:
        """The nights with a file in it, the oldest first."""
        return sorted({night for path in self.files if (night := night_of(path))})

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(f.size for f in self.files.values())

    def write(self, backup: Path) -> None:
        """Write it whole or not at all. From then on, it is what the backup holds."""
        content = {
            "version": VERSION,
            "made_ns": self.made_ns,
            "source": self.source,
            "legmon": self.legmon,
            "files": [asdict(f) for f in sorted(self.files.values(), key=lambda f: f.path)],
        }
        part = backup / f"{MANIFEST}.part"
        text = json.dumps(content | {"sha256": _digest(content)}, ensure_ascii=False, indent=1)
        with open_private(part) as out:
            out.write(text.encode())
            out.flush()
            os.fsync(out.fileno())
        part.replace(backup / MANIFEST)
        sync_folder(backup)

    @classmethod
    def read(cls, backup: Path) -> "Manifest":
        """Read it.

        Raises
        ------
        BackupError
            If the folder holds no backup, or one by a later version.
        FailedError
            If it is damaged.
        """
        file = backup / MANIFEST
        try:
            content: Any = parse_json(read_outside(file, LARGEST))
        except FileNotFoundError:
            raise BackupError(
                f"{backup} holds no backup of legmon; name the folder that `legmon backup` wrote"
            ) from None
        except OSError as e:
            raise FailedError(f"{file} cannot be read ({e.strerror}); check the disk") from e
        except ValueError:
            raise _damaged(file) from None
        if (
            isinstance(content, dict)
            and isinstance(content.get("version"), int)
            and content["version"] > VERSION
        ):
            raise BackupError(f"{backup} was made by a later version of legmon; install that version")
        try:
            digest = content.pop("sha256")
            files = [StoredFile(**f) for f in content["files"]]
            named: dict[str, Any] = {name: content[name] for name in ("made_ns", "source", "legmon")}
            if (
                digest != _digest(content)
                or not all(f.is_plausible() for f in files)
                or not (named["made_ns"] is None or is_int(named["made_ns"], 0))
                or not (isinstance(named["source"], str) and isinstance(named["legmon"], str))
                or sum(f.size for f in files) >= MOST_BYTES
            ):
                raise _damaged(file)
            return cls(**named, files={f.path: f for f in files})
        except (AttributeError, KeyError, TypeError, ValueError):
            raise _damaged(file) from None


def _damaged(file: Path) -> FailedError:
    return FailedError(f"{file} is damaged; use another backup, or make a new one in another folder")


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def is_inside(path: str) -> bool:
    """Whether a path from a manifest stays in its folder."""
    parts = PurePosixPath(path).parts
    odd = PureWindowsPath(path).drive or "\\" in path or "\0" in path
    return bool(parts) and not odd and not path.startswith("/") and ".." not in parts


def night_of(path: str) -> str | None:
    """Return the night that a file of a data folder belongs to."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "nights" else None


def damaged_files(backup: Path, files: Iterable[StoredFile], on_bytes: OnBytes) -> dict[str, str]:
    """Read files of a backup back from its disk. Return those that are not as they were written, and why."""
    damaged: dict[str, str] = {}
    for f in files:
        try:
            found = read_back(backup / FILES / f.stored, on_bytes, f.size)
        except OSError as e:
            damaged[f.path] = e.strerror or str(e)
            continue
        if found != (f.size, f.sha256):
            damaged[f.path] = "its content has changed"
    return damaged


def read_back(file: Path, on_bytes: OnBytes, most: int = MOST_BYTES) -> tuple[int, str]:
    """Return the size and the SHA-256 of a file, read from the disk and not from the memory of the system, where it lets us.

    A file that has grown past `most` bytes is read that far.

    Raises
    ------
    OSError
        If it cannot be read, or is no regular file.
    """
    digest, size = hashlib.sha256(), 0
    with open_to_read(file) as data:
        if hasattr(os, "posix_fadvise"):
            with contextlib.suppress(OSError):
                os.posix_fadvise(data.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while size <= most and (block := data.read(CHUNK)):
            digest.update(block)
            size += len(block)
            on_bytes(len(block))
    return size, digest.hexdigest()


def open_to_read(file: Path) -> Any:
    """Open a regular file to read it from its beginning.

    Raises
    ------
    OSError
        If it cannot be opened, or is something else.
    """
    return os.fdopen(open_regular(file), "rb", buffering=0)


def open_private(file: Path) -> Any:
    """Open a new file that only this user can read; one of this name is overwritten.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with contextlib.suppress(FileNotFoundError):
        file.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(file, flags, 0o600), "wb")


def make_folders(folder: Path, root: Path) -> None:
    """Create a folder below another one, all of them private."""
    for path in [*reversed(folder.relative_to(root).parents), folder.relative_to(root)]:
        (root / path).mkdir(mode=0o700, exist_ok=True)
