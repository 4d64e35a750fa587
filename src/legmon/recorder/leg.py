"""Record one leg: write frames to the segment, find movements, fit the time."""

from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

from legmon.link.listener import ConnectedSensor, SampleRange
from legmon.messages import FRAME_CAUSES, LINK_CAUSES, GapCause, SegmentFault
from legmon.movement import NS, Leg
from legmon.night.leg import LegNight, described
from legmon.recorder import compilation
from legmon.recording.files import RecordingError, file_state, leg_files, read_segment
from legmon.recording.records import Anchored, End, Gap, Meta, Note, Record, Samples, Stream
from legmon.recording.segment import SegmentWriter
from legmon.sensors.base import FOREIGN_STREAMS, Frame, Held, StreamFormat
from legmon.timeline.axis import Pending, SampleAxis
from legmon.timeline.losses import ArrivalLossWatch
from legmon.timeline.plausibility import FramePlausibility
from legmon.timeline.streams import StreamClocks

DESCRIBE_S = 60.0  # of recording between two repetitions of its description
POWER_CUT_S = 10.0  # a power cut may take so much that the catalog knew already
FILE_NOTE = "file"
"""What a note is about that says how the file was changed while it was recorded (`SegmentFault`)."""
AT_ONCE = 500  # records that the detector looks at between two frames, when it has to catch up
ANEW_S = 5.0  # a stream that seems to begin further back than this did not start anew: the recording lost track of it


class LegRecorder:
    """One leg of one night.

    Records are appended to the segment before the detector sees them. While the detector is compiled they are only appended. If
    the segment exists, the detector is fed all of it, and recording goes on at its end.

    Parameters
    ----------
    path : Path
        The segment.
    meta : Meta
        Description of a new segment; see `segment_meta`. A segment that exists keeps its own.

    Raises
    ------
    RecordingError
        If the segment cannot be read or written, or holds another night or leg.
    """

    def __init__(self, path: Path, meta: Meta) -> None:
        self.refused = 0
        self.repeated = 0
        self.is_buffered = False
        self.has_been_off = False  # whether the sensor had been off the charger before recording went on
        self._axis = SampleAxis()
        self._cause: GapCause | None = None
        self._is_watched = False  # whether only pauses between arrivals show a loss
        self._arrival_losses = ArrivalLossWatch(1.0)
        self._before: Held | None = None
        self._announced: int | None = None  # the running stream, for a sensor that numbers its streams
        self._is_whole = False  # whether it has been received from its first sample
        self._arrival_ns = 0
        self._is_finished = False
        self._lost_until = 0  # the recording had samples up to this index, which are no longer in it
        self._noted: SegmentFault | None = None  # what the recording says of its file
        self._described = 0  # index of the night at which the description was written last
        self._undetected: deque[Record] = deque()  # written, but the detector has not seen them
        self.was_resumed = False  # whether the segment existed
        self._writer = SegmentWriter(path)
        try:
            before = list(read_segment(path))
            if before:
                try:
                    own, _ = described(before)
                except ValueError as e:
                    raise RecordingError(f"{path} is damaged: {e}") from e
                if (own.night, own.leg) != (meta.night, meta.leg):
                    raise RecordingError(f"{path} holds the {own.leg} leg of night {own.night}")
                self.night = LegNight(own)
            else:
                self._writer.append(meta)
                self.night = LegNight(meta)
            declared_hz = self.night.meta.declared_hz
            self._plausibility, self._clocks = FramePlausibility(declared_hz), StreamClocks(declared_hz)
            if before:
                self.was_resumed = True
                self._resume(before)
        except BaseException:
            self._writer.abandon()
            raise

    def _resume(self, records: list[Record]) -> None:
        runs: list[Stream] = []
        charging = {r.value for r in records if isinstance(r, Note) and r.what == "charging"}
        self.has_been_off = charging != {"true"}
        self._undetected.extend(records)
        self._detect()
        for r in records:
            if isinstance(r, Stream):
                runs.append(r)
                self._open(r)
            elif isinstance(r, Note) and r.what == "connected":
                self._clocks.restarted()  # perhaps by another recorder than before
            elif isinstance(r, Samples) and r.arrival_ns and runs:
                run = runs[-1]
                self._clocks.observe(r.end, r.arrival_ns)
                self._plausibility.learn(run.stream, r.first - run.first + run.device_first, r.t_us)
                self._arrival_ns = r.arrival_ns
            elif isinstance(r, Anchored):
                self._clocks.line = r.anchor
        self._cause = GapCause.RECORDER_DOWN
        self._clocks.restarted()
        self._axis.resume([(r.stream, r.device_first, r.first) for r in runs], covered(records))
        self._described = -round(DESCRIBE_S * self.night.meta.declared_hz)  # said again with the next record

    # the state so far

    @property
    def measured_hz(self) -> float | None:
        """The fitted rate of the running stream."""
        return self._clocks.line.rate_hz if self._clocks.line else None

    @property
    def last_sample_ns(self) -> int | None:
        """When the last sample was taken, ns UTC."""
        return self._clocks.line.utc(self._axis.next) if self._clocks.line else None

    @property
    def samples(self) -> int:
        """How many samples are recorded."""
        return self.night.samples + sum(len(r.xyz) for r in self._undetected if isinstance(r, Samples))

    @property
    def is_behind(self) -> bool:
        """Whether the detector has not seen all that is recorded."""
        return bool(self._undetected)

    @property
    def last_stream(self) -> int | None:
        """The stream that was recorded last."""
        return self._axis.last_stream

    @property
    def fault(self) -> SegmentFault | None:
        """What another program did to the file, so that recording went on in a new one."""
        return self._writer.fault

    @property
    def pending(self) -> int:
        """How many samples are missing and may still come."""
        return sum(p.end - p.first for p in self._axis.pending)

    @property
    def is_cut(self) -> bool:
        """Whether no sample has come since the link failed or samples were lost."""
        return self._cause is not None

    def matches(self, stream_format: StreamFormat) -> bool:
        """Whether a sensor has the rate and scale that this recording began with."""
        meta = self.night.meta
        return (meta.declared_hz, meta.scale_ug) == (float(stream_format.rate_hz), stream_format.scale_ug)

    def next_to_fetch(self) -> SampleRange | None:
        """Return the oldest missing samples that the sensor may still hold."""
        oldest = self._axis.oldest_pending()
        return SampleRange(*oldest) if oldest else None

    # events

    def sensor_started(self, sensor: ConnectedSensor, *, is_new: bool = True) -> None:
        """Note how the sensor was started, before its frames come. `is_new`: no frame of it has been dropped before."""
        start = sensor.start
        self.is_buffered = sensor.declares.buffer
        self._is_watched = sensor.format.loss == "arrival"
        self._arrival_losses = ArrivalLossWatch(self.night.meta.declared_hz)
        self._announced = start.stream
        self._is_whole = is_new and start.next == 0
        self._before = start.before

    def frame(self, frame: Frame, arrival_ns: int) -> None:
        """Write a frame, then feed it to the detector.

        A frame whose index contradicts the clock is refused: it would leave a gap of hours, or make all later frames look old.
        After many old frames in a row, the sensor has started to count from zero.

        Raises
        ------
        RecordingError
            If it cannot be written. None of its samples counts then, so they can be fetched later.
        """
        if not self._is_plausible(frame, arrival_ns):
            self.refuse()
            return
        before = self._axis.copy(), self._before, self._arrival_losses.copy()
        try:
            records = self._place(frame, arrival_ns)
            if records:
                self._write(*records)
        except BaseException:
            self._axis, self._before, self._arrival_losses = before
            raise
        for r in records:
            if isinstance(r, Stream):
                self._open(r)
        if not any(isinstance(r, Samples) for r in records):
            self.repeated += 1
            return
        if frame.late:
            return
        self._cause, self._arrival_ns = None, arrival_ns
        self._plausibility.learn(frame.stream, frame.first, frame.t_us)
        begins = self._clocks.line is None or any(isinstance(r, Stream) for r in records)
        if self._clocks.observe(self._axis.next, arrival_ns) or begins:
            a = self._clocks.fit()
            self._write(Anchored(a.first, a.utc_ns, a.rate_hz, final=False))

    def _is_plausible(self, frame: Frame, arrival_ns: int) -> bool:
        index = self._axis.index(frame.stream, frame.first)
        if index is None:
            return not frame.late and (self._announced in (None, frame.stream))
        if frame.late:
            return index >= 0 and self._plausibility.late(frame)
        since_s = max(arrival_ns - self._arrival_ns, 0) / NS if self._arrival_ns else 0.0
        verdict = self._plausibility.live(frame, index - self._axis.next, since_s)
        if verdict == "anew":
            self._axis.forget()
        return verdict == "yes"

    def _place(self, frame: Frame, arrival_ns: int) -> list[Record]:
        """Return the records of a frame, and advance the axis."""
        records: list[Record] = []
        cause = (self._cause or GapCause.NOT_SENT).value
        if self._cause in FRAME_CAUSES and not frame.late:  # the cause has not been written yet
            records.append(Note(arrival_ns, "missed", cause))
        if self._axis.index(frame.stream, frame.first) is None:
            records += self._begin(frame, arrival_ns)
        elif self._is_watched:
            lost = self._arrival_losses.observe(self._axis.next + len(frame.xyz), arrival_ns)
            if lost:
                records.append(Gap(self._axis.next, lost, cause))
                self._axis.shift(lost)
        pieces = self._axis.place(frame.stream, frame.first, len(frame.xyz), cause)
        if not self.is_buffered:
            records += gap_records(self._axis.give_up(0, self._axis.next))
        for p in pieces:
            is_now = not frame.late and p.first + p.count == self._axis.next
            xyz = frame.xyz[p.skip : p.skip + p.count]
            records.append(Samples(p.first, arrival_ns if is_now else 0, frame.t_us, xyz))
        return records

    def _begin(self, frame: Frame, arrival_ns: int) -> list[Record]:
        """Place a new stream: the first one at the start of the night, a later one by the arrival of its first frame."""
        unfilled = gap_records(self._axis.give_up_stream(frame.stream), GapCause.SENSOR_RESTARTED)
        if self._axis.last_stream is None and not self._axis.next:
            began = 0 if self._is_whole else frame.first
            self._axis.begin(frame.stream, began, 0)
            return [Stream(frame.stream, began, 0)]
        if self._before is not None and self._before.stream == self._axis.last_stream:
            self._axis.await_tail(
                self._before.stream, self._before.next, (self._cause or GapCause.SENSOR_RESTARTED).value
            )
        self._before = None
        before = self._axis.next
        end = self._clocks.index(arrival_ns) or 0
        device, begins = 0, end - frame.first - len(frame.xyz)
        if begins < before - ANEW_S * self.night.meta.declared_hz:
            # it did not start anew: a damaged recording has lost track of it
            device, begins = frame.first, end - len(frame.xyz)
        begins = max(begins, before + 1)  # a stream that starts anew has missed at least one sample
        self._axis.skip(begins)
        self._axis.begin(frame.stream, device, begins)
        cause = self._cause or GapCause.SENSOR_RESTARTED
        if frame.stream < FOREIGN_STREAMS and cause in LINK_CAUSES:
            cause = GapCause.SENSOR_RESTARTED
        return [*unfilled, Gap(before, begins - before, cause.value), Stream(frame.stream, device, begins)]

    def _open(self, run: Stream) -> None:
        self._clocks.begin(run.first)
        self._plausibility.begin(run.stream)

    def lost(self, cause: GapCause) -> None:
        """Remember why samples will be missing."""
        if self._cause != GapCause.DAMAGED:
            self._cause = cause

    def refuse(self) -> None:
        """Count a frame that could not be read."""
        self.refused += 1
        self._cause = self._cause or GapCause.FRAME_REFUSED

    def unavailable(self, samples: SampleRange, cause: GapCause | None) -> None:
        """Record samples as a gap. `cause` is None to keep the cause noted before."""
        first = self._axis.index(samples.stream, samples.first)
        if first is not None:
            self._give_up(first, first + samples.count, cause)

    def note(self, at_ns: int, what: str, value: str) -> None:
        """Record something that happened."""
        self._write(Note(at_ns, what, value))

    def shortened(self, end: int) -> bool:
        """Note that the recording had samples up to an index and does not have them now: its file was cut or damaged.

        Samples that the sensor still holds may fill this. What is left becomes a gap with the cause `GapCause.DAMAGED`.

        Returns
        -------
        bool
            Whether that is more than a power cut may take.
        """
        if end - self._axis.next <= POWER_CUT_S * self.night.meta.declared_hz:
            return False
        self.note(self.last_sample_ns or 0, "missed", GapCause.DAMAGED.value)
        self._cause, self._lost_until = GapCause.DAMAGED, end
        return True

    def abandon(self) -> None:
        """Close the file without ending the night."""
        self._writer.abandon()

    def sync(self) -> None:
        """Make sure that everything written is on the disk."""
        self._writer.sync()

    def close(self, at_ns: int | None) -> None:
        """End the recording: record all gaps up to now, finish the last movement, and fit the time for good.

        Parameters
        ----------
        at_ns : int or None
            The end, ns UTC; None to end with the last sample.

        Raises
        ------
        RecordingError
            If it cannot be written. The call may be repeated.
        """
        self._writer.compare()
        self._note_fault(at_ns)
        self._give_up(0, self._axis.next)
        if not self._is_finished:
            self._record_gap(self._lost_until, GapCause.DAMAGED)
            if at_ns is not None:
                self._record_final_gap(at_ns)
            compilation.finish()
            self._detect()
            self.night.finish()
            self._is_finished = True
        final = [Anchored(a.first, a.utc_ns, a.rate_hz, final=True) for a in self._clocks.anchors()]
        end = End(self.last_sample_ns or 0 if at_ns is None else at_ns)
        self._write(*final, end)
        self._writer.close()

    def _record_final_gap(self, at_ns: int) -> None:
        """Record the gap at the end, if samples stopped for a known reason."""
        if self._cause is not None:
            self._record_gap(self._clocks.index(at_ns) or 0, self._cause)

    def _record_gap(self, end: int, cause: GapCause) -> None:
        """Record that nothing follows up to an index."""
        first = self._axis.next
        if end > first:
            self._write(Gap(first, end - first, cause.value))
            self._axis.skip(end)

    def _note_fault(self, at_ns: int | None) -> None:
        """Write into the recording what happened to its file, so that it is known when the night is over."""
        if self.fault != self._noted and self.fault is not None:
            self.note(at_ns or self.last_sample_ns or 0, FILE_NOTE, self.fault.value)
            self._noted = self.fault

    def _give_up(self, first: int, end: int, cause: GapCause | None = None) -> None:
        axis = self._axis.copy()
        try:
            self._write(*gap_records(self._axis.give_up(first, end), cause))
        except BaseException:
            self._axis = axis
            raise

    def _write(self, *records: Record) -> None:
        if not records:
            return
        at, meta = self._axis.next, self.night.meta
        if (
            at - self._described >= DESCRIBE_S * meta.declared_hz
        ):  # damage at the start then costs only what it covers
            self._writer.append(meta, *records)
            self._described = at
        else:
            self._writer.append(*records)
        self._undetected.extend(records)
        self.catch_up()

    def catch_up(self) -> None:
        """Let the detector see more of what was written while it was compiled."""
        self._detect(AT_ONCE)

    def _detect(self, most: int | None = None) -> None:
        """Feed the detector with what was written, at most so many records. It waits while the detector is compiled."""
        if compilation.is_under_way():
            return
        count = min(most or len(self._undetected), len(self._undetected))
        self.night.feed_all([self._undetected.popleft() for _ in range(count)])


def check_present(path: Path) -> None:
    """Check that a recording which had samples still has some: to begin it anew would hide the loss.

    Raises
    ------
    RecordingError
        If its files are gone or empty, or hold no sample.
    """
    states = [file_state(p) for p in leg_files(path)]
    if not any(s is None or s.size for s in states):
        what = "empty" if states else "gone"
    elif any(isinstance(r, Samples) for r in read_segment(path)):
        return
    else:
        what = "without a sample"
    raise RecordingError(f"{path} is {what}; put it back, or what it held is lost")


def covered(records: Iterable[Record]) -> list[tuple[int, int, str]]:
    """Return what a recording holds or records as a gap.

    Parameters
    ----------
    records : iterable of Record
        In the order they were written.

    Returns
    -------
    list of (int, int, str)
        First and end of each range, and the cause of a gap before it: the one noted before live samples came again. Fetched
        samples do not change the cause.
    """
    ranges: list[tuple[int, int, str]] = []
    cause = GapCause.NOT_SENT.value
    for r in records:
        if isinstance(r, Note):
            cause = _cause_noted(r, cause)
        elif isinstance(r, Gap):
            ranges.append((r.first, r.first + r.count, ""))
        elif isinstance(r, Samples):
            ranges.append((r.first, r.end, cause if r.arrival_ns else ""))
            if r.arrival_ns:
                cause = GapCause.NOT_SENT.value
    with_cause, cause = [], GapCause.RECORDER_DOWN.value
    for first, end, why in sorted(ranges, reverse=True):
        cause = why or cause
        with_cause.append((first, end, cause))
    return with_cause


def _cause_noted(note: Note, before: str) -> str:
    """Return the cause of a gap after a note. A new link without a failed one before it means that the recorder was restarted."""
    if note.what in {"disconnected", "missed"}:
        return note.value
    if note.what == "connected" and before == GapCause.NOT_SENT.value:
        return GapCause.RECORDER_DOWN.value
    return before


def segment_meta(
    night: str, leg: Leg, sensor: str, address: str, stream_format: StreamFormat, *, simulated: bool
) -> Meta:
    """Return the description of a segment.

    Parameters
    ----------
    night : str
        Id of the night.
    leg : {"left", "right"}
        The ankle.
    sensor, address : str
        Name and address of the sensor.
    stream_format : StreamFormat
        How it measures.
    simulated : bool
        Whether it is simulated.
    """
    return Meta(
        night=night,
        leg=leg,
        sensor=sensor,
        address=address,
        declared_hz=float(stream_format.rate_hz),
        scale_ug=stream_format.scale_ug,
        range_g=stream_format.range_g,
        simulated=simulated,
        loss=stream_format.loss,
    )


def gap_records(pending: Sequence[Pending], cause: GapCause | None = None) -> list[Gap]:
    """Return gap records for samples that did not come. `cause` replaces the cause noted before."""
    return [
        Gap(p.first, p.end - p.first, cause.value if cause else p.cause)
        for p in sorted(pending, key=lambda p: p.first)
    ]
