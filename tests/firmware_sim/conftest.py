from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a Unix socket (107 bytes), unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="fs"))
    yield folder
    shutil.rmtree(folder)
