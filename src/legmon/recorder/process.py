"""Run the recorder process. It works towards the desired state in the catalog until it is ended."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy.exc import DBAPIError

from legmon.catalog.clock import Clock, Watch
from legmon.catalog.database import catalog_fault
from legmon.catalog.file import CATALOG_ERRORS
from legmon.catalog.state import Mode, RecorderState, Wanted
from legmon.catalog.store import CAPTURE, Catalog
from legmon.errors import LegmonError
from legmon.limits import RATE_HZ
from legmon.link.inhibitor import SleepInhibitor
from legmon.link.radio import Radio
from legmon.messages import CatalogFault, Message, Trouble, trouble
from legmon.nights.custody import scrub_next, seal_next
from legmon.recorder import compilation
from legmon.recorder.ankle_sensor import AnkleSensor, disk_trouble
from legmon.recorder.choice import SensorChoice
from legmon.recorder.ending import (
    NightCloser,
    add_interrupted,
    ended_by,
    finish_backfill,
    resume_night,
)
from legmon.recorder.leg import LegRecorder, segment_meta
from legmon.recorder.links import SensorLinks
from legmon.recorder.night import NightRecorder
from legmon.recording.files import RecordingError, leg_files
from legmon.scoring.live import Tally

log = logging.getLogger(__name__)

TURN_S = 0.25  # of the loop that saves, reports and reads the desired state
LOOK_S = 0.7  # between two reads of the desired state while a night is recorded
SAVE_S = 5.0  # between two saves without a new movement, s of night, but at least a turn
REPORT_S = 1.0  # between two reports if only counts have changed
LATE_S = 1.5  # a report that the catalog has not taken for so long goes to a file; the page waits for 3 s
SYNC_S = 1.0  # a power cut loses at most this much of the recording, s
START_UP_S = 600.0  # reading a night back may take this long
CACHED_S = 5.0  # in which a detector that was compiled before is ready
SEAL_S = 5.0  # between two files that are verified


class Recorder:
    """Records nights with one or two sensors.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    radio : Radio
        The Bluetooth radio to use.
    clock : Clock
        The recording's clock.
    choice : SensorChoice
        Which sensors may be used.
    simulated : bool
        Whether the sensors are simulated.
    rate_hz : int
        The rate to ask the sensors for.
    """

    def __init__(
        self,
        catalog: Catalog,
        radio: Radio,
        clock: Clock,
        choice: SensorChoice,
        *,
        simulated: bool,
        rate_hz: int = RATE_HZ,
    ) -> None:
        self.ended = asyncio.Event()
        self.beat = time.monotonic() + START_UP_S
        self._catalog = catalog
        self._simulated = simulated
        self._rate_hz = rate_hz
        self._choice = choice
        add_interrupted(catalog)  # a new catalog does not know the night that goes on
        self._openings = catalog.openings
        self._watch = Watch(clock, catalog.folder / "clock.json", anew=not self._is_interrupted())
        self._now_ns = self._watch.now_ns
        self._links = SensorLinks(
            radio, self._now_ns, choice, speed=lambda: self._watch.clock.speed, rate_hz=rate_hz
        )
        self._inhibitor = SleepInhibitor()
        self._night: NightRecorder | None = None
        self._closer = NightCloser()
        self._mode: Mode = "off"
        self._wanted = Wanted()
        self._troubles: dict[str, Message] = {}
        self._saved: tuple[float, int] = (0.0, 0)
        self._reported: tuple[float, RecorderState | None] = (0.0, None)
        self._unwritten: dict[str, Exception] = {}  # what the catalog refuses: the counts, the report
        self._written_at = 0.0
        self._is_outside = (
            True  # whether a report may lie outside of the catalog, perhaps from an earlier recorder
        )
        self._sealed = self._synced = 0.0
        self._looked = 0.0

    async def run(self) -> None:
        """Work until `ended` is set, then close the night. After an error the night stays open, and the next start resumes it."""
        compilation.begin()
        if self._is_interrupted():  # the night is read back at once if the detector is in the cache
            await asyncio.to_thread(compilation.finish, CACHED_S)
        self._resume()
        self._written_at = time.monotonic()
        over = asyncio.Event()
        outside = asyncio.create_task(self._report_outside(over))
        try:
            await self._run()
        finally:
            over.set()
            await outside
        await asyncio.to_thread(self._catalog.report_file.remove)

    async def _run(self) -> None:
        while not self.ended.is_set():
            self.beat = time.monotonic()
            await self._reconcile()
            self._inhibitor.keep_awake(awake=self._night is not None)
            self._inhibitor.refresh()
            await self._sync()
            await self._report()
            await self._seal()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), TURN_S)
        await self._stop()
        await self._closer.finish()
        self._inhibitor.keep_awake(awake=False)
        await self._report()

    def change_speed(self, wall_ns: int, speed: float) -> None:
        """Let simulated time run at another speed from a moment of the wall clock on; 0 stops it."""
        if self._simulated:
            self._watch.change(wall_ns, speed)

    @property
    def left_open(self) -> list[str]:
        """The sentences for the nights that could not be closed."""
        return self._closer.left_open

    # a night that was interrupted by a crash

    def _is_interrupted(self) -> bool:
        return any(n.state == "recording" for n in self._catalog.nights())

    def _resume(self) -> None:
        """Resume the night that a crash interrupted, or close it."""
        self._wanted = wanted = self._catalog.wanted()
        self._choice.choose(wanted.sensors)
        wants = wanted.mode == "record"
        night, message = resume_night(
            self._catalog, self._closer, self._now_ns() if wants else None, simulated=self._simulated
        )
        if message is not None:
            self._troubles["resume"] = message
        if self._catalog.renewal is not None:
            self._troubles["catalog"] = trouble(Trouble.CATALOG_RENEWED)
        if night is None:
            return
        self._night, self._mode = night, "record"
        for leg, recorder in night.legs.items():
            address = recorder.night.meta.address
            known = address if address not in ("", CAPTURE) else None
            self._links.start(leg, known).attach(recorder)

    # towards the desired state

    async def _reconcile(self) -> None:
        await self._read_wanted()
        mode = self._wanted.mode
        if mode != self._mode:
            await self._change_mode(mode)
        self._choice.choose(self._wanted.sensors)
        legs = self._choice.legs(self._wanted.legs)
        await self._links.listen(self._wanted.asked_ns if mode == "check" else None)
        if mode != "off" and self._night is None and (unwanted := self._links.unwanted(legs)):
            await self._links.end(unwanted)
            self._end_check(unwanted)
        self._closer.retry()
        if mode == "off":
            return
        if self._night is None and not any(x.sensor for x in self._links):
            self._watch.follow()
        self._links.start_missing(legs)
        self._links.raise_errors()
        for ankle in self._links:
            unread = self._night.unread if self._night else {}
            if ankle.recorder is None and ankle.sensor is not None and ankle.leg not in unread:
                await self._attach(ankle)
        if mode == "record":
            await self._end_if_over()

    async def _read_wanted(self) -> None:
        if self._mode != "record" or time.monotonic() - self._looked > LOOK_S:
            self._looked = time.monotonic()
            with contextlib.suppress(
                *CATALOG_ERRORS
            ):  # the catalog is busy: the desired state stays as it was
                wanted = await asyncio.to_thread(self._catalog.wanted)
                if self._catalog.openings != self._openings:
                    self._openings = self._catalog.openings
                    self._troubles["catalog"] = trouble(Trouble.CATALOG_RENEWED)
                if wanted.asked_ns or not self._wanted.asked_ns:
                    self._wanted = wanted
                else:
                    await self._fill_new_catalog()

    async def _fill_new_catalog(self) -> None:
        """Write the desired state into a catalog that does not know it: the one before was damaged or removed.

        The night that is recorded follows with its next save, and the dashboard adds the nights before it.
        """
        before = self._wanted
        await asyncio.to_thread(self._catalog.want, before.mode, before.legs)
        if before.sensors:
            await asyncio.to_thread(self._catalog.choose, before.sensors)
        self._wanted = await asyncio.to_thread(self._catalog.wanted)

    async def _change_mode(self, mode: Mode) -> None:
        """Leave the present mode. A link that the new mode needs as well stays up."""
        if self._mode == "record" or mode == "off":
            await self._stop()
        is_waiting = any(x.sensor and not x.recorder for x in self._links)  # their frames have the old clock
        self._end_check(self._links)
        if not is_waiting:
            self._watch.follow()
        log.info("the desired state: %s", mode)
        self._mode = mode
        self._troubles.pop("catalog", None)

    def _end_check(self, ankles: Iterable[AnkleSensor]) -> None:
        for ankle in ankles:
            if ankle.recorder is not None:
                try:
                    if compilation.is_under_way():
                        ankle.recorder.abandon()
                    else:
                        ankle.recorder.close(self._now_ns())
                except RecordingError as e:  # the recording of a check is not needed later
                    log.info("check: %s", e)
                    ankle.recorder.abandon()
                ankle.detach()

    async def _attach(self, ankle: AnkleSensor) -> None:
        """Attach a recording to a streaming sensor for its samples."""
        sensor = ankle.sensor
        if sensor is None:
            return
        described = sensor.name, sensor.address, sensor.format
        try:
            if self._mode == "check":
                path = self._catalog.check_segment(ankle.leg)
                for part in leg_files(path):
                    part.unlink(missing_ok=True)
                meta = segment_meta("check", ankle.leg, *described, simulated=self._simulated)
                recorder = await asyncio.to_thread(LegRecorder, path, meta)
            else:
                if self._night is None:
                    begin = partial(
                        NightRecorder.begin, self._catalog, self._now_ns(), simulated=self._simulated
                    )
                    self._night = await asyncio.to_thread(begin)
                recorder = await asyncio.to_thread(self._night.leg, ankle.leg, *described)
            ankle.attach(recorder)
            self._troubles.pop("begin", None)
        except DBAPIError as e:  # the next turn tries again
            self._troubles["begin"] = catalog_trouble(e)
        except (LegmonError, OSError) as e:
            self._troubles["begin"] = trouble(Trouble.NOT_BEGUN, why=e)

    async def _end_if_over(self) -> None:
        """Stop if the night is over: on the charger, or the person has got up."""
        why = ended_by(self._links)
        if why and self._night is not None:
            log.warning("the night is over: %s", why)
            self._night.ended_by = why
            self._saved = (0.0, 0)  # saves the reason at once, before the night is closed
            with contextlib.suppress(*CATALOG_ERRORS):
                await asyncio.to_thread(self._catalog.want, "off", None)

    async def _turn(self) -> None:
        """Do the regular work while a stopped night fetches its last samples."""
        self.beat = time.monotonic()
        await self._read_wanted()
        await self._sync()
        await self._report()

    async def _stop(self) -> None:
        """Fetch the samples still held by the sensors, then end the links and the night."""
        at_ns = self._now_ns()
        if self._night is not None:
            await finish_backfill(
                self._links,
                self._turn,
                is_urgent=lambda: self.ended.is_set() or self._wanted.mode != "off",
            )
        await self._links.listen(None)
        await self._links.end(self._links)
        if self._night is not None:
            night, self._night = self._night, None
            self._closer.close(night, at_ns)
            self._troubles.pop("sync", None)

    async def _sync(self) -> None:
        """Sync the recording to the disk, in a thread.

        After a failure the message stays: a disk may report success the next time although the data are lost.
        """
        if self._night is None or time.monotonic() - self._synced < SYNC_S:
            return
        self._synced = time.monotonic()
        try:
            await asyncio.to_thread(self._night.sync)
            if (before := self._troubles.get("sync")) and before.code == Trouble.DISK_REFUSES:
                del self._troubles["sync"]
        except RecordingError as e:
            self._troubles["sync"] = disk_trouble(e) if e.is_full else trouble(Trouble.NOT_SYNCED, why=e)

    # the catalog

    async def _seal(self) -> None:
        """Verify and pack one recording of a closed night, in a thread; when no night is recorded, verify an older one again."""
        if time.monotonic() - self._sealed < SEAL_S:
            return
        self._sealed = time.monotonic()
        with contextlib.suppress(*CATALOG_ERRORS):
            await asyncio.to_thread(seal_next, self._catalog)
            if self._night is None:
                await asyncio.to_thread(scrub_next, self._catalog)

    async def _report(self) -> None:
        """Update the catalog, in a thread: a busy catalog must not delay samples."""
        now, speed = time.monotonic(), self._watch.clock.speed
        if self._night is not None and self._night.legs and self._night.catch_up():
            found = self._night.found
            is_due = found != self._saved[1] or now - self._saved[0] > SAVE_S / max(speed, 1.0)
            if is_due and await self._written("counts", self._night.saving()):
                self._saved = (now, found)
        state = self._state()
        gist = replace(state, seen_ns=0, nearby=[], sensors=[replace(s, **_COUNTS) for s in state.sensors])
        if gist != self._reported[1] or now - self._reported[0] > REPORT_S / min(max(speed, 1.0), 4.0):
            self._reported = (now, gist)
            if await self._written("report", partial(self._catalog.report, state)):
                self._written_at = time.monotonic()
                if self._is_outside:
                    self._is_outside = False
                    await asyncio.to_thread(self._catalog.report_file.remove)

    async def _report_outside(self, over: asyncio.Event) -> None:
        """While the catalog does not take the report, keep it in a file on another disk: the page must know what is wrong."""
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), REPORT_S / 2)
            if not over.is_set() and time.monotonic() - self._written_at > LATE_S:
                await asyncio.to_thread(self._catalog.report_file.write, self._state())
                self._is_outside = True

    async def _written(self, what: str, write: Callable[[], None]) -> bool:
        """Write to the catalog, in a thread. Return whether it did not refuse."""
        try:
            await asyncio.to_thread(write)
        except CATALOG_ERRORS as e:
            if what not in self._unwritten:
                log.warning("the catalog cannot be written, trying again: %s", getattr(e, "orig", e))
            self._unwritten[what] = e
            return False
        if self._unwritten.pop(what, None) is not None:
            log.warning("the catalog can be written again")
        return True

    def _state(self) -> RecorderState:
        troubles = [
            *(self._troubles.get(k) for k in ("sync", "begin")),
            *(x.trouble for x in self._links),
            *self._closer.troubles,
            *map(unwritten_trouble, self._unwritten.values()),
            self._troubles.get("resume"),
            self._troubles.get("catalog"),  # it is over; the others go on
            self._closer.last,
        ]
        troubles.sort(
            key=lambda t: t is not None and t.code == Trouble.BATTERY_LOW
        )  # it can wait until the evening
        return RecorderState(
            seen_ns=time.time_ns(),
            clock=self._watch.clock,
            simulated=self._simulated,
            night=self._night.id if self._night else None,
            sensors=[ankle.state() for ankle in self._links],
            confirmed=self._night.confirmed if self._night else Tally(),
            counts=self._night.counts if self._night else Tally(),
            analysed_ns=self._night.analysed_ns if self._night else 0,
            last_movements=self._night.last_movements if self._night else [],
            trouble=next((t for t in troubles if t), None),
            mode=self._mode,
            nearby=self._links.nearby(),
            moment=self._watch.moment,
            computer=self._inhibitor.state,
        )


_COUNTS: dict[str, Any] = {
    "samples": 0,
    "missing_samples": 0,
    "pending_samples": 0,
    "last_sample_ns": None,
    "measured_rate_hz": None,
}


def catalog_trouble(error: DBAPIError) -> Message:
    """Return the message for a catalog that is busy, cannot be written, has a full disk, or is damaged."""
    return trouble(_CATALOG_TROUBLES.get(catalog_fault(error), Trouble.CATALOG_FAILS), why=error.orig)


def unwritten_trouble(error: Exception) -> Message:
    """Return the message for a catalog that cannot be brought up to date."""
    if not isinstance(error, DBAPIError):
        return trouble(Trouble.CATALOG_NOT_WRITTEN, why=error)
    fault = catalog_fault(error)
    if fault is CatalogFault.FULL:
        return trouble(Trouble.DISK_FULL)
    if fault is CatalogFault.BUSY:
        return trouble(Trouble.CATALOG_LOCKED)
    return trouble(Trouble.CATALOG_NOT_WRITTEN, why=error.orig)


_CATALOG_TROUBLES = {
    CatalogFault.BUSY: Trouble.CATALOG_BUSY,
    CatalogFault.FULL: Trouble.CATALOG_FULL,
    CatalogFault.DAMAGED: Trouble.CATALOG_DAMAGED,
}
