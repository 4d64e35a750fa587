"""``legmon nights``: the list of the nights, and one night as the recorder wrote it."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from legmon.cli.options import AsRecordedOption, DataOption, JsonOption, open_catalog, print_json

if TYPE_CHECKING:
    from legmon.catalog.state import NightInfo


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("nights")(nights)


def nights(
    night: Annotated[
        str | None, typer.Argument(metavar="[NIGHT]", help="One night: its id, or `last`.")
    ] = None,
    as_recorded: AsRecordedOption = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the nights, or show one of them as the recorder wrote it, with your marks.

    [bold]legmon nights last[/bold] shows what was found while the newest night was recorded. [bold]legmon score last[/bold]
    finds it again from the samples. Both agree with the pages. The list shows the recorder's counts.

    Examples: [bold]legmon nights[/bold] · [bold]legmon nights last[/bold] · the demo's nights, after [bold]legmon
    demo[/bold]: [bold]legmon nights --data[/bold] with the folder that it named
    """
    from legmon.cli.printing import night_printout, print_night

    catalog = open_catalog(data)
    if night is not None:
        info = catalog.night(night)
        tracks = catalog.tracks(info.id)
        print_night(night_printout(catalog, info, tracks, as_recorded=as_recorded), as_json=as_json)
        return
    listed = catalog.nights()
    if as_json:
        print_json({"nights": [_listed(n) for n in listed]})
    else:
        _print_list(listed)


def _listed(night: "NightInfo") -> dict[str, Any]:
    """Return a night as a JSON object, without the number that only the program's own caches need."""
    faults = [{"sentence": f.sentence} | asdict(f) for f in night.faults]
    return {name: value for name, value in asdict(night).items() if name != "revision"} | {"faults": faults}


def _print_list(listed: "list[NightInfo]") -> None:
    from rich.table import Column, Table

    from legmon.terminal import console as plain_console

    table = Table(
        Column("night", no_wrap=True),
        "began",
        "hours",
        "movements",
        "periodic",
        "per hour recorded",
        "gaps",
        Column("", no_wrap=True),
        box=None,
    )
    for n in listed:
        hours = n.analysed_ns / 3.6e12
        began = datetime.fromtimestamp(n.started_ns / 1e9, UTC) + timedelta(seconds=n.utc_offset_s)
        table.add_row(
            n.id,
            began.strftime("%a %H:%M"),
            f"{hours:.2f}",
            str(n.movements),
            str(n.periodic),
            f"{n.periodic / hours:.0f}" if hours > 0 else "",
            str(n.gaps),
            " ".join(
                ["simulated"] * n.simulated
                + ["imported"] * n.imported
                + ["recording"] * (n.state == "recording")
                + ["damaged"] * bool(n.damaged)
                + ["not verified"] * bool(n.faults and not n.damaged)
            ),
        )
    console = plain_console()
    console.print(table)
    for n in listed:
        for fault in n.faults:
            console.print(f"{n.id}, {fault.leg} leg: {fault.sentence}")
