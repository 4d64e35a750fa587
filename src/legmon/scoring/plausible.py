"""How far off the periodic count of a night may be: its errors are drawn as on simulated nights, and each draw is scored again.

One wrong movement can break a series or close one, so the error of the count does not follow from how sure each movement
is. A *profile* holds what the detector did on one simulated night: what it missed, invented, joined and mistook. A profile,
applied to the movements that were found, gives a night that may be true. The rules score it. The profiles of the nights where
the detector was about as sure as here give the range. `benchmarks/plausible_profiles.py` writes them, from simulated nights only.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.random import Generator

from legmon.movement import NS, LegMovement
from legmon.scoring import plausible_profiles as known
from legmon.scoring.events import Span
from legmon.scoring.rules import Interpretation, Rules, apply_rules
from legmon.scoring.wasm2016 import LONGEST_INTERVAL, SHORTEST_INTERVAL

SIZES_MG: Final = (40.0, 100.0)
"""Bounds of the classes of size: what is missed depends on the size."""
CLASSES: Final = len(SIZES_MG) + 1
LEVEL: Final = 0.9
HOUR: Final = 3600 * NS
MOST_MISSED: Final = 0.8
"""A night that missed more says nothing of one where movements were found."""
NEAREST_PROFILES: Final = 30
TRIES: Final = 20
LONGEST_NIGHT: Final = 24 * HOUR
NEAREST: Final = 5 * NS
ADDED_NS: Final = 2 * NS
"""Length of a movement that is added."""
NOTE: Final = "from errors on simulated nights; nobody has compared it with people"


@dataclass(frozen=True, slots=True)
class ErrorProfile:
    """What the detector did on one night whose truth is known.

    Parameters
    ----------
    confidence : float
        Mean confidence of the leg movements that it found.
    missed : tuple of float
        Share of the true leg movements that it missed, for each class of `SIZES_MG`.
    missed_periodic : float
        Share of those that are periodic in the truth.
    merged : float
        Share of the found leg movements that cover two true ones.
    pieces : float
        Share of the found leg movements that are one more piece of a movement.
    false_share, false_per_hour : float
        False leg movements, without the pieces: share of those that were found, and how many an hour.
    mistaken : float
        Share of the false ones that the sleeper made, but that are of another kind: they break a series.
    other_false, other_leg : float
        Of the found movements of other kinds, the share that hides nothing, and the share that hides a leg movement.
    other_missed_per_hour : float
        Movements of other kinds that were not found, an hour.
    """

    confidence: float
    missed: tuple[float, ...]
    missed_periodic: float
    merged: float
    pieces: float
    false_share: float
    false_per_hour: float
    mistaken: float
    other_false: float
    other_leg: float
    other_missed_per_hour: float


@dataclass(frozen=True, slots=True)
class PlausibleCount:
    """The range in which the periodic count of a night may lie.

    Parameters
    ----------
    low, high : int
        Both are in the range.
    """

    low: int
    high: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON, with where it comes from."""
        return {
            "low": self.low,
            "high": self.high,
            "level": LEVEL,
            "calibrated_on": "simulated",
            "note": NOTE,
        }


def size_class(peak_mg: float | None) -> int:
    """Return the class of size of a movement; the middle one if its peak is not known."""
    return 1 if peak_mg is None else bisect_left(SIZES_MG, peak_mg)


def drawn_truth(
    found: Sequence[LegMovement], profile: ErrorProfile, start_ns: int, duration_ns: int, rng: Generator
) -> list[LegMovement]:
    """Return movements that may be true where these were found, if the detector erred as on the night of the profile.

    Leg by leg: false movements go, or become another kind; the least sure are the likeliest. Movements of other kinds go, or
    become leg movements. Those that cover two are cut in two. Missed ones are added. A missed periodic one lies an interval of
    this night from another movement, where there is room; the rest lie anywhere.

    Parameters
    ----------
    found : sequence of LegMovement
        As detected, before pieces are joined and legs merged.
    profile : ErrorProfile
        What went wrong.
    start_ns, duration_ns : int
        Start and length of the recording.
    rng : numpy.random.Generator
        The source of chance.
    """
    truth: list[LegMovement] = []
    for leg in sorted({m.leg for m in found}):
        truth += _drawn_leg([m for m in found if m.leg == leg], profile, start_ns, duration_ns, rng)
    return truth


def _drawn_leg(
    found: list[LegMovement], profile: ErrorProfile, start_ns: int, duration_ns: int, rng: Generator
) -> list[LegMovement]:
    legs = [m for m in found if m.kind == "leg"]
    hours = duration_ns / HOUR
    kept = _without_false(legs, profile, hours, rng)
    for m in (m for m in found if m.kind != "leg"):
        chance = rng.random()
        if m.kind == "voluntary" or chance >= profile.other_false + profile.other_leg:
            kept.append(m)
        elif chance < profile.other_leg:
            kept.append(replace(m, kind="leg", offset_ns=min(m.offset_ns, m.onset_ns + ADDED_NS)))
    if not legs:
        return kept
    room = _Room(sorted(m.onset_ns for m in kept), legs, (start_ns, start_ns + duration_ns), rng)
    added = []
    for m in kept:
        if m.kind == "leg" and rng.random() < profile.merged:
            half = (m.onset_ns + m.offset_ns) // 2
            added.append(replace(m, onset_ns=half + NS, offset_ns=max(m.offset_ns, half + 2 * NS)))
    of_size = Counter(size_class(m.peak_mg) for m in kept if m.kind == "leg")
    for size, lost in enumerate(profile.missed):
        share = min(lost, MOST_MISSED)
        for _ in range(rng.poisson(of_size[size] * share / (1.0 - share))):
            onset = room.in_series() if rng.random() < profile.missed_periodic else room.anywhere()
            added.append(LegMovement(onset, onset + ADDED_NS, legs[0].leg))
    for _ in range(rng.poisson(profile.other_missed_per_hour * hours)):
        onset = room.anywhere()
        added.append(LegMovement(onset, onset + ADDED_NS, legs[0].leg, "posture"))
    return kept + added


def _without_false(
    legs: list[LegMovement], profile: ErrorProfile, hours: float, rng: Generator
) -> list[LegMovement]:
    """Remove false movements. Where few were found, the share limits how many; where many, the rate."""
    false = min(profile.false_per_hour * hours, profile.false_share * len(legs))
    count = min(rng.poisson(false), len(legs))
    pieces = min(rng.binomial(len(legs), profile.pieces), len(legs) - count)
    unsure = np.array([1.0 - (0.5 if m.confidence is None else min(m.confidence, 0.999)) for m in legs])
    order = np.argsort(rng.exponential(size=len(legs)) / unsure)  # drawn without replacement, by weight
    gone, cut = set(order[:count].tolist()), set(order[count : count + pieces].tolist())
    kept = []
    for at, m in enumerate(legs):
        if at in gone and rng.random() < profile.mistaken:
            kept.append(replace(m, kind="posture"))
        elif at not in gone and at not in cut:
            kept.append(m)
    return kept


class _Room:
    """Where a movement may have been missed."""

    def __init__(self, taken: list[int], legs: list[LegMovement], span: Span, rng: Generator) -> None:
        onsets = [m.onset_ns for m in legs]
        inside = [
            b - a for a, b in pairwise(sorted(onsets)) if SHORTEST_INTERVAL <= b - a <= LONGEST_INTERVAL
        ]
        self._intervals = inside if len(inside) > 2 else [20 * NS, 30 * NS, 40 * NS]
        usual = sorted(self._intervals)[len(self._intervals) // 2]
        self._apart = max(NEAREST, 6 * usual // 10)
        self._taken, self._onsets, self._span, self._rng = taken, onsets, span, rng

    def in_series(self) -> int:
        """Return an onset that is an interval from a movement."""
        for _ in range(TRIES):
            by = self._intervals[self._rng.integers(len(self._intervals))]
            onset = self._onsets[self._rng.integers(len(self._onsets))]
            onset += by if self._rng.random() < 0.5 else -by
            if self._free(onset, self._apart):
                return self._place(onset)
        return self.anywhere()

    def anywhere(self) -> int:
        """Return an onset anywhere in the night."""
        start, end = self._span
        onset = start
        for _ in range(TRIES):
            onset = start + int(self._rng.random() * max(end - start - ADDED_NS, 1))
            if self._free(onset, NEAREST):
                break
        return self._place(onset)

    def _free(self, onset: int, apart: int) -> bool:
        if not self._span[0] <= onset <= self._span[1] - ADDED_NS:
            return False
        k = bisect_left(self._taken, onset)
        return all(abs(onset - at) >= apart for at in self._taken[max(k - 1, 0) : k + 1])

    def _place(self, onset: int) -> int:
        insort(self._taken, onset)
        return onset


def plausible_counts(
    found: Sequence[LegMovement],
    gaps: Sequence[Span],
    start_ns: int,
    duration_ns: int,
    profiles: Mapping[int, ErrorProfile],
    *,
    rules: Rules = "wasm2016",
    interpretation: Interpretation | None = None,
) -> list[int]:
    """Return the periodic count of one draw for each profile. The number of a profile is the seed of its draw."""
    counts = []
    for seed, profile in profiles.items():
        truth = drawn_truth(found, profile, start_ns, duration_ns, np.random.default_rng(seed))
        scored = apply_rules(rules, truth, gaps, interpretation or Interpretation())
        counts.append(sum(s.periodic for s in scored))
    return counts


def sureness(found: Iterable[LegMovement]) -> float:
    """Return the mean confidence of leg movements; 0.5 if there are none."""
    sure = [m.confidence for m in found if m.kind == "leg" and m.confidence is not None]
    return sum(sure) / len(sure) if sure else 0.5


def nearest(profiles: Mapping[int, ErrorProfile], sure: float) -> dict[int, ErrorProfile]:
    """Return the profiles of the nights on which the detector was about as sure."""
    order = sorted(profiles, key=lambda n: abs(profiles[n].confidence - sure))
    return {n: profiles[n] for n in order[:NEAREST_PROFILES]}


def plausible_range(counts: Sequence[int], widened: tuple[float, float]) -> tuple[int, int]:
    """Return the range of the middle 90 % of the counts, widened about their median.

    Parameters
    ----------
    counts : sequence of int
        From `plausible_counts`.
    widened : tuple of float
        By how much to widen, downwards and upwards, from simulated nights of a sleeper that the profiles do not know.
    """
    low, middle, high = np.quantile(counts, ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2))
    below, above = (middle - low + 1.0) * widened[0], (high - middle + 1.0) * widened[1]
    return max(round(float(middle - below)), 0), round(float(middle + above))


def plausible_periodic(
    found: Sequence[LegMovement],
    gaps: Sequence[Span],
    start_ns: int,
    duration_ns: int,
    *,
    rules: Rules,
    interpretation: Interpretation,
    detector: str | None,
) -> PlausibleCount | None:
    """Return the range of the periodic count of a night.

    None unless the detector is the one whose errors are known, by its name and version, the rules are WASM 2016, and the
    recording is no longer than a day: simulated nights say nothing of others.

    Parameters
    ----------
    found : sequence of LegMovement
        As detected, before pieces are joined and legs merged.
    gaps : sequence of (start, end)
        Stretches without samples, ns.
    start_ns, duration_ns : int
        Start and length of the recording.
    rules, interpretation
        How to score.
    detector : str or None
        Name and version of what found the movements.
    """
    if detector != known.DETECTOR or rules != "wasm2016" or duration_ns > LONGEST_NIGHT:
        return None
    profiles = nearest(dict(enumerate(read_profiles(known.PROFILES))), sureness(found))
    counts = plausible_counts(
        found, gaps, start_ns, duration_ns, profiles, rules=rules, interpretation=interpretation
    )
    return PlausibleCount(*plausible_range(counts, known.WIDENED))


def read_profiles(rows: Iterable[tuple[float, ...]]) -> list[ErrorProfile]:
    """Return the profiles of `plausible_profiles.py`."""
    return [ErrorProfile(row[0], row[1 : 1 + CLASSES], *row[1 + CLASSES :]) for row in rows]


def written(
    profiles: Sequence[ErrorProfile], widened: tuple[float, float], detector: str, provenance: str
) -> str:
    """Return the source of `plausible_profiles.py`."""
    rows = "".join(
        f"    ({', '.join(map(str, [p.confidence, *p.missed, *astuple(p)[2:]]))}),\n" for p in profiles
    )
    return (
        '"""Profiles of `legmon.scoring.plausible`, calibrated on simulated nights only.\n\n'
        f"{provenance}.\n``python -m benchmarks.plausible_profiles`` writes this file.\n"
        '"""\n\n'
        f'DETECTOR = "{detector}"\n'
        f"WIDENED = {widened}\n"
        f"PROFILES: tuple[tuple[float, ...], ...] = (\n{rows})\n"
    )
