"""``legmon replay``: the simulated sensor plays a file, a recorded night or a scenario through the whole program."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from legmon.app.replay import Played
from legmon.cli.options import DataOption, existing, own_folder
from legmon.cli.run import PORT, BrowserOption, MinutesOption, PortOption
from legmon.errors import LegmonError

SCENARIOS, FILES = {".yaml", ".yml"}, {".csv"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay)


def replay(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|NIGHT|SCENARIO.yaml",
            help="A CSV, a recorded night (its id or `last`), or a scenario.",
        ),
    ],
    speed: Annotated[
        float,
        typer.Option(min=0.1, max=200, metavar="X", help="Seconds of the source per second of wall clock."),
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
    data: DataOption = None,
) -> None:
    """Play a stream through the whole program: a simulated sensor measures it, the recorder records it, the pages show it.

    A CSV has the header time_s,x_g,y_g,z_g and is taken for the left ankle's unless it is called right.csv. Of a
    recorded night its first leg is played. What is recorded is marked simulated and goes to a folder of its own; the
    source is only read. The night is called after the evening behind the newest one there.
    """
    from legmon.app.evening import Evening

    with tempfile.TemporaryDirectory(prefix="legmon-replay-", ignore_cleanup_errors=True) as made:
        played = _played(source, data, Path(made))
        folder = into or (data or own_folder()) / "replay"
        Evening(folder, port=port, browser=not no_browser, minutes=minutes).replay(played, speed=speed)


def _played(source: str, data: Path | None, made: Path) -> Played:
    path = Path(source)
    kind = path.suffix.lower()
    if kind in SCENARIOS | FILES:
        if not path.is_file():
            raise LegmonError(f"there is no file {path}")
        if kind in SCENARIOS:
            return Played(f"the scenario {path}", ("--scenario", str(path.absolute())), has_truth=True)
        leg = "right" if path.stem.lower() == "right" else "left"
        return Played(f"{path}", ("--play", str(path.absolute()), "--leg", leg), has_truth=False)
    if path.is_file():
        raise LegmonError(
            f"{path} is neither a .csv with time_s,x_g,y_g,z_g nor a scenario (.yaml), so it cannot be played"
        )
    return _night(source, data, made)


def _night(name: str, data: Path | None, made: Path) -> Played:
    """Write a recorded night's first leg where the simulated sensor can read it."""
    from legmon.exchange.playable import write_csv
    from legmon.recording.segment import read_segment

    catalog = existing(data)
    try:
        info = catalog.night(name)
        track = next(iter(catalog.tracks(info.id)), None)
        if track is None or not track.anchors:
            raise LegmonError(f"night {info.id} holds no samples")
        _, scale_ug = catalog.scales(info.id)[track.leg]
        file = made / f"{info.id}.csv"
        write_csv(file, read_segment(catalog.segment(info.id, track.leg)), track, scale_ug)
    finally:
        catalog.close()
    return Played(
        f"the {track.leg} ankle of the night {info.id}",
        ("--play", str(file), "--leg", track.leg),
        has_truth=False,
    )
