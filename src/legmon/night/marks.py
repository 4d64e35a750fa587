"""Which movements the person's marks are about.

A mark names a leg and a time. It does not name a movement, because another version of the detector finds other movements. A
mark applies to the movement of its leg that it overlaps most.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from legmon.movement import Leg
from legmon.night.track import LegTrack


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of time in which the person moved a leg voluntarily.

    Parameters
    ----------
    leg : {"left", "right"}
        The ankle.
    start_ns, end_ns : int
        The stretch, ns UTC: onset and offset of the movement that was on the page.
    set_ns : int
        When the person set the mark, ns UTC. Two marks of one stretch are equal whenever they were set.
    """

    leg: Leg
    start_ns: int
    end_ns: int
    set_ns: int = field(default=0, compare=False)

    @property
    def id(self) -> str:
        """Its name within the night."""
        return f"{self.leg}-{self.start_ns}"


@dataclass(frozen=True, slots=True)
class MarkedMovements:
    """The movements that marks apply to, and the marks that apply to none.

    Parameters
    ----------
    movements : dict of (leg, first sample) to list of Mark
        For each marked movement, the marks that apply to it.
    unmatched : list of Mark
        Marks that overlap no movement of their leg.
    """

    movements: dict[tuple[Leg, int], list[Mark]]
    unmatched: list[Mark]


def marked_movements(tracks: Iterable[LegTrack], marks: Sequence[Mark]) -> MarkedMovements:
    """Return the movement that each mark overlaps most; the earlier one where two overlap equally.

    Parameters
    ----------
    tracks : iterable of LegTrack
        The legs of the night.
    marks : sequence of Mark
        The person's marks of this night.
    """
    found = MarkedMovements({}, [])
    if not marks:
        return found
    legs = {t.leg: _times(t) for t in tracks if t.anchors}
    for mark in marks:
        best, most = None, 0 if mark.end_ns > mark.start_ns else -1  # a moment needs only to lie inside
        for first, start_ns, end_ns in legs.get(mark.leg, []):
            shared = min(end_ns, mark.end_ns) - max(start_ns, mark.start_ns)
            if shared > most:
                best, most = first, shared
        if best is None:
            found.unmatched.append(mark)
        else:
            found.movements.setdefault((mark.leg, best), []).append(mark)
    return found


def mark_of(track: LegTrack, first: int, set_ns: int) -> Mark:
    """Return the mark for the movement that begins with a sample.

    Raises
    ------
    KeyError
        If the leg has no such movement.
    """
    for found, start_ns, end_ns in _times(track):
        if found == first:
            return Mark(track.leg, start_ns, end_ns, set_ns)
    raise KeyError(first)


def _times(track: LegTrack) -> list[tuple[int, int, int]]:
    """Return first sample, start and end (ns UTC) of each movement of a leg."""
    time = track.time
    return [
        (m.first, time.utc(m.first), time.end_utc(m.end))
        for m in track.movements
        if m.first is not None and m.end is not None
    ]
