"""From bouts of activity to movements: a lift and its return become one, so does a train of twitches, and each gets a kind.

The rules use how the leg rests before and after a bout, and how it shakes in between. They know no clock but sample indices, so
the result does not depend on how samples were cut.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from legmon.detection import kernel as k

Kind = Literal["leg", "long", "posture", "tremor", "locomotion"]

HOLD_S: Final = 9.5  # a leg that is held up for longer has a new position of rest
HELD_LEAST_G, HELD_FACTOR = 0.003, 1.5  # a smaller displacement is breath or drift
HELD_MOST_G: Final = 1.05
BACK: Final = 0.6  # a return leaves less than this share of the displacement …
OPPOSITE, ALIKE = -0.7, (0.5, 1.8)  # … or turns the opposite way (cosine) by about as much
STAYS: Final = 0.5
LARGE_GAP_S, LARGE_G, LARGE_S = 2.0, 0.25, 4.0  # pieces of one large movement
LEAST_G: Final = 0.0195  # weaker than what the yardstick calls visible (20 mg), less a little for noise
TRAIN, TRAIN_GAP_S, TWITCH_S = 4, 3.2, 3.0
TRAIN_RETURNS, TRAIN_S = 5, 4.0
POSTURE_G: Final = 0.30  # rest turned by 17 degrees or more
LONG_S: Final = 10.0
WALK_S, WALK_G, WALK_PEAK_G = 8.0, 0.06, 0.8  # lasts, changes by so much every 20 ms, and steps land hard
BUMP_S, BUMP_HZ, BUMP_G = 1.3, 4.2, 0.045


@dataclass(slots=True)
class Bout:
    """A bout, or several bouts that are one movement.

    Parameters
    ----------
    first, end : int
        Sample indices, `end` exclusive.
    peak, turn, floor : float
        Largest acceleration beyond rest, farthest turn of gravity, and usual turn while resting, g.
    hz : float
        Frequency of its shaking, Hz.
    returns : int
        How often the leg comes back to where it began.
    power : float
        Root mean square change of acceleration per 20 ms, g.
    before, after : (3,) arrays
        Gravity at rest, g.
    parts : int
        Number of bouts.
    """

    first: int
    end: int
    peak: float
    turn: float
    floor: float
    hz: float
    returns: int
    power: float
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    parts: int = 1
    returned: bool = False

    @property
    def displaced(self) -> float:
        """Distance between gravity at rest before and after, g."""
        return math.dist(self.after, self.before)

    def absorb(self, other: "Bout") -> None:
        """Add a later bout to this one."""
        self.end = max(self.end, other.end)
        self.peak, self.turn = max(self.peak, other.peak), max(self.turn, other.turn)
        self.hz, self.returns = min(self.hz, other.hz), max(self.returns, other.returns)
        self.power = max(self.power, other.power)
        self.after = other.after
        self.parts += other.parts


def bout(row: NDArray[np.float64], rate_hz: float, trim: tuple[int, int]) -> Bout:
    """Build a bout from a row of the kernel.

    Parameters
    ----------
    row : (COLUMNS,) array
        From the kernel.
    rate_hz : float
        Sample rate.
    trim : (int, int)
        Samples by which averaging widens a movement at its onset and at its end.
    """
    first = int(row[k.OUT_FIRST]) + trim[0]
    return Bout(
        first=first,
        end=max(int(row[k.OUT_END]) - trim[1], first + 1),
        peak=float(row[k.OUT_PEAK]),
        turn=float(row[k.OUT_TURN]),
        floor=float(row[k.OUT_FLOOR]),
        hz=float(row[k.OUT_HZ]) * rate_hz / (2.0 * math.pi),
        returns=int(row[k.OUT_RETURNS]),
        power=float(row[k.OUT_POWER]) * rate_hz / 50.0,
        before=row[k.OUT_BEFORE : k.OUT_BEFORE + 3].copy(),
        after=row[k.OUT_AFTER : k.OUT_AFTER + 3].copy(),
    )


class BoutMerger:
    """Merge bouts in two steps: lifts with their returns, then trains of twitches.

    Parameters
    ----------
    rate_hz : float
        Sample rate.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate = rate_hz
        self._open: Bout | None = None  # may still be joined
        self._held: list[Bout] = []  # bouts while the leg was held up
        self._row: list[Bout] = []  # may be a train

    def earliest(self, horizon: int) -> int:
        """Return the first index of what was not returned yet. No later bout begins before `horizon`."""
        waiting = [b.first for b in (self._open, *self._row) if b is not None]
        return min([horizon, *waiting])

    def take(self, new: Bout) -> Iterator[tuple[Bout, Kind]]:
        """Add the next bout. Yield what can no longer change."""
        yield from self.advance(new.first)
        now = self._open
        if now is not None:
            gap = new.first - now.end
            if self._is_held(now) and gap <= HOLD_S * self._rate:
                if _comes_back(now, new):
                    for b in (*self._held, new):
                        b.returns = 0  # these return to where the leg is held, not to where it lay
                        now.absorb(b)
                    self._held.clear()
                    now.returned = True
                    return
                if math.dist(new.after, now.after) < STAYS * now.displaced:
                    self._held.append(new)
                    return
            elif not self._held and gap <= LARGE_GAP_S * self._rate and self._is_large(now, new):
                now.absorb(new)
                return
            yield from self._settle()
        self._open = new

    def advance(self, horizon: int) -> Iterator[tuple[Bout, Kind]]:
        """Note that no later bout begins before `horizon`. Yield what can no longer change."""
        now = self._open
        if now is not None:
            wait = HOLD_S if self._is_held(now) else LARGE_GAP_S
            if horizon - now.end > wait * self._rate:
                yield from self._settle()
        if (
            self._row
            and min(horizon, self._open.first if self._open else horizon) - self._row[-1].end
            >= TRAIN_GAP_S * self._rate
        ):
            yield from self._give()

    def finish(self, position: int) -> Iterator[tuple[Bout, Kind]]:
        """End the recording. A leg that is held up stays so until the data end at `position`."""
        if self._open is not None and self._is_held(self._open):
            self._open.end = max(position, self._open.end)
        yield from self._settle()
        yield from self._give()

    def _is_held(self, b: Bout) -> bool:
        return not b.returned and max(HELD_LEAST_G, HELD_FACTOR * b.floor) < b.displaced < HELD_MOST_G

    def _is_large(self, a: Bout, b: Bout) -> bool:
        longest = max(a.end - a.first, b.end - b.first)
        return max(a.peak, b.peak) > LARGE_G and longest > LARGE_S * self._rate

    def _settle(self) -> Iterator[tuple[Bout, Kind]]:
        """Close the open bout. It may still be part of a train."""
        settled = [b for b in (self._open, *self._held) if b is not None]
        self._open = None
        self._held = []
        for b in settled:
            if b.peak < LEAST_G:
                continue
            last = self._row[-1] if self._row else None
            if last is not None and (
                b.first - last.end >= TRAIN_GAP_S * self._rate
                or last.end - last.first >= TWITCH_S * self._rate
            ):
                yield from self._give()
            self._row.append(b)

    def _give(self) -> Iterator[tuple[Bout, Kind]]:
        row, self._row = self._row, []
        if len(row) >= TRAIN:
            for b in row[1:]:
                row[0].absorb(b)
            yield row[0], "tremor"
            return
        for b in row:
            if not self._is_bump(b):
                yield b, self._kind(b)

    def _kind(self, b: Bout) -> Kind:
        seconds = (b.end - b.first) / self._rate
        if seconds >= WALK_S and b.power > WALK_G and b.peak > WALK_PEAK_G:
            return "locomotion"
        if b.displaced > POSTURE_G:
            return "posture"
        if seconds > LONG_S:
            return "long"
        if b.returns >= TRAIN_RETURNS and seconds > TRAIN_S:
            return "tremor"
        return "leg"

    def _is_bump(self, b: Bout) -> bool:
        """Whether something else shook the bed. The sleeper did not do it, so it is not listed and breaks no series."""
        is_short = b.parts == 1 and b.end - b.first < BUMP_S * self._rate
        return is_short and b.hz > BUMP_HZ and b.peak < BUMP_G


def _comes_back(lift: Bout, new: Bout) -> bool:
    """Whether a bout brings the leg back from where a lift left it."""
    away = lift.displaced
    if math.dist(new.after, lift.before) < BACK * away and math.dist(lift.after, new.before) < 0.7 * away:
        return True
    out, home = lift.after - lift.before, new.after - new.before
    length = math.hypot(*home)
    cosine = (out[0] * home[0] + out[1] * home[1] + out[2] * home[2]) / (away * length + 1e-12)
    return bool(cosine < OPPOSITE and ALIKE[0] < length / away < ALIKE[1])
