"""Where a person's nights and the demo's nights are stored."""

from pathlib import Path

import platformdirs


def own_folder() -> Path:
    """Return the folder of a person's own nights, used where nobody names another."""
    return Path(platformdirs.user_data_dir("legmon", appauthor=False))


def demo_folder() -> Path:
    """Return the folder of the demo's nights, apart from a person's own."""
    return own_folder() / "demo"


def quoted(path: Path) -> str:
    """Return a path as a person has to type it on a command line."""
    return f'"{path}"' if " " in str(path) else str(path)
