"""Convert sensors' numbers to the 16 bits that are recorded: rounded, limited to the range, never wrapped."""

import numpy as np
from numpy.typing import NDArray

from legmon.sensors.base import FrameError

G_MS2 = 9.80665
"""Standard gravity, m/s²."""

Counts = NDArray[np.int16]


def counts(values: NDArray[np.float64] | NDArray[np.int64]) -> Counts:
    """Round to whole units of the scale, and limit the result to 16 bits.

    Raises
    ------
    FrameError
        If a value is not a number.
    """
    if not np.isfinite(values).all():
        raise FrameError("an acceleration that is not a number")
    held: Counts = np.clip(np.rint(values), -32768, 32767).astype(np.int16)
    return held


def floats(data: bytes) -> NDArray[np.float64]:
    """Read triples of 32-bit floats, shape (n, 3)."""
    with np.errstate(invalid="ignore"):  # some NaNs warn here; `counts` refuses them
        return np.frombuffer(data, dtype="<f4").astype(np.float64).reshape(-1, 3)


def words(data: bytes) -> Counts:
    """Read triples of 16-bit integers, shape (n, 3)."""
    return np.frombuffer(data, dtype="<i2").astype(np.int16).reshape(-1, 3)


def nearest(wanted: float, offered: tuple[float, ...]) -> float:
    """Return the offered value nearest to `wanted` by ratio, the larger one of two that are equally near."""
    return min(sorted(offered, reverse=True), key=lambda value: max(value / wanted, wanted / value))
