"""WASM 2016 while the night is being recorded: the same rules, as a state machine.

A movement is *confirmed* as soon as nothing that may still come can change its score, and no earlier. A movement that is known
but not confirmed is *provisional*. When the night ends, the confirmed movements equal those of the batch scorer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from legmon.movement import Leg, LegMovement
from legmon.scoring.events import (
    HALF_SECOND,
    ScoredMovement,
    Span,
    join_pieces,
    longest_missing,
    merge_legs,
    normalise_gaps,
)
from legmon.scoring.series import SERIES
from legmon.scoring.wasm2016 import LONGEST_INTERVAL, SeriesMachine, is_candidate, wasm2016

_NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of a night under way."""

    movements: int = 0
    candidates: int = 0
    periodic: int = 0
    series: int = 0


class LiveScorer:
    """Score a night while its movements become known.

    Parameters
    ----------
    legs : sequence of {"left", "right"}
        The legs that are recorded.

    Notes
    -----
    A call of `advance` says how far a leg is: it will report no movement and no gap that begins before that time. What lies far
    enough behind both legs can be confirmed:

    - a movement, when no other can join or merge with it any more: 0.5 s after its end;
    - a candidate as not periodic, when its run has ended with fewer than four members, by a break or because nothing can begin
      within 90 s of its last onset;
    - a candidate as periodic, when its run has four members.
    """

    def __init__(self, legs: Sequence[Leg]) -> None:
        self.confirmed: list[ScoredMovement] = []
        self._horizon: dict[Leg, int] = dict.fromkeys(legs, -_NEVER)
        self._known: list[LegMovement] = []  # not yet merged
        self._gaps: list[Span] = []
        self._machine = SeriesMachine("permissive", "inclusive")
        self._waiting: list[ScoredMovement] = []  # merged, not yet confirmed, in order of onset

    def movement(self, movement: LegMovement) -> None:
        """Add a movement. Its onset is not before the horizon of its leg."""
        self._known.append(movement)

    def gap(self, start: int, end: int) -> None:
        """Add a stretch without samples, ns, of any leg. It is not before the horizon of that leg."""
        self._gaps = normalise_gaps([*self._gaps, (start, end)])

    def advance(self, leg: Leg, horizon: int) -> list[ScoredMovement]:
        """Note that a leg will report nothing more that begins before `horizon`, ns.

        Returns
        -------
        list of ScoredMovement
            The movements that became confirmed, in order of onset.
        """
        self._horizon[leg] = max(self._horizon[leg], horizon)
        reached = min(self._horizon.values())
        self._take_closed(reached)
        return self._confirm(min([reached, *(m.onset_ns for m in self._known)]))

    def finish(self) -> list[ScoredMovement]:
        """End the night. Everything becomes confirmed."""
        found: list[ScoredMovement] = []
        for leg in self._horizon:
            found += self.advance(leg, _NEVER)
        return found

    def provisional(self) -> Tally:
        """Count everything that is known, as if the night ended here."""
        machine_input = [p for s in self._waiting for p in s.movement.parts] + self._known
        if not machine_input:
            return self.tally()
        parts = [p for s in self.confirmed for p in s.movement.parts] + machine_input
        return tally(wasm2016(parts, self._gaps))

    def tally(self) -> Tally:
        """Count the confirmed movements."""
        return tally(self.confirmed)

    def _take_closed(self, reached: int) -> None:
        """Score the movements that nothing can join any more.

        Movements form clusters that are 0.5 s or more apart. Joining and merging stay within a cluster.
        """
        self._known.sort(key=lambda m: (m.onset_ns, m.offset_ns))
        start, end = 0, -_NEVER
        for i, m in enumerate(self._known):
            if m.onset_ns - end >= HALF_SECOND:
                self._take(self._known[start:i])
                start = i
            end = max(end, m.offset_ns)
            if end + HALF_SECOND > reached:
                break
        else:
            self._take(self._known[start:])
            start = len(self._known)
        del self._known[:start]

    def _take(self, cluster: list[LegMovement]) -> None:
        for event in merge_legs(join_pieces(cluster)):
            scored = ScoredMovement(event, is_candidate(event, self._gaps))
            self._machine.add(scored, self._gaps)
            self._waiting.append(scored)

    def _confirm(self, earliest: int) -> list[ScoredMovement]:
        """Confirm what no movement from `earliest` on can change."""
        run = self._machine.runs.run
        held = 0
        if 0 < len(run) < SERIES:
            last = run[-1].movement.onset
            may_grow = earliest <= last + LONGEST_INTERVAL
            held = len(run) if may_grow and longest_missing(self._gaps, last, earliest) <= HALF_SECOND else 0
        done = len(self._waiting) - held
        found, self._waiting = self._waiting[:done], self._waiting[done:]
        self.confirmed += found
        return found


def tally(events: Sequence[ScoredMovement]) -> Tally:
    """Count scored movements."""
    return Tally(
        movements=sum(s.movement.kind == "leg" for s in events),
        candidates=sum(s.candidate for s in events),
        periodic=sum(s.periodic for s in events),
        series=max((s.series for s in events if s.series), default=0),
    )
