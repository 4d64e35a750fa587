"""``legmon replay``: a simulated sensor plays a file, a recorded night or a scenario through the whole program."""

from pathlib import Path
from typing import Annotated

import typer

from legmon.app.folders import own_folder
from legmon.cli.options import DataOption, open_catalog
from legmon.cli.run import PORT, BrowserOption, MinutesOption, PortOption, VerboseOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay)


def replay(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|NIGHT|SCENARIO.yaml",
            help="A CSV file, a recorded night (its id or `last`), or a scenario.",
        ),
    ],
    speed: Annotated[
        float,
        typer.Option(min=0.1, max=200, metavar="X", help="Seconds of the source per second of real time."),
    ] = 60.0,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into",
            metavar="DIR",
            help="The folder to record into.",
            show_default="`replay` in the data folder",
        ),
    ] = None,
    port: PortOption = PORT,
    no_browser: BrowserOption = False,
    minutes: MinutesOption = None,
    verbose: VerboseOption = False,
    data: DataOption = None,
) -> None:
    """Play a stream through the whole program: a simulated sensor sends it, the recorder records it, the pages show it.

    A CSV file has the header time_s,x_g,y_g,z_g. It is the left ankle unless its name is right.csv. The first leg of
    a recorded night is played. The new recording is marked simulated and stored in a separate folder. The source is only read.
    The new night has the date of the evening after the newest night in that folder.

    Examples: [bold]legmon replay ankle.csv[/bold] · [bold]legmon replay last --speed 20[/bold] · [bold]legmon replay
    night.yaml[/bold]
    """
    from legmon.app.evening import Evening
    from legmon.app.replay import find_source
    from legmon.app.temporary import temporary_folder

    with temporary_folder("replay") as temporary:
        found = find_source(source, lambda: open_catalog(data), temporary)
        folder = into or (data or own_folder()) / "replay"
        evening = Evening(folder, port=port, browser=not no_browser, minutes=minutes, verbose=verbose)
        evening.replay(found, speed=speed)
    if not evening.in_order:
        raise typer.Exit(1)
