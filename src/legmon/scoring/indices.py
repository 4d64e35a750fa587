"""The numbers of a scored night: counts, rates per hour with samples, periodicity, intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from legmon.movement import NS
from legmon.scoring.events import ScoredMovement
from legmon.scoring.wasm2016 import LONGEST_INTERVAL, SHORTEST_INTERVAL

BIN_S = 2
BINS = 50


@dataclass(frozen=True, slots=True)
class Indices:
    """Counts and indices. An index that does not exist is None.

    Parameters
    ----------
    movements : int
        Leg movements of 0.5 s or more, with both legs merged. Other kinds are not counted.
    candidates, periodic, series : int
        Candidate movements, those in periodic series, and the number of series.
    hours : float
        Hours with samples: the denominator of each rate here.
    periodic_per_hour : float or None
        Periodic movements per hour with samples.
    periodicity_index_2006 : float or None
        Ferri et al., Sleep 2006;29:759: the number of intervals in runs of three or more consecutive intervals of
        10 < i <= 90 s, over the number of all measurable intervals.
    periodic_ratio : float or None
        Periodic movements over candidates (PLMScoRe, Luna, SOMAS). It is not the same as the index above.
    interval_geometric_mean_s : float or None
        Geometric mean of the intervals of 10 to 90 s.
    """

    movements: int
    candidates: int
    periodic: int
    series: int
    hours: float
    periodic_per_hour: float | None
    periodicity_index_2006: float | None
    periodic_ratio: float | None
    interval_geometric_mean_s: float | None


def indices(scored: Sequence[ScoredMovement], analysed_ns: int) -> Indices:
    """Return counts and indices.

    Parameters
    ----------
    scored : sequence of ScoredMovement
        The whole recording, in order of onset.
    analysed_ns : int
        Time with samples, ns.
    """
    candidates = sum(s.candidate for s in scored)
    periodic = sum(s.periodic for s in scored)
    within = [
        s.interval for s in scored if s.interval and SHORTEST_INTERVAL <= s.interval <= LONGEST_INTERVAL
    ]
    hours = analysed_ns / NS / 3600
    return Indices(
        movements=sum(s.movement.kind == "leg" for s in scored),
        candidates=candidates,
        periodic=periodic,
        series=max((s.series for s in scored if s.series), default=0),
        hours=hours,
        periodic_per_hour=periodic / hours if hours > 0 else None,
        periodicity_index_2006=_periodicity_2006(scored),
        periodic_ratio=periodic / candidates if candidates else None,
        interval_geometric_mean_s=(
            math.exp(sum(math.log(i / NS) for i in within) / len(within)) if within else None
        ),
    )


def _periodicity_2006(scored: Sequence[ScoredMovement]) -> float | None:
    measurable, inside, run = 0, 0, 0
    for s in [*scored, None]:
        interval = s.interval if s is not None else None
        measurable += interval is not None
        if interval is not None and SHORTEST_INTERVAL < interval <= LONGEST_INTERVAL:
            run += 1
            continue
        inside += run if run >= 3 else 0
        run = 0
    return inside / measurable if measurable else None


def interval_histogram(scored: Sequence[ScoredMovement]) -> tuple[list[int], int]:
    """Count intervals in bins of 2 s from 0 to 100 s. The second number is how many were longer."""
    counts, longer = [0] * BINS, 0
    for s in scored:
        if s.interval is None:
            continue
        at = s.interval // (BIN_S * NS)
        if at < BINS:
            counts[at] += 1
        else:
            longer += 1
    return counts, longer
