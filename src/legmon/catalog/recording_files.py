"""What is known of the files of each recording: when they were verified, and what was found instead of what was sealed.

A list of nights looks only at the size and the time of each file. Where they differ from what was sealed, the night is not
verified since. `legmon.nights.custody` reads the files and compares them.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from sqlalchemy import delete, select

from legmon.catalog.models import FileRow, LegRow
from legmon.catalog.queries import bump_revision, leg_row
from legmon.catalog.rows import kept_file
from legmon.catalog.state import KeptFile
from legmon.catalog.store import Catalog
from legmon.movement import Leg


@dataclass(frozen=True, slots=True)
class Custody:
    """How many recordings are sealed, and which nights are not as they were sealed.

    Parameters
    ----------
    sealed : int
        Legs whose recording is sealed.
    oldest_ns : int or None
        When the one that was not verified for longest was verified, ns UTC; None if none is sealed.
    damaged, not_verified : tuple of str
        Nights with a recording that is damaged, and with one whose file has changed since it was verified.
    """

    sealed: int
    oldest_ns: int | None
    damaged: tuple[str, ...]
    not_verified: tuple[str, ...]


class RecordingFiles:
    """The files of the recordings in one data folder, as they were when they were verified.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def of(self, night: str, leg: Leg) -> tuple[list[KeptFile], int]:
        """Return the files of a leg, none if it is not sealed, and how many samples and missing samples it has."""
        with self._catalog.session() as s:
            row = leg_row(s, night, leg)
            if row is None:
                return [], 0
            found = s.scalars(select(FileRow).where(FileRow.leg_id == row.id).order_by(FileRow.name))
            return [kept_file(f) for f in found], row.end

    def keep(self, night: str, leg: Leg, files: Iterable[KeptFile]) -> None:
        """Replace what is known of the files of a leg."""
        with self._catalog.session() as s:
            row = leg_row(s, night, leg)
            if row is None:
                return
            before = [kept_file(f) for f in s.scalars(select(FileRow).where(FileRow.leg_id == row.id))]
            s.execute(delete(FileRow).where(FileRow.leg_id == row.id))
            files = list(files)
            for f in files:
                columns = {n: getattr(f, n) for n in KeptFile.__slots__ if n != "damage"}
                s.add(
                    FileRow(leg_id=row.id, damage=json.dumps(asdict(f.damage)) if f.damage else "", **columns)
                )
            if _seen(before) != _seen(files):
                bump_revision(s, night)
            if [_seal(f) for f in before] != [_seal(f) for f in files]:
                self._catalog.keep_beside(s, night)

    def next_to_verify(self, older_ns: int) -> tuple[str, Leg] | None:
        """Return the leg that should be verified next; None if there is none.

        Legs whose file is no longer as it was come first, then those that were not verified since `older_ns`, ns UTC.
        """
        query = select(FileRow, LegRow.night_id, LegRow.leg).join(LegRow, LegRow.id == FileRow.leg_id)
        query = query.where(LegRow.id.not_in(self._catalog.unread))
        with self._catalog.session() as s:
            rows = [
                (kept_file(f), night, cast("Leg", leg))
                for f, night, leg in s.execute(query.order_by(FileRow.verified_ns, FileRow.leg_id))
            ]
        for file, night, leg in rows:
            if file.has_changed(self.path(night, file)):
                return night, leg
        for file, night, leg in rows:
            if file.checked_ns < older_ns:
                return night, leg
        return None

    def path(self, night: str, file: KeptFile) -> Path:
        """Path of a file."""
        return self._catalog.segment(night, "left").parent / file.name

    def custody(self) -> Custody:
        """Return how many recordings are sealed, and which are not as they were sealed."""
        with self._catalog.session() as s:
            rows = list(s.scalars(select(FileRow)))
            legs, files = {r.leg_id for r in rows}, [kept_file(r) for r in rows]
        infos = self._catalog.nights()
        return Custody(
            sealed=len(legs),
            oldest_ns=min((f.verified_ns for f in files if f.damage is None), default=None),
            damaged=tuple(n.id for n in infos if n.damaged),
            not_verified=tuple(n.id for n in infos if n.faults and not n.damaged),
        )


def _seal(f: KeptFile) -> tuple[object, ...]:
    return f.name, f.size, f.mtime_ns, f.sha256, f.records_sha256


def _seen(files: Sequence[KeptFile]) -> Sequence[object]:
    """Return what of some files a report can show."""
    return sorted(
        (
            f.name,
            f.size,
            f.mtime_ns,
            f.sha256,
            f.damage.code if f.damage else "",
            f.damage.lost if f.damage else (),
        )
        for f in files
    )
