"""Measure the first minute of `legmon demo`: ``uv run python -m benchmarks.first_minute [--warm] [--kept] [-o FOLDER]``.

Without an option, the environment is fresh: a home, a cache of compiled code and a data folder of its own. With ``--warm``, the
compiled code is there, and the data folder is new. With ``--kept``, the demo runs for the second time in the same folder. It
prints, in seconds since the command's first line: when the page's first words are there, when a progress moves, when the first
night is finished; with ``--all`` also when the last past night is recorded. With ``-o``, it keeps a picture every 5 s of the
first 30.
"""

import argparse
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

from playwright.sync_api import Page, sync_playwright

PICTURES_S = (5, 10, 15, 20, 25, 30)
WIDTH, HEIGHT = 1280, 900
FINISHED = '[data-testid="night-summary"]'
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)


def environment(home: Path | None) -> dict[str, str]:
    """Return the environment of the command; with a home, one without anything compiled."""
    if home is None:
        return dict(os.environ)
    own = {"HOME": home, "XDG_CACHE_HOME": home / "cache", "NUMBA_CACHE_DIR": home / "numba"}
    return os.environ | {name: str(path) for name, path in own.items()}


class Command:
    """`legmon demo`, and when it printed each line."""

    def __init__(self, data: Path, env: dict[str, str]) -> None:
        command = [
            sys.executable,
            "-u",
            "-m",
            "legmon",
            "demo",
            "--no-browser",
            "--port",
            "0",
            "--data",
            str(data),
        ]
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
        )
        self.lines: list[tuple[float, str]] = []
        self._new: queue.Queue[tuple[float, str]] = queue.Queue()
        assert self.process.stdout is not None
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()

    def _read(self, pipe: IO[str]) -> None:
        for line in pipe:
            self._new.put((time.monotonic(), line.strip()))

    def until(self, words: str, within_s: float = 120.0) -> tuple[float, str]:
        """Return when it printed a line with these words, and the line."""
        for seen in self.lines:
            if words in seen[1]:
                return seen
        end = time.monotonic() + within_s
        while True:
            seen = self._new.get(timeout=max(end - time.monotonic(), 0.01))
            self.lines.append(seen)
            if words in seen[1]:
                return seen

    def end(self) -> None:
        """End it as a person would."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()


def watch(page: Page, command: Command, folder: Path | None, seconds: float) -> dict[str, float | None]:
    """Look at the page for so long. Return when it showed what, s since the first line."""
    first = command.lines[0][0]
    seen: dict[str, float | None] = dict.fromkeys(("words", "moving", "finished"))
    shares: set[str] = set()
    pictures = list(PICTURES_S)
    while (now := time.monotonic() - first) < seconds:
        if pictures and now >= pictures[0]:
            at = pictures.pop(0)
            if folder is not None:
                page.screenshot(path=folder / f"{at:02}.png")
        texts = {
            "words": page.locator("h1").all_text_contents(),
            "moving": page.get_by_test_id("preparing-share").all_text_contents(),
            "finished": page.locator(FINISHED).all_text_contents(),
        }
        shares.update(texts["moving"])
        there = {"words": texts["words"], "moving": len(shares) > 1, "finished": texts["finished"]}
        for name, is_there in there.items():
            if is_there and seen[name] is None:
                seen[name] = round(time.monotonic() - first, 2)
        if folder is None and seen["finished"] is not None:
            break
        page.wait_for_timeout(50)
    return seen


def measure(
    data: Path, env: dict[str, str], pictures: Path | None, seconds: float, *, all_nights: bool = False
) -> dict[str, float | None]:
    """Run the demo once, and return what was seen when, s since its first line."""
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        page = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}).new_page()
        command = Command(data, env)
        try:
            first, _ = command.until("SIMULATED")
            address, line = command.until("Your pages are at")
            page.goto(line.split("Your pages are at ")[1].split()[0])
            seen: dict[str, float | None] = {
                "first line after the command": round(first - command.began, 2),
                "address": round(address - first, 2),
                **watch(page, command, pictures, seconds),
            }
            if all_nights:
                seen["all past nights"] = round(command.until("Night 14 of 14", 300)[0] - first, 2)
            return seen
        finally:
            command.end()
            browser.close()


def main() -> None:
    """Print what was seen when."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warm", action="store_true", help="with compiled code, in a new data folder")
    parser.add_argument("--kept", action="store_true", help="the second time in one data folder")
    parser.add_argument("--all", action="store_true", help="wait until the last past night is recorded")
    parser.add_argument("--seconds", type=float, default=32.0)
    parser.add_argument("-o", "--output", type=Path, help="a folder for the pictures")
    options = parser.parse_args()
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="first-minute-") as place:
        env = environment(None if options.warm or options.kept else Path(place))
        data = Path(place) / "data"
        if options.kept:
            measure(data, env, None, 120.0)
        seen = measure(data, env, options.output, options.seconds, all_nights=options.all)
        print(json.dumps(seen, indent=1))


if __name__ == "__main__":
    main()
