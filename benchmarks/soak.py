"""Measure CPU, memory and latency of recorder and dashboard: two sensors at 100 Hz in real time, with the page open.

``uv run python -m benchmarks.soak --minutes 30 [--json]``

Each sensor sends one packet per 250 ms. CPU is the share of one core, from /proc, after the first minute. Memory is the
resident memory after the first minute, every three minutes, and at the end: memory that is allocated once shows as a step,
a leak as a slope. Latency is measured in Chromium for every sample of the live trace, except the history that the page
loads when it opens. It is the time from when the sample was taken, by the clock of the recording, until the page has
received the message with it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from legmon.catalog.store import Catalog
from legmon.web import keys

RATE_HZ = 100
EVERY_MIN = 3
SCENARIO = (
    "duration: 4h\nseed: 7\nrate_hz: 100\nrate_error_percent: {error}\nleg: {leg}\nmovements_per_hour: 120\n"
)
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
HEARD = """
() => {
  window.heard = [];
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/api/v1/live");
  socket.binaryType = "arraybuffer";
  socket.onmessage = (e) => {
    if (typeof e.data === "string") return;
    const view = new DataView(e.data);
    window.heard.push([Date.now() / 1e3, view.getFloat64(16, true), view.getFloat64(24, true), view.getUint32(8, true)]);
  };
}
"""


def start(folder: Path, name: str, *command: str, ready: str) -> tuple[subprocess.Popen[str], str]:
    """Start a process. Return it with the rest of the line in which it reports that it is ready."""
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(ready):
            return process, line[len(ready) :].strip()
    raise SystemExit(f"the {name} did not start; see {folder}")


def usage(pid: int) -> tuple[float, float]:
    """Return CPU seconds so far and resident megabytes."""
    stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    cpu = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    return cpu, int(stat[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def soak(minutes: float, folder: Path) -> dict[str, Any]:
    """Run for this time and return the figures."""
    data = folder / "data"
    catalog = Catalog(data)
    catalog.want("record", "both")
    air = f"unix-client:{folder}/air"
    processes = [
        start(folder, "air", "-m", "firmware_sim", "air", f"unix:{folder}/air", "--until-eof", ready="ready")[
            0
        ]
    ]
    for leg, error in (("left", 1.2), ("right", -1.1)):
        file = folder / f"{leg}.yaml"
        file.write_text(SCENARIO.format(error=error, leg=leg))
        options = ("--scenario", str(file), "--log", str(folder / f"{leg}.jsonl"), "--until-eof")
        processes.append(
            start(folder, leg, "-m", "firmware_sim", "sensor", air, *options, ready="advertising")[0]
        )
    command = (
        "-m",
        "legmon.recorder",
        "--data",
        str(data),
        "--hci",
        air,
        "--simulated",
        "--rate",
        str(RATE_HZ),
    )
    recorder, _ = start(folder, "recorder", *command, ready="ready")
    dashboard, address = start(folder, "dashboard", "-m", "legmon.web", "--data", str(data), ready="ready")
    watched = {"recorder": recorder, "dashboard": dashboard}
    try:
        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=list(QUIET))
            page = browser.new_page()
            page.goto(keys.entrance(data, address, "#/tonight"))
            time.sleep(60)
            page.evaluate(HEARD)
            time.sleep(5)
            page.evaluate("() => { window.heard = [] }")
            began = time.monotonic()
            first = {name: usage(process.pid) for name, process in watched.items()}
            heard: list[list[float]] = []
            curve: dict[str, list[float]] = {name: [] for name in watched}
            while (left := 60 * minutes - (time.monotonic() - began)) > 0:
                time.sleep(min(left, 20))
                heard += page.evaluate("() => window.heard.splice(0)")
                if time.monotonic() - began > 60 * EVERY_MIN * len(curve["recorder"]):
                    for name, process in watched.items():
                        curve[name].append(round(usage(process.pid)[1], 1))
            seconds = time.monotonic() - began
            last = {name: usage(process.pid) for name, process in watched.items()}
            browser.close()
        state = catalog.recorder()
        samples = {s.leg: (s.samples, s.missing_samples) for s in state.sensors} if state else {}
    finally:
        catalog.want("off")
        for process in (recorder, dashboard, *reversed(processes)):
            assert process.stdin is not None
            process.stdin.close()
            process.wait(20)
        catalog.close()
    ages = np.array([at - t0 - dt * k for at, t0, dt, n in heard for k in range(int(n))])
    p50, p99 = np.percentile(ages, [50, 99]) * 1e3
    answer: dict[str, Any] = {
        "minutes": round(seconds / 60, 1),
        "samples": {leg: n for leg, (n, _) in samples.items()},
        "missing": {leg: n for leg, (_, n) in samples.items()},
        "latency_ms": {"p50": round(float(p50)), "p99": round(float(p99)), "of_samples": len(ages)},
    }
    for name in watched:
        cpu = 100 * (last[name][0] - first[name][0]) / seconds
        answer[name] = {
            "cpu_percent": round(cpu, 2),
            "mb_at_start": round(first[name][1], 1),
            "mb_at_end": round(last[name][1], 1),
            f"mb_every_{EVERY_MIN}_min": curve[name],
        }
    return answer


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soak"))
    try:
        print(json.dumps(soak(args.minutes, folder), indent=None if args.json else 1))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
