"""``legmon nights``: which nights there are, and what the recorder wrote of one."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from legmon.catalog.state import NightInfo
from legmon.cli.judged import Judged, judge, tell
from legmon.cli.options import AsRecordedOption, DataOption, JsonOption, existing, print_json
from legmon.messages import RECORDING_DAMAGED


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
    """List the nights, or show one as the recorder wrote it, with the marks of its owner.

    [bold]legmon nights last[/bold] shows what was found while the newest night was recorded;
    [bold]legmon score last[/bold] finds it again from the samples. The two agree, and so do the pages.
    The list has the counts of the recorder.
    """
    catalog = existing(data)
    if night is not None:
        info = catalog.night(night)
        _tell(info, judge(catalog, info, catalog.tracks(info.id), as_recorded=as_recorded), as_json=as_json)
        return
    listed = catalog.nights()
    if as_json:
        print_json({"nights": [asdict(n) for n in listed]})
        return
    table = Table(
        Column("night", no_wrap=True),
        "began",
        "hours",
        "movements",
        "periodic",
        "per hour recorded",
        "gaps",
        "",
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
                + ["recording"] * (n.state == "recording")
                + ["damaged"] * bool(n.damaged)
            ),
        )
    Console().print(table)


def _tell(info: NightInfo, judged: Judged, *, as_json: bool) -> None:
    """Print a night, and beside it where its recording is not what was written."""
    if not as_json:
        tell(judged, as_json=False)
        for leg in info.damaged:
            Console().print(f"{leg} leg: {RECORDING_DAMAGED}")
        return
    from legmon.nights.report import damage_findings, verdict

    answer = judged.answer()
    answer["details"]["quality"] += [asdict(f) for f in damage_findings(info)]
    answer["details"]["verdict"] = verdict(info, judged.scored)
    print_json(answer)
