"""Scores a recording: checks, applies a rule set, and returns the result."""

from collections.abc import Iterable, Sequence
from typing import get_args

from legmon.detection.faults import Finding
from legmon.movement import NS, Leg, LegMovement
from legmon.scoring.events import Gap, normalise_gaps
from legmon.scoring.result import Scored
from legmon.scoring.rules import RULES, Interpretation, apply_rules, known_rules
from legmon.scoring.wasm2016 import Ninety, Restart


def score(
    movements: Iterable[LegMovement],
    rules: str = RULES,
    gaps: Sequence[tuple[float, float]] = (),
    *,
    duration_s: float | None = None,
    restart: Restart = "permissive",
    ninety: Ninety = "inclusive",
) -> Scored:
    """Apply a rule set to movements.

    Parameters
    ----------
    movements : iterable of LegMovement
        Of one leg or both, in any order; times from the start of the recording.
    rules : {"wasm2016", "wasm2006", "aasm"}
        The rule set; each is a function of its own in this package.
    gaps : sequence of (start, end)
        Stretches without samples, seconds from the start of the recording.
    duration_s : float, optional
        Length of the recording; the last offset where it is left out.
    restart, ninety : str
        Open places of WASM 2016; see `legmon.scoring.wasm2016.wasm2016`.

    Raises
    ------
    ValueError
        If the rule set or a reading is another one.
    """
    movements = list(movements)
    last = max((m.offset_ns for m in movements), default=0)
    missing = [(round(a * NS), round(b * NS)) for a, b in gaps]
    duration = round(duration_s * NS) if duration_s is not None else last
    return scored_night(
        movements, missing, duration, rules=rules, interpretation=Interpretation(restart, ninety)
    )


def scored_night(
    movements: Iterable[LegMovement],
    gaps: Sequence[Gap],
    duration_ns: int,
    *,
    rules: str = RULES,
    origin_ns: int = 0,
    start_ns: int = 0,
    simulated: bool = False,
    interpretation: Interpretation | None = None,
    quality: Sequence[tuple[Leg, Finding]] = (),
) -> Scored:
    """Score with times in ns; see `score` and `Scored`."""
    interpretation = interpretation or Interpretation()
    known = known_rules(rules)
    if interpretation.restart not in get_args(Restart) or interpretation.ninety not in get_args(Ninety):
        raise ValueError("restart is permissive or strict, ninety is inclusive or exclusive")
    movements = tuple(movements)
    end_ns = start_ns + duration_ns
    merged = normalise_gaps((max(a, start_ns), min(b, end_ns)) for a, b in gaps)
    return Scored(
        rules=known,
        simulated=simulated,
        origin_ns=origin_ns,
        start_ns=start_ns,
        duration_ns=duration_ns,
        analysed_ns=duration_ns - sum(b - a for a, b in merged),
        gaps=merged,
        movements=apply_rules(known, movements, merged, interpretation),
        detections=movements,
        interpretation=interpretation,
        quality=quality,
    )
