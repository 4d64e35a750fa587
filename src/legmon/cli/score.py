"""``legmon score``: movements, series and indices of a file, of a recorded night, or of movements found by something else."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from legmon.cli.options import DataOption, JsonOption, existing, print_json
from legmon.errors import LegmonError
from legmon.movement import Leg
from legmon.scoring.answer import details_json
from legmon.scoring.scored import NAMES, RULES, Reading, Scored, known_rules
from legmon.scoring.wasm2016 import Ninety, Restart


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
    events: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Movements found by something else: .json, .csv, .annot or .edf."),
    ] = None,
    rules: Annotated[str, typer.Option(help="The rule set: wasm2016, wasm2006 or aasm.")] = RULES,
    restart: Annotated[
        Restart,
        typer.Option(
            help="WASM 2016: may a movement under 10 s after the last start a series (permissive) or not."
        ),
    ] = "permissive",
    ninety: Annotated[
        Ninety, typer.Option(help="WASM 2016: does an interval of exactly 90 s stay in a series.")
    ] = "inclusive",
    chunk: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Feed N samples at a time; the result is the same.")
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the leg movements of a recording and score them, or score movements found elsewhere.

    [bold]legmon score last[/bold] scores the newest night from its samples.
    [bold]legmon score --left ankle.csv --json[/bold] scores a file.
    [bold]legmon score --events lab.edf --rules aasm[/bold] applies the rules to movements that a person or program marked.
    """
    try:
        known_rules(rules)
    except ValueError as e:
        raise LegmonError(str(e)) from e
    if sum(x is not None for x in (night, left or right, events)) != 1:
        raise LegmonError(
            "name one thing to score: a night (`legmon score last`), a file (`--left FILE`) or movements (`--events FILE`)"
        )
    reading = Reading(restart, ninety)
    if events is not None:
        _events(events, rules, reading, as_json=as_json)
        return
    scored = (
        _night(night, data, rules, reading) if night else _files(left, right, chunk, data, rules, reading)
    )
    if as_json:
        print_json(scored.answer())
    else:
        show(scored)


def _events(path: Path, rules: str, reading: Reading, *, as_json: bool) -> None:
    from legmon.exchange.events import score_events

    found = score_events(path, rules, reading)
    if as_json:
        whole_list = path.suffix.lower() == ".json" and path.read_text(
            encoding="utf-8-sig"
        ).lstrip().startswith("[")
        print_json([s.answer() for s in found] if whole_list else found[0].answer())
        return
    for scored in found:
        show(scored)


def _files(
    left: str | None, right: str | None, chunk: int | None, data: Path | None, rules: str, reading: Reading
) -> Scored:
    from legmon.exchange.csv import detect_csv
    from legmon.night.track import score_night

    legs: tuple[tuple[Leg, str | None], ...] = (("left", left), ("right", right))
    given = [(leg, file) for leg, file in legs if file is not None]
    recorded = [(leg, f) for leg, f in given if not Path(f).exists() and "." not in Path(f).name]
    if recorded:
        if len(given) > 1:
            raise LegmonError("a recorded night holds both its legs; name it alone: `legmon score NIGHT`")
        return _night(recorded[0][1], data, rules, reading)
    tracks = [detect_csv(Path(f), leg, chunk=chunk) for leg, f in given]
    return score_night(tracks, rules, origin_ns=0, reading=reading)


def _night(name: str, data: Path | None, rules: str, reading: Reading) -> Scored:
    from legmon.night.leg import analyse
    from legmon.night.track import score_night
    from legmon.recording.segment import read_segment

    catalog = existing(data)
    info = catalog.night(name)
    try:
        legs = [analyse(read_segment(catalog.segment(info.id, leg))) for leg in info.legs]
        return score_night([leg.track() for leg in legs], rules, reading=reading)
    except ValueError as e:
        raise LegmonError(f"night {info.id}: {e}") from e


def show(scored: Scored) -> None:
    """Print a scored recording for a person."""
    console = Console()
    i = scored.indices
    if scored.simulated:
        console.print("[reverse] SIMULATED [/reverse]")
    rate = (
        ""
        if i.periodic_per_hour is None
        else f": {i.periodic_per_hour:.0f} periodic movements per hour recorded"
    )
    console.print(
        f"{i.movements} leg movements in {i.hours:.2f} h recorded. {i.periodic} of them came in {i.series} periodic series{rate}."
    )
    console.print(
        f"Rules: {NAMES[scored.rules]}. {len(scored.gaps)} gaps. Experimental; not validated against polysomnography."
    )
    console.print(_events_table(scored))
    console.print(_numbers_table(scored))


def _events_table(scored: Scored) -> Table:
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
    return table


def _numbers_table(scored: Scored) -> Table:
    i, d = scored.indices, details_json(scored)
    table = Table("number", "value", box=None)
    table.add_row("candidate movements", str(i.candidates))
    for side, count in d["legs"].items():
        table.add_row(f"movements, {side}", str(count["movements"]))
    table.add_row("isolated candidates per hour recorded", _plain(d["per_hour"]["isolated_candidates"]))
    table.add_row("interval, geometric mean of 10 to 90 s", _plain(i.interval_geometric_mean_s, " s"))
    table.add_row("periodicity index (2006)", _plain(i.periodicity_index_2006))
    table.add_row("periodic over candidates", _plain(i.periodic_ratio))
    if d["sleep"]:
        table.add_row("periodic per hour asleep", _plain(d["sleep"]["periodic_per_hour_asleep"]))
        table.add_row("periodic per hour awake", _plain(d["sleep"]["periodic_per_hour_awake"]))
    if d["gaps_to_5_s_bridged"]["differs_by_more_than_10_percent"]:
        table.add_row("periodic if gaps up to 5 s were bridged", str(d["gaps_to_5_s_bridged"]["periodic"]))
    table.add_row("not measured", ", ".join(d["not_measured"]))
    return table


def _plain(value: float | None, unit: str = "") -> str:
    return "not defined" if value is None else f"{value:.2f}{unit}"
