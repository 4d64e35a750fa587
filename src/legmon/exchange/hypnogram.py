"""Hours of sleep for a recording that has none: the sleep stages of another file, put on the recording's clock.

legmon measures no sleep. Stages from elsewhere are only a denominator, and the answer names the file that they come from.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from legmon.exchange.events import read_events
from legmon.exchange.moments import DAY_S, Origin, origin_of
from legmon.exchange.scored_night import EventsError
from legmon.messages import Message, SourceNote, source_note
from legmon.movement import NS
from legmon.quoting import shown
from legmon.scoring.checked import RowError, checked_stages
from legmon.scoring.sleep import Stage, agreed

FARTHEST_S: Final = DAY_S
"""Stages that begin a day from the recording or more are of another night."""


@dataclass(frozen=True, slots=True)
class Hypnogram:
    """The sleep stages of a file.

    Parameters
    ----------
    stages : list of Stage
        Times in ns from the start of the file.
    origin : Origin
        What is known of that start.
    notes : list of Message
        What a person should know: the source, and where scorers differ.
    """

    stages: list[Stage]
    origin: Origin
    notes: list[Message]

    def on_clock(self, start: datetime | None, origin_ns: int) -> list[Stage]:
        """Return the stages on the clock of a recording.

        Parameters
        ----------
        start : datetime or None
            When the recording began, as a clock on the wall showed it; None if it is not known.
        origin_ns : int
            What is added: the time of its first sample, ns.

        Raises
        ------
        EventsError
            If the two have no clock in common, or are of different nights.
        """
        kind = self.origin.kind
        if (start is None) != (kind == "since start"):
            which, other = (
                ("file of stages", "recording") if start is None else ("recording", "file of stages")
            )
            raise EventsError(
                f"the {which} has times of a clock and the {other} has none, so they cannot be put on one clock"
            )
        shift = 0.0
        if start is not None:
            began = origin_of(start)
            shift = (
                self.origin.date - began.date if kind == "date" else _nearest(self.origin.clock - began.clock)
            )
        if abs(shift) >= FARTHEST_S:
            raise EventsError(
                f"the stages begin {abs(shift) / DAY_S:.1f} days from the recording; name the file of this night"
            )
        moved = round(shift * NS) + origin_ns
        return [(max(a + moved, origin_ns), b + moved, s) for a, b, s in self.stages if b + moved > origin_ns]


def _nearest(seconds: float) -> float:
    """Return a difference of two times of day, the shorter way round."""
    return (seconds + DAY_S / 2) % DAY_S - DAY_S / 2


def read_hypnogram(path: Path) -> Hypnogram:
    """Read the sleep stages of a scored night of any format.

    Raises
    ------
    EventsError
        If it cannot be read, or holds no stages.
    """
    recordings = read_events(path)
    if len(recordings) != 1:
        raise EventsError(f"{path} holds {len(recordings)} recordings; expected the stages of one")
    (events,) = recordings
    try:
        stages, disagreed = agreed(checked_stages(events.stages))
    except RowError as e:
        raise EventsError(f"{path}, {e}") from e
    if not stages:
        raise EventsError(f"{path} holds no sleep stages that legmon understands")
    notes = [source_note(SourceNote.DENOMINATOR, name=shown(path.name))]
    if disagreed:
        notes.append(source_note(SourceNote.STAGES_DISAGREE, seconds=disagreed / NS))
    return Hypnogram(stages, events.origin, notes)


def wall_clock(utc_ns: int, utc_offset_s: int = 0) -> datetime:
    """Return what a clock on the wall shows at a moment."""
    return datetime.fromtimestamp(utc_ns / NS + utc_offset_s, UTC)
