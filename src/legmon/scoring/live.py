"""WASM 2016 while the night is being recorded: the same rules, as a state machine.

A movement is *confirmed* as soon as nothing that may still come can change its score, and no earlier. A movement that is known
but not confirmed is *provisional*. When the night ends, the confirmed movements equal those of the batch scorer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

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
    """Score a night by WASM 2016 while its movements become known.

    Parameters
    ----------
    legs : sequence of {"left", "right"}
        The legs that are recorded.

    Attributes
    ----------
    confirmed : list of ScoredMovement
        The movements whose score no later movement can change, in order of onset.

    Raises
    ------
    ValueError
        If no leg is given, or something that is no leg.

    Notes
    -----
    A call of `advance` says how far a leg is: it will report no movement and no gap that begins before that time. What lies far
    enough behind both legs can be confirmed:

    - a movement, when no other can join or merge with it any more: 0.5 s after its end;
    - a candidate as not periodic, when its run has ended with fewer than four members, by a break or because nothing can begin
      within 90 s of its last onset;
    - a candidate as periodic, when its run has four members.

    Examples
    --------
    >>> live = LiveScorer(["left"])
    >>> for n in range(8):
    ...     live.movement(LegMovement(20_000_000_000 * n, 20_000_000_000 * n + 2_000_000_000, "left"))
    >>> live.advance("left", 165_000_000_000)[-1].periodic
    True
    >>> live.running
    1
    """

    def __init__(self, legs: Sequence[Leg]) -> None:
        if not legs or not set(legs) <= set(get_args(Leg)):
            raise ValueError(f"legs are {list(legs)!r}; expected 'left', 'right' or both")
        self.confirmed: list[ScoredMovement] = []
        self._horizon: dict[Leg, int] = dict.fromkeys(legs, -_NEVER)
        self._known: list[LegMovement] = []  # not yet merged
        self._gaps: list[Span] = []
        self._machine = SeriesMachine("permissive", "inclusive")
        self._waiting: list[ScoredMovement] = []  # merged, not yet confirmed, in order of onset

    def movement(self, movement: LegMovement) -> None:
        """Add a movement.

        Parameters
        ----------
        movement : LegMovement
            Its onset is not before the horizon of its leg. Times are in ns from the start of the recording.

        Raises
        ------
        ValueError
            If its leg is not recorded.
        """
        if movement.leg not in self._horizon:
            raise ValueError(f"the {movement.leg} leg is not among the legs that are scored")
        self._known.append(movement)

    def gap(self, start: int, end: int) -> None:
        """Add a stretch without samples of any leg.

        Parameters
        ----------
        start, end : int
            ns from the start of the recording, not before the horizon of that leg.
        """
        self._gaps = normalise_gaps([*self._gaps, (start, end)])

    def advance(self, leg: Leg, horizon: int) -> list[ScoredMovement]:
        """Note that a leg will report nothing more that begins before a time.

        Parameters
        ----------
        leg : {"left", "right"}
            The leg.
        horizon : int
            ns from the start of the recording. An earlier one than before changes nothing.

        Returns
        -------
        list of ScoredMovement
            The movements that became confirmed, in order of onset.

        Raises
        ------
        ValueError
            If the leg is not recorded.
        """
        if leg not in self._horizon:
            raise ValueError(f"the {leg} leg is not among the legs that are scored")
        self._horizon[leg] = max(self._horizon[leg], horizon)
        self._take_closed(min(self._horizon.values()))
        return self._confirm(self._earliest())

    def finish(self) -> list[ScoredMovement]:
        """End the night. Everything becomes confirmed.

        Returns
        -------
        list of ScoredMovement
            The movements that became confirmed, in order of onset.
        """
        found: list[ScoredMovement] = []
        for leg in self._horizon:
            found += self.advance(leg, _NEVER)
        return found

    @property
    def scored(self) -> list[ScoredMovement]:
        """The movements that no later one can join or merge with, in order of onset. Their series may still become known."""
        return self.confirmed + self._waiting

    def ahead(self, pending: Iterable[LegMovement] = ()) -> list[ScoredMovement]:
        """Return the movements that are known but not among `scored`, joined and merged as if nothing more came.

        Parameters
        ----------
        pending : iterable of LegMovement
            Movements that are seen, but that the detector may still change.

        Returns
        -------
        list of ScoredMovement
            In order of onset, without intervals and series.
        """
        events = merge_legs(join_pieces([*self._known, *pending]))
        return [ScoredMovement(e, is_candidate(e, self._gaps)) for e in events]

    @property
    def running(self) -> int | None:
        """Number of the series that may still grow; None if there is none."""
        run = self._machine.runs.run
        return run[-1].series if len(run) >= SERIES and self._may_grow(self._earliest()) else None

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
        held = len(run) if 0 < len(run) < SERIES and self._may_grow(earliest) else 0
        done = len(self._waiting) - held
        found, self._waiting = self._waiting[:done], self._waiting[done:]
        self.confirmed += found
        return found

    def _earliest(self) -> int:
        """Return the time before which nothing more will begin that was not scored."""
        return min([min(self._horizon.values()), *(m.onset_ns for m in self._known)])

    def _may_grow(self, earliest: int) -> bool:
        """Whether a movement from `earliest` on may join the run."""
        last = self._machine.runs.run[-1].movement.onset
        return (
            earliest <= last + LONGEST_INTERVAL and longest_missing(self._gaps, last, earliest) <= HALF_SECOND
        )


def tally(events: Sequence[ScoredMovement]) -> Tally:
    """Count scored movements."""
    return Tally(
        movements=sum(s.movement.kind == "leg" for s in events),
        candidates=sum(s.candidate for s in events),
        periodic=sum(s.periodic for s in events),
        series=max((s.series for s in events if s.series), default=0),
    )
