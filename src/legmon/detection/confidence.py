"""How sure a movement is: the chance that somebody who knows the truth would call it the same, as simulated nights have it.

For a leg movement it is the chance that the yardstick (`legmon.agreement`) counts it as true: a logistic regression on the
features below and their squares. For any other kind it is the share of the movements of that kind which hide no leg movement.
Nobody has compared either with people. `benchmarks/confidence_weights.py` writes the weights, from simulated nights only.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

from legmon.detection import confidence_weights
from legmon.detection.bed import FARTHEST
from legmon.detection.bout import Bout

FEATURES: Final = (
    "log of the peak, g",
    "log of the duration, s",
    "whether it is a lift and its return",
    "swings, at most 8",
    "displacement afterwards over peak, at most 1",
    "frequency, at most 8 Hz",
    "how much it lies to one side",
    "turn of gravity over peak",
    "share of the turn that is held, -1.5 to 1",
)
LEAST, MOST = 0.001, 0.999
"""Nothing that simulated nights show is surer than this."""


@dataclass(frozen=True, slots=True)
class ConfidenceWeights:
    """Weights of the logistic regression, and the shares of the other kinds.

    Parameters
    ----------
    mean, spread : tuple of float
        Mean and standard deviation of each feature.
    terms : tuple of float
        Weight of the constant, of each feature, and of the square of each.
    others : dict of str to float
        For each other kind, the share of its movements that hide no leg movement.
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    terms: tuple[float, ...]
    others: dict[str, float]


WEIGHTS: Final = ConfidenceWeights(
    confidence_weights.MEAN, confidence_weights.SPREAD, confidence_weights.TERMS, confidence_weights.OTHERS
)


def features(b: Bout, rate_hz: float) -> list[float]:
    """Return the features of a movement, in the order of `FEATURES`."""
    peak = max(b.peak, 1e-5)
    return [
        math.log(peak),
        math.log((b.end - b.first) / rate_hz),
        float(b.returned),
        float(min(b.swings, 8)),
        min(b.displaced / peak, 1.0),
        min(b.hz, 8.0),
        b.sided,
        b.turn / peak,
        min(max(b.held, -1.5), 1.0),
    ]


def confidence(b: Bout, kind: str, rate_hz: float, weights: ConfidenceWeights = WEIGHTS) -> float | None:
    """Return how sure a movement is, 0.001 to 0.999; None for a kind that simulated nights do not have.

    Parameters
    ----------
    b : Bout
        The movement, with everything that was joined to it.
    kind : str
        What it was taken for.
    rate_hz : float
        Sample rate.
    weights : ConfidenceWeights
        Those of `benchmarks/confidence_weights.py`.
    """
    chance = weights.others.get(kind)
    if kind == "leg":
        total, count = weights.terms[0], len(FEATURES)
        values = standardised(features(b, rate_hz), weights.mean, weights.spread)
        for n, value in enumerate(values, start=1):
            total += value * (weights.terms[n] + weights.terms[n + count] * value)
        chance = 1.0 / (1.0 + math.exp(-min(max(total, -30.0), 30.0)))
    return None if chance is None else round(min(max(chance, LEAST), MOST), 3)


def calibrated_on(chance: float | None) -> Literal["simulated"] | None:
    """Return what stands beside a confidence wherever it is shown; None beside none."""
    return None if chance is None else "simulated"


def standardised(values: list[float], mean: tuple[float, ...], spread: tuple[float, ...]) -> list[float]:
    """Return features in standard deviations from their mean, not beyond what the weights were fitted on."""
    of = zip(values, mean, spread, strict=True)
    return [min(max((value - m) / s, -FARTHEST), FARTHEST) for value, m, s in of]


def written(weights: ConfidenceWeights, provenance: str) -> str:
    """Return the source of `confidence_weights.py`."""
    head = (
        '"""Weights of `legmon.detection.confidence`, calibrated on simulated nights only.\n\n'
        f"{provenance}.\n``python -m benchmarks.confidence_weights`` writes this file.\n"
        '"""\n\n'
    )
    tables = [
        f"{name} = (\n    {', '.join(map(str, values[:8]))},\n"
        + "".join(f"    {', '.join(map(str, values[at : at + 8]))},\n" for at in range(8, len(values), 8))
        + ")\n"
        for name, values in (("MEAN", weights.mean), ("SPREAD", weights.spread), ("TERMS", weights.terms))
    ]
    others = "".join(f'    "{kind}": {share},\n' for kind, share in weights.others.items())
    return head + "".join(tables) + f"OTHERS: dict[str, float] = {{\n{others}}}\n"
