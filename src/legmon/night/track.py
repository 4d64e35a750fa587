"""One night from what each leg's sensor gave: movements as sample indices, holes, and the fit of time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from legmon.detection.faults import Finding
from legmon.movement import Leg, LegMovement
from legmon.recording.records import Gap
from legmon.scoring.result import Scored
from legmon.scoring.rules import RULES, Interpretation
from legmon.scoring.score import scored_night
from legmon.timeline.clock import Anchor, TimeMap


@dataclass(frozen=True, slots=True)
class LegTrack:
    """What is known of one leg's night.

    Parameters
    ----------
    leg : {"left", "right"}
        The ankle.
    end : int
        Index after the last sample, or after the hole that ends the night.
    movements : sequence of LegMovement
        With sample indices.
    gaps : sequence of Gap
        Missing samples, and those that a failing sensor made.
    anchors : sequence of Anchor
        Index to time; the final ones once the night is closed.
    simulated : bool
        Whether the sensor was simulated.
    quality : sequence of Finding
        What is wrong with the signal.
    loss : str
        By what a loss shows: the sensor's count ("index"), its times ("time"), or only arrivals ("arrival").
    """

    leg: Leg
    end: int
    movements: Sequence[LegMovement]
    gaps: Sequence[Gap]
    anchors: Sequence[Anchor]
    simulated: bool
    quality: Sequence[Finding] = ()
    loss: str = "index"

    @property
    def time(self) -> TimeMap:
        """Index to time."""
        return TimeMap(self.anchors)

    @property
    def measured(self) -> int:
        """Index after the last sample that is of use: where the hole begins that ends the night, if one does."""
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
        The night starts with the first sample of either leg and ends with the last one, or with the hole behind it. A leg whose
        sensor failed for good is missing from then on only where the other one is too: what is left is a night of one leg.
    rules : str
        The rule set.
    origin_ns : int, optional
        What onset 0 means; the first sample where it is left out.
    interpretation : Interpretation, optional
        How open places of the rules are read.

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
        for h in track.gaps:
            first = time.utc(h.first) if h.first < track.measured else measured
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
    )


def on_clock(movements: Iterable[LegMovement], time: TimeMap, origin_ns: int) -> list[LegMovement]:
    """Move movements from the declared rate to measured time.

    Parameters
    ----------
    movements : iterable of LegMovement
        With sample indices.
    time : TimeMap
        Of their leg.
    origin_ns : int
        ns UTC that becomes 0.

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
