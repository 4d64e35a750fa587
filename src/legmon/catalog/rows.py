"""Convert rows of the catalog to values, and values to columns."""

import functools
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from legmon.catalog.models import FileRow, LegRow, NightRow, RecorderRow
from legmon.catalog.state import (
    FileFault,
    KeptDamage,
    KeptFile,
    NightInfo,
    RecorderState,
)
from legmon.detection.faults import Finding
from legmon.messages import DamageCode, Fault, Message
from legmon.movement import Leg, LegMovement
from legmon.night.track import LegTrack
from legmon.outside import is_int, parse_json
from legmon.recording.files import leg_files
from legmon.recording.records import Gap
from legmon.timeline.clock import Anchor

if TYPE_CHECKING:
    from pydantic import TypeAdapter


DAY_S = 86_400


def movement_values(m: LegMovement) -> dict[str, Any]:
    """Return the columns of a movement."""
    return {"first": m.first, "end": m.end, "kind": m.kind, "peak_mg": m.peak_mg}


def quality_text(findings: Sequence[Finding]) -> str:
    """Return the column of the faults of a leg's signal."""
    return json.dumps([asdict(f) for f in findings])


def night_info(row: NightRow, legs: Sequence[str], gaps: int, faults: Sequence[FileFault]) -> NightInfo:
    """Return a night of the list, from its row, its legs, the number of gaps, and the faults of its files."""
    columns = {c.name: getattr(row, c.name) for c in NightRow.__table__.columns}
    if not is_int(columns["utc_offset_s"], -DAY_S, DAY_S):
        columns["utc_offset_s"] = 0
    return NightInfo(
        **columns,
        legs=tuple(cast("Leg", leg) for leg in legs),
        gaps=gaps,
        damaged=tuple(f.leg for f in faults if f.code != DamageCode.NOT_VERIFIED),
        faults=tuple(faults),
    )


def kept_file(row: FileRow) -> KeptFile:
    """Return what is known of a file of a recording."""
    damage = None
    if row.damage:
        found = json.loads(row.damage)
        lost = tuple((first, end) for first, end in found.pop("lost"))
        damage = KeptDamage(**found | {"code": DamageCode(found["code"]), "lost": lost})
    columns = {name: getattr(row, name) for name in KeptFile.__slots__ if name != "damage"}
    return KeptFile(**columns, damage=damage)


def file_fault(
    first: Path, leg: str, length: tuple[int, float], files: Sequence[KeptFile]
) -> FileFault | None:
    """Return what is wrong with the files of a leg, from what is kept and from their size and time.

    Parameters
    ----------
    first : Path
        The recording, named by its first file.
    leg : {"left", "right"}
        The leg.
    length : (int, float)
        How many samples and missing samples it has, and its rate, Hz.
    files : sequence of KeptFile
        What is kept of its files.
    """
    end, rate_hz = length
    damage = next((f.damage for f in files if f.damage), None)
    code, lost = (damage.code, damage.lost) if damage else (DamageCode.NOT_VERIFIED, ())
    if damage is None:
        if not any(f.has_changed(first.with_name(f.name)) for f in files):
            return None
        if not leg_files(first):
            code, lost = DamageCode.MISSING, ((0, end),)
    minute = 60 * rate_hz
    begins, ends = [0, *(b for _, b in lost)], [*(a for a, _ in lost), end]
    readable = tuple((a / minute, b / minute) for a, b in zip(begins, ends, strict=True) if b > a)
    verified_ns = min((f.verified_ns for f in files), default=0) or None
    return FileFault(cast("Leg", leg), code, end / minute, readable, verified_ns)


def leg_track(row: LegRow, *, simulated: bool) -> LegTrack:
    """Return what is known of a leg."""
    leg = cast("Leg", row.leg)
    return LegTrack(
        leg=leg,
        end=row.end,
        movements=[
            LegMovement(0, 0, leg, kind=m.kind, peak_mg=m.peak_mg, first=m.first, end=m.end)
            for m in row.movements
        ],
        gaps=[Gap(g.first, g.count, g.cause) for g in row.gaps],
        anchors=[Anchor(a.first, a.utc_ns, a.rate_hz) for a in row.anchors],
        simulated=simulated,
        quality=[Finding(Fault(f["code"]), f["seconds"]) for f in json.loads(row.quality)],
        loss=row.loss,
    )


def stored_message(text: str | None) -> Message | None:
    """Return a message from its JSON. A sentence without a code, as earlier versions stored it, has an empty code."""
    if not text:
        return None
    try:
        return Message(**json.loads(text))
    except (ValueError, TypeError):
        return Message("", text)


def recorder_values(state: RecorderState) -> dict[str, Any]:
    """Return the columns of the recorder's report."""
    return {
        "id": 1,
        "seen_ns": state.seen_ns,
        "clock_night_ns": state.clock.night_ns,
        "clock_wall_ns": state.clock.wall_ns,
        "clock_speed": state.clock.speed,
        "moment": json.dumps(asdict(state.moment)),
        "simulated": state.simulated,
        "night_id": state.night,
        "sensors": json.dumps([asdict(x) for x in state.sensors]),
        "nearby": json.dumps([asdict(x) for x in state.nearby]),
        "confirmed": json.dumps(asdict(state.confirmed)),
        "counts": json.dumps(asdict(state.counts)),
        "analysed_ns": state.analysed_ns,
        "last_movements": json.dumps([asdict(x) for x in state.last_movements]),
        "trouble": json.dumps(asdict(state.trouble)) if state.trouble else None,
        "mode": state.mode,
        "computer": json.dumps(asdict(state.computer)),
    }


def recorder_state(row: RecorderRow) -> RecorderState:
    """Return the recorder's report.

    Raises
    ------
    ValueError, TypeError
        If a value is not what a recorder writes: the catalog is damaged, or another version wrote it.
    """
    trouble = stored_message(row.trouble)
    values = {
        "seen_ns": row.seen_ns,
        "clock": {"night_ns": row.clock_night_ns, "wall_ns": row.clock_wall_ns, "speed": row.clock_speed},
        "simulated": row.simulated,
        "night": row.night_id,
        "sensors": parse_json(row.sensors),
        "confirmed": parse_json(row.confirmed),
        "counts": parse_json(row.counts),
        "analysed_ns": row.analysed_ns,
        "last_movements": parse_json(row.last_movements),
        "trouble": asdict(trouble) if trouble else None,
        "mode": row.mode,
        "nearby": parse_json(row.nearby),
        "moment": parse_json(row.moment),
        "computer": parse_json(row.computer),
    }
    return _recorder_states().validate_json(json.dumps(values, allow_nan=False), strict=True)


@functools.cache
def _recorder_states() -> "TypeAdapter[RecorderState]":
    """Return what checks the types of a report. Its import takes long, and a recorder does not need it."""
    from pydantic import TypeAdapter

    return TypeAdapter(RecorderState)
