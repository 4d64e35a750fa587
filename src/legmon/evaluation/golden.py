"""Evaluate the detector on simulated nights whose truth is known, with fixed thresholds on the same samples beside it."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.progress import Progress

from legmon.app.simulator import child_environment, firmware_sim, run_simulator
from legmon.app.temporary import temporary_folder
from legmon.detection.faults import Verdict, verdict
from legmon.errors import LegmonError
from legmon.evaluation.agreement import WIDENED_NS, Agreement, FalsePositive, agreement
from legmon.evaluation.picture import picture
from legmon.evaluation.thresholds import PUBLISHED, fixed_thresholds
from legmon.exchange.capture import Capture, read_capture
from legmon.messages import GapCause
from legmon.movement import NS, LegMovement
from legmon.night.leg import LegNight
from legmon.recording.ordered import dense, read_ordered, stretches
from legmon.recording.records import Gap, Meta, Samples
from legmon.scoring.score import scored_night
from legmon.terminal import console
from legmon.timeline.axis import SampleAxis

NOT_THE_LEG = {"bump", "vibration", "roll", "sway", "gasp", "partner", "pet"}
"""Kinds that come from outside. The sleeper did nothing, so they break no true series."""
AS_THE_RULES = {"jerk": "leg"}
"""A jerk is a movement of the leg. It is shorter than 0.5 s, so the rules leave it out and it breaks no series."""
VISIBLE_MG = 20.0
Span = tuple[int, int]
"""Onset and offset, ns."""


@dataclass(frozen=True, slots=True)
class EvaluationNight:
    """A night to evaluate.

    Parameters
    ----------
    name : str
        Its name in the table.
    scenario : Path or None
        The scenario file; None for a drawn night.
    seed : int or None
        Seed of the scenario to draw.
    picture : Path or None
        The SVG file for a picture of it; None for no picture.
    structure : str or None
        A structure that the drawn night shall have.
    without : tuple of str
        Structures that it shall not have.
    """

    name: str
    scenario: Path | None = None
    seed: int | None = None
    picture: Path | None = None
    structure: str | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of one detector in one or several nights, compared with the truth.

    Parameters
    ----------
    agreement : Agreement
        Of the movements.
    periodic, periodic_true : int
        How many periodic movements the rules see in the detections, and in the truth.
    periodic_false : int
        How many of the former lie 0.5 s or more from all of the latter.
    """

    agreement: Agreement
    periodic: int
    periodic_true: int
    periodic_false: int

    @property
    def periodic_error(self) -> float | None:
        """Error of the number of periodic movements, as a share of the true number; None if that is 0."""
        return (self.periodic - self.periodic_true) / self.periodic_true if self.periodic_true else None

    @property
    def f1(self) -> float:
        """F1, and 0 if it does not exist."""
        return self.agreement.f1 or 0.0


@dataclass(frozen=True, slots=True)
class NightEvaluation:
    """A night with the outcome of legmon's detector and of each of the fixed thresholds.

    Parameters
    ----------
    night : EvaluationNight
        The night.
    hours : float
        Its length.
    missing_s : float
        Length of its gaps, s.
    kinds : Counter
        How many truths of each kind there are; of leg movements only the visible ones count.
    gapped : int
        How many leg movements of visible strength have samples missing. The truth decides whether such a movement was
        visible.
    ours : Outcome
        Of legmon's detector.
    fixed : tuple of Outcome
        Of each of `PUBLISHED`.
    verdict : {"usable", "look", "poor"}
        What the quality check says of the night.
    chip : mapping of str to float
        Steps and noise of the simulated chip, mg: ``"step_mg"``, ``"noise_mg"``. Empty if the truth does not tell them.
    structures : tuple of str
        What a drawn night is like, in the simulator's words: ``"clonic"``, ``"sway"`` and others.
    """

    night: EvaluationNight
    hours: float
    missing_s: float
    kinds: Counter[str]
    gapped: int
    ours: Outcome
    fixed: tuple[Outcome, ...]
    verdict: Verdict
    chip: Mapping[str, float]
    structures: tuple[str, ...] = ()


def golden_nights(only: Sequence[str] | None) -> list[EvaluationNight]:
    """Return the simulator's golden nights, all or those named.

    Raises
    ------
    LegmonError
        If there is no golden night of that name.
    """
    lines = (line.partition("\t") for line in _simulator("golden").splitlines() if line)
    found = {name: EvaluationNight(name, Path(path)) for name, _, path in lines}
    for name in only or ():
        if name not in found:
            raise LegmonError(f"there is no golden night {name!r}; there are {', '.join(found)}")
    return [found[name] for name in only] if only else list(found.values())


def _simulator(*arguments: str) -> str:
    """Run the simulator's command line and return what it prints."""
    done = subprocess.run(
        [*firmware_sim(), *arguments], capture_output=True, text=True, env=child_environment(), check=False
    )
    if done.returncode:
        raise LegmonError(done.stderr.strip() or f"the simulator ended with status {done.returncode}")
    return done.stdout


def evaluate_all(
    nights: Sequence[EvaluationNight], workers: int, *, fixed: bool = True
) -> list[NightEvaluation]:
    """Evaluate several nights at a time: a process simulates each, and the detectors run outside Python's lock.

    Parameters
    ----------
    nights : sequence of EvaluationNight
        The nights.
    workers : int
        How many at a time.
    fixed : bool
        Whether to run the fixed thresholds too.
    """
    simulators: list[subprocess.Popen[str]] = []
    with (
        Progress(console=console(err=True), transient=True) as bar,
        ThreadPoolExecutor(workers) as pool,
    ):
        task = bar.add_task("Evaluating nights", total=len(nights))
        jobs = [
            pool.submit(_simulate_and_evaluate, night, simulators.append, fixed=fixed) for night in nights
        ]
        try:
            for job in as_completed(jobs):
                job.result()
                bar.advance(task)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for simulator in simulators:
                simulator.kill()
            raise
    return [job.result() for job in jobs]


def _simulate_and_evaluate(
    night: EvaluationNight, started: Callable[[subprocess.Popen[str]], None], *, fixed: bool
) -> NightEvaluation:
    with temporary_folder("golden") as folder:
        scenario, capture, structures = night.scenario, folder / "night.capture", ""
        if scenario is None:
            scenario = folder / "drawn.yaml"
            asked = ["--structure", night.structure] if night.structure else []
            asked += [part for name in night.without for part in ("--without", name)]
            structures = _simulator("draw", str(night.seed), "-o", str(scenario), *asked)
        run_simulator(["capture", str(scenario), "-o", str(capture)], started=started)
        truth = json.loads(capture.with_suffix(".truth.json").read_text(encoding="utf-8"))
        evaluated = evaluate(night, read_capture(capture), truth, fixed=fixed)
        return replace(evaluated, structures=tuple(structures.splitlines()))


def evaluate(
    night: EvaluationNight, capture: Capture, truth: dict[str, Any], *, fixed: bool = True
) -> NightEvaluation:
    """Compare what the detectors find in a capture with its truth.

    The time of a sample is its index over the true rate. An error of onset is then the detector's alone, without that of a
    clock fitted to arrivals.

    Parameters
    ----------
    night : EvaluationNight
        The night.
    capture : Capture
        What the simulated sensor sent.
    truth : dict
        What happened, as in ``truth.json``.
    fixed : bool
        Whether to run the fixed thresholds too.
    """
    rate, duration_s = float(truth["rate_hz"]), float(truth["duration_s"])
    meta = Meta(
        night=night.name,
        leg=capture.leg,
        sensor=capture.sensor,
        address="capture",
        declared_hz=float(capture.format.rate_hz),
        scale_ug=capture.format.scale_ug,
        range_g=capture.format.range_g,
        simulated=True,
    )
    leg = LegNight(meta)
    records = list(_records(capture, rate))
    for record in records:
        leg.feed(record)
    leg.finish()
    pieces = list(read_ordered(records))
    gaps = [(g.first / rate, g.end / rate) for g in leg.gaps]
    if leg.end + 1 < duration_s * rate:
        gaps.append((leg.end / rate, duration_s))

    seen = [m for m in truth["movements"] if m["visible"]]
    true = [
        LegMovement(
            round(m["onset_s"] * NS),
            round(m["offset_s"] * NS),
            m["leg"],
            AS_THE_RULES.get(m["kind"], m["kind"]),
        )
        for m in seen
        if m["kind"] not in NOT_THE_LEG
    ]
    true_periodic = _periodic(true, gaps, duration_s)

    def outcome(found: list[LegMovement]) -> Outcome:
        timed = [_on_true_clock(m, rate) for m in found]
        periodic = _periodic(timed, gaps, duration_s)
        compared = _with_faults(agreement(timed, truth["movements"]), truth.get("faults", []))
        return Outcome(compared, len(periodic), len(true_periodic), count_apart(periodic, true_periodic))

    if night.picture is not None:
        found = [_on_true_clock(m, rate) for m in leg.movements]
        picture(
            night.name,
            dense(pieces, capture.format.scale_ug),
            rate,
            truth["movements"],
            found,
            outcome(leg.movements).agreement,
            ([a for a, _ in true_periodic], [a for a, _ in _periodic(found, gaps, duration_s)]),
            night.picture,
        )

    arrays = [(first, xyz * (capture.format.scale_ug * 1e-6)) for first, xyz in stretches(pieces)]
    missing_s = sum(b - a for a, b in gaps)
    return NightEvaluation(
        night=night,
        hours=duration_s / 3600,
        missing_s=missing_s,
        kinds=Counter(m["kind"] for m in truth["movements"] if m["kind"] != "leg" or m["visible"]),
        gapped=sum(
            any(a < m["offset_s"] and b > m["onset_s"] for a, b in gaps)
            for m in truth["movements"]
            if m["kind"] == "leg" and m["peak_mg"] >= VISIBLE_MG
        ),
        ours=outcome(leg.movements),
        fixed=tuple(
            outcome(
                [
                    m
                    for first, x in arrays
                    for m in fixed_thresholds(x, capture.format.rate_hz, t, capture.leg, first=first)
                ]
            )
            for t in (PUBLISHED if fixed else ())
        ),
        verdict=verdict(leg.track().quality, duration_s - missing_s, duration_s),
        chip=truth.get("chip", {}),
    )


def _records(capture: Capture, rate_hz: float) -> Iterator[Samples | Gap]:
    """Yield a capture's frames as the records that a recorder writes, with a gap record where samples are missing."""
    axis = SampleAxis()
    sensor_start_us: float | None = None
    for at_us, frame in capture.frames():
        if sensor_start_us is None:
            sensor_start_us = frame.t_us - frame.first * 1e6 / rate_hz
        before = axis.next
        if frame.stream != axis.stream:
            starts = round((frame.t_us - sensor_start_us) * 1e-6 * rate_hz)
            axis.skip(starts)
            axis.begin(frame.stream, frame.first, axis.next)
        pieces = axis.place(frame.stream, frame.first, len(frame.xyz), GapCause.NOT_SENT.value)
        axis.give_up(0, axis.next)
        for p in pieces:
            if p.first > before:
                yield Gap(before, p.first - before, GapCause.NOT_SENT.value)
            yield Samples(p.first, at_us * 1000, frame.t_us, frame.xyz[p.skip : p.skip + p.count])


def _on_true_clock(m: LegMovement, rate_hz: float) -> LegMovement:
    assert m.first is not None  # noqa: S101
    assert m.end is not None  # noqa: S101
    return replace(m, onset_ns=round(m.first * NS / rate_hz), offset_ns=round(m.end * NS / rate_hz))


def _with_faults(a: Agreement, faults: Sequence[tuple[float, float, str]]) -> Agreement:
    """Assign false positives outside any truth to a failing chip, where they begin while it fails."""
    named = [
        FalsePositive(f.found, next((k for a, b, k in faults if a <= f.found.onset_ns / NS < b), None))
        if f.inside is None
        else f
        for f in a.false_positives
    ]
    return replace(a, false_positives=tuple(named))


def _periodic(movements: list[LegMovement], gaps: list[tuple[float, float]], duration_s: float) -> list[Span]:
    """Return the periodic movements."""
    spans = [(round(a * NS), round(b * NS)) for a, b in gaps]
    scored = scored_night(movements, spans, round(duration_s * NS))
    return [(p.onset_ns, p.offset_ns) for s in scored.movements if s.periodic for p in s.movement.parts]


def count_apart(found: Iterable[Span], true: Sequence[Span]) -> int:
    """Return how many of the found movements lie 0.5 s or more from every true one: those that are false.

    Examples
    --------
    >>> from legmon.evaluation.golden import count_apart
    >>> count_apart([(0, 10**9), (3 * 10**9, 4 * 10**9)], [(1_499_999_999, 2 * 10**9)])
    1
    """
    return sum(
        all(offset + WIDENED_NS <= a or b + WIDENED_NS <= onset for a, b in true) for onset, offset in found
    )
