"""Which tests start processes, which start a browser, and the order in which the tests run.

A test gets the mark `radio` when it, or a fixture that it uses, can reach a function that starts a process: the simulated
radio, a recorder, a dashboard or another program. It gets the mark `browser` when it can reach Playwright. The names in the
compiled functions decide, so that nobody has to remember a mark. Where the names do not show it (a command of legmon that
starts the simulator), the test carries the mark itself. A test without a mark that starts a process all the same fails.
"""

from __future__ import annotations

import functools
import inspect
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from legmon.app.simulator import run_simulator

MARKS = {
    "radio": "starts processes: the simulated radio, a recorder, a dashboard or another program",
    "browser": "starts Chromium",
}
STARTS = {"Popen", "run", "call", "check_call", "check_output"}
ROOT = Path(__file__).parents[1]
OURS = (str(ROOT / "tests"), str(ROOT / "benchmarks"))
LONGEST = (
    "test_storm.py",
    "test_demo.py",
    "test_lessons.py",
    "test_disk_full.py",
    "test_life.py",
    "test_pages.py",
)
"""Files with the longest tests. They begin early, so that no worker is left alone with one at the end."""


def names(code: CodeType) -> Iterator[str]:
    """Return every name that a function uses, also in functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names(constant)


def _functions(thing: Any) -> Iterator[FunctionType]:
    """Return the functions of the tests behind a name: itself, what a decorator wraps, or the methods of a class."""
    if isinstance(thing, type):
        found = [getattr(value, "__func__", value) for kind in thing.__mro__ for value in vars(kind).values()]
    else:
        found = [inspect.unwrap(thing)] if callable(thing) else []
    return (f for f in found if isinstance(f, FunctionType) and f.__code__.co_filename.startswith(OURS))


@functools.cache
def reaches(function: FunctionType) -> frozenset[str]:
    """Return the marks that a function needs, by itself and by all functions of the tests that it can call."""
    marks: set[str] = set()
    seen: set[FunctionType] = set()
    waiting = [function]
    while waiting:
        f = waiting.pop()
        if f in seen:
            continue
        seen.add(f)
        used = set(names(f.__code__))
        for name in used:
            thing = f.__globals__.get(name)
            if (
                (thing is subprocess and used & STARTS)
                or thing is run_simulator
                or name == "create_subprocess_exec"
                or (
                    name == "run_command" and {"simulate", "golden"} & set(f.__code__.co_consts)
                )  # legmon starts the simulator
            ):
                marks.add("radio")
            elif thing is sync_playwright:
                marks |= {"radio", "browser"}
            elif isinstance(thing, ModuleType):
                if (getattr(thing, "__file__", None) or "").startswith(OURS):
                    waiting += (g for n in used for g in _functions(getattr(thing, n, None)))
            elif thing is not None:
                waiting += _functions(thing)
    return frozenset(marks)


def mark(item: pytest.Item) -> None:
    """Mark a test with what it and its fixtures need."""
    if not isinstance(item, pytest.Function):
        return
    fixtures = [d for ds in item._fixtureinfo.name2fixturedefs.values() for d in ds]
    for function in [item.function, *(d.func for d in fixtures)]:
        for f in _functions(function):
            for name in reaches(f):
                item.add_marker(name)


def is_pure(item: pytest.Item) -> bool:
    """Whether a test starts no process."""
    return not any(item.get_closest_marker(name) for name in MARKS)


def ordered(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return the tests in the order in which they run: pure ones first on every worker, then the longest ones.

    pytest-xdist gives each worker an equal and contiguous part of the list. So each part begins with pure tests. The files of
    the other tests stay whole, because their tests share what their fixtures started; a part takes files as long as it has
    room, the longest ones first, and pure tests fill it up.
    """
    pure = [i for i in items if is_pure(i)]
    files: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if not is_pure(item):
            files[item.nodeid.split("::")[0]].append(item)
    sizes: list[int] = []
    for left in range(workers, 0, -1):
        sizes.append((len(items) - sum(sizes)) // left)
    parts: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for file in sorted(files, key=lambda f: (not f.endswith(LONGEST), -len(files[f]))):
        rest = files[file]
        while rest:
            least = min(
                (k for k in range(workers) if len(parts[k]) < sizes[k]),
                key=lambda k: len(parts[k]) / sizes[k],
            )
            room = sizes[least] - len(parts[least])
            parts[least] += rest[:room]
            rest = rest[room:]
    result: list[pytest.Item] = []
    for size, part in zip(sizes, parts, strict=True):
        fill = size - len(part)
        result += pure[:fill] + part
        pure = pure[fill:]
    return result


class Guard:
    """Fails a test without a mark that starts a process.

    It listens to Python's own audit events, so that no way of starting a process passes it by.
    """

    EVENTS = frozenset({"subprocess.Popen", "os.posix_spawn", "os.system", "os.exec"})

    def __init__(self) -> None:
        self.running: pytest.Item | None = None
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in self.EVENTS and self.running is not None and is_pure(self.running):
            pytest.fail(
                f"{self.running.nodeid} starts a process ({arguments[0]!r}) and is not marked: "
                "give it @pytest.mark.radio (tests/kinds.py)"
            )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Remember the test that runs."""
        self.running = item
        try:
            return (yield)
        finally:
            self.running = None


def workers(config: pytest.Config) -> int:
    """Return how many workers run the tests; one where there are none."""
    return int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) if hasattr(config, "workerinput") else 1
