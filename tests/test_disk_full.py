"""A disk that is full, as a person meets it: the page says so, nothing dies, and the end names what was not closed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from legmon.app.running import Report
from legmon.catalog.clock import Clock
from legmon.catalog.report_file import LAST_RESORT, ReportFile
from legmon.catalog.state import RecorderState
from legmon.catalog.store import Catalog
from legmon.messages import Trouble, trouble
from tests.conftest import asked, run_command, sensor, started, until
from tests.test_backup import record
from tests.test_demo import processes
from tests.test_doctor import mounted
from tests.test_recorder import info, recorded, recorder, stopped_at, want, whole

SMALL = "size=6m,mode=700"


def fill(disk: Path) -> None:
    """Leave no byte free."""
    with (disk / "ballast").open("ab", buffering=0) as ballast:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    ballast.write(bytes(size))
            except OSError:
                continue


def status(pages: str) -> dict[str, Any]:
    """What the page shows."""
    found: dict[str, Any] = asked.get(f"{pages}/api/v1/status").raise_for_status().json()
    return found


def stays_alive(pages: str, seconds: float) -> set[str | None]:
    """Look at the page for a while; return the troubles that it showed."""
    shown, end = set(), time.monotonic() + seconds
    while time.monotonic() < end:
        now = status(pages)
        assert now["recorder_alive"], now
        assert now["recording"], now
        shown.add(now["trouble_code"])
        time.sleep(0.2)
    return shown


def trouble_of(data: Path) -> object:
    """What the recorder reports to keep it from its work."""
    catalog = Catalog(data)
    state = catalog.recorder()
    catalog.close()
    return state and state.trouble


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime folder as a session of the system makes it."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


def test_the_page_says_that_the_disk_is_full_and_when_there_is_room_nothing_is_missing(
    air: str, tmp_path: Path, runtime: Path
) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, SMALL):
        data = disk / "data"
        want(data, record=True)
        with (
            sensor(air, tmp_path, "--speed", "30"),
            started("-m", "legmon.web", "--data", str(data)) as web,
            started(*recorder(data, air)) as process,
        ):
            pages = web.says("ready")
            until(lambda: recorded(data) > 1500)
            fill(disk)
            until(lambda: status(pages)["trouble"], what="the page says it")
            said = status(pages)["trouble"]
            assert said.startswith("The disk is full")
            assert "ree some space" in said
            until(lambda: list(runtime.glob("legmon/*.json")))
            (report,) = runtime.glob("legmon/*.json")
            assert stat.S_IMODE(report.stat().st_mode) == 0o600
            assert stat.S_IMODE(report.parent.stat().st_mode) == 0o700
            assert stays_alive(pages, 5.0) <= {"disk_full", "disk_refuses"}
            settings = f"{pages}/api/v1/settings"
            until(lambda: asked.put(settings, json={"theme": "dark"}).status_code != 200, 60)
            refused = asked.put(settings, json={"theme": "dark"})
            assert (refused.status_code, refused.json()["code"]) == (507, "disk_full")
            stood = recorded(data)
            (disk / "ballast").unlink()
            until(lambda: recorded(data) > stood + 4000)
            until(lambda: status(pages)["trouble"] is None)
            until(lambda: not report.exists(), what="the catalog has the report again")
            want(data, record=False)
            until(lambda: info(data).state == "closed")
            assert process.end() == 0
        _, gaps = whole(data)
        assert not gaps
        assert recorded(data) == stopped_at(tmp_path)


def test_a_recorder_that_is_killed_on_a_full_disk_starts_again_and_loses_nothing(
    air: str, tmp_path: Path, runtime: Path
) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, SMALL):
        data = disk / "data"
        want(data, record=True)
        command = recorder(data, air)
        with (
            sensor(air, tmp_path, "--speed", "30"),
            started("-m", "legmon.web", "--data", str(data)) as web,
        ):
            pages = web.says("ready")
            with started(*command) as first:
                until(lambda: recorded(data) > 1500)
                fill(disk)
                until(lambda: status(pages)["trouble"])
                first.process.kill()
                first.process.wait()
            with started(*command) as second:
                second.says("ready")
                until(lambda: status(pages)["recorder_alive"])
                until(lambda: status(pages)["trouble_code"] == "disk_refuses")
                stood = recorded(data)
                (disk / "ballast").unlink()
                until(lambda: recorded(data) > stood + 3000)
                want(data, record=False)
                until(lambda: info(data).state == "closed")
                assert second.end() == 0
        _, gaps = whole(data)
        assert not gaps
        assert list(runtime.glob("legmon/*")) == []


def test_the_end_on_a_full_disk_names_the_night_that_is_not_closed(
    air: str, tmp_path: Path, runtime: Path
) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, SMALL):
        data = disk / "data"
        command = ("-m", "legmon", "run", "--hci", air, "--data", str(data), "--no-browser", "--port", "0")
        with sensor(air, tmp_path), started(*command) as process:
            until(lambda: recorded(data) > 50)
            fill(disk)
            time.sleep(1.0)
            process.process.send_signal(signal.SIGINT)
            assert process.process.wait(60) == 1
        night = info(data)
        assert night.state == "recording"
        assert not processes(data)
        (said,) = [line for line in process.lines if line.startswith(f"Night {night.id} is not closed: ")]
        assert "free some space on the disk. Its recording is kept." in said
        assert not [line for line in process.lines if line.startswith("Everything is closed")]
        assert not list(runtime.glob("legmon/*.json")), "nothing stays behind"
        (disk / "ballast").unlink()
        want(data, record=False)
        with started(*recorder(data, air)) as later:
            until(lambda: info(data).state == "closed", what="a later start closes it")
            assert later.end() == 0


def test_the_supervisor_prints_why_the_recorder_could_not_close_the_night(
    air: str, tmp_path: Path, runtime: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    with mounted(data / "nights", SMALL):  # the report of the supervisor has room
        command = ("-m", "legmon", "run", "--hci", air, "--data", str(data), "--no-browser", "--port", "0")
        with sensor(air, tmp_path), started(*command) as process:
            until(lambda: recorded(data) > 50)
            fill(data / "nights")
            until(lambda: trouble_of(data), what="the last block of the file is full too")
            process.process.send_signal(signal.SIGINT)
            assert process.process.wait(60) == 1
        (said,) = [
            line for line in process.lines if line.startswith(f"Night {info(data).id} is not closed: ")
        ]
        assert "free some space on the disk. Its recording is kept." in said
        report = Report.read(data)
        assert report is not None
        assert (report.ended, report.said[-1][1]) == (1, said)
        assert not [text for _, text in report.said if "started again" in text]
        assert not processes(data)
    assert not list(runtime.glob("legmon/*.json")), "nothing stays behind"


def test_stop_on_a_full_disk_names_the_night_that_is_not_closed(
    air: str, tmp_path: Path, runtime: Path
) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, SMALL):
        data = disk / "data"
        command = ("-m", "legmon", "run", "--hci", air, "--data", str(data), "--no-browser", "--port", "0")
        with sensor(air, tmp_path), started(*command) as process:
            until(lambda: recorded(data) > 50)
            fill(disk)
            time.sleep(1.0)
            done = run_command("stop", data=data)
            assert process.process.wait(60) == 1
        assert done.returncode == 1
        assert f"Night {info(data).id} is not closed: " in done.stdout
        assert not processes(data)
    assert not list(runtime.glob("legmon/*.json")), "nothing stays behind"


@pytest.mark.parametrize("name", ["demo", "replay"])
def test_a_simulated_night_that_is_not_closed_on_a_full_disk_ends_with_status_1(
    tmp_path: Path, runtime: Path, name: str
) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, SMALL):
        data, scenario = disk / "data", tmp_path / "scenario.yaml"
        scenario.write_text("duration: 1h\nseed: 3\n")
        catalog = Catalog(data)
        record(catalog, "2026-01-01-2300", 10).close(None)  # so the demo records no past nights
        catalog.close()
        words = (
            ("replay", str(scenario), "--into", str(data))
            if name == "replay"
            else ("demo", "--data", str(data))
        )
        with started("-m", "legmon", *words, "--no-browser", "--port", "0", "--speed", "10") as process:
            until(lambda: len(list(data.glob("nights/*"))) == 2 and recorded(data) > 200)
            fill(disk)
            time.sleep(1.0)
            process.process.send_signal(signal.SIGINT)
            assert process.process.wait(60) == 1
        (said,) = [
            line for line in process.lines if line.startswith(f"Night {info(data).id} is not closed: ")
        ]
        assert "Its recording is kept." in said
        assert not [line for line in process.lines if "started again" in line]
        assert not processes(data)
    assert not list(runtime.glob("legmon/*.json")), "nothing stays behind"


def test_the_page_says_that_the_catalog_is_locked_and_recording_goes_on(
    air: str, tmp_path: Path, runtime: Path
) -> None:
    data = tmp_path / "data"
    want(data, record=True)
    with (
        sensor(air, tmp_path, "--speed", "30"),
        started("-m", "legmon.web", "--data", str(data)) as web,
        started(*recorder(data, air)) as process,
    ):
        pages = web.says("ready")
        until(lambda: recorded(data) > 1500)
        other = sqlite3.connect(data / "catalog.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        until(lambda: status(pages)["trouble_code"] == "catalog_locked")
        stood = recorded(data)
        assert stays_alive(pages, 4.0) == {"catalog_locked"}
        assert recorded(data) > stood + 3000
        refused = asked.put(f"{pages}/api/v1/settings", json={"theme": "dark"})
        assert (refused.status_code, refused.json()["code"]) == (503, "catalog_locked")
        other.rollback()
        other.close()
        until(lambda: status(pages)["trouble"] is None)
        assert process.end() == 0
    assert info(data).state == "closed"
    assert list(runtime.glob("legmon/*")) == []


# the file in which the report waits


STATE = RecorderState(5, Clock(), False, "n", [], trouble=trouble(Trouble.DISK_FULL))


def test_the_newer_report_counts_wherever_it_is(tmp_path: Path, runtime: Path) -> None:
    catalog = Catalog(tmp_path / "data")
    assert catalog.recorder() is None
    assert catalog.report_file.write(STATE)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    linked = Catalog(tmp_path / "link")
    assert linked.recorder() == catalog.recorder()
    assert (found := catalog.recorder()) is not None
    assert (found.seen_ns, found.night, found.trouble) == (5, "n", STATE.trouble)
    later = RecorderState(6, Clock(), False, None, [])
    catalog.report(later)
    assert (found := catalog.recorder()) is not None
    assert found.seen_ns == 6
    assert Catalog(tmp_path / "another").recorder() is None
    catalog.report_file.remove()
    assert list(runtime.glob("legmon/*")) == []
    linked.close()
    catalog.close()


def test_without_a_runtime_folder_the_report_goes_to_the_temporary_folder_and_at_last_to_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    temporary, data = tmp_path / "tmp", tmp_path / "data"
    temporary.mkdir()
    data.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    reports = ReportFile(data)
    assert reports.write(STATE)
    (folder,) = temporary.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    reports.remove()
    folder.rmdir()
    folder.write_text("in the way")
    assert reports.write(STATE)
    assert [p.name for p in data.iterdir()] == [LAST_RESORT]
    assert (found := reports.read()) is not None
    assert found.trouble == STATE.trouble
    reports.remove()
    assert list(data.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seen_ns": 5}', '{"later": 1}', "x" * (2 << 20)])
def test_a_file_that_is_no_report_is_none(tmp_path: Path, runtime: Path, text: str) -> None:
    reports = ReportFile(tmp_path)
    reports.write(STATE)
    (file,) = runtime.glob("legmon/*.json")
    file.write_text(text)
    assert reports.read() is None
    file.unlink()
    os.mkfifo(file)
    assert reports.read() is None


@pytest.mark.skipif(os.name != "posix", reason="Windows has no owners")
def test_a_report_of_somebody_else_is_neither_trusted_nor_overwritten(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    data.mkdir()
    elsewhere.mkdir()
    reports = ReportFile(data)
    reports.write(STATE)
    (file,) = runtime.glob("legmon/*.json")
    kept = file.read_text()
    (elsewhere / file.name).write_text(kept)
    file.unlink()
    file.symlink_to(elsewhere / file.name)  # a link in the place of the file
    assert reports.read() is None
    assert reports.write(STATE)
    assert not file.is_symlink(), "the link is replaced, and what it names stays"
    assert (elsewhere / file.name).read_text() == kept
    file.unlink()
    file.parent.rmdir()
    (runtime / "legmon").symlink_to(elsewhere)  # a link in the place of the folder
    assert reports.read() is None
    (runtime / "legmon").unlink()
    reports.write(STATE)
    own = os.getuid()
    # only the superuser can make a file of another user, so this user becomes another one
    monkeypatch.setattr(os, "getuid", lambda: own + 1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    assert reports.read() is None
    before = file.read_text()
    assert reports.write(RecorderState(9, Clock(), False, "n", []))
    assert file.read_text() == before
    reports.remove()
    assert file.exists()
    assert json.loads((data / LAST_RESORT).read_text())["seen_ns"] == 9
