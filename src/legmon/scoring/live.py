"""WASM 2016 while the night is still being recorded: the same rules, as a state machine.

A movement is *confirmed* as soon as nothing that may still come can change what the rules say of it, and no earlier. Everything
known but not confirmed is *provisional*. When the night ends, what was confirmed is what the batch scorer says of the same
movements.
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
    """Scores a night as its movements become known.

    Parameters
    ----------
    legs : sequence of {"left", "right"}
        The legs that are recorded.

    Notes
    -----
    Each leg says with `advance` how far it is: no movement of it will begin, and no gap of it will show, before that time. Only
    what lies far enough behind both legs can be confirmed:

    - a movement, when no other can join or merge with it any more: 0.5 s after its end;
    - a candidate as not periodic, when its run has ended with fewer than four members: by a break, or because nothing can
      begin within 90 s of its last onset;
    - a candidate as periodic, when its run has four members.
    """

    def __init__(self, legs: Sequence[Leg]) -> None:
        self.confirmed: list[ScoredMovement] = []
        self._horizon: dict[Leg, int] = dict.fromkeys(legs, -_NEVER)
        self._known: list[LegMovement] = []  # not yet taken as events
        self._gaps: list[Span] = []
        self._machine = SeriesMachine("permissive", "inclusive")
        self._waiting: list[ScoredMovement] = []  # taken, not yet confirmed, in order of onset

    def movement(self, movement: LegMovement) -> None:
        """Take a movement; its onset is not before its leg's horizon."""
        self._known.append(movement)

    def gap(self, start: int, end: int) -> None:
        """Take a stretch without samples, ns, of any leg, not before its horizon."""
        self._gaps = normalise_gaps([*self._gaps, (start, end)])

    def advance(self, leg: Leg, horizon: int) -> list[ScoredMovement]:
        """Say that a leg will report nothing more that begins before `horizon`, ns.

        Returns
        -------
        list of ScoredMovement
            What became confirmed, in order of onset.
        """
        self._horizon[leg] = max(self._horizon[leg], horizon)
        reached = min(self._horizon.values())
        self._take_closed(reached)
        return self._confirm(min([reached, *(m.onset_ns for m in self._known)]))

    def finish(self) -> list[ScoredMovement]:
        """End the night: everything is confirmed."""
        found: list[ScoredMovement] = []
        for leg in self._horizon:
            found += self.advance(leg, _NEVER)
        return found

    def provisional(self) -> Tally:
        """Count everything known, as if the night ended here."""
        machine_input = [p for s in self._waiting for p in s.movement.parts] + self._known
        if not machine_input:
            return self.tally()
        parts = [p for s in self.confirmed for p in s.movement.parts] + machine_input
        return tally(wasm2016(parts, self._gaps))

    def tally(self) -> Tally:
        """Count what is confirmed."""
        return tally(self.confirmed)

    def _take_closed(self, reached: int) -> None:
        """Hand to the machine what nothing can join any more.

        Movements fall apart into clusters 0.5 s or more from one another; joining and merging stay within a cluster.
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
            self._machine.take(scored, self._gaps)
            self._waiting.append(scored)

    def _confirm(self, earliest: int) -> list[ScoredMovement]:
        """Confirm what no event from `earliest` on can change."""
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
    """Count scored events."""
    return Tally(
        movements=sum(s.movement.kind == "leg" for s in events),
        candidates=sum(s.candidate for s in events),
        periodic=sum(s.periodic for s in events),
        series=max((s.series for s in events if s.series), default=0),
    )
