"""Read and write the catalog of one data folder."""

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Engine, event, func, select, tuple_
from sqlalchemy.orm import Session

from legmon.catalog.annotation_files import (
    LONGEST,
    NAME,
    AnnotationFileError,
    folder_values,
    load_night_annotations,
    night_values,
    put_back,
    write_annotations,
)
from legmon.catalog.file import (
    CATALOG_ERRORS,
    CatalogError,
    CatalogFile,
    DiskFullError,
    Renewal,
    UnavailableError,
)
from legmon.catalog.models import (
    AnchorRow,
    FileRow,
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
from legmon.catalog.rows import (
    leg_track,
    movement_values,
    quality_text,
    reading,
    recorder_state,
    recorder_values,
    wanted_state,
)
from legmon.catalog.state import BOTH, EndedBy, Mode, NightInfo, RecorderState, Wanted
from legmon.errors import LegmonError
from legmon.movement import Leg, Legs
from legmon.night.track import LegTrack
from legmon.outside import read_outside
from legmon.quoting import shortened
from legmon.recording.files import FULL, first_file, holds_recording
from legmon.recording.records import Meta
from legmon.scoring.result import Scored
from legmon.timeline.clock import Anchor

CAPTURE = "capture"
"""Address of the sensor in a night that was recorded from a capture file."""
NO_NIGHTS = "There are no nights here yet."

log = logging.getLogger(__name__)


class UnknownNightError(CatalogError):
    """The catalog has no such night."""


class Catalog:
    """The catalog of one data folder.

    Parameters
    ----------
    folder : Path
        The data folder. It is created if it does not exist. A folder that cannot be written can be read all the same; then
        `read_only` is True.
    check : bool
        Whether to check the whole file for damage first.

    Raises
    ------
    CatalogError
        If the folder cannot be made, the file is not a catalog, or it is one of a later version.
    UnavailableError
        If the file is locked for longer than a writer waits, or the disk is full or fails.
    """

    def __init__(self, folder: Path, *, check: bool = False) -> None:
        self.folder = folder
        self._file = CatalogFile(folder, check=check)
        self.report_file = ReportFile(folder)
        self.unread: set[int] = set()
        """Legs whose recording could not be read to verify it."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def engine(self) -> Engine:
        """The open database."""
        return self._file.engine

    @property
    def read_only(self) -> bool:
        """Whether the data folder cannot be written."""
        return self._file.read_only

    @property
    def renewal(self) -> Renewal | None:
        """The last time that this process had to make a new catalog; None if it never had to."""
        return self._file.renewal

    @property
    def openings(self) -> int:
        """How often this process opened a file: once, and once for each time that another file took its place."""
        return self._file.openings

    @property
    def session(self) -> Callable[..., AbstractContextManager[Session]]:
        """Open a transaction; see `CatalogFile.session`."""
        return self._file.session

    def write_annotation_file(self, s: Session, night: str | None) -> None:
        """Write the annotation file of a night, or of the data folder, as this transaction leaves it.

        Raises
        ------
        UnavailableError
            If it cannot be written. The transaction must not be committed then.
        CatalogError
            If the data folder can only be read, or a later version wrote the file.
        """
        if self.read_only:
            raise CatalogError(
                f"the data folder {self.folder} can only be read; nothing can be changed in it"
            )
        s.flush()
        path = self.folder / NAME if night is None else self.annotation_file(night)
        try:
            before = _content(path)
            # a transaction that cannot be committed has not been said either
            event.listen(s, "after_rollback", lambda _: put_back(path, before), once=True)
            write_annotations(path, folder_values(s) if night is None else night_values(s, night))
        except AnnotationFileError as e:
            raise CatalogError(str(e)) from e
        except OSError as e:
            kind = DiskFullError if e.errno in FULL else UnavailableError
            raise kind(
                f"what you said cannot be stored in {self.folder} ({e.strerror}); check the disk, then try again"
            ) from e

    def annotation_file(self, night: str) -> Path:
        """Path of the annotation file of a night."""
        return self.folder / "nights" / night / NAME

    def segment(self, night: str, leg: str) -> Path:
        """Path that names a leg's recording; `legmon.recording.files.leg_files` returns the files that hold it."""
        return first_file(self.folder, night, leg)

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
        with self.session(lasting=True) as s:
            taken = set(s.scalars(select(NightRow.id)))
            name, n = night, 2
            while name in taken or (self.folder / "nights" / name).exists():
                name, n = f"{night}-{n}", n + 1
            row = NightRow(id=name, state="recording", simulated=simulated, zone_name=zone[0])
            row.utc_offset_s, row.rules, row.detector, row.started_ns = zone[1], rules, detector, started_ns
            s.add(row)
            self.keep_beside(s, name)
            return name

    def unknown_recordings(self) -> list[str]:
        """Return the nights that have a recording in the data folder and are not in the catalog, the newest name first."""
        with self.session() as s:
            known = set(s.scalars(select(NightRow.id)))
        try:
            folders = [e.name for e in os.scandir(self.folder / "nights") if e.name not in known]
        except OSError:
            return []
        return sorted((n for n in folders if self.has_recording(n)), reverse=True)

    def has_recording(self, night: str) -> bool:
        """Whether a night has the file of a leg."""
        return holds_recording(self.folder / "nights" / night)

    def keep_beside(self, s: Session, night: str | None) -> None:
        """Write the annotation file of a night, or of the data folder. A night is recorded even if that fails."""
        try:
            self.write_annotation_file(s, night)
        except LegmonError as e:
            log.warning("an annotation file cannot be written: %s", e)

    def add_leg(self, meta: Meta) -> None:
        """Add a leg of a night unless it is there. A power cut does not lose it."""
        with self.session(lasting=True) as s:
            _add_leg(s, meta)

    def add_night(
        self,
        info: NightInfo,
        legs: Iterable[tuple[Meta, LegTrack, int]],
        scored: Scored | None,
        annotations: Mapping[str, Any],
    ) -> int:
        """Add a night that a new catalog does not know, all of it in one transaction; nothing happens if it is there.

        Parameters
        ----------
        info : NightInfo
            The night; its counts come from `scored`.
        legs : iterable of (Meta, LegTrack, int)
            Each leg: the description of its recording, what was found in it, and how many samples it has.
        scored : Scored or None
            The night under its rules; None without samples.
        annotations : mapping
            What the person said of it: the content of its annotation file.

        Returns
        -------
        int
            How many entries of the annotation file were left out, because they are not what legmon writes.
        """
        columns = {c.name: getattr(info, c.name) for c in NightRow.__table__.columns}
        with self.session(lasting=True) as s:
            if s.get(NightRow, info.id) is not None:
                return 0
            s.add(NightRow(**columns))
            s.flush()
            found = list(legs)
            for meta, _, _ in found:
                _add_leg(s, replace(meta, night=info.id))
            left_out = load_night_annotations(s, info.id, annotations)
            self._save(s, info.id, [(t, n) for _, t, n in found], scored, closed=info.state == "closed")
            return left_out

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
        with self.session(brief=True) as s:
            row = self._row(s, night)
            has_changed = row.ended_by != ended_by
            row.ended_by = ended_by
            self._save(s, night, tracks, scored, closed=closed)
            if has_changed or closed:
                self.keep_beside(s, night)

    def _save(
        self,
        s: Session,
        night: str,
        tracks: Iterable[tuple[LegTrack, int]],
        scored: Scored | None,
        *,
        closed: bool,
    ) -> None:
        row = s.get_one(NightRow, night)
        for track, samples in tracks:
            leg = leg_row(s, night, track.leg)
            if leg is None:
                raise ValueError(f"night {night} has no {track.leg} leg")
            leg.end, leg.samples = track.end, samples
            leg.quality = quality_text(track.quality)
            # movements are final: those that are there stay as they are
            there = 0 if closed else count_movements(s, leg.id)
            replace_rows(s, leg.id, MovementRow, map(movement_values, track.movements[there:]), kept=there)
            replace_rows(s, leg.id, GapRow, (asdict(h) for h in track.gaps))
            replace_rows(s, leg.id, AnchorRow, (asdict(a) for a in track.anchors))
        if scored is not None:
            i = scored.indices
            row.started_ns = scored.origin_ns
            row.duration_ns, row.analysed_ns = scored.duration_ns, scored.analysed_ns
            row.movements, row.candidates = i.movements, i.candidates
            row.periodic, row.series = i.periodic, i.series
        row.state = "closed" if closed else row.state
        bump_revision(s, night)

    def nights(self, limit: int | None = None, *, before: str | None = None) -> list[NightInfo]:
        """Return nights, the newest first, with three statements however many there are.

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
        with self.session() as s:
            page = select(NightRow).order_by(*NEWEST_FIRST)
            if before is not None:
                page = page.where(_place(NightRow) < self._place_of(s, before))
            return night_infos(s, page.limit(limit), self.folder)

    def named(self, nights: Iterable[str]) -> list[NightInfo]:
        """Return the nights of these ids, the newest first; an id without a night is left out."""
        with self.session() as s:
            query = select(NightRow).where(NightRow.id.in_(list(nights))).order_by(*NEWEST_FIRST)
            return night_infos(s, query, self.folder)

    def count(self) -> int:
        """Count the nights."""
        with self.session() as s:
            return s.scalars(select(func.count()).select_from(NightRow)).one()

    def night(self, night: str) -> NightInfo:
        """Return one night; ``last`` is the newest.

        Raises
        ------
        CatalogError
            If there is none of this name.
        """
        with self.session() as s:
            newest = select(NightRow).order_by(*NEWEST_FIRST).limit(1)
            one = newest if night == "last" else select(NightRow).where(NightRow.id == night)
            found = night_infos(s, one, self.folder)
            if found:
                return found[0]
            if s.scalars(newest).one_or_none() is None:
                raise UnknownNightError(f"{NO_NIGHTS} ({self.folder})")
        raise self._unknown(night)

    def neighbours(self, night: str) -> tuple[str | None, str | None]:
        """Return the ids of the nights before and after a night, None if there is none."""
        with self.session() as s:
            at, place = self._place_of(s, night), _place(NightRow)
            before = select(NightRow.id).where(place < at).order_by(*NEWEST_FIRST)
            after = select(NightRow.id).where(place > at).order_by(NightRow.started_ns, NightRow.id)
            return s.scalars(before.limit(1)).one_or_none(), s.scalars(after.limit(1)).one_or_none()

    def legs_before(self, night: str) -> list[tuple[Leg, ...]]:
        """Return the legs of each night that began before a night."""
        with self.session() as s:
            query = select(NightRow.id, LegRow.leg).outerjoin(LegRow).order_by(LegRow.leg)
            query = query.where(_place(NightRow) < self._place_of(s, night))
            found: dict[str, list[Leg]] = {}
            for name, leg in s.execute(query):
                found.setdefault(name, []).extend(side for side in BOTH if side == leg)
            return [tuple(legs) for legs in found.values()]

    def _place_of(self, s: Session, night: str) -> Any:
        """Return the place of a night in the list, for a comparison in SQL."""
        row = s.get(NightRow, night)
        if row is None:
            raise self._unknown(night)
        return tuple_(row.started_ns, row.id)

    def _row(self, s: Session, night: str) -> NightRow:
        row = s.get(NightRow, night)
        if row is None:
            raise self._unknown(night)
        return row

    def _unknown(self, night: str) -> CatalogError:
        return UnknownNightError(f"there is no night {night!r} in {self.folder}; `legmon nights` lists them")

    def anchors(self, night: str) -> dict[Leg, list[Anchor]]:
        """Return how the samples of each leg of a night map to time, with one statement; no leg without an anchor."""
        found: dict[Leg, list[Anchor]] = {}
        query = select(LegRow.leg, AnchorRow.first, AnchorRow.utc_ns, AnchorRow.rate_hz).join(AnchorRow)
        with self.session() as s:
            rows = s.execute(query.where(LegRow.night_id == night).order_by(LegRow.leg, AnchorRow.first))
            for leg, first, utc_ns, rate_hz in rows:
                found.setdefault(cast("Leg", leg), []).append(Anchor(first, utc_ns, rate_hz))
        return found

    def tracks(self, night: str) -> list[LegTrack]:
        """Return what is known of each leg of a night."""
        with self.session() as s:
            row = self._row(s, night)
            return [leg_track(leg, simulated=row.simulated, detector=row.detector) for leg in row.legs]

    def scales(self, night: str) -> dict[Leg, tuple[float, int]]:
        """Return the declared rate (Hz) and scale (µg/LSB) of each leg of a night."""
        with self.session() as s:
            return {cast("Leg", r.leg): (r.declared_hz, r.scale_ug) for r in self._row(s, night).legs}

    def unsealed(self) -> tuple[str, Leg] | None:
        """Return a leg of a closed night whose recording has not been verified, or not been packed."""
        with self.session() as s:
            done = select(FileRow.leg_id).where(FileRow.name.like("%.sealed") | (FileRow.damage != ""))
            query = select(LegRow).join(NightRow).where(NightRow.state == "closed", LegRow.id.not_in(done))
            query = query.where(LegRow.id.not_in(self.unread)).order_by(NightRow.started_ns.desc())
            row = s.scalars(query.limit(1)).one_or_none()
            return (row.night_id, cast("Leg", row.leg)) if row else None

    def set_unread(self, night: str, leg: Leg) -> None:
        """Note that a leg's recording cannot be read now: this catalog does not return the leg from `unsealed` again."""
        with self.session() as s:
            row = leg_row(s, night, leg)
            if row is not None:
                self.unread.add(row.id)

    def captures(self) -> list[NightInfo]:
        """Return the nights that were recorded from a capture file and not over the air, the newest first."""
        query = select(NightRow).where(NightRow.legs.any(LegRow.address == CAPTURE)).order_by(*NEWEST_FIRST)
        with self.session() as s:
            return night_infos(s, query, self.folder)

    def discard(self, night: str) -> None:
        """Remove a night and its folder: one of which nothing was recorded or said, or one that can be simulated again."""
        with self.session() as s:
            row = s.get(NightRow, night)
            if row is not None:
                s.delete(row)
        shutil.rmtree(self.segment(night, "left").parent, ignore_errors=True)

    # the desired state, and the recorder's report

    def want(self, mode: Mode, leg: Legs | None = None) -> None:
        """Set the desired state: stop, check the signal, or record a night, on these legs (None: whatever is there)."""
        with self.session() as s:
            upsert_row(s, WantedRow, {"id": 1, "mode": mode, "leg": leg, "asked_ns": time.time_ns()})
            self.keep_beside(s, None)

    def choose(self, sensors: dict[Leg, str]) -> None:
        """Set the address of each leg's sensor; a leg that is left out takes whatever is there."""
        with self.session() as s:
            row = s.get(WantedRow, 1) or WantedRow(id=1, mode="off")
            row.sensors, row.asked_ns = json.dumps(sensors), time.time_ns()
            s.add(row)
            self.write_annotation_file(s, None)

    def wanted(self) -> Wanted:
        """Return the desired state."""
        with self.session() as s:
            row = s.get(WantedRow, 1)
            if row is None:
                return Wanted()
            with reading("what was asked for"):
                return wanted_state(row)

    def report(self, state: RecorderState) -> None:
        """Write the recorder's report. Where that fails, `report_file` can keep it."""
        with self.session(brief=True) as s:
            upsert_row(s, RecorderRow, recorder_values(state))

    def recorder(self) -> RecorderState | None:
        """Return the recorder's last report; None if no recorder has used this folder.

        It is in a file outside of the catalog while the catalog cannot be written; the newer of the two counts.
        """
        outside = self.report_file.read()
        try:
            with self.session() as s:
                row = s.get(RecorderRow, 1)
                inside = _state_of(row)
        except CATALOG_ERRORS:
            if outside is None:
                raise
            return outside
        return max((x for x in (inside, outside) if x), key=lambda x: x.seen_ns, default=None)


def _content(path: Path) -> bytes | None:
    """Return the content of an annotation file; None if there is none that this version reads, which is then kept elsewhere."""
    try:
        return read_outside(path, LONGEST)
    except OSError:
        return None


def _state_of(row: RecorderRow | None) -> RecorderState | None:
    """Return a report; None if there is none, or no recorder of this version wrote it."""
    try:
        return recorder_state(row) if row else None
    except (ValueError, TypeError, AttributeError, OverflowError) as e:
        log.warning("the report of the recorder cannot be read: %s", shortened(str(e)))
        return None


def _add_leg(s: Session, meta: Meta) -> None:
    """Add a leg of a night unless it is there."""
    if leg_row(s, meta.night, meta.leg) is None:
        row = LegRow(night_id=meta.night, leg=meta.leg, sensor=meta.sensor, address=meta.address)
        row.declared_hz, row.scale_ug, row.loss = meta.declared_hz, meta.scale_ug, meta.loss
        s.add(row)
        s.flush()


def _place(row: type[NightRow]) -> Any:
    """Return the place of a night in the list, for a comparison in SQL."""
    return tuple_(row.started_ns, row.id)
