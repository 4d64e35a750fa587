"""What more there is to say of a scored recording: per leg, per series, by hour, intervals, durations, what gaps may hide."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from legmon.movement import NS
from legmon.scoring.events import ScoredEvent
from legmon.scoring.scored import Scored, events_by
from legmon.scoring.sleep import is_respiratory
from legmon.scoring.wasm2016 import LONGEST_INTERVAL, SHORTEST_INTERVAL, wasm2016

BRIDGED = 5 * NS
MATTERS = 0.1


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
        side: counts(s for s in scored.events if s.event.side == side) for side in ("left", "right", "both")
    }


def counts(events: Iterable[ScoredEvent]) -> Counts:
    """Count; only kind `leg` are movements."""
    listed = list(events)
    return Counts(
        movements=sum(s.event.kind == "leg" for s in listed),
        candidates=sum(s.candidate for s in listed),
        periodic=sum(s.periodic for s in listed),
    )


def isolated(scored: Scored) -> int:
    """Candidates that are in no series."""
    return sum(s.candidate and not s.periodic for s in scored.events)


def short_interval(scored: Scored) -> int:
    """Candidates less than 10 s after the one before."""
    return sum(s.interval is not None and s.interval < SHORTEST_INTERVAL for s in scored.events)


def series(scored: Scored) -> list[Series]:
    """List the series in order."""
    members: dict[int, list[ScoredEvent]] = {}
    for s in scored.events:
        if s.series is not None:
            members.setdefault(s.series, []).append(s)
    return [
        Series(
            number=number,
            onset=run[0].event.onset,
            offset=max(s.event.offset for s in run),
            movements=len(run),
            mean_interval_s=(run[-1].event.onset - run[0].event.onset) / NS / (len(run) - 1),
        )
        for number, run in members.items()
    ]


def log_intervals(scored: Scored, *, within_10_to_90: bool) -> LogIntervals:
    """Mean and SD (n - 1) of ln(interval in s)."""
    logs = [
        math.log(s.interval / NS)
        for s in scored.events
        if s.interval and (not within_10_to_90 or SHORTEST_INTERVAL <= s.interval <= LONGEST_INTERVAL)
    ]
    n = len(logs)
    mean = sum(logs) / n if n else None
    sd = math.sqrt(sum((x - mean) ** 2 for x in logs) / (n - 1)) if mean is not None and n > 1 else None
    return LogIntervals(n, mean, sd)


def mean_duration_s(events: Iterable[ScoredEvent]) -> float | None:
    """Mean length in seconds."""
    lengths = [s.event.offset - s.event.onset for s in events]
    return sum(lengths) / len(lengths) / NS if lengths else None


def by_hour(scored: Scored) -> list[Hour]:
    """Count movements and time with samples in each hour from the first sample on."""
    hour = 3600 * NS
    end = scored.start_ns + scored.duration_ns
    rows = []
    for a in range(scored.start_ns, max(end, scored.start_ns + 1), hour):
        b = min(a + hour, end)
        lost = sum(max(min(e, b) - max(s, a), 0) for s, e in scored.gaps)
        inside = counts(s for s in scored.events if a <= s.event.onset < a + hour)
        rows.append(Hour(a, b - a - lost, inside.movements, inside.periodic))
    return rows


def bridged(scored: Scored) -> tuple[int, bool]:
    """Count periodic movements as if gaps of up to 5 s held none; whether that differs by more than 10 %.

    A sensitivity value, not a result: a night in which it differs much hangs on what its gaps hid.
    """
    longer = [g for g in scored.gaps if g[1] - g[0] > BRIDGED]
    events = events_by(scored.rules, scored.movements, longer, scored.reading)
    as_is, with_bridges = counts(scored.events).periodic, counts(events).periodic
    return with_bridges, abs(with_bridges - as_is) > MATTERS * max(as_is, 1)


def without_respiratory(scored: Scored) -> tuple[int, int]:
    """WASM 2016: respiratory candidates, and periodic movements left when they are deleted.

    Candidates that are respiratory are deleted, movements that are no candidates stay, and intervals and series are made anew.
    """
    marked = [s for s in scored.events if is_respiratory(s, scored.reading.respiratory)]
    gone = {id(part) for s in marked for part in s.event.parts}
    kept = [p for s in scored.events for p in s.event.parts if id(p) not in gone]
    again = wasm2016(kept, scored.gaps, restart=scored.reading.restart, ninety=scored.reading.ninety)
    return len(marked), counts(again).periodic
