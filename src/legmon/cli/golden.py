"""``legmon golden``: the detector judged on simulated nights whose truth is known, fixed thresholds beside it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from legmon.cli.options import JsonOption, print_json
from legmon.detection.detector import NAME, VERSION
from legmon.errors import LegmonError
from legmon.evaluation.agreement import Agreement, Errors, count_agreement, wilson
from legmon.evaluation.golden import Judged, Night, Outcome, golden_nights, judge_all
from legmon.evaluation.thresholds import PUBLISHED

JUDGING = 1_000_000
"""Drawn nights from this seed up are for judging alone; whoever tunes the detector draws from seeds below 1000."""
MANY = 50
"""Periodic movements above which a night's own error is judged."""

# What the detector is to reach: figure, name, aim, unit and its factor. All are upper bounds but the first four.
AIMS: tuple[tuple[str, str, float, str, float], ...] = (
    ("f1", "F1", 0.97, "", 1),
    ("precision", "precision", 0.95, "", 1),
    ("recall", "recall", 0.95, "", 1),
    ("worst_f1", "F1 of the worst night", 0.88, "", 1),
    ("onset_median_s", "onset error, median", 0.050, " ms", 1000),
    ("onset_p95_s", "onset error, 95th percentile", 0.5, " ms", 1000),
    ("periodic_error", "periodic movements, error of the sum", 0.03, " %", 100),
    ("worst_periodic_error", f"the same, worst night of more than {MANY}", 0.10, " %", 100),
    ("periodic_from_none", "periodic movements on nights without series", 0, "", 1),
    ("fixed_f1", "F1 of the best fixed threshold (golden: hard enough?)", 0.85, "", 1),
)
AT_LEAST = 4


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("golden")(golden)


def golden(
    nights: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="How many drawn nights.",
            show_default="100; none with --only or --scenario",
        ),
    ] = None,
    first_seed: Annotated[
        int, typer.Option(min=0, metavar="S", help="Seed of the first drawn night; the others follow.")
    ] = JUDGING,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this golden night.")] = None,
    scenario: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Judge this scenario instead of the golden nights."),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Draw each golden or given night there: truth and what was found, SVG."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Nights at a time.")] = 2,
    as_json: JsonOption = False,
) -> None:
    """Judge the detector on simulated nights whose truth is known.

    The golden nights are fixed scenarios, hard on purpose; the drawn ones come from distributions, with seeds from 1000000
    up, which are never used for tuning (tune with [bold]--first-seed 0[/bold]). Fixed thresholds, the published way, stand
    beside it.
    """
    if only and scenario:
        raise LegmonError("--only names golden nights and --scenario files; use one of them")
    fixed = [Night(p.stem, p) for p in scenario] if scenario else golden_nights(only)
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        fixed = [replace(n, picture=pictures / f"{n.name}.svg") for n in fixed]
    count = nights if nights is not None else (0 if only or scenario else 100)
    drawn = [Night(f"drawn {seed}", seed=seed) for seed in range(first_seed, first_seed + count)]
    judged = judge_all([*fixed, *drawn], workers)
    groups = {"given" if scenario else "golden": judged[: len(fixed)], "drawn": judged[len(fixed) :]}
    if fixed and drawn:
        groups["all"] = judged
    groups = {name: members for name, members in groups.items() if members}
    if as_json:
        print_json(_answer(groups, judged))
    else:
        _show(groups, judged[: len(fixed)], first_seed if count else JUDGING)


def _sum(outcomes: Sequence[Outcome]) -> Outcome:
    return Outcome(
        Agreement.total([o.agreement for o in outcomes]),
        sum(o.periodic for o in outcomes),
        sum(o.periodic_true for o in outcomes),
    )


def _fixed(members: Sequence[Judged]) -> list[Outcome]:
    """Sum each of the fixed thresholds over nights."""
    return [_sum([j.fixed[n] for j in members]) for n in range(len(PUBLISHED))]


def _worst(members: Sequence[Judged]) -> Judged | None:
    """Return the night of the lowest F1, of those that have movements to find."""
    return min((j for j in members if j.ours.agreement.truths), key=lambda j: j.ours.f1, default=None)


def _measured(members: Sequence[Judged]) -> dict[str, float | None]:
    """Give the figures that have an aim."""
    total = _sum([j.ours for j in members])
    onset = total.agreement.onset_errors
    worst = _worst(members)
    many = [j.ours.periodic_error for j in members if j.ours.periodic_true > MANY]
    fixed = [o.agreement.f1 for o in _fixed(members) if o.agreement.f1 is not None]
    return {
        "f1": total.agreement.f1,
        "precision": total.agreement.precision,
        "recall": total.agreement.recall,
        "worst_f1": worst.ours.f1 if worst else None,
        "onset_median_s": onset.median_s if onset else None,
        "onset_p95_s": onset.p95_s if onset else None,
        "periodic_error": abs(total.periodic_error) if total.periodic_error is not None else None,
        "worst_periodic_error": max((abs(e) for e in many if e is not None), default=None),
        "periodic_from_none": sum(j.ours.periodic for j in members if not j.ours.periodic_true),
        "fixed_f1": max(fixed, default=None),
    }


def _meets(number: int, value: float) -> bool:
    aim = AIMS[number][2]
    return value >= aim if number < AT_LEAST else value <= aim


def _answer(groups: dict[str, list[Judged]], judged: Sequence[Judged]) -> dict[str, Any]:
    """Everything as one JSON object."""
    return {
        "simulated": True,
        "detector": {"name": NAME, "version": VERSION},
        "rules": "wasm2016",
        "nights": [
            {
                "name": j.night.name,
                "seed": j.night.seed,
                "hours": round(j.hours, 4),
                "missing_s": round(j.missing_s, 3),
                "truths": dict(sorted(j.kinds.items())),
                "holed": j.gapped,
                "ours": _figures(j.ours),
                "fixed": [_figures(o) for o in j.fixed],
            }
            for j in judged
        ],
        "thresholds": [asdict(t) for t in PUBLISHED],
        "totals": {name: _group(members) for name, members in groups.items()},
        "aims": {key: aim for key, _, aim, _, _ in AIMS},
    }


def _group(members: Sequence[Judged]) -> dict[str, Any]:
    worst = _worst(members)
    counts = count_agreement([j.ours.periodic for j in members], [j.ours.periodic_true for j in members])
    measured = _measured(members)
    return {
        "nights": len(members),
        "measured": measured,
        "met": {a[0]: _meets(n, v) for n, a in enumerate(AIMS) if (v := measured[a[0]]) is not None},
        "worst": worst.night.name if worst else None,
        "ours": _figures(_sum([j.ours for j in members])),
        "fixed": [_figures(o) for o in _fixed(members)],
        "periodic_counts": asdict(counts),
    }


def _figures(o: Outcome) -> dict[str, Any]:
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


def _show(groups: dict[str, list[Judged]], rows: Sequence[Judged], first_seed: int) -> None:
    """Print the tables for a person."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 150
    console.print(f"[reverse] SIMULATED [/reverse] {NAME} {VERSION} against the truth of simulated nights.")
    if first_seed < JUDGING:
        console.print(f"Seeds below {JUDGING} are for tuning: the drawn nights are no verdict here.")
    table = Table(
        "night", "true", "found", "precision", "recall", "F1", "onset ms (95 %)", "offset ms",
        "periodic true", "found", "error %", "best fixed F1", "in gaps", box=None,
    )  # fmt: skip
    for column in table.columns[1:]:
        column.justify = "right"
    for j in rows:
        table.add_row(*_row(j.night.name, j.ours, j.fixed, j.gapped))
    for name, members in groups.items():
        label = f"{len(members)} nights, {name}"
        gapped = sum(j.gapped for j in members)
        table.add_row(*_row(label, _sum([j.ours for j in members]), _fixed(members), gapped), style="bold")
    console.print(table)
    for part in (_fixed_table(groups), _confuser_table(groups), _aim_table(groups)):
        console.print()
        console.print(part)
    for name, members in groups.items():
        _say_rest(console, name, members)


def _row(label: str, ours: Outcome, fixed: Sequence[Outcome], gapped: int) -> list[str]:
    a = ours.agreement
    return [
        label, str(a.truths), str(a.detections), _3(a.precision), _3(a.recall), _3(a.f1), _ms(a.onset_errors),
        _ms(a.offset_errors, short=True), str(ours.periodic_true), str(ours.periodic),
        "" if ours.periodic_error is None else f"{100 * ours.periodic_error:+.1f}",
        _3(max((o.agreement.f1 for o in fixed if o.agreement.f1 is not None), default=None)), str(gapped),
    ]  # fmt: skip


def _fixed_table(groups: dict[str, list[Judged]]) -> Table:
    table = Table("fixed thresholds, release", box=None)
    sums = [_fixed(members) for members in groups.values()]
    for name in groups:
        for column in ("F1", "periodic %"):
            table.add_column(f"{name} {column}", justify="right")
    for n, thresholds in enumerate(PUBLISHED):
        cells = []
        for o in (group[n] for group in sums):
            error = "" if o.periodic_error is None else f"{100 * o.periodic_error:+.1f}"
            cells += [_3(o.agreement.f1), error]
        table.add_row(str(thresholds), *cells)
    return table


def _confuser_table(groups: dict[str, list[Judged]]) -> Table:
    """False positives per kind of truth, ours and the best fixed thresholds', and how many such truths there are."""
    table = Table("false positives in", box=None)
    ours = {name: _sum([j.ours for j in members]).agreement.confused for name, members in groups.items()}
    there = {name: sum((j.kinds for j in members), Counter[str]()) for name, members in groups.items()}
    best = {
        name: max(_fixed(members), key=lambda o: o.f1).agreement.confused for name, members in groups.items()
    }
    for name in groups:
        for column in ("ours", "fixed", "of"):
            table.add_column(f"{name} {column}", justify="right")
    for kind in sorted({k for counts in (*ours.values(), *best.values(), *there.values()) for k in counts}):
        cells = [(ours[name][kind], best[name][kind], there[name][kind] or "") for name in groups]
        table.add_row("leg, one more" if kind == "leg" else kind, *(str(c) for row in cells for c in row))
    return table


def _aim_table(groups: dict[str, list[Judged]]) -> Table:
    table = Table("aims", "aim", *groups, box=None)
    measured = [_measured(members) for members in groups.values()]
    for n, (key, name, aim, unit, factor) in enumerate(AIMS):
        digits = 3 if factor == 1 and aim else 1 if factor == 100 else 0
        cells = []
        for value in (m[key] for m in measured):
            shown = "" if value is None else f"{value * factor:.{digits}f}{unit}"
            cells.append(shown if value is None or _meets(n, value) else f"[red]{shown} (no)[/red]")
        table.add_row(name, f"{'≥' if n < AT_LEAST else '≤'} {aim * factor:g}{unit}", *cells)
    return table


def _say_rest(console: Console, name: str, members: Sequence[Judged]) -> None:
    c = count_agreement([j.ours.periodic for j in members], [j.ours.periodic_true for j in members])
    worst = _worst(members)
    said = [f"{name}: worst night {worst.night.name}" if worst else f"{name}: nothing to find"]
    a = Agreement.total([j.ours.agreement for j in members])
    for share, interval in (
        ("precision", wilson(len(a.pairs), a.detections)),
        ("recall", wilson(len(a.pairs), a.truths)),
    ):
        if interval is not None:
            said.append(f"{share} {interval[0]:.3f} to {interval[1]:.3f} (95 %)")
    if c.limits is not None:
        low, high = c.limits
        said.append(f"periodic a night {c.bias:+.1f}, limits of agreement {low:+.1f} to {high:+.1f}")
    if c.icc is not None and c.icc_95 is not None:
        said.append(f"ICC(2,1) {c.icc:.3f} (95 % {c.icc_95[0]:.3f} to {c.icc_95[1]:.3f})")
    console.print("; ".join(said) + ".")


def _3(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _ms(errors: Errors | None, *, short: bool = False) -> str:
    if errors is None:
        return ""
    return f"{1000 * errors.median_s:.0f}" + ("" if short else f" ({1000 * errors.p95_s:.0f})")
