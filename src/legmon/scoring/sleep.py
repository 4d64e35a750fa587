"""Sleep stages and respiratory events from a laboratory, and what they change.

legmon measures neither. Where they are imported, the rules use them. Where not, values that depend on them are reported as not
measured, never as 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from legmon.movement import NS
from legmon.scoring.events import ScoredMovement, Span

Stage = tuple[int, int, str]
"""Start and end in ns, and one of ``W``, ``N1``, ``N2``, ``N3``, ``R``."""

WAKE = "W"
STAGES = (WAKE, "N1", "N2", "N3", "R")
BEFORE_END, AFTER_END = 2 * NS, 10_250_000_000


def asleep(stages: Sequence[Stage], onset: int, offset: int) -> bool:
    """Whether a part of a movement falls in sleep."""
    return any(stage != WAKE and a < max(offset, onset + 1) and b > onset for a, b, stage in stages)


def is_respiratory(s: ScoredMovement, respiratory: Sequence[Span]) -> bool:
    """Whether a candidate is respiratory by WASM 2016: a part of it lies from 2 s before to 10.25 s after such an event's end."""
    e = s.movement
    return s.candidate and any(
        e.onset <= end + AFTER_END and e.offset >= end - BEFORE_END for _, end in respiratory
    )


@dataclass(frozen=True, slots=True)
class ByStage:
    """Periodic movements by the stage at their onset.

    Parameters
    ----------
    asleep, awake, unstaged : int
        Periodic movements in sleep (PLMS), in wake (PLMW), and where no stage was scored.
    asleep_hours, awake_hours : float
        Time with samples in sleep and in wake: the denominators.
    rem, non_rem : int
        The periodic movements in sleep, by kind of sleep.
    """

    asleep: int
    awake: int
    unstaged: int
    asleep_hours: float
    awake_hours: float
    rem: int
    non_rem: int


def by_stage(scored: Sequence[ScoredMovement], stages: Sequence[Stage], gaps: Sequence[Span]) -> ByStage:
    """Count periodic movements by stage. A series is built over all stages and may cross a change of stage."""
    at = [stage_at(stages, s.movement.onset) for s in scored if s.periodic]

    def hours(which: Callable[[str], bool]) -> float:
        spans = [(a, b) for a, b, stage in stages if which(stage)]
        lost = sum(max(min(b, d) - max(a, c), 0) for a, b in spans for c, d in gaps)
        return (sum(b - a for a, b in spans) - lost) / NS / 3600

    return ByStage(
        asleep=sum(x is not None and x != WAKE for x in at),
        awake=sum(x == WAKE for x in at),
        unstaged=sum(x is None for x in at),
        asleep_hours=hours(lambda x: x != WAKE),
        awake_hours=hours(lambda x: x == WAKE),
        rem=sum(x == "R" for x in at),
        non_rem=sum(x in ("N1", "N2", "N3") for x in at),
    )


def stage_at(stages: Sequence[Stage], time: int) -> str | None:
    """Return the stage at a time, or None if none was scored."""
    return next((stage for a, b, stage in stages if a <= time < b), None)
