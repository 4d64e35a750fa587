"""Data frames of Polar's PMD service: raw and delta-compressed accelerations, and sample times.

Follows Polar's Measurement Data Specification and the behaviour of its SDK (polarofficial/polar-ble-sdk): byte 0 type,
bytes 1–8 time of the last sample in ns, byte 9 frame type, then the samples. A frame that is cut short is refused, as
in the Android SDK; the iOS SDK keeps the samples before the cut.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from legmon.sensors import decode
from legmon.sensors.base import FrameError

ACC = 2
MOST_SAMPLES = 1024
"""The longest notification has 512 bytes and cannot hold more samples."""

UNIX_2000_NS = 946_684_800_000_000_000
"""Unix time of Polar's epoch, ns. Few sensors have their clock set, so only differences are used."""

_HEADER = 10
_RAW_BYTES = {0: 1, 1: 2, 2: 3}
_COMPRESSED = 0x80
_LONGEST_DELTA = 32


@dataclass(frozen=True, slots=True)
class PolarFrame:
    """The samples of a frame, not scaled.

    Parameters
    ----------
    time_ns : int
        Time of the last sample, ns since 2000 on a sensor whose clock was set.
    raw : (n, 3) int64 array
        The numbers of the frame.
    unit : {"mg", "factor", "mg factor"}
        Unit of a number: mg; the factor in g; or the factor in mg.
    """

    time_ns: int
    raw: NDArray[np.int64]
    unit: Literal["mg", "factor", "mg factor"]

    def g(self, factor: float) -> NDArray[np.float64]:
        """Return accelerations in g. `factor` is from the answer to the start, 1 if it had none."""
        values = self.raw.astype(np.float64)
        if self.unit != "mg":
            values *= factor
        if self.unit != "factor":
            values /= 1000.0
        return values

    def sdk_mg(self, factor: float) -> NDArray[np.float64]:
        """Return whole mg, rounded towards zero as in Polar's SDK. A recording keeps the finer numbers."""
        mg: NDArray[np.float64] = np.trunc(np.round(self.g(factor) * 1000.0, 9))
        return mg


def frame_type(data: bytes) -> int:
    """Return the measurement of a frame; 2 is acceleration.

    Raises
    ------
    FrameError
        If it has no header.
    """
    if len(data) < _HEADER:
        raise FrameError(f"frame of {len(data)} bytes; its header alone has {_HEADER}")
    return data[0] & 0x3F


def decode_frame(data: bytes) -> PolarFrame:
    """Read a frame of accelerations.

    Raises
    ------
    FrameError
        If it is of another measurement or kind, cut short, or holds no sample.
    """
    kind = frame_type(data)
    if kind != ACC:
        raise FrameError(f"frame of measurement {kind}; acceleration is {ACC}")
    time_ns = int.from_bytes(data[1:9], "little")
    form, content = data[9], data[_HEADER:]
    if form in _RAW_BYTES:
        return PolarFrame(time_ns, _raw(content, _RAW_BYTES[form]), "mg")
    if form == _COMPRESSED:
        return PolarFrame(time_ns, decode_deltas(content), "factor")
    if form == _COMPRESSED | 1:
        return PolarFrame(time_ns, decode_deltas(content), "mg factor")
    raise FrameError(f"acceleration of frame type 0x{form:02x}; known are 00, 01, 02, 80 and 81")


def _raw(content: bytes, size: int) -> NDArray[np.int64]:
    if not content or len(content) % (3 * size):
        raise FrameError(f"{len(content)} bytes of samples; a sample has {3 * size}")
    digits = np.frombuffer(content, dtype=np.uint8).reshape(-1, 3, size).astype(np.int64)
    return _signed(digits @ (1 << (8 * np.arange(size, dtype=np.int64))), 8 * size)


def _signed(values: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    half = 1 << (bits - 1)
    return (values ^ half) - half


def decode_deltas(content: bytes) -> NDArray[np.int64]:
    """Read a reference sample of 3 × 16 bits and the blocks of differences after it.

    A block has its width in bits, its count, and the differences, lowest bit first. It begins on a whole byte.

    Raises
    ------
    FrameError
        If a block is cut short, wider than 32 bits, or there are too many samples.
    """
    if len(content) < 6:
        raise FrameError(f"{len(content)} bytes; the reference sample has 6")
    rows = [np.frombuffer(content[:6], dtype="<i2").astype(np.int64).reshape(1, 3)]
    at, samples = 6, 1
    while at < len(content):
        if at + 2 > len(content):
            raise FrameError("the header of a block of differences is cut short")
        width, count = content[at], content[at + 1]
        size = (3 * width * count + 7) // 8
        at += 2
        if width > _LONGEST_DELTA:
            raise FrameError(f"differences of {width} bits; at most {_LONGEST_DELTA} make sense")
        if at + size > len(content):
            raise FrameError(
                f"{count} differences of 3 × {width} bits need {size} bytes, {len(content) - at} are left"
            )
        samples += count
        if samples > MOST_SAMPLES:
            raise FrameError(f"a frame that claims more than {MOST_SAMPLES} samples")
        rows.append(_block(content[at : at + size], width, count))
        at += size
    return np.cumsum(np.concatenate(rows), axis=0)


def _block(packed: bytes, width: int, count: int) -> NDArray[np.int64]:
    if not width:
        return np.zeros((count, 3), dtype=np.int64)
    bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8), bitorder="little")[: 3 * width * count]
    values = bits.reshape(-1, width).astype(np.int64) @ (1 << np.arange(width, dtype=np.int64))
    return _signed(values, width).reshape(-1, 3)


def sample_times(time_ns: int, n: int, *, previous_ns: int | None, rate_hz: float) -> list[int]:
    """Return the time of each of `n` samples: spread evenly between two frames; in the first frame, at the nominal rate.

    Halves are rounded to even, as Kotlin's `round` does.

    Raises
    ------
    FrameError
        If the time is not after the frame before it, or the first sample would lie before the clock began.
    """
    if previous_ns is None:
        if rate_hz <= 0:
            raise FrameError("neither a frame before this one nor a rate: its samples have no times")
        spacing = Fraction(10**9) / Fraction(rate_hz)
    elif time_ns > previous_ns:
        spacing = Fraction(time_ns - previous_ns, n)
    else:
        raise FrameError(f"time went from {previous_ns} to {time_ns} ns")
    times = [round(time_ns - (n - 1 - i) * spacing) for i in range(n)]
    if times[0] < 0:
        raise FrameError("the first sample would lie before the sensor's clock began")
    return times


class PolarDecoder:
    """Captured notifications of the data characteristic."""

    def __init__(self, factor_g: float, rate_hz: float) -> None:
        self._factor = factor_g
        self._rate_hz = rate_hz
        self._previous_ns: int | None = None

    def read(self, data: bytes, following: bytes | None) -> decode.Decoded:  # noqa: ARG002
        """Read one frame; its values are the whole mg of Polar's SDK."""
        frame = decode_frame(data)
        samples: NDArray[np.float64] = frame.sdk_mg(self._factor) / 1000.0
        previous = self._previous_ns
        n = len(samples)
        if previous is not None and not 0.5 < (frame.time_ns - previous) * self._rate_hz / 1e9 / n < 1.6:
            previous = None
        self._previous_ns = frame.time_ns
        try:
            times = sample_times(frame.time_ns, n, previous_ns=previous, rate_hz=self._rate_hz)
        except FrameError:
            times = None
        return decode.Decoded(samples, times)
