"""The range of the periodic count: drawn from errors on simulated nights, scored again, and only where those errors are known."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.plausible_profiles import Night, Table, profile_of
from legmon import LegMovement, Scored
from legmon.detection.detector import DETECTOR, detect
from legmon.movement import NS
from legmon.scoring import plausible_profiles
from legmon.scoring.plausible import (
    ErrorProfile,
    drawn_truth,
    nearest,
    plausible_counts,
    plausible_range,
    read_profiles,
    size_class,
    written,
)
from legmon.scoring.score import scored_night
from tests.test_detection import RATE, SIGNAL

HOUR = 3600 * NS
NOTHING = ErrorProfile(0.9, (0.0, 0.0, 0.0), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
PROFILES = read_profiles(plausible_profiles.PROFILES)


def leg(at_s: float, kind: str = "leg", *, confidence: float = 0.9, peak_mg: float = 60.0) -> LegMovement:
    return LegMovement(round(at_s * NS), round((at_s + 2) * NS), "left", kind, peak_mg, confidence=confidence)


SERIES = [leg(100 + 25 * n) for n in range(40)]


def drawn(profile: ErrorProfile, found: list[LegMovement], seed: int = 0) -> list[LegMovement]:
    return drawn_truth(found, profile, 0, HOUR, np.random.default_rng(seed))


def counts(
    profile: ErrorProfile, found: list[LegMovement], gaps: list[tuple[int, int]] | None = None
) -> list[int]:
    return plausible_counts(found, gaps or [], 0, HOUR, dict.fromkeys(range(40), profile))


def test_a_profile_without_errors_changes_nothing() -> None:
    assert drawn(NOTHING, SERIES) == SERIES
    assert set(counts(NOTHING, SERIES)) == {40}


def test_the_same_arguments_return_the_same_counts() -> None:
    profile = replace(
        NOTHING, missed=(0.1, 0.1, 0.1), missed_periodic=0.5, false_share=0.1, false_per_hour=4.0
    )
    assert counts(profile, SERIES) == counts(profile, SERIES)
    assert len(set(counts(profile, SERIES))) > 5


def test_a_missed_movement_closes_a_broken_series() -> None:
    found = [leg(100 + 50 * n) for n in range(7) if n != 3]
    assert set(counts(NOTHING, found)) == {0}
    missed = replace(NOTHING, missed=(0.3, 0.3, 0.3))
    closed, rarely = (
        sum(n >= 7 for n in counts(replace(missed, missed_periodic=p), found)) for p in (1.0, 0.0)
    )
    assert closed > 3 * rarely
    assert closed >= 5


def test_false_movements_are_taken_out_and_the_least_sure_go_first() -> None:
    found = [leg(100 + 25 * n, confidence=0.999 if n < 30 else 0.2) for n in range(40)]
    profile = replace(NOTHING, false_share=0.2, false_per_hour=1000.0)
    kept = [m for seed in range(20) for m in drawn(profile, found, seed)]
    gone = 20 * 40 - len(kept)
    assert 100 < gone < 220  # a fifth of 800
    assert 20 * 30 - sum(m.confidence == 0.999 for m in kept) < gone / 10


def test_where_many_were_found_the_rate_limits_what_is_false() -> None:
    profile = replace(NOTHING, false_share=0.5, false_per_hour=2.0)
    left = [len(drawn(profile, SERIES, seed)) for seed in range(20)]
    assert 36 < np.mean(left) < 40


def test_a_mistaken_movement_becomes_another_kind_and_breaks_the_series() -> None:
    profile = replace(NOTHING, false_share=0.1, false_per_hour=1000.0)
    taken, broken = counts(profile, SERIES), counts(replace(profile, mistaken=1.0), SERIES)
    assert np.mean(broken) < np.mean(taken) - 1
    kinds = {m.kind for seed in range(5) for m in drawn(replace(profile, mistaken=1.0), SERIES, seed)}
    assert kinds == {"leg", "posture"}


def test_another_kind_goes_or_becomes_a_leg_movement_but_a_voluntary_one_stays() -> None:
    found = [leg(100), leg(125, "tremor"), leg(150, "voluntary")]
    assert [m.kind for m in drawn(replace(NOTHING, other_false=1.0), found)] == ["leg", "voluntary"]
    became = drawn(replace(NOTHING, other_leg=1.0), found)
    assert sorted(m.kind for m in became) == ["leg", "leg", "voluntary"]


def test_other_errors_show_in_what_is_drawn() -> None:
    assert len(drawn(replace(NOTHING, merged=1.0), SERIES)) == 80
    assert len(drawn(replace(NOTHING, pieces=1.0), SERIES)) == 0
    added = [m for m in drawn(replace(NOTHING, other_missed_per_hour=20.0), SERIES) if m.kind != "leg"]
    assert 5 < len(added) < 40


def test_what_is_missed_depends_on_the_size() -> None:
    assert [size_class(mg) for mg in (20.0, 40.0, 60.0, 100.0, 101.0, None)] == [0, 0, 1, 1, 2, 1]
    small_only = replace(NOTHING, missed=(0.5, 0.0, 0.0))
    assert drawn(small_only, SERIES) == SERIES
    assert len(drawn(small_only, [replace(m, peak_mg=30.0) for m in SERIES])) > 50


def test_both_legs_are_drawn() -> None:
    both = [*SERIES, *(replace(m, leg="right") for m in SERIES)]
    legs = [m.leg for m in drawn(replace(NOTHING, missed=(0.3, 0.3, 0.3)), both)]
    assert min(legs.count("left"), legs.count("right")) > 45


def test_nothing_counts_where_samples_are_missing() -> None:
    gaps = [(0, 99 * NS), (150 * NS, HOUR)]
    profile = replace(NOTHING, missed=(0.8, 0.8, 0.8))
    found = [leg(100), leg(120)]
    assert max(counts(profile, found)) >= 4
    assert set(counts(profile, found, gaps)) == {0}


def test_the_range_is_the_middle_90_percent_widened_about_the_median() -> None:
    of = list(range(101))
    assert plausible_range(of, (1.0, 1.0)) == (4, 96)
    low, high = plausible_range([n + 100 for n in of], (1.5, 1.25))
    assert (low, high) == (round(150 - 46 * 1.5), round(150 + 46 * 1.25))
    assert plausible_range(of, (3.0, 1.0))[0] == 0


def test_the_profiles_of_nights_with_about_the_same_confidence_are_taken() -> None:
    near = nearest({n: replace(NOTHING, confidence=n / 100) for n in range(100)}, 0.5)
    assert len(near) == 30
    assert set(near) <= set(range(34, 67))
    assert 50 in near


def night(**changed: Any) -> Scored:
    return scored_night(SERIES, (), changed.pop("duration_ns", HOUR), **{"detector": DETECTOR, **changed})


def test_a_night_of_this_detector_has_a_range() -> None:
    scored = night()
    found = scored.plausible_periodic
    assert found is not None
    assert 0 <= found.low <= 40 <= found.high < 100
    assert found.low < found.high
    answer = scored.to_dict()["plausible_periodic"]
    assert (answer["low"], answer["high"], answer["level"]) == (found.low, found.high, 0.9)
    assert answer["calibrated_on"] == "simulated"
    assert "simulated nights" in answer["note"]


@pytest.mark.parametrize(
    "scored",
    [
        lambda: night(detector=None),
        lambda: night(detector="legmon-adaptive 3"),
        lambda: night(rules="aasm"),
        lambda: night(rules="wasm2006"),
        lambda: night(duration_ns=24 * HOUR + 1),
    ],
    ids=["found elsewhere", "an earlier detector", "AASM", "WASM 2006", "longer than a day"],
)
def test_where_the_errors_are_not_known_there_is_none(scored: Callable[[], Scored]) -> None:
    assert scored().plausible_periodic is None
    assert scored().to_dict()["plausible_periodic"] is None


def test_the_profiles_are_of_this_detector_and_of_simulated_nights_only() -> None:
    assert plausible_profiles.DETECTOR == DETECTOR
    assert "simulated nights only" in (plausible_profiles.__doc__ or "")
    assert len(PROFILES) == 150
    for p in PROFILES:
        shares = [
            *p.missed,
            p.missed_periodic,
            p.merged,
            p.pieces,
            p.false_share,
            p.mistaken,
            p.other_false,
            p.other_leg,
        ]
        assert all(0.0 <= share <= 1.0 for share in shares)
        assert p.other_false + p.other_leg <= 1.0001
        assert min(p.false_per_hour, p.other_missed_per_hour) >= 0.0


def test_written_profiles_read_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "profiles.py"
    file.write_text(written(PROFILES[:3], (1.5, 1.25), DETECTOR, "3 nights"))
    spec = importlib.util.spec_from_file_location("profiles", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert read_profiles(module.PROFILES) == PROFILES[:3]
    assert (module.WIDENED, module.DETECTOR) == ((1.5, 1.25), DETECTOR)


# the benchmark


def true(m: LegMovement) -> dict[str, Any]:
    return {
        "onset_s": m.onset_s, "offset_s": m.offset_s, "leg": "left", "kind": m.kind, "visible": True, "peak_mg": m.peak_mg,
    }  # fmt: skip


def test_a_profile_counts_what_went_wrong() -> None:
    truth = [leg(100 + 25 * n) for n in range(20)] + [leg(1000, "posture"), leg(1100, "tremor"), leg(2000)]
    found = [
        *truth[2:20],  # two of a series are missed
        leg(800),  # nothing is there
        leg(1000),  # a posture, taken for a leg movement
        leg(2000, "tremor"),  # a leg movement, taken for tremor
        leg(3000, "long"),  # nothing is there
    ]
    p = profile_of(found, truth, [true(m) for m in truth], HOUR)
    assert p.missed[1] == pytest.approx(3 / 21, abs=0.001)
    assert p.missed_periodic == pytest.approx(2 / 3, abs=0.001)
    assert (p.false_share, p.false_per_hour, p.mistaken) == (0.1, 2.0, 0.5)
    assert (p.other_false, p.other_leg, p.other_missed_per_hour) == (0.5, 0.5, 1.0)
    assert (p.merged, p.pieces) == (0.0, 0.0)
    clean = profile_of(truth, truth, [true(m) for m in truth], HOUR)
    assert clean == NOTHING


def test_the_widening_is_the_least_that_covers_nights_of_a_sleeper_that_is_left_out() -> None:
    def made(sleeper: str, true_count: int) -> Night:
        return Night(frozenset(), sleeper, SERIES, HOUR, true_count, NOTHING, poor=False)

    nights = [made(s, 40 + off) for s in ("a", "b") for off in (0, 0, 0, 0, 10)]
    own = np.array([[20, 40, 60] * 5] * 5)
    other = np.array([[39, 40, 41] * 5] * 5)
    drawn_counts = np.block([[own, other], [other, own]])  # a sleeper's own profiles know how far off it is
    below, above = Table(nights, [0] * 15 + [5] * 15, drawn_counts).widening(np.ones(10, dtype=bool))
    assert below == 0.0
    assert plausible_range([39, 40, 41] * 5, (below, above))[1] == 50
    assert plausible_range([39, 40, 41] * 5, (below, above - 0.3))[1] < 50


def test_a_detected_signal_has_a_range_that_holds_its_count() -> None:
    found = detect(SIGNAL, RATE)
    scored = scored_night(found, (), round(len(SIGNAL) / RATE * NS), detector=DETECTOR)
    assert scored.plausible_periodic is not None
    assert scored.plausible_periodic.high >= scored.indices.periodic
