"""``legmon why``: what the detector and the rules decided around one moment, and by which rule."""

import re
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from legmon.cli.options import DataOption, JsonOption, open_catalog, print_json
from legmon.errors import LegmonError
from legmon.movement import NS, Leg
from legmon.quoting import shown
from legmon.scoring.rules import NAMES, RULES, Rules, known_rules
from legmon.terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from legmon.catalog.state import NightInfo
    from legmon.nights.why import ExplainedLeg, Why

AROUND_NS = NS
"""A moment of HH:MM:SS is explained with a second before it and one after it. HH:MM is that minute."""
_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d(?:\.\d{1,9})?))?")
_SECONDS = re.compile(r"\d{1,12}(?:\.\d{1,9})?")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("why")(why)


def why(
    source: Annotated[
        str, typer.Argument(metavar="NIGHT|FILE", help="A recorded night (its id or `last`), or a CSV file.")
    ],
    moment: Annotated[
        str | None,
        typer.Argument(
            metavar="HH:MM[:SS]",
            help="A minute or a second of the night's clock. In a file: since its first sample, or one of its time_s.",
            show_default=False,
        ),
    ] = None,
    left: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV file of the left ankle, in place of a night.")
    ] = None,
    right: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV file of the right ankle, in place of a night.")
    ] = None,
    leg: Annotated[Leg | None, typer.Option(help="Only this leg.", show_default="both")] = None,
    rules: Annotated[str, typer.Option(help="The rule set: wasm2016, wasm2006 or aasm.")] = RULES,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Explain what the detector and the rules decided around one moment: which signal opened a bout, and which rule decided.

    The detector runs again over the whole recording. Every bout of activity near the moment is listed with its reasons in order.
    Where there is none, you see how near motion and turn of gravity came to opening one. `docs/detector.md`
    explains each rule.

    Examples: [bold]legmon why last 03:20[/bold] explains a minute of the newest night, [bold]legmon why last 03:20:02[/bold] a
    second of it. [bold]legmon why ankle.csv 00:12:30[/bold] explains a file, [bold]legmon why 754.2 --left a.csv --right
    b.csv[/bold] two files of one night.
    """
    try:
        known = known_rules(rules)
    except ValueError as e:
        raise LegmonError(str(e)) from e
    files: dict[Leg, Path] = {}
    if left:
        files["left"] = left
    if right:
        files["right"] = right
    if files and moment is not None:
        raise LegmonError("name a night or files, not both: `legmon why 00:12:30 --left FILE`")
    if not files:
        if moment is None:
            raise LegmonError("name a night and a time: `legmon why last 03:20`")
        path = Path(source)
        if path.suffix.lower() == ".csv" or path.is_file():
            files["right" if path.stem.lower() == "right" else "left"] = path
    at = source if moment is None else moment
    if files:
        found, clock = _files(files, at, known), None
    else:
        found, clock = _night(source, at, known, data)
    legs = [e for e in found.legs if leg in (None, e.leg)]
    if not legs:
        raise LegmonError("there are no samples of this leg" if leg else "there are no samples")
    found = replace(found, legs=legs)
    if as_json:
        print_json(asdict(found))
        return
    for line in lines(found, clock):
        say(line)


def _files(files: dict[Leg, Path], at: str, rules: Rules) -> "Why":
    from legmon.detection.trace import Tracer
    from legmon.exchange.csv import detect_csv
    from legmon.night.track import score_night
    from legmon.nights.why import explain

    tracers = {leg: Tracer() for leg in files}
    tracks = [detect_csv(path, leg, tracer=tracers[leg]) for leg, path in files.items()]
    start = min(t.time.utc(0) for t in tracks)
    end = max(t.time.end_utc(t.end) for t in tracks)
    first, last = _of_file(at, start)
    if first >= end or last <= start:
        raise LegmonError(f"{at} is not in the recording, which lasts {_length((end - start) / NS)}")
    scored = score_night(tracks, rules, origin_ns=0)
    return explain([(t, tracers[t.leg].trace) for t in tracks], scored, first, last)


def _of_file(at: str, start_ns: int) -> tuple[int, int]:
    """Return the stretch that a time means in a file, ns on its own clock."""
    if _SECONDS.fullmatch(at):
        return _around(round(float(at) * NS))
    hours, minutes, seconds = _clock(at)
    since = start_ns + (hours * 60 + minutes) * 60 * NS
    return (since, since + 60 * NS) if seconds is None else _around(since + round(seconds * NS))


def _clock(at: str) -> tuple[int, int, float | None]:
    match = _CLOCK.fullmatch(at)
    if match is None:
        raise LegmonError(f"{shown(at)} is no time; write HH:MM for a minute, or HH:MM:SS for a second")
    return int(match[1]), int(match[2]), None if match[3] is None else float(match[3])


def _around(at_ns: int) -> tuple[int, int]:
    return at_ns - AROUND_NS, at_ns + AROUND_NS


def _night(name: str, at: str, rules: Rules, data: Path | None) -> "tuple[Why, NightInfo]":
    from legmon.nights.why import explain_night

    catalog = open_catalog(data)
    info = catalog.night(name)
    start, end = _of_night(info, at)
    try:
        return explain_night(catalog, info, rules, start, end), info
    except ValueError as e:
        raise LegmonError(f"night {info.id}: {e}") from e


def _of_night(info: "NightInfo", at: str) -> tuple[int, int]:
    """Return the stretch that a time on the night's clock means, ns UTC; the first one if there are several."""
    from legmon.catalog.zone import changes

    hours, minutes, seconds = _clock(at)
    if hours > 23:
        raise LegmonError(f"{shown(at)} is no time of the day; write HH:MM, or HH:MM:SS for a second")
    start, end = info.started_ns, info.started_ns + info.duration_ns
    wanted = round((hours * 3600 + minutes * 60 + (seconds or 0.0)) * NS)
    lasts = 60 * NS if seconds is None else NS
    pieces = [
        (start, info.utc_offset_s),
        *((c.at_ns, c.utc_offset_s) for c in changes(info.zone_name, start, end)),
    ]
    for number, (since, offset_s) in enumerate(pieces):
        until = pieces[number + 1][0] if number + 1 < len(pieces) else end
        day = 86_400 * NS
        moment = since - lasts + 1
        moment += (wanted - offset_s * NS - moment) % day
        if moment < until:
            return (moment, moment + lasts) if seconds is None else _around(moment)
    first, last = (_local(t / NS, info).strftime("%H:%M") for t in (start, end))
    raise LegmonError(f"{at} is not in night {info.id}, which lasts from {first} to {last}")


def _length(seconds: float) -> str:
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min {seconds % 60:04.1f} s"


def _local(at: float, info: "NightInfo") -> datetime:
    """Return a moment on the night's clock."""
    from legmon.catalog.zone import changes

    offset = info.utc_offset_s
    for c in changes(info.zone_name, info.started_ns, info.started_ns + info.duration_ns):
        if c.at_ns / NS <= at:
            offset = c.utc_offset_s
    return datetime.fromtimestamp(at, UTC) + timedelta(seconds=offset)


# for a person


def lines(found: "Why", info: "NightInfo | None") -> "Iterator[str]":
    """Yield what was decided, line by line. Times are of the night's clock, or seconds of a file."""

    def clock(at: float) -> str:
        return f"{at:.1f} s" if info is None else _local(at, info).strftime("%H:%M:%S.%f")[:-5]

    where = "" if info is None else f"Night {info.id}, "
    simulated = " Simulated." if found.simulated else ""
    yield f"{where}{clock(found.start)} to {clock(found.end)}.{simulated}"
    yield f"Detector: {found.detector.name} {found.detector.version}. Rules: {NAMES[found.rules]}."
    for leg in found.legs:
        yield ""
        yield f"{leg.leg.capitalize()} ankle"
        for gap in leg.gaps:
            yield f"  {clock(gap.start)} to {clock(gap.end)}: no samples. {gap.sentence}"
        yield from _bouts(leg, clock)
        if leg.rest and not leg.bouts:
            yield f"  {leg.rest.reason.sentence}"


def _bouts(leg: "ExplainedLeg", clock: "Callable[[float], str]") -> "Iterator[str]":
    """Yield each bout with its reasons. What the rules made of a movement stands below its last bout."""
    for number, b in enumerate(leg.bouts):
        yield f"  {clock(b.start)} to {clock(b.end)}"
        following = leg.bouts[number + 1].movement if number + 1 < len(leg.bouts) else None
        is_last = b.movement is not None and following != b.movement
        for reason in b.reasons:
            yield f"    {reason.sentence}"
        if b.movement and is_last:
            span = f"{clock(b.movement.onset)} to {clock(b.movement.offset)}"
            yield f"  Movement, {span}: {b.movement.verdict.sentence}"
