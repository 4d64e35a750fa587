"""``legmon simulate``: a simulated recording and its truth, as files."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from legmon.cli.options import JsonOption, child_environment, firmware_sim, print_json
from legmon.errors import LegmonError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate")(simulate)


def simulate(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO.yaml", help="What the night is like.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the files.")],
    seed: Annotated[int | None, typer.Option(metavar="N", help="Another night of the same kind.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write left.csv (or right.csv) and truth.json: what a sensor would have measured, and what really happened.

    A scenario is a YAML file with [bold]duration[/bold] (8h, 90m, 45s), and if you like [bold]seed[/bold],
    [bold]rate_hz[/bold] (25, 50, 100, 200), [bold]rate_error_percent[/bold], [bold]leg[/bold] and
    [bold]movements_per_hour[/bold].
    """
    arguments = ["render", str(scenario), "-o", str(output)]
    if seed is not None:
        arguments += ["--seed", str(seed)]
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Simulating", total=1.0)
        run_simulator(arguments, lambda share: bar.update(task, completed=share))
    truth = json.loads((output / "truth.json").read_text())
    files = sorted(p.name for p in output.iterdir() if p.name in ("left.csv", "right.csv", "truth.json"))
    visible = sum(m["visible"] for m in truth["movements"])
    if as_json:
        print_json(
            {
                "simulated": True,
                "folder": str(output),
                "files": files,
                "movements": len(truth["movements"]),
                "visible": visible,
            }
        )
    else:
        print(
            f"Simulated {len(truth['movements'])} movements, {visible} of them visible: {', '.join(files)} in {output}"
        )


def run_simulator(
    arguments: Sequence[str],
    progress: Callable[[float], None] = lambda _: None,
    started: Callable[[subprocess.Popen[str]], None] = lambda _: None,
) -> None:
    """Run the simulated firmware's command line to its end.

    Raises
    ------
    LegmonError
        If it refuses; its own words.
    """
    with subprocess.Popen(
        [*firmware_sim(), *arguments, "--progress"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=child_environment(),
    ) as child:
        started(child)
        assert child.stdout is not None  # noqa: S101
        assert child.stderr is not None  # noqa: S101
        for line in child.stdout:
            word, _, value = line.partition(" ")
            if word == "progress":
                progress(float(value))
        complaint = child.stderr.read().strip()
    if child.returncode:
        raise LegmonError(complaint or f"the simulator ended with status {child.returncode}")
