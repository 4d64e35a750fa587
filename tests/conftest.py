"""Processes that the tests run: the program's own, as a person starts them, on real sockets and files."""

from __future__ import annotations

import io
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from hypothesis import settings
from playwright.sync_api import BrowserContext

from legmon.app.running import Report, supervisor
from legmon.cli import main
from legmon.errors import FailedError
from legmon.recorder import presence
from legmon.web import keys
from tests import kinds, skips
from tests.forked import Forked, Started

ROOT = Path(__file__).parents[1]
subprocess.Popen = Forked  # type: ignore[misc]
settings.register_profile("legmon", deadline=None)  # a busy machine is no fault of the program
settings.load_profile("legmon")

CALM_S = 8.0
"""A supervisor that was just started needs this long to report."""
STORM_SEED = 20_261
"""The seed of the storm and of the demo's sleeper, so that the gate is the same each time."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks, and choose the seed once for all workers; `STORM_SEED=random` draws one."""
    for name, meaning in kinds.MARKS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    seed = os.environ.get("STORM_SEED", str(STORM_SEED))
    os.environ["STORM_SEED"] = str(random.SystemRandom().randrange(1 << 20)) if seed == "random" else seed
    config.pluginmanager.register(kinds.Guard(), "legmon-guard")
    config.pluginmanager.register(skips.Skips(), "legmon-skips")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the test with what it starts."""
    kinds.mark(item)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests that start no process first."""
    items[:] = kinds.ordered(items, kinds.workers(config))


def pytest_report_header() -> str:
    """Print the seed at the top of every run."""
    return f"storm seed: {os.environ['STORM_SEED']}"


def run_command(*arguments: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself: the same `main`, in this process, without the seconds that a new one takes."""
    command = ["legmon", *arguments, *(["--data", str(data)] if data else [])]
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv, status = sys.argv, command, 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    finally:
        sys.argv = before
    return subprocess.CompletedProcess(command, status, out.getvalue(), err.getvalue())


def run_program(*arguments: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, until it ends by itself."""
    command = [sys.executable, "-m", "legmon", *arguments, *(["--data", str(data)] if data else [])]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)


FOLDERS: dict[str, Path] = {}
"""The data folder behind each address of pages that a test has started."""


def let_in(address: str, folder: Path | None = None) -> dict[str, str]:
    """The headers of a program that is let in."""
    origin = re.match(r"(?:http|ws)(://[^/]+)", address)
    assert origin, address
    token = keys.bearer_token(folder or FOLDERS[f"http{origin[1]}"])
    return {"Authorization": f"Bearer {token}"}


def entrance(address: str, page: str = "") -> str:
    """An address that lets a browser in, once."""
    return keys.entrance(FOLDERS[address], address, page)


def let_browser_in(context: BrowserContext, address: str) -> None:
    """Let a browser in before it opens its first page."""
    name, _, value = httpx.get(entrance(address)).headers["set-cookie"].partition(";")[0].partition("=")
    context.add_cookies([{"name": name, "value": value, "url": address}])


class asked:  # noqa: N801 (it stands for the module httpx)
    """The functions of httpx, let in."""

    @staticmethod
    def get(url: str) -> httpx.Response:
        return httpx.get(url, headers=let_in(url))

    @staticmethod
    def put(url: str, json: object) -> httpx.Response:
        return httpx.put(url, json=json, headers=let_in(url), timeout=20)

    @staticmethod
    def patch(url: str, json: object) -> httpx.Response:
        return httpx.patch(url, json=json, headers=let_in(url))


@dataclass
class Running:
    """A process with what it said so far."""

    process: subprocess.Popen[str]
    data: Path | None = None
    lines: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def says(self, start: str, within_s: float = 60.0) -> str:
        """Wait for a line that begins like this and return the rest of it."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            for line in list(self.lines):
                if line.startswith(start):
                    said = line[len(start) :].strip()
                    if self.data and (pages := re.search(r"http://127\.0\.0\.1:\d+", said)):
                        FOLDERS[pages[0]] = self.data
                        with suppress(FailedError):  # now, since the disk may be full when it is needed
                            keys.bearer_token(self.data)
                    return said
            if self.process.poll() is not None:
                time.sleep(0.2)
                pytest.fail(f"ended with {self.process.returncode}: {self.lines} {self.errors}")
            time.sleep(0.02)
        pytest.fail(f"did not say {start!r} within {within_s} s: {self.lines} {self.errors}")

    def end(self, within_s: float = 60.0) -> int:
        """Close its standard input, as the death of a parent does, and return the exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(within_s)


def start(*command: str, fresh: bool = False) -> subprocess.Popen[str]:
    """Start Python with these arguments. A program of the project is forked, which takes a fourth of the time, if not `fresh`."""
    return (Started if fresh else subprocess.Popen)(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )


@contextmanager
def started(*command: str, fresh: bool = False) -> Iterator[Running]:
    """Run a command until the block ends. What a `legmon run` found at work goes on; what it started ends too."""
    data = Path(command[command.index("--data") + 1]) if "--data" in command else None
    runs_on = data if "run" in command else None
    if runs_on is not None and supervisor(runs_on):
        runs_on = None
    running = Running(process := start(*command, fresh=fresh), data)

    def stream(pipe: object, into: list[str]) -> None:
        for line in pipe:  # type: ignore[attr-defined]
            into.append(line.rstrip("\n"))  # noqa: PERF401 (lines are looked at as they come)

    readers = [
        threading.Thread(target=stream, args=(process.stdout, running.lines), daemon=True),
        threading.Thread(target=stream, args=(process.stderr, running.errors), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(60)
        for reader in readers:
            reader.join(2)
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        if runs_on is not None:
            end_run(runs_on)


def end_run(data: Path) -> None:
    """Kill what a `legmon run` left on a data folder, where a test did not end it.

    Each of the two starts the other again, so the supervisor is stopped before the recorder is killed. What a recorder has
    started in the meantime shows up later.
    """
    quiet_since, found, killed = time.monotonic(), True, False
    while found:
        report, alone = Report.read(data), presence.recorder(data)
        left = [p for p in (report.process if report else None, alone) if p is not None and p.is_alive()]
        if left:
            quiet_since, killed = time.monotonic(), True
        found = killed and time.monotonic() - quiet_since < CALM_S
        for process in left[:1] if len(left) > 1 and hasattr(signal, "SIGSTOP") else []:
            os.kill(process.pid, signal.SIGSTOP)
        for process in reversed(left):
            process.kill()
        time.sleep(0.05)


def until(condition: Callable[[], object], within_s: float = 60.0, *, what: str = "") -> None:
    """Wait for a condition."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"did not happen within {within_s} s: {what}")
        time.sleep(0.05)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process is started anew, as a person starts it."""
    monkeypatch.setattr(subprocess, "Popen", Started)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a Unix socket (107 bytes), unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="lm"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def air(short_folder: Path) -> Iterator[str]:
    """The virtual air, running; its HCI transport."""
    with started("-m", "firmware_sim", "air", f"unix:{short_folder}/air", "--until-eof") as process:
        process.says("ready")
        yield f"unix-client:{short_folder}/air"


@contextmanager
def sensor(
    air: str, folder: Path, *options: str, scenario: str = "duration: 1h\nseed: 3\n"
) -> Iterator[Running]:
    """A simulated sensor, advertising; its log is ``sent.jsonl`` and its truth ``truth.json`` in the folder."""
    file = folder / "scenario.yaml"
    file.write_text(scenario)
    files = (
        "--scenario",
        str(file),
        "--log",
        str(folder / "sent.jsonl"),
        "--truth",
        str(folder / "truth.json"),
    )
    with started("-m", "firmware_sim", "sensor", air, *files, "--until-eof", *options) as process:
        process.says("advertising")
        yield process
