"""Fit how sure a movement is, and measure how well the chances hold on structures that they were not fitted on.

``python -m benchmarks.confidence_weights --nights FOLDER`` renders the tuning nights of `benchmarks.bed_weights` into the folder
(or reads those that are there), fits, and writes ``src/legmon/detection/confidence_weights.py``. Fit anew after every change of
the detector.

``python -m benchmarks.confidence_weights --nights FOLDER --judge N`` prints the calibration instead: of the fit itself, of each
structure with weights fitted without it, and of N nights of each kind of the second sleeper.

Each leg movement of 0.5 to 10 s that the detector lists is an example. It is right if `legmon.agreement` pairs it with a true
one, wrong if it is a false positive, and left out if it counts neither way. A movement of another kind is right if no leg
movement is missed there. The fit is a logistic regression with a penalty of half the squared weights, by Newton's method. The
*calibration error* is the mean distance between the chance and the share that is right, over ten classes of equal width.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from benchmarks.bed_weights import detected, read, render, tuning_nights
from firmware_sim.structures import names
from legmon import LegMovement, agreement
from legmon.detection.bouts import BoutMerger, Kind
from legmon.detection.confidence import (
    FEATURES,
    LEAST,
    MOST,
    ConfidenceWeights,
    features,
    standardised,
    written,
)
from legmon.detection.detector import VERSION, Detector
from legmon.evaluation.agreement import LONGEST_NS, SHORTEST_NS, UNDECIDED, WIDENED_NS
from legmon.evaluation.second_sleeper import KINDS, draw_night
from legmon.movement import NS

TARGET = Path(__file__).parents[1] / "src" / "legmon" / "detection" / "confidence_weights.py"
FIRST_SEED = 7100
"""Of the nights of the second sleeper that only this calibration looks at."""
HOURS = 3.0
PENALTY = 1.0
CLASSES = 10
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """The movements of one night: features of the leg's and whether they are right; right and wrong of the other kinds."""

    structures: tuple[str, ...]
    features: Floats
    right: Flags
    others: list[tuple[str, bool]]


class Keeping(BoutMerger):
    """Keep every movement with what it was made of."""

    def __init__(self, rate_hz: float) -> None:
        super().__init__(rate_hz)
        self.given: list[tuple[Kind, list[float]]] = []

    def _give(self) -> Any:
        for b, kind in super()._give():
            self.given.append((kind, features(b, self._rate)))
            yield b, kind


def judged(
    structures: Iterable[str], found: Sequence[LegMovement], keeping: Keeping, truth: list[Any]
) -> Judged:
    """Compare what a detector found with the truth."""
    for m in truth:
        m["leg"] = "left"
    compared = agreement(found, truth)
    true = {p.found.onset_ns for p in compared.pairs}
    false = {f.found.onset_ns for f in compared.false_positives}
    undecided = [
        (round(m["onset_s"] * NS), round(m["offset_s"] * NS)) for m in truth if m["kind"] in UNDECIDED
    ]
    missed = [(m.onset_ns, m.offset_ns) for m in compared.misses]
    rows, right, others = [], [], []
    for m, (kind, values) in zip(found, keeping.given, strict=True):
        if kind != "leg":
            if not _meets(m, undecided):
                others.append((str(kind), not _meets(m, missed)))
        elif SHORTEST_NS <= m.offset_ns - m.onset_ns <= LONGEST_NS and m.onset_ns in true | false:
            rows.append(values)
            right.append(m.onset_ns in true)
    return Judged(
        tuple(structures),
        np.array(rows, dtype=float).reshape(-1, len(FEATURES)),
        np.array(right, dtype=bool),
        others,
    )


def _meets(m: LegMovement, spans: Iterable[tuple[int, int]]) -> bool:
    return any(a < m.offset_ns + 2 * WIDENED_NS and m.onset_ns - 2 * WIDENED_NS < b for a, b in spans)


def of_ours(file: Path) -> Judged:
    """Judge a tuning night."""
    night = read(file)
    detector, found = detected(night, Keeping)
    return judged(night.truth["structures"], found, _kept(detector), night.truth["movements"])


def of_second(night: tuple[str, int]) -> Judged:
    """Judge a night of the second sleeper."""
    kind, seed = night
    drawn = draw_night(seed, kind=kind, hours=HOURS)
    detector = Detector(drawn.rate_hz, "left")
    detector._merger = Keeping(drawn.rate_hz)  # noqa: SLF001 (the benchmark looks inside)
    found = detector.feed(drawn.xyz) + detector.finish()
    return judged((kind,), found, _kept(detector), [m.to_dict() for m in drawn.truth])


def _kept(detector: Detector) -> Keeping:
    keeping = detector._merger  # noqa: SLF001
    assert isinstance(keeping, Keeping)
    return keeping


def fitted(of: Sequence[Judged]) -> ConfidenceWeights:
    """Fit the weights."""
    x = np.concatenate([j.features for j in of])
    y = np.concatenate([j.right for j in of]).astype(float)
    mean, spread = (tuple(round(float(v), 5) for v in values) for values in (x.mean(axis=0), x.std(axis=0)))
    terms = _terms(x, mean, spread)
    penalty = np.full(terms.shape[1], PENALTY)
    penalty[0] = 0.0
    weights = np.zeros(terms.shape[1])
    for _ in range(50):
        chance = 1.0 / (1.0 + np.exp(-np.clip(terms @ weights, -30.0, 30.0)))
        slope = terms.T @ (y - chance) - penalty * weights
        curve = (terms * (chance * (1.0 - chance))[:, None]).T @ terms + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        weights += step
        if np.abs(step).max() < 1e-8:
            break
    kinds = sorted({kind for j in of for kind, _ in j.others})
    shares = {}
    for kind in kinds:
        right = [is_right for j in of for k, is_right in j.others if k == kind]
        shares[kind] = round((sum(right) + 1) / (len(right) + 2), 3)  # Laplace: nothing is certain
    return ConfidenceWeights(mean, spread, tuple(round(float(v), 5) for v in weights), shares)


def _terms(x: Floats, mean: tuple[float, ...], spread: tuple[float, ...]) -> Floats:
    z = np.array([standardised(list(row), mean, spread) for row in x]).reshape(-1, len(mean))
    return np.column_stack([np.ones(len(z)), z, z * z])


def chances(of: Sequence[Judged], weights: ConfidenceWeights) -> tuple[Floats, Flags]:
    """Return the chance of each leg movement, and whether it is right."""
    x = np.concatenate([j.features for j in of])
    total = _terms(x, weights.mean, weights.spread) @ np.array(weights.terms)
    chance = 1.0 / (1.0 + np.exp(-np.clip(total, -30.0, 30.0)))
    return np.clip(chance, LEAST, MOST), np.concatenate([j.right for j in of])


def calibration_error(chance: Floats, right: Flags) -> float:
    """Return the mean distance between chance and share, over ten classes of equal width."""
    of = np.minimum((chance * CLASSES).astype(int), CLASSES - 1)
    return float(
        sum(abs(chance[of == n].sum() - right[of == n].sum()) for n in range(CLASSES)) / max(len(chance), 1)
    )


def discrimination(chance: Floats, right: Flags) -> float:
    """Return how often a right movement has the higher chance of two, one right and one wrong (area under the curve)."""
    order = np.sort(chance[~right])
    below, up_to = (np.searchsorted(order, chance[right], side) for side in ("left", "right"))
    return float((below + up_to).sum() / (2.0 * max(len(order), 1) * max(int(right.sum()), 1)))


def line(title: str, chance: Floats, right: Flags) -> str:
    """Return one row of the table."""
    unsure = chance < 0.9
    row = f"| {title} | {len(right)} | {right.mean():.3f} | {chance.mean():.3f} | {calibration_error(chance, right):.3f} |"
    if not unsure.any():
        return f"{row} {discrimination(chance, right):.2f} | 0 | | |"
    shares = f"{right[unsure].mean():.2f} | {chance[unsure].mean():.2f} |"
    return f"{row} {discrimination(chance, right):.2f} | {int(unsure.sum())} | {shares}"


def table(of: Sequence[Judged], second: Sequence[Judged]) -> None:
    """Print the calibration."""
    print(
        "| nights | movements | right | mean chance | calibration error | AUC | below 0.9 | right | mean chance |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    weights = fitted(of)
    print(line("all, fitted", *chances(of, weights)))
    apart: list[tuple[Floats, Flags]] = []
    for name in names():
        without, with_it = ([j for j in of if (name in j.structures) is has] for has in (False, True))
        apart.append(chances(with_it, fitted(without)))
        print(line(f"{name}, left out", *apart[-1]), flush=True)
    for kind in KINDS if second else ():
        print(line(f"second sleeper, {kind}", *chances([j for j in second if kind in j.structures], weights)))
    if second:
        print(line("second sleeper, all", *chances(second, weights)))


def main() -> None:
    """Fit and write, or print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nights", type=Path, required=True, help="folder of the rendered nights")
    parser.add_argument("--judge", type=int, metavar="N", help="nights of each kind of the second sleeper")
    asked = parser.parse_args()
    asked.nights.mkdir(parents=True, exist_ok=True)
    nights, console = tuning_nights(), Console(stderr=True)
    files = [night.file(asked.nights) for night in nights]
    others = [(kind, FIRST_SEED + n) for kind in KINDS for n in range(asked.judge or 0)]
    with Pool(2) as pool:
        rendered = pool.imap_unordered(partial(render, folder=asked.nights), nights)
        list(track(rendered, "Rendering nights", len(nights), console=console))
        of = list(track(pool.imap(of_ours, files), "Detecting", len(files), console=console))
        second = list(track(pool.imap(of_second, others), "The second sleeper", len(others), console=console))
    if asked.judge is not None:
        table(of, second)
        return
    weights, count = fitted(of), sum(len(j.right) for j in of)
    right = sum(int(j.right.sum()) for j in of)
    provenance = f"{len(files)} nights, {right} leg movements that are right and {count - right} that are not, detector {VERSION}"
    TARGET.write_text(written(weights, provenance))
    print(f"wrote {TARGET.name}: {count} movements, {right} of them right")


if __name__ == "__main__":
    main()
