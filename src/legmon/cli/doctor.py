"""``legmon doctor``: check whether everything is ready for the night."""

from typing import TYPE_CHECKING, Annotated

import typer

from legmon.app.folders import own_folder
from legmon.cli.options import DataOption, HciOption, JsonOption, print_json
from legmon.terminal import console

if TYPE_CHECKING:
    from legmon.nights.readiness import ReadinessCheck

_LEVELS = {
    "ok": ("ok", "green"),
    "look": ("look", "yellow"),
    "stop": ("stop", "red"),
    "unknown": ("not known", "dim"),
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    seconds: Annotated[
        float, typer.Option(min=0.1, max=120, metavar="N", help="How long to listen for sensors.")
    ] = 5.0,
    hci: HciOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check whether everything is ready for the night, and show what to do if it is not.

    Each line is [bold]ok[/bold], [bold]look[/bold] (worth a look before the night), [bold]stop[/bold] (the night would be
    worthless), or [bold]not known[/bold] (nobody can tell here). The exit status is 1 if there is a stop, else 0. The page
    Tonight lists the same checks, and more once a sensor is connected.

    Examples: [bold]legmon doctor[/bold] · a sensor that advertises seldom: [bold]legmon doctor --seconds 30[/bold] · a USB
    dongle: [bold]legmon doctor --hci usb:0[/bold]
    """
    from legmon.nights.machine import examine
    from legmon.nights.readiness import worst

    if not as_json:
        console(err=True).print(f"Listening for sensors, {seconds:.0f} s.")
    checks = list(examine(data or own_folder(), hci, seconds))
    if as_json:
        print_json({"level": worst(checks), "checks": [c.answer() for c in checks]})
    else:
        _print(checks)
    if worst(checks) == "stop":
        raise typer.Exit(1)


def _print(checks: "list[ReadinessCheck]") -> None:
    from rich.table import Column, Table
    from rich.text import Text

    table = Table(
        Column(no_wrap=True), Column(no_wrap=True), Column(overflow="fold"), box=None, show_header=False
    )
    for check in checks:
        word, style = _LEVELS[check.level]
        level = Text(word, style=style)
        table.add_row(level, check.item, f"{check.sentence} {check.advice}".rstrip())
    console().print(table)
