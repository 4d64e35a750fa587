"""What is printed: nobody else's control characters, and no markup but our own."""

import json
import re
import sys
from typing import IO, TYPE_CHECKING, Any, Final

from legmon.quoting import plain, sentence

if TYPE_CHECKING:
    from rich.console import Console

_ODD: Final = re.compile("[\x7f-\x9f\ud800-\udfff\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""Characters that JSON may hold as they are, and a terminal should not get."""


def say(text: object, *, file: IO[str] | None = None) -> None:
    """Print a text, by default to standard output."""
    print(plain(str(text)), file=file, flush=True)


def complain(text: object) -> None:
    """Print one short line to standard error."""
    print(sentence(text), file=sys.stderr, flush=True)


def console(*, err: bool = False, markup: bool = False, file: IO[str] | None = None) -> "Console":
    """Return a console that prints texts as they are, but for control characters.

    Parameters
    ----------
    err : bool
        Whether it prints to standard error.
    markup : bool
        Whether brackets in a text are markup. What comes from outside must be escaped then.
    file : file, optional
        Where it prints, if somewhere else.
    """
    from rich.console import Console
    from rich.errors import MarkupError
    from rich.text import Text

    class PlainConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            try:
                return super().render_str(plain(text), **options)
            except MarkupError:  # brackets that somebody else wrote
                return Text(plain(text))

    return PlainConsole(stderr=err, markup=markup, emoji=False, highlight=False, file=file)


def json_text(value: Any) -> str:
    """Return JSON on one line that every terminal and every encoding accepts."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _ODD.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
