"""Temporary folders: another file system, a killed process, another process's folder, and files that would be overwritten."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from legmon.app.temporary import OWNER, sweep, temporary_folder
from tests.conftest import ROOT, run_command


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def old(folder: Path) -> Path:
    """Make a folder's lock look older than a process needs to take it."""
    past = time.time() - 60
    os.utime(folder / OWNER, (past, past))
    return folder


@pytest.mark.radio
def test_what_a_killed_process_left_is_removed_at_the_next_start(temporary: Path) -> None:
    code = (
        "import sys, tempfile, time\n"
        f"tempfile.tempdir = {str(temporary)!r}\n"
        "from legmon.app.temporary import temporary_folder\n"
        "with temporary_folder('test') as folder:\n"
        "    (folder / 'large').write_bytes(b'x' * 1000)\n"
        "    print(folder, flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    left = Path(process.stdout.readline().strip())
    assert left.is_dir()
    old(left)
    sweep()
    assert (left / "large").exists(), "the process lives"
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    process.stdout.close()
    old(left)
    with temporary_folder("next"):
        assert not left.exists()
    assert list(temporary.iterdir()) == []


def test_folders_of_others_stay(temporary: Path) -> None:
    (temporary / "legmon-without-owner").mkdir()
    (temporary / "another").mkdir()
    (temporary / "another" / OWNER).touch()
    target = temporary / "another"
    (temporary / "legmon-link").symlink_to(target)
    old(target)
    sweep()
    assert sorted(p.name for p in temporary.iterdir()) == ["another", "legmon-link", "legmon-without-owner"]
    assert (target / OWNER).exists()


def test_an_error_in_the_block_removes_the_folder(temporary: Path) -> None:
    with pytest.raises(OSError, match="no"), temporary_folder("test"):
        raise OSError("no")
    assert list(temporary.iterdir()) == []


@pytest.mark.radio
def test_simulate_overwrites_only_when_told(tmp_path: Path) -> None:
    scenario = tmp_path / "night.yaml"
    scenario.write_text("duration: 1m\nseed: 1\n")
    made = tmp_path / "made"
    assert run_command("simulate", str(scenario), "-o", str(made)).returncode == 0
    before = (made / "left.csv").read_bytes()
    refused = run_command("simulate", str(scenario), "-o", str(made), "--seed", "2")
    assert refused.returncode == 2
    assert "already has left.csv, truth.json" in refused.stderr
    assert "--yes" in refused.stderr
    assert (made / "left.csv").read_bytes() == before
    assert run_command("simulate", str(scenario), "-o", str(made), "--seed", "2", "--yes").returncode == 0
    assert (made / "left.csv").read_bytes() != before
    shutil.rmtree(made)
