"""Open the pages in a browser, with a token that lets it in once; or print the address with its token."""

import webbrowser
from collections.abc import Callable
from pathlib import Path

from rich.markup import escape

from legmon.app.folders import quoted, standard_folders
from legmon.errors import FailedError
from legmon.messages import Event
from legmon.web import keys
from legmon.web.audit import Audit


def address(folder: Path, pages: str, page: str = "") -> str:
    """Return an address of the pages that lets a browser in, once and within five minutes.

    Raises
    ------
    FailedError
        If the token cannot be written.
    """
    made = keys.entrance(folder, pages, page)
    Audit(folder).note(Event.OPENED, "command")
    return made


def show_pages(
    folder: Path, pages: str, show: Callable[[str], None], after: str, *, browser: bool, page: str = ""
) -> bool:
    """Show where the pages are, and open them where that is wanted. Return whether a browser opened them.

    Parameters
    ----------
    folder : Path
        The data folder.
    pages : str
        The address of the pages.
    show : callable
        Gets each sentence, with markup.
    after : str
        What to add: how to end what runs.
    browser : bool
        Whether to open a browser. If none opens, the address is printed with its token.
    page : str
        The fragment of the first page, as `#/live`.
    """
    try:
        opened = browser and webbrowser.open(address(folder, pages, page))
        shown = pages if opened else address(folder, pages, page)
    except FailedError as e:  # a full disk is no reason to end a night
        show(f"Your pages are at [bold]{pages}[/bold] (this computer only), but {escape(str(e))}. {after}")
        return False
    again = f"legmon open{_data(folder)}"
    how = (
        f"this computer only; [bold]{escape(again)}[/bold] opens them again"
        if opened
        else f"this computer only; the address works once, within five minutes, and [bold]{escape(again)}[/bold] makes another"
    )
    show(f"Your pages are at [bold]{escape(shown)}[/bold] ({how}). {after}")
    return opened


def running_pages(folder: Path | None) -> tuple[Path, str]:
    """Return a data folder and the address of its pages: the given one, or the first standard one whose pages run.

    Raises
    ------
    FailedError
        If no pages run there.
    """
    for place in [folder.absolute()] if folder else standard_folders():
        if (pages := keys.pages_of(place)) is not None:
            return place, pages
    where = f" on {folder.absolute()}" if folder else ""
    raise FailedError(
        f"no pages are running{where}; start them with `legmon run`, or with `legmon demo` without a sensor"
    )


def _data(folder: Path) -> str:
    """Return the option that names a folder, where one is needed."""
    return "" if folder in standard_folders() else f" --data {quoted(folder)}"
