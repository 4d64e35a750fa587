"""One night under one rule set, with the person's annotations over one mask: what pages, commands and exports show of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from legmon.catalog.annotations import Annotations, Check, Lights, NightNote
from legmon.catalog.derived import Derived, DerivedData
from legmon.catalog.state import ListedMovement, NightInfo
from legmon.catalog.store import Catalog
from legmon.catalog.zone import changes
from legmon.detection.faults import Verdict
from legmon.messages import FIT_SENTENCES, fit_values, gap_sentence
from legmon.movement import NS, Leg
from legmon.night.figures import Figures, figures, leg_posture, voluntary_movements
from legmon.night.marks import Mark, marked_movements
from legmon.night.track import LegTrack, score_night
from legmon.night.usual import Usual
from legmon.nights import answers
from legmon.nights.postures import Postures, envelope
from legmon.scoring.indices import BIN_S, interval_histogram
from legmon.scoring.result import Scored, by_hour, indices_json, quality_json
from legmon.scoring.rules import RULES, Interpretation, Rules
from legmon.scoring.wasm2016 import LONGEST_INTERVAL, SHORTEST_INTERVAL

HOUR = 3600 * NS
LONGEST_S = 31 * 86_400
"""The envelope of a longer night ends here."""
MOST_LISTED = 5000
"""Gaps that an answer lists for a leg."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NightReport:
    """One night under one rule set.

    Parameters
    ----------
    info : NightInfo
        The night in the list.
    rules : str
        The rule set.
    tracks : list of LegTrack
        Its legs; voluntary movements are marked as such.
    derived : mapping of leg to Derived
        Posture, envelope and battery of each leg that has samples.
    scored : Scored or None
        The night under the rules; None before there are samples.
    figures : Figures or None
        The headline; None before there are samples.
    lights : (int or None, int or None)
        Lights off and on as the person set them, ns UTC.
    voluntary : int
        How many movements the person marked as their own.
    unmatched : list of Mark
        The person's marks that overlap no movement.
    checks : list of Check
        The evening's fit checks.
    note : NightNote
        The person's note and tags.
    """

    info: NightInfo
    rules: Rules
    tracks: list[LegTrack]
    derived: Mapping[Leg, Derived]
    scored: Scored | None
    figures: Figures | None
    lights: Lights
    voluntary: int
    unmatched: list[Mark]
    checks: list[Check]
    note: NightNote

    @property
    def final(self) -> bool:
        """Whether it can be kept: the night is closed, and every posture reaches the end of its leg."""
        whole = all(t.leg in self.derived and self.derived[t.leg].posture.end == t.end for t in self.timed)
        return self.info.state == "closed" and whole

    @property
    def timed(self) -> list[LegTrack]:
        """Legs that have samples and their times."""
        return [t for t in self.tracks if t.end and t.anchors]


def report(
    catalog: Catalog,
    info: NightInfo,
    tracks: Iterable[LegTrack],
    rules: Rules = RULES,
    interpretation: Interpretation | None = None,
    *,
    postures: Postures | None = None,
) -> NightReport:
    """Score a night with the person's annotations: voluntary movements, and lights off and on.

    Parameters
    ----------
    catalog : Catalog
        The catalog of the data folder.
    info : NightInfo
        The night.
    tracks : iterable of LegTrack
        Its legs, as the recorder wrote them or as they were found again.
    rules : str
        The rule set.
    interpretation : Interpretation, optional
        How open places of the rules are read.
    postures : Postures, optional
        Where postures come from; left out, from the catalog or the recording.
    """
    postures = postures or Postures(catalog, DerivedData(catalog, ""))
    annotations = Annotations(catalog)
    legs = list(tracks)
    found = marked_movements(legs, annotations.marks(info.id))
    marked = voluntary_movements(legs, found.movements)
    checks = [c for leg in info.legs if (c := annotations.check_of(leg, info.started_ns))]
    lights = annotations.lights(info.id)
    timed = [t for t in marked if t.end and t.anchors]
    derived = {t.leg: postures.read(info, t.leg) for t in timed}
    scored = score_night(timed, rules, interpretation=interpretation) if timed else None
    standing = {c.leg: c.fit.standing for c in checks}
    postures_of_legs = []
    for leg, kept in derived.items():
        axis = standing.get(leg)
        postures_of_legs.append(leg_posture(leg, kept.posture, None if axis is None else np.array(axis)))
    over = figures(scored, timed, postures_of_legs, lights) if scored else None
    voluntary = len(found.movements)
    unmatched, note = found.unmatched, annotations.note(info.id)
    return NightReport(info, rules, marked, derived, scored, over, lights, voluntary, unmatched, checks, note)


def damage_findings(info: NightInfo) -> list[answers.Finding]:
    """Return a finding for each leg whose recording is not what was sealed, or is not verified since its file changed."""
    return [answers.Finding(f.code.value, f.leg, f.lost_s, f.sentence) for f in info.faults]


def verdict(info: NightInfo, scored: Scored) -> Verdict:
    """Return whether a night can be read; one whose recording is not verified is at best worth a look."""
    return _capped(info, scored.verdict)


def _capped(info: NightInfo, found: Verdict) -> Verdict:
    return "look" if info.faults and found == "usable" else found


def with_custody(info: NightInfo, short: answers.NightSummary) -> answers.NightSummary:
    """Return a summary with what is known of the night's files now, as its list shows it."""
    return replace(short, damage=damage_findings(info), verdict=_capped(info, short.verdict))


def zone(name: str, utc_offset_s: int, start_ns: int, end_ns: int) -> answers.Zone:
    """Return a zone with the changes of its clocks between two moments."""
    found = [answers.ZoneChange(c.at_ns / NS, c.utc_offset_s) for c in changes(name, start_ns, end_ns)]
    return answers.Zone(name, utc_offset_s, found)


def _scored(r: NightReport) -> Scored:
    """Return the scored night; an empty one before there are samples."""
    if r.scored is not None:
        return r.scored
    info = r.info
    return Scored(r.rules, info.simulated, info.started_ns, 0, info.duration_ns, info.analysed_ns, [], [])


def summary(r: NightReport) -> answers.NightSummary:
    """Return the night as the list shows it, but for what is known of its files: see `with_custody`."""
    info, scored, f = r.info, _scored(r), r.figures
    i = scored.indices
    analysed, started = scored.analysed_ns / NS, scored.origin_ns
    evening = datetime.fromtimestamp(started / NS, UTC) + timedelta(seconds=info.utc_offset_s, hours=-12)
    return answers.NightSummary(
        id=info.id,
        simulated=info.simulated,
        state=info.state,
        label=evening.strftime("%Y-%m-%d"),
        started=started / NS,
        ended=(started + scored.duration_ns) / NS,
        zone=zone(info.zone_name, info.utc_offset_s, started, started + scored.duration_ns),
        legs=list(info.legs),
        rules=r.rules,
        detector=info.detector,
        duration_s=scored.duration_ns / NS,
        analysed_s=analysed,
        movements=i.movements,
        candidates=i.candidates,
        periodic=i.periodic,
        series=i.series,
        ended_by=info.ended_by,
        movements_per_hour=i.movements / (analysed / 3600) if analysed > 0 else None,
        periodic_per_hour=i.periodic / (analysed / 3600) if analysed > 0 else None,
        gaps=len(scored.gaps),
        headline=answers.Headline(
            denominator=f.denominator if f else "in_bed",
            calibrated_by=f.by if f else None,
            seconds=f.seconds if f else 0.0,
            movements=f.movements if f else 0,
            periodic=f.periodic if f else 0,
            series=f.series if f else 0,
            periodic_per_hour=f.per_hour if f else None,
        ),
        indices=answers.Indices(**indices_json(i)),
        damage=[],
        verdict=scored.verdict,
        imported=info.imported,
    )


def movements(r: NightReport) -> answers.Movements:
    """Return the movements of the night."""
    scored = _scored(r)
    found = [ListedMovement.of(m, scored.origin_ns) for m in scored.movements]
    return answers.Movements(r.info.id, r.info.simulated, r.rules, found)


def whole(r: NightReport, usual: Usual, earlier: str | None, later: str | None) -> answers.Night:
    """Return all that the night's page shows.

    Parameters
    ----------
    r : NightReport
        The night.
    usual : Usual
        The person's usual range before this night.
    earlier, later : str or None
        Ids of the nights before and after it.
    """
    scored, origin = _scored(r), _scored(r).origin_ns
    short = with_custody(r.info, summary(r))
    first = next((t for t in r.tracks if t.anchors), None)
    counts, longer = interval_histogram(scored.movements)
    return answers.Night(
        **{f.name: getattr(short, f.name) for f in fields(short)},
        lights=_lights(r, scored),
        usual=usual,
        held=[
            answers.PostureSpan((origin + h.start) / NS, (origin + h.end) / NS, h.state)
            for h in (r.figures.held if r.figures else [])
        ],
        fits=[fit_result(c) for c in r.checks],
        noise=_noise(r, scored),
        voluntary=r.voluntary,
        marks_without_movement=[
            answers.Mark(m.id, m.leg, m.start_ns / NS, m.end_ns / NS) for m in r.unmatched
        ],
        earlier=earlier,
        later=later,
        rate_hz=first.time.at(first.end).rate_hz if first else None,
        intervals=answers.IntervalHistogram(
            bin_s=BIN_S,
            counts=counts,
            longer=longer,
            window_s=(SHORTEST_INTERVAL / NS, LONGEST_INTERVAL / NS),
        ),
        by_hour=_hours(r, scored),
        gap_list=_gaps([t for t in r.tracks if t.anchors]),
        uncounted=[
            answers.Span((origin + a) / NS, (origin + b) / NS)
            for a, b in _longest(scored.gaps, lambda gap: gap[1] - gap[0])
        ],
        quality=[*(answers.Finding(**f) for f in quality_json(scored)), *short.damage],
        losses=[answers.Losses(t.leg, cast("answers.ShownBy", t.loss)) for t in r.tracks],
        note=answers.NightNote(r.note.text, list(r.note.tags)),
    )


def fit_result(check: Check) -> answers.FitResult:
    """Return a fit check as the pages show it."""
    f = check.fit
    return answers.FitResult(
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
        sentence=FIT_SENTENCES[f.problems[0] if f.problems else "ok"].format(**fit_values(f.toes, f.ratio)),
    )


def leg_envelope(r: NightReport, track: LegTrack) -> tuple[NDArray[np.float32], float]:
    """Return a leg's envelope on the night's clock, one value a second, and its noise floor (g)."""
    scored = _scored(r)
    seconds = min(-(-scored.duration_ns // NS), LONGEST_S)
    return envelope(r.derived[track.leg], track, scored.origin_ns, seconds)


def _hours(r: NightReport, scored: Scored) -> list[answers.Hour]:
    mask = r.figures.mask if r.figures else []
    return [
        answers.Hour(
            start=(scored.origin_ns + h.start) / NS,
            analysed_s=h.analysed / NS,
            counted_s=sum(max(min(b, h.start + HOUR) - max(a, h.start), 0) for a, b in mask) / NS,
            movements=h.movements,
            periodic=h.periodic,
        )
        for h in by_hour(scored)
    ]


def _lights(r: NightReport, scored: Scored) -> answers.Lights:
    start, end = scored.origin_ns / NS, (scored.origin_ns + scored.duration_ns) / NS
    off, on = (None if t is None else t / NS for t in r.lights)
    return answers.Lights(
        off=start if off is None else off,
        on=end if on is None else on,
        edited=off is not None or on is not None,
        recorded_off=start,
        recorded_on=end,
    )


def _noise(r: NightReport, scored: Scored) -> list[answers.Noise]:
    return [answers.Noise(t.leg, 1000 * leg_envelope(r, t)[1]) for t in r.timed] if scored.duration_ns else []


def _gaps(tracks: list[LegTrack]) -> list[answers.Gap]:
    return [
        answers.Gap(
            leg=t.leg,
            start=t.time.utc(g.first) / NS,
            end=t.time.utc(g.first + g.count) / NS,
            cause=g.cause,
            sentence=gap_sentence(g.cause),
        )
        for t in tracks
        for g in _longest(t.gaps, lambda gap: gap.count)
    ]


def _longest(gaps: Sequence[T], length: Callable[[T], int]) -> Sequence[T]:
    """Return the gaps in their order; of more than `MOST_LISTED`, the longest ones."""
    if len(gaps) <= MOST_LISTED:
        return gaps
    kept = sorted(range(len(gaps)), key=lambda n: length(gaps[n]), reverse=True)[:MOST_LISTED]
    return [gaps[n] for n in sorted(kept)]
