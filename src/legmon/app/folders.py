"""Return the folders of a person's nights and of the demo's nights."""

from pathlib import Path

import platformdirs


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
    from legmon.recorder import presence

    busy = (o for o in standard_folders() if o != folder and (running.supervisor(o) or presence.recorder(o)))
    return next(busy, None)


def quoted(path: Path) -> str:
    """Return a path as a person has to type it on a command line."""
    return f'"{path}"' if " " in str(path) else str(path)
