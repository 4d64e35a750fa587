"""Compute a signal in fixed blocks, so that pieces of any size give the same numbers.

A vectorised function may round differently at the end of an array than in its middle, and a random generator gives
other numbers for other lengths. So a signal is only computed in whole blocks at fixed places, and a piece is cut out of
these blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

BLOCK = 4096
"""Samples in a block: 82 s at 50 Hz and 100 kB, computed in less than a millisecond."""

_Number = TypeVar("_Number", bound=np.generic)


class Blocks(Generic[_Number]):
    """A three-axis signal, computed a block at a time.

    Parameters
    ----------
    compute : callable
        Returns the samples of the block with this number, shape (`BLOCK`, 3).
    """

    def __init__(self, compute: Callable[[int], NDArray[_Number]]) -> None:
        # Two blocks: a reader that moves forward crosses one border at a time.
        self._block = lru_cache(maxsize=2)(compute)

    def read(self, first: int, count: int) -> NDArray[_Number]:
        """Return samples `first` to `first + count - 1`, shape (count, 3)."""
        last = first + count
        pieces = [
            self._block(number)[max(0, first - number * BLOCK) : last - number * BLOCK]
            for number in range(first // BLOCK, (last - 1) // BLOCK + 1)
        ]
        if not pieces:
            return self._block(first // BLOCK)[:0].copy()
        return np.concatenate(pieces)
