"""Make the catalog's nights again from the recordings and the annotation files beside them."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from filelock import Timeout
from sqlalchemy.exc import DBAPIError

from legmon.catalog.annotation_files import AnnotationFileError, read_annotations
from legmon.catalog.carry_over import carry_over
from legmon.catalog.database import PASSING, catalog_fault, contents, set_aside
from legmon.catalog.file import (
    BRIEF_LOCK_S,
    CATALOG_ERRORS,
    FILE,
    LATER,
    LOCK,
    LOCK_S,
    RECORDER_LOCK,
    CatalogError,
    UnavailableError,
    file_lock,
)
from legmon.catalog.state import BOTH, EndedBy, NightInfo
from legmon.catalog.store import Catalog
from legmon.catalog.zone import local_zone
from legmon.detection import detector
from legmon.errors import LegmonError
from legmon.messages import FOLDER_READ_ONLY
from legmon.movement import NS, Leg
from legmon.night.leg import LegNight, analyse
from legmon.night.track import score_night
from legmon.outside import is_int
from legmon.recording.files import leg_files, read_segment
from legmon.recording.records import End, Meta, Record
from legmon.scoring.indices import Indices
from legmon.scoring.rules import RULES

log = logging.getLogger(__name__)

LONGEST_ZONE, DAY_S = 64, 86_400
BUSY = "Night {night} cannot be added, because the catalog cannot be written now. Try again."


@dataclass(frozen=True, slots=True)
class RescannedNight:
    """What became of one night.

    Parameters
    ----------
    night : str
        Its id: the name of its folder.
    movements : int or None
        Leg movements found in it; None if it could not be added.
    problems : tuple of str
        What could not be read, each in one sentence.
    is_open : bool
        Whether it was not closed: the next start of the recorder closes it, or goes on with it.
    """

    night: str
    movements: int | None
    problems: tuple[str, ...] = ()
    is_open: bool = False


def set_catalog_aside(folder: Path) -> str:
    """Keep the catalog of a data folder under another name, so that a new one is made. Return that name; "" if there was none.

    What the person said is written to the annotation files first, where these do not exist yet.

    Raises
    ------
    CatalogError
        If the file is none of ours, or a later version made it.
    UnavailableError
        If a recorder or another legmon is using it.
    """
    file = folder / FILE
    if not file.exists():
        return ""
    with _alone(folder):
        found = contents(file)
        if found.kind in {"later", "foreign"}:
            raise CatalogError(f"{file} was not made by this version of legmon; {LATER}")
        carry_over(file, folder)
        return set_aside(file, "replaced").name


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    try:
        with file_lock(folder / RECORDER_LOCK, BRIEF_LOCK_S), file_lock(folder / LOCK, LOCK_S):
            yield
    except Timeout:
        raise UnavailableError(
            f"legmon is recording into {folder}; end it first, so that the catalog can be made anew"
        ) from None
    except OSError as e:
        raise CatalogError(FOLDER_READ_ONLY.format(folder=folder, why=e.strerror)) from e


def rescan(
    catalog: Catalog, nights: list[str], on_night: Callable[[RescannedNight], None] | None = None
) -> list[RescannedNight]:
    """Add nights to the catalog from their recordings.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    nights : list of str
        The nights; see `Catalog.unknown_recordings`.
    on_night : callable, optional
        Called with each result, when it is there.
    """
    results = []
    for night in nights:
        results.append(try_to_add(catalog, night) or RescannedNight(night, None, (BUSY.format(night=night),)))
        if on_night is not None:
            on_night(results[-1])
    return results


def add_night(catalog: Catalog, night: str, *, closed_only: bool = False) -> RescannedNight:
    """Add one night to the catalog from its recording and its annotation file.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    night : str
        Its id.
    closed_only : bool
        Whether to leave out a night that was not closed, because a recorder may be recording it.

    Raises
    ------
    sqlalchemy.exc.DBAPIError, CatalogError
        If the catalog cannot be written.
    """
    problems: list[str] = []
    said = _annotations(catalog.annotation_file(night), problems)
    legs, is_open = _legs(catalog, night, problems)
    if not legs:
        return RescannedNight(night, None, (*problems, f"Night {night} has no recording that can be read."))
    if is_open and closed_only:
        return RescannedNight(night, None, tuple(problems), is_open=True)
    tracks = [leg.track() for leg in legs.values() if leg.samples]
    timed = [t for t in tracks if t.anchors]
    scored = score_night(timed) if timed else None
    started_ns = scored.origin_ns if scored else _from_name(night)
    of_night = said.get("night") if isinstance(said.get("night"), dict) else {}
    info = _info(night, legs, started_ns, cast("dict[str, Any]", of_night), problems)
    if not is_open:
        info = replace(info, state="closed")
    left_out = catalog.add_night(
        info, [(leg.meta, leg.track(), leg.samples) for leg in legs.values()], scored, said
    )
    if left_out:
        problems.append(
            f"{left_out} entries of {catalog.annotation_file(night)} were left out: legmon did not write them."
        )
    movements = scored.indices.movements if scored else 0
    if scored and not is_open:
        _compare(night, cast("dict[str, Any]", of_night).get("counted"), scored.indices, problems)
    return RescannedNight(night, movements, tuple(problems), is_open)


def _compare(night: str, before: Any, now: Indices, problems: list[str]) -> None:
    """Append a sentence where the recording gives other counts than before."""
    if not isinstance(before, dict) or (before.get("movements"), before.get("periodic")) == (
        now.movements,
        now.periodic,
    ):
        return
    this = f"{detector.NAME} {detector.VERSION}"
    counted = (
        f"Night {night} has {now.movements} leg movements now, {now.periodic} of them periodic. Before, it had"
        f" {before.get('movements')} and {before.get('periodic')}"
    )
    if before.get("detector") == this:
        problems.append(f"{counted}. Its recording may be damaged: compare it with a backup.")
    else:
        problems.append(f"{counted}, by {before.get('detector')}. The movements were found again by {this}.")


def _annotations(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        return read_annotations(path)
    except AnnotationFileError as e:
        problems.append(f"{str(e)[:1].upper()}{str(e)[1:]}.")
        return {}


def _legs(catalog: Catalog, night: str, problems: list[str]) -> tuple[dict[Leg, LegNight], bool]:
    """Return the legs that can be read, and whether one of them was not closed."""
    legs: dict[Leg, LegNight] = {}
    is_open = False
    for leg in BOTH:
        path = catalog.segment(night, leg)
        if not leg_files(path):
            continue
        last: list[Record] = []
        try:
            found = analyse(_remember_last(read_segment(path), last))
        except (LegmonError, ValueError, OSError) as e:
            problems.append(f"The {leg} leg of night {night} cannot be read: {e}.")
            continue
        if found.meta.night != night:
            problems.append(
                f"{path.name} of night {night} says that it belongs to night {found.meta.night}, so it was left out."
                " Give the folder that name if there is none."
            )
            continue
        if found.meta.leg != leg:
            problems.append(
                f"{path.name} of night {night} says that it is the {found.meta.leg} leg, so it was left out."
            )
            continue
        legs[leg] = found
        is_open = is_open or not isinstance(last[0], End)
    return legs, is_open


def _remember_last(records: Iterator[Record], last: list[Record]) -> Iterator[Record]:
    for record in records:
        last[:] = [record]
        yield record


def _info(
    night: str, legs: dict[Leg, LegNight], started_ns: int, said: dict[str, Any], problems: list[str]
) -> NightInfo:
    meta: Meta = next(iter(legs.values())).meta
    zone, offset = said.get("zone_name"), said.get("utc_offset_s", "")
    if not (isinstance(zone, str) and len(zone) <= LONGEST_ZONE and is_int(offset, -DAY_S, DAY_S)):
        zone, offset = local_zone(started_ns)
        problems.append(f"The time zone of night {night} is not known; it got the one of this computer.")
    ended_by = said.get("ended_by")
    return NightInfo(
        id=night,
        state="recording",
        simulated=meta.simulated,
        zone_name=zone,
        utc_offset_s=offset,
        rules=RULES,
        detector=f"{detector.NAME} {detector.VERSION}",
        started_ns=started_ns,
        duration_ns=0,
        analysed_ns=0,
        movements=0,
        candidates=0,
        periodic=0,
        series=0,
        ended_by=cast("EndedBy", ended_by if ended_by in {"charger", "risen"} else ""),
        revision=0,
        legs=tuple(legs),
        gaps=0,
    )


def _from_name(night: str) -> int:
    """Return the start that the name of a night tells, ns UTC, as if its zone were UTC; 0 if it tells none."""
    try:
        return round(datetime.strptime(night[:15], "%Y-%m-%d-%H%M").replace(tzinfo=UTC).timestamp()) * NS
    except ValueError:
        return 0


def try_to_add(catalog: Catalog, night: str, *, closed_only: bool = False) -> RescannedNight | None:
    """Add one night while the program does other things; None if the catalog cannot be written now."""
    try:
        return add_night(catalog, night, closed_only=closed_only)
    except UnavailableError as e:
        log.warning("night %s cannot be added to the catalog now: %s", night, e)
        return None
    except (*CATALOG_ERRORS, LegmonError) as e:
        if isinstance(e, DBAPIError) and catalog_fault(e) in PASSING:
            log.warning("night %s cannot be added to the catalog now: %s", night, e.orig)
            return None
        return RescannedNight(night, None, (f"Night {night} cannot be added: {getattr(e, 'orig', e)}.",))
