"""From the catalog to what the HTTP interface says."""

import contextlib
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from legmon import __version__
from legmon.catalog.state import NightInfo, RecorderState, SensorState
from legmon.catalog.store import Catalog, CatalogError
from legmon.catalog.zone import local_zone
from legmon.detection.faults import cause_sentence
from legmon.link.faults import sentence
from legmon.movement import NS
from legmon.night.track import LegTrack, score_night
from legmon.scoring.answer import indices_json, quality_json
from legmon.scoring.details import by_hour
from legmon.scoring.events import ScoredEvent
from legmon.scoring.indices import BIN_S, interval_histogram
from legmon.scoring.live import Tally
from legmon.scoring.scored import RULES, Rules, Scored
from legmon.scoring.wasm2016 import LONGEST_INTERVAL, SHORTEST_INTERVAL
from legmon.web import models as m

ALIVE_NS = 3 * NS
LAST = 12


def status(catalog: Catalog) -> m.Status:
    """What is happening now."""
    recorder = catalog.recorder()
    alive = recorder is not None and time.time_ns() - recorder.seen_ns < ALIVE_NS
    now = recorder.clock.now_ns() if recorder and alive else time.time_ns()
    night = _running(catalog, recorder)
    scored = _scored(catalog.tracks(night.id)) if night else None
    i = scored.indices if scored else None
    zone = m.Zone(name=night.zone_name, utc_offset_s=night.utc_offset_s) if night else _zone(now)
    return m.Status(
        version=__version__,
        simulated=recorder.simulated if recorder else False,
        recording=alive and night is not None,
        night=night.id if night else None,
        now=now / NS,
        speed=recorder.clock.speed if recorder and alive else 1.0,
        recorder_alive=alive,
        started=night.started_ns / NS if night else None,
        zone=zone,
        rules=RULES,
        movements=i.movements if i else 0,
        candidates=i.candidates if i else 0,
        periodic=i.periodic if i else 0,
        series=i.series if i else 0,
        confirmed=m.Confirmed(**asdict(recorder.confirmed if recorder and night else Tally())),
        analysed_s=scored.analysed_ns / NS if scored else 0.0,
        sensors=[_sensor(s) for s in recorder.sensors] if recorder and alive else [],
        last_movements=[movement(e, scored.origin_ns) for e in scored.events[: -LAST - 1 : -1]]
        if scored
        else [],
    )


def _running(catalog: Catalog, recorder: RecorderState | None) -> NightInfo | None:
    """The night that is recorded; None also where it has just left the list."""
    if recorder is None or recorder.night is None:
        return None
    with contextlib.suppress(CatalogError):
        return catalog.night(recorder.night)
    return None


def _zone(now_ns: int) -> m.Zone:
    name, offset = local_zone(now_ns)
    return m.Zone(name=name, utc_offset_s=offset)


def _sensor(s: SensorState) -> m.Sensor:
    return m.Sensor(
        leg=s.leg,
        name=s.name,
        address=s.address,
        link=s.link,
        detail=s.detail,
        battery_percent=s.battery_percent,
        rssi_dbm=s.rssi_dbm,
        declared_rate_hz=s.declared_rate_hz,
        measured_rate_hz=s.measured_rate_hz,
        samples=s.samples,
        missing_samples=s.missing_samples,
        refused_frames=s.refused_frames,
        last_sample=None if s.last_sample_ns is None else s.last_sample_ns / NS,
    )


def _scored(tracks: list[LegTrack], rules: Rules = RULES) -> Scored | None:
    """Score a night; None while it has no samples."""
    return score_night(tracks, rules) if any(t.end and t.anchors for t in tracks) else None


def movement(s: ScoredEvent, origin_ns: int) -> m.Movement:
    """One movement, in Unix seconds."""
    return m.Movement(
        onset=(origin_ns + s.event.onset) / NS,
        offset=(origin_ns + s.event.offset) / NS,
        leg=s.event.side,
        kind=s.event.kind,
        candidate=s.candidate,
        periodic=s.periodic,
        series=s.series,
        interval_s=None if s.interval is None else s.interval / NS,
        peak_mg=s.event.peak_mg,
    )


def summary(info: NightInfo) -> m.NightSummary:
    """A night in the list."""
    hours = info.analysed_ns / NS / 3600
    evening = datetime.fromtimestamp(info.started_ns / NS, UTC) + timedelta(
        seconds=info.utc_offset_s, hours=-12
    )
    return m.NightSummary(
        id=info.id,
        simulated=info.simulated,
        state=info.state,
        label=evening.strftime("%Y-%m-%d"),
        started=info.started_ns / NS,
        ended=(info.started_ns + info.duration_ns) / NS,
        zone=m.Zone(name=info.zone_name, utc_offset_s=info.utc_offset_s),
        legs=list(info.legs),
        rules=RULES,
        duration_s=info.duration_ns / NS,
        analysed_s=info.analysed_ns / NS,
        movements=info.movements,
        candidates=info.candidates,
        periodic=info.periodic,
        series=info.series,
        movements_per_hour=info.movements / hours if hours > 0 else None,
        periodic_per_hour=info.periodic / hours if hours > 0 else None,
        gaps=info.gaps,
    )


def night(catalog: Catalog, info: NightInfo) -> m.Night:
    """One night, whole."""
    tracks = catalog.tracks(info.id)
    scored = _scored(tracks)
    first = tracks[0].time.at(tracks[0].end) if scored else None
    counts, longer = interval_histogram(scored.events if scored else [])
    origin = scored.origin_ns if scored else info.started_ns
    empty = Scored(RULES, info.simulated, origin, 0, 0, 0, [], [])
    return m.Night(
        **summary(info).model_dump(),
        rate_hz=first.rate_hz if first else None,
        detector=info.detector,
        indices=m.Indices(**indices_json((scored or empty).indices)),
        intervals=m.IntervalHistogram(
            bin_s=BIN_S,
            counts=counts,
            longer=longer,
            window_s=(SHORTEST_INTERVAL / NS, LONGEST_INTERVAL / NS),
        ),
        by_hour=[
            m.Hour(
                start=(origin + h.start) / NS,
                analysed_s=h.analysed / NS,
                movements=h.movements,
                periodic=h.periodic,
            )
            for h in by_hour(scored or empty)
        ],
        gap_list=_gaps(tracks),
        quality=[m.Finding(**f) for f in quality_json(scored or empty)],
        verdict=(scored or empty).verdict,
    )


def _gaps(tracks: list[LegTrack]) -> list[m.Gap]:
    return [
        m.Gap(
            leg=t.leg,
            start=t.time.utc(h.first) / NS,
            end=t.time.utc(h.first + h.count) / NS,
            cause=h.cause,
            sentence=cause_sentence(h.cause) or sentence(h.cause),
        )
        for t in tracks
        for h in t.holes
    ]


def movements(catalog: Catalog, info: NightInfo, rules: Rules) -> m.Movements:
    """The movements of a night under a rule set."""
    scored = _scored(catalog.tracks(info.id), rules)
    found = [movement(e, scored.origin_ns) for e in scored.events] if scored else []
    return m.Movements(night=info.id, simulated=info.simulated, rules=rules, movements=found)
