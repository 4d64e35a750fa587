"""A recording under a rule set: every movement with what the rules say of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from legmon.detection.faults import Finding, Verdict, verdict
from legmon.movement import NS, Leg, LegMovement
from legmon.scoring.aasm import aasm
from legmon.scoring.events import Gap, ScoredEvent, normalise_gaps
from legmon.scoring.indices import Indices, indices
from legmon.scoring.sleep import Span, Stage
from legmon.scoring.wasm2006 import wasm2006
from legmon.scoring.wasm2016 import Ninety, Restart, wasm2016

Rules = Literal["wasm2016", "wasm2006", "aasm"]
RULES: Final[Rules] = "wasm2016"
"""The rule set where none is named."""

NAMES: Final[dict[str, str]] = {"wasm2016": "WASM 2016", "wasm2006": "WASM 2006", "aasm": "AASM"}


@dataclass(frozen=True, slots=True)
class Reading:
    """How the open places of the rules are read, and what was scored elsewhere.

    Parameters
    ----------
    restart, ninety : str
        See `legmon.scoring.wasm2016.wasm2016`; no other rule set has these places.
    respiratory : sequence of (start, end)
        Respiratory events, ns from the origin; none known where empty.
    stages : sequence of (start, end, stage)
        Sleep stages, ns from the origin; none known where empty.
    """

    restart: Restart = "permissive"
    ninety: Ninety = "inclusive"
    respiratory: Sequence[Span] = ()
    stages: Sequence[Stage] = ()


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
    events : list of ScoredEvent
        Every movement after joining and merging, in order of onset.
    movements : tuple of LegMovement
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
    events: list[ScoredEvent]
    movements: tuple[LegMovement, ...] = ()
    reading: Reading = field(default_factory=Reading)
    quality: Sequence[tuple[Leg, Finding]] = ()

    @property
    def indices(self) -> Indices:
        """Counts and indices."""
        return indices(self.events, self.analysed_ns)

    @property
    def verdict(self) -> Verdict:
        """Whether the signal is good enough."""
        return verdict((f for _, f in self.quality), self.analysed_ns, self.duration_ns)

    def answer(self) -> dict[str, Any]:
        """Give the JSON object of `legmon score`, seconds rounded to the millisecond."""
        from legmon.scoring.answer import answer

        return answer(self)


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
    return scored_night(movements, missing, duration, rules=rules, reading=Reading(restart, ninety))


def scored_night(
    movements: Iterable[LegMovement],
    gaps: Sequence[Gap],
    duration_ns: int,
    *,
    rules: str = RULES,
    origin_ns: int = 0,
    start_ns: int = 0,
    simulated: bool = False,
    reading: Reading | None = None,
    quality: Sequence[tuple[Leg, Finding]] = (),
) -> Scored:
    """Score with times in ns; see `score` and `Scored`."""
    reading = reading or Reading()
    known = known_rules(rules)
    if reading.restart not in get_args(Restart) or reading.ninety not in get_args(Ninety):
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
        events=events_by(known, movements, merged, reading),
        movements=movements,
        reading=reading,
        quality=quality,
    )


def known_rules(rules: str) -> Rules:
    """Check the name of a rule set.

    Raises
    ------
    ValueError
        If there is none of this name; names those there are.
    """
    for name in get_args(Rules):
        if rules == name:
            found: Rules = name
            return found
    raise ValueError(f"there is no rule set {rules!r}; choose {', '.join(get_args(Rules))}")


def events_by(
    rules: Rules, movements: Iterable[LegMovement], gaps: Sequence[Gap], reading: Reading
) -> list[ScoredEvent]:
    """Run one rule set."""
    if rules == "aasm":
        return aasm(movements, gaps, respiratory=reading.respiratory, stages=reading.stages)
    if rules == "wasm2006":
        return wasm2006(movements, gaps)
    return wasm2016(movements, gaps, restart=reading.restart, ninety=reading.ninety)
