"""The command line: ``legmon``.

One file a command. A command imports what it works with inside its function, so that `legmon --help` answers at once.
"""

import sys

import typer

from legmon.errors import LegmonError

HELP = """Record leg movements at night with a Bluetooth ankle sensor, and see them in your browser.

No sensor yet? [bold]legmon demo[/bold] runs everything with a simulated one.

A first night: [bold]legmon doctor[/bold] checks this computer, [bold]legmon scan[/bold] finds your sensor,
[bold]legmon run[/bold] records. In the morning: [bold]legmon nights last[/bold]. Your pages, in another browser:
[bold]legmon open[/bold].

Experimental. Not a medical device, not validated against polysomnography.
"""


def command_line() -> typer.Typer:
    """Build the command line out of its commands."""
    from legmon.cli import (
        backup,
        doctor,
        golden,
        nights,
        opening,
        qualify,
        replay,
        rescan,
        run,
        scan,
        score,
        sensors,
        service,
        simulate,
        status,
        stop,
        token,
    )

    app = typer.Typer(
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    for module in (
        run,
        opening,
        status,
        stop,
        token,
        service,
        replay,
        score,
        nights,
        backup,
        rescan,
        simulate,
        golden,
        doctor,
        sensors,
        scan,
        qualify,
    ):
        module.register(app)
    return app


def main() -> None:
    """Run the command line. Bad input ends with one sentence and status 2, Ctrl-C with status 130."""
    try:
        command_line()()
    except LegmonError as e:
        print(f"legmon: {e}", file=sys.stderr)
        sys.exit(e.status)
    except KeyboardInterrupt:
        sys.exit(130)
