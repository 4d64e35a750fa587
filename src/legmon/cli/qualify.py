"""``legmon qualify``: some minutes with a sensor, and a card of what it does; saved, so that it can be compared."""

import asyncio
import json
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from legmon.cli.options import DataOption, HciOption, JsonOption, own_folder, print_json
from legmon.cli.scan import no_radio, radio, try_out
from legmon.errors import FailedError, LegmonError
from legmon.link.tasks import end_tasks

if TYPE_CHECKING:
    from legmon.qualify.trial import Trial
    from legmon.sensors.base import Driver

FIND_S = 60.0
DEFAULT_S = 600.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("qualify")(qualify)


def qualify(
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.05,
            max=600,
            metavar="N",
            help="How long.",
            show_default="10; longer for a sensor that may switch itself off",
        ),
    ] = None,
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

    Put it on a table, and now and then on another side (four sides or more tell its scale from its offset).
    Then once more with --on leg.

    Half an hour and more tells the battery a night takes. Ctrl-C ends it earlier, with a card of what there is.
    The card is saved in the data folder.
    """
    from bleak.exc import BleakError

    from legmon.qualify.trial import Trial

    drivers, trial = drivers_for(sensor, address), Trial(address)
    folder = _folder(data or own_folder())
    began = time.time_ns() - time.monotonic_ns()
    try:
        asyncio.run(_run(trial, drivers, minutes, rate, hci, began, quiet=as_json))
    except (BleakError, OSError) as e:
        raise FailedError(no_radio(hci)) from e
    except KeyboardInterrupt:
        if trial.sensor is None:
            raise
    ended_ns = began + time.monotonic_ns()
    card = trial.card(ended_ns=ended_ns, on=on) | {
        "simulated": hci is not None and "client:" in hci,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    path = folder / _name(card)
    failed = _save(path, card)
    if as_json:
        print_json(card | {"saved": None if failed else str(path)})
    else:
        _show(card)
        print(f"\nSaved: {path}" if not failed else "")
    if failed:
        raise FailedError(failed)
    if not card["samples"]:
        raise FailedError("no samples came; see the card")


def drivers_for(sensor: str | None, address: str | None) -> Sequence["Driver"]:
    """Choose families: the one that is asked for, any for an address, else those made to be worn.

    Raises
    ------
    LegmonError
        If there is no such family, or this is no address.
    """
    from legmon.recorder.choice import is_address
    from legmon.sensors.registry import registry

    known = registry()
    if sensor is not None and sensor not in known.drivers:
        raise LegmonError(f'there is no sensor "{sensor}"; `legmon sensors` lists them')
    if address is not None and not is_address(address):
        raise LegmonError(f"--address {address}: that is none; `legmon scan` shows them")
    if sensor is not None:
        return (known.drivers[sensor],)
    return known.nightly if address is None else tuple(known.drivers.values())


async def _run(
    trial: "Trial",
    drivers: Sequence["Driver"],
    minutes: float | None,
    rate: float,
    hci: str | None,
    began: int,
    *,
    quiet: bool,
) -> None:
    """Carry the trial out; `began` makes times, ns UTC, of the monotonic clock."""
    from rich.markup import escape
    from rich.progress import Progress

    from legmon.link.session import Session

    chosen = radio(hci)
    await try_out(chosen)
    session = Session(
        chosen,
        lambda: began + time.monotonic_ns(),
        trial,
        drivers=drivers,
        claim=trial.claim,
        rate_hz=round(rate),
        range_g=4,
    )
    task = asyncio.create_task(session.run())
    try:
        with Progress(disable=quiet) as progress:
            bar = progress.add_task("looking for the sensor", total=None)
            until = time.monotonic() + FIND_S
            while trial.sensor is None:
                if task.done():
                    task.result()
                if time.monotonic() > until:
                    raise FailedError(f"no sensor streamed within {FIND_S:.0f} s: {trial.trouble}")
                await asyncio.sleep(0.1)
            name = escape(trial.sensor.name)
            started, idle_s = time.monotonic(), trial.sensor.declares.idle_s or 0.0
            length_s = minutes * 60 if minutes else max(DEFAULT_S, 1.5 * idle_s)
            while (passed := time.monotonic() - started) < length_s:
                progress.update(
                    bar, total=length_s, completed=passed, description=f"{name}: {len(trial.frames)} frames"
                )
                await asyncio.sleep(0.2)
    finally:
        await end_tasks(task, again_s=10.0)


def _folder(data: Path) -> Path:
    """Make the folder of the cards, before anybody has waited for one.

    Raises
    ------
    LegmonError
        If it cannot be written.
    """
    folder = data / "qualified"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise LegmonError(f"{folder} cannot be made ({e.strerror}); name another with --data") from e
    if not os.access(folder, os.W_OK):
        raise LegmonError(f"{folder} cannot be written; name another with --data")
    return folder


def _name(card: dict[str, Any]) -> str:
    """Name the file of a card; one of the same sensor and minute is replaced."""
    address = "".join(c for c in card["address"] if c.isalnum())
    return f"{card['driver']}-{address}-{card['at'][:16].replace(':', '')}.json"


def _save(path: Path, card: dict[str, Any]) -> str:
    """Write the card; say why it cannot be, if so."""
    try:
        path.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as e:
        return f"the card cannot be written to {path}: {e.strerror}"
    return ""


def _show(card: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    for name, text in shown(card).items():
        table.add_row(name, text)
    console = Console(highlight=False)
    console.print(table)
    for warning in card["warnings"]:
        console.print(f"! {warning}", markup=False)


def shown(card: dict[str, Any]) -> dict[str, str]:
    """Say what is on a card, a line by its name."""
    late, on_leg = card["late_ms"], card["on"] == "leg"
    rows = {
        "sensor": f"{card['name']} ({card['driver']})" + (", simulated" if card["simulated"] else ""),
        "measured": f"{card['minutes']:g} min on the {card['on']}",
        "true rate": f"{_said(card['true_hz'], 'Hz')}, asked {card['declared_hz']:g} ({_said(card['rate_error_percent'], '%')})",
        "frames": f"every {_said(card['frame_s'], 's')}, longest pause {_said(card['longest_pause_s'], 's')}",
        "late": "not known"
        if late is None
        else f"half within {late[0]:g} ms, 95 % within {late[1]:g}, all within {late[2]:g}",
        "lost on the way": f"{card['lost']} samples, {card['lost_percent']:g} % (shows by {card['loss']})"
        + ("; a night fetches what its buffer still holds" if card["buffer"] and card["lost"] else ""),
        "noise": f"{_said(card['noise_mg'], 'mg')}, {_said(card['noise_ug_rthz'], 'µg/√Hz')}, from {card['still_s']:g} s still"
        + (", the leg's own included" if on_leg else ""),
        "gravity": _said(card["gravity_g"], "g"),
        "scale error": f"{_said(card['scale_error_percent'], '%')}, offset {_said(card['offset_mg'], 'mg')}",
        "sides": f"lay on {card['sides']}; 4 tell scale and offset apart",
        "battery": _battery(card),
    }
    if not card["samples"]:
        return {name: rows[name] for name in ("sensor", "battery")}
    if on_leg and card["scale_error_percent"] is None:
        del rows["scale error"], rows["sides"]
    return rows


def _battery(card: dict[str, Any]) -> str:
    about, most = card["battery_percent_night"], card["battery_most_percent_night"]
    if not card["battery_levels"]:
        return "not known: it tells no level"
    if not card["samples"]:
        return "not known: it did not measure"
    if about is None:
        return "not known: needs half an hour or more, and not on a charger"
    return f"about {about:g} % in 8 h, at most {most:g}" if about else f"less than {most:g} % in 8 h"


def _said(value: float | None, unit: str) -> str:
    return "not known" if value is None else f"{value:g} {unit}"
