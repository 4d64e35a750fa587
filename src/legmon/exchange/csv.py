"""Reads acceleration from a CSV file with the header ``time_s,x_g,y_g,z_g``."""

import codecs
import io
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from legmon.detection.detector import DETECTOR, Detector
from legmon.detection.quality import RAIL
from legmon.detection.trace import Tracer
from legmon.errors import LegmonError
from legmon.messages import GapCause
from legmon.movement import NS, Leg, LegMovement
from legmon.night.track import LegTrack
from legmon.outside import blocks
from legmon.quoting import shortened, shown
from legmon.recording.records import Gap
from legmon.timeline.clock import Anchor

CHUNK: Final = 1 << 16
HEADER = "time_s,x_g,y_g,z_g"
COLUMNS = 4
GAP_PERIODS, GAP_LEAST_S = 1.5, 0.1
LATEST_S, LARGEST_G = 1e11, 1000.0
LARGEST: Final = 1 << 29
"""Bytes of a file that is read."""
MOST_ROWS: Final = 7_200_000
"""Samples of a file: ten hours at 200 Hz, forty at 50 Hz."""
MOST_STRETCHES: Final = 50_000
LONGEST_S: Final = 31 * 86_400.0
"""From the first sample to the last. A clock that was set on the way shows as a step of years."""
LONGEST_LINE: Final = 100_000
MOST_SLOW: Final = 500_000
"""Rows that are read one by one, because the fast way does not read how they are written."""
HEADER_WORDS: Final = "four numbers a line"
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
        largest = max(float(max(s.xyz.max(), -s.xyz.min())) for s in self.stretches)
        high = np.concatenate([_at_least(s.xyz, RAIL_NEAR * largest) for s in self.stretches])
        at_rail = high >= RAIL * largest
        pile, below = int(at_rail.sum()), high[~at_rail]
        next_below = int((below == below.max()).sum()) if len(below) else 0
        return largest if largest > RAIL_LEAST_G and pile >= max(RAIL_TIMES, 2 * next_below) else None


def _at_least(xyz: NDArray[np.float64], low: float) -> NDArray[np.float64]:
    """Return the sizes of the values that are no smaller than `low`."""
    return np.concatenate([xyz[xyz >= low], -xyz[xyz <= -low]]) if low > 0 else np.abs(xyz).ravel()


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
    if len(cuts) >= MOST_STRETCHES:
        raise CsvError(
            f"{path} has more than {MOST_STRETCHES:,} gaps; a gap is a step of more than {GAP_PERIODS:g} sample periods"
        )
    if times[-1] - times[0] > LONGEST_S:
        at = int(np.argmax(steps))
        raise CsvError(
            f"{path}: the times span {(times[-1] - times[0]) / 86_400:,.0f} days, with a step from {times[at]:.14g} s to"
            f" {times[at + 1]:.14g} s; {LONGEST_S / 86_400:.0f} days are the most, so cut the file into single nights"
        )
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


def detect_csv(path: Path, leg: Leg, *, chunk: int | None = None, tracer: Tracer | None = None) -> LegTrack:
    """Find the movements of one leg's file.

    Parameters
    ----------
    path : Path
        The file.
    leg : {"left", "right"}
        The ankle it is from.
    chunk : int, optional
        Number of samples to feed at a time. It does not change the result.
    tracer : Tracer, optional
        Collects why the detector decides as it does.

    Returns
    -------
    LegTrack
        Times are those of the file.
    """
    recording = read_csv(path)
    try:
        detector = Detector(recording.rate_hz, leg, range_g=recording.range_g, tracer=tracer)
    except ValueError as e:
        raise CsvError(f"{path}: {e}") from e
    found: list[LegMovement] = []
    for stretch in recording.stretches:
        found += detector.gap(stretch.first - detector.position)
        size = chunk or CHUNK
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
        detector=DETECTOR,
    )


def _table(path: Path) -> NDArray[np.float64]:
    """Return all rows. They are read in blocks, so the text is never in memory as a whole."""
    try:
        most = sum(block.count(b"\n") + block.count(b"\r") for block in blocks(path, LARGEST))
        reading = _Reading(path, min(most + 1, MOST_ROWS))
        for block in blocks(path, LARGEST):
            reading.add(block)
    except OSError as e:
        raise CsvError(f"{path} cannot be read ({e.strerror})") from e
    return reading.end()


class _Reading:
    """A file that is being read, block by block.

    Parameters
    ----------
    path : Path
        The file.
    rows : int
        The largest number of rows that it can have.
    """

    def __init__(self, path: Path, rows: int) -> None:
        self._path = path
        self._table = np.empty((rows, COLUMNS))
        self._count = 0  # rows so far
        self._line = 1  # number of the next line
        self._rest = b""
        self._slow = 0

    def add(self, block: bytes) -> None:
        """Read the whole lines of a block; the last one may go on in the next block."""
        data = self._rest + block
        ends_in_cr = data.endswith(b"\r")  # the line feed may be in the next block
        lines = (data[:-1] if ends_in_cr else data).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        whole, _, rest = lines.rpartition(b"\n")
        self._rest = rest + (b"\r" if ends_in_cr else b"")
        if len(self._rest) > LONGEST_LINE:
            number = self._line + (whole.count(b"\n") + 1 if whole else 0)
            raise CsvError(f"{self._path}, line {number}: it has no end; expected {HEADER_WORDS}")
        if whole or len(lines) > len(rest):
            self._lines(whole)

    def end(self) -> NDArray[np.float64]:
        """Read the last line and return the rows."""
        self._lines(self._rest.rstrip(b"\r"))
        if self._line <= 1 or not self._count:
            raise CsvError(f"{self._path}, line 2: there are no samples; expected four numbers a line")
        if self._count < 2:
            raise CsvError(f"{self._path}, line 3: there is only one sample; two at least give a sample rate")
        return self._table[: self._count]

    def _lines(self, data: bytes) -> None:
        self._check_text(data)
        if self._line == 1:
            header, _, data = data.partition(b"\n")
            header = header.removeprefix(codecs.BOM_UTF8)
            if not (header.strip() or data.strip() or self._rest.strip()):
                raise CsvError(f"{self._path}, line 1: the file is empty; expected the header {HEADER}")
            if header.strip() != HEADER.encode():
                self._check_text(self._rest)
                found = shown(header.decode().strip())
                raise CsvError(f"{self._path}, line 1: the header is {found}; expected {HEADER}")
            self._line = 2
        if data.strip():
            rows = self._rows(data)
            if self._count + len(rows) > len(self._table):
                raise CsvError(f"{self._path} has more than {MOST_ROWS:,} samples; cut it into single nights")
            self._table[self._count : self._count + len(rows)] = rows
            self._count += len(rows)
        self._line += data.count(b"\n") + 1

    def _check_text(self, data: bytes) -> None:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as e:
            number = self._line + data.count(b"\n", 0, e.start)
            raise CsvError(
                f"{self._path}, line {number}: this is not text in UTF-8; expected CSV with the header {HEADER}"
            ) from e

    def _rows(self, data: bytes) -> NDArray[np.float64]:
        before = self._table[self._count - 1, 0] if self._count else -math.inf
        try:
            rows = np.loadtxt(io.BytesIO(data), delimiter=",", comments=None, ndmin=2)
            whole = (
                rows.shape[1] == COLUMNS
                and bool((np.abs(rows) <= [LATEST_S, LARGEST_G, LARGEST_G, LARGEST_G]).all())
                and rows[0, 0] >= before
                and not (np.diff(rows[:, 0]) < 0).any()
            )
        except ValueError:
            whole = False
        return rows if whole else self._line_by_line(data.decode(), float(before))

    def _line_by_line(self, text: str, before: float) -> NDArray[np.float64]:
        """Read lines that the fast way refused, or raise an error for the line that is wrong."""
        rows: list[list[float]] = []
        for number, line in enumerate(text.split("\n"), start=self._line):
            if line.strip():
                try:
                    rows.append(_row(line, rows[-1][0] if rows else before))
                except ValueError as e:
                    raise CsvError(f"{self._path}, line {number}: {e}") from None
        self._slow += len(rows)
        if self._slow > MOST_SLOW:
            raise CsvError(
                f"{self._path}, line {self._line}: too many numbers are written in an unusual way; write them as 0.98"
            )
        return np.array(rows, dtype=np.float64).reshape(-1, COLUMNS)


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
            raise ValueError(f"{name} is {shown(plain)}; expected a number") from None
        number = shortened(plain)
        if not math.isfinite(value):
            raise ValueError(f"{name} is {number}; expected a finite number (leave a gap out altogether)")
        if abs(value) > (LATEST_S if name == "time_s" else LARGEST_G):
            raise ValueError(
                f"{name} is {number}; no {'clock' if name == 'time_s' else 'accelerometer'} measures that"
            )
        row.append(value)
    if row[0] < before:
        raise ValueError(f"time_s goes back from {before:g} to {row[0]:g}; expected times in order")
    return row
