"""Compile kernels with strict arithmetic.

It is a file of its own because it alone asks the machine for a cache folder, and says so when something is compiled: that takes
seconds, once.
"""

import logging
import os
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import platformdirs

from legmon.detection.vector import teach_numba
from legmon.messages import COMPILING
from legmon.terminal import complain

log = logging.getLogger(__name__)

# By default the cache lies beside the source, where an uninstaller leaves it behind and a reader finds strange files.
os.environ.setdefault("NUMBA_CACHE_DIR", platformdirs.user_cache_dir("legmon-numba", appauthor=False))


class Kernel:
    """A function that numba compiles when it is first called: to import numba takes longer than most commands.

    Attributes
    ----------
    py_func : callable
        The function in plain Python.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        """Call the compiled function."""
        return (self._compiled or self.compiled())(*arguments)

    def compiled(self) -> Callable[..., Any]:
        """Return the function as numba compiles it; the kernels that it calls come first."""
        if self._compiled is None:
            module = self.py_func.__globals__
            for name in self.py_func.__code__.co_names:
                if isinstance(called := module.get(name), Kernel):
                    module[name] = called.compiled()  # a compiled function calls no other kind
            self._compiled = _compile(self.py_func)
        return self._compiled

    @property
    def folder(self) -> str | None:
        """Where the compiled function is kept, if it can be kept."""
        kept: str | None = getattr(getattr(self.compiled(), "stats", None), "cache_path", None)
        return kept


def jit(function: Callable[..., Any]) -> Any:
    """Compile with strict IEEE arithmetic, so that the bits equal those of plain Python.

    The result is cached on the disk where a folder can be written, otherwise in memory.
    """
    return Kernel(function)


def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    import numba

    teach_numba()
    compilations()
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        compiled: Callable[..., Any] = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for a cache
        compiled = numba.njit(**options)(function)
    return compiled


@cache
def compilations() -> list[str]:
    """Return the names of what was compiled in this process and did not come from the cache. The list grows.

    The first time, one line says so: on the terminal, or in the log where standard error is none.
    """
    from numba.core import event

    names: list[str] = []

    class Announcer(event.Listener):
        def on_start(self, event: Any) -> None:
            function = event.data["dispatcher"].py_func
            if not function.__module__.startswith("legmon."):
                return
            if not names and sys.stderr is not None and sys.stderr.isatty():
                complain(COMPILING)
            elif not names:
                log.info(COMPILING)
            names.append(function.__name__)

        def on_end(self, event: Any) -> None:
            """Do nothing: the interface asks for it."""

    register: Any = event.register  # it has no types
    register("numba:compile", Announcer())
    return names
