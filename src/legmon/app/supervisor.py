"""``python -m legmon.app.supervisor``: runs a night without a terminal. `legmon run` and the service start it.

It has a session of its own, so that neither a closed terminal nor the death of `legmon run` ends the night. It owns recorder
and dashboard, and starts them again when they end. The recorder watches it in turn: when the supervisor is gone without
goodbye, the recorder goes on and starts a new supervisor, which takes the old one's place.
"""

import argparse
import contextlib
import io
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, get_args

from filelock import FileLock, Timeout
from rich.markup import escape, render

from legmon import __version__, logs
from legmon.app.demo_nights import TONIGHT
from legmon.app.evening import LOGGING, SIMULATED, Evening, free_port, open_for_nights, unlocked, will_resume
from legmon.app.running import (
    LOCK,
    OPEN_STATUS,
    REPORT,
    TAKEN_STATUS,
    Report,
    find_recorder,
    is_asked_to_stop,
    supervisor_command,
)
from legmon.catalog.clock import Clock
from legmon.catalog.state import BOTH, Mode
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.messages import FOLDER_READ_ONLY
from legmon.movement import NS, Legs
from legmon.recorder.presence import LOCK_S, KeptFile, Presence
from legmon.terminal import complain, console

log = logging.getLogger("legmon.app.supervisor")  # it is run as __main__

DEFECT_S: Final = 1.0
"""After an error of its own, the supervisor waits this long."""
PORT_S: Final = 5.0
"""The dashboard of a supervisor that is gone needs this long to end."""


class Supervisor(Evening):
    """One evening of `run`, without a terminal.

    Parameters
    ----------
    folder : Path
        The data folder.
    port : int
        The port of the pages; 0 for any that is free.
    minutes : float or None
        End after so many minutes.
    begin : {"record", "check", "off"}
        What to do first. A night that was just interrupted goes on in any case.
    simulate : bool
        Whether to start simulated sensors.
    verbose : bool
        Whether the logs hold details.
    """

    def __init__(
        self, folder: Path, *, port: int, minutes: float | None, begin: Mode, simulate: bool, verbose: bool
    ) -> None:
        super().__init__(folder, port=port, browser=False, minutes=minutes, verbose=verbose)
        self._out = console(file=sys.stdout if sys.stdout is not None else io.StringIO())
        self._begin = begin
        self._simulate = simulate
        this = Presence.this()
        self._report = Report(this, this.since_ns, simulate, seed=time.time_ns() % 100_000)
        self._file = KeptFile(self._folder / REPORT)
        self._has_reported = False

    def run(
        self, *, leg: Legs | None, hci: str | None, sensor: str | None, again: list[str], only_go_on: bool
    ) -> None:
        """Record tonight in real time.

        Parameters
        ----------
        leg, hci, sensor : str or None
            Which ankle, Bluetooth controller and sensor; None for whatever is there.
        again : list of str
            The command line that starts this supervisor again.
        only_go_on : bool
            Whether to end at once if there is nothing to go on with, because a person has ended it meanwhile.
        """
        is_asked_to_stop(self._folder)
        catalog = open_for_nights(self._folder, simulated=self._simulate)
        logs.set_up(self._folder, LOGGING[0], verbose=self._verbose, on_terminal=False)
        takes_over = self._take_over()
        if only_go_on and not takes_over and not will_resume(catalog, Clock()):
            log.info("nothing is left to go on with")
            return
        if not takes_over:
            with unlocked(self._folder):
                pass
        self._find_port(takes_over=takes_over)
        log.info(
            "legmon %s supervises%s", __version__, ", in place of one that is gone" if takes_over else ""
        )
        self._print(f"The data folder is {escape(str(self._folder))}.")
        with self._ending():
            web = self._web()
            clock = Clock()
            if self._simulate:
                self._print(f"{SIMULATED} The sensor and the sleeper are simulated.")
                air = self._start_air()
                for ankle in BOTH if leg == "both" else (leg or "left",):
                    asleep = self._asleep(TONIGHT, self._report.seed, ankle, goes_on=takes_over)
                    _, hci = self._simulated_sensor(air, asleep, 1.0)
            resumes = will_resume(catalog, clock)
            mode: Mode = "record" if resumes else self._begin
            self._record(
                catalog,
                hci,
                clock,
                simulated=self._simulate,
                leg=leg,
                mode=None if takes_over else mode,
                sensor=sensor,
                options=["--when-orphaned", json.dumps(again)],
            )
            if takes_over:
                self._print("legmon stopped unexpectedly and was started again. The night goes on.")
            elif mode == "off":
                self._print("The night begins with [bold]Start[/bold] on the page Tonight.")
            elif mode == "record":
                self._print("Looking for the sensor; the night begins with its first samples.")
            else:
                self._print(
                    "Looking for the sensor; the night begins with [bold]Start[/bold] on the page Tonight."
                )
            address = web.ready("ready")
            self._report = replace(self._report, pages=address)
            _let_go_of_the_terminal()
            self._watch_for_ever(catalog)

    def _take_over(self) -> bool:
        """Whether a recorder goes on whose supervisor is gone. Then this one goes on with the evening of that one."""
        before = Report.read(self._folder)
        alone = find_recorder(self._folder)
        if alone is None or not alone.supervised:
            return False
        if before is not None:
            self._report = replace(before, process=Presence.this(), pages="", ended=None)
            self._night = before.night
            if self._minutes is not None:
                self._minutes = max(self._minutes - (time.time_ns() - before.since_ns) / NS / 60, 0.01)
        return True

    def _find_port(self, *, takes_over: bool) -> None:
        """Find the port of the pages: the one that they had, where this supervisor takes the place of another."""
        wanted, until = self._report.port or self._port, time.monotonic() + PORT_S
        while True:
            try:
                self._port = free_port(wanted)
            except LegmonError:
                if not takes_over:
                    raise
                if time.monotonic() > until:
                    wanted = 0  # pages at another address are better than none
                time.sleep(0.1)
            else:
                break
        self._report = replace(self._report, port=self._port)

    def _print(self, text: str) -> None:
        """Report a sentence to whoever looks, now or later."""
        if self._report.said and self._report.said[-1][1] == text:
            return
        self._report = self._report.with_sentence(text)
        with contextlib.suppress(OSError):
            self._out.print(render(text).plain, soft_wrap=True)
        self._note()

    def _watch_for_ever(self, catalog: Catalog) -> None:
        """Keep everything running. An error in here ends nothing: the recorder does not need what failed."""
        while True:
            try:
                self._watch(catalog, None)
            except Exception:
                log.exception("the supervisor met an error of its own, and goes on")
                time.sleep(DEFECT_S)
            else:
                return

    def _revive(self) -> None:
        """Start again what has ended, for as long as the night lasts: nobody is there who could."""
        for child in self._children():
            if not child.revive(for_ever=True):
                continue
            log.warning("the %s stopped unexpectedly and was started again", child.name)
            if child.fails:
                self._print(
                    f"The {child.name} stops at once again and again: {escape(child.fails)}. legmon goes on trying."
                )
            else:
                self._print(f"The {child.name} stopped unexpectedly and was started again.")
        if is_asked_to_stop(self._folder):
            raise KeyboardInterrupt

    def _note(self) -> None:
        """Write the report if anything has changed, or if somebody removed the file: it is how others find this process."""
        self._report = replace(
            self._report,
            recorder=self._recorder.process.pid if self._recorder else 0,
            dashboard=next((c.process.pid for c in self._others if c.name == "dashboard"), 0),
            night=self._night,
        )
        self._has_reported = True
        self._report.keep(self._file)

    def end(self, status: int, problem: str = "") -> None:
        """Write the last report, unless nothing was begun."""
        if not self._has_reported and status == 0:
            return
        if problem and self._report.pages:  # else whoever started it reads it on standard error
            self._report = self._report.with_sentence(escape(problem))
        self._report = replace(self._report, ended=status, pages="")
        self._note()


def _let_go_of_the_terminal() -> None:
    """Write nothing more to `legmon run`, which may end at any time."""
    with contextlib.suppress(OSError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 2)
        os.close(nothing)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Be the only supervisor of a data folder. Yield whether this is so."""
    lock = FileLock(folder / LOCK, mode=0o600)
    try:
        lock.acquire(timeout=LOCK_S)
    except Timeout:
        yield False
        return
    except OSError as e:
        raise LegmonError(FOLDER_READ_ONLY.format(folder=folder, why=e.strerror)) from e
    try:
        yield True
    finally:
        lock.release()


def main() -> int:
    """Run until a signal or a person ends it. Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m legmon.app.supervisor", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--begin", choices=get_args(Mode), default="off")
    parser.add_argument("--leg", choices=get_args(Legs))
    parser.add_argument("--sensor")
    parser.add_argument("--hci")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument(
        "--only-go-on", action="store_true", help="end at once if there is nothing to go on with"
    )
    args = parser.parse_args()
    if hasattr(signal, "SIGHUP"):
        # A terminal that closes is no reason to end a night. What is started from here inherits this.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.umask(0o077)
    try:
        args.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as e:
        complain(f"the data folder {args.data} cannot be made ({e.strerror})")
        return 2
    try:
        with _alone(args.data) as alone:
            return _supervise(args, alone=alone)
    except LegmonError as e:
        complain(e)
        return e.status


def _supervise(args: argparse.Namespace, *, alone: bool) -> int:
    if not alone:
        complain(f"another legmon runs on {args.data}; `legmon status` shows it")
        return TAKEN_STATUS
    supervisor = Supervisor(
        args.data,
        port=args.port,
        minutes=args.minutes,
        begin=args.begin,
        simulate=args.simulate,
        verbose=args.verbose,
    )
    again = supervisor_command([a for a in sys.argv[1:] if a != "--only-go-on"] + ["--only-go-on"])
    try:
        supervisor.run(
            leg=args.leg, hci=args.hci, sensor=args.sensor, again=again, only_go_on=args.only_go_on
        )
    except LegmonError as e:
        log.error("%s", e)  # noqa: TRY400 (the sentence says it all)
        with contextlib.suppress(OSError):
            complain(e)
        supervisor.end(e.status, str(e))
        return e.status
    supervisor.end(0 if supervisor.in_order else 1)
    return 0 if supervisor.in_order else OPEN_STATUS


if __name__ == "__main__":
    sys.exit(main())
