"""Numbers as sensors send them, as the 16 bits that are kept: rounded, held at the ends of the range, never wrapped."""

import numpy as np
from numpy.typing import NDArray

from legmon.sensors.base import FrameError

G_MS2 = 9.80665
"""Standard gravity, m/s²."""

Counts = NDArray[np.int16]


def counts(values: NDArray[np.float64] | NDArray[np.int64]) -> Counts:
    """Round to whole units of the scale; what lies beyond 16 bits stays at their end.

    Raises
    ------
    FrameError
        If a value is no number.
    """
    if not np.isfinite(values).all():
        raise FrameError("an acceleration that is not a number")
    held: Counts = np.clip(np.rint(values), -32768, 32767).astype(np.int16)
    return held


def floats(data: bytes) -> NDArray[np.float64]:
    """Read triples of 32-bit floats, shape (n, 3)."""
    with np.errstate(invalid="ignore"):  # some of what is no number warns; `counts` refuses it
        return np.frombuffer(data, dtype="<f4").astype(np.float64).reshape(-1, 3)


def words(data: bytes) -> Counts:
    """Read triples of 16-bit integers, shape (n, 3)."""
    return np.frombuffer(data, dtype="<i2").astype(np.int16).reshape(-1, 3)


def nearest(wanted: float, offered: tuple[float, ...]) -> float:
    """Choose what comes nearest to a wish by ratio; of two as near the larger."""
    return min(sorted(offered, reverse=True), key=lambda value: max(value / wanted, wanted / value))
