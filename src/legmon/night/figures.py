"""The headline of a night: periodic movements per hour lying with the sensor on, with one mask for numerator and denominator.

The mask is where the shank lies (without a calibration: the marked hours in bed), the sensor is worn, samples are there, and
nobody walks; within lights off and on where these are marked. A movement counts where its onset lies in the mask,
an hour where it is in the mask: never one without the other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from legmon.movement import NS, Leg
from legmon.night.lying import State, Stretch, Vector, axis_of_walking, stretches
from legmon.night.posture import Posture
from legmon.night.track import LegTrack
from legmon.scoring.events import Gap, normalise_gaps
from legmon.scoring.result import Scored

Denominator = Literal["lying", "in_bed"]
CalibratedBy = Literal["standing", "walking"]
VOLUNTARY = "voluntary"
"""Kind of a movement that its owner made on purpose: listed, never a candidate, and it breaks a series."""


@dataclass(frozen=True, slots=True)
class LegPosture:
    """How one leg was all night, and where its calibration is from."""

    leg: Leg
    stretches: Sequence[Stretch]
    by: CalibratedBy | None


@dataclass(frozen=True, slots=True)
class Held:
    """A stretch of the night on its clock, ns from the origin, and how the leg was."""

    start: int
    end: int
    state: State


@dataclass(frozen=True, slots=True)
class Figures:
    """Numerator and denominator over one mask.

    Parameters
    ----------
    denominator : {"lying", "in_bed"}
        What the hours are.
    mask : list of (start, end)
        Where both count, ns from the origin, without gaps.
    movements, periodic, series : int
        Movements with their onset in the mask, those of them in periodic series, and in how many.
    held : list of Held
        How the leg was, for the strip.
    by : {"standing", "walking"} or None
        Where the calibration is from.
    """

    denominator: Denominator
    mask: list[Gap]
    movements: int
    periodic: int
    series: int
    held: list[Held]
    by: CalibratedBy | None

    @property
    def seconds(self) -> float:
        """The denominator."""
        return sum(b - a for a, b in self.mask) / NS

    @property
    def per_hour(self) -> float | None:
        """Periodic movements per hour of the mask."""
        return self.periodic / (self.seconds / 3600) if self.mask else None


def leg_posture(leg: Leg, posture: Posture, standing: Vector | None) -> LegPosture:
    """Say how a leg was: by tonight's standing still where there is one, otherwise by walking, otherwise not at all."""
    if standing is not None:
        return LegPosture(leg, stretches(posture, standing), "standing")
    axis = axis_of_walking(posture)
    return LegPosture(leg, stretches(posture, axis), None if axis is None else "walking")


def voluntary_movements(tracks: Iterable[LegTrack], voluntary: Iterable[tuple[Leg, int]]) -> list[LegTrack]:
    """Give the tracks with their owner's own movements named as such.

    Parameters
    ----------
    tracks : iterable of LegTrack
        As they were found.
    voluntary : iterable of (leg, first sample)
        The movements their owner made on purpose.
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
    """Count over the mask.

    Parameters
    ----------
    scored : Scored
        The night under its rules.
    tracks : sequence of LegTrack
        Its legs.
    postures : sequence of LegPosture
        Those of the legs whose posture is known. Where both legs are calibrated, both have to lie.
    lights : (int or None, int or None)
        Lights off and on, ns UTC; the recording's own start and end where not marked.
    """
    start, end = scored.start_ns, scored.start_ns + scored.duration_ns
    off, on = (None if t is None else t - scored.origin_ns for t in lights)
    mask: list[Gap] = [(max(start, start if off is None else off), min(end, end if on is None else on))]
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
            Held(
                clocks[p.leg].utc(s.first) - scored.origin_ns,
                clocks[p.leg].utc(s.end) - scored.origin_ns,
                s.state,
            )
            for p in shown[:1]
            for s in p.stretches
        ],
        by=calibrated[0].by if calibrated else None,
    )


def without(mask: Iterable[Gap], taken: Iterable[Gap]) -> list[Gap]:
    """Cut stretches out of a mask."""
    left = sorted(mask)
    for a, b in normalise_gaps(taken):
        left = [(x, y) for s, e in left for x, y in ((s, min(e, a)), (max(s, b), e)) if y > x]
    return left


def _in(mask: Sequence[Gap], onset: int) -> bool:
    return any(a <= onset < b for a, b in mask)
