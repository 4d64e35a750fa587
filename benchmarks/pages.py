"""Measure the Night page in a real browser, with a night of 8 h at 100 Hz and two legs.

    uv run python -m benchmarks.pages [--hours H] [--rate HZ]

Prints one JSON object, in milliseconds:

- `first_ever`: the first visit to the night, when its posture is computed from the recording
- `chart`: a reload of the page, until the night's chart is drawn
- `other_night`: the same within the pages, from the press of a key
- `open`: from a press of Enter on a movement until its signal is drawn
- `zoom`, `pan`: one step of the signal, until the next frame of the screen
- `nothing`: two frames of the screen without a step
- `detail`: a jump to another movement, with its samples loaded
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

from legmon.catalog.store import Catalog
from legmon.movement import Leg
from legmon.web import keys
from tests.made import Made, evening, make_night, scenario

READY = "document.querySelector('[data-testid=hour-rows]')?.dataset.ready === 'true'"
OPEN = "document.querySelector('[data-testid=signal-chart][data-ready]')"
PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
STEPS = 15
WATCH = """new MutationObserver(() => {
  if (!window.drawn && document.querySelector('[data-testid=hour-rows]')?.dataset.ready === 'true')
    requestAnimationFrame(() => (window.drawn ??= performance.now()));
}).observe(document, { subtree: true, childList: true, attributes: true });"""
"""The page's own clock, from when it was asked for, at the picture that holds the chart."""


def timed(page: Page, act: Callable[[], object], until: str | None = None) -> float:
    """Return the milliseconds from an action to the next frame of the screen."""
    began = time.perf_counter()
    act()
    if until:
        page.wait_for_function(until, polling=5)
    page.evaluate(PAINTED)
    return 1000 * (time.perf_counter() - began)


def measure(page: Page, address: str) -> dict[str, float]:
    """Measure all times."""
    night = f"{address}/#/night"
    found = {"first_ever": timed(page, lambda: page.goto(night), READY)}

    def load() -> float:
        page.reload(wait_until="commit")
        page.wait_for_function("window.drawn", polling=20)
        drawn: float = page.evaluate("window.drawn")
        page.wait_for_timeout(700)
        return drawn

    found["chart"] = median(load() for _ in range(7))

    def to_and_fro() -> float:
        page.get_by_test_id("earlier").press("Enter")
        page.wait_for_function("document.querySelector('[data-testid=later]')")
        page.wait_for_timeout(500)
        later = page.get_by_test_id("later")
        took = timed(
            page, lambda: later.press("Enter"), f"!document.querySelector('[data-testid=later]') && {READY}"
        )
        page.wait_for_timeout(500)
        return took

    found["other_night"] = median(to_and_fro() for _ in range(3))
    marks = page.locator("[data-focus^=left], [data-focus^=right]")

    def open_another(number: int) -> float:
        marks.nth(20 * number).focus()
        page.keyboard.press("Escape")
        return timed(page, lambda: page.keyboard.press("Enter"), OPEN)

    found["open"] = median(open_another(n) for n in range(1, 8))
    chart = page.get_by_test_id("signal-chart").first
    chart.focus()
    page.wait_for_timeout(300)
    idle = median(timed(page, lambda: None) for _ in range(STEPS))
    zooms = [timed(page, lambda: page.keyboard.press("+")) for _ in range(6)]
    zooms += [timed(page, lambda: page.keyboard.press("-")) for _ in range(6)]
    page.keyboard.press("+")
    pans = [timed(page, lambda: page.keyboard.press("ArrowRight")) for _ in range(STEPS)]
    found |= {"nothing": idle, "zoom": median(zooms), "zoom_worst": max(zooms), "pan": median(pans)}

    def jump() -> float:
        before = chart.get_attribute("data-start")
        key = lambda: page.keyboard.press("PageDown")  # noqa: E731
        return timed(
            page, key, f"document.querySelector('[data-testid=signal-chart]').dataset.start !== '{before}'"
        )

    chart.focus()
    found["detail"] = median(jump() for _ in range(STEPS))
    return {name: round(value, 1) for name, value in found.items()}


def main() -> None:
    """Make the night, serve it and measure the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--rate", type=int, default=100, choices=(25, 50, 100, 200))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        catalog = Catalog(Path(made))
        make_night(catalog, Made(evening(1), {"left": scenario(1, 2.0)}))
        legs: dict[Leg, str] = {
            side: scenario(seed, args.hours, leg=side, rate=args.rate)
            for seed, side in enumerate(("left", "right"), 5)
        }
        make_night(catalog, Made(evening(0), legs))
        catalog.close()
        command = [sys.executable, "-m", "legmon.web", "--data", made, "--port", "0"]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if server.stdout is None or server.stdin is None:
            raise RuntimeError("the server has no pipes")
        address = server.stdout.readline().split()[1]
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(bypass_csp=True, viewport={"width": 1440, "height": 900})
        page.add_init_script(WATCH)
        page.goto(f"{keys.entrance(Path(made), address)}#/setup")
        print(json.dumps(measure(page, address), indent=1))
        browser.close()
        server.stdin.close()
        server.wait(10)


if __name__ == "__main__":
    main()
