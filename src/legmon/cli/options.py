"""Options that several commands share, and what every command does with the data folder and with JSON.

Nothing here imports the catalog or a sensor at module level: `legmon --help` must answer at once.
"""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from legmon.app.folders import demo_folder, own_folder, quoted
from legmon.errors import LegmonError
from legmon.messages import renewal_sentence, unlisted_sentence
from legmon.quoting import plain, shortened
from legmon.terminal import complain, console, json_text, say

if TYPE_CHECKING:
    from legmon.catalog.rescan import RescannedNight
    from legmon.catalog.store import Catalog

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        envvar="LEGMON_DATA",
        help="The data folder.",
        show_default="your own, or the demo's",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object, for other programs.")]
AsRecordedOption = Annotated[
    bool,
    typer.Option(
        "--as-recorded",
        help="Ignore your marks: movements you marked as your own, lights off and lights on.",
    ),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="T,X,Y,Z",
        help="Names or numbers of the columns of time, x, y and z, for a table that legmon does not know; - for no time.",
    ),
]
UnitOption = Annotated[
    str | None,
    typer.Option(
        "--unit", metavar="UNIT", help="The unit of acceleration: g, mg, m/s2, or counts to the g as 8192/g."
    ),
]
RateOption = Annotated[
    float | None,
    typer.Option(
        "--rate", metavar="HZ", min=0.001, max=100_000, help="The sample rate, for a file without times."
    ),
]
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="The program that wrote the file, where legmon takes it for another one.",
    ),
]
SCHEMES = ("unix-client", "unix", "tcp-client", "usb", "pyusb", "serial", "hci-socket")


def _transport(value: str | None) -> str | None:
    if value is not None and value.partition(":")[0] not in SCHEMES:
        raise LegmonError(
            f"--hci {plain(shortened(value))}: write one of {', '.join(f'{s}:…' for s in SCHEMES)}"
        )
    return value


HciOption = Annotated[
    str | None,
    typer.Option(
        "--hci",
        metavar="TRANSPORT",
        callback=_transport,
        help=(
            "Use a Bluetooth controller for legmon alone instead of this computer's Bluetooth: usb:0 is the first USB dongle"
            " (no system driver may hold it), serial:/dev/ttyACM0,1000000 is a board with HCI firmware."
        ),
        show_default="this computer's Bluetooth",
    ),
]


def open_catalog(data: Path | None) -> "Catalog":
    """Open the catalog of a data folder that should have one.

    Raises
    ------
    CatalogError
        If the folder has none. Where only the demo has nights, the error names the demo's folder.
    """
    from legmon.catalog.file import CatalogError, has_recordings
    from legmon.catalog.store import NO_NIGHTS, Catalog

    folder = data or own_folder()
    if not (folder / "catalog.sqlite").exists() and not has_recordings(folder):
        hint = "record one with `legmon run`, or try `legmon demo`"
        demo = demo_folder()
        if folder != demo and (demo / "catalog.sqlite").exists():
            hint = f"the demo's nights are in another folder: add --data {quoted(demo)}"
        raise CatalogError(f"{NO_NIGHTS} ({folder}); {hint}")
    catalog = Catalog(folder)
    if catalog.renewal is not None:
        complain(f"legmon: {renewal_sentence(catalog.renewal.why, catalog.renewal.kept)}")
        read_recordings(catalog)
    elif unknown := catalog.unknown_recordings():
        complain(f"legmon: {unlisted_sentence(len(unknown))}")
    return catalog


def read_recordings(catalog: "Catalog") -> "list[RescannedNight]":
    """Add every recording that the catalog does not know, with a progress bar, and print what could not be read."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from legmon.catalog.rescan import rescan as add_nights

    columns = (TextColumn("Reading the recordings"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    nights = catalog.unknown_recordings()
    with Progress(*columns, console=console(err=True), transient=True) as bar:
        task = bar.add_task("", total=len(nights))
        results = add_nights(catalog, nights, lambda _: bar.advance(task))
    for problem in (p for r in results for p in r.problems):
        complain(problem)
    return results


def print_json(value: Any) -> None:
    """Print a JSON object on one line of standard output."""
    say(json_text(value))


def listen_for_ctrl_c() -> None:
    """Make SIGINT raise `KeyboardInterrupt`, even if the program started with SIGINT ignored.

    A shell script starts its background jobs with SIGINT ignored. A command that ends early on SIGINT, and prints what it
    has, must still do so there.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
