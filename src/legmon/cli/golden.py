"""``legmon golden``: evaluate the detector on simulated nights whose truth is known."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from legmon.cli.options import JsonOption, print_json
from legmon.errors import LegmonError
from legmon.terminal import console as plain_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from legmon.evaluation.agreement import Errors
    from legmon.evaluation.golden import NightEvaluation, Outcome

FIRST_SEED = 1_000_000
"""Nights drawn from this seed up serve evaluation alone. Use seeds below 1000 to tune the detector."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("golden")(golden)


def golden(
    nights: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="How many nights to draw.",
            show_default="100; none with --only or --scenario",
        ),
    ] = None,
    first_seed: Annotated[
        int, typer.Option(min=0, metavar="S", help="Seed of the first drawn night; the others follow.")
    ] = FIRST_SEED,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this golden night. May be repeated.")
    ] = None,
    scenario: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Evaluate this scenario instead of the golden nights. May be repeated."
        ),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Draw each golden or given night there, truth above detection, as SVG files."
        ),
    ] = None,
    structure: Annotated[
        str | None,
        typer.Option(metavar="NAME", help='Give each drawn night this structure, such as "clonic".'),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Draw no night with this structure. May be repeated."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Nights at a time.")] = 2,
    as_json: JsonOption = False,
) -> None:
    """Evaluate the detector on simulated nights whose truth is known.

    The golden nights are fixed scenarios, hard on purpose. The drawn nights come from distributions, with seeds from 1000000
    up, which are never used for tuning (tune with [bold]--first-seed 0[/bold]). Fixed thresholds, the usual published method,
    stand beside the detector.

    Examples: [bold]legmon golden --only quiet[/bold] takes a minute · [bold]legmon golden[/bold] takes long · your own
    scenario, with a picture: [bold]legmon golden --scenario night.yaml --pictures .[/bold]
    """
    from legmon.evaluation.golden import EvaluationNight, evaluate_all, golden_nights
    from legmon.evaluation.table import answer

    if only and scenario:
        raise LegmonError("--only names golden nights and --scenario names files; use one of them")
    fixed = [EvaluationNight(p.stem, p) for p in scenario] if scenario else golden_nights(only)
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        fixed = [replace(n, picture=pictures / f"{n.name}.svg") for n in fixed]
    count = nights if nights is not None else (0 if only or scenario else 100)
    drawn = [
        EvaluationNight(f"drawn {seed}", seed=seed, structure=structure, without=tuple(without or ()))
        for seed in range(first_seed, first_seed + count)
    ]
    evaluated = evaluate_all([*fixed, *drawn], workers)
    groups = {"given" if scenario else "golden": evaluated[: len(fixed)], "drawn": evaluated[len(fixed) :]}
    if fixed and drawn:
        groups["all"] = evaluated
    groups = {name: members for name, members in groups.items() if members}
    if as_json:
        print_json(answer(groups, evaluated))
    else:
        _print(groups, evaluated[: len(fixed)], tuning=bool(count) and first_seed < FIRST_SEED)


def _print(
    groups: "dict[str, list[NightEvaluation]]", rows: "Sequence[NightEvaluation]", *, tuning: bool
) -> None:
    """Print the tables for a person."""
    from rich.text import Text

    from legmon.detection.detector import NAME, VERSION
    from legmon.evaluation.table import by_structure

    console = plain_console()
    if not console.is_terminal:
        console.width = 150
    console.print(
        Text(" SIMULATED ", style="reverse"), f"{NAME} {VERSION} against the truth of simulated nights."
    )
    if tuning:
        console.print(f"Seeds below {FIRST_SEED} are for tuning. These drawn nights are no evaluation.")
    console.print(_night_table(groups, rows))
    parts = [_fixed_table(groups), _confuser_table(groups), _aim_table(groups)]
    structures = by_structure(groups.get("drawn", ()))
    for part in [*parts, *([_structure_table(structures)] if structures else [])]:
        console.print()
        console.print(part)
    for name, members in groups.items():
        _print_intervals(console, name, members)


def _night_table(groups: "dict[str, list[NightEvaluation]]", rows: "Sequence[NightEvaluation]") -> "Table":
    from rich.table import Table

    from legmon.evaluation.table import fixed_totals, total

    table = Table(
        "night", "true", "found", "precision", "recall", "F1", "onset ms (95 %)", "offset ms",
        "periodic true", "found", "error %", "best fixed F1", "in gaps", box=None,
    )  # fmt: skip
    for column in table.columns[1:]:
        column.justify = "right"
    for n in rows:
        table.add_row(*_row(n.night.name, n.ours, n.fixed, n.gapped))
    for name, members in groups.items():
        label = f"{len(members)} nights, {name}"
        gapped = sum(n.gapped for n in members)
        row = _row(label, total([n.ours for n in members]), fixed_totals(members), gapped)
        table.add_row(*row, style="bold")
    return table


def _row(label: str, ours: "Outcome", fixed: "Sequence[Outcome]", gapped: int) -> list[str]:
    a = ours.agreement
    return [
        label, str(a.truths), str(a.detections), _3(a.precision), _3(a.recall), _3(a.f1), _ms(a.onset_errors),
        _ms(a.offset_errors, short=True), str(ours.periodic_true), str(ours.periodic),
        _percent(ours.periodic_error), _3(max((o.agreement.f1 for o in fixed if o.agreement.f1 is not None), default=None)),
        str(gapped),
    ]  # fmt: skip


def _fixed_table(groups: "dict[str, list[NightEvaluation]]") -> "Table":
    from rich.table import Table

    from legmon.evaluation.table import fixed_totals
    from legmon.evaluation.thresholds import PUBLISHED

    table = Table("fixed thresholds, release", box=None)
    sums = [fixed_totals(members) for members in groups.values()]
    for name in groups:
        for column in ("F1", "periodic %"):
            table.add_column(f"{name} {column}", justify="right")
    for i, thresholds in enumerate(PUBLISHED):
        cells = [
            cell for group in sums for cell in (_3(group[i].agreement.f1), _percent(group[i].periodic_error))
        ]
        table.add_row(str(thresholds), *cells)
    return table


def _confuser_table(groups: "dict[str, list[NightEvaluation]]") -> "Table":
    """Return false positives by the kind of truth: of the detector, the best fixed threshold, and how many truths there are."""
    from rich.table import Table

    from legmon.evaluation.table import fixed_totals, total

    table = Table("false positives in", box=None)
    ours = {name: total([n.ours for n in members]).agreement.confused for name, members in groups.items()}
    truths = {name: sum((n.kinds for n in members), Counter[str]()) for name, members in groups.items()}
    best = {
        name: max(fixed_totals(members), key=lambda o: o.f1).agreement.confused
        for name, members in groups.items()
    }
    for name in groups:
        for column in ("ours", "fixed", "of"):
            table.add_column(f"{name} {column}", justify="right")
    for kind in sorted({k for counts in (*ours.values(), *best.values(), *truths.values()) for k in counts}):
        cells = [(ours[name][kind], best[name][kind], truths[name][kind] or "") for name in groups]
        table.add_row("leg, one more" if kind == "leg" else kind, *(str(c) for row in cells for c in row))
    return table


def _aim_table(groups: "dict[str, list[NightEvaluation]]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from legmon.evaluation.table import AIMS, figures

    table = Table("aims", "aim", *groups, box=None)
    measured = [figures(members) for members in groups.values()]
    for aim in AIMS:
        digits = 3 if aim.factor == 1 and aim.bound else 1 if aim.factor == 100 else 0
        cells: list[str | Text] = []
        for value in (m[aim.key] for m in measured):
            text = "" if value is None else f"{value * aim.factor:.{digits}f}{aim.unit}"
            cells.append(text if value is None or aim.is_met(value) else Text(f"{text} (no)", style="red"))
        sign = "≥" if aim.at_least else "≤"
        table.add_row(aim.name, f"{sign} {aim.bound * aim.factor:g}{aim.unit}", *cells)
    return table


def _structure_table(structures: "dict[str, list[NightEvaluation]]") -> "Table":
    """Return the figures of the drawn nights by what they are like. Most nights stand in several rows."""
    from rich.table import Table

    from legmon.evaluation.table import false_periodic_per_hour, figures, total

    table = Table(
        "structure", "nights", "precision", "recall", "F1", "periodic true", "found", "error %", "worst %",
        "false periodic/h", box=None,
    )  # fmt: skip
    for column in table.columns[1:]:
        column.justify = "right"
    for name, nights in structures.items():
        ours, worst = total([n.ours for n in nights]), figures(nights)["worst_periodic_error"]
        invented = false_periodic_per_hour(nights)
        table.add_row(
            name, str(len(nights)), _3(ours.agreement.precision), _3(ours.agreement.recall), _3(ours.agreement.f1),
            str(ours.periodic_true), str(ours.periodic), _percent(ours.periodic_error),
            "" if worst is None else f"{100 * worst:.1f}", "" if invented is None else f"{invented:.1f}",
        )  # fmt: skip
    return table


def _print_intervals(console: "Console", name: str, members: "Sequence[NightEvaluation]") -> None:
    """Print the worst night, the 95 % intervals, and how the counts of periodic movements agree."""
    from legmon.evaluation.agreement import Agreement, count_agreement, wilson
    from legmon.evaluation.table import worst_night

    counts = count_agreement([n.ours.periodic for n in members], [n.ours.periodic_true for n in members])
    worst = worst_night(members)
    parts = [f"{name}: worst night {worst.night.name}" if worst else f"{name}: nothing to find"]
    a = Agreement.total([n.ours.agreement for n in members])
    for share, interval in (
        ("precision", wilson(len(a.pairs), a.detections)),
        ("recall", wilson(len(a.pairs), a.truths)),
    ):
        if interval is not None:
            parts.append(f"{share} {interval[0]:.3f} to {interval[1]:.3f} (95 %)")
    if counts.limits is not None:
        low, high = counts.limits
        parts.append(f"periodic a night {counts.bias:+.1f}, limits of agreement {low:+.1f} to {high:+.1f}")
    if counts.icc is not None and counts.icc_95 is not None:
        parts.append(f"ICC(2,1) {counts.icc:.3f} (95 % {counts.icc_95[0]:.3f} to {counts.icc_95[1]:.3f})")
    console.print("; ".join(parts) + ".")


def _3(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:+.1f}"


def _ms(errors: "Errors | None", *, short: bool = False) -> str:
    if errors is None:
        return ""
    return f"{1000 * errors.median_s:.0f}" + ("" if short else f" ({1000 * errors.p95_s:.0f})")
