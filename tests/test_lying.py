"""Posture, lying, the headline's one mask, and what is usual: pure values, and whole simulated nights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.lying import ROOT, count_wrong
from legmon.movement import NS, Leg, LegMovement
from legmon.night.figures import LegPosture, figures, voluntary_movements, without
from legmon.night.lying import axis_of_walking, stretches
from legmon.night.posture import Posture, PostureReader
from legmon.night.track import LegTrack, score_night
from legmon.night.usual import Comparable, usual
from legmon.recording.records import Gap, Meta, Record, Samples
from legmon.timeline.clock import Anchor

RATE = 50
Vector = NDArray[np.float64]
Raw = NDArray[np.int16]
META = Meta("n", "left", "s", "a", float(RATE), 122, 4, simulated=True)
SHANK = np.array([0.0, 0.6, 0.8])
ACROSS = np.array([1.0, 0.0, 0.0])
WITH_A_WALK = ["02-healthy-few", "03-typical", "05-restless", "12-long-holds", "late-start", "many-trips"]


def samples(seconds: float, gravity: Vector, *, walk: bool = False, alive: bool = True, seed: int = 1) -> Raw:
    """Resting, with a jerk every ten minutes where alive; or walking."""
    n = round(seconds * RATE)
    t = np.arange(n) / RATE
    rng = np.random.default_rng(seed)
    g = np.repeat(gravity[None], n, axis=0) + rng.normal(0, 0.001, (n, 3))
    if walk:
        g += np.cos(np.pi * t)[:, None] ** 6 * SHANK * 1.5
    elif alive:
        g += 0.1 * ((t % 600 > 300) & (t % 600 < 301))[:, None] * ACROSS
    return np.round(g / 122e-6).astype(np.int16)


def read(parts: list[Raw | int], cut: int = 97) -> Posture:
    reader = PostureReader(META)
    at = 0
    for part in parts:
        records: list[Record] = []
        if isinstance(part, int):
            records, at = [Gap(at, part, "link_lost")], at + part
        else:
            for i in range(0, len(part), cut):
                records.append(Samples(at, 0, 0, part[i : i + cut]))
                at += len(part[i : i + cut])
        for record in records:
            reader.feed(record)
    return reader.posture()


def night() -> list[Raw | int]:
    return [
        samples(300, SHANK),
        samples(60, SHANK, walk=True),
        samples(3600, ACROSS),
        samples(100, SHANK, walk=True),
        4000,
        samples(3000, -ACROSS),
    ]


@pytest.mark.parametrize("cut", [1, 50, 499, 500, 10_000_000])
def test_rows_do_not_depend_on_how_records_are_cut(cut: int) -> None:
    whole, again = read(night(), 97), read(night(), cut)
    np.testing.assert_array_equal(whole.rows, again.rows)
    np.testing.assert_array_equal(whole.envelope, again.envelope)
    assert whole.end == again.end


def test_a_night_asked_on_the_way_says_the_same_in_the_end() -> None:
    once, often = PostureReader(META), PostureReader(META)
    data = samples(1234.5, ACROSS)
    for i in range(0, len(data), 333):
        record = Samples(i, 0, 0, data[i : i + 333])
        once.feed(record)
        often.feed(record)
        often.posture()
    np.testing.assert_array_equal(once.posture().rows, often.posture().rows)
    np.testing.assert_array_equal(once.posture().envelope, often.posture().envelope)


def test_walking_tells_where_the_shank_points() -> None:
    posture = read(night())
    axis = axis_of_walking(posture)
    assert axis is not None
    assert axis @ SHANK > np.cos(np.radians(3))
    found = [(round(s.first / RATE / 60), s.state) for s in stretches(posture, axis)]
    assert [state for _, state in found if state != "walking"] == ["upright", "lying", "upright", "lying"], (
        "through a gap, what was before it goes on"
    )


def test_without_walking_or_standing_nothing_is_said_of_lying() -> None:
    posture = read([samples(1200, ACROSS)])
    assert axis_of_walking(posture) is None
    assert {s.state for s in stretches(posture, None)} == {"unknown"}


def test_a_raised_knee_is_no_getting_up_and_a_leg_put_up_is_no_lying() -> None:
    lengths = ((1200, ACROSS), (40, SHANK), (1200, ACROSS), (900, SHANK), (300, ACROSS))
    parts = [samples(s, g) for s, g in lengths]
    found = stretches(read([*parts]), SHANK)
    assert [(round(s.first / RATE), s.state) for s in found] == [(0, "lying"), (2440, "upright")]


def test_a_sensor_on_the_table_is_not_worn_and_a_still_sleeper_is() -> None:
    table = samples(3 * 3600, ACROSS, alive=False)
    turning = [samples(1200, np.array([np.cos(a), np.sin(a), 0.0]), alive=False, seed=a) for a in range(1, 7)]
    states = [s.state for s in stretches(read([*turning, table]), None)]
    assert states == ["unknown", "not_worn"]


def track(movements: list[tuple[float, float]], seconds: float, gaps: list[Gap] | None = None) -> LegTrack:
    leg: Leg = "left"
    found = [LegMovement(0, 0, leg, first=round(a * RATE), end=round(b * RATE)) for a, b in movements]
    return LegTrack(leg, round(seconds * RATE), found, gaps or [], [Anchor(0, 0, float(RATE))], simulated=True)  # fmt: skip


def test_numerator_and_denominator_have_one_mask() -> None:
    every = [(20.0 * i + 5, 20.0 * i + 7) for i in range(1, 600)]
    seconds = 12_000.0
    t = track(every, seconds, [Gap(RATE * 3000, RATE * 600, "link_lost")])
    parts = [samples(1200, SHANK, walk=True), samples(10_800, ACROSS)]
    posture = read([*parts])
    by_walking = LegPosture("left", stretches(posture, SHANK), "walking")
    scored = score_night([t])
    found = figures(scored, [t], [by_walking])
    assert found.denominator == "lying"
    assert found.seconds == pytest.approx(seconds - 1200 - 600, abs=20)
    inside = [
        s for s in scored.movements if s.periodic and any(a <= s.movement.onset < b for a, b in found.mask)
    ]
    assert found.periodic == len(inside) < sum(s.periodic for s in scored.movements)
    assert found.per_hour == pytest.approx(180, rel=0.02)


def test_lights_bound_the_mask_and_without_a_calibration_are_the_mask() -> None:
    t = track([(100.0, 102.0)], 7200.0)
    scored = score_night([t])
    found = figures(scored, [t], [], (600 * NS, 4200 * NS))
    assert (found.denominator, found.seconds, found.movements) == ("in_bed", 3600.0, 0)
    assert figures(scored, [t], [], (None, None)).seconds == 7200.0
    assert figures(scored, [t], [], (9000 * NS, None)).per_hour is None


def test_a_movement_of_ones_own_is_listed_and_breaks_a_series() -> None:
    t = track([(20.0 * i, 20.0 * i + 2) for i in range(1, 9)], 300.0)
    assert score_night([t]).indices.periodic == 8
    (own,) = voluntary_movements([t], [("left", 20 * RATE * 4)])
    scored = score_night([own])
    assert scored.indices.movements == 7
    assert scored.indices.periodic == 4
    assert [s.movement.kind for s in scored.movements].count("voluntary") == 1


def test_stretches_are_cut_out_of_a_mask() -> None:
    assert without([(0, 10), (20, 30)], [(5, 22), (28, 29)]) == [(0, 5), (22, 28), (29, 30)]
    assert without([(0, 10)], []) == [(0, 10)]


def comparable(
    rate: float | None, *, hours: float = 7, coverage: float = 1.0, denominator: str = "lying"
) -> Comparable:
    return Comparable(["left"], "wasm2016", denominator, "d 1", hours * 3600, coverage, rate)


def test_fewer_than_five_nights_are_no_usual() -> None:
    found = usual(comparable(10), [comparable(r) for r in (1, 2, 3, 4)])
    assert (found.nights, found.low, found.high, found.rates) == (4, None, None, [1, 2, 3, 4])


def test_of_twelve_nights_ten_span_the_usual_range() -> None:
    found = usual(comparable(99), [comparable(float(r)) for r in range(1, 13)])
    assert (found.nights, found.within, found.low, found.high) == (12, 10, 2, 11)
    assert found.rates == [float(r) for r in range(1, 13)], "every one of them, the newest first"


def test_only_whole_nights_measured_alike_are_compared() -> None:
    others = [
        comparable(1, hours=3),
        comparable(1, coverage=0.5),
        comparable(1, denominator="in_bed"),
        comparable(None),
    ]
    assert usual(comparable(10), [comparable(float(r)) for r in range(5)] + others).nights == 5


@pytest.mark.parametrize("name", WITH_A_WALK)
def test_minutes_wrong_on_nights_with_walks(name: str, tmp_path: Path) -> None:
    """Changes should not lead to worse results; `python -m benchmarks.lying` prints all of them."""
    folders = (ROOT / "firmware_sim" / "golden", ROOT / "tests" / "nights")
    (scenario,) = [f / f"{name}.yaml" for f in folders if (f / f"{name}.yaml").exists()]
    found = count_wrong(scenario, tmp_path)
    assert found.calibrated
    assert found.wrong_min <= 0.5
    assert found.not_worn_min == 0


def test_what_is_sent_again_later_takes_its_place() -> None:
    data = samples(700.0, ACROSS)
    in_order, late = PostureReader(META), PostureReader(META)
    cuts = [Samples(i, 0, 0, data[i : i + 100]) for i in range(0, len(data), 100)]
    for r in cuts:
        in_order.feed(r)
    for r in [*cuts[:50], *cuts[60:200], *cuts[50:60], *cuts[200:], cuts[3]]:
        late.feed(r)
    np.testing.assert_array_equal(in_order.posture().rows, late.posture().rows)


def test_what_never_came_is_missing_in_the_end() -> None:
    data = samples(700.0, ACROSS)
    reader = PostureReader(META)
    for i in [*range(0, 5000, 100), *range(10_000, len(data), 100)]:
        reader.feed(Samples(i, 0, 0, data[i : i + 100]))
    assert reader.posture().end == 5000
    reader.finish()
    found = reader.posture()
    assert found.end == len(data)
    assert np.isnan(found.rows[10:20, 0]).tolist() == [True] * 10
