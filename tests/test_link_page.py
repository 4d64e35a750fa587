"""The page on the link (docs/link.md) says what the program does: its causes are those of the code, its tests exist."""

from __future__ import annotations

import ast
import re

from legmon.messages import GAP_SENTENCES
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "link.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py::\w+)`", PAGE)))


def test_the_causes_on_the_page_are_those_of_the_program() -> None:
    _, _, rest = PAGE.partition("<!-- causes -->\n")
    rows = rest.partition("<!-- end of causes -->")[0].splitlines()[2:]
    assert rows == [f"| `{cause}` | {sentence} |" for cause, sentence in GAP_SENTENCES.items()]


def test_every_test_that_the_page_names_exists() -> None:
    assert len(NAMED) > 30
    defined = {
        file: {n.name for n in ast.parse((ROOT / file).read_text()).body if isinstance(n, ast.FunctionDef)}
        for file in {name.partition("::")[0] for name in NAMED}
        if (ROOT / file).exists()
    }
    gone = [n for n in NAMED if n.partition("::")[2] not in defined.get(n.partition("::")[0], set())]
    assert not gone, f"docs/link.md names tests that are gone: {', '.join(gone)}"


def test_every_lesson_names_a_test() -> None:
    _, _, lessons = PAGE.partition("## Lessons")
    rows = [
        r for r in lessons.splitlines() if r.startswith("| ") and not r.startswith(("| lesson |", "| trap |"))
    ]
    assert len(rows) > 30
    without = [row for row in rows if not re.search(r"`tests/[\w/]+\.py::\w+`", row.split(" | ")[-1])]
    assert not without, "\n".join(without)


def test_every_file_of_the_link_is_on_the_page() -> None:
    files = {p.name for p in (ROOT / "src" / "legmon" / "link").glob("*.py")} - {"__init__.py"}
    assert len(files) > 5
    unnamed = sorted(f for f in files if f"`link/{f}`" not in PAGE)
    assert not unnamed, f"docs/link.md does not name {', '.join(unnamed)}"
    assert "`link/hci/`" in PAGE
