"""From bouts of activity to movements: a lift and its return become one, so does a train of twitches, and each gets a kind.

The rules use how the leg rests before and after a bout, and how it shakes in between. They know no clock but sample indices, so
the result does not depend on how samples were cut.
"""

import math
from collections.abc import Iterator
from typing import Final, Literal

import numpy as np

from legmon.detection.bed import LEAST_G, MOST_G, leg_chance
from legmon.detection.bout import Bout
from legmon.detection.trace import Tracer
from legmon.messages import DetectorRule

Kind = Literal["leg", "long", "posture", "tremor", "locomotion"]

LEG_CHANCE: Final = 0.6  # what is less likely to be the leg is the bed
HOLD_S: Final = 9.5  # a leg that is held up for longer has a new position of rest
HELD_LEAST_G, HELD_FACTOR = 0.003, 1.5  # a smaller displacement is breath or drift
HELD_SHARE: Final = (
    0.2  # a leg is held if so much of its farthest turn is left; else it came back, if not exactly
)
HELD_MOST_G: Final = 1.05
RETURN_SHARE: Final = 0.3  # a return goes one way; a movement of its own comes back from farther away
BACK: Final = 0.6  # a return leaves less than this share of the displacement …
BACK_NEAR: Final = 0.7  # … and begins where the lift left the leg, to within this share of it
OPPOSITE, TOWARDS = -0.7, (0.5, 4.0)  # … or turns the opposite way (cosine), from half to four times as far
STAYS: Final = 0.5
LARGE_GAP_S, LARGE_G, LARGE_LEAST_G, LARGE_S = 2.0, 0.25, 0.06, 4.0  # pieces of one large movement
TRAIN, TRAIN_GAP_S, TWITCH_S = 4, 3.2, 3.0
TRAIN_RETURNS, TRAIN_S, TRAIN_HELD = 5, 6.0, 0.1  # a twitch comes back to within a tenth of its turn
SHAKES: Final = ((8, 0.25), (12, 0.4))  # so many swings about rest, and less than so much to one side
ONE_SIDED: Final = 2  # a bed swings about rest more often than this
POSTURE_G: Final = 0.30  # rest turned by 17 degrees or more
LONG_S: Final = 10.0
WALK_S, WALK_G, WALK_PEAK_G = 8.0, 0.06, 0.8  # lasts, changes by so much every 20 ms, and steps land hard
TREMOR_MOST_G: Final = 0.4  # no foot trembles by more
JERK_S, JERK_GAP_S = 1.5, 3.2  # a jerk lasts at most; its movement ends with another one
BUMP_S, BUMP_HZ, BUMP_G = 1.3, 4.2, 0.030


_RULES: Final[dict[Kind, DetectorRule]] = {
    "leg": DetectorRule.LEG,
    "long": DetectorRule.LONG,
    "posture": DetectorRule.POSTURE,
    "tremor": DetectorRule.TREMBLES,
    "locomotion": DetectorRule.LOCOMOTION,
}


class BoutMerger:
    """Merge bouts in two steps: lifts with their returns, then trains of twitches.

    Parameters
    ----------
    rate_hz : float
        Sample rate.
    tracer : Tracer, optional
        Notes each decision.
    """

    def __init__(self, rate_hz: float, tracer: Tracer | None = None) -> None:
        self._rate = rate_hz
        self._tracer = tracer
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
        is_held = now is not None and self._is_held(now) and new.first - now.end <= HOLD_S * self._rate
        if not is_held and self._is_bed(
            new
        ):  # whatever moves while the leg is held up is the leg, most likely
            self._decided(DetectorRule.BED, new, least=LEG_CHANCE)
            return
        if now is not None:
            gap = new.first - now.end
            if self._is_held(now) and gap <= HOLD_S * self._rate:
                if _comes_back(now, new) and new.end - now.first <= LONG_S * self._rate:
                    for b in self._held:
                        self._decided(DetectorRule.WHILE_HELD, b, now)
                    self._decided(DetectorRule.RETURN, new, now)
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
                self._decided(DetectorRule.LARGE, new, now)
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
        least = max(HELD_LEAST_G, HELD_FACTOR * b.floor, HELD_SHARE * b.turn)
        return not b.returned and least < b.displaced < HELD_MOST_G

    def _is_bed(self, b: Bout) -> bool:
        """Whether the bed moved. What comes back again and again from one side only is a leg that twitches."""
        if b.returns >= TRAIN and b.swings <= ONE_SIDED:
            return False
        return b.peak < MOST_G and leg_chance(b, self._rate) < LEG_CHANCE

    def _is_large(self, a: Bout, b: Bout) -> bool:
        longest = max(a.end - a.first, b.end - b.first)
        return (
            not a.returned
            and max(a.peak, b.peak) > LARGE_G
            and min(a.peak, b.peak) > LARGE_LEAST_G
            and longest > LARGE_S * self._rate
        )

    def _settle(self) -> Iterator[tuple[Bout, Kind]]:
        """Close the open bout. It may still be part of a train."""
        settled = [b for b in (self._open, *self._held) if b is not None]
        self._open = None
        self._held = []
        for b in settled:
            if b.peak < LEAST_G:
                self._decided(DetectorRule.WEAK, b, least=1000 * LEAST_G)
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
            for b in row:
                self._decided(DetectorRule.TRAIN, b, row[0], count=len(row), most=TRAIN_GAP_S)
            for b in row[1:]:
                row[0].absorb(b)
            yield row[0], "tremor"
            return
        joined: list[Bout] = []
        for b in row:
            if self._is_bump(b):
                self._decided(DetectorRule.BUMP, b)
                continue
            if joined and self._are_one(joined[-1], b):
                self._decided(DetectorRule.JERKS, b, joined[-1])
                joined[-1].absorb(b)
            else:
                joined.append(b)
        for b in joined:
            kind = self._kind(b)
            self._decided(_RULES[kind], b, least=1000 * POSTURE_G, most=LONG_S)
            yield b, kind

    def _decided(self, rule: DetectorRule, b: Bout, into: Bout | None = None, **values: float) -> None:
        if self._tracer:
            self._tracer.decided(rule, b, into, **values)

    def _are_one(self, a: Bout, b: Bout) -> bool:
        """Whether two jerks begin and end one movement. Where gravity does not show a lift, nothing else is felt of it."""
        longest = max(a.end - a.first, b.end - b.first)
        is_turned = max(a.displaced, b.displaced) >= POSTURE_G
        return not is_turned and longest <= JERK_S * self._rate and b.first - a.end < JERK_GAP_S * self._rate

    def _kind(self, b: Bout) -> Kind:
        seconds = (b.end - b.first) / self._rate
        if seconds >= WALK_S and b.power > WALK_G and b.peak > WALK_PEAK_G:
            return "locomotion"
        if b.displaced > POSTURE_G:
            return "posture"
        if seconds > LONG_S:
            return "long"
        if seconds > TRAIN_S and b.peak < TREMOR_MOST_G and _trembles(b):
            return "tremor"
        return "leg"

    def _is_bump(self, b: Bout) -> bool:
        """Whether something else shook the bed. The sleeper did not do it, so it is not listed and breaks no series."""
        is_short = b.parts == 1 and b.end - b.first < BUMP_S * self._rate
        return is_short and b.hz > BUMP_HZ and b.peak < BUMP_G


def _trembles(b: Bout) -> bool:
    """Whether a bout is a train of twitches. A clonic leg movement beats to one side of rest, about where it is held."""
    if b.returns >= TRAIN_RETURNS and b.swings <= ONE_SIDED and b.held < TRAIN_HELD:
        return True
    return any(b.swings >= swings and b.sided < sided for swings, sided in SHAKES)


def _comes_back(lift: Bout, new: Bout) -> bool:
    """Whether a bout brings the leg back from where a lift left it."""
    away = lift.displaced
    if new.displaced < RETURN_SHARE * new.turn:
        return False
    out, home = lift.after - lift.before, new.after - new.before
    if math.dist(lift.after, new.before) < BACK_NEAR * away:
        towards = float(np.dot(lift.after - new.after, out)) / (away * away + 1e-12)
        if TOWARDS[0] < towards < TOWARDS[1] or math.dist(new.after, lift.before) < BACK * away:
            return True
    length = math.hypot(*home)
    cosine = float(np.dot(out, home)) / (away * length + 1e-12)
    return cosine < OPPOSITE and TOWARDS[0] < length / away < TOWARDS[1]
