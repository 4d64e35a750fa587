"""Checks the second sleeper: its truth against the yardstick's definition, its statistics, its chip."""

from __future__ import annotations

import ast
import math
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import legmon.evaluation.second_sleeper as second
from legmon.evaluation.second_sleeper import KINDS, WITHOUT_SERIES, SecondNight, TrueMovement, draw_night
from legmon.evaluation.second_sleeper.bed import Bed
from legmon.evaluation.second_sleeper.plan import plan
from legmon.evaluation.second_sleeper.structure import draw_structure

FOREIGN = {"bump", "vibration"}
SERIES = [k for k in KINDS if k not in WITHOUT_SERIES]


@cache
def night(kind: str, seed: int = 1, hours: float = 0.25) -> SecondNight:
    return draw_night(seed, kind=kind, hours=hours)


def own(n: SecondNight) -> list[TrueMovement]:
    return [m for m in n.truth if m.kind not in FOREIGN]


def gone(signal: NDArray[np.float64], value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1000 * np.linalg.norm(signal - value, axis=-1))


def test_the_same_seed_draws_the_same_bytes() -> None:
    for kind in ("mixed", "loose_strap"):
        a, b = draw_night(7, kind=kind, hours=0.3), draw_night(7, kind=kind, hours=0.3)
        assert a.xyz.tobytes() == b.xyz.tobytes()
        assert (a.truth, a.structure) == (b.truth, b.structure)
        assert draw_night(8, kind=kind, hours=0.3).xyz.tobytes() != a.xyz.tobytes()


def test_it_knows_nothing_of_the_first_sleeper_and_of_the_detector() -> None:
    folder = Path(second.__file__).parent
    found = {
        name
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        if name.split(".")[0]
        not in {"dataclasses", "typing", "collections", "math", "bisect", "zlib", "numpy"}
    }
    assert all(n.startswith("legmon.evaluation.second_sleeper") for n in found), found


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn(kind: str) -> None:
    n = night(kind)
    assert n.structure["kind"] == kind
    assert n.xyz.shape == n.leg_g.shape == n.bed_g.shape == (45000, 3)
    assert np.isfinite(n.xyz).all()
    assert {"posture", "locomotion"} <= {m.kind for m in n.truth}
    assert n.truth == sorted(n.truth, key=lambda m: (m.onset_s, m.offset_s))
    assert all(0 < m.onset_s < m.offset_s < 900 for m in n.truth)
    assert any(m.kind == "leg" and m.visible for m in n.truth) == (kind in SERIES) or kind in WITHOUT_SERIES


def test_a_night_without_a_kind_is_mixed() -> None:
    assert draw_night(1, hours=0.25).structure["kind"] == "mixed"


def test_an_unknown_kind_and_a_short_night_are_refused() -> None:
    with pytest.raises(ValueError, match="is no kind of night; choose one of plain"):
        draw_night(1, kind="quiet")
    with pytest.raises(ValueError, match="too short"):
        draw_night(1, hours=0.1)


@pytest.mark.parametrize("kind", ["plain", "dense", "inexact", "tonic", "small", "foot", "loose_strap"])
def test_the_truth_follows_the_yardstick(kind: str) -> None:
    """Find the rests of the noise-free signal anew, and from them onset, offset and visibility."""
    n = night(kind, 3, 0.5)
    movements = own(n)
    size = np.empty(len(n.leg_g))
    size[0], size[1:] = 0, gone(n.leg_g[1:], n.leg_g[:-1])
    rest_ends = [0.0, *(m.offset_s for m in movements[:-1])]
    checked = 0
    for m, before in zip(movements, rest_ends, strict=True):
        a, b = round(m.onset_s * 50), round(m.offset_s * 50)
        assert m.onset_s > before, "the sleeper does one thing at a time"
        # the last 0.2 s in which nothing moves, before the onset; the first ones after the offset
        still = a
        while size[still - 9 : still + 1].max() > 0.02 and still > a - 100:
            still -= 1
        settled = b
        while settled + 15 < len(size) and size[settled : settled + 15].max() > 0.02 and settled < b + 200:
            settled += 1
        rest, stays = (
            n.leg_g[still - 9 : still + 1].mean(axis=0),
            n.leg_g[settled : settled + 10].mean(axis=0),
        )
        away = gone(n.leg_g[still : settled + 10], rest)
        if away.max() < 5.3 or m.peak_mg < 5 or size[still - 9 : still + 1].max() > 0.02:
            assert not m.visible or kind == "loose_strap"
            continue
        checked += 1
        assert away[a - still] >= 4.7
        assert away[: a - still].max(initial=0.0) < 5.3
        assert m.visible == (away.max() >= 20) or abs(away.max() - 20) < 0.2
        assert m.peak_mg == pytest.approx(away.max(), abs=0.3)
        if kind != "loose_strap" and size[settled : settled + 15].max() <= 0.02:
            assert gone(n.leg_g[b - 1], stays) >= 4.7
            assert gone(n.leg_g[b : settled + 10], stays).max() < 5.3
    assert checked > 12


def test_two_visible_truths_are_at_least_half_a_second_apart() -> None:
    for kind in ("dense", "loose_strap"):
        legs = [m for m in night(kind, 3).truth if m.kind == "leg" and m.visible]
        assert all(b.onset_s - a.offset_s >= 0.5 for a, b in pairwise(legs))


def test_what_rests_feels_one_g() -> None:
    for kind in ("plain", "foot", "inexact"):
        n = night(kind)
        rests = np.ones(len(n.leg_g), bool)
        for m in own(n):
            rests[max(0, round((m.onset_s - 1.0) * 50)) : round((m.offset_s + 5.0) * 50)] = False
        assert rests.sum() > 1000
        assert np.linalg.norm(n.leg_g[rests], axis=1) == pytest.approx(1.0, abs=0.004)
        assert np.median(np.abs(np.linalg.norm(n.leg_g[rests], axis=1) - 1)) < 1e-9


def test_the_chip_has_steps_and_limits() -> None:
    for seed in (1, 2, 3):
        n = night("coarse_chip", seed)
        step = n.structure["step_mg"] / 1000
        assert step in {0.00390625, 0.0078125, 0.015625}
        assert np.abs(n.xyz / step - np.round(n.xyz / step)).max() < 1e-9
        assert np.abs(n.xyz).max() <= n.structure["range_g"]
    noisy = night("noisy_chip")
    quiet = noisy.xyz[600:900] - noisy.leg_g[600:900] - noisy.bed_g[600:900]
    assert 2.2 < 1000 * quiet.std(axis=0).mean() < 6


def four_in_a_row(onsets: list[float]) -> bool:
    """Whether four onsets follow each other within 90 s each, as in a series of WASM 2016."""
    near = np.diff(onsets) <= 90
    return bool((near[:-2] & near[1:-1] & near[2:]).any())


@pytest.mark.parametrize("kind", WITHOUT_SERIES)
def test_kinds_without_series_have_no_periodic_truth(kind: str) -> None:
    n = night(kind, 2, 0.5)
    assert not n.structure["series"]
    assert all(m.series is None for m in n.truth)
    assert not four_in_a_row([m.onset_s for m in n.truth if m.kind == "leg"])


@pytest.mark.parametrize("kind", WITHOUT_SERIES)
def test_no_whole_night_without_series_has_four_leg_movements_in_a_row(kind: str) -> None:
    for seed in range(20):
        rng = np.random.Generator(np.random.PCG64(seed))
        planned = plan(rng, draw_structure(rng, kind), 8)
        assert not four_in_a_row([p.at_s for p in planned if p.what in {"leg", "jerk"}])
        assert all(a.at_s + a.slot_s < b.at_s for a, b in pairwise(planned))


def intervals(kind: str) -> NDArray[np.float64]:
    """Return logarithms of the intervals within series, each against its night's median."""
    found = []
    for seed in range(2):
        n = draw_night(seed, kind=kind, hours=1.5)
        series: dict[int, list[float]] = {}
        for m in n.truth:
            if m.series is not None:
                series.setdefault(m.series, []).append(m.onset_s)
        gaps = np.concatenate([np.diff(s) for s in series.values()])
        found.append(np.log(gaps) - math.log(n.structure["interval_s"]))
        longest = 15 if kind == "dense" else 30
        assert (8 if kind == "dense" else 14) <= n.structure["interval_s"] <= longest
    return np.concatenate(found)


@pytest.mark.parametrize("kind", ["plain", "dense"])
def test_intervals_have_the_statistics_asked_for(kind: str) -> None:
    """Most of them: where a large movement takes the place of one, the interval is two."""
    logs = intervals(kind)
    assert len(logs) > 60
    assert abs(np.median(logs)) < 0.15
    quarter = np.percentile(logs, [25, 75])
    assert 0.18 < (quarter[1] - quarter[0]) / 1.349 < 0.5


def test_structures_differ_where_they_should() -> None:
    def legs(kind: str) -> list[TrueMovement]:
        return [
            m for seed in (1, 2) for m in night(kind, seed, 0.5).truth if m.series is not None and m.visible
        ]

    assert all(20 <= m.peak_mg < 48 for m in legs("small"))
    assert np.median([m.peak_mg for m in legs("ankle_only")]) < np.median([m.peak_mg for m in legs("plain")])
    assert np.median([m.offset_s - m.onset_s for m in legs("tonic")]) > np.median(
        [m.offset_s - m.onset_s for m in legs("dense")]
    )
    rng = np.random.Generator(np.random.PCG64(1))
    assert draw_structure(rng, "clonic").beat_depth[1] >= 0.3
    assert draw_structure(rng, "inexact").residual_deg >= 0.3
    assert draw_structure(rng, "loose_strap").strap_hz >= 5
    assert night("partner").structure["partner"] == "periodic"


def test_a_bed_swings_about_the_place_where_it_rests() -> None:
    """Whatever pushes it without lying down on it: the acceleration has no mean."""
    structure = draw_structure(np.random.Generator(np.random.PCG64(1)), "pet")
    bed = Bed(np.random.Generator(np.random.PCG64(2)), structure, 3600, 100)
    assert len(bed.disturbances) >= 5
    for d in bed.disturbances:
        assert np.linalg.norm(d.pushed.mean(axis=0)) < 0.02 * np.sqrt((d.pushed**2).sum(axis=1).max())
        assert np.abs(d.pushed[-1]).max() < 0.001
