"""One night, from its kind and its seed: the person, the leg, the bed, the body and the chip."""

from __future__ import annotations

import numpy as np

from benchmarks.sleepers.night import Array, Night, log_uniform
from benchmarks.sleepers.pieces.bed import body_noise, drawn_bed
from benchmarks.sleepers.pieces.kinds import KINDS, MIXABLE, change
from benchmarks.sleepers.pieces.person import Person, draw_person
from benchmarks.sleepers.pieces.sleeper import Sleeper

RATES_HZ = [50.0, 25.0, 26.0, 31.25, 40.0, 52.0, 62.5, 100.0, 104.0]
TRIES = 4


def night(kind: str, seed: int, hours: float = 3.0) -> Night:
    """Draw a night. A sleeper with series who hardly moves is drawn anew, three times at most.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    seed : int
        The same kind, seed and length draw the same night.
    hours : float
        The length, a tenth of an hour at least.

    Raises
    ------
    KeyError
        If there is no such kind.
    """
    if kind not in KINDS:
        raise KeyError(kind)
    end_s = hours * 3600.0
    for root in np.random.SeedSequence([list(KINDS).index(kind), seed, 77]).spawn(TRIES):
        rng = np.random.default_rng(root)
        rate_hz = float(rng.choice(RATES_HZ, p=[0.6] + [0.05] * 8))
        person = draw_person_of(rng, kind)
        person.wear(rng)
        sleeper = Sleeper(rng, person, rate_hz, end_s)
        sleeper.sleep()
        if not person.series or sleeper.visible_legs >= 62 * hours / 3:
            break
    leg = sleeper.signal
    if person.loose:
        leg = rolled(rng, person, leg, rate_hz, end_s)
    bed = drawn_bed(rng, person, rate_hz, end_s)
    felt = leg + bed.signal + body_noise(rng, person, len(leg), rate_hz, end_s)
    samples, range_g = recorded(rng, kind, seed, felt)
    return Night(samples, rate_hz, range_g, kind, sleeper.movements, bed.disturbances(), leg)


def draw_person_of(rng: np.random.Generator, kind: str) -> Person:
    """Draw the sleeper of a night of this kind; a mixed night has three to five kinds at once."""
    person = draw_person(rng)
    kinds = [kind]
    if kind == "mixed":
        kinds = [str(k) for k in rng.choice(MIXABLE, int(rng.integers(3, 6)), replace=False)]
    for one in kinds:
        change(person, one, rng)
    if kind == "mixed" and rng.random() < 0.4:
        person.gasps = bool(rng.random() < 0.4)
        person.partner_turns = rng.uniform(1, 8)
        person.fidgets = rng.choice([0.0, rng.uniform(3, 10)])
    return person


def rolled(rng: np.random.Generator, person: Person, leg: Array, rate_hz: float, end_s: float) -> Array:
    """Return the signal of a leg about whose shank the sensor slowly rolls."""
    knots = np.linspace(0, end_s + 1, max(3, int(end_s / 900) + 2))
    angles = np.cumsum(rng.normal(0, person.roll / 3, len(knots)) * 0.5)
    roll = np.interp(np.arange(len(leg)) / rate_hz, knots, angles)
    cos, sin = np.cos(roll)[:, None], np.sin(roll)[:, None]
    shank = person.shank
    return np.asarray(leg * cos + np.cross(shank, leg) * sin + shank * (leg @ shank)[:, None] * (1 - cos))


def recorded(rng: np.random.Generator, kind: str, seed: int, felt: Array) -> tuple[Array, float]:
    """Return the samples of a chip of 12, 14 or 16 bit or of a rough one, and its range, in g."""
    range_g = float(rng.choice([2.0, 4.0, 8.0], p=[0.35, 0.4, 0.25]))
    step = range_g / float(rng.choice([2048, 8192, 32768]))
    noise = log_uniform(rng, 0.0003, 0.0018)
    if kind == "rough_chip" or (kind == "mixed" and rng.random() < 0.25):
        if seed % 2 == 0:
            step = float(rng.choice([0.0078125, 0.008, 0.015625, 0.016]))
            noise = log_uniform(rng, 0.0004, 0.002)
            range_g = float(rng.choice([2.0, 4.0]))
        else:
            noise = rng.uniform(0.002, 0.005)
    signal = felt * (1 + rng.normal(0, 0.01, 3)) + rng.uniform(-0.04, 0.04, 3)
    signal += noise * rng.standard_normal((len(felt), 3))
    return np.clip(np.round(signal / step) * step, -range_g, range_g - step), range_g
