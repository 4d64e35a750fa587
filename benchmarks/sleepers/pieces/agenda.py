"""The agenda of a night: when the sleeper means to do what."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from benchmarks.sleepers.pieces.person import Person

WALK_SHARE = 0.35


class Item(NamedTuple):
    """Something that the sleeper means to do, and the interval to the next movement of a series."""

    at_s: float
    what: str
    interval_s: float | None = None


def draw_agenda(rng: np.random.Generator, person: Person, end_s: float) -> list[Item]:
    """Draw what happens in a night, in the order of time."""
    items: list[Item] = []
    for what, per_hour in (
        ("posture", person.postures),
        ("long", person.long_movements),
        ("twitches", person.twitch_trains),
    ):
        count = rng.poisson(per_hour * end_s / 3600)
        items += [Item(float(at), what) for at in rng.uniform(20, end_s - 70, count)]
    isolated = person.isolated * end_s / 3600
    if person.series:
        isolated *= rng.uniform(0.6, 1.4)
    items += [Item(float(at), "isolated") for at in rng.uniform(20, end_s - 30, round(isolated))]
    if rng.random() < WALK_SHARE * min(1.5, end_s / 10800):
        items.append(Item(float(rng.uniform(200, max(201, end_s - 120))), "walk"))
    if person.fidgets:
        items += restless_spells(rng, person, end_s)
    if person.series:
        items += series(rng, person, end_s)
    return sorted(items, key=lambda item: item.at_s)


def restless_spells(rng: np.random.Generator, person: Person, end_s: float) -> list[Item]:
    """Draw spells in which the leg cannot keep still."""
    items = []
    at = rng.uniform(10, 120)
    while at < end_s - 60:
        for _ in range(int(rng.integers(2, 14))):
            items.append(Item(at, "fidget"))
            at += 4 + rng.exponential(rng.choice([8, 25]))
        at += rng.exponential(3600 / person.fidgets * 6)
    return items


def series(rng: np.random.Generator, person: Person, end_s: float) -> list[Item]:
    """Draw series of 6 to 25 leg movements, whose pauses grow or not as the night goes on."""
    items = []
    target = rng.uniform(85, 225) * end_s / 10800
    length = rng.uniform(9, 18)
    pause = max(45.0, (end_s - target * person.interval_s * 1.07) / (target / length))
    at, trend, drift = rng.uniform(10, 180), rng.uniform(0.6, 1.0), 0.0
    while at < end_s - 60:
        for _ in range(int(np.clip(rng.poisson(length), 6, 25))):
            interval = person.interval_s * np.exp(drift + person.interval_spread * rng.standard_normal())
            if person.dense:
                interval = np.clip(interval, 8, 15)
            interval = float(np.clip(interval, person.interval_low_s, 88))
            items.append(Item(at, "leg", interval))
            at += interval
            if at > end_s - 40:
                break
        drift = 0.0 if person.dense else float(np.clip(drift + rng.normal(0, 0.08), -0.2, 0.2))
        at += 30 + rng.exponential(max(15, pause - 30)) * (trend + 2 * (1 - trend) * at / end_s)
    return items
