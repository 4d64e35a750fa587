"""The LGM1 frame: samples from the server to a chart, for stored windows and the live trace alike.

Little endian, 32 bytes of header, then ``axes`` blocks of ``n`` float32 (g), one axis after the other::

    0   4s   b"LGM1"
    4   u16  version, 1
    6   u8   axes
    7   u8   flags: bit 0 set = minimum and maximum pairs, clear = raw samples
    8   u32  n, values per axis
    12  u32  seq, counts the frames of a live socket, 0 otherwise
    16  f64  t0, Unix seconds of the first value
    24  f64  dt, seconds between values

A value is NaN where nothing was recorded. All values have the same distance in time, so there is no list of times. In a frame of
pairs, values 2k and 2k + 1 are the minimum and the maximum of bucket k, and ``dt`` is half a bucket.
"""

import struct

import numpy as np
from numpy.typing import NDArray

HEADER = struct.Struct("<4sHBBIIdd")
MAGIC = b"LGM1"
VERSION = 1
MIN_MAX = 1


def encode(axes: NDArray[np.float32], *, t0: float, dt: float, min_max: bool, seq: int = 0) -> bytes:
    """Pack values for a chart.

    Parameters
    ----------
    axes : (a, n) float32 array, g
        One row an axis; NaN where nothing was recorded.
    t0 : float
        Unix seconds of the first value.
    dt : float
        Seconds between values.
    min_max : bool
        Whether the values are pairs of minimum and maximum.
    seq : int
        Number of the frame on a live socket.
    """
    count, n = axes.shape
    header = HEADER.pack(MAGIC, VERSION, count, MIN_MAX if min_max else 0, n, seq, t0, dt)
    return header + np.ascontiguousarray(axes, dtype="<f4").tobytes()
