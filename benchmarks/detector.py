"""Measure the compiled detector beside C of the same arithmetic, on the same night, in the same run.

``python -m benchmarks.detector``

A night of the second sleeper goes through the detector in turns: with the kernels as numba compiles them, and with
``benchmarks/detector.c`` in their place, compiled with ``-O3 -march=native -ffp-contract=off``. Every bout, every
movement and every finding must be the same to the last bit. Printed are nanoseconds per sample of three axes, in the quality
check and in the kernel, and in `Detector.feed` as a whole, with its rules in Python. Each call works on 16,384 samples. Its
time is the least of all rounds, because the machine may be shared.
"""

import argparse
import ctypes
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from legmon.detection import detector as rules
from legmon.detection import kernel, quality
from legmon.detection.detector import Detector
from legmon.evaluation.second_sleeper import draw_night

SOURCE = Path(__file__).with_suffix(".c")
FLAGS = ["-O3", "-march=native", "-ffp-contract=off", "-std=gnu11", "-shared", "-fPIC"]
RANGE_G = 8.0
AIM_NS, AIM_RATIO = 20.0, 1.5
Floats = NDArray[np.float64]
Call = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Compiled:
    """The two functions that see every sample."""

    name: str
    add: Call
    run: Call


@dataclass(frozen=True, slots=True)
class Round:
    """One pass through the night: seconds of each call, and all that was found."""

    quality_s: list[float]
    kernel_s: list[float]
    whole_s: list[float]
    found: str


def constants() -> str:
    """Return the header that defines what the kernels call by name."""
    lines = []
    for module in (kernel, quality):
        for name, value in vars(module).items():
            if name.isupper() and type(value) in {int, float}:
                lines.append(f"#define {'Q' if name.startswith('_') else ''}{name} {value!r}")
    return "\n".join(lines) + "\n"


def compiler() -> str | None:
    """Return the C compiler of this machine, if it has one."""
    return next((path for name in ("gcc", "clang", "cc") if (path := shutil.which(name))), None)


def in_c(path: str, folder: Path, more: list[str]) -> Compiled:
    """Compile the C program into a folder and return its functions."""
    (folder / "constants.h").write_text(constants())
    library = folder / "detector.so"
    subprocess.run([path, *FLAGS, *more, f"-I{folder}", str(SOURCE), "-o", str(library), "-lm"], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.run.restype = ctypes.c_int64

    def pointers(*arrays: NDArray[Any]) -> list[ctypes.c_void_p]:
        return [ctypes.c_void_p(a.ctypes.data) for a in arrays]

    def add(
        waiting: Floats, new: int, p: Floats, s: Floats, i: NDArray[np.int64], notes: NDArray[np.int64]
    ) -> None:
        sizes = ctypes.c_int64(len(waiting)), ctypes.c_int64(new)
        loaded.quality(*pointers(waiting), *sizes, *pointers(p, s, i, notes))

    def run(x: Floats, *state: NDArray[Any]) -> int:
        return int(loaded.run(*pointers(x), ctypes.c_int64(len(x)), *pointers(*state)))

    return Compiled("C", add, run)


@contextmanager
def put_in(add: Call, run: Call, bout: Call) -> Iterator[None]:
    """Let the detector call these functions in place of its own."""
    kept = quality.add, kernel.run, rules.bout
    try:
        quality.add, kernel.run, rules.bout = add, run, bout  # type: ignore[assignment]
        yield
    finally:
        quality.add, kernel.run, rules.bout = kept  # type: ignore[assignment]


def once(compiled: Compiled, x: Floats, rate_hz: float) -> Round:
    """Detect the night once."""
    spent: dict[str, list[float]] = {"add": [], "run": [], "feed": []}
    rows: list[bytes] = []
    keep = rules.bout

    def timed(name: str, call: Call) -> Call:
        def measured(*arguments: Any) -> Any:
            began = time.perf_counter()
            answer = call(*arguments)
            spent[name].append(time.perf_counter() - began)
            return answer

        return measured

    def bout(row: Floats, *others: Any) -> Any:
        rows.append(row.tobytes())
        return keep(row, *others)

    with put_in(timed("add", compiled.add), timed("run", compiled.run), bout):
        detector = Detector(rate_hz, range_g=RANGE_G)
        feed = timed("feed", detector.feed)
        found = [m for at in range(0, len(x), rules.SLICE) for m in feed(x[at : at + rules.SLICE])]
        found += detector.finish()
    everything = (found, rows, detector.quality(), detector.unseen)
    return Round(spent["add"], spent["run"], spent["feed"], repr(everything))


def main(given: list[str] | None = None) -> int:
    """Print nanoseconds per sample, and their ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--kind", default="plain", help="kind of night, as `legmon golden --second` names them"
    )
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--flag", action="append", default=[], help="another flag for the C compiler")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    asked = parser.parse_args(given)
    night = draw_night(1, kind=asked.kind, hours=asked.hours)
    x, samples = np.ascontiguousarray(night.xyz), len(night.xyz)
    with tempfile.TemporaryDirectory() as folder:
        both = [Compiled("legmon", quality.add, kernel.run)]
        if path := compiler():
            both.append(in_c(path, Path(folder), asked.flag))
        else:
            print(
                "There is no C compiler here (gcc, clang or cc), so nothing to compare with.", file=sys.stderr
            )
        once(both[0], x[:1000], night.rate_hz)  # compiles
        rounds = [[once(compiled, x, night.rate_hz) for compiled in both] for _ in range(asked.rounds)]
    if len({r.found for pair in rounds for r in pair}) > 1:
        print("C and legmon do not find the same, to the last bit.", file=sys.stderr)
        return 1
    result: dict[str, Any] = {"samples": samples, "rate_hz": night.rate_hz}
    for compiled, own in zip(both, zip(*rounds, strict=True), strict=True):
        in_quality, in_kernel, whole = (
            float(np.min(seconds, axis=0).sum() / samples * 1e9)
            for seconds in ([r.quality_s for r in own], [r.kernel_s for r in own], [r.whole_s for r in own])
        )
        result[compiled.name] = {
            "quality": in_quality,
            "kernel": in_kernel,
            "together": in_quality + in_kernel,
            "whole": whole,
        }
    if len(both) > 1:
        result["ratio"] = result["legmon"]["together"] / result["C"]["together"]
    if asked.json:
        print(json.dumps(result))
        return 0
    print(f"{samples} samples at {night.rate_hz:g} Hz, least of {asked.rounds} rounds, ns per sample:")
    print(f"{'':8}{'quality':>9}{'kernel':>9}{'together':>10}{'Detector.feed':>15}")
    for compiled in both:
        quality_ns, kernel_ns, together, feed_ns = result[compiled.name].values()
        print(f"{compiled.name:8}{quality_ns:9.1f}{kernel_ns:9.1f}{together:10.1f}{feed_ns:15.1f}")
    if len(both) > 1:
        print(
            f"legmon takes {result['ratio']:.2f} times as long as C (aims: {AIM_RATIO:g}, and {AIM_NS:g} ns)."
        )
        print("Bouts, movements and findings are the same to the last bit.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
