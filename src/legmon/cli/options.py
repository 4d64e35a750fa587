"""Options that several commands share, and what every command does with the data folder and with JSON.

Nothing here imports the catalog or a sensor at module level: `legmon --help` must answer at once.
"""

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from legmon.app.folders import demo_folder, own_folder, quoted
from legmon.errors import LegmonError

if TYPE_CHECKING:
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
SCHEMES = ("unix-client", "unix", "tcp-client", "usb", "pyusb", "serial", "hci-socket")


def _transport(value: str | None) -> str | None:
    if value is not None and value.partition(":")[0] not in SCHEMES:
        raise LegmonError(f"--hci {value}: write one of {', '.join(f'{s}:…' for s in SCHEMES)}")
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
    from legmon.catalog.store import NO_NIGHTS, Catalog, CatalogError

    folder = data or own_folder()
    if not (folder / "catalog.sqlite").exists():
        hint = "record one with `legmon run`, or try `legmon demo`"
        demo = demo_folder()
        if folder != demo and (demo / "catalog.sqlite").exists():
            hint = f"the demo's nights are in another folder: add --data {quoted(demo)}"
        raise CatalogError(f"{NO_NIGHTS} ({folder}); {hint}")
    return Catalog(folder)


def print_json(value: Any) -> None:
    """Print a JSON object on one line of standard output."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False), flush=True)


def listen_for_ctrl_c() -> None:
    """Make SIGINT raise `KeyboardInterrupt`, even if the program started with SIGINT ignored.

    A shell script starts its background jobs with SIGINT ignored. A command that ends early on SIGINT, and prints what it
    has, must still do so there.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
