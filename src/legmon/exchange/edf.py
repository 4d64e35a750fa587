"""Reads the annotations of EDF+ files. What a file of any size costs is known before they are read.

edfio reads the file. It trusts its header, and it looks for annotations in a way that takes for ever for some bytes. So this
module first checks what edfio will have to do.
"""

import os
import re
import warnings
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from legmon.outside import open_outside
from legmon.quoting import shortened

LARGEST: Final = 1 << 36
"""Bytes of a file. Its signals are not read."""
HEAD: Final = 256
MOST_SIGNALS: Final = 1024
MOST_RECORDS: Final = 200_000
"""Data records: more than two days of one second each."""
MOST_BYTES: Final = 1 << 25
"""Bytes of annotations, with the room that is left empty between them."""
MOST_ANNOTATIONS: Final = 250_000
MOST_STEPS: Final = 20_000_000
"""Steps that the search for annotations may take in records where it starts again at each number."""
_DIGITS: Final = re.compile(rb"\d{40}")


class EdfAnnotation(NamedTuple):
    """An annotation: when it begins, s; how long it lasts, s, if that is known; and its text."""

    onset_s: float
    length_s: float | None
    text: str


def read_edf_annotations(path: Path) -> tuple[list[EdfAnnotation], float]:
    """Return the annotations of a file, and its duration, s.

    Raises
    ------
    OSError
        If it cannot be opened.
    ValueError
        If it cannot be read as EDF+, or would take more than seconds. The message says why.
    """
    import edfio

    with os.fdopen(open_outside(path, LARGEST), "rb") as file:
        _check(file, os.fstat(file.fileno()).st_size)
    try:
        with warnings.catch_warnings(action="ignore"):  # about a header that is a little wrong
            read = edfio.read_edf(path, lazy_load_data=True)
            found = [EdfAnnotation(a.onset, a.duration, a.text) for a in read.annotations]
            duration_s = float(read.duration)
    except OSError:
        raise
    except Exception as e:  # whatever the damage leads to
        raise ValueError(shortened(str(e) or type(e).__name__, 200)) from e
    if len(found) > MOST_ANNOTATIONS:
        raise ValueError(f"it has more than {MOST_ANNOTATIONS:,} annotations")
    return found, duration_s


def _check(file: BinaryIO, size: int) -> None:
    """Check the header, and the bytes of the annotations."""
    head = file.read(HEAD)
    if len(head) < HEAD:
        raise ValueError("it is too short")
    header, signals = _number(head[184:192]), _number(head[252:256])
    if not 1 <= signals <= MOST_SIGNALS or header != HEAD * (signals + 1):
        raise ValueError(f"its header does not describe 1 to {MOST_SIGNALS:,} signals")
    described = file.read(HEAD * signals)
    lengths = [_number(described[216 * signals + 8 * i :][:8]) for i in range(signals)]
    if any(n < 0 for n in lengths) or not sum(lengths):
        raise ValueError("its data records are empty")
    record = 2 * sum(lengths)
    records = (size - header) // record
    places = [
        (2 * sum(lengths[:i]), 2 * lengths[i])
        for i in range(signals)
        if described[16 * i :][:16].startswith(b"EDF Annotations")
    ]
    if records > MOST_RECORDS:
        raise ValueError(f"it has more than {MOST_RECORDS:,} data records")
    if records * sum(n for _, n in places) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES >> 20} MB of annotations")
    steps = 0
    for number in range(records):
        for at, length in places:
            file.seek(header + number * record + at)
            steps += _steps(file.read(length).rstrip(b"\0"))
            if steps > MOST_STEPS:
                raise ValueError("its annotations do not end")


def _steps(annotations: bytes) -> int:
    """Return how many steps edfio takes for the annotations of a record, where it may start again at each number."""
    if _DIGITS.search(annotations):
        raise ValueError("an annotation holds a number of more than 40 digits")
    if annotations.endswith(b"\x14") and b"\n" not in annotations:
        return 0
    return len(annotations) * (annotations.count(b"+") + annotations.count(b"-"))


def _number(field: bytes) -> int:
    try:
        return int(field.decode("ascii"))
    except ValueError:
        raise ValueError("a number in its header cannot be read") from None
