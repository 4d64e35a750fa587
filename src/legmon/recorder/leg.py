"""Records one leg: frames in, segment written, movements found, time fitted."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from legmon.link.listener import Identity, Missing
from legmon.messages import FRAME_CAUSES, LINK_CAUSES, GapCause
from legmon.movement import NS, Leg
from legmon.night.leg import LegNight
from legmon.recorder.source import Source
from legmon.recording.records import Anchored, End, Gap, Meta, Note, Record, Samples, Stream
from legmon.recording.segment import RecordingError, SegmentWriter, read_segment
from legmon.sensors.base import FOREIGN_STREAMS, Frame, Held
from legmon.timeline.axis import Pending, SampleAxis
from legmon.timeline.losses import ArrivalLossWatch
from legmon.timeline.plausibility import FramePlausibility
from legmon.timeline.streams import StreamClocks

ANEW_S = 5.0  # further than that no stream that starts anew seems to begin before the end of what there is


class LegRecorder:
    """One leg of one night.

    Records are appended to the segment before the detector sees them. Opened on a segment that exists, it goes on where the
    segment ends: the detector is fed the whole of it first.

    Parameters
    ----------
    path : Path
        The segment.
    night : str
        Id of the night.
    leg : {"left", "right"}
        The ankle.
    source : Source
        The sensor.
    simulated : bool
        Whether it is simulated.
    """

    def __init__(self, path: Path, night: str, leg: Leg, source: Source, *, simulated: bool) -> None:
        self.refused = 0
        self.repeated = 0
        self.is_buffered = False
        self.has_been_off = False  # the charger, before it was gone on with
        self._axis = SampleAxis()
        self._cause: GapCause | None = None
        self._is_watched = False  # losses show only by arrivals
        self._arrival_losses = ArrivalLossWatch(1.0)
        self._before: Held | None = None
        self._announced: int | None = None  # the stream that runs, where the sensor numbers them
        self._is_whole = False  # whether it began when it was announced
        self._arrival_ns = 0
        self._is_finished = False
        self._writer = SegmentWriter(path)
        try:
            before = list(read_segment(path))
            if before and isinstance(before[0], Meta):
                self.night = LegNight(before[0])
            elif before:
                raise RecordingError(f"{path} does not begin as a recording does: it is damaged")
            else:
                meta = source.meta(night, leg, simulated=simulated)
                self._writer.append(meta)
                self.night = LegNight(meta)
            declared_hz = self.night.meta.declared_hz
            self._plausibility, self._clocks = FramePlausibility(declared_hz), StreamClocks(declared_hz)
            if before:
                self._resume(before[1:])
        except BaseException:
            self._writer.abandon()
            raise

    def _resume(self, records: list[Record]) -> None:
        runs: list[Stream] = []
        charging = {r.value for r in records if isinstance(r, Note) and r.what == "charging"}
        self.has_been_off = charging != {"true"}
        for r in records:
            self.night.feed(r)
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

    # what is known

    @property
    def measured_hz(self) -> float | None:
        """The fitted rate of the running stream."""
        return self._clocks.line.rate_hz if self._clocks.line else None

    @property
    def last_sample_ns(self) -> int | None:
        """When the last sample was taken, ns UTC."""
        return self._clocks.line.utc(self._axis.next) if self._clocks.line else None

    @property
    def last_stream(self) -> int | None:
        """The stream that was recorded last."""
        return self._axis.last_stream

    @property
    def pending(self) -> int:
        """Samples that are missing and may still come."""
        return sum(p.end - p.first for p in self._axis.pending)

    @property
    def is_cut(self) -> bool:
        """Whether nothing has come since something went wrong."""
        return self._cause is not None

    def matches(self, source: Source) -> bool:
        """Whether a sensor measures the way this recording began."""
        meta = self.night.meta
        return (meta.declared_hz, meta.scale_ug) == (float(source.rate_hz), source.scale_ug)

    def missing(self) -> Missing | None:
        """Return the oldest samples that the sensor may still hold."""
        oldest = self._axis.oldest_pending()
        return Missing(*oldest) if oldest else None

    # what happens

    def started(self, identity: Identity, *, is_new: bool = True) -> None:
        """Take note of how the sensor was started, before its frames come; `is_new`: all of them come here."""
        started = identity.started
        self.is_buffered = identity.declares.buffer
        self._is_watched = identity.loss == "arrival"
        self._arrival_losses = ArrivalLossWatch(self.night.meta.declared_hz)
        self._announced = started.stream
        self._is_whole = is_new and started.next == 0
        self._before = started.before

    def frame(self, frame: Frame, arrival_ns: int) -> None:
        """Take a frame: write it, then look at it.

        One whose index cannot be, going by the clock, is refused: it would leave a gap of hours, or make all that follows look
        old. Where many in a row are old the sensor has begun to count anew.

        Raises
        ------
        RecordingError
            If it cannot be written; nothing of it counts then, so that it is missing and can be fetched.
        """
        if not self._is_believable(frame, arrival_ns):
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

    def _is_believable(self, frame: Frame, arrival_ns: int) -> bool:
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
        """Give the records that a frame makes, and move the axis on."""
        records: list[Record] = []
        cause = (self._cause or GapCause.NOT_SENT).value
        if self._cause in FRAME_CAUSES and not frame.late:  # not noted yet
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
        """Give a stream its place: the night's first at its beginning, a later one where its first frame's arrival says."""
        given = gap_records(self._axis.give_up_stream(frame.stream), GapCause.SENSOR_RESTARTED)
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
        if (
            begins < before - ANEW_S * self.night.meta.declared_hz
        ):  # not anew: damaged, the recording does not know it
            device, begins = frame.first, end - len(frame.xyz)
        begins = max(begins, before + 1)  # what starts anew has missed something
        self._axis.skip(begins)
        self._axis.begin(frame.stream, device, begins)
        cause = self._cause or GapCause.SENSOR_RESTARTED
        if frame.stream < FOREIGN_STREAMS and cause in LINK_CAUSES:
            cause = GapCause.SENSOR_RESTARTED
        return [*given, Gap(before, begins - before, cause.value), Stream(frame.stream, device, begins)]

    def _open(self, run: Stream) -> None:
        self._clocks.begin(run.first)
        self._plausibility.begin(run.stream)

    def lost(self, cause: GapCause) -> None:
        """Remember why samples will be missing."""
        self._cause = cause

    def refuse(self) -> None:
        """Count a frame that could not be read."""
        self.refused += 1
        self._cause = self._cause or GapCause.FRAME_REFUSED

    def unavailable(self, missing: Missing, cause: GapCause | None) -> None:
        """Name samples missing for good; `cause` where it is not why they did not come at first."""
        first = self._axis.index(missing.stream, missing.first)
        if first is not None:
            self._give_up(first, first + missing.count, cause)

    def note(self, at_ns: int, what: str, value: str) -> None:
        """Write down something that happened."""
        self._write(Note(at_ns, what, value))

    def abandon(self) -> None:
        """Let the file go as it is."""
        self._writer.abandon()

    def sync(self) -> None:
        """Bring what was written to the disk."""
        self._writer.sync()

    def close(self, at_ns: int | None) -> None:
        """End the night: what is still missing is named, up to now; then the last movement and the final fit of time.

        Parameters
        ----------
        at_ns : int or None
            The end, ns UTC; None for a night that nobody ended: with its last sample.

        Raises
        ------
        RecordingError
            If it cannot be written; it may be tried again.
        """
        self._give_up(0, self._axis.next)
        if not self._is_finished:
            if at_ns is not None:
                self._name_tail(at_ns)
            self.night.finish()
            self._is_finished = True
        final = [Anchored(a.first, a.utc_ns, a.rate_hz, final=True) for a in self._clocks.anchors()]
        end = End(self.last_sample_ns or 0 if at_ns is None else at_ns)
        self._write(*final, end)
        self._writer.close()

    def _name_tail(self, at_ns: int) -> None:
        """Name what is missing at the end, where nothing came any more for a reason that is known."""
        first, end = self._axis.next, self._clocks.index(at_ns)
        if self._cause is not None and end is not None and end > first:
            self._write(Gap(first, end - first, self._cause.value))
            self._axis.skip(end)

    def _give_up(self, first: int, end: int, cause: GapCause | None = None) -> None:
        axis = self._axis.copy()
        try:
            self._write(*gap_records(self._axis.give_up(first, end), cause))
        except BaseException:
            self._axis = axis
            raise

    def _write(self, *records: Record) -> None:
        if records:
            self._writer.append(*records)
            for r in records:
                self.night.feed(r)


def covered(records: Iterable[Record]) -> list[tuple[int, int, str]]:
    """Give what a recording holds or names missing.

    Parameters
    ----------
    records : iterable of Record
        In the order they were written.

    Returns
    -------
    list of (int, int, str)
        First and end of each range, and why what is missing before it, if anything, did not come: as was noted before live
        samples came again. What came late says nothing of it.
    """
    found: list[tuple[int, int, str]] = []
    cause = GapCause.NOT_SENT.value
    for r in records:
        if isinstance(r, Note):
            cause = _noted(r, cause)
        elif isinstance(r, Gap):
            found.append((r.first, r.first + r.count, ""))
        elif isinstance(r, Samples):
            found.append((r.first, r.end, cause if r.arrival_ns else ""))
            if r.arrival_ns:
                cause = GapCause.NOT_SENT.value
    told, cause = [], GapCause.RECORDER_DOWN.value
    for first, end, why in sorted(found, reverse=True):
        cause = why or cause
        told.append((first, end, cause))
    return told


def _noted(note: Note, before: str) -> str:
    """Why nothing came, by what was noted: a link that is set up without one having failed belongs to another recorder."""
    if note.what in {"disconnected", "missed"}:
        return note.value
    if note.what == "connected" and before == GapCause.NOT_SENT.value:
        return GapCause.RECORDER_DOWN.value
    return before


def gap_records(given: Sequence[Pending], cause: GapCause | None = None) -> list[Gap]:
    """Name what was waited for in vain; `cause` where it is not why it did not come at first."""
    return [
        Gap(p.first, p.end - p.first, cause.value if cause else p.cause)
        for p in sorted(given, key=lambda p: p.first)
    ]
