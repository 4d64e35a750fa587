"""What the mattress passes on when somebody else moves: a partner who turns, gasps, a partner's legs, a pet.

A mattress sways at 0.7 to 3 Hz, loses its swing within one to several seconds, and comes back to where it was, or nearly. The
sleeper's own leg does not move. All of this is added to the signal of the leg. Nothing about any of it has been measured at
an ankle and published, so every shape and every number is a modelling choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from firmware_sim.kinematics import minimum_jerk
from firmware_sim.rows import Array, lengths, scaled, unit
from firmware_sim.streams import stream
from firmware_sim.vocabulary import Bed, Scenario, Spread

SwayKind = Literal["sway", "gasp", "partner", "pet"]

_SLOWEST_HZ, _FASTEST_HZ = 0.7, 3.0
_LARGEST_G = 0.060
_JUMP_G = 0.120
_FADES = 5.0
"""A swing is over after this many time constants of its damping."""
_LONGEST_SWING_S = 8.0
_TILTS_IN_S = 1.5


@dataclass(frozen=True, slots=True)
class Sway:
    """Some kicks at the mattress, each of which swings in every mode.

    Attributes
    ----------
    kicks : ndarray, shape (n,)
        When each kick comes, s; the first at 0.
    strength : ndarray, shape (n,)
        Its strength and sign.
    push : ndarray, shape (m, 3)
        Direction and amplitude of each mode, g.
    hz, damping : ndarray, shape (m,)
        Frequency of each mode, Hz, and its damping as a share of the critical one.
    tilt : ndarray, shape (3,)
        By how much rest has changed afterwards, g.
    """

    kicks: Array
    strength: Array
    push: Array
    hz: Array
    damping: Array
    tilt: Array

    @property
    def duration_s(self) -> float:
        """Duration, s."""
        swings = max(
            swing_s(hz, damping) for hz, damping in zip(self.hz.tolist(), self.damping.tolist(), strict=True)
        )
        return float(self.kicks[-1]) + max(swings, _TILTS_IN_S)

    @property
    def up_before(self) -> Array:
        """Zero: a sway is added to the signal of the leg."""
        return np.zeros(3)

    @property
    def up_after(self) -> Array:
        """How much rest has changed."""
        return self.tilt

    def felt(self, t: Array) -> Array:
        """Return what the sensor feels of it, in g, shape (len(t), 3)."""
        felt = scaled(minimum_jerk(t, _TILTS_IN_S)[0], self.tilt)
        for push, hz, damping in zip(self.push, self.hz.tolist(), self.damping.tolist(), strict=True):
            wave = np.zeros(len(t))
            for kick, strength in zip(self.kicks.tolist(), self.strength.tolist(), strict=True):
                low, high = np.searchsorted(t, (kick, kick + swing_s(hz, damping)))
                wave[low:high] += strength * _swing(t[low:high] - kick, hz, damping)
            felt += scaled(wave, push)
        return felt


def swing_s(hz: float, damping: float) -> float:
    """Return how long a mode swings after a kick, s."""
    return min(_FADES / (2.0 * np.pi * hz * damping), _LONGEST_SWING_S)


def _swing(t: Array, hz: float, damping: float) -> Array:
    rate = 2.0 * np.pi * hz
    # A kick is no hammer: it builds up within an eighth of a swing.
    builds_up = -np.expm1(-8.0 * hz * t)
    fades = np.exp(-damping * rate * t) * (1.0 - t / swing_s(hz, damping))
    swing: Array = builds_up * fades * np.sin(rate * np.sqrt(1.0 - damping * damping) * t)
    return swing


def sways_of(scenario: Scenario) -> list[tuple[float, SwayKind, Sway]]:
    """Return whatever makes the mattress sway in a night: time, s, kind and motion, in order of time."""
    every = [*_turns(scenario), *_gasps(scenario), *_partner(scenario), *_pet(scenario)]
    inside = [each for each in every if each[0] >= 0.0 and each[0] + each[2].duration_s < scenario.duration_s]
    return sorted(inside, key=lambda each: each[0])


def _turns(scenario: Scenario) -> Iterator[tuple[float, SwayKind, Sway]]:
    bed = scenario.disturb.bed
    tilted = np.zeros(3)
    for number, at in enumerate(_times(scenario, "sway times", bed.sways_per_hour)):
        rng = stream(scenario.seed, "sway", number)
        kicks = _kicks(rng, 1, 7, 3.0)
        tilts = 1e-3 * bed.tilt_mg * rng.uniform() * unit(rng.normal(size=3))
        yield at, "sway", _sway(rng, bed, kicks, _size(rng, bed.sway_mg, _LARGEST_G), tilt=tilts - tilted)
        tilted = tilts


def _gasps(scenario: Scenario) -> Iterator[tuple[float, SwayKind, Sway]]:
    asked = scenario.disturb.gasps
    for run, begin in enumerate(_times(scenario, "gasp times", asked.runs_per_hour)):
        rng = stream(scenario.seed, "gasps", run)
        direction = unit(rng.normal(size=3))
        for at in begin + _row(rng, asked.length, asked.interval_s):
            kicks = _kicks(rng, 1, 5, 2.5)
            yield (
                float(at),
                "gasp",
                _sway(rng, scenario.disturb.bed, kicks, _size(rng, asked.mg, _LARGEST_G), near=direction),
            )


def _partner(scenario: Scenario) -> Iterator[tuple[float, SwayKind, Sway]]:
    asked = scenario.disturb.partner
    for run, begin in enumerate(_times(scenario, "partner times", asked.runs_per_hour)):
        rng = stream(scenario.seed, "partner", run)
        direction, knocks = unit(rng.normal(size=3)), rng.uniform(0.0, 1.5)
        for at in begin + _row(rng, asked.length, asked.interval_s):
            # A rise, and a return seconds later.
            kicks = np.array([0.0, rng.uniform(0.5, 3.0)])[: 1 + int(rng.random() < 0.7)]
            size = _size(rng, asked.mg, 0.040)
            yield (
                float(at),
                "partner",
                _sway(rng, scenario.disturb.bed, kicks, size, near=direction, knocks=knocks),
            )


def _pet(scenario: Scenario) -> Iterator[tuple[float, SwayKind, Sway]]:
    asked, bed = scenario.disturb.pet, scenario.disturb.bed
    for number, at in enumerate(_times(scenario, "pet times", asked.visits_per_hour)):
        rng = stream(scenario.seed, "pet", number)
        size = _size(rng, asked.mg, _JUMP_G)
        now = at
        for part in ("jump", "walk", "rest", "walk", "jump"):
            if part == "rest":
                now += rng.uniform(20.0, 900.0)
                continue
            if part == "jump":
                kicks, share = _kicks(rng, 1, 3, 0.6), 1.0
            else:
                steps = rng.integers(4, 25)
                kicks = np.concatenate(([0.0], np.cumsum(rng.uniform(0.2, 0.7, steps))))
                share = rng.uniform(0.1, 0.5)
            sway = _sway(rng, bed, kicks, max(0.002, share * size), knocks=rng.uniform(0.0, 1.0))
            yield now, "pet", sway
            now += float(kicks[-1]) + rng.uniform(0.5, 6.0)


def _times(scenario: Scenario, name: str, per_hour: float) -> list[float]:
    rng = stream(scenario.seed, name)
    count = rng.poisson(per_hour * scenario.duration_s / 3600.0)
    times: list[float] = np.sort(rng.uniform(0.0, scenario.duration_s, count)).tolist()
    return times


def _row(rng: np.random.Generator, length: float, interval_s: Spread) -> Array:
    """Return the times of one run, from its first, s."""
    count = 3 + int(rng.geometric(1.0 / (length - 3.0)))
    steps = interval_s.median * np.exp(interval_s.sigma * rng.normal(size=count - 1))
    times: Array = np.concatenate(([0.0], np.cumsum(steps)))
    return times


def _kicks(rng: np.random.Generator, fewest: int, below: int, within_s: float) -> Array:
    later = np.sort(rng.uniform(0.0, within_s, rng.integers(fewest, below) - 1))
    kicks: Array = np.concatenate(([0.0], later))
    return kicks


def _size(rng: np.random.Generator, mg: Spread, largest_g: float) -> float:
    return float(np.clip(1e-3 * mg.median * np.exp(mg.sigma * rng.normal()), 0.002, largest_g))


def _sway(
    rng: np.random.Generator,
    bed: Bed,
    kicks: Array,
    size_g: float,
    *,
    near: Array | None = None,
    knocks: float = 0.0,
    tilt: Array | None = None,
) -> Sway:
    """Draw a sway whose largest excursion is `size_g`: two modes of the mattress, and a knock if one is asked for."""
    # A direction of its own, or one near that of the others of its run.
    direction = unit(rng.normal(size=3)) if near is None else unit(near + 0.25 * rng.normal(size=3))
    hz = np.clip(bed.hz * np.exp(rng.uniform(-1 / 3, 1 / 3, 2)), _SLOWEST_HZ, _FASTEST_HZ)
    damping = np.clip(bed.damping * np.exp(rng.uniform(-0.4, 0.4, 2)), 0.03, 0.9)
    push = np.stack([direction, rng.uniform(0.1, 0.7) * unit(rng.normal(size=3))])
    if knocks:
        hz = np.append(hz, rng.uniform(5.0, 15.0))
        damping = np.append(damping, rng.uniform(0.1, 0.3))
        push = np.concatenate((push, knocks * unit(rng.normal(size=3))[None, :]))
    strength = rng.uniform(0.4, 1.0, len(kicks)) * rng.choice((-1.0, 1.0), len(kicks))
    still = np.zeros(3)
    unscaled = Sway(kicks, strength, push, hz, damping, still)
    reaches = lengths(unscaled.felt(np.arange(0.0, unscaled.duration_s, 0.01))).max()
    return Sway(kicks, strength, push * (size_g / reaches), hz, damping, still if tilt is None else tilt)
