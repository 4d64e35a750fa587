"""What is happening now, as the HTTP interface says it."""

import contextlib
import time
from dataclasses import asdict

from legmon import __version__
from legmon.catalog.state import NightInfo, RecorderState, SensorState
from legmon.catalog.store import Catalog, CatalogError
from legmon.catalog.zone import local_zone
from legmon.movement import NS
from legmon.night.track import LegTrack, score_night
from legmon.scoring.live import Tally
from legmon.scoring.result import Scored
from legmon.scoring.rules import RULES, Rules
from legmon.web import models as m
from legmon.web import models_evening as e
from legmon.web.nights import movement, zone

ALIVE_NS = 3 * NS
LAST = 12


def status(catalog: Catalog) -> m.Status:
    """What is happening now."""
    recorder = catalog.recorder()
    alive = _alive(recorder)
    wanted = catalog.wanted()
    trouble = recorder.trouble if recorder and alive else None
    now = recorder.now_ns() if recorder and alive else time.time_ns()
    night = _running(catalog, recorder)
    scored = _scored(catalog.tracks(night.id)) if night else None
    i = scored.indices if scored else None
    named = (night.zone_name, night.utc_offset_s) if night else local_zone(now)
    where = zone(*named, night.started_ns if night else now, now)
    return m.Status(
        version=__version__,
        simulated=recorder.simulated if recorder else False,
        recording=alive and night is not None,
        mode=wanted.mode,
        night=night.id if night else None,
        now=now / NS,
        speed=recorder.clock.speed if recorder and alive else 1.0,
        recorder_alive=alive,
        trouble=trouble.sentence if trouble else None,
        trouble_code=trouble.code if trouble else None,
        trouble_values=dict(trouble.values) if trouble else {},
        started=night.started_ns / NS if night else None,
        zone=where,
        rules=RULES,
        movements=i.movements if i else 0,
        candidates=i.candidates if i else 0,
        periodic=i.periodic if i else 0,
        series=i.series if i else 0,
        confirmed=m.Confirmed(**asdict(recorder.confirmed if recorder and night else Tally())),
        analysed_s=scored.analysed_ns / NS if scored else 0.0,
        sensors=[_sensor(s) for s in recorder.sensors] if recorder and alive else [],
        nearby=list(recorder.nearby) if recorder and alive else [],
        chosen=e.Chosen(left=wanted.sensors.get("left"), right=wanted.sensors.get("right")),
        last_movements=[movement(x, scored.origin_ns) for x in scored.movements[: -LAST - 1 : -1]]
        if scored
        else [],
    )


def _alive(recorder: RecorderState | None) -> bool:
    return recorder is not None and time.time_ns() - recorder.seen_ns < ALIVE_NS


def alive_recorder(catalog: Catalog) -> RecorderState | None:
    """What the recorder says of itself, if it still says anything."""
    recorder = catalog.recorder()
    return recorder if _alive(recorder) else None


def _running(catalog: Catalog, recorder: RecorderState | None) -> NightInfo | None:
    """The night that is recorded; None also where it has just left the list."""
    if recorder is None or recorder.night is None:
        return None
    with contextlib.suppress(CatalogError):
        return catalog.night(recorder.night)
    return None


def _sensor(s: SensorState) -> m.Sensor:
    return m.Sensor(
        leg=s.leg,
        name=s.name,
        address=s.address,
        link=s.link,
        detail=s.detail,
        detail_code=s.detail_code,
        battery_percent=s.battery_percent,
        rssi_dbm=s.rssi_dbm,
        declared_rate_hz=s.declared_rate_hz,
        measured_rate_hz=s.measured_rate_hz,
        samples=s.samples,
        missing_samples=s.missing_samples,
        pending_samples=s.pending_samples,
        refused_frames=s.refused_frames,
        last_sample=None if s.last_sample_ns is None else s.last_sample_ns / NS,
        moving=s.moving,
    )


def _scored(tracks: list[LegTrack], rules: Rules = RULES) -> Scored | None:
    """Score a night; None while it has no samples."""
    return score_night(tracks, rules) if any(t.end and t.anchors for t in tracks) else None
