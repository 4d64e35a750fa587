"""A night that somebody else scored: its rows, sorted by what their words mean, with what was left out."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from legmon.errors import LegmonError
from legmon.exchange.annotation import Annotation
from legmon.exchange.moments import Origin
from legmon.exchange.words import Word, meaning
from legmon.messages import Message, SourceNote, source_note
from legmon.movement import NS
from legmon.quoting import plain, shortened
from legmon.scoring.checked import (
    checked_duration,
    checked_movements,
    checked_spans,
    checked_stages,
    nanoseconds,
)
from legmon.scoring.result import Scored
from legmon.scoring.rules import Interpretation
from legmon.scoring.score import scored_night
from legmon.scoring.sleep import agreed

MOST_LISTED: Final = 200
"""Different texts that an answer lists."""
MOST_SHOWN: Final = 6
"""Texts in a sentence."""
SERIES_LEAST_S: Final = 15.0
"""A mark over several movements that is longer is a series. No movement is."""
SERIES_LEAST: Final = 2
LOOKED_AT: Final = 50
"""Movements inside of a long mark that are looked at."""
ROUNDING_S: Final = 1e-3


class EventsError(LegmonError):
    """The file is wrong. The message names the row and what was expected."""


@dataclass(slots=True)
class Events:
    """Rows as they stand in a file, seconds from the start of the recording.

    Parameters
    ----------
    movements : list of [onset_s, offset_s, leg]
        Leg movements.
    gaps, respiratory : list of [start_s, end_s]
        Stretches without data; respiratory events.
    stages : list of [start_s, end_s, stage]
        Sleep stages: W, N1, N2, N3, R.
    duration_s : float or None
        Length of the recording.
    not_understood : mapping of str to int
        Texts that are in no table, and how often they occur.
    said : list of Message
        What else a person should know of the file.
    origin : Origin
        What times of day and dates in the file count from.
    """

    movements: list[Any] = field(default_factory=list)
    gaps: list[Any] = field(default_factory=list)
    respiratory: list[Any] = field(default_factory=list)
    stages: list[Any] = field(default_factory=list)
    duration_s: Any = None
    not_understood: Counter[str] = field(default_factory=Counter)
    said: list[Message] = field(default_factory=list)
    origin: Origin = field(default_factory=Origin)

    def scored(self, rules: str, interpretation: Interpretation) -> Scored:
        """Check the rows and score them.

        Raises
        ------
        RowError
            At the first row that is wrong.
        """
        duration_s = checked_duration(self.duration_s)
        movements = checked_movements(self.movements, duration_s)
        spans = checked_spans(self.respiratory, "respiratory event")
        stages, disagreed = agreed(checked_stages(self.stages))
        last = max((m.offset_ns for m in movements), default=0)
        disagreement = [source_note(SourceNote.STAGES_DISAGREE, seconds=disagreed / NS)] if disagreed else []
        return scored_night(
            movements,
            checked_spans(self.gaps, "gap"),
            last if duration_s is None else nanoseconds(duration_s),
            rules=rules,
            interpretation=Interpretation(
                interpretation.restart, interpretation.ninety, respiratory=spans, stages=stages
            ),
            notes=[*self.notes(), *disagreement],
            not_understood=dict(self.not_understood.most_common(MOST_LISTED)),
        )

    def notes(self) -> list[Message]:
        """Return what a person should know of these rows."""
        count = self.not_understood.total()
        if not count:
            return self.said
        shown = [f"{text} × {n}" for text, n in self.not_understood.most_common(MOST_SHOWN)]
        more = [] if len(self.not_understood) <= MOST_SHOWN else ["…"]
        words = ", ".join([*shown, *more])
        return [source_note(SourceNote.NOT_UNDERSTOOD, count=count, words=words), *self.said]


def sorted_events(
    annotations: Iterable[Annotation],
    duration_s: float | None = None,
    gaps: Sequence[tuple[float, float]] = (),
    said: Iterable[Message] = (),
    origin: Origin | None = None,
) -> Events:
    """Sort annotations by what their words mean.

    Parameters
    ----------
    annotations : iterable of Annotation
        In any order.
    duration_s : float, optional
        Length of the recording, where the file says it.
    gaps : sequence of (start, end)
        Stretches without data, s.
    said : iterable of Message
        What a person should know of the file.
    origin : Origin, optional
        What its times count from.

    Raises
    ------
    EventsError
        If no leg movement has a length.
    """
    events = Events(gaps=[list(g) for g in gaps], duration_s=duration_s, origin=origin or Origin())
    movements: list[tuple[Annotation, Word]] = []
    stages: list[tuple[Annotation, str]] = []
    counts: Counter[SourceNote] = Counter()
    for a in annotations:
        word = meaning(a.text, a.channel)
        if word is None:
            events.not_understood[plain(shortened(" ".join(a.text.split()) or "(empty)"))] += 1
        elif word.meaning == "movement":
            movements.append((a, word))
        elif word.meaning == "stage":
            stages.append((a, word.stage))
        elif word.meaning == "breath":
            _add_breath(events, a, counts)
        else:
            counts[SourceNote.SERIES if word.meaning == "series" else SourceNote.NOT_USED] += 1
    _add_movements(events, movements, counts)
    _add_stages(events, stages, counts)
    if duration_s is None:
        events.duration_s = _last(events)
        if events.duration_s:
            counts[SourceNote.LENGTH_GUESSED] = 1
    _check_movements(events, counts)
    for code in SourceNote:  # in the order of their list, so that two files say the same in the same order
        if counts[code]:
            events.said.append(source_note(code, count=counts[code], seconds=events.duration_s or 0.0))
    events.said += said
    return events


def _check_movements(events: Events, counts: Counter[SourceNote]) -> None:
    if events.movements:
        return
    counts[SourceNote.NO_MOVEMENTS] = 1
    if without := counts[SourceNote.WITHOUT_LENGTH]:
        raise EventsError(
            f"the {without} leg movements in it are marked without a length, and the rules need their ends; export them with"
            " durations"
        )


def _add_breath(events: Events, a: Annotation, counts: Counter[SourceNote]) -> None:
    length = a.length_s or 0.0
    if _is_inside(a.onset_s, length, events.duration_s):
        events.respiratory.append([a.onset_s, a.onset_s + length])
    else:
        counts[SourceNote.OUTSIDE] += 1


def _is_inside(onset_s: float, length_s: float, duration_s: float | None) -> bool:
    end = onset_s + length_s
    return onset_s >= 0 and (duration_s is None or end <= duration_s + ROUNDING_S)


def _add_movements(
    events: Events, movements: Sequence[tuple[Annotation, Word]], counts: Counter[SourceNote]
) -> None:
    """Add the movements; what is a series, has no length or lies outside is counted."""
    timed = [(a, w) for a, w in movements if a.length_s]
    counts[SourceNote.WITHOUT_LENGTH] += len(movements) - len(timed)
    series = _drawn_over_others([a for a, _ in timed])
    for n, (a, word) in enumerate(timed):
        length = a.length_s or 0.0
        if n in series:
            counts[SourceNote.SERIES] += 1
        elif length > 0 and not _is_inside(a.onset_s, length, events.duration_s):
            counts[SourceNote.OUTSIDE] += 1
        else:
            counts[SourceNote.WITHOUT_LEG] += word.leg is None and not word.both
            end = a.onset_s + length
            if events.duration_s is not None:
                end = min(end, events.duration_s)
            legs = ("left", "right") if word.both else (word.leg or "left",)
            events.movements += [[a.onset_s, end, leg] for leg in legs]


def _drawn_over_others(marks: Sequence[Annotation]) -> set[int]:
    """Return which marks are drawn over several others that are shorter."""
    order = sorted(range(len(marks)), key=lambda n: marks[n].onset_s)
    onsets = [marks[n].onset_s for n in order]
    found = set()
    for n, mark in enumerate(marks):
        length = mark.length_s or 0.0
        if length <= SERIES_LEAST_S:
            continue
        at = bisect_left(onsets, mark.onset_s)
        inside = 0
        for other in (marks[m] for m in order[at : at + LOOKED_AT]):
            if other.onset_s >= mark.onset_s + length:
                break
            other_s = other.length_s or 0.0
            ends_inside = other.onset_s + other_s <= mark.onset_s + length + ROUNDING_S
            inside += other_s <= 0.8 * length and ends_inside
        if inside >= SERIES_LEAST:
            found.add(n)
    return found


def _add_stages(
    events: Events, stages: Sequence[tuple[Annotation, str]], counts: Counter[SourceNote]
) -> None:
    """Add the stages, cut at the ends of the recording. One without a length lasts until the next one."""
    in_time = sorted(stages, key=lambda s: s[0].onset_s)
    duration = events.duration_s
    steps = [b.onset_s - a.onset_s for (a, _), (b, _) in pairwise(in_time) if b.onset_s > a.onset_s]
    usual = sorted(steps)[len(steps) // 2] if steps else 0.0
    for n, (a, stage) in enumerate(in_time):
        end = a.onset_s + (a.length_s or 0.0)
        if not a.length_s:
            following = (b.onset_s for b, _ in in_time[n + 1 :] if b.onset_s > a.onset_s)
            end = next(following, a.onset_s + usual if duration is None else duration)
        if not stage:
            continue
        start = max(a.onset_s, 0.0)
        if duration is not None:
            end = min(end, duration)
        if end > start:
            events.stages.append([start, end, stage])
        elif end < a.onset_s and (a.length_s or 0.0) < 0:
            events.stages.append([a.onset_s, end, stage])  # refused later, with its number
        else:
            counts[SourceNote.OUTSIDE] += 1


def _last(events: Events) -> float | None:
    ends = [row[1] for rows in (events.movements, events.stages, events.respiratory) for row in rows]
    return max(ends, default=None)
