"""``legmon score``: movements, series and indices of a file, of a night, or of movements that something else found."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from legmon.cli.options import (
    AsRecordedOption,
    ColumnsOption,
    DataOption,
    FormatOption,
    JsonOption,
    RateOption,
    UnitOption,
    open_catalog,
    print_json,
)
from legmon.errors import LegmonError
from legmon.movement import Leg
from legmon.scoring.rules import RULES, Interpretation, known_rules
from legmon.scoring.wasm2016 import Ninety, Restart

if TYPE_CHECKING:
    from legmon.cli.printing import Printout
    from legmon.exchange.layout import Asked


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("score")(score)


def score(
    night: Annotated[
        str | None, typer.Argument(metavar="[NIGHT]", help="A recorded night: its id, or `last`.")
    ] = None,
    left: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Recording of the left ankle: a CSV or raw file, or a night."),
    ] = None,
    right: Annotated[
        str | None, typer.Option(metavar="FILE", help="Recording of the right ankle, or a night.")
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Movements that something else found: .json, .csv, .annot or .edf."
        ),
    ] = None,
    stages: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A scored night whose sleep stages are used for rates per hour asleep."
        ),
    ] = None,
    columns: ColumnsOption = None,
    unit: UnitOption = None,
    rate: RateOption = None,
    format_: FormatOption = None,
    rules: Annotated[str, typer.Option(help="The rule set: wasm2016, wasm2006 or aasm.")] = RULES,
    restart: Annotated[
        Restart,
        typer.Option(
            help="WASM 2016: whether a movement less than 10 s after the last may start a series (permissive) or not (strict)."
        ),
    ] = "permissive",
    ninety: Annotated[
        Ninety, typer.Option(help="WASM 2016: whether an interval of exactly 90 s stays in a series.")
    ] = "inclusive",
    chunk: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Feed N samples at a time; the result is the same.")
    ] = None,
    as_recorded: AsRecordedOption = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find and score the leg movements of a recording, or score movements that something else found.

    Examples: [bold]legmon score last[/bold] scores the newest night from its samples. [bold]legmon score --left ankle.csv
    --json[/bold] scores a file. [bold]legmon score --events lab.edf --rules aasm[/bold] applies the rules to movements that a
    person or a program marked.
    """
    from legmon.cli.printing import print_night
    from legmon.exchange.layout import Asked

    try:
        known_rules(rules)
    except ValueError as e:
        raise LegmonError(str(e)) from e
    if sum(x is not None for x in (night, left or right, events)) != 1:
        raise LegmonError(
            "name one thing to score: a night (`legmon score last`), a file (`--left FILE`) or movements (`--events FILE`)"
        )
    interpretation = Interpretation(restart, ninety)
    if events is not None and stages is not None:
        raise LegmonError("--stages goes with a recording; a file of --events holds its own stages")
    if events is not None:
        _score_events(events, rules, interpretation, as_json=as_json)
        return
    if night:
        printout = _score_night(night, data, rules, interpretation, as_recorded=as_recorded)
    else:
        asked = Asked(columns, unit, rate, format_)
        printout = _score_files(
            left, right, asked, chunk, data, rules, interpretation, as_recorded=as_recorded
        )
    print_night(printout if stages is None else _with_stages(printout, stages), as_json=as_json)


def _score_events(path: Path, rules: str, interpretation: Interpretation, *, as_json: bool) -> None:
    from legmon.cli.printing import Printout, print_tables
    from legmon.exchange.events import is_list, score_events

    results = score_events(path, rules, interpretation)
    if as_json:
        whole_list = path.suffix.lower() == ".json" and is_list(path)
        print_json([scored.to_dict() for scored in results] if whole_list else results[0].to_dict())
        return
    for scored in results:
        print_tables(Printout(scored, has_signal=False))


def _score_files(
    left: str | None,
    right: str | None,
    asked: "Asked",
    chunk: int | None,
    data: Path | None,
    rules: str,
    interpretation: Interpretation,
    *,
    as_recorded: bool,
) -> "Printout":
    from legmon.cli.printing import Printout
    from legmon.exchange.recordings import detect_recording
    from legmon.night.track import score_night

    legs: tuple[tuple[Leg, str | None], ...] = (("left", left), ("right", right))
    given = [(leg, file) for leg, file in legs if file is not None]
    recorded = [file for _, file in given if not Path(file).exists() and "." not in Path(file).name]
    if recorded:
        if len(given) > 1:
            raise LegmonError("a recorded night holds both its legs; name it alone: `legmon score NIGHT`")
        return _score_night(recorded[0], data, rules, interpretation, as_recorded=as_recorded)
    tracks = [detect_recording(Path(file), leg, chunk=chunk, asked=asked) for leg, file in given]
    dated = {track.dated for track in tracks}
    if len(dated) > 1:
        raise LegmonError(
            "one file has dates and the other one counts seconds, so they cannot be put on one clock"
        )
    origin_ns = None if dated == {True} else 0
    scored = score_night(tracks, rules, origin_ns=origin_ns, interpretation=interpretation)
    return Printout(scored, clock=tracks[0].clock)


def _with_stages(printout: "Printout", path: Path) -> "Printout":
    """Score again with the sleep stages of another file, as a denominator that names its source."""
    from legmon.catalog.zone import local_zone
    from legmon.exchange.hypnogram import read_hypnogram, wall_clock
    from legmon.scoring.score import scored_night

    before, night = printout.scored, printout.night
    first = before.origin_ns + before.start_ns
    offset = night.utc_offset_s if night else local_zone(first)[1] if printout.clock == "utc" else 0
    hypnogram = read_hypnogram(path)
    start = wall_clock(first, offset) if printout.clock else None
    scored = scored_night(
        before.detections,
        before.gaps,
        before.duration_ns,
        rules=before.rules,
        origin_ns=before.origin_ns,
        start_ns=before.start_ns,
        simulated=before.simulated,
        interpretation=replace(before.interpretation, stages=hypnogram.on_clock(start, before.start_ns)),
        quality=before.quality,
        notes=[*before.notes, *hypnogram.notes],
    )
    return replace(printout, scored=scored)


def _score_night(
    name: str, data: Path | None, rules: str, interpretation: Interpretation, *, as_recorded: bool
) -> "Printout":
    from legmon.cli.printing import night_printout
    from legmon.night.leg import analyse
    from legmon.nights.custody import check_legs
    from legmon.recording.files import read_segment

    catalog = open_catalog(data)
    info = catalog.night(name)
    info = check_legs(catalog, info, info.legs)
    try:
        legs = [analyse(read_segment(catalog.segment(info.id, leg))) for leg in info.legs]
    except ValueError as e:
        raise LegmonError(f"night {info.id}: {e}") from e
    tracks = [leg.track() for leg in legs]
    return night_printout(catalog, info, tracks, rules, interpretation, as_recorded=as_recorded)
