"""Compile kernels with strict arithmetic. It is a file of its own because it alone asks the machine for a cache folder."""

import os
from collections.abc import Callable
from typing import Any

import platformdirs

# By default the cache lies beside the source, where an uninstaller leaves it behind and a reader finds strange files.
os.environ.setdefault("NUMBA_CACHE_DIR", platformdirs.user_cache_dir("legmon-numba", appauthor=False))

import numba


def jit(function: Callable[..., Any]) -> Any:
    """Compile with strict IEEE arithmetic, so that the bits equal those of plain Python.

    The result is cached on the disk where a folder can be written, otherwise in memory.
    """
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # no folder for a cache
        return numba.njit(nogil=True, error_model="numpy")(function)
