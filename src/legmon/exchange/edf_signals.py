"""Reads the acceleration of a leg out of the signals of an EDF, EDF+, BDF or BDF+ file."""

import os
import re
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from legmon.exchange.edf import LARGEST, EdfContent, EdfHeader, EdfSignal, read_edf
from legmon.exchange.layout import NO_TIME, Asked
from legmon.exchange.signal import RawSignal, Signal, built
from legmon.exchange.units import known_unit
from legmon.exchange.words import normal, side
from legmon.movement import Leg
from legmon.outside import open_outside
from legmon.quoting import shown

MOST_ROWS: Final = 8_700_000
"""Samples: a day at 100 Hz."""
BLOCK: Final = 1 << 22
"""Bytes of data records that are read together."""
GAP_WORDS: Final = {"recording gap", "gap", "not recorded"}
"""Marks over samples that a writer put into a gap."""
MOST_NAMED: Final = 12


def read_edf_signal(path: Path, asked: Asked, leg: Leg) -> Signal:
    """Read the acceleration of a leg.

    Parameters
    ----------
    path : Path
        The file.
    asked : Asked
        What a person says of it; ``columns`` are the labels of x, y and z after ``-``.
    leg : {"left", "right"}
        The leg.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it has no such signals, or cannot be read. The message says what to do.
    """
    content = read_edf(path)
    header = content.header
    axes = _axes(header, asked, leg)
    chosen = [header.signals[n] for n in axes]
    if len({s.samples for s in chosen}) != 1 or not chosen[0].samples:
        raise ValueError("the signals of x, y and z have different rates, so they are not of one sensor")
    if header.record_s <= 0:
        raise ValueError("its data records have no length, so its signals have no rate")
    rate = chosen[0].samples / header.record_s
    if header.records * chosen[0].samples > MOST_ROWS:
        raise ValueError(f"it has more than {MOST_ROWS:,} samples; cut it into single nights")
    if header.records * chosen[0].samples < 2:
        raise ValueError("it holds fewer than two samples")
    start_s = header.start.timestamp() if header.start else 0.0
    times: NDArray[np.float64] | None = None
    if content.gaps:
        within = np.arange(chosen[0].samples) / rate
        times = np.add.outer(np.array(content.record_starts), within).ravel() + start_s
    units = {known_unit(s.unit) for s in chosen}
    raw = RawSignal(
        _samples(path, header, axes),
        times,
        "BDF" if header.bytes_a_sample == 3 else "EDF",
        asked.unit or (units.pop() if len(units) == 1 else None),
        "s",
        asked.rate_hz or (rate if times is None else None),
        start_s + content.record_starts[0] if times is None else 0.0,
        asked.unit is not None,
        _put_into_gaps(content, rate, header.records * chosen[0].samples),
        "local" if header.start else "",
    )
    return built(raw)


def _axes(header: EdfHeader, asked: Asked, leg: Leg) -> list[int]:
    """Return the numbers of the signals of x, y and z."""
    labels = [s.label for s in header.signals]
    if asked.columns is not None:
        return _named(labels, asked.columns)
    groups: dict[tuple[Leg | None, str], dict[str, int]] = {}
    for n, label in enumerate(labels):
        found = _axis(label)
        if found is not None:
            axis, rest = found
            groups.setdefault((side(rest), rest), {}).setdefault(axis, n)
    whole = {key: axes for key, axes in groups.items() if len(axes) == 3}
    of_leg = [axes for (named, _), axes in whole.items() if named == leg]
    unnamed = [axes for (named, _), axes in whole.items() if named is None]
    for candidates in (of_leg, unnamed):
        if len(candidates) == 1:
            return [candidates[0][axis] for axis in "xyz"]
        if candidates:
            break
    names = ", ".join(shown(x, 20) for x in labels[:MOST_NAMED])
    raise ValueError(
        f"no three signals are plainly the acceleration of the {leg} leg; name them with --columns -,X,Y,Z. It has {names}"
    )


def _named(labels: list[str], columns: str) -> list[int]:
    wanted = [c.strip() for c in columns.split(",")]
    wanted = wanted[1:] if wanted[0] == NO_TIME else wanted
    low = [x.lower() for x in labels]
    if len(wanted) != 3 or not all(w.lower() in low for w in wanted) or len(set(wanted)) != 3:
        names = ", ".join(shown(x, 20) for x in labels[:MOST_NAMED])
        raise ValueError(
            f"--columns {shown(columns)}: expected -, and the labels of x, y and z; it has {names}"
        )
    return [low.index(w.lower()) for w in wanted]


_OTHERS: Final = {"gyro", "gyr", "mag", "magn", "rot", "angular", "eog", "ecg", "eeg"}


def _axis(label: str) -> tuple[str, str] | None:
    """Return the axis that a label names, and the label without it; None if it names none."""
    words = normal(re.sub(r"(?i)(acc|accel)([xyz])\b", r"\1 \2", label)).split()
    axes = [w for w in words if w in {"x", "y", "z"}]
    if len(axes) != 1 or _OTHERS & set(words):
        return None
    return axes[0], " ".join(w for w in words if w != axes[0])


def _samples(path: Path, header: EdfHeader, axes: list[int]) -> NDArray[np.float32]:
    """Return x, y and z in their unit."""
    signals = [header.signals[n] for n in axes]
    count = signals[0].samples
    xyz = np.empty((header.records * count, 3), dtype=np.float32)
    starts = [sum(s.samples for s in header.signals[:n]) * header.bytes_a_sample for n in axes]
    at_once = max(BLOCK // header.record_bytes, 1)
    with os.fdopen(open_outside(path, LARGEST), "rb") as file:
        for first in range(0, header.records, at_once):
            records = min(at_once, header.records - first)
            for k, (start, signal) in enumerate(zip(starts, signals, strict=True)):
                values = _digits(file, header, first, records, start, count)
                xyz[first * count : first * count + len(values), k] = _physical(values, signal)
    return xyz


def _digits(
    file: BinaryIO, header: EdfHeader, first: int, records: int, start: int, count: int
) -> NDArray[np.float64]:
    """Return the values of a signal in some records, as they stand in the file."""
    size = header.bytes_a_sample
    pieces = []
    for record in range(first, first + records):
        file.seek(header.size + record * header.record_bytes + start)
        pieces.append(file.read(count * size))
    data = np.frombuffer(b"".join(pieces), dtype=np.uint8)
    if size == 2:
        return data.view("<i2").astype(np.float64)
    parts = data.reshape(-1, 3).astype(np.int32)
    values = parts[:, 0] | (parts[:, 1] << 8) | (parts[:, 2] << 16)
    return np.asarray(values - ((values >> 23) << 24), dtype=np.float64)


def _physical(values: NDArray[np.float64], signal: EdfSignal) -> NDArray[np.float64]:
    (low, high), (bottom, top) = signal.physical, signal.digital
    if not (np.isfinite([low, high, bottom, top]).all() and top > bottom and low != high):
        raise ValueError(f"the header of the signal {shown(signal.label)} names no range")
    return np.asarray((values - bottom) * ((high - low) / (top - bottom)) + low)


def _put_into_gaps(content: EdfContent, rate: float, count: int) -> NDArray[np.bool_] | None:
    """Return which samples lie under marks of a gap."""
    spans = [
        (a.onset_s, a.onset_s + a.length_s)
        for a in content.annotations
        if a.length_s and normal(a.text.partition("@@")[0]) in GAP_WORDS
    ]
    if not spans:
        return None
    starts = np.array(content.record_starts)
    per = count // len(starts)
    absent = np.zeros(count, dtype=np.bool_)
    for a, b in spans:
        first, last = (_row(starts, per, rate, t) for t in (a, b))
        absent[max(first, 0) : max(last, 0)] = True
    return absent


def _row(starts: NDArray[np.float64], per: int, rate: float, time_s: float) -> int:
    """Return the first sample at or after a time."""
    record = max(int(np.searchsorted(starts, time_s, side="right")) - 1, 0)
    return record * per + min(int(np.ceil(round((time_s - float(starts[record])) * rate, 6))), per)
