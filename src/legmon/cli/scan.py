"""``legmon scan``: which sensors are near, and which driver fits each."""

import asyncio
import math
import sys
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from legmon.cli.options import HciOption, JsonOption, print_json
from legmon.errors import FailedError
from legmon.link.radio import Radio, pick

if TYPE_CHECKING:
    from rich.table import Table

    from legmon.link.nearby import Nearby


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("scan")(scan)


def scan(
    seconds: Annotated[float, typer.Option(min=0.5, max=3600, help="How long to listen.")] = 10.0,
    everything: Annotated[bool, typer.Option("--all", help="Also what no driver fits.")] = False,
    hci: HciOption = None,
    json: JsonOption = False,
) -> None:
    """Show the sensors that are near, strongest first, and which driver fits each.

    Hold a sensor close and see which line grows. Ctrl-C ends it earlier.
    """
    from bleak.exc import BleakError
    from rich.console import Console

    heard: list[Nearby] = []
    try:
        asyncio.run(_scan(radio(hci), seconds, heard, everything=everything, quiet=json))
    except KeyboardInterrupt:
        if not json:
            raise
    except (BleakError, OSError) as e:
        raise FailedError(no_radio(hci)) from e
    found = wanted(heard, everything=everything)
    if json:
        print_json({"nearby": [asdict(n) for n in found]})
    elif not found:
        Console().print(nothing_of(len(heard)))


def nothing_of(others: int) -> str:
    """Say that no sensor was among so many devices."""
    if not others:
        return "Nothing is heard. Is the sensor on, charged, near, and not connected to a phone?"
    if others == 1:
        return "The one device heard is no sensor legmon knows; `legmon scan --all` shows it."
    return f"None of the {others} devices heard is a sensor legmon knows; `legmon scan --all` shows them."


def radio(hci: str | None) -> Radio:
    """Choose the radio."""
    return pick(hci)


def no_radio(hci: str | None) -> str:
    """Look as `legmon doctor` does what is wrong with the radio, and say what to do."""
    from legmon.nights import machine as facts
    from legmon.nights import readiness as checks

    try:
        asyncio.run(facts.listen(pick(hci), (), 0.0, hci=hci is not None))
    except facts.RadioError as e:
        check = checks.bluetooth(e.trouble, str(e), sys.platform)
        return f"{check.found} {check.advice}"
    return "Bluetooth failed meanwhile. Try again; `legmon doctor` looks at it more closely."


async def try_out(radio: Radio) -> None:
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
    radio: Radio, seconds: float, heard: "list[Nearby]", *, everything: bool, quiet: bool
) -> None:
    """Listen; `heard` always holds what was heard lately."""
    from rich.console import Console
    from rich.live import Live

    from legmon.link.nearby import listen
    from legmon.sensors.registry import registry

    known = registry()
    await try_out(radio)
    with nullcontext() if quiet else Live(_table([]), refresh_per_second=4, console=Console()) as live:

        def changed(now: "list[Nearby]") -> None:
            heard[:] = now
            if live is not None:
                live.update(_table(wanted(now, everything=everything)))

        await listen(radio, known, seconds, changed)


def wanted(heard: "list[Nearby]", *, everything: bool) -> "list[Nearby]":
    """Give those that are shown."""
    return [n for n in heard if everything or n.driver is not None]


def _table(heard: "list[Nearby]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from legmon.sensors.registry import registry

    bench = {driver.name for driver in registry().drivers.values() if driver.declares.bench}
    table = Table("signal", "dBm", "name", "driver", "leg", "address", box=None, pad_edge=False)
    for n in heard:
        bars = "▮" * max(1, min(8, math.ceil((n.rssi_dbm + 100) / 8)))
        driver = f"{n.driver} (bench)" if n.driver in bench else n.driver or "none fits"
        name = "".join(c if c.isprintable() else "�" for c in n.name or "")  # a stranger's
        cells = (bars, f"{n.rssi_dbm:.0f}", name, driver, n.side or "", n.address)
        table.add_row(*map(Text, cells))  # a name is no markup
    return table
