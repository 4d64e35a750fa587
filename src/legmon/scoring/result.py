"""A scored recording: every movement as the rules see it, the numbers, and the JSON object of `legmon score`."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from legmon.detection.confidence import calibrated_on
from legmon.detection.faults import Finding, Verdict, verdict
from legmon.messages import Message
from legmon.movement import NS, Leg, LegMovement
from legmon.scoring.events import Covered, ScoredMovement, Span
from legmon.scoring.indices import BIN_S, Indices, indices, interval_histogram
from legmon.scoring.plausible import PlausibleCount, plausible_periodic
from legmon.scoring.rules import NAMES, Interpretation, Rules, apply_rules
from legmon.scoring.sleep import by_stage, respiratory_movements
from legmon.scoring.wasm2016 import LONGEST_INTERVAL, SHORTEST_INTERVAL, wasm2016

BRIDGED = 5 * NS
MATTERS = 0.1
MOST_HOURS = 31 * 24
"""A longer recording has no table of hours."""


@dataclass(frozen=True, slots=True, repr=False)
class Scored:
    """A recording under a rule set.

    Parameters
    ----------
    rules : str
        The rule set in force.
    simulated : bool
        Whether the samples came from a simulated sensor.
    origin_ns : int
        What onset 0 means, ns UTC; 0 for files without a date.
    start_ns, duration_ns, analysed_ns : int
        First sample, counted from the origin; time from there to the last sample; and the same less the gaps.
    gaps : list of (start, end)
        Stretches without samples, ns from the origin.
    movements : list of ScoredMovement
        Every movement after joining and merging, in order of onset.
    detections : tuple of LegMovement
        The movements before joining and merging.
    interpretation : Interpretation
        How open places of the rules are interpreted, and what was scored elsewhere.
    quality : sequence of (leg, Finding)
        The faults of the signal.
    notes : sequence of Message
        What a person should know of the source, such as annotations that were not understood.
    detector : str or None
        Name and version of the detector that found the movements, with a space between; None if something else did.
    not_understood : mapping of str to int
        Annotations of the source that legmon does not know, and how many there are of each.
    """

    rules: Rules
    simulated: bool
    origin_ns: int
    start_ns: int
    duration_ns: int
    analysed_ns: int
    gaps: list[Span]
    movements: list[ScoredMovement]
    detections: tuple[LegMovement, ...] = ()
    interpretation: Interpretation = field(default_factory=Interpretation)
    quality: Sequence[tuple[Leg, Finding]] = ()
    notes: Sequence[Message] = ()
    detector: str | None = None
    not_understood: Mapping[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        i = self.indices
        simulated = ", simulated" if self.simulated else ""
        rate = "" if i.periodic_per_hour is None else f", {i.periodic_per_hour:.1f}/h"
        return f"<{NAMES[self.rules]}{simulated}: {i.movements} LM, {i.periodic} periodic{rate} in {i.hours:.2f} h>"

    @property
    def indices(self) -> Indices:
        """Counts and indices."""
        return indices(self.movements, self.analysed_ns)

    @property
    def plausible_periodic(self) -> PlausibleCount | None:
        """The range of the periodic count, from errors on simulated nights. It takes 30 runs of the rules."""
        return plausible_periodic(
            self.detections,
            self.gaps,
            self.start_ns,
            self.duration_ns,
            rules=self.rules,
            interpretation=self.interpretation,
            detector=self.detector,
        )

    @property
    def verdict(self) -> Verdict:
        """Whether the signal is good enough."""
        return verdict((f for _, f in self.quality), self.analysed_ns, self.duration_ns)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of `legmon score`. Seconds are rounded to the millisecond."""
        plausible = self.plausible_periodic
        return {
            "rules": self.rules,
            "simulated": self.simulated,
            "detector": detector_json(self.detector),
            "duration_s": _s(self.duration_ns),
            "analysed_s": _s(self.analysed_ns),
            "gaps": [[_s(a), _s(b)] for a, b in self.gaps],
            "movements": [movement_json(s) for s in self.movements],
            "indices": indices_json(self.indices),
            "plausible_periodic": None if plausible is None else plausible.to_dict(),
            "not_understood": [{"text": text, "count": count} for text, count in self.not_understood.items()],
            "details": details_json(self),
        }


def detector_json(detector: str | None) -> dict[str, str] | None:
    """Return name and version of a detector as JSON; None if something else found the movements."""
    if detector is None:
        return None
    name, _, version = detector.partition(" ")
    return {"name": name, "version": version}


# details: per leg, per series, by hour, intervals, durations, what gaps may hide


@dataclass(frozen=True, slots=True)
class Counts:
    """Movements, candidates and periodic movements of a part of the recording."""

    movements: int
    candidates: int
    periodic: int


@dataclass(frozen=True, slots=True)
class Series:
    """One periodic series; times in ns from the origin, interval in seconds."""

    number: int
    onset: int
    offset: int
    movements: int
    mean_interval_s: float


@dataclass(frozen=True, slots=True)
class LogIntervals:
    """Mean and standard deviation of the natural logarithm of intervals in seconds.

    PLMScoRe uses all measurable intervals, SOMAS and Luna those of 10 to 90 s. Both are reported, so that a reader can compare.
    """

    count: int
    mean: float | None
    sd: float | None


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the recording, counted from the first sample. Start and time with samples are in ns."""

    start: int
    analysed: int
    movements: int
    periodic: int


def per_side(scored: Scored) -> dict[str, Counts]:
    """Count movements of the left leg alone, the right leg alone, and both legs together. The three add up."""
    return {
        side: counts(s for s in scored.movements if s.movement.side == side)
        for side in ("left", "right", "both")
    }


def counts(events: Iterable[ScoredMovement]) -> Counts:
    """Count movements, candidates and periodic movements. Only kind `leg` counts as a movement."""
    listed = list(events)
    return Counts(
        movements=sum(s.movement.kind == "leg" for s in listed),
        candidates=sum(s.candidate for s in listed),
        periodic=sum(s.periodic for s in listed),
    )


def isolated(scored: Scored) -> int:
    """Return the number of candidates that are in no series."""
    return sum(s.candidate and not s.periodic for s in scored.movements)


def short_interval(scored: Scored) -> int:
    """Return the number of candidates less than 10 s after the one before."""
    return sum(s.interval is not None and s.interval < SHORTEST_INTERVAL for s in scored.movements)


def series(scored: Scored) -> list[Series]:
    """Return the series in order."""
    members: dict[int, list[ScoredMovement]] = {}
    for s in scored.movements:
        if s.series is not None:
            members.setdefault(s.series, []).append(s)
    return [
        Series(
            number=number,
            onset=run[0].movement.onset,
            offset=max(s.movement.offset for s in run),
            movements=len(run),
            mean_interval_s=(run[-1].movement.onset - run[0].movement.onset) / NS / (len(run) - 1),
        )
        for number, run in members.items()
    ]


def log_intervals(scored: Scored, *, within_10_to_90: bool) -> LogIntervals:
    """Return mean and SD (n - 1) of ln(interval in s)."""
    logs = [
        math.log(s.interval / NS)
        for s in scored.movements
        if s.interval and (not within_10_to_90 or SHORTEST_INTERVAL <= s.interval <= LONGEST_INTERVAL)
    ]
    n = len(logs)
    mean = sum(logs) / n if n else None
    sd = math.sqrt(sum((x - mean) ** 2 for x in logs) / (n - 1)) if mean is not None and n > 1 else None
    return LogIntervals(n, mean, sd)


def mean_duration_s(events: Iterable[ScoredMovement]) -> float | None:
    """Return the mean length in seconds; None if there are no movements."""
    lengths = [s.movement.offset - s.movement.onset for s in events]
    return sum(lengths) / len(lengths) / NS if lengths else None


def by_hour(scored: Scored) -> list[Hour]:
    """Return movements and time with samples for each hour, counted from the first sample.

    A recording of more than `MOST_HOURS` has no such table: its times are no times of a recording.
    """
    hour = 3600 * NS
    if scored.duration_ns > MOST_HOURS * hour:
        return []
    start, end = scored.start_ns, scored.start_ns + scored.duration_ns
    missing = Covered(scored.gaps)
    inside: dict[int, list[ScoredMovement]] = {}
    for s in scored.movements:
        inside.setdefault((s.movement.onset - start) // hour, []).append(s)
    rows = []
    for number, a in enumerate(range(start, max(end, start + 1), hour)):
        b, found = min(a + hour, end), counts(inside.get(number, ()))
        rows.append(Hour(a, b - a - missing.length(a, b), found.movements, found.periodic))
    return rows


def bridged(scored: Scored) -> tuple[int, bool]:
    """Count periodic movements as if gaps of up to 5 s did not exist, and whether that differs by more than 10 %.

    This is a check of sensitivity, not a result. Where it differs much, the result depends on what the gaps hide.
    """
    longer = [g for g in scored.gaps if g[1] - g[0] > BRIDGED]
    events = apply_rules(scored.rules, scored.detections, longer, scored.interpretation)
    as_is, with_bridges = counts(scored.movements).periodic, counts(events).periodic
    return with_bridges, abs(with_bridges - as_is) > MATTERS * max(as_is, 1)


def without_respiratory(scored: Scored) -> tuple[int, int]:
    """WASM 2016: respiratory candidates, and periodic movements left when they are deleted.

    Respiratory candidates are deleted. Movements that are not candidates stay. Intervals and series are then computed again.
    """
    marked = respiratory_movements(scored.movements, scored.interpretation.respiratory)
    gone = {id(part) for s in marked for part in s.movement.parts}
    kept = [p for s in scored.movements for p in s.movement.parts if id(p) not in gone]
    again = wasm2016(
        kept, scored.gaps, restart=scored.interpretation.restart, ninety=scored.interpretation.ninety
    )
    return len(marked), counts(again).periodic


# the JSON object


def movement_json(scored: ScoredMovement) -> dict[str, Any]:
    """Return one movement as JSON."""
    e = scored.movement
    return {
        "onset_s": _s(e.onset),
        "offset_s": _s(e.offset),
        "leg": e.side,
        "kind": e.kind,
        "candidate": scored.candidate,
        "periodic": scored.periodic,
        "series": scored.series,
        "interval_s": None if scored.interval is None else _s(scored.interval),
        "peak_mg": e.peak_mg,
        "confidence": e.confidence,
        "calibrated_on": calibrated_on(e.confidence),
    }


def indices_json(i: Indices) -> dict[str, Any]:
    """Return the indices as JSON."""
    return {
        "movements": i.movements,
        "candidates": i.candidates,
        "periodic": i.periodic,
        "series": i.series,
        "hours": round(i.hours, 6),
        "periodic_per_hour": _rounded(i.periodic_per_hour),
        "periodicity_index_2006": _rounded(i.periodicity_index_2006),
        "periodic_ratio": _rounded(i.periodic_ratio),
        "interval_geometric_mean_s": _rounded(i.interval_geometric_mean_s),
    }


def details_json(scored: Scored) -> dict[str, Any]:
    """Return the details beyond the indices. A value that was not measured is named; it is never 0."""
    hours = scored.analysed_ns / NS / 3600
    by_interval, longer = interval_histogram(scored.movements)
    with_bridges, matters = bridged(scored)
    all_intervals = log_intervals(scored, within_10_to_90=False)
    within = log_intervals(scored, within_10_to_90=True)
    interpretation = scored.interpretation
    total = counts(scored.movements)
    details: dict[str, Any] = {
        "denominator": "hours with samples",
        "per_hour": {
            "movements": _rate(total.movements, hours),
            "candidates": _rate(total.candidates, hours),
            "periodic": _rate(total.periodic, hours),
            "isolated_candidates": _rate(isolated(scored), hours),
            "short_interval_candidates": _rate(short_interval(scored), hours),
        },
        "legs": {
            side: {"movements": c.movements, "candidates": c.candidates, "periodic": c.periodic}
            for side, c in per_side(scored).items()
        },
        "series": [
            {
                "number": s.number,
                "onset_s": _s(s.onset),
                "offset_s": _s(s.offset),
                "movements": s.movements,
                "mean_interval_s": round(s.mean_interval_s, 3),
            }
            for s in series(scored)
        ],
        "by_hour": [
            {
                "start_s": _s(h.start),
                "analysed_s": _s(h.analysed),
                "movements": h.movements,
                "periodic": h.periodic,
            }
            for h in by_hour(scored)
        ],
        "intervals": {
            "bin_s": BIN_S,
            "counts": by_interval,
            "longer": longer,
            "log_all": _log(all_intervals),
            "log_10_90": _log(within),
        },
        "mean_duration_s": {
            "movements": _rounded(mean_duration_s(s for s in scored.movements if s.movement.kind == "leg")),
            "candidates": _rounded(mean_duration_s(s for s in scored.movements if s.candidate)),
            "periodic": _rounded(mean_duration_s(s for s in scored.movements if s.periodic)),
        },
        "gaps_to_5_s_bridged": {
            "periodic": with_bridges,
            "periodic_per_hour": _rate(with_bridges, hours),
            "differs_by_more_than_10_percent": matters,
        },
        "sleep": _sleep(scored) if interpretation.stages else None,
        "respiratory": _respiratory(scored) if interpretation.respiratory else None,
        "not_measured": [
            *(() if interpretation.stages else ("sleep stage",)),
            *(() if interpretation.respiratory else ("respiration",)),
            "arousal",
        ],
        "verdict": scored.verdict,
        "quality": quality_json(scored),
        "notes": [{"code": n.code, "sentence": n.sentence, **n.values} for n in scored.notes],
    }
    if scored.rules == "wasm2016":
        details["interpretation"] = {"restart": interpretation.restart, "ninety": interpretation.ninety}
    return details


def quality_json(scored: Scored) -> list[dict[str, Any]]:
    """Return the faults of the signal as JSON."""
    return [
        {"code": f.code.value, "leg": leg, "seconds": f.seconds, "sentence": f.sentence}
        for leg, f in scored.quality
    ]


def _sleep(scored: Scored) -> dict[str, Any]:
    parts = by_stage(scored.movements, scored.interpretation.stages, scored.gaps)
    return {
        "periodic_asleep": parts.asleep,
        "periodic_awake": parts.awake,
        "periodic_unstaged": parts.unstaged,
        "hours_asleep": round(parts.asleep_hours, 6),
        "hours_awake": round(parts.awake_hours, 6),
        "periodic_per_hour_asleep": _rate(parts.asleep, parts.asleep_hours),
        "periodic_per_hour_awake": _rate(parts.awake, parts.awake_hours),
        "periodic_rem": parts.rem,
        "periodic_non_rem": parts.non_rem,
    }


def _respiratory(scored: Scored) -> dict[str, Any] | str:
    if scored.rules == "aasm":
        return "movements within 0.5 s of a respiratory event are no candidates"
    if scored.rules == "wasm2006":
        return "not used by this rule set"
    marked, left = without_respiratory(scored)
    return {"candidates": marked, "periodic_without": left}


def _log(x: LogIntervals) -> dict[str, Any]:
    return {"count": x.count, "mean": _rounded(x.mean), "sd": _rounded(x.sd)}


def _rate(count: int, hours: float) -> float | None:
    return round(count / hours, 4) if hours > 0 else None


def _s(ns: int) -> float:
    return round(ns / NS, 3)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
