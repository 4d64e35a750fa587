"""One evening of the program: its processes are started, watched and ended in order. `demo` and `replay` are evenings.

`run` is one too, in a process of its own: see `legmon.app.supervisor`.
"""

import contextlib
import io
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from types import FrameType

from filelock import Timeout
from rich.markup import escape

from legmon import __version__, logs
from legmon.app.demo_nights import TONIGHT, SimulatedNight, next_evening
from legmon.app.folders import check_writable, quoted
from legmon.app.pages import show_pages
from legmon.app.processes import Child, end_all, python_module
from legmon.app.replay import PlayedStream, ReplayProgress, ReplaySource
from legmon.app.simulator import firmware_sim
from legmon.app.temporary import temporary_folder
from legmon.catalog.annotation_files import read_annotations
from legmon.catalog.clock import Clock, Watch
from legmon.catalog.file import CATALOG_ERRORS, RECORDER_LOCK, file_lock
from legmon.catalog.state import BOTH, Mode
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.messages import FOLDER_READ_ONLY, LEFT_OPEN, NO_BLUETOOTH, Event
from legmon.movement import Leg, Legs
from legmon.recorder.presence import LOCK_S
from legmon.recording.files import read_segment
from legmon.recording.records import Meta
from legmon.terminal import console, say
from legmon.web.audit import Audit

log = logging.getLogger(__name__)

WATCH_S = 0.2
SIMULATED = "[reverse] SIMULATED [/reverse]"
LOGGING = ("supervisor", "recorder", "dashboard")
"""The processes that write a log of their own."""
GOODBYE = "end"
"""The word that asks the recorder and the dashboard to end."""


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
    verbose : bool
        Whether the logs hold details too, and are shown.
    """

    def __init__(
        self, folder: Path, *, port: int, browser: bool, minutes: float | None, verbose: bool = False
    ) -> None:
        os.umask(0o077)  # nights and logs are private to this user
        self._folder = folder.absolute()
        self._verbose = verbose
        self._port = port
        self._browser = browser
        self._minutes = minutes
        self._out = console(markup=True)
        self._recorder: Child | None = None
        self._until: float | None = None  # monotonic time of the end that was asked for
        self._night: str | None = None
        self.in_order = True
        self._others: list[Child] = []
        self._air_at = ""
        self._folders = contextlib.ExitStack()  # temporary: for the socket of the virtual air

    def replay(self, source: ReplaySource, *, speed: float) -> None:
        """Record what a simulated sensor plays, at `speed` times real time."""
        self._print(f"{SIMULATED} A simulated sensor plays {escape(source.name)}.")
        catalog = self._open(simulated=True)
        with self._ending(), self._shown_logs():
            web = self._web()
            output = self._folder / "simulated" / f"replay-{len(catalog.nights()) + 1}"
            sensor, hci = self._simulated_sensor(self._start_air(), source.sensor_options(output), speed)
            stream = PlayedStream.parse(sensor.ready("plays"))
            clock = Clock(TONIGHT.start_ns(next_evening(catalog)), time.time_ns(), speed)
            self._record(catalog, hci, clock, simulated=True, leg=None, rate_hz=stream.rate_hz)
            self._print(stream.sentence(speed))
            self._show_pages(web.ready("ready"), "#/live")
            progress = ReplayProgress(catalog, clock, stream, self._print, lambda: sensor.printed("over"))
            self._watch(catalog, progress.is_over)

    def _print(self, text: str) -> None:
        """Print a sentence, where the terminal is still open: a closed terminal is no reason to end a night."""
        try:
            self._out.print(text, soft_wrap=True)
        except OSError:
            self._out = console(markup=True, file=io.StringIO())

    def _open(self, *, simulated: bool) -> Catalog:
        """Open the data folder, if no other program records into it and its nights are of the same kind."""
        catalog = open_for_nights(self._folder, simulated=simulated)
        with self._lock():
            self._print(f"The data folder is {escape(str(self._folder))}.")
        self._port = free_port(self._port)
        logs.set_up(self._folder, LOGGING[0], verbose=self._verbose, on_terminal=False)
        log.info("legmon %s starts", __version__)
        return catalog

    @contextlib.contextmanager
    def _shown_logs(self) -> Iterator[None]:
        """Show what the processes log, where a person asked for it."""
        if not self._verbose:
            yield
            return
        with logs.Tail(self._folder, LOGGING, show_log):
            yield

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with unlocked(self._folder):
            yield

    def _log(self, name: str) -> Path:
        return logs.log_file(self._folder, f"{name}-output")

    def _web(self) -> Child:
        command = python_module("legmon.web", "--data", str(self._folder), "--port", str(self._port))
        command += ["--verbose"] if self._verbose else []
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

    def _asleep(
        self, night: SimulatedNight, seed: int, leg: Leg = "left", *, goes_on: bool = False
    ) -> list[str]:
        """Write a night's scenario. Return the options with which a simulated sensor plays it, or plays on."""
        folder = self._folder / "simulated"
        folder.mkdir(exist_ok=True)
        name = f"{seed}-right" if leg == "right" else f"{seed}"
        scenario = folder / f"{name}.yaml"
        scenario.write_text(night.scenario("tonight", seed, leg), encoding="utf-8")
        sent, truth = folder / f"{name}.sent.jsonl", folder / f"{name}.truth.json"
        if not goes_on:
            sent.unlink(
                missing_ok=True
            )  # left by an evening that was interrupted: the new sensor has no past
        return ["--scenario", str(scenario), "--log", str(sent), "--resume", "--truth", str(truth)]

    def _simulated_sensor(self, air: Child, options: list[str], speed: float) -> tuple[Child, str]:
        """Start a sensor on the virtual air. Return it, and the transport through which the recorder reaches it."""
        spec = self._air_at = self._air_at or air.ready("ready")
        scheme, _, rest = spec.partition(":")
        hci = f"{scheme}-client:{rest}"
        command = [*firmware_sim(), "sensor", hci, *options, "--speed", str(speed), "--until-eof"]
        sensor = Child("simulated sensor", command, self._log("sensor"))
        self._others.append(sensor)
        name = sensor.ready("advertising")
        self._print(f"A simulated ankle sensor is advertising: {escape(name)}.")
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
        mode: Mode | None = "record",
        sensor: str | None = None,
        options: Sequence[str] = (),
    ) -> None:
        """Start the recorder and wait until it is ready. Without a mode, the desired state stays as it is."""
        if mode is not None:
            catalog.want(mode, leg)
            if mode == "record":
                Audit(self._folder).note(Event.START, "command")
        command = python_module("legmon.recorder", "--data", str(self._folder))
        command += ["--clock", str(clock.night_ns), str(clock.wall_ns), str(clock.speed)]
        command += ["--hci", hci] if hci else []
        command += ["--simulated"] if simulated else []
        command += ["--rate", str(rate_hz)] if rate_hz else []
        command += ["--sensor", sensor] if sensor else []
        command += ["--verbose"] if self._verbose else []
        self._recorder = Child("recorder", [*command, *options], self._log("recorder"), GOODBYE)
        self._recorder.ready("ready")

    def _show_pages(self, address: str, page: str = "") -> bool:
        """Print where the pages are, and open them where that is wanted. Return whether a browser opened them."""
        after = "Ctrl-C ends everything."
        return show_pages(self._folder, address, self._print, after, browser=self._browser, page=page)

    def _watch(self, catalog: Catalog, is_over: Callable[[], bool] | None) -> None:
        """Keep everything running until the time is up or Ctrl-C. `is_over` is when the simulated night has ended."""
        if self._minutes is not None and self._until is None:
            self._until = time.monotonic() + self._minutes * 60
        while self._until is None or time.monotonic() < self._until:
            self._revive()
            with contextlib.suppress(
                *CATALOG_ERRORS, LegmonError
            ):  # the catalog is busy or damaged; the night goes on
                state = catalog.recorder()
                self._night = (state.night if state else None) or self._night
            if is_over is not None and is_over():
                is_over = None
                catalog.want("off")
                self._print("The simulated night is over and closed. The pages stay; Ctrl-C ends.")
            self._note()
            time.sleep(WATCH_S)

    def _children(self) -> list[Child]:
        return [*self._others, *([self._recorder] if self._recorder else [])]

    def _revive(self) -> None:
        """Start again what has ended. Raise if the recorder ends at once again and again."""
        for child in self._children():
            if child.revive(for_ever=child is not self._recorder):
                log.warning("the %s stopped unexpectedly and was started again", child.name)
                self._print(f"The {child.name} stopped unexpectedly and was started again.")

    def _note(self) -> None:
        """Note what runs now."""

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
            self.in_order = end_all(self._recorder, self._others, self._print_waiting)
            log.info("everything is closed" if self.in_order else "the recorder did not end in order")
            self._folders.close()
            for s, handler in before.items():
                signal.signal(s, handler)
        if self._recorder is not None and (left := self._recorder.last_words("open ")):
            self.in_order = False
            self._print(escape(f"{' '.join(left)} {LEFT_OPEN}"))
        elif self.in_order:
            score = f"legmon score {self._night} --data {quoted(self._folder)}"
            self._print(
                "Everything is closed."
                + (f" To score the night again: {escape(score)}" if self._night else "")
            )
        else:
            later = f" Night {self._night} is open. {LEFT_OPEN}"
            self._print("The recorder did not end in order." + (later if self._night else ""))

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

    ending.add_interrupted(catalog)
    nights = [n for n in catalog.nights() if n.state == "recording" and n.legs]
    if not nights:
        return False
    now_ns = Watch(clock, catalog.folder / "clock.json", anew=False).now_ns()
    return any(ending.goes_on(catalog, n, now_ns) for n in nights)


def open_for_nights(folder: Path, *, simulated: bool) -> Catalog:
    """Open a data folder whose nights are of one kind.

    Raises
    ------
    LegmonError
        If its nights are of the other kind, or if it can only be read.
    """
    check_writable(folder)
    catalog = Catalog(folder)
    if simulated in {not kind for kind in _kinds(catalog)}:
        catalog.close()
        kind, other = ("your own", "simulated") if simulated else ("simulated", "your own")
        raise LegmonError(
            f"{folder} holds {kind} nights, and {other} nights are kept apart from them;"
            " name another folder with --data"
        )
    return catalog


def _kinds(catalog: Catalog) -> Iterator[bool]:
    """Yield of each night whether it is simulated, also of those that a new catalog does not know yet."""
    yield from (n.simulated for n in catalog.nights())
    for night in catalog.unknown_recordings():
        with contextlib.suppress(LegmonError):
            said = read_annotations(catalog.annotation_file(night)).get("night")
            if isinstance(said, dict) and isinstance(said.get("simulated"), bool):
                yield said["simulated"]
                continue
        yield from _recorded_kinds(catalog, night)


def _recorded_kinds(catalog: Catalog, night: str) -> Iterator[bool]:
    """Yield what the recording of a night says, where the file beside it says nothing."""
    for leg in BOTH:
        with contextlib.suppress(LegmonError, ValueError, OSError):
            yield from (
                r.simulated
                for r in islice(read_segment(catalog.segment(night, leg)), 1)
                if isinstance(r, Meta)
            )


@contextlib.contextmanager
def unlocked(folder: Path) -> Iterator[None]:
    """Keep every other recorder out of a data folder.

    Raises
    ------
    LegmonError
        If one is recording into it, or it cannot be written.
    """
    lock = file_lock(folder / RECORDER_LOCK, LOCK_S)
    try:
        lock.acquire()
    except Timeout:
        raise LegmonError(
            f"another legmon is recording into {folder}; end it first (`legmon status` shows it), or name another folder"
            " with --data"
        ) from None
    except OSError as e:
        raise LegmonError(FOLDER_READ_ONLY.format(folder=folder, why=e.strerror)) from e
    try:
        yield
    finally:
        lock.release()


def show_log(line: str) -> None:
    """Show a line of a log on the terminal."""
    say(line, file=sys.stderr)


def free_port(port: int) -> int:
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


def check_bluetooth(hci: str | None) -> None:
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
