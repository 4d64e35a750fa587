"""``legmon simulate``: write a simulated recording and its truth to files."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from legmon.cli.options import JsonOption, print_json
from legmon.errors import FailedError, LegmonError
from legmon.outside import parse_json, read_outside
from legmon.terminal import console, say

TRUTH_BYTES = 1 << 26
FILES = ("left.csv", "right.csv", "truth.json")
"""The files that a simulation writes."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate")(simulate)


def simulate(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO.yaml", help="The scenario of the night.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the files.")],
    seed: Annotated[int | None, typer.Option(metavar="N", help="Another night of the same kind.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Overwrite files of an earlier simulation.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write left.csv (or right.csv), as a sensor would have measured it, and truth.json with what really happened.

    A scenario is a YAML file with [bold]duration[/bold] (8h, 90m, 45s). Optional are [bold]seed[/bold],
    [bold]rate_hz[/bold] (25, 50, 100, 200), [bold]rate_error_percent[/bold], [bold]leg[/bold] and
    [bold]movements_per_hour[/bold]. docs/scenarios.md describes the rest.

    Example: [bold]legmon simulate night.yaml -o night[/bold], then [bold]legmon score --left night/left.csv[/bold]
    """
    from rich.progress import Progress

    from legmon.app.simulator import run_simulator

    _may_overwrite(output, yes=yes)
    arguments = ["render", str(scenario), "-o", str(output)]
    if seed is not None:
        arguments += ["--seed", str(seed)]
    with Progress(console=console(err=True), transient=True) as bar:
        task = bar.add_task("Simulating", total=1.0)
        run_simulator(arguments, lambda share: bar.update(task, completed=share))
    truth = _read_truth(output / "truth.json")
    files = sorted(p.name for p in output.iterdir() if p.name in FILES)
    count, visible = len(truth["movements"]), sum(m["visible"] for m in truth["movements"])
    if as_json:
        answer = {"simulated": True, "folder": str(output), "files": files}
        print_json(answer | {"movements": count, "visible": visible})
    else:
        say(f"Simulated {count} movements, {visible} of them visible: {', '.join(files)} in {output}")


def _read_truth(path: Path) -> Any:
    try:
        return parse_json(read_outside(path, TRUTH_BYTES))
    except (OSError, ValueError) as e:
        raise FailedError(
            f"{path} is not what the simulator wrote ({getattr(e, 'strerror', None) or e}); try again"
        ) from e


def _may_overwrite(folder: Path, *, yes: bool) -> None:
    """Ask before files of the folder are overwritten.

    Raises
    ------
    LegmonError
        If the person says no, or nobody can be asked.
    """
    there = [name for name in FILES if (folder / name).exists()]
    if not there or yes:
        return
    question = f"{folder} already has {', '.join(there)}"
    if not sys.stdin.isatty():
        raise LegmonError(f"{question}; choose another folder with -o, or add --yes to overwrite")
    if not typer.confirm(f"{question}. Overwrite?", err=True):
        raise LegmonError("nothing was written")
