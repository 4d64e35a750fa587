"""Records one leg: frames in, segment written, movements found, time fitted."""

from dataclasses import dataclass
from pathlib import Path

from legmon.link.faults import Cause
from legmon.movement import NS, Leg
from legmon.night.leg import LegNight
from legmon.recording.records import Anchored, End, Gap, Meta, Note, Record, Samples, Stream
from legmon.recording.segment import SegmentWriter, read_segment
from legmon.sensors.base import Frame
from legmon.timeline.axis import SampleAxis
from legmon.timeline.clock import Anchor, ArrivalClock

SLACK, SLACK_S = (
    1.5,
    120.0,
)  # a frame may be this much further on than the clock says: sensors and clocks differ
MOST_ODD = 20


@dataclass(frozen=True, slots=True)
class Source:
    """The sensor of a leg, and how it measures."""

    name: str
    address: str
    rate_hz: int
    range_g: int
    scale_ug: int


class LegRecorder:
    """One leg of one night.

    A record is appended to the segment before the detector sees it. Opened on a segment that exists, it goes on where the
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
        self._axis = SampleAxis()
        self._clocks: list[ArrivalClock] = []
        self._line: Anchor | None = None  # of the running stream, fitted at each completed half minute
        self._cause: Cause | None = None
        self._arrival_ns = 0
        self._odd = 0  # frames in a row whose index cannot be
        self._writer = SegmentWriter(path)
        before = list(read_segment(path))
        if before and isinstance(before[0], Meta):
            self.night = LegNight(before[0])
            self._resume(before[1:])
        else:
            meta = Meta(
                night=night,
                leg=leg,
                sensor=source.name,
                address=source.address,
                declared_hz=float(source.rate_hz),
                scale_ug=source.scale_ug,
                range_g=source.range_g,
                simulated=simulated,
            )
            self._writer.append(meta)
            self.night = LegNight(meta)

    def _resume(self, records: list[Record]) -> None:
        stream: Stream | None = None
        for r in records:
            self.night.feed(r)
            if isinstance(r, Stream):
                stream = r
                self._clocks.append(ArrivalClock(r.first, self.night.meta.declared_hz))
            elif isinstance(r, Samples):
                self._clocks[-1].observe(r.end, r.arrival_ns)
                self._arrival_ns = r.arrival_ns
            elif isinstance(r, Anchored):
                self._line = r.anchor
        if stream is not None:
            at = self.night.end
            self._axis.resume(stream.stream, stream.device_first + at - stream.first, at)
        self._cause = Cause.RECORDER_DOWN

    @property
    def measured_hz(self) -> float | None:
        """The fitted rate of the running stream."""
        return self._line.rate_hz if self._line else None

    @property
    def last_sample_ns(self) -> int | None:
        """When the last sample was taken, ns UTC."""
        return self._line.utc(self.night.end) if self._line else None

    def matches(self, source: Source) -> bool:
        """Whether a sensor measures the way this recording began."""
        meta = self.night.meta
        return (meta.declared_hz, meta.scale_ug) == (float(source.rate_hz), source.scale_ug)

    def frame(self, frame: Frame, arrival_ns: int) -> None:
        """Take a frame: write it, then look at it.

        One whose index cannot be, going by the clock, is refused: it would leave a gap of hours, or make all that follows look
        old. Where many in a row are old the sensor has begun to count anew.
        """
        count = len(frame.xyz)
        ahead = self._axis.ahead(frame.stream, frame.first)
        since_s = max(arrival_ns - self._arrival_ns, 0) / NS if self._arrival_ns else 0.0
        if ahead > (SLACK * since_s + SLACK_S) * self.night.meta.declared_hz or ahead <= -count:
            self.refuse()
            self._odd += 1
            if self._odd >= MOST_ODD:
                self._axis.forget()
            return
        self._odd, self._arrival_ns = 0, arrival_ns
        before = self._axis.next
        new = frame.stream != self._axis.stream
        starts = self._index_at(arrival_ns, count) if new else 0
        placed = self._axis.place(frame.stream, frame.first, count, if_new=starts)
        if placed.missing:
            cause = self._cause or (Cause.SENSOR_RESTARTED if new else Cause.NOT_SENT)
            self._write(Gap(before, placed.missing, cause.value))
        self._cause = None
        if new:
            self._write(Stream(frame.stream, frame.first, placed.first))
            self._clocks.append(ArrivalClock(placed.first, self.night.meta.declared_hz))
        samples = Samples(placed.first, arrival_ns, frame.t_us, frame.xyz[placed.skip :])
        self._write(samples)
        if self._clocks[-1].observe(samples.end, arrival_ns) or new:
            self._anchor(self._clocks[-1], final=False)

    def _index_at(self, arrival_ns: int, count: int) -> int:
        """Index at which a frame that just arrived begins, by the clock."""
        return self._clocks[-1].fit().index(arrival_ns) - count if self._clocks else 0

    def lost(self, cause: Cause) -> None:
        """Remember why samples will be missing."""
        self._cause = cause

    def refuse(self) -> None:
        """Count a frame that could not be read."""
        self.refused += 1
        self._cause = self._cause or Cause.FRAME_REFUSED

    def note(self, at_ns: int, what: str, value: str) -> None:
        """Write down something that happened."""
        self._write(Note(at_ns, what, value))

    def sync(self) -> None:
        """Bring what was written to the disk."""
        self._writer.sync()

    def close(self, at_ns: int) -> None:
        """End the night: last movement, final fit of time."""
        self.night.finish()
        for clock in self._clocks:
            self._anchor(clock, final=True)
        self._write(End(at_ns))
        self._writer.close()

    def _anchor(self, clock: ArrivalClock, *, final: bool) -> None:
        a = self._line = clock.fit()
        self._write(Anchored(a.first, a.utc_ns, a.rate_hz, final=final))

    def _write(self, record: Record) -> None:
        self._writer.append(record)
        self.night.feed(record)
