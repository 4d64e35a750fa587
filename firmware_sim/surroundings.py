"""Disturbances that a sensor feels while the leg is still: breath, pulse, bumps through the mattress, a hum, a roll.

They are added to the signal of the leg. Amplitudes are modelling choices: no measurement of any of these at the ankle
during sleep has been published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firmware_sim.kinematics import minimum_jerk, ringing
from firmware_sim.rows import Array, each_turned, scaled, unit, zeros
from firmware_sim.streams import stream
from firmware_sim.vocabulary import Scenario, Strap, Vibration

_SMALLEST_BUMP_G, _LARGEST_BUMP_G = 0.002, 0.040
_BUMPS_APART_S = 3.0


@dataclass(frozen=True, slots=True)
class Bump:
    """One to three knocks by another person in the bed, each a damped ring. The rest position stays the same.

    Attributes
    ----------
    knocks : ndarray, shape (n,)
        When each knock begins, s; the first at 0.
    push : ndarray, shape (3,)
        Direction and amplitude, g.
    hz : float
        Frequency of the mattress, Hz.
    ring_s : float
        Duration of one ring, s.
    """

    knocks: Array
    push: Array
    hz: float
    ring_s: float

    @property
    def duration_s(self) -> float:
        """Duration, s."""
        return float(self.knocks[-1]) + self.ring_s

    @property
    def up_before(self) -> Array:
        """Zero: a bump is added to the signal of the leg."""
        return np.zeros(3)

    @property
    def up_after(self) -> Array:
        """Zero, as before the bump."""
        return np.zeros(3)

    def felt(self, t: Array) -> Array:
        """Return what the sensor feels of the bump, in g, shape (len(t), 3)."""
        ring = np.zeros(len(t))
        for knock in self.knocks:
            ring += ringing(t - knock, self.hz, self.ring_s)
        return scaled(ring, self.push)


def bumps_of(scenario: Scenario) -> list[tuple[float, Bump]]:
    """Return every bump of a night with its time, s, in order."""
    asked, duration_s = scenario.disturb, scenario.duration_s
    rng = stream(scenario.seed, "bump times")
    count = rng.poisson(asked.bumps_per_hour * duration_s / 3600.0)
    bumps: list[tuple[float, Bump]] = []
    for number, at in enumerate(np.sort(rng.uniform(0.0, max(0.0, duration_s - _BUMPS_APART_S), count))):
        if bumps and at - bumps[-1][0] < _BUMPS_APART_S:
            continue
        rng = stream(scenario.seed, "bump", number)
        size = 1e-3 * asked.bump_mg.median * np.exp(rng.normal(0.0, asked.bump_mg.sigma))
        hz, ring_s = rng.uniform(5.0, 20.0), rng.uniform(0.15, 0.5)
        knocks = np.concatenate(([0.0], np.cumsum(rng.uniform(0.15, 0.5, rng.integers(0, 3)))))
        direction = unit(rng.normal(size=3))
        # The first swing of a ring is already damped, so scale by what it reaches.
        reaches = np.abs(ringing(np.linspace(0.0, ring_s, 513), hz, ring_s)).max()
        push = direction * (np.clip(size, _SMALLEST_BUMP_G, _LARGEST_BUMP_G) / reaches)
        bumps.append((float(at), Bump(knocks, push, float(hz), float(ring_s))))
    return bumps


class Surroundings:
    """Breath, pulse and hum of a night, for a chip whose filter ends at half of `rate_hz`."""

    def __init__(self, scenario: Scenario, rate_hz: float) -> None:
        self._disturb = scenario.disturb
        self._breath = _Rhythm(scenario.seed, "breath", 0.2, 0.33)
        self._pulse = _Rhythm(scenario.seed, "pulse", 0.85, 1.2)
        self._hums: list[tuple[Vibration, Array, float]] = [
            (hum, unit(rng.normal(size=3)), rng.uniform(0.0, 2.0 * np.pi))
            for number, hum in enumerate(scenario.disturb.vibration)
            for rng in [stream(scenario.seed, "vibration", number)]
            if hum.hz < rate_hz / 2.0 and not hum.width_hz
        ]
        self._noises = [
            _Noise(hum, stream(scenario.seed, "vibration noise", number), rate_hz)
            for number, hum in enumerate(scenario.disturb.vibration)
            if hum.width_hz
        ]

    def add_to(self, felt: Array, t: Array) -> None:
        """Add the disturbances at the times `t` (s) to `felt`, in g, shape (len(t), 3)."""
        if self._disturb.breath_mg:
            phase, swell = self._breath.at(t)
            wave = 0.8 * np.sin(phase) + 0.2 * np.sin(2.0 * phase)
            felt += scaled(1e-3 * self._disturb.breath_mg * swell * wave, self._breath.direction)
        if self._disturb.pulse_mg:
            phase, swell = self._pulse.at(t)
            cos = np.cos(0.5 * phase)
            beat = cos * cos
            beat = beat * beat * beat  # narrow, once a heart beat
            wave = beat * np.sin(4.0 * phase)
            felt += scaled(1e-3 * self._disturb.pulse_mg * swell * wave, self._pulse.direction)
        for hum, direction, start in self._hums:
            if hum.at_s < t[-1] and t[0] < hum.at_s + hum.for_s:
                felt += scaled(1e-3 * hum.mg * _hum(hum, start, t), direction)
        for noise in self._noises:
            noise.add_to(felt, t)


class _Rhythm:
    """A rhythm whose rate and strength wander a little. Sums of slow sines, so that any moment can be computed alone."""

    def __init__(self, seed: int, name: str, slowest_hz: float, fastest_hz: float) -> None:
        rng = stream(seed, name)
        self.direction = unit(rng.normal(size=3))
        self._hz = rng.uniform(slowest_hz, fastest_hz)
        self._wander_hz = rng.uniform(0.002, 0.02, 3)
        self._wander_phase = rng.uniform(0.0, 2.0 * np.pi, 3)

    def at(self, t: Array) -> tuple[Array, Array]:
        """Return phase (rad) and strength (0.4 to 1) at the times `t`."""
        slow = [
            np.sin(2.0 * np.pi * hz * t + start)
            for hz, start in zip(self._wander_hz, self._wander_phase, strict=True)
        ]
        # Each of the two lets the rate wander by at most 6 %.
        depth = 0.06 * self._hz / self._wander_hz[:2]
        phase = 2.0 * np.pi * self._hz * t + depth[0] * slow[0] + depth[1] * slow[1]
        return phase, 0.7 + 0.3 * slow[2]


class _Noise:
    """A hum that is noise: a sum of many sines in its band, so that any moment can be computed alone."""

    def __init__(self, hum: Vibration, rng: np.random.Generator, rate_hz: float) -> None:
        self._hum = hum
        count = round(16 + min(48.0, 8.0 * hum.width_hz))
        low, high = max(0.3, hum.hz - hum.width_hz / 2.0), hum.hz + hum.width_hz / 2.0
        hz = rng.uniform(low, max(low, high), count)
        push = unit(rng.normal(size=3)) + 0.5 * rng.normal(size=(count, 3))
        push *= 1e-3 * hum.mg * np.sqrt(2.0 / (push * push).sum())
        phase = rng.uniform(0.0, 2.0 * np.pi, count)
        # Nearer to half of the rate, the filter of the chip takes it away.
        self._waves = [wave for wave in zip(hz, phase, push, strict=True) if wave[0] < 0.45 * rate_hz]
        self._swell_hz, self._swell_phase = rng.uniform(0.02, 0.3, 2), rng.uniform(0.0, 2.0 * np.pi, 2)

    def add_to(self, felt: Array, t: Array) -> None:
        """Add the noise at the times `t` (s) to `felt`, in g, shape (len(t), 3)."""
        hum = self._hum
        low, high = np.searchsorted(t, (hum.at_s, hum.at_s + hum.for_s))
        if low == high:
            return
        t = t[low:high]
        swell = 1.0 + 0.25 * sum(
            np.sin(2.0 * np.pi * hz * t + start)
            for hz, start in zip(self._swell_hz, self._swell_phase, strict=True)
        )
        level = _edges(hum, t) * swell
        noise = zeros(len(t))
        for hz, start, push in self._waves:
            noise += scaled(np.sin(2.0 * np.pi * hz * t + start), push)
        felt[low:high] += level[:, None] * noise


def rolled(felt: Array, t: Array, straps: Sequence[Strap], shank: Array) -> Array:
    """Return `felt` turned about the shank by the roll of the case in its straps at the times `t`."""
    angle = np.zeros(len(t))
    for strap in straps:
        angle += np.radians(strap.roll_deg) * minimum_jerk(t - strap.at_s, strap.roll_for_s)[0]
    if not angle.any():
        return felt
    return each_turned(felt, shank, angle)


def _hum(hum: Vibration, start: float, t: Array) -> Array:
    fades = _edges(hum, t)
    # Beats of a few seconds, as between a motor and the bed that it shakes.
    beats = 0.8 + 0.2 * np.sin(2.0 * np.pi * 0.23 * t + start)
    wave: Array = fades * beats * np.sin(2.0 * np.pi * hum.hz * t + start)
    return wave


def _edges(hum: Vibration, t: Array) -> Array:
    """Return how far a hum has swelled at the times `t`, 0 to 1: like a motor that starts and stops."""
    edges: Array = np.clip(np.minimum(t - hum.at_s, hum.at_s + hum.for_s - t) / hum.edge_s, 0.0, 1.0)
    return edges
