"""The demo: past nights are recorded, tonight streams over simulated Bluetooth, and the pages say how far both are."""

import contextlib
import time
from pathlib import Path
from typing import Final

from legmon.app.demo_nights import TONIGHT
from legmon.app.demo_past import PastNights
from legmon.app.evening import SIMULATED, Evening
from legmon.app.processes import Child
from legmon.catalog.clock import Clock
from legmon.catalog.file import CATALOG_ERRORS
from legmon.catalog.state import NightInfo
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.movement import NS
from legmon.recorder.presence import KeptFile, Presence
from legmon.web.demo_state import STATE, DemoState, take_wish

WAIT_S: Final = 0.05
STARTS_IN_NS: Final = 2 * NS
"""Sensor and recorder need about this long until the first sample, wall time."""
SOON_NS: Final = NS // 3
"""A change of speed is told to two processes so long before."""
OVER: Final = "The night is over: {movements} movements, {in_series} in series. The pages stay; Ctrl-C ends."


class Demo(Evening):
    """One evening of `legmon demo`. Its parameters are those of `Evening`."""

    _catalog: Catalog
    _past: PastNights

    def __init__(
        self, folder: Path, *, port: int, browser: bool, minutes: float | None, verbose: bool = False
    ) -> None:
        super().__init__(folder, port=port, browser=browser, minutes=minutes, verbose=verbose)
        self._process = Presence.this()
        self._state = KeptFile(self._folder / STATE)
        self._clock: Clock | None = None
        self._end_ns = 0
        self._is_ending = False
        self._before: set[str] = set()
        self._tonight: str | None = None
        self._sensor: Child | None = None
        self._pace = ""
        self._over: NightInfo | None = None

    def demo(self, *, speed: float, seed: int) -> None:
        """Record the newest two past nights, then tonight at `speed` times real time, and the other past nights meanwhile."""
        self._print(f"{SIMULATED} Everything you see comes from a simulated sensor and a simulated sleeper.")
        catalog = self._catalog = self._open(simulated=True)
        with self._ending(), self._shown_logs(), contextlib.ExitStack() as stack:
            web = self._web()
            with self._lock():
                past = self._past = PastNights(catalog, seed, self._print, self._log)
                stack.callback((self._folder / STATE).unlink, missing_ok=True)
                take_wish(self._folder)
                stack.callback(past.end)
                self._note()
                past.record_first()
                if past.are_first_there:
                    self._print(f"The folder already holds {catalog.count()} simulated nights.")
                else:
                    self._print(f"Recording {past.total} past nights, the newest two first.")
                self._wait_for_first(web)
            night_seed = seed * 1000 + catalog.count() - len(catalog.captures())
            self._before = {night.id for night in catalog.nights()}
            start_ns = TONIGHT.start_ns(past.tonight)
            self._end_ns = start_ns + round(TONIGHT.hours * 3600 * NS)
            air = self._start_air()
            self._clock = Clock(start_ns, time.time_ns() + STARTS_IN_NS, speed)
            self._sensor, hci = self._simulated_sensor(air, self._asleep(TONIGHT, night_seed), speed)
            self._record(catalog, hci, self._clock, simulated=True, leg=None)
            self._print(f"Recording tonight over simulated Bluetooth, {speed:g} times as fast as real time.")
            past.record_others()
            self._watch(catalog, None)

    def _wait_for_first(self, web: Child) -> None:
        """Show the pages as soon as they are there, and wait until the newest nights are recorded."""
        address: str | None = None
        while address is None or not self._past.are_first_there:
            if address is None and (address := web.is_ready("ready")) is not None:
                self._show_pages(address)
            self._note()
            time.sleep(WAIT_S)

    def _note(self) -> None:
        """Look at the nights that are being recorded, and keep up to date what the pages say of the demo."""
        self._past.look()
        wished = take_wish(self._folder)
        if self._clock is not None:
            if wished is not None and wished != self._clock.speed:
                self._change_speed(self._clock, wished)
            with contextlib.suppress(
                *CATALOG_ERRORS, LegmonError
            ):  # the catalog is busy: the next turn looks again
                self._look_at_tonight(self._clock)
        past, over = self._past, self._over
        state = DemoState(
            self._process,
            past=past.total,
            recorded=past.recorded,
            speed=self._clock.speed if self._clock else 1.0,
            share=round(past.share, 2),
            step=past.step,
            tonight=self._tonight,
            is_over=over is not None,
            movements=over.movements if over else 0,
            in_series=over.periodic if over else 0,
        )
        state.keep(self._state)

    def _change_speed(self, clock: Clock, speed: float) -> None:
        """Let tonight go on at another speed: for the sensor and the recorder from the same moment on."""
        at_ns = time.time_ns() + SOON_NS
        self._clock = clock.changed(at_ns, speed)
        self._pace = f"pace {at_ns} {speed}"
        if self._sensor is not None:
            self._sensor.tell(self._pace)
            if speed:
                self._sensor.set_option("--speed", str(speed))
        if self._recorder is not None:
            self._recorder.tell(self._pace)
            moment = self._clock
            self._recorder.set_option("--clock", str(moment.night_ns), str(moment.wall_ns), str(moment.speed))

    def _revive(self) -> None:
        """Start again what has ended. A sensor that begins anew hears of the speed again: it may be stopped."""
        before = self._sensor.process.pid if self._sensor else 0
        super()._revive()
        if self._sensor is not None and self._sensor.process.pid != before and self._pace:
            self._sensor.tell(self._pace)

    def _look_at_tonight(self, clock: Clock) -> None:
        """Find out which night is tonight, ask for its end when it has been slept, and say what was counted once it is closed."""
        if self._night is not None and self._night not in self._before:
            self._tonight = self._night
        if clock.now_ns() > self._end_ns and not self._is_ending:
            self._catalog.want("off")
            self._is_ending = True
        if self._tonight is None or (self._over is not None and self._over.id == self._tonight):
            return
        night = self._catalog.night(self._tonight)
        self._over = night if night.state == "closed" else None
        if self._over is not None:
            self._print(OVER.format(movements=night.movements, in_series=night.periodic))
