"""Measure how fast simulated nights are rendered: ``uv run python -m benchmarks.rendering [--json] [NIGHT ...]``.

A night is a scenario file, or one of the built-in nights by its name. For each: the plan of the movements, the samples of
sleeper and chip, and the truth, in seconds of one core, the best of three. The aim is that plan and samples of 8 h at 50 Hz take
0.7 s at most. Nothing is compiled, so the first night costs what the second one does.

On 2 cores of an AMD EPYC (Zen 4), seconds of plan and samples / truth:

=================== ============= =============
night               row by row    axis by axis
=================== ============= =============
03-typical          0.43 / 0.54   0.36 / 0.23
13-dense-awake      0.87 / 0.69   0.54 / 0.33
15-inexact-returns  0.73 / 0.74   0.51 / 0.32
16-noise-hum        0.70 / 0.34   0.49 / 0.13
=================== ============= =============
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

from firmware_sim.accelerometer import Accelerometer
from firmware_sim.blocks import BLOCK
from firmware_sim.scenario import read_scenario
from firmware_sim.sleeper import Sleeper
from firmware_sim.truth import truth
from firmware_sim.vocabulary import Scenario

GOLDEN = Path(__file__).parents[1] / "firmware_sim" / "golden"
TIMES = 3


def sample(sleeper: Sleeper) -> None:
    """Compute every sample of a night."""
    chip = Accelerometer(sleeper, sleeper.scenario.sensor.range_g)
    for first in range(0, int(sleeper.scenario.duration_s * sleeper.rate_hz), BLOCK):
        chip.samples(first, BLOCK)


def best(work: Callable[[], object]) -> float:
    """Return the shortest of a few runs, s of one core."""
    spent = []
    for _ in range(TIMES):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def measure(scenario: Scenario) -> dict[str, float]:
    """Return the seconds of each step of one night."""
    sleeper = Sleeper(scenario)
    return {
        "hours": scenario.duration_s / 3600,
        "rate_hz": scenario.rate_hz,
        "plan_s": round(best(lambda: Sleeper(scenario)), 3),
        "samples_s": round(best(lambda: sample(sleeper)), 3),
        "truth_s": round(best(lambda: truth(sleeper)), 3),
    }


def main() -> None:
    """Print the seconds of each night."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "nights", nargs="*", help="scenario files, or names of built-in nights; all of these by default"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    files = [Path(n) if n.endswith((".yaml", ".yml")) else GOLDEN / f"{n}.yaml" for n in options.nights]
    found = {path.stem: measure(read_scenario(path)) for path in files or sorted(GOLDEN.glob("*.yaml"))}
    if options.json:
        print(json.dumps(found, indent=1))
        return
    for name, night in found.items():
        print(
            f"{name:20}{night['hours']:5.1f} h {night['rate_hz']:4} Hz   plan {night['plan_s']:.3f} s"
            f"   samples {night['samples_s']:.3f} s   truth {night['truth_s']:.3f} s"
        )


if __name__ == "__main__":
    main()
