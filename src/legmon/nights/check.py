"""The fit check: reads the samples of the steps that the person did, evaluates them, and keeps the result."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from legmon.catalog.annotations import Annotations, Check
from legmon.catalog.store import Catalog
from legmon.errors import LegmonError
from legmon.messages import ProblemCode, problem_sentence
from legmon.movement import Leg
from legmon.night.fit import Part, Step, check_fit
from legmon.recording.files import RecordingError, read_segment
from legmon.recording.ordered import dense, read_ordered
from legmon.recording.records import Anchored, Meta, Samples
from legmon.timeline.clock import TimeMap

USUAL_CHECKS = 7
NOTHING_SENT = problem_sentence(ProblemCode.NOTHING_SENT)


class NoCheckError(LegmonError):
    """There is nothing to check yet. The message says what to do."""


@dataclass(frozen=True, slots=True)
class DoneStep:
    """One step of the check: its name, its start and end, and the times of its cues, ns UTC by the recording's clock."""

    step: Step
    start_ns: int
    end_ns: int
    cues_ns: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class CheckSamples:
    """The samples of a check so far, (n, 3) in g with NaN where one is missing, and when they were taken."""

    meta: Meta
    xyz: NDArray[np.float64]
    time: TimeMap

    def part(self, step: DoneStep) -> Part:
        """Return the samples of one step."""
        first, end = (self.time.index(t) for t in (step.start_ns, step.end_ns))
        samples = np.full((max(end - first, 0), 3), np.nan)
        a, b = max(first, 0), min(end, len(self.xyz))
        if b > a:
            samples[a - first : b - first] = self.xyz[a:b]
        cues = [self.time.index(t) - first for t in step.cues_ns]
        return Part(step.step, samples, [c for c in cues if 0 <= c < len(samples)])


def read_check(catalog: Catalog, leg: Leg) -> CheckSamples:
    """Read the samples that the sensor sent for the check.

    Raises
    ------
    NoCheckError
        If it has sent nothing.
    """
    try:
        records = list(read_segment(catalog.check_segment(leg)))
    except RecordingError as error:
        raise NoCheckError(NOTHING_SENT) from error
    metas = [number for number, r in enumerate(records) if isinstance(r, Meta)]
    if metas:  # a sensor that was changed begins anew; a description is repeated
        records = records[next(n for n in metas if records[n] == records[metas[-1]]) :]
    pieces = list(read_ordered(records))
    anchors = {r.first: r.anchor for r in records if isinstance(r, Anchored)}
    if not metas or not anchors or not any(isinstance(p, Samples) for p in pieces):
        raise NoCheckError(NOTHING_SENT)
    meta = records[0]
    assert isinstance(meta, Meta)  # noqa: S101
    return CheckSamples(meta, dense(pieces, meta.scale_ug), TimeMap(list(anchors.values())))


def fit_check(catalog: Catalog, annotations: Annotations, leg: Leg, steps: Sequence[DoneStep]) -> Check:
    """Evaluate the steps that were done, and keep the result."""
    samples = read_check(catalog, leg)
    earlier = [c.fit.toe_mg for c in annotations.checks(leg, most=USUAL_CHECKS) if c.fit.toe_mg]
    recorder = catalog.recorder()
    sensors = recorder.sensors if recorder else []
    measured = next((s.measured_rate_hz for s in sensors if s.leg == leg), None)
    fit = check_fit(
        [samples.part(s) for s in steps],
        declared_hz=samples.meta.declared_hz,
        measured_hz=measured,
        usual_mg=median(earlier) if earlier else None,
    )
    check = Check(leg, max(s.end_ns for s in steps), fit)
    annotations.add_check(check)
    return check
