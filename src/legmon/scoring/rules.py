"""The rule sets by name, and how open places of the rules are interpreted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from legmon.movement import LegMovement
from legmon.scoring.aasm import aasm
from legmon.scoring.events import ScoredMovement, Span
from legmon.scoring.sleep import Stage
from legmon.scoring.wasm2006 import wasm2006
from legmon.scoring.wasm2016 import Ninety, Restart, wasm2016

Rules = Literal["wasm2016", "wasm2006", "aasm"]
RULES: Final[Rules] = "wasm2016"
"""The rule set where none is named."""

NAMES: Final[dict[str, str]] = {"wasm2016": "WASM 2016", "wasm2006": "WASM 2006", "aasm": "AASM"}


@dataclass(frozen=True, slots=True)
class Interpretation:
    """How the open places of the rules are read, and what was scored elsewhere.

    Parameters
    ----------
    restart, ninety : str
        See `legmon.scoring.wasm2016.wasm2016`; no other rule set has these places.
    respiratory : sequence of (start, end)
        Respiratory events, ns from the origin; none known where empty.
    stages : sequence of (start, end, stage)
        Sleep stages, ns from the origin; none known where empty.
    """

    restart: Restart = "permissive"
    ninety: Ninety = "inclusive"
    respiratory: Sequence[Span] = ()
    stages: Sequence[Stage] = ()


def known_rules(rules: str) -> Rules:
    """Check the name of a rule set.

    Raises
    ------
    ValueError
        If there is none of this name; names those there are.
    """
    for name in get_args(Rules):
        if rules == name:
            found: Rules = name
            return found
    raise ValueError(f"there is no rule set {rules!r}; choose {', '.join(get_args(Rules))}")


def apply_rules(
    rules: Rules, movements: Iterable[LegMovement], gaps: Sequence[Span], interpretation: Interpretation
) -> list[ScoredMovement]:
    """Run one rule set."""
    if rules == "aasm":
        return aasm(movements, gaps, respiratory=interpretation.respiratory, stages=interpretation.stages)
    if rules == "wasm2006":
        return wasm2006(movements, gaps)
    return wasm2016(movements, gaps, restart=interpretation.restart, ninety=interpretation.ninety)
