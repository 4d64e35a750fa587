"""What every sensor driver gives and refuses: bytes in, samples out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class FrameError(ValueError):
    """Bytes that do not keep to the sensor's protocol; says what was expected."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One notification of samples.

    Parameters
    ----------
    stream : int
        The sensor's number for this stream.
    first : int
        The sensor's index of the first sample.
    t_us : int
        The sensor's uptime at the first sample, µs.
    xyz : (n, 3) int16 array
        Raw values; times the scale they are acceleration.
    """

    stream: int
    first: int
    t_us: int
    xyz: NDArray[np.int16]
