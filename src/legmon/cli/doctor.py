"""``legmon doctor``: whether everything is ready for the night."""

import asyncio
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from legmon.cli.options import DataOption, HciOption, JsonOption, own_folder, print_json
from legmon.nights import readiness as checks
from legmon.nights.readiness import Check

_COLOURS = {"ok": "green", "look": "yellow", "stop": "red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    seconds: Annotated[
        float, typer.Option(min=0.1, max=120, metavar="N", help="How long to look for sensors.")
    ] = 5.0,
    hci: HciOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look whether everything is ready for the night, and say what to do where it is not.

    A line each: [bold]ok[/bold], [bold]look[/bold] (worth a look before the night), or [bold]stop[/bold] (there would be no
     night).
    The exit status is 1 with a stop, else 0.
    """
    folder = data or own_folder()
    if not as_json:
        Console(stderr=True).print(f"Looking for sensors, {seconds:.0f} s.")
    found = list(examine(folder, hci, seconds))
    if as_json:
        print_json({"verdict": checks.worst(found), "checks": [asdict(c) for c in found]})
    else:
        _show(found)
    if checks.worst(found) == "stop":
        raise typer.Exit(1)


def examine(folder: Path, hci: str | None, seconds: float) -> Iterator[Check]:
    """Ask this machine everything, and judge it."""
    from legmon.nights import machine as facts
    from legmon.recorder.process import RATE_HZ

    before = facts.wall_minus_boot_ns()
    yield from _radio(hci, seconds)
    jump_s = (facts.wall_minus_boot_ns() - before) / 1e9
    yield checks.folder(
        str(folder),
        facts.write_trouble(folder),
        exists=folder.exists(),
        others_read=facts.read_by_others(folder),
    )
    yield checks.disk(facts.free_bytes(folder), facts.bytes_per_second(RATE_HZ))
    yield checks.clock(time.gmtime().tm_year, jump_s, synchronised=facts.synchronised())
    yield checks.zone(*facts.zone())
    kept = facts.compiled_folder()
    yield checks.cache(str(kept), writable=facts.write_trouble(kept) is None)


def _radio(hci: str | None, seconds: float) -> Iterator[Check]:
    from legmon.link.radio import pick
    from legmon.nights import machine as facts
    from legmon.sensors.registry import registry

    try:
        heard, others = asyncio.run(
            facts.listen(pick(hci), tuple(registry().drivers.values()), seconds, hci=hci is not None)
        )
    except facts.RadioError as e:
        yield checks.bluetooth(e.trouble, str(e), sys.platform)
        return
    yield checks.bluetooth(None, f"The controller at {hci}" if hci else "A Bluetooth adapter", sys.platform)
    yield from checks.sensors(heard, others, seconds)


def _show(found: list[Check]) -> None:
    table = Table(
        Column(no_wrap=True), Column(no_wrap=True), Column(overflow="fold"), box=None, show_header=False
    )
    for check in found:
        colour = _COLOURS[check.verdict]
        text = escape(f"{check.found} {check.advice}".rstrip())
        table.add_row(f"[{colour}]{check.verdict}[/{colour}]", check.name, text)
    Console().print(table, markup=True)
