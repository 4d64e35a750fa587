"""A leg movement, as the detector or another program found it."""

from dataclasses import dataclass
from typing import Literal

Leg = Literal["left", "right"]
Legs = Literal["left", "right", "both"]
NS = 1_000_000_000
"""Nanoseconds in a second. Times inside the program are integers in nanoseconds."""


@dataclass(frozen=True, slots=True)
class LegMovement:
    """One movement of one leg.

    Parameters
    ----------
    onset_ns, offset_ns : int
        Start and end, ns from the start of the recording.
    leg : {"left", "right"}
        The ankle that wore the sensor.
    kind : str
        ``"leg"`` for the movements that scoring rules look at. Otherwise what the movement was taken for: ``"posture"`` (the
        leg came to rest in another position), ``"long"`` (over 10 s), ``"tremor"``, ``"locomotion"`` and others. Such a
        movement is never a candidate.
    peak_mg : float or None
        Largest acceleration beyond rest, in thousandths of g. None if another program found the movement.
    first, end : int or None
        Sample indices, ``end`` exclusive. None if another program found the movement.
    confidence : float or None
        Chance that it is what `kind` says, as simulated nights have it: for a leg movement, that the leg made a movement to
        count. None if another program found the movement.
    """

    onset_ns: int
    offset_ns: int
    leg: Leg
    kind: str = "leg"
    peak_mg: float | None = None
    first: int | None = None
    end: int | None = None
    confidence: float | None = None

    @property
    def onset_s(self) -> float:
        """Start in seconds from the start of the recording."""
        return self.onset_ns / NS

    @property
    def offset_s(self) -> float:
        """End in seconds from the start of the recording."""
        return self.offset_ns / NS

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return (self.offset_ns - self.onset_ns) / NS
