"""The pages of a demo: how far the first nights are, the bar on top, and the end of the night in place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from legmon.catalog.store import Catalog
from legmon.recorder.presence import KeptFile, Presence
from legmon.web.demo_state import STATE, DemoState, take_wish
from tests.conftest import let_in
from tests.made import past_nights
from tests.test_pages import AXE, CHROMIUM, browser, opened, served, violations

__all__ = ["browser"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine")


def preparing(share: float) -> DemoState:
    return DemoState(Presence.this(), past=14, share=share)


def words(page: Page) -> str:
    return page.locator("body").inner_text()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    Catalog(made).close()
    return made


def test_before_the_first_night_every_page_says_how_far_it_is(browser: object, data: Path) -> None:
    file = KeptFile(data / STATE)
    preparing(0.2).keep(file)
    with served(data) as address, opened(browser, address) as page:  # type: ignore[arg-type]
        for path in ("", "#/", "#/tonight", "#/live", "#/night"):
            page.goto(f"{address}/{path}")
            expect(page.get_by_test_id("preparing-share")).to_have_text("20 %")
            expect(page.get_by_test_id("demo-past")).to_contain_text("Night 1 of 14 …")
            assert "stopped" not in words(page)
            assert "Not ready" not in words(page)
        replace(preparing(0.4), step="compiling").keep(file)
        expect(page.get_by_test_id("preparing-step")).to_contain_text("Compiling the detector")
        preparing(0.6).keep(file)
        expect(page.get_by_test_id("preparing-share")).to_have_text("60 %")
    with served(data) as address, opened(browser, address, bypass_csp=True) as page:  # type: ignore[arg-type]
        page.goto(address)
        expect(page.get_by_test_id("preparing")).to_be_visible()
        assert not AXE.exists() or violations(page) == []


def test_the_night_appears_by_itself_and_its_end_is_told_in_place(browser: object, data: Path) -> None:
    file, state = KeptFile(data / STATE), preparing(0.9)
    state.keep(file)
    with served(data) as address, opened(browser, address) as page:  # type: ignore[arg-type]
        page.goto(address)
        expect(page.get_by_test_id("preparing")).to_be_visible()
        catalog = Catalog(data)
        (night,) = past_nights(catalog, 1, hours=1.0)
        info = catalog.night(night)
        catalog.close()
        replace(state, recorded=1).keep(file)
        expect(page.get_by_test_id("night-summary")).to_be_visible()
        expect(page.get_by_test_id("demo-past")).to_contain_text("Night 2 of 14 …")
        over = replace(
            state, recorded=14, tonight=night, is_over=True, movements=info.movements, in_series=info.periodic
        )
        over.keep(file)
        said = f"The night is over: {info.movements} movements, {info.periodic} in series."
        expect(page.get_by_test_id("demo-over")).to_have_text(said)
        expect(page.get_by_test_id("night-summary")).to_be_visible()
        expect(page.get_by_test_id("demo-past")).to_have_count(0)
        assert "stopped" not in words(page)


def test_a_page_may_ask_for_a_speed_only_in_a_demo_and_only_for_one_there_is(data: Path) -> None:
    with served(data) as address:

        def wish(speed: object) -> int:
            url, headers = f"{address}/api/v1/demo/speed", let_in(address)
            return httpx.post(url, json={"speed": speed}, headers=headers).status_code

        assert wish(60) == 409
        preparing(0.1).keep(KeptFile(data / STATE))
        assert take_wish(data) is None
        for speed in (0, 1, 60, 300):
            assert wish(speed) == 200
            assert take_wish(data) == speed
            assert take_wish(data) is None
        for wrong in (-1, 301, "fast", None):
            assert wish(wrong) == 422, wrong
        assert take_wish(data) is None
    for text in ('{"speed": 1e9}', '{"speed": true}', '{"speed": "1"}', "[]", "{}"):
        (data / "demo.speed.json").write_text(text)
        assert take_wish(data) is None, text
