"""The logs: bounded, useful, and without anything that names a sensor, a person or what a person wrote."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from legmon import logs
from legmon.app.running import supervisor
from legmon.catalog.database import open_database
from tests.conftest import run_command, sensor, started, until
from tests.test_recorder import info, recorded

ADDRESS = "C4:4C:4D:00:00:01"
NAME = "LegMon-Anna"
TOKEN = "tok3n-4f9a8b7c6d5e"  # noqa: S105
NOTE = "Pramipexol um zehn"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A log of this process; afterwards logging is as it was."""
    root, ours = logging.getLogger(), logging.getLogger("legmon")
    before = (list(root.handlers), root.level, ours.level, logging.raiseExceptions)
    logs.set_up(tmp_path, "test", on_terminal=False)
    yield logs.log_file(tmp_path, "test")
    for handler in set(root.handlers) - set(before[0]):
        handler.close()
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])
    logging.raiseExceptions = before[3]
    logging.captureWarnings(capture=False)


@pytest.mark.parametrize(
    ("said", "secret", "stays"),
    [
        (f"device {ADDRESS} was not found", ADDRESS, "was not found"),
        ("/org/bluez/hci0/dev_C4_4C_4D_00_00_01 is gone", "C4_4C_4D_00_00_01", "is gone"),
        ("lost c4-4c-4d-00-00-01.", "c4-4c-4d-00-00-01", "lost "),
        ("device 3F2504E0-4F89-11D3-9A0C-0305E82C3301 (macOS)", "3F2504E0", "(macOS)"),
        (f'"GET /api/v1/status?token={TOKEN}&x=1 HTTP/1.1" 200', TOKEN, "GET /api/v1/status"),
        (f"Authorization: Bearer {TOKEN}", TOKEN, "Authorization"),
        (f'{{"token": "{TOKEN}"}}', TOKEN, "token"),
        (f"INSERT … [parameters: ('2026', '{NOTE}')]\n(Background on this error", NOTE, "(Background"),
        (f"note: bad [type=x, input_value='{NOTE}', input_type=str]", NOTE, "input_type=str"),
        (f"{Path.home()}/legmon/x cannot be read", str(Path.home()), "~/legmon/x cannot be read"),
    ],
)
def test_what_no_log_may_hold_is_left_out(said: str, secret: str, stays: str) -> None:
    assert secret not in logs.private(said)
    assert stays in logs.private(said)


@pytest.mark.parametrize(
    "said",
    [
        "service 00002a37-0000-1000-8000-00805f9b34fb: battery 87 %",
        "night 2026-11-30-2230 is closed at 12:34:56",
        "left leg: gap of 250 samples from 1000 (link_lost)",
        "the token ring of the tests",
    ],
)
def test_what_helps_to_find_a_fault_stays(said: str) -> None:
    assert logs.private(said) == said


def test_an_error_with_what_a_person_wrote_is_logged_without_it(log: Path, tmp_path: Path) -> None:
    engine = open_database(tmp_path / "x.sqlite")
    try:
        with engine.begin() as c:
            c.execute(text("INSERT INTO nowhere VALUES (:note)"), {"note": NOTE})
    except DBAPIError:
        logging.getLogger("legmon.test").exception("a note cannot be kept")
    engine.dispose()
    logging.getLogger("sqlalchemy.engine").info("INSERT %s", NOTE)
    written = log.read_text()
    assert "a note cannot be kept" in written
    assert "no such table" in written
    assert NOTE not in written


def test_an_entry_and_its_traceback_are_written_without_addresses_and_names(log: Path) -> None:
    logs.hide(NAME, None, "x")
    ours = logging.getLogger("legmon.test")
    ours.info("forgetting the bond with %s", ADDRESS)
    try:
        raise OSError(f"{NAME} at {ADDRESS} refused {TOKEN=}")
    except OSError:
        ours.exception("link")
    written = log.read_text()
    assert "forgetting the bond with [address]" in written
    assert "Traceback" in written
    assert "an exit of x" in logs.private("an exit of x"), "a single letter is no name"
    assert [secret for secret in (ADDRESS, NAME, TOKEN) if secret in written] == []


def test_a_log_is_bounded_and_an_entry_that_repeats_is_written_once(log: Path) -> None:
    ours = logging.getLogger("legmon.test")
    for _ in range(100):
        ours.warning("the catalog cannot be written")
    assert log.read_text().count("cannot be written") == 1
    for n in range(900):
        ours.info("%d %s", n, "x" * 10_000)
    files = list(log.parent.iterdir())
    assert len(files) == 1 + logs.OLDER_FILES
    assert all(f.stat().st_size <= logs.FILE_BYTES for f in files)
    assert "899 xxx" in log.read_text()


def test_what_a_process_prints_is_bounded_too(tmp_path: Path) -> None:
    output = logs.BoundedFile(tmp_path / "logs" / "x-output.log")
    for n in range(3000):
        output.write(f"{n} {ADDRESS} {'x' * 1000}\n")
    output.close()
    files = list((tmp_path / "logs").iterdir())
    assert len(files) == 2
    assert sum(f.stat().st_size for f in files) <= 2 * logs.FILE_BYTES
    assert not any(ADDRESS in f.read_text() for f in files)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = logs.BoundedFile(tmp_path / "x.log")
    output.write("one")
    (tmp_path / "x.log").unlink()
    output.close()
    (tmp_path / "x.log").symlink_to("/dev/full")
    output.write("two")
    (tmp_path / "file").write_text("")
    logs.BoundedFile(tmp_path / "file" / "x.log").write("three")
    assert capsys.readouterr() == ("", "")


def test_the_tail_follows_a_log_into_its_next_file(tmp_path: Path) -> None:
    shown: list[str] = []
    file = logs.log_file(tmp_path, "x")
    file.parent.mkdir()
    file.write_text("old\n")
    with logs.Tail(tmp_path, ("x", "absent"), shown.append):
        with file.open("a") as more:
            more.write("one\ntw")
        until(lambda: shown == ["one"])
        with file.open("a") as more:
            more.write("o\n")
        until(lambda: shown == ["one", "two"])
        file.rename(file.with_suffix(".log.1"))
        file.write_text("new\n")
        until(lambda: shown[-1] == "new")
    assert shown == ["one", "two", "new"]


def test_no_log_of_an_evening_holds_what_is_private(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = (
        "-m",
        "legmon",
        "run",
        "--hci",
        air,
        "--data",
        str(data),
        "--no-browser",
        "--port",
        "0",
        "--verbose",
    )
    with sensor(air, tmp_path, "--name", NAME), started(*command) as client:
        pages = client.says("Your pages are at").split("/?token=")[0]
        until(lambda: recorded(data) > 50)
        night = info(data)
        api = f"{pages}/api/v1"
        for ask, body in (
            (f"{api}/status?token={TOKEN}", None),
            (f"{api}/nowhere?token={TOKEN}&note={NOTE}", None),
            (f"{api}/settings", {"theme": NOTE, "token": TOKEN}),
            (f"{api}/nights/{night.id}/lights", {"off": night.started_ns / 1e9, "note": NOTE}),
            (f"{api}/wanted/sensors/left", {"address": ADDRESS}),
        ):
            headers = {"Authorization": f"Bearer {TOKEN}"}
            httpx.request("PUT" if body else "GET", ask, json=body, headers=headers)
        report = supervisor(data)
        assert report is not None
        os.kill(report.dashboard, 9)
        client.says("The dashboard stopped unexpectedly")
        until(
            lambda: "disconnected" not in "".join(client.errors) and client.errors,
            what="--verbose shows the log",
        )
        assert run_command("stop", data=data).returncode == 0
        assert client.process.wait(60) == 0
    files = {f.name: f.read_text() for f in (data / "logs").iterdir()}
    assert {"supervisor.log", "recorder.log", "dashboard.log"} <= set(files)
    for part in (
        "records",
        "link connecting",
        "connected, ankle, 50 Hz",
        f"night {night.id} begins",
        "is closed",
    ):
        assert part in files["recorder.log"], part
    assert "supervises" in files["supervisor.log"]
    assert "the dashboard stopped unexpectedly" in files["supervisor.log"]
    assert "shows the pages" in files["dashboard.log"]
    shown = "\n".join(client.errors)
    assert "link streaming" in shown
    for secret in (ADDRESS, ADDRESS.replace(":", "_"), NAME, TOKEN, NOTE, *NOTE.split()[:1]):
        assert [
            name for name, held in (files | {"shown": shown}).items() if secret.lower() in held.lower()
        ] == []


def test_a_log_that_cannot_be_written_stops_no_evening(air: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "logs").write_text("not a folder")
    command = ("-m", "legmon", "run", "--hci", air, "--data", str(data), "--no-browser", "--port", "0")
    with sensor(air, tmp_path), started(*command) as client:
        until(lambda: recorded(data) > 50)
        assert run_command("stop", data=data).returncode == 0
        assert client.process.wait(60) == 0
    assert info(data).state == "closed"
