"""The fit check: reads what the sensor sent while its wearer did the steps, judges it, and keeps the result."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from legmon.catalog.annotations import Annotations, Check
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.movement import Leg
from legmon.night.fit import Part, Step, check_fit
from legmon.recording.records import Anchored, Gap, Meta, Samples
from legmon.recording.segment import RecordingError, read_segment
from legmon.timeline.clock import Anchor, TimeMap

USUAL_CHECKS = 7


class NoCheckError(LegmonError):
    """There is nothing to check yet; says what to do."""


@dataclass(frozen=True, slots=True)
class DoneStep:
    """One step that was done: which, from when to when, and when its cues came, ns UTC by the recording's clock."""

    step: Step
    start_ns: int
    end_ns: int
    cues_ns: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """A check's samples so far, g, and when they were taken."""

    meta: Meta
    xyz: NDArray[np.float64]
    time: TimeMap

    def part(self, step: DoneStep) -> Part:
        """Cut out one step."""
        first, end = (self.time.index(t) for t in (step.start_ns, step.end_ns))
        cut = np.full((max(end - first, 0), 3), np.nan)
        a, b = max(first, 0), min(end, len(self.xyz))
        if b > a:
            cut[a - first : b - first] = self.xyz[a:b]
        cues = [self.time.index(t) - first for t in step.cues_ns]
        return Part(step.step, cut, [c for c in cues if 0 <= c < len(cut)])


def read_check(catalog: Catalog, leg: Leg) -> Stretch:
    """Read what the sensor sent for the check.

    Raises
    ------
    NoCheckError
        If it has sent nothing.
    """
    meta: Meta | None = None
    parts: list[Samples] = []
    anchors: dict[int, Anchor] = {}
    end = 0
    try:
        for r in read_segment(catalog.check_segment(leg)):
            if isinstance(r, Meta):
                meta, parts, anchors, end = r, [], {}, 0
            elif isinstance(r, Samples):
                parts.append(r)
                end = max(end, r.end)
            elif isinstance(r, Gap):
                end = max(end, r.first + r.count)
            elif isinstance(r, Anchored):
                anchors[r.first] = r.anchor
    except RecordingError as error:
        raise NoCheckError("The sensor has sent nothing for a check yet; wait until it streams.") from error
    if meta is None or not parts or not anchors:
        raise NoCheckError("The sensor has sent nothing for a check yet; wait until it streams.")
    xyz = np.full((end, 3), np.nan)
    for p in parts:
        xyz[p.first : p.end] = p.xyz * (meta.scale_ug * 1e-6)
    return Stretch(meta, xyz, TimeMap(list(anchors.values())))


def fit_check(catalog: Catalog, annotations: Annotations, leg: Leg, steps: Sequence[DoneStep]) -> Check:
    """Judge the steps that were done, and keep the result."""
    found = read_check(catalog, leg)
    earlier = [c.fit.toe_mg for c in annotations.checks(leg, most=USUAL_CHECKS) if c.fit.toe_mg]
    recorder = catalog.recorder()
    sensors = recorder.sensors if recorder else []
    measured = next((s.measured_rate_hz for s in sensors if s.leg == leg), None)
    fit = check_fit(
        [found.part(s) for s in steps],
        declared_hz=found.meta.declared_hz,
        measured_hz=measured,
        usual_mg=median(earlier) if earlier else None,
    )
    check = Check(leg, max(s.end_ns for s in steps), fit)
    annotations.add_check(check)
    return check
