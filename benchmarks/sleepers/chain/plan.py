"""The plan of a night: when the leg means to do what. The leg is late, or leaves it, if it is still busy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.sleepers.chain.commands import LegMovement, draw_leg_movement
from benchmarks.sleepers.chain.person import Person
from benchmarks.sleepers.night import log_uniform


@dataclass(frozen=True)
class Twitches:
    """A train of foot twitches."""

    count: int
    per_second: float
    width_s: float
    degrees: float


@dataclass(frozen=True)
class Planned:
    """Something that the leg means to do at a time.

    `what` is leg, long, posture, walk, twitches, rubbing or crossing. A leg movement and twitches have details, a
    long movement and rubbing have a length.
    """

    at_s: float
    what: str
    leg: LegMovement | None = None
    twitches: Twitches | None = None
    seconds: float = 0.0


def draw_plan(rng: np.random.Generator, person: Person, kind: str, hours: float) -> list[Planned]:
    """Draw the plan of a night, in the order of time."""
    end = hours * 3600
    plan = series(rng, person, hours) if person.series else []
    per_hour = rng.uniform(5, 15) if not person.series else rng.uniform(2, 9)
    if kind == "fidget":
        per_hour = rng.uniform(8, 15)
    for at in np.sort(rng.uniform(20, end - 40, rng.poisson(per_hour * hours))):
        plan.append(Planned(at, "leg", leg=draw_leg_movement(rng, person)))
    for at in rng.uniform(20, end - 60, rng.poisson(rng.uniform(5, 7) * hours)):
        plan.append(Planned(at, "long", seconds=float(np.clip(12 * np.exp(rng.normal(0, 0.35)), 4, 35))))
    plan += [
        Planned(at, "posture") for at in rng.uniform(20, end - 60, rng.poisson(rng.uniform(1, 2) * hours))
    ]
    if rng.random() < 0.12 * hours:
        plan.append(Planned(rng.uniform(200, end - 100), "walk"))
    if person.has("foot_tremor") or rng.random() < 0.15:
        plan += trains(rng, person, hours)
    if kind == "fidget" or person.has("fidget_some"):
        plan += fidgeting(rng, person, end, all_night=kind == "fidget")
    return sorted(plan, key=lambda planned: planned.at_s)


def series(rng: np.random.Generator, person: Person, hours: float) -> list[Planned]:
    """Draw series of 6 to 25 leg movements, with pauses so long that the night has the number it aims at."""
    plan: list[Planned] = []
    end = hours * 3600
    target = rng.uniform(85, 225) * hours / 3
    at = rng.uniform(60, 400)
    while at < end - 60:
        count = rng.integers(6, 26)
        larger, longer = np.exp(rng.normal(0, 0.25)), np.exp(rng.normal(0, 0.15))
        median = person.habits.interval_s * np.exp(rng.normal(0, 0.08))
        for _ in range(count):
            movement = draw_leg_movement(rng, person)
            movement.peak_mg = float(np.clip(movement.peak_mg * larger, 8, 1500))
            interval = median * np.exp(rng.normal(0, person.habits.interval_spread))
            interval = np.clip(interval, 7.5, 16) if person.has("dense") else np.clip(interval, 6, 90)
            duration = movement.duration_s * (longer if movement.duration_s > 1 else 1)
            movement.duration_s = float(np.clip(duration, 0.5, min(9.2, 0.62 * interval)))
            plan.append(Planned(at, "leg", leg=movement))
            at += interval
            if at > end - 60:
                break
        # the rest of the night must hold the rest of the target, in series of 15.5 movements
        left, series_left = end - at, max(target - len(plan), 0) / 15.5
        gap = (left - series_left * 15 * median) / (series_left + 1) if series_left > 0.3 else left
        at += np.clip(45 + rng.exponential(max(gap - 45, 20)), 45, max(left, 46))
    return plan


def trains(rng: np.random.Generator, person: Person, hours: float) -> list[Planned]:
    """Draw trains of foot twitches, all of about the same rate."""
    plan = []
    usual, width, degrees = log_uniform(rng, 0.5, 3.5), rng.uniform(0.25, 0.6), log_uniform(rng, 3, 14)
    if not person.limb.on_foot and not person.has("ankle_tilt"):
        degrees *= 1.5
    per_hour = rng.uniform(6, 20) if person.has("foot_tremor") else 3
    for at in rng.uniform(20, hours * 3600 - 60, rng.poisson(per_hour * hours)):
        per_second = float(np.clip(usual * np.exp(rng.normal(0, 0.15)), 0.4, 4))
        count = max(4, int(np.clip(per_second * log_uniform(rng, 3, 20), 4, 40)))
        size = float(degrees * np.exp(rng.normal(0, 0.3)))
        plan.append(
            Planned(at, "twitches", twitches=Twitches(count, per_second, min(width, 0.75 / per_second), size))
        )
    return plan


def fidgeting(rng: np.random.Generator, person: Person, end_s: float, *, all_night: bool) -> list[Planned]:
    """Draw spells in which the person is awake and cannot keep the leg still."""
    plan = []
    at = rng.uniform(10, 200)
    while at < end_s - 60:
        stop = at + log_uniform(rng, 120, 1500) * (1 if all_night else 0.4)
        pause = log_uniform(rng, 12, 60)
        while at < min(stop, end_s - 60):
            plan.append(draw_fidget(rng, person, at))
            at += 3 + rng.exponential(pause) * log_uniform(rng, 0.4, 2.2)
        at += rng.exponential(900 if all_night else 2400)
    return plan


def draw_fidget(rng: np.random.Generator, person: Person, at_s: float) -> Planned:
    """Draw one thing that a restless leg does: rub, tap, cross, or move in some other way."""
    what = str(rng.choice(["rub", "tap", "cross", "leg", "long"], p=[0.34, 0.2, 0.18, 0.16, 0.12]))
    if what == "rub":
        return Planned(at_s, "rubbing", seconds=log_uniform(rng, 1.2, 22))
    if what == "tap":
        count, per_second = int(rng.integers(2, 14)), rng.uniform(1, 4)
        return Planned(at_s, "twitches", twitches=Twitches(count, per_second, 0.22, log_uniform(rng, 3, 14)))
    if what == "cross":
        return Planned(at_s, "crossing")
    if what == "leg":
        return Planned(at_s, "leg", leg=draw_leg_movement(rng, person))
    return Planned(at_s, "long", seconds=log_uniform(rng, 4, 25))
