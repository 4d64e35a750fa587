"""Store what the person adds to the nights: lights off and on, voluntary movements, notes, settings, and fit checks.

These additions never change a recording or the movements found in it. Each change is saved to the catalog and to an annotation
file (`legmon.catalog.annotation_files`) at once. It raises the revision of the nights it belongs to, so that every process that
uses the data folder sees it.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, cast

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from legmon.catalog.annotation_files import EVENING_NS, MOST_MARKS, stored_fit
from legmon.catalog.models import CheckRow, LightsRow, MarkRow, NightRow, NoteRow, SettingsRow
from legmon.catalog.queries import bump_revision
from legmon.catalog.rows import checked, reading, whole
from legmon.catalog.store import Catalog
from legmon.movement import Leg
from legmon.night.figures import VOLUNTARY
from legmon.night.fit import Fit
from legmon.night.marks import Mark
from legmon.outside import parse_json

Lights = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Check:
    """A fit check of one leg, and when it was made."""

    leg: Leg
    at_ns: int
    fit: Fit


@dataclass(frozen=True, slots=True)
class NightNote:
    """What the person wrote of a night, and its tags."""

    text: str = ""
    tags: tuple[str, ...] = ()


class Annotations:
    """The person's annotations in one data folder.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    @contextmanager
    def _changing(self, night: str | None = None) -> Iterator[Session]:
        """Change what was said of a night (None: of no night), in the catalog and in its file."""
        with self._catalog.session() as s:
            if night is not None:
                bump_revision(s, night)
            yield s
            self._catalog.write_annotation_file(s, night)

    # settings

    def settings(self) -> dict[str, Any]:
        """Return the settings; empty at first."""
        with self._catalog.session() as s:
            row = s.get(SettingsRow, 1)
            with reading("settings"):
                return dict(parse_json(row.value)) if row else {}

    def set_settings(self, value: dict[str, Any]) -> None:
        """Replace the settings."""
        with self._changing() as s:
            _put(s, SettingsRow, {"id": 1, "value": json.dumps(value)}, ["id"])

    # lights and marks

    def lights(self, night: str) -> Lights:
        """Return lights off and on of a night, ns UTC; None if not set."""
        with self._catalog.session() as s:
            row = s.get(LightsRow, night)
            with reading("lights"):
                return (whole(row.off_ns), whole(row.on_ns)) if row else (None, None)

    def set_lights(self, night: str, lights: Lights, now_ns: int) -> None:
        """Set lights off and on. `(None, None)` clears them."""
        with self._changing(night) as s:
            if lights == (None, None):
                s.execute(delete(LightsRow).where(LightsRow.night_id == night))
                return
            values = {"night_id": night, "off_ns": lights[0], "on_ns": lights[1], "set_ns": now_ns}
            _put(s, LightsRow, values, ["night_id"])

    def note(self, night: str) -> NightNote:
        """Return the note and the tags of a night; empty at first."""
        with self._catalog.session() as s:
            row = s.get(NoteRow, night)
            if row is None:
                return NightNote()
            with reading("a note"):
                return NightNote(row.text, tuple(map(str, parse_json(row.tags))))

    def set_note(self, night: str, note: NightNote, now_ns: int) -> None:
        """Replace the note and the tags of a night. Empty ones remove it."""
        with self._changing(night) as s:
            if note == NightNote():
                s.execute(delete(NoteRow).where(NoteRow.night_id == night))
                return
            tags = json.dumps(note.tags, ensure_ascii=False)
            _put(
                s,
                NoteRow,
                {"night_id": night, "text": note.text, "tags": tags, "set_ns": now_ns},
                ["night_id"],
            )

    def marks(self, night: str) -> list[Mark]:
        """Return the stretches of a night that the person marked as voluntary movements, in order of time."""
        query = select(MarkRow).where(MarkRow.night_id == night, MarkRow.kind == VOLUNTARY)
        with self._catalog.session() as s:
            rows = s.scalars(query.order_by(MarkRow.start_ns, MarkRow.leg).limit(MOST_MARKS))
            with reading("a mark"):
                return [Mark(cast("Leg", checked(r).leg), r.start_ns, r.end_ns, r.set_ns) for r in rows]

    def add_marks(self, night: str, marks: Iterable[Mark]) -> None:
        """Mark stretches as voluntary movements. A mark that begins where another one of its leg does replaces it."""
        with self._changing(night) as s:
            for mark in marks:
                values = {"night_id": night, "kind": VOLUNTARY, **asdict(mark)}
                _put(s, MarkRow, values, ["night_id", "leg", "start_ns"])

    def remove_marks(self, night: str, marks: Iterable[Mark]) -> None:
        """Remove marks; one that is not there is passed over."""
        with self._changing(night) as s:
            for mark in marks:
                this = (MarkRow.night_id == night, MarkRow.leg == mark.leg, MarkRow.start_ns == mark.start_ns)
                s.execute(delete(MarkRow).where(*this))

    # fit checks

    def add_check(self, check: Check) -> None:
        """Add a check; it belongs to the nights that begin in the hours after it."""
        evening = NightRow.started_ns.between(check.at_ns, check.at_ns + EVENING_NS)
        with self._changing() as s:
            s.execute(update(NightRow).where(evening).values(revision=NightRow.revision + 1))
            s.add(CheckRow(leg=check.leg, at_ns=check.at_ns, result=json.dumps(asdict(check.fit))))
            s.flush()
            for night in s.scalars(select(NightRow.id).where(evening)).all():
                self._catalog.write_annotation_file(s, night)

    def checks(self, leg: Leg | None = None, *, before_ns: int | None = None, most: int = 20) -> list[Check]:
        """Return checks, the newest first."""
        query = select(CheckRow).order_by(CheckRow.at_ns.desc(), CheckRow.id.desc()).limit(most)
        if leg is not None:
            query = query.where(CheckRow.leg == leg)
        if before_ns is not None:
            query = query.where(CheckRow.at_ns <= before_ns)
        with self._catalog.session() as s, reading("a fit check"):
            rows = [(cast("Leg", checked(r).leg), r.at_ns, stored_fit(r.result)) for r in s.scalars(query)]
        return [Check(leg, at_ns, fit) for leg, at_ns, fit in rows if fit is not None]

    def check_of(self, leg: Leg, started_ns: int) -> Check | None:
        """Return the check of a night that began at `started_ns`: the leg's last one in the hours before."""
        found = self.checks(leg, before_ns=started_ns, most=1)
        return found[0] if found and started_ns - found[0].at_ns <= EVENING_NS else None


def _put(s: Session, table: Any, values: dict[str, Any], key: list[str]) -> None:
    s.execute(insert(table).values(**values).on_conflict_do_update(index_elements=key, set_=values))
