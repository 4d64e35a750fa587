"""Between rows of the catalog and what they stand for."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

from legmon.catalog.clock import Clock, Moment
from legmon.catalog.models import LegRow, NightRow, RecorderRow
from legmon.catalog.state import Mode, NightInfo, RecorderState, SensorState
from legmon.detection.faults import Finding
from legmon.messages import Fault, Message
from legmon.movement import Leg, LegMovement
from legmon.night.track import LegTrack
from legmon.recording.records import Gap
from legmon.scoring.live import Tally
from legmon.sensors.base import HeardSensor
from legmon.timeline.clock import Anchor


def movement_values(m: LegMovement) -> dict[str, Any]:
    """Columns of a movement."""
    return {"first": m.first, "end": m.end, "kind": m.kind, "peak_mg": m.peak_mg}


def quality_text(findings: Sequence[Finding]) -> str:
    """Column of what is wrong with a leg's signal."""
    return json.dumps([asdict(f) for f in findings])


def info_of(row: NightRow, gaps: int) -> NightInfo:
    """A night in the list, with the number of its holes."""
    columns = {c.name: getattr(row, c.name) for c in NightRow.__table__.columns}
    legs: Sequence[LegRow] = row.legs
    return NightInfo(
        **columns,
        legs=tuple(cast("Leg", leg.leg) for leg in legs),
        gaps=gaps,
        damaged=tuple(cast("Leg", leg.leg) for leg in legs if leg.sealed == ""),
    )


def track_of(row: LegRow, *, simulated: bool) -> LegTrack:
    """What is known of a leg."""
    leg = cast("Leg", row.leg)
    return LegTrack(
        leg=leg,
        end=row.end,
        movements=[
            LegMovement(0, 0, leg, kind=m.kind, peak_mg=m.peak_mg, first=m.first, end=m.end)
            for m in row.movements
        ],
        gaps=[Gap(h.first, h.count, h.cause) for h in row.gaps],
        anchors=[Anchor(a.first, a.utc_ns, a.rate_hz) for a in row.anchors],
        simulated=simulated,
        quality=[Finding(Fault(f["code"]), f["seconds"]) for f in json.loads(row.quality)],
        loss=row.loss,
    )


def message_of(text: str | None) -> Message | None:
    """Make a sentence of what was kept of it; one that an earlier version kept has no code."""
    if not text:
        return None
    try:
        return Message(**json.loads(text))
    except (ValueError, TypeError):
        return Message("", text)


def recorder_values(state: RecorderState) -> dict[str, Any]:
    """Columns of what the recorder says of itself."""
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
        "trouble": json.dumps(asdict(state.trouble)) if state.trouble else None,
        "mode": state.mode,
    }


def recorder_of(row: RecorderRow) -> RecorderState:
    """What the recorder said of itself."""
    return RecorderState(
        seen_ns=row.seen_ns,
        clock=Clock(row.clock_night_ns, row.clock_wall_ns, row.clock_speed),
        simulated=row.simulated,
        night=row.night_id,
        sensors=[SensorState(**x) for x in json.loads(row.sensors)],
        confirmed=Tally(**json.loads(row.confirmed)),
        trouble=message_of(row.trouble),
        mode=cast("Mode", row.mode),
        nearby=[HeardSensor(**x) for x in json.loads(row.nearby)],
        moment=Moment(**json.loads(row.moment)),
    )
