"""Faults of a sensor's signal, and whether a night is usable in spite of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from legmon.messages import FAULT_SENTENCES, Fault

Verdict = Literal["usable", "look", "poor"]


@dataclass(frozen=True, slots=True)
class Unseen:
    """Samples of a failing sensor, which show nothing of the leg."""

    first: int
    count: int
    fault: Fault

    @property
    def cause(self) -> str:
        """The cause of the gap that these samples become."""
        return f"sensor_{self.fault}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault and how many seconds of the recording it affects. A wrong scale affects the whole of it."""

    code: Fault
    seconds: float

    @property
    def sentence(self) -> str:
        """The cause and what to do."""
        return FAULT_SENTENCES[self.code]


def verdict(findings: Iterable[Finding], analysed: float, duration: float) -> Verdict:
    """Return whether a night is usable, needs a look at its findings, or is too poor to use."""
    named = list(findings)
    if any(f.code in {Fault.NOISY, Fault.TOO_COARSE} for f in named) or analysed < 0.5 * duration:
        return "poor"
    return "look" if named else "usable"
