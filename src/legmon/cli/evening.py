"""One evening of the program: what `run` and `demo` start, say and end."""

import asyncio
import contextlib
import signal
import sys
import tempfile
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout
from rich.console import Console

from legmon.catalog.state import Clock
from legmon.catalog.store import Catalog
from legmon.cli.options import firmware_sim, quoted
from legmon.cli.past import TONIGHT, SimulatedNight, next_evening, record_past_nights
from legmon.cli.supervisor import Child, end_all, python_module
from legmon.errors import LegmonError
from legmon.movement import NS, Leg

WATCH_S = 0.2
NO_BLUETOOTH = (
    "this computer has no Bluetooth that can be used; switch it on, or try `legmon demo`, which needs none"
)


class Evening:
    """The processes of one evening.

    Parameters
    ----------
    folder : Path
        The data folder.
    port : int
        Of the pages.
    browser : bool
        Whether to open them.
    minutes : float or None
        End after so long.
    """

    def __init__(self, folder: Path, *, port: int, browser: bool, minutes: float | None) -> None:
        self._folder = folder.absolute()
        self._port = port
        self._browser = browser
        self._minutes = minutes
        self._out = Console(highlight=False)
        self._recorder: Child | None = None
        self._others: list[Child] = []
        self._air = tempfile.TemporaryDirectory(prefix="legmon-", ignore_cleanup_errors=True)

    def demo(self, *, speed: float, seed: int) -> None:
        """Three past nights, then tonight at `speed` times real time."""
        self._say(
            "[reverse] SIMULATED [/reverse] Everything you see comes from a simulated sensor and sleeper."
        )
        catalog = self._open(simulated=True)
        with self._ending():
            web = self._web()
            air = self._start_air()
            if listed := catalog.nights():
                self._say(f"{len(listed)} simulated nights are there from before.")
            else:
                with self._lock():
                    record_past_nights(catalog, seed, self._out)
                self._say("Three past simulated nights are recorded.")
            night_seed = seed * 1000 + len(catalog.nights())
            start_ns = TONIGHT.start_ns(next_evening(catalog))
            clock = Clock(start_ns, time.time_ns(), speed)
            hci = self._simulated_sensor(air, TONIGHT, night_seed, speed)
            self._record(catalog, hci, clock, simulated=True, leg=None)
            self._say(f"Recording tonight over simulated Bluetooth, {speed:g} times as fast as real time.")
            self._show(web)
            self._watch(catalog, clock, start_ns + round(TONIGHT.hours * 3600 * NS))

    def run(self, *, leg: Leg | None, simulate: bool) -> None:
        """Tonight, in real time."""
        if not simulate:
            _need_bluetooth()
        catalog = self._open(simulated=simulate)
        with self._ending():
            web = self._web()
            clock = Clock()
            hci: str | None = None
            if simulate:
                self._say("[reverse] SIMULATED [/reverse] The sensor and the sleeper are simulated.")
                hci = self._simulated_sensor(self._start_air(), TONIGHT, time.time_ns() % 100_000, 1.0)
            self._record(catalog, hci, clock, simulated=simulate, leg=leg)
            self._say("Looking for the sensor; the night begins with its first samples.")
            self._show(web)
            self._watch(catalog, clock, None)

    def _say(self, text: str) -> None:
        self._out.print(text, soft_wrap=True)

    def _open(self, *, simulated: bool) -> Catalog:
        """Open the data folder, if nobody records into it and its nights are of the same kind."""
        catalog = Catalog(self._folder)
        if any(n.simulated != simulated for n in catalog.nights()):
            kind = "simulated" if not simulated else "your own"
            raise LegmonError(
                f"{self._folder} holds {kind} nights, which are kept apart; name another folder with --data"
            )
        with self._lock():
            self._say(f"The data folder is {self._folder}.")
        return catalog

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            with FileLock(self._folder / "recorder.lock", timeout=0):
                yield
        except Timeout:
            raise LegmonError(
                f"another legmon is recording into {self._folder}; end that one first, or name another folder with --data"
            ) from None

    def _log(self, name: str) -> Path:
        return self._folder / "logs" / f"{name}.log"

    def _web(self) -> Child:
        command = python_module("legmon.web", "--data", str(self._folder), "--port", str(self._port))
        child = Child("dashboard", command, self._log("dashboard"))
        self._others.append(child)
        return child

    def _start_air(self) -> Child:
        spec = "tcp:127.0.0.1:0" if sys.platform == "win32" else f"unix:{self._air.name}/air"
        child = Child("virtual air", [*firmware_sim(), "air", spec, "--until-eof"], self._log("air"))
        self._others.append(child)
        return child

    def _simulated_sensor(self, air: Child, night: SimulatedNight, seed: int, speed: float) -> str:
        """Start a sensor on the air; return the transport through which the recorder reaches it."""
        spec = air.ready("ready")
        scheme, _, rest = spec.partition(":")
        hci = f"{scheme}-client:{rest}"
        made = self._folder / "simulated"
        made.mkdir(exist_ok=True)
        scenario = made / f"{seed}.yaml"
        scenario.write_text(night.scenario("tonight", seed))
        command = [*firmware_sim(), "sensor", hci, "--scenario", str(scenario), "--speed", str(speed)]
        command += [
            "--log",
            str(made / f"{seed}.sent.jsonl"),
            "--truth",
            str(made / f"{seed}.truth.json"),
            "--until-eof",
        ]
        sensor = Child("simulated sensor", command, self._log("sensor"))
        self._others.append(sensor)
        name = sensor.ready("advertising")
        self._say(f"A simulated ankle sensor is advertising: {name}.")
        return hci

    def _record(
        self, catalog: Catalog, hci: str | None, clock: Clock, *, simulated: bool, leg: Leg | None
    ) -> None:
        catalog.want(record=True, leg=leg)
        command = python_module("legmon.recorder", "--data", str(self._folder))
        command += ["--clock", str(clock.night_ns), str(clock.wall_ns), str(clock.speed)]
        command += ["--hci", hci] if hci else []
        command += ["--simulated"] if simulated else []
        self._recorder = Child("recorder", command, self._log("recorder"))
        self._recorder.ready("ready")

    def _show(self, web: Child) -> None:
        address = web.ready("ready")
        self._say(f"Your pages are at [bold]{address}[/bold] (this computer only). Ctrl-C ends everything.")
        if self._browser:
            webbrowser.open(address)

    def _watch(self, catalog: Catalog, clock: Clock, night_ends_ns: int | None) -> None:
        """Keep everything going until the time is up or Ctrl-C."""
        until = time.monotonic() + self._minutes * 60 if self._minutes else None
        while until is None or time.monotonic() < until:
            for child in [*self._others, *([self._recorder] if self._recorder else [])]:
                if child.revive():
                    self._say(f"The {child.name} had ended and was started again.")
            if night_ends_ns is not None and clock.now_ns() > night_ends_ns:
                night_ends_ns = None
                catalog.want(record=False)
                self._say("The simulated night is over and closed. The pages stay; Ctrl-C ends.")
            time.sleep(WATCH_S)

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        """End everything that was started, however this ends."""

        def interrupt(_: int, __: FrameType | None) -> None:
            for s in before:
                signal.signal(s, signal.SIG_IGN)  # once is enough: what follows must not be torn
            raise KeyboardInterrupt

        before = {s: signal.signal(s, interrupt) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            with contextlib.suppress(KeyboardInterrupt):
                yield
        finally:
            end_all(self._recorder, self._others)
            self._air.cleanup()
            for s, handler in before.items():
                signal.signal(s, handler)
        self._say(
            f"Everything is closed. To score the night again: legmon score last --data {quoted(self._folder)}"
        )


def _need_bluetooth() -> None:
    """Try the operating system's Bluetooth.

    Raises
    ------
    LegmonError
        If there is none.
    """
    from bleak import BleakScanner

    async def scan() -> None:
        async with BleakScanner():
            pass

    try:
        asyncio.run(scan())
    except Exception as e:
        raise LegmonError(NO_BLUETOOTH) from e
