"""Keep results that take long to compute: the posture of each leg, and the summary of each closed night under a rule set.

legmon can compute all of them again from the recordings. It does so when another version of the program made them, or when
the revision of the night has grown.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.dialects.sqlite import insert

from legmon.catalog.models import DerivedRow, LegRow, NightRow, SummaryRow
from legmon.catalog.queries import NEWEST_FIRST, leg_row, night_infos
from legmon.catalog.state import NightInfo
from legmon.catalog.store import Catalog
from legmon.movement import Leg
from legmon.night import posture
from legmon.night.posture import Posture
from legmon.outside import is_int, parse_json
from legmon.recording.records import MOST_SAMPLES

BatteryLevels = list[tuple[int, int]]
"""The battery levels of a night: (time in ns UTC, percent)."""


@dataclass(frozen=True, slots=True)
class Derived:
    """Posture of a leg's night, and the battery levels that were noted in it."""

    posture: Posture
    battery: BatteryLevels = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class KeptSummary:
    """A summary (JSON) of a night, and the state of the files (JSON) that gave less than the whole night; empty else."""

    value: str
    files: str = ""


class DerivedData:
    """Postures and summaries in the catalog of one data folder.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    version : str
        The version of the program that makes summaries. Summaries of other versions are made again.
    """

    def __init__(self, catalog: Catalog, version: str) -> None:
        self._catalog = catalog
        self._version = version

    # postures

    def posture(self, night: str, leg: Leg) -> Derived | None:
        """Return the stored data of a leg; None if there are none."""
        query = select(DerivedRow).join(LegRow, LegRow.id == DerivedRow.leg_id)
        query = query.where(
            LegRow.night_id == night, LegRow.leg == leg, DerivedRow.version == posture.VERSION
        )
        with self._catalog.session() as s:
            row = s.scalars(query).one_or_none()
            if row is None:
                return None
            try:
                return _derived(row)
            except (ValueError, TypeError):  # damaged: it is read from the recording again
                return None

    def battery(self, night: str, leg: Leg) -> BatteryLevels | None:
        """Return the stored battery levels of a leg, without its posture; None if there are none."""
        query = select(DerivedRow.battery).join(LegRow, LegRow.id == DerivedRow.leg_id)
        query = query.where(
            LegRow.night_id == night, LegRow.leg == leg, DerivedRow.version == posture.VERSION
        )
        with self._catalog.session() as s:
            text = s.scalars(query).one_or_none()
        try:
            return None if text is None else _battery(text)
        except (ValueError, TypeError):
            return None

    def keep_posture(self, night: str, leg: Leg, derived: Derived) -> bool:
        """Keep a leg's posture if it reaches the end of the leg; return whether it does.

        A posture that ends early was read while the file was away or could not be read to its end.
        """
        p = derived.posture
        with self._catalog.session() as s:
            row = leg_row(s, night, leg)
            if row is None or p.end != row.end:
                return False
            values = {
                "leg_id": row.id,
                "version": posture.VERSION,
                "step": p.step,
                "end": p.end,
                "rows": p.rows.tobytes(),
                "envelope": p.envelope.tobytes(),
                "battery": json.dumps(derived.battery),
            }
            into = insert(DerivedRow).values(**values)
            s.execute(into.on_conflict_do_update(index_elements=["leg_id"], set_=values))
        return True

    # summaries

    def summaries(self, nights: Iterable[NightInfo], rules: str) -> dict[str, KeptSummary]:
        """Return the summaries of these nights under a rule set, by night; a night without a valid one is missing."""
        names = [n.id for n in nights]
        query = select(SummaryRow.night_id, SummaryRow.value, SummaryRow.files).join(NightRow, self._valid())
        query = query.where(SummaryRow.rules == rules, SummaryRow.night_id.in_(names))
        with self._catalog.session() as s:
            return {night: KeptSummary(value, files) for night, value, files in s.execute(query)}

    def keep_summary(self, info: NightInfo, rules: str, summary: KeptSummary) -> None:
        """Keep the summary of a night as it was at the revision of `info`; nothing happens if the night is gone."""
        values = {
            "night_id": info.id,
            "rules": rules,
            "version": self._version,
            "revision": info.revision,
            "files": summary.files,
            "value": summary.value,
        }
        with self._catalog.session() as s:
            if s.get(NightRow, info.id) is not None:
                into = insert(SummaryRow).values(**values)
                s.execute(into.on_conflict_do_update(index_elements=["night_id", "rules"], set_=values))

    def without_summaries(self, count: int, limit: int) -> list[NightInfo]:
        """Return closed nights with fewer than `count` valid summaries, the newest first."""
        kept = select(func.count()).select_from(SummaryRow).where(self._valid()).scalar_subquery()
        query = select(NightRow).where(NightRow.state == "closed", kept < count).order_by(*NEWEST_FIRST)
        with self._catalog.session() as s:
            return night_infos(s, query.limit(limit), self._catalog.folder)

    def partial_summaries(self) -> list[tuple[str, str]]:
        """Return the nights with summaries that do not come from the whole night, each with the state of its files (JSON)."""
        query = select(SummaryRow.night_id, SummaryRow.files).join(NightRow, self._valid()).distinct()
        with self._catalog.session() as s:
            return [(night, files) for night, files in s.execute(query.where(SummaryRow.files != ""))]

    def _valid(self) -> ColumnElement[bool]:
        return and_(
            SummaryRow.night_id == NightRow.id,
            SummaryRow.revision == NightRow.revision,
            SummaryRow.version == self._version,
        )

    def comparable(
        self, night: NightInfo, *, least_s: float, coverage: float, skip: int, limit: int
    ) -> list[NightInfo]:
        """Return closed nights before a night that may be compared with it, the newest first.

        Parameters
        ----------
        least_s : float
            How long they were recorded at least.
        coverage : float
            Which share of it has samples at least.
        skip, limit : int
            How many to leave out, and how many to return at most.
        """
        query = select(NightRow).where(
            NightRow.state == "closed",
            NightRow.started_ns < night.started_ns,
            NightRow.detector == night.detector,
            NightRow.duration_ns >= least_s * 1e9,
            NightRow.analysed_ns >= coverage * NightRow.duration_ns,
        )
        with self._catalog.session() as s:
            return night_infos(
                s, query.order_by(*NEWEST_FIRST).offset(skip).limit(limit), self._catalog.folder
            )


def _derived(row: DerivedRow) -> Derived:
    rows = np.frombuffer(row.rows, dtype=np.float32).reshape(-1, 6)
    envelope = np.frombuffer(row.envelope, dtype=np.float32)
    if not (is_int(row.step, 10, 100_000) and is_int(row.end, 0, MOST_SAMPLES)):
        raise ValueError("a posture that legmon did not write")
    return Derived(Posture(row.step, rows, envelope, row.end), _battery(row.battery))


def _battery(text: str) -> BatteryLevels:
    levels = [(at, percent) for at, percent in parse_json(text)]
    if not all(is_int(at) and is_int(percent, 0, 999) for at, percent in levels):
        raise ValueError("battery levels that legmon did not write")
    return levels
