"""Record the same simulated night with every family of sensors, through the link and the recorder of real nights.

``uv run python -m benchmarks.families [--minutes 15] [--speed 30] [--only polar] [--json]``

For each family: movements found, the difference of their count from the reference profile's, and samples lost.
"""

import argparse
import asyncio
import contextlib
import functools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from legmon.detection.detector import LOWEST_HZ, detect
from legmon.link.listener import ConnectedSensor
from legmon.link.radio import pick
from legmon.link.session import Session
from legmon.link.tasks import end_tasks
from legmon.night.track import score_night
from legmon.qualify.trial import Trial
from legmon.recorder.ankle_sensor import AnkleSensor
from legmon.recorder.leg import LegRecorder, segment_meta
from legmon.sensors.registry import registry

ADDRESS = "C4:4C:4D:00:00:01"
STILL_S, MOST_S = 2.0, 6.0  # without a frame: nothing is under way any more; and how long that is waited for
ROOT = Path(__file__).parents[1]
MODELS = (
    "ankle",
    "polar/verity",
    "polar/verity-old",
    "polar/h10",
    "movesense/old-app",
    "movesense/gsp",
    "witmotion/wt901",
    "witmotion/sdcl",
    "metamotion/bmi160",
    "metamotion/bmi160-old",
    "metamotion/bmi270",
    "bangle/app",
    "microbit/board",
    "adafruit/board",
    "thingy52/board",
    "infinitime/board",
)
"""InfiniTime is outside the aim: 10 samples a second, and only those that differ from the one before. Its samples are counted."""

SCENARIO = """
duration: {minutes}m
seed: {seed}
rate_error_percent: 1.7
movements_per_hour: 200
body:
  periodic_share: 0.95
  series: {{interval_s: {{median: 15, sigma: 0.2}}, length: 40}}
"""


@dataclass(frozen=True, slots=True)
class Result:
    """One night of one sensor.

    Parameters
    ----------
    sensor : str
        Family and model.
    rate_hz : float
        Rate asked for.
    movements : int or None
        Leg movements found; None if the sample rate is too low.
    samples, lost : int
        Samples recorded, and samples sent but not recorded.
    gaps : int
        Missing samples that the gaps of the recording name.
    refused : int
        Frames that violated the protocol.
    battery : int or None
        Last battery level, percent.
    """

    sensor: str
    rate_hz: float
    movements: int | None
    samples: int
    lost: int
    gaps: int
    refused: int
    battery: int | None = None


class Recording(AnkleSensor):
    """A listener of the link that records from the first start on."""

    def __init__(self, folder: Path, now_ns: "Clock") -> None:
        super().__init__(now_ns, "left")
        self._folder = folder

    def sensor_started(self, sensor: ConnectedSensor) -> None:
        """Begin the recording with the sensor."""
        first = self.recorder is None
        super().sensor_started(sensor)
        if first:
            segment = self._folder / "left.seg"
            meta = segment_meta("bench", "left", sensor.name, sensor.address, sensor.format, simulated=True)
            self.attach(LegRecorder(segment, meta))


class Clock:
    """A clock that runs faster than real time."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._began = time.monotonic_ns()

    def __call__(self) -> int:
        """Return the time, ns."""
        return 1_790_000_000_000_000_000 + int((time.monotonic_ns() - self._began) * self._speed)


@contextlib.contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a part of the simulation until the block ends."""
    command = [sys.executable, "-m", "firmware_sim", *arguments, "--until-eof"]
    running = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.close()
        running.wait(10)
        running.stdout.close()


def wait_for(running: subprocess.Popen[str], start: str) -> None:
    """Wait for a line that begins with `start`."""
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith(start):
            return
    raise RuntimeError(f"the simulation ended before it printed {start!r}")


def night(
    model: str,
    *,
    minutes: float,
    speed: float,
    seed: int = 11,
    more: str = "",
    extra: tuple[str, ...] = (),
    cut_s: float = 0.0,
) -> Result:
    """Record one night of one model.

    `more` is added to the scenario, `extra` to the sensor's options. After a third of the night the sensor is out of reach for
    `cut_s` seconds of real time.
    """
    detect([[0.0, 0.0, 1.0]], 50.0)  # compiles what the first samples would wait for
    family, _, kind = model.partition("/")
    with tempfile.TemporaryDirectory(prefix="lm") as name:
        folder = Path(name)
        (folder / "night.yaml").write_text(SCENARIO.format(minutes=minutes, seed=seed) + more)
        chosen = ("--family", family, "--model", kind) if kind else ()
        with process("air", f"unix:{folder}/air") as air:
            wait_for(air, "ready")
            place = f"unix-client:{folder}/air"
            files = ("--scenario", str(folder / "night.yaml"), "--log", str(folder / "log"))
            options = (*files, "--speed", str(speed), "--progress", *chosen, *extra)
            with process("sensor", place, *options) as sensor:
                wait_for(sensor, "plays")
                cut = functools.partial(shadow, air, cut_s) if cut_s else None
                return asyncio.run(
                    _record(model, place, folder, sensor, minutes=minutes, speed=speed, cut=cut)
                )


def shadow(air: subprocess.Popen[str], seconds: float) -> None:
    """Put the sensor out of reach."""
    assert air.stdin is not None
    air.stdin.write(f"shadow {ADDRESS} {seconds}\n")
    air.stdin.flush()


async def _settled(count: Callable[[], int]) -> None:
    """Wait until no more samples arrive, but not for ever: the ankle sensor goes on measuring after its night."""
    last, began = -1, time.monotonic()
    since = began
    while time.monotonic() - since < STILL_S and time.monotonic() - began < MOST_S:
        if count() != last:
            last, since = count(), time.monotonic()
        await asyncio.sleep(0.05)


async def _record(
    model: str,
    place: str,
    folder: Path,
    sensor: subprocess.Popen[str],
    *,
    minutes: float,
    speed: float,
    cut: Callable[[], None] | None,
) -> Result:
    now_ns = Clock(speed)
    driver = registry().drivers[model.partition("/")[0]]
    is_fast = max(driver.declares.rates_hz) >= LOWEST_HZ
    recording, trial = Recording(folder, now_ns), Trial()
    listener = recording if is_fast else trial
    session = Session(
        pick(place), now_ns, listener, drivers=(driver,), rate_hz=50, range_g=4, speed=lambda: speed
    )
    task = asyncio.create_task(session.run())
    try:
        async with asyncio.timeout(60 + 2 * minutes * 60 / speed):
            over = asyncio.create_task(asyncio.to_thread(wait_for, sensor, "over"))
            if cut is not None:
                while recording.sensor is None:  # noqa: ASYNC110 (a busy machine takes long to connect)
                    await asyncio.sleep(0.05)
                await asyncio.sleep(minutes * 20 / speed)
                cut()
            await over
        await _settled(
            lambda: len(trial.frames) if recording.recorder is None else recording.recorder.night.samples
        )
    except TimeoutError:
        sensor.kill()  # else the thread that reads from it never ends
        raise
    finally:
        await end_tasks(task, again_s=10.0)
    if trial.sensor is not None:
        samples = trial.frames.samples
        lost = _measured(folder / "log") - samples
        return Result(model, trial.sensor.format.rate_hz, None, samples, lost, 0, trial.card()["refused"])
    recorder = recording.recorder
    assert recorder is not None
    assert recording.sensor is not None
    recorder.close(now_ns())
    rate_hz = recording.sensor.format.rate_hz
    samples, missing = recorder.night.samples, recorder.night.missing
    lost = missing if model == "ankle" else _measured(folder / "log") - samples
    return Result(
        model,
        rate_hz,
        score_night([recorder.night.track()]).indices.movements,
        samples,
        lost,
        missing,
        recorder.refused,
        recording.state().battery_percent,
    )


def _measured(log: Path) -> int:
    """Return how many samples the simulated sensor put into frames, in the longest of its runs."""
    counts = [0]
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        if entry["event"] == "started":
            counts.append(entry["first"])
        counts[-1] += entry.get("count", 0)
    return max(counts)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--speed", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--only", help="one family")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    asked = parser.parse_args()
    reference = night("ankle", minutes=asked.minutes, speed=asked.speed, seed=asked.seed)
    rows = [reference]
    if not asked.json:
        _show(reference, reference)
    for model in MODELS[1:]:
        if asked.only in {None, model.partition("/")[0]}:
            rows.append(night(model, minutes=asked.minutes, speed=asked.speed, seed=asked.seed))
            if not asked.json:
                _show(rows[-1], reference)
    if asked.json:
        table = [asdict(r) | {"count_error": error(r, reference)} for r in rows]
        print(
            json.dumps({"simulated": True, "minutes": asked.minutes, "speed": asked.speed, "sensors": table})
        )


def error(result: Result, reference: Result) -> float | None:
    """Return the relative difference of the count from the reference's; None without a count."""
    if result.movements is None or not reference.movements:
        return None
    return result.movements / reference.movements - 1


def _show(r: Result, reference: Result) -> None:
    off = error(r, reference)
    found = f"   too slow for a night ({LOWEST_HZ:g} Hz)"
    if r.movements is not None and off is not None:
        found = f"{r.movements:>5} movements{100 * off:>+7.1f} %"
    print(
        f"{r.sensor:<20}{r.rate_hz:>7.1f} Hz{found:<26}"
        f"{r.samples:>8} samples{r.lost:>6} lost{r.refused:>4} refused",
        flush=True,
    )


if __name__ == "__main__":
    main()
