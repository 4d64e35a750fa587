"""What the firmware decides: the state machine behind the control point, and which samples are due when.

No radio and no clock in here. The time is passed in, as the sensor's uptime in µs; a request is bytes and so is the answer.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from firmware_sim import profile
from firmware_sim.night import Chip, Night, Performed
from firmware_sim.profile import Answer, Op
from firmware_sim.scenario import Scenario

_TEMPERATURE_C = 31  # skin under a strap; a modelling choice
_BATTERY_AT_START = 87
_US_PER_BATTERY_PERCENT = 30 * 60 * 1_000_000  # a night takes 16 %


@dataclass(frozen=True, slots=True)
class Stream:
    """One run of sampling, from a START to its STOP.

    Attributes
    ----------
    number : int
        Number of the stream, u16.
    rate_hz, range_g, batch : int
        As START answered.
    accelerometer : Chip
        Where the samples come from.
    true_rate_hz : float
        How often a sample is really taken.
    night_us : int
        Uptime at the night's time 0.
    night_first : int
        Which sample of the night is index 0 of the stream.
    lost : tuple of (int, int)
        Samples of the night that never arrive: first one, and first that is not lost again; in order and apart.
    """

    number: int
    rate_hz: int
    range_g: int
    batch: int
    accelerometer: Chip
    true_rate_hz: float
    night_us: int
    night_first: int
    lost: tuple[tuple[int, int], ...] = ()

    def time_us(self, index: int) -> int:
        """Uptime at which the sample `index` is taken."""
        return self.night_us + round((self.night_first + index) * 1e6 / self.true_rate_hz)

    def taken(self, now_us: int) -> int:
        """How many samples have been taken by `now_us`."""
        count = max(0, int((now_us - self.night_us) * self.true_rate_hz / 1e6) - self.night_first)
        # The product may be off by a sample where time_us rounds.
        while self.time_us(count) <= now_us:
            count += 1
        while count and self.time_us(count - 1) > now_us:
            count -= 1
        return count

    def frame(self, first: int, count: int) -> bytes:
        """Live frame with the samples `first` to `first + count - 1`."""
        samples = self.accelerometer.samples(self.night_first + first, count)
        return profile.frame(stream=self.number, first=first, t_us=self.time_us(first), samples=samples)

    def loses(self, first: int, count: int) -> bool:
        """Whether the radio loses a frame of the samples `first` to `first + count - 1`."""
        loss = self._loss(first)
        return loss is not None and loss[0] < first + count

    def cut(self, first: int, size: int) -> int:
        """Shorten a frame from sample `first` on so that it is lost whole or not at all."""
        loss = self._loss(first)
        if loss is None:
            return size
        begin, end = loss
        return min(size, (begin if begin > first else end) - first)

    def _loss(self, first: int) -> tuple[int, int] | None:
        """Return the first loss that ends after a sample; its bounds as indices of the stream."""
        at = bisect_right(self.lost, self.night_first + first, key=lambda loss: loss[1])
        if at == len(self.lost):
            return None
        begin, end = self.lost[at]
        return begin - self.night_first, end - self.night_first


class Sensor:
    """The firmware of one ankle sensor.

    Parameters
    ----------
    night : Scenario or Night
        What it will measure; its time 0 is the first sample of the first stream.
    sensor_id : int
        u64 that stays the same for the life of the sensor.
    first_stream : int
        Number of the first stream; one that a sensor before a reboot has not used.
    """

    def __init__(self, night: Scenario | Night, *, sensor_id: int, first_stream: int) -> None:
        self.night: Night = Performed(night) if isinstance(night, Scenario) else night
        self.sensor_id = sensor_id
        self.stream: Stream | None = None
        self.dropped = 0
        self.framed = 0
        """Samples of the running stream that went into a frame, sent or dropped: the index that the next frame starts at."""
        self.time_tag = 0
        self._night_us: int | None = None
        self._next_number = first_stream & 0xFFFF
        self._last: tuple[int, int] = (0, 0)

    def control(self, request: bytes, *, now_us: int, mtu: int) -> bytes:
        """Carry out a request to the control point, at least 2 bytes long, and return its answer."""
        code, tag, arguments = request[0], request[1], request[2:]
        if code not in Op.__members__.values():
            return profile.answer(code, tag, Answer.UNKNOWN_OP)
        if code in (Op.GET_BUFFER, Op.BACKFILL, Op.ABORT, Op.ERASE):
            return profile.answer(code, tag, Answer.NOT_SUPPORTED)
        if code == Op.START:
            status, results = self._start(arguments, now_us, mtu)
        elif code == Op.STOP:
            status, results = self._stop(arguments, now_us)
        elif code == Op.IDENTIFY:
            status, results = (Answer.OK if len(arguments) == 1 else Answer.BAD_LENGTH), b""
        else:
            # The simulated chip is always well.
            status, results = (Answer.BAD_LENGTH if arguments else Answer.OK), b"\x00"
        return profile.answer(code, tag, status, results)

    def _start(self, arguments: bytes, now_us: int, mtu: int) -> tuple[Answer, bytes]:
        wish = profile.parse_start(arguments)
        if wish is None:
            return Answer.BAD_LENGTH, b""
        if mtu < profile.SMALLEST_MTU:
            return Answer.MTU_TOO_SMALL, b""
        if wish.rate_hz not in profile.RATES_HZ or wish.range_g not in profile.RANGES_G:
            return Answer.BAD_PARAMETER, b""
        stream = self.stream or self._begin(wish, now_us, mtu)
        if (stream.rate_hz, stream.range_g) != (wish.rate_hz, wish.range_g):
            return Answer.BUSY, b""
        return Answer.OK, profile.start_results(
            stream=stream.number,
            rate_hz=stream.rate_hz,
            range_g=stream.range_g,
            batch=min(stream.batch, profile.samples_that_fit(mtu)),
            next_index=stream.taken(now_us),
        )

    def _begin(self, wish: profile.StartRequest, now_us: int, mtu: int) -> Stream:
        measured = self.night.measured(wish.rate_hz, wish.range_g)
        if self._night_us is None:
            self._night_us = now_us
        true_rate_hz = measured.rate_hz
        # A stream after the first goes on in the same night, on the same grid of sample times.
        night_first = -int(-(now_us - self._night_us) * true_rate_hz // 1e6)
        quarter_second = round(wish.rate_hz / 4)
        self.stream = Stream(
            number=self._next_number,
            rate_hz=wish.rate_hz,
            range_g=wish.range_g,
            batch=min(wish.batch or quarter_second, profile.samples_that_fit(mtu)),
            accelerometer=measured.chip,
            true_rate_hz=true_rate_hz,
            night_us=self._night_us,
            night_first=night_first,
            lost=measured.lost,
        )
        self._next_number = (self._next_number + 1) & 0xFFFF
        self.framed = self.dropped = 0
        return self.stream

    def _stop(self, arguments: bytes, now_us: int) -> tuple[Answer, bytes]:
        if arguments:
            return Answer.BAD_LENGTH, b""
        if self.stream is None:
            return Answer.NOT_RUNNING, b""
        number, taken = self.stream.number, max(self.framed, self.stream.taken(now_us))
        self.drop(taken - self.framed)
        self.stream, self._last = None, (number, taken)
        return Answer.OK, profile.stop_results(stream=number, next_index=taken)

    def due(self, now_us: int, *, mtu: int, rest: bool = False) -> tuple[int, int] | None:
        """Next frame that is due: its first index and how many samples; None while there is none.

        A frame is due when its last sample has been taken, or with `rest` as soon as there is a sample for it. What
        became of it is told by `sent` or `drop`.
        """
        if self.stream is None:
            return None
        size = self._frame_size(self.stream, mtu)
        if self.stream.time_us(self.framed + size - 1) <= now_us:
            return self.framed, size
        left = self.stream.taken(now_us) - self.framed
        return (self.framed, left) if rest and left > 0 else None

    def next_due_us(self, *, mtu: int) -> int | None:
        """Uptime at which the next whole frame is due; None when the sensor is idle."""
        if self.stream is None:
            return None
        return self.stream.time_us(self.framed + self._frame_size(self.stream, mtu) - 1)

    def _frame_size(self, stream: Stream, mtu: int) -> int:
        # A client that comes back may agree on a smaller MTU than the one that started the stream.
        return stream.cut(self.framed, min(stream.batch, profile.samples_that_fit(mtu)) or stream.batch)

    @property
    def over(self) -> bool:
        """Whether the running stream has come to the end of the night, to the microsecond."""
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
        """Value of the status characteristic."""
        number, taken = self._last
        if self.stream is not None:
            number, taken = self.stream.number, self.stream.taken(now_us)
        return profile.status(
            sampling=self.stream is not None,
            stream=number,
            next_index=taken,
            dropped=self.dropped,
            temperature_c=_TEMPERATURE_C,
        )

    def capabilities(self) -> bytes:
        """Value of the capabilities characteristic."""
        return profile.capabilities(sensor_id=self.sensor_id, side=self.night.leg)

    def battery(self, now_us: int) -> int:
        """Charge in percent; it drains slowly and never dies on the user of a simulation."""
        return max(1, _BATTERY_AT_START - now_us // _US_PER_BATTERY_PERCENT)

    def manufacturer_data(self, now_us: int) -> bytes:
        """Give what the scan response tells after the company number."""
        return profile.manufacturer_data(
            side=self.night.leg, battery=self.battery(now_us), streaming=self.stream is not None
        )
