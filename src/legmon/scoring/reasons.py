"""Why a rule set made of each movement what it made: one sentence each, from a list of rules that is closed.

The reasons are derived from the scored night, after the rules have run. So the rules themselves know nothing of them.
"""

from collections.abc import Sequence

from legmon.messages import Message, ScoringRule, why_message
from legmon.movement import NS
from legmon.scoring.events import (
    HALF_SECOND,
    MergedMovement,
    ScoredMovement,
    Span,
    longest_missing,
    onset_missing,
)
from legmon.scoring.result import Scored
from legmon.scoring.wasm2016 import LONGEST_BILATERAL, LONGEST_MOVEMENT, MOST_PARTS, SHORTEST_INTERVAL

LONGEST = 90 * NS


def reasons(scored: Scored) -> list[Message]:
    """Return why each movement is in a series, single, or no candidate, in the order of `Scored.movements`."""
    found = []
    before: ScoredMovement | None = None  # the candidate before
    for s in scored.movements:
        found.append(_reason(s, before, scored))
        if s.candidate:
            before = s
    return found


def _reason(s: ScoredMovement, before: ScoredMovement | None, scored: Scored) -> Message:
    if not s.candidate:
        return _no_candidate(s.movement, scored)
    if s.series is not None:
        if s.interval is None or before is None or before.series != s.series:
            return why_message(ScoringRule.FIRST_IN_SERIES, series=s.series)
        return why_message(ScoringRule.IN_SERIES, series=s.series, interval=_s(s.interval))
    if s.interval is None:
        return _without_interval(s, before, scored)
    if s.interval > LONGEST:
        rule = ScoringRule.LATE
    elif scored.rules == "wasm2016" and s.interval < SHORTEST_INTERVAL:
        rule = ScoringRule.SOON
    else:
        rule = ScoringRule.FEW
    return why_message(rule, interval=_s(s.interval))


def _without_interval(s: ScoredMovement, before: ScoredMovement | None, scored: Scored) -> Message:
    """Return why there is no interval: nothing came before, or so shortly before that two rule sets skip the movement."""
    if before is not None and scored.rules != "wasm2016":
        since = s.movement.onset - before.movement.onset
        if since < 5 * NS and longest_missing(scored.gaps, before.movement.onset, s.movement.onset) == 0:
            return why_message(ScoringRule.SKIPPED, interval=_s(since))
    return why_message(ScoringRule.FIRST)


def _no_candidate(m: MergedMovement, scored: Scored) -> Message:
    seconds = _s(m.offset - m.onset)
    if m.kind == "long":
        return why_message(ScoringRule.BREAKS_LONG, seconds=seconds)
    if m.kind == "voluntary":
        return why_message(ScoringRule.VOLUNTARY)
    if m.kind != "leg":
        return why_message(ScoringRule.BREAKS_OTHER)
    if _in_gap(m, scored.gaps, whole=scored.rules == "wasm2016"):
        return why_message(ScoringRule.IN_GAP)
    if any(p.offset_ns - p.onset_ns > LONGEST_MOVEMENT for p in m.parts):
        rule = ScoringRule.BREAKS_LONG if scored.rules == "wasm2016" else ScoringRule.TOO_LONG
        return why_message(rule, seconds=seconds)
    if len(m.parts) > 1 and (len(m.parts) > MOST_PARTS or m.offset - m.onset > LONGEST_BILATERAL):
        return why_message(ScoringRule.MANY_PARTS, count=len(m.parts), seconds=seconds)
    return why_message(ScoringRule.LEFT_OUT)


def _in_gap(m: MergedMovement, gaps: Sequence[Span], *, whole: bool) -> bool:
    return onset_missing(gaps, m.onset) or (whole and longest_missing(gaps, m.onset, m.offset) > HALF_SECOND)


def too_short(seconds: float) -> Message:
    """Return why a movement that the rules do not list is not scored."""
    return why_message(ScoringRule.TOO_SHORT, seconds=round(seconds, 2))


def _s(ns: int) -> float:
    return round(ns / NS, 1)
