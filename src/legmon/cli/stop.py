"""``legmon stop``: end what `legmon run` started, from any terminal."""

import typer

from legmon.app.folders import other_folder_that_runs, own_folder, quoted
from legmon.cli.options import DataOption
from legmon.terminal import say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("stop")(stop)


def stop(data: DataOption = None) -> None:
    """End the night and everything that [bold]legmon run[/bold] started, as Ctrl-C does there.

    The last samples are fetched from the sensor and the night is closed. This may take up to 20 seconds. What could not be
    closed is named, and the exit status is then 1. If nothing runs, the exit status is 0.

    Examples: [bold]legmon stop[/bold] · another data folder: [bold]legmon stop --data ~/nights[/bold]
    """
    from legmon.app.client import Client
    from legmon.app.running import runs_on

    folder = data or own_folder()
    runs = runs_on(folder)
    status = Client(folder).stop()
    if not runs and data is None and (other := other_folder_that_runs(folder)):
        say(f"legmon runs on another folder: legmon stop --data {quoted(other)}")
    if status:
        raise typer.Exit(status)
