"""Reads a recording of one ankle, whatever program or sensor wrote it."""

from pathlib import Path
from typing import Final

from legmon.errors import LegmonError
from legmon.exchange.csv import ASKED, read_csv
from legmon.exchange.edf_signals import read_edf_signal
from legmon.exchange.layout import PRESETS, Asked
from legmon.exchange.readers import Reader, readers
from legmon.exchange.signal import Signal, detect_signal
from legmon.movement import Leg
from legmon.night.track import LegTrack
from legmon.quoting import shown


class RecordingFileError(LegmonError):
    """The file is wrong. The message says what was expected, and what to do."""


def read_recording_file(path: Path, leg: Leg, asked: Asked = ASKED) -> Signal:
    """Read the samples of a leg from a file of any format that an installed reader knows.

    Parameters
    ----------
    path : Path
        The file.
    leg : {"left", "right"}
        The leg. A file of several sensors holds both.
    asked : Asked
        What a person says of the file.

    Raises
    ------
    LegmonError
        If it cannot be read.
    """
    installed = readers()
    try:
        reader = installed.of_signals(path, asked)
        if asked.format is not None and asked.format not in {*PRESETS, *installed.found}:
            names = [n for n, r in installed.found.items() if r.signal is not None and n != CSV.name]
            raise RecordingFileError(
                f"--format {shown(asked.format)} is not known; expected one of {', '.join([*PRESETS, *names])}"
            )
        if reader is None or reader.signal is None:
            return read_csv(path, asked)
        return reader.signal(path, asked, leg)
    except OSError as e:
        raise RecordingFileError(f"{path} cannot be read ({e.strerror or e})") from e
    except ValueError as e:
        raise RecordingFileError(f"{path}: {e}") from e


def detect_recording(path: Path, leg: Leg, *, chunk: int | None = None, asked: Asked = ASKED) -> LegTrack:
    """Find the movements of one leg's file.

    Parameters
    ----------
    path : Path
        The file.
    leg : {"left", "right"}
        The ankle it is from.
    chunk : int, optional
        Number of samples to feed at a time. It does not change the result.
    asked : Asked
        What a person says of the file.

    Returns
    -------
    LegTrack
        Times are those of the file.

    Raises
    ------
    LegmonError
        If it cannot be read, or its rate is of no use.
    """
    signal = read_recording_file(path, leg, asked)
    try:
        return detect_signal(signal, leg, chunk=chunk)
    except ValueError as e:
        raise RecordingFileError(f"{path}: {e}") from e


def _csv(path: Path, asked: Asked, leg: Leg) -> Signal:  # noqa: ARG001 (a table is of one sensor)
    return read_csv(path, asked)


def _is_edf(head: bytes) -> bool:
    return head.startswith((b"0       ", b"\xffBIOSEMI"))


CSV: Final = Reader("csv", "a table", (".csv", ".csv.gz", ".tsv", ".txt"), lambda _: False, signal=_csv)
EDF: Final = Reader("edf", "EDF+ or BDF+", (".edf", ".bdf", ".rec"), _is_edf, signal=read_edf_signal)
