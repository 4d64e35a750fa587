"""One ankle while it is recorded: what its link says, brought to its segment and to the catalog's state."""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from legmon.catalog.state import SensorState
from legmon.detection.detector import HIGHEST_HZ, LOWEST_HZ
from legmon.limits import LOW_PERCENT
from legmon.link.listener import Identity, Missing, State
from legmon.link.nearby import is_known
from legmon.messages import GapCause, LinkCode, Message, Trouble, trouble
from legmon.movement import NS, Leg
from legmon.recorder.leg import LegRecorder
from legmon.recorder.source import Source
from legmon.recording.segment import RecordingError
from legmon.sensors.base import Frame, RefusedError, Status

log = logging.getLogger(__name__)

WAITING = 400  # frames kept while a night is being begun
NOTED_NS = 600 * NS
SHAKEN_MG, SHAKEN_S = 150.0, 1.5  # within one frame; and for how long that is said
HOLDS_S: dict[str, float] = {
    LinkCode.SENSOR_REFUSED: 30.0,
    LinkCode.NOT_PAIRED: 30.0,
    LinkCode.BLUETOOTH_GONE: 12.0,
}  # while it is tried again every few seconds
RESTING_S = 1.0  # after the disk refused, before it is tried again

_TRYING = (LinkCode.SEARCHING, LinkCode.CONNECTING)


def disk_trouble(error: RecordingError) -> Message:
    """Return why a recording cannot be written: the disk is full, or it fails."""
    return trouble(Trouble.DISK_REFUSES if error.is_full else Trouble.DISK_FAILS, why=error)


class AnkleSensor:
    """What a link tells of one ankle (`legmon.link.listener.Listener`).

    Parameters
    ----------
    now_ns : callable
        The recording's clock.
    leg : {"left", "right"} or None
        The ankle, where it is said; otherwise the one the sensor names, or the left one.
    address : str or None
        The sensor that this night began with; no other will do.
    """

    def __init__(self, now_ns: Callable[[], int], leg: Leg | None, address: str | None = None) -> None:
        self.identity: Identity | None = None
        self.recorder: LegRecorder | None = None
        self._trouble: Message | None = None
        self._weak: Message | None = None
        self._is_first_level = True
        self.charging_since: float | None = None
        self._has_been_off = False  # the charger, in this night: one that begins on it is not over
        self.heard = float("-inf")  # when its last live frame came
        self.is_over = False  # what comes live belongs to the night no more, but tells that a cut has ended
        self._now_ns = now_ns
        self.wanted = leg
        self.address = address
        self._state = SensorState(leg=leg or "left")
        self._waiting: deque[tuple[Frame, int]] = deque(maxlen=WAITING)
        self._not_before = 0.0
        self._stands: tuple[Message, float] | None = (
            None  # what stays said while it is tried again, and since when
        )
        self._arrived = 0
        self._shaken = -SHAKEN_S
        self._worst_ns = 0  # between two frames, since it was last noted
        self._noted_ns = 0

    @property
    def leg(self) -> Leg:
        """The ankle."""
        return self.wanted or (self.identity.started.side if self.identity else None) or self._state.leg

    @property
    def trouble(self) -> Message | None:
        """What a person should know and do."""
        return self._trouble or self._weak

    @property
    def source(self) -> Source | None:
        """The sensor, once one has started."""
        if self.identity is None:
            return None
        s = self.identity.started
        i = self.identity
        return Source(i.name, i.address, s.rate_hz, s.range_g, s.scale_ug, i.loss)

    @property
    def is_streaming(self) -> bool:
        """Whether the link is up."""
        return self._state.link == "streaming"

    def attach(self, recorder: LegRecorder) -> None:
        """Record into a segment from now on, with what has come since the sensor was started."""
        self.recorder = recorder
        if recorder.night.samples:  # gone on with
            self.heard = max(self.heard, time.monotonic())
        self._has_been_off = recorder.has_been_off or self._state.charging is False
        self.charging_since = None
        self.is_over = False
        self._is_first_level = True
        if self._state.battery_percent is not None:
            self._judge(self._state.battery_percent)
        if self.identity is not None:
            if self.identity.address:
                recorder.started(self.identity, is_new=len(self._waiting) < WAITING)
            self._note("connected", self.identity.address)
            if self._state.battery_percent is not None:
                self._note("battery", str(self._state.battery_percent))
            if self._state.charging is not None:
                self._note("charging", str(self._state.charging).lower())
        waiting, self._waiting = list(self._waiting), deque(maxlen=WAITING)
        for frame, arrival_ns in waiting:
            self.frame(frame, arrival_ns)

    def detach(self) -> None:
        """Record no more; what comes is kept for whoever attaches next, as far as it goes back."""
        self.recorder = None
        if self.identity is not None:  # the next recording begins in a stream's midst
            self.identity = replace(
                self.identity, started=replace(self.identity.started, next=None, before=None)
            )

    def state(self) -> SensorState:
        """Return what the catalog says of it."""
        moving = self.is_streaming and time.monotonic() - self._shaken < SHAKEN_S
        state = replace(self._state, leg=self.leg, moving=moving)
        if self._stands is not None and state.detail_code in _TRYING:
            message, since = self._stands
            if time.monotonic() - since < HOLDS_S[message.code]:
                state = replace(state, detail=message.sentence, detail_code=message.code)
        recorder = self.recorder
        if recorder is not None:
            state = replace(
                state,
                measured_rate_hz=recorder.measured_hz,
                samples=recorder.night.samples,
                missing_samples=recorder.night.missing,
                refused_frames=recorder.refused,
                repeated_frames=recorder.repeated,
                pending_samples=recorder.pending,
                last_sample_ns=recorder.last_sample_ns,
            )
        return state

    # what the link tells and asks

    def link_changed(self, state: State, message: Message) -> None:
        """Take the state of the link. Why it does not come about stays said while it is tried again."""
        log.info("link %s: %s", state, message.sentence)
        if message.code in HOLDS_S:
            self._stands = (message, time.monotonic())
        elif message.code not in _TRYING:
            self._stands = None
        self._state = replace(self._state, link=state, detail=message.sentence, detail_code=message.code)

    def link_down(self, cause: GapCause) -> None:
        """Note why the link is gone."""
        if self.recorder is not None:
            self.recorder.lost(cause)
            self._note("disconnected", cause.value)

    def sensor_started(self, identity: Identity) -> None:
        """Take the sensor; from the first time on no other will do.

        Raises
        ------
        RefusedError
            If movements cannot be found at its rate.
        """
        rate_hz = identity.started.rate_hz
        if not LOWEST_HZ <= rate_hz <= HIGHEST_HZ:
            raise RefusedError(
                f"{identity.name} measures {rate_hz:g} times a second, but a night needs {LOWEST_HZ:g} to {HIGHEST_HZ:g}."
                " Set its rate, or use another sensor."
            )
        self.identity = identity
        self.address = identity.address
        self._state = replace(
            self._state,
            name=identity.name,
            address=identity.address,
            driver=identity.driver,
            declared_rate_hz=float(identity.started.rate_hz),
            loss=identity.loss,
        )
        if self.recorder is not None and self.source is not None:
            if not self.recorder.matches(self.source):
                self.recorder.lost(GapCause.OTHER_SENSOR)
                self._trouble = trouble(Trouble.OTHER_SENSOR)
                return
            self.recorder.started(identity)
            self._note("connected", identity.address)
            if self._state.rssi_dbm is not None:
                self._note("signal", str(self._state.rssi_dbm))

    def frame(self, frame: Frame, arrival_ns: int) -> None:
        """Record samples; while the disk refuses them they are missing, and fetched when it takes them again."""
        if not frame.late:
            self.heard = time.monotonic()
        if not frame.late and self.identity is not None:
            scale_mg = self.identity.started.scale_ug / 1000
            if len(frame.xyz) and np.ptp(frame.xyz.astype(np.int32), axis=0).max() * scale_mg > SHAKEN_MG:
                self._shaken = time.monotonic()
        if self.recorder is None or self.source is None:
            self._waiting.append((frame, arrival_ns))
            return
        if not self.recorder.matches(self.source) or time.monotonic() < self._not_before:
            return
        if self.is_over and not frame.late and not (self.recorder.is_buffered and self.recorder.is_cut):
            return
        if not frame.late:
            self._time_arrival(arrival_ns)
        try:
            self.recorder.frame(frame, arrival_ns)
        except RecordingError as e:
            self._refused_by_disk(e)
        else:
            self._trouble = None
            self._not_before = 0.0

    def _time_arrival(self, arrival_ns: int) -> None:
        """Note every ten minutes how long the radio was quiet at worst: a connected signal has no strength to read."""
        if self._arrived:
            self._worst_ns = max(self._worst_ns, arrival_ns - self._arrived)
        self._arrived = arrival_ns
        if arrival_ns - self._noted_ns > NOTED_NS:
            if self._noted_ns:
                self._note("quiet_ms", str(self._worst_ns // 1_000_000))
            self._noted_ns, self._worst_ns = arrival_ns, 0

    def _refused_by_disk(self, error: RecordingError) -> None:
        self._not_before = time.monotonic() + RESTING_S
        if self._trouble is None:
            log.error("%s", error)
        self._trouble = disk_trouble(error)
        if self.recorder is not None:
            self.recorder.lost(GapCause.DISK_FULL if error.is_full else GapCause.DISK_FAILED)

    def refused(self, reason: str) -> None:
        """Count a frame that could not be read."""
        log.warning("frame refused: %s", reason)
        if self.recorder is not None:
            self.recorder.refuse()

    def battery(self, percent: int) -> None:
        """Note the battery level."""
        if percent != self._state.battery_percent:
            self._note("battery", str(percent))
        self._state = replace(self._state, battery_percent=percent)
        if self.recorder is not None:
            self._judge(percent)

    def _judge(self, percent: int) -> None:
        """Say so if the battery is low when recording begins, until it is charged; recording goes on as it would."""
        if percent >= LOW_PERCENT:
            self._weak = None
        elif self._is_first_level:
            self._weak = trouble(Trouble.BATTERY_LOW, percent=percent)
        self._is_first_level = False

    def status(self, status: Status) -> None:
        """Take whether it is worn and charging."""
        for what, was, now in (
            ("charging", self._state.charging, status.charging),
            ("worn", self._state.worn, status.worn),
        ):
            if now is not None and now != was:
                self._note(what, str(now).lower())
        self._state = replace(self._state, charging=status.charging, worn=status.worn)
        if not status.charging:
            self._has_been_off |= status.charging is False
            self.charging_since = None
        elif self.charging_since is None and self._has_been_off:
            self.charging_since = time.monotonic()

    def signal(self, rssi_dbm: int) -> None:
        """Note the signal strength, where it is known."""
        if is_known(rssi_dbm):
            self._state = replace(self._state, rssi_dbm=rssi_dbm)

    def last_stream(self) -> int | None:
        """Say which stream was recorded last."""
        return self.recorder.last_stream if self.recorder is not None else None

    def missing(self) -> Missing | None:
        """Say what is to be fetched next; nothing while the disk takes nothing."""
        if self.recorder is None or not self.recorder.is_buffered or time.monotonic() < self._not_before:
            return None
        return self.recorder.missing()

    def unavailable(self, missing: Missing, cause: GapCause | None) -> None:
        """Give up samples that the sensor no longer holds."""
        if self.recorder is not None:
            try:
                self.recorder.unavailable(missing, cause)
            except RecordingError as e:
                self._refused_by_disk(e)

    def _note(self, what: str, value: str) -> None:
        if self.recorder is not None:
            try:
                self.recorder.note(self._now_ns(), what, value)
            except RecordingError as e:
                self._refused_by_disk(e)
