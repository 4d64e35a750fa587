"""When the leg moves during a night, before anything is said about how.

Numbers are modelling choices near what is published: inter-movement intervals are log-normal with a median of 22 s (modes of
22 to 26 s, Ferri 2006), shifts of posture come 1.6 an hour (Skarpsno 2017), long movements are those over 10 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["leg", "posture", "long"]

NEAREST_S = 2.5
"""Two movements are never closer than this, offset to onset."""

_PERIODIC = 0.8
_SHORTEST_SERIES = 4
_MEAN_SERIES = 14
_MEDIAN_INTERVAL_S = 22.0
_INTERVAL_SIGMA = 0.3
_POSTURE_PER_HOUR = 1.6
_LONG_PER_HOUR = 1.0
_LARGEST_SERIES_SHARE = 0.7
"""Series take at most this much of the night; beyond it their intervals shrink."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One movement: when, how long, and what kind."""

    start_s: float
    duration_s: float
    kind: Kind


@dataclass(slots=True)
class _Item:
    """What is placed in one piece: a series, or one movement. Times count from its first onset."""

    kind: Kind
    onsets: NDArray[np.float64]
    durations: NDArray[np.float64]

    @property
    def length(self) -> float:
        return float(self.onsets[-1] + self.durations[-1])


def plan_night(rng: np.random.Generator, duration_s: float, movements_per_hour: float) -> list[Planned]:
    """Plan a night's movements in order of time, at least `NEAREST_S` apart, all inside the night."""
    hours = duration_s / 3600.0
    items = _leg_items(rng, duration_s, _whole(rng, movements_per_hour * hours))
    for _ in range(rng.poisson(_POSTURE_PER_HOUR * hours)):
        items.append(_Item("posture", np.zeros(1), rng.uniform(1.0, 5.0, 1)))
    for _ in range(rng.poisson(_LONG_PER_HOUR * hours)):
        long = np.clip(14.0 * np.exp(rng.normal(0.0, 0.3, 1)), 10.5, 40.0)
        items.append(_Item("long", np.zeros(1), long))
    order = rng.permutation(len(items))
    return _place(rng, [items[i] for i in order], duration_s)


def _whole(rng: np.random.Generator, expected: float) -> int:
    """Draw a whole number whose mean is `expected`."""
    return int(expected) + int(rng.random() < expected % 1.0)


def _leg_items(rng: np.random.Generator, duration_s: float, count: int) -> list[_Item]:
    """Cut the leg movements into series and single ones."""
    durations = np.clip(2.8 * np.exp(rng.normal(0.0, 0.45, count)), 0.6, 9.0)
    left = round(_PERIODIC * count)
    lengths: list[int] = []
    while left >= _SHORTEST_SERIES:
        length = _SHORTEST_SERIES - 1 + int(rng.geometric(1.0 / (_MEAN_SERIES - _SHORTEST_SERIES + 1)))
        # What remains must not be too short for a series of its own.
        length = left if left - length < _SHORTEST_SERIES else length
        lengths.append(length)
        left -= length
    series = [durations[end - length : end] for length, end in zip(lengths, np.cumsum(lengths), strict=True)]
    intervals = [
        np.maximum(
            _MEDIAN_INTERVAL_S * np.exp(rng.normal(0.0, _INTERVAL_SIGMA, len(lasting) - 1)),
            lasting[:-1] + NEAREST_S,
        )
        for lasting in series
    ]
    floor = sum(float(lasting.sum()) + NEAREST_S * len(lasting) for lasting in series)
    whole = sum(
        float(gaps.sum()) + float(lasting[-1]) for gaps, lasting in zip(intervals, series, strict=True)
    )
    room = _LARGEST_SERIES_SHARE * duration_s
    keep = 1.0 if whole <= room else max(0.0, (room - floor) / (whole - floor))
    items = []
    for lasting, gaps in zip(series, intervals, strict=True):
        shortest = lasting[:-1] + NEAREST_S
        onsets = np.concatenate(([0.0], np.cumsum(shortest + keep * (gaps - shortest))))
        items.append(_Item("leg", onsets, lasting))
    items += [_Item("leg", np.zeros(1), durations[i : i + 1]) for i in range(sum(lengths), count)]
    return items


def _place(rng: np.random.Generator, items: list[_Item], duration_s: float) -> list[Planned]:
    """Lay the items out with quiet between them that is, on average, longer towards the morning."""
    while items and sum(item.length + NEAREST_S for item in items) + NEAREST_S > duration_s:
        # Only a very short scenario is too full; the rarest things give way first.
        items.remove(max(items, key=lambda item: (item.kind != "leg", item.length)))
    slack = duration_s - sum(item.length for item in items) - NEAREST_S * (len(items) + 1)
    weights = rng.exponential(1.0, len(items) + 1) * np.linspace(0.5, 1.5, len(items) + 1)
    quiet = NEAREST_S + slack * weights / weights.sum()
    planned: list[Planned] = []
    now = 0.0
    for item, before in zip(items, quiet, strict=False):
        now += float(before)
        planned += [
            Planned(now + float(onset), float(lasting), item.kind)
            for onset, lasting in zip(item.onsets, item.durations, strict=True)
        ]
        now += item.length
    return planned
