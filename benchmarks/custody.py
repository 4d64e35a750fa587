"""Kill the parts of `legmon run` and meddle with its files while a simulated night is recorded, and count what is lost.

``uv run python -m benchmarks.custody [--attempts 10] [--seed N] [--json]``

It starts the program as a person does, in real time, and looks at it as a person can: by the command line, the pages and the
files. For each fault: attempts, seconds until it is said or healed (median and worst), and whether the same night went on. At the
end it compares the night with what the simulated sensor measured. `python -m tests.storm` has the faults of link and disk.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from legmon.catalog.store import Catalog
from legmon.recording.files import first_file, leg_files
from legmon.web.keys import bearer_token
from tests.storm.verdict import compare

ROOT = Path(__file__).parents[1]
PATIENCE_S = 90.0


class Evening:
    """One evening of `legmon run --simulate`."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self._run: subprocess.Popen[bytes] | None = None

    def command(self, *words: str) -> list[str]:
        """Return a command line of legmon on this data folder."""
        return [sys.executable, "-m", "legmon", *words, "--data", str(self.data)]

    def start(self) -> None:
        """Start `legmon run` in a session of its own, as a terminal does."""
        words = self.command("run", "--simulate", "--no-browser", "--port", "0")
        nothing = subprocess.DEVNULL
        self._run = subprocess.Popen(
            words, cwd=ROOT, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
        )

    @property
    def terminal(self) -> int:
        """The process of `legmon run`, started again if it is gone."""
        if self._run is None or self._run.poll() is not None:
            self.start()
            time.sleep(2.0)
        assert self._run is not None
        return self._run.pid

    def reap(self) -> None:
        """Wait for a `legmon run` that was killed."""
        if self._run is not None:
            self._run.wait(30)

    def status(self) -> dict[str, Any]:
        """Return what `legmon status` shows."""
        done = subprocess.run(
            self.command("status", "--json"),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return dict(json.loads(done.stdout)) if done.returncode == 0 else {}

    def page(self) -> dict[str, Any]:
        """Return what the pages show; empty while there are none."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            state = json.loads((self.data / "supervisor.json").read_text())
            request = urllib.request.Request(f"{state['pages']}/api/v1/status")  # noqa: S310 (loopback)
            with contextlib.suppress(OSError):
                request.add_header("Authorization", f"Bearer {bearer_token(self.data)}")
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                return dict(json.loads(answer.read()))
        return {}

    def samples(self) -> int:
        """Return how many samples the pages show."""
        return sum(s["samples"] for s in self.page().get("sensors", []))

    def recording(self) -> Path:
        """Return the recording of the night, by the name of its first file."""
        return first_file(self.data, self.page()["night"], "left")


def wait(condition: Callable[[], object], what: str) -> float:
    """Wait for a condition. Return how many seconds it took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > PATIENCE_S:
            raise TimeoutError(what)
        time.sleep(0.05)
    return time.monotonic() - began


def grows(evening: Evening) -> bool:
    """Whether the night's newest file has been written to in the last second."""
    night = next(iter(sorted((evening.data / "nights").glob("*"))), None)
    files = leg_files(night / "left.seg") if night else []
    return bool(files) and time.time() - files[-1].stat().st_mtime < 0.5


def kill(part: str) -> Callable[[Evening, random.Random], float]:
    """Return a fault: `kill -9` of a part. Its seconds are those until another process has taken its place."""

    def fault(evening: Evening, _: random.Random) -> float:
        before = evening.status()[part]["pid"]
        os.kill(before, signal.SIGKILL)
        return wait(
            lambda: (now := evening.status().get(part)) and now["pid"] != before,
            f"another {part} after {before}",
        )

    return fault


def hang_up(evening: Evening, _: random.Random) -> float:
    """Close the terminal: SIGHUP for all of its session."""
    os.killpg(evening.terminal, signal.SIGHUP)
    evening.reap()
    return 0.0


def kill_terminal(evening: Evening, _: random.Random) -> float:
    """``kill -9`` of `legmon run`."""
    os.kill(evening.terminal, signal.SIGKILL)
    evening.reap()
    return 0.0


def second_recorder(evening: Evening, _: random.Random) -> float:
    """Start another recorder on the same data folder: it must say that there is one, and end."""
    words = [
        sys.executable,
        "-m",
        "legmon.recorder",
        "--data",
        str(evening.data),
        "--hci",
        "unix-client:/nowhere",
    ]
    began = time.monotonic()
    done = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False
    )
    if done.returncode != 2 or "another legmon" not in done.stderr:
        raise AssertionError(done.stderr)
    return time.monotonic() - began


def lose_catalog(how: str) -> Callable[[Evening, random.Random], float]:
    """Return a fault: the catalog is removed, emptied or damaged. Its seconds are those until the page says so."""

    def fault(evening: Evening, draws: random.Random) -> float:
        file = evening.data / "catalog.sqlite"
        with contextlib.closing(sqlite3.connect(file, timeout=20)) as c:
            c.execute(
                "PRAGMA wal_checkpoint(TRUNCATE)"
            )  # else all of it may still be in the log, and the fault does nothing
        inode = file.stat().st_ino
        if how == "removed":
            file.unlink()
        elif how == "emptied":
            file.write_bytes(b"")
        else:
            with file.open("r+b") as pages:
                pages.write(draws.randbytes(file.stat().st_size))
        return wait(
            lambda: file.exists() and file.stat().st_ino != inode and evening.page().get("trouble_code"),
            f"the page says that the catalog was {how}",
        )

    return fault


def meddle(how: str) -> Callable[[Evening, random.Random], float]:
    """Return a fault: the file of the night is removed, cut or replaced. Its seconds are those until there is a new one."""

    def fault(evening: Evening, draws: random.Random) -> float:
        first = evening.recording()
        file = leg_files(first)[-1]
        if how == "removed":
            file.unlink()
        elif how == "cut":
            os.truncate(file, draws.randint(0, file.stat().st_size))
        else:
            other = file.with_suffix(".other")
            other.write_bytes(b"of another program")
            other.replace(file)
        began = time.monotonic()
        wait(lambda: leg_files(first)[-1:] not in ([], [file]), "a new file")
        wait(lambda: str(evening.page().get("trouble_code")).startswith("segment_"), "the page says it")
        return time.monotonic() - began

    return fault


FAULTS: dict[str, Callable[[Evening, random.Random], float]] = {
    "terminal closed (HUP)": hang_up,
    "legmon run killed -9": kill_terminal,
    "supervisor killed -9": kill("supervisor"),
    "recorder killed -9": kill("recorder"),
    "dashboard killed -9": kill("dashboard"),
    "two recorders": second_recorder,
    "catalog removed": lose_catalog("removed"),
    "catalog emptied": lose_catalog("emptied"),
    "catalog damaged": lose_catalog("damaged"),
    "segment removed": meddle("removed"),
    "segment cut": meddle("cut"),
    "segment replaced": meddle("replaced"),
}


def campaign(attempts: int, seed: int, only: list[str]) -> dict[str, Any]:
    """Carry out every fault so often, in a drawn order, on one night."""
    draws = random.Random(seed)  # noqa: S311 (no secret)
    plan = [name for name in only for _ in range(attempts)]
    draws.shuffle(plan)
    took: dict[str, list[float]] = {name: [] for name in only}
    same: dict[str, int] = dict.fromkeys(only, 0)
    with tempfile.TemporaryDirectory(prefix="custody") as name:
        evening = Evening(Path(name))
        evening.start()
        try:
            wait(lambda: evening.page().get("night"), "the night begins")
            night = evening.page()["night"]
            for number, fault in enumerate(plan):
                wait(lambda: grows(evening) and evening.page().get("night") == night, "recording goes on")
                time.sleep(draws.uniform(0.0, 1.5))
                took[fault].append(FAULTS[fault](evening, draws))
                wait(
                    lambda: grows(evening) and evening.page().get("recording"),
                    f"after {fault}: recording goes on",
                )
                same[fault] += evening.page().get("night") == night
                print(
                    f"{number + 1:3d}/{len(plan)}  {fault}: {took[fault][-1]:.1f} s",
                    file=sys.stderr,
                    flush=True,
                )
            time.sleep(2.0)
        finally:
            stopped = subprocess.run(
                evening.command("stop"), cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
            )
        catalog = Catalog(evening.data)
        nights = catalog.nights()
        (tracks,) = (catalog.tracks(n.id) for n in nights if n.id == night)
        catalog.close()
        simulated = evening.data / "simulated"
        (journal,) = simulated.glob("*.sent.jsonl")
        (scenario,) = simulated.glob("*.yaml")
        v = compare(first_file(evening.data, night, "left"), journal, scenario, list(tracks[0].movements))
    return {
        "seed": seed,
        "stopped": stopped.returncode,
        "nights": len(nights),
        "samples_expected": v.expected,
        "samples_lost": v.lost,
        "samples_duplicated": v.duplicated,
        "samples_wrong": v.wrong,
        "gaps_unnamed": v.unnamed,
        "gaps": v.gaps,
        "identical": v.identical,
        "faults": {
            f: {
                "attempts": len(took[f]),
                "same_night": same[f],
                "median_s": round(statistics.median(took[f]), 2),
                "worst_s": round(max(took[f]), 2),
            }
            for f in only
            if took[f]
        },
    }


def main() -> int:
    """Print the table. Exit status 1 if a sample was lost or another night was begun."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.custody", description=__doc__)
    parser.add_argument("--attempts", type=int, default=10, help="of each fault")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="these faults, separated by commas: " + ", ".join(FAULTS))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    only = args.only.split(",") if args.only else list(FAULTS)
    answer = campaign(args.attempts, args.seed, only)
    if args.json:
        print(json.dumps(answer))
    else:
        print(f"{'fault':<26}{'attempts':>9}{'same night':>12}{'median s':>10}{'worst s':>9}")
        for name, row in answer["faults"].items():
            print(
                f"{name:<26}{row['attempts']:>9}{row['same_night']:>12}{row['median_s']:>10.1f}{row['worst_s']:>9.1f}"
            )
        print({k: v for k, v in answer.items() if k != "faults"})
    good = answer["identical"] and answer["nights"] == 1 and not answer["samples_lost"]
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
