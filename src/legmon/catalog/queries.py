"""What the catalog asks of its tables, and how it brings them up to date."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from legmon.catalog.models import GapRow, LegRow, MovementRow


def leg_row(s: Session, night: str, leg: str) -> LegRow | None:
    """Find a leg of a night."""
    return s.scalars(select(LegRow).where(LegRow.night_id == night, LegRow.leg == leg)).one_or_none()


def upsert_row(s: Session, table: Any, values: dict[str, Any]) -> None:
    """Write the one row of a table that has one."""
    s.execute(insert(table).values(**values).on_conflict_do_update(index_elements=["id"], set_=values))


def count_movements(s: Session, leg_id: int) -> int:
    """Count the movements of a leg."""
    return s.scalars(select(func.count()).select_from(MovementRow).where(MovementRow.leg_id == leg_id)).one()


def replace_rows(
    s: Session, leg_id: int, table: Any, rows: Iterable[dict[str, Any]], *, kept: int = 0
) -> None:
    """Make a leg's rows these rows, behind the first `kept`; only what differs is written."""
    wanted = {r["first"]: {"leg_id": leg_id, **r} for r in rows}
    if kept and not wanted:
        return
    columns = [c.name for c in table.__table__.columns]
    query = select(*table.__table__.columns).where(table.leg_id == leg_id).order_by(table.first).offset(kept)
    there: dict[int, dict[str, Any]] = {r.first: dict(zip(columns, r, strict=True)) for r in s.execute(query)}
    for first in there.keys() - wanted.keys():
        s.execute(table.__table__.delete().where(table.leg_id == leg_id, table.first == first))
    changed = [w for first, w in wanted.items() if there.get(first) != w]
    for w in changed:
        s.execute(insert(table).values(**w).on_conflict_do_update(index_elements=["leg_id", "first"], set_=w))


def count_gaps(s: Session, night: str | None = None) -> dict[str, int]:
    """Count the holes of each night, or of one."""
    query = select(LegRow.night_id, func.count()).join(GapRow).group_by(LegRow.night_id)
    if night is not None:
        query = query.where(LegRow.night_id == night)
    return {name: number for name, number in s.execute(query)}  # noqa: C416 (rows are no pairs to a type checker)
