"""The demo's nights: their scenarios, and the past nights that are recorded before the demo begins."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import Progress

from legmon.app.simulator import run_simulator
from legmon.app.temporary import temporary_folder
from legmon.catalog.store import Catalog
from legmon.catalog.zone import local_zone
from legmon.movement import NS, Leg


@dataclass(frozen=True, slots=True)
class SimulatedNight:
    """One night of the demo: when it begins, how long it lasts, and how many movements an hour has."""

    at: time_of_day
    hours: float
    movements_per_hour: int

    def scenario(self, name: str, seed: int, leg: Leg = "left") -> str:
        """Return the scenario as YAML. Both legs move together; each sensor has a rate error of its own."""
        error = 1.2 if leg == "left" else -1.1
        return (
            f"scenario: 1\nname: {name}\nduration: {round(self.hours * 60)}m\nseed: {seed}\n"
            f"rate_hz: 50\nrate_error_percent: {error}\nleg: {leg}\nmovements_per_hour: {self.movements_per_hour}\n"
        )

    def start_ns(self, evening: date) -> int:
        """Return when it begins on an evening, by this machine's clock, ns UTC."""
        name, _ = local_zone(time.time_ns())
        return round(datetime.combine(evening, self.at, ZoneInfo(name)).timestamp()) * NS


PAST = (
    SimulatedNight(time_of_day(22, 52), 7.6, 34),
    SimulatedNight(time_of_day(23, 25), 6.9, 14),
    SimulatedNight(time_of_day(22, 38), 7.9, 48),
)
TONIGHT = SimulatedNight(time_of_day(22, 45), 8.0, 40)


def next_evening(catalog: Catalog) -> date:
    """Return the evening after the newest night, or today if there is no night."""
    nights = catalog.nights()
    if not nights:
        return datetime.now(UTC).astimezone().date()
    began = datetime.fromtimestamp(nights[0].started_ns / NS, UTC)
    return (began + timedelta(seconds=nights[0].utc_offset_s, hours=-12)).date() + timedelta(days=1)


def discard_interrupted(catalog: Catalog) -> None:
    """Delete the past nights, to be recorded again, if the recording of one was interrupted or one is missing."""
    past = catalog.captures()
    interrupted = any(n.state == "recording" for n in past)
    if interrupted or (past and len(past) < len(PAST)):
        for night in past:
            catalog.discard(night.id)


def record_past_nights(catalog: Catalog, seed: int, console: Console) -> None:
    """Simulate the past nights and record them: sleeper, sensor frames, segment, detector, scorer, catalog.

    Parameters
    ----------
    catalog : Catalog
        The catalog of a folder without nights, into which no other program records.
    seed : int
        Chooses the simulated sleeper.
    console : Console
        Shows the progress bar.
    """
    from legmon.exchange.capture import read_capture, record_capture

    tonight = next_evening(catalog)
    simulators: list[subprocess.Popen[str]] = []
    with (
        temporary_folder("past") as folder,
        Progress(console=console, transient=True) as bar,
        ThreadPoolExecutor(len(PAST)) as pool,
        _killed_on_error(simulators),
    ):
        task = bar.add_task("Recording three past nights", total=2 * len(PAST))

        def simulate(number: int) -> Path:
            scenario, capture = folder / f"{number}.yaml", folder / f"{number}.capture"
            text = PAST[number].scenario(f"past-{number + 1}", seed * 1000 + 900 + number)
            scenario.write_text(text, encoding="utf-8")
            arguments = ["capture", str(scenario), "-o", str(capture)]
            run_simulator(arguments, _advancing(bar, task), simulators.append)
            return capture

        captures = [pool.submit(simulate, n) for n in range(len(PAST))]
        for number, (past, future) in enumerate(zip(PAST, captures, strict=True)):
            capture = future.result()
            start_ns = past.start_ns(tonight - timedelta(days=len(PAST) - number))
            night = record_capture(catalog, read_capture(capture), start_ns, _advancing(bar, task))
            # The temporary folder may be on another file system, where a rename is not possible.
            shutil.move(
                capture.with_suffix(".truth.json"), catalog.segment(night, "left").with_name("truth.json")
            )


def _advancing(bar: Progress, task: object) -> Callable[[float], None]:
    """Return a callback that turns the shares of one step into steps of the bar."""
    done = 0.0

    def advance(share: float) -> None:
        nonlocal done
        bar.advance(task, share - done)  # type: ignore[arg-type]
        done = share

    return advance


@contextlib.contextmanager
def _killed_on_error(processes: list[subprocess.Popen[str]]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for process in processes:
            process.kill()
        raise
