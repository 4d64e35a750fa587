"""What is missing from a recording that is gone on with, and why it did not come."""

from collections.abc import Iterable, Sequence

from legmon.link.faults import Cause
from legmon.recording.records import Gap, Note, Record, Samples
from legmon.timeline.axis import Pending


def covered(records: Iterable[Record]) -> list[tuple[int, int, str]]:
    """Give what a recording holds or names missing.

    Parameters
    ----------
    records : iterable of Record
        In the order they were written.

    Returns
    -------
    list of (int, int, str)
        First and end of each range, and why what is missing before it, if anything, did not come: as was noted before live
        samples came again. What came late says nothing of it.
    """
    found: list[tuple[int, int, str]] = []
    cause = Cause.NOT_SENT.value
    for r in records:
        if isinstance(r, Note):
            cause = _noted(r, cause)
        elif isinstance(r, Gap):
            found.append((r.first, r.first + r.count, ""))
        elif isinstance(r, Samples):
            found.append((r.first, r.end, cause if r.arrival_ns else ""))
            if r.arrival_ns:
                cause = Cause.NOT_SENT.value
    told, cause = [], Cause.RECORDER_DOWN.value
    for first, end, why in sorted(found, reverse=True):
        cause = why or cause
        told.append((first, end, cause))
    return told


def _noted(note: Note, before: str) -> str:
    """Why nothing came, by what was noted: a link that is set up without one having failed belongs to another recorder."""
    if note.what in {"disconnected", "missed"}:
        return note.value
    if note.what == "connected" and before == Cause.NOT_SENT.value:
        return Cause.RECORDER_DOWN.value
    return before


def gaps(given: Sequence[Pending], cause: Cause | None = None) -> list[Gap]:
    """Name what was waited for in vain; `cause` where it is not why it did not come at first."""
    return [
        Gap(p.first, p.end - p.first, cause.value if cause else p.cause)
        for p in sorted(given, key=lambda p: p.first)
    ]
