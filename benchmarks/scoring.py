"""Compare the time to score a night of 2,000 movements with psgscoring, on the same list in the same run.

``uv run --with psgscoring python benchmarks/scoring.py``

psgscoring (BSD-3) scores a signal by AASM. Two of its functions do on a list what a rule set does, merging the legs and
finding the series; these are timed. Rounds alternate, and the fastest rounds are compared, because the machine may be
shared.
"""

import random
import time
from collections.abc import Callable
from typing import Any

from legmon import LegMovement, score
from legmon.movement import NS

MOVEMENTS = 2000
ROUNDS = 60


def night(seed: int = 1) -> dict[str, list[tuple[float, float]]]:
    """Return the movements of a dense night of both legs, in seconds."""
    rng = random.Random(seed)  # noqa: S311
    legs: dict[str, list[tuple[float, float]]] = {"left": [], "right": []}
    t = 0.0
    while sum(map(len, legs.values())) < MOVEMENTS:
        t += 3 + 0.7 * rng.lognormvariate(3.0, 0.5)
        side = rng.random()
        if side < 0.55:
            legs["left"].append((t, t + rng.uniform(0.6, 5)))
        if side > 0.45:
            onset = t + rng.uniform(-0.3, 0.3)
            legs["right"].append((onset, onset + rng.uniform(0.6, 5)))
    return legs


def seconds(work: Callable[[], Any]) -> float:
    """Return the duration of one call, s."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Print milliseconds and ratios."""
    from psgscoring import plm

    legs = night()
    movements = [
        LegMovement(round(a * NS), round(b * NS), leg)  # type: ignore[arg-type]
        for leg, spans in legs.items()
        for a, b in spans
    ]
    theirs = {
        leg: [{"onset_s": a, "duration_s": b - a, "amplitude_uv": 1.0} for a, b in spans]
        for leg, spans in legs.items()
    }

    def psgscoring() -> None:
        merged = plm._merge_bilateral(theirs["left"], theirs["right"])  # noqa: SLF001
        merged.sort(key=lambda m: m["onset_s"])
        plm._detect_series(merged)  # noqa: SLF001

    contenders: dict[str, Callable[[], Any]] = {"psgscoring": psgscoring}
    contenders |= {r: (lambda r=r: score(movements, r)) for r in ("wasm2016", "wasm2006", "aasm")}  # type: ignore[misc]
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(ROUNDS):
        for name, work in contenders.items():
            best[name] = min(best[name], seconds(work))
    for name, s in best.items():
        print(f"{name:12} {s * 1e3:8.2f} ms   {best['psgscoring'] / s:6.1f} times as fast as psgscoring")


if __name__ == "__main__":
    main()
