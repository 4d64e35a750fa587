"""The golden table: the figures of many evaluated nights, and the aims they are held against."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from legmon.detection.detector import NAME, VERSION
from legmon.evaluation.agreement import Agreement, count_agreement, wilson
from legmon.evaluation.golden import NightEvaluation, Outcome
from legmon.evaluation.thresholds import PUBLISHED

MANY: Final = 50
"""A night's own error of periodic movements counts where it has more of them than this."""


class Aim(NamedTuple):
    """A figure that the detector is to reach.

    Parameters
    ----------
    key : str
        Its name in JSON.
    name : str
        Its name for a person.
    bound : float
        The aim.
    at_least : bool
        Whether the figure is to be at least the bound; else at most.
    unit : str
        The unit that a person reads.
    factor : float
        The figure times this is in that unit.
    """

    key: str
    name: str
    bound: float
    at_least: bool = False
    unit: str = ""
    factor: float = 1

    def is_met(self, value: float) -> bool:
        """Whether a figure reaches the aim."""
        return value >= self.bound if self.at_least else value <= self.bound


AIMS: Final = (
    Aim("f1", "F1", 0.97, at_least=True),
    Aim("precision", "precision", 0.95, at_least=True),
    Aim("recall", "recall", 0.95, at_least=True),
    Aim("worst_f1", "F1 of the worst night", 0.88, at_least=True),
    Aim("onset_median_s", "onset error, median", 0.050, unit=" ms", factor=1000),
    Aim("onset_p95_s", "onset error, 95th percentile", 0.5, unit=" ms", factor=1000),
    Aim("periodic_error", "periodic movements, error of the sum", 0.03, unit=" %", factor=100),
    Aim("worst_periodic_error", f"the same, worst night with more than {MANY}", 0.10, unit=" %", factor=100),
    Aim("periodic_from_none", "periodic movements on nights without series", 0),
    Aim("fixed_f1", "F1 of the best fixed threshold (are the nights hard enough?)", 0.85),
)


def total(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the sum of several nights."""
    return Outcome(
        Agreement.total([o.agreement for o in outcomes]),
        sum(o.periodic for o in outcomes),
        sum(o.periodic_true for o in outcomes),
    )


def fixed_totals(nights: Sequence[NightEvaluation]) -> list[Outcome]:
    """Return the sum over nights for each of the fixed thresholds."""
    return [total([n.fixed[i] for n in nights]) for i in range(len(PUBLISHED))]


def worst_night(nights: Sequence[NightEvaluation]) -> NightEvaluation | None:
    """Return the night with the lowest F1, among the nights that have movements to find; None if no night has."""
    return min((n for n in nights if n.ours.agreement.truths), key=lambda n: n.ours.f1, default=None)


def figures(nights: Sequence[NightEvaluation]) -> dict[str, float | None]:
    """Return the figures that have an aim, by `Aim.key`; None if one does not exist."""
    ours = total([n.ours for n in nights])
    onset = ours.agreement.onset_errors
    worst = worst_night(nights)
    many = [n.ours.periodic_error for n in nights if n.ours.periodic_true > MANY]
    fixed = [o.agreement.f1 for o in fixed_totals(nights) if o.agreement.f1 is not None]
    return {
        "f1": ours.agreement.f1,
        "precision": ours.agreement.precision,
        "recall": ours.agreement.recall,
        "worst_f1": worst.ours.f1 if worst else None,
        "onset_median_s": onset.median_s if onset else None,
        "onset_p95_s": onset.p95_s if onset else None,
        "periodic_error": abs(ours.periodic_error) if ours.periodic_error is not None else None,
        "worst_periodic_error": max((abs(e) for e in many if e is not None), default=None),
        "periodic_from_none": sum(n.ours.periodic for n in nights if not n.ours.periodic_true),
        "fixed_f1": max(fixed, default=None),
    }


def by_structure(nights: Sequence[NightEvaluation]) -> dict[str, list[NightEvaluation]]:
    """Return the drawn nights by what they are like. A night with several structures stands under each of them."""
    names = dict.fromkeys(name for n in nights for name in n.structures)
    return {name: [n for n in nights if name in n.structures] for name in sorted(names)}


def false_periodic_per_hour(nights: Sequence[NightEvaluation]) -> float | None:
    """Return the periodic movements per hour that were found on nights without any; None without such a night."""
    none = [n for n in nights if not n.ours.periodic_true]
    return sum(n.ours.periodic for n in none) / sum(n.hours for n in none) if none else None


def answer(
    groups: Mapping[str, Sequence[NightEvaluation]], nights: Sequence[NightEvaluation]
) -> dict[str, Any]:
    """Return everything as one JSON object.

    Parameters
    ----------
    groups : mapping of str to sequence of NightEvaluation
        The nights that are summed, by the name of the group.
    nights : sequence of NightEvaluation
        All nights, in their order.
    """
    return {
        "simulated": True,
        "detector": {"name": NAME, "version": VERSION},
        "rules": "wasm2016",
        "nights": [
            {
                "name": n.night.name,
                "seed": n.night.seed,
                "structures": n.structures,
                "hours": round(n.hours, 4),
                "missing_s": round(n.missing_s, 3),
                "truths": dict(sorted(n.kinds.items())),
                "gapped": n.gapped,
                "ours": _outcome(n.ours),
                "fixed": [_outcome(o) for o in n.fixed],
            }
            for n in nights
        ],
        "thresholds": [asdict(t) for t in PUBLISHED],
        "totals": {name: _group(members) for name, members in groups.items()},
        "structures": {name: _group(members) for name, members in by_structure(nights).items()},
        "aims": {aim.key: aim.bound for aim in AIMS},
    }


def _group(nights: Sequence[NightEvaluation]) -> dict[str, Any]:
    worst, measured = worst_night(nights), figures(nights)
    counts = count_agreement([n.ours.periodic for n in nights], [n.ours.periodic_true for n in nights])
    return {
        "nights": len(nights),
        "measured": measured,
        "met": {aim.key: aim.is_met(v) for aim in AIMS if (v := measured[aim.key]) is not None},
        "worst": worst.night.name if worst else None,
        "ours": _outcome(total([n.ours for n in nights])),
        "fixed": [_outcome(o) for o in fixed_totals(nights)],
        "periodic_counts": asdict(counts),
        "false_periodic_per_hour": false_periodic_per_hour(nights),
    }


def _outcome(o: Outcome) -> dict[str, Any]:
    a = o.agreement
    return {
        "true": a.truths,
        "found": a.detections,
        "paired": len(a.pairs),
        "missed": len(a.misses),
        "false": len(a.false_positives),
        "uncounted": a.uncounted,
        "precision": a.precision,
        "precision_95": wilson(len(a.pairs), a.detections),
        "recall": a.recall,
        "recall_95": wilson(len(a.pairs), a.truths),
        "f1": a.f1,
        "onset_error_s": asdict(a.onset_errors) if a.onset_errors else None,
        "offset_error_s": asdict(a.offset_errors) if a.offset_errors else None,
        "false_by_kind": dict(sorted(a.confused.items())),
        "periodic_true": o.periodic_true,
        "periodic": o.periodic,
        "periodic_error": o.periodic_error,
    }
