"""``python -m legmon.app.demo_recording``, which ``legmon demo`` starts: it simulates past nights and records them.

Each night is recorded in a data folder of its own, by the same writer, detector, scorer and catalog as a night over the air.
Then it is moved to the demo's folder as a whole, while tonight is recorded there. It prints `step NUMBER STEP`, `share NUMBER
SHARE` and `night NUMBER ID`, and ends with its standard input.
"""

import argparse
import importlib
import json
import os
import shutil
import sys
import tempfile
import threading
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock

from legmon.app.demo_nights import PAST, STAGING, SimulatedNight
from legmon.app.simulator import run_simulator
from legmon.catalog.zone import night_name
from legmon.errors import LegmonError
from legmon.movement import NS, Leg
from legmon.terminal import say
from legmon.web.demo_state import DemoStep

if TYPE_CHECKING:
    from legmon.catalog.store import Catalog
    from legmon.nights.check import DoneStep

NICE: Final = 10
COMPILING: Final = "compiling.lock"
BEGUN: Final = 0.02
SIMULATED: Final = 0.4
READY: Final = 0.5
"""Which share of the work is done when it has begun, when the night is simulated, and when the detector is ready."""
CHECK_BEFORE_S: Final = 6 * 60
_CHECK: Final = """scenario: 1
name: fit check
duration: 100s
seed: {seed}
leg: {leg}
movements_per_hour: 180
body: {{periodic_share: 1, invisible_share: 0, large_per_hour: 0, posture_per_hour: 0, clonic_share: 0, thin: 1,
  peak_mg: {{median: 85, sigma: 0.15}}, duration_s: {{median: 1, sigma: 0}},
  series: {{interval_s: {{median: 4.5, sigma: 0}}, length: 5}}}}
"""
"""Five toe-ups, with a still leg before or after them."""
TOES_S, STILL_S, LEAST_STILL_S = 4.0, 15.0, 8.0
CUE_BEFORE_S: Final = 0.3


class PastNight:
    """One past night of the demo.

    Parameters
    ----------
    folder : Path
        The demo's data folder.
    number : int
        Its place in `PAST`.
    seed : int
        Chooses the simulated sleeper.
    tonight : date
        The evening from which the days are counted.
    """

    def __init__(self, folder: Path, number: int, seed: int, tonight: date) -> None:
        self._folder = folder
        self._number = number
        self._night: SimulatedNight = PAST[number]
        self._seed = seed * 1000 + 900 + number
        self._start_ns = self._night.past_ns(tonight)
        self._staging = Path()
        self._shares = [0.0] * len(self._night.legs)

    def record(self) -> str:
        """Record it, and move it to the demo's folder. Return its id."""
        self._begin("simulating")
        self._show(BEGUN)
        self._staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=self._folder / "simulated"))
        ready = threading.Thread(target=_make_ready, args=(self._folder / "simulated" / COMPILING,))
        ready.start()
        try:
            captures = [self._simulate(leg) for leg in self._night.legs]
            self._begin("compiling")
            ready.join()
            self._show(READY)
            self._begin("recording")
            return self._left_behind() or self._record(captures)
        finally:
            ready.join()
            shutil.rmtree(self._staging, ignore_errors=True)

    def _left_behind(self) -> str:
        """Add the night if its recording is there: a demo was killed while it moved it. Return its id, "" if it is not."""
        from legmon.catalog.rescan import rescan
        from legmon.catalog.store import Catalog

        name, main = night_name(self._start_ns), Catalog(self._folder)
        try:
            if name not in main.unknown_recordings():
                return ""
            rescan(main, [name])
            return name
        finally:
            main.close()

    def _record(self, files: list[Path]) -> str:
        from legmon.catalog.moving import move_night
        from legmon.catalog.store import Catalog
        from legmon.exchange.capture import read_capture, record_capture

        catalog = Catalog(self._staging / "data")
        try:
            if self._night.is_checked:
                for leg in self._night.legs:
                    self._check(catalog, leg)
            night = record_capture(
                catalog,
                [read_capture(file) for file in files],
                self._start_ns,
                lambda share: self._show(READY + (1 - READY) * share),
            )
            for file in files:
                truth = "truth.json" if file is files[0] else f"truth-{file.stem}.json"
                shutil.move(file.with_suffix(".truth.json"), catalog.segment(night, "left").with_name(truth))
            self._say(catalog, night)
            main = Catalog(self._folder)
            try:
                move_night(catalog, night, main)
            finally:
                main.close()
            return night
        finally:
            catalog.close()

    def _simulate(self, leg: Leg) -> Path:
        scenario, capture = self._staging / f"{leg}.yaml", self._staging / f"{leg}.capture"
        text = self._night.scenario(f"past-{self._number + 1}", self._seed, leg)
        scenario.write_text(text, encoding="utf-8")
        at = self._night.legs.index(leg)

        def progress(share: float) -> None:
            self._shares[at] = share
            self._show(BEGUN + (SIMULATED - BEGUN) * sum(self._shares) / len(self._shares))

        run_simulator(["capture", str(scenario), "-o", str(capture)], progress)
        return capture

    def _begin(self, step: DemoStep) -> None:
        say(f"step {self._number} {step}")

    def _show(self, share: float) -> None:
        say(f"share {self._number} {share:.3f}")

    # what the person did

    def _say(self, catalog: "Catalog", night: str) -> None:
        """Set lights off and on, and mark the last movements."""
        from legmon.catalog.annotations import Annotations
        from legmon.night.marks import Mark

        annotations, info = Annotations(catalog), catalog.night(night)
        end_ns = info.started_ns + info.duration_ns
        if self._night.lights is not None:
            after, before = self._night.lights
            times = info.started_ns + after * 60 * NS, end_ns - before * 60 * NS
            annotations.set_lights(night, times, end_ns)
        marks = []
        for track in catalog.tracks(night):
            legs = [m for m in track.movements if m.kind == "leg"]
            last = legs[len(legs) - self._night.voluntary :]
            stretches = [(m.first or 0, m.end or 0) for m in last]
            time = track.time
            marks += [Mark(track.leg, time.utc(first), time.utc(end), end_ns) for first, end in stretches]
        if marks:
            annotations.add_marks(night, marks)

    def _check(self, catalog: "Catalog", leg: Leg) -> None:
        """Record a fit check before the night, and evaluate it."""
        from legmon.catalog.annotations import Annotations
        from legmon.exchange.capture import read_capture
        from legmon.nights.check import fit_check
        from legmon.recorder.leg import LegRecorder, segment_meta

        scenario, file = self._staging / f"check-{leg}.yaml", self._staging / f"check-{leg}.capture"
        scenario.write_text(_CHECK.format(seed=self._seed, leg=leg), encoding="utf-8")
        run_simulator(["capture", str(scenario), "-o", str(file)])
        capture, began_ns = read_capture(file), self._start_ns - CHECK_BEFORE_S * NS
        path = catalog.check_segment(leg)
        path.parent.mkdir(exist_ok=True)
        recorder = LegRecorder(
            path, segment_meta("check", leg, capture.sensor, "", capture.format, simulated=True)
        )
        at_ns, first_us = began_ns, capture.notifications[0][0]
        for at_us, frame in capture.frames():
            at_ns = began_ns + (at_us - first_us) * 1000
            recorder.frame(frame, at_ns)
        recorder.close(at_ns)
        begins_ns = recorder.night.track().time.utc(0)
        truth = json.loads(file.with_suffix(".truth.json").read_text(encoding="utf-8"))
        steps = check_steps(truth, begins_ns)
        if steps:
            fit_check(catalog, Annotations(catalog), leg, steps)


def check_steps(truth: dict[str, Any], begins_ns: int) -> "list[DoneStep]":
    """Return the steps of a simulated fit check: lying still, and a cue before each toe-up; none if the leg is never still.

    Parameters
    ----------
    truth : dict
        Content of the truth file.
    begins_ns : int
        When sample 0 was taken, ns UTC.
    """
    from legmon.nights.check import DoneStep

    ups = [m for m in truth["movements"] if m["kind"] == "leg"]
    if not ups:
        return []
    before, after = ups[0]["onset_s"], truth["duration_s"] - ups[-1]["offset_s"]
    if max(before, after) < LEAST_STILL_S + 2.0:
        return []
    begin = 1.0 if before >= after else ups[-1]["offset_s"] + 1.0
    still = begin, begin + min(max(before, after) - 2.0, STILL_S)
    cues = [m["onset_s"] - CUE_BEFORE_S for m in ups]

    def ns(at_s: float) -> int:
        return begins_ns + round(at_s * NS)

    toes = DoneStep("toes", ns(cues[0] - 1.0), ns(cues[-1] + TOES_S), tuple(map(ns, cues)))
    return [DoneStep("still", ns(still[0]), ns(still[1])), toes]


def _make_ready(lock: Path) -> None:
    """Import what records a night, and compile the detector, while the night is simulated in a process of its own.

    Of several processes one compiles, and the others read what it has compiled.
    """
    from legmon.detection.detector import detect
    from legmon.limits import RATE_HZ

    importlib.import_module("legmon.exchange.capture")
    with FileLock(lock):
        detect([[0.0, 0.0, 1.0]] * 3000, RATE_HZ)


def _end_with_input() -> None:
    """End this process when whoever started it is gone."""
    with suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    os._exit(1)


def main() -> int:
    """Record past nights, in the order in which they are named. Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m legmon.app.demo_recording", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--tonight", type=date.fromisoformat, required=True)
    parser.add_argument("--behind", action="store_true", help="give way to whatever else runs")
    parser.add_argument("nights", type=int, nargs="+")
    args = parser.parse_args()
    os.umask(0o077)  # nights are private to this user
    if args.behind and hasattr(os, "nice"):
        os.nice(NICE)
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        for number in args.nights:
            night = PastNight(args.data, number, args.seed, args.tonight).record()
            say(f"night {number} {night}")
    except LegmonError as e:
        say(str(e), file=sys.stderr)
        return e.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
