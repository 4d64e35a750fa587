"""Measure the detector on nights of the second sleeper, kind by kind, with the yardstick of `legmon.agreement`.

``python benchmarks/second_sleeper.py --nights 3 --hours 4``

The detector was not tuned on these nights, and must not be. A periodic movement is false if the rules, applied to the
truth, have none within 0.5 s of it. The count error is the error of the sum over all nights of a kind.
Nights that the quality check calls poor are in a row of their own, and in no other.
"""

import argparse
import json
import time
from dataclasses import asdict

from legmon.evaluation.second import SecondEvaluation, by_kind, evaluate_second
from legmon.evaluation.second_sleeper import KINDS
from legmon.evaluation.table import Row, row, rows, usable


def shown(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """Return a figure for the table."""
    return "–" if value is None else f"{value:{'+' if signed else ''}.{digits}f}"


def line(kind: str, r: Row) -> str:
    """Return one line of the table."""
    cells = [
        f"{r.nights:6d}", f"{r.truths:6d}", f"{shown(r.f1):>6}", f"{shown(r.precision):>6}", f"{shown(r.recall):>6}",
        f"{r.periodic_true:5d}", f"{r.periodic_found:5d}",
        f"{shown(None if r.periodic_error is None else 100 * r.periodic_error, 1, signed=True):>7}",
        f"{shown(r.false_periodic_per_hour, 1):>7}", f"{shown(r.onset_error_median_s):>6}",
        f"{shown(r.onset_error_p95_s):>6}",
    ]  # fmt: skip
    inside = ", ".join(f"{k} {n}" for k, n in sorted(r.false_by_kind.items(), key=lambda x: -x[1]))
    return f"{kind:14} {'  '.join(cells)}  {inside}"


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
    began, every = time.perf_counter(), list[SecondEvaluation]()
    if not asked.json:
        print(
            f"{'kind':14} nights  truths      F1    prec  recall   true  found   count%"
            "  false/h   onset     p95  false positives inside"
        )
    for kind in asked.kind or KINDS:
        seeds = range(asked.seed, asked.seed + asked.nights)
        nights = [evaluate_second(kind, seed, asked.hours) for seed in seeds]
        every += nights
        if not asked.json:
            print(line(kind, row(usable(nights))), flush=True)
    together = rows(by_kind(every), every)
    if asked.json:
        answer = {name: asdict(r) for name, r in together.items()}
        print(json.dumps({"nights": asked.nights, "hours": asked.hours, "seed": asked.seed, "kinds": answer}))
        return
    for name in (n for n in together if n not in KINDS):
        print(line(name, together[name]))
    print(f"{len(every)} nights of {asked.hours:g} h in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
