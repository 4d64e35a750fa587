"""Plan when the leg moves during a night. `firmware_sim.performance` decides how.

Leg movements come first: series and single movements, with quiet between them that grows towards the morning. A walk to
the bathroom takes the place of the movements it meets. Everything else takes the first free place among those that its
own random stream proposes, so it changes no other movement.

Numbers are modelling choices near what is published; ``docs/scenarios.md`` names the sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from firmware_sim.streams import stream
from firmware_sim.vocabulary import Body, Scenario

Kind = Literal["leg", "posture", "long", "locomotion", "tremor", "jerk", "fidget"]

NEAREST_S = 2.5
"""Two movements are never closer than this, offset to onset."""

_SETTLED_S = 4.0
"""Quiet around every other movement: a person who turns over lies still for a moment before and after."""

_SHORTEST_SERIES = 4
_LARGEST_SERIES_SHARE = 0.7
"""Series take at most this share of the night. If they need more, their intervals shrink."""
_PROPOSALS = 512
_SHORTEST_LEG_S, _LONGEST_LEG_S = 0.7, 9.0


@dataclass(frozen=True, slots=True)
class Planned:
    """One movement: start, duration, kind, and its number among those of its kind."""

    start_s: float
    duration_s: float
    kind: Kind
    number: int

    @property
    def end_s(self) -> float:
        """When the movement ends, s."""
        return self.start_s + self.duration_s


@dataclass(slots=True)
class _Item:
    """A series or a single movement: its leg movements, and their onsets from its first one."""

    numbers: NDArray[np.int64]
    onsets: NDArray[np.float64]
    lasting: NDArray[np.float64]

    @property
    def length(self) -> float:
        return float(self.onsets[-1] + self.lasting[-1])


def plan_night(scenario: Scenario) -> list[Planned]:
    """Plan a night's movements in order of time, at least `NEAREST_S` apart, all inside the night."""
    body, hours = scenario.body, scenario.duration_s / 3600.0
    trips = _trips(scenario)
    legs = _place(scenario, _leg_items(scenario))
    planned = trips + [leg for leg in legs if not any(_touch(leg, trip) for trip in trips)]
    rates: dict[Kind, float] = {
        "posture": body.posture_per_hour,
        "long": body.large_per_hour,
        "tremor": body.tremor_trains_per_hour,
        "jerk": body.jerks_per_hour,
        "fidget": body.fidgets_per_hour,
    }
    for kind, per_hour in rates.items():
        for number in range(stream(scenario.seed, kind).poisson(per_hour * hours)):
            _squeeze_in(planned, scenario, kind, number)
    return sorted(planned, key=lambda each: each.start_s)


def _trips(scenario: Scenario) -> list[Planned]:
    trips: list[Planned] = []
    for number, trip in enumerate(sorted(scenario.body.bathroom, key=lambda trip: trip.at_s)):
        walk = Planned(max(trip.at_s, NEAREST_S), trip.for_s, "locomotion", number)
        if walk.end_s < scenario.duration_s - NEAREST_S and not any(_touch(walk, other) for other in trips):
            trips.append(walk)
    return trips


def _touch(one: Planned, other: Planned) -> bool:
    return one.start_s < other.end_s + _SETTLED_S and other.start_s < one.end_s + _SETTLED_S


def _length(rng: np.random.Generator, kind: Kind) -> float:
    """Return the duration of a movement of the whole body, a tremor train, a jerk or a bout of fidgeting, s."""
    if kind == "posture":
        return float(rng.uniform(1.0, 5.0))
    if kind == "long":
        return float(np.clip(14.0 * np.exp(rng.normal(0.0, 0.3)), 12.0, 40.0))
    if kind == "tremor":
        return float(rng.uniform(5.0, 30.0))
    if kind == "fidget":
        return float(np.exp(rng.uniform(np.log(20.0), np.log(240.0))))
    return float(rng.uniform(0.1, 0.4))


def _squeeze_in(planned: list[Planned], scenario: Scenario, kind: Kind, number: int) -> None:
    """Add one movement at the first free place that its stream proposes. Add none if no place is free."""
    rng = stream(scenario.seed, f"{kind} time", number)
    length = _length(rng, kind)
    starts = rng.uniform(NEAREST_S, max(NEAREST_S, scenario.duration_s - length - 2 * NEAREST_S), _PROPOSALS)[
        :, None
    ]
    taken = np.array([(other.start_s, other.end_s) for other in planned]).reshape(-1, 2)
    clash = (starts < taken[:, 1] + _SETTLED_S) & (taken[:, 0] < starts + length + _SETTLED_S)
    free = ~clash.any(axis=1) & (starts[:, 0] + length + NEAREST_S <= scenario.duration_s)
    if free.any():
        planned.append(Planned(float(starts[np.argmax(free), 0]), length, kind, number))


def _leg_items(scenario: Scenario) -> list[_Item]:
    """Return the leg movements as series and single ones, in order of time."""
    body = scenario.body
    rng = stream(scenario.seed, "leg times")
    expected = scenario.movements_per_hour * scenario.duration_s / 3600.0
    count = int(expected) + int(rng.random() < expected % 1.0)
    lasting = np.clip(
        body.duration_s.median * np.exp(rng.normal(0.0, body.duration_s.sigma, count)),
        _SHORTEST_LEG_S,
        _LONGEST_LEG_S,
    )
    lengths = _series_lengths(rng, body, count)
    lengths += [1] * (count - sum(lengths))
    order = rng.permutation(len(lengths))
    ends = np.cumsum(lengths)
    items = []
    for place, i in enumerate(order):
        numbers = np.arange(ends[i] - lengths[i], ends[i])
        interval = body.series.interval_s
        medians = interval.median * body.series.lengthen ** (place / len(lengths))
        intervals = medians * np.exp(rng.normal(0.0, interval.sigma, lengths[i] - 1))
        intervals = np.maximum(intervals, lasting[numbers][:-1] + NEAREST_S)
        items.append(_Item(numbers, np.concatenate(([0.0], np.cumsum(intervals))), lasting[numbers]))
    _shrink(items, _LARGEST_SERIES_SHARE * scenario.duration_s)
    return items


def _series_lengths(rng: np.random.Generator, body: Body, count: int) -> list[int]:
    left = round(body.periodic_share * count)
    lengths: list[int] = []
    while left >= _SHORTEST_SERIES:
        length = _SHORTEST_SERIES - 1 + int(rng.geometric(1.0 / (body.series.length - _SHORTEST_SERIES + 1)))
        # The rest must not be too short for a series of its own.
        length = left if left - length < _SHORTEST_SERIES else length
        lengths.append(length)
        left -= length
    return lengths


def _shrink(items: list[_Item], room: float) -> None:
    """Shorten the intervals of the series, if necessary to the shortest possible, until they fit into `room` seconds."""
    series = [item for item in items if len(item.numbers) > 1]
    whole = sum(item.length for item in series)
    floor = sum(float(item.lasting.sum()) + NEAREST_S * len(item.lasting) for item in series)
    if whole <= room:
        return
    keep = max(0.0, (room - floor) / (whole - floor))
    for item in series:
        shortest = item.lasting[:-1] + NEAREST_S
        intervals = shortest + keep * (np.diff(item.onsets) - shortest)
        item.onsets = np.concatenate(([0.0], np.cumsum(intervals)))


def _fitting(items: list[_Item], duration_s: float) -> list[_Item]:
    """Return the items that fit. Only a very short or a very full scenario is too full; the longest items are dropped first."""
    lengths = [item.length for item in items]
    needed = sum(lengths) + NEAREST_S * (len(items) + 1)
    dropped = set[int]()
    for number in sorted(range(len(items)), key=lambda n: -lengths[n]):
        if needed <= duration_s:
            break
        dropped.add(number)
        needed -= lengths[number] + NEAREST_S
    return [item for number, item in enumerate(items) if number not in dropped]


def _place(scenario: Scenario, items: list[_Item]) -> list[Planned]:
    """Place the items, with quiet between them that is longer on average towards the morning."""
    duration_s, body = scenario.duration_s, scenario.body
    items = _fitting(items, duration_s)
    extra = np.array([0.0] + [body.series.gap_min_s * (len(item.numbers) > 1) for item in items] + [0.0])
    quiet = np.maximum(np.maximum(extra[:-1], extra[1:]) - NEAREST_S, 0.0)
    slack = duration_s - sum(item.length for item in items) - NEAREST_S * (len(items) + 1)
    quiet *= min(1.0, slack / quiet.sum()) if quiet.any() else 1.0
    rng = stream(scenario.seed, "leg quiet")
    steps = np.linspace(2.0, 2.0 * body.thin, len(items) + 1) / (1.0 + body.thin)
    weights = rng.exponential(1.0, len(items) + 1) * steps
    quiet += NEAREST_S + (slack - quiet.sum()) * weights / weights.sum()
    planned: list[Planned] = []
    now = 0.0
    for item, before in zip(items, quiet, strict=False):
        now += float(before)
        planned += [
            Planned(now + float(onset), float(lasting), "leg", int(number))
            for number, onset, lasting in zip(item.numbers, item.onsets, item.lasting, strict=True)
        ]
        now += item.length
    return planned
