"""Make pictures of the pages, from simulated nights.

    uv run python -m benchmarks.pictures                  those of the documents, into docs/pictures
    uv run python -m benchmarks.pictures --all FOLDER     every page and kind of night, three themes, three widths

Every picture shows the badge "Simulated". No person was recorded.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Browser, sync_playwright

from legmon.catalog.annotations import Annotations, Check
from legmon.catalog.clock import Clock
from legmon.catalog.state import RecorderState, SensorState
from legmon.catalog.store import Catalog
from legmon.movement import NS, Leg
from legmon.night.fit import Fit
from legmon.sensors.base import HeardSensor
from legmon.web import keys
from tests.made import Made, evening, make_night, past_nights, scenario

ROOT = Path(__file__).parents[1]
THEMES, WIDTHS = ("light", "dark", "night"), (390, 820, 1440)
HEIGHTS = {390: 844, 820: 1180, 1180: 740, 1440: 900}


@dataclass(frozen=True)
class Shot:
    """One picture."""

    name: str
    folder: str
    path: str
    theme: str = "light"
    width: int = 1440
    language: str = "en"
    whole: bool = False
    step: int = 1
    height: int | None = None


DOCUMENTS = [
    Shot("night", "many", "night", width=1180),
    Shot("night-phone", "many", "night", "night", 390),
    Shot("night-dark", "two", "night", "dark", 820),
    Shot("tonight", "ready", "tonight", "dark", 820, height=520),
    Shot("nearby", "new", "setup", "light", 820, step=2, height=780),
    Shot("set-up", "new", "setup", "light", 820, step=3, height=700),
    Shot("recording", "recording", "tonight", "night", 390),
]


def folders(made: Path, names: set[str]) -> None:
    """Make the data folders that the pictures need."""
    for name in sorted(names):
        catalog = Catalog(made / name)
        if name in {"one", "ready", "recording"}:
            past_nights(catalog, 1)
        elif name == "many":
            past_nights(catalog, 13)
        elif name == "gaps":
            lost = [(3000, 3600), (9000, 9100)]
            make_night(catalog, Made(evening(0), {"left": scenario(5)}, lost=lost))
        elif name == "two":
            legs: dict[Leg, str] = {"left": scenario(6), "right": scenario(7, leg="right")}
            make_night(catalog, Made(evening(0), legs))
        if name in {"new", "ready", "recording"}:
            _pretend(catalog, recording=name == "recording")
        catalog.close()


def _pretend(catalog: Catalog, *, recording: bool) -> None:
    """Store what a recorder would report of a simulated sensor."""
    now = round(evening(-1, 22, 40).timestamp()) * NS
    sensor = SensorState(
        leg="left",
        name="LM-Ankle-Left",
        address="C4:4C:4D:10:2A:31",
        link="streaming",
        battery_percent=81,
        rssi_dbm=-62,
        declared_rate_hz=50.0,
        measured_rate_hz=50.4,
        worn=True,
    )
    held = HeardSensor("C4:4C:4D:10:2A:31", "LM-Ankle-Left", -52.0, "ankle", "left", 0.0, "left")
    others = [
        HeardSensor("C4:4C:4D:10:2A:7E", "LM-Ankle-Right", -71.0, "ankle", "right", 1.0, None),
        HeardSensor("A0:9E:1A:5C:33:02", "Polar Sense 5C3302", -88.0, "polar", None, 3.0, None),
    ]
    night = catalog.nights()[0].id if recording else None
    catalog.want("record" if recording else "check", "left")
    clock = Clock(now, time.time_ns(), 1.0)
    seen = time.time_ns() + 3600 * NS
    nearby = [] if recording else [held, *others]
    catalog.report(RecorderState(seen, clock, simulated=True, night=night, sensors=[sensor], nearby=nearby))
    found = Fit((), 3.4, 1.002, 5, 182.0, 1.05, 48.0, (0.1, 0.2, 0.97))
    Annotations(catalog).add_check(Check("left", now - 120 * NS, found))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a data folder."""
    command = [sys.executable, "-m", "legmon.web", "--data", str(folder), "--port", "0"]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if server.stdout is None or server.stdin is None:
        raise RuntimeError("the server has no pipes")
    yield server.stdout.readline().split()[1]
    server.stdin.close()
    server.wait(10)


def take(browser: Browser, address: str, folder: Path, shot: Shot, file: Path) -> None:
    """Save one picture."""
    settings = {
        "theme": shot.theme,
        "language": shot.language,
        "leg": "left",
        "set_up": shot.folder not in {"none", "new"},
    }
    headers = {"Authorization": f"Bearer {keys.bearer_token(folder)}"}
    httpx.put(f"{address}/api/v1/settings", json=settings, headers=headers).raise_for_status()
    size = {"width": shot.width, "height": shot.height or HEIGHTS[shot.width]}
    context = browser.new_context(viewport=size, locale="en-GB")
    page = context.new_page()
    page.goto(keys.entrance(folder, address, f"#/{shot.path}"))
    page.wait_for_timeout(1500)
    if shot.path == "night" and shot.folder != "none":
        page.locator('[data-testid="hour-rows"][data-ready="true"]').wait_for()
        page.wait_for_timeout(800)
    if shot.path == "setup":
        for _ in range(shot.step - 1):
            page.get_by_test_id("next").click()
    page.wait_for_timeout(300)
    page.screenshot(path=file, full_page=shot.whole)
    context.close()


def main() -> None:
    """Make the folders and the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER")
    args = parser.parse_args()
    shots, into = DOCUMENTS, ROOT / "docs" / "pictures"
    if args.all:
        into = args.all
        places = [(f, "night") for f in ("none", "one", "gaps", "two")]
        places += [("none", "tonight"), ("ready", "tonight"), ("recording", "tonight")]
        shots = [
            Shot(f"{path}-{folder}-{theme}-{width}", folder, path, theme, width, whole=True)
            for folder, path in places
            for theme in THEMES
            for width in WIDTHS
        ]
        shots += [
            Shot(f"setup-{step}-{theme}-{width}", "new", "setup", theme, width, whole=True, step=step)
            for step in range(1, 6)
            for theme in THEMES
            for width in WIDTHS
        ]
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        folders(Path(made), {shot.folder for shot in shots})
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for folder in sorted({shot.folder for shot in shots}):
            with served(Path(made) / folder) as address:
                for shot in shots:
                    if shot.folder == folder:
                        take(browser, address, Path(made) / folder, shot, into / f"{shot.name}.png")
        browser.close()
    total = sum(file.stat().st_size for file in into.glob("*.png"))
    print(f"{len(shots)} pictures, {total / 1000:.0f} kB, in {into}")


if __name__ == "__main__":
    main()
