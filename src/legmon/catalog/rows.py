"""Convert rows of the catalog to values, and values to columns."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

from legmon.catalog.clock import Clock, Moment
from legmon.catalog.models import LegRow, NightRow, RecorderRow
from legmon.catalog.state import ListedMovement, Mode, NightInfo, RecorderState, SensorState
from legmon.detection.faults import Finding
from legmon.link.inhibitor import Wakefulness
from legmon.messages import Fault, Message
from legmon.movement import Leg, LegMovement
from legmon.night.track import LegTrack
from legmon.recording.records import Gap
from legmon.scoring.live import Tally
from legmon.sensors.base import HeardSensor
from legmon.timeline.clock import Anchor


def movement_values(m: LegMovement) -> dict[str, Any]:
    """Return the columns of a movement."""
    return {"first": m.first, "end": m.end, "kind": m.kind, "peak_mg": m.peak_mg}


def quality_text(findings: Sequence[Finding]) -> str:
    """Return the column of the faults of a leg's signal."""
    return json.dumps([asdict(f) for f in findings])


def night_info(row: NightRow, legs: Sequence[tuple[str, str | None]], gaps: int) -> NightInfo:
    """Return a night of the list, from its row, the name and seal of each leg, and the number of gaps."""
    columns = {c.name: getattr(row, c.name) for c in NightRow.__table__.columns}
    return NightInfo(
        **columns,
        legs=tuple(cast("Leg", leg) for leg, _ in legs),
        gaps=gaps,
        damaged=tuple(cast("Leg", leg) for leg, sealed in legs if sealed == ""),
    )


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
    """Return the recorder's report."""
    return RecorderState(
        seen_ns=row.seen_ns,
        clock=Clock(row.clock_night_ns, row.clock_wall_ns, row.clock_speed),
        simulated=row.simulated,
        night=row.night_id,
        sensors=[SensorState(**x) for x in json.loads(row.sensors)],
        confirmed=Tally(**json.loads(row.confirmed)),
        counts=Tally(**json.loads(row.counts)),
        analysed_ns=row.analysed_ns,
        last_movements=[ListedMovement(**x) for x in json.loads(row.last_movements)],
        trouble=stored_message(row.trouble),
        mode=cast("Mode", row.mode),
        nearby=[HeardSensor(**x) for x in json.loads(row.nearby)],
        moment=Moment(**json.loads(row.moment)),
        computer=Wakefulness(**json.loads(row.computer)),
    )
