"""One sensor at one ankle: pass what its link reports on to the recording and to the state in the catalog."""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from legmon import logs
from legmon.catalog.state import SensorState
from legmon.detection.detector import HIGHEST_HZ, LOWEST_HZ
from legmon.limits import LOW_PERCENT
from legmon.link.listener import ConnectedSensor, LinkState, SampleRange
from legmon.link.nearby import is_known
from legmon.messages import GapCause, LinkCode, Message, SegmentFault, Trouble, trouble
from legmon.movement import NS, Leg
from legmon.recorder.leg import LegRecorder
from legmon.recording.files import RecordingError
from legmon.sensors.base import Frame, RefusedError, Status

log = logging.getLogger(__name__)

WAITING = 400  # frames kept until a recording begins
QUIET_NOTE_NS = 600 * NS
SHAKEN_MG, SHAKEN_S = 150.0, 1.5  # within one frame; and for how long the sensor counts as moving
HOLDS_S: dict[str, float] = {
    LinkCode.SENSOR_REFUSED: 30.0,
    LinkCode.NOT_PAIRED: 30.0,
    LinkCode.BLUETOOTH_GONE: 12.0,
}  # how long a message stays, while the link tries again every few seconds
DISK_RETRY_S = 1.0  # after the disk refused a frame

_TRYING = (LinkCode.SEARCHING, LinkCode.CONNECTING)


_FILE_TROUBLES = {
    SegmentFault.REMOVED: Trouble.SEGMENT_REMOVED,
    SegmentFault.REPLACED: Trouble.SEGMENT_REPLACED,
    SegmentFault.CUT: Trouble.SEGMENT_CUT,
    SegmentFault.CHANGED: Trouble.SEGMENT_CHANGED,
}


def disk_trouble(error: RecordingError) -> Message:
    """Return the message for a recording that cannot be written: the disk is full, or it fails."""
    return trouble(Trouble.DISK_REFUSES if error.is_full else Trouble.DISK_FAILS, why=error)


class AnkleSensor:
    """The sensor of one ankle, as a listener of its link (`legmon.link.listener.LinkListener`).

    Parameters
    ----------
    now_ns : callable
        The recording's clock.
    leg : {"left", "right"} or None
        The ankle. If None, the one that the sensor is set up for, or the left one.
    address : str or None
        The sensor that this night began with; no other one is accepted.
    """

    def __init__(self, now_ns: Callable[[], int], leg: Leg | None, address: str | None = None) -> None:
        self.sensor: ConnectedSensor | None = None
        self.recorder: LegRecorder | None = None
        self._trouble: Message | None = None
        self._battery_trouble: Message | None = None
        self._is_first_level = True
        self.charging_since: float | None = None
        self._has_been_off = False  # the charger: a night that begins on it does not end there at once
        self.heard_at = float("-inf")  # monotonic time of the last live frame
        self.is_over = False  # whether the night is over: live frames only show that the link is back
        self._now_ns = now_ns
        self.wanted_leg = leg
        self.address = address
        self._state = SensorState(leg=leg or "left")
        self._waiting: deque[tuple[Frame, int]] = deque(maxlen=WAITING)
        self._retry_at = 0.0
        self._lasting: tuple[Message, float] | None = (
            None  # a message that stays during new tries, and since when
        )
        self._arrival_ns = 0
        self._shaken_at = -SHAKEN_S
        self._quiet_ns = 0  # longest time between two frames since it was last noted
        self._noted_ns = 0

    @property
    def leg(self) -> Leg:
        """The ankle."""
        return self.wanted_leg or (self.sensor.start.side if self.sensor else None) or self._state.leg

    @property
    def trouble(self) -> Message | None:
        """The message for the person, if something is wrong."""
        return self._trouble or self._file_trouble() or self._battery_trouble

    def _file_trouble(self) -> Message | None:
        """Return the message about a file that another program changed while it was recorded."""
        fault = self.recorder.fault if self.recorder is not None else None
        return trouble(_FILE_TROUBLES[fault]) if fault is not None else None

    @property
    def is_streaming(self) -> bool:
        """Whether the link is up."""
        return self._state.link == "streaming"

    def attach(self, recorder: LegRecorder) -> None:
        """Record into a segment from now on, including frames that came since the sensor was started."""
        self.recorder = recorder
        if recorder.was_resumed:  # recording goes on after an interruption
            self.heard_at = max(self.heard_at, time.monotonic())
        self._has_been_off = recorder.has_been_off or self._state.charging is False
        self.charging_since = None
        self.is_over = False
        self._is_first_level = True
        if self._state.battery_percent is not None:
            self._check_battery(self._state.battery_percent)
        if self.sensor is not None:
            if self.sensor.address:
                recorder.sensor_started(self.sensor, is_new=len(self._waiting) < WAITING)
            self._note("connected", self.sensor.address)
            if self._state.battery_percent is not None:
                self._note("battery", str(self._state.battery_percent))
            if self._state.charging is not None:
                self._note("charging", str(self._state.charging).lower())
        waiting, self._waiting = list(self._waiting), deque(maxlen=WAITING)
        for frame, arrival_ns in waiting:
            self.frame(frame, arrival_ns)

    def detach(self) -> None:
        """Stop recording. The latest frames are kept for the next recording."""
        self.recorder = None
        if self.sensor is not None:  # the next recording begins in the middle of a stream
            self.sensor = replace(self.sensor, start=replace(self.sensor.start, next=None, before=None))

    def state(self) -> SensorState:
        """Return the state of the sensor, for the catalog."""
        moving = self.is_streaming and time.monotonic() - self._shaken_at < SHAKEN_S
        state = replace(self._state, leg=self.leg, moving=moving)
        if self._lasting is not None and state.detail_code in _TRYING:
            message, since = self._lasting
            if time.monotonic() - since < HOLDS_S[message.code]:
                state = replace(state, detail=message.sentence, detail_code=message.code)
        recorder = self.recorder
        if recorder is not None:
            state = replace(
                state,
                measured_rate_hz=recorder.measured_hz,
                samples=recorder.samples,
                missing_samples=recorder.night.missing,
                refused_frames=recorder.refused,
                repeated_frames=recorder.repeated,
                pending_samples=recorder.pending,
                last_sample_ns=recorder.last_sample_ns,
            )
        return state

    # called by the link

    def link_changed(self, state: LinkState, message: Message) -> None:
        """Note the state of the link. The reason of a failure stays for a while during new tries."""
        log.info(
            "%s leg: link %s (%s)", self._state.leg, state, message.code
        )  # the sentence may hold the sensor's name
        if message.code in HOLDS_S:
            self._lasting = (message, time.monotonic())
        elif message.code not in _TRYING:
            self._lasting = None
        self._state = replace(self._state, link=state, detail=message.sentence, detail_code=message.code)

    def link_down(self, cause: GapCause) -> None:
        """Note why the link is down."""
        log.info("%s leg: disconnected (%s)", self._state.leg, cause.value)
        if self.recorder is not None:
            self.recorder.lost(cause)
            self._note("disconnected", cause.value)

    def sensor_started(self, sensor: ConnectedSensor) -> None:
        """Note the sensor. From now on no other one is accepted.

        Raises
        ------
        RefusedError
            If its rate is too low or too high to find movements.
        """
        logs.hide(sensor.name, sensor.address)
        rate_hz = sensor.format.rate_hz
        log.info("%s leg: connected, %s, %g Hz", self._state.leg, sensor.driver, rate_hz)
        if not LOWEST_HZ <= rate_hz <= HIGHEST_HZ:
            raise RefusedError(
                f"{sensor.name} measures {rate_hz:g} times a second, but a night needs {LOWEST_HZ:g} to {HIGHEST_HZ:g}."
                " Set its rate, or use another sensor."
            )
        self.sensor = sensor
        self.address = sensor.address
        self._state = replace(
            self._state,
            name=sensor.name,
            address=sensor.address,
            driver=sensor.driver,
            declared_rate_hz=float(sensor.format.rate_hz),
            loss=sensor.format.loss,
        )
        if self.recorder is not None:
            if not self.recorder.matches(sensor.format):
                self.recorder.lost(GapCause.OTHER_SENSOR)
                self._trouble = trouble(Trouble.OTHER_SENSOR)
                return
            self.recorder.sensor_started(sensor)
            self._note("connected", sensor.address)
            if self._state.rssi_dbm is not None:
                self._note("signal", str(self._state.rssi_dbm))

    def frame(self, frame: Frame, arrival_ns: int) -> None:
        """Record samples. If the disk refuses them, they are fetched later."""
        if not frame.late:
            self.heard_at = time.monotonic()
        if not frame.late and self.sensor is not None:
            scale_mg = self.sensor.format.scale_ug / 1000
            if len(frame.xyz) and np.ptp(frame.xyz.astype(np.int32), axis=0).max() * scale_mg > SHAKEN_MG:
                self._shaken_at = time.monotonic()
        if self.recorder is None or self.sensor is None:
            self._waiting.append((frame, arrival_ns))
            return
        if not self.recorder.matches(self.sensor.format) or time.monotonic() < self._retry_at:
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
            self._retry_at = 0.0

    def _time_arrival(self, arrival_ns: int) -> None:
        """Note the longest pause every ten minutes. It stands for signal strength, which a connected link does not report."""
        if self._arrival_ns:
            self._quiet_ns = max(self._quiet_ns, arrival_ns - self._arrival_ns)
        self._arrival_ns = arrival_ns
        if arrival_ns - self._noted_ns > QUIET_NOTE_NS:
            if self._noted_ns:
                self._note("quiet_ms", str(self._quiet_ns // 1_000_000))
            self._noted_ns, self._quiet_ns = arrival_ns, 0

    def _refused_by_disk(self, error: RecordingError) -> None:
        self._retry_at = time.monotonic() + DISK_RETRY_S
        if self._trouble is None:
            log.error("%s", error)
        self._trouble = disk_trouble(error)
        if self.recorder is not None:
            self.recorder.lost(GapCause.DISK_FULL if error.is_full else GapCause.DISK_FAILED)

    def refused(self, reason: str) -> None:
        """Count a frame that could not be decoded."""
        log.warning("frame refused: %s", reason)
        if self.recorder is not None:
            self.recorder.refuse()

    def battery(self, percent: int) -> None:
        """Note the battery level."""
        if percent != self._state.battery_percent:
            self._note("battery", str(percent))
        self._state = replace(self._state, battery_percent=percent)
        if self.recorder is not None:
            self._check_battery(percent)

    def _check_battery(self, percent: int) -> None:
        """Warn until the battery is charged, if it is low when recording begins."""
        if percent >= LOW_PERCENT:
            self._battery_trouble = None
        elif self._is_first_level:
            self._battery_trouble = trouble(Trouble.BATTERY_LOW, percent=percent)
        self._is_first_level = False

    def status(self, status: Status) -> None:
        """Note whether it is worn and charging."""
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
        """Note the signal strength, if it is known."""
        if is_known(rssi_dbm):
            self._state = replace(self._state, rssi_dbm=rssi_dbm)

    def last_stream(self) -> int | None:
        """Return the stream that was recorded last."""
        return self.recorder.last_stream if self.recorder is not None else None

    def next_to_fetch(self) -> SampleRange | None:
        """Return the samples to fetch next; None while the disk refuses samples."""
        if self.recorder is None or not self.recorder.is_buffered or time.monotonic() < self._retry_at:
            return None
        return self.recorder.next_to_fetch()

    def unavailable(self, samples: SampleRange, cause: GapCause | None) -> None:
        """Record samples that the sensor no longer holds as a gap."""
        if self.recorder is not None:
            try:
                self.recorder.unavailable(samples, cause)
            except RecordingError as e:
                self._refused_by_disk(e)

    def _note(self, what: str, value: str) -> None:
        if self.recorder is not None:
            try:
                self.recorder.note(self._now_ns(), what, value)
            except RecordingError as e:
                self._refused_by_disk(e)
