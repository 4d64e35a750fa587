"""The JSON object of `legmon score`: the part other programs rely on, and `details`."""

from typing import Any

from legmon.movement import NS
from legmon.scoring import details as d
from legmon.scoring.events import ScoredEvent
from legmon.scoring.indices import BIN_S, Indices, interval_histogram
from legmon.scoring.scored import Scored
from legmon.scoring.sleep import by_stage


def answer(scored: Scored) -> dict[str, Any]:
    """Say everything of a scored recording, seconds rounded to the millisecond."""
    return {
        "rules": scored.rules,
        "simulated": scored.simulated,
        "duration_s": _s(scored.duration_ns),
        "analysed_s": _s(scored.analysed_ns),
        "gaps": [[_s(a), _s(b)] for a, b in scored.gaps],
        "movements": [movement_json(s) for s in scored.events],
        "indices": indices_json(scored.indices),
        "details": details_json(scored),
    }


def movement_json(scored: ScoredEvent) -> dict[str, Any]:
    """Say one movement."""
    e = scored.event
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
    counts, longer = interval_histogram(scored.events)
    with_bridges, matters = d.bridged(scored)
    all_intervals = d.log_intervals(scored, within_10_to_90=False)
    within = d.log_intervals(scored, within_10_to_90=True)
    reading = scored.reading
    total = d.counts(scored.events)
    said: dict[str, Any] = {
        "denominator": "hours with samples",
        "per_hour": {
            "movements": _rate(total.movements, hours),
            "candidates": _rate(total.candidates, hours),
            "periodic": _rate(total.periodic, hours),
            "isolated_candidates": _rate(d.isolated(scored), hours),
            "short_interval_candidates": _rate(d.short_interval(scored), hours),
        },
        "legs": {
            side: {"movements": c.movements, "candidates": c.candidates, "periodic": c.periodic}
            for side, c in d.per_side(scored).items()
        },
        "series": [
            {
                "number": s.number,
                "onset_s": _s(s.onset),
                "offset_s": _s(s.offset),
                "movements": s.movements,
                "mean_interval_s": round(s.mean_interval_s, 3),
            }
            for s in d.series(scored)
        ],
        "by_hour": [
            {
                "start_s": _s(h.start),
                "analysed_s": _s(h.analysed),
                "movements": h.movements,
                "periodic": h.periodic,
            }
            for h in d.by_hour(scored)
        ],
        "intervals": {
            "bin_s": BIN_S,
            "counts": counts,
            "longer": longer,
            "log_all": _log(all_intervals),
            "log_10_90": _log(within),
        },
        "mean_duration_s": {
            "movements": _rounded(d.mean_duration_s(s for s in scored.events if s.event.kind == "leg")),
            "candidates": _rounded(d.mean_duration_s(s for s in scored.events if s.candidate)),
            "periodic": _rounded(d.mean_duration_s(s for s in scored.events if s.periodic)),
        },
        "gaps_to_5_s_bridged": {
            "periodic": with_bridges,
            "periodic_per_hour": _rate(with_bridges, hours),
            "differs_by_more_than_10_percent": matters,
        },
        "sleep": _sleep(scored) if reading.stages else None,
        "respiratory": _respiratory(scored) if reading.respiratory else None,
        "not_measured": [
            *(() if reading.stages else ("sleep stage",)),
            *(() if reading.respiratory else ("respiration",)),
            "arousal",
        ],
        "verdict": scored.verdict,
        "quality": quality_json(scored),
    }
    if scored.rules == "wasm2016":
        said["reading"] = {"restart": reading.restart, "ninety": reading.ninety}
    return said


def quality_json(scored: Scored) -> list[dict[str, Any]]:
    """Say what is wrong with the signal."""
    return [
        {"code": f.code.value, "leg": leg, "seconds": f.seconds, "sentence": f.sentence}
        for leg, f in scored.quality
    ]


def _sleep(scored: Scored) -> dict[str, Any]:
    parts = by_stage(scored.events, scored.reading.stages, scored.gaps)
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
    marked, left = d.without_respiratory(scored)
    return {"candidates": marked, "periodic_without": left}


def _log(x: d.LogIntervals) -> dict[str, Any]:
    return {"count": x.count, "mean": _rounded(x.mean), "sd": _rounded(x.sd)}


def _rate(count: int, hours: float) -> float | None:
    return round(count / hours, 4) if hours > 0 else None


def _s(ns: int) -> float:
    return round(ns / NS, 3)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
