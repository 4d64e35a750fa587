"""``legmon open``: open the pages in a browser that was not let in yet."""

import webbrowser
from typing import Annotated

import typer

from legmon.cli.options import DataOption, JsonOption, print_json
from legmon.terminal import say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("open")(open_pages)


def open_pages(
    data: DataOption = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address, and open no browser.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Open your pages in the browser, while legmon runs.

    Other users of this computer cannot see your pages: a browser needs a token. This command makes one and puts it into the
    address. It works once, within five minutes. The browser then stays let in, also when legmon starts again.

    Examples: [bold]legmon open[/bold] · for another browser, print the address: [bold]legmon open --no-browser[/bold] ·
    for a script: [bold]legmon open --json[/bold]
    """
    from legmon.app.pages import address, running_pages

    folder, pages = running_pages(data)
    if as_json:
        print_json({"address": address(folder, pages), "pages": pages, "data": str(folder)})
        return
    if not no_browser and webbrowser.open(address(folder, pages)):
        say(f"Your pages are at {pages} (this computer only), data folder {folder}.")
        say("If no browser has opened, copy this address into one:")
    say(address(folder, pages))
