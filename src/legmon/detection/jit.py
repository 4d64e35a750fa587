"""How kernels are compiled: strictly, cached where the person may write, in memory where nothing may be written."""

import os
from collections.abc import Callable
from typing import Any

import platformdirs

# The default cache lies beside the source, where an installer cannot clean up and a reader finds strange files.
os.environ.setdefault("NUMBA_CACHE_DIR", platformdirs.user_cache_dir("legmon-numba", appauthor=False))

import numba


def jit(function: Callable[..., Any]) -> Any:
    """Compile with strict IEEE arithmetic: the same bits as the same lines in plain Python."""
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # no folder for a cache
        return numba.njit(nogil=True, error_model="numpy")(function)
