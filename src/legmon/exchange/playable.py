"""Writes a recorded leg as CSV, for the simulated sensor to play."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np

from legmon.exchange.csv import HEADER
from legmon.night.track import LegTrack
from legmon.recording.records import Record, Samples


def write_csv(path: Path, records: Iterable[Record], track: LegTrack, scale_ug: int) -> int:
    """Write a leg's samples with the header ``time_s,x_g,y_g,z_g``.

    The time of a sample is its index over the rate of the stream that holds most of the night, so that what is
    missing stays as long as it was. Missing samples are left out; fewer than 0.1 s of them are what a reader takes for jitter.

    Parameters
    ----------
    path : Path
        The file.
    records : iterable of Record
        Of the leg's segment.
    track : LegTrack
        Whose anchors have the rates.
    scale_ug : int
        µg per unit.

    Returns
    -------
    int
        How many samples there are.
    """
    rate_hz, count = _main_rate(track), 0
    with path.open("w", encoding="ascii", newline="") as file:
        file.write(f"{HEADER}\n")
        for record in records:
            if isinstance(record, Samples):
                n = len(record.xyz)
                rows = np.empty((n, 4))
                rows[:, 0] = np.arange(record.first, record.end) / rate_hz
                rows[:, 1:] = record.xyz * (scale_ug * 1e-6)
                # One format for the whole record: several times faster than a row at a time.
                file.write("%.6f,%.6f,%.6f,%.6f\n" * n % tuple(rows.ravel().tolist()))
                count += n
    return count


def _main_rate(track: LegTrack) -> float:
    anchors = track.time.anchors
    bounds = [*(a.first for a in anchors), track.end]
    lengths = [b - a for a, b in pairwise(bounds)]
    return anchors[lengths.index(max(lengths))].rate_hz
