"""The skips that are allowed, each with its reason: every other skip fails the gate.

The gate sets `LEGMON_GATE`. A test that is skipped there and is not in `tests/skips.toml` fails, so that nothing stops being
tested without anybody noticing. The end of the run counts the entries whose test ran; one may go once no machine needs it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

FILE = Path(__file__).with_name("skips.toml")


def allowed() -> dict[str, str]:
    """Return the reasons by test. A name without its parameters stands for the test with all of them."""
    return {entry["test"]: entry["reason"] for entry in tomllib.loads(FILE.read_text())["skip"]}


def entry_of(nodeid: str, entries: Iterable[str]) -> str | None:
    """Return the entry that allows a test to be skipped."""
    return next((e for e in entries if e in (nodeid, nodeid.split("[", maxsplit=1)[0])), None)


class Skips:
    """Turns a skip that is not in the list into a failure."""

    def __init__(self) -> None:
        self.entries = allowed()

    def refused(self, nodeid: str) -> bool:
        """Whether a skip of this test fails the gate."""
        return bool(os.environ.get("LEGMON_GATE")) and entry_of(nodeid, self.entries) is None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Check a test that was skipped."""
        report = yield
        if report.skipped and not hasattr(report, "wasxfail") and self.refused(item.nodeid):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            report.outcome = "failed"
            report.longrepr = f"{reason}\nThis skip is not in tests/skips.toml."
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Check a file that was skipped as a whole."""
        report = yield
        if report.outcome == "skipped" and self.refused(collector.nodeid):
            report.outcome = "failed"
            report.longrepr = f"{report.longrepr}\nThis skip is not in tests/skips.toml."
        return report

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Count the entries whose test ran."""
        ran = {r.nodeid for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, [])}
        idle = {e for nodeid in ran if (e := entry_of(nodeid, self.entries))}
        if idle:
            terminalreporter.write_line(
                f"note: skips that tests/skips.toml allows and that ran here: {len(idle)}"
            )
