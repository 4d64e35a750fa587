"""Reads acceleration from a CSV file with the header ``time_s,x_g,y_g,z_g``."""

import io
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from legmon.detection.detector import Detector
from legmon.detection.quality import RAIL
from legmon.errors import LegmonError
from legmon.messages import GapCause
from legmon.movement import NS, Leg, LegMovement
from legmon.night.track import LegTrack
from legmon.recording.records import Gap
from legmon.timeline.clock import Anchor

HEADER = "time_s,x_g,y_g,z_g"
COLUMNS = 4
GAP_PERIODS, GAP_LEAST_S = 1.5, 0.1
LATEST_S, LARGEST_G = 1e11, 1000.0
RAIL_LEAST_G, RAIL_TIMES, RAIL_NEAR = 1.9, 10, 0.9


class CsvError(LegmonError):
    """The file is wrong. The message names the line and what was expected."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Samples without a gap.

    Parameters
    ----------
    first : int
        Index of the first sample, gaps included.
    start_s : float
        Its time in the file.
    xyz : (n, 3) float64 array, g
        The samples.
    """

    first: int
    start_s: float
    xyz: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CsvRecording:
    """A file's samples.

    Parameters
    ----------
    rate_hz : float
        Measured over the stretches between gaps.
    stretches : list of Stretch
        In order of time.
    """

    rate_hz: float
    stretches: list[Stretch]

    @property
    def gaps(self) -> list[Gap]:
        """The gaps between the stretches."""
        found = []
        for a, b in pairwise(self.stretches):
            end = a.first + len(a.xyz)
            found.append(Gap(end, b.first - end, GapCause.FILE_GAP.value))
        return found

    @property
    def range_g(self) -> float | None:
        """The range of the sensor, where the samples show it: a largest value that occurs too often.

        In a signal that stays within the range, larger values are rarer. At the end of a range all values beyond it are added to
        the last one. A coarse sensor repeats every value, so the count is compared with that of the value below.
        """
        sizes = np.concatenate([np.abs(s.xyz).ravel() for s in self.stretches])
        largest = float(sizes.max())
        high = sizes[sizes >= RAIL_NEAR * largest]
        at_rail = high >= RAIL * largest
        pile, below = int(at_rail.sum()), high[~at_rail]
        next_below = int((below == below.max()).sum()) if len(below) else 0
        return largest if largest > RAIL_LEAST_G and pile >= max(RAIL_TIMES, 2 * next_below) else None


def read_csv(path: Path) -> CsvRecording:
    """Read a file.

    A step of more than 1.5 sample periods and more than 0.1 s is a gap; smaller irregularities are jitter. The rate is
    (n - 1) / span over the stretches between gaps.

    Raises
    ------
    CsvError
        If it cannot be read, or a line is wrong.
    """
    table = _table(path)
    times = table[:, 0]
    steps = np.diff(times)
    period = float(np.median(steps))
    cuts = np.flatnonzero((steps > GAP_PERIODS * period) & (steps > GAP_LEAST_S)) + 1
    bounds = [0, *cuts.tolist(), len(times)]
    pairs = list(pairwise(bounds))
    span = sum(float(times[b - 1] - times[a]) for a, b in pairs)
    if span <= 0:
        raise CsvError(f"{path}: the times do not advance, so there is no sample rate")
    rate = sum(b - a - 1 for a, b in pairs) / span
    stretches: list[Stretch] = []
    first = 0
    for a, b in pairs:
        if stretches:
            missing = round(float(times[a] - times[a - 1]) * rate) - 1
            first += max(missing, 1)
        stretches.append(Stretch(first, float(times[a]), table[a:b, 1:]))
        first += b - a
    return CsvRecording(rate, stretches)


def detect_csv(path: Path, leg: Leg, *, chunk: int | None = None) -> LegTrack:
    """Find the movements of one leg's file.

    Parameters
    ----------
    path : Path
        The file.
    leg : {"left", "right"}
        The ankle it is from.
    chunk : int, optional
        Number of samples to feed at a time. It does not change the result.

    Returns
    -------
    LegTrack
        Times are those of the file.
    """
    recording = read_csv(path)
    try:
        detector = Detector(recording.rate_hz, leg, range_g=recording.range_g)
    except ValueError as e:
        raise CsvError(f"{path}: {e}") from e
    found: list[LegMovement] = []
    for stretch in recording.stretches:
        found += detector.gap(stretch.first - detector.position)
        size = chunk or len(stretch.xyz)
        for i in range(0, len(stretch.xyz), size):
            found += detector.feed(stretch.xyz[i : i + size])
    found += detector.finish()
    return LegTrack(
        leg=leg,
        end=detector.position,
        movements=found,
        gaps=sorted(
            [*recording.gaps, *(Gap(u.first, u.count, u.cause) for u in detector.unseen_so_far())],
            key=lambda g: g.first,
        ),
        anchors=[Anchor(s.first, round(s.start_s * NS), recording.rate_hz) for s in recording.stretches],
        simulated=False,
        quality=detector.quality(),
    )


def _table(path: Path) -> NDArray[np.float64]:
    header, _, body = _text(path).partition("\n")
    if header.strip() != HEADER:
        raise CsvError(f"{path}, line 1: the header is {header.strip()[:60]!r}; expected {HEADER}")
    if not body.strip():
        raise CsvError(f"{path}, line 2: there are no samples; expected four numbers a line")
    try:
        table = np.loadtxt(io.StringIO(body), delimiter=",", comments=None, ndmin=2)
        whole = (
            table.shape[1] == COLUMNS
            and bool((np.abs(table) <= [LATEST_S, LARGEST_G, LARGEST_G, LARGEST_G]).all())
            and not (np.diff(table[:, 0]) < 0).any()
        )
    except ValueError:
        whole = False
    if not whole:
        table = _line_by_line(path, body)
    if len(table) < 2:
        raise CsvError(f"{path}, line 3: there is only one sample; two at least give a sample rate")
    return table


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as e:
        raise CsvError(f"{path} cannot be read ({e.strerror})") from e
    if not data.strip():
        raise CsvError(f"{path}, line 1: the file is empty; expected the header {HEADER}")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise CsvError(
            f"{path}, line {line}: this is not text in UTF-8; expected CSV with the header {HEADER}"
        ) from e


def _line_by_line(path: Path, body: str) -> NDArray[np.float64]:
    """Read a file that the fast way refused, or raise an error for the line that is wrong."""
    rows: list[list[float]] = []
    for number, line in enumerate(body.split("\n"), start=2):
        if line.strip():
            try:
                rows.append(_row(line, rows[-1][0] if rows else -math.inf))
            except ValueError as e:
                raise CsvError(f"{path}, line {number}: {e}") from None
    return np.array(rows, dtype=np.float64)


def _row(line: str, before: float) -> list[float]:
    fields = line.split(",")
    if len(fields) != COLUMNS:
        raise ValueError(f"{len(fields)} columns; expected 4 ({HEADER})")
    row: list[float] = []
    for name, field in zip(HEADER.split(","), fields, strict=True):
        plain = field.strip()
        try:
            value = float(plain if plain.isascii() and "_" not in plain else "no number")
        except ValueError:
            raise ValueError(f"{name} is {plain!r}; expected a number") from None
        if not math.isfinite(value):
            raise ValueError(f"{name} is {plain}; expected a finite number (leave a gap out altogether)")
        if abs(value) > (LATEST_S if name == "time_s" else LARGEST_G):
            raise ValueError(
                f"{name} is {plain}; no {'clock' if name == 'time_s' else 'accelerometer'} measures that"
            )
        row.append(value)
    if row[0] < before:
        raise ValueError(f"time_s goes back from {before:g} to {row[0]:g}; expected times in order")
    return row
