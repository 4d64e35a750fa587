"""Find the frames in WitMotion's byte stream. A notification may hold a part of a frame, or several frames.

A frame begins with 55 61 and has 20 bytes, or 28 on the models with a clock; the answer to a question begins with 55 71
and has 20. No frame has a checksum, and 55 61 can stand inside one. So a frame is accepted only if the next one begins
right after it, or if the bytes end there. A frame of 28 bytes also needs a valid time, or a clock that was never set.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from legmon.sensors.base import FrameError

_DATA, _ANSWER = b"\x55\x61", b"\x55\x71"
_HEADERS = (_DATA, _ANSWER)
SHORT, LONG = 20, 28
LONGEST_HELD = 64


@dataclass(frozen=True, slots=True)
class Measured:
    """One frame: 9 numbers (acceleration, rotation, angle), and the Unix time, ms; None without a clock, or if it is not set."""

    values: NDArray[np.int16]
    time_ms: int | None


def decode_measured(frame: bytes) -> Measured:
    """Read a frame of 20 or 28 bytes.

    Raises
    ------
    FrameError
        If its length or its time is not valid.
    """
    if len(frame) not in {SHORT, LONG} or frame[:2] != _DATA:
        raise FrameError(f"frame of {len(frame)} bytes; expected {SHORT} or {LONG} that begin with 55 61")
    values = np.frombuffer(frame, dtype="<i2", count=9, offset=2).astype(np.int16)
    is_timed = len(frame) == LONG and not _is_unset(frame[SHORT:])
    return Measured(values, _time_ms(frame[SHORT:]) if is_timed else None)


def _is_unset(clock: bytes) -> bool:
    """Whether the sensor's clock was never set."""
    return not (clock[1] and clock[2])


def _time_ms(clock: bytes) -> int:
    year, month, day, hour, minute, second = clock[:6]
    ms = int.from_bytes(clock[6:8], "little")
    try:
        moment = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as e:
        raise FrameError(f"a time that is not valid: {clock.hex(' ')}") from e
    if ms > 999:
        raise FrameError(f"a time that is not valid: {clock.hex(' ')}")
    return round(moment.timestamp()) * 1000 + ms


class ByteStream:
    """Cuts the stream into frames and answers. It holds back at most `LONGEST_HELD` bytes."""

    def __init__(self) -> None:
        self._held = b""
        self._length = 0  # of a data frame; 0 until known
        self._in_step = False
        self._has_time = False

    @property
    def unfinished(self) -> int:
        """How many bytes wait for the rest of their frame."""
        return len(self._held)

    def feed(self, data: bytes, *, ended: bool = False) -> list[bytes]:
        """Add bytes and return the frames that are complete.

        `ended` means that a frame begins, or nothing follows, after these bytes. It confirms a frame that ends with them.
        """
        held, at, found = self._held + data, 0, []
        while len(held) - at >= 2:
            if held[at : at + 2] not in _HEADERS:
                self._in_step = False
                at = _next_header(held, at + 1)
                continue
            length = self._fits(held, at, ended=ended)
            if length is None:
                break  # more bytes are needed to decide
            if not length:
                self._in_step = False
                at = _next_header(held, at + 1)
                continue
            found.append(held[at : at + length])
            self._in_step = True
            if held[at : at + 2] == _DATA:
                self._length = length
            at += length
        self._held = held[at:][-LONGEST_HELD:]
        return found

    def _fits(self, held: bytes, at: int, *, ended: bool) -> int | None:
        """Return the length of the frame at a header: 0 if it is not a frame, None if more bytes are needed to decide."""
        after = len(held) - at
        answer = held[at : at + 2] == _ANSWER
        known = SHORT if answer else self._length
        waits = False
        for length in (SHORT,) if answer else (SHORT, LONG):
            if known and length != known and self._in_step:
                continue
            verdict = self._ends(
                held[at + length : at + length + 2], after - length, length, known, ended=ended
            )
            if verdict and (length == SHORT or self._may_be_time(held[at + SHORT : at + LONG])):
                return length
            waits = waits or verdict is None
        return None if waits else 0

    def _may_be_time(self, clock: bytes) -> bool:
        """Whether these bytes can be the clock of a long frame. An unset clock counts only until a set clock was seen."""
        if _plausible(clock):
            self._has_time = True
            return True
        return not self._has_time and _is_unset(clock)

    @staticmethod
    def _ends(then: bytes, over: int, length: int, known: int, *, ended: bool) -> bool | None:
        """Whether a frame ends before `then`. There are `over` bytes after its end."""
        if over < 0:
            return None
        if over == 0:
            return True if ended or length in {known, LONG} else None
        if over == 1:
            return None if then == b"\x55" else False
        return then in _HEADERS


def _plausible(clock: bytes) -> bool:
    try:
        _time_ms(clock)
    except FrameError:
        return False
    return True


def _next_header(held: bytes, at: int) -> int:
    """Return where the next header may begin."""
    places = [place for header in _HEADERS if (place := held.find(header, at)) >= 0]
    if places:
        return min(places)
    return len(held) - 1 if held.endswith(b"\x55") else len(held)
