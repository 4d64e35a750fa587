"""Move a closed night to another data folder: its recording, its annotation file, and what the catalog knows of it.

What was found in the night is carried over, not found again.
"""

from itertools import islice
from pathlib import Path

from sqlalchemy import select

from legmon.catalog.annotation_files import read_annotations
from legmon.catalog.models import LegRow
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.night.track import score_night
from legmon.recording.files import read_segment, sync_folder
from legmon.recording.records import Meta


def move_night(source: Catalog, night: str, target: Catalog) -> None:
    """Move a closed night. The other catalog lists it once its recording is there, so nobody sees a part of it.

    Parameters
    ----------
    source, target : Catalog
        The catalogs of two data folders on one disk.
    night : str
        Its id.

    Raises
    ------
    LegmonError
        If the night is not closed, or the other folder has a night of this name.
    """
    info, tracks = source.night(night), source.tracks(night)
    here, there = (catalog.segment(night, "left").parent for catalog in (source, target))
    if info.state != "closed":
        raise LegmonError(f"night {night} is not closed, so it cannot be moved")
    if there.exists():
        raise LegmonError(f"{target.folder} holds a night {night} already")
    with source.session() as s:
        samples = dict(s.execute(select(LegRow.leg, LegRow.samples).where(LegRow.night_id == night)).all())
    legs = [(_meta(source.segment(night, t.leg)), t, samples[t.leg]) for t in tracks]
    said = read_annotations(source.annotation_file(night))
    there.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    here.rename(there)
    sync_folder(there.parent)
    target.add_night(info, legs, score_night(tracks), said)
    with target.session() as s:
        target.write_annotation_file(s, None)  # it has the fit checks of every evening
    source.discard(night)


def _meta(segment: Path) -> Meta:
    """Return the description at the beginning of a recording."""
    meta = next(islice(read_segment(segment), 1))
    if not isinstance(meta, Meta):
        raise LegmonError(f"{segment} does not begin with a description")
    return meta
