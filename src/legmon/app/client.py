"""`legmon run` at a terminal: starts a supervisor or finds one, shows what it says, and asks it to end on Ctrl-C."""

import contextlib
import io
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final

from rich.markup import escape
from sqlalchemy.exc import DBAPIError

from legmon import logs
from legmon.app import running
from legmon.app.evening import LOGGING, check_bluetooth, free_port, open_for_nights, show_log, unlocked
from legmon.app.pages import show_pages
from legmon.app.running import TAKEN_STATUS, Report
from legmon.catalog.state import Mode
from legmon.catalog.store import Catalog
from legmon.errors import FailedError, LegmonError
from legmon.messages import FREE_SPACE, LEFT_OPEN, UNKNOWN_WORKS, Event
from legmon.movement import NS, Legs
from legmon.recorder import presence
from legmon.terminal import console
from legmon.web.audit import Audit

LOOK_S: Final = 0.1
REPLACED_S: Final = 30.0
"""Where a supervisor died, the recorder starts another one; that takes seconds."""
UNKNOWN_S: Final = 30.0
"""A recorder that nobody knows ends within this time when it is asked, or it has no supervisor at all."""
STOP_S: Final = 90.0
"""A supervisor ends everything in less."""
NEARLY_FULL_BYTES: Final = 1_000_000
"""With less room than this, the disk was full: a few files that held its last bytes are removed at the end."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a person asked `legmon run` for.

    Parameters
    ----------
    port : int
        Of the pages.
    browser : bool
        Whether to open the pages. If not, the night begins at once.
    leg, sensor, hci : str or None
        Which ankle, sensor and Bluetooth controller; None for whatever is there.
    minutes : float or None
        End after so many minutes.
    simulate : bool
        Whether to start simulated sensors.
    verbose : bool
        Whether the logs hold details, and are shown.
    """

    port: int
    browser: bool
    leg: Legs | None = None
    sensor: str | None = None
    hci: str | None = None
    minutes: float | None = None
    simulate: bool = False
    verbose: bool = False

    def arguments(self, folder: Path) -> list[str]:
        """Return the options of the supervisor."""
        named = {"--leg": self.leg, "--sensor": self.sensor, "--hci": self.hci, "--minutes": self.minutes}
        begin: Mode = "check" if self.browser else "record"
        words = ["--data", str(folder), "--port", str(self.port), "--begin", begin]
        words += [w for name, value in named.items() if value is not None for w in (name, str(value))]
        words += ["--simulate"] if self.simulate else []
        return words + (["--verbose"] if self.verbose else [])

    @property
    def chooses(self) -> bool:
        """Whether a person chose something that a supervisor at work does not change."""
        return any(v is not None for v in (self.leg, self.sensor, self.hci, self.minutes))


class Client:
    """A terminal that shows an evening of `run`.

    Parameters
    ----------
    folder : Path
        The data folder.
    """

    def __init__(self, folder: Path) -> None:
        os.umask(0o077)  # what it makes in the data folder is private to this user
        self._folder = folder.absolute()
        self._out = console(markup=True)
        self._shown = 0
        self._pages = ""
        self._is_asked = False

    def run(self, options: RunOptions) -> int:
        """Start a supervisor, or look on at the one that is at work. Return the exit status."""
        report = running.find_supervisor(self._folder)
        if report is not None:
            return self._attach(report, options)
        if not options.simulate:
            check_bluetooth(options.hci)
        with contextlib.closing(open_for_nights(self._folder, simulated=options.simulate)):
            alone = running.find_recorder(self._folder)
            if alone is None or not alone.supervised:  # a supervisor takes the place of the one that is gone
                with unlocked(self._folder):
                    pass
                free_port(options.port)
            elif (before := Report.read(self._folder)) and before.said:
                self._shown = before.said[-1][0]
        with self._logs(options):
            process = running.start_supervisor(options.arguments(self._folder))
            with self._ctrl_c(ends=True):
                return self._follow(options, process)

    def _attach(self, report: Report, options: RunOptions) -> int:
        """Show what runs, and look on. Ctrl-C then ends the looking alone."""
        if report.simulated != options.simulate:
            kind = "a simulated" if report.simulated else "your own"
            raise LegmonError(
                f"legmon already records {kind} night into {self._folder}; end it with `legmon stop`, or name another folder"
                " with --data"
            )
        since = datetime.fromtimestamp(report.since_ns / NS, UTC).astimezone()
        self._print(f"legmon has been running here since {since:%H:%M}. This terminal looks on.")
        if options.chooses:
            self._print(
                "It keeps its own options; --leg, --sensor, --hci and --minutes of this command change nothing."
            )
        self._shown = report.said[-1][0] if report.said else 0
        with self._logs(options), self._ctrl_c(ends=False):
            return self._follow(options, None)

    def stop(self) -> int:
        """End what runs, in order, and show it. Return the exit status: 1 if something was not closed."""
        before = running.supervisor(self._folder)
        self._shown = before.said[-1][0] if before and before.said else self._shown
        until, status, asked = time.monotonic() + STOP_S, 0, set[int]()
        known_at = time.monotonic()  # when a process said last that it is at work
        while time.monotonic() < until:
            # Its supervisor may be gone, or another may take its place at this very moment: end whatever runs. A file may be
            # missing, or not be writable: the locks tell whether all have ended.
            report, alone = running.supervisor(self._folder), presence.recorder(self._folder)
            held = running.locks(self._folder)
            if report is not None or alone is not None:
                known_at = time.monotonic()
            if report is not None:
                Audit(self._folder).note(Event.STOP, "command")
                status = self._stop_supervisor(report, until)
                asked.add(report.process.pid)
            elif alone is None and held:
                if running.LOCK not in held and time.monotonic() - known_at > UNKNOWN_S:
                    running.is_asked_to_stop(self._folder)
                    raise FailedError(UNKNOWN_WORKS.format(folder=self._folder))
                if time.monotonic() - known_at > LOOK_S:
                    asked.add(0)
                    running.ask_without_signal(self._folder)
            elif alone is None:
                running.is_asked_to_stop(self._folder)  # nobody has read it
                if not asked:
                    self._print(f"Nothing runs on {escape(str(self._folder))}.")
                    return 0
                status = max(status, self._name_open_nights())
                last = Report.read(self._folder)
                if (
                    last is not None and last.ended is None
                ):  # it was killed, and so could not write this itself
                    replace(last, ended=status, pages="").write(self._folder)
                return status
            elif not alone.supervised:
                raise FailedError(
                    f"a demo or a replay records into {self._folder}; end it with Ctrl-C in its terminal"
                )
            elif alone.pid not in asked:
                asked.add(alone.pid)
                running.ask_to_stop(self._folder, alone)
            time.sleep(LOOK_S)
        running.is_asked_to_stop(self._folder)
        self._print(f"legmon did not end within {STOP_S:.0f} s.")
        return 1

    def _stop_supervisor(self, report: Report, until: float) -> int:
        """Ask a supervisor to end and show what it says. Return its exit status."""
        running.ask_to_stop(self._folder, report.process)
        while report.process.is_alive() and time.monotonic() < until:
            report = self._say_new() or report
            time.sleep(LOOK_S)
        report = self._say_new() or report
        return 0 if report.ended is None else report.ended

    def _name_open_nights(self) -> int:
        """Name the nights that were not closed. Return 1 if there are any."""
        try:
            catalog = Catalog(self._folder)
            with contextlib.closing(catalog):
                left = [n.id for n in catalog.nights() if n.state == "recording"]
        except (LegmonError, DBAPIError) as e:
            self._print(f"Whether the night is closed cannot be read: {escape(str(e))}.")
            return 1
        is_full = shutil.disk_usage(self._folder).free < NEARLY_FULL_BYTES
        why = f": the disk is full; {FREE_SPACE}" if is_full else ""
        for night in left:
            self._print(escape(f"Night {night} is not closed{why}. {LEFT_OPEN}"))
        return 1 if left else 0

    # following

    def _follow(self, options: RunOptions, process: "subprocess.Popen[str] | None") -> int:
        """Show what the supervisor says until it has ended. Return its exit status."""
        gone_at: float | None = None
        while True:
            report = self._say_new(process)
            if report is not None and report.runs:
                gone_at = None
                if report.pages and report.pages != self._pages:
                    self._show_pages(report, options, ends=process is not None)
                if self._is_asked:
                    if process is None:
                        self._print(
                            "This terminal looks on no longer. The night goes on; `legmon stop` ends it."
                        )
                        return 0
                    running.ask_to_stop(self._folder, report.process)
                    Audit(self._folder).note(Event.STOP, "command")
                    return self._await_end(report)
            elif report is not None and report.ended is not None:
                self._await_exit(process)
                if report.ended and process is not None and not self._pages:
                    return self._never_began(process, options)
                return report.ended
            elif process is not None and not self._pages:
                if process.poll() is not None:
                    return self._never_began(process, options)
            elif self._is_asked:
                return self.stop()
            else:
                gone_at = gone_at or time.monotonic()
                if time.monotonic() - gone_at > REPLACED_S:
                    raise FailedError(
                        "legmon stopped unexpectedly. Start it again within half an hour and the night goes on"
                    )
            time.sleep(LOOK_S)

    def _say_new(self, process: "subprocess.Popen[str] | None" = None) -> Report | None:
        """Show the sentences that are new, and return the report. That of an earlier evening does not count."""
        report = Report.read(self._folder)
        if report is None or (process is not None and not self._pages and report.process.pid != process.pid):
            return None
        for number, text in report.said:
            if number > self._shown:
                self._shown = number
                self._print(text)
        return report

    def _await_end(self, report: Report) -> int:
        """Follow the end, which has no other end than its own: it is bounded by the supervisor."""
        last = report
        while report.process.is_alive():
            time.sleep(LOOK_S)
            last = self._say_new() or last
        if last.ended is None:  # the report cannot be written, as on a full disk
            self._print("Everything has ended.")
            return self._name_open_nights()
        return last.ended

    @staticmethod
    def _await_exit(process: "subprocess.Popen[str] | None") -> None:
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)

    def _never_began(self, process: "subprocess.Popen[str]", options: RunOptions) -> int:
        """Report why a supervisor ended before it had started everything."""
        assert process.stderr is not None  # noqa: S101
        lines = [line for line in process.stderr.read().splitlines() if line.strip()]
        if process.returncode == TAKEN_STATUS and (other := running.supervisor(self._folder)):
            return self._attach(other, options)
        error = FailedError(
            lines[-1] if lines else "legmon ended at once; see logs/supervisor.log in the data folder"
        )
        error.status = process.returncode if process.returncode in (1, 2) else 1
        raise error

    def _show_pages(self, report: Report, options: RunOptions, *, ends: bool) -> None:
        """Show where the pages are, and begin the night where nobody can press Start."""
        is_first, self._pages = not self._pages, report.pages
        after = (
            "Ctrl-C ends everything. If this window closes, the night goes on; `legmon stop` ends it."
            if ends
            else "Ctrl-C ends the looking on; `legmon stop` ends the night."
        )
        if not is_first:
            self._print(
                f"Your pages are at [bold]{escape(report.pages)}[/bold] (this computer only). {after}"
            )
            return
        opened = show_pages(self._folder, report.pages, self._print, after, browser=options.browser)
        with (
            contextlib.suppress(LegmonError, DBAPIError),
            contextlib.closing(Catalog(self._folder)) as catalog,
        ):
            mode = catalog.wanted().mode
            if not opened and mode != "record":
                catalog.want("record", options.leg)
                Audit(self._folder).note(Event.START, "command")
                if options.browser:
                    self._print("No browser could be opened, so the night begins now.")
            elif mode == "off":
                catalog.want("check", options.leg)

    # the terminal

    def _print(self, text: str) -> None:
        """Print a sentence, where the terminal is still open."""
        try:
            self._out.print(text, soft_wrap=True)
        except OSError:
            self._out = console(markup=True, file=io.StringIO())

    def _logs(self, options: RunOptions) -> contextlib.AbstractContextManager[object]:
        if not options.verbose:
            return contextlib.nullcontext()
        return logs.Tail(self._folder, LOGGING, show_log)

    @contextlib.contextmanager
    def _ctrl_c(self, *, ends: bool) -> Iterator[None]:
        """Note Ctrl-C; a second one changes nothing while everything ends."""

        def note(_: int, __: FrameType | None) -> None:
            self._is_asked = True
            if ends:
                for s in before:
                    signal.signal(s, signal.SIG_IGN)

        before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for s, handler in before.items():
                signal.signal(s, handler)
