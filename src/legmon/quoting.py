"""How a sentence quotes what comes from outside: short, on one line, and without characters that no terminal should get.

Names of sensors, files, nights and annotations come from outside. An escape character in one would let it write anywhere on
the screen, and a cell of megabytes would fill it.
"""

import reprlib
from typing import Final

LONGEST_SENTENCE: Final = 600
LONGEST_VALUE: Final = 60

_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother = 3, LONGEST_VALUE, LONGEST_VALUE


def plain(text: str) -> str:
    """Return a text without characters that are not printed; lines stay lines."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def shortened(text: str, most: int = LONGEST_VALUE) -> str:
    """Return a text of at most `most` characters: the middle of a longer one is left out."""
    if len(text) <= most:
        return text
    head = (2 * most) // 3
    return f"{text[:head]}…{text[len(text) - (most - head - 1) :]}"


def shown(value: object, most: int = LONGEST_VALUE) -> str:
    """Return how a sentence quotes a value: as Python writes it, but short."""
    if isinstance(value, str):
        return plain(repr(shortened(value, most)))
    try:
        return plain(shortened(_REPR.repr(value), most))
    except ValueError:  # Python writes no number of more than 4300 digits
        return "a number of thousands of digits"


def sentence(text: object) -> str:
    """Return one line of at most `LONGEST_SENTENCE` characters."""
    return shortened(plain(" ".join(shortened(str(text), 100 * LONGEST_SENTENCE).split())), LONGEST_SENTENCE)
