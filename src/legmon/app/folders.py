"""Return the folders of a person's nights and of the demo's nights."""

from pathlib import Path

import platformdirs


def own_folder() -> Path:
    """Return the default folder for a person's own nights."""
    return Path(platformdirs.user_data_dir("legmon", appauthor=False))


def demo_folder() -> Path:
    """Return the folder of the demo's nights, apart from a person's own."""
    return own_folder() / "demo"


def quoted(path: Path) -> str:
    """Return a path as a person has to type it on a command line."""
    return f'"{path}"' if " " in str(path) else str(path)
