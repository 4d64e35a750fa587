"""A picture of a simulated night for developers: the truth above the detections, hour by hour, as one SVG file."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from legmon.evaluation.agreement import Agreement
from legmon.movement import NS, LegMovement

WIDTH, LEFT, ROW, TOP = 1600, 70, 132, 96
SECONDS, BIN_S = 3600, 2
BIN_WIDTH = BIN_S / SECONDS * (WIDTH - LEFT - 10)
FULL_G = 0.5  # signal strength at the full height of a row
SCALE = f"A row is an hour, its signal at most {FULL_G:g} g high."
COLOURS = {
    "leg": "#1f5fa8",
    "periodic": "#6a3d9a",
    "unseen": "#9aa4b0",
    "other": "#8a5a00",
    "miss": "#b3261e",
    "missing": "#f1c9c4",
}


def picture(
    name: str,
    x: NDArray[np.float64],
    rate_hz: float,
    truth: Sequence[dict[str, object]],
    found: Sequence[LegMovement],
    agreement: Agreement,
    periodic: tuple[Sequence[int], Sequence[int]],
    path: Path,
) -> None:
    """Draw a night.

    Parameters
    ----------
    name : str
        Name of the night.
    x : (n, 3) array, g
        Its samples; NaN where they are missing.
    rate_hz : float
        True sample rate.
    truth : list of dict
        The true movements, as in ``truth.json``.
    found : list of LegMovement
        The detections, on true time.
    agreement : Agreement
        How the two agree.
    periodic : (list of int, list of int)
        Onsets of the periodic movements among the true and among the found ones, ns.
    path : Path
        The SVG file.
    """
    seconds = len(x) / rate_hz
    rows = -(-int(seconds) // SECONDS)
    truly, periodically = set(periodic[0]), set(periodic[1])
    counts = f"{len(truly)} truly periodic, {len(periodically)} found periodic"
    missed = {round(m.onset_ns / 1e6) for m in agreement.misses}
    false = {f.found.onset_ns for f in agreement.false_positives}
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{TOP + rows * ROW + 20}" '
            'font-family="system-ui, sans-serif" font-size="13" fill="#1b2430">'
        ),
        f'<rect width="{WIDTH}" height="{TOP + rows * ROW + 20}" fill="#fbfaf7"/>',
        f'<text x="{LEFT}" y="30" font-size="20" font-weight="600">{escape(name)}, simulated: truth above, found below</text>',
        f'<text x="{LEFT}" y="52">{_figures(agreement)}; {counts}. {SCALE}</text>',
        *_legend(),
    ]
    for row in range(rows):
        lines += _row(row, x, rate_hz)
    for m in truth:
        onset, offset, kind = float(str(m["onset_s"])), float(str(m["offset_s"])), str(m["kind"])
        of_leg = "unseen" if not m["visible"] else "periodic" if round(onset * NS) in truly else "leg"
        colour = COLOURS["other" if kind != "leg" else of_leg]
        lines += _bar(onset, offset, 16, colour, kind)
        if round(onset * 1000) in missed:
            lines += _flag(onset, 10, "missed")
    for f in found:
        onset, offset = f.onset_ns / NS, f.offset_ns / NS
        colour = (
            COLOURS["other"]
            if f.kind != "leg"
            else COLOURS["periodic" if f.onset_ns in periodically else "leg"]
        )
        lines += _bar(onset, offset, 92, colour, f.kind)
        if f.onset_ns in false:
            lines += _flag(onset, 118, "false")
    path.write_text("\n".join([*lines, "</svg>\n"]), encoding="utf-8")


def _figures(a: Agreement) -> str:
    return (
        f"{a.truths} visible leg movements, {len(a.pairs)} found, {len(a.misses)} missed, {len(a.false_positives)} false; "
        f"F1 {a.f1 or 0:.3f}"
    )


def _legend() -> Iterator[str]:
    words = {
        "leg": "leg movement",
        "periodic": "in a periodic series",
        "unseen": "too small, or partly lost",
        "other": "no leg movement",
        "miss": "missed or false",
        "missing": "no samples",
    }
    for n, (key, text) in enumerate(words.items()):
        at = LEFT + n * 230
        yield f'<rect x="{at}" y="66" width="14" height="10" fill="{COLOURS[key]}"/><text x="{at + 20}" y="76">{text}</text>'


def _row(row: int, x: NDArray[np.float64], rate_hz: float) -> Iterator[str]:
    """Yield one hour's signal: the range of each two seconds, on the axis with the largest."""
    top = TOP + row * ROW
    size = round(BIN_S * rate_hz)
    part = x[round(row * SECONDS * rate_hz) : round((row + 1) * SECONDS * rate_hz)]
    bins = len(part) // size
    yield f'<text x="8" y="{top + 60}" font-weight="600">{row} h</text>'
    yield f'<text x="30" y="{top + 28}" font-size="11">true</text><text x="30" y="{top + 104}" font-size="11">found</text>'
    yield f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{top + 58}" y2="{top + 58}" stroke="#d9d6cf"/>'
    if not bins:
        return
    cut = part[: bins * size].reshape(bins, size, 3)
    span = np.minimum((cut.max(axis=1) - cut.min(axis=1)).max(axis=1), FULL_G) / FULL_G * 26
    points = [
        f"M{_x(row * SECONDS + n * BIN_S)} {top + 58 - r:.1f}V{top + 58 + r:.1f}"
        for n, r in enumerate(span)
        if not np.isnan(r)
    ]
    for n in np.flatnonzero(np.isnan(span)).tolist():
        place = f'x="{_x(row * SECONDS + n * BIN_S)}" y="{top + 32}" width="{BIN_WIDTH:.1f}" height="52"'
        yield f'<rect {place} fill="{COLOURS["missing"]}"/>'
    yield f'<path d="{"".join(points)}" stroke="#566270" stroke-width="0.8" fill="none"/>'


def _x(second: float) -> str:
    return f"{LEFT + (second % SECONDS) / SECONDS * (WIDTH - LEFT - 10):.1f}"


def _bar(onset: float, offset: float, y: int, colour: str, kind: str) -> Iterator[str]:
    top = TOP + int(onset // SECONDS) * ROW + y
    width = max((offset - onset) / SECONDS * (WIDTH - LEFT - 10), 1.6)
    place = f'x="{_x(onset)}" y="{top}" width="{width:.1f}" height="16"'
    yield f'<rect {place} fill="{colour}"><title>{escape(kind)} {onset:.1f} s</title></rect>'


def _flag(onset: float, y: int, word: str) -> Iterator[str]:
    top = TOP + int(onset // SECONDS) * ROW + y
    yield f'<text x="{_x(onset)}" y="{top}" fill="{COLOURS["miss"]}" font-size="11" text-anchor="middle">{word}</text>'
