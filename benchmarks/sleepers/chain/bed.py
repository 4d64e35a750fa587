"""The bed: springs that a partner, a gasp, a pet and a knock set swinging, and hums that shake it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from benchmarks.sleepers.chain.person import Person
from benchmarks.sleepers.chain.signals import band_noise, direction, smooth_step, taper
from benchmarks.sleepers.night import Array, Disturbance, log_uniform


class Push(NamedTuple):
    """A short force on the bed, some seconds after the disturbance began."""

    after_s: float
    strength: float


class Bed:
    """What the sensor feels of the bed, in mg, and what caused it."""

    def __init__(self, rng: np.random.Generator, rate_hz: float, samples: int) -> None:
        self.rng, self.rate_hz = rng, rate_hz
        self.signal = np.zeros((samples, 3))
        self.others: list[Disturbance] = []
        slowest = (log_uniform(rng, 0.7, 3.0), rng.uniform(0.06, 0.28))
        middle = (log_uniform(rng, 1.2, 5), rng.uniform(0.08, 0.3))
        self.modes = [slowest, middle, (log_uniform(rng, 5, 16), rng.uniform(0.1, 0.35))]
        self.directions = [direction(rng) for _ in self.modes]

    def push(
        self,
        onset_s: float,
        pushes: list[Push],
        shares: list[float],
        peak_mg: float,
        what: str,
        tilt_mg: float = 0,
    ) -> None:
        """Add what pushes do, scaled to a peak: each mode rings by its share, and the mattress may stay tilted."""
        last_s = max(p.after_s for p in pushes)
        hz, damping = self.modes[0]
        seconds = last_s + min(3.5 / (2 * np.pi * hz * damping), 7) + 0.5
        first, samples = int(onset_s * self.rate_hz), int(seconds * self.rate_hz)
        if first < 0 or first + samples >= len(self.signal):
            return
        times = np.arange(samples) / self.rate_hz
        swing = self.ring(times, pushes, shares)
        swing *= peak_mg / (np.sqrt((swing**2).sum(1)).max() + 1e-9)
        swing *= np.minimum((times[-1] - times) / 0.4, 1)[:, None]
        self.signal[first : first + samples] += swing
        if tilt_mg:
            began = pushes[0].after_s
            way = smooth_step(np.clip((times - began) / max(last_s - began, 0.6), 0, 1))
            tilt = tilt_mg * direction(self.rng)
            self.signal[first : first + samples] += way[:, None] * tilt
            self.signal[first + samples :] += tilt
        felt = times[np.nonzero(np.sqrt((swing**2).sum(1)) > min(2.0, 0.2 * peak_mg))[0]]
        self.others.append({
            "onset_s": float(onset_s + felt[0]), "offset_s": float(onset_s + felt[-1]), "what": what,
        })  # fmt: skip

    def ring(self, times: Array, pushes: list[Push], shares: list[float]) -> Array:
        """Return how the modes of the bed ring after each push."""
        swing = np.zeros((len(times), 3))
        for (hz, damping), usual, share in zip(self.modes, self.directions, shares, strict=True):
            if share <= 0 or hz > 0.45 * self.rate_hz:
                continue
            way = usual + 0.25 * self.rng.normal(size=3)
            for push in pushes:
                since = np.maximum(times - push.after_s, 0)
                rise = 1 - np.exp(-since * 2 * np.pi * hz)
                fall = np.exp(-damping * 2 * np.pi * hz * since)
                wave = np.sin(2 * np.pi * hz * np.sqrt(1 - damping * damping) * since)
                swing += (share * push.strength * rise * fall * wave)[:, None] * way
        return swing

    def partner_turns(self, onset_s: float) -> None:
        """Add a partner who turns over."""
        rng = self.rng
        seconds = rng.uniform(1, 6)
        count = rng.integers(3, 12)
        pushes = [Push(at, rng.normal(0, 1)) for at in np.sort(rng.uniform(0, seconds, count))]
        shares = [1, rng.uniform(0, 1), rng.uniform(0, 0.5)]
        peak = log_uniform(rng, 6, 90)
        self.push(
            onset_s, pushes, shares, peak, "partner_turn", rng.normal(0, 1.5) if rng.random() < 0.5 else 0
        )

    def gasps(self, onset_s: float, end_s: float) -> None:
        """Add breaths after pauses, every 28 to 50 s, each of one to four sways."""
        rng = self.rng
        interval, spread = rng.uniform(28, 50), rng.uniform(0.03, 0.12)
        peak, count = log_uniform(rng, 6, 60), rng.integers(1, 5)
        shares = [1, rng.uniform(0, 0.8), rng.uniform(0, 0.2)]
        while onset_s < end_s:
            gap = rng.uniform(0.6, 2.2)
            pushes = [
                Push(i * gap + rng.uniform(0, 0.2), rng.uniform(0.4, 1) * (1 if i % 2 == 0 else -0.7))
                for i in range(count)
            ]
            self.push(onset_s, pushes, shares, peak * np.exp(rng.normal(0, 0.3)), "gasp")
            onset_s += interval * np.exp(rng.normal(0, spread))

    def pet(self, onset_s: float) -> None:
        """Add a pet that jumps on the bed and walks about."""
        rng = self.rng
        at, pushes = 0.0, [Push(0.0, rng.uniform(1, 2.5))]
        for _ in range(rng.integers(2, 14)):
            at += log_uniform(rng, 0.15, 0.9)
            pushes.append(Push(at, rng.normal(0, 0.6)))
        shares = [rng.uniform(0.2, 1), 1, rng.uniform(0.2, 1)]
        peak = log_uniform(rng, 5, 60)
        self.push(onset_s, pushes, shares, peak, "pet", rng.normal(0, 1) if rng.random() < 0.4 else 0)

    def partner_series(self, onset_s: float, end_s: float) -> None:
        """Add periodic leg movements of a partner."""
        rng = self.rng
        interval, spread = rng.uniform(14, 32), rng.uniform(0.2, 0.35)
        peak = log_uniform(rng, 5, 45)
        shares = [rng.uniform(0.3, 1), 1, rng.uniform(0, 0.8)]
        while onset_s < end_s:
            held = float(np.clip(2 * np.exp(rng.normal(0, 0.4)), 0.3, 6))
            pushes = [
                Push(0.0, 1.0),
                Push(rng.uniform(0.1, 0.25), -0.6),
                Push(held, rng.uniform(0.3, 0.9)),
                Push(held + 0.2, -0.4),
            ]
            self.push(onset_s, pushes, shares, peak * np.exp(rng.normal(0, 0.4)), "partner_plm")
            onset_s += max(5, interval * np.exp(rng.normal(0, spread)))

    def knock(self, onset_s: float) -> None:
        """Add a knock against the bed."""
        rng = self.rng
        pushes = [Push(0.0, 1.0), Push(rng.uniform(0.05, 0.4), rng.uniform(-0.6, 0.6))]
        self.push(onset_s, pushes, [0, 0.15, 1], log_uniform(rng, 3, 40), "knock")

    def hum(self, onset_s: float, seconds: float, size_mg: float) -> None:
        """Add a hum like noise, which may swell."""
        rng = self.rng
        first = max(int(onset_s * self.rate_hz), 0)
        last = min(int((onset_s + seconds) * self.rate_hz), len(self.signal))
        samples = last - first
        if samples < self.rate_hz:
            return
        low = log_uniform(rng, 2, 7)
        high = min(low * rng.uniform(1.05, 2.5), 10, 0.45 * self.rate_hz)
        level = taper(samples, int(self.rate_hz * log_uniform(rng, 0.3, 8)))
        if rng.random() < 0.6:
            knots = int(seconds / log_uniform(rng, 2, 20)) + 3
            swell = np.exp(rng.normal(0, 0.35, knots))
            level = level * np.interp(np.arange(samples), np.linspace(0, samples, knots), swell)
        way = direction(rng)
        for axis in range(3):
            noise = band_noise(rng, samples, self.rate_hz, low, max(high, low * 1.05), 0.1)
            self.signal[first:last, axis] += size_mg * level * (abs(way[axis]) + 0.25) * noise / 1.3
        self.others.append({"onset_s": first / self.rate_hz, "offset_s": last / self.rate_hz, "what": "hum"})


def drawn_bed(rng: np.random.Generator, person: Person, hours: float) -> Bed:
    """Draw all that happens to the bed in a night of this person."""
    end = hours * 3600
    bed = Bed(rng, person.chip.rate_hz, int(end * person.chip.rate_hz))
    if person.has("sway_no_series", "sway"):
        for _ in range(rng.integers(1, 4)):
            onset = rng.uniform(60, end * 0.7)
            bed.gasps(onset, min(onset + log_uniform(rng, 400, 4000), end - 40))
        for onset in rng.uniform(20, end - 40, rng.poisson(rng.uniform(4, 25) * hours)):
            bed.partner_turns(onset)
        for onset in rng.uniform(20, end - 40, rng.poisson(log_uniform(rng, 0.5, 25) * hours)):
            bed.pet(onset)
    elif rng.random() < 0.35:
        for onset in rng.uniform(20, end - 40, rng.poisson(rng.uniform(1, 6) * hours)):
            bed.partner_turns(onset)
    if person.has("partner"):
        add_partner(bed, hours)
    if person.has("hum"):
        add_hums(bed, end)
    elif rng.random() < 0.15:
        bed.hum(rng.uniform(100, end - 1000), log_uniform(rng, 20, 900), log_uniform(rng, 1, 4))
    for onset in rng.uniform(20, end - 40, rng.poisson(rng.uniform(0, 6) * hours)):
        bed.knock(onset)
    bed.others.sort(key=lambda other: other["onset_s"])
    return bed


def add_partner(bed: Bed, hours: float) -> None:
    """Add a partner with series of leg movements, who turns over now and then."""
    rng, end = bed.rng, hours * 3600
    at = rng.uniform(50, 600)
    while at < end - 100:
        until = min(at + rng.uniform(150, 900), end - 40)
        bed.partner_series(at, until)
        at = until + 60 + rng.exponential(300)
    for onset in rng.uniform(20, end - 40, rng.poisson(3 * hours)):
        bed.partner_turns(onset)


def add_hums(bed: Bed, end_s: float) -> None:
    """Add hums of seconds to a quarter of an hour."""
    rng = bed.rng
    size = log_uniform(rng, 2, 22)
    at = rng.uniform(30, 600)
    while at < end_s - 60:
        seconds = log_uniform(rng, 4, 900)
        bed.hum(at, seconds, size * np.exp(rng.normal(0, 0.35)))
        at += seconds + rng.exponential(rng.uniform(120, 700)) + 10
