"""Measure what the detector does wrong on each tuning night, and how well the range of the periodic count holds.

``python -m benchmarks.plausible_profiles --nights FOLDER`` renders the tuning nights of `benchmarks.bed_weights` into the folder
(or reads those that are there), and writes ``src/legmon/scoring/plausible_profiles.py``: the profiles of `OF_EACH` nights of
each sleeper, without those that the quality check calls poor, and by how much the range is widened. Write it anew after every
change of the detector.

``python -m benchmarks.plausible_profiles --nights FOLDER --judge N`` prints the coverage instead: of each structure and of each
sleeper left out, profiles and widening both, and of N nights of each kind of the second sleeper.

The widening is the least with which 95 % of the tuning nights are covered at either end when no profile is of their own sleeper:
both ends together leave 10 % out. Nights without any periodic movement, true or found, do not count for it: they are easy.
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

from benchmarks.bed_weights import SLEEPERS, detected, other_nights, read, render, tuning_nights
from firmware_sim.structures import names
from legmon import LegMovement, agreement
from legmon.detection.detector import DETECTOR, Detector
from legmon.detection.faults import verdict
from legmon.evaluation.agreement import LONGEST_NS, SHORTEST_NS, WIDENED_NS
from legmon.evaluation.golden import AS_THE_RULES, NOT_THE_LEG
from legmon.evaluation.second_sleeper import KINDS, draw_night
from legmon.movement import NS
from legmon.scoring.plausible import (
    HOUR,
    LEVEL,
    SIZES_MG,
    ErrorProfile,
    nearest,
    plausible_counts,
    plausible_range,
    size_class,
    sureness,
    written,
)
from legmon.scoring.score import scored_night

TARGET = Path(__file__).parents[1] / "src" / "legmon" / "scoring" / "plausible_profiles.py"
FIRST_SEED = 7200
"""Of the nights of the second sleeper that only this range is judged on."""
HOURS = 3.0
OF_EACH = 50
OWN = "simulator"
FOREIGN = NOT_THE_LEG | {"vibration"}
WIDENINGS = np.round(np.arange(0.0, 10.0, 0.05), 2)
Widening = tuple[float, float]
Ints = NDArray[np.int_]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Night:
    """A night: who slept, what was special, what was found, the true periodic count, and the profile of the errors."""

    structures: frozenset[str]
    sleeper: str
    found: list[LegMovement]
    duration_ns: int
    true: int
    profile: ErrorProfile
    poor: bool

    @property
    def count(self) -> int:
        """The periodic count of what was found."""
        return periodic(self.found, self.duration_ns)


def periodic(movements: Iterable[LegMovement], duration_ns: int) -> int:
    """Return the periodic count by the default rules."""
    return scored_night(movements, (), duration_ns).indices.periodic


def compared(
    structures: Iterable[str], sleeper: str, detector: Detector, found: list[LegMovement], truth: list[Any],
    duration_s: float,
) -> Night:  # fmt: skip
    """Compare what a detector found with the truth."""
    for m in truth:
        m["leg"] = "left"
    true = [
        LegMovement(
            round(m["onset_s"] * NS), round(m["offset_s"] * NS), "left", AS_THE_RULES.get(m["kind"], m["kind"]),
            m["peak_mg"],
        )
        for m in truth
        if m["visible"] and m["kind"] not in FOREIGN
    ]  # fmt: skip
    duration_ns = round(duration_s * NS)
    unseen_s = sum(u.count for u in detector.unseen) / detector.rate_hz
    return Night(
        frozenset(structures),
        sleeper,
        found,
        duration_ns,
        periodic(true, duration_ns),
        profile_of(found, true, truth, duration_ns),
        verdict(detector.quality(), duration_s - unseen_s, duration_s) == "poor",
    )


def profile_of(
    found: Sequence[LegMovement], true: Sequence[LegMovement], truth: list[Any], duration_ns: int
) -> ErrorProfile:
    """Return what went wrong in a night."""
    of = agreement(found, truth)
    hours = duration_ns / HOUR
    legs = [m for m in true if m.kind == "leg"]
    peaks = {m.onset_ns: m.peak_mg for m in legs}
    missed = [m for m in of.misses if m.onset_ns in peaks]
    at_all = len(missed) / max(of.truths, 1)
    shares = []
    for size in range(len(SIZES_MG) + 1):
        lost = sum(size_class(peaks[m.onset_ns]) == size for m in missed)
        hit = sum(size_class(peaks.get(p.truth.onset_ns)) == size for p in of.pairs)
        shares.append((lost + 2 * at_all) / (lost + hit + 2))  # a class with few movements follows the night
    in_series = {s.movement.onset for s in scored_night(true, (), duration_ns).movements if s.periodic}
    paired = {p.found.onset_ns for p in of.pairs}
    candidates = [
        m for m in found if m.kind == "leg" and SHORTEST_NS <= m.offset_ns - m.onset_ns <= LONGEST_NS
    ]
    alone = [m for m in candidates if m.onset_ns not in paired]
    true_others = [m for m in true if m.kind != "leg"]
    mistaken = [m for m in alone if _meets(m, true_others, 0)]
    pieces = [m for m in alone if m not in mistaken and _meets(m, legs, 0)]
    merged = [p for p in of.pairs if _meets(p.found, missed, 0)]
    false = len(alone) - len(pieces)
    others = [m for m in found if m.kind != "leg"]
    empty = [m for m in others if not _meets(m, true_others, WIDENED_NS)]
    hides = [m for m in empty if _meets(m, missed, WIDENED_NS)]
    unseen = [m for m in true_others if not _meets(m, found, WIDENED_NS)]
    return ErrorProfile(
        confidence=round(sureness(found), 4),
        missed=tuple(round(s, 4) for s in shares),
        missed_periodic=_share(sum(m.onset_ns in in_series for m in missed), len(missed)),
        merged=_share(len(merged), len(of.pairs)),
        pieces=_share(len(pieces), len(candidates)),
        false_share=_share(false, len(candidates)),
        false_per_hour=round(false / hours, 3),
        mistaken=_share(len(mistaken), false),
        other_false=_share(len(empty) - len(hides), len(others)),
        other_leg=_share(len(hides), len(others)),
        other_missed_per_hour=round(len(unseen) / hours, 3),
    )


def _share(of: int, among: int) -> float:
    return round(of / among, 4) if among else 0.0


def _meets(m: Any, others: Iterable[Any], widened: int) -> bool:
    return any(
        o.onset_ns - 2 * widened < m.offset_ns and m.onset_ns < o.offset_ns + 2 * widened for o in others
    )


def of_tuning(file: Path) -> Night:
    """Compare on a tuning night."""
    night = read(file)
    detector, found = detected(night)
    structures = night.truth["structures"]
    sleeper = next((name for name in SLEEPERS if name in structures), OWN)
    return compared(structures, sleeper, detector, found, night.truth["movements"], night.truth["duration_s"])


def of_second(night: tuple[str, int]) -> Night:
    """Compare on a night of the second sleeper."""
    kind, seed = night
    drawn = draw_night(seed, kind=kind, hours=HOURS)
    detector = Detector(drawn.rate_hz, "left")
    found = detector.feed(drawn.xyz) + detector.finish()
    truth = [m.to_dict() for m in drawn.truth]
    return compared((kind,), "second", detector, found, truth, len(drawn.xyz) / drawn.rate_hz)


def counts_of(night: Night, profiles: Sequence[ErrorProfile]) -> list[int]:
    """Return the count of one draw for each profile."""
    return list(plausible_counts(night.found, (), 0, night.duration_ns, dict(enumerate(profiles))))


class Table:
    """Draws of every night with every chosen profile, so that any part can be left out."""

    def __init__(self, nights: Sequence[Night], chosen: Sequence[int], counts: Ints) -> None:
        self.nights, self.counts = nights, counts
        self.sleepers = np.array([n.sleeper for n in nights])
        self._chosen = np.array(chosen)

    def drawn(self, night: Night, counts: Ints, known: Flags) -> list[int]:
        """Return the counts of a night with those profiles of the known nights that the library would take."""
        profiles = {n: self.nights[at].profile for n, at in enumerate(self._chosen) if known[at]}
        return [int(counts[n]) for n in nearest(profiles, sureness(night.found))]

    def widening(self, known: Flags) -> Widening:
        """Return the least widening with which 95 % of the known nights are covered at either end, their own sleeper left out."""
        needed: list[Widening] = []
        for at in np.flatnonzero(known):
            night = self.nights[at]
            if not (night.true or night.count):
                continue
            counts = self.drawn(night, self.counts[at], known & (self.sleepers != self.sleepers[at]))
            ranges = [(float(w), plausible_range(counts, (w, w))) for w in WIDENINGS]
            most = float(WIDENINGS[-1])
            needed.append(
                (
                    next((w for w, (low, _) in ranges if low <= night.true), most),
                    next((w for w, (_, high) in ranges if night.true <= high), most),
                )
            )
        below, above = np.quantile(needed, (1 + LEVEL) / 2, axis=0, method="higher")
        return float(below), float(above)


def evenly(nights: Sequence[Night]) -> list[int]:
    """Return which nights have their profiles kept: as many of each sleeper, evenly from its list."""
    chosen: list[int] = []
    for name in (OWN, *SLEEPERS):
        of = [at for at, n in enumerate(nights) if n.sleeper == name]
        chosen += [of[k] for k in np.linspace(0, len(of) - 1, min(OF_EACH, len(of))).round().astype(int)]
    return chosen


def line(title: str, nights: Sequence[Night], counts: Sequence[list[int]], widened: Widening) -> str:
    """Return one row of the table."""
    held, easy, widths, below, above = [], [], [], 0, 0
    for night, drawn in zip(nights, counts, strict=True):
        low, high = plausible_range(drawn, widened)
        if not (night.true or night.count):
            easy.append(low <= night.true <= high)
            continue
        held.append(low <= night.true <= high)
        below, above = below + (night.true < low), above + (night.true > high)
        widths.append((high - low, (high - low) / max(night.count, 1)))
    everything = held + easy
    share = f"{100 * np.mean(held):.0f} %" if held else "–"
    width = (
        f"{np.median([w for w, _ in widths]):.0f} | {100 * np.median([r for _, r in widths]):.0f} %"
        if held
        else " | "
    )
    return (
        f"| {title} | {len(held)} | {share} | {below}, {above} | {width} | "
        f"{len(everything)} | {100 * np.mean(everything):.0f} % | {widened[0]:.2f}, {widened[1]:.2f} |"
    )


def table(of: Table, second: Sequence[Night], second_counts: Ints) -> None:
    """Print the coverage."""
    print(
        "| nights | with series | covered | truth below, above | width, median | of the count | all nights | covered | widened |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    everything = np.ones(len(of.nights), dtype=bool)
    titles = [(name, np.array([name in n.structures for n in of.nights])) for name in names()]
    titles += [(name, of.sleepers == name) for name in (OWN, *SLEEPERS)]
    for name, out in titles:
        widened = of.widening(everything & ~out)
        at = np.flatnonzero(out)
        print(
            line(
                f"{name}, left out",
                [of.nights[i] for i in at],
                [of.drawn(of.nights[i], of.counts[i], ~out) for i in at],
                widened,
            ),
            flush=True,
        )
    widened = of.widening(everything)
    second_drawn = [of.drawn(n, c, everything) for n, c in zip(second, second_counts, strict=True)]
    for kind in KINDS if second else ():
        at = [i for i, n in enumerate(second) if kind in n.structures]
        print(
            line(f"second sleeper, {kind}", [second[i] for i in at], [second_drawn[i] for i in at], widened)
        )
    if second:
        print(line("second sleeper, all", second, second_drawn, widened))


def main() -> None:
    """Measure and write, or print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nights", type=Path, required=True, help="folder of the rendered nights")
    parser.add_argument("--judge", type=int, metavar="N", help="nights of each kind of the second sleeper")
    asked = parser.parse_args()
    asked.nights.mkdir(parents=True, exist_ok=True)
    nights, console = tuning_nights() + other_nights(), Console(stderr=True)
    files = [night.file(asked.nights) for night in nights]
    with Pool(2) as pool:
        rendered = pool.imap_unordered(partial(render, folder=asked.nights), nights)
        list(track(rendered, "Rendering nights", len(nights), console=console))
        known = [
            n
            for n in track(pool.imap(of_tuning, files), "Detecting", len(files), console=console)
            if not n.poor
        ]
        chosen = evenly(known)
        profiles = [known[at].profile for at in chosen]
        draw = partial(counts_of, profiles=profiles)
        drawn = list(track(pool.imap(draw, known), "Drawing", len(known), console=console))
        others = [(kind, FIRST_SEED + n) for kind in KINDS for n in range(asked.judge or 0)]
        second = [
            n
            for n in track(pool.imap(of_second, others), "The second sleeper", len(others), console=console)
            if not n.poor
        ]
        second_drawn = list(track(pool.imap(draw, second), "Drawing", len(second), console=console))
    of = Table(known, chosen, np.array(drawn))
    if asked.judge is not None:
        table(of, second, np.array(second_drawn))
        return
    widened = of.widening(np.ones(len(known), dtype=bool))
    provenance = (
        f"{len(profiles)} nights, as many of each of three simulated sleepers; widened by {len(known)} nights"
    )
    TARGET.write_text(written(profiles, widened, DETECTOR, provenance))
    print(
        f"wrote {TARGET.name}: {len(profiles)} profiles, widened {widened[0]:.2f} and {widened[1]:.2f} times"
    )


if __name__ == "__main__":
    main()
