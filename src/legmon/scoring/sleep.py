"""Sleep stages and respiratory events from a laboratory, and what they change.

legmon measures neither. Where they are imported, the rules use them. Where not, values that depend on them are reported as not
measured, never as 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from legmon.movement import NS
from legmon.scoring.events import Covered, ScoredMovement, Span

Stage = tuple[int, int, str]
"""Start and end in ns, and one of ``W``, ``N1``, ``N2``, ``N3``, ``R``."""

WAKE = "W"
STAGES = (WAKE, "N1", "N2", "N3", "R")
BEFORE_END, AFTER_END = 2 * NS, 10_250_000_000


def sleep(stages: Sequence[Stage]) -> Covered:
    """Return the time in sleep."""
    return Covered((a, b) for a, b, stage in stages if stage != WAKE)


def agreed(stages: Sequence[Stage]) -> tuple[list[Stage], int]:
    """Return stages that do not overlap, and for how long they disagreed, ns.

    The same stage scored twice counts once. Time to which different stages were given has none, whatever their order.
    """
    bounds: list[tuple[int, int, str]] = []
    for a, b, stage in stages:
        if b > a:
            bounds += [(a, 1, stage), (b, -1, stage)]
    bounds.sort()
    under_way = dict.fromkeys(STAGES, 0)
    found: list[Stage] = []
    disagreed, since = 0, 0
    for at, change, stage in bounds:
        if at > since:
            now = [s for s, n in under_way.items() if n]
            if len(now) == 1:
                if found and found[-1][1] == since and found[-1][2] == now[0]:
                    found[-1] = (found[-1][0], at, now[0])
                else:
                    found.append((since, at, now[0]))
            disagreed += at - since if len(now) > 1 else 0
        under_way[stage] += change
        since = at
    return found, disagreed


def asleep(slept: Covered, onset: int, offset: int) -> bool:
    """Whether a part of a movement falls in sleep."""
    return slept.overlaps(onset, max(offset, onset + 1))


def respiratory_movements(
    scored: Sequence[ScoredMovement], respiratory: Sequence[Span]
) -> list[ScoredMovement]:
    """Return the respiratory candidates by WASM 2016: a part lies from 2 s before to 10.25 s after such an event's end."""
    near = Covered((end - BEFORE_END, end + AFTER_END) for _, end in respiratory)
    return [s for s in scored if s.candidate and near.touches(s.movement.onset, s.movement.offset)]


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
    at = stages_at(stages, [s.movement.onset for s in scored if s.periodic])
    missing = Covered(gaps)

    def hours(which: Callable[[str], bool]) -> float:
        spans = Covered((a, b) for a, b, stage in stages if which(stage)).spans
        return sum(b - a - missing.length(a, b) for a, b in spans) / NS / 3600

    return ByStage(
        asleep=sum(x is not None and x != WAKE for x in at),
        awake=sum(x == WAKE for x in at),
        unstaged=sum(x is None for x in at),
        asleep_hours=hours(lambda x: x != WAKE),
        awake_hours=hours(lambda x: x == WAKE),
        rem=sum(x == "R" for x in at),
        non_rem=sum(x in ("N1", "N2", "N3") for x in at),
    )


def stages_at(stages: Sequence[Stage], times: Sequence[int]) -> list[str | None]:
    """Return the stage at each of these times, which are in order; None if none was scored.

    Where stages overlap, the one that comes first in `stages` counts.
    """
    waiting = sorted(range(len(stages)), key=lambda n: stages[n][0], reverse=True)
    begun: list[
        int
    ] = []  # a heap of the stages that have begun; those that have ended leave when they come up
    found: list[str | None] = []
    for time in times:
        while waiting and stages[waiting[-1]][0] <= time:
            heappush(begun, waiting.pop())
        while begun and stages[begun[0]][1] <= time:
            heappop(begun)
        found.append(stages[begun[0]][2] if begun else None)
    return found
