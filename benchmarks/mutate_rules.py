"""Move every limit of the rules by one tick, one at a time, and show that a test fails each time.

``uv run python benchmarks/mutate_rules.py`` works on a copy and does not change the tree.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCORING = "src/legmon/scoring"
TESTS = ["tests/test_scoring_wasm2016.py", "tests/test_scoring_other_rules.py", "tests/test_scoring_live.py"]

MUTATIONS = [
    ("events.py", "HALF_SECOND = NS // 2", "HALF_SECOND = NS // 2 + 1"),
    ("events.py", "HALF_SECOND = NS // 2", "HALF_SECOND = NS // 2 - 1"),
    ("events.py", "m.onset_ns - ends[leg] < HALF_SECOND", "m.onset_ns - ends[leg] <= HALF_SECOND"),
    ("events.py", "m.offset_ns - m.onset_ns >= HALF_SECOND", "m.offset_ns - m.onset_ns > HALF_SECOND"),
    ("events.py", "m.onset_ns < ends[other] + HALF_SECOND", "m.onset_ns <= ends[other] + HALF_SECOND"),
    ("events.py", ".onset_ns >= within", ".onset_ns > within"),
    ("events.py", "gaps[i][0] <= onset", "gaps[i][0] < onset"),
    ("wasm2016.py", "SHORTEST_INTERVAL = 10 * NS", "SHORTEST_INTERVAL = 10 * NS + 1"),
    ("wasm2016.py", "SHORTEST_INTERVAL = 10 * NS", "SHORTEST_INTERVAL = 10 * NS - 1"),
    ("wasm2016.py", "LONGEST_INTERVAL = 90 * NS", "LONGEST_INTERVAL = 90 * NS + 1"),
    ("wasm2016.py", "LONGEST_INTERVAL = 90 * NS", "LONGEST_INTERVAL = 90 * NS - 1"),
    ("wasm2016.py", "LONGEST_MOVEMENT = 10 * NS", "LONGEST_MOVEMENT = 10 * NS + 1"),
    ("wasm2016.py", "LONGEST_MOVEMENT = 10 * NS", "LONGEST_MOVEMENT = 10 * NS - 1"),
    ("wasm2016.py", "LONGEST_BILATERAL = 15 * NS", "LONGEST_BILATERAL = 15 * NS + 1"),
    ("wasm2016.py", "LONGEST_BILATERAL = 15 * NS", "LONGEST_BILATERAL = 15 * NS - 1"),
    ("wasm2016.py", "MOST_PARTS = 4", "MOST_PARTS = 5"),
    ("wasm2016.py", "MOST_PARTS = 4", "MOST_PARTS = 3"),
    (
        "wasm2016.py",
        "longest_missing(gaps, onset, offset) > HALF",
        "longest_missing(gaps, onset, offset) >= HALF",
    ),
    ("wasm2016.py", "s.event.onset) > HALF", "s.event.onset) >= HALF"),
    ("wasm2016.py", "s.interval > self._longest", "s.interval >= self._longest"),
    ("wasm2016.py", "s.interval < SHORTEST_INTERVAL", "s.interval <= SHORTEST_INTERVAL"),
    ("wasm2016.py", "else LONGEST_INTERVAL - 1", "else LONGEST_INTERVAL"),
    ("series.py", "SERIES = 4", "SERIES = 3"),
    ("series.py", "SERIES = 4", "SERIES = 5"),
    ("series.py", "interval < 5 * NS", "interval <= 5 * NS"),
    ("series.py", "interval < 5 * NS", "interval < 5 * NS - 1000"),
    ("series.py", "interval > 90 * NS", "interval >= 90 * NS"),
    ("series.py", "interval > 90 * NS", "interval > 90 * NS + 1000"),
    ("series.py", "s.event.onset) > HALF", "s.event.onset) >= HALF"),
    ("wasm2006.py", "10 * NS if", "10 * NS - 1 if"),
    ("wasm2006.py", "10 * NS if", "10 * NS + 1000 if"),
    ("wasm2006.py", "else 15 * NS", "else 15 * NS - 1"),
    ("wasm2006.py", "else 15 * NS", "else 15 * NS + 1000"),
    ("aasm.py", "LONGEST_MOVEMENT = 10 * NS", "LONGEST_MOVEMENT = 10 * NS - 1"),
    ("aasm.py", "LONGEST_MOVEMENT = 10 * NS", "LONGEST_MOVEMENT = 10 * NS + 1000"),
    ("aasm.py", "ONE_MOVEMENT = 5 * NS", "ONE_MOVEMENT = 5 * NS + 1"),
    ("aasm.py", "ONE_MOVEMENT = 5 * NS", "ONE_MOVEMENT = 5 * NS - 1000"),
    ("aasm.py", "a - HALF_SECOND <= event.offset", "a - HALF_SECOND < event.offset"),
    ("aasm.py", "event.onset <= b + HALF_SECOND", "event.onset < b + HALF_SECOND"),
    ("sleep.py", "e.onset <= end + AFTER_END", "e.onset < end + AFTER_END"),
    ("sleep.py", "BEFORE_END, AFTER_END = 2 * NS", "BEFORE_END, AFTER_END = 2 * NS - 1000"),
    ("sleep.py", "10_250_000_000", "10_250_001_000"),
    ("indices.py", "SHORTEST_INTERVAL < interval", "SHORTEST_INTERVAL <= interval"),
    ("indices.py", "run >= 3", "run > 3"),
    ("details.py", "g[1] - g[0] > BRIDGED", "g[1] - g[0] >= BRIDGED"),
    ("live.py", "end + HALF_SECOND > reached", "end + HALF_SECOND >= reached"),
    ("live.py", "m.onset_ns - end >= HALF_SECOND", "m.onset_ns - end > HALF_SECOND"),
    ("live.py", "earliest <= last + LONGEST_INTERVAL", "earliest < last + LONGEST_INTERVAL"),
    ("live.py", "earliest) <= HALF_SECOND", "earliest) < HALF_SECOND"),
]


def main() -> int:
    """Run every mutation. Return 1 if one survives."""
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("src", "tests", "firmware_sim", "pyproject.toml"):
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "static"))
            else:
                shutil.copy(source, copy / name)
        for file, before, after in MUTATIONS:
            path = copy / SCORING / file
            original = path.read_text()
            if before not in original:
                raise SystemExit(f"{file} no longer has {before!r}")
            path.write_text(original.replace(before, after))
            killed = _fails(copy)
            path.write_text(original)
            print(f"{'killed' if killed else 'SURVIVED':9} {file:12} {before}  ->  {after}", flush=True)
            if not killed:
                survivors.append((file, before, after))
    print(f"{len(MUTATIONS) - len(survivors)} of {len(MUTATIONS)} killed")
    return 1 if survivors else 0


def _fails(copy: Path) -> bool:
    env = os.environ | {"PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *TESTS]
    return subprocess.run(command, cwd=copy, env=env, capture_output=True, check=False).returncode != 0


if __name__ == "__main__":
    sys.exit(main())
