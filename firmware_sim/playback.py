"""Play a recording: the sensor measures the samples of a CSV file."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from firmware_sim.night import Measurement
from firmware_sim.profile import RATES_HZ, SCALE_UG

HEADER = "time_s,x_g,y_g,z_g"
_GAP_PERIODS, _GAP_LEAST_S = 1.5, 0.1
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
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline().strip()
        if header != HEADER:
            raise PlaybackError(f"{path}: the first line is {header[:60]!r}; expected {HEADER}.")
        with warnings.catch_warnings(action="ignore"):  # about a file without samples, which is refused below
            table = np.loadtxt(
                path, delimiter=",", comments=None, skiprows=1, ndmin=2, encoding="utf-8-sig", dtype=float
            )
    except OSError as error:
        raise PlaybackError(f"{path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise PlaybackError(f"{path} is not text in UTF-8; expected CSV with the header {HEADER}.") from error
    except PlaybackError:
        raise
    except ValueError:
        raise PlaybackError(f"{path}, {_first_bad_line(path)}; expected four numbers ({HEADER}).") from None
    if table.size and table.shape[1] != 4:
        raise PlaybackError(f"{path}: there are {table.shape[1]} columns; expected {HEADER}.")
    if len(table) < 2:
        raise PlaybackError(f"{path}: there are fewer than two samples, so there is no sample rate.")
    if not np.isfinite(table).all():
        row = int(np.argmin(np.isfinite(table).all(axis=1)))
        raise PlaybackError(
            f"{path}, sample {row + 1}: not every number is finite; for a gap, leave the lines out."
        )
    if (back := np.flatnonzero(np.diff(table[:, 0]) < 0.0)).size:
        before, after = table[back[0] : back[0] + 2, 0]
        raise PlaybackError(f"{path}, sample {back[0] + 2}: time_s goes back from {before:g} to {after:g}.")
    return table


def _first_bad_line(path: Path) -> str:
    """Return a description of the first line that cannot be read."""
    with path.open(encoding="utf-8-sig") as file:
        next(file)
        for number, line in enumerate(file, start=2):
            try:
                if not line.strip() or len([float(field) for field in line.split(",")]) == 4:
                    continue
            except ValueError:
                pass
            return f"line {number} is {line.strip()[:60]!r}"
    return "one line cannot be read"
