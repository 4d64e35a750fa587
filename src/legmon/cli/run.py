"""``legmon run`` and ``legmon demo``: the recorder and the dashboard under one command."""

from pathlib import Path
from typing import Annotated

import typer

from legmon.catalog.state import Legs
from legmon.cli.options import DataOption, HciOption, demo_folder, own_folder
from legmon.errors import LegmonError

PORT = 8731
PortOption = Annotated[
    int,
    typer.Option(min=0, max=65535, help="Where the pages are, on this machine only; 0 picks a free port."),
]
BrowserOption = Annotated[bool, typer.Option("--no-browser", help="Do not open the browser.")]
MinutesOption = Annotated[
    float | None, typer.Option(min=0.01, metavar="M", help="End by itself after M minutes of wall clock.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("demo")(demo)
    app.command("run")(run)


def demo(
    speed: Annotated[
        float, typer.Option(min=0.1, max=200, metavar="X", help="Seconds of night per second of wall clock.")
    ] = 60.0,
    port: PortOption = PORT,
    no_browser: BrowserOption = False,
    minutes: MinutesOption = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Another simulated sleeper.")] = 1,
    data: DataOption = None,
) -> None:
    """Run the whole program on a simulated ankle sensor; nothing else is needed.

    Three simulated nights are there already; tonight streams over simulated Bluetooth, 60 times as fast as real time. Everything
    is marked simulated and lives in a folder of its own. Ctrl-C ends it.
    """
    from legmon.app.evening import Evening

    Evening(data or demo_folder(), port=port, browser=not no_browser, minutes=minutes).demo(
        speed=speed, seed=seed
    )


def run(
    port: PortOption = PORT,
    no_browser: BrowserOption = False,
    leg: Annotated[
        Legs | None,
        typer.Option(
            help="The ankle that wears the sensor; both for a sensor on each.",
            show_default="what the sensor says, else left",
        ),
    ] = None,
    sensor: Annotated[
        str | None,
        typer.Option(
            metavar="FAMILY|ADDRESS",
            help="Only sensors of this family (legmon sensors), or the one at this address (legmon scan).",
            show_default="any that is known, the last one first",
        ),
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="A simulated sensor in real time, no hardware.")
    ] = False,
    hci: HciOption = None,
    minutes: MinutesOption = None,
    data: DataOption = None,
) -> None:
    """Record tonight with a real sensor and show it in the browser. Ctrl-C ends the night.

    The night begins with Start on the page Tonight, after a look at the sensor; with [bold]--no-browser[/bold] at once.
    The sensor is one of those that [bold]legmon sensors[/bold] lists; it is found, paired with and started by itself.
    [bold]legmon doctor[/bold] says beforehand whether it can be heard, also with the same [bold]--hci[/bold].
    """
    from legmon.app.evening import Evening
    from legmon.recorder.choice import SensorChoice

    if simulate and hci is not None:
        raise LegmonError("--simulate brings a radio of its own; leave --hci out")
    if simulate and sensor is not None:
        raise LegmonError("--simulate brings a sensor of its own; leave --sensor out")
    SensorChoice(sensor)  # refuses an unknown sensor at once
    folder: Path = data or (own_folder() / "simulated" if simulate else own_folder())
    Evening(folder, port=port, browser=not no_browser, minutes=minutes).run(
        leg=leg, simulate=simulate, hci=hci, sensor=sensor
    )
