"""The main job, as a person meets it: the demo, its pages in a real browser, its end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from legmon.catalog.store import Catalog
from legmon.recording.files import read_segment
from legmon.recording.records import Samples
from tests.conftest import ROOT, Running, let_browser_in, let_in, started, until
from tests.test_backup import record

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine")


@dataclass
class Demo:
    """A demo that is running."""

    process: Running
    address: str
    data: Path
    seed: int

    def get(self, path: str) -> object:
        headers = let_in(self.address)
        return httpx.get(f"{self.address}/api/v1{path}", headers=headers).raise_for_status().json()


def cli(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "legmon", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def a_demo(data: Path, *, fresh: bool = False) -> Iterator[Demo]:
    """A demo; its sleeper follows from the seed at the top of the run."""
    seed = int(os.environ["STORM_SEED"]) % 10_000
    options = ("--data", str(data), "--port", "0", "--no-browser", "--seed", str(seed))
    with started("-m", "legmon", "demo", *options, fresh=fresh) as process:
        says = process.says("Your pages are at", within_s=200)
        printed = says.split()[0]
        assert httpx.get(printed).headers["set-cookie"], "the printed address lets a browser in"
        assert printed.endswith("#/live")
        yield Demo(process, says.split("/?token=")[0], data, seed)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo that no test ends."""
    with a_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture
def ending(tmp_path: Path) -> Iterator[Demo]:
    """A demo that the test ends. Its folder has a night, so it records no past ones first."""
    catalog = Catalog(tmp_path / "data")
    record(catalog, "2026-01-01-2300", 10).close(None)
    catalog.close()
    with a_demo(tmp_path / "data", fresh=True) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, demo: Demo) -> Iterator[Page]:
    """A page that may ask nothing of anybody else, and has nothing to complain of."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    let_browser_in(context, demo.address)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    opened.on("pageerror", lambda e: complaints.append(str(e)))
    opened.on("request", lambda r: complaints.append(r.url) if not r.url.startswith(demo.address) else None)
    yield opened
    context.close()
    assert not complaints


def number(page: Page, test_id: str) -> int:
    return int(page.get_by_test_id(test_id).inner_text().split()[0].replace(",", ""))


@needs_chromium
def test_the_live_page_shows_what_the_interface_says_and_the_trace_runs(demo: Demo, page: Page) -> None:
    page.goto(f"{demo.address}/#/live")
    expect(page.get_by_test_id("simulated").first).to_be_visible()
    expect(page.get_by_test_id("link-sentence")).to_contain_text("Streaming")
    expect(page.get_by_test_id("battery")).to_contain_text("8")

    def frames() -> int:
        return int(page.get_by_test_id("live-trace").get_attribute("data-frames") or 0)

    until(lambda: frames() > 0)
    first = frames()
    until(lambda: frames() > first + 20)

    def agree() -> bool:
        before = demo.get("/status")
        shown = (number(page, "movements-so-far"), number(page, "periodic-so-far"))
        assert isinstance(before, dict)
        return shown == (before["movements"], before["periodic"]) and shown[0] > 5

    until(agree, 60, what="the page shows the counts of the interface")


@needs_chromium
def test_each_past_night_shows_its_own_counts(demo: Demo, page: Page) -> None:
    page_of_nights = demo.get("/nights")
    assert isinstance(page_of_nights, dict)
    past = [n for n in page_of_nights["nights"] if n["state"] == "closed"]
    assert len(past) == 3
    assert len({n["movements"] for n in past}) == 3
    page.goto(f"{demo.address}/#/night")
    for night in past:
        page.locator(f'[data-testid="night-entry"][data-night-id="{night["id"]}"]').click()
        summary = page.get_by_test_id("night-summary")
        headline = night["headline"]
        expect(summary).to_contain_text(f"{headline['periodic']} of {headline['movements']} leg movements")
        expect(summary).to_contain_text(f": {headline['periodic_per_hour']:.0f} an hour")
        scored = json.loads(cli("score", night["id"], "--data", str(demo.data), "--json"))
        assert scored["indices"]["movements"] == night["movements"]
        assert scored["indices"]["periodic"] == night["periodic"]
        expect(page.locator('[data-testid="hour-rows"][data-ready="true"]')).to_be_visible()
        expect(page.get_by_test_id("simulated").first).to_be_visible()


@needs_chromium
def test_a_movement_zooms_the_chart_to_its_samples(demo: Demo, page: Page) -> None:
    nights = demo.get("/nights")
    assert isinstance(nights, dict)
    page.goto(f"{demo.address}/#/night/{nights['nights'][-1]['id']}")
    expect(page.locator('[data-testid="hour-rows"][data-ready="true"]')).to_be_visible()
    page.get_by_test_id("all-movements").locator("summary").click()
    row = page.get_by_test_id("movement-row").nth(3)
    row.locator("button").first.press("Enter")
    expect(page.locator('[data-testid="signal-chart"][data-ready="raw"]')).to_be_visible()
    chart = page.get_by_test_id("signal-chart")
    start, end = (float(chart.get_attribute(f"data-{x}") or 0) for x in ("start", "end"))
    assert start < float(row.get_attribute("data-onset") or 0) < end
    assert end - start < 130


@needs_chromium
def test_while_it_records_tonight_is_black_and_says_more_on_a_tap(demo: Demo, page: Page) -> None:
    page.goto(f"{demo.address}/#/tonight")
    black = page.get_by_test_id("black")
    expect(black).to_be_visible()
    assert black.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(0, 0, 0)"
    assert page.locator("canvas").count() == 0
    expect(page.get_by_test_id("black-since")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("black-since")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("black-since")).to_contain_text("Recording since")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("black-since")).to_have_count(0)


def answers(demo: Demo) -> bool:
    try:
        demo.get("/status")
    except httpx.TransportError:
        return False
    return True


def test_the_dashboard_may_die_and_comes_back_while_recording_goes_on(demo: Demo) -> None:
    (dashboard,) = [p for p in processes(demo.data) if "legmon.web" in p[1]]
    os.kill(dashboard[0], signal.SIGKILL)
    until(lambda: "The dashboard stopped unexpectedly and was started again." in demo.process.lines)
    segments = sorted(demo.data.glob("nights/*/left.seg"), key=lambda p: p.stat().st_mtime)
    size = segments[-1].stat().st_size
    until(lambda: segments[-1].stat().st_size > size)
    until(lambda: answers(demo), what="the next test finds the pages again")


def test_status_shows_a_demo_and_stop_leaves_it_to_its_terminal(demo: Demo) -> None:
    state = json.loads(cli("status", "--data", str(demo.data), "--json"))
    (recorder,) = [pid for pid, line in processes(demo.data) if "legmon.recorder" in line]
    assert (state["runs"], state["simulated"], state["supervisor"]) == (True, True, None)
    assert state["recorder"]["pid"] == recorder
    assert cli("stop", "--data", str(demo.data), check=False) == ""
    assert demo.process.process.poll() is None


def test_ctrl_c_closes_the_night_and_everything_agrees(ending: Demo) -> None:
    def samples() -> int:
        try:
            status = ending.get("/status")
        except httpx.TransportError:  # the dashboard is on its way back
            return 0
        return sum(s["samples"] for s in status["sensors"]) if isinstance(status, dict) else 0

    until(lambda: samples() > 11_000, 60, what="some of the night is recorded")
    seen = {pid for pid, _ in processes(ending.data)}
    assert len(seen) >= 3
    ending.process.process.send_signal(signal.SIGINT)
    assert ending.process.process.wait(60) == 0
    assert not [p for p in processes(ending.data) if p[0] in seen], "nothing that was started is left"
    catalog = Catalog(ending.data)
    night = catalog.night("last")
    segment = catalog.segment(night.id, "left")
    catalog.close()
    assert night.state == "closed"
    data = ("--data", str(ending.data), "--json")
    assert cli("score", "last", *data) == cli("nights", "last", *data), (
        "scored again, byte for byte what was written live"
    )
    (log,) = ending.data.glob("simulated/*.sent.jsonl")
    sent = sum(e["count"] for e in map(json.loads, log.read_text().splitlines()) if e["event"] == "sent")
    assert sum(len(r.xyz) for r in read_segment(segment) if isinstance(r, Samples)) == sent > 10_000


def processes(data: Path) -> list[tuple[int, str]]:
    """Every process whose command line names this data folder, and the air and sensor of its demo."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                dead = " Z " in (entry / "stat").read_text()
            except OSError:
                continue
            if str(data) in line and not dead and "legmon demo" not in line:
                found.append((int(entry.name), line))
    return found
