"""Return the folders of a person's nights and of the demo's nights."""

import os
from pathlib import Path

import platformdirs

from legmon.errors import LegmonError
from legmon.messages import FOLDER_READ_ONLY


def own_folder() -> Path:
    """Return the default folder for a person's own nights."""
    return Path(platformdirs.user_data_dir("legmon", appauthor=False))


def demo_folder() -> Path:
    """Return the folder of the demo's nights, apart from a person's own."""
    return own_folder() / "demo"


def simulated_folder() -> Path:
    """Return the folder of the nights of `legmon run --simulate`."""
    return own_folder() / "simulated"


def standard_folders() -> list[Path]:
    """Return the folders that legmon uses where nobody names one."""
    return [own_folder(), simulated_folder(), demo_folder()]


def other_folder_that_runs(folder: Path) -> Path | None:
    """Return another of these folders on which legmon runs; None if there is none."""
    from legmon.app import running

    busy = (o for o in standard_folders() if o != folder and running.runs_on(o))
    return next(busy, None)


def check_writable(folder: Path) -> None:
    """Check that something can be written into a data folder, if it exists.

    Raises
    ------
    LegmonError
        If it can only be read.
    """
    if folder.is_dir() and not os.access(folder, os.W_OK):
        raise LegmonError(FOLDER_READ_ONLY.format(folder=folder, why="it can only be read"))


def quoted(path: Path) -> str:
    """Return a path as a person has to type it on a command line."""
    return f'"{path}"' if " " in str(path) else str(path)
