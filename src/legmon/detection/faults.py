"""What was found wrong with a sensor's signal, and whether a night can be read all the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from legmon.messages import FAULT_SENTENCES, Fault

Verdict = Literal["usable", "look", "poor"]


@dataclass(frozen=True, slots=True)
class Unseen:
    """Samples that say nothing of the leg."""

    first: int
    count: int
    fault: Fault

    @property
    def cause(self) -> str:
        """What a night's hole of this kind says."""
        return f"sensor_{self.fault}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault and how many seconds of the recording it touches; the whole of it for a wrong scale."""

    code: Fault
    seconds: float

    @property
    def sentence(self) -> str:
        """GapCause and advice."""
        return FAULT_SENTENCES[self.code]


def verdict(findings: Iterable[Finding], analysed: float, duration: float) -> Verdict:
    """Whether a night can be read: as it is, with a look at what is named, or not at all."""
    named = list(findings)
    if any(f.code == Fault.NOISY for f in named) or analysed < 0.5 * duration:
        return "poor"
    return "look" if named else "usable"
