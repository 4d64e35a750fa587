"""The page on the link (docs/link.md) says what the program does: its causes are those of the code, its tests exist."""

from __future__ import annotations

import ast
import re

import pytest

from legmon.messages import GAP_SENTENCES
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "link.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py::\w+)`", PAGE)))


def test_the_causes_on_the_page_are_those_of_the_program() -> None:
    _, _, rest = PAGE.partition("<!-- causes -->\n")
    rows = rest.partition("<!-- end of causes -->")[0].splitlines()[2:]
    assert rows == [f"| `{cause}` | {sentence} |" for cause, sentence in GAP_SENTENCES.items()]


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_the_page_names_exists(name: str) -> None:
    file, _, function = name.partition("::")
    tree = ast.parse((ROOT / file).read_text())
    assert function in {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_lesson_names_a_test() -> None:
    _, _, lessons = PAGE.partition("## Lessons")
    rows = [
        r for r in lessons.splitlines() if r.startswith("| ") and not r.startswith(("| lesson |", "| trap |"))
    ]
    assert len(rows) > 30
    for row in rows:
        assert re.search(r"`tests/[\w/]+\.py::\w+`", row.split(" | ")[-1]), row


def test_every_file_of_the_link_is_on_the_page() -> None:
    for path in (ROOT / "src" / "legmon" / "link").glob("*.py"):
        if path.name != "__init__.py":
            assert f"`link/{path.name}`" in PAGE
    assert "`link/hci/`" in PAGE
