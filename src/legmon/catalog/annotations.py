"""What its owner says of a night, what was set up, and what need not be computed twice: the catalog's other half.

Nothing here changes a recording or what was found in it. Lights, labels and settings are the owner's; checks are what the fit
check found; derived rows can be made again.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from legmon.catalog.models import CheckRow, DerivedRow, LabelRow, LegRow, LightsRow, SettingsRow
from legmon.catalog.store import Catalog
from legmon.movement import NS, Leg
from legmon.night.figures import VOLUNTARY
from legmon.night.fit import Fit
from legmon.night.posture import VERSION, Posture

Lights = tuple[int | None, int | None]
EVENING_NS = 6 * 3600 * NS
"""A check this long before a night still is that night's."""


@dataclass(frozen=True, slots=True)
class Check:
    """A fit check of one leg, and when it was done."""

    leg: Leg
    at_ns: int
    fit: Fit


@dataclass(frozen=True, slots=True)
class Derived:
    """Posture of a leg's night, and the battery levels that were noted in it: (ns UTC, percent)."""

    posture: Posture
    battery: list[tuple[int, int]] = field(default_factory=list)


class Annotations:
    """The journal of one data folder.

    Parameters
    ----------
    catalog : Catalog
        Of the same folder.

    Attributes
    ----------
    revision : int
        Grows with each change that can change a night's figures.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.revision = 0
        self._engine = catalog.engine

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with Session(self._engine) as session, session.begin():
            yield session

    # settings

    def settings(self) -> dict[str, Any]:
        """What was set; empty at first."""
        with self._session() as s:
            row = s.get(SettingsRow, 1)
            return dict(json.loads(row.value)) if row else {}

    def set_settings(self, value: dict[str, Any]) -> None:
        """Replace what was set."""
        with self._session() as s:
            _put(s, SettingsRow, {"id": 1, "value": json.dumps(value)}, ["id"])

    # what the owner says of a night

    def lights(self, night: str) -> Lights:
        """When the light was off and on again, ns UTC; None where nobody said."""
        with self._session() as s:
            row = s.get(LightsRow, night)
            return (row.off_ns, row.on_ns) if row else (None, None)

    def set_lights(self, night: str, lights: Lights, now_ns: int) -> None:
        """Say when; (None, None) takes it back."""
        self.revision += 1
        with self._session() as s:
            if lights == (None, None):
                s.execute(delete(LightsRow).where(LightsRow.night_id == night))
                return
            values = {"night_id": night, "off_ns": lights[0], "on_ns": lights[1], "set_ns": now_ns}
            _put(s, LightsRow, values, ["night_id"])

    def voluntary(self, night: str) -> set[tuple[Leg, int]]:
        """Movements that the owner made on purpose: leg and first sample."""
        with self._session() as s:
            query = select(LegRow.leg, LabelRow.first).join(LabelRow, LabelRow.leg_id == LegRow.id)
            rows = s.execute(query.where(LegRow.night_id == night, LabelRow.label == VOLUNTARY))
            return {(cast("Leg", leg), first) for leg, first in rows}

    def set_voluntary(
        self, night: str, movements: list[tuple[Leg, int]], now_ns: int, *, voluntary: bool
    ) -> None:
        """Say of movements that they were made on purpose, or take it back."""
        self.revision += 1
        with self._session() as s:
            for leg, first in movements:
                leg_id = _leg_id(s, night, leg)
                s.execute(delete(LabelRow).where(LabelRow.leg_id == leg_id, LabelRow.first == first))
                if voluntary:
                    s.add(LabelRow(leg_id=leg_id, first=first, label=VOLUNTARY, set_ns=now_ns))

    # fit checks

    def add_check(self, check: Check) -> None:
        """Keep a check."""
        self.revision += 1
        with self._session() as s:
            s.add(CheckRow(leg=check.leg, at_ns=check.at_ns, result=json.dumps(asdict(check.fit))))

    def checks(self, leg: Leg | None = None, *, before_ns: int | None = None, most: int = 20) -> list[Check]:
        """Checks, the newest first."""
        query = select(CheckRow).order_by(CheckRow.at_ns.desc(), CheckRow.id.desc()).limit(most)
        if leg is not None:
            query = query.where(CheckRow.leg == leg)
        if before_ns is not None:
            query = query.where(CheckRow.at_ns <= before_ns)
        with self._session() as s:
            return [Check(cast("Leg", r.leg), r.at_ns, _fit(r.result)) for r in s.scalars(query)]

    def check_of(self, leg: Leg, started_ns: int) -> Check | None:
        """Return the last check of a leg in the hours before a night began: the check of that night."""
        found = self.checks(leg, before_ns=started_ns, most=1)
        return found[0] if found and started_ns - found[0].at_ns <= EVENING_NS else None

    # what need not be computed twice

    def derived(self, night: str, leg: Leg, make: Callable[[], Derived], *, keep: bool) -> Derived:
        """Return a leg's posture, made where it is not there; `keep` it where the night is closed."""
        with self._session() as s:
            row = s.get(DerivedRow, _leg_id(s, night, leg))
            if row is not None and row.version == VERSION:
                rows = np.frombuffer(row.rows, dtype=np.float32).reshape(-1, 6)
                posture = Posture(row.step, rows, np.frombuffer(row.envelope, dtype=np.float32), row.end)
                return Derived(posture, [(a, b) for a, b in json.loads(row.battery)])
        made = make()
        if keep:
            p = made.posture
            with self._session() as s:
                values = {
                    "leg_id": _leg_id(s, night, leg),
                    "version": VERSION,
                    "step": p.step,
                    "end": p.end,
                    "rows": p.rows.tobytes(),
                    "envelope": p.envelope.tobytes(),
                    "battery": json.dumps(made.battery),
                }
                _put(s, DerivedRow, values, ["leg_id"])
        return made


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
