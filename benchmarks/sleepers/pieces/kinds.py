"""The kinds of night, and what each changes in the person of the night."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.sleepers.night import DEGREE, log_uniform
from benchmarks.sleepers.pieces.person import Person

KINDS: dict[str, str] = {
    "ordinary": "series of mixed styles, person's own habits, near-exact to slightly inexact returns",
    "dense": "series with 8-15 s from onset to onset",
    "clonic": "beats of a tenth to six tenths of the angle, 1-4 a second, during the hold",
    "tonic": "tonic holds with muscle tremor of 4-12 Hz on top",
    "inexact": "residuals of tenths of a degree to degrees that add up, overshoot, creep while held, slow relaxation",
    "twitchy": "mostly bursts of jerks without a held tilt",
    "tilt": "slow lifts (rise 0.8-1.5 s) with hardly any jerk",
    "small": "movements of 18-42 mg",
    "ankle": "movement of the ankle alone, seen as a slight tilt of the strap, some hysteresis",
    "foot": "sensor on the foot: larger, faster, one clear axis, more landing",
    "hums": "series under noise-like hums of 2-10 Hz, some mg, on for seconds to a quarter of an hour",
    "sway": "NO series: swaying bed 0.7-3 Hz for 1-4 s (gasps each 28-50 s, partner turning, pets); isolated movements",
    "partner": "a partner's own periodic movements through the mattress beside own series",
    "fidget": "NO series: fidgeting awake (rubbing, tapping, crossing); isolated movements",
    "rough_chip": "even seeds: steps of 8 or 16 mg; odd seeds: noise of 2-5 mg rms",
    "loose": "loose strap: gain 0.5-1.8, after-ring 5-12 Hz, slow roll about the shank, slips",
    "foot_tremor": "trains of foot twitches (0.4-3.5 a second) beside series",
    "mixed": "three to five of the above at once, drawn",
}
WITHOUT_SERIES = ("sway", "fidget")
MIXABLE = [k for k in KINDS if k not in {"ordinary", "mixed", "rough_chip", *WITHOUT_SERIES}]


def change(person: Person, kind: str, rng: np.random.Generator) -> None:
    """Make a person that of a night of this kind. An ordinary night and a rough chip change nothing."""
    if kind in CHANGES:
        CHANGES[kind](person, rng)


def _dense(person: Person, rng: np.random.Generator) -> None:
    person.dense = True
    person.interval_s, person.interval_spread = rng.uniform(9.5, 12.5), rng.uniform(0.1, 0.22)
    person.interval_low_s = 7.0
    person.duration_s = min(person.duration_s, rng.uniform(1.8, 3.0))


def _clonic(person: Person, rng: np.random.Generator) -> None:
    person.prefer(rng.uniform(0.6, 0.95), "clonic")
    person.beat_hz = rng.uniform(1.0, 4.0)
    person.duration_s = max(person.duration_s, 2.8)


def _tonic(person: Person, rng: np.random.Generator) -> None:
    person.prefer(rng.uniform(0.6, 0.95), "tonic")
    person.tremor_size, person.tremor_hz = (0.05, 0.35), rng.uniform(4, 12)
    person.hold_tremor_share = 0.6
    person.duration_s = max(person.duration_s, 3.0)


def _inexact(person: Person, rng: np.random.Generator) -> None:
    person.residual, person.residual_limit = log_uniform(rng, 0.4, 3.0) * DEGREE, rng.uniform(0.4, 0.9)
    person.creep_share, person.creep = rng.uniform(0.4, 0.9), log_uniform(rng, 0.3, 2.0) * DEGREE
    person.drift = rng.uniform(0.2, 0.6)
    person.prefer(rng.uniform(0.25, 0.5), "overshoot", "slow_return", "stepwise_return")


def _twitchy(person: Person, rng: np.random.Generator) -> None:
    person.prefer(rng.uniform(0.65, 0.95), "twitch")
    person.jerk = log_uniform(rng, 0.4, 1.5)


def _tilt(person: Person, rng: np.random.Generator) -> None:
    person.prefer(rng.uniform(0.75, 1.0), "tilt")
    person.duration_s = max(person.duration_s, 3.5)
    person.jerk *= 0.3


def _small(person: Person, _: np.random.Generator) -> None:
    person.peak, person.peak_spread, person.peak_low, person.peak_high = 0.027, 0.22, 0.018, 0.042
    person.residual *= 0.5
    person.creep *= 0.4


def _ankle(person: Person, rng: np.random.Generator) -> None:
    person.peak, person.peak_spread, person.peak_high = rng.uniform(0.035, 0.06), 0.45, 0.2
    person.jerk = log_uniform(rng, 0.03, 0.25)
    person.lever = person.land = 0.0
    person.hysteresis = rng.uniform(0, 0.15)
    person.axis_wander, person.drift = rng.uniform(0.15, 0.5), rng.uniform(0.1, 0.5)
    person.prefer(0.3, "tilt", "plateau")


def _foot(person: Person, rng: np.random.Generator) -> None:
    person.on_foot = True
    person.peak *= rng.uniform(1.3, 2.2)
    person.rise_s, person.axis_spread = rng.uniform(0.12, 0.3), rng.uniform(0.03, 0.2)
    person.land, person.jerk = rng.uniform(0, 0.6), log_uniform(rng, 0.2, 1.2)


def _hums(person: Person, rng: np.random.Generator) -> None:
    person.hums = rng.uniform(4, 14)


def _sway(person: Person, rng: np.random.Generator) -> None:
    person.series, person.gasps = False, True
    person.partner_turns, person.pets = rng.uniform(4, 12), rng.choice([0.0, rng.uniform(2, 8)])
    person.isolated = rng.uniform(6, 14)


def _partner(person: Person, rng: np.random.Generator) -> None:
    person.partner_series, person.partner_turns = True, rng.uniform(2, 6)


def _fidget(person: Person, rng: np.random.Generator) -> None:
    person.series = False
    person.fidgets, person.isolated = rng.uniform(20, 55), rng.uniform(6, 14)


def _loose(person: Person, rng: np.random.Generator) -> None:
    person.loose = True
    person.ring_hz, person.ring_s, person.ring = (
        rng.uniform(5, 12),
        rng.uniform(0.08, 0.35),
        rng.uniform(0.2, 0.9),
    )
    person.roll, person.slip = rng.uniform(3, 25) * DEGREE, log_uniform(rng, 0.1, 1.5) * DEGREE


def _foot_tremor(person: Person, rng: np.random.Generator) -> None:
    person.twitch_trains = rng.uniform(4, 14)


CHANGES: dict[str, Callable[[Person, np.random.Generator], None]] = {
    "dense": _dense, "clonic": _clonic, "tonic": _tonic, "inexact": _inexact, "twitchy": _twitchy, "tilt": _tilt,
    "small": _small, "ankle": _ankle, "foot": _foot, "hums": _hums, "sway": _sway, "partner": _partner,
    "fidget": _fidget, "loose": _loose, "foot_tremor": _foot_tremor,
}  # fmt: skip
