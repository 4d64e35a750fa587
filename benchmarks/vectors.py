"""Check the drivers against published frames: passed and total for each family and kind.

``python -m benchmarks.vectors``
The vectors come from vendors' unit tests, documents and captured frames; tests/data/README.md describes them.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.vectors_others import metamotion, movesense, simple, witmotion
from benchmarks.vectors_polar import polar
from legmon.sensors.base import FrameError

FOLDER = Path(__file__).parents[1] / "tests" / "data" / "vectors"

Check = Callable[[dict[str, Any]], None]

FAMILIES: dict[str, tuple[str, Check, bool]] = {
    "polar": ("polar_pmd.json", polar, True),
    "movesense": ("movesense_gsp.json", movesense, True),
    "witmotion": ("witmotion.json", witmotion, True),
    "metamotion": ("metawear.json", metamotion, True),
    "open services": ("simple_gatt.json", simple, False),
}
"""File, check, and whether the vectors come from somebody else than who made the layout."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One vector, and the reason why it failed; empty if it passed."""

    family: str
    kind: str
    name: str
    reason: str


def entries() -> list[tuple[str, dict[str, Any]]]:
    """Return every vector with its family."""
    return [
        (family, entry)
        for family, (file, _, _) in FAMILIES.items()
        for entry in json.loads((FOLDER / file).read_text())
    ]


def outcome(family: str, entry: dict[str, Any]) -> Outcome:
    """Check one vector."""
    try:
        FAMILIES[family][1](entry)
    except (AssertionError, FrameError, KeyError) as e:
        return Outcome(family, entry["kind"], entry["id"], str(e) or type(e).__name__)
    return Outcome(family, entry["kind"], entry["id"], "")


def table(outcomes: list[Outcome]) -> dict[str, dict[str, Any]]:
    """Return passed and total by family and kind, and the reasons of failures."""
    rows: dict[str, dict[str, Any]] = {}
    for o in outcomes:
        row = rows.setdefault(f"{o.family}: {o.kind}", {"passed": 0, "total": 0, "not_passed": {}})
        row["total"] += 1
        row["passed"] += not o.reason
        if o.reason:
            row["not_passed"][o.name] = o.reason
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    asked = parser.parse_args()
    found = entries()
    rows = table([outcome(family, entry) for family, entry in found])
    independent = {family: own for family, (_, _, own) in FAMILIES.items()}
    if asked.json:
        print(json.dumps({"rows": rows, "independent": independent | {"bangle": False, "ankle": False}}))
        return
    for name, row in rows.items():
        print(f"{name:<40}{row['passed']:>4} of {row['total']}")
        for vector, reason in row["not_passed"].items():
            print(f"      {vector}: {reason}")
    print(
        "open services: made from the published layouts, not independent; bangle, ankle: our own protocols, none exist"
    )


if __name__ == "__main__":
    main()
