"""The firmware: the state machine behind the control point, and the samples that are due.

There is no radio and no clock in here. Callers pass the time in, as the sensor's uptime in µs. Requests and answers are
bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from firmware_sim import profile
from firmware_sim.night import Night, Performed
from firmware_sim.profile import Answer, Op
from firmware_sim.stream import Stream
from firmware_sim.vocabulary import Scenario

_TEMPERATURE_C = 31  # skin under a strap; a modelling choice
_BATTERY_AT_START = 87
_US_PER_BATTERY_PERCENT = 30 * 60 * 1_000_000  # a night takes 16 %


@dataclass(frozen=True, slots=True)
class Flashed:
    """The facts of a stream that flash keeps over a reboot: settings, beginning in the night, and length.

    Attributes
    ----------
    number, rate_hz, range_g, batch : int
        As START answered.
    night_first, night_us : int
        As in `Stream`.
    framed : int
        Samples that were put into a frame.
    sampling : bool
        Whether it was still sampling.
    """

    number: int
    rate_hz: int
    range_g: int
    batch: int
    night_first: int
    night_us: int
    framed: int
    sampling: bool


class Sensor:
    """The firmware of one ankle sensor.

    Parameters
    ----------
    night : Scenario or Night
        The night to measure. Its time 0 is the first sample of the first stream.
    sensor_id : int
        u64 that stays the same for the life of the sensor.
    first_stream : int
        Number of the first stream; not one that was used before a reboot.
    depth : int
        Samples that the buffer keeps, over all streams; 0 for no buffer.
    """

    def __init__(self, night: Scenario | Night, *, sensor_id: int, first_stream: int, depth: int = 0) -> None:
        self.night: Night = Performed(night) if isinstance(night, Scenario) else night
        self.sensor_id = sensor_id
        self.stream: Stream | None = None
        self.dropped = 0
        self.framed = 0
        """Samples of the running stream that were put into a frame, sent or dropped. The next frame starts at this index."""
        self.time_tag = 0
        self.depth = depth
        self.charging = False
        self.level: int | None = None
        self.is_filling = False
        """Whether a back-fill is running. The peripheral ends it."""
        self._past: list[tuple[Stream, int]] = []
        self._night_us: int | None = None
        self._next_number = first_stream & 0xFFFF
        self._last: tuple[int, int] = (0, 0)

    def control(self, request: bytes, *, now_us: int, mtu: int) -> bytes:
        """Carry out a request to the control point, at least 2 bytes long, and return its answer."""
        code, tag, arguments = request[0], request[1], request[2:]
        if code not in Op.__members__.values():
            return profile.answer(code, tag, Answer.UNKNOWN_OP)
        if code in (Op.GET_BUFFER, Op.BACKFILL, Op.ABORT, Op.ERASE) and not self.depth:
            return profile.answer(code, tag, Answer.NOT_SUPPORTED)
        if code == Op.START:
            status, results = self._start(arguments, now_us, mtu)
        elif code == Op.STOP:
            status, results = self._stop(arguments, now_us)
        elif code == Op.GET_BUFFER:
            status, results = self._get_buffer(arguments)
        elif code == Op.BACKFILL:
            status, results = self._backfill(arguments), b""
        elif code == Op.ABORT:
            status, results = (Answer.OK if self.is_filling else Answer.NOT_RUNNING), b""
            self.is_filling = False
        elif code == Op.ERASE:
            status, results = Answer.OK, b""
            self._past.clear()
        elif code == Op.IDENTIFY:
            status, results = (Answer.OK if len(arguments) == 1 else Answer.BAD_LENGTH), b""
        else:
            # The simulated chip always passes its self test.
            status, results = (Answer.BAD_LENGTH if arguments else Answer.OK), b"\x00"
        return profile.answer(code, tag, status, results)

    def _start(self, arguments: bytes, now_us: int, mtu: int) -> tuple[Answer, bytes]:
        request = profile.parse_start(arguments)
        if request is None:
            return Answer.BAD_LENGTH, b""
        if mtu < profile.SMALLEST_MTU:
            return Answer.MTU_TOO_SMALL, b""
        if request.rate_hz not in profile.RATES_HZ or request.range_g not in profile.RANGES_G:
            return Answer.BAD_PARAMETER, b""
        stream = self.stream or self._begin(request, now_us, mtu)
        if (stream.rate_hz, stream.range_g) != (request.rate_hz, request.range_g):
            return Answer.BUSY, b""
        return Answer.OK, profile.start_results(
            stream=stream.number,
            rate_hz=stream.rate_hz,
            range_g=stream.range_g,
            batch=min(stream.batch, profile.samples_that_fit(mtu)),
            next_index=stream.taken(now_us),
        )

    def _begin(self, request: profile.StartRequest, now_us: int, mtu: int) -> Stream:
        if self._night_us is None:
            self._night_us = now_us
        true_rate_hz = self.night.measured(request.rate_hz, request.range_g).rate_hz
        quarter_second = round(request.rate_hz / 4)
        self.stream = self._stream(
            self._next_number,
            request.rate_hz,
            request.range_g,
            min(request.batch or quarter_second, profile.samples_that_fit(mtu)),
            # A later stream continues the same night, on the same grid of sample times.
            night_first=-int(-(now_us - self._night_us) * true_rate_hz // 1e6),
            night_us=self._night_us,
        )
        self._next_number = (self._next_number + 1) & 0xFFFF
        self.framed = self.dropped = 0
        return self.stream

    def _stream(
        self, number: int, rate_hz: int, range_g: int, batch: int, *, night_first: int, night_us: int
    ) -> Stream:
        measured = self.night.measured(rate_hz, range_g)
        return Stream(
            number=number,
            rate_hz=rate_hz,
            range_g=range_g,
            batch=batch,
            accelerometer=measured.chip,
            true_rate_hz=measured.rate_hz,
            night_us=night_us,
            night_first=night_first,
            lost=measured.lost,
        )

    def reboot(self, flashed: list[Flashed], *, now_us: int, night_us: int) -> None:
        """Start after a reboot. The buffer is still there. A sensor that was sampling samples again, as a new stream.

        Parameters
        ----------
        flashed : list of Flashed
            The streams so far, oldest first.
        now_us, night_us : int
            Uptime now, and uptime at the night's time 0, which was before the reboot.
        """
        self._night_us = night_us
        for f in flashed:
            stream = self._stream(
                f.number, f.rate_hz, f.range_g, f.batch, night_first=f.night_first, night_us=f.night_us
            )
            self._past.append((stream, f.framed))
        last = flashed[-1]
        self._next_number = (last.number + 1) & 0xFFFF
        self._last = (last.number, last.framed)
        if last.sampling:
            request = profile.StartRequest(last.rate_hz, last.range_g, last.batch)
            self._begin(request, now_us, mtu=profile.LONGEST_FRAME + 3)

    def _stop(self, arguments: bytes, now_us: int) -> tuple[Answer, bytes]:
        if arguments:
            return Answer.BAD_LENGTH, b""
        if self.stream is None:
            return Answer.NOT_RUNNING, b""
        number, taken = self.stream.number, max(self.framed, self.stream.taken(now_us))
        self.drop(taken - self.framed)
        self._past.append((self.stream, taken))
        self.stream, self._last, self.is_filling = None, (number, taken), False
        return Answer.OK, profile.stop_results(stream=number, next_index=taken)

    # --- the buffer -----------------------------------------------------------------------------------------------

    def _kept(self) -> Iterator[tuple[Stream, int, int]]:
        """Yield each stream in the buffer, newest first, with its oldest index and the index after its newest."""
        left = self.depth
        now = [(self.stream, self.framed)] if self.stream is not None else []
        for stream, end in [*now, *reversed(self._past)]:
            oldest = max(0, end - left)
            left -= end - oldest
            yield stream, oldest, end
            if left <= 0:
                return

    def _find(self, number: int) -> tuple[Stream, int, int] | None:
        return next((k for k in self._kept() if k[0].number == number), None)

    def _get_buffer(self, arguments: bytes) -> tuple[Answer, bytes]:
        if len(arguments) not in (0, 2):
            return Answer.BAD_LENGTH, b""
        kept = self._find(int.from_bytes(arguments, "little")) if arguments else next(self._kept(), None)
        if kept is None:
            return Answer.UNKNOWN_STREAM, b""
        return Answer.OK, profile.range_results(kept[0].number, kept[1], kept[2])

    def _backfill(self, arguments: bytes) -> Answer:
        asked = profile.parse_range(arguments)
        if asked is None:
            return Answer.BAD_LENGTH
        if self.is_filling:
            return Answer.BUSY
        number, first, count = asked
        kept = self._find(number)
        if kept is None:
            return Answer.UNKNOWN_STREAM
        if not count or first < kept[1] or first + count > kept[2]:
            return Answer.NOT_IN_BUFFER if count else Answer.BAD_PARAMETER
        self.is_filling = True
        return Answer.OK

    def late_frame(self, number: int, first: int, end: int, *, mtu: int) -> tuple[bytes | None, int] | None:
        """Return the next frame of a back-fill and how many samples it covers.

        The frame is None if the radio loses these samples. Return None at the end of the back-fill, after ABORT, and if
        the buffer no longer holds the samples.
        """
        kept = self._find(number) if self.is_filling and first < end else None
        if kept is None or first < kept[1]:
            return None
        stream = kept[0]
        size = stream.cut(first, min(end - first, profile.samples_that_fit(mtu)))
        if stream.loses(first, size):
            return None, size
        return stream.frame(first, size, kind=profile.LATE_KIND), size

    # --- what is due ----------------------------------------------------------------------------------------------

    def due(self, now_us: int, *, mtu: int, rest: bool = False) -> tuple[int, int] | None:
        """Return the next frame that is due, as its first index and its number of samples; None if no frame is due.

        A frame is due when its last sample has been taken, or with `rest` as soon as there is a sample for it. The
        caller then calls `sent` or `drop`.
        """
        if self.stream is None:
            return None
        size = self._frame_size(self.stream, mtu)
        if self.stream.time_us(self.framed + size - 1) <= now_us:
            return self.framed, size
        left = self.stream.taken(now_us) - self.framed
        return (self.framed, left) if rest and left > 0 else None

    def next_due_us(self, *, mtu: int) -> int | None:
        """Return the uptime at which the next whole frame is due; None if the sensor is idle."""
        if self.stream is None:
            return None
        return self.stream.time_us(self.framed + self._frame_size(self.stream, mtu) - 1)

    def _frame_size(self, stream: Stream, mtu: int) -> int:
        # A client that comes back may agree on a smaller MTU than the one that started the stream.
        return stream.cut(self.framed, min(stream.batch, profile.samples_that_fit(mtu)) or stream.batch)

    @property
    def over(self) -> bool:
        """Whether the running stream has reached the end of the night."""
        stream = self.stream
        return (
            stream is not None
            and stream.time_us(self.framed) - stream.night_us >= self.night.duration_s * 1e6 - 1.0
        )

    def sent(self, count: int) -> None:
        """Count the next `count` samples as notified."""
        self.framed += count

    def drop(self, count: int) -> None:
        """Count the next `count` samples as dropped."""
        self.framed += count
        self.dropped += count

    def status(self, now_us: int) -> bytes:
        """Return the value of the status characteristic."""
        number, taken = self._last
        if self.stream is not None:
            number, taken = self.stream.number, self.stream.taken(now_us)
        return profile.status(
            sampling=self.stream is not None,
            stream=number,
            next_index=taken,
            dropped=self.dropped,
            temperature_c=_TEMPERATURE_C,
            oldest=next((k[1] for k in self._kept() if k[0].number == number), None) if self.depth else None,
            charging=self.charging,
        )

    def capabilities(self) -> bytes:
        """Return the value of the capabilities characteristic."""
        return profile.capabilities(sensor_id=self.sensor_id, side=self.night.leg, depth=self.depth)

    def battery(self, now_us: int) -> int:
        """Return the charge in percent. It falls slowly and never reaches 0."""
        if self.level is not None:
            return self.level
        return max(1, _BATTERY_AT_START - now_us // _US_PER_BATTERY_PERCENT)

    def manufacturer_data(self, now_us: int) -> bytes:
        """Return the manufacturer data of the scan response, after the company number."""
        return profile.manufacturer_data(
            side=self.night.leg, battery=self.battery(now_us), streaming=self.stream is not None
        )
