"""``legmon status``: show what runs."""

import typer

from legmon.app.folders import other_folder_that_runs, own_folder, quoted
from legmon.cli.options import DataOption, JsonOption, print_json
from legmon.terminal import say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Show what runs: recorder and dashboard, since when, the address of the pages, the night and the sensors.

    The exit status is 0, also if nothing runs. [bold]legmon run[/bold] starts what is shown here, [bold]legmon stop[/bold]
    ends it.

    Examples: [bold]legmon status[/bold] · for a script: [bold]legmon status --json[/bold]
    """
    from legmon.app.state import sentences, what_runs

    folder = (data or own_folder()).absolute()
    state = what_runs(folder)
    if as_json:
        print_json(state)
        return
    for line in sentences(state):
        say(line)
    if not state["runs"] and data is None and (other := other_folder_that_runs(folder)):
        say(f"legmon runs on another folder: legmon status --data {quoted(other)}")
