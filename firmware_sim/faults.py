"""Failures of the chip, applied to its 16-bit samples.

``stuck`` repeats one sample. ``clip`` amplifies eightfold, so that whatever exceeds an eighth of the range is at the rail.
``spikes`` moves one sample in a hundred to a rail. ``dead_axis`` is 0 on one axis.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from firmware_sim.streams import stream
from firmware_sim.vocabulary import Scenario

Samples = NDArray[np.int16]

_SPIKES = 0.01
_AMPLIFIED = 8


class Faults:
    """The faults of a scenario, at one true rate."""

    def __init__(self, scenario: Scenario, rate_hz: float) -> None:
        self._seed = scenario.seed
        self._faults = [
            (
                fault.kind,
                int(np.ceil(fault.at_s * rate_hz)),
                int(np.ceil((fault.at_s + fault.for_s) * rate_hz)),
                int(stream(scenario.seed, "fault", number).integers(3)),
            )
            for number, fault in enumerate(scenario.faults)
        ]

    def apply(self, samples: Samples, first: int, right: Callable[[int], Samples]) -> Samples:
        """Apply the faults to `samples`, which begin at sample `first` of the night.

        `right` returns one sample without faults.
        """
        for number, (kind, begin, end, axis) in enumerate(self._faults):
            low, high = max(begin - first, 0), min(end - first, len(samples))
            if low >= high:
                continue
            part = samples[low:high]
            if kind == "stuck":
                part[:] = right(begin)
            elif kind == "clip":
                part[:] = np.clip(part.astype(np.int64) * _AMPLIFIED, -32768, 32767)
            elif kind == "dead_axis":
                part[:, axis] = 0
            else:
                draws = stream(self._seed, "spikes", number, first).random((len(samples), 2))[low:high]
                hit = draws[:, 0] < _SPIKES
                part[hit, axis] = np.where(draws[hit, 1] < 0.5, -32768, 32767)
        return samples
