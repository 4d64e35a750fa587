"""``legmon service``: start legmon with the computer."""

from typing import Annotated

import typer

from legmon.app.folders import own_folder
from legmon.cli.options import DataOption, JsonOption, print_json
from legmon.cli.run import PORT
from legmon.terminal import say

HELP = """Start legmon with the computer, so that the pages are there every evening.

The service records nothing by itself: the night begins with Start on the page Tonight. A night that was interrupted less than
half an hour ago goes on. On Linux it is a user unit of systemd. On macOS it is an agent of launchd, which is not tried yet.

Examples: [bold]legmon service install[/bold] · [bold]legmon service status[/bold] · [bold]legmon service remove[/bold]
"""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    service = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich")
    service.command("install")(install)
    service.command("remove")(remove)
    service.command("status")(status)
    app.add_typer(service, name="service")


def install(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the pages, on this computer only.")
    ] = PORT,
    data: DataOption = None,
) -> None:
    """Write the service, and start it where the system allows.

    It runs this installation of legmon. Install the service again after you move legmon, or to use another data folder.

    Examples: [bold]legmon service install[/bold] · another folder: [bold]legmon service install --data ~/nights[/bold]
    """
    from legmon.app import service

    for line in service.install(data or own_folder(), port):
        say(line)


def remove() -> None:
    """Stop the service and remove it. Your nights stay.

    Example: [bold]legmon service remove[/bold]
    """
    from legmon.app import service

    for line in service.remove():
        say(line)


def status(as_json: JsonOption = False) -> None:
    """Show whether the service is installed, starts with the computer, and runs. [bold]legmon status[/bold] shows the night.

    Examples: [bold]legmon service status[/bold] · for a script: [bold]legmon service status --json[/bold]
    """
    from legmon.app import service

    state = service.state()
    if as_json:
        print_json(state.answer())
        return
    if not state.installed:
        say(
            f"The service is not installed ({state.file} does not exist). Install it with: legmon service install"
        )
        return
    words = {True: "yes", False: "no", None: "not known here"}
    say(f"The service is installed: {state.file}")
    say(f"Starts with the login: {words[state.enabled]}")
    say(f"Runs now: {words[state.active]}")
    say(f"Runs also while you are not logged in: {words[state.lingers]} (loginctl enable-linger)")
