"""Reads a raw file with ``actfast`` in a process of its own: ``python -m legmon.exchange.raw_child FILE FOLDER``.

``actfast`` is native code. A damaged file can make it run for ever, or end the process that it runs in. Here that costs a
sentence: the process has bounded time and memory, and whoever started it reads what it left in the folder.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

MOST_BYTES: Final = 8 << 30
"""Address space: the library reserves gigabytes that it does not use."""
MOST_CPU_S: Final = 120
RESULT: Final = "result.json"


def main(file: str, folder: str) -> None:
    """Read a file, and write its times, samples and format into a folder; or why that was not possible."""
    _limit()
    into = Path(folder)
    try:
        found = _read(file)
    except Exception as e:  # noqa: BLE001 (of others)
        (into / RESULT).write_text(json.dumps({"why": (str(e) or type(e).__name__)[:500]}))
        return
    series = next((s for s in found["timeseries"].values() if "acceleration" in s), None)
    if series is None or len(series["datetime"]) < 2:
        (into / RESULT).write_text(json.dumps({"why": ""}))
        return
    np.save(into / "times.npy", series["datetime"])
    np.save(into / "xyz.npy", np.ascontiguousarray(series["acceleration"], dtype=np.float32))
    (into / RESULT).write_text(json.dumps({"format": str(found["format"])}))


def _read(file: str) -> Any:
    import actfast

    return actfast.read(file)


def _limit() -> None:
    """Bound the time and the memory of this process, where the system can."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return
    for what, bound in ((resource.RLIMIT_AS, MOST_BYTES), (resource.RLIMIT_CPU, MOST_CPU_S)):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (bound if hard == resource.RLIM_INFINITY else min(bound, hard), hard))


if __name__ == "__main__":
    main(*sys.argv[1:3])
