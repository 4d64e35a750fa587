"""``legmon scan``: which sensors are near, and which driver fits each."""

import math
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from legmon.cli.options import HciOption, JsonOption, listen_for_ctrl_c, print_json
from legmon.errors import FailedError
from legmon.quoting import plain, shortened
from legmon.terminal import console

if TYPE_CHECKING:
    from rich.table import Table

    from legmon.link.radio import Radio
    from legmon.sensors.base import HeardSensor


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("scan")(scan)


def scan(
    seconds: Annotated[float, typer.Option(min=0.5, max=3600, help="How long to listen.")] = 10.0,
    everything: Annotated[
        bool, typer.Option("--all", help="Also show devices that no driver recognises.")
    ] = False,
    hci: HciOption = None,
    json: JsonOption = False,
) -> None:
    """Show the sensors that are near, the strongest first, and which driver fits each.

    To find out which one is yours, hold it close and see which line grows. Ctrl-C ends the scan early.

    Examples: [bold]legmon scan[/bold] · everything that advertises: [bold]legmon scan --all --seconds 30[/bold]
    """
    import asyncio

    from bleak.exc import BleakError

    from legmon.link.radio import pick

    listen_for_ctrl_c()
    heard: list[HeardSensor] = []
    try:
        asyncio.run(_scan(pick(hci), seconds, heard, everything=everything, quiet=json))
    except KeyboardInterrupt:
        if not json:
            raise
    except (BleakError, OSError) as e:
        raise FailedError(radio_failure(hci)) from e
    listed = shown(heard, everything=everything)
    if json:
        print_json({"nearby": [asdict(sensor) for sensor in listed]})
    elif not listed:
        console().print(no_sensor(len(heard)))


def no_sensor(others: int) -> str:
    """Return the sentence for a scan that found other devices but no sensor."""
    if not others:
        return "No device was heard. Is the sensor on, charged, near, and not connected to a phone?"
    if others == 1:
        return "legmon does not know the one device that was heard; `legmon scan --all` shows it."
    return f"legmon knows none of the {others} devices that were heard; `legmon scan --all` shows them."


def radio_failure(hci: str | None) -> str:
    """Return what is wrong with the radio and what to do, as `legmon doctor` does."""
    from legmon.nights.machine import try_radio

    check = try_radio(hci)
    if check.level == "ok":
        return "Bluetooth failed for a moment. Try again; `legmon doctor` checks it more closely."
    return f"{check.sentence} {check.advice}"


async def try_out(radio: "Radio") -> None:
    """Switch the radio on and off again.

    Raises
    ------
    BleakError, OSError
        If there is none.
    """
    from legmon.link.scan import scanning

    async with scanning(lambda _device, _data: None, radio.scanner):
        pass


async def _scan(
    radio: "Radio", seconds: float, heard: "list[HeardSensor]", *, everything: bool, quiet: bool
) -> None:
    """Scan. `heard` always holds the devices that were found lately, also after Ctrl-C."""
    from rich.live import Live

    from legmon.link.nearby import listen
    from legmon.sensors.registry import registry

    drivers = registry().drivers
    await try_out(radio)
    with nullcontext() if quiet else Live(_table([]), refresh_per_second=4, console=console()) as live:

        def changed(now: "list[HeardSensor]") -> None:
            heard[:] = now
            if live is not None:
                live.update(_table(shown(now, everything=everything)))

        await listen(radio, drivers, seconds, changed)


def shown(heard: "list[HeardSensor]", *, everything: bool) -> "list[HeardSensor]":
    """Return those that are shown: sensors, or every device."""
    return [sensor for sensor in heard if everything or sensor.driver is not None]


def _table(heard: "list[HeardSensor]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from legmon.sensors.registry import registry

    bench = {driver.name for driver in registry().drivers.values() if driver.declares.bench}
    table = Table("signal", "dBm", "name", "driver", "leg", "address", box=None, pad_edge=False)
    for sensor in heard:
        rssi = sensor.rssi_dbm if sensor.rssi_dbm is not None else math.nan
        bars = "" if math.isnan(rssi) else "▮" * max(1, min(8, math.ceil((rssi + 100) / 8)))
        driver = f"{sensor.driver} (bench)" if sensor.driver in bench else sensor.driver or "none fits"
        name = plain(shortened(sensor.name or "")).replace("\n", "\ufffd")  # a stranger's
        cells = (
            bars,
            "?" if math.isnan(rssi) else f"{rssi:.0f}",
            name,
            driver,
            sensor.side or "",
            sensor.address,
        )
        table.add_row(*map(Text, cells))  # a name is no markup
    return table
