"""A scored recording: every movement with what the rules say of it, the numbers, and the JSON object of `legmon score`."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from legmon.detection.faults import Finding, Verdict, verdict
from legmon.movement import NS, Leg, LegMovement
from legmon.scoring.events import Gap, ScoredMovement
from legmon.scoring.indices import BIN_S, Indices, indices, interval_histogram
from legmon.scoring.rules import Interpretation, Rules, apply_rules
from legmon.scoring.sleep import by_stage, is_respiratory
from legmon.scoring.wasm2016 import LONGEST_INTERVAL, SHORTEST_INTERVAL, wasm2016

BRIDGED = 5 * NS
MATTERS = 0.1


@dataclass(frozen=True, slots=True)
class Scored:
    """A recording with what the rules say of it.

    Parameters
    ----------
    rules : str
        The rule set in force.
    simulated : bool
        Whether the samples came from a simulated sensor.
    origin_ns : int
        What onset 0 means, ns UTC; 0 for files without a date.
    start_ns, duration_ns, analysed_ns : int
        First sample, seen from the origin; from there to the last; and the same less what is missing.
    gaps : list of (start, end)
        Missing stretches, ns from the origin.
    movements : list of ScoredMovement
        Every movement after joining and merging, in order of onset.
    detections : tuple of LegMovement
        What was scored.
    reading : Reading
        How the rules were read.
    quality : sequence of (leg, Finding)
        What is wrong with the signal.
    """

    rules: Rules
    simulated: bool
    origin_ns: int
    start_ns: int
    duration_ns: int
    analysed_ns: int
    gaps: list[Gap]
    movements: list[ScoredMovement]
    detections: tuple[LegMovement, ...] = ()
    interpretation: Interpretation = field(default_factory=Interpretation)
    quality: Sequence[tuple[Leg, Finding]] = ()

    @property
    def indices(self) -> Indices:
        """Counts and indices."""
        return indices(self.movements, self.analysed_ns)

    @property
    def verdict(self) -> Verdict:
        """Whether the signal is good enough."""
        return verdict((f for _, f in self.quality), self.analysed_ns, self.duration_ns)

    def answer(self) -> dict[str, Any]:
        """Return the JSON object of `legmon score`, seconds rounded to the millisecond."""
        return answer(self)


# what more there is to say: per leg, per series, by hour, intervals, durations, what gaps may hide


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

    PLMScoRe takes all measurable intervals, SOMAS and Luna those of 10 to 90 s; both are given, so that no one has to guess.
    """

    count: int
    mean: float | None
    sd: float | None


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour from the first sample on; start and time with samples in ns."""

    start: int
    analysed: int
    movements: int
    periodic: int


def per_side(scored: Scored) -> dict[str, Counts]:
    """Count the left leg alone, the right leg alone, and both together; the three add up."""
    return {
        side: counts(s for s in scored.movements if s.movement.side == side)
        for side in ("left", "right", "both")
    }


def counts(events: Iterable[ScoredMovement]) -> Counts:
    """Count; only kind `leg` are movements."""
    listed = list(events)
    return Counts(
        movements=sum(s.movement.kind == "leg" for s in listed),
        candidates=sum(s.candidate for s in listed),
        periodic=sum(s.periodic for s in listed),
    )


def isolated(scored: Scored) -> int:
    """Candidates that are in no series."""
    return sum(s.candidate and not s.periodic for s in scored.movements)


def short_interval(scored: Scored) -> int:
    """Candidates less than 10 s after the one before."""
    return sum(s.interval is not None and s.interval < SHORTEST_INTERVAL for s in scored.movements)


def series(scored: Scored) -> list[Series]:
    """List the series in order."""
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
    """Mean and SD (n - 1) of ln(interval in s)."""
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
    """Mean length in seconds."""
    lengths = [s.movement.offset - s.movement.onset for s in events]
    return sum(lengths) / len(lengths) / NS if lengths else None


def by_hour(scored: Scored) -> list[Hour]:
    """Count movements and time with samples in each hour from the first sample on."""
    hour = 3600 * NS
    end = scored.start_ns + scored.duration_ns
    rows = []
    for a in range(scored.start_ns, max(end, scored.start_ns + 1), hour):
        b = min(a + hour, end)
        lost = sum(max(min(e, b) - max(s, a), 0) for s, e in scored.gaps)
        inside = counts(s for s in scored.movements if a <= s.movement.onset < a + hour)
        rows.append(Hour(a, b - a - lost, inside.movements, inside.periodic))
    return rows


def bridged(scored: Scored) -> tuple[int, bool]:
    """Count periodic movements as if gaps of up to 5 s held none; whether that differs by more than 10 %.

    A sensitivity value, not a result: a night in which it differs much hangs on what its gaps hid.
    """
    longer = [g for g in scored.gaps if g[1] - g[0] > BRIDGED]
    events = apply_rules(scored.rules, scored.detections, longer, scored.interpretation)
    as_is, with_bridges = counts(scored.movements).periodic, counts(events).periodic
    return with_bridges, abs(with_bridges - as_is) > MATTERS * max(as_is, 1)


def without_respiratory(scored: Scored) -> tuple[int, int]:
    """WASM 2016: respiratory candidates, and periodic movements left when they are deleted.

    Candidates that are respiratory are deleted, movements that are no candidates stay, and intervals and series are made anew.
    """
    marked = [s for s in scored.movements if is_respiratory(s, scored.interpretation.respiratory)]
    gone = {id(part) for s in marked for part in s.movement.parts}
    kept = [p for s in scored.movements for p in s.movement.parts if id(p) not in gone]
    again = wasm2016(
        kept, scored.gaps, restart=scored.interpretation.restart, ninety=scored.interpretation.ninety
    )
    return len(marked), counts(again).periodic


# the JSON object


def answer(scored: Scored) -> dict[str, Any]:
    """Say everything of a scored recording, seconds rounded to the millisecond."""
    return {
        "rules": scored.rules,
        "simulated": scored.simulated,
        "duration_s": _s(scored.duration_ns),
        "analysed_s": _s(scored.analysed_ns),
        "gaps": [[_s(a), _s(b)] for a, b in scored.gaps],
        "movements": [movement_json(s) for s in scored.movements],
        "indices": indices_json(scored.indices),
        "details": details_json(scored),
    }


def movement_json(scored: ScoredMovement) -> dict[str, Any]:
    """Say one movement."""
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
    }


def indices_json(i: Indices) -> dict[str, Any]:
    """Say the indices."""
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
    """Say what goes beyond the indices; what was not measured is named, never 0."""
    hours = scored.analysed_ns / NS / 3600
    by_interval, longer = interval_histogram(scored.movements)
    with_bridges, matters = bridged(scored)
    all_intervals = log_intervals(scored, within_10_to_90=False)
    within = log_intervals(scored, within_10_to_90=True)
    interpretation = scored.interpretation
    total = counts(scored.movements)
    said: dict[str, Any] = {
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
    }
    if scored.rules == "wasm2016":
        said["reading"] = {"restart": interpretation.restart, "ninety": interpretation.ninety}
    return said


def quality_json(scored: Scored) -> list[dict[str, Any]]:
    """Say what is wrong with the signal."""
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
