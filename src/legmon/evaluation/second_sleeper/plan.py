"""When the sleeper moves: walks and turns first, then waking, then series of leg movements in the time that is left.

The sleeper's own movements never overlap. Intervals, lengths and rates are those of `Structure`; further ones are named
here with the same marks.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from legmon.evaluation.second_sleeper.structure import Structure, log_normal

TAIL_S: Final = 0.9
"""Time that a limb needs to come to rest after its nerve is silent."""
RING_S: Final = 1.6
"""The same for a loose strap."""
APART_S: Final = 0.6
"""Shortest rest between two movements."""
SHORTEST_S, LONGEST_S = 0.5, 9.0
"""Drawn lengths. With the tail, a movement is at most 10 s long (P: 0.5 to 10 s)."""
EDGE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Planned:
    """One movement to come: when, how long its slot is, what it is, and its series if it has one.

    Parameters
    ----------
    at_s, slot_s : float
        Start, and the longest time until the leg rests again.
    what : str
        ``"leg"``, ``"jerk"``, ``"large"``, ``"turn"``, ``"walk"``, ``"rub"``, ``"tap"``, ``"cross"``, ``"push"``.
    length_s : float
        Time until the nerve is silent, for a leg movement.
    series : int or None
        Number of the periodic series that it is drawn in.
    """

    at_s: float
    slot_s: float
    what: str
    length_s: float = 0.0
    series: int | None = None


class Calendar:
    """Movements that do not overlap."""

    def __init__(self, night_s: float, rest_s: float) -> None:
        self._night_s, self._rest_s = night_s, rest_s
        self.planned: list[Planned] = []

    def add(self, p: Planned) -> bool:
        """Add a movement if its time is free."""
        if p.at_s < EDGE_S or p.at_s + p.slot_s > self._night_s - EDGE_S:
            return False
        at = bisect_left(self.planned, p.at_s, key=_at)
        for other in self.planned[max(0, at - 1) : at + 1]:
            begins = max(p.at_s, other.at_s)
            ends = min(p.at_s + p.slot_s, other.at_s + other.slot_s)
            if begins < ends + self._rest_s:
                return False
        insort(self.planned, p, key=_at)
        return True


def _at(p: Planned) -> float:
    return p.at_s


def plan(rng: Generator, s: Structure, hours: float) -> list[Planned]:
    """Return the sleeper's movements of one night, in order of time."""
    night_s = hours * 3600
    ring_s = RING_S if s.strap_hz else 0.0
    calendar = Calendar(night_s, APART_S)
    _large(rng, s, calendar, night_s, ring_s)
    awake = _awake(rng, s, night_s)
    for a, b in awake:
        _fidget(rng, calendar, a, b, ring_s)
    if s.series:
        _series(rng, s, calendar, awake, night_s, ring_s)
    _isolated(rng, s, calendar, night_s, ring_s)
    return calendar.planned


def _large(rng: Generator, s: Structure, calendar: Calendar, night_s: float, ring_s: float) -> None:
    """Plan walks, turns, large movements, hypnic jerks, trains of tremor, and a pet that lies down on the leg."""
    for _ in range(
        int(rng.integers(1, 3)) if night_s > 2 * 3600 else 1
    ):  # C: 0 to 3 a night; here at least one
        away_s = rng.uniform(60, 240) if night_s > 2400 else rng.uniform(50, 70)
        _somewhere(rng, calendar, 0.1 * night_s, 0.9 * night_s, Planned(0, away_s, "walk"))
    hours = night_s / 3600
    for what, rate, low, high in (
        ("turn", s.turns_per_hour, 1.5, 5.5),
        ("large", s.large_per_hour, 11, 26),
        ("push", 0.15 * s.pet_per_hour, 1.0, 3.0),
    ):
        count = int(rng.poisson(rate * hours))
        for _ in range(max(count, 1) if what == "turn" else count):
            _somewhere(rng, calendar, 0, night_s, Planned(0, rng.uniform(low, high) + TAIL_S + ring_s, what))
    for _ in range(s.tremor_trains):
        _somewhere(rng, calendar, 0, night_s, Planned(0, rng.uniform(3, 25) + TAIL_S + ring_s, "tap"))
    if rng.random() < 0.5:  # C: a jerk at sleep onset
        _somewhere(rng, calendar, 300, min(2400, night_s), Planned(0, 2.0 + ring_s, "jerk", length_s=0.25))


def _somewhere(rng: Generator, calendar: Calendar, low: float, high: float, p: Planned) -> None:
    for _ in range(50):
        if calendar.add(Planned(rng.uniform(low, high), p.slot_s, p.what, p.length_s)):
            return


def _awake(rng: Generator, s: Structure, night_s: float) -> list[tuple[float, float]]:
    """Draw the times awake with fidgeting: the first minutes, and blocks of 5 to 40 min (A)."""
    spans = [(0.0, min(rng.uniform(120, 720), 0.1 * night_s))]
    left = s.awake * night_s
    while left > 0:
        length = min(rng.uniform(300, 2400), 0.3 * night_s)
        start = rng.uniform(0, night_s - length)
        spans.append((start, start + length))
        left -= length
    return sorted(spans)


def _fidget(rng: Generator, calendar: Calendar, begin: float, end: float, ring_s: float) -> None:
    """Plan rubbing, tapping and crossing, every 12 to 45 s on average (A)."""
    mean_s = rng.uniform(12, 45)
    t = begin + rng.exponential(mean_s)
    while t < end:
        what = str(rng.choice(["rub", "tap", "cross"], p=[0.5, 0.3, 0.2]))
        low, high = {"rub": (2.5, 20), "tap": (2, 10), "cross": (1.5, 4)}[what]
        slot_s = rng.uniform(low, high) + TAIL_S + ring_s
        calendar.add(Planned(t, slot_s, what))
        t += slot_s + APART_S + rng.exponential(mean_s)


def _series(
    rng: Generator,
    s: Structure,
    calendar: Calendar,
    awake: list[tuple[float, float]],
    night_s: float,
    ring_s: float,
) -> None:
    """Plan series: 10 to 20 movements on average (P), 90 s and more between them, fewer toward the morning (P)."""
    t, number = awake[0][1], 0
    mean_length = rng.uniform(10, 20)
    while t < night_s:
        count = 3 + int(rng.geometric(1 / (mean_length - 3)))
        number += 1
        for _ in range(count):
            interval = max(log_normal(rng, s.interval_s, s.interval_sigma), 4.0)
            if not any(a < t < b for a, b in awake):
                calendar.add(_leg(rng, s, t, ring_s, interval, number))
            t += interval
        t += 90 + rng.exponential(240) * float(np.exp(t / 14400))


def _leg(rng: Generator, s: Structure, t: float, ring_s: float, room_s: float, series: int | None) -> Planned:
    length = float(np.clip(log_normal(rng, s.length_s, s.length_sigma), SHORTEST_S, LONGEST_S))
    tail = TAIL_S + ring_s
    length = max(SHORTEST_S, min(length, room_s - tail - 2 * APART_S))
    creeps = s.creep_deg > 0 and length < 6 and room_s > length + tail + 4
    return Planned(t, length + tail + (3.0 if creeps else 0.0), "leg", length, series)


def _isolated(rng: Generator, s: Structure, calendar: Calendar, night_s: float, ring_s: float) -> None:
    """Plan movements outside of series. Where the night has none, no four follow each other within 95 s each."""
    onsets = [p.at_s for p in calendar.planned if p.what in {"leg", "jerk"}]
    for _ in range(int(rng.poisson(s.isolated_per_hour * night_s / 3600))):
        t = rng.uniform(0, night_s)
        if not s.series and _runs(sorted([*onsets, t])):
            continue
        if calendar.add(_leg(rng, s, t, ring_s, 30.0, None)):
            onsets.append(t)


def _runs(onsets: list[float]) -> bool:
    near = np.diff(onsets) < 95
    return bool(np.any(near[:-2] & near[1:-1] & near[2:])) if len(near) > 2 else False
