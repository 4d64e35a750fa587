"""The processes of a night under test, and what can be seen of the night from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from legmon.catalog.state import SensorState
from legmon.catalog.store import Catalog
from legmon.recording.files import holds_recording
from legmon.recording.records import Gap, Note, Samples, Stream
from legmon.recording.segment import SegmentTail

ROOT = Path(__file__).parents[2]
ADDRESS = "C4:4C:4D:00:00:01"
START_S = 60.0


class StormError(Exception):
    """The storm cannot go on, or a fault had no effect; says which."""


class Process:
    """A process that is killed and started again."""

    def __init__(self, name: str, command: list[str], ready: str, folder: Path) -> None:
        self.name = name
        self._command = command
        self._ready = ready
        self._log = folder / f"{name}.log"
        self.start()

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        self.expected = True
        self._log.parent.mkdir(exist_ok=True)
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self._command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env={**os.environ, "STORM_CONTROL": str(self._log.parent / "control.json")},
                start_new_session=True,
            )
        lines: list[str] = []
        started = threading.Event()

        def read(pipe: object) -> None:
            for line in pipe:  # type: ignore[attr-defined]
                lines.append(line)
                if line.startswith(self._ready):
                    started.set()
            started.set()

        threading.Thread(target=read, args=(self.process.stdout,), daemon=True).start()
        if not started.wait(START_S) or not any(line.startswith(self._ready) for line in lines):
            raise StormError(f"the {self.name} did not start: {lines}, see {self._log}")

    @property
    def is_running(self) -> bool:
        """Whether it lives."""
        return self.process.poll() is None

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """Kill it, as a crash does."""
        self.process.kill()
        self.process.wait()

    def end(self, within_s: float = 60.0) -> None:
        """Close its standard input and wait."""
        if self.is_running:
            assert self.process.stdin is not None
            self.process.stdin.close()
            try:
                self.process.wait(within_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)


class World:
    """Air, sensor, recorder and dashboard of one night, and the night as its segment shows it.

    Parameters
    ----------
    scenario : str
        The sleeper.
    speed : float
        Seconds of night per wall second.
    buffer : int
        Samples the sensor keeps.
    """

    def __init__(self, scenario: str, *, speed: float, buffer: int) -> None:
        self.speed = speed
        self.folder = Path(tempfile.mkdtemp(prefix="storm"))
        self.data = self.folder / "data"
        self.data.mkdir()
        self.is_mounted = _mount(self.data)
        self.log = self.folder / "sent.jsonl"
        file = self.folder / "scenario.yaml"
        file.write_text(scenario)
        self.scenario = file
        self.catalog = Catalog(self.data)
        self.catalog.want("record")
        self.live = self.late = self.gaps = self.streams = 0
        self.downs: list[str] = []
        self._tail: SegmentTail | None = None
        air = f"unix-client:{self.folder}/air"
        now = str(time.time_ns())
        self.air = Process(
            "air",
            ["-m", "firmware_sim", "air", f"unix:{self.folder}/air", "--until-eof"],
            "ready",
            self.folder,
        )
        sensor = ["-m", "firmware_sim", "sensor", air, "--scenario", str(file), "--speed", str(speed)]
        sensor += ["--log", str(self.log), "--resume", "--buffer", str(buffer), "--until-eof"]
        self.sensor = Process("sensor", sensor, "advertising", self.folder)
        recorder = ["-m", "tests.storm.recorder", "--data", str(self.data), "--hci", air, "--simulated"]
        recorder += ["--clock", now, now, str(speed)]
        self.recorder = Process("recorder", recorder, "ready", self.folder)
        dashboard = ["-m", "legmon.web", "--data", str(self.data), "--port", "0"]
        self.dashboard = Process("dashboard", dashboard, "ready", self.folder)
        self.processes = [self.dashboard, self.recorder, self.sensor, self.air]

    def close(self, *, keep: bool = False) -> None:
        """End everything and remove the folder."""
        for process in self.processes:
            process.end()
        self.catalog.close()
        if self.is_mounted:
            subprocess.run(["umount", str(self.data)], check=False)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def last_words(self) -> str:
        """Return the last lines of the logs of the recorder, the sensor and the air."""
        logs = ((name, self.folder / f"{name}.log") for name in ("recorder", "sensor", "air"))
        return "\n".join(f"== {name}\n" + "\n".join(log.read_text().splitlines()[-40:]) for name, log in logs)

    def tracebacks(self) -> int:
        """Return how many unexpected errors the recorder logged."""
        return (self.folder / "recorder.log").read_text().count("Traceback (most recent call last)")

    @property
    def segment(self) -> Path | None:
        """The night's recording, by the name of its first file."""
        folders = sorted(f for f in self.data.glob("nights/*") if holds_recording(f))
        return folders[0] / "left.seg" if folders else None

    def look(self) -> None:
        """Read what was recorded since."""
        if self._tail is None and (path := self.segment) is not None:
            self._tail = SegmentTail(path)
        for r in self._tail.read() if self._tail else ():
            if isinstance(r, Samples):
                self.live, self.late = self.live + bool(r.arrival_ns), self.late + (not r.arrival_ns)
            elif isinstance(r, Gap):
                self.gaps += 1
            elif isinstance(r, Stream):
                self.streams += 1
            elif isinstance(r, Note) and r.what == "disconnected":
                self.downs.append(r.value)

    def wait(self, condition: Callable[[], object], within_s: float, what: str) -> float:
        """Look until something is so; returns how long that took.

        Raises
        ------
        StormError
            If it is not in time.
        """
        began = time.monotonic()
        while True:
            self.look()
            if condition():
                return time.monotonic() - began
            if time.monotonic() - began > within_s:
                raise StormError(f"{what}: did not happen within {within_s:.0f} s")
            for process in self.processes:
                if process.expected and not process.is_running:
                    raise StormError(f"the {process.name} ended by itself ({process.process.returncode})")
            time.sleep(0.01)

    def flows(self, within_s: float = 40.0) -> float:
        """Wait for the next live samples."""
        self.look()
        before = self.live
        return self.wait(lambda: self.live > before + 1, within_s, "new samples")

    def state(self) -> SensorState | None:
        """Return the sensor's state as the recorder last wrote it."""
        state = self.catalog.recorder()
        return state.sensors[0] if state and state.sensors else None

    def seen_ns(self) -> int:
        """Return when the recorder last wrote its state, by its own wall clock."""
        state = self.catalog.recorder()
        return state.seen_ns if state else 0

    def control(self, **wanted: float) -> None:
        """Set the recorder's clock, or slow its disk."""
        file = self.folder / "control.json"
        there = json.loads(file.read_text()) if file.exists() else {}
        new = self.folder / "control.new"
        new.write_text(json.dumps(there | wanted))
        new.replace(file)


def _mount(folder: Path) -> bool:
    """Put a small disk of its own there, so that it can be filled; False where this user may not."""
    mount = shutil.which("mount")
    if mount is None:
        return False
    command = [mount, "-t", "tmpfs", "-o", "size=120m", "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
