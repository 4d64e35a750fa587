"""The documents say what is there: links lead somewhere, named functions and tests exist, the README's example runs."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOLDERS = ("docs", "firmware_sim", "tests")
PAGES = sorted(p for p in (*ROOT.glob("*.md"), *(q for f in FOLDERS for q in (ROOT / f).rglob("*.md"))))
PROSE_WIDTH = 90

HOUSE = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
RULES = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")

FILES = sorted(set(re.findall(r"`([\w/]+(?:\.svelte)?\.(?:py|ts|svelte))`", HOUSE)))
FUNCTIONS = sorted(
    {
        (file, function)
        for functions, file in re.findall(r"((?:`[\w.]+`\s+(?:and\s+)?)+)\(`([\w/]+\.py)`\)", HOUSE)
        for function in re.findall(r"`([\w.]+)`", functions)
    }
)
"""As the walk-through names them: `function` (`file.py`)."""


def file_of(named: str) -> Path:
    """A file as a document names it: from the root, or from the package."""
    return ROOT / named if (ROOT / named).exists() else ROOT / "src" / "legmon" / named


def defined(path: Path) -> set[str]:
    """Names of the functions, classes and methods of a module."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            inside = (n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
            names |= {f"{node.name}.{n.name}" for n in inside}
    return names


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def test_every_link_leads_to_a_file_and_a_heading_that_exist() -> None:
    links = 0
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if "://" in target:
                continue
            links += 1
            path, _, anchor = target.partition("#")
            file = (page.parent / path) if path else page
            assert file.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(file), f"{page.name}: {target}"
    assert links > 40


def test_prose_is_wrapped() -> None:
    prose = 0
    for page in PAGES:
        is_code = False
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
            is_code ^= line.lstrip().startswith("```")
            is_picture = line.startswith("![")
            has_one_word = " " not in line.strip().removeprefix("- ")
            if not (is_code or is_picture or line.startswith("|") or has_one_word):
                prose += 1
                assert len(line) <= PROSE_WIDTH, f"{page.relative_to(ROOT)}, line {number}"
    assert len(PAGES) > 15
    assert prose > 500


def test_every_file_and_function_that_the_house_names_exists() -> None:
    assert len(FILES) > 30
    assert not [file for file in FILES if not file_of(file).exists()]
    assert len(FUNCTIONS) > 30
    assert not [(file, function) for file, function in FUNCTIONS if function not in defined(file_of(file))]


def test_the_house_names_every_room_in_the_order_of_imports() -> None:
    from tests.test_architecture import FLOORS

    rooms = re.findall(r"^- `(\w+)`", HOUSE, re.MULTILINE)
    assert rooms == [room for floor in FLOORS[1:] for room in sorted(floor)]


def test_a_test_that_the_rules_name_exists() -> None:
    known = set[str]().union(*(defined(p) for p in (ROOT / "tests").glob("test_scoring_*.py")))
    named = re.findall(r"`(test_\w+)`", RULES)
    assert len(named) > 40
    assert not set(named) - known


def test_the_example_of_the_readme_prints_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    script = tmp_path / "example.py"
    script.write_text(code, encoding="utf-8")
    runpy.run_path(str(script))
    assert capsys.readouterr().out.splitlines() == re.findall(r"^print\(.*\)  # (.*)$", code, re.MULTILINE)
