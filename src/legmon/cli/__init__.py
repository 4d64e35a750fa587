"""The command line: ``legmon``.

One file a command. A command imports what it works with inside its function, so that `legmon --help` answers at once.
"""

import errno
import sys
from typing import NoReturn

import typer

from legmon.errors import LegmonError
from legmon.quoting import sentence, shortened
from legmon.terminal import complain

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
        importing,
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
        warmup,
        why,
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
        why,
        nights,
        backup,
        rescan,
        importing,
        simulate,
        golden,
        doctor,
        warmup,
        sensors,
        scan,
        qualify,
    ):
        module.register(app)
    return app


def main() -> None:
    """Run the command line. Bad input ends with one sentence and status 2, Ctrl-C with status 130."""
    try:
        sys.exit(command_line()(standalone_mode=False) or 0)
    except typer.TyperException as e:
        _refuse(e)
    except LegmonError as e:
        complain(f"legmon: {e}")
        sys.exit(e.status)
    except typer.Abort:
        complain("Aborted.")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as e:
        if (trouble := _trouble(e)) is None:
            raise
        complain(f"legmon: {trouble}")
        sys.exit(2 if isinstance(e, OSError) and e.errno == errno.ENAMETOOLONG else 1)


def _trouble(error: Exception) -> str | None:
    """Return what the system or SQLite refused, and what to do; None for any other error."""
    if isinstance(error, OSError):
        name = f"{shortened(str(error.filename), 200)}: " if error.filename else ""
        return f"{name}{error.strerror or error}; check the name and the disk, then try again"
    from sqlalchemy.exc import DBAPIError

    from legmon.catalog.database import catalog_fault
    from legmon.messages import CATALOG_ADVICE

    if not isinstance(error, DBAPIError):
        return None
    return f"the catalog cannot be used ({error.orig}); {CATALOG_ADVICE[catalog_fault(error)]}"


def _refuse(error: typer.TyperException) -> NoReturn:
    """Print how a command is used and end. What somebody wrote on the command line is quoted short, and is no markup."""
    from typer import rich_utils

    error.message = sentence(error.message)
    rich_utils.rich_format_error(error)  # type: ignore[arg-type]  # it is always click's own
    sys.exit(error.exit_code)
