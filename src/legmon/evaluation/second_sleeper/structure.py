"""What one night is like: each night draws anew how its leg moves and returns, what the bed and the chip do.

Sources: figures with a mark are from the literature on leg movements at night. ``P``: published (interval between
movements, Ferri 2006 and 2016; length, PMC4434558; large movements, Ibrahim 2023; turns of the body, Skarpsno 2017;
foot tremor, Yang and Winkelman 2010). ``C``: clinical description, without a measurement. ``A``: assumed here, so wide
that a real leg should lie inside. No published spectrum or size in g of a periodic leg movement exists.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from numpy.random import Generator

from legmon.evaluation.second_sleeper.leg import Floats


@dataclass(frozen=True, slots=True)
class Structure:
    """The structure of a night. Shares are 0 to 1, angles degrees, sizes mg.

    Parameters
    ----------
    kind : str
        The name of the kind of night.
    series : bool
        Whether the sleeper has periodic series.
    on_foot : bool
        Whether the sensor is on the foot; otherwise above the ankle.
    interval_s, interval_sigma : float
        Median and log-sd of the intervals within a series. P: 14 to 30 s, 0.30 to 0.40.
    length_s, length_sigma : float
        Median and log-sd of the time that the nerve is active. P: 2.8 s, 0.55, of 0.5 to 10 s. At the sensor a movement
        lasts almost a second longer, until the limb is at rest (P: 4.2 s at the ankle).
    amplitude_mg, amplitude_sigma, most_mg : float
        Median, log-sd and upper end of the largest change at the sensor. A: 120 mg, 0.8.
    invisible : float
        Share of leg movements that are drawn with less than 20 mg. P: 5 to 70 % by subject (Terrill 2013, at the toe).
    heel_lifts : bool
        Whether the straight leg is lifted, rather than the heel drawn up along the mattress (C: both occur).
    clonic, tonic, ankle_only, held : float
        Shares of movements with beats, of slow lifts, of those of the ankle alone, and of those that stay lifted in part.
    beat_depth : (float, float)
        The part of the angle that a beat gives back (A).
    residual_deg, creep_deg : float
        How far from where it lay the leg comes to rest, and how far it still settles after its return (sd; A).
    hold_tremor_mg : float
        Tremor of the muscle while the leg is held, at 4 to 12 Hz, as the sensor feels it (A).
    isolated_per_hour, large_per_hour, turns_per_hour : float
        Movements outside of series (P: 10 to 20), large ones of 10 to 25 s (P: median 6.8), turns of the body (P: 1.6).
    awake : float
        Share of the night awake with fidgeting, besides the first minutes (A).
    tremor_trains : int
        Trains of foot tremor while asleep (P: in 7.5 % of people; here in 15 % of nights).
    twitch_s, limb_hz, limb_damping : float
        How muscle and limb answer the nerve (A).
    bed_hz, bed_damping : float
        The slow sway of the mattress: 0.7 to 3 Hz (A).
    partner, pet_per_hour, gasps, hum : str, float, bool, str
        What comes through the mattress: ``"none"``, ``"knocks"``, ``"turns"`` or ``"periodic"``; a pet that jumps on it;
        gasps after apnoea; ``"none"``, ``"tones"``, ``"noise"`` or ``"both"``.
    through_mg : float
        Median peak of what comes through (A: 2 to 40 mg).
    hum_mg : float
        Rms of a hum (A).
    breath_mg, pulse_mg : float
        Breathing at the ankle (C: 1 to 8 mg at 0.2 to 0.33 Hz) and the heartbeat (A).
    strap_hz, strap_damping : float
        A loose strap is a spring (C: 5 to 12 Hz); 0 if it is tight.
    strap_roll_deg : float
        How far a loose strap turns about the shank with a movement (sd; A).
    step_mg, noise_mg, range_g, drift_mg : float
        The chip: its step, white noise (rms per axis), range, and how far it drifts while it warms up.
    """

    kind: str
    series: bool
    on_foot: bool
    interval_s: float
    interval_sigma: float
    length_s: float
    length_sigma: float
    amplitude_mg: float
    amplitude_sigma: float
    most_mg: float
    invisible: float
    heel_lifts: bool
    clonic: float
    tonic: float
    ankle_only: float
    held: float
    beat_depth: tuple[float, float]
    residual_deg: float
    creep_deg: float
    hold_tremor_mg: float
    isolated_per_hour: float
    large_per_hour: float
    turns_per_hour: float
    awake: float
    tremor_trains: int
    twitch_s: float
    limb_hz: float
    limb_damping: float
    bed_hz: float
    bed_damping: float
    partner: str
    pet_per_hour: float
    gasps: bool
    hum: str
    through_mg: float
    hum_mg: float
    breath_mg: float
    pulse_mg: float
    strap_hz: float
    strap_damping: float
    strap_roll_deg: float
    step_mg: float
    noise_mg: float
    range_g: float
    drift_mg: float

    def to_dict(self) -> dict[str, Any]:
        """Return the drawn structure, for a table."""
        return asdict(self)


def log_uniform(rng: Generator, low: float, high: float) -> float:
    """Return a number whose logarithm is uniform."""
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


def log_normal(rng: Generator, median: float, sigma: float) -> float:
    """Return a number whose logarithm is normal."""
    return float(median * math.exp(sigma * rng.standard_normal()))


def _plain(rng: Generator, kind: str) -> Structure:
    old = rng.random() < 0.3  # above 65 years the intervals are shorter (P)
    return Structure(
        kind=kind,
        series=True,
        on_foot=False,
        interval_s=rng.uniform(14, 18) if old else rng.uniform(20, 30),
        interval_sigma=rng.uniform(0.30, 0.40),
        length_s=log_normal(rng, 2.8, 0.2),
        length_sigma=0.5,
        amplitude_mg=log_normal(rng, 120, 0.3),
        amplitude_sigma=0.75,
        most_mg=2000,
        invisible=0.05 + 0.65 * float(rng.beta(1.3, 3.5)),
        heel_lifts=bool(rng.random() < 0.4),
        clonic=float(rng.choice([0.0, 0.1, 0.3])),
        tonic=rng.uniform(0, 0.1),
        ankle_only=rng.uniform(0, 0.1),
        held=0.0,
        beat_depth=(0.03, 0.15),
        residual_deg=rng.uniform(0.02, 0.2),
        creep_deg=0.0,
        hold_tremor_mg=log_uniform(rng, 0.2, 4),
        isolated_per_hour=rng.uniform(3, 12),
        large_per_hour=min(25.0, log_normal(rng, 6.8, 0.65)),
        turns_per_hour=max(0.4, 1.6 + 0.7 * float(rng.standard_normal())),
        awake=0.0,
        tremor_trains=int(rng.integers(2, 10)) if rng.random() < 0.15 else 0,
        twitch_s=rng.uniform(0.03, 0.08),
        limb_hz=rng.uniform(1.0, 2.5),
        limb_damping=rng.uniform(0.45, 0.95),
        bed_hz=rng.uniform(0.7, 3.0),
        bed_damping=rng.uniform(0.08, 0.4),
        partner=str(rng.choice(["none", "knocks"])),
        pet_per_hour=0.0,
        gasps=False,
        hum="none",
        through_mg=log_uniform(rng, 4, 20),
        hum_mg=0.0,
        breath_mg=log_uniform(rng, 0.3, 3),
        pulse_mg=log_uniform(rng, 0.1, 1),
        strap_hz=0.0,
        strap_damping=0.0,
        strap_roll_deg=0.0,
        step_mg=float(rng.choice([0.061, 0.122, 0.244, 0.488, 1.0])),
        noise_mg=log_uniform(rng, 0.5, 2.0),
        range_g=float(rng.choice([2, 4, 8])),
        drift_mg=rng.uniform(2, 10),
    )


def _dense(rng: Generator, s: Structure) -> Structure:
    return replace(
        s,
        interval_s=rng.uniform(8, 15),
        interval_sigma=rng.uniform(0.2, 0.35),
        length_s=rng.uniform(1.5, 2.8),
    )


def _clonic(rng: Generator, s: Structure) -> Structure:
    deep = rng.uniform(0.3, 0.8)
    return replace(
        s, clonic=rng.uniform(0.6, 1.0), beat_depth=(0.1, deep), length_s=rng.uniform(2.5, 4.5), tonic=0.0
    )


def _inexact(rng: Generator, s: Structure) -> Structure:
    return replace(
        s,
        residual_deg=log_uniform(rng, 0.3, 3),
        creep_deg=rng.uniform(0, 1),
        held=rng.uniform(0.05, 0.3),
        limb_damping=rng.uniform(0.2, 0.7),  # overshoots
    )


def _tonic(rng: Generator, s: Structure) -> Structure:
    return replace(
        s, tonic=rng.uniform(0.6, 1.0), length_s=rng.uniform(4, 7), length_sigma=0.25,
        hold_tremor_mg=log_uniform(rng, 1, 15), clonic=0.0, creep_deg=rng.uniform(0, 0.3),
    )  # fmt: skip


def _small(rng: Generator, s: Structure) -> Structure:
    return replace(
        s, amplitude_mg=rng.uniform(24, 32), amplitude_sigma=0.2, most_mg=40, tonic=0.0, clonic=0.0
    )


def _ankle_only(rng: Generator, s: Structure) -> Structure:
    return replace(s, ankle_only=1.0, clonic=rng.uniform(0, 0.3), tonic=0.0)


def _foot(rng: Generator, s: Structure) -> Structure:
    return replace(
        s, on_foot=True, amplitude_mg=s.amplitude_mg * rng.uniform(1.2, 2.0), ankle_only=rng.uniform(0.2, 0.7)
    )


def _loose_strap(rng: Generator, s: Structure) -> Structure:
    return replace(
        s,
        strap_hz=rng.uniform(5, 12),
        strap_damping=rng.uniform(0.05, 0.2),
        strap_roll_deg=rng.uniform(0.2, 3),
    )


def _coarse_chip(rng: Generator, s: Structure) -> Structure:
    step = float(rng.choice([3.90625, 7.8125, 15.625]))
    return replace(s, step_mg=step, noise_mg=step * rng.uniform(0.1, 0.6), range_g=float(rng.choice([2, 8])))


def _noisy_chip(rng: Generator, s: Structure) -> Structure:
    return replace(s, noise_mg=rng.uniform(2.5, 5), step_mg=float(rng.choice([0.244, 1.0, 3.90625])))


def _without(rng: Generator, s: Structure) -> Structure:
    return replace(s, series=False, isolated_per_hour=rng.uniform(2, 8))


def _isolated(rng: Generator, s: Structure) -> Structure:
    return replace(s, series=False, isolated_per_hour=rng.uniform(10, 20))


def _fidget(rng: Generator, s: Structure) -> Structure:
    return replace(_without(rng, s), awake=rng.uniform(0.3, 0.7))


def _sway(rng: Generator, s: Structure) -> Structure:
    return replace(
        _without(rng, s), partner="turns", bed_damping=rng.uniform(0.03, 0.25), through_mg=rng.uniform(12, 40)
    )


def _partner(rng: Generator, s: Structure) -> Structure:
    return replace(_without(rng, s), partner="periodic", through_mg=rng.uniform(8, 30))


def _gasps(rng: Generator, s: Structure) -> Structure:
    return replace(
        _without(rng, s), gasps=True, breath_mg=rng.uniform(2, 8), pulse_mg=rng.uniform(0.5, 4),
        through_mg=rng.uniform(10, 35), bed_damping=rng.uniform(0.05, 0.3),
    )  # fmt: skip


def _pet(rng: Generator, s: Structure) -> Structure:
    return replace(_without(rng, s), pet_per_hour=rng.uniform(3, 12), through_mg=rng.uniform(15, 60))


def _hum(rng: Generator, s: Structure) -> Structure:
    return replace(
        _without(rng, s), hum=str(rng.choice(["tones", "noise", "both"])), hum_mg=log_uniform(rng, 2, 20)
    )


def _hum_series(rng: Generator, s: Structure) -> Structure:
    return replace(s, hum=str(rng.choice(["tones", "noise", "both"])), hum_mg=log_uniform(rng, 1, 12))


def _mixed(rng: Generator, s: Structure) -> Structure:
    s = replace(s, on_foot=bool(rng.random() < 0.25))
    for change, chance in (
        (_dense, 0.25), (_clonic, 0.3), (_inexact, 0.5), (_tonic, 0.2), (_small, 0.15), (_loose_strap, 0.25),
        (_coarse_chip, 0.15), (_noisy_chip, 0.15), (_hum_series, 0.25),
    ):  # fmt: skip
        if rng.random() < chance:
            s = change(rng, s)
    return replace(
        s,
        ankle_only=float(rng.choice([0.0, 0.2, 0.6])),
        awake=float(rng.choice([0.0, 0.1, 0.3])),
        partner=str(rng.choice(["none", "knocks", "turns", "periodic"])),
        pet_per_hour=float(rng.choice([0.0, 0.0, 3.0])),
        gasps=bool(rng.random() < 0.15),
    )


_CHANGES: Final[dict[str, Callable[[Generator, Structure], Structure]]] = {
    "plain": lambda _, s: s,
    "dense": _dense,
    "clonic": _clonic,
    "inexact": _inexact,
    "tonic": _tonic,
    "small": _small,
    "ankle_only": _ankle_only,
    "foot": _foot,
    "loose_strap": _loose_strap,
    "coarse_chip": _coarse_chip,
    "noisy_chip": _noisy_chip,
    "hum_series": _hum_series,
    "mixed": _mixed,
    "isolated": _isolated,
    "fidget": _fidget,
    "sway": _sway,
    "partner": _partner,
    "gasps": _gasps,
    "pet": _pet,
    "hum": _hum,
}
KINDS: Final = tuple(_CHANGES)
WITHOUT_SERIES: Final = ("isolated", "fidget", "sway", "partner", "gasps", "pet", "hum")


def draw_structure(rng: Generator, kind: str) -> Structure:
    """Return what a night of a kind is like.

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    if kind not in _CHANGES:
        raise ValueError(f"{kind!r} is no kind of night; choose one of {', '.join(KINDS)}")
    return _CHANGES[kind](rng, _plain(rng, kind))


__all__ = ["KINDS", "WITHOUT_SERIES", "Floats", "Structure", "draw_structure", "log_normal", "log_uniform"]
