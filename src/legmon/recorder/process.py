"""The recorder as a process: works towards the desired state in the catalog until it is told to end."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from sqlalchemy.exc import OperationalError

from legmon.catalog.state import Clock, RecorderState, SensorState
from legmon.catalog.store import Catalog
from legmon.detection.detector import detect
from legmon.link.faults import Cause
from legmon.link.radio import Radio
from legmon.link.session import Identity, Session, State
from legmon.movement import NS, Leg
from legmon.recorder.leg import LegRecorder, Source
from legmon.recorder.night import NightRecorder
from legmon.recording.segment import RecordingError
from legmon.scoring.live import Tally
from legmon.sensors.base import Frame

log = logging.getLogger(__name__)

TURN_S = 0.25  # of the loop that saves, reports and looks at the desired state
SAVE_S = 1.0  # between two saves when nothing was found
SYNC_S = 1.0  # a power cut loses no more than this
RESUME_NS = 30 * 60 * NS  # a night interrupted for longer is closed, not gone on with
RATE_HZ, RANGE_G = 50, 4


class Recorder:
    """Records nights with one sensor.

    Parameters
    ----------
    catalog : Catalog
        Of the data folder.
    radio : Radio
        Through which Bluetooth.
    clock : Clock
        The recording's clock.
    simulated : bool
        Whether the sensor is simulated.
    rate_hz : int
        Asked of the sensor.
    """

    def __init__(
        self, catalog: Catalog, radio: Radio, clock: Clock, *, simulated: bool, rate_hz: int = RATE_HZ
    ) -> None:
        self.ended = asyncio.Event()
        self.failure: str | None = None
        self._catalog = catalog
        self._radio = radio
        self._clock = clock
        self._simulated = simulated
        self._rate_hz = rate_hz
        self._night: NightRecorder | None = None
        self._leg: LegRecorder | None = None
        self._sensor = SensorState(leg="left")
        self._link: asyncio.Task[None] | None = None
        self._wanted_leg: Leg | None = None
        self._wanted: tuple[bool, Leg | None] = (False, None)
        self._saved = (0.0, 0, 0)

    async def run(self) -> None:
        """Work until `ended` is set; then close the night."""
        detect([[0.0, 0.0, 1.0]], self._rate_hz)  # compiles what the first samples would wait for
        self._take_up()
        synced = time.monotonic()
        try:
            while not self.ended.is_set() and self.failure is None:
                await self._reconcile()
                await self._tell()
                if self._night and time.monotonic() - synced > SYNC_S:
                    await asyncio.to_thread(self._night.sync)
                    synced = time.monotonic()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.ended.wait(), TURN_S)
        finally:
            await self._stop()
            await self._tell()

    def _take_up(self) -> None:
        """Go on with the night a crash interrupted, or close it."""
        record, _ = self._catalog.wanted()
        for info in self._catalog.nights():
            if info.state != "recording":
                continue
            night = NightRecorder(self._catalog, info.id, simulated=info.simulated)
            night.resume()
            since = self._clock.now_ns() - (info.started_ns + info.duration_ns)
            same = info.simulated == self._simulated and self._night is None
            if record and same and 0 <= since < RESUME_NS and night.legs:
                log.info("going on with night %s", info.id)
                self._night = night
                self._leg = next(iter(night.legs.values()))
                self._sensor = replace(self._sensor, leg=self._leg.night.meta.leg)
            else:
                log.info("closing night %s", info.id)
                night.close(self._clock.now_ns())

    async def _reconcile(self) -> None:
        with contextlib.suppress(OperationalError):  # the catalog is busy: what was wanted before still is
            self._wanted = await asyncio.to_thread(self._catalog.wanted)
        record, leg = self._wanted
        if record and self._link is None:
            self._wanted_leg = leg
            session = Session(
                self._radio,
                self._clock.now_ns,
                self,
                leg=leg,
                rate_hz=self._rate_hz,
                range_g=RANGE_G,
                speed=self._clock.speed,
            )
            self._link = asyncio.create_task(session.run())
        elif not record and self._link is not None:
            await self._stop()
        elif self._link is not None and self._link.done():
            self._link.result()  # a session ends only by a defect: let it be seen

    async def _stop(self) -> None:
        """End the link, then the night."""
        if self._link is not None:
            self._link.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._link
            self._link = None
        if self._night is not None and self.failure is None:
            try:
                self._night.close(self._clock.now_ns())
            except OperationalError:
                log.exception("the catalog is busy; night %s is closed at the next start", self._night.id)
        self._night = self._leg = None
        self._sensor = replace(self._sensor, link="off", detail="Not recording.")

    async def _tell(self) -> None:
        """Bring the catalog up to date, in a thread: a busy catalog must not keep samples waiting."""
        jobs = [self._report()]
        saved = self._saved
        if self._night is not None and self._leg is not None:
            now = time.monotonic()
            found = (len(self._leg.night.movements), len(self._leg.night.holes))
            if found != self._saved[1:] or now - self._saved[0] > SAVE_S:
                jobs.insert(0, self._night.saving())
                saved = (now, *found)
        try:
            for job in jobs:
                await asyncio.to_thread(job)
            self._saved = saved
        except OperationalError as e:
            log.warning("the catalog is busy, next turn again: %s", e)

    def _report(self) -> Callable[[], None]:
        sensor = self._sensor
        if self._leg is not None:
            sensor = replace(
                sensor,
                measured_rate_hz=self._leg.measured_hz,
                samples=self._leg.night.samples,
                missing_samples=self._leg.night.missing,
                refused_frames=self._leg.refused,
                last_sample_ns=self._leg.last_sample_ns,
            )
        return partial(
            self._catalog.report,
            RecorderState(
                seen_ns=time.time_ns(),
                clock=self._clock,
                simulated=self._simulated,
                night=self._night.id if self._night else None,
                sensors=[sensor] if self._link is not None else [],
                confirmed=self._night.confirmed if self._night else Tally(),
            ),
        )

    # what the link tells

    def link_changed(self, state: State, sentence: str) -> None:
        """Take the state of the link."""
        log.info("link %s: %s", state, sentence)
        self._sensor = replace(self._sensor, link=state, detail=sentence)

    def link_down(self, cause: Cause) -> None:
        """Note why the link is gone."""
        if self._leg is not None:
            self._leg.lost(cause)
            self._leg.note(self._clock.now_ns(), "disconnected", cause.value)

    def sensor_started(self, identity: Identity) -> None:
        """Begin the night with the first sensor that streams."""
        s = identity.started
        source = Source(identity.name, identity.address, s.rate_hz, s.range_g, s.scale_ug)
        leg: Leg = self._wanted_leg or identity.side or "left"
        if self._night is None:
            self._night = NightRecorder.begin(self._catalog, self._clock.now_ns(), simulated=self._simulated)
        recorder = self._night.leg(leg, source)
        self._leg = recorder if recorder.matches(source) else None
        self._sensor = replace(
            self._sensor,
            leg=leg,
            name=source.name,
            address=source.address,
            declared_rate_hz=float(source.rate_hz),
        )
        recorder.note(self._clock.now_ns(), "connected", source.address)

    def frame(self, frame: Frame, arrival_ns: int) -> None:
        """Record samples."""
        if self._leg is None or self.failure is not None:
            return
        try:
            self._leg.frame(frame, arrival_ns)
        except RecordingError as e:
            self.failure = str(e)
            self.link_changed("off", f"Recording has stopped: {e}")

    def refused(self, reason: str) -> None:
        """Count a frame that could not be read."""
        log.warning("frame refused: %s", reason)
        if self._leg is not None:
            self._leg.refuse()

    def battery(self, percent: int) -> None:
        """Note the battery level."""
        self._sensor = replace(self._sensor, battery_percent=percent)
        if self._leg is not None:
            self._leg.note(self._clock.now_ns(), "battery", str(percent))

    def signal(self, rssi_dbm: int) -> None:
        """Note the signal strength."""
        self._sensor = replace(self._sensor, rssi_dbm=rssi_dbm)
