"""What shakes the sensor besides the leg: sways, thuds and hums of the bed, breath, pulse and warmth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.sleepers.night import Array, Disturbance, log_uniform
from benchmarks.sleepers.pieces.leg import add_thud
from benchmarks.sleepers.pieces.person import Person
from benchmarks.sleepers.pieces.signals import band_noise, log_normal, ramp, unit, wander


@dataclass(frozen=True)
class Bed:
    """The signal of a bed, in g, that swings with its own frequency, direction and usual size."""

    rng: np.random.Generator
    rate_hz: float
    end_s: float
    signal: Array
    others: list[Disturbance]
    hz: float
    direction: Array
    size: float

    def sway(
        self, onset_s: float, seconds: float, size: float, hz: float, direction: Array | None = None
    ) -> bool:
        """Let the bed sway, and return whether the night had room for it."""
        rng = self.rng
        first, samples = int(onset_s * self.rate_hz), int(seconds * self.rate_hz)
        if first < 0 or first + samples >= len(self.signal) or samples < 6:
            return False
        times = np.arange(samples) / self.rate_hz
        rise = rng.uniform(0.08, 0.45)
        fall = ramp((seconds - times) / ((1 - rise) * seconds)) ** rng.uniform(0.5, 1.5)
        envelope = ramp(times / (rise * seconds)) * fall
        phase = 2 * np.pi * np.cumsum(hz * (1 + 0.12 * wander(rng, times, 0.7)) / self.rate_hz)
        phase = phase + rng.uniform(0, 6.28)
        near = rng.standard_normal(3) if direction is None else direction + 0.25 * rng.standard_normal(3)
        along = unit(near)
        across = np.cross(along, unit(rng.standard_normal(3)))
        swing = np.sin(phase)[:, None] * along
        swing = swing + rng.uniform(0, 0.6) * np.sin(phase + rng.uniform(0, 6.28))[:, None] * across
        rough = rng.uniform(0, 0.3) * np.sin(2 * phase + 1)[:, None] * along
        rough = rough + rng.uniform(0.03, 0.25) * band_noise(rng, samples, self.rate_hz, 2, 8, 3)
        swing = (swing + rough) * envelope[:, None]
        self.signal[first : first + samples] += size * swing / np.sqrt((swing**2).sum(1)).max()
        return True

    def gasps(self) -> None:
        """Add spells of breaths after pauses, every 28 to 50 s."""
        rng = self.rng
        at = rng.uniform(30, 400)
        while at < self.end_s - 60:
            interval = rng.uniform(28, 50)
            for _ in range(int(rng.integers(8, 60))):
                seconds, size = rng.uniform(1, 4), log_normal(rng, self.size, 0.4, 0.003, 0.05)
                hz = float(np.clip(self.hz * np.exp(rng.normal(0, 0.2)), 0.7, 3))
                if self.sway(at, seconds, size, hz, self.direction):
                    self.others.append({"onset_s": at, "offset_s": at + seconds, "what": "gasp"})
                at += interval * np.exp(rng.normal(0, 0.09))
                if at > self.end_s - 60:
                    break
            at += 60 + rng.exponential(400)

    def partner_turns(self, per_hour: float) -> None:
        """Add a partner who turns over, after which the mattress may stay tilted."""
        rng = self.rng
        for _ in range(rng.poisson(per_hour * self.end_s / 3600)):
            onset, count = rng.uniform(5, self.end_s - 30), int(rng.integers(1, 4))
            at = onset
            for _ in range(count):
                seconds = rng.uniform(1, 4)
                size = log_normal(rng, self.size * 1.4, 0.5, 0.004, 0.06)
                self.sway(at, seconds, size, rng.uniform(0.7, 3))
                at += seconds * rng.uniform(0.5, 0.9)
            first, samples = int(onset * self.rate_hz), int((at - onset + 1) * self.rate_hz)
            tilt = rng.uniform(0, 0.005) * unit(rng.standard_normal(3))
            room = len(self.signal[first : first + samples])
            self.signal[first : first + samples] += tilt * ramp(np.arange(room) / samples)[:, None]
            self.signal[first + samples :] += tilt
            self.others.append({"onset_s": onset, "offset_s": at + 1, "what": "partner_turn"})

    def pets(self, per_hour: float) -> None:
        """Add a pet that jumps on the bed."""
        rng = self.rng
        for _ in range(rng.poisson(per_hour * self.end_s / 3600)):
            onset = rng.uniform(5, self.end_s - 30)
            size = log_uniform(rng, 0.005, 0.03)
            hz, way = rng.uniform(4, 10), rng.standard_normal(3)
            add_thud(rng, self.rate_hz, hz, onset, size * 1.5, self.signal, way, rng.uniform(0.1, 0.3))
            seconds = rng.uniform(1, 4)
            self.sway(onset + rng.uniform(0.1, 0.5), seconds, size, rng.uniform(1, 3))
            self.others.append({"onset_s": onset, "offset_s": onset + seconds + 0.5, "what": "pet"})

    def partner_series(self) -> None:
        """Add series of leg movements of a partner: a thud and a sway where each begins and where it ends."""
        rng = self.rng
        interval, spread = rng.uniform(15, 38), rng.uniform(0.15, 0.35)
        usual, hz = log_uniform(rng, 0.004, 0.02), rng.uniform(4, 14)
        sways = rng.uniform(0, 1)
        at = rng.uniform(20, 500)
        while at < self.end_s - 60:
            for _ in range(int(rng.integers(6, 40))):
                size = min(usual * np.exp(rng.normal(0, 0.4)), 0.045)
                seconds = log_normal(rng, 2.5, 0.5, 0.6, 8)
                for onset, share in ((at, 1.0), (at + seconds, rng.uniform(0.1, 0.9))):
                    thud_hz = hz * np.exp(rng.normal(0, 0.1))
                    thud = size * share * (1 - sways * 0.7)
                    ring_s = rng.uniform(0.06, 0.3)
                    add_thud(rng, self.rate_hz, thud_hz, onset, thud, self.signal, self.direction, ring_s)
                    sway_s = rng.uniform(0.8, 2)
                    sway_hz = float(np.clip(self.hz * np.exp(rng.normal(0, 0.15)), 0.7, 3))
                    self.sway(onset, sway_s, size * share * sways, sway_hz, self.direction)
                self.others.append({"onset_s": at, "offset_s": at + seconds + 0.8, "what": "partner_leg"})
                at += max(interval * np.exp(spread * rng.standard_normal()), seconds + 1.5)
                if at > self.end_s - 60:
                    break
            at += 60 + rng.exponential(240)

    def hums(self, per_hour: float) -> None:
        """Add hums like noise, each about one of three tones of the house."""
        rng = self.rng
        tones = [(hz, rng.uniform(0.1, 0.7)) for hz in rng.uniform(2, 10, 3)]
        for _ in range(rng.poisson(per_hour * self.end_s / 3600) if per_hour else 0):
            seconds = min(log_uniform(rng, 3, 900), self.end_s / 3)
            onset = rng.uniform(0, self.end_s - seconds)
            first, samples = int(onset * self.rate_hz), int(seconds * self.rate_hz)
            hz, width = tones[int(rng.integers(3))]
            half = width * hz * rng.choice([0.2, 1.0]) / 2
            times = np.arange(samples) / self.rate_hz
            edge = min(log_uniform(rng, 0.05, 8), seconds / 3)
            swell = rng.uniform(0, 0.5) * wander(rng, times, max(1.0, min(20, seconds / 6)))
            envelope = ramp(times / edge) * ramp((seconds - times) / edge) * np.clip(1 + swell, 0.2, 2.5)
            size = log_uniform(rng, 0.0012, 0.008)
            noise = band_noise(rng, samples, self.rate_hz, max(1.8, hz - half), hz + half + 0.2, 3)
            noise = noise * (np.abs(rng.standard_normal(3)) + 0.2)
            noise = size * noise / np.sqrt((noise**2).mean()) / np.sqrt(3)
            self.signal[first : first + samples] += noise * envelope[:, None]
            self.others.append({"onset_s": onset, "offset_s": onset + seconds, "what": "hum"})

    def disturbances(self) -> list[Disturbance]:
        """Return what happened, in the order of onset, with the largest swing of the bed meanwhile."""
        swing = np.sqrt((self.signal**2).sum(1))
        found: list[Disturbance] = []
        for other in sorted(self.others, key=lambda o: o["onset_s"]):
            during = swing[int(other["onset_s"] * self.rate_hz) : int(other["offset_s"] * self.rate_hz) + 2]
            found.append(
                {
                    "onset_s": float(other["onset_s"]),
                    "offset_s": float(other["offset_s"]),
                    "what": other["what"],
                    "peak_mg": float(1000 * during.max(initial=0.0)),
                }
            )
        return found


def drawn_bed(rng: np.random.Generator, person: Person, rate_hz: float, end_s: float) -> Bed:
    """Draw all that happens to the bed in a night of this person."""
    hz, direction = rng.uniform(0.8, 2.8), unit(rng.standard_normal(3))
    size = log_uniform(rng, 0.007, 0.028)
    bed = Bed(rng, rate_hz, end_s, np.zeros((int(end_s * rate_hz), 3)), [], hz, direction, size)
    if person.gasps:
        bed.gasps()
    bed.partner_turns(person.partner_turns)
    bed.pets(person.pets)
    if person.partner_series:
        bed.partner_series()
    bed.hums(person.hums)
    return bed


def body_noise(rng: np.random.Generator, person: Person, samples: int, rate_hz: float, end_s: float) -> Array:
    """Return breath, pulse, the warming of the sensor and its slow drift."""
    times, knots = np.arange(samples) / rate_hz, np.arange(0, end_s + 20, 8.0)
    breath_hz = rng.uniform(0.2, 0.33) * (1 + 0.08 * rng.standard_normal(len(knots)))
    breath = 2 * np.pi * np.cumsum(np.interp(times, knots, breath_hz)) / rate_hz
    size = log_uniform(rng, 0.0002, 0.008) / (1 if not person.gasps else 2)
    depth = np.interp(times, knots, np.clip(1 + 0.3 * rng.standard_normal(len(knots)), 0.2, 2))
    wave = size / 1.2 * depth * (np.sin(breath) + 0.25 * np.sin(2 * breath + 0.8))
    noise = wave[:, None] * unit(rng.standard_normal(3))
    pulse_hz = rng.uniform(0.8, 1.25) * (1 + 0.05 * rng.standard_normal(len(knots)))
    pulse = 2 * np.pi * np.cumsum(np.interp(times, knots, pulse_hz)) / rate_hz
    beat = np.sin(pulse) + 0.7 * np.sin(2 * pulse + 1) + 0.4 * np.sin(3 * pulse + 2)
    noise += (log_uniform(rng, 0.00005, 0.0006) * beat)[:, None] * unit(rng.standard_normal(3))
    warm = rng.uniform(-0.01, 0.01, 3)
    noise += warm * (1 - np.exp(-times / rng.uniform(250, 900)))[:, None]
    knots = np.arange(0, end_s + 1200, 600.0)
    drift = np.cumsum(rng.normal(0, 0.0008, (len(knots), 3)), 0)
    return np.asarray(noise + np.stack([np.interp(times, knots, drift[:, i]) for i in range(3)], 1))
