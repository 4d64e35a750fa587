"""Fit the weights that tell a moving leg from a swaying bed, and judge them on structures that they were not fitted on.

``python -m benchmarks.bed_weights --nights FOLDER`` renders the tuning nights into the folder, fits, and writes
``src/legmon/detection/bed_weights.py``. They are 3 for each structure of the simulated sleeper and 70 more, and 4 for each kind
of the two sleepers of `benchmarks.sleepers` (1.5 GB, half an hour). A bout of the first sleeper counts half, so that each of the
three has about as much to say.

``python -m benchmarks.bed_weights --nights FOLDER --leave-out`` fits for each structure on the nights that do not have it,
and measures the detector on those that do. It does the same for each of the two other sleepers. The other constants of the
detector were set on all of these nights.

Each bout of a night is an example. It is the leg's if it shares the most time with a visible movement of the sleeper, and the
bed's if it does so with what moved the bed. The fit is a logistic regression with a penalty of half the squared weights, by
Newton's method.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from benchmarks.second_sleeper import line
from benchmarks.sleepers import chain, pieces
from firmware_sim.accelerometer import Accelerometer
from firmware_sim.profile import SCALE_UG
from firmware_sim.sleeper import Sleeper
from firmware_sim.structures import drawn, names, structures
from firmware_sim.truth import truth
from firmware_sim.vocabulary import Link
from legmon import LegMovement, agreement
from legmon.detection import bed
from legmon.detection.bout import Bout
from legmon.detection.bouts import BoutMerger
from legmon.detection.detector import VERSION, Detector
from legmon.detection.faults import verdict
from legmon.evaluation.golden import AS_THE_RULES, NOT_THE_LEG, Outcome, count_apart
from legmon.evaluation.second import SecondEvaluation, periodic_spans
from legmon.evaluation.table import row, usable, worst_periodic_error
from legmon.movement import NS

TARGET = Path(__file__).parents[1] / "src" / "legmon" / "detection" / "bed_weights.py"
BED = {"sway", "gasp", "partner", "pet", "bump"}
OF_EACH, MORE = 3, 70
SLEEPERS = {"chain": chain, "pieces": pieces}
SLEEPER_SEEDS, SLEEPER_HOURS, OWN_WEIGHT = range(3, 7), 3.0, 0.5
KEPT_G = 1e-6
PENALTY = 1.0
PIECE = 65_536
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TuningNight:
    """A night by its seed, the structure or kind that it must have, and the sleeper if it is not the simulator's."""

    seed: int
    structure: str | None
    sleeper: str | None = None

    def file(self, folder: Path) -> Path:
        """Where its samples are kept."""
        name = "-".join(filter(None, (self.sleeper, self.structure or "any", str(self.seed))))
        return folder / f"{name}.npz".replace(" ", "_")


@dataclass(frozen=True, slots=True)
class Recorded:
    """The samples of a night and what happened in it."""

    xyz: Floats
    range_g: float
    truth: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Examples:
    """The bouts of one night: features, and whether the leg made them."""

    structures: tuple[str, ...]
    features: Floats
    leg: NDArray[np.bool_]

    @property
    def weight(self) -> float:
        """What each bout counts."""
        return 1.0 if SLEEPERS.keys() & set(self.structures) else OWN_WEIGHT


def tuning_nights() -> list[TuningNight]:
    """Return the nights of the simulator to fit on. None has a seed of 1000 or more."""
    forced = [TuningNight(100 + 10 * i + j, name) for i, name in enumerate(names()) for j in range(OF_EACH)]
    return forced + [TuningNight(500 + i, None) for i in range(MORE)]


def other_nights() -> list[TuningNight]:
    """Return the nights of the other sleepers to fit on."""
    return [
        TuningNight(seed, kind, name)
        for name, sleeper in SLEEPERS.items()
        for kind in sleeper.KINDS
        for seed in SLEEPER_SEEDS
    ]


def render_other(night: TuningNight, folder: Path) -> None:
    """Write the samples and the truth of a night of another sleeper."""
    if night.sleeper is None or night.structure is None or night.file(folder).exists():
        return
    made = SLEEPERS[night.sleeper].night(night.structure, night.seed, SLEEPER_HOURS)
    bed = [{**o, "kind": "sway", "visible": True} for o in made.others]
    happened = {
        "movements": sorted([*made.movements, *bed], key=lambda m: m["onset_s"]),
        "duration_s": len(made.xyz_g) / made.rate_hz,
        "rate_hz": made.rate_hz,
        "declared_rate_hz": made.rate_hz,
        "structures": [night.sleeper],
        "leg": "left",
    }
    x = np.round(made.xyz_g / KEPT_G).astype(np.int32)
    np.savez(
        night.file(folder), x=x, scale=KEPT_G, range_g=made.range_g, truth=json.dumps(happened, default=float)
    )


def render(night: TuningNight, folder: Path) -> None:
    """Write the samples and the truth of a night, without losses of the radio."""
    if night.sleeper is not None:
        render_other(night, folder)
        return
    if night.file(folder).exists():
        return
    scenario = replace(drawn(night.seed, structure=night.structure), link=Link())
    sleeper = Sleeper(scenario)
    count = int(scenario.duration_s * sleeper.rate_hz)
    chip = Accelerometer(sleeper, scenario.sensor.range_g)
    x = np.concatenate([chip.samples(at, min(PIECE, count - at)) for at in range(0, count, PIECE)])
    happened = {**truth(sleeper), "structures": structures(scenario), "leg": scenario.leg}
    scale_g = SCALE_UG[scenario.sensor.range_g] * 1e-6
    np.savez(
        night.file(folder), x=x, scale=scale_g, range_g=scenario.sensor.range_g, truth=json.dumps(happened)
    )


def read(file: Path) -> Recorded:
    """Read a night that `render` wrote."""
    with np.load(file) as kept:
        happened = json.loads(str(kept["truth"]))
        count = int(happened["duration_s"] * happened["rate_hz"])
        return Recorded(kept["x"][:count] * float(kept["scale"]), float(kept["range_g"]), happened)


class Keeping(BoutMerger):
    """Keep every bout before any is joined or left out."""

    def __init__(self, rate_hz: float) -> None:
        super().__init__(rate_hz)
        self.bouts: list[tuple[int, int, list[float]]] = []

    def take(self, new: Bout) -> Iterator[Any]:
        """Add the next bout."""
        if new.end > new.first + 1 and bed.LEAST_G <= new.peak < bed.MOST_G:
            self.bouts.append((new.first, new.end, bed.features(new, self._rate)))
        return super().take(new)


def detected(night: Recorded, merger: type[BoutMerger] = BoutMerger) -> tuple[Detector, list[LegMovement]]:
    """Return what the detector finds, on the true clock."""
    happened = night.truth
    detector = Detector(happened["declared_rate_hz"], "left", range_g=night.range_g)
    detector._merger = merger(detector.rate_hz)  # noqa: SLF001 (the benchmark looks inside)
    found = detector.feed(night.xyz) + detector.finish()
    rate = happened["rate_hz"]
    return detector, [
        replace(m, onset_ns=round(m.first * NS / rate), offset_ns=round(m.end * NS / rate))
        for m in found
        if m.first is not None and m.end is not None
    ]


def examples(file: Path) -> Examples:
    """Return the bouts of a night that the leg or the bed made."""
    night = read(file)
    detector, _found = detected(night, Keeping)
    keeping = detector._merger  # noqa: SLF001
    assert isinstance(keeping, Keeping)
    rate, rows, legs = night.truth["rate_hz"], [], []
    inside = [m for m in night.truth["movements"] if m["kind"] not in {"vibration", "roll"}]
    onset, offset = (np.array([m[k] for m in inside]) for k in ("onset_s", "offset_s"))
    for first, end, features in keeping.bouts:
        shared = np.minimum(offset, end / rate) - np.maximum(onset, first / rate)
        best = int(np.argmax(shared)) if len(shared) else -1
        if best < 0 or shared[best] <= -0.5:
            continue
        kind, visible = inside[best]["kind"], inside[best]["visible"]
        if kind in BED or visible:
            rows.append(features)
            legs.append(kind not in BED)
    width = len(bed.FEATURES)
    return Examples(
        tuple(night.truth["structures"]),
        np.array(rows, dtype=float).reshape(-1, width),
        np.array(legs, dtype=bool),
    )


def fitted(of: list[Examples]) -> bed.Weights:
    """Fit the weights."""
    x = np.concatenate([e.features for e in of])
    y = np.concatenate([e.leg for e in of]).astype(float)
    counts = np.concatenate([np.full(len(e.leg), e.weight) for e in of])
    mean, spread = x.mean(axis=0), x.std(axis=0)
    z = np.clip((x - mean) / spread, -bed.FARTHEST, bed.FARTHEST)
    pairs = [z[:, i] * z[:, j] for i in range(z.shape[1]) for j in range(i, z.shape[1])]
    terms = np.column_stack([np.ones(len(z)), z, *pairs])
    penalty = np.full(terms.shape[1], PENALTY)
    penalty[0] = 0.0
    weights = np.zeros(terms.shape[1])
    for _ in range(50):
        chance = 1.0 / (1.0 + np.exp(-np.clip(terms @ weights, -30.0, 30.0)))
        slope = terms.T @ (counts * (y - chance)) - penalty * weights
        curve = (terms * (counts * chance * (1.0 - chance))[:, None]).T @ terms + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        weights += step
        if np.abs(step).max() < 1e-8:
            break
    rounded = [[round(float(v), 5) for v in values] for values in (mean, spread, weights)]
    return bed.Weights(tuple(rounded[0]), tuple(rounded[1]), tuple(rounded[2]))


def judged(file: Path, weights: bed.Weights) -> SecondEvaluation:
    """Return how the detector does on a night with these weights."""
    bed.use(weights)
    night = read(file)
    detector, found = detected(night)
    happened, seconds = night.truth, night.truth["duration_s"]
    for m in happened["movements"]:
        m["leg"] = "left"
    true = [
        LegMovement(
            round(m["onset_s"] * NS),
            round(m["offset_s"] * NS),
            "left",
            AS_THE_RULES.get(m["kind"], m["kind"]),
        )
        for m in happened["movements"]
        if m["visible"] and m["kind"] not in NOT_THE_LEG
    ]
    in_truth, periodic = (periodic_spans(movements, seconds + 1) for movements in (true, found))
    compared = agreement(found, happened["movements"])
    return SecondEvaluation(
        file.stem,
        int(file.stem.rpartition("-")[2]),
        seconds / 3600,
        Outcome(compared, len(periodic), len(in_truth), count_apart(periodic, in_truth)),
        verdict(detector.quality(), seconds, seconds),
    )


def table(title: str, files: list[Path], weights: bed.Weights) -> None:
    """Print one line: the nights that are not called poor."""
    with Pool(2) as pool:
        results = pool.map(partial(judged, weights=weights), files)
    good = usable(results)
    worst = worst_periodic_error(good) or 0.0
    print(
        f"{line(title, row(good))}  worst night {100 * worst:.0f} %, {len(results) - len(good)} poor",
        flush=True,
    )


def main() -> None:
    """Fit and write, or print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nights", type=Path, required=True, help="folder of the rendered nights")
    parser.add_argument(
        "--leave-out", action="store_true", help="judge each structure with weights fitted without it"
    )
    asked = parser.parse_args()
    asked.nights.mkdir(parents=True, exist_ok=True)
    nights, console = tuning_nights() + other_nights(), Console(stderr=True)
    files = [night.file(asked.nights) for night in nights]
    with Pool(2) as pool:
        rendered = pool.imap_unordered(partial(render, folder=asked.nights), nights)
        list(track(rendered, "Rendering nights", len(nights), console=console))
        of = list(track(pool.imap(examples, files), "Detecting", len(files), console=console))
    if not asked.leave_out:
        weights = fitted(of)
        count, legs = sum(len(e.leg) for e in of), sum(int(e.leg.sum()) for e in of)
        TARGET.write_text(
            bed.written(
                weights,
                f"{len(files)} nights, {legs} bouts of the leg and {count - legs} of the bed, detector {VERSION}",
            )
        )
        print(f"wrote {TARGET.name}: {count} bouts, {legs} of the leg")
        return
    for name in [*names(), *SLEEPERS]:
        without = [e for e in of if name not in e.structures]
        table(name, [f for f, e in zip(files, of, strict=True) if name in e.structures], fitted(without))
    table("all, fitted", files, fitted(of))


if __name__ == "__main__":
    main()
