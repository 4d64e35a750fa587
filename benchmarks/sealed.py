"""Measure sealed nights: bytes beside the entropy of the signal, and seconds to pack, read and verify.

Run it with ``uv run python -m benchmarks.sealed [hours]``. The night is simulated. The entropy is that of the first differences
of each axis in each minute (order 0): what a coder needs that knows how often each difference comes, but nothing else.
"""

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from legmon.catalog.store import Catalog
from legmon.nights.custody import seal_next
from legmon.recording.files import leg_files, read_segment
from legmon.recording.ordered import read_ordered, stretches
from legmon.recording.records import Samples
from tests.made import Made, evening, make_night, scenario


def entropy_bytes(path: Path, rate_hz: int) -> float:
    """Return the entropy of the first differences per axis and minute, bytes."""
    bits = 0.0
    for _, xyz in stretches(read_ordered(read_segment(path))):
        for at in range(0, len(xyz), 60 * rate_hz):
            for axis in np.diff(xyz[at : at + 60 * rate_hz].astype(np.int32), axis=0).T:
                _, counts = np.unique(axis, return_counts=True)
                bits -= float((counts * np.log2(counts / counts.sum())).sum()) if len(counts) else 0.0
    return bits / 8


def timed(what: Callable[[], object]) -> float:
    """Return the seconds that a call takes: the shortest of three."""
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        what()
        taken.append(time.perf_counter() - began)
    return min(taken)


def main() -> None:
    """Print the figures of one night."""
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 8.0
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(Path(folder))
        night = make_night(catalog, Made(evening(0), {"left": scenario(4, hours)}))
        path = catalog.segment(night, "left")
        written = path.stat().st_size
        read_written = timed(lambda: list(read_segment(path)))
        records = list(read_segment(path))
        samples = sum(len(r.xyz) for r in records if isinstance(r, Samples))
        entropy = entropy_bytes(path, 50)
        began = time.perf_counter()
        seal_next(catalog)
        packing = time.perf_counter() - began
        (sealed,) = leg_files(path)
        size = sealed.stat().st_size
        print(f"A simulated night of {hours:g} h: {samples} samples in {len(records)} records.")
        print(f"As it is written:  {written / 1e6:6.2f} MB, read in {read_written:.2f} s")
        print(
            f"Sealed:            {size / 1e6:6.2f} MB, read in {timed(lambda: list(read_segment(path))):.2f} s"
        )
        print(f"Entropy:           {entropy / 1e6:6.2f} MB (order 0, first differences per axis and minute)")
        print(f"Sealing (verify, pack, compare, verify): {packing:.2f} s")
        print(
            f"SHA-256 of the sealed file: {timed(lambda: hashlib.sha256(sealed.read_bytes())) * 1000:.0f} ms"
        )
        catalog.close()


if __name__ == "__main__":
    main()
