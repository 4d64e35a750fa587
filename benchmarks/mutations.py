"""Change valid files of every kind that legmon reads, and read them: nothing but a sentence may come back, within seconds.

``python -m benchmarks.mutations [--files 10000] [--kind KIND] [--keep DIR]``

Each file is read with the function that the command line or the pages use, in a process with bounded memory. The process
reads many files one after another; if it dies or takes more than 5 s for one, the file counts as a crash or a hang, and another
process goes on with the next. Such files are kept in the folder. The program prints one line a kind, and ends with status 1
if there is a crash or a hang.
"""

import argparse
import json
import logging
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
MEMORY: Final = 4 << 30
"""Address space of a process, most of which its libraries only reserve."""
HANGS_S: Final = 5.0
"""Seconds of processor time for one file; the machine may be busy with other things."""
WAITS_S: Final = 60.0
STARTS_S: Final = 120.0
A_PROCESS: Final = 2000
"""Files that one process reads."""


@dataclass
class Tally:
    """What became of the files of a kind."""

    files: int = 0
    results: Counter[str] = field(default_factory=Counter)
    worst_mb: float = 0.0
    worst_s: float = 0.0
    why: Counter[str] = field(default_factory=Counter)

    def line(self, kind: str) -> str:
        """Return the row of the table."""
        r = self.results
        return (
            f"| {kind} | {self.files:,} | {r['well']:,} | {r['refused']:,} | {r['crash']:,} | {r['hang']:,}"
            f" | {self.worst_mb:.0f} | {self.worst_s:.1f} |"
        )


def work(kind: str, first: int, count: int) -> None:
    """Read files of a kind, and print one line for each."""
    from benchmarks.hostile_files import KINDS, REFUSALS, mutations, placed, valid_files
    from legmon.quoting import LONGEST_SENTENCE, sentence

    logging.disable(logging.CRITICAL)
    chosen, out = KINDS[kind], os.fdopen(os.dup(1), "w")
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 (until the process ends)
    for data in valid_files(chosen):
        with placed(chosen, data) as path:
            try:
                chosen.read(path)
            except REFUSALS:
                continue
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    print("ready", file=out, flush=True)
    for seed in range(first, first + count):
        data, why = mutations(chosen, seed), ""
        _forget_peak()
        began = time.process_time()
        try:
            with placed(chosen, data) as path:
                chosen.read(path)
            result = "well"
        except REFUSALS as e:
            said = sentence(e)
            result = "refused" if said and len(said) <= LONGEST_SENTENCE and said.isprintable() else "crash"
        except BaseException as e:  # noqa: BLE001 (whatever it is, it is what we look for)
            where = traceback.extract_tb(e.__traceback__)[-1]
            result, why = (
                "crash",
                f"{type(e).__name__} in {Path(where.filename).name}:{where.lineno}: {e}"[:200],
            )
        seconds = time.process_time() - began
        print(json.dumps([seed, result, seconds, _peak_mb(), why]), file=out, flush=True)


def _forget_peak() -> None:
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write("5")


def _peak_mb() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _results(kind: str, count: int) -> Iterator[tuple[int, str, float, float, str]]:
    """Yield seed, result, seconds, MB and the reason of each file."""
    at = 0
    while at < count:
        part = min(A_PROCESS, count - at)
        command = [sys.executable, "-m", "benchmarks.mutations", "--work", kind, str(at), str(part)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, stderr=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            if not (begin := _line(child, STARTS_S)).startswith("ready"):
                child.kill()
                raise SystemExit(f"{kind} does not begin: {begin} {child.stderr.read().decode()[-2000:]}")
            for seed in range(at, at + part):
                line = _line(child, WAITS_S)
                at = seed + 1
                if not line:
                    ended = child.poll() is not None
                    child.kill()
                    yield (
                        seed,
                        "crash" if ended else "hang",
                        WAITS_S,
                        0.0,
                        "the process ended" if ended else "hangs",
                    )
                    break
                found: list[Any] = json.loads(line)
                yield found[0], "hang" if found[2] > HANGS_S else found[1], found[2], found[3], found[4]
            child.kill()


def _line(child: "subprocess.Popen[bytes]", within_s: float) -> str:
    """Return the next line of a process; empty if there is none in time."""
    assert child.stdout is not None
    text, until = b"", time.monotonic() + within_s
    while not text.endswith(b"\n"):
        if not select.select([child.stdout], [], [], max(until - time.monotonic(), 0))[0]:
            return ""
        if not (piece := os.read(child.stdout.fileno(), 1)):
            return ""
        text += piece
    return text.decode()


def main() -> int:
    """Read the files and print the table."""
    from benchmarks.hostile_files import KINDS, mutations

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--kind", action="append", choices=list(KINDS))
    parser.add_argument("--keep", type=Path, help="folder for the files that crash or hang")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args.work[0], int(args.work[1]), int(args.work[2]))
        return 0
    keep = args.keep or Path(tempfile.gettempdir()) / "legmon-mutations"
    failures = 0
    print("| kind | files | read well | refused | crashes | hangs | worst MB | worst s |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for kind in args.kind or KINDS:
        tally = Tally()
        for seed, result, seconds, mb, why in _results(kind, args.files):
            tally.files += 1
            tally.results[result] += 1
            tally.worst_s, tally.worst_mb = max(tally.worst_s, seconds), max(tally.worst_mb, mb)
            if result in {"crash", "hang"}:
                failures += 1
                tally.why[why] += 1
                keep.mkdir(parents=True, exist_ok=True)
                name = f"{kind.replace(', ', '-').replace(' ', '-')}-{seed}-{KINDS[kind].name}"
                (keep / name).write_bytes(mutations(KINDS[kind], seed))
        print(tally.line(kind), flush=True)
        for why, number in tally.why.most_common(10):
            print(f"  {number} × {why}", flush=True)
    if failures:
        print(f"Kept in {keep}.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
