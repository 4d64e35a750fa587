"""One evening of the program: `run`, `demo` and `replay` start its processes, watch them and end them."""

import contextlib
import io
import os
import signal
import socket
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout
from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import OperationalError

from legmon.app.demo_nights import (
    TONIGHT,
    SimulatedNight,
    discard_interrupted,
    next_evening,
    record_past_nights,
)
from legmon.app.folders import quoted
from legmon.app.processes import Child, end_all, python_module
from legmon.app.replay import PlayedStream, ReplayProgress, ReplaySource
from legmon.app.simulator import firmware_sim
from legmon.app.temporary import temporary_folder
from legmon.catalog.clock import Clock, Watch
from legmon.catalog.state import BOTH, Mode
from legmon.catalog.store import Catalog
from legmon.errors import FailedError, LegmonError
from legmon.messages import LEFT_OPEN, NO_BLUETOOTH
from legmon.movement import NS, Leg, Legs

WATCH_S = 0.2
SIMULATED = "[reverse] SIMULATED [/reverse]"


class Evening:
    """The processes of one evening.

    Parameters
    ----------
    folder : Path
        The data folder.
    port : int
        The port of the pages.
    browser : bool
        Whether to open the pages in a browser.
    minutes : float or None
        End after so many minutes; None for Ctrl-C alone.
    """

    def __init__(self, folder: Path, *, port: int, browser: bool, minutes: float | None) -> None:
        os.umask(0o077)  # nights and logs are private to this user
        self._folder = folder.absolute()
        self._port = port
        self._browser = browser
        self._minutes = minutes
        self._out = Console(highlight=False)
        self._recorder: Child | None = None
        self._night: str | None = None
        self._others: list[Child] = []
        self._air_at = ""
        self._folders = contextlib.ExitStack()  # temporary: for the socket of the virtual air

    def demo(self, *, speed: float, seed: int) -> None:
        """Record three past nights, then tonight at `speed` times real time."""
        self._print(f"{SIMULATED} Everything you see comes from a simulated sensor and a simulated sleeper.")
        catalog = self._open(simulated=True)
        with self._ending():
            web = self._web()
            air = self._start_air()
            with self._lock():
                discard_interrupted(catalog)
                if listed := catalog.nights():
                    self._print(f"The folder already holds {len(listed)} simulated nights.")
                else:
                    record_past_nights(catalog, seed, self._out)
                    self._print("Three past simulated nights are recorded.")
            night_seed = seed * 1000 + len(catalog.nights())
            start_ns = TONIGHT.start_ns(next_evening(catalog))
            clock = Clock(start_ns, time.time_ns(), speed)
            _, hci = self._simulated_sensor(air, self._asleep(TONIGHT, night_seed), speed)
            self._record(catalog, hci, clock, simulated=True, leg=None)
            self._print(f"Recording tonight over simulated Bluetooth, {speed:g} times as fast as real time.")
            self._show_pages(web, "/#/live")
            end_ns = start_ns + round(TONIGHT.hours * 3600 * NS)
            self._watch(catalog, lambda: clock.now_ns() > end_ns)

    def replay(self, source: ReplaySource, *, speed: float) -> None:
        """Record what a simulated sensor plays, at `speed` times real time."""
        self._print(f"{SIMULATED} A simulated sensor plays {escape(source.name)}.")
        catalog = self._open(simulated=True)
        with self._ending():
            web = self._web()
            output = self._folder / "simulated" / f"replay-{len(catalog.nights()) + 1}"
            sensor, hci = self._simulated_sensor(self._start_air(), source.sensor_options(output), speed)
            stream = PlayedStream.parse(sensor.ready("plays"))
            clock = Clock(TONIGHT.start_ns(next_evening(catalog)), time.time_ns(), speed)
            self._record(catalog, hci, clock, simulated=True, leg=None, rate_hz=stream.rate_hz)
            self._print(stream.sentence(speed))
            self._show_pages(web, "/#/live")
            progress = ReplayProgress(catalog, clock, stream, self._print, lambda: sensor.printed("over"))
            self._watch(catalog, progress.is_over)

    def run(
        self, *, leg: Legs | None, simulate: bool, hci: str | None = None, sensor: str | None = None
    ) -> None:
        """Record tonight in real time. The night begins with Start on the pages, or at once where no browser shows them."""
        if not simulate:
            _check_bluetooth(hci)
        catalog = self._open(simulated=simulate)
        with self._ending():
            web = self._web()
            clock = Clock()
            if simulate:
                self._print(f"{SIMULATED} The sensor and the sleeper are simulated.")
                air, seed = self._start_air(), time.time_ns() % 100_000
                for ankle in BOTH if leg == "both" else (leg or "left",):
                    _, hci = self._simulated_sensor(air, self._asleep(TONIGHT, seed, ankle), 1.0)
            at_once = not self._browser or will_resume(catalog, clock)
            mode: Mode = "record" if at_once else "check"
            self._record(catalog, hci, clock, simulated=simulate, leg=leg, mode=mode, sensor=sensor)
            if at_once:
                self._print("Looking for the sensor; the night begins with its first samples.")
            else:
                self._print(
                    "Looking for the sensor; the night begins with [bold]Start[/bold] on the page Tonight."
                )
            if not self._show_pages(web) and not at_once:
                catalog.want("record", leg)
                self._print("No browser could be opened, so the night begins now.")
            self._watch(catalog, None)

    def _print(self, text: str) -> None:
        """Print a sentence, where the terminal is still open: a closed terminal is no reason to end a night."""
        try:
            self._out.print(text, soft_wrap=True)
        except OSError:
            self._out = Console(file=io.StringIO())

    def _open(self, *, simulated: bool) -> Catalog:
        """Open the data folder, if no other program records into it and its nights are of the same kind."""
        catalog = Catalog(self._folder)
        if any(n.simulated != simulated for n in catalog.nights()):
            kind, other = ("your own", "simulated") if simulated else ("simulated", "your own")
            raise LegmonError(
                f"{self._folder} holds {kind} nights, and {other} nights are kept apart from them;"
                " name another folder with --data"
            )
        with self._lock():
            self._print(f"The data folder is {self._folder}.")
        self._port = _free_port(self._port)
        return catalog

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            with FileLock(self._folder / "recorder.lock", timeout=0):
                yield
        except Timeout:
            raise LegmonError(
                f"another legmon is recording into {self._folder}; end it first, or name another folder with --data"
            ) from None

    def _log(self, name: str) -> Path:
        return self._folder / "logs" / f"{name}.log"

    def _web(self) -> Child:
        command = python_module("legmon.web", "--data", str(self._folder), "--port", str(self._port))
        child = Child("dashboard", command, self._log("dashboard"))
        self._others.append(child)
        return child

    def _start_air(self) -> Child:
        if sys.platform == "win32":
            spec = "tcp:127.0.0.1:0"
        else:
            spec = f"unix:{self._folders.enter_context(temporary_folder('air'))}/air"
        child = Child("virtual air", [*firmware_sim(), "air", spec, "--until-eof"], self._log("air"))
        self._others.append(child)
        return child

    def _asleep(self, night: SimulatedNight, seed: int, leg: Leg = "left") -> list[str]:
        """Write a night's scenario. Return the options with which a simulated sensor plays it."""
        folder = self._folder / "simulated"
        folder.mkdir(exist_ok=True)
        name = f"{seed}-right" if leg == "right" else f"{seed}"
        scenario = folder / f"{name}.yaml"
        scenario.write_text(night.scenario("tonight", seed, leg), encoding="utf-8")
        log, truth = folder / f"{name}.sent.jsonl", folder / f"{name}.truth.json"
        log.unlink(missing_ok=True)  # left by an evening that was interrupted: the new sensor has no past
        return ["--scenario", str(scenario), "--log", str(log), "--resume", "--truth", str(truth)]

    def _simulated_sensor(self, air: Child, options: list[str], speed: float) -> tuple[Child, str]:
        """Start a sensor on the virtual air. Return it, and the transport through which the recorder reaches it."""
        spec = self._air_at = self._air_at or air.ready("ready")
        scheme, _, rest = spec.partition(":")
        hci = f"{scheme}-client:{rest}"
        command = [*firmware_sim(), "sensor", hci, *options, "--speed", str(speed), "--until-eof"]
        sensor = Child("simulated sensor", command, self._log("sensor"))
        self._others.append(sensor)
        name = sensor.ready("advertising")
        self._print(f"A simulated ankle sensor is advertising: {name}.")
        return sensor, hci

    def _record(
        self,
        catalog: Catalog,
        hci: str | None,
        clock: Clock,
        *,
        simulated: bool,
        leg: Legs | None,
        rate_hz: int | None = None,
        mode: Mode = "record",
        sensor: str | None = None,
    ) -> None:
        """Start the recorder and wait until it is ready."""
        catalog.want(mode, leg)
        command = python_module("legmon.recorder", "--data", str(self._folder))
        command += ["--clock", str(clock.night_ns), str(clock.wall_ns), str(clock.speed)]
        command += ["--hci", hci] if hci else []
        command += ["--simulated"] if simulated else []
        command += ["--rate", str(rate_hz)] if rate_hz else []
        command += ["--sensor", sensor] if sensor else []
        self._recorder = Child("recorder", command, self._log("recorder"))
        self._recorder.ready("ready")

    def _show_pages(self, web: Child, page: str = "") -> bool:
        """Print where the pages are, and open them where that is wanted. Return whether a browser opened them."""
        address = web.ready("ready")
        self._print(f"Your pages are at [bold]{address}[/bold] (this computer only). Ctrl-C ends everything.")
        return self._browser and webbrowser.open(address + page)

    def _watch(self, catalog: Catalog, is_over: Callable[[], bool] | None) -> None:
        """Keep everything running until the time is up or Ctrl-C. `is_over` is when the simulated night has ended."""
        until = time.monotonic() + self._minutes * 60 if self._minutes else None
        while until is None or time.monotonic() < until:
            for child in [*self._others, *([self._recorder] if self._recorder else [])]:
                if child.revive(for_ever=child is not self._recorder):
                    self._print(f"The {child.name} stopped unexpectedly and was started again.")
            with contextlib.suppress(OperationalError):  # the catalog is busy; the night goes on
                state = catalog.recorder()
                self._night = (state.night if state else None) or self._night
            if is_over is not None and is_over():
                is_over = None
                catalog.want("off")
                self._print("The simulated night is over and closed. The pages stay; Ctrl-C ends.")
            time.sleep(WATCH_S)

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        """End everything that was started, however the block ends."""

        def interrupt(_: int, __: FrameType | None) -> None:
            for s in before:
                signal.signal(
                    s, signal.SIG_IGN
                )  # once is enough: nothing may interrupt the closing of the night
            raise KeyboardInterrupt

        before = {s: signal.signal(s, interrupt) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            with contextlib.suppress(KeyboardInterrupt):
                yield
        finally:
            in_order = end_all(self._recorder, self._others, self._print_waiting)
            self._folders.close()
            for s, handler in before.items():
                signal.signal(s, handler)
        if self._recorder is not None and (left := self._recorder.last_words("open ")):
            raise FailedError(f"{' '.join(left)} {LEFT_OPEN}")
        if in_order:
            score = f"legmon score {self._night} --data {quoted(self._folder)}"
            self._print(
                "Everything is closed." + (f" To score the night again: {score}" if self._night else "")
            )
        else:
            raise FailedError(
                "the recorder did not end in order."
                + (f" Its night is open. {LEFT_OPEN}" if self._night else "")
            )

    def _print_waiting(self) -> None:
        what = (
            "Closing the night and fetching the last samples from the sensor"
            if self._night
            else "Disconnecting from the sensor"
        )
        self._print(f"{what}. This may take up to 20 seconds.")


def will_resume(catalog: Catalog, clock: Clock) -> bool:
    """Whether a recorder that starts now continues a night that was interrupted."""
    from legmon.recorder import ending

    nights = [n for n in catalog.nights() if n.state == "recording" and n.legs]
    if not nights:
        return False
    now_ns = Watch(clock, catalog.folder / "clock.json", anew=False).now_ns()
    return any(ending.goes_on(catalog, n, now_ns) for n in nights)


def _free_port(port: int) -> int:
    """Return a port that the pages can use: the given one, or any free one for 0.

    Raises
    ------
    LegmonError
        If another program uses it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as e:
            raise LegmonError(
                f"port {port} cannot be used ({e.strerror}); end the other program, or choose another port with --port"
            ) from e
        return int(probe.getsockname()[1])


def _check_bluetooth(hci: str | None) -> None:
    """Check the operating system's Bluetooth, or a controller of its own.

    Raises
    ------
    LegmonError
        If it cannot be used.
    """
    from legmon.nights.machine import try_radio

    check = try_radio(hci)
    if check.level == "stop":
        failure = check.words["radio"]
        raise LegmonError(f"{failure}; run `legmon doctor --hci {hci}` for details" if hci else NO_BLUETOOTH)
