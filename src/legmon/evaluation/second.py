"""Evaluate the detector on nights of the second sleeper, whose legs, beds and chips nothing was tuned on."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

from rich.progress import Progress

from legmon.detection.detector import Detector
from legmon.detection.faults import Verdict, verdict
from legmon.evaluation.agreement import agreement
from legmon.evaluation.golden import Outcome, Span, count_apart
from legmon.evaluation.second_sleeper import KINDS, SecondNight, draw_night
from legmon.movement import NS, LegMovement
from legmon.scoring.score import score
from legmon.terminal import console

FOREIGN: Final = frozenset({"bump", "vibration"})
"""What the sleeper does not do. It breaks no series."""
HOURS: Final = 4.0
FIRST_SEED: Final = 1


@dataclass(frozen=True, slots=True)
class SecondEvaluation:
    """A night of the second sleeper with the outcome of the detector.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    seed : int
        The night's seed.
    hours : float
        Its length.
    ours : Outcome
        Of the detector.
    verdict : {"usable", "look", "poor"}
        What the quality check says of the night.
    """

    kind: str
    seed: int
    hours: float
    ours: Outcome
    verdict: Verdict


def evaluate_second(kind: str, seed: int, hours: float = HOURS) -> SecondEvaluation:
    """Draw a night, detect, and compare with the truth."""
    return judge(draw_night(seed, kind=kind, hours=hours), kind, seed)


def judge(night: SecondNight, kind: str, seed: int) -> SecondEvaluation:
    """Detect, and compare with the truth."""
    detector = Detector(night.rate_hz, "left")
    found = detector.feed(night.xyz) + detector.finish()
    duration_s = len(night.xyz) / night.rate_hz
    true, periodic = (periodic_spans(m, duration_s) for m in (true_movements(night), found))
    unseen_s = sum(u.count for u in detector.unseen) / night.rate_hz
    return SecondEvaluation(
        kind,
        seed,
        duration_s / 3600,
        Outcome(
            agreement(found, [m.to_dict() for m in night.truth]),
            len(periodic),
            len(true),
            count_apart(periodic, true),
        ),
        verdict(detector.quality(), duration_s - unseen_s, duration_s),
    )


def true_movements(night: SecondNight) -> list[LegMovement]:
    """Return what a perfect detector finds: visible leg movements, and the sleeper's other movements."""
    return [
        LegMovement(round(m.onset_s * NS), round(m.offset_s * NS), "left", m.kind)
        for m in night.truth
        if m.visible and m.kind not in FOREIGN
    ]


def periodic_spans(movements: Iterable[LegMovement], duration_s: float) -> list[Span]:
    """Return onset and offset of the movements that WASM 2016 calls periodic."""
    scored = score(movements, duration_s=duration_s)
    return [(m.movement.onset, m.movement.offset) for m in scored.movements if m.periodic]


def by_kind(nights: Sequence[SecondEvaluation]) -> dict[str, list[SecondEvaluation]]:
    """Return the nights of each kind, in the order of `KINDS`."""
    groups = {kind: [n for n in nights if n.kind == kind] for kind in KINDS}
    return {kind: members for kind, members in groups.items() if members}


def evaluate_kinds(
    count: int,
    workers: int,
    *,
    kinds: Sequence[str] = KINDS,
    first_seed: int = FIRST_SEED,
    hours: float = HOURS,
) -> list[SecondEvaluation]:
    """Evaluate so many nights of each kind, several at a time, each in a process of its own.

    Parameters
    ----------
    count : int
        Nights of each kind.
    workers : int
        How many at a time.
    kinds : sequence of str
        Which of `KINDS`.
    first_seed : int
        Seed of the first night of each kind; the others follow.
    hours : float
        Length of each night.
    """
    seeds = range(first_seed, first_seed + count)
    with (
        Progress(console=console(err=True), transient=True) as bar,
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool,
    ):
        task = bar.add_task("Evaluating nights of the second sleeper", total=count * len(kinds))
        jobs = [pool.submit(evaluate_second, kind, seed, hours) for kind in kinds for seed in seeds]
        try:
            for job in as_completed(jobs):
                job.result()
                bar.advance(task)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [job.result() for job in jobs]
