"""Print a scored night or file, for a person or for a program. A night carries the marks that its person made on the pages."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from legmon.cli.options import print_json
from legmon.errors import LegmonError
from legmon.scoring.rules import NAMES, Interpretation, known_rules

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from legmon.catalog.state import NightInfo
    from legmon.catalog.store import Catalog
    from legmon.night.figures import Figures
    from legmon.night.marks import Mark
    from legmon.night.track import LegTrack
    from legmon.scoring.result import Scored


@dataclass(frozen=True, slots=True)
class Printout:
    """The results of a night or a file, ready to print.

    Parameters
    ----------
    scored : Scored
        The movements and indices.
    figures : Figures or None
        The headline of the pages; None for a file, or a night as it was recorded.
    voluntary : int
        How many movements the person marked as their own.
    unmatched : list of Mark
        The person's marks at which there is no movement.
    night : NightInfo or None
        The recorded night, whose recording may be damaged; None for a file.
    has_signal : bool
        Whether the movements were found in samples, and not by somebody else.
    clock : str
        What the times are; see `LegTrack`.
    """

    scored: "Scored"
    figures: "Figures | None" = None
    voluntary: int = 0
    unmatched: "Sequence[Mark]" = ()
    night: "NightInfo | None" = None
    has_signal: bool = True
    clock: str = "utc"

    def answer(self) -> dict[str, Any]:
        """Return the JSON object of `legmon score`, with the headline of the pages where there is one."""
        f, answer = self.figures, self.scored.to_dict()
        if self.night is not None:
            from legmon.nights.report import damage_findings, verdict

            answer["details"]["quality"] += [asdict(d) for d in damage_findings(self.night)]
            answer["details"]["verdict"] = verdict(self.night, self.scored)
        if f is None:
            return answer
        return answer | {
            "headline": {
                "denominator": f.denominator,
                "calibrated_by": f.by,
                "seconds": round(f.seconds, 3),
                "movements": f.movements,
                "periodic": f.periodic,
                "series": f.series,
                "periodic_per_hour": f.per_hour,
            },
            "voluntary": self.voluntary,
            "marks_without_movement": [
                {"leg": m.leg, "start": m.start_ns / 1e9, "end": m.end_ns / 1e9} for m in self.unmatched
            ],
        }


def _local(at_ns: int, night: "NightInfo | None") -> str:
    """Return the time of day of a moment, on the night's clock."""
    offset = timedelta(seconds=night.utc_offset_s if night else 0)
    return (datetime.fromtimestamp(at_ns / 1e9, UTC) + offset).strftime("%H:%M:%S")


def night_printout(
    catalog: "Catalog",
    info: "NightInfo",
    tracks: "Iterable[LegTrack]",
    rules: str | None = None,
    interpretation: Interpretation | None = None,
    *,
    as_recorded: bool,
) -> Printout:
    """Score a night, with the person's marks or as it was recorded.

    Parameters
    ----------
    catalog : Catalog
        Of its data folder.
    info : NightInfo
        The night.
    tracks : iterable of LegTrack
        Its legs, as the recorder wrote them or as they were detected again.
    rules : str, optional
        The rule set; the night's own where left out.
    interpretation : Interpretation, optional
        How open places of the rules are interpreted.
    as_recorded : bool
        Whether to ignore the person's marks.

    Raises
    ------
    LegmonError
        If the night holds no samples.
    """
    named = known_rules(rules or info.rules)
    if as_recorded:
        from legmon.night.track import score_night

        try:
            return Printout(score_night(list(tracks), named, interpretation=interpretation), night=info)
        except ValueError as e:
            raise LegmonError(f"night {info.id}: {e}") from e
    from legmon.nights.report import report

    found = report(catalog, info, tracks, named, interpretation)
    if found.scored is None:
        raise LegmonError(f"night {info.id}: this night holds no samples")
    return Printout(found.scored, found.figures, found.voluntary, found.unmatched, info)


def print_night(printout: Printout, *, as_json: bool) -> None:
    """Print it for a program or for a person."""
    if as_json:
        print_json(printout.answer())
    else:
        print_tables(printout)


def print_tables(printout: Printout) -> None:
    """Print it for a person: what was found, in sentences and two tables."""
    from rich.text import Text

    from legmon.terminal import console as plain_console

    console, scored, figures = plain_console(), printout.scored, printout.figures
    i = scored.indices
    if scored.simulated:
        console.print(Text(" SIMULATED ", style="reverse"))
    rate = (
        ""
        if i.periodic_per_hour is None
        else f": {i.periodic_per_hour:.0f} periodic movements per hour recorded"
    )
    console.print(
        f"{i.movements} leg movements in {i.hours:.2f} h recorded. {i.periodic} of them came in {i.series} periodic series{rate}."
    )
    if figures and figures.per_hour is not None:
        where = "lying with the sensor on" if figures.by else "in bed as marked with the sensor on"
        hours = figures.seconds / 3600
        console.print(
            f"{figures.per_hour:.0f} periodic movements per hour {where} (lying awake included), in {hours:.2f} h."
        )
    if printout.voluntary:
        console.print(f"{printout.voluntary} movements marked as your own are listed but not counted.")
    for mark in printout.unmatched:
        console.print(f"Mark without a movement: {mark.leg} leg, {_local(mark.start_ns, printout.night)}.")
    for note in scored.notes:
        console.print(note.sentence)
    _print_signal(console, printout)
    for start, end in sorted(scored.gaps, key=lambda g: g[0] - g[1])[:_MOST_GAPS]:
        console.print(f"No data from {start / 1e9:,.1f} to {end / 1e9:,.1f} s.")
    console.print(
        f"Rules: {NAMES[scored.rules]}. {len(scored.gaps)} gaps. Experimental; not validated against polysomnography."
    )
    console.print(_movements_table(scored))
    console.print(_numbers_table(scored))
    for fault in printout.night.faults if printout.night else ():
        console.print(f"{fault.leg} leg: {fault.sentence}")


_MOST_GAPS = 5
"""Gaps that are printed, the longest first."""
_VERDICTS = {
    "usable": "The signal is usable.",
    "look": "The signal can be used, but look at what is wrong with it.",
    "poor": "The signal is too poor to be used.",
}


def _print_signal(console: "Console", printout: Printout) -> None:
    """Print whether the signal is good enough, and what is wrong with it; nothing for movements found elsewhere."""
    scored = printout.scored
    if not printout.has_signal:
        return
    from legmon.nights.report import verdict

    console.print(_VERDICTS[verdict(printout.night, scored) if printout.night else scored.verdict])
    for leg, finding in scored.quality:
        console.print(f"{leg} leg, {finding.seconds:,.0f} s: {finding.sentence}")


def _movements_table(scored: "Scored") -> "Table":
    from rich.table import Table

    table = Table("onset s", "length s", "leg", "kind", "interval s", "peak mg", "series", box=None)
    for s in scored.movements:
        m = s.movement
        table.add_row(
            f"{m.onset / 1e9:.2f}",
            f"{(m.offset - m.onset) / 1e9:.2f}",
            m.side,
            m.kind if s.candidate or m.kind != "leg" else "leg (not a candidate)",
            "" if s.interval is None else f"{s.interval / 1e9:.1f}",
            "" if m.peak_mg is None else f"{m.peak_mg:.0f}",
            "" if s.series is None else str(s.series),
        )
    return table


def _numbers_table(scored: "Scored") -> "Table":
    from rich.table import Table

    from legmon.scoring.result import details_json

    i, d = scored.indices, details_json(scored)
    table = Table("number", "value", box=None)
    table.add_row("candidate movements", str(i.candidates))
    for side, count in d["legs"].items():
        table.add_row(f"movements, {side}", str(count["movements"]))
    table.add_row("isolated candidates per hour recorded", _number(d["per_hour"]["isolated_candidates"]))
    table.add_row("interval, geometric mean of 10 to 90 s", _number(i.interval_geometric_mean_s, " s"))
    table.add_row("periodicity index (2006)", _number(i.periodicity_index_2006))
    table.add_row("periodic over candidates", _number(i.periodic_ratio))
    if d["sleep"]:
        table.add_row("periodic per hour asleep", _number(d["sleep"]["periodic_per_hour_asleep"]))
        table.add_row("periodic per hour awake", _number(d["sleep"]["periodic_per_hour_awake"]))
    if d["gaps_to_5_s_bridged"]["differs_by_more_than_10_percent"]:
        table.add_row("periodic if gaps up to 5 s were bridged", str(d["gaps_to_5_s_bridged"]["periodic"]))
    table.add_row("not measured", ", ".join(d["not_measured"]))
    return table


def _number(value: float | None, unit: str = "") -> str:
    return "not defined" if value is None else f"{value:.2f}{unit}"
