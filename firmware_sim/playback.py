"""Play a recording: the sensor measures the samples of a CSV file."""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from firmware_sim.night import Measurement
from firmware_sim.outside import blocks, plain, shortened
from firmware_sim.profile import RATES_HZ, SCALE_UG

HEADER = "time_s,x_g,y_g,z_g"
_GAP_PERIODS, _GAP_LEAST_S = 1.5, 0.1
LARGEST = 1 << 29
"""Bytes of a file."""
MOST_ROWS = 7_200_000
"""Samples of a file: ten hours at 200 Hz."""
LONGEST_S = 31 * 86_400.0
_LIMITS = [1e11, 1000.0, 1000.0, 1000.0]
_LONGEST_LINE = 100_000
_MOST_GAPS = 50_000
_FURTHEST = 0.1
"""Largest difference of the true rate from the declared one, as a share."""


_NEVER = 1 << 62
"""A sample number larger than that of any stream."""


class PlaybackError(ValueError):
    """A file that cannot be played; the message says why."""


class Playback:
    """The night in a CSV file.

    A step of more than 1.5 sample periods and more than 0.1 s is a gap; smaller irregularities are jitter and the samples
    are played evenly. The rate is (n - 1) / span over the stretches between gaps, and a gap takes the whole number of
    samples nearest to its length. The samples of a gap never arrive.

    Parameters
    ----------
    path : Path
        CSV with the header ``time_s,x_g,y_g,z_g``.
    leg : {"left", "right"}
        The ankle that the recording is from.

    Raises
    ------
    PlaybackError
        If the file cannot be read, or has no sample rate.

    Notes
    -----
    A sensor declares 25, 50, 100 or 200 Hz. If one of them is within 10 % of the file's rate, the sensor sends the file's
    samples unchanged, at the file's rate. Otherwise it declares the next higher rate (at most 200 Hz) and interpolates the
    samples linearly at exactly that rate. It also interpolates if a client asks for a rate other than the declared one. No
    noise is added. Nothing is sent after the last sample: many equal samples would look like a stuck sensor.
    """

    def __init__(self, path: Path, leg: Literal["left", "right"]) -> None:
        table = _table(path)
        times = table[:, 0]
        steps = np.diff(times)
        gaps = np.flatnonzero((steps > _GAP_PERIODS * np.median(steps)) & (steps > _GAP_LEAST_S))
        if len(gaps) > _MOST_GAPS:
            raise PlaybackError(f"{path}: there are more than {_MOST_GAPS:,} gaps; it is no recording.")
        span = float(steps.sum() - steps[gaps].sum())
        if span <= 0.0:
            raise PlaybackError(f"{path}: the times do not advance, so there is no sample rate.")
        self.rate_hz = (len(steps) - len(gaps)) / span
        """Sample rate of the file, Hz."""
        places = np.ones(len(table))
        places[0] = 0.0
        places[gaps + 1] = np.maximum(np.rint(steps[gaps] * self.rate_hz), 2.0)
        # Contiguous, so that interpolating a few samples copies nothing.
        self._places = np.cumsum(places)
        self._axes = np.ascontiguousarray(table[:, 1:].T)
        self._gaps = [(float(self._places[g]), float(self._places[g + 1])) for g in gaps]
        self.leg: Literal["left", "right"] = leg
        self.declared_rate_hz = _declared(self.rate_hz)
        self.duration_s = float(self._places[-1] + 1.0) / self.rate_hz

    def measured(self, rate_hz: int, range_g: int) -> Measurement:
        """Measure it at a declared rate and a range."""
        true_rate_hz = self.rate_hz if _near(self.rate_hz, rate_hz) else float(rate_hz)
        step = self.rate_hz / true_rate_hz
        lost = [(math.floor(last / step) + 1, math.ceil(next_ / step)) for last, next_ in self._gaps]
        lost.append((math.floor(float(self._places[-1]) / step) + 1, _NEVER))
        chip = _Player(self._places, self._axes, step, SCALE_UG[range_g] * 1e-6)
        return Measurement(chip, true_rate_hz, tuple((begin, end) for begin, end in lost if begin < end))


class _Player:
    """A chip that advances by `step` places of the file with each sample."""

    def __init__(
        self, places: NDArray[np.float64], axes: NDArray[np.float64], step: float, unit_g: float
    ) -> None:
        self._places = places
        self._axes = axes
        self._step = step
        self._unit_g = unit_g

    def samples(self, first: int, count: int) -> NDArray[np.int16]:
        """Return samples `first` to `first + count - 1`, clipped to the range."""
        at = np.arange(first, first + count) * self._step
        felt = np.stack([np.interp(at, self._places, axis) for axis in self._axes], axis=1)
        samples: NDArray[np.int16] = np.clip(np.rint(felt / self._unit_g), -32768, 32767).astype(np.int16)
        return samples


def _near(rate_hz: float, declared_hz: int) -> bool:
    return abs(rate_hz / declared_hz - 1.0) <= _FURTHEST


def _declared(rate_hz: float) -> int:
    near = [declared for declared in RATES_HZ if _near(rate_hz, declared)]
    higher = [declared for declared in RATES_HZ if declared >= rate_hz]
    return (near or higher or [RATES_HZ[-1]])[0]


def _table(path: Path) -> NDArray[np.float64]:
    """Read the file.

    Raises
    ------
    PlaybackError
        If the file is not a CSV of samples.
    """
    try:
        lines = sum(block.count(b"\n") + block.count(b"\r") for block in blocks(path, LARGEST))
        table, count = np.empty((min(lines + 1, MOST_ROWS), 4)), 0
        for number, text in _pieces(path):
            rows = _rows(path, number, text)
            if count + len(rows) > len(table):
                raise PlaybackError(
                    f"{path}: there are more than {MOST_ROWS:,} samples; cut it into single nights."
                )
            table[count : count + len(rows)] = rows
            count += len(rows)
    except OSError as error:
        raise PlaybackError(f"{path} cannot be read ({error.strerror}).") from error
    table = table[:count]
    if len(table) < 2:
        raise PlaybackError(f"{path}: there are fewer than two samples, so there is no sample rate.")
    if not np.isfinite(table).all():
        row = int(np.argmin(np.isfinite(table).all(axis=1)))
        raise PlaybackError(
            f"{path}, sample {row + 1}: not every number is finite; for a gap, leave the lines out."
        )
    if (large := np.abs(table) > _LIMITS).any():
        row = int(np.argmax(large.any(axis=1)))
        raise PlaybackError(f"{path}, sample {row + 1}: no clock and no accelerometer measures such numbers.")
    if (back := np.flatnonzero(np.diff(table[:, 0]) < 0.0)).size:
        before, after = table[back[0] : back[0] + 2, 0]
        raise PlaybackError(f"{path}, sample {back[0] + 2}: time_s goes back from {before:g} to {after:g}.")
    if table[-1, 0] - table[0, 0] > LONGEST_S:
        raise PlaybackError(
            f"{path}: the times span more than {LONGEST_S / 86_400:.0f} days; cut it into single nights."
        )
    return table


def _pieces(path: Path) -> Iterator[tuple[int, str]]:
    """Yield whole lines, and the number of the first of them, without the header."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    number, rest = 1, ""
    for block in chain(blocks(path, LARGEST), [b""]):
        try:
            text = rest + decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise PlaybackError(
                f"{path} is not text in UTF-8; expected CSV with the header {HEADER}."
            ) from error
        ends_in_cr = bool(block) and text.endswith("\r")
        text = (text[:-1] if ends_in_cr else text).replace("\r\n", "\n").replace("\r", "\n")
        whole, _, rest = text.rpartition("\n") if block else (text, "", "")
        rest += "\r" * ends_in_cr
        if len(rest) > _LONGEST_LINE:
            raise PlaybackError(f"{path}: a line has no end; expected four numbers ({HEADER}).")
        if number == 1 and (whole or not block):
            header, _, whole = whole.partition("\n")
            if header.strip() != HEADER:
                found = shortened(plain(header.strip()))
                raise PlaybackError(f"{path}: the first line is {found!r}; expected {HEADER}.")
            number = 2
        if whole:
            yield number, whole
            number += whole.count("\n") + 1


def _rows(path: Path, first: int, text: str) -> NDArray[np.float64]:
    if not text.strip():
        return np.empty((0, 4))
    try:
        rows = np.loadtxt(text.split("\n"), delimiter=",", comments=None, ndmin=2, dtype=float)
    except ValueError:
        where = _first_bad_line(first, text)
        raise PlaybackError(f"{path}, {where}; expected four numbers ({HEADER}).") from None
    if rows.shape[1] != 4:
        raise PlaybackError(f"{path}: there are {rows.shape[1]} columns; expected {HEADER}.")
    return rows


def _first_bad_line(first: int, text: str) -> str:
    """Return a description of the first line that cannot be read."""
    for number, line in enumerate(text.split("\n"), start=first):
        try:
            if not line.strip() or len([float(field) for field in line.split(",")]) == 4:
                continue
        except ValueError:
            pass
        return f"line {number} is {shortened(plain(line.strip()))!r}"
    return "one line cannot be read"
