"""``legmon qualify``: some minutes with a sensor, and a card of what it does; saved, so that it can be compared."""

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from legmon.cli.options import DataOption, HciOption, JsonOption, own_folder, print_json
from legmon.cli.scan import no_radio, radio, try_out
from legmon.errors import FailedError, LegmonError
from legmon.link.ending import ended

FIND_S = 60.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("qualify")(qualify)


def qualify(
    minutes: Annotated[float, typer.Option(min=0.05, max=600, metavar="N", help="How long.")] = 10.0,
    sensor: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this family (`legmon sensors`).")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Only the sensor with this address (`legmon scan`).")
    ] = None,
    on: Annotated[Literal["table", "leg"], typer.Option(help="Where it is meanwhile.")] = "table",
    rate: Annotated[float, typer.Option(min=5, max=400, help="Hz to ask for.")] = 50.0,
    hci: HciOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find out how good a sensor is: true rate, lateness, loss, noise, scale, battery.

    Put it on a table, and now and then on another side (four sides or more tell its scale from its offset); then once more with
    --on leg. Half an hour and more tells the battery a night takes. The card is saved in the data folder.
    """
    from bleak.exc import BleakError

    from legmon.sensors.registry import registry

    known = registry()
    if sensor is not None and sensor not in known.drivers:
        raise LegmonError(f'there is no sensor "{sensor}"; `legmon sensors` lists them')
    drivers = [d for d in known.drivers.values() if sensor in {None, d.name}]
    try:
        card = asyncio.run(_qualify(drivers, minutes, address, rate, hci, quiet=as_json))
    except (BleakError, OSError) as e:
        raise FailedError(no_radio(hci)) from e
    card |= {
        "on": on,
        "simulated": hci is not None and "client:" in hci,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    path = _save(data or own_folder(), card)
    if as_json:
        print_json(card | {"saved": str(path)})
    else:
        _show(card, path)


async def _qualify(
    drivers: Any, minutes: float, address: str | None, rate: float, hci: str | None, *, quiet: bool
) -> dict[str, Any]:
    from rich.progress import Progress

    from legmon.link.session import Session
    from legmon.recorder.trial import Trial

    began = time.time_ns() - time.monotonic_ns()
    trial, chosen = Trial(), radio(hci)
    await try_out(chosen)
    session = Session(
        chosen,
        lambda: began + time.monotonic_ns(),
        trial,
        drivers=drivers,
        claim=lambda found: address is None or found.lower() == address.lower(),
        rate_hz=round(rate),
        range_g=4,
    )
    task = asyncio.create_task(session.run())
    try:
        with Progress(disable=quiet) as progress:
            bar = progress.add_task("looking for the sensor", total=minutes * 60)
            until = time.monotonic() + FIND_S
            while trial.identity is None:
                if task.done():
                    task.result()
                if time.monotonic() > until:
                    raise FailedError(f"no sensor streamed within {FIND_S:.0f} s: {trial.sentence}")
                await asyncio.sleep(0.1)
            name = trial.identity.name
            started = time.monotonic()
            while (passed := time.monotonic() - started) < minutes * 60:
                progress.update(bar, completed=passed, description=f"{name}: {len(trial.frames)} frames")
                await asyncio.sleep(0.2)
    finally:
        await ended(task, again_s=10.0)
    return trial.card()


def _save(folder: Path, card: dict[str, Any]) -> Path:
    """Write the card; one of the same sensor and minute is replaced."""
    where = folder / "qualified"
    address = "".join(c for c in card["address"] if c.isalnum())
    path = where / f"{card['driver']}-{address}-{card['at'][:16].replace(':', '')}.json"
    try:
        where.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as e:
        raise FailedError(f"the card cannot be written to {path}: {e.strerror}") from e
    return path


def _show(card: dict[str, Any], path: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    def said(value: float | None, unit: str) -> str:
        return "not known" if value is None else f"{value:g} {unit}"

    table = Table(box=None, show_header=False, pad_edge=False)
    late = card["late_ms"]
    rows = {
        "sensor": f"{card['name']} ({card['driver']})" + (", simulated" if card["simulated"] else ""),
        "measured": f"{card['minutes']:g} min on the {card['on']}",
        "true rate": f"{said(card['true_hz'], 'Hz')}, asked {card['declared_hz']:g} ({said(card['rate_error_percent'], '%')})",
        "frames": f"every {said(card['frame_s'], 's')}, longest pause {said(card['longest_pause_s'], 's')}",
        "late": "not known"
        if late is None
        else f"half within {late[0]:g} ms, 95 % within {late[1]:g}, all within {late[2]:g}",
        "lost": f"{card['lost']} samples, {card['lost_percent']:g} % (shows by {card['loss']})",
        "noise": f"{said(card['noise_mg'], 'mg')}, {said(card['noise_ug_rthz'], 'µg/√Hz')}, from {card['still_s']:g} s still",
        "gravity": said(card["gravity_g"], "g"),
        "scale error": f"{said(card['scale_error_percent'], '%')}, offset {said(card['offset_mg'], 'mg')}",
        "sides": f"lay on {card['sides']}; 4 tell scale and offset apart",
        "battery": f"{said(card['battery_percent_night'], '% in 8 h')}",
    }
    for name, text in rows.items():
        table.add_row(name, text)
    console = Console(highlight=False)
    console.print(table)
    for warning in card["warnings"]:
        console.print(f"! {warning}", markup=False)
    console.print(f"\nSaved: {path}", markup=False, soft_wrap=True)
