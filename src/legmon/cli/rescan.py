"""``legmon rescan``: make the catalog anew from the recordings and the annotation files beside them."""

from dataclasses import asdict

import typer

from legmon.app.folders import check_writable, own_folder
from legmon.cli.options import DataOption, JsonOption, print_json, read_recordings
from legmon.terminal import say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rescan")(rescan)


def rescan(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Make the list of nights anew from the recordings.

    legmon reads every recording in the data folder again, and what you said of each night: lights off and on, marks, fit
    checks, settings. It changes no recording. The catalog before is kept in the data folder. If the catalog is damaged or
    missing, legmon does the same by itself at its next start.

    The exit status is 1 if a night could not be read. End a running [bold]legmon run[/bold] first.

    Examples: [bold]legmon rescan[/bold] · another data folder: [bold]legmon rescan --data DIR[/bold]
    """
    from legmon.catalog.file import CatalogError, has_recordings
    from legmon.catalog.rescan import set_catalog_aside
    from legmon.catalog.store import NO_NIGHTS, Catalog

    folder = data or own_folder()
    if not has_recordings(folder):
        raise CatalogError(f"{NO_NIGHTS} ({folder}); name the folder of your nights with --data")
    check_writable(folder)
    kept = set_catalog_aside(folder)
    catalog = Catalog(folder)
    results = read_recordings(catalog)
    added = [r for r in results if r.movements is not None]
    if as_json:
        print_json({"kept": kept, "nights": [asdict(r) for r in results]})
    else:
        movements = sum(r.movements or 0 for r in added)
        say(f"{len(added)} nights with {movements} leg movements are in the catalog.")
        if kept:
            say(f"The catalog before is kept as {kept}.")
    if len(added) < len(results):
        raise typer.Exit(1)
