"""The commands that write files: the samples or notifications of a night, a scenario, or its schema."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from firmware_sim.playback import Playback
    from firmware_sim.render import Progress
    from firmware_sim.vocabulary import Scenario

GOLDEN = Path(__file__).parent / "golden"

Seed = Annotated[int | None, typer.Option(min=0, help="Use this seed instead of the scenario's.")]
ShowProgress = Annotated[
    bool, typer.Option("--progress", help='Print lines such as "progress 0.25", for a parent process.')
]


class BadInputError(Exception):
    """Wrong options or bad input. The message says what to do."""


class FailedError(Exception):
    """The command failed. The message says what to do."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (render, capture, draw, golden, schema):
        app.command()(command)


def render(
    scenario: Annotated[Path, typer.Argument(help="Scenario file; see docs/scenarios.md.")],
    *,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write into.")],
    seed: Seed = None,
    progress: ShowProgress = False,
) -> None:
    """Write the samples of a night to left.csv or right.csv, and the true movements to truth.json."""
    from firmware_sim.render import render as write

    with _progress(to_stdout=progress) as report, _writing(out):
        write(read_night(scenario, seed), out, report)


def capture(
    scenario: Annotated[Path, typer.Argument(help="Scenario file; see docs/scenarios.md.")],
    *,
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write.")],
    seed: Seed = None,
    progress: ShowProgress = False,
) -> None:
    """Write the notifications of a night as a sensor would have sent them, with the true movements beside them."""
    from firmware_sim.render import capture as write

    with _progress(to_stdout=progress) as report, _writing(out):
        write(read_night(scenario, seed), out, report)


def draw(
    seed: Annotated[int, typer.Argument(min=0, help="Number of the night.")],
    *,
    out: Annotated[Path, typer.Option("-o", "--out", help="Scenario file to write.")],
    structure: Annotated[
        str | None,
        typer.Option(metavar="NAME", help='A structure that the night shall have, such as "clonic".'),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A structure that it shall not have. May be repeated."),
    ] = None,
) -> None:
    """Write the scenario of a random night, and print the names of its structures, one a line.

    A structure is one way in which nights differ: how the leg returns, what hums, how the bed sways.
    """
    from firmware_sim.scenario import write_scenario
    from firmware_sim.structures import drawn, structures

    try:
        night = drawn(seed, structure=structure, without=without or ())
    except ValueError as error:
        raise BadInputError(str(error)) from error
    with _writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(write_scenario(night), encoding="utf-8")
    print("\n".join(structures(night)))


def golden() -> None:
    """List the golden nights, which are hard on purpose: name, tab, scenario file."""
    for path in sorted(GOLDEN.glob("*.yaml")):
        print(f"{path.stem}\t{path}")


def schema() -> None:
    """Print the JSON Schema of scenario files, with which an editor completes and checks them."""
    from firmware_sim.schema import schema_text

    print(schema_text(), end="")


def read_night(path: Path | None, seed: int | None) -> Scenario:
    """Read a scenario; without a path it is eight plain hours. `seed` replaces the scenario's own.

    Raises
    ------
    BadInputError
        If the file is not a scenario.
    """
    if path is None:
        from firmware_sim.vocabulary import DEFAULT

        night = DEFAULT
    else:
        from firmware_sim.scenario import ScenarioError, read_scenario

        try:
            night = read_scenario(path)
        except ScenarioError as error:
            raise BadInputError(str(error)) from error
    return night if seed is None else replace(night, seed=seed)


def read_playback(path: Path, leg: Literal["left", "right"]) -> Playback:
    """Read a recording to play.

    Raises
    ------
    BadInputError
        If the file cannot be played.
    """
    from firmware_sim.playback import Playback, PlaybackError

    try:
        return Playback(path, leg)
    except PlaybackError as error:
        raise BadInputError(str(error)) from error


@contextlib.contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FailedError(f"{error.filename or out}: cannot be written ({error.strerror}).") from error


@contextlib.contextmanager
def _progress(*, to_stdout: bool) -> Iterator[Progress]:
    """Show progress: lines for a parent process, a bar for a person, nothing for a file."""
    if to_stdout:
        yield lambda done: print(f"progress {done:.2f}", flush=True)
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress as Bar

        with Bar(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("simulating the night", total=1.0)
            yield lambda done: bar.update(task, completed=done)
    else:
        yield lambda _done: None
