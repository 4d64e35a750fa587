"""``legmon score``: movements, series and indices of a file or a recorded night."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from legmon.cli.options import DataOption, JsonOption, existing, print_json
from legmon.errors import LegmonError
from legmon.movement import Leg
from legmon.scoring.scored import NAMES, RULES, Scored, known_rules


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("score")(score)


def score(
    night: Annotated[
        str | None, typer.Argument(metavar="[NIGHT]", help="A recorded night: its id, or `last`.")
    ] = None,
    left: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="CSV of the left ankle (time_s,x_g,y_g,z_g), or a night."),
    ] = None,
    right: Annotated[
        str | None, typer.Option(metavar="FILE", help="CSV of the right ankle, or a night.")
    ] = None,
    rules: Annotated[str, typer.Option(help="The rule set: wasm2016, wasm2006 or aasm.")] = RULES,
    chunk: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Feed N samples at a time; the result is the same.")
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the leg movements of a recording and score them.

    [bold]legmon score last[/bold] scores the newest night from its samples.
    [bold]legmon score --left ankle.csv --json[/bold] scores a file.
    """
    try:
        known_rules(rules)
    except ValueError as e:
        raise LegmonError(str(e)) from e
    if night is not None and (left or right):
        raise LegmonError("name either a night or files, not both")
    if night is None and not (left or right):
        raise LegmonError("name a night (`legmon score last`) or a file (`legmon score --left FILE`)")
    scored = _night(night, data, rules) if night else _files(left, right, chunk, data, rules)
    if as_json:
        print_json(scored.answer())
    else:
        show(scored)


def _files(left: str | None, right: str | None, chunk: int | None, data: Path | None, rules: str) -> Scored:
    from legmon.exchange.csv import detect_csv
    from legmon.night.track import score_night

    legs: tuple[tuple[Leg, str | None], ...] = (("left", left), ("right", right))
    given = [(leg, file) for leg, file in legs if file is not None]
    recorded = [(leg, f) for leg, f in given if not Path(f).exists() and "." not in Path(f).name]
    if recorded:
        if len(given) > 1:
            raise LegmonError("a recorded night holds both its legs; name it alone: `legmon score NIGHT`")
        return _night(recorded[0][1], data, rules)
    return score_night([detect_csv(Path(f), leg, chunk=chunk) for leg, f in given], rules, origin_ns=0)


def _night(name: str, data: Path | None, rules: str) -> Scored:
    from legmon.night.leg import analyse
    from legmon.night.track import score_night
    from legmon.recording.segment import read_segment

    catalog = existing(data)
    info = catalog.night(name)
    try:
        legs = [analyse(read_segment(catalog.segment(info.id, leg))) for leg in info.legs]
        return score_night([leg.track() for leg in legs], rules)
    except ValueError as e:
        raise LegmonError(f"night {info.id}: {e}") from e


def show(scored: Scored) -> None:
    """Print a scored recording for a person."""
    console = Console()
    i = scored.indices
    hours = f"{scored.analysed_ns / 3.6e12:.2f} h recorded"
    rate = (
        ""
        if i.periodic_per_hour is None
        else f": {i.periodic_per_hour:.0f} periodic movements per hour recorded"
    )
    if scored.simulated:
        console.print("[reverse] SIMULATED [/reverse]")
    console.print(
        f"{i.movements} leg movements in {hours}. {i.periodic} of them came in {i.series} periodic series{rate}."
    )
    console.print(
        f"Rules: {NAMES[scored.rules]}. {len(scored.gaps)} gaps. Experimental; not validated against polysomnography."
    )
    table = Table("onset s", "length s", "leg", "kind", "interval s", "peak mg", "series", box=None)
    for s in scored.events:
        e = s.event
        table.add_row(
            f"{e.onset / 1e9:.2f}",
            f"{(e.offset - e.onset) / 1e9:.2f}",
            e.side,
            e.kind if s.candidate or e.kind != "leg" else "leg (not a candidate)",
            "" if s.interval is None else f"{s.interval / 1e9:.1f}",
            "" if e.peak_mg is None else f"{e.peak_mg:.0f}",
            "" if s.series is None else str(s.series),
        )
    console.print(table)
