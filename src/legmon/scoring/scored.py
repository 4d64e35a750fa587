"""A recording under a rule set: every movement with what the rules say of it, and the numbers that follow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from legmon.movement import NS, LegMovement
from legmon.scoring.events import Gap, normalise_gaps
from legmon.scoring.indices import Indices, indices
from legmon.scoring.wasm2016 import ScoredEvent, wasm2016

Rules = Literal["wasm2016"]
RULES: Final[Rules] = "wasm2016"


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
    duration_ns, analysed_ns : int
        First sample to last, and the same less what is missing.
    gaps : list of (start, end)
        Gap stretches, ns from the origin.
    events : list of ScoredEvent
        Every movement after joining and merging, in order of onset.
    """

    rules: str
    simulated: bool
    origin_ns: int
    duration_ns: int
    analysed_ns: int
    gaps: list[Gap]
    events: list[ScoredEvent]

    @property
    def indices(self) -> Indices:
        """Counts and indices."""
        return indices(self.events, self.analysed_ns)

    def answer(self) -> dict[str, Any]:
        """Give the JSON object of `legmon score`, seconds rounded to the millisecond."""
        return {
            "rules": self.rules,
            "simulated": self.simulated,
            "duration_s": _s(self.duration_ns),
            "analysed_s": _s(self.analysed_ns),
            "gaps": [[_s(a), _s(b)] for a, b in self.gaps],
            "movements": [movement_json(s) for s in self.events],
            "indices": indices_json(self.indices),
        }


def score(
    movements: Iterable[LegMovement],
    rules: str = RULES,
    gaps: Sequence[tuple[float, float]] = (),
    *,
    duration_s: float | None = None,
) -> Scored:
    """Apply a rule set to movements.

    Parameters
    ----------
    movements : iterable of LegMovement
        Of one leg or both, in any order; times from the start of the recording.
    rules : str
        ``"wasm2016"``.
    gaps : sequence of (start, end)
        Stretches without samples, seconds from the start of the recording.
    duration_s : float, optional
        Length of the recording; the last offset where it is left out.

    Raises
    ------
    ValueError
        If the rule set is another one.
    """
    movements = list(movements)
    last = max((m.offset_ns for m in movements), default=0)
    missing = [(round(a * NS), round(b * NS)) for a, b in gaps]
    return scored_night(
        movements, missing, round(duration_s * NS) if duration_s is not None else last, rules=rules
    )


def scored_night(
    movements: Iterable[LegMovement],
    gaps: Sequence[Gap],
    duration_ns: int,
    *,
    rules: str = RULES,
    origin_ns: int = 0,
    simulated: bool = False,
) -> Scored:
    """Score with times in ns; see `score`."""
    if rules != RULES:
        raise ValueError(f"rules are {rules!r}; this version knows 'wasm2016'")
    merged = normalise_gaps(gaps)
    return Scored(
        rules=rules,
        simulated=simulated,
        origin_ns=origin_ns,
        duration_ns=duration_ns,
        analysed_ns=duration_ns - sum(b - a for a, b in merged),
        gaps=merged,
        events=wasm2016(movements, merged),
    )


def by_hour(scored: Scored) -> list[dict[str, int]]:
    """Count movements and time with samples in each hour from the start.

    Returns
    -------
    list of dict
        ``start`` (ns from the origin), ``analysed`` (ns), ``movements``, ``periodic``.
    """
    hour = 3600 * NS
    starts = range(0, max(scored.duration_ns, 1), hour)
    rows = []
    for a in starts:
        b = min(a + hour, scored.duration_ns)
        lost = sum(max(min(e, b) - max(s, a), 0) for s, e in scored.gaps)
        inside = [s for s in scored.events if a <= s.event.onset < a + hour]
        rows.append(
            {
                "start": a,
                "analysed": b - a - lost,
                "movements": sum(s.event.kind == "leg" for s in inside),
                "periodic": sum(s.periodic for s in inside),
            }
        )
    return rows


def movement_json(scored: ScoredEvent) -> dict[str, Any]:
    """One movement as `legmon score` prints it."""
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
    """Indices as `legmon score` prints them."""
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


def _s(ns: int) -> float:
    return round(ns / NS, 3)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
