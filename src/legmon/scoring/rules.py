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
"""The default rule set."""

NAMES: Final[dict[str, str]] = {"wasm2016": "WASM 2016", "wasm2006": "WASM 2006", "aasm": "AASM"}


@dataclass(frozen=True, slots=True)
class Interpretation:
    """How open places of the rules are interpreted, and what a laboratory scored.

    Parameters
    ----------
    restart, ninety : str
        See `legmon.scoring.wasm2016.wasm2016`. No other rule set has these open places.
    respiratory : sequence of (start, end)
        Respiratory events, ns from the origin. Empty where none are known.
    stages : sequence of (start, end, stage)
        Sleep stages, ns from the origin. Empty where none are known.
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
        If the name is unknown. The message lists the known names.
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
