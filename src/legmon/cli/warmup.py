"""``legmon warmup``: compile the detector ahead."""

import time

import typer

from legmon.cli.options import JsonOption, print_json
from legmon.terminal import say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("warmup")(warmup)


def warmup(as_json: JsonOption = False) -> None:
    """Compile the detector now, so that nothing waits for it later.

    The detector is compiled for this processor at its first use, which takes some 15 seconds. Afterwards it comes from a
    folder of yours in half a second, until legmon, numba or the processor changes. You need not run this: a recording never
    waits for the compiler. Run it where the first use should be quick: in an image, after an update, or before you measure.

    Without a folder that can be written, every program compiles for itself: set NUMBA_CACHE_DIR to one.

    Examples: [bold]legmon warmup[/bold] · for a script: [bold]legmon warmup --json[/bold]
    """
    began = time.monotonic()
    from legmon.detection import kernel
    from legmon.detection.detector import Detector

    compiled = Detector.compile()
    seconds, folder = round(time.monotonic() - began, 1), kernel.run.folder
    if as_json:
        print_json({"compiled": compiled, "seconds": seconds, "folder": folder})
        return
    was = f"{compiled} functions were compiled" if compiled else "it was compiled before"
    say(f"The detector is ready after {seconds:.1f} s: {was}.")
    if folder:
        say(f"It is kept in {folder}.")
    else:
        say("No folder can keep it. Set NUMBA_CACHE_DIR to a folder that you can write to, and try again.")
