"""Reads the raw files of GENEActiv, Axivity and ActiGraph with ``actfast``, which the extra ``legmon[raw]`` installs."""

import os
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from legmon.exchange.layout import Asked
from legmon.exchange.readers import Reader
from legmon.exchange.signal import RawSignal, Signal, built
from legmon.movement import Leg
from legmon.outside import open_outside, size
from legmon.quoting import shortened

LARGEST: Final = 1 << 30
"""Bytes of a file, unpacked: a week at 100 Hz."""
MOST_SAMPLES: Final = 61_000_000
NAMES: Final = {
    "Actigraph GT3X": "ActiGraph GT3X",
    "GeneActiv BIN": "GENEActiv",
    "Axivity CWA": "Axivity CWA",
}


def read_raw(path: Path, asked: Asked, leg: Leg) -> Signal:  # noqa: ARG001 (a file is of one sensor)
    """Read the acceleration in a raw file.

    Raises
    ------
    OSError
        If it cannot be opened.
    ValueError
        If it cannot be read, or ``actfast`` is not installed. The message says what to do.
    """
    os.close(open_outside(path, LARGEST))
    try:
        import actfast
    except ModuleNotFoundError as e:
        raise ValueError(
            "raw files need one more package: install it with `pip install 'legmon[raw]'`"
        ) from e
    _check_packed(path)
    try:
        found: Any = actfast.read(path)
    except (OSError, KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as e:  # a panic of its code is no Exception
        raise ValueError(f"it cannot be read as a raw file ({shortened(str(e), 150)})") from e
    series = next((s for s in found["timeseries"].values() if "acceleration" in s), None)
    if series is None or len(series["datetime"]) < 2:
        raise ValueError(
            "no acceleration in it can be read; export it as raw data in CSV with the program of its sensor"
        )
    if len(series["datetime"]) > MOST_SAMPLES:
        raise ValueError(f"it has more than {MOST_SAMPLES:,} samples; cut it into single nights")
    times = series["datetime"].astype(np.float64)
    times /= 1e9
    name = NAMES.get(found["format"], found["format"])
    xyz = np.ascontiguousarray(series["acceleration"], dtype=np.float32)
    del series, found
    return built(
        RawSignal(
            xyz,
            times,
            name,
            asked.unit or "g",
            "s",
            asked.rate_hz,
            0.0,
            asked.unit is not None,
            clock="local",
        )
    )


def _check_packed(path: Path) -> None:
    """Refuse an archive that would fill the memory: ActiGraph's files are zip archives."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            whole = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError) as e:
        raise ValueError("the archive in it is damaged; copy it again") from e
    if whole > LARGEST:
        raise ValueError(f"unpacked, it is larger than {size(LARGEST)}; cut it into single nights")


RAW: Final = Reader(
    "raw",
    "GENEActiv .bin, Axivity .cwa, ActiGraph .gt3x",
    (".bin", ".cwa", ".gt3x"),
    lambda head: head.startswith((b"Device Identity", b"MD", b"PK\x03\x04")),
    signal=read_raw,
)
