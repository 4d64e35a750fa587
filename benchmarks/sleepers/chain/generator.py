"""One night, from its kind and its seed: the person, the plan, the leg, the bed, the body and the chip."""

from __future__ import annotations

import zlib

import numpy as np

from benchmarks.sleepers.chain.bed import drawn_bed
from benchmarks.sleepers.chain.leg import Leg
from benchmarks.sleepers.chain.muscles import carry_out
from benchmarks.sleepers.chain.person import KINDS, Person, draw_person
from benchmarks.sleepers.chain.plan import draw_plan
from benchmarks.sleepers.chain.sensor import recorded
from benchmarks.sleepers.chain.signals import direction
from benchmarks.sleepers.night import Array, Night, log_uniform


def night(kind: str, seed: int, hours: float = 3.0) -> Night:
    """Draw a night.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    seed : int
        The same kind, seed and length draw the same night.
    hours : float
        The length, a third of an hour at least.

    Raises
    ------
    KeyError
        If there is no such kind.
    """
    if kind not in KINDS:
        raise KeyError(kind)
    rng = np.random.default_rng([zlib.crc32(kind.encode()), seed, 7741])
    person = draw_person(rng, kind)
    plan = draw_plan(rng, person, kind, hours)
    carry_out(rng, person, [planned.leg for planned in plan if planned.leg is not None])
    leg = Leg(rng, person, hours)
    clean = leg.act(plan)
    bed = drawn_bed(rng, person, hours)
    chip = person.chip
    times = np.arange(len(clean)) / chip.rate_hz
    knots = np.arange(0, hours * 3600 + 40, 20.0)
    felt = clean + bed.signal
    felt += breath(rng, person, times, knots)
    felt += pulse(rng, chip.rate_hz, times, knots)
    samples = recorded(rng, chip, felt, times)
    return Night(samples, chip.rate_hz, chip.range_g, kind, leg.movements, bed.others, clean / 1000)


def breath(rng: np.random.Generator, person: Person, times: Array, knots: Array) -> Array:
    """Return what breathing does to the sensor, in mg."""
    hz = rng.uniform(0.2, 0.33) * np.exp(np.interp(times, knots, rng.normal(0, 0.07, len(knots))))
    phase = 2 * np.pi * np.cumsum(hz) / person.chip.rate_hz
    usual = rng.uniform(2, 8) if person.has("small_noisy") else log_uniform(rng, 0.3, 6)
    depth = usual * np.exp(np.interp(times, knots, rng.normal(0, 0.25, len(knots))))
    wave = depth * (np.sin(phase) + 0.25 * np.sin(2 * phase + 1)) * 0.8
    return np.asarray(wave[:, None] * direction(rng))


def pulse(rng: np.random.Generator, rate_hz: float, times: Array, knots: Array) -> Array:
    """Return what the heart beat does to the sensor, in mg."""
    hz = rng.uniform(0.85, 1.25) * np.exp(np.interp(times, knots, rng.normal(0, 0.05, len(knots))))
    phase = 2 * np.pi * np.cumsum(hz) / rate_hz
    part = phase / (2 * np.pi) % 1
    size = log_uniform(rng, 0.15, 1.6)
    wave = size * np.exp(-5 * part) * np.sin(2 * np.pi * rng.uniform(4, 7) * part * 0.9)
    wave *= np.minimum(part / 0.04, 1)
    return np.asarray(wave[:, None] * direction(rng))
