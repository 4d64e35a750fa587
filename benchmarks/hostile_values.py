"""Values and changes that no careful writer makes, for files of any kind: bits, cuts, repeats, numbers, names, nesting."""

import json
import random
import re
from collections.abc import Callable
from typing import Any, Final

Change = Callable[[random.Random, bytes], bytes]

HUGE: Final = "9" * 5000
NUMBERS: Final = (
    "0", "-0", "-1", "1", "0.1", "-1e18", "1e18", "1e400", "-1e400", "1e-400", "1e308", "NaN", "nan", "Infinity", "-inf",
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "4294967296", "2147483648", "65536", "1_0", "0x10",
    "١٢", "²", "1e", "--1", "94672800000", "1790000000", HUGE, "0." + "3" * 3000,
)  # fmt: skip
TEXTS: Final = (
    "", " ", "\0", "\ufeff", "\x1b[31mred\x1b[0m", "\x9b2J", "[red]", "[/]", "[bold", "[link=x]", "../../etc/passwd", "\u202e",
    "\n", "\r", "\t", ",", '"', "'", "\\", "%s%n", "{}", "{why}", "null", "true", "é", "日本", "A" * 100_000, "😀" * 300, "~",
    "left", "right", "both", "<<", "&a", "*a", "!!python/object:os.system", "- - - -", "con", "a" * 300,
)  # fmt: skip
VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 0.5, 1e18, -1e18, 1e308, 2**31, 2**63, -(2**63) - 1, 10**30, float("nan"), float("inf"),
    float("-inf"), [], {}, [[]], [None], {"a": {}}, [[1, 2, 3]] * 40, "x", *TEXTS,
)  # fmt: skip
ALIASES: Final = "\n".join(
    ["k0: &k0 [1]", *(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 9)}]" for n in range(1, 12))]
)
MERGES: Final = "\n".join(
    ["m0: &m0 {a: 1}", *(f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}]}}" for n in range(1, 40))]
)
"""YAML of hundreds of bytes that becomes milliards of values."""
_NUMBER: Final = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def changed(rng: random.Random, data: bytes, others: list[bytes], structured: Change | None) -> bytes:
    """Return the data with one to four changes; half of them follow the structure of the file, where it has one."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        follows = structured if structured is not None and rng.random() < 0.5 else None
        data = follows(rng, data) if follows else _bytes(rng, data, others)
    return data[: 1 << 21]


def _bytes(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    at = rng.randrange(len(data) + 1)
    end = min(len(data), at + rng.choice((1, 4, 20, 200, 3000)))
    match rng.randrange(9):
        case 0 if data:
            flipped = bytearray(data)
            for _ in range(rng.choice((1, 3, 30))):
                flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            return bytes(flipped)
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[end:]
        case 3:
            return data[:at] + data[at:end] * rng.choice((2, 3, 100)) + data[end:]
        case 4:
            other = rng.choice(others)
            from_ = rng.randrange(len(other) + 1)
            return data[:at] + other[from_ : from_ + 500] + data[end:]
        case 5:
            return data[:at] + rng.randbytes(rng.choice((1, 8, 100))) + data[at:]
        case 6:
            return data[:at] + rng.choice(TEXTS).encode("utf-8", "replace") + data[at:]
        case 7:
            return data + rng.choice(
                (b"\0" * 5000, b"\n" * 50_000, b"[" * 20_000, b"{" * 5000, b"A" * 100_000)
            )
        case _:
            return number(rng, data)


def number(rng: random.Random, data: bytes) -> bytes:
    """Return the data with another number in the place of one."""
    found = list(_NUMBER.finditer(data))
    if not found:
        return data
    place = rng.choice(found)
    return data[: place.start()] + rng.choice(NUMBERS).encode() + data[place.end() :]


def in_json(rng: random.Random, data: bytes) -> bytes:
    """Return JSON with another value, one less, or one more level somewhere."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return data
    return json.dumps(in_value(rng, value), ensure_ascii=rng.random() < 0.5).encode("utf-8", "replace")


def in_json_lines(rng: random.Random, data: bytes) -> bytes:
    """Return lines of JSON with a change in one of them."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    lines[at] = in_json(rng, lines[at])
    return b"\n".join(lines)


def in_value(rng: random.Random, value: Any) -> Any:
    """Return a value of JSON with a change somewhere in it."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        match rng.randrange(8):
            case 0:
                return {k: v for k, v in value.items() if k != key}
            case 1:
                return value | {rng.choice(TEXTS): value[key]}
            case _:
                return value | {key: in_value(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.85:
        at = rng.randrange(len(value))
        match rng.randrange(8):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return value[: at + 1] * rng.choice((2, 20)) + value[at:]
            case _:
                return [*value[:at], in_value(rng, value[at]), *value[at + 1 :]]
    return rng.choice(VALUES)


def in_rows(separator: bytes) -> Change:
    """Return what changes a cell, a row or the columns of a table of text."""

    def change(rng: random.Random, data: bytes) -> bytes:
        lines = data.split(b"\n")
        at = rng.randrange(len(lines))
        cells = lines[at].split(separator)
        cell = rng.randrange(len(cells))
        match rng.randrange(7):
            case 0:
                cells[cell] = rng.choice(TEXTS).encode("utf-8", "replace")
            case 1:
                cells.insert(cell, cells[cell])
            case 2:
                del cells[cell]
            case 3:
                lines[at : at + 1] = [lines[at]] * rng.choice((2, 500))
            case 4:
                lines[at : at + 2] = [b"".join(lines[at : at + 2])]
            case 5:
                lines[at:] = reversed(lines[at:])
            case _:
                cells[cell] = rng.choice(NUMBERS).encode()
        if at < len(lines):
            lines[at] = separator.join(cells)
        return b"\n".join(lines)

    return change
