"""Whether a person has risen for the day, going by how long the ankle walked."""

from collections.abc import Sequence

from legmon.movement import LegMovement

WALKED_S, WITHIN_S = 600.0, 900.0  # a way to the bathroom and back, or to a child, takes less
LEAST_S = 4 * 3600.0  # earlier in a night one is up for other reasons, and the night must not end


def has_risen(movements: Sequence[LegMovement], end: int, rate_hz: float) -> bool:
    """Say whether an ankle walked for ten of the last fifteen minutes, after four hours or more.

    Parameters
    ----------
    movements : sequence of LegMovement
        With sample indices, in order.
    end : int
        Index after the last sample.
    rate_hz : float
        Samples a second.
    """
    if end < LEAST_S * rate_hz:
        return False
    since = end - WITHIN_S * rate_hz
    walked = 0.0
    for m in reversed(movements):
        if m.end is None or m.first is None or m.end < since:
            break
        if m.kind == "locomotion":
            walked += m.end - max(m.first, since)
    return walked >= WALKED_S * rate_hz
