"""Convert rows of the catalog to values, and values to columns."""

import contextlib
import functools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from legmon.catalog.file import CatalogError
from legmon.catalog.models import Base, FileRow, LegRow, NightRow, RecorderRow, WantedRow
from legmon.catalog.state import (
    EndedBy,
    FileFault,
    KeptDamage,
    KeptFile,
    Mode,
    NightInfo,
    RecorderState,
    Wanted,
)
from legmon.detection.faults import Finding
from legmon.messages import DamageCode, Fault, Message
from legmon.movement import Leg, LegMovement, Legs
from legmon.night.track import LegTrack
from legmon.outside import is_int, parse_json
from legmon.quoting import shortened, shown
from legmon.recording.files import leg_files
from legmon.recording.records import MOST_SAMPLES, Gap
from legmon.scoring.rules import Rules
from legmon.timeline.clock import Anchor

if TYPE_CHECKING:
    from pydantic import TypeAdapter


DAY_S = 86_400
MOST = (1 << 63) - 1
LONGEST_TEXT = 1 << 24
Row = TypeVar("Row", bound=Base)
LEAST_HZ, MOST_HZ = 0.1, 1e4


class CatalogValueError(CatalogError):
    """The catalog holds a value that legmon did not write."""


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what a wrong value of a row leads to into an error with a sentence.

    Raises
    ------
    CatalogValueError
        If a value is none that legmon writes.
    """
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as e:
        raise CatalogValueError(
            f"the catalog holds {what} that legmon did not write ({shortened(str(e))}); `legmon rescan` makes it anew"
        ) from e


def checked(row: Row) -> Row:
    """Return a row whose types are right, which SQLite does not check.

    Raises
    ------
    ValueError
        If a value is of another type, no finite number, or too large.
    """
    for column in row.__table__.columns:
        value, kind = getattr(row, column.key), column.type.python_type
        if value is None and column.nullable:
            continue
        is_right = (
            is_int(value, -MOST, MOST)
            if kind is int
            else isinstance(value, int | float) and math.isfinite(value)
            if kind is float
            else isinstance(value, kind)
        )
        if not is_right or (isinstance(value, str) and len(value) > LONGEST_TEXT):
            raise ValueError(f"{column.table.name}.{column.name} is {shown(value, 30)}")
    return row


def whole(value: object) -> int | None:
    """Return a whole number, or None.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if value is None or is_int(value, -MOST, MOST):
        return cast("int | None", value)
    raise ValueError(f"{shown(value, 30)} is no whole number")


def _one_of(value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{shown(value, 30)} is not one of {', '.join(known)}")


def _chance(value: float | None) -> float | None:
    if value is None or 0.0 <= value <= 1.0:
        return value
    raise ValueError("a confidence")


def movement_values(m: LegMovement) -> dict[str, Any]:
    """Return the columns of a movement."""
    return {"first": m.first, "end": m.end, "kind": m.kind, "peak_mg": m.peak_mg, "confidence": m.confidence}


def quality_text(findings: Sequence[Finding]) -> str:
    """Return the column of the faults of a leg's signal."""
    return json.dumps([asdict(f) for f in findings])


def night_info(
    row: NightRow, legs: Sequence[str], gaps: int, faults: Sequence[FileFault], *, imported: bool
) -> NightInfo:
    """Return a night of the list, from its row, its legs, the number of gaps, the faults of its files, and its origin."""
    with reading("a night"):
        checked(row)
        _one_of(row.state, ("recording", "closed"))
        _one_of(row.rules, get_args(Rules))
        _one_of(row.ended_by, get_args(EndedBy))
        for leg in legs:
            _one_of(leg, get_args(Leg))
        if not (
            row.started_ns >= 0 and 0 <= row.analysed_ns <= row.duration_ns and abs(row.utc_offset_s) <= DAY_S
        ):
            raise ValueError(f"night {shown(row.id)}: its times")
    columns = {c.name: getattr(row, c.name) for c in NightRow.__table__.columns}
    return NightInfo(
        **columns,
        legs=tuple(cast("Leg", leg) for leg in legs),
        gaps=gaps,
        damaged=tuple(f.leg for f in faults if f.code != DamageCode.NOT_VERIFIED),
        faults=tuple(faults),
        imported=imported,
    )


def wanted_state(row: WantedRow) -> Wanted:
    """Return the desired state.

    Raises
    ------
    ValueError, TypeError, AttributeError
        If a value is none that legmon writes.
    """
    checked(row)
    _one_of(row.mode, get_args(Mode))
    _one_of(row.leg or "both", get_args(Legs))
    sensors = parse_json(row.sensors)
    if not all(leg in get_args(Leg) and isinstance(address, str) for leg, address in sensors.items()):
        raise ValueError("sensors that nobody chose")
    return Wanted(cast("Mode", row.mode), cast("Legs | None", row.leg), sensors, row.asked_ns)


def kept_file(row: FileRow) -> KeptFile:
    """Return what is known of a file of a recording."""
    damage = None
    with reading("a file"):
        checked(row)
        if row.damage:
            found = parse_json(row.damage)
            lost = tuple((first, end) for first, end in found.pop("lost"))
            damage = KeptDamage(**found | {"code": DamageCode(found["code"]), "lost": lost})
            times = (damage.size, damage.mtime_ns, damage.checked_ns)
            if not all(is_int(n, -1, MOST) for n in (*times, *(n for pair in lost for n in pair))):
                raise ValueError("what is damaged")
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


def leg_track(row: LegRow, *, simulated: bool, detector: str | None = None) -> LegTrack:
    """Return what is known of a leg."""
    with reading("a leg"):
        return replace(_leg_track(row, simulated=simulated), detector=detector)


def _leg_track(row: LegRow, *, simulated: bool) -> LegTrack:
    for part in (row, *row.movements, *row.gaps, *row.anchors):
        checked(part)
    _one_of(row.leg, get_args(Leg))
    places = [n for g in row.gaps for n in (g.first, g.first + g.count)]
    places += [n for m in row.movements for n in (m.first, m.end)]
    if not all(0 <= n <= MOST_SAMPLES for n in (row.end, *places)):
        raise ValueError("a place in a recording")
    if not all(abs(a.first) <= MOST_SAMPLES and LEAST_HZ <= a.rate_hz <= MOST_HZ for a in row.anchors):
        raise ValueError("the time of a recording")
    leg = cast("Leg", row.leg)
    return LegTrack(
        leg=leg,
        end=row.end,
        movements=[
            LegMovement(
                0,
                0,
                leg,
                kind=m.kind,
                peak_mg=m.peak_mg,
                first=m.first,
                end=m.end,
                confidence=_chance(m.confidence),
            )
            for m in row.movements
        ],
        gaps=[Gap(g.first, g.count, g.cause) for g in row.gaps],
        anchors=[Anchor(a.first, a.utc_ns, a.rate_hz) for a in row.anchors],
        simulated=simulated,
        quality=[Finding(Fault(f["code"]), float(f["seconds"])) for f in parse_json(row.quality)],
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
