"""How likely it was the leg that moved, and not the bed.

A leg that moves lies to one side of where it rested until it comes back. A bed sways about where it was, fades, and leaves
nothing changed. Nine features of a bout say so together: a logistic regression with their products gives the chance that the
leg moved. Its weights come from simulated nights only (`benchmarks/bed_weights.py`).
"""

import math
from dataclasses import dataclass
from typing import Final

from legmon.detection import bed_weights
from legmon.detection.bout import Bout

LEAST_G: Final = 0.0195
"""Weaker than what the yardstick calls visible (20 mg), less a little for noise."""
MOST_G: Final = 0.13
"""No bed shakes a leg by as much. A bout with a larger peak is the leg's."""
FARTHEST: Final = 3.0
"""Features count up to this many standard deviations from their mean."""
FEATURES: Final = (
    "log of the peak, g",
    "turn of gravity over peak",
    "displacement afterwards over peak, at most 0.3",
    "returns, at most 3",
    "how much it lies to one side",
    "log of the duration, s",
    "frequency, at most 8 Hz",
    "swings, at most 8",
    "share of the turn that is held, -1.5 to 1",
)


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the logistic regression.

    Parameters
    ----------
    mean, spread : tuple of float
        Mean and standard deviation of each feature.
    terms : tuple of float
        Weight of the constant, of each feature, and of the product of each feature with itself and those after it.
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    terms: tuple[float, ...]


_weights = Weights(bed_weights.MEAN, bed_weights.SPREAD, bed_weights.TERMS)


def use(weights: Weights) -> None:
    """Use other weights, to judge them."""
    global _weights  # noqa: PLW0603
    _weights = weights


def features(b: Bout, rate_hz: float) -> list[float]:
    """Return the features of a bout, in the order of `FEATURES`."""
    peak = max(b.peak, 1e-5)
    return [
        math.log(peak),
        b.turn / peak,
        min(b.displaced / peak, 0.3),
        float(min(b.returns, 3)),
        b.sided,
        math.log((b.end - b.first) / rate_hz),
        min(b.hz, 8.0),
        float(min(b.swings, 8)),
        min(max(b.held, -1.5), 1.0),
    ]


def leg_chance(b: Bout, rate_hz: float) -> float:
    """Return the chance that a bout is the leg's, and not the bed's, as simulated nights have it."""
    w = _weights
    z = [
        min(max((value - mean) / spread, -FARTHEST), FARTHEST)
        for value, mean, spread in zip(features(b, rate_hz), w.mean, w.spread, strict=True)
    ]
    terms = iter(w.terms)
    total = next(terms)
    for value in z:
        total += next(terms) * value
    for i, value in enumerate(z):
        for other in z[i:]:
            total += next(terms) * value * other
    return 1.0 / (1.0 + math.exp(-min(max(total, -30.0), 30.0)))


def written(weights: Weights, provenance: str) -> str:
    """Return the source of `bed_weights.py`."""
    head = (
        '"""Weights of `legmon.detection.bed`, calibrated on simulated nights only.\n\n'
        f"{provenance}. ``python -m benchmarks.bed_weights`` writes this file.\n"
        '"""\n\n'
    )
    tables = []
    for name, values in (("MEAN", weights.mean), ("SPREAD", weights.spread), ("TERMS", weights.terms)):
        rows = [", ".join(map(str, values[at : at + 9])) for at in range(0, len(values), 9)]
        tables.append(f"{name} = (\n" + "".join(f"    {r},\n" for r in rows) + ")\n")
    return head + "".join(tables)
