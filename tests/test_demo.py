"""The main job, as a person meets it: the demo, its pages in a real browser, its end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from legmon.app import demo as demo_module
from legmon.catalog.clock import Clock
from legmon.catalog.store import Catalog
from legmon.movement import NS
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
        assert "#" not in printed, "the first page is the one for what happens now"
        process.says("Recording tonight", within_s=200)
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
    expect(page.get_by_test_id("link-sentence")).to_contain_text("Streaming", timeout=60_000)
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
    past = [n for n in page_of_nights["nights"] if n["state"] == "closed"][:2]
    assert len(past) == 2, "the newest two are there before tonight begins"
    assert len({n["movements"] for n in past}) == 2
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
@pytest.mark.parametrize("path", ["", "#/", "#/tonight", "#/night"])
def test_a_demo_is_never_black_and_shows_tonight_as_it_arrives(demo: Demo, page: Page, path: str) -> None:
    page.goto(f"{demo.address}/{path}")
    bar = page.get_by_test_id("demo-bar")
    expect(bar).to_contain_text("Tonight is arriving 60 times as fast.")
    expect(page.get_by_test_id("black")).to_have_count(0)
    first = page.get_by_test_id("demo-clock").inner_text()
    until(
        lambda: page.get_by_test_id("demo-clock").inner_text() != first,
        60,
        what="the simulated clock goes on",
    )
    status = demo.get("/status")
    assert isinstance(status, dict)
    chosen = page.locator(f'[data-testid="night-entry"][data-night-id="{status["night"]}"]')
    expect(chosen).to_have_attribute("aria-current", re.compile("page|true"))


def test_the_other_past_nights_arrive_behind_and_tonight_loses_no_sample(demo: Demo) -> None:
    def past() -> list[dict[str, Any]]:
        page_of_nights = demo.get("/nights")
        assert isinstance(page_of_nights, dict)
        return [n for n in page_of_nights["nights"] if n["state"] == "closed"]

    until(lambda: len(past()) >= 4, 120, what="two nights more than at the beginning")
    assert re.search(
        r"Night 4 of 14: \w+ \d+ \w+, \d+ leg movements, \d+ in series\.", "\n".join(demo.process.lines)
    )
    status = demo.get("/status")
    assert isinstance(status, dict)
    assert [s["missing_samples"] for s in status["sensors"]] == [0]
    assert [s["link"] for s in status["sensors"]] == ["streaming"]


@needs_chromium
def test_the_bar_stops_tonight_and_changes_its_speed_and_no_sample_is_lost(demo: Demo, page: Page) -> None:
    page.goto(demo.address)
    bar = page.get_by_test_id("demo-bar")

    def sensor() -> dict[str, Any]:
        status = demo.get("/status")
        assert isinstance(status, dict)
        return {"speed": status["speed"], "now": status["now"], **status["sensors"][0]}

    bar.get_by_role("button", name="Pause").click()
    until(lambda: sensor()["speed"] == 0, 60, what="tonight is stopped")
    time.sleep(1.0)  # the last frames arrive
    stopped = sensor()
    expect(bar).to_contain_text("Tonight is paused.")
    time.sleep(6.0)  # longer than a silent link is waited for
    assert (sensor()["now"], sensor()["samples"]) == (stopped["now"], stopped["samples"])
    assert sensor()["link"] == "streaming"
    bar.get_by_role("button", name="300 times as fast").click()
    until(lambda: sensor()["speed"] == 300, 60, what="tonight is faster")
    expect(bar).to_contain_text("Tonight is arriving 300 times as fast.")
    until(lambda: sensor()["samples"] > stopped["samples"] + 30_000, 60, what="ten minutes more")
    bar.get_by_role("button", name="60 times as fast", exact=True).click()
    until(lambda: sensor()["speed"] == 60, 60, what="tonight is slower")
    found = sensor()
    assert (found["missing_samples"], found["pending_samples"]) == (0, 0)
    assert found["measured_rate_hz"] == pytest.approx(50 * 1.012, rel=0.05), "one line through all speeds"
    log = (demo.data / "logs" / "recorder.log").read_text(encoding="utf-8")
    assert "link silent" not in log


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


def test_when_tonight_has_ended_the_demo_says_what_was_counted(ending: Demo) -> None:
    def status() -> dict[str, Any]:
        found = ending.get("/status")
        assert isinstance(found, dict)
        return found

    until(lambda: status()["movements"] > 3, 120, what="some movements")
    night = status()["night"]
    headers = let_in(ending.address) | {"Origin": ending.address}
    asked = httpx.post(f"{ending.address}/api/v1/wanted", json={"mode": "off"}, headers=headers)
    assert asked.status_code == httpx.codes.OK
    said = ending.process.says("The night is over: ", within_s=60)
    demo = ending.get("/demo")
    assert isinstance(demo, dict)
    assert (demo["tonight"], demo["over"]) == (night, True)
    assert said.startswith(f"{demo['movements']} movements, {demo['in_series']} in series.")
    found = ending.get(f"/nights/{night}")
    assert isinstance(found, dict)
    assert (found["movements"], found["state"]) == (demo["movements"], "closed")


def test_the_end_of_the_simulated_night_ends_the_recording(tmp_path: Path) -> None:
    evening = demo_module.Demo(tmp_path / "data", port=0, browser=False, minutes=None)
    evening._catalog = catalog = Catalog(tmp_path / "data")
    catalog.want("record")
    begun = Clock(1000 * NS, time.time_ns(), 1.0)
    evening._end_ns = 2000 * NS
    evening._look_at_tonight(begun)
    assert catalog.wanted().mode == "record"
    evening._look_at_tonight(replace(begun, night_ns=3000 * NS))
    assert catalog.wanted().mode == "off"
    catalog.want("record")
    evening._look_at_tonight(replace(begun, night_ns=3000 * NS))
    assert catalog.wanted().mode == "record", "it is asked for once"
    catalog.close()


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
