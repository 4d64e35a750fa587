"""The house stays in order: nothing imports from a floor above, pure floors do no I/O, the two packages stay apart."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEGMON = ROOT / "src" / "legmon"

FLOORS = [
    {"errors", "limits", "messages", "movement"},
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
ALLOWED_IO = {"detection/jit.py": {"os", "platformdirs"}}
"""Where the compiler's cache lies has to be asked of the machine."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{a.name}" for a in node.names)


def floor(name: str) -> int | None:
    return next((i for i, names in enumerate(FLOORS) if name in names), None)


def files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*.py") if "static" not in p.parts)


@pytest.mark.parametrize("path", files(LEGMON), ids=lambda p: str(p.relative_to(LEGMON)))
def test_nothing_imports_from_a_floor_above(path: Path) -> None:
    relative = path.relative_to(LEGMON)
    own = floor(relative.parts[0].removesuffix(".py"))
    if own is None:
        assert str(relative) in {"__init__.py", "__main__.py"}, f"{relative} stands on no floor"
        return
    for module in imports(path):
        parts = module.split(".")
        if parts[0] == "legmon" and len(parts) > 1 and (other := floor(parts[1])) is not None:
            assert other <= own, f"{relative} imports {module}, which stands above it"


@pytest.mark.parametrize("name", sorted(PURE))
def test_pure_floors_do_no_io(name: str) -> None:
    for path in files(LEGMON / name):
        relative = str(path.relative_to(LEGMON))
        used = {m.split(".")[0] for m in imports(path)}
        assert not used & IO, f"{relative} imports {used & IO}"
        assert not (used & {"os", "platformdirs"}) - ALLOWED_IO.get(relative, set()), relative
        calls = {
            n.func.id
            for n in ast.walk(ast.parse(path.read_text()))
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        assert not calls & {"open", "print", "input"}, relative


def test_the_program_and_the_simulator_import_nothing_of_each_other() -> None:
    for path in files(LEGMON):
        assert not any(m.split(".")[0] == "firmware_sim" for m in imports(path)), path
    for path in files(ROOT / "firmware_sim"):
        assert not any(m.split(".")[0] == "legmon" for m in imports(path)), path


def test_every_module_says_what_it_answers() -> None:
    for path in [*files(LEGMON), *files(ROOT / "firmware_sim")]:
        assert ast.get_docstring(ast.parse(path.read_text())), path
