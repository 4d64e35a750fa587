"""Options that every command has, and where data live."""

import json
from pathlib import Path
from typing import Annotated, Any

import platformdirs
import typer

from legmon.catalog.store import NO_NIGHTS, Catalog, CatalogError
from legmon.errors import LegmonError

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
            "A Bluetooth controller of its own for legmon alone, past the computer's Bluetooth: usb:0 for the first USB dongle "
            "(which no system driver may hold), serial:/dev/ttyACM0,1000000 for a board with HCI firmware."
        ),
        show_default="this computer's Bluetooth",
    ),
]


def own_folder() -> Path:
    """Where a person's own nights live unless they say otherwise."""
    return Path(platformdirs.user_data_dir("legmon", appauthor=False))


def demo_folder() -> Path:
    """Where the demo's nights live, apart from a person's own."""
    return own_folder() / "demo"


AsRecordedOption = Annotated[
    bool,
    typer.Option(
        "--as-recorded",
        help="As it was found, without what its owner said: own movements, lights off and on.",
    ),
]


def existing(data: Path | None) -> Catalog:
    """Open the catalog of a folder that should have one.

    Raises
    ------
    CatalogError
        If there is none; says where the demo's nights are, since they live apart.
    """
    folder = data or own_folder()
    if not (folder / "catalog.sqlite").exists():
        hint = "record one with `legmon run`, or try `legmon demo`"
        demo = demo_folder()
        if folder != demo and (demo / "catalog.sqlite").exists():
            hint = f"the demo's nights are in another folder: add --data {quoted(demo)}"
        raise CatalogError(f"{NO_NIGHTS} ({folder}); {hint}")
    return Catalog(folder)


def quoted(path: Path) -> str:
    """Write a path as it has to be typed."""
    return f'"{path}"' if " " in str(path) else str(path)


def print_json(value: Any) -> None:
    """Print a JSON object on one line of standard output."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False), flush=True)
