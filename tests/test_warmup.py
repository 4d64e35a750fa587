"""Compiling the detector ahead, saying so once, and recording meanwhile."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from legmon.detection.detector import Detector
from legmon.messages import COMPILING
from legmon.night.leg import analyse
from legmon.recorder import compilation
from legmon.recorder.leg import LegRecorder
from legmon.recording.files import read_segment
from legmon.recording.records import Gap, Samples
from tests.conftest import ROOT, sensor, started, until
from tests.test_leg_recorder import BEGAN, begin, stream
from tests.test_recorder import FIVE_A_MINUTE, close_by_itself, recorded, recorder, records, sent, want

LONG_S = 400.0


def on_terminal(*arguments: str) -> str:
    """Run a command of legmon whose output is a terminal, and return what that shows."""
    ours, its = pty.openpty()
    done = subprocess.Popen([sys.executable, "-m", "legmon", *arguments], stdout=its, stderr=its, cwd=ROOT)
    os.close(its)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert done.wait(60) == 0
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.usefixtures("fresh")  # a forked program has its folder already
@pytest.mark.timeout(LONG_S)
def test_the_detector_is_compiled_once_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    first = on_terminal("warmup").splitlines()
    assert first[0] == COMPILING
    assert "functions were compiled" in first[1]
    assert first[2].startswith(f"It is kept in {tmp_path}")
    again = json.loads(on_terminal("warmup", "--json"))
    assert again["compiled"] == 0
    assert again["folder"].startswith(str(tmp_path))
    code = "from legmon import Detector; d = Detector(100.0, range_g=8.0); d.feed([[0, 0, 1]] * 900); d.pending(); d.finish()"
    code += "; from legmon.detection.jit import compilations; print(compilations())"
    used = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert used.stdout == "[]\n", "nothing is left to compile"


class Slow:
    """A compiler that works until it is told to end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._may_end = threading.Event()
        monkeypatch.setattr(compilation, "_latest", None)
        monkeypatch.setattr(Detector, "compile", self._compile)
        compilation.begin()
        assert compilation.is_under_way()

    def _compile(self) -> int:
        self._may_end.wait()
        return 0

    def end(self) -> None:
        self._may_end.set()
        compilation.finish()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    return Slow(monkeypatch)


def on_disk(path: Path) -> int:
    return sum(len(r.xyz) for r in read_segment(path) if isinstance(r, Samples))


def test_samples_are_written_while_the_detector_is_compiled_and_detected_later(
    tmp_path: Path, slow: Slow
) -> None:
    leg = begin(path := tmp_path / "left.seg")
    stream(leg, 0, 600)
    assert on_disk(path) == leg.samples == 600 * 50
    assert (leg.night.samples, leg.is_behind) == (0, True)
    slow.end()
    stream(leg, 600, 601)
    assert 0 < leg.night.samples < 600 * 50, "it catches up a part at a time, since samples go on coming"
    stream(leg, 601, 604)
    assert (leg.night.samples, leg.is_behind) == (604 * 50, False)
    leg.close(BEGAN + 604 * 10**9)
    assert analyse(read_segment(path)).track() == leg.night.track()


def test_a_recording_goes_on_while_the_detector_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leg = begin(path := tmp_path / "left.seg")
    stream(leg, 0, 60)
    leg.abandon()
    slow = Slow(monkeypatch)
    again: LegRecorder = begin(path)
    assert again.was_resumed
    assert again.samples == 60 * 50
    stream(again, 70, 90, number=2, index_s=0)
    assert on_disk(path) == again.samples == 80 * 50
    assert again.night.samples == 0
    threading.Timer(0.2, slow.end).start()
    again.close(BEGAN + 90 * 10**9)  # waits for it
    assert again.night.samples == 80 * 50
    assert analyse(read_segment(path)).track() == again.night.track()


@pytest.mark.usefixtures("fresh")
@pytest.mark.timeout(LONG_S)
def test_a_recorder_that_must_compile_first_records_every_sample_meanwhile(
    air: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, log = tmp_path / "data", tmp_path / "data" / "logs" / "recorder.log"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "empty"))
    want(data, record=True)
    with (
        sensor(air, tmp_path, "--speed", "8", scenario=FIVE_A_MINUTE),
        started(*recorder(data, air, speed=8), fresh=True) as process,
    ):
        until(lambda: recorded(data) > 200, within_s=LONG_S)
        assert "the detector is ready" not in log.read_text(), "this machine compiles too fast for this test"
        assert COMPILING in log.read_text()
        until(lambda: "the detector is ready" in log.read_text(), within_s=LONG_S)
        more = recorded(data) + 500
        until(lambda: recorded(data) > more, within_s=LONG_S)
        close_by_itself(process, data)
    assert recorded(data) == sent(tmp_path)
    rows = records(data)
    assert not [r for r in rows if isinstance(r, Gap)]
    assert np.diff([r.arrival_ns for r in rows if isinstance(r, Samples)]).max() > 0
