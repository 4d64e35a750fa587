"""Writes a recorded leg as CSV, for the simulated sensor to play."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np

from legmon.exchange.layout import HEADER
from legmon.night.track import LegTrack
from legmon.recording.ordered import read_ordered
from legmon.recording.records import Record, Samples


def write_csv(path: Path, records: Iterable[Record], track: LegTrack, scale_ug: int) -> int:
    """Write a leg's samples in order of time, with the header ``time_s,x_g,y_g,z_g``.

    The time of a sample is its index over the rate of the stream that holds most of the night, so a gap keeps its length.
    Missing samples are left out. A reader takes a gap of less than 0.1 s for jitter.

    Parameters
    ----------
    path : Path
        The file.
    records : iterable of Record
        The records of the leg's segment, in the order they were written.
    track : LegTrack
        The leg's track; its anchors hold the rates.
    scale_ug : int
        µg per unit.

    Returns
    -------
    int
        The number of samples.
    """
    rate_hz, count = _main_rate(track), 0
    with path.open("w", encoding="ascii", newline="") as file:
        file.write(f"{HEADER}\n")
        for piece in read_ordered(records):
            if isinstance(piece, Samples):
                n = len(piece.xyz)
                rows = np.empty((n, 4))
                rows[:, 0] = np.arange(piece.first, piece.end) / rate_hz
                rows[:, 1:] = piece.xyz * (scale_ug * 1e-6)
                # One format for the whole record: several times faster than a row at a time.
                file.write("%.6f,%.6f,%.6f,%.6f\n" * n % tuple(rows.ravel().tolist()))
                count += n
    return count


def _main_rate(track: LegTrack) -> float:
    anchors = track.time.anchors
    bounds = [*(a.first for a in anchors), track.end]
    lengths = [b - a for a, b in pairwise(bounds)]
    return anchors[lengths.index(max(lengths))].rate_hz
