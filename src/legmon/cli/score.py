"""``legmon score``: movements, series and indices of a file, of a recorded night, or of movements found by something else."""

from pathlib import Path
from typing import Annotated

import typer

from legmon.cli.judged import Judged, judge, show, tell
from legmon.cli.options import AsRecordedOption, DataOption, JsonOption, existing, print_json
from legmon.errors import LegmonError
from legmon.movement import Leg
from legmon.scoring.rules import RULES, Interpretation, known_rules
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
    as_recorded: AsRecordedOption = False,
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
    interpretation = Interpretation(restart, ninety)
    if events is not None:
        _events(events, rules, interpretation, as_json=as_json)
        return
    if night:
        judged = _night(night, data, rules, interpretation, as_recorded=as_recorded)
    else:
        judged = _files(left, right, chunk, data, rules, interpretation, as_recorded=as_recorded)
    tell(judged, as_json=as_json)


def _events(path: Path, rules: str, interpretation: Interpretation, *, as_json: bool) -> None:
    from legmon.exchange.events import score_events

    found = score_events(path, rules, interpretation)
    if as_json:
        whole_list = path.suffix.lower() == ".json" and path.read_text(
            encoding="utf-8-sig"
        ).lstrip().startswith("[")
        print_json([s.to_dict() for s in found] if whole_list else found[0].to_dict())
        return
    for scored in found:
        show(scored)


def _files(
    left: str | None,
    right: str | None,
    chunk: int | None,
    data: Path | None,
    rules: str,
    interpretation: Interpretation,
    *,
    as_recorded: bool,
) -> Judged:
    from legmon.exchange.csv import detect_csv
    from legmon.night.track import score_night

    legs: tuple[tuple[Leg, str | None], ...] = (("left", left), ("right", right))
    given = [(leg, file) for leg, file in legs if file is not None]
    recorded = [(leg, f) for leg, f in given if not Path(f).exists() and "." not in Path(f).name]
    if recorded:
        if len(given) > 1:
            raise LegmonError("a recorded night holds both its legs; name it alone: `legmon score NIGHT`")
        return _night(recorded[0][1], data, rules, interpretation, as_recorded=as_recorded)
    tracks = [detect_csv(Path(f), leg, chunk=chunk) for leg, f in given]
    return Judged(score_night(tracks, rules, origin_ns=0, interpretation=interpretation))


def _night(
    name: str, data: Path | None, rules: str, interpretation: Interpretation, *, as_recorded: bool
) -> Judged:
    from legmon.night.leg import analyse
    from legmon.recording.segment import read_segment

    catalog = existing(data)
    info = catalog.night(name)
    try:
        legs = [analyse(read_segment(catalog.segment(info.id, leg))) for leg in info.legs]
    except ValueError as e:
        raise LegmonError(f"night {info.id}: {e}") from e
    return judge(catalog, info, [leg.track() for leg in legs], rules, interpretation, as_recorded=as_recorded)
