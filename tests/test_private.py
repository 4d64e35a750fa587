"""Nights are private: no other user of the machine can read the data folder, whatever the umask is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from legmon.catalog.store import Catalog
from tests.conftest import run_program

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")


def readable_by_others(folder: Path) -> list[str]:
    return [
        f"{path.relative_to(folder.parent)} {path.stat().st_mode & 0o7777:o}"
        for path in [folder, *folder.rglob("*")]
        if path.stat().st_mode & 0o077
    ]


def test_a_folder_that_others_could_read_is_made_private(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    before = os.umask(0)
    try:
        night = folder / "nights" / "2026-01-01-2300"
        night.mkdir(parents=True)
        (night / "left.seg").write_bytes(b"x")
        (night / "sealed.seg").write_bytes(b"x")
        (night / "sealed.seg").chmod(0o444)
        Catalog(folder).close()
    finally:
        os.umask(before)
    assert len(list(folder.rglob("*"))) >= 5
    assert readable_by_others(folder) == []
    assert (night / "sealed.seg").stat().st_mode & 0o777 == 0o400, (
        "a sealed file stays as it is for its owner"
    )


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("x")
    other.chmod(0o644)
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "link").symlink_to(other)
    Catalog(folder).close()
    assert other.stat().st_mode & 0o777 == 0o644


def test_everything_that_a_run_writes_is_private_under_an_open_umask(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    options = ("--simulate", "--no-browser", "--port", "0", "--minutes", "0.15")
    before = os.umask(0)
    try:
        done = run_program("run", *options, data=folder)
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr
    assert list(folder.glob("nights/*/left.se*")), done.stdout
    assert readable_by_others(folder) == []
