"""Save what the person said out of a catalog that cannot be migrated, whatever tables it has and however damaged it is."""

import logging
import math
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from legmon.catalog.annotation_files import NAME, write_annotations
from legmon.catalog.database import reading
from legmon.errors import LegmonError
from legmon.movement import LegMovement
from legmon.night.figures import VOLUNTARY
from legmon.night.marks import mark_of
from legmon.night.track import LegTrack
from legmon.outside import parse_json
from legmon.timeline.clock import Anchor

log = logging.getLogger(__name__)

Rows = list[dict[str, Any]]


def carry_over(file: Path, folder: Path) -> None:
    """Write the annotation files of a catalog's nights, where they do not exist yet.

    Each table is read as far as it can be. A table or a column that is not there gives nothing.

    Raises
    ------
    OSError
        If a file cannot be written. The catalog must stay where it is then.

    Parameters
    ----------
    file : Path
        The catalog.
    folder : Path
        The data folder.
    """
    try:
        with reading(file) as c:
            c.row_factory = sqlite3.Row
            nights = {
                str(r["id"]): r for r in _rows(c, "nights") if Path(str(r.get("id"))).name == r.get("id")
            }
            files = {night: _night(c, night, row) for night, row in nights.items()}
            of_folder = _folder(c)
    except (sqlite3.Error, UnicodeDecodeError) as e:
        log.warning("nothing can be read from the catalog: %s", e)
        return
    places = [(folder / "nights" / night / NAME, values) for night, values in files.items()]
    for path, values in [*places, (folder / NAME, of_folder)]:
        if not path.exists():
            try:
                write_annotations(path, values, sync=False)
            except LegmonError as e:  # a later version wrote it
                log.warning("%s cannot be written: %s", path, e)


def _rows(c: sqlite3.Connection, table: str, column: str = "", value: object = None) -> Rows:
    """Return the rows of a table that can be read; all of them, or those with a value in a column."""
    rows: Rows = []
    where, values = (f' WHERE "{column}" = ?', (value,)) if column else ("", ())
    try:
        for row in c.execute(f'SELECT * FROM "{table}"{where}', values):  # noqa: S608 (names of our own tables)
            rows.append({name: _plain(row[name]) for name in row.keys()})  # noqa: SIM118 (a row is no mapping)
    except (sqlite3.Error, UnicodeDecodeError) as e:
        log.info("table %s: %s", table, e)
    return rows


def _plain(value: object) -> object:
    """Return a value that JSON can hold; None for another one."""
    is_plain = isinstance(value, int | str) or (isinstance(value, float) and math.isfinite(value))
    return value if is_plain else None


def _night(c: sqlite3.Connection, night: str, row: dict[str, Any]) -> dict[str, Any]:
    lights, note = _rows(c, "lights", "night_id", night), _rows(c, "notes", "night_id", night)
    marks = [
        {name: r.get(name) for name in ("leg", "start_ns", "end_ns", "kind", "set_ns")}
        for r in _rows(c, "marks", "night_id", night)
    ]
    for leg in _rows(c, "legs", "night_id", night):
        try:
            marks += _labelled(c, leg)
        except (ValueError, TypeError, KeyError, ArithmeticError) as e:
            log.warning("the marks of a leg of night %s cannot be read: %s", night, e)
    return {
        "night": {
            "zone_name": row.get("zone_name") or "",
            "utc_offset_s": row.get("utc_offset_s") or 0,
            "simulated": bool(row.get("simulated")),
            "ended_by": row.get("ended_by") or "",
            "counted": None
            if row.get("state") != "closed"
            else {name: row.get(name) for name in ("detector", "movements", "periodic")},
        },
        "lights": {n: lights[0].get(n) for n in ("off_ns", "on_ns", "set_ns")} if lights else None,
        "note": {"text": note[0].get("text"), "tags": _tags(note[0]), "set_ns": note[0].get("set_ns")}
        if note
        else None,
        "marks": marks,
    }


def _tags(row: dict[str, Any]) -> list[Any]:
    try:
        value = parse_json(str(row.get("tags") or "[]"))
    except ValueError:
        return []
    return value if isinstance(value, list) else []


def _labelled(c: sqlite3.Connection, leg: dict[str, Any]) -> Rows:
    """Return the marks of a leg from the time when a mark named a sample."""
    labels = _rows(c, "labels", "leg_id", leg.get("id"))
    if not labels:
        return []
    track = _track(c, leg)
    marks: Rows = []
    for label in labels:
        first, set_ns = label.get("first"), int(label.get("set_ns") or 0)
        if not track.anchors or not isinstance(first, int):
            continue
        try:
            mark = mark_of(track, first, set_ns)
        except KeyError:  # its movement cannot be read: the moment of its onset is known all the same
            at = track.time.utc(first)
            start_ns, end_ns = at, at
        else:
            start_ns, end_ns = mark.start_ns, mark.end_ns
        marks.append(
            {"leg": track.leg, "start_ns": start_ns, "end_ns": end_ns, "kind": VOLUNTARY, "set_ns": set_ns}
        )
    return marks


def _track(c: sqlite3.Connection, leg: dict[str, Any]) -> LegTrack:
    movements: Sequence[LegMovement] = [
        LegMovement(0, 0, leg["leg"], first=r["first"], end=r["end"])
        for r in _rows(c, "movements", "leg_id", leg["id"])
    ]
    anchors = [
        Anchor(r["first"], r["utc_ns"], r["rate_hz"]) for r in _rows(c, "anchors", "leg_id", leg["id"])
    ]
    return LegTrack(leg["leg"], int(leg.get("end") or 0), movements, [], anchors, simulated=False)


def _folder(c: sqlite3.Connection) -> dict[str, Any]:
    settings, wanted = _rows(c, "settings"), _rows(c, "wanted")
    mode = wanted[0].get("mode") if wanted else None
    return {
        "wanted": {"mode": mode, "leg": wanted[0].get("leg"), "asked_ns": wanted[0].get("asked_ns")}
        if mode
        else None,
        "settings": _json(settings[0].get("value")) if settings else {},
        "sensors": _json(wanted[0].get("sensors")) if wanted else {},
        "checks": [
            {"leg": r.get("leg"), "at_ns": r.get("at_ns"), "fit": _json(r.get("result"))}
            for r in _rows(c, "checks")
        ],
    }


def _json(text: object) -> dict[str, Any]:
    try:
        value = parse_json(str(text or "{}"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
