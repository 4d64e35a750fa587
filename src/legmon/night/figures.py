"""The headline of a night: periodic movements per hour lying with the sensor on, with one mask for numerator and denominator.

The mask is the time in which the shank lies (without a calibration: the marked hours in bed), the sensor is worn, samples exist
and the person does not walk. It lies within lights off and on where these are marked. A movement counts where its onset is in
the mask. An hour counts where it is in the mask. So neither counts without the other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from legmon.movement import NS, Leg
from legmon.night.lying import PostureState, Stretch, Vector, axis_of_walking, stretches
from legmon.night.posture import Posture
from legmon.night.track import LegTrack
from legmon.scoring.events import Span, normalise_gaps
from legmon.scoring.result import Scored

Denominator = Literal["lying", "in_bed"]
CalibratedBy = Literal["standing", "walking"]
VOLUNTARY = "voluntary"
"""Kind of a movement that the person marked as their own. It is listed, is never a candidate, and breaks a series."""


@dataclass(frozen=True, slots=True)
class LegPosture:
    """The states of one leg all night, and the source of its calibration."""

    leg: Leg
    stretches: Sequence[Stretch]
    by: CalibratedBy | None


@dataclass(frozen=True, slots=True)
class PostureSpan:
    """A stretch of the night, ns from the origin, and the state of the leg."""

    start: int
    end: int
    state: PostureState


@dataclass(frozen=True, slots=True)
class Figures:
    """The counts, and the hours that divide them, inside one mask.

    Parameters
    ----------
    denominator : {"lying", "in_bed"}
        Which hours count: lying or in bed.
    mask : list of (start, end)
        The time that counts, ns from the origin, without gaps.
    movements, periodic, series : int
        Movements with their onset in the mask, how many of them are periodic, and in how many series.
    held : list of PostureSpan
        The states of the leg, for the strip on the page.
    by : {"standing", "walking"} or None
        The source of the calibration.
    """

    denominator: Denominator
    mask: list[Span]
    movements: int
    periodic: int
    series: int
    held: list[PostureSpan]
    by: CalibratedBy | None

    @property
    def seconds(self) -> float:
        """The denominator, seconds."""
        return sum(b - a for a, b in self.mask) / NS

    @property
    def per_hour(self) -> float | None:
        """Periodic movements per hour of the mask; None if it is empty."""
        return self.periodic / (self.seconds / 3600) if self.mask else None


def leg_posture(leg: Leg, posture: Posture, standing: Vector | None) -> LegPosture:
    """Return the states of a leg, calibrated by standing still where that was done, otherwise by walking if there was any."""
    if standing is not None:
        return LegPosture(leg, stretches(posture, standing), "standing")
    axis = axis_of_walking(posture)
    return LegPosture(leg, stretches(posture, axis), None if axis is None else "walking")


def voluntary_movements(tracks: Iterable[LegTrack], voluntary: Iterable[tuple[Leg, int]]) -> list[LegTrack]:
    """Return the tracks with the kind of the person's voluntary movements set.

    Parameters
    ----------
    tracks : iterable of LegTrack
        As the detector found them.
    voluntary : iterable of (leg, first sample)
        The movements that the person marked as their own.
    """
    marked = set(voluntary)
    return [
        replace(
            t,
            movements=[replace(m, kind=VOLUNTARY) if (t.leg, m.first) in marked else m for m in t.movements],
        )
        for t in tracks
    ]


def figures(
    scored: Scored,
    tracks: Sequence[LegTrack],
    postures: Sequence[LegPosture],
    lights: tuple[int | None, int | None] = (None, None),
) -> Figures:
    """Count over the mask; see the top of this file.

    Parameters
    ----------
    scored : Scored
        The night under its rules.
    tracks : sequence of LegTrack
        Its legs.
    postures : sequence of LegPosture
        The legs whose posture is known. Where both legs are calibrated, both have to lie.
    lights : (int or None, int or None)
        Lights off and on, ns UTC. The recording's start and end where they are not marked.
    """
    start, end = scored.start_ns, scored.start_ns + scored.duration_ns
    off, on = (None if t is None else t - scored.origin_ns for t in lights)
    mask: list[Span] = [(max(start, start if off is None else off), min(end, end if on is None else on))]
    mask = [(a, b) for a, b in mask if b > a]
    calibrated = [p for p in postures if p.by is not None]
    shown = calibrated or list(postures)
    clocks = {t.leg: t.time for t in tracks}
    for p in shown:
        time = clocks[p.leg]
        outside = [
            (time.utc(s.first) - scored.origin_ns, time.utc(s.end) - scored.origin_ns)
            for s in p.stretches
            if s.state in {"upright", "walking", "not_worn"}
        ]
        mask = without(mask, outside)
    mask = without(mask, scored.gaps)
    inside = [s for s in scored.movements if s.movement.kind == "leg" and _in(mask, s.movement.onset)]
    return Figures(
        denominator="lying" if calibrated else "in_bed",
        mask=mask,
        movements=len(inside),
        periodic=sum(s.periodic for s in inside),
        series=len({s.series for s in inside if s.periodic}),
        held=[
            PostureSpan(
                clocks[p.leg].utc(s.first) - scored.origin_ns,
                clocks[p.leg].utc(s.end) - scored.origin_ns,
                s.state,
            )
            for p in shown[:1]
            for s in p.stretches
        ],
        by=calibrated[0].by if calibrated else None,
    )


def without(mask: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """Return a mask without these stretches."""
    left = sorted(mask)
    for a, b in normalise_gaps(taken):
        left = [(x, y) for s, e in left for x, y in ((s, min(e, a)), (max(s, b), e)) if y > x]
    return left


def _in(mask: Sequence[Span], onset: int) -> bool:
    return any(a <= onset < b for a, b in mask)
