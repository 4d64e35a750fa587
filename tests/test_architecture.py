"""The rules of the house: who may import whom, what does input and output, and how a module begins.

Each test collects every fault before it fails, so that one run shows them all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEGMON = ROOT / "src" / "legmon"
SIMULATOR = ROOT / "firmware_sim"

FLOORS = [
    {"errors", "limits", "logs", "messages", "movement", "outside", "quoting", "terminal"},
    {"sensors"},
    {"link"},
    {"timeline"},
    {"recording"},
    {"detection"},
    {"scoring"},
    {"night"},
    {"catalog"},
    {"nights"},
    {"qualify"},
    {"recorder"},
    {"exchange"},
    {"web"},
    {"app"},
    {"evaluation"},
    {"cli"},
]
"""From the ground up. A room may import only from the rooms in earlier lines."""

PURE = {"sensors", "timeline", "detection", "scoring", "night"}
IO = {
    "asyncio", "bleak", "bumble", "fastapi", "logging", "pathlib", "random", "shutil", "socket", "sqlalchemy", "subprocess",
    "sys", "tempfile", "threading", "time", "uvicorn",
}  # fmt: skip
ALLOWED_IO = {"detection/jit.py": {"logging", "os", "platformdirs", "sys"}}
"""The compiler's cache lies where the machine says, and a first compilation is announced."""

SHORT = {
    "firmware_sim/__main__.py": "the entry point of the program",
    "firmware_sim/journal.py": "the one place that writes the log",
    "firmware_sim/pace.py": "the one place that waits",
    "firmware_sim/streams.py": "used by the sensor and by all families",
    "src/legmon/__main__.py": "the entry point of the program",
    "src/legmon/catalog/migrations/env.py": "Alembic asks for a file of this name",
    "src/legmon/catalog/migrations/versions/v0005_confidence.py": "one file for each migration",
    "src/legmon/catalog/migrations/versions/v0006_notes.py": "a migration that has landed is never edited",
    "src/legmon/cli/status.py": "one thin file for each command",
    "src/legmon/cli/stop.py": "one thin file for each command",
    "src/legmon/detection/filters.py": "formulas that are tested by themselves",
    "src/legmon/errors.py": "every room imports it",
    "src/legmon/limits.py": "every room imports it",
    "src/legmon/link/suspend.py": "the one thing that asks the operating system",
    "src/legmon/link/tasks.py": "used by every part of the link",
    "src/legmon/web/problems.py": "used by every route",
    "src/legmon/web/schema.py": "a program of its own: python -m legmon.web.schema",
}
"""Files under 40 lines of code, and why each is a file. A package's `__init__.py` needs no reason."""

ODD_VERBS = {verb + s for verb in ("Give", "Take", "Say", "Tell") for s in ("", "s")}


def files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*.py") if "static" not in p.parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name_of(path: Path) -> str:
    """Return the dotted name of a module of ours."""
    base = ROOT if path.is_relative_to(SIMULATOR) else ROOT / "src"
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(path: Path, *, deferred: bool = True) -> frozenset[str]:
    """Return what a module imports; without `deferred`, only what is imported when the module is."""
    found: set[str] = set()

    def walk(node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            found.update(a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found.update(f"{node.module}.{a.name}" for a in node.names)
        later = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        )
        if deferred or not later:
            for child in ast.iter_child_nodes(node):
                walk(child)

    walk(tree(path))
    return frozenset(found)


def floor(name: str) -> int | None:
    return next((i for i, names in enumerate(FLOORS) if name in names), None)


def arrows_up() -> Iterator[str]:
    for path in files(LEGMON):
        relative = path.relative_to(LEGMON)
        own = floor(relative.parts[0].removesuffix(".py"))
        if own is None:
            if str(relative) not in {"__init__.py", "__main__.py"}:
                yield f"{relative} stands on no floor"
            continue
        for module in sorted(imports(path)):
            parts = module.split(".")
            if (
                parts[0] == "legmon"
                and len(parts) > 1
                and (other := floor(parts[1])) is not None
                and other > own
            ):
                yield f"{relative} imports {module}, which stands above it"


def impurities() -> Iterator[str]:
    for path in (p for room in sorted(PURE) for p in files(LEGMON / room)):
        relative = str(path.relative_to(LEGMON))
        used = {m.split(".")[0] for m in imports(path)}
        forbidden = (IO | {"os", "platformdirs"}) - ALLOWED_IO.get(relative, set())
        if used & forbidden:
            yield f"{relative} does input or output: it imports {', '.join(sorted(used & forbidden))}"
        for n in ast.walk(tree(path)):
            if (
                isinstance(n, ast.Call)
                and isinstance(n.func, ast.Name)
                and n.func.id in {"open", "print", "input"}
            ):
                yield f"{relative}, line {n.lineno} calls {n.func.id}()"


def strangers() -> Iterator[str]:
    for folder, other in ((LEGMON, "firmware_sim"), (SIMULATOR, "legmon")):
        for path in files(folder):
            if any(m.split(".")[0] == other for m in imports(path)):
                yield f"{path.relative_to(ROOT)} imports {other}: the two packages know nothing of each other"


def test_imports_follow_the_house() -> None:
    assert {p.relative_to(LEGMON).parts[0] for p in files(LEGMON)} >= PURE, (
        "the rooms are where this test looks"
    )
    faults = [*arrows_up(), *impurities(), *strangers()]
    assert not faults, "\n".join(faults)


def cycles(graph: dict[str, set[str]]) -> list[str]:
    """Return the cycles of a graph, one line each: modules that import each other, directly or by a way round."""
    reach: dict[str, set[str]] = {}
    for start in graph:
        seen, waiting = set[str](), [start]
        while waiting:
            for other in graph[waiting.pop()] - seen:
                seen.add(other)
                waiting.append(other)
        reach[start] = seen
    rings = {frozenset(b for b in reach[a] if a in reach[b]) for a in graph if a in reach[a]}
    return sorted(" <-> ".join(sorted(ring)) for ring in rings)


@pytest.mark.parametrize("deferred", [False, True], ids=["as modules load", "with imports inside functions"])
@pytest.mark.parametrize("folder", [LEGMON, SIMULATOR], ids=lambda p: p.name)
def test_no_modules_import_each_other(folder: Path, deferred: bool) -> None:
    modules = {name_of(p): p for p in files(folder)}
    assert len(modules) > 20
    graph = {
        name: {m for m in imports(path, deferred=deferred) if m in modules and m != name}
        for name, path in modules.items()
    }
    assert any(graph.values())
    found = cycles(graph)
    assert not found, f"{len(found)} cycles:\n" + "\n".join(found)


def test_a_cycle_is_found() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a <-> b <-> c"]
    assert cycles({"a": {"b"}, "b": set()}) == []


def test_every_module_has_a_docstring() -> None:
    bare = [
        str(p.relative_to(ROOT))
        for p in [*files(LEGMON), *files(SIMULATOR), *files(ROOT / "tests"), *files(ROOT / "benchmarks")]
        if not ast.get_docstring(tree(p))
    ]
    assert not bare, "\n".join(bare)


def test_docstrings_begin_with_usual_verbs() -> None:
    odd = [
        f"{p.relative_to(ROOT)}, line {getattr(node, 'lineno', 1)}: {text.splitlines()[0]}"
        for p in [*files(LEGMON), *files(SIMULATOR), *files(ROOT / "tests"), *files(ROOT / "benchmarks")]
        for node in ast.walk(tree(p))
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and (text := ast.get_docstring(node))
        and text.split(maxsplit=1)[0].strip(",;:") in ODD_VERBS
    ]
    assert not odd, f"{len(odd)} docstrings begin with Give, Take, Say or Tell:\n" + "\n".join(odd)


def test_a_short_file_has_a_reason() -> None:
    short = {
        str(p.relative_to(ROOT))
        for p in [*files(LEGMON), *files(SIMULATOR)]
        if p.name != "__init__.py" and len(p.read_text().splitlines()) < 40
    }
    without, stale = sorted(short - SHORT.keys()), sorted(SHORT.keys() - short)
    assert not without, f"under 40 lines without a reason in SHORT: {', '.join(without)}"
    assert not stale, f"in SHORT, but gone or long by now: {', '.join(stale)}"
