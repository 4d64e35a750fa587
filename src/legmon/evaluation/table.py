"""The golden table: the figures of many evaluated nights, and the aims they are held against."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from legmon.detection.detector import NAME, VERSION
from legmon.detection.faults import Verdict
from legmon.evaluation.agreement import Agreement, count_agreement, wilson
from legmon.evaluation.golden import NightEvaluation, Outcome
from legmon.evaluation.second import SecondEvaluation, by_kind
from legmon.evaluation.thresholds import PUBLISHED

MANY: Final = 50
"""A night's own error of periodic movements counts where it has more of them than this."""
FINE_STEP_MG, FINE_NOISE_MG = 8.0, 2.0
"""No night of a chip with steps and noise up to these should be called poor."""
ALL, NO_SERIES, POOR = "all", "without series", "poor"
"""Rows of several groups together."""


class Judged(Protocol):
    """A night of either sleeper with the outcome of the detector."""

    @property
    def ours(self) -> Outcome:
        """Of the detector."""

    @property
    def hours(self) -> float:
        """Its length."""

    @property
    def verdict(self) -> Verdict:
        """What the quality check says of it."""


AnyJudged = TypeVar("AnyJudged", bound=Judged)


@dataclass(frozen=True, slots=True)
class Row:
    """Several nights together. Shares are 0 to 1, times seconds; what cannot be computed is None.

    Parameters
    ----------
    nights : int
        How many.
    truths : int
        Movements to find.
    f1, precision, recall : float or None
        Of all movements together.
    periodic_true, periodic_found : int
        Periodic movements in the truth, and in the detections.
    periodic_error : float or None
        Error of their number.
    worst_periodic_error : float or None
        Largest error of a night with more than `MANY` true ones.
    false_periodic_per_hour : float or None
        Periodic movements found with no true one within 0.5 s.
    onset_error_median_s, onset_error_p95_s : float or None
        Of the movements that were found.
    false_by_kind : dict of str to int
        False positives by the kind of truth they lie in.
    """

    nights: int
    truths: int
    f1: float | None
    precision: float | None
    recall: float | None
    periodic_true: int
    periodic_found: int
    periodic_error: float | None
    worst_periodic_error: float | None
    false_periodic_per_hour: float | None
    onset_error_median_s: float | None
    onset_error_p95_s: float | None
    false_by_kind: dict[str, int]


def row(nights: Sequence[Judged]) -> Row:
    """Return the figures of several nights together, whatever the quality check says of them."""
    ours = total([n.ours for n in nights])
    hours, onset = sum(n.hours for n in nights), ours.agreement.onset_errors
    return Row(
        nights=len(nights),
        truths=ours.agreement.truths,
        f1=ours.agreement.f1,
        precision=ours.agreement.precision,
        recall=ours.agreement.recall,
        periodic_true=ours.periodic_true,
        periodic_found=ours.periodic,
        periodic_error=ours.periodic_error,
        worst_periodic_error=worst_periodic_error(nights),
        false_periodic_per_hour=ours.periodic_false / hours if hours else None,
        onset_error_median_s=onset.median_s if onset else None,
        onset_error_p95_s=onset.p95_s if onset else None,
        false_by_kind=dict(sorted(ours.agreement.confused.items())),
    )


def rows(by_name: Mapping[str, Sequence[Judged]], nights: Sequence[Judged]) -> dict[str, Row]:
    """Return a row for each group, for all nights, and for those without series. Poor nights have a row of their own.

    Parameters
    ----------
    by_name : mapping of str to sequence of Judged
        The groups. A night may stand in several.
    nights : sequence of Judged
        All nights, each once.
    """
    good, poor = usable(nights), [n for n in nights if n.verdict == "poor"]
    groups: dict[str, Sequence[Judged]] = {name: usable(members) for name, members in by_name.items()}
    groups |= {ALL: good, NO_SERIES: [n for n in good if not n.ours.periodic_true], POOR: poor}
    return {name: row(members) for name, members in groups.items() if members}


@dataclass(frozen=True, slots=True)
class Earlier:
    """Figures of an earlier version of the detector, from a file of the package.

    Parameters
    ----------
    version : str
        The version.
    commit : str
        The commit that `legmon.detection` was taken from. The rest of the package measured it as it measures this version.
    command : str
        The command that measured it, night by night.
    nights : str
        On which nights, for a person. Those that the present version calls poor are in the row `POOR`, and in no other.
    structures, second : dict of str to Row
        The figures.
    """

    version: str
    commit: str
    command: str
    nights: str
    structures: dict[str, Row]
    second: dict[str, Row]


def version_3() -> Earlier:
    """Return the figures of version 3 of the detector."""
    kept = json.loads(files("legmon.evaluation").joinpath("version3.json").read_text(encoding="utf-8"))
    for table in ("structures", "second"):
        kept[table] = {name: Row(**figures) for name, figures in kept[table].items()}
    return Earlier(**kept)


def usable(nights: Sequence[AnyJudged]) -> list[AnyJudged]:
    """Return the nights that the quality check does not call poor."""
    return [n for n in nights if n.verdict != "poor"]


def fine_chips(nights: Sequence[NightEvaluation]) -> tuple[int, int]:
    """Return how many nights have a chip with fine steps and little noise, and how many of these are called poor."""
    fine = [
        n
        for n in nights
        if n.chip and n.chip["step_mg"] <= FINE_STEP_MG and n.chip["noise_mg"] <= FINE_NOISE_MG
    ]
    return len(fine), len(fine) - len(usable(fine))


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
        sum(o.periodic_false for o in outcomes),
    )


def fixed_totals(nights: Sequence[NightEvaluation]) -> list[Outcome]:
    """Return the sum over nights for each of the fixed thresholds; nothing if they did not run."""
    ran = min((len(n.fixed) for n in nights), default=0)
    return [total([n.fixed[i] for n in nights]) for i in range(ran)]


def worst_night(nights: Sequence[NightEvaluation]) -> NightEvaluation | None:
    """Return the night with the lowest F1, among the nights that have movements to find; None if no night has."""
    return min((n for n in nights if n.ours.agreement.truths), key=lambda n: n.ours.f1, default=None)


def worst_periodic_error(nights: Sequence[Judged]) -> float | None:
    """Return the largest error of the number of periodic movements of a night with more than `MANY` true ones."""
    many = [n.ours.periodic_error for n in nights if n.ours.periodic_true > MANY]
    return max((abs(e) for e in many if e is not None), default=None)


def figures(nights: Sequence[NightEvaluation]) -> dict[str, float | None]:
    """Return the figures that have an aim, by `Aim.key`; None if one does not exist."""
    ours = total([n.ours for n in nights])
    onset = ours.agreement.onset_errors
    worst = worst_night(nights)
    fixed = [o.agreement.f1 for o in fixed_totals(nights) if o.agreement.f1 is not None]
    return {
        "f1": ours.agreement.f1,
        "precision": ours.agreement.precision,
        "recall": ours.agreement.recall,
        "worst_f1": worst.ours.f1 if worst else None,
        "onset_median_s": onset.median_s if onset else None,
        "onset_p95_s": onset.p95_s if onset else None,
        "periodic_error": abs(ours.periodic_error) if ours.periodic_error is not None else None,
        "worst_periodic_error": worst_periodic_error(nights),
        "periodic_from_none": sum(n.ours.periodic for n in nights if not n.ours.periodic_true),
        "fixed_f1": max(fixed, default=None),
    }


def by_structure(nights: Sequence[NightEvaluation]) -> dict[str, list[NightEvaluation]]:
    """Return the drawn nights by what they are like. A night with several structures stands under each of them."""
    names = dict.fromkeys(name for n in nights for name in n.structures)
    return {name: [n for n in nights if name in n.structures] for name in sorted(names)}


def answer(
    groups: Mapping[str, Sequence[NightEvaluation]],
    nights: Sequence[NightEvaluation],
    second: Sequence[SecondEvaluation] = (),
) -> dict[str, Any]:
    """Return everything as one JSON object.

    Parameters
    ----------
    groups : mapping of str to sequence of NightEvaluation
        The nights that are summed, by the name of the group. Poor nights are left out of the sums.
    nights : sequence of NightEvaluation
        All nights, in their order.
    second : sequence of SecondEvaluation
        Nights of the second sleeper.
    """
    drawn = [n for n in nights if n.structures]
    fine, fine_poor = fine_chips(nights)
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
                "verdict": n.verdict,
                "chip": dict(n.chip),
                "ours": _outcome(n.ours),
                "fixed": [_outcome(o) for o in n.fixed],
            }
            for n in nights
        ],
        "thresholds": [asdict(t) for t in PUBLISHED],
        "totals": {name: _group(kept) for name, members in groups.items() if (kept := usable(members))},
        "poor": asdict(row([n for n in nights if n.verdict == "poor"])),
        "fine_chips": {"nights": fine, "poor": fine_poor},
        "structures": {name: asdict(r) for name, r in rows(by_structure(drawn), drawn).items()},
        "second": {name: asdict(r) for name, r in rows(by_kind(second), second).items()},
        "version_3": asdict(version_3()),
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
        "false_periodic_per_hour": row(nights).false_periodic_per_hour,
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
        "periodic_false": o.periodic_false,
        "periodic_error": o.periodic_error,
    }
