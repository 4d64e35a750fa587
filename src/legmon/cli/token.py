"""``legmon token``: the token with which other programs read the HTTP interface."""

from typing import Annotated

import typer

from legmon.app.folders import own_folder
from legmon.cli.options import DataOption, JsonOption, print_json
from legmon.terminal import say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("token")(token)


def token(
    new: Annotated[
        bool, typer.Option("--new", help="Replace the token: programs that have the old one are shut out.")
    ] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the token for other programs. Whoever has it can read your nights and stop the recorder.

    A program sends it as the header `Authorization: Bearer TOKEN`. It is made at first use and belongs to one data folder.

    Examples: [bold]legmon token[/bold] · replace it: [bold]legmon token --new[/bold] · the status of the demo:
    [bold]curl -H "Authorization: Bearer $(legmon token --data DIR)" http://127.0.0.1:8731/api/v1/status[/bold]
    """
    from legmon.errors import LegmonError
    from legmon.messages import Event
    from legmon.web import keys
    from legmon.web.audit import Audit

    folder = (data or own_folder()).absolute()
    if not folder.is_dir():
        raise LegmonError(f"{folder} does not exist; start legmon once, or name another folder with --data")
    is_first = not keys.has_bearer_token(folder)
    made = keys.bearer_token(folder, new=new)
    if new or is_first:
        Audit(folder).note(Event.TOKEN if is_first else Event.NEW_TOKEN, "command")
    if as_json:
        print_json({"token": made, "data": str(folder)})
    else:
        say(made)
