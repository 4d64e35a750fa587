"""Keep the recorder's report in a small file while the catalog cannot be written: on another disk, where there is one."""

import contextlib
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from legmon.catalog.models import RecorderRow
from legmon.catalog.rows import recorder_state, recorder_values
from legmon.catalog.state import RecorderState
from legmon.outside import parse_json

LAST_RESORT = "recorder-report.json"
"""The file's name in the data folder itself, which is used where no other place can be."""
LONGEST = 1 << 20
"""A longer file is not a report."""


class ReportFile:
    """The report of the recorder of one data folder, outside of the catalog.

    The places are tried in this order: the user's runtime folder (``XDG_RUNTIME_DIR``), which is in memory; the system's
    temporary folder; the data folder. In the first two, the file lies in a folder that only this user can enter. Nobody else's
    file is trusted.

    Parameters
    ----------
    folder : Path
        The data folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32] + ".json"

    def _files(self) -> Iterator[Path]:
        for place in _places():
            yield place / self._name
        yield self._folder / LAST_RESORT

    def write(self, state: RecorderState) -> bool:
        """Write the report to the first place that takes it. Return whether one did."""
        text = json.dumps(recorder_values(state))
        for file in self._files():
            try:
                if file.name == self._name:
                    _make_private_folder(file.parent)
                _replace(file, text)
            except OSError:  # no such place here, or it is full too
                continue
            return True
        return False

    def read(self) -> RecorderState | None:
        """Return the newest report; None if there is none."""
        own = (f for f in self._files() if f.name == LAST_RESORT or _is_own_folder(f.parent))
        found = [state for file in own if (state := _read(file)) is not None]
        return max(found, key=lambda state: state.seen_ns, default=None)

    def remove(self) -> None:
        """Remove the report: the catalog has a newer one, or the recorder ends."""
        for file in self._files():
            with contextlib.suppress(OSError):
                if _is_own(file.lstat()):
                    file.unlink()


def _places() -> Iterator[Path]:
    """Return this user's own folders outside of the data folder. They need not exist."""
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "legmon"
    user = (
        f"-{os.getuid()}" if os.name == "posix" else ""
    )  # the temporary folder of Windows belongs to the user
    yield Path(tempfile.gettempdir()) / f"legmon-reports{user}"


def _make_private_folder(folder: Path) -> None:
    """Create a folder that only this user can enter, or check that it is one.

    Raises
    ------
    OSError
        If it cannot be made, or belongs to somebody else, or is a link.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if not _is_own_folder(folder):
        raise PermissionError(f"{folder} belongs to somebody else")
    if os.name == "posix" and folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def _is_own_folder(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        found = folder.lstat()
        return stat.S_ISDIR(found.st_mode) and _is_own(found)
    return False


def _is_own(found: os.stat_result) -> bool:
    return os.name != "posix" or found.st_uid == os.getuid()


def _replace(file: Path, text: str) -> None:
    """Write a file whole or not at all. A link at its place is replaced, not followed."""
    part = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(part, flags, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
        part.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def _read(file: Path) -> RecorderState | None:
    """Return the report in a file; None if there is none, or it is somebody else's."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with os.fdopen(os.open(file, flags), "rb") as kept:
            found = os.fstat(kept.fileno())
            if not stat.S_ISREG(found.st_mode) or not _is_own(found) or found.st_size > LONGEST:
                return None
            return recorder_state(RecorderRow(**parse_json(kept.read(LONGEST))))
    except (
        OSError,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        OverflowError,
    ):  # none, or one that another version wrote
        return None
