"""A start that would mix the kinds of nights, or that could not write, is refused in one sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from legmon.app.evening import open_for_nights
from legmon.catalog.annotation_files import NAME
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.movement import NS
from legmon.recorder.leg import LegRecorder, segment_meta
from legmon.sensors.base import StreamFormat
from tests.conftest import run_program

NIGHT = "2026-11-21-2200"


def one_night(folder: Path, *, simulated: bool) -> None:
    """Leave a folder with one night of a kind."""
    catalog = Catalog(folder)
    began = 1_795_298_400 * NS
    catalog.begin(
        NIGHT, started_ns=began, zone=("UTC", 0), simulated=simulated, rules="wasm2016", detector="legmon 3"
    )
    source = ("LegMon-Own", "C4:4C:4D:00:00:01", StreamFormat(50, 4, 122, "index"))
    meta = segment_meta(NIGHT, "left", *source, simulated=simulated)
    recorder = LegRecorder(catalog.segment(NIGHT, "left"), meta)
    catalog.add_leg(meta)
    recorder.close(began + NS)
    catalog.close()


def lose_catalog(folder: Path) -> None:
    for part in folder.glob("catalog.sqlite*"):
        part.unlink()


@pytest.mark.parametrize("said", [True, False], ids=["annotations", "recording alone"])
@pytest.mark.parametrize("simulated", [True, False])
def test_kinds_of_nights_stay_apart_without_a_catalog(tmp_path: Path, simulated: bool, said: bool) -> None:
    one_night(tmp_path, simulated=simulated)
    beside = tmp_path / "nights" / NIGHT / NAME
    assert beside.exists()
    if not said:
        beside.unlink()
    lose_catalog(tmp_path)
    with pytest.raises(LegmonError, match="nights are kept apart"):
        open_for_nights(tmp_path, simulated=not simulated)
    open_for_nights(tmp_path, simulated=simulated).close()


def test_what_cannot_be_read_refuses_no_start(tmp_path: Path) -> None:
    one_night(tmp_path, simulated=False)
    folder = tmp_path / "nights" / NIGHT
    (folder / NAME).write_text("{")
    (folder / "left.seg").write_bytes(b"nothing")
    lose_catalog(tmp_path)
    open_for_nights(tmp_path, simulated=False).close()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder that nobody can write: to the superuser, only a mount is one."""
    if os.name != "posix":
        pytest.skip("needs the permissions of POSIX")
    if os.getuid() != 0:
        folder.chmod(0o500)
        yield
        folder.chmod(0o700)
        return
    for command in (["--bind", str(folder), str(folder)], ["-o", "remount,bind,ro", str(folder)]):
        done = subprocess.run(["mount", *command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            subprocess.run(["umount", str(folder)], capture_output=True, check=False)
            pytest.skip(f"needs to mount a file system: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--simulate", "--no-browser", "--port", "0"),
        ("demo", "--no-browser", "--port", "0"),
        ("rescan",),
    ],
    ids=lambda c: c[0],
)
@pytest.mark.parametrize("catalog", [True, False], ids=["catalog", "no catalog"])
def test_a_folder_that_can_only_be_read_gets_one_sentence(
    tmp_path: Path, command: tuple[str, ...], catalog: bool
) -> None:
    data = tmp_path / "data"
    one_night(data, simulated=True)
    if not catalog:
        lose_catalog(data)
    for lock in data.glob("*.lock"):
        lock.unlink()
    with read_only(data):
        done = run_program(*command, data=data)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "cannot be written" in done.stderr
    assert "name another folder with --data" in done.stderr


@pytest.mark.usefixtures("fresh")
def test_the_processes_say_the_same_by_themselves(tmp_path: Path) -> None:
    data = tmp_path / "data"
    one_night(data, simulated=True)
    shutil.rmtree(data / "logs", ignore_errors=True)
    with read_only(data):
        for module, options in (
            ("legmon.app.supervisor", ("--simulate",)),
            ("legmon.recorder", ("--simulated", "--hci", "unix-client:/nowhere")),
        ):
            done = subprocess.run(
                [sys.executable, "-m", module, "--data", str(data), *options],
                capture_output=True,
                text=True,
                timeout=60,
                stdin=subprocess.DEVNULL,
                check=False,
            )
            assert done.returncode == 2, done.stderr
            assert "cannot be written" in done.stderr
            assert "Traceback" not in done.stderr
