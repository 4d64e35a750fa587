"""The pages in a real browser: every page in every theme without a violation, by keyboard alone, in every zone."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect, sync_playwright

from legmon.catalog.annotations import Annotations, Check
from legmon.catalog.clock import Clock
from legmon.catalog.state import RecorderState, SensorState
from legmon.catalog.store import Catalog
from legmon.link.listener import LinkState
from legmon.messages import (
    FAULT_SENTENCES,
    GAP_SENTENCES,
    LINK_SENTENCES,
    LinkCode,
    Trouble,
    link_message,
    trouble,
)
from legmon.messages import TROUBLE_SENTENCES as TROUBLES
from legmon.movement import NS, Leg
from legmon.night.fit import Fit
from legmon.nights.cache import NightReports
from tests.conftest import ROOT, asked, entrance, let_browser_in, sensor, started, until
from tests.made import Made, copy_nights, evening, make_night, past_nights, scenario
from tests.test_choosing import FAR, two_sensors
from tests.test_recorder import recorder

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
BUDGET = 150_000
COLOURS = ("color-contrast", "link-in-text-block")
"""The rules of axe that a change of colours can break."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    with started("-m", "legmon.web", "--data", str(folder), "--port", "0") as process:
        yield process.says("ready")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two nights of one leg, and one of two legs with gaps."""
    made = tmp_path_factory.mktemp("pages")
    catalog = Catalog(made)
    past_nights(catalog, 2, hours=2.0)
    legs: dict[Leg, str] = {"left": scenario(6, 2.0), "right": scenario(7, 2.0, leg="right")}
    make_night(catalog, Made(evening(-1), legs, lost=[(500, 700)]))
    catalog.close()
    return made


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(folder) as at:
        yield at


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Twelve nights, the newest with about 300 movements and half an hour that is lost."""
    made = tmp_path_factory.mktemp("busy")
    catalog = Catalog(made)
    earlier = make_night(catalog, Made(evening(1), {"left": scenario(3, 0.5, per_hour=120)}))
    copy_nights(catalog, earlier, 10)
    make_night(catalog, Made(evening(0), {"left": scenario(5, 2.2, per_hour=260)}, lost=[(1500, 3000)]))
    catalog.close()
    with served(made) as at:
        yield at


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    made = tmp_path_factory.mktemp("empty")
    Catalog(made).close()
    with served(made) as at:
        yield at


@contextmanager
def opened(browser: Browser, address: str, *, width: int = 1280, bypass_csp: bool = False) -> Iterator[Page]:
    """A page that asks nothing of anybody else and has nothing to complain of."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, bypass_csp=bypass_csp, locale="en-GB"
    )
    let_browser_in(context, address)
    page = context.new_page()
    page.set_default_timeout(20_000)
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: complaints.append(str(e)))
    page.on("request", lambda r: complaints.append(r.url) if not r.url.startswith(address) else None)
    yield page
    context.close()
    assert not complaints


def put_settings(address: str, **some: object) -> None:
    url = f"{address}/api/v1/settings"
    asked.put(url, json=asked.get(url).json() | some).raise_for_status()


def ready(page: Page, path: str) -> None:
    expect(page.locator("h1").first).to_be_attached()
    if path.startswith("night"):
        there = page.locator('[data-testid="no-nights"], [data-testid="hour-rows"][data-ready="true"]')
        expect(there.first).to_be_visible(timeout=20_000)
    page.wait_for_timeout(300)


def violations(page: Page, rules: tuple[str, ...] = ()) -> list[str]:
    """Return what axe finds on a page by some of its rules; by all of them where none is named."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE)
    found: list[str] = page.evaluate(
        "rules => axe.run(rules.length ? {runOnly: {type: 'rule', values: rules}} : {})"
        ".then(r => r.violations.map(v => v.id + ': ' + v.nodes[0].html))",
        list(rules),
    )
    return found


@pytest.mark.parametrize("width", [390, 1440])
def test_no_page_has_a_violation_in_any_theme(browser: Browser, address: str, empty: str, width: int) -> None:
    """A theme changes colours alone, at every width the same: all other rules are asked in one of them."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed (npm ci in dashboard/)")
    places = {address: ("tonight", "night", "setup", "live"), empty: ("tonight", "night", "setup")}
    wrong: dict[str, list[str]] = {}
    for at, paths in places.items():
        with opened(browser, at, width=width, bypass_csp=True) as page:
            themes = {"light": ()} | ({"dark": COLOURS, "night": COLOURS} if width == 390 else {})
            for theme, rules in themes.items():
                put_settings(at, theme=theme)
                page.goto(f"{at}/#/{paths[0]}")
                page.reload()
                for path in paths:
                    page.goto(f"{at}/#/{path}")
                    ready(page, path)
                    assert page.evaluate("document.documentElement.dataset.theme") == theme
                    sheets = ("Help", "Settings") if path == "tonight" else ()  # they are the same everywhere
                    for opener in (None, *sheets):
                        if opener:
                            page.get_by_role("button", name=opener).click()
                        if found := violations(page, rules):
                            wrong[f"{path} {opener} {theme}"] = found
                        if opener:
                            page.keyboard.press("Escape")
                    if page.evaluate("document.documentElement.scrollWidth") > width:
                        wrong[f"{path} {theme}"] = ["it scrolls sideways"]
        put_settings(at, theme="auto")
    assert not wrong


ENGLISH = {
    part.strip()
    for listed in (GAP_SENTENCES, LINK_SENTENCES, FAULT_SENTENCES, TROUBLES)
    for text in listed.values()
    for part in re.split(r"\{\w+\}|[.:;]", text)
    if len(part.strip()) > 12
} | {"leg movement", "Lights off", "By hour", "Ready for the night", "There is no night", "The watch"}
"""What must not be read on a page in another language."""
DATA = {
    *(
        "legmon",
        "demo",
        "adaptive",
        "Europe",
        "Paris",
        "English",
        "Deutsch",
        "dBm",
        "min",
        "LM",
        "Ankle",
        "Left",
    ),
    *("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Nov", "Saturday", "Sunday", "November"),
}
"""Words that are the same in every language: names, and dates and units of the language that the test speaks."""
WORDS = """() => {
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  const found = [document.title];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const of = node.nodeType === 3 ? node.parentElement : node;
    if (of.closest('script, style, noscript, [data-testid="folder"], span[lang="en"]')) continue;
    if (node.nodeType === 3) found.push(node.data);
    else for (const name of ['aria-label', 'title', 'placeholder', 'alt'])
      if (node.hasAttribute(name)) found.push(node.getAttribute(name));
  }
  return found.filter((text) => text.trim());
}"""


WIDE = """() => [...document.querySelectorAll('html, .scroll')]
  .filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.dataset.testid ?? 'the page')"""


def said_by_a_recorder(catalog: Catalog, night: str | None, link: LinkState) -> None:
    """Two sensors with something to look at, and a trouble."""
    worst = SensorState(
        leg="left",
        name="LM-Ankle-Left",
        link=link,
        detail="The watch does not answer. Trying again." if link == "searching" else "Streaming.",
        detail_code="sensor_refused" if link == "searching" else "streaming",
        battery_percent=12,
        rssi_dbm=-91,
        declared_rate_hz=50.0,
        measured_rate_hz=52.4,
        worn=False,
        missing_samples=12,
        pending_samples=36_000,
        refused_frames=3,
    )
    gone = link_message(LinkCode.BLUETOOTH_GONE)
    other = SensorState(leg="right", link="searching", detail=gone.sentence, detail_code=gone.code)
    seen, clock = time.time_ns() + 600 * NS, Clock(catalog.nights()[0].started_ns, time.time_ns(), 60.0)
    low = trouble(Trouble.BATTERY_LOW, percent=12)
    catalog.report(
        RecorderState(seen, clock, simulated=True, night=night, sensors=[worst, other], trouble=low)
    )


def ask_why(page: Page | Locator) -> None:
    """Let the open signal say why."""
    page.locator('[data-testid="signal-chart"][data-ready]').first.wait_for()
    for summary in page.get_by_test_id("why").locator("summary").all():
        summary.click()
    page.get_by_test_id("reasons").wait_for()


def states(page: Page, at: str, none: str, folder: Path) -> Iterator[str]:
    """Show every page in every state that has words of its own; says which."""

    def go(path: str, where: str = at) -> str:
        page.goto(f"{where}/#/setup")  # a page that is asked for twice is loaded anew
        page.goto(f"{where}/#/{path}")
        page.reload()
        ready(page, path)
        return path

    yield go("tonight", none) + ", nothing"
    yield go("night", none) + ", none"
    yield go("setup", none)
    for step in range(2, 6):
        if step == 4:
            page.get_by_test_id("leg-both").click()
        page.get_by_test_id("next").click()
        yield f"setup, step {step}"
    catalog = Catalog(folder)
    newest = catalog.nights()[0]
    try:
        said_by_a_recorder(catalog, None, "streaming")
        Annotations(catalog).add_check(
            Check("left", newest.started_ns, Fit(("toes_unseen",), toes=2, toe_mg=14.0))
        )
        put_settings(at, leg="both", set_up=True)
        yield go("tonight") + ", looks"
        for sheet in (0, 1):
            page.locator("header button").nth(sheet).click()
            yield f"sheet {sheet}"
            page.keyboard.press("Escape")
        said_by_a_recorder(catalog, newest.id, "searching")
        go("tonight")
        yield "black"
        yield go("live")
    finally:
        catalog.report(RecorderState(0, Clock(), simulated=True, night=None, sensors=[]))
        catalog.close()
    night = asked.get(f"{at}/api/v1/nights/last").json()
    lights = {"off": night["started"] + 600, "on": night["ended"] - 600}
    asked.patch(f"{at}/api/v1/nights/last", json=lights).raise_for_status()
    yield go("night") + ", two legs, gaps, lights"
    for details in page.locator("details").all():
        details.evaluate("e => e.open = true")
    page.locator('[data-testid="movement-row"] button').first.click()
    ask_why(page)
    page.get_by_test_id("movement-menu").first.click()
    yield "night, everything open"
    page.keyboard.press("Escape")
    page.get_by_test_id("hour-row").nth(1).click(position={"x": 200, "y": 20})
    ask_why(page.get_by_test_id("under"))
    yield "night, a moment open"
    asked.patch(f"{at}/api/v1/nights/last", json={"off": None, "on": None}).raise_for_status()
    yield go("night/" + night["earlier"])
    page.goto(f"{at}/#/night/nothing")
    page.get_by_test_id("missing-night").wait_for()
    yield "a night that is not there"


@pytest.mark.parametrize("language", ["de", "pseudo"])
def test_every_page_in_every_state_speaks_another_language_and_fits(
    browser: Browser, address: str, empty: str, folder: Path, language: str
) -> None:
    for at in (address, empty):
        put_settings(at, language=language)
    wrong: dict[str, list[str]] = {}
    try:
        context = browser.new_context(viewport={"width": 390, "height": 900}, locale="en-GB")
        page = context.new_page()
        page.set_default_timeout(20_000)
        for at in (address, empty):
            page.goto(entrance(at))
        seen = 0
        for state in states(page, address, empty, folder):
            seen += 1
            texts: list[str] = page.evaluate(WORDS)
            if language == "pseudo":
                words = {w for text in texts for w in re.findall(r"[^\W\d_]{3,}", text) if w.isascii()}
                bad = sorted(words - DATA)
            else:
                assert page.evaluate("document.documentElement.lang") == "de"
                bad = sorted(part for part in ENGLISH if part in " ".join(texts))
            wide = page.evaluate(WIDE)
            if bad or wide:
                wrong[state] = bad + [f"{w} is too wide" for w in wide]
        context.close()
    finally:
        put_settings(address, language="auto", leg=None, set_up=False)
        put_settings(empty, language="auto", leg=None)
    assert seen > 12
    assert not wrong


@pytest.mark.parametrize(
    ("language", "begins"),
    [("en", "The sensor does not start:"), ("de", "Der Sensor beginnt nicht (englisch):")],
)
def test_why_a_sensor_does_not_begin_is_read_in_its_own_words(
    browser: Browser, address: str, folder: Path, language: str, begins: str
) -> None:
    why = "Take the Verity Sense off its charger."
    refused = link_message(LinkCode.SENSOR_REFUSED, why=why)
    sensor = SensorState(leg="left", link="searching", detail=refused.sentence, detail_code=refused.code)
    catalog = Catalog(folder)
    put_settings(address, language=language, leg="left", set_up=True)
    try:
        catalog.want("check", "left")
        seen, clock = time.time_ns() + 600 * NS, Clock(catalog.nights()[0].started_ns, time.time_ns(), 1.0)
        catalog.report(RecorderState(seen, clock, True, None, [sensor], mode="check"))
        for width in (390, 1280):
            with opened(browser, address, width=width) as page:
                page.goto(f"{address}/#/tonight")
                line = page.locator('[data-item="sensor"][data-level="stop"]')
                expect(line).to_contain_text(begins)
                expect(line.locator('span[lang="en"]')).to_have_text(why)
                expect(page.get_by_test_id("start-reason").locator('span[lang="en"]')).to_have_text(why)
                assert page.evaluate(WIDE) == []
                page.goto(f"{address}/#/live")
                expect(page.get_by_test_id("link-sentence")).to_contain_text(
                    f". {why}" if language == "de" else why
                )
    finally:
        catalog.report(RecorderState(0, Clock(), simulated=True, night=None, sensors=[]))
        catalog.want("off")
        catalog.close()
        put_settings(address, language="auto", leg=None, set_up=False)


def test_a_night_on_paper_is_two_light_sheets_with_its_caveat(browser: Browser, busy: str) -> None:
    put_settings(busy, theme="night")
    try:
        with opened(browser, busy) as page:
            page.goto(f"{busy}/#/night")
            ready(page, "night")
            page.get_by_test_id("all-movements").wait_for()
            page.emulate_media(media="print")
            # A sheet of A4 is narrower than the screen for which the charts were drawn, and nothing is drawn anew for it.
            found = page.evaluate("""() => {
              document.body.style.width = '700px';
              const seen = (e) => e.checkVisibility({contentVisibilityAuto: true}) && e.getClientRects().length > 0;
              const right = (e) => e.getBoundingClientRect().right;
              const charts = [...document.querySelectorAll('figure svg, figure canvas')].filter(seen);
              return {
                ground: getComputedStyle(document.documentElement).getPropertyValue('--ground'),
                shade: getComputedStyle(document.documentElement).getPropertyValue('--hue-1'),
                pressed: [...document.querySelectorAll('button:not(.value), nav, input, header a')].filter(seen).length,
                wide: charts.filter((e) => right(e) > 700).length,
                split: [...document.querySelectorAll('figure')].filter(
                  (e) => getComputedStyle(e).breakInside !== 'avoid').length,
                open: [...document.querySelectorAll('[data-testid="by-hour"], [data-testid="gap-list"]')].filter(seen).length,
                rows: document.querySelectorAll('[data-testid="movement-row"]').length,
                top: document.querySelector('main').innerText.slice(0, 200),
              }
            }""")
            sheets = len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True)))
            numbered = page.evaluate(
                "[...document.styleSheets].some((s) => [...s.cssRules].some((r) => /counter\\(pages?\\)/.test(r.cssText)))"
            )
    finally:
        put_settings(busy, theme="auto")
    assert (found["ground"], found["shade"]) == ("#fff", "#c4d6ec")
    assert (found["pressed"], found["wide"], found["split"]) == (0, 0, 0), found
    assert (found["open"], found["rows"]) == (2, 0), "what is folded up is open, and the list is left out"
    assert "Experimental" in found["top"]
    assert "not validated against polysomnography" in found["top"]
    assert sheets <= 2
    assert numbered


def tab_to(page: Page, test_id: str, most: int = 120, *, back: bool = False) -> None:
    """Press Tab, or Shift and Tab, until the element has the focus; a pointer is never used."""
    target = page.get_by_test_id(test_id).first
    for _ in range(most):
        if target.evaluate("e => e === document.activeElement || e.contains(document.activeElement)"):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    pytest.fail(f"{test_id} cannot be reached with Tab")


def test_the_set_up_by_keyboard_alone(browser: Browser, empty: str) -> None:
    with opened(browser, empty) as page:
        page.goto(f"{empty}/#/tonight")
        tab_to(page, "to-setup")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("setup-step")).to_contain_text("1 of 5")
        for step in (2, 3):
            tab_to(page, "next")
            page.keyboard.press("Enter")
            expect(page.get_by_test_id("setup-step")).to_contain_text(f"{step} of 5")
        tab_to(page, "next")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("setup-step")).to_contain_text("3 of 5")
        expect(page.get_by_text("Choose a leg first.")).to_be_visible()
        tab_to(page, "leg-right", back=True)
        page.keyboard.press("Space")
        expect(page.get_by_test_id("leg-right")).to_have_attribute("aria-pressed", "true")
        for step in (4, 5):
            tab_to(page, "next")
            page.keyboard.press("Enter")
            expect(page.get_by_test_id("setup-step")).to_contain_text(f"{step} of 5")
        expect(page.get_by_test_id("folder")).to_contain_text("empty")
        tab_to(page, "finish")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("tonight-title")).to_be_visible()
    said = asked.get(f"{empty}/api/v1/settings").json()
    assert (said["set_up"], said["leg"]) == (True, "right")
    put_settings(empty, set_up=False, leg=None)


def test_the_review_of_a_night_by_keyboard_alone(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.goto(f"{address}/#/night")
        ready(page, "night")
        tab_to(page, "earlier")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("later")).to_be_visible()
        ready(page, "night")
        before = page.get_by_test_id("night-summary").inner_text()
        tab_to(page, "hour-rows")
        first = focused(page)
        page.keyboard.press("ArrowRight")
        second = focused(page)
        assert second != first
        page.keyboard.press("ArrowDown")
        assert focused(page) not in {first, second}
        page.keyboard.press("Home")
        assert focused(page).startswith("hour ")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("chosen")).to_contain_text("no movement chosen")
        expect(page.get_by_test_id("voluntary-here")).to_have_count(0)
        for _ in range(30):
            page.keyboard.press("ArrowRight")
            page.keyboard.press("Enter")
            if page.get_by_test_id("voluntary-here").count():
                break
        expect(page.get_by_test_id("said")).to_contain_text(re.compile(r"\d\d:\d\d:\d\d, left: \d+ mg"))
        tab_to(page, "signal-chart")
        chart = page.get_by_test_id("signal-chart")
        width = span(chart)
        page.keyboard.press("+")
        assert span(chart) == pytest.approx(width / 2, rel=0.01)
        expect(page.get_by_test_id("said")).to_contain_text("Shows")
        row = page.locator('[data-testid="hour-row"]:has(+ [data-testid="under"])')
        before_row = row.get_attribute("data-start")
        for _ in range(80):
            page.keyboard.press("PageDown")
            if row.get_attribute("data-start") != before_row:
                break
        assert row.get_attribute("data-start") != before_row, "the signal moved under another row"
        assert page.evaluate("document.activeElement.dataset.testid") == "signal-chart", (
            "and the focus with it"
        )
        for _ in range(30):
            if page.get_by_test_id("voluntary-here").count():
                break
            page.keyboard.press("PageUp")
        tab_to(page, "voluntary-here")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("voluntary-here")).to_contain_text("Count it again")
        expect(page.get_by_test_id("said")).to_contain_text("no longer counts")
        until(lambda: page.get_by_test_id("night-summary").inner_text() != before)
        tab_to(page, "undo")
        page.keyboard.press("Enter")
        until(lambda: page.get_by_test_id("night-summary").inner_text() == before)


def test_bedtime_is_set_by_keyboard_alone(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.goto(f"{address}/#/night")
        ready(page, "night")
        tab_to(page, "night-menu")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.dataset.testid") == "lights-off"
        page.keyboard.press("Control+a")
        page.keyboard.type("22:50")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Saved.")).to_be_visible()
        expect(page.get_by_text("The recording ran from")).to_be_visible()
        page.get_by_role("button", name="Use the recording's own times").press("Enter")
        expect(page.get_by_text("Only movements between")).to_have_count(0)


def focused(page: Page) -> str:
    """The name of the movement or the hour that has the focus."""
    name: str = page.evaluate("document.activeElement.getAttribute('data-focus') ?? ''")
    return name


def span(chart: Locator) -> float:
    """How many seconds a chart shows."""
    start, end = (float(chart.get_attribute(f"data-{at}") or 0) for at in ("start", "end"))
    return end - start


def drag_over_half(page: Page, area: Locator) -> None:
    """Drag over the middle half of a chart."""
    box = area.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 4, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 3 / 4, y, steps=4)
    page.mouse.up()


def open_signal(page: Page, row: int = 1) -> Locator:
    """Open two minutes in the middle of an hour; returns the first chart of them."""
    rows = page.get_by_test_id("hour-row")
    box = rows.nth(row).bounding_box()
    assert box is not None
    rows.nth(row).click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    page.locator('[data-testid="signal-chart"][data-ready]').first.wait_for()
    return page.get_by_test_id("signal-chart").first


def test_the_signal_zooms_with_wheel_drag_and_keys(browser: Browser, address: str) -> None:
    """The wheel scrolls the page and zooms with Ctrl; a drag zooms; Home and a double click show the whole night."""
    with opened(browser, address) as page:
        page.goto(f"{address}/#/night")
        ready(page, "night")
        chart = open_signal(page)
        chart.scroll_into_view_if_needed()
        area = chart.locator(".u-over")
        before = span(chart)
        for place in (page.get_by_test_id("hour-row").first, area):
            scrolled = page.evaluate("scrollY")
            place.hover()
            page.mouse.wheel(0, -50 if scrolled > 50 else 50)
            page.wait_for_function("at => scrollY !== at", arg=scrolled)
            assert span(chart) == before, "the wheel alone scrolls"
        area.hover()
        page.keyboard.down("Control")
        page.mouse.wheel(0, -100)
        page.keyboard.up("Control")
        until(lambda: span(chart) < before)
        zoomed = span(chart)
        drag_over_half(page, area)
        until(lambda: span(chart) == pytest.approx(zoomed / 2, rel=0.02))
        chart.focus()
        page.keyboard.press("Home")
        whole = span(chart)
        assert whole == pytest.approx(7200, rel=0.01)
        page.keyboard.press("+")
        assert span(chart) == pytest.approx(whole / 2, rel=0.01)
        area.dblclick()
        until(lambda: span(chart) == whole)


def test_a_click_at_a_moment_leaves_no_hidden_movement_chosen(browser: Browser, busy: str) -> None:
    with opened(browser, busy) as page:
        page.goto(f"{busy}/#/night")
        ready(page, "night")
        movements = asked.get(f"{busy}/api/v1/nights/last/movements").json()["movements"]
        first = next(m for m in movements if m["kind"] == "leg")
        page.locator(f'[data-focus="{first["id"]}"]').press("Enter")
        expect(page.get_by_test_id("voluntary-here")).to_be_visible()
        gap = page.get_by_test_id("hour-row").get_by_test_id("gap").first
        gap.click(force=True)
        expect(page.get_by_test_id("chosen")).to_contain_text("no movement chosen")
        expect(page.get_by_test_id("voluntary-here")).to_have_count(0)
        expect(page.locator(".mark.chosen")).to_have_count(0)
        page.get_by_test_id("movement-before").click()
        expect(page.get_by_test_id("chosen")).to_contain_text("mg")


def test_a_movement_says_why_when_asked_and_a_moment_at_once(browser: Browser, address: str) -> None:
    night = asked.get(f"{address}/api/v1/nights/last").json()["earlier"]
    movements = asked.get(f"{address}/api/v1/nights/{night}/movements").json()["movements"]
    one = [m for m in movements if m["kind"] == "leg"][3]
    sure = "borderline" if one["confidence"] < 0.8 else "clear"
    with opened(browser, address) as page:
        traced: list[str] = []
        page.on("request", lambda r: traced.append(r.url) if "/trace?" in r.url else None)
        page.goto(f"{address}/#/night/{night}")
        ready(page, "night")
        said = page.get_by_test_id("reasons").locator("li")
        page.locator(f'[data-focus="{one["id"]}"]').press("Enter")
        expect(page.get_by_test_id("chosen")).to_contain_text(f" s, {sure}, ")
        expect(page.get_by_test_id("why")).to_be_visible()
        assert not traced, "a trace takes time: somebody asks for it"
        page.get_by_test_id("why").locator("summary").click()
        expect(said.first).to_contain_text("Opened by", timeout=60_000)
        bouts = asked.get(traced[0]).json()["legs"][0]["bouts"]
        own = next(b["movement"] for b in bouts if b["movement"] and b["movement"]["id"] == one["id"])
        expect(said.nth(-2)).to_have_text(own["verdict"]["sentence"])
        expect(said.last).to_contain_text(f"{sure.title()}: on simulated nights")
        page.get_by_test_id("movement-after").click()
        expect(page.get_by_test_id("why")).not_to_have_attribute("open", "")
        assert len(traced) == 1, "nobody has asked about the next one"
        page.locator('[data-focus^="hour"]').nth(1).press("Enter")
        expect(page.get_by_test_id("why")).to_have_count(0)
        expect(said.first).to_contain_text(
            re.compile("Nothing here: motion came to|Left out: "), timeout=60_000
        )


def test_a_movement_is_drawn_at_its_own_ankle(browser: Browser, address: str) -> None:
    movements = asked.get(f"{address}/api/v1/nights/last/movements").json()["movements"]
    right = [m for m in movements if m["leg"] == "right" and m["kind"] == "leg"]
    with opened(browser, address) as page:
        page.goto(f"{address}/#/night")
        ready(page, "night")
        for one in (right[0], right[-1]):
            page.locator(f'[data-focus="{one["id"]}"]').press("Enter")
            below = page.locator(f'[data-focus="{one["id"]}"]').evaluate(
                """(mark) => mark.getBoundingClientRect().top
                  - mark.closest('svg').querySelectorAll('.recorded')[1].getBoundingClientRect().top"""
            )
            assert below >= 0, "in the lane of the right ankle"
            expect(page.get_by_test_id("chosen")).to_contain_text(", right: ")
            for side in ("left", "right"):
                chart = page.locator(f'[data-testid="signal-chart"][data-leg="{side}"]')
                start, end = (float(chart.get_attribute(f"data-{at}") or 0) for at in ("start", "end"))
                n = sum(m["leg"] in (side, "both") and start <= m["onset"] < end for m in movements)
                said = page.locator(f'figure:has(> [data-leg="{side}"]) > figcaption')
                expect(said).to_contain_text(f"{n} movement" if n else "No movement")


def test_every_time_axis_has_one_left_edge(browser: Browser, busy: str) -> None:
    for width in (390, 1280):
        with opened(browser, busy, width=width) as page:
            page.goto(f"{busy}/#/night")
            ready(page, "night")
            open_signal(page)
            for part in page.locator("details.part").all():
                part.evaluate("e => e.open = true")
            edges = page.evaluate("""() => {
              const left = (e) => e.getBoundingClientRect().left;
              const full = [...document.querySelectorAll('[data-testid="hour-row"] .recorded')].map(left);
              return [Math.min(...full), left(document.querySelector('.u-over')),
                left(document.querySelector('[data-testid="by-hour"] .grid')),
                left(document.querySelector('[data-testid="interval-histogram"] .grid')) - left(
                  document.querySelector('[data-testid="interval-histogram"]')) + left(
                  document.querySelector('[data-testid="hour-rows"]'))];
            }""")
            assert max(edges) - min(edges) <= 1.5, edges
            right = page.evaluate("""() => {
              const right = (e) => e.getBoundingClientRect().right;
              const full = [...document.querySelectorAll('[data-testid="hour-row"] .recorded')].map(right);
              return [Math.max(...full), right(document.querySelector('.u-over'))];
            }""")
            assert max(right) - min(right) <= 1.5, right


def test_an_hour_without_samples_is_not_an_hour_without_movements(browser: Browser, busy: str) -> None:
    night = asked.get(f"{busy}/api/v1/nights/last").json()
    (gap,) = night["gap_list"]
    with opened(browser, busy) as page:
        page.goto(f"{busy}/#/night")
        ready(page, "night")
        rows = page.get_by_test_id("hour-row")
        wide = page.evaluate("""() => [...document.querySelectorAll('[data-testid="hour-row"] [data-testid="gap"]')]
          .reduce((sum, e) => sum + Number(e.getAttribute('width')), 0)""")
        hour = page.evaluate(
            """() => Number(document.querySelector('[data-testid="hour-row"]').getAttribute('width')) - 72"""
        )
        assert wide / hour * 3600 == pytest.approx(gap["end"] - gap["start"], abs=15)
        assert "no samples for" in " ".join(row.get_attribute("aria-label") or "" for row in rows.all())
        page.locator("details.part").first.evaluate("e => e.open = true")
        expect(page.get_by_test_id("missing")).not_to_have_count(0)


def test_the_rules_stand_beside_the_headline_and_are_kept(browser: Browser, address: str) -> None:
    try:
        with opened(browser, address) as page:
            page.goto(f"{address}/#/night")
            ready(page, "night")
            rules = page.get_by_test_id("rules")
            headline, switch = (
                page.get_by_test_id(name).bounding_box() for name in ("night-summary", "rules")
            )
            assert headline is not None
            assert switch is not None
            assert abs(headline["y"] - switch["y"]) < 120, "both are seen at once"
            rules.select_option("aasm")
            expect(page.get_by_test_id("all-movements").locator("summary")).to_contain_text("AASM")
            page.reload()
            ready(page, "night")
            expect(rules).to_have_value("aasm")
            expect(page.get_by_test_id("all-movements").locator("summary")).to_contain_text("AASM")
            counted = asked.get(f"{address}/api/v1/nights/last?rules=aasm").json()["headline"]
            expect(page.get_by_test_id("night-summary")).to_contain_text(f"of {counted['movements']} leg")
            page.get_by_test_id("rules").select_option("wasm2016")
            page.get_by_test_id("undo").click()
            expect(rules).to_have_value("aasm")
    finally:
        put_settings(address, rules="wasm2016")


def test_a_night_says_what_it_is_compared_with_and_how_much_of_it_is_there(
    browser: Browser, address: str, busy: str
) -> None:
    with opened(browser, address) as page:
        page.goto(f"{address}/#/night")
        ready(page, "night")
        expect(page.get_by_test_id("usual")).to_have_text(
            "Your 2 earlier nights had one sensor, this one two, so they are not compared."
        )
        expect(page.get_by_test_id("trust")).to_contain_text(": 1 gap.")  # at both ankles at once
    with opened(browser, busy) as page:
        page.goto(f"{busy}/#/night")
        ready(page, "night")
        night = asked.get(f"{busy}/api/v1/nights/last").json()
        percent = round(100 * night["analysed_s"] / night["duration_s"])
        assert percent < 90
        entry = page.locator('[data-testid="night-entry"][aria-current="page"]')
        expect(entry).to_contain_text(f"{percent} % there")
        expect(page.get_by_test_id("partial")).to_contain_text("so the number is for those hours only")
        others = page.locator('[data-testid="night-entry"]:not([aria-current])').filter(has_text="% there")
        expect(others).to_have_count(0)


def test_a_night_that_there_is_not_has_a_way_out(browser: Browser, address: str) -> None:
    context = browser.new_context(
        locale="en-GB"
    )  # a request for what there is not is a complaint of the browser
    let_browser_in(context, address)
    page = context.new_page()
    page.goto(f"{address}/#/night/nothing")
    expect(page.locator("h1")).to_have_text("There is no such night")
    assert "/" not in page.locator("main h1 + p").inner_text(), "no path of this computer"
    expect(page.get_by_test_id("night-entry")).not_to_have_count(0)
    page.get_by_test_id("to-latest").click()
    expect(page.get_by_test_id("night-summary")).to_be_visible()
    context.close()


def test_a_movement_of_the_list_opens_where_it_stands(browser: Browser, busy: str) -> None:
    with opened(browser, busy) as page:
        page.goto(f"{busy}/#/night")
        ready(page, "night")
        page.get_by_test_id("all-movements").locator("summary").click()
        rows = page.get_by_test_id("movement-row")
        expect(rows).to_have_count(25)
        expect(page.get_by_test_id("movement-menu")).to_have_count(25)
        rows.nth(3).scroll_into_view_if_needed()
        before = rows.nth(3).bounding_box()
        rows.nth(3).get_by_role("button").first.click()
        page.locator('[data-testid="movement-table"] [data-testid="signal-chart"][data-ready]').wait_for()
        after = rows.nth(3).bounding_box()
        assert before is not None
        assert after is not None
        assert abs(after["y"] - before["y"]) < 2, "the row stays where it was"
        onset = float(rows.nth(3).get_attribute("data-onset") or 0)
        chart = page.get_by_test_id("signal-chart")
        assert (
            float(chart.get_attribute("data-start") or 0)
            < onset
            < float(chart.get_attribute("data-end") or 0)
        )
        page.get_by_test_id("close-signal").click()
        expect(page.get_by_test_id("open-signal")).to_have_count(0)
        assert page.evaluate("document.activeElement.closest('tr').dataset.onset") == str(
            rows.nth(3).get_attribute("data-onset")
        )
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.closest('tr').dataset.onset") == str(
            rows.nth(4).get_attribute("data-onset")
        )
        page.get_by_test_id("list-after").click()
        expect(page.get_by_test_id("list-page")).to_contain_text("26 to 50 of")


def test_times_are_written_in_24_hours_whatever_the_browser_speaks(browser: Browser, address: str) -> None:
    context = browser.new_context(locale="en-US")
    let_browser_in(context, address)
    page = context.new_page()
    page.goto(f"{address}/#/night")
    ready(page, "night")
    page.get_by_test_id("night-menu").click()
    page.get_by_test_id("menu-lights").click()
    field = page.get_by_test_id("lights-off")
    expect(field).to_have_value("22:45")
    assert (
        page.evaluate("[...document.querySelectorAll('input')].filter((e) => e.type === 'time').length") == 0
    )
    field.fill("10:45 pm")
    page.get_by_role("button", name="Save").click()
    assert asked.get(f"{address}/api/v1/nights/last").json()["lights"]["edited"] is False
    context.close()


def test_headings_get_smaller_and_each_night_has_its_title(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        for path, title in (("night", "Sun 22 Nov"), ("tonight", "Tonight"), ("setup", "Set-up")):
            page.goto(f"{address}/#/{path}")
            ready(page, path)
            expect(page).to_have_title(re.compile(f"^{title}( 2026)? · legmon$"))
            page.get_by_role("button", name="Help").click()
            sizes = page.evaluate("""() => ['h1', 'h2', 'h3'].map((tag) =>
              [...document.querySelectorAll(tag)].map((e) => parseFloat(getComputedStyle(e).fontSize)))""")
            page.keyboard.press("Escape")
            assert [set(found) for found in sizes if found] == [{28}, {18}, {15}]
            assert page.evaluate("document.fonts.check('16px \"Atkinson Hyperlegible Next Variable\"')")


def test_a_night_of_300_movements_has_few_stops_of_the_tab_key(browser: Browser, busy: str) -> None:
    with opened(browser, busy) as page:
        page.goto(f"{busy}/#/night")
        ready(page, "night")
        assert page.locator(".mark").count() >= 300
        open_signal(page, 0)
        for part in page.locator("details.part").all():
            part.evaluate("e => e.open = true")
        page.get_by_test_id("movement-table").wait_for()
        page.locator("body").click(position={"x": 1, "y": 1})
        stops = 0
        while stops < 100:
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement === document.body"):
                break
            stops += 1
        print(f"{stops} stops of the Tab key on a night of {page.locator('.mark').count()} movements")
        assert 20 < stops <= 60
        names = page.evaluate("""() => [...document.querySelectorAll('[role=group], section, nav')]
          .map((e) => e.getAttribute('aria-label')).filter(Boolean)""")
        assert len(names) == len(set(names)), "each group has a name of its own"


def test_in_forced_colours_only_the_shown_night_is_marked(browser: Browser, busy: str) -> None:
    context = browser.new_context(
        forced_colors="active", locale="en-GB", viewport={"width": 1280, "height": 900}
    )
    let_browser_in(context, busy)
    page = context.new_page()
    page.goto(f"{busy}/#/night")
    ready(page, "night")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    edges = page.evaluate("""() => [...document.querySelectorAll('[data-testid="night-entry"]')].map((e) =>
      [e.getAttribute('aria-current') !== null, getComputedStyle(e).borderInlineStartColor])""")
    canvas = page.evaluate("""() => { const e = document.createElement('i'); e.style.color = 'Canvas';
      document.body.append(e); return getComputedStyle(e).color }""")
    assert len(edges) > 3, ground
    assert [colour == canvas for chosen, colour in edges] == [not chosen for chosen, _ in edges]
    context.close()


def test_what_is_written_stays_while_a_night_that_is_recorded_is_loaded_again(
    browser: Browser, address: str
) -> None:
    asks: list[str] = []

    def answer(route: Route) -> None:
        night = route.fetch()
        asks.append(route.request.url)
        route.fulfill(response=night, json=night.json() | {"state": "recording"})

    with opened(browser, address) as page:
        page.route(re.compile(r"/api/v1/nights/[^/?]+\?"), answer)
        page.goto(f"{address}/#/night")
        ready(page, "night")
        page.get_by_test_id("note").click()
        page.keyboard.type("Half a ")
        before = len(asks)

        def asked_again() -> bool:
            page.wait_for_timeout(100)  # the browser works meanwhile
            return len(asks) > before + 1

        until(asked_again)
        page.keyboard.type("sentence.")
        expect(page.get_by_test_id("note")).to_have_value("Half a sentence.")
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")


def test_a_note_and_tags_are_kept_and_taken_back(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.goto(f"{address}/#/night")
        ready(page, "night")
        page.get_by_test_id("note").fill("Late dinner.")
        page.get_by_test_id("note").press("Tab")
        expect(page.get_by_test_id("undo-bar")).to_contain_text("The note is saved.")
        page.get_by_test_id("add-tag").fill("travel")
        page.get_by_test_id("add-tag").press("Enter")
        expect(page.get_by_test_id("tags").locator("li")).to_have_count(1)
        page.reload()
        ready(page, "night")
        expect(page.get_by_test_id("note")).to_have_value("Late dinner.")
        expect(page.get_by_test_id("tags")).to_contain_text("travel")
        page.get_by_role("button", name="Remove the tag travel").click()
        expect(page.get_by_test_id("tags").locator("li")).to_have_count(0)
        page.get_by_test_id("undo").click()
        expect(page.get_by_test_id("tags").locator("li")).to_have_count(1)
    url = f"{address}/api/v1/nights/last"
    assert asked.get(url).json()["note"] == {"text": "Late dinner.", "tags": ["travel"]}
    asked.put(f"{url}/note", json={"text": "", "tags": []}).raise_for_status()


ZONES = [
    ("Europe/Paris", datetime(2026, 10, 24, 23, 30), 4.0, "02:29", "02:00"),  # noqa: DTZ001
    ("Europe/Paris", datetime(2026, 3, 28, 23, 30), 4.0, "04:29", "03:00"),  # noqa: DTZ001
    ("America/New_York", datetime(2026, 10, 31, 23, 0), 4.0, "01:59", "01:00"),  # noqa: DTZ001
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 23, 0), 4.0, "02:29", "01:30"),  # noqa: DTZ001
    ("Asia/Kathmandu", datetime(2026, 11, 21, 22, 45), 2.0, "00:44", None),  # noqa: DTZ001
]


@pytest.mark.parametrize(("zone", "start", "hours", "ends", "clocks"), ZONES)
def test_a_night_whose_clocks_are_set_anew_reads_right(
    browser: Browser, tmp_path: Path, zone: str, start: datetime, hours: float, ends: str, clocks: str | None
) -> None:
    """The browser is elsewhere; what counts is the zone of the recording."""
    catalog = Catalog(tmp_path)
    make_night(catalog, Made(start, {"left": scenario(3, hours, rate=25, walks=False)}, zone))
    catalog.close()
    with served(tmp_path) as address:
        night = asked.get(f"{address}/api/v1/nights/last").json()
        assert night["duration_s"] == pytest.approx(hours * 3600, abs=5)
        assert night["label"] == start.strftime("%Y-%m-%d")
        assert len(night["zone"]["changes"]) == (clocks is not None)
        context = browser.new_context(timezone_id="Pacific/Auckland", locale="en-GB")
        page = context.new_page()
        page.goto(entrance(address, "#/night"))
        ready(page, "night")
        rows = page.get_by_test_id("hour-row")
        labels = [text.strip() for text in rows.locator(".label text").all_text_contents()]
        assert labels[0] == start.strftime("%H")
        last = rows.last.get_attribute("aria-label") or ""
        minute = int(ends[:2]) * 60 + int(ends[3:]) + 1
        following = f"{minute // 60:02d}:{minute % 60:02d}"
        assert f"to {ends}:" in last or f"to {following}:" in last, last
        said = rows.get_by_text("Clocks set to")
        expect(said).to_have_count(int(clocks is not None))
        if clocks:
            expect(said).to_have_text(f"Clocks set to {clocks}")
        seconds = page.evaluate("""() => { const hour = document.querySelector('[data-testid="hour-row"]');
          return [...document.querySelectorAll('[data-testid="hour-row"] .recorded')].reduce((sum, e) =>
            sum + Number(e.getAttribute('width')), 0) / (Number(hour.getAttribute('width')) - 72) * 3600 }""")
        assert seconds == pytest.approx(hours * 3600, abs=10), "the rows are as long as the night"
        if zone == "Europe/Paris" and start.month == 10:
            assert labels.count("02") == 2, labels
        if zone == "Europe/Paris" and start.month == 3:
            assert "02" not in labels, labels
        hour = f"{hours:g} h"
        expect(page.get_by_test_id("over")).to_contain_text(hour)
        expect(page.get_by_test_id("trust")).to_contain_text("All of the night is there.")
        context.close()


def test_what_is_loaded_first_stays_within_its_budget(browser: Browser, address: str) -> None:
    """Gzipped bytes of every file of the pages that a first visit loads."""
    import gzip

    loaded: dict[str, int] = {}
    asks: list[str] = []
    with opened(browser, address) as page:
        page.on("request", lambda r: asks.append(r.url) if "/api/v1/nights?" in r.url else None)
        page.on(
            "response",
            lambda r: (
                loaded.update({r.url: len(gzip.compress(r.body(), 9))}) if "/api/" not in r.url else None
            ),
        )
        page.goto(f"{address}/#/night")
        ready(page, "night")
    total = sum(loaded.values())
    print(f"first load: {total} bytes gzipped, {len(loaded)} files")
    assert 10_000 < total <= BUDGET
    assert len(asks) == 1, "the list of nights is asked for once"


def test_the_pages_can_be_installed(address: str) -> None:
    page = httpx.get(address).text
    assert 'rel="manifest"' in page
    manifest = httpx.get(f"{address}/manifest.webmanifest").json()
    assert manifest["display"] == "standalone"
    assert manifest["icons"]
    for icon in manifest["icons"]:
        answer = httpx.get(f"{address}/{icon['src'].lstrip('/')}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(icon["type"])


def test_the_licences_of_what_others_made_are_beside_the_pages(address: str) -> None:
    text = httpx.get(f"{address}/licences.txt").text
    for name in ("SIL OPEN FONT LICENSE", "Lucide", "svelte", "uplot", "openapi-fetch"):
        assert name in text


def test_the_socket_closes_when_nobody_looks_for_half_a_minute(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        closed: list[bool] = []
        page.clock.install()
        with page.expect_websocket() as opening:
            page.goto(f"{address}/#/night")
        opening.value.on("close", lambda _: closed.append(True))
        page.evaluate(
            "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        page.clock.fast_forward(29_000)
        page.wait_for_timeout(200)
        assert not closed
        page.clock.fast_forward(2000)
        page.wait_for_timeout(2000)
        assert closed


def test_an_evening_with_a_real_recorder(browser: Browser, air: str, tmp_path: Path) -> None:
    """Check the sensor, do the fit check in real time, start, see black, stop: over virtual Bluetooth."""
    data = tmp_path / "data"
    Catalog(data).close()
    with (
        sensor(air, tmp_path, scenario="duration: 1h\nseed: 3\nmovements_per_hour: 60\n"),
        started(*recorder(data, air, speed=1)),
        served(data) as address,
        opened(browser, address) as page,
    ):
        put_settings(address, set_up=True, leg="left")
        page.goto(f"{address}/#/tonight")
        expect(page.get_by_test_id("tonight-title")).to_have_text("Not yet.")
        expect(page.get_by_test_id("start-reason")).to_contain_text("No sensor is sending.")
        expect(page.get_by_test_id("start")).to_have_count(0)
        page.get_by_test_id("check").press("Enter")
        expect(page.get_by_test_id("tonight-title")).to_have_text("Ready for the night.", timeout=60_000)
        expect(page.get_by_test_id("start-reason")).to_contain_text("Sensor on the left ankle")
        expect(page.get_by_test_id("first-thing")).to_contain_text("There was no fit check this evening.")
        status = asked.get(f"{address}/api/v1/status").json()
        assert (status["mode"], status["recording"]) == ("check", False)
        page.get_by_test_id("fit-start").press("Enter")
        for words in ("Stand still.", "Lie still.", "Toes up! 5 of 5", "Roll the leg"):
            expect(page.get_by_test_id("cue")).to_contain_text(words, timeout=60_000)
        expect(page.get_by_test_id("first-thing")).to_contain_text(
            "of 5 toe-ups. Move it lower", timeout=60_000
        )
        page.get_by_test_id("all-checks").locator("summary").click()
        expect(page.get_by_test_id("fit-result")).to_be_visible()
        assert not (data / "nights").exists(), "a check begins no night"
        page.get_by_test_id("start").press("Enter")
        expect(page.get_by_test_id("black-since")).to_contain_text("Good night.", timeout=60_000)
        expect(page.get_by_test_id("black-since")).to_have_count(0, timeout=60_000)  # after five seconds
        page.keyboard.press("Enter")  # the focus is on the dot
        expect(page.get_by_test_id("black-since")).to_be_visible()
        tab_to(page, "stop")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("night-summary")).to_be_visible(timeout=60_000)
        night = asked.get(f"{address}/api/v1/nights/last").json()
        assert [fit["problems"][0] for fit in night["fits"]] == ["toes_unseen"]


def test_a_sensor_is_chosen_by_keyboard_alone(browser: Browser, short_folder: Path, tmp_path: Path) -> None:
    """Two sensors over virtual Bluetooth: the list is strongest first, the weaker one is taken with Tab and Enter."""
    data = tmp_path / "data"
    Catalog(data).close()
    with (
        two_sensors(short_folder, tmp_path) as air,
        started(*recorder(data, air, speed=1)),
        served(data) as address,
        opened(browser, address, bypass_csp=True) as page,
    ):
        put_settings(address, leg="left")
        page.goto(f"{address}/#/setup")
        tab_to(page, "next")
        page.keyboard.press("Enter")
        tab_to(page, "look")
        page.keyboard.press("Enter")
        rows = page.locator('[data-testid="nearby"] li')
        expect(rows).to_have_count(2, timeout=60_000)
        expect(rows.first).to_contain_text("LegMon-Near")
        expect(rows.last).to_contain_text("weak, −83 dBm")
        expect(page.get_by_text("Connected, left ankle")).to_be_visible(timeout=60_000)
        if AXE.exists():
            assert violations(page) == []
        tab_to(page, "nearby")
        far = rows.filter(has_text="LegMon-Far").get_by_test_id("take")
        for _ in range(3):
            if far.evaluate("e => e === document.activeElement"):
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        row = rows.filter(has_text="LegMon-Far")
        expect(row).to_contain_text("Connected, left ankle", timeout=60_000)
        expect(far).to_have_attribute("aria-pressed", "true")
        assert far.evaluate("e => e === document.activeElement"), "the focus stays where it was"
        assert asked.get(f"{address}/api/v1/status").json()["chosen"]["left"] == FAR


@contextmanager
def recording(folder: Path) -> Iterator[None]:
    """What a recorder says that records the newest night."""
    catalog = Catalog(folder)
    info = catalog.night("last")
    state = RecorderState(
        seen_ns=time.time_ns() + 600 * NS,
        clock=Clock(info.started_ns, time.time_ns(), 1.0),
        simulated=True,
        night=info.id,
        sensors=[SensorState(leg="left", link="streaming")],
    )
    catalog.report(state)
    try:
        yield
    finally:
        catalog.report(RecorderState(0, Clock(), simulated=True, night=None, sensors=[]))
        catalog.close()


def test_the_black_page_has_no_violation(browser: Browser, folder: Path, address: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed (npm ci in dashboard/)")
    with recording(folder), opened(browser, address, bypass_csp=True) as page:
        page.goto(f"{address}/#/tonight")
        expect(page.get_by_test_id("black")).to_be_visible()
        for shown in (True, False):
            if not shown:
                page.keyboard.press("Escape")
                expect(page.get_by_test_id("black-since")).to_have_count(0)
            assert violations(page) == []


def test_the_words_on_black_stay_while_the_keyboard_is_on_them(
    browser: Browser, folder: Path, address: str
) -> None:
    with recording(folder), opened(browser, address) as page:
        page.clock.install()
        page.goto(f"{address}/#/tonight")
        expect(page.get_by_test_id("black")).to_be_visible()
        expect(page.get_by_test_id("black-since")).to_contain_text("You can close this page.")
        page.clock.fast_forward(21_000)
        expect(page.get_by_test_id("black-since")).to_have_count(0)
        page.keyboard.press("Enter")  # the focus is on the dot
        expect(page.get_by_test_id("black-since")).to_be_visible()
        assert page.evaluate("document.activeElement !== document.body"), "the focus is not lost"
        tab_to(page, "stop")
        page.clock.fast_forward(60_000)
        expect(page.get_by_test_id("stop")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_test_id("black-since")).to_have_count(0)
        assert page.evaluate("document.activeElement.tagName") == "BUTTON", "the focus is on the dot"
        page.get_by_role("button").click()
        expect(page.get_by_test_id("black-since")).to_be_visible()
        page.clock.fast_forward(21_000)
        expect(page.get_by_test_id("black-since")).to_have_count(0)


def test_earlier_nights_are_shown_page_by_page(browser: Browser, tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    night = make_night(catalog, Made(evening(0), {"left": scenario(3, 0.3, per_hour=120)}))
    NightReports(catalog).report(catalog.night(night))
    copy_nights(catalog, night, 59)
    catalog.close()
    with (
        started("-m", "legmon.web", "--data", str(tmp_path), "--port", "0") as process,
        opened(browser, process.says("ready")) as page,
    ):
        page.goto(f"{process.says('ready')}/#/night")
        entries = page.get_by_test_id("night-entry")
        expect(entries).to_have_count(50)
        expect(page.get_by_test_id("night-count")).to_have_text("50 of 60 nights")
        page.get_by_test_id("show-earlier").click()
        expect(entries).to_have_count(60)
        expect(page.get_by_test_id("show-earlier")).to_have_count(0)
        entries.last.click()
        expect(page.locator('[data-testid="night-entry"][aria-current="page"]')).to_have_attribute(
            "data-night-id", "copy-059"
        )
