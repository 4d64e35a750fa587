"""The yardstick: how well the movements that were found agree with those that are true.

It depends on times and kinds alone, never on a detector, so that any detector, and any person, is judged the same way.
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
"""What the rules can take for a candidate leg movement, both bounds inclusive."""
Z_95: Final = 1.959963984540054
BOOTSTRAPS: Final = 2000

AnyMovement = LegMovement | Mapping[str, Any]
"""A movement, or the object that stands for one in ``truth.json`` and in the answer of ``legmon score --json``."""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """When something moved: what is compared."""

    onset_ns: int
    offset_ns: int
    leg: str
    kind: str
    visible: bool = True


class Pair(NamedTuple):
    """A detection and the true movement it found."""

    found: Mark
    truth: Mark


class FalsePositive(NamedTuple):
    """A detection of nothing that counts, and the kind of truth it fell into, None where there was nothing.

    A kind is a confuser (``"posture"``, ``"bump"`` …); ``"leg"`` for one more detection of a movement that has one;
    ``"short"`` or ``"long"`` for a visible leg movement below 0.5 s or over 10 s.
    """

    found: Mark
    inside: str | None


@dataclass(frozen=True, slots=True)
class Errors:
    """How far found times are from true ones: median and 95th percentile of the absolute error, and the signed median."""

    median_s: float
    p95_s: float
    bias_s: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was found, what was missed, and what was found in vain. Ratios are None where they do not exist.

    `uncounted` is how many detections match only an invisible truth.
    """

    pairs: tuple[Pair, ...]
    misses: tuple[Mark, ...]
    false_positives: tuple[FalsePositive, ...]
    uncounted: int = 0

    @staticmethod
    def total(nights: "Sequence[Agreement]") -> "Agreement":
        """Sum several nights: every movement counts the same, whichever night it is from."""
        return Agreement(
            pairs=tuple(chain.from_iterable(n.pairs for n in nights)),
            misses=tuple(chain.from_iterable(n.misses for n in nights)),
            false_positives=tuple(chain.from_iterable(n.false_positives for n in nights)),
            uncounted=sum(n.uncounted for n in nights),
        )

    @property
    def truths(self) -> int:
        """How many movements there were to find."""
        return len(self.pairs) + len(self.misses)

    @property
    def detections(self) -> int:
        """How many detections count, rightly or wrongly."""
        return len(self.pairs) + len(self.false_positives)

    @property
    def precision(self) -> float | None:
        """Share of the detections that are right."""
        return _share(len(self.pairs), self.detections)

    @property
    def recall(self) -> float | None:
        """Share of the true movements that were found."""
        return _share(len(self.pairs), self.truths)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two: 2 TP / (2 TP + FP + FN). Detections where there is nothing to find make it 0."""
        return _share(2 * len(self.pairs), self.detections + self.truths)

    @property
    def onset_errors(self) -> Errors | None:
        """How far the onsets of the pairs are apart."""
        return _errors([p.found.onset_ns - p.truth.onset_ns for p in self.pairs])

    @property
    def offset_errors(self) -> Errors | None:
        """How far the offsets of the pairs are apart."""
        return _errors([p.found.offset_ns - p.truth.offset_ns for p in self.pairs])

    @property
    def confused(self) -> Counter[str]:
        """False positives per kind of truth they fell into, ``"nothing"`` for none."""
        return Counter(f.inside or "nothing" for f in self.false_positives)


def agreement(found: Iterable[AnyMovement], truth: Iterable[AnyMovement]) -> Agreement:
    """Compare movements that were found with true ones, leg by leg.

    Parameters
    ----------
    found : iterable of LegMovement, or of objects as in the answer of ``legmon score --json``
        As the detector listed them, in any order.
    truth : iterable of LegMovement, or of objects as in ``truth.json``
        Every true movement, in any order: other kinds and invisible ones too.

    Notes
    -----
    *Positives* are truths of kind ``leg`` that are visible and last 0.5 to 10 s, bounds inclusive. Visible leg truths less
    than 0.5 s apart, offset to onset, are made one first; an invisible one is not joined, for it would lengthen what
    can be seen by what cannot.

    *Detections* are listed movements of kind ``leg`` that last 0.5 to 10 s: what the rules can take for a candidate, and so
    what changes a person's count. What the detector listed as something else or shorter claims no leg movement; where it
    should have, the truth is missed. Pieces are not joined: two detections of one movement are one too many.

    Two *match* when they overlap once each is widened by 0.5 s at both ends: with less than 1 s from the end of one to
    the start of the other. In order of onset, each positive takes the first free detection that matches. Movements of one
    leg do not overlap, so no other assignment has more pairs.

    Of the detections left over, one that matches an invisible leg truth and nothing else counts neither way. Every other is a
    *false positive*, put down to the truth with which it shares the most time, the shorter one where two share the same.
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
    hidden = [t for t in truths if t.kind == "leg" and not t.visible]
    positives = [t for t in seen if _of_candidate_length(t)]
    pairs, misses, left_over = _pair(detections, positives)
    others = [t for t in truths if t.kind != "leg"] + seen
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
    """Match in order of onset; also what is left over of both."""
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
    """Which of many truths a detection matches."""

    def __init__(self, truths: list[Mark]) -> None:
        self._truths = sorted(truths, key=lambda t: t.offset_ns - t.onset_ns)  # of equals, the shortest
        self._starts = np.array([t.onset_ns for t in self._truths], dtype=np.int64)
        self._ends = np.array([t.offset_ns for t in self._truths], dtype=np.int64)

    def most(self, d: Mark) -> Mark | None:
        """Return the one that shares the most time, both widened; None if none does."""
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
    """95 % interval of a share (Wilson, J Am Stat Assoc 1927;22:209); None where there is nothing to share.

    Movements are taken for independent, which those of one night are not quite: between nights the spread is wider.
    """
    if of == 0:
        return None
    p, z2 = hits / of, Z_95 * Z_95 / of
    centre = (p + z2 / 2) / (1 + z2)
    half = Z_95 / (1 + z2) * math.sqrt(p * (1 - p) / of + z2 / (4 * of))
    return max(centre - half, 0.0), min(centre + half, 1.0)


@dataclass(frozen=True, slots=True)
class CountAgreement:
    """How found counts agree with true ones over nights. Figures are None where they do not exist.

    `bias` is the mean of found less true, `limits` Bland and Altman's limits of agreement, `icc` the ICC(2,1) with its 95 %
    interval, `sum_error` the error of the sum over all nights as a share of the true sum.
    """

    nights: int
    bias: float
    limits: tuple[float, float] | None
    icc: float | None
    icc_95: tuple[float, float] | None
    sum_error: float | None


def count_agreement(found_counts: Sequence[int], true_counts: Sequence[int]) -> CountAgreement:
    """Compare counts of the same nights.

    Limits of agreement: Bland and Altman, Lancet 1986;327:307. ICC(2,1) is ICC(A,1) of McGraw and Wong, Psychol Methods
    1996;1:30, two-way random, absolute agreement: with n nights, k = 2 counts of each, and mean squares of nights R,
    of counts C and of the rest E, ``(R - E) / (R + (k - 1) E + k (C - E) / n)``. Its interval is the 2.5th to 97.5th
    percentile of 2000 bootstrap samples of nights, seeded; not the F-based one, whose quantiles numpy lacks.

    Raises ValueError if the two are not of one length, or empty.
    """
    if len(found_counts) != len(true_counts) or not len(found_counts):
        n, m = len(found_counts), len(true_counts)
        raise ValueError(f"{n} found counts and {m} true ones; give one of each a night")
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
    """ICC(2,1) of each table in (tables, nights, 2); NaN where nothing varies."""
    n, k = x.shape[1:]
    grand = x.mean(axis=(1, 2), keepdims=True)
    night, count = x.mean(axis=2, keepdims=True), x.mean(axis=1, keepdims=True)
    r = k * ((night - grand) ** 2).sum(axis=(1, 2)) / (n - 1)
    c = n * ((count - grand) ** 2).sum(axis=(1, 2)) / (k - 1)
    e = ((x - night - count + grand) ** 2).sum(axis=(1, 2)) / ((n - 1) * (k - 1))
    below = r + (k - 1) * e + k * (c - e) / n
    return np.asarray(np.divide(r - e, below, out=np.full(len(x), math.nan), where=below > 0))
