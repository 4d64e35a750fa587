"""The command line: ``legmon``."""

import sys

import typer

from legmon.errors import LegmonError

HELP = """Leg movements at night, from a Bluetooth ankle sensor or a simulated one, in your browser.

No sensor at hand? [bold]legmon demo[/bold] runs everything on a simulated one.

Experimental. Not a medical device, not validated against polysomnography.
"""


def command_line() -> typer.Typer:
    """Put the commands together."""
    from legmon.cli import doctor, golden, nights, qualify, replay, run, scan, score, sensors, simulate

    app = typer.Typer(
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    for module in (run, replay, score, nights, simulate, golden, doctor, sensors, scan, qualify):
        module.register(app)
    return app


def main() -> None:
    """Run the command line; what was asked wrongly ends with one sentence and status 2."""
    try:
        command_line()()
    except LegmonError as e:
        print(f"legmon: {e}", file=sys.stderr)
        sys.exit(e.status)
    except KeyboardInterrupt:
        sys.exit(130)
