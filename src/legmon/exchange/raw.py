"""Reads the raw files of GENEActiv, Axivity and ActiGraph with ``actfast``, which the extra ``legmon[raw]`` installs."""

import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from legmon.exchange.layout import Asked
from legmon.exchange.raw_child import RESULT
from legmon.exchange.readers import Reader
from legmon.exchange.signal import RawSignal, Signal, built
from legmon.movement import Leg
from legmon.outside import open_outside, parse_json, size
from legmon.quoting import shortened

LARGEST: Final = 1 << 30
"""Bytes of a file, unpacked: a week at 100 Hz."""
MOST_SAMPLES: Final = 61_000_000
MOST_S: Final = 300.0
"""The time that a file may take."""
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
    if importlib.util.find_spec("actfast") is None:
        raise ValueError("raw files need one more package: install it with `pip install 'legmon[raw]'`")
    _check_packed(path)
    name, times, xyz = _read_apart(path)
    if len(times) > MOST_SAMPLES:
        raise ValueError(f"it has more than {MOST_SAMPLES:,} samples; cut it into single nights")
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


def _read_apart(path: Path) -> tuple[str, NDArray[np.float64], NDArray[np.float32]]:
    """Return format, times and samples, read in a process of its own.

    Raises
    ------
    ValueError
        If the file cannot be read, or takes too long.
    """
    with tempfile.TemporaryDirectory(prefix="legmon-raw-") as name:
        folder = Path(name)
        command = [sys.executable, "-m", "legmon.exchange.raw_child", str(path.resolve()), name]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(command, timeout=MOST_S, check=False, capture_output=True)
        try:
            found = parse_json((folder / RESULT).read_bytes())
        except (OSError, ValueError) as e:
            raise ValueError("it cannot be read as a raw file, because it is damaged; copy it again") from e
        if found.get("why"):
            raise ValueError(f"it cannot be read as a raw file ({shortened(str(found['why']), 150)})")
        if "format" not in found:
            raise ValueError(
                "no acceleration in it can be read; export it as raw data in CSV with the program of its sensor"
            )
        times = np.load(folder / "times.npy").astype(np.float64)
        times /= 1e9
        return NAMES.get(found["format"], found["format"]), times, np.load(folder / "xyz.npy")


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
