"""Checks the two generators of nights on which the detector was tuned: every kind draws, and the truth is true."""

from __future__ import annotations

import ast
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.sleepers import chain, night, pieces
from benchmarks.sleepers.chain.bed import drawn_bed
from benchmarks.sleepers.chain.person import draw_person
from benchmarks.sleepers.chain.plan import draw_plan
from benchmarks.sleepers.night import Movement, Night
from benchmarks.sleepers.pieces.agenda import draw_agenda
from benchmarks.sleepers.pieces.generator import draw_person_of

HOURS = 0.35
MEASURED_EVERY_S = 0.002
"""The chain measures its truth on a grid of 500 Hz."""
GENERATORS = [pytest.param(chain, id="chain"), pytest.param(pieces, id="pieces")]
WHOLE_NIGHTS = [
    *(pytest.param(chain, kind, id=f"chain-{kind}") for kind in ("dense", "foot")),
    *(pytest.param(pieces, kind, id=f"pieces-{kind}") for kind in pieces.KINDS),
]
"""A night of the chain costs more, because its muscles are simulated."""


@cache
def drawn(generator: ModuleType, kind: str) -> Night:
    n = generator.night(kind, 7, HOURS)
    assert isinstance(n, Night)
    return n


def gone(signal: NDArray[np.float64], rest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far a signal is from a rest, in mg."""
    return np.asarray(1000 * np.linalg.norm(signal - rest, axis=-1))


@pytest.mark.parametrize(("generator", "kind"), WHOLE_NIGHTS)
def test_a_night_is_whole(generator: ModuleType, kind: str) -> None:
    n = drawn(generator, kind)
    assert n.kind == kind
    assert n.xyz_g.shape == n.leg_g.shape == (int(HOURS * 3600 * n.rate_hz), 3)
    assert np.isfinite(n.xyz_g).all()
    assert np.isfinite(n.leg_g).all()
    assert np.abs(n.xyz_g).max() <= n.range_g
    assert np.median(np.linalg.norm(n.xyz_g - n.leg_g, axis=1)) < 0.12, "the sensor feels this leg"
    assert any(m["kind"] == "leg" and m["visible"] for m in n.movements)
    assert {m["kind"] for m in n.movements} <= {"leg", "long", "posture", "tremor", "locomotion"}
    assert n.others == sorted(n.others, key=lambda other: other["onset_s"])


@pytest.mark.parametrize("kind", chain.KINDS)
def test_every_kind_of_the_chain_has_a_plan_and_a_bed(kind: str) -> None:
    rng = np.random.default_rng(7)
    person = draw_person(rng, kind)
    plan = draw_plan(rng, person, kind, 0.5)
    assert plan == sorted(plan, key=lambda planned: planned.at_s)
    assert sum(planned.what == "leg" for planned in plan) > 1
    bed = drawn_bed(rng, person, 0.5)
    assert np.isfinite(bed.signal).all()
    assert bool(bed.others) == bool(np.abs(bed.signal).max() > 0)


def test_kinds_without_series_have_none() -> None:
    for kind in chain.KINDS:
        series = {draw_person(np.random.default_rng(seed), kind).series for seed in range(20)}
        assert series == (
            {False} if kind in chain.WITHOUT_SERIES else {True, False} if kind == "partner" else {True}
        )
    for kind in pieces.KINDS:
        rng = np.random.default_rng(7)
        items = draw_agenda(rng, draw_person_of(rng, kind), 3600)
        assert any(item.what == "leg" for item in items) != (kind in pieces.WITHOUT_SERIES)


@pytest.mark.parametrize("generator", GENERATORS)
def test_the_same_seed_draws_the_same_night(generator: ModuleType) -> None:
    first, again = drawn(generator, "dense"), generator.night("dense", 7, HOURS)
    assert first.xyz_g.tobytes() == again.xyz_g.tobytes()
    assert (first.movements, first.others) == (again.movements, again.others)
    assert generator.night("dense", 8, HOURS).movements != first.movements


@pytest.mark.parametrize("generator", GENERATORS)
def test_an_unknown_kind_is_refused(generator: ModuleType) -> None:
    with pytest.raises(KeyError, match="quiet"):
        generator.night("quiet", 1)


@pytest.mark.parametrize(("generator", "kind"), WHOLE_NIGHTS)
def test_truths_do_not_overlap(generator: ModuleType, kind: str) -> None:
    movements = drawn(generator, kind).movements
    assert all(0 < m["onset_s"] < m["offset_s"] < HOURS * 3600 for m in movements)
    assert all(b["onset_s"] - a["offset_s"] >= 0.5 for a, b in pairwise(movements))
    assert all(m["offset_s"] - m["onset_s"] <= 10 for m in movements if m["kind"] == "leg")


def still(n: Night, start: int, step: int) -> int | None:
    """Return the sample from `start` on, forwards or backwards, with 0.2 s without motion behind it."""
    samples = int(0.2 * n.rate_hz)
    for i in range(start, start + step * int(2.5 * n.rate_hz), step):
        a, b = sorted((i, i + step * samples))
        if a < 0 or b >= len(n.leg_g):
            return None
        if gone(n.leg_g[a + 1 : b + 1], n.leg_g[a:b]).max() < 1 / n.rate_hz:
            return i
    return None


def follows_the_yardstick(n: Night, m: Movement, between_samples: float) -> bool:
    """Check one truth on the noise-free leg, and return whether its rests could be found.

    The chain is measured between its samples, too, where the peak may be larger by a factor.
    """
    onset = int(np.ceil((m["onset_s"] - MEASURED_EVERY_S) * n.rate_hz))
    offset = int(np.ceil(m["offset_s"] * n.rate_hz - 1e-6))
    before, behind = still(n, onset - 1, -1), still(n, offset, 1)
    if before is None or behind is None:
        return False
    first, last = n.leg_g[before], n.leg_g[behind]
    away, left = gone(n.leg_g[before:behind], first), gone(n.leg_g[before:behind], last)
    a, b = onset - before, offset - before
    assert away[:a].max(initial=0.0) < 5.3
    assert away[a : a + 3].max() > 4.7
    assert left[b - 3 : b].max() > 4.7
    assert left[b:].max(initial=0.0) < 5.3
    assert away.max() - 0.5 < m["peak_mg"] < between_samples * away.max() + 0.5
    assert m["visible"] == (m["peak_mg"] >= 20)
    return True


@pytest.mark.parametrize(
    ("generator", "kind"),
    [
        (chain, "dense"),
        (chain, "foot"),
        (pieces, "dense"),
        (pieces, "inexact"),
        (pieces, "tonic"),
        (pieces, "ankle"),
    ],
    ids=lambda value: value.__name__.rsplit(".", 1)[-1] if isinstance(value, ModuleType) else value,
)
def test_the_truth_follows_the_yardstick(generator: ModuleType, kind: str) -> None:
    """Find the rests of the noise-free signal anew; where the leg still creeps there are none."""
    n = drawn(generator, kind)
    factor = 1.5 if generator is chain else 1.0
    checked = [follows_the_yardstick(n, m, factor) for m in n.movements]
    assert sum(checked) > 10
    assert sum(checked) > 0.5 * len(checked)


def test_they_know_nothing_of_the_detector_and_of_each_other() -> None:
    folder = Path(night.__file__).parent
    allowed = {"__future__", "collections", "dataclasses", "itertools", "typing", "zlib", "numpy"}
    for path in folder.rglob("*.py"):
        own = ["benchmarks.sleepers.night", f"benchmarks.sleepers.{path.parent.name}."]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, path
            elif isinstance(node, ast.ImportFrom):
                module = node.module or ""
                assert module.split(".")[0] in allowed or any(module.startswith(o) for o in own), path
