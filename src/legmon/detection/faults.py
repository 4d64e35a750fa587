"""What can be wrong with a sensor's signal: a closed list, one code, one sentence of cause and advice each."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal


class Fault(StrEnum):
    """Codes, as they stand in answers and the catalog."""

    STUCK = "stuck"
    DEAD_AXIS = "dead_axis"
    CLIPPED = "clipped"
    SPIKE = "spike"
    SCALE = "scale"
    NOISY = "noisy"


SENTENCES: Final[dict[Fault, str]] = {
    Fault.STUCK: "The sensor repeated one value, which no worn sensor does; restart it, and replace it if this comes back.",
    Fault.DEAD_AXIS: "One axis of the sensor did not move while the others did; the chip is failing, so replace the sensor.",
    Fault.CLIPPED: "The signal was at the end of the sensor's range; set a larger range, and check that the strap sits tight.",
    Fault.SPIKE: "Single samples jumped faster than a leg can and were left out; charge the battery, look for a loose contact.",
    Fault.SCALE: "Gravity reads more than 3 % from 1 g at rest; calibrate the sensor, since amplitudes are wrong by as much.",
    Fault.NOISY: "The signal is too poor: it shakes too much at rest to show small movements; keep it from what vibrates.",
}

Verdict = Literal["usable", "look", "poor"]
CAUSES: Final = {f"sensor_{code}": code for code in (Fault.STUCK, Fault.DEAD_AXIS, Fault.CLIPPED)}
"""Causes of holes in a night that are faults of the sensor."""


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
        """Cause and advice."""
        return SENTENCES[self.code]


def verdict(findings: Iterable[Finding], analysed: float, duration: float) -> Verdict:
    """Whether a night can be read: as it is, with a look at what is named, or not at all."""
    named = list(findings)
    if any(f.code == Fault.NOISY for f in named) or analysed < 0.5 * duration:
        return "poor"
    return "look" if named else "usable"


def cause_sentence(cause: str) -> str | None:
    """Say why samples were not used, where `cause` is a fault of the sensor."""
    return SENTENCES[CAUSES[cause]] if cause in CAUSES else None
