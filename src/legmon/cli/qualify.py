"""``legmon qualify``: try a sensor for some minutes and save a card of how good it is."""

import json
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from legmon.app.folders import own_folder
from legmon.cli.options import DataOption, HciOption, JsonOption, listen_for_ctrl_c, print_json
from legmon.cli.scan import radio_failure, try_out
from legmon.errors import FailedError, LegmonError
from legmon.quoting import plain, shortened
from legmon.terminal import console as plain_console
from legmon.terminal import say

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
            help="How long to measure.",
            show_default="10; longer for a sensor that may switch itself off",
        ),
    ] = None,
    sensor: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this family (`legmon sensors`).")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Only the sensor with this address (`legmon scan`).")
    ] = None,
    on: Annotated[Literal["table", "leg"], typer.Option(help="Where the sensor is.")] = "table",
    rate: Annotated[float, typer.Option(min=5, max=400, help="The sample rate to ask for, Hz.")] = 50.0,
    hci: HciOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how good a sensor is: true rate, lateness, loss, noise, scale, battery.

    Put the sensor on a table, and turn it to another side from time to time. Four sides or more separate its scale from
    its offset. Then measure once more on your leg. Half an hour or more shows how much battery a night takes. Ctrl-C ends it
    early, with a card of the results so far. The card is saved in the data folder.

    Examples: [bold]legmon qualify[/bold] · on the leg: [bold]legmon qualify --on leg[/bold] · one sensor of several, for half
    an hour: [bold]legmon qualify --address C4:4C:4D:10:2A:31 --minutes 30[/bold]
    """
    import asyncio

    from bleak.exc import BleakError

    from legmon.qualify.trial import Trial

    drivers, trial = drivers_for(sensor, address), Trial(address)
    folder = _folder(data or own_folder())
    listen_for_ctrl_c()
    began = time.time_ns() - time.monotonic_ns()
    try:
        asyncio.run(_run(trial, drivers, minutes, rate, hci, began, quiet=as_json))
    except (BleakError, OSError) as e:
        raise FailedError(radio_failure(hci)) from e
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
        say(f"\nSaved: {path}" if not failed else "")
    if failed:
        raise FailedError(failed)
    if not card["samples"]:
        raise FailedError("no samples came; the card shows why")


def drivers_for(sensor: str | None, address: str | None) -> Sequence["Driver"]:
    """Return the drivers to try: the named one, all of them for an address, else those of sensors made to be worn.

    Raises
    ------
    LegmonError
        If there is no such family, or the address is not one.
    """
    from legmon.recorder.choice import is_address
    from legmon.sensors.registry import registry

    known = registry()
    if sensor is not None and sensor not in known.drivers:
        raise LegmonError(f'there is no sensor "{sensor}"; `legmon sensors` lists them')
    if address is not None and not is_address(address):
        raise LegmonError(f"--address {address}: this is not an address; `legmon scan` shows them")
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
    """Run the trial. `began` plus the monotonic clock is the time, ns UTC."""
    import asyncio

    from rich.markup import escape
    from rich.progress import Progress

    from legmon.link.radio import pick
    from legmon.link.session import Session
    from legmon.link.tasks import end_tasks

    radio = pick(hci)
    await try_out(radio)
    session = Session(
        radio,
        lambda: began + time.monotonic_ns(),
        trial,
        drivers=drivers,
        claim=trial.claim,
        rate_hz=round(rate),
        range_g=4,
    )
    task = asyncio.create_task(session.run())
    try:
        with Progress(console=plain_console(), disable=quiet) as progress:
            bar = progress.add_task("Looking for the sensor", total=None)
            until = time.monotonic() + FIND_S
            while trial.sensor is None:
                if task.done():
                    task.result()
                if time.monotonic() > until:
                    raise FailedError(f"no sensor streamed within {FIND_S:.0f} s: {trial.trouble}")
                await asyncio.sleep(0.1)
            name = escape(plain(shortened(trial.sensor.name)))
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
    """Make the folder of the cards, before the person waits for one.

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
    """Return the file name of a card. A card of the same sensor and minute is replaced."""
    address = "".join(c for c in card["address"] if c.isalnum())
    return f"{card['driver']}-{address}-{card['at'][:16].replace(':', '')}.json"


def _save(path: Path, card: dict[str, Any]) -> str:
    """Write the card. Return why it cannot be written; empty if it is."""
    try:
        path.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as e:
        return f"the card cannot be written to {path}: {e.strerror}"
    return ""


def _show(card: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    for name, text in card_lines(card).items():
        table.add_row(name, text)
    console = plain_console()
    console.print(table)
    for warning in card["warnings"]:
        console.print(f"! {warning}")


def card_lines(card: dict[str, Any]) -> dict[str, str]:
    """Return the lines of a card for a person, by name."""
    late, on_leg = card["late_ms"], card["on"] == "leg"
    rows = {
        "sensor": f"{card['name']} ({card['driver']})" + (", simulated" if card["simulated"] else ""),
        "measured": f"{card['minutes']:g} min on the {card['on']}",
        "true rate": f"{_known(card['true_hz'], 'Hz')}, declared {card['declared_hz']:g}"
        f" ({_known(card['rate_error_percent'], '%')})",
        "frames": f"every {_known(card['frame_s'], 's')}, longest pause {_known(card['longest_pause_s'], 's')}",
        "late": "not known"
        if late is None
        else f"half within {late[0]:g} ms, 95 % within {late[1]:g}, all within {late[2]:g}",
        "lost on the way": f"{card['lost']} samples, {card['lost_percent']:g} % (shows by {card['loss']})"
        + ("; a night fetches what its buffer still holds" if card["buffer"] and card["lost"] else ""),
        "noise": f"{_known(card['noise_mg'], 'mg')}, {_known(card['noise_ug_rthz'], 'µg/√Hz')}, from {card['still_s']:g} s still"
        + (", including the leg's own" if on_leg else ""),
        "gravity": _known(card["gravity_g"], "g"),
        "scale error": f"{_known(card['scale_error_percent'], '%')}, offset {_known(card['offset_mg'], 'mg')}",
        "sides": f"lay on {card['sides']} sides; 4 are needed to separate scale from offset",
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
        return "not known: the sensor reports no level"
    if not card["samples"]:
        return "not known: the sensor did not measure"
    if about is None:
        return "not known: needs half an hour or more, and not on a charger"
    return f"about {about:g} % in 8 h, at most {most:g}" if about else f"less than {most:g} % in 8 h"


def _known(value: float | None, unit: str) -> str:
    return "not known" if value is None else f"{value:g} {unit}"
