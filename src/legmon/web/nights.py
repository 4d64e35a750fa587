"""Nights as the HTTP interface says them: the list, one night whole, its movements."""

from datetime import UTC, datetime, timedelta

from legmon.catalog.annotations import Check
from legmon.catalog.state import NightInfo
from legmon.catalog.store import Catalog
from legmon.catalog.zone import changes
from legmon.detection.faults import Verdict
from legmon.messages import RECORDING_DAMAGED, gap_sentence
from legmon.movement import NS, Leg
from legmon.night.track import LegTrack
from legmon.nights.cache import Reading, Readings, envelope
from legmon.scoring.events import ScoredMovement
from legmon.scoring.indices import BIN_S, interval_histogram
from legmon.scoring.result import Scored, by_hour, indices_json, quality_json
from legmon.scoring.rules import RULES
from legmon.scoring.wasm2016 import LONGEST_INTERVAL, SHORTEST_INTERVAL
from legmon.web import models as m
from legmon.web import models_evening as e


def zone(name: str, utc_offset_s: int, start_ns: int, end_ns: int) -> m.Zone:
    """A zone, with the changes of its clocks between two moments."""
    found = [
        m.ZoneChange(at=c.at_ns / NS, utc_offset_s=c.utc_offset_s) for c in changes(name, start_ns, end_ns)
    ]
    return m.Zone(name=name, utc_offset_s=utc_offset_s, changes=found)


def movement(s: ScoredMovement, origin_ns: int) -> m.Movement:
    """One movement, in Unix seconds."""
    return m.Movement(
        id="+".join(f"{p.leg}-{p.first}" for p in s.movement.parts),
        onset=(origin_ns + s.movement.onset) / NS,
        offset=(origin_ns + s.movement.offset) / NS,
        leg=s.movement.side,
        kind=s.movement.kind,
        candidate=s.candidate,
        periodic=s.periodic,
        series=s.series,
        interval_s=None if s.interval is None else s.interval / NS,
        peak_mg=s.movement.peak_mg,
    )


def movement_parts(name: str) -> list[tuple[Leg, int]]:
    """Leg and first sample of each part of a movement, from its id.

    Raises
    ------
    ValueError
        If it is none.
    """
    parts: list[tuple[Leg, int]] = []
    for part in name.split("+"):
        side, _, first = part.partition("-")
        if side not in {"left", "right"} or not first.isdigit():
            raise ValueError(f"{name!r} names no movement")
        parts.append(("left" if side == "left" else "right", int(first)))
    return parts


def summary(reading: Reading) -> m.NightSummary:
    """A night in the list."""
    info, scored, found = reading.info, reading.scored, reading.figures
    i = scored.indices if scored else None
    analysed = (scored.analysed_ns if scored else info.analysed_ns) / NS
    started = scored.origin_ns if scored else info.started_ns
    duration = scored.duration_ns if scored else info.duration_ns
    evening = datetime.fromtimestamp(started / NS, UTC) + timedelta(seconds=info.utc_offset_s, hours=-12)
    movements, periodic = (i.movements, i.periodic) if i else (0, 0)
    return m.NightSummary(
        id=info.id,
        simulated=info.simulated,
        state=info.state,
        label=evening.strftime("%Y-%m-%d"),
        started=started / NS,
        ended=(started + duration) / NS,
        zone=zone(info.zone_name, info.utc_offset_s, started, started + duration),
        legs=list(info.legs),
        rules=scored.rules if scored else RULES,
        duration_s=duration / NS,
        analysed_s=analysed,
        movements=movements,
        candidates=i.candidates if i else 0,
        periodic=periodic,
        series=i.series if i else 0,
        ended_by=info.ended_by,
        movements_per_hour=movements / (analysed / 3600) if analysed > 0 else None,
        periodic_per_hour=periodic / (analysed / 3600) if analysed > 0 else None,
        gaps=info.gaps,
        headline=m.Headline(
            denominator=found.denominator if found else "in_bed",
            calibrated_by=found.by if found else None,
            seconds=found.seconds if found else 0.0,
            movements=found.movements if found else 0,
            periodic=found.periodic if found else 0,
            series=found.series if found else 0,
            periodic_per_hour=found.per_hour if found else None,
        ),
    )


def night(catalog: Catalog, readings: Readings, reading: Reading) -> m.Night:
    """One night, whole."""
    info = reading.info
    empty = Scored(RULES, info.simulated, info.started_ns, 0, 0, 0, [], [])
    scored = reading.scored or empty
    first = next((t for t in reading.tracks if t.anchors), None)
    counts, longer = interval_histogram(scored.movements)
    compared = readings.usual(reading)
    ids = [n.id for n in catalog.nights()]
    place = ids.index(info.id) if info.id in ids else 0
    return m.Night(
        **summary(reading).model_dump(),
        rate_hz=first.time.at(first.end).rate_hz if first else None,
        detector=info.detector,
        indices=m.Indices(**indices_json(scored.indices)),
        intervals=m.IntervalHistogram(
            bin_s=BIN_S,
            counts=counts,
            longer=longer,
            window_s=(SHORTEST_INTERVAL / NS, LONGEST_INTERVAL / NS),
        ),
        by_hour=_hours(scored, reading),
        gap_list=_gaps(reading.tracks),
        uncounted=[
            m.Span(start=(scored.origin_ns + a) / NS, end=(scored.origin_ns + b) / NS) for a, b in scored.gaps
        ],
        quality=[*(m.Finding(**f) for f in quality_json(scored)), *damage(info)],
        losses=[m.Losses.model_validate({"leg": t.leg, "shown_by": t.loss}) for t in reading.tracks],
        verdict=verdict(info, scored),
        lights=_lights(reading, scored),
        usual=m.Usual(nights=compared.nights, within=compared.within, low=compared.low, high=compared.high),
        held=[
            m.Held.model_validate(
                {
                    "start": (scored.origin_ns + h.start) / NS,
                    "end": (scored.origin_ns + h.end) / NS,
                    "state": h.state,
                }
            )
            for h in (reading.figures.held if reading.figures else [])
        ],
        fits=[fit(c) for c in reading.checks],
        noise=_noise(readings, reading, scored),
        voluntary=reading.voluntary,
        earlier=ids[place + 1] if place + 1 < len(ids) else None,
        later=ids[place - 1] if place > 0 else None,
    )


def damage(info: NightInfo) -> list[m.Finding]:
    """Legs whose recording is not what was written. Nobody knows where, so that it touches the whole night."""
    seconds = info.duration_ns / NS
    return [
        m.Finding(code="damaged", leg=leg, seconds=seconds, sentence=RECORDING_DAMAGED)
        for leg in info.damaged
    ]


def verdict(info: NightInfo, scored: Scored) -> Verdict:
    """Whether a night can be read; one whose recording is damaged only with a look at that."""
    return "look" if info.damaged and scored.verdict == "usable" else scored.verdict


def fit(check: Check) -> e.Fit:
    """A fit check."""
    f = check.fit
    return e.Fit(
        leg=check.leg,
        at=check.at_ns / NS,
        problems=list(f.problems),
        noise_mg=f.noise_mg,
        gravity_g=f.gravity_g,
        toes=f.toes,
        toe_mg=f.toe_mg,
        ratio=f.ratio,
        rolled_deg=f.rolled_deg,
        stood=f.standing is not None,
    )


def movements(reading: Reading) -> m.Movements:
    """The movements of a night under a rule set."""
    scored = reading.scored
    found = [movement(x, scored.origin_ns) for x in scored.movements] if scored else []
    rules = scored.rules if scored else RULES
    return m.Movements(night=reading.info.id, simulated=reading.info.simulated, rules=rules, movements=found)


def _hours(scored: Scored, reading: Reading) -> list[m.Hour]:
    mask = reading.figures.mask if reading.figures else []
    hour = 3600 * NS
    return [
        m.Hour(
            start=(scored.origin_ns + h.start) / NS,
            analysed_s=h.analysed / NS,
            counted_s=sum(max(min(b, h.start + hour) - max(a, h.start), 0) for a, b in mask) / NS,
            movements=h.movements,
            periodic=h.periodic,
        )
        for h in by_hour(scored)
    ]


def _lights(reading: Reading, scored: Scored) -> m.Lights:
    start, end = scored.origin_ns / NS, (scored.origin_ns + scored.duration_ns) / NS
    off, on = (None if t is None else t / NS for t in reading.lights)
    return m.Lights(
        off=start if off is None else off,
        on=end if on is None else on,
        edited=off is not None or on is not None,
        recorded_off=start,
        recorded_on=end,
    )


def _noise(readings: Readings, reading: Reading, scored: Scored) -> list[m.Noise]:
    found = []
    for t in reading.tracks:
        if t.end and t.anchors:
            seconds = -(-scored.duration_ns // NS)
            _, floor = envelope(readings.derived(reading.info, t.leg), t, scored.origin_ns, seconds)
            found.append(m.Noise(leg=t.leg, floor_mg=1000 * floor))
    return found


def _gaps(tracks: list[LegTrack]) -> list[m.Gap]:
    return [
        m.Gap(
            leg=t.leg,
            start=t.time.utc(h.first) / NS,
            end=t.time.utc(h.first + h.count) / NS,
            cause=h.cause,
            sentence=gap_sentence(h.cause),
        )
        for t in tracks
        for h in t.gaps
    ]
