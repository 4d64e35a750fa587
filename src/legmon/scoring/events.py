"""What every rule set starts from: pieces of one movement joined, movements of two legs merged.

Times are integers in nanoseconds, so that a bound of exactly 0.5, 10, 15 or 90 s is compared exactly.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from legmon.movement import NS, Leg, LegMovement

Side = Literal["left", "right", "both"]
HALF_SECOND = NS // 2
Gap = tuple[int, int]
"""Start and end of a stretch without samples, ns from the start of the recording."""


@dataclass(frozen=True, slots=True)
class Event:
    """Movements that count as one: of one leg, or of both."""

    onset: int
    offset: int
    side: Side
    kind: str
    parts: tuple[LegMovement, ...]

    @property
    def peak_mg(self) -> float | None:
        """The largest peak among the parts."""
        return max((p.peak_mg for p in self.parts if p.peak_mg is not None), default=None)


def join_pieces(movements: Iterable[LegMovement]) -> list[LegMovement]:
    """Join pieces of one leg less than 0.5 s apart, then leave out what is shorter than 0.5 s.

    Follows PLMScoRe, which joins first and drops after (WASM 2016, 3.2.1: an offset is the start of a quiet stretch of
    0.5 s or more). Only kind ``"leg"`` is joined or left out: other kinds are passed through.

    Returns
    -------
    list of LegMovement
        Sorted by onset, then leg.
    """
    joined: list[LegMovement] = []
    last: dict[Leg, int] = {}
    for m in sorted(movements, key=lambda m: (m.onset_ns, m.offset_ns, m.leg)):
        at = last.get(m.leg)
        if m.kind == "leg" and at is not None and m.onset_ns - joined[at].offset_ns < HALF_SECOND:
            joined[at] = _one(joined[at], m)
            continue
        joined.append(m)
        if m.kind == "leg":
            last[m.leg] = len(joined) - 1
    return [m for m in joined if m.kind != "leg" or m.offset_ns - m.onset_ns >= HALF_SECOND]


def _one(a: LegMovement, b: LegMovement) -> LegMovement:
    peaks = [p for p in (a.peak_mg, b.peak_mg) if p is not None]
    return LegMovement(
        onset_ns=a.onset_ns,
        offset_ns=max(a.offset_ns, b.offset_ns),
        leg=a.leg,
        peak_mg=max(peaks, default=None),
        first=a.first,
        end=b.end if b.offset_ns > a.offset_ns else a.end,
    )


def merge_legs(movements: Sequence[LegMovement]) -> list[Event]:
    """Merge movements of opposite legs that overlap or lie less than 0.5 s apart, chained.

    WASM 2016 and 2006: offset to onset strictly below 0.5 s. Only kind ``"leg"`` takes part.

    Parameters
    ----------
    movements : sequence of LegMovement
        From `join_pieces`.

    Returns
    -------
    list of Event
        Sorted by onset.
    """
    groups: list[list[LegMovement]] = []
    open_groups: list[list[LegMovement]] = []
    for m in movements:
        if m.kind != "leg":
            groups.append([m])
            continue
        open_groups = [g for g in open_groups if any(m.onset_ns < p.offset_ns + HALF_SECOND for p in g)]
        touching = [g for g in open_groups if any(_touch(p, m) for p in g)]
        if not touching:
            group = [m]
            groups.append(group)
            open_groups.append(group)
            continue
        first, *rest = touching
        first.append(m)
        for other in rest:
            first.extend(other)
            groups.remove(other)
            open_groups.remove(other)
    return sorted((_event(g) for g in groups), key=lambda e: (e.onset, e.offset))


def _touch(earlier: LegMovement, later: LegMovement) -> bool:
    return earlier.leg != later.leg and later.onset_ns < earlier.offset_ns + HALF_SECOND


def _event(group: list[LegMovement]) -> Event:
    legs = {m.leg for m in group}
    return Event(
        onset=min(m.onset_ns for m in group),
        offset=max(m.offset_ns for m in group),
        side="both" if len(legs) == 2 else group[0].leg,
        kind=group[0].kind,
        parts=tuple(sorted(group, key=lambda m: m.onset_ns)),
    )


def longest_missing(gaps: Sequence[Gap], start: int, end: int) -> int:
    """Length of the longest single stretch of missing data inside ``start`` to ``end``, ns."""
    return max((min(b, end) - max(a, start) for a, b in gaps if a < end and b > start), default=0)


def normalise_gaps(gaps: Iterable[Gap]) -> list[Gap]:
    """Sort gaps and make one of those that touch or overlap."""
    merged: list[Gap] = []
    for a, b in sorted(g for g in gaps if g[1] > g[0]):
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        else:
            merged.append((a, b))
    return merged
