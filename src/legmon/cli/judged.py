"""A night or a file, scored: what the command line prints of it, with the marks of the night's owner as on the pages."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from legmon.catalog.state import NightInfo
from legmon.catalog.store import Catalog
from legmon.cli.options import print_json
from legmon.errors import LegmonError
from legmon.night.figures import Figures
from legmon.night.track import LegTrack, score_night
from legmon.scoring.result import Scored, details_json
from legmon.scoring.rules import NAMES, Interpretation, known_rules


@dataclass(frozen=True, slots=True)
class Judged:
    """What was scored; the headline where it is a recorded night with its owner's marks."""

    scored: Scored
    figures: Figures | None = None
    voluntary: int = 0

    def answer(self) -> dict[str, Any]:
        """Give the JSON object of `legmon score`, with the headline of the pages where there is one."""
        f, answer = self.figures, self.scored.answer()
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
        }


def judge(
    catalog: Catalog,
    info: NightInfo,
    tracks: Iterable[LegTrack],
    rules: str | None = None,
    how: Interpretation | None = None,
    *,
    as_recorded: bool,
) -> Judged:
    """Score a night, with what its owner said of it or as it was recorded.

    Parameters
    ----------
    catalog : Catalog
        Of its data folder.
    info : NightInfo
        The night.
    tracks : iterable of LegTrack
        Its legs, as the recorder wrote them or as they were found again.
    rules : str, optional
        The rule set; the night's own where left out.
    how : Reading, optional
        How open places of the rules are read.
    as_recorded : bool
        Whether to leave out what the owner said.

    Raises
    ------
    LegmonError
        If the night holds no samples.
    """
    named = known_rules(rules or info.rules)
    if as_recorded:
        try:
            return Judged(score_night(list(tracks), named, interpretation=how))
        except ValueError as e:
            raise LegmonError(f"night {info.id}: {e}") from e
    from legmon.nights.report import report

    found = report(catalog, info, tracks, named, how)
    if found.scored is None:
        raise LegmonError(f"night {info.id}: this night holds no samples")
    return Judged(found.scored, found.figures, found.voluntary)


def tell(judged: Judged, *, as_json: bool) -> None:
    """Print it, for a program or for a person."""
    if as_json:
        print_json(judged.answer())
    else:
        show(judged.scored, judged)


def show(scored: Scored, judged: Judged | None = None) -> None:
    """Print a scored recording for a person."""
    console = Console()
    i = scored.indices
    if scored.simulated:
        console.print("[reverse] SIMULATED [/reverse]")
    rate = (
        ""
        if i.periodic_per_hour is None
        else f": {i.periodic_per_hour:.0f} periodic movements per hour recorded"
    )
    console.print(
        f"{i.movements} leg movements in {i.hours:.2f} h recorded. {i.periodic} of them came in {i.series} periodic series{rate}."
    )
    if judged and judged.figures and judged.figures.per_hour is not None:
        where = "lying with the sensor on" if judged.figures.by else "in bed as marked with the sensor on"
        hours = judged.figures.seconds / 3600
        console.print(
            f"{judged.figures.per_hour:.0f} periodic movements per hour {where} (lying awake included), in {hours:.2f} h."
        )
    if judged and judged.voluntary:
        console.print(f"{judged.voluntary} movements that were made on purpose are listed and not counted.")
    console.print(
        f"Rules: {NAMES[scored.rules]}. {len(scored.gaps)} gaps. Experimental; not validated against polysomnography."
    )
    console.print(_events_table(scored))
    console.print(_numbers_table(scored))


def _events_table(scored: Scored) -> Table:
    table = Table("onset s", "length s", "leg", "kind", "interval s", "peak mg", "series", box=None)
    for s in scored.movements:
        e = s.movement
        table.add_row(
            f"{e.onset / 1e9:.2f}",
            f"{(e.offset - e.onset) / 1e9:.2f}",
            e.side,
            e.kind if s.candidate or e.kind != "leg" else "leg (not a candidate)",
            "" if s.interval is None else f"{s.interval / 1e9:.1f}",
            "" if e.peak_mg is None else f"{e.peak_mg:.0f}",
            "" if s.series is None else str(s.series),
        )
    return table


def _numbers_table(scored: Scored) -> Table:
    i, d = scored.indices, details_json(scored)
    table = Table("number", "value", box=None)
    table.add_row("candidate movements", str(i.candidates))
    for side, count in d["legs"].items():
        table.add_row(f"movements, {side}", str(count["movements"]))
    table.add_row("isolated candidates per hour recorded", _plain(d["per_hour"]["isolated_candidates"]))
    table.add_row("interval, geometric mean of 10 to 90 s", _plain(i.interval_geometric_mean_s, " s"))
    table.add_row("periodicity index (2006)", _plain(i.periodicity_index_2006))
    table.add_row("periodic over candidates", _plain(i.periodic_ratio))
    if d["sleep"]:
        table.add_row("periodic per hour asleep", _plain(d["sleep"]["periodic_per_hour_asleep"]))
        table.add_row("periodic per hour awake", _plain(d["sleep"]["periodic_per_hour_awake"]))
    if d["gaps_to_5_s_bridged"]["differs_by_more_than_10_percent"]:
        table.add_row("periodic if gaps up to 5 s were bridged", str(d["gaps_to_5_s_bridged"]["periodic"]))
    table.add_row("not measured", ", ".join(d["not_measured"]))
    return table


def _plain(value: float | None, unit: str = "") -> str:
    return "not defined" if value is None else f"{value:.2f}{unit}"
