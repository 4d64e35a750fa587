"""The annotation files: what the person said, beside the recordings, so that nothing of it lives in the catalog alone.

Each night has ``nights/<id>/annotations.json``. It holds lights off and on, the note, the marks, the fit checks of the evening,
and the few facts of a night that its recording does not hold. ``annotations.json`` in the data folder holds what belongs to no
night: the settings, the desired state, the sensors that were chosen, and all fit checks.

A file is written in the transaction that changes the catalog, while SQLite keeps other writers away. It replaces the file before
it in one step, so a reader sees the old file or the new one.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard, get_args

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
    NoteRow,
    SettingsRow,
    WantedRow,
)
from legmon.errors import LegmonError
from legmon.movement import NS
from legmon.night.fit import Fit, Problem
from legmon.outside import is_int, parse_json, read_outside
from legmon.recording.files import sync_folder

NAME = "annotations.json"
FORMAT, VERSION = "legmon annotations", 1
SEAL = ("name", "size", "mtime_ns", "sha256", "records_sha256")
"""What a night's file holds of each file of its recording, so that a change is found without the catalog that sealed it."""
LONGEST = 1 << 24  # bytes; a longer file is none of ours
MOST_MARKS, MOST_CHECKS, MOST_SETTINGS = 2000, 5000, 100
LONGEST_NOTE, LONGEST_TAG, MOST_TAGS = 4000, 40, 20
EVENING_NS = 6 * 3600 * NS
"""A fit check up to this long before a night belongs to that night."""


class AnnotationFileError(LegmonError):
    """An annotation file cannot be read or written. The message says what to do."""


class LaterAnnotationsError(AnnotationFileError):
    """A later version of the program wrote the file, so this one leaves it as it is."""


def night_values(s: Session, night: str) -> dict[str, Any]:
    """Return what the file of a night holds."""
    row = s.get_one(NightRow, night)
    lights, note = s.get(LightsRow, night), s.get(NoteRow, night)
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
        "note": None
        if note is None
        else {"text": note.text, "tags": json.loads(note.tags), "set_ns": note.set_ns},
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
        "wanted": {"mode": wanted.mode, "leg": wanted.leg, "asked_ns": wanted.asked_ns} if wanted else None,
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


def put_back(path: Path, before: bytes | None) -> None:
    """Restore the content that an annotation file had before; None if there was none."""
    with contextlib.suppress(OSError):
        if before is None:
            path.unlink(missing_ok=True)
        else:
            new = path.with_name(path.name + ".new")
            new.write_bytes(before)
            new.chmod(0o600)
            new.replace(path)


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
        value = parse_json(read_outside(path, LONGEST))
    except (OSError, ValueError) as e:
        raise AnnotationFileError(
            f"{path} cannot be read ({getattr(e, 'strerror', None) or e}); restore it from a backup, or delete it"
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
    """Add the settings, the desired state and the fit checks of a data folder's file to a new catalog.

    Raises
    ------
    AnnotationFileError
        If the file cannot be read.
    """
    values = read_annotations(path)
    if isinstance(settings := values.get("settings"), dict):
        s.merge(SettingsRow(id=1, value=json.dumps(plain_values(settings))))
    said, sensors = values.get("wanted"), values.get("sensors")
    wanted: dict[str, Any] = {"mode": "off", "leg": None, "asked_ns": 0}
    if _fits(said, _WANTED):
        wanted = {name: said[name] for name in _WANTED}
    if isinstance(sensors, dict) and all(k in LEGS and isinstance(v, str) for k, v in sensors.items()):
        wanted["sensors"] = json.dumps(sensors)
    s.merge(WantedRow(id=1, **wanted))
    _load_checks(s, values)


def load_night_annotations(s: Session, night: str, values: Mapping[str, Any]) -> int:
    """Add what a night's file says to the catalog; the night itself must be there.

    Returns
    -------
    int
        How many entries were left out, because they are not what legmon writes.
    """
    left_out = 0
    lights = values.get("lights")
    if _fits(lights, _LIGHTS):
        s.merge(LightsRow(night_id=night, **{name: lights[name] for name in _LIGHTS}))
    else:
        left_out += lights is not None
    note = values.get("note")
    if _fits(note, _NOTE) and is_note(note["text"], note["tags"]):
        tags = json.dumps(note["tags"], ensure_ascii=False)
        s.merge(NoteRow(night_id=night, text=note["text"], tags=tags, set_ns=note["set_ns"]))
    else:
        left_out += note is not None
    marks = _list(values.get("marks"))
    left_out += max(len(marks) - MOST_MARKS, 0)
    for mark in marks[:MOST_MARKS]:
        if _fits(mark, _MARK) and mark["start_ns"] <= mark["end_ns"]:
            s.merge(MarkRow(night_id=night, **{name: mark[name] for name in _MARK}))
        else:
            left_out += 1
    for seal in _list(values.get("seals")):
        of = LegRow.night_id == night, LegRow.leg == (seal.get("leg") if isinstance(seal, dict) else "")
        leg_id = s.scalars(select(LegRow.id).where(*of)).one_or_none() if _fits(seal, _SEAL) else None
        if leg_id is not None:
            # nobody has compared it with this catalog: the next scrub does, and until then the first reader
            s.merge(FileRow(leg_id=leg_id, verified_ns=0, damage="", **{name: seal[name] for name in SEAL}))
    return left_out + _load_checks(s, values)


def is_note(text: object, tags: object) -> bool:
    """Whether a note and its tags are within the bounds of what legmon stores."""
    return (
        isinstance(text, str)
        and len(text) <= LONGEST_NOTE
        and isinstance(tags, list)
        and len(tags) <= MOST_TAGS
        and all(isinstance(tag, str) and 0 < len(tag) <= LONGEST_TAG for tag in tags)
    )


def _load_checks(s: Session, values: Mapping[str, Any]) -> int:
    known = {(c.leg, c.at_ns) for c in s.scalars(select(CheckRow))}
    checks = _list(values.get("checks"))
    left_out = max(len(checks) - MOST_CHECKS, 0)
    for check in checks[:MOST_CHECKS]:
        if not _fits(check, _CHECK) or stored_fit(json.dumps(check["fit"])) is None:
            left_out += 1
        elif (check["leg"], check["at_ns"]) not in known:
            s.add(CheckRow(leg=check["leg"], at_ns=check["at_ns"], result=json.dumps(check["fit"])))
    s.flush()
    return left_out


def stored_fit(text: str) -> Fit | None:
    """Return the result of a fit check from its JSON; None if it is none."""
    try:
        values = json.loads(text)
        standing = values.pop("standing")
        problems = tuple(values.pop("problems"))
        fit = Fit(problems, **values, standing=None if standing is None else tuple(standing))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    numbers: list[object] = [fit.noise_mg, fit.gravity_g, fit.toe_mg, fit.ratio, fit.rolled_deg, fit.toes]
    is_whole = all(n is None or _is_number(n) for n in numbers) and not isinstance(numbers[-1], float)
    axis: list[object] = [0, 0, 0] if fit.standing is None else [*fit.standing]
    has_axis = len(axis) == 3 and all(map(_is_number, axis))
    return fit if is_whole and has_axis and set(map(str, problems)) <= set(get_args(Problem)) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a file that are short texts, numbers, true, false or null, as all of ours are."""
    return {
        name: value
        for name, value in list(values.items())[:MOST_SETTINGS]
        if value is None
        or isinstance(value, bool)
        or is_int(value)
        or (isinstance(value, str) and len(value) < 1000)
    }


Kinds = dict[str, tuple[type, ...]]
LEGS = ("left", "right")
_TIME = (int, type(None))
_LIGHTS: Kinds = {"off_ns": _TIME, "on_ns": _TIME, "set_ns": (int,)}
_NOTE: Kinds = {"text": (str,), "tags": (list,), "set_ns": (int,)}
_MARK: Kinds = {"leg": (str,), "start_ns": (int,), "end_ns": (int,), "kind": (str,), "set_ns": (int,)}
_SEAL: Kinds = {
    "leg": (str,),
    "name": (str,),
    "size": (int,),
    "mtime_ns": (int,),
    "sha256": (str,),
    "records_sha256": (str,),
}
_CHECK: Kinds = {"leg": (str,), "at_ns": (int,), "fit": (dict,)}
_WANTED: Kinds = {"mode": (str,), "leg": (str, type(None)), "asked_ns": (int,)}
_MODES = ("off", "check", "record")
MOST_NS = 1 << 63  # what SQLite keeps


def _fits(value: Any, kinds: Kinds) -> TypeGuard[dict[str, Any]]:
    """Whether a value of a file is what legmon writes: every name, and each of its kind."""
    if not isinstance(value, dict):
        return False
    for name, types in kinds.items():
        found = value.get(name, ...)
        if isinstance(found, bool) or not isinstance(found, types):
            return False
        if isinstance(found, int) and abs(found) >= MOST_NS:
            return False
    leg, mode = value.get("leg"), value.get("mode")
    return (leg in LEGS or (leg in {None, "both"} and "mode" in kinds) or "leg" not in kinds) and (
        mode in _MODES or "mode" not in kinds
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
