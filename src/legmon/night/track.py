"""One night from the tracks of its legs: movements as sample indices, gaps, and the fit of time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from legmon.detection.faults import Finding
from legmon.messages import Message
from legmon.movement import Leg, LegMovement
from legmon.recording.records import Gap
from legmon.scoring.result import Scored
from legmon.scoring.rules import RULES, Interpretation
from legmon.scoring.score import scored_night
from legmon.timeline.clock import Anchor, TimeMap


@dataclass(frozen=True, slots=True)
class LegTrack:
    """One leg's night.

    Parameters
    ----------
    leg : {"left", "right"}
        The ankle.
    end : int
        Index after the last sample, or after the gap that ends the night.
    movements : sequence of LegMovement
        With sample indices.
    gaps : sequence of Gap
        Missing samples, and samples of a failing sensor.
    anchors : sequence of Anchor
        The lines from index to time. They are final once the night is closed.
    simulated : bool
        Whether the sensor was simulated.
    quality : sequence of Finding
        The faults of the signal.
    loss : str
        How a loss shows: by the sensor's count ("index"), by its times ("time"), or only by arrivals ("arrival").
    detector : str or None
        Name and version of the detector that found the movements; None if it is not known.
    notes : sequence of Message
        What a person should know of the file that the samples come from.
    clock : {"", "day", "local", "utc"}
        What the times are: those of a file may count from its start or from midnight, or be times of day of some zone.
    """

    leg: Leg
    end: int
    movements: Sequence[LegMovement]
    gaps: Sequence[Gap]
    anchors: Sequence[Anchor]
    simulated: bool
    quality: Sequence[Finding] = ()
    loss: str = "index"
    detector: str | None = None
    notes: Sequence[Message] = ()
    clock: Literal["", "day", "local", "utc"] = "utc"

    @property
    def dated(self) -> bool:
        """Whether the times are those of a clock, not ns since some start."""
        return bool(self.clock)

    @property
    def time(self) -> TimeMap:
        """The map from index to time."""
        return TimeMap(self.anchors)

    @property
    def measured(self) -> int:
        """Index after the last usable sample: the start of the gap that ends the night, if there is one."""
        end = self.end
        for gap in sorted(self.gaps, key=lambda h: h.first, reverse=True):
            if gap.first + gap.count >= end:
                end = min(end, gap.first)
        return end


def score_night(
    tracks: Sequence[LegTrack],
    rules: str = RULES,
    *,
    origin_ns: int | None = None,
    interpretation: Interpretation | None = None,
) -> Scored:
    """Score the legs of one night on one clock.

    Parameters
    ----------
    tracks : sequence of LegTrack
        The night starts with the first sample of either leg and ends with the last one, or with the gap after it. Where the
        sensor of one leg failed for good, the other leg goes on alone. The end counts as a gap only after both legs ended.
    rules : str
        The rule set.
    origin_ns : int, optional
        The time of onset 0, ns UTC. The first sample where it is left out.
    interpretation : Interpretation, optional
        How open places of the rules are interpreted.

    Raises
    ------
    ValueError
        If no leg has a sample.
    """
    timed = [(track, track.time) for track in tracks if track.end > 0 and track.anchors]
    if not timed:
        raise ValueError("this night holds no samples")
    start = min(time.utc(0) for _, time in timed)
    origin = start if origin_ns is None else origin_ns
    end = max(time.end_utc(track.end) for track, time in timed)
    measured = max(time.utc(track.measured) for track, time in timed)
    gaps = []
    for track, time in timed:
        last = track.measured
        for h in track.gaps:
            first = time.utc(h.first) if h.first < last else measured
            gaps.append((first - origin, time.utc(h.first + h.count) - origin))
    return scored_night(
        [m for track, time in timed for m in on_clock(track.movements, time, origin)],
        [(a, b) for a, b in gaps if a < b],
        end - start,
        rules=rules,
        origin_ns=origin,
        start_ns=start - origin,
        simulated=any(track.simulated for track in tracks),
        interpretation=interpretation,
        quality=[(track.leg, f) for track, _ in timed for f in track.quality],
        detector=next((track.detector for track, _ in timed), None),
        notes=list({n.sentence: n for track, _ in timed for n in track.notes}.values()),
    )


def on_clock(movements: Iterable[LegMovement], time: TimeMap, origin_ns: int) -> list[LegMovement]:
    """Return movements with their times by the measured rate instead of the declared one.

    Parameters
    ----------
    movements : iterable of LegMovement
        With sample indices.
    time : TimeMap
        The map of their leg.
    origin_ns : int
        The time of onset 0, ns UTC.

    Raises
    ------
    ValueError
        If a movement has no sample indices.
    """
    moved = []
    for m in movements:
        if m.first is None or m.end is None:
            raise ValueError("a movement without sample indices has no place on a recording's clock")
        onset, offset = time.utc(m.first) - origin_ns, time.end_utc(m.end) - origin_ns
        moved.append(replace(m, onset_ns=onset, offset_ns=max(offset, onset)))
    return moved
