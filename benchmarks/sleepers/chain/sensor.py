"""What the strap and the chip's filter make of a force, and what the chip makes of a night."""

from __future__ import annotations

import numpy as np

from benchmarks.sleepers.chain.person import Chip, Person, Strap
from benchmarks.sleepers.chain.signals import GRID_S, smooth_step
from benchmarks.sleepers.night import Array

PADDING = 120
"""Samples of rest before and behind a force while it is filtered."""


def as_worn(person: Person, force: Array) -> Array:
    """Pass a force on the grid, in mg, through the strap and the low-pass filter. It rests at both ends."""
    before, behind = np.repeat(force[:1], PADDING, 0), np.repeat(force[-1:], PADDING, 0)
    padded = np.concatenate([before, force, behind])
    if person.strap is not None:
        padded = through_strap(person.strap, padded)
    half = len(person.chip.low_pass) // 2
    padded = np.concatenate([np.repeat(padded[:1], half, 0), padded, np.repeat(padded[-1:], half, 0)])
    filtered = [np.convolve(padded[:, axis], person.chip.low_pass, "valid") for axis in range(3)]
    return np.stack(filtered, 1)[PADDING:-PADDING]


def through_strap(strap: Strap, force: Array) -> Array:
    """Return what a sensor on a spring feels: tilt as it is, shaking by the gain and with a ring behind it."""
    last = force[-1:].copy()
    samples = len(force)
    length = 1 << int(np.ceil(np.log2(samples + 2300)))
    # the padding goes back to the first value, so that the causal filter may wrap round
    back = smooth_step(np.clip((np.arange(length - samples) - 300) / 1000, 0, 1)[:, None])
    whole = np.concatenate([force - force[0], (force[-1:] - force[0]) * (1 - back)])
    hz = np.fft.rfftfreq(length, GRID_S)
    response = strap.hz**2 / (strap.hz**2 - hz**2 + 2j * strap.damping * strap.hz * hz)
    response = response * (1 + (strap.gain - 1) * 1j * hz / (1j * hz + 0.8))
    felt = force[0] + np.fft.irfft(np.fft.rfft(whole, axis=0) * response[:, None], length, axis=0)[:samples]
    edge = 100
    fade = np.linspace(1, 0, edge)[:, None] ** 2
    felt[-edge:] = last + (felt[-edge:] - last) * fade
    return np.asarray(felt)


def recorded(rng: np.random.Generator, chip: Chip, force: Array, times: Array) -> Array:
    """Return the samples of a chip with its own gain, offset, warming, noise, step and range, in g."""
    warm = 1 - np.exp(-times / rng.uniform(400, 1500))
    signal = (
        force * (1 + rng.normal(0, 0.012, 3)) + rng.normal(0, 22, 3) + warm[:, None] * rng.normal(0, 4, 3)
    )
    noise = rng.standard_normal((len(force), 3))
    signal += noise * (chip.noise_mg * rng.uniform(0.85, 1.25, 3))
    limit = chip.range_g * 1000
    signal = np.round(signal / chip.step_mg) * chip.step_mg
    return np.clip(signal, -limit, limit - chip.step_mg) / 1000
