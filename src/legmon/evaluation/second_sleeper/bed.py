"""What comes to a resting leg from elsewhere: a mattress on springs, a partner, a pet, breathing, and hums.

The mattress is a mass on springs with a slow sway (0.7 to 3 Hz) and a fast ring (5 to 20 Hz). A push moves it, and it swings
about where it rests; a lasting push leaves a small tilt. Sizes and rates are assumed unless a source is named
(`Structure`): no measurement of what a partner does to a sensor at the ankle is published.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from legmon.evaluation.second_sleeper.leg import Floats, oscillator, smooth
from legmon.evaluation.second_sleeper.structure import Structure, log_normal

EDGE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something that shakes the leg from outside.

    Parameters
    ----------
    first : int
        Sample at which it begins.
    kind : str
        ``"bump"`` or ``"vibration"``.
    pushed : (n, 3) array
        Acceleration of the bed, g, in the axes of the room. The last row stays: a tilt.
    """

    first: int
    kind: str
    pushed: Floats


class Bed:
    """The bed of one night, and all that shakes it."""

    def __init__(self, rng: Generator, s: Structure, night_s: float, rate_hz: float) -> None:
        self._rng, self._s, self._night_s, self._rate = rng, s, night_s, rate_hz
        self._ring_hz, self._ring_damping = rng.uniform(5, 20), rng.uniform(0.08, 0.3)
        self._axis = rng.normal(0, [0.6, 0.6, 0.5])
        self._tilted = rng.normal(0, 1, 2)
        self.disturbances: list[Disturbance] = []
        self._knocks()
        if s.partner in {"turns", "periodic"}:
            self._partner_turns()
        if s.partner == "periodic":
            self._partner_moves()
        if s.pet_per_hour:
            self._pet()
        self.apnoeas = self._gasps() if s.gasps else []
        if s.hum != "none":
            self._hums()
        self.disturbances.sort(key=lambda d: d.first)

    def _add(
        self,
        at_s: float,
        times_s: Floats,
        spans_s: Floats,
        sizes: Floats,
        peak_mg: float,
        *,
        sway: bool,
        tilt_mg: float = 0.0,
    ) -> None:
        """Add pushes on the mattress: half sines at `times_s` after `at_s`, scaled so that the whole peaks at `peak_mg`."""
        rng, rate = self._rng, self._rate
        hz, damping = (self._s.bed_hz, self._s.bed_damping) if sway else (self._ring_hz, self._ring_damping)
        hz *= rng.uniform(0.92, 1.08)
        settles = min(8.0, 5 / (2 * np.pi * hz * damping))
        n = round((float((times_s + spans_s).max()) + settles) * rate)
        first = round(at_s * rate)
        if at_s < EDGE_S or first + n > (self._night_s - EDGE_S) * rate:
            return
        t = np.arange(n) / rate
        force = np.zeros(n)
        for start, span, size in zip(times_s, spans_s, sizes, strict=True):
            x = (t - start) / span
            force += size * np.where((x > 0) & (x < 1), np.sin(np.pi * np.clip(x, 0, 1)), 0.0)
        place = np.convolve(force, oscillator(rate, hz, damping, settles + 0.5))[:n]
        place *= 1 - smooth((t - t[-1] + 0.3 * settles) / (0.3 * settles))
        shaken = np.diff(place, 2, prepend=[0.0, 0.0])
        shaken *= peak_mg / 1000 / max(np.abs(shaken).max(), 1e-12)
        axis = self._axis + rng.normal(0, 0.25, 3)
        pushed = shaken[:, None] * (axis / np.linalg.norm(axis))
        if tilt_mg:
            span = float((times_s + spans_s).max())
            pushed[:, :2] += tilt_mg / 1000 * self._tilted * smooth(t / max(span, 0.5))[:, None]
        self.disturbances.append(Disturbance(first, "bump", pushed))

    def _peak(self, share: float = 1.0) -> float:
        return min(log_normal(self._rng, share * self._s.through_mg, 0.5), 150.0)

    def _times(self, per_hour: float) -> Floats:
        count = int(self._rng.poisson(per_hour * self._night_s / 3600))
        return np.sort(self._rng.uniform(0, self._night_s, count))

    def _knocks(self) -> None:
        """Add single knocks: a door, the partner's elbow (two thirds ring, the others sway)."""
        rng = self._rng
        for at in self._times(rng.uniform(1, 12) if self._s.partner != "none" else 1.0):
            self._add(
                at,
                np.zeros(1),
                rng.uniform(0.04, 0.3, 1),
                np.ones(1),
                self._peak(),
                sway=bool(rng.random() < 0.33),
            )

    def _partner_turns(self) -> None:
        rng = self._rng
        for at in self._times(rng.uniform(8, 30) if self._s.kind == "sway" else rng.uniform(1, 5)):
            count = int(rng.integers(1, 7))
            times = np.sort(rng.uniform(0, rng.uniform(0.5, 4), count))
            spans, sizes = (
                rng.uniform(0.2, 0.9, count),
                rng.choice([-1.0, 1.0], count) * rng.uniform(0.3, 1, count),
            )
            self._add(
                at, times - times[0], spans, sizes, self._peak(1.3), sway=True, tilt_mg=rng.uniform(0, 4)
            )

    def _partner_moves(self) -> None:
        """Add the partner's own periodic leg movements: a push when the leg rises, another when it falls."""
        rng = self._rng
        sway = bool(rng.random() < 0.5)
        t, median = rng.uniform(60, 600), rng.uniform(14, 30)
        while t < self._night_s:
            for _ in range(3 + int(rng.geometric(1 / 12))):
                hold = rng.uniform(0.6, 3.0)
                self._add(
                    t, np.array([0.0, hold]), rng.uniform(0.15, 0.5, 2), np.array([1.0, -rng.uniform(0.4, 1.2)]),
                    self._peak(), sway=sway,
                )  # fmt: skip
                t += max(5.0, log_normal(rng, median, 0.35))
            t += 90 + rng.exponential(300)

    def _pet(self) -> None:
        """Add visits of a pet: it jumps up, treads about, perhaps kneads, and jumps off later."""
        rng = self._rng
        for at in self._times(self._s.pet_per_hour):
            steps = int(rng.integers(2, 16))
            times = np.concatenate([[0.0], 0.5 + np.cumsum(rng.uniform(0.2, 0.6, steps))])
            sizes = np.concatenate([[1.0], rng.uniform(0.1, 0.45, steps)])
            self._add(
                at,
                times,
                rng.uniform(0.05, 0.2, steps + 1),
                sizes,
                self._peak(1.5),
                sway=bool(rng.random() < 0.5),
            )
            if rng.random() < 0.4:
                beats = np.arange(int(rng.integers(5, 30))) / rng.uniform(1.2, 2.2)
                self._add(
                    at + times[-1] + rng.uniform(3, 30), beats, np.full(len(beats), 0.3), rng.uniform(0.5, 1, len(beats)),
                    self._peak(0.6), sway=True,
                )  # fmt: skip
            self._add(
                at + rng.uniform(60, 900),
                np.zeros(1),
                np.array([0.15]),
                np.ones(1),
                self._peak(0.8),
                sway=False,
            )

    def _gasps(self) -> list[tuple[float, float]]:
        """Add gasps every 28 to 50 s in blocks; return the apnoeas before them."""
        rng = self._rng
        spans = []
        t, share = rng.uniform(300, 1200), rng.uniform(0.2, 0.5)
        while t < self._night_s:
            period, end = rng.uniform(28, 50), t + rng.uniform(900, 4800)
            while t < end:
                cycle = period * rng.uniform(0.85, 1.15)
                spans.append((t, t + rng.uniform(0.4, 0.65) * cycle))
                breaths = int(rng.integers(1, 5))
                times = np.cumsum(rng.uniform(1.2, 2.2, breaths)) - 1.2
                self._add(
                    spans[-1][1], times, rng.uniform(0.5, 1.1, breaths), rng.uniform(0.4, 1, breaths),
                    self._peak(), sway=True,
                )  # fmt: skip
                t += cycle
            t += rng.exponential(1800) * (1 - share)
        return spans

    def _hums(self) -> None:
        """Add tones (5 to 23 Hz) and noise (2 to 10 Hz), on for 5 s to 15 min, for a tenth to a half of the night."""
        rng, rate = self._rng, self._rate
        left = rng.uniform(0.1, 0.5) * self._night_s
        while left > 0:
            length = min(float(np.exp(rng.uniform(np.log(5), np.log(900)))), 0.3 * self._night_s)
            n = round(length * rate)
            t = np.arange(n) / rate
            edge = min(rng.uniform(0.2, 10), 0.4 * length)
            level = smooth(t / edge) * (1 - smooth((t - length + edge) / edge))
            kind = self._s.hum if self._s.hum != "both" else str(rng.choice(["tones", "noise"]))
            wave = self._tones(t) if kind == "tones" else self._noise(n)
            axis = rng.normal(0, 1, 3)
            size = log_normal(rng, self._s.hum_mg, 0.3) / 1000 / max(float(np.sqrt((wave**2).mean())), 1e-9)
            pushed = (size * wave * level)[:, None] * (axis / np.linalg.norm(axis))
            first = round(rng.uniform(EDGE_S, self._night_s - length - EDGE_S) * rate)
            self.disturbances.append(Disturbance(first, "vibration", pushed))
            left -= length

    def _tones(self, t: Floats) -> Floats:
        rng = self._rng
        hz = rng.uniform(5, 23)
        wanders = hz * (t + rng.uniform(0, 0.03) * np.sin(2 * np.pi * t / rng.uniform(7, 90)))
        wave = sum(rng.uniform(0, 1) / k * np.sin(2 * np.pi * (k * wanders + rng.random())) for k in (1, 2))
        return np.asarray(wave * (1 + rng.uniform(0, 0.6) * np.sin(2 * np.pi * rng.uniform(0.05, 1.5) * t)))

    def _noise(self, n: int) -> Floats:
        rng = self._rng
        hz = np.fft.rfftfreq(n, 1 / self._rate)
        low = rng.uniform(2, 5)
        centre, width = rng.uniform(low, 10), rng.uniform(0.5, 3)
        shape = np.exp(-0.5 * ((hz - centre) / width) ** 2) * (hz > 1)
        return np.asarray(np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * shape, n))

    def background(self, n: int) -> Floats:
        """Return breathing and the heartbeat at the leg, (n, 3) in g."""
        rng, rate, s = self._rng, self._rate, self._s
        coarse = np.arange(0, self._night_s + 2, 1.0)
        hz = np.interp(coarse, coarse[::60], rng.uniform(0.2, 0.33) + rng.normal(0, 0.015, len(coarse[::60])))
        size = np.interp(coarse, coarse[::60], np.exp(rng.normal(0, 0.2, len(coarse[::60]))))
        for a, b in self.apnoeas:
            size[int(a) : int(b)] *= 0.1
        t = np.arange(n) / rate
        phase = 2 * np.pi * np.interp(t, coarse, np.cumsum(hz))
        breath = (
            s.breath_mg / 1000 * np.interp(t, coarse, size) * (np.sin(phase) + 0.25 * np.sin(2 * phase + 1))
        )
        pace = rng.uniform(0.85, 1.2)
        beats = np.cumsum(rng.normal(1 / pace, 0.04, int(self._night_s * pace * 1.1)).clip(0.4))
        beats = beats[beats < self._night_s - 2]
        kernel = oscillator(rate, rng.uniform(3, 8), 0.2, 0.8)
        kernel *= s.pulse_mg / 1000 / np.abs(kernel).max()
        pulse = np.zeros(n)
        at = (beats * rate).astype(np.int64)
        for k, value in enumerate(kernel):
            pulse[at + k] += value
        along, across = rng.normal(0, 1, (2, 3))
        along, across = along / np.linalg.norm(along), across / np.linalg.norm(across)
        out = np.empty((n, 3))
        for j in range(3):
            out[:, j] = along[j] * breath + across[j] * pulse
        return out
