"""Compile the detector in a thread, while samples are recorded already.

The first compilation on a computer takes seconds. Samples are written to the recording all the time. What finds movements in
them begins when the detector is ready (`is_under_way`), and catches up.
"""

import logging
import threading
import time

from legmon.detection.detector import Detector

log = logging.getLogger(__name__)


class _Compilation(threading.Thread):
    """The one that runs, or ran last."""

    def __init__(self) -> None:
        super().__init__(
            name="compile the detector", daemon=True
        )  # the end of the recorder does not wait for it

    def run(self) -> None:
        began = time.monotonic()
        try:
            compiled = Detector.compile()
        except Exception:
            log.exception("the detector could not be compiled")
            return
        how = f"{compiled} functions compiled" if compiled else "it was compiled before"
        log.info("the detector is ready after %.1f s (%s)", time.monotonic() - began, how)


_latest: _Compilation | None = None


def begin() -> None:
    """Begin to compile, without waiting for it."""
    global _latest  # noqa: PLW0603 (there is one compiler in a process)
    if _latest is None:
        _latest = _Compilation()
        _latest.start()


def is_under_way() -> bool:
    """Whether a call of the detector would wait."""
    return _latest is not None and _latest.is_alive()


def finish(within_s: float | None = None) -> None:
    """Wait until it is ready, or for so long."""
    if _latest is not None:
        _latest.join(within_s)
