"""The first steps of every rule set: join pieces of one movement, and merge movements of two legs.

Times are integers in nanoseconds, so that a bound of exactly 0.5, 10, 15 or 90 s is compared exactly.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter, itemgetter
from typing import Literal, NamedTuple

from legmon.movement import NS, Leg, LegMovement

Side = Literal["left", "right", "both"]
HALF_SECOND = NS // 2
Span = tuple[int, int]
"""Start and end of a stretch, ns from the start of the recording: a gap, a respiratory event, part of a mask."""


class MergedMovement(NamedTuple):
    """One or more movements that count as one, of one leg or of both."""

    onset: int
    offset: int
    side: Side
    kind: str
    parts: tuple[LegMovement, ...]

    @property
    def peak_mg(self) -> float | None:
        """The largest peak among the parts; None if none was measured."""
        return max((p.peak_mg for p in self.parts if p.peak_mg is not None), default=None)

    @property
    def confidence(self) -> float | None:
        """The largest confidence among the parts; None if none has one."""
        return max((p.confidence for p in self.parts if p.confidence is not None), default=None)


@dataclass(slots=True)
class ScoredMovement:
    """A movement as a rule set scores it.

    Parameters
    ----------
    movement : MergedMovement
        The movement, of one leg or both.
    candidate : bool
        Whether it is a candidate leg movement (CLM).
    interval : int or None
        Time from the onset of the candidate before to this onset, ns; None if it cannot be measured.
    series : int or None
        Number of its periodic series, from 1; None outside of one.
    """

    movement: MergedMovement
    candidate: bool
    interval: int | None = None
    series: int | None = None

    @property
    def periodic(self) -> bool:
        """Whether it belongs to a periodic series."""
        return self.series is not None


_IN_TIME = attrgetter("onset_ns", "offset_ns", "leg", "kind")


def join_pieces(movements: Iterable[LegMovement]) -> list[LegMovement]:
    """Join pieces of one leg less than 0.5 s apart, then remove movements shorter than 0.5 s.

    Follows PLMScoRe, which joins first and removes afterwards (WASM 2016, 3.2.1: an offset is the start of a quiet stretch of
    0.5 s or more). Only kind ``"leg"`` is joined or removed. Other kinds are returned as they are.

    Returns
    -------
    list of LegMovement
        Sorted by onset, then leg.
    """
    joined: list[LegMovement] = []
    last: dict[Leg, int] = {}
    ends: dict[Leg, int] = {}
    for m in sorted(movements, key=_IN_TIME):
        if m.kind == "leg":
            leg = m.leg
            if leg in ends and m.onset_ns - ends[leg] < HALF_SECOND:
                joined[last[leg]] = _one(joined[last[leg]], m)
                ends[leg] = max(ends[leg], m.offset_ns)
                continue
            last[leg], ends[leg] = len(joined), m.offset_ns
        joined.append(m)
    return [m for m in joined if m.offset_ns - m.onset_ns >= HALF_SECOND or m.kind != "leg"]


def _one(a: LegMovement, b: LegMovement) -> LegMovement:
    peaks = [p for p in (a.peak_mg, b.peak_mg) if p is not None]
    sure = [p for p in (a.confidence, b.confidence) if p is not None]
    return LegMovement(
        onset_ns=a.onset_ns,
        offset_ns=max(a.offset_ns, b.offset_ns),
        leg=a.leg,
        peak_mg=max(peaks, default=None),
        first=a.first,
        end=b.end if b.offset_ns > a.offset_ns else a.end,
        confidence=max(sure, default=None),
    )


def merge_legs(movements: Sequence[LegMovement]) -> list[MergedMovement]:
    """Merge movements of opposite legs that overlap or lie less than 0.5 s apart, chained.

    WASM 2016 and 2006: less than 0.5 s from offset to onset. Only kind ``"leg"`` takes part.

    Parameters
    ----------
    movements : sequence of LegMovement
        From `join_pieces`, so that movements of one leg lie 0.5 s apart or more.

    Returns
    -------
    list of MergedMovement
        Sorted by onset.
    """
    groups: list[list[LegMovement]] = []
    group: list[LegMovement] = []
    ends: dict[Leg, int] = {}  # of the open group, per leg
    for m in movements:
        if m.kind != "leg":
            groups.append([m])
            continue
        other: Leg = "right" if m.leg == "left" else "left"
        if other in ends and m.onset_ns < ends[other] + HALF_SECOND:
            group.append(m)
        else:
            group = [m]
            groups.append(group)
            ends = {}
        ends[m.leg] = m.offset_ns
    return _events(groups)


def merge_onsets(movements: Sequence[LegMovement], within: int) -> list[MergedMovement]:
    """Merge movements of opposite legs whose onsets lie less than `within` ns after the first onset, not chained.

    Parameters
    ----------
    movements : sequence of LegMovement
        From `join_pieces`. Only kind ``"leg"`` takes part.
    within : int
        ns.

    Returns
    -------
    list of MergedMovement
        Sorted by onset.
    """
    groups: list[list[LegMovement]] = []
    open_groups: list[list[LegMovement]] = []
    for m in movements:
        if m.kind != "leg":
            groups.append([m])
            continue
        onset, leg = m.onset_ns, m.leg
        while open_groups and onset - open_groups[0][0].onset_ns >= within:
            del open_groups[0]
        for group in open_groups:
            if len(group) > 1 or group[0].leg != leg:  # a group of two or more has both legs
                group.append(m)
                break
        else:
            group = [m]
            groups.append(group)
            open_groups.append(group)
    return _events(groups)


def _events(groups: list[list[LegMovement]]) -> list[MergedMovement]:
    """Return one movement for each group. Groups come in the order of their first movements."""
    events = []
    for group in groups:
        m = group[0]
        if len(group) == 1:
            events.append(MergedMovement(m.onset_ns, m.offset_ns, m.leg, m.kind, (m,)))
        else:
            last = max(p.offset_ns for p in group)
            events.append(MergedMovement(m.onset_ns, last, "both", "leg", tuple(group)))
    return events


def longest_missing(gaps: Sequence[Span], start: int, end: int) -> int:
    """Return the length of the longest single gap inside ``start`` to ``end``, ns.

    Parameters
    ----------
    gaps : sequence of (start, end)
        From `normalise_gaps`.
    """
    longest = 0
    if not gaps:
        return 0
    for i in range(bisect_right(gaps, start, key=itemgetter(1)), len(gaps)):
        a, b = gaps[i]
        if a >= end:
            break
        longest = max(longest, min(b, end) - max(a, start))
    return longest


def normalise_gaps(gaps: Iterable[Span]) -> list[Span]:
    """Sort gaps and join those that touch or overlap."""
    merged: list[Span] = []
    for a, b in sorted(g for g in gaps if g[1] > g[0]):
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        else:
            merged.append((a, b))
    return merged


class Covered:
    """How much of a stretch of time is covered by spans, and whether any is. The spans may overlap.

    Parameters
    ----------
    spans : iterable of (start, end)
        In any order.
    """

    def __init__(self, spans: Iterable[Span]) -> None:
        self.spans = normalise_gaps(spans)
        self._starts = [a for a, _ in self.spans]
        self._before = [0, *accumulate(b - a for a, b in self.spans)]

    def _until(self, time: int) -> int:
        k = bisect_right(self._starts, time)
        return self._before[k] - (max(self.spans[k - 1][1] - time, 0) if k else 0)

    def length(self, start: int, end: int) -> int:
        """Return how much of ``start`` to ``end`` is covered, ns."""
        return self._until(end) - self._until(start) if end > start else 0

    def touches(self, start: int, end: int) -> bool:
        """Whether a span begins at ``end`` or before, and ends at ``start`` or after."""
        k = bisect_right(self._starts, end)
        return k > 0 and self.spans[k - 1][1] >= start

    def overlaps(self, start: int, end: int) -> bool:
        """Whether a span begins before ``end`` and ends after ``start``."""
        k = bisect_left(self._starts, end)
        return k > 0 and self.spans[k - 1][1] > start


def onset_missing(gaps: Sequence[Span], onset: int) -> bool:
    """Whether an onset lies in a gap. It was not seen then, and its time is in no denominator.

    Parameters
    ----------
    gaps : sequence of (start, end)
        From `normalise_gaps`.
    """
    if not gaps:
        return False
    i = bisect_right(gaps, onset, key=itemgetter(1))
    return i < len(gaps) and gaps[i][0] <= onset
