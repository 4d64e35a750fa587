"""How quick the dashboard is with years of nights.

    uv run python -m benchmarks.many_nights [--nights N] [--hours H] [--idle S] [--data DIR]

The script records one simulated night as the recorder does. Every other night is a copy of its rows in the catalog: the same
movements with every fifth one left out in turn, on an evening of its own. All nights share one recording file (hard links),
so the samples of the nights are the same; what the pages read from the catalog is as large as real nights make it.

Prints one JSON object. Seconds, of a dashboard process that was started anew: `start_up` until it listens, `status` the very
first answer, `first_page` of the list (`first_page_again`: the second time), `one_night` with its movements, `click` on a
movement (PUT, then what the page loads again: the list, the night, its movements), `other_rules` the first page under rules
nobody has asked for before.
`settle` is how long the dashboard worked in the background before it was idle. On a busy machine look at the numbers that
end in `_cpu`: seconds of CPU that the dashboard used meanwhile, its work in the background included. Then the share of one
core, in percent, that the dashboard uses: `cpu_no_page`, `cpu_night_page` (the live socket that every page opens), and
`cpu_tonight_page` (the live socket, and the list before the night every two seconds). Numbers with the prefix `first_start_`
are from the very first start, where no night was looked at before.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from websockets.sync.client import connect

from legmon.catalog.store import Catalog
from legmon.web import keys
from tests.made import Made, copy_nights, evening, make_night, scenario

QUIET_PERCENT = 2.0
PAGE = 50


def make_nights(folder: Path, count: int, hours: float) -> None:
    """Record one night, show it once so that its posture is kept, and copy it until there are so many nights."""
    catalog = Catalog(folder)
    made = make_night(catalog, Made(evening(0), {"left": scenario(1, hours, per_hour=40)}))
    headers = {"Authorization": f"Bearer {keys.bearer_token(folder)}"}
    with httpx.Client(timeout=60, headers=headers) as client, serving(folder) as (address, _):
        client.get(f"{address}/api/v1/nights/last").raise_for_status()
    copy_nights(catalog, made, count - 1)
    catalog.close()


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, int]]:
    """Run the dashboard's process; its address and its number."""
    command = [sys.executable, "-m", "legmon.web", "--data", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdout is None or process.stdin is None:
        raise RuntimeError("the server has no pipes")
    try:
        yield process.stdout.readline().split()[1], process.pid
        process.stdin.close()
        process.wait(30)
    finally:
        process.kill()


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percent(pid: int, seconds: float) -> float:
    """Share of one core that a process uses for a while."""
    before, began = cpu_s(pid), time.monotonic()
    time.sleep(seconds)
    return round(100 * (cpu_s(pid) - before) / (time.monotonic() - began), 2)


def settle(pid: int, most_s: float) -> float | None:
    """Wait until a process is quiet for ten seconds; None where it never is."""
    began = time.monotonic()
    while time.monotonic() - began < most_s:
        if percent(pid, 10.0) < QUIET_PERCENT:
            return round(max(time.monotonic() - began - 10, 0), 1)
    return None


def requests(client: httpx.Client, api: str, pid: int) -> dict[str, float]:
    """Ask for what the pages ask for."""
    found: dict[str, float] = {}
    page, night = f"/nights?limit={PAGE}", ("/nights/copy-100", "/nights/copy-100/movements")

    def timed(name: str, *paths: str, body: object = None) -> None:
        used, began = cpu_s(pid), time.perf_counter()
        if body is not None:
            client.put(f"{api}{marked}", json=body).raise_for_status()
        for path in paths:
            client.get(f"{api}{path}").raise_for_status()
        found[name] = round(time.perf_counter() - began, 3)
        found[f"{name}_cpu"] = round(cpu_s(pid) - used, 3)

    timed(
        "status", "/status"
    )  # a page asks for this first; the server builds its routes at the first request
    timed("first_page", page)
    timed("first_page_again", page)
    timed("one_night", *night)
    movement = client.get(f"{api}{night[1]}").json()["movements"][3]["id"]
    marked = f"{night[0]}/movements/{movement}"
    timed("click", page, *night, body={"voluntary": True})
    timed("click_again", page, *night, body={"voluntary": False})
    timed("other_rules", f"{page}&rules=aasm")
    return found


def idle(address: str, client: httpx.Client, pid: int, seconds: float) -> dict[str, float]:
    """Measure the dashboard while it has nothing to do, without a page and with one."""
    found = {"cpu_no_page": percent(pid, seconds)}
    done = threading.Event()
    with connect(
        f"ws{address[4:]}/api/v1/live", additional_headers={"Authorization": client.headers["Authorization"]}
    ) as socket:

        def read() -> None:
            for _ in socket:
                if done.is_set():
                    return

        def ask() -> None:
            while not done.wait(2.0):
                client.get(f"{address}/api/v1/preflight")

        threading.Thread(target=read, daemon=True).start()
        found["cpu_night_page"] = percent(pid, seconds)
        asking = threading.Thread(target=ask)
        asking.start()
        found["cpu_tonight_page"] = percent(pid, seconds)
        done.set()
        asking.join()
    return found


def main() -> None:
    """Make the nights, and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nights", type=int, default=2000)
    parser.add_argument("--hours", type=float, default=7.6)
    parser.add_argument("--idle", type=float, default=60.0, help="seconds for each measurement of CPU")
    parser.add_argument("--settle", type=float, default=900.0, help="wait no longer than this for quiet")
    parser.add_argument("--data", type=Path, help="where to make the nights; kept afterwards, and used again")
    args = parser.parse_args()
    folder = args.data or Path(tempfile.mkdtemp(prefix="legmon-many-"))
    try:
        if not (folder / "catalog.sqlite").exists():
            make_nights(folder, args.nights, args.hours)
        found: dict[str, float | None] = {"nights": args.nights, "hours": args.hours}
        headers = {"Authorization": f"Bearer {keys.bearer_token(folder)}"}
        with httpx.Client(timeout=3600, headers=headers) as client:
            for prefix in ("first_start_", ""):
                began = time.perf_counter()
                with serving(folder) as (address, pid):
                    found[f"{prefix}start_up"] = round(time.perf_counter() - began, 3)
                    found |= {prefix + k: v for k, v in requests(client, f"{address}/api/v1", pid).items()}
                    found[f"{prefix}settle"] = settle(pid, args.settle)
                    if not prefix:
                        found |= idle(address, client, pid, args.idle)
        print(json.dumps(found, indent=1))
    finally:
        if args.data is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
