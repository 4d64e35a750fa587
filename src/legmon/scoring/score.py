"""Scores a recording: checks it, applies a rule set, and returns the result."""

from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

from legmon.detection.faults import Finding
from legmon.messages import Message
from legmon.movement import Leg, LegMovement
from legmon.scoring.checked import checked_duration, checked_movements, checked_spans, nanoseconds
from legmon.scoring.events import Span, normalise_gaps
from legmon.scoring.result import Scored
from legmon.scoring.rules import RULES, Interpretation, apply_rules, known_rules
from legmon.scoring.wasm2016 import Ninety, Restart


def score(
    movements: Iterable[LegMovement],
    rules: str = RULES,
    gaps: Iterable[Sequence[float]] = (),
    *,
    duration_s: float | None = None,
    restart: Restart = "permissive",
    ninety: Ninety = "inclusive",
) -> Scored:
    """Apply a rule set to movements.

    Parameters
    ----------
    movements : iterable of LegMovement
        Of one leg or both, in any order. Times count from the start of the recording.
    rules : {"wasm2016", "wasm2006", "aasm"}
        The rule set. Each is a function of its own in this package.
    gaps : iterable of (start, end)
        Stretches without samples, seconds from the start of the recording. Only their part inside the recording counts.
    duration_s : float, optional
        Length of the recording. Without it the recording ends with the last offset.
    restart, ninety : str
        Open places of WASM 2016; see `legmon.scoring.wasm2016.wasm2016`.

    Raises
    ------
    ValueError
        If the name of the rule set or of an interpretation is unknown. If a movement or a gap is wrong: it ends before it
        starts, starts before the recording, or ends after it; a time is not a finite number; the leg is unknown. The message
        names the row and what was expected. `legmon score --events` refuses the same rows.

    Examples
    --------
    >>> import legmon
    >>> legs = [legmon.LegMovement(s * 10**9, (s + 2) * 10**9, "left") for s in (0, 20, 40, 60)]
    >>> legmon.score(legs, duration_s=3600)
    <WASM 2016: 4 LM, 4 periodic, 4.0/h in 1.00 h>
    """
    length_s = checked_duration(duration_s)
    checked = checked_movements(movements, length_s)
    last = max((m.offset_ns for m in checked), default=0)
    return scored_night(
        checked,
        checked_spans(gaps, "gap"),
        last if length_s is None else nanoseconds(length_s),
        rules=rules,
        interpretation=Interpretation(restart, ninety),
    )


def scored_night(
    movements: Iterable[LegMovement],
    gaps: Sequence[Span],
    duration_ns: int,
    *,
    rules: str = RULES,
    origin_ns: int = 0,
    start_ns: int = 0,
    simulated: bool = False,
    interpretation: Interpretation | None = None,
    quality: Sequence[tuple[Leg, Finding]] = (),
    notes: Sequence[Message] = (),
    detector: str | None = None,
    not_understood: Mapping[str, int] | None = None,
) -> Scored:
    """Score with times in ns, without the check of `score`: for movements that legmon itself found. See `Scored`."""
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
        notes=notes,
        detector=detector,
        not_understood=not_understood or {},
    )
