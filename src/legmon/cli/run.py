"""``legmon run`` and ``legmon demo``: the recorder and the dashboard under one command."""

from typing import Annotated

import typer

from legmon.app.folders import demo_folder, own_folder, simulated_folder
from legmon.cli.options import DataOption, HciOption
from legmon.errors import LegmonError
from legmon.movement import Legs

PORT = 8731
PortOption = Annotated[
    int,
    typer.Option(min=0, max=65535, help="Port of the pages, on this computer only; 0 picks a free one."),
]
BrowserOption = Annotated[bool, typer.Option("--no-browser", help="Do not open the browser.")]
MinutesOption = Annotated[
    float | None, typer.Option(min=0.01, metavar="M", help="End after M minutes of real time.")
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", help="Write details into the logs, and show the logs here.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("demo")(demo)
    app.command("run")(run)


def demo(
    speed: Annotated[
        float, typer.Option(min=0.1, max=300, metavar="X", help="Seconds of night per second of real time.")
    ] = 60.0,
    port: PortOption = PORT,
    no_browser: BrowserOption = False,
    minutes: MinutesOption = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Choose another simulated sleeper.")] = 1,
    verbose: VerboseOption = False,
    data: DataOption = None,
) -> None:
    """Run the whole program with a simulated ankle sensor. You need no hardware.

    The pages open at once. Two past nights are simulated and recorded, then tonight streams over simulated Bluetooth, 60 times
    as fast as real time, while twelve more past nights arrive. Everything is marked simulated and stored in a folder of its own.
    Ctrl-C ends it, and so does closing the terminal.

    Examples: [bold]legmon demo[/bold] · slower: [bold]legmon demo --speed 10[/bold] · without a browser, for five minutes:
    [bold]legmon demo --no-browser --minutes 5[/bold]
    """
    from legmon.app.demo import Demo

    folder = data or demo_folder()
    evening = Demo(folder, port=port, browser=not no_browser, minutes=minutes, verbose=verbose)
    evening.demo(speed=speed, seed=seed)
    if not evening.in_order:
        raise typer.Exit(1)


def run(
    port: PortOption = PORT,
    no_browser: BrowserOption = False,
    leg: Annotated[
        Legs | None,
        typer.Option(
            help="The ankle that wears the sensor; both for a sensor on each.",
            show_default="what the sensor reports, else left",
        ),
    ] = None,
    sensor: Annotated[
        str | None,
        typer.Option(
            metavar="FAMILY|ADDRESS",
            help="Only sensors of this family (`legmon sensors`), or the one with this address (`legmon scan`).",
            show_default="any known sensor, the last one used first",
        ),
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Use a simulated sensor in real time. No hardware.")
    ] = False,
    hci: HciOption = None,
    minutes: MinutesOption = None,
    verbose: VerboseOption = False,
    data: DataOption = None,
) -> None:
    """Record tonight with a real sensor and show it in the browser. Ctrl-C ends the night.

    The night does not depend on this terminal. If the terminal is closed or this command is killed, the night goes on:
    [bold]legmon status[/bold] shows it, another [bold]legmon run[/bold] looks on, and [bold]legmon stop[/bold] ends it.

    The night begins when you press Start on the page Tonight, after a check of the sensor. With [bold]--no-browser[/bold] it
    begins at once. legmon finds, pairs and starts the sensor by itself; [bold]legmon sensors[/bold] lists the kinds it knows.
    [bold]legmon doctor[/bold] checks beforehand whether your sensor can be heard.

    Examples: [bold]legmon run[/bold] · a sensor on each ankle: [bold]legmon run --leg both[/bold] · only a Polar sensor:
    [bold]legmon run --sensor polar[/bold] · no hardware: [bold]legmon run --simulate[/bold]
    """
    from legmon.app.client import Client, RunOptions
    from legmon.recorder.choice import SensorChoice

    if simulate and hci is not None:
        raise LegmonError("--simulate has a Bluetooth controller of its own; leave --hci out")
    if simulate and sensor is not None:
        raise LegmonError("--simulate has a sensor of its own; leave --sensor out")
    SensorChoice(sensor)  # refuses a sensor that does not exist, before anything starts
    options = RunOptions(
        port=port,
        browser=not no_browser,
        leg=leg,
        sensor=sensor,
        hci=hci,
        minutes=minutes,
        simulate=simulate,
        verbose=verbose,
    )
    if status := Client(data or (simulated_folder() if simulate else own_folder())).run(options):
        raise typer.Exit(status)
