"""The annotation files: what the person said, beside the recordings, so that nothing of it lives in the catalog alone.

Each night has ``nights/<id>/annotations.json``. It holds lights off and on, the marks, the fit checks of the evening, and the
few facts of a night that its recording does not hold. ``annotations.json`` in the data folder holds what belongs to no night:
the settings, the sensors that were chosen, and all fit checks.

A file is written in the transaction that changes the catalog, while SQLite keeps other writers away. It replaces the file before
it in one step, so a reader sees the old file or the new one.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from legmon.catalog.database import set_aside
from legmon.catalog.models import (
    CheckRow,
    FileRow,
    LegRow,
    LightsRow,
    MarkRow,
    NightRow,
    SettingsRow,
    WantedRow,
)
from legmon.errors import LegmonError
from legmon.movement import NS
from legmon.night.figures import VOLUNTARY

NAME = "annotations.json"
FORMAT, VERSION = "legmon annotations", 1
SEAL = ("name", "size", "mtime_ns", "sha256", "records_sha256")
"""What a night's file holds of each file of its recording, so that a change is found without the catalog that sealed it."""
LONGEST = 1 << 24  # bytes; a longer file is none of ours
EVENING_NS = 6 * 3600 * NS
"""A fit check up to this long before a night belongs to that night."""


class AnnotationFileError(LegmonError):
    """An annotation file cannot be read or written. The message says what to do."""


class LaterAnnotationsError(AnnotationFileError):
    """A later version of the program wrote the file, so this one leaves it as it is."""


def night_values(s: Session, night: str) -> dict[str, Any]:
    """Return what the file of a night holds."""
    row = s.get_one(NightRow, night)
    lights = s.get(LightsRow, night)
    marks = s.scalars(select(MarkRow).where(MarkRow.night_id == night).order_by(MarkRow.start_ns))
    evening = CheckRow.at_ns.between(row.started_ns - EVENING_NS, row.started_ns)
    return {
        "night": {
            "zone_name": row.zone_name,
            "utc_offset_s": row.utc_offset_s,
            "simulated": row.simulated,
            "ended_by": row.ended_by,
            "counted": None
            if row.state != "closed"
            else {"detector": row.detector, "movements": row.movements, "periodic": row.periodic},
        },
        "lights": None
        if lights is None
        else {"off_ns": lights.off_ns, "on_ns": lights.on_ns, "set_ns": lights.set_ns},
        "marks": [
            {"leg": m.leg, "start_ns": m.start_ns, "end_ns": m.end_ns, "kind": m.kind, "set_ns": m.set_ns}
            for m in marks
        ],
        "checks": [_check(c) for c in s.scalars(select(CheckRow).where(evening).order_by(CheckRow.at_ns))],
        "seals": [
            {"leg": leg, **{name: getattr(f, name) for name in SEAL}}
            for f, leg in s.execute(
                select(FileRow, LegRow.leg)
                .join(LegRow, LegRow.id == FileRow.leg_id)
                .where(LegRow.night_id == night, FileRow.sha256 != "")
                .order_by(LegRow.leg, FileRow.name)
            )
        ],
    }


def folder_values(s: Session) -> dict[str, Any]:
    """Return what the file of the data folder holds."""
    settings, wanted = s.get(SettingsRow, 1), s.get(WantedRow, 1)
    return {
        "settings": json.loads(settings.value) if settings else {},
        "sensors": json.loads(wanted.sensors) if wanted else {},
        "checks": [_check(c) for c in s.scalars(select(CheckRow).order_by(CheckRow.at_ns, CheckRow.id))],
    }


def _check(c: CheckRow) -> dict[str, Any]:
    return {"leg": c.leg, "at_ns": c.at_ns, "fit": json.loads(c.result)}


def write_annotations(path: Path, values: Mapping[str, Any], *, sync: bool = True) -> None:
    """Replace an annotation file in one step; a file that says the same already is left as it is.

    What a file holds beside `values` stays. A file that cannot be read is kept under another name.

    Parameters
    ----------
    path : Path
        The file.
    values : mapping
        See `night_values` and `folder_values`.
    sync : bool
        Whether to wait for the disk.

    Raises
    ------
    AnnotationFileError
        If a later version of the program wrote the file.
    OSError
        If it cannot be written.
    """
    before = _read_or_set_aside(path)
    after = {
        "format": FORMAT,
        "version": VERSION,
        **{k: v for k, v in before.items() if k != "version"},
        **values,
    }
    after["version"] = VERSION
    if after == before:
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(path.name + ".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        json.dump(after, file, ensure_ascii=False, indent=1)
        file.write("\n")
        file.flush()
        if sync:
            os.fsync(file.fileno())
    new.replace(path)
    if sync:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    with contextlib.suppress(OSError):  # Windows opens no folder
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def read_annotations(path: Path) -> dict[str, Any]:
    """Return the content of an annotation file; empty if there is none.

    Raises
    ------
    AnnotationFileError
        If it cannot be read, is no annotation file, or a later version of the program wrote it.
    """
    try:
        if not path.is_file():
            return {}
        with path.open("rb") as file:
            value = json.loads(file.read(LONGEST))
    except (OSError, ValueError, RecursionError) as e:
        raise AnnotationFileError(
            f"{path} cannot be read ({e}); restore it from a backup, or delete it"
        ) from e
    if (
        not isinstance(value, dict)
        or value.get("format") != FORMAT
        or not isinstance(value.get("version"), int)
    ):
        raise AnnotationFileError(f"{path} holds no annotations; restore it from a backup, or delete it")
    if value["version"] > VERSION:
        raise LaterAnnotationsError(f"{path} was written by a later version of legmon; install that version")
    return value


def _read_or_set_aside(path: Path) -> dict[str, Any]:
    try:
        return read_annotations(path)
    except LaterAnnotationsError:
        raise
    except AnnotationFileError:
        with contextlib.suppress(FileNotFoundError):
            set_aside(path)
        return {}


# from the files into the catalog, and the other way


def write_all_annotations(s: Session, folder: Path) -> None:
    """Write the annotation files of all nights, as an upgrade from a version without them needs it."""
    for night in s.scalars(select(NightRow.id)).all():
        write_annotations(folder / "nights" / night / NAME, night_values(s, night), sync=False)
    write_annotations(folder / NAME, folder_values(s), sync=False)
    if hasattr(os, "sync"):
        os.sync()  # once for all of them


def load_folder_annotations(s: Session, path: Path) -> None:
    """Add the settings, chosen sensors and fit checks of a data folder's file to a new catalog.

    Raises
    ------
    AnnotationFileError
        If the file cannot be read.
    """
    values = read_annotations(path)
    if isinstance(settings := values.get("settings"), dict):
        s.merge(SettingsRow(id=1, value=json.dumps(settings)))
    if isinstance(sensors := values.get("sensors"), dict) and sensors:
        s.merge(WantedRow(id=1, mode="off", leg=None, sensors=json.dumps(sensors), asked_ns=0))
    _load_checks(s, values)


def load_night_annotations(s: Session, night: str, values: Mapping[str, Any]) -> None:
    """Add lights, marks and checks of a night's file to the catalog; the night itself must be there."""
    lights = values.get("lights")
    if isinstance(lights, dict):
        s.merge(LightsRow(night_id=night, **_only(lights, ("off_ns", "on_ns", "set_ns"), set_ns=0)))
    for mark in _dicts(values.get("marks")):
        if {"leg", "start_ns", "end_ns"} <= mark.keys():
            names = ("leg", "start_ns", "end_ns", "kind", "set_ns")
            s.merge(MarkRow(night_id=night, **_only(mark, names, kind=VOLUNTARY, set_ns=0)))
    for seal in _dicts(values.get("seals")):
        leg = s.scalars(select(LegRow.id).where(LegRow.night_id == night, LegRow.leg == str(seal.get("leg"))))
        if (leg_id := leg.one_or_none()) is not None and set(SEAL) <= seal.keys():
            # nobody has compared it with this catalog: the next scrub does, and until then the first reader
            s.merge(FileRow(leg_id=leg_id, verified_ns=0, damage="", **_only(seal, SEAL)))
    _load_checks(s, values)


def _load_checks(s: Session, values: Mapping[str, Any]) -> None:
    known = {(c.leg, c.at_ns) for c in s.scalars(select(CheckRow))}
    for check in _dicts(values.get("checks")):
        place = (str(check.get("leg")), check.get("at_ns"))
        if place not in known and isinstance(place[1], int) and isinstance(check.get("fit"), dict):
            s.add(CheckRow(leg=place[0], at_ns=place[1], result=json.dumps(check["fit"])))
    s.flush()


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _only(values: Mapping[str, Any], names: Iterable[str], **otherwise: Any) -> dict[str, Any]:
    """Return the values of these names; one that is missing is None, or what is named for it."""
    return {n: values.get(n, otherwise.get(n)) for n in names}
