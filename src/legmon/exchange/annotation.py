"""One mark of a scored night, as it stands in a file, and the texts of such files."""

import codecs
from typing import Final, NamedTuple

FALLBACK: Final = "cp1252"
"""What old programs wrote where the format asks for UTF-8 or ASCII."""


class Annotation(NamedTuple):
    """A mark in a scored night.

    Parameters
    ----------
    onset_s : float
        When it begins, s from the start of the recording.
    length_s : float or None
        How long it lasts, s; None if that is not known.
    text : str
        What was marked.
    channel : str
        The channel that it belongs to, where the file says so.
    """

    onset_s: float
    length_s: float | None
    text: str
    channel: str = ""


def decoded(data: bytes) -> tuple[str, bool]:
    """Return a text, and whether it was not in the encoding that it should be in.

    UTF-8 and UTF-16, with or without a byte order mark. Other texts are read as Western European.

    Raises
    ------
    UnicodeDecodeError
        If it is no text at all.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16"), False
    head = data[:4096]
    odd, even = head[1::2].count(0), head[::2].count(0)
    if min(odd, even) < 0.1 * len(head) and max(odd, even) > 0.4 * len(head):
        return data.decode("utf-16-le" if odd > even else "utf-16-be"), False
    if b"\0" in data:
        raise UnicodeDecodeError("utf-8", data[:1], 0, 1, "it holds zeros")
    try:
        return data.decode("utf-8-sig"), False
    except UnicodeDecodeError:
        return _western(data), True


def decoded_piece(data: bytes) -> tuple[str, bool]:
    """Return a short text of a binary file in UTF-8, or as Western European where it is none."""
    try:
        return data.decode("utf-8"), False
    except UnicodeDecodeError:
        return _western(data), True


def _western(data: bytes) -> str:
    return data.decode(FALLBACK, "replace")
