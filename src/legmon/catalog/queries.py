"""Query the catalog's tables and update their rows."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Select, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from legmon.catalog.models import FileRow, GapRow, LegRow, MovementRow, NightRow
from legmon.catalog.rows import file_fault, kept_file, night_info
from legmon.catalog.state import FileFault, KeptFile, NightInfo
from legmon.recording.files import first_file

MOST_NAMED = 500
"""Nights that a statement names one by one; of more, all are read."""


def leg_row(s: Session, night: str, leg: str) -> LegRow | None:
    """Find a leg of a night."""
    return s.scalars(select(LegRow).where(LegRow.night_id == night, LegRow.leg == leg)).one_or_none()


def bump_revision(s: Session, night: str) -> None:
    """Note that the figures of a night may have changed."""
    s.execute(update(NightRow).where(NightRow.id == night).values(revision=NightRow.revision + 1))


def upsert_row(s: Session, table: Any, values: dict[str, Any]) -> None:
    """Write the row of a table that has only one."""
    s.execute(insert(table).values(**values).on_conflict_do_update(index_elements=["id"], set_=values))


def count_movements(s: Session, leg_id: int) -> int:
    """Count the movements of a leg."""
    return s.scalars(select(func.count()).select_from(MovementRow).where(MovementRow.leg_id == leg_id)).one()


def replace_rows(
    s: Session, leg_id: int, table: Any, rows: Iterable[dict[str, Any]], *, kept: int = 0
) -> None:
    """Replace a leg's rows behind the first `kept`; only rows that differ are written."""
    wanted = {r["first"]: {"leg_id": leg_id, **r} for r in rows}
    if kept and not wanted:
        return
    columns = [c.name for c in table.__table__.columns]
    query = select(*table.__table__.columns).where(table.leg_id == leg_id).order_by(table.first).offset(kept)
    there: dict[int, dict[str, Any]] = {r.first: dict(zip(columns, r, strict=True)) for r in s.execute(query)}
    c, of_leg = s.connection(), table.__table__.c.leg_id == leg_id
    if gone := [{"gone": first} for first in there.keys() - wanted.keys()]:
        c.execute(table.__table__.delete().where(of_leg, table.__table__.c.first == bindparam("gone")), gone)
    if changed := [w for first, w in wanted.items() if there.get(first) != w]:
        into = insert(table.__table__)
        new = {name: into.excluded[name] for name in columns if name not in {"leg_id", "first"}}
        c.execute(into.on_conflict_do_update(index_elements=["leg_id", "first"], set_=new), changed)


IMPORTED = "import"
"""Address of the sensor in a night that comes from a file of another program."""
NEWEST_FIRST = (NightRow.started_ns.desc(), NightRow.id.desc())


def night_infos(s: Session, page: Select[NightRow], folder: Path) -> list[NightInfo]:
    """Return the nights of a query as values: one statement for the nights, one for their legs and gaps, one for their files.

    `folder` is the data folder. Only the size and time of the files in it are looked at.
    """
    rows = s.scalars(page).all()
    if not rows:
        return []
    number = func.count(GapRow.first).label("number")
    legs = select(
        LegRow.id, LegRow.night_id, LegRow.leg, LegRow.end, LegRow.declared_hz, LegRow.address, number
    )
    legs = legs.outerjoin(GapRow).group_by(LegRow.id).order_by(LegRow.leg)
    kept = select(FileRow).join(LegRow, LegRow.id == FileRow.leg_id)
    if len(rows) <= MOST_NAMED:
        named = LegRow.night_id.in_([r.id for r in rows])
        legs, kept = legs.where(named), kept.where(named)
    files: dict[int, list[KeptFile]] = {}
    for file in s.scalars(kept):
        files.setdefault(file.leg_id, []).append(kept_file(file))
    names: dict[str, list[str]] = {r.id: [] for r in rows}
    gaps: dict[str, int] = dict.fromkeys(names, 0)
    faults: dict[str, list[FileFault]] = {r.id: [] for r in rows}
    imported: set[str] = set()
    for leg_id, night, leg, end, rate_hz, address, found in s.execute(legs):
        if night not in names:
            continue
        names[night].append(leg)
        if address == IMPORTED:
            imported.add(night)
        gaps[night] += found
        fault = file_fault(first_file(folder, night, leg), leg, (end, rate_hz), files.get(leg_id, []))
        if fault is not None:
            faults[night].append(fault)
    return [night_info(r, names[r.id], gaps[r.id], faults[r.id], imported=r.id in imported) for r in rows]
