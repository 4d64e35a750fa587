"""Read and write the catalog of one data folder."""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Engine, func, select, tuple_
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.orm import Session

from legmon.catalog.database import PASSING, LaterError, catalog_fault, migrate, open_database
from legmon.catalog.models import (
    AnchorRow,
    GapRow,
    LegRow,
    MovementRow,
    NightRow,
    RecorderRow,
    WantedRow,
)
from legmon.catalog.queries import (
    NEWEST_FIRST,
    bump_revision,
    count_movements,
    leg_row,
    night_infos,
    replace_rows,
    upsert_row,
)
from legmon.catalog.report_file import ReportFile
from legmon.catalog.rows import leg_track, movement_values, quality_text, recorder_state, recorder_values
from legmon.catalog.state import EndedBy, Mode, NightInfo, RecorderState, Wanted
from legmon.errors import LegmonError
from legmon.messages import CATALOG_ADVICE
from legmon.movement import Leg, Legs
from legmon.night.track import LegTrack
from legmon.recording.records import Meta
from legmon.scoring.result import Scored
from legmon.timeline.clock import Anchor

FILE = "catalog.sqlite"
BRIEF_MS = 500
"""How long what the recorder writes regularly waits for another writer, ms. It is tried again soon, and the page waits for it."""
CAPTURE = "capture"
"""Address of the sensor in a night that was recorded from a capture file."""
NO_NIGHTS = "There are no nights here yet."
LATER = "install that version, or name another folder with --data"

OTHERS = 0o077
"""The mode bits of the group and of all other users."""


class CatalogError(LegmonError):
    """The catalog cannot be used. The message names what to do."""


class UnavailableError(CatalogError):
    """The catalog cannot be used at the moment. The caller may try again."""

    status = 1


def catalog_trouble(folder: Path, error: DBAPIError) -> str:
    """Return why SQLite refuses the catalog of a data folder, and what to do."""
    return f"{folder / FILE} cannot be used ({error.orig}); {CATALOG_ADVICE[catalog_fault(error)]}"


def make_private(folder: Path) -> None:
    """Remove the rights of other users to a folder and everything in it, if this user owns it.

    Only a folder that others can look into is walked through: in a private one nobody reaches the files.
    """
    if os.name != "posix" or folder.stat().st_uid != os.getuid() or not folder.stat().st_mode & OTHERS:
        return
    folder.chmod(0o700)
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # deleted meanwhile, or owned by somebody else
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o7777 & ~OTHERS)


class Catalog:
    """The catalog of one data folder.

    Parameters
    ----------
    folder : Path
        The data folder. It is created if it does not exist.

    Raises
    ------
    CatalogError
        If the folder cannot be written or the file is not a catalog, or one of a later version.
    UnavailableError
        If the file is locked for longer than a writer waits, or the disk is full or fails.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            make_private(folder)
        except OSError as e:
            raise CatalogError(
                f"the data folder {folder} cannot be made ({e.strerror}); name another with --data"
            ) from e
        if not os.access(folder, os.W_OK):
            raise CatalogError(f"the data folder {folder} cannot be written; name another with --data")
        file = folder / FILE
        with contextlib.suppress(OSError):  # if it cannot be made, SQLite says why
            os.close(
                os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
            )  # SQLite's own files beside it get the same mode
        self._engine, self._lasting = open_database(file), open_database(file, lasting=True)
        self._brief = open_database(file, wait_ms=BRIEF_MS)
        self.report_file = ReportFile(folder)
        self._unread: set[int] = set()  # legs whose file could not be read to verify it
        try:
            migrate(self._engine)
        except DatabaseError as e:
            self.close()
            why = catalog_fault(e)
            kind = UnavailableError if why in PASSING else CatalogError
            raise kind(catalog_trouble(folder, e)) from e
        except LaterError as e:
            self.close()
            raise CatalogError(f"{file} was made by a later version of legmon; {LATER}") from e

    def close(self) -> None:
        """Close the file."""
        for engine in (self._engine, self._lasting, self._brief):
            engine.dispose()

    @property
    def engine(self) -> Engine:
        """The open database, for the other parts of the catalog."""
        return self._engine

    @contextmanager
    def _session(self, *, lasting: bool = False, brief: bool = False) -> Iterator[Session]:
        engine = self._lasting if lasting else self._brief if brief else self._engine
        with Session(engine) as session, session.begin():
            yield session

    def segment(self, night: str, leg: str) -> Path:
        """Path of a leg's recording."""
        return self.folder / "nights" / night / f"{leg}.seg"

    def check_segment(self, leg: str) -> Path:
        """Path of a leg's recording while its signal is only checked."""
        return self.folder / "check" / f"{leg}.seg"

    # nights

    def begin(
        self,
        night: str,
        *,
        started_ns: int,
        zone: tuple[str, int],
        simulated: bool,
        rules: str,
        detector: str,
    ) -> str:
        """Add a night that begins. A power cut does not lose it.

        Parameters
        ----------
        night : str
            The id wanted; a number is appended if it is taken.
        started_ns : int
            Its start, ns UTC, until samples say better.
        zone : (str, int)
            Name of the time zone and its offset from UTC in seconds.

        Returns
        -------
        str
            The id.
        """
        with self._session(lasting=True) as s:
            taken = set(s.scalars(select(NightRow.id)))
            name, n = night, 2
            while name in taken or (self.folder / "nights" / name).exists():
                name, n = f"{night}-{n}", n + 1
            s.add(
                NightRow(
                    id=name,
                    state="recording",
                    simulated=simulated,
                    zone_name=zone[0],
                    utc_offset_s=zone[1],
                    rules=rules,
                    detector=detector,
                    started_ns=started_ns,
                )
            )
            return name

    def add_leg(self, meta: Meta) -> None:
        """Add a leg of a night unless it is there. A power cut does not lose it."""
        with self._session(lasting=True) as s:
            if leg_row(s, meta.night, meta.leg) is None:
                s.add(
                    LegRow(
                        night_id=meta.night,
                        leg=meta.leg,
                        sensor=meta.sensor,
                        address=meta.address,
                        declared_hz=meta.declared_hz,
                        scale_ug=meta.scale_ug,
                        loss=meta.loss,
                    )
                )

    def save(
        self,
        night: str,
        tracks: Iterable[tuple[LegTrack, int]],
        scored: Scored | None,
        *,
        closed: bool = False,
        ended_by: EndedBy = "",
    ) -> None:
        """Write what is known of a night in one transaction, and replace what was there.

        Parameters
        ----------
        night : str
            Its id.
        tracks : iterable of (LegTrack, int)
            Each leg with the number of samples recorded.
        scored : Scored or None
            The night under its rules; None before there are samples.
        closed : bool
            Whether the night is over, and this is its result.
        ended_by : {"", "charger", "risen"}
            Why it ended by itself.
        """
        with self._session(brief=True) as s:
            row = s.get_one(NightRow, night)
            for track, samples in tracks:
                leg = leg_row(s, night, track.leg)
                if leg is None:
                    raise ValueError(f"night {night} has no {track.leg} leg")
                leg.end, leg.samples = track.end, samples
                leg.quality = quality_text(track.quality)
                # movements are final: those that are there stay as they are
                there = 0 if closed else count_movements(s, leg.id)
                replace_rows(
                    s, leg.id, MovementRow, map(movement_values, track.movements[there:]), kept=there
                )
                replace_rows(s, leg.id, GapRow, (asdict(h) for h in track.gaps))
                replace_rows(s, leg.id, AnchorRow, (asdict(a) for a in track.anchors))
            if scored is not None:
                i = scored.indices
                row.started_ns = scored.origin_ns
                row.duration_ns, row.analysed_ns = scored.duration_ns, scored.analysed_ns
                row.movements, row.candidates = i.movements, i.candidates
                row.periodic, row.series = i.periodic, i.series
            row.ended_by, row.state = ended_by, "closed" if closed else row.state
            bump_revision(s, night)

    def nights(self, limit: int | None = None, *, before: str | None = None) -> list[NightInfo]:
        """Return nights, the newest first, with two statements however many there are.

        Parameters
        ----------
        limit : int, optional
            How many at most.
        before : str, optional
            Only nights that began before this one.

        Raises
        ------
        CatalogError
            If there is no night `before`.
        """
        with self._session() as s:
            page = select(NightRow).order_by(*NEWEST_FIRST)
            if before is not None:
                page = page.where(_place(NightRow) < self._place_of(s, before))
            return night_infos(s, page.limit(limit))

    def named(self, nights: Iterable[str]) -> list[NightInfo]:
        """Return the nights of these ids, the newest first; an id without a night is left out."""
        with self._session() as s:
            query = select(NightRow).where(NightRow.id.in_(list(nights))).order_by(*NEWEST_FIRST)
            return night_infos(s, query)

    def count(self) -> int:
        """Count the nights."""
        with self._session() as s:
            return s.scalars(select(func.count()).select_from(NightRow)).one()

    def night(self, night: str) -> NightInfo:
        """Return one night; ``last`` is the newest.

        Raises
        ------
        CatalogError
            If there is none of this name.
        """
        with self._session() as s:
            newest = select(NightRow).order_by(*NEWEST_FIRST).limit(1)
            found = night_infos(
                s, newest if night == "last" else select(NightRow).where(NightRow.id == night)
            )
            if found:
                return found[0]
            if s.scalars(newest).one_or_none() is None:
                raise CatalogError(f"{NO_NIGHTS} ({self.folder})")
        raise self._unknown(night)

    def neighbours(self, night: str) -> tuple[str | None, str | None]:
        """Return the ids of the nights before and after a night, None if there is none."""
        with self._session() as s:
            at, place = self._place_of(s, night), _place(NightRow)
            before = select(NightRow.id).where(place < at).order_by(*NEWEST_FIRST)
            after = select(NightRow.id).where(place > at).order_by(NightRow.started_ns, NightRow.id)
            return s.scalars(before.limit(1)).one_or_none(), s.scalars(after.limit(1)).one_or_none()

    def _place_of(self, s: Session, night: str) -> Any:
        """Return the place of a night in the list, for a comparison in SQL."""
        row = s.get(NightRow, night)
        if row is None:
            raise self._unknown(night)
        return tuple_(row.started_ns, row.id)

    def _unknown(self, night: str) -> CatalogError:
        return CatalogError(f"there is no night {night!r} in {self.folder}; `legmon nights` lists them")

    def anchors(self, night: str) -> dict[Leg, list[Anchor]]:
        """Return how the samples of each leg of a night map to time, with one statement; no leg without an anchor."""
        found: dict[Leg, list[Anchor]] = {}
        query = select(LegRow.leg, AnchorRow.first, AnchorRow.utc_ns, AnchorRow.rate_hz).join(AnchorRow)
        with self._session() as s:
            rows = s.execute(query.where(LegRow.night_id == night).order_by(LegRow.leg, AnchorRow.first))
            for leg, first, utc_ns, rate_hz in rows:
                found.setdefault(cast("Leg", leg), []).append(Anchor(first, utc_ns, rate_hz))
        return found

    def has_movements(self, night: str, movements: Iterable[tuple[Leg, int]]) -> bool:
        """Whether a night has all these movements: leg and first sample."""
        query = select(LegRow.leg, MovementRow.first).join(MovementRow).where(LegRow.night_id == night)
        with self._session() as s:
            known = {(leg, first) for leg, first in s.execute(query)}
        return set(movements) <= known

    def tracks(self, night: str) -> list[LegTrack]:
        """Return what is known of each leg of a night."""
        with self._session() as s:
            row = s.get_one(NightRow, night)
            return [leg_track(leg, simulated=row.simulated) for leg in row.legs]

    def scales(self, night: str) -> dict[Leg, tuple[float, int]]:
        """Return the declared rate (Hz) and scale (µg/LSB) of each leg of a night."""
        with self._session() as s:
            return {cast("Leg", r.leg): (r.declared_hz, r.scale_ug) for r in s.get_one(NightRow, night).legs}

    def unsealed(self) -> tuple[str, Leg] | None:
        """Return a leg of a closed night whose file has not been verified."""
        with self._session() as s:
            query = select(LegRow).join(NightRow).where(NightRow.state == "closed", LegRow.sealed.is_(None))
            query = query.where(LegRow.id.not_in(self._unread)).order_by(NightRow.started_ns.desc())
            row = s.scalars(query.limit(1)).one_or_none()
            return (row.night_id, cast("Leg", row.leg)) if row else None

    def seal(self, night: str, leg: Leg, digest: str | None) -> None:
        """Write the SHA-256 of a leg's file.

        Parameters
        ----------
        digest : str or None
            Empty if the file differs from what was written. None if it could not be read: this catalog does not return the
            leg from `unsealed` again.
        """
        with self._session(brief=True) as s:
            row = leg_row(s, night, leg)
            if row is None:
                return
            if digest is None:
                self._unread.add(row.id)
            else:
                row.sealed = digest
                if not digest:
                    bump_revision(s, night)

    def captures(self) -> list[NightInfo]:
        """Return the nights that were recorded from a capture file and not over the air, the newest first."""
        query = select(NightRow).where(NightRow.legs.any(LegRow.address == CAPTURE)).order_by(*NEWEST_FIRST)
        with self._session() as s:
            return night_infos(s, query)

    def discard(self, night: str) -> None:
        """Remove a night and its folder: one without a sample, or one that can be simulated again."""
        with self._session() as s:
            s.delete(s.get_one(NightRow, night))
        shutil.rmtree(self.segment(night, "left").parent, ignore_errors=True)

    # the desired state, and the recorder's report

    def want(self, mode: Mode, leg: Legs | None = None) -> None:
        """Set the desired state: stop, check the signal, or record a night, on these legs (None: whatever is there)."""
        with self._session() as s:
            upsert_row(s, WantedRow, {"id": 1, "mode": mode, "leg": leg, "asked_ns": time.time_ns()})

    def choose(self, sensors: dict[Leg, str]) -> None:
        """Set the address of each leg's sensor; a leg that is left out takes whatever is there."""
        with self._session() as s:
            row = s.get(WantedRow, 1) or WantedRow(id=1, mode="off")
            row.sensors, row.asked_ns = json.dumps(sensors), time.time_ns()
            s.add(row)

    def wanted(self) -> Wanted:
        """Return the desired state."""
        with self._session() as s:
            row = s.get(WantedRow, 1)
            if row is None:
                return Wanted()
            legs = cast("Legs | None", row.leg)
            return Wanted(cast("Mode", row.mode), legs, json.loads(row.sensors), row.asked_ns)

    def report(self, state: RecorderState) -> None:
        """Write the recorder's report. Where that fails, `report_file` can keep it."""
        with self._session(brief=True) as s:
            upsert_row(s, RecorderRow, recorder_values(state))

    def recorder(self) -> RecorderState | None:
        """Return the recorder's last report; None if no recorder has used this folder.

        It is in a file outside of the catalog while the catalog cannot be written; the newer of the two counts.
        """
        outside = self.report_file.read()
        try:
            with self._session() as s:
                row = s.get(RecorderRow, 1)
                inside = recorder_state(row) if row else None
        except DBAPIError:
            if outside is None:
                raise
            return outside
        return max((x for x in (inside, outside) if x), key=lambda x: x.seen_ns, default=None)


def _place(row: type[NightRow]) -> Any:
    """Return the place of a night in the list, for a comparison in SQL."""
    return tuple_(row.started_ns, row.id)
