"""Makes a night of recordings that another program or sensor made: the same files, movements and answers as a recorded night has.

The night is written into a folder of its own beside the nights, and gets its name when it is whole. So nothing is half imported.
"""

import math
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from legmon.catalog.annotation_files import write_annotations
from legmon.catalog.file import CatalogError
from legmon.catalog.queries import IMPORTED
from legmon.catalog.rescan import add_night
from legmon.catalog.state import NightInfo
from legmon.catalog.store import Catalog
from legmon.catalog.zone import local_zone
from legmon.detection.detector import Detector
from legmon.errors import FailedError, LegmonError
from legmon.exchange.signal import Signal, Stretch
from legmon.messages import FOLDER_READ_ONLY, Message
from legmon.movement import NS, Leg
from legmon.quoting import shortened
from legmon.recording.records import MOST_SAMPLES, Anchored, End, Meta, Note, Record, Samples, Stream
from legmon.recording.segment import SegmentWriter

DESCRIBE_S: Final = 60.0
"""Samples in a record; the description of the recording is repeated with each, so that damage costs no more."""
MOST_STORED: Final = 40_000_000
"""Samples of a leg: a reader takes files of 256 MB."""
LEAST_SCALE_UG: Final = 61
"""Half of the step of a sensor of 14 bits and a range of 1 g: no sensor worn at an ankle is finer."""
LARGEST_UNIT: Final = 32_767
UNDER_WAY: Final = "importing-"
IMPORT_NOTE: Final = "imported"
LATEST_NS: Final = 4_102_444_800 * NS
"""The year 2100."""


class NoNightError(LegmonError):
    """The recordings make no night. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A night that was imported.

    Parameters
    ----------
    night : NightInfo
        As it stands in the list.
    notes : list of (leg, Message)
        What a person should know of the files.
    """

    night: NightInfo
    notes: list[tuple[Leg, Message]]


def import_night(
    catalog: Catalog, signals: Mapping[Leg, Signal], names: Mapping[Leg, str], start: datetime | None = None
) -> Imported:
    """Make a night of the samples of one leg or both.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    signals : mapping of leg to Signal
        The samples.
    names : mapping of leg to str
        What the night says of where each comes from.
    start : datetime, optional
        When the recording began, in this computer's time zone, where the files do not say it.

    Raises
    ------
    LegmonError
        If the files make no night, or it cannot be written. Nothing is left behind then.
    """
    for leg, signal in signals.items():
        _check(signal, leg)
    shift_ns = _shift(signals, start)
    first_ns = min(s.lines[0].utc_ns for s in signals.values()) + shift_ns
    if not 0 < first_ns < LATEST_NS:
        raise NoNightError(
            "the dates in the file are none of a recording; say when it began with --start '2026-03-01 22:00'"
        )
    zone = local_zone(first_ns)
    local = datetime.fromtimestamp(first_ns / NS, UTC) + timedelta(seconds=zone[1])
    night = _free_name(catalog, local.strftime("%Y-%m-%d-%H%M"))
    folder = catalog.folder / f"{UNDER_WAY}{os.getpid()}"
    place = catalog.segment(night, "left").parent
    try:
        for leg, signal in signals.items():
            writer = SegmentWriter(folder / catalog.segment(night, leg).name)
            try:
                for records in _records(signal, night, leg, names[leg], shift_ns):
                    writer.append(*records)
                writer.close()
            finally:
                writer.abandon()
        said = {
            "zone_name": zone[0],
            "utc_offset_s": zone[1],
            "simulated": False,
            "ended_by": "",
            "counted": None,
        }
        write_annotations(folder / catalog.annotation_file(night).name, {"night": said})
        place.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(place)
        result = add_night(catalog, night)
        if result.movements is None:
            raise FailedError(f"the night could not be added: {' '.join(result.problems)}")
    except BaseException as e:
        shutil.rmtree(folder, ignore_errors=True)
        if place.exists() and not catalog.named([night]):
            shutil.rmtree(place, ignore_errors=True)
        if isinstance(e, OSError):
            raise CatalogError(FOLDER_READ_ONLY.format(folder=catalog.folder, why=e.strerror)) from e
        raise
    return Imported(catalog.night(night), [(leg, n) for leg, s in signals.items() for n in s.notes])


def _check(signal: Signal, leg: Leg) -> None:
    """Check that a night can hold the samples."""
    try:
        Detector(signal.rate_hz, leg)
    except ValueError as e:
        raise NoNightError(f"{leg} leg: {e}") from e
    samples = sum(len(s.xyz) for s in signal.stretches)
    if samples > MOST_STORED or signal.end > MOST_SAMPLES:
        raise NoNightError(
            f"{leg} leg: {samples:,} samples are more than a night holds; cut the file into single nights"
        )


def _shift(signals: Mapping[Leg, Signal], start: datetime | None) -> int:
    """Return what must be added to the times of the files, so that they are ns UTC."""
    clocks = {s.clock for s in signals.values()}
    if len(clocks) > 1:
        raise NoNightError("the files of the two legs keep different clocks, so they cannot be put on one")
    (clock,) = clocks
    first_ns = min(s.lines[0].utc_ns for s in signals.values())
    zone = ZoneInfo(local_zone(0)[0])
    if start is not None:
        return round(start.replace(tzinfo=zone).timestamp()) * NS - first_ns
    if clock in {"", "day"}:
        raise NoNightError(
            "the file does not say when it was recorded; say it with --start '2026-03-01 22:00'"
        )
    if clock == "utc":
        return 0
    try:
        local = datetime.fromtimestamp(first_ns / NS, UTC).replace(tzinfo=zone)
    except (ValueError, OverflowError, OSError) as e:
        raise NoNightError(
            "the dates in the file are none of a recording; say when it began with --start"
        ) from e
    return -round((local.utcoffset() or timedelta()).total_seconds()) * NS


def _free_name(catalog: Catalog, wanted: str) -> str:
    name, n = wanted, 2
    while catalog.named([name]) or catalog.segment(name, "left").parent.exists():
        name, n = f"{wanted}-{n}", n + 1
    return name


def _records(signal: Signal, night: str, leg: Leg, name: str, shift_ns: int) -> Iterator[list[Record]]:
    """Yield the records of a leg, some at a time."""
    largest = max(float(max(s.xyz.max(), -s.xyz.min())) for s in signal.stretches)
    scale_ug = max(math.ceil(largest * 1e6 / LARGEST_UNIT), LEAST_SCALE_UG)
    rail = signal.range_g
    range_g = (
        round(rail) if rail is not None and abs(round(rail) / rail - 1) < 0.01 else math.ceil(largest) + 1
    )
    meta = Meta(
        night, leg, shortened(name), IMPORTED, signal.rate_hz, scale_ug, range_g, simulated=False, loss="time"
    )
    lines = [Anchored(a.first, a.utc_ns + shift_ns, a.rate_hz, final=True) for a in signal.lines]
    notes = [Note(lines[0].utc_ns, IMPORT_NOTE, shortened(n.sentence, 300)) for n in signal.notes]
    yield [meta, Stream(1, 0, 0), *notes]
    gaps = iter(signal.gaps)
    gap = next(gaps, None)
    for stretch in signal.stretches:
        while gap is not None and gap.first < stretch.first:
            yield [gap]
            gap = next(gaps, None)
        for samples in _pieces(stretch, scale_ug, signal.rate_hz):
            yield [meta, samples]
    yield [g for g in (gap, *gaps) if g is not None]
    last = lines[-1].anchor
    yield [*lines, End(last.utc(signal.end))]


def _pieces(stretch: Stretch, scale_ug: int, rate_hz: float) -> Iterator[Samples]:
    size = max(round(DESCRIBE_S * rate_hz), 1)
    for a in range(0, len(stretch.xyz), size):
        units = np.rint(stretch.xyz[a : a + size] * np.float32(1e6 / scale_ug))
        yield Samples(stretch.first + a, 0, 0, units.astype(np.int16))
