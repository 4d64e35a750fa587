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
    from legmon.evaluation.second import SecondEvaluation
    from legmon.evaluation.table import Row

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
    second: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Also evaluate N nights of each kind of the second sleeper, of 4 hours, with seeds from 1 up.",
        ),
    ] = 0,
    fixed_thresholds: Annotated[
        bool,
        typer.Option(
            "--fixed/--no-fixed", help="Whether to evaluate the fixed thresholds, which takes longer."
        ),
    ] = True,
    workers: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Nights at a time.")] = 2,
    as_json: JsonOption = False,
) -> None:
    """Evaluate the detector on simulated nights whose truth is known.

    The golden nights are fixed scenarios, hard on purpose. The drawn nights come from distributions, with seeds from 1000000
    up, which are never used for tuning (tune with [bold]--first-seed 0[/bold]). Fixed thresholds, the usual published method,
    stand beside the detector.

    The second sleeper is another simulation. It shares nothing with the first, and the detector was not tuned on it.

    Nights that the quality check calls poor are in no figure but their own.

    Examples: [bold]legmon golden --only quiet[/bold] takes a minute · [bold]legmon golden[/bold] takes long · your own
    scenario, with a picture: [bold]legmon golden --scenario night.yaml --pictures .[/bold]
    """
    from legmon.evaluation.golden import EvaluationNight, evaluate_all, golden_nights
    from legmon.evaluation.second import evaluate_kinds
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
    evaluated = evaluate_all([*fixed, *drawn], workers, fixed=fixed_thresholds)
    others = evaluate_kinds(second, workers) if second else []
    groups = {"given" if scenario else "golden": evaluated[: len(fixed)], "drawn": evaluated[len(fixed) :]}
    if fixed and drawn:
        groups["all"] = evaluated
    groups = {name: members for name, members in groups.items() if members}
    if as_json:
        print_json(answer(groups, evaluated, others))
    else:
        _print(groups, evaluated[: len(fixed)], others, tuning=bool(count) and first_seed < FIRST_SEED)


def _print(
    groups: "dict[str, list[NightEvaluation]]",
    singly: "Sequence[NightEvaluation]",
    second: "Sequence[SecondEvaluation]",
    *,
    tuning: bool,
) -> None:
    """Print the tables for a person. A night of `singly` has a row of its own."""
    from rich.text import Text

    from legmon.detection.detector import NAME, VERSION
    from legmon.evaluation.second import by_kind
    from legmon.evaluation.table import by_structure, rows, usable, version_3

    console = plain_console()
    if not console.is_terminal:
        console.width = 150
    console.print(
        Text(" SIMULATED ", style="reverse"), f"{NAME} {VERSION} against the truth of simulated nights."
    )
    if tuning:
        console.print(f"Seeds below {FIRST_SEED} are for tuning. These drawn nights are no evaluation.")
    judged = {name: kept for name, members in groups.items() if (kept := usable(members))}
    drawn, before = groups.get("drawn", []), version_3()
    parts: list[Table] = []
    if judged:
        parts += [_confuser_table(judged), _aim_table(judged)]
    if any(n.fixed for members in judged.values() for n in members):
        parts.insert(0, _fixed_table(judged))
    if drawn:
        parts.append(_row_table("structure", rows(by_structure(drawn), drawn), before.structures))
    if second:
        parts.append(_row_table("second sleeper", rows(by_kind(second), second), before.second))
    console.print(_night_table(groups, singly))
    for part in parts:
        console.print()
        console.print(part)
    console.print()
    _print_poor(console, [n for name, members in groups.items() if name != "all" for n in members], second)
    if drawn or second:
        console.print(f"Version {before.version} ({before.commit}) was measured on {before.nights}.")
    for name, members in judged.items():
        _print_intervals(console, name, members)


def _print_poor(
    console: "Console", nights: "Sequence[NightEvaluation]", second: "Sequence[SecondEvaluation]"
) -> None:
    """Print how many nights are called poor, and how many of these have a good chip."""
    from legmon.evaluation.table import FINE_NOISE_MG, FINE_STEP_MG, fine_chips

    verdicts = [*(n.verdict for n in nights), *(n.verdict for n in second)]
    poor = verdicts.count("poor")
    fine, fine_poor = fine_chips(nights)
    console.print(
        f"Nights that the quality check calls poor: {poor} of {len(verdicts)}. They are in rows of that name, and in no other."
    )
    console.print(
        f"Of {fine} nights of a chip with steps up to {FINE_STEP_MG:g} mg and noise up to {FINE_NOISE_MG:g} mg rms, "
        f"{fine_poor} are called poor (aim 0)."
    )


def _night_table(groups: "dict[str, list[NightEvaluation]]", singly: "Sequence[NightEvaluation]") -> "Table":
    from rich.table import Table

    from legmon.evaluation.table import fixed_totals, total, usable

    table = Table(
        "night", "true", "found", "precision", "recall", "F1", "onset ms (95 %)", "offset ms",
        "periodic true", "found", "error %", "best fixed F1", "in gaps", box=None,
    )  # fmt: skip
    for column in table.columns[1:]:
        column.justify = "right"
    for n in singly:
        name = f"{n.night.name} (poor)" if n.verdict == "poor" else n.night.name
        table.add_row(*_row(name, n.ours, n.fixed, n.gapped))
    for name, every in groups.items():
        members = usable(every)
        poor = [n for n in every if n.verdict == "poor"]
        for label, some in ((name, members), (f"{name}, poor", poor)):
            if some:
                cells = _row(
                    f"{len(some)} nights, {label}",
                    total([n.ours for n in some]),
                    fixed_totals(some),
                    sum(n.gapped for n in some),
                )
                table.add_row(*cells, style="bold")
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
    fixed = {
        name: max(sums, key=lambda o: o.f1)
        for name, members in groups.items()
        if (sums := fixed_totals(members))
    }
    best = {name: outcome.agreement.confused for name, outcome in fixed.items()}
    for name in groups:
        for column in ("ours", "fixed", "of") if name in best else ("ours", "of"):
            table.add_column(f"{name} {column}", justify="right")
    for kind in sorted({k for counts in (*ours.values(), *best.values(), *truths.values()) for k in counts}):
        cells = [
            str(count)
            for name in groups
            for count in (
                ours[name][kind],
                *([best[name][kind]] if name in best else []),
                truths[name][kind] or "",
            )
        ]
        table.add_row("leg, one more" if kind == "leg" else kind, *cells)
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


def _row_table(what: str, rows: "dict[str, Row]", before: "dict[str, Row]") -> "Table":
    """Return figures by what nights are like, with some of version 3. Most drawn nights stand in several rows."""
    from rich.table import Table

    from legmon.evaluation.table import ALL, NO_SERIES, POOR

    table = Table(
        what, "nights", "F1", "precision", "recall", "periodic\ntrue", "\nfound", "\nerror %", "worst\nnight %",
        "false\nperiodic/h", "onset ms\n(95 %)", "F1 of\nversion 3", "error % of\nversion 3", "false/h of\nversion 3",
        box=None,
    )  # fmt: skip
    for column in table.columns:
        column.vertical = "bottom"
    for column in table.columns[1:]:
        column.justify = "right"
    for name, r in rows.items():
        onset = "" if r.onset_error_median_s is None else f"{1000 * r.onset_error_median_s:.0f}"
        if r.onset_error_p95_s is not None:
            onset += f" ({1000 * r.onset_error_p95_s:.0f})"
        worst = "" if r.worst_periodic_error is None else f"{100 * r.worst_periodic_error:.1f}"
        old = before.get(name)
        table.add_row(
            name, str(r.nights), _3(r.f1), _3(r.precision), _3(r.recall), str(r.periodic_true), str(r.periodic_found),
            _percent(r.periodic_error), worst, _1(r.false_periodic_per_hour), onset,
            *(("", "", "") if old is None else (_3(old.f1), _percent(old.periodic_error), _1(old.false_periodic_per_hour))),
            style="bold" if name in {ALL, NO_SERIES, POOR} else None,
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


def _1(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:+.1f}"


def _ms(errors: "Errors | None", *, short: bool = False) -> str:
    if errors is None:
        return ""
    return f"{1000 * errors.median_s:.0f}" + ("" if short else f" ({1000 * errors.p95_s:.0f})")
