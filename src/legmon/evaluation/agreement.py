"""The yardstick: how well detected movements agree with true ones.

It depends on times and kinds alone, never on a detector. Any detector, and any person, is measured in the same way.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from legmon.movement import NS, LegMovement

WIDENED_NS: Final = NS // 2
NEAREST_NS: Final = NS // 2  # the shortest gap the rules can see
SHORTEST_NS, LONGEST_NS = NS // 2, 10 * NS
"""The lengths of a candidate leg movement, both bounds inclusive."""
UNDECIDED: Final = frozenset({"fidget"})
"""Kinds of truth inside which nobody can say what one leg movement is: a detection there counts neither way."""
Z_95: Final = 1.959963984540054
BOOTSTRAPS: Final = 2000

AnyMovement = LegMovement | Mapping[str, Any]
"""A movement, or its object in ``truth.json`` or in the answer of ``legmon score --json``."""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """One movement for the comparison: its time, its leg and its kind."""

    onset_ns: int
    offset_ns: int
    leg: str
    kind: str
    visible: bool = True


class Pair(NamedTuple):
    """A detection and the true movement that it matches."""

    found: Mark
    truth: Mark


class FalsePositive(NamedTuple):
    """A detection that matches no positive, and the kind of truth that it falls into; None if there is none.

    A kind is a confuser (``"posture"``, ``"bump"`` …); ``"leg"`` for one more detection of a movement that has one;
    ``"short"`` or ``"long"`` for a visible leg movement below 0.5 s or over 10 s.
    """

    found: Mark
    inside: str | None


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of detected times: median and 95th percentile of the absolute error, and the median of the signed error (bias)."""

    median_s: float
    p95_s: float
    bias_s: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How detections agree with the truth. Ratios are None if they do not exist.

    Parameters
    ----------
    pairs : tuple of Pair
        Detections with the true movements that they match.
    misses : tuple of Mark
        True movements that no detection matches.
    false_positives : tuple of FalsePositive
        Detections that match no true movement.
    uncounted : int
        How many detections match only an invisible truth, or fidgeting. They count neither way.
    """

    pairs: tuple[Pair, ...]
    misses: tuple[Mark, ...]
    false_positives: tuple[FalsePositive, ...]
    uncounted: int = 0

    @staticmethod
    def total(nights: "Sequence[Agreement]") -> "Agreement":
        """Return the sum of several nights. Every movement counts the same, whichever night it is from."""
        return Agreement(
            pairs=tuple(chain.from_iterable(n.pairs for n in nights)),
            misses=tuple(chain.from_iterable(n.misses for n in nights)),
            false_positives=tuple(chain.from_iterable(n.false_positives for n in nights)),
            uncounted=sum(n.uncounted for n in nights),
        )

    @property
    def truths(self) -> int:
        """Number of movements to find."""
        return len(self.pairs) + len(self.misses)

    @property
    def detections(self) -> int:
        """Number of detections that count, true or false."""
        return len(self.pairs) + len(self.false_positives)

    @property
    def precision(self) -> float | None:
        """Share of the detections that match a true movement."""
        return _share(len(self.pairs), self.detections)

    @property
    def recall(self) -> float | None:
        """Share of the true movements that were found."""
        return _share(len(self.pairs), self.truths)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN). Detections with nothing to find make it 0."""
        return _share(2 * len(self.pairs), self.detections + self.truths)

    @property
    def onset_errors(self) -> Errors | None:
        """Errors of the onsets of the pairs."""
        return _errors([p.found.onset_ns - p.truth.onset_ns for p in self.pairs])

    @property
    def offset_errors(self) -> Errors | None:
        """Errors of the offsets of the pairs."""
        return _errors([p.found.offset_ns - p.truth.offset_ns for p in self.pairs])

    @property
    def confused(self) -> Counter[str]:
        """Number of false positives inside each kind of true movement; ``"nothing"`` if outside all of them."""
        return Counter(f.inside or "nothing" for f in self.false_positives)


def agreement(found: Iterable[AnyMovement], truth: Iterable[AnyMovement]) -> Agreement:
    """Compare detected movements with true ones, leg by leg.

    Parameters
    ----------
    found : iterable of LegMovement, or of objects as in the answer of ``legmon score --json``
        The detections, in any order.
    truth : iterable of LegMovement, or of objects as in ``truth.json``
        Every true movement, in any order, with other kinds and invisible ones.

    Returns
    -------
    Agreement
        Of both legs together.

    Examples
    --------
    >>> from legmon import LegMovement, agreement
    >>> truth = [LegMovement(10_000_000_000, 12_000_000_000, "left")]
    >>> found = [LegMovement(10_100_000_000, 12_000_000_000, "left")]
    >>> agreement(found, truth).f1
    1.0

    Notes
    -----
    *Positives* are truths of kind ``leg`` that are visible and last 0.5 to 10 s, bounds inclusive. Visible leg truths less
    than 0.5 s apart, offset to onset, are joined first. An invisible truth is not joined, since it would lengthen a visible
    movement by a part that cannot be seen.

    *Detections* are listed movements of kind ``leg`` that last 0.5 to 10 s: those that the rules can count as candidates. A
    movement that the detector lists as another kind, or as shorter, is no detection; where it should be one, the truth is
    missed. Pieces are not joined: two detections of one movement are one too many.

    Two *match* when they overlap after each is widened by 0.5 s at both ends: with less than 1 s from the end of one to
    the start of the other. In order of onset, each positive takes the first free detection that matches. Movements of one
    leg do not overlap, so no other assignment has more pairs.

    A detection left over that matches only an invisible leg truth, or a bout of fidgeting, counts neither way: the leg did
    move there, and no rule says where one movement ends. Every other one is a *false positive*.
    It is assigned to the truth with which it shares the most time, to the shorter one where two share the same.
    """
    detections = [d for d in map(_mark, found) if d.kind == "leg" and _of_candidate_length(d)]
    truths = [_mark(t) for t in truth]
    legs = [
        _one_leg(sorted(d for d in detections if d.leg == leg), sorted(t for t in truths if t.leg == leg))
        for leg in sorted({m.leg for m in detections + truths})
    ]
    return Agreement.total(legs)


def _mark(m: AnyMovement) -> Mark:
    if isinstance(m, LegMovement):
        return Mark(m.onset_ns, m.offset_ns, m.leg, m.kind)
    return Mark(
        onset_ns=round(m["onset_s"] * NS),
        offset_ns=round(m["offset_s"] * NS),
        leg=str(m["leg"]),
        kind=str(m["kind"]),
        visible=bool(m.get("visible", True)),
    )


def _of_candidate_length(m: Mark) -> bool:
    return SHORTEST_NS <= m.offset_ns - m.onset_ns <= LONGEST_NS


def _one_leg(detections: list[Mark], truths: list[Mark]) -> Agreement:
    seen = _joined([t for t in truths if t.kind == "leg" and t.visible])
    hidden = [t for t in truths if t.kind in UNDECIDED or (t.kind == "leg" and not t.visible)]
    positives = [t for t in seen if _of_candidate_length(t)]
    pairs, misses, left_over = _pair(detections, positives)
    others = [t for t in truths if t.kind != "leg" and t.kind not in UNDECIDED] + seen
    in_others, in_hidden = _Overlaps(others), _Overlaps(hidden)
    false_positives, uncounted = [], 0
    for d in left_over:
        if (into := in_others.most(d)) is not None:
            false_positives.append(FalsePositive(d, _confuser(into)))
        elif in_hidden.most(d) is not None:
            uncounted += 1
        else:
            false_positives.append(FalsePositive(d, None))
    return Agreement(tuple(pairs), tuple(misses), tuple(false_positives), uncounted)


def _joined(legs: list[Mark]) -> list[Mark]:
    joined: list[Mark] = []
    for m in legs:
        if joined and m.onset_ns - joined[-1].offset_ns < NEAREST_NS:
            last = joined.pop()
            m = Mark(last.onset_ns, max(last.offset_ns, m.offset_ns), m.leg, m.kind)  # noqa: PLW2901
        joined.append(m)
    return joined


def _pair(detections: list[Mark], positives: list[Mark]) -> tuple[list[Pair], list[Mark], list[Mark]]:
    """Match in order of onset. Return the pairs, the positives without a detection, and the detections left over."""
    pairs, misses, left_over, at = [], [], [], 0
    for t in positives:
        while at < len(detections) and detections[at].offset_ns + WIDENED_NS <= t.onset_ns - WIDENED_NS:
            left_over.append(detections[at])
            at += 1
        if at < len(detections) and detections[at].onset_ns - WIDENED_NS < t.offset_ns + WIDENED_NS:
            pairs.append(Pair(detections[at], t))
            at += 1
        else:
            misses.append(t)
    return pairs, misses, left_over + detections[at:]


class _Overlaps:
    """Finds the truth that a detection matches, among many."""

    def __init__(self, truths: list[Mark]) -> None:
        self._truths = sorted(truths, key=lambda t: t.offset_ns - t.onset_ns)  # of equals, the shortest
        self._starts = np.array([t.onset_ns for t in self._truths], dtype=np.int64)
        self._ends = np.array([t.offset_ns for t in self._truths], dtype=np.int64)

    def most(self, d: Mark) -> Mark | None:
        """Return the truth that shares the most time, both widened; None if none shares any."""
        shared = np.minimum(self._ends, d.offset_ns) - np.maximum(self._starts, d.onset_ns) + 2 * WIDENED_NS
        best = int(np.argmax(shared)) if len(shared) else 0
        return self._truths[best] if len(shared) and shared[best] > 0 else None


def _confuser(truth: Mark) -> str:
    if truth.kind != "leg" or _of_candidate_length(truth):
        return truth.kind
    return "long" if truth.offset_ns - truth.onset_ns > LONGEST_NS else "short"


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _errors(errors_ns: list[int]) -> Errors | None:
    if not errors_ns:
        return None
    errors = np.array(errors_ns) / NS
    size = np.abs(errors)
    return Errors(float(np.median(size)), float(np.percentile(size, 95)), float(np.median(errors)))


def wilson(hits: int, of: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a share (Wilson, J Am Stat Assoc 1927;22:209); None if `of` is 0.

    It assumes independent movements. Movements of one night are not quite independent, so the spread between nights is wider.
    """
    if of == 0:
        return None
    p, z2 = hits / of, Z_95 * Z_95 / of
    centre = (p + z2 / 2) / (1 + z2)
    half = Z_95 / (1 + z2) * math.sqrt(p * (1 - p) / of + z2 / (4 * of))
    return min(max(centre - half, 0.0), p), max(
        min(centre + half, 1.0), p
    )  # not beyond the share by rounding


@dataclass(frozen=True, slots=True)
class CountAgreement:
    """The agreement of counts with true counts over nights. A figure that cannot be computed is None.

    Parameters
    ----------
    nights : int
        Number of nights.
    bias : float
        Mean of found count minus true count.
    limits : (float, float) or None
        Bland and Altman's limits of agreement.
    icc, icc_95 : float or None, (float, float) or None
        ICC(2,1) and its 95 % interval.
    sum_error : float or None
        Error of the sum over all nights, as a share of the true sum.
    """

    nights: int
    bias: float
    limits: tuple[float, float] | None
    icc: float | None
    icc_95: tuple[float, float] | None
    sum_error: float | None


def count_agreement(found_counts: Sequence[int], true_counts: Sequence[int]) -> CountAgreement:
    """Compare found and true counts of the same nights.

    Limits of agreement: Bland and Altman, Lancet 1986;327:307. ICC(2,1) is ICC(A,1) of McGraw and Wong, Psychol Methods
    1996;1:30, two-way random, absolute agreement: with n nights, k = 2 counts of each, and mean squares of nights R,
    of counts C and of the rest E, ``(R - E) / (R + (k - 1) E + k (C - E) / n)``. Its interval is the 2.5th to 97.5th
    percentile of 2000 bootstrap samples of nights, seeded; not the F-based one, whose quantiles numpy lacks.

    Raises
    ------
    ValueError
        If the two differ in length, or are empty.
    """
    if len(found_counts) != len(true_counts) or not len(found_counts):
        n, m = len(found_counts), len(true_counts)
        raise ValueError(f"{n} found counts and {m} true counts; each night needs one of both")
    counts = np.column_stack([found_counts, true_counts]).astype(np.float64)
    n = len(counts)
    difference = counts[:, 0] - counts[:, 1]
    bias = float(difference.mean())
    half = 1.96 * float(difference.std(ddof=1)) if n > 1 else math.nan
    icc = float(_icc(counts[None])[0]) if n > 1 else math.nan
    drawn = np.random.default_rng(0).integers(n, size=(BOOTSTRAPS, n))
    spread = _icc(counts[drawn]) if n > 2 else np.array([])
    spread = spread[np.isfinite(spread)]
    low, high = np.percentile(spread, [2.5, 97.5]) if len(spread) else (math.nan, math.nan)
    true_sum = float(counts[:, 1].sum())
    return CountAgreement(
        nights=n,
        bias=bias,
        limits=(bias - half, bias + half) if n > 1 else None,
        icc=icc if math.isfinite(icc) else None,
        icc_95=(float(low), float(high)) if math.isfinite(icc) and len(spread) else None,
        sum_error=float(difference.sum()) / true_sum if true_sum else None,
    )


def _icc(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ICC(2,1) of each table in (tables, nights, 2); NaN where nothing varies."""
    n, k = x.shape[1:]
    grand = x.mean(axis=(1, 2), keepdims=True)
    night, count = x.mean(axis=2, keepdims=True), x.mean(axis=1, keepdims=True)
    r = k * ((night - grand) ** 2).sum(axis=(1, 2)) / (n - 1)
    c = n * ((count - grand) ** 2).sum(axis=(1, 2)) / (k - 1)
    e = ((x - night - count + grand) ** 2).sum(axis=(1, 2)) / ((n - 1) * (k - 1))
    below = r + (k - 1) * e + k * (c - e) / n
    return np.asarray(np.divide(r - e, below, out=np.full(len(x), math.nan), where=below > 0))
