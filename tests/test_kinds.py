"""The marks, the order of the tests, the guard against forgotten marks, and the list of allowed skips."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import conftest, kinds, skips
from tests.conftest import ROOT


def marks(function: Any) -> set[str]:
    return {name for f in kinds._functions(function) for name in kinds.reaches(f)}


def starts_one_by_the_way() -> None:
    def inside() -> None:
        with conftest.sensor("", Path()):
            pass

    inside()


def compares_the_type_only(done: subprocess.CompletedProcess[str]) -> bool:
    return isinstance(done, subprocess.CompletedProcess)


def test_what_a_function_can_reach_decides() -> None:
    assert marks(conftest.started) == marks(conftest.sensor) == marks(conftest.run_program) == {"radio"}
    assert marks(starts_one_by_the_way) == {"radio"}
    assert marks(compares_the_type_only) == marks(conftest.run_command) == marks(conftest.until) == set()
    from tests.storm.world import World

    assert marks(World) == {"radio"}


@pytest.mark.parametrize("workers", [1, 3, 4])
def test_every_worker_begins_with_pure_tests_and_files_stay_whole(
    workers: int, request: pytest.FixtureRequest
) -> None:
    class Item:
        def __init__(self, file: str, number: int, *, pure: bool) -> None:
            self.nodeid = f"tests/{file}.py::test_{number}"
            self.pure = pure

        def get_closest_marker(self, name: str) -> bool:
            return name == "radio" and not self.pure

    items: list[Any] = [Item("test_a", k, pure=True) for k in range(61)]
    items += [Item("test_link", k, pure=False) for k in range(9)] + [Item("test_web", 0, pure=False)]
    items += [Item("test_storm", k, pure=k == 0) for k in range(3)]
    result = kinds.ordered(items, workers)
    assert sorted(i.nodeid for i in result) == sorted(i.nodeid for i in items)
    parts, left = [], list(result)
    for remaining in range(workers, 0, -1):
        parts.append(left[: len(left) // remaining])
        left = left[len(left) // remaining :]
    for part in parts:
        assert [kinds.is_pure(i) for i in part] == sorted((kinds.is_pure(i) for i in part), reverse=True)
    link = [{i.nodeid.split("::")[0] for i in part} for part in parts]
    assert sum("tests/test_link.py" in files for files in link) == 1
    first = {
        next(i.nodeid for i in part if not kinds.is_pure(i)) for part in parts if not kinds.is_pure(part[-1])
    }
    assert "tests/test_storm.py::test_1" in first, "the longest begin"


FORGOTTEN = """
import subprocess, sys
def test_forgotten(): subprocess.run([sys.executable, "-c", ""])
"""


@pytest.mark.radio
def test_a_process_without_a_mark_fails(pytester: pytest.Pytester) -> None:
    guard = kinds.Guard()
    pytester.makeini("[pytest]\nmarkers = radio")
    file = pytester.makepyfile(FORGOTTEN)
    result = pytester.runpytest_inprocess("-n0", "-p", "no:cacheprovider", plugins=[guard])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*test_forgotten starts a process*@pytest.mark.radio*"])
    file.write_text(FORGOTTEN.replace("def test", "import pytest\n@pytest.mark.radio\ndef test"))
    result = pytester.runpytest_inprocess("-n0", "-p", "no:cacheprovider", plugins=[guard])
    result.assert_outcomes(passed=1)


SKIPPED = """
import pytest
def test_whole(): pass
@pytest.mark.parametrize("n", [1, 2])
def test_some(n): pytest.skip("no such thing here")
"""


@pytest.mark.parametrize(
    ("gate", "listed", "outcomes"),
    [
        (True, [], {"passed": 1, "failed": 2}),
        (True, ["test_some"], {"passed": 1, "skipped": 2}),
        (True, ["test_some[2]"], {"passed": 1, "skipped": 1, "failed": 1}),
        (False, [], {"passed": 1, "skipped": 2}),
    ],
)
def test_in_the_gate_a_skip_that_is_not_listed_fails(
    gate: bool,
    listed: list[str],
    outcomes: dict[str, int],
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEGMON_GATE", "1" if gate else "")
    plugin = skips.Skips()
    plugin.entries = dict.fromkeys((f"test_x.py::{name}" for name in [*listed, "test_whole"]), "why not")
    pytester.makepyfile(test_x=SKIPPED)
    result = pytester.runpytest_inprocess("-n0", "-p", "no:cacheprovider", plugins=[plugin])
    result.assert_outcomes(**outcomes)
    result.stdout.fnmatch_lines(["note: skips that tests/skips.toml allows and that ran here: 1"])


def test_every_skip_that_is_allowed_names_a_test_and_a_reason() -> None:
    assert skips.allowed()
    for test, reason in skips.allowed().items():
        file, _, name = test.partition("::")
        assert f"def {name.split('[', maxsplit=1)[0]}(" in (ROOT / file).read_text(), test
        assert reason.endswith(".")
