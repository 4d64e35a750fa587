"""Measure the detector on nights of the second sleeper, kind by kind, with the yardstick of `legmon.agreement`.

``python benchmarks/second_sleeper.py --nights 3 --hours 4``

The detector was not tuned on these nights, and must not be. A periodic movement is false if the rules, applied to the
truth, have none within 0.5 s of it. The count error is the error of the sum over all nights of a kind.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass

from legmon import Agreement, LegMovement, agreement, detect, score
from legmon.evaluation.second_sleeper import KINDS, SecondNight, draw_night
from legmon.movement import NS

FOREIGN = {"bump", "vibration"}
"""What the sleeper does not do. It breaks no series."""
WIDENED_NS = NS // 2


@dataclass(frozen=True, slots=True)
class NightResult:
    """What the detector made of one night."""

    agreement: Agreement
    periodic_found: int
    periodic_true: int
    periodic_false: int
    hours: float


def true_movements(night: SecondNight) -> list[LegMovement]:
    """Return what a perfect detector finds: visible leg movements, and the sleeper's other movements."""
    return [
        LegMovement(round(m.onset_s * NS), round(m.offset_s * NS), "left", m.kind)
        for m in night.truth
        if m.visible and m.kind not in FOREIGN
    ]


def periodic_spans(movements: list[LegMovement], duration_s: float) -> list[tuple[int, int]]:
    """Return onset and offset of the movements that WASM 2016 calls periodic, ns."""
    scored = score(movements, duration_s=duration_s)
    return [(m.movement.onset, m.movement.offset) for m in scored.movements if m.periodic]


def judge(night: SecondNight) -> NightResult:
    """Detect, and compare with the truth."""
    found = detect(night.xyz, night.rate_hz, leg="left")
    duration_s = len(night.xyz) / night.rate_hz
    true = periodic_spans(true_movements(night), duration_s)
    periodic = periodic_spans(found, duration_s)
    false = sum(
        all(b + WIDENED_NS <= other_a or other_b + WIDENED_NS <= a for other_a, other_b in true)
        for a, b in periodic
    )
    return NightResult(
        agreement(found, [m.to_dict() for m in night.truth]),
        len(periodic),
        len(true),
        false,
        duration_s / 3600,
    )


@dataclass(frozen=True, slots=True)
class Row:
    """The nights of one kind together. Shares are 0 to 1, times seconds; what cannot be computed is None."""

    kind: str
    truths: int
    f1: float | None
    precision: float | None
    recall: float | None
    periodic_true: int
    periodic_found: int
    periodic_count_error: float | None
    periodic_false_per_hour: float
    onset_error_median_s: float | None
    onset_error_p95_s: float | None
    false_positives_inside: dict[str, int]


def row(kind: str, nights: list[NightResult]) -> Row:
    """Return the figures of several nights together."""
    total = Agreement.total([n.agreement for n in nights])
    found, true = sum(n.periodic_found for n in nights), sum(n.periodic_true for n in nights)
    onset = total.onset_errors
    return Row(
        kind=kind,
        truths=total.truths,
        f1=total.f1,
        precision=total.precision,
        recall=total.recall,
        periodic_true=true,
        periodic_found=found,
        periodic_count_error=(found - true) / true if true else None,
        periodic_false_per_hour=sum(n.periodic_false for n in nights) / sum(n.hours for n in nights),
        onset_error_median_s=onset.median_s if onset else None,
        onset_error_p95_s=onset.p95_s if onset else None,
        false_positives_inside=dict(total.confused),
    )


def shown(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """Return a figure for the table."""
    return "–" if value is None else f"{value:{'+' if signed else ''}.{digits}f}"


def line(r: Row) -> str:
    """Return one line of the table."""
    cells = [
        f"{r.truths:6d}", f"{shown(r.f1):>6}", f"{shown(r.precision):>6}", f"{shown(r.recall):>6}",
        f"{r.periodic_true:5d}", f"{r.periodic_found:5d}",
        f"{shown(None if r.periodic_count_error is None else 100 * r.periodic_count_error, 1, signed=True):>7}",
        f"{r.periodic_false_per_hour:7.1f}", f"{shown(r.onset_error_median_s):>6}", f"{shown(r.onset_error_p95_s):>6}",
    ]  # fmt: skip
    inside = ", ".join(f"{k} {n}" for k, n in sorted(r.false_positives_inside.items(), key=lambda x: -x[1]))
    return f"{r.kind:12} {'  '.join(cells)}  {inside}"


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nights", type=int, default=3, help="nights of each kind (3)")
    parser.add_argument("--hours", type=float, default=4.0, help="hours of each night (4)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first night; the others follow (1)")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this kind; may be repeated")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    if asked.nights < 1 or asked.hours < 0.25 or asked.seed < 0:
        parser.error("ask for at least 1 night of at least 0.25 hours, and a seed that is not negative")
    began, every, rows = time.perf_counter(), list[NightResult](), list[Row]()
    if not asked.json:
        print(
            f"{'kind':12} truths      F1    prec  recall  true  found  count%  false/h  onset     p95  false positives inside"
        )
    for kind in asked.kind or KINDS:
        nights = [
            judge(draw_night(seed, kind=kind, hours=asked.hours))
            for seed in range(asked.seed, asked.seed + asked.nights)
        ]
        every += nights
        rows.append(row(kind, nights))
        if not asked.json:
            print(line(rows[-1]), flush=True)
    rows.append(row("all", every))
    if asked.json:
        print(
            json.dumps(
                {
                    "nights": asked.nights,
                    "hours": asked.hours,
                    "seed": asked.seed,
                    "kinds": [asdict(r) for r in rows],
                }
            )
        )
        return
    print(line(rows[-1]))
    print(f"{len(every)} nights of {asked.hours:g} h in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
