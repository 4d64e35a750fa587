"""``legmon import``: make nights of recordings that another program or sensor made."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from legmon.app.folders import check_writable, own_folder
from legmon.cli.options import (
    ColumnsOption,
    DataOption,
    FormatOption,
    JsonOption,
    RateOption,
    UnitOption,
    print_json,
)
from legmon.errors import LegmonError
from legmon.movement import Leg

if TYPE_CHECKING:
    from legmon.exchange.importing import Imported
    from legmon.exchange.layout import Asked


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_)


def import_(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Recordings of one ankle, a night each.")
    ] = None,
    leg: Annotated[
        str | None,
        typer.Option(
            metavar="LEG", help="The ankle: left or right. Left out, the name of each file must tell it."
        ),
    ] = None,
    left: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Left ankle of a night of two legs.")
    ] = None,
    right: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Right ankle of a night of two legs.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="When it began (2026-03-01 22:00), in your time zone, where the file does not say it.",
        ),
    ] = None,
    columns: ColumnsOption = None,
    unit: UnitOption = None,
    rate: RateOption = None,
    format_: FormatOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make nights of recordings that another program or sensor made.

    An imported night has everything that a recorded night has: its signal, movements, marks, and a place on the pages. It is
    marked as imported. What legmon reads: CSV of many programs, EDF+ signals, and raw files of GENEActiv, Axivity and
    ActiGraph. Times without a time zone are taken as yours.

    Examples: [bold]legmon import left-ankle.csv[/bold] · [bold]legmon import --left l.cwa --right r.cwa[/bold] · [bold]legmon
    import night.csv --leg left --start '2026-03-01 22:00'[/bold]
    """
    from legmon.catalog.store import Catalog
    from legmon.exchange.layout import Asked

    wanted = _wanted(files or [], leg, left, right)
    began = None if start is None else _moment(start)
    if began is not None and len(wanted) > 1:
        raise LegmonError("--start is of one night; import the files one by one")
    folder = data or own_folder()
    check_writable(folder)
    asked = Asked(columns, unit, rate, format_)
    catalog = Catalog(folder)
    done = [_imported(catalog, legs, asked, began, as_json=as_json) for legs in wanted]
    if as_json:
        print_json({"nights": [_answer(d) for d in done]})


def _wanted(
    files: list[Path], leg: str | None, left: Path | None, right: Path | None
) -> list[dict[Leg, Path]]:
    """Return the files of each night."""
    from legmon.exchange.words import side

    if bool(files) == bool(left or right):
        raise LegmonError(
            "name the recordings to import (`legmon import FILE…`), or a file for --left and --right"
        )
    if leg not in {None, "left", "right"}:
        raise LegmonError("--leg is left or right")
    if not files:
        named: dict[Leg, Path | None] = {"left": left, "right": right}
        return [{name: file for name, file in named.items() if file is not None}]
    wanted: list[dict[Leg, Path]] = []
    for file in files:
        own: Leg | None = "left" if leg == "left" else "right" if leg == "right" else side(file.stem)
        if own is None:
            raise LegmonError(f"{file}: which ankle is it of? Say it with --leg left or --leg right")
        wanted.append({own: file})
    return wanted


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as e:
        raise LegmonError("--start: expected a date and a time, such as 2026-03-01 22:00") from e
    if found.tzinfo is not None:
        raise LegmonError("--start: write the time in your own time zone, such as 2026-03-01 22:00")
    return found


def _imported(
    catalog: Any, legs: dict[Leg, Path], asked: "Asked", start: datetime | None, *, as_json: bool
) -> "Imported":
    from legmon.exchange.importing import import_night
    from legmon.exchange.recordings import read_recording_file
    from legmon.terminal import say

    signals = {leg: read_recording_file(path, leg, asked) for leg, path in legs.items()}
    names = {leg: path.name for leg, path in legs.items()}
    done = import_night(catalog, signals, names, start)
    if not as_json:
        n = done.night
        hours = n.analysed_ns / 3.6e12
        say(
            f"{', '.join(names.values())} is night {n.id}: {n.movements} leg movements, {n.periodic} periodic, {hours:.2f} h."
        )
        for leg, note in done.notes:
            say(f"  {leg} leg: {note.sentence}")
    return done


def _answer(done: "Imported") -> dict[str, Any]:
    n = done.night
    return {
        "night": n.id,
        "legs": list(n.legs),
        "started": n.started_ns / 1e9,
        "duration_s": n.duration_ns / 1e9,
        "analysed_s": n.analysed_ns / 1e9,
        "movements": n.movements,
        "periodic": n.periodic,
        "notes": [{"leg": leg, "code": m.code, "sentence": m.sentence, **m.values} for leg, m in done.notes],
    }
