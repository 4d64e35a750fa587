"""Store what the person adds to the nights: lights off and on, voluntary movements, settings, and fit checks.

These additions never change a recording or the movements found in it. Each change is saved to the catalog at once. It raises
the revision of the nights it belongs to, so that every process that uses the data folder sees it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, cast

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from legmon.catalog.models import CheckRow, LabelRow, LegRow, LightsRow, NightRow, SettingsRow
from legmon.catalog.queries import bump_revision
from legmon.catalog.store import Catalog
from legmon.movement import NS, Leg
from legmon.night.figures import VOLUNTARY
from legmon.night.fit import Fit

Lights = tuple[int | None, int | None]
EVENING_NS = 6 * 3600 * NS
"""A check up to this long before a night belongs to that night."""


@dataclass(frozen=True, slots=True)
class Check:
    """A fit check of one leg, and when it was made."""

    leg: Leg
    at_ns: int
    fit: Fit


class Annotations:
    """The person's annotations in one data folder.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._engine = catalog.engine

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with Session(self._engine) as session, session.begin():
            yield session

    # settings

    def settings(self) -> dict[str, Any]:
        """Return the settings; empty at first."""
        with self._session() as s:
            row = s.get(SettingsRow, 1)
            return dict(json.loads(row.value)) if row else {}

    def set_settings(self, value: dict[str, Any]) -> None:
        """Replace the settings."""
        with self._session() as s:
            _put(s, SettingsRow, {"id": 1, "value": json.dumps(value)}, ["id"])

    # lights and voluntary movements

    def lights(self, night: str) -> Lights:
        """Return lights off and on of a night, ns UTC; None if not set."""
        with self._session() as s:
            row = s.get(LightsRow, night)
            return (row.off_ns, row.on_ns) if row else (None, None)

    def set_lights(self, night: str, lights: Lights, now_ns: int) -> None:
        """Set lights off and on. `(None, None)` clears them."""
        with self._session() as s:
            bump_revision(s, night)
            if lights == (None, None):
                s.execute(delete(LightsRow).where(LightsRow.night_id == night))
                return
            values = {"night_id": night, "off_ns": lights[0], "on_ns": lights[1], "set_ns": now_ns}
            _put(s, LightsRow, values, ["night_id"])

    def voluntary(self, night: str) -> set[tuple[Leg, int]]:
        """Return the movements that the person marked as their own: leg and first sample."""
        with self._session() as s:
            query = select(LegRow.leg, LabelRow.first).join(LabelRow, LabelRow.leg_id == LegRow.id)
            rows = s.execute(query.where(LegRow.night_id == night, LabelRow.label == VOLUNTARY))
            return {(cast("Leg", leg), first) for leg, first in rows}

    def set_voluntary(
        self, night: str, movements: list[tuple[Leg, int]], now_ns: int, *, voluntary: bool
    ) -> None:
        """Mark movements as the person's own, or remove the mark."""
        with self._session() as s:
            bump_revision(s, night)
            for leg, first in movements:
                leg_id = _leg_id(s, night, leg)
                s.execute(delete(LabelRow).where(LabelRow.leg_id == leg_id, LabelRow.first == first))
                if voluntary:
                    s.add(LabelRow(leg_id=leg_id, first=first, label=VOLUNTARY, set_ns=now_ns))

    # fit checks

    def add_check(self, check: Check) -> None:
        """Add a check; it belongs to the nights that begin in the hours after it."""
        evening = NightRow.started_ns.between(check.at_ns, check.at_ns + EVENING_NS)
        with self._session() as s:
            s.execute(update(NightRow).where(evening).values(revision=NightRow.revision + 1))
            s.add(CheckRow(leg=check.leg, at_ns=check.at_ns, result=json.dumps(asdict(check.fit))))

    def checks(self, leg: Leg | None = None, *, before_ns: int | None = None, most: int = 20) -> list[Check]:
        """Return checks, the newest first."""
        query = select(CheckRow).order_by(CheckRow.at_ns.desc(), CheckRow.id.desc()).limit(most)
        if leg is not None:
            query = query.where(CheckRow.leg == leg)
        if before_ns is not None:
            query = query.where(CheckRow.at_ns <= before_ns)
        with self._session() as s:
            return [Check(cast("Leg", r.leg), r.at_ns, _fit(r.result)) for r in s.scalars(query)]

    def check_of(self, leg: Leg, started_ns: int) -> Check | None:
        """Return the check of a night that began at `started_ns`: the leg's last one in the hours before."""
        found = self.checks(leg, before_ns=started_ns, most=1)
        return found[0] if found and started_ns - found[0].at_ns <= EVENING_NS else None


def _leg_id(s: Session, night: str, leg: Leg) -> int:
    query = select(LegRow.id).where(LegRow.night_id == night, LegRow.leg == leg)
    found: int = s.scalars(query).one()
    return found


def _put(s: Session, table: Any, values: dict[str, Any], key: list[str]) -> None:
    s.execute(insert(table).values(**values).on_conflict_do_update(index_elements=key, set_=values))


def _fit(text: str) -> Fit:
    values = json.loads(text)
    standing = values.pop("standing")
    problems = tuple(values.pop("problems"))
    return Fit(problems, **values, standing=None if standing is None else tuple(standing))
