"""Legs as they are: beats, trembling holds, returns to another place, and what the truth says of each."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from firmware_sim.lifts import Lift
from firmware_sim.rows import Array
from firmware_sim.scenario import parse_scenario
from firmware_sim.sleeper import Movement, Sleeper
from firmware_sim.truth import truth

QUIET = "duration: 2h\nseed: 5\nmovements_per_hour: 90\n"
CALM = "posture_per_hour: 0, large_per_hour: 0, invisible_share: 0"


def night(body: str, rest: str = "") -> Sleeper:
    return Sleeper(parse_scenario(f"{QUIET}{rest}body: {{{CALM}, {body}}}"))


def lifts(sleeper: Sleeper) -> list[tuple[Movement, Lift]]:
    found = [(m, m.motion) for m in sleeper.movements if isinstance(m.motion, Lift)]
    assert len(found) > 100
    return found


def legs(sleeper: Sleeper) -> list[dict[str, Any]]:
    return [m for m in truth(sleeper)["movements"] if m["kind"] == "leg"]


def degrees(one: Array, other: Array) -> float:
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(one, other)), one @ other)))


EVERY_HABIT = (
    "clonic_share: 0.6, beats: {depth: 0.4, most: 6, irregular: 0.5, about: 0.4}, hold: {share: 0.4}, two_step_share: 0.5, "
    "come_back: {residual_deg: 1, adds_up: 1, overshoot: 0.1, creep: 0.2, relax: 0.2, stays: 0.1}"
)


def test_a_leg_with_habits_moves_when_an_exact_one_does() -> None:
    exact, habitual = night("clonic_share: 0"), night(EVERY_HABIT)
    assert [m.start_s for m in exact.movements] == [m.start_s for m in habitual.movements]
    ends = [abs(a.end_s - b.end_s) for a, b in zip(exact.movements, habitual.movements, strict=True)]
    assert max(ends) < 1e-6


def test_without_habits_all_movements_are_exact() -> None:
    assert not any(
        isinstance(m.motion, Lift) for m in night("clonic_share: 0.5, beats: {depth: 0.5}").movements
    )


def test_the_signal_goes_on_where_each_movement_begins_and_ends() -> None:
    for _movement, lift in lifts(night(EVERY_HABIT)):
        begins, ends = lift.felt(np.array([0.0, lift.duration_s]))
        np.testing.assert_allclose(begins, lift.up_before, atol=1e-9)
        np.testing.assert_allclose(ends, lift.up_reached, atol=1e-9)
        relaxation = lift.relaxation()
        assert relaxation is not None
        np.testing.assert_allclose(
            relaxation.felt(np.zeros(1))[0], lift.up_reached - lift.up_after, atol=1e-9
        )


def test_velocity_and_acceleration_of_a_lift_belong_to_its_angle() -> None:
    for _movement, lift in lifts(night(EVERY_HABIT))[:20]:
        t = np.arange(0.0, lift.duration_s, 1e-4)
        position, velocity, acceleration = lift._angle(t)
        scale = np.abs(velocity).max(), np.abs(acceleration).max()
        np.testing.assert_allclose(np.gradient(position, t)[1:-1], velocity[1:-1], atol=5e-3 * scale[0])
        np.testing.assert_allclose(np.gradient(velocity, t)[2:-2], acceleration[2:-2], atol=2e-2 * scale[1])


# How a leg returns.


def test_what_a_return_leaves_stays_bounded_or_adds_up() -> None:
    def from_first(adds_up: float) -> Array:
        made = lifts(night(f"come_back: {{residual_deg: 0.8, adds_up: {adds_up}}}, peak_mg: {{median: 300}}"))
        first = made[0][1].up_before
        return np.array([degrees(first, lift.up_after) for _movement, lift in made])

    bounded, walk = from_first(0.0), from_first(1.0)
    assert 0.3 < np.median(bounded) < 1.2
    assert bounded.max() < 4.0
    assert 2.0 * np.median(bounded) < np.median(walk[len(walk) // 2 :]) < 15.5


def test_the_next_movement_begins_where_the_last_left_the_leg() -> None:
    made = lifts(night("come_back: {residual_deg: 2, adds_up: 1, stays: 0.2}"))
    for (_movement, before), (_other, after) in pairwise(made):
        np.testing.assert_array_equal(after.up_before, before.up_after)


def test_whatever_else_the_body_does_begins_where_the_leg_lies() -> None:
    others = "posture_per_hour: 6, tremor_trains_per_hour: 4, jerks_per_hour: 4, fidgets_per_hour: 3"
    sleeper = Sleeper(
        parse_scenario(f"{QUIET}body: {{{others}, come_back: {{residual_deg: 2, adds_up: 1}}}}")
    )
    assert {m.kind for m in sleeper.movements} >= {"posture", "tremor", "jerk", "fidget"}
    for before, after in pairwise(sleeper.movements):
        np.testing.assert_allclose(after.motion.up_before, before.motion.up_after, atol=1e-12)


def test_truth_of_an_inexact_leg_is_measured_from_where_it_rested_right_before() -> None:
    sleeper = night("come_back: {residual_deg: 2, adds_up: 1}, peak_mg: {median: 40, sigma: 0.2}")
    first = sleeper.movements[0].motion.up_before
    made = lifts(sleeper)
    # Rest is more than 20 mg away from where it was at first for most of the night …
    assert np.mean([np.linalg.norm(lift.up_before - first) > 0.020 for _movement, lift in made]) > 0.5
    # … and a peak is still one of this movement alone.
    assert max(m["peak_mg"] for m in legs(sleeper)) < 130
    felt, rate = sleeper.acceleration(0, int(7200 * sleeper.rate_hz)), sleeper.rate_hz
    for row in legs(sleeper):
        begin, end = int(row["performed_onset_s"] * rate), int(row["performed_offset_s"] * rate) + 2
        away = np.linalg.norm(felt[begin:end] - felt[begin], axis=1)
        assert 1000 * away.max() == pytest.approx(row["peak_mg"], rel=0.15, abs=1.0)


def test_a_slow_relaxation_is_in_the_signal_and_in_no_truth() -> None:
    quick, slow = (
        night(f"come_back: {{relax: 0.3, relax_s: {{median: {tau}, sigma: 0}}}}, peak_mg: {{median: 150}}")
        for tau in (0.3, 20)
    )
    assert [m["offset_s"] for m in legs(quick)] == [m["offset_s"] for m in legs(slow)]
    assert [m["peak_mg"] for m in legs(quick)] == [m["peak_mg"] for m in legs(slow)]
    rate, creeping = slow.rate_hz, 0
    felt = slow.acceleration(0, int(7200 * rate))
    for movement, after in zip(slow.movements, slow.movements[1:], strict=False):
        begin, end = int(movement.end_s * rate) + 1, int(min(after.start_s, movement.end_s + 10) * rate)
        creeping += bool(np.linalg.norm(felt[end - 1] - felt[begin]) > 0.005)
    assert creeping > 50
    # The movement ends with the stroke that brings the leg back, though the leg is not yet where it comes to lie.
    ends = zip(legs(slow), lifts(slow), strict=True)
    left = [
        row["performed_offset_s"] - row["offset_s"]
        for row, (_movement, lift) in ends
        if row["visible"] and np.linalg.norm(lift.up_reached - lift.lies) > 0.010
    ]
    assert len(left) > 50
    assert np.mean(np.array(left) > 0.002) > 0.6


def test_a_leg_that_relaxes_comes_to_rest_where_it_lies() -> None:
    _movement, lift = lifts(night("come_back: {relax: 0.4, relax_s: {median: 2, sigma: 0}}"))[3]
    relaxation = lift.relaxation()
    assert relaxation is not None
    t = np.linspace(0.0, relaxation.duration_s, 50)
    left = np.linalg.norm(relaxation.felt(t), axis=1)
    np.testing.assert_allclose(lift.felt(np.array([lift.duration_s]))[0], lift.up_reached, atol=1e-9)
    assert left[0] == pytest.approx(float(np.linalg.norm(lift.up_reached - lift.lies)))
    assert (np.diff(left) < 0).all()
    assert left[-1] < 0.003 * left[0]


def test_a_return_that_goes_too_far_comes_back_within_the_movement() -> None:
    beyond = 0
    for _movement, lift in lifts(night("come_back: {overshoot: 0.3}, clonic_share: 0")):
        position = lift._angle(np.arange(0.0, lift.duration_s, 0.01))[0]
        beyond += position.min() < -0.05
        assert position[-1] == pytest.approx(0.0, abs=0.01)
    assert beyond > 80


def test_a_leg_that_stays_away_is_displaced_until_the_next_movement() -> None:
    made = lifts(night("come_back: {stays: 0.5}, clonic_share: 0, peak_mg: {median: 200}"))
    left = np.array([degrees(lift.up_before, lift.up_after) for _movement, lift in made])
    assert 0.6 < (left > 0.2).mean() < 0.9  # half stay, and the next one of each comes back
    assert left.max() < 12.1


def test_a_held_leg_creeps_and_is_one_movement() -> None:
    plain, creeping = (night(f"come_back: {{residual_deg: 0.01, creep: {creep}}}") for creep in (0, 0.5))
    assert len(legs(plain)) == len(legs(creeping))
    moved = [
        lift._angle(np.array([lift.exact.rise_s + 0.98 * lift.exact.hold_s]))[0][0]
        for _m, lift in lifts(creeping)
    ]
    assert 1.2 < np.mean(moved) < 1.7


# Beats, tremor and strokes.


def test_deep_beats_come_one_by_one_and_are_one_movement() -> None:
    beats = "beats: {slowest_hz: 1, fastest_hz: 3, most: 6, depth: 0.5}"
    sleeper = night(f"clonic_share: 1, duration_s: {{median: 3}}, {beats}")
    assert len(legs(sleeper)) == len(legs(night("clonic_share: 0")))
    counts = np.array([len(lift.beat_at) for _movement, lift in lifts(sleeper)])
    assert set(counts) <= {0, 2, 3, 4, 5, 6}
    assert (counts > 0).mean() > 0.7
    depths = np.concatenate([lift.beat_depth for _movement, lift in lifts(sleeper)])
    assert np.median(depths) > 0.3
    for _movement, lift in lifts(sleeper):
        if len(lift.beat_at):
            assert lift.beat_at[0] >= lift.exact.rise_s
            assert lift.beat_at[-1] + lift.beat_s[-1] <= lift.exact.rise_s + lift.exact.hold_s + 1e-9
            assert (lift.beat_at[1:] - lift.beat_at[:-1] >= lift.beat_s[:-1] - 1e-9).all()


def test_irregular_beats_about_the_position_held_go_both_ways() -> None:
    beats = "beats: {most: 5, depth: 0.3, irregular: 0.6, about: 1}"
    made = [lift for _movement, lift in lifts(night(f"clonic_share: 1, {beats}")) if len(lift.beat_at) > 2]
    assert all((lift.beat_depth[::2] > 0).all() and (lift.beat_depth[1::2] < 0).all() for lift in made)
    assert np.mean([np.ptp(np.abs(lift.beat_depth)) > 0.03 for lift in made]) > 0.5


def test_a_hold_trembles_in_its_band_by_what_was_asked() -> None:
    hold = "hold: {share: 1, mg: {median: 12, sigma: 0}, slowest_hz: 6, fastest_hz: 9}"
    sleeper = night(f"{hold}, peak_mg: {{median: 200}}", "rate_hz: 100\n")
    seen = []
    for _movement, lift in lifts(sleeper):
        if lift.exact.hold_s < 1.5 or not len(lift.tremor):
            continue
        assert (lift.tremor_hz > 5.2).all()
        assert (lift.tremor_hz < 10.2).all()
        t = np.arange(0.2, lift.exact.hold_s - 0.2, 0.005) + lift.exact.rise_s
        shakes = lift.felt(t) - lift.felt(t).mean(axis=0)
        seen.append(
            1000 * np.sqrt(2) * np.linalg.norm(shakes, axis=1).std() if lift.exact.tremor_hz == 0 else 12.0
        )
    assert len(seen) > 20
    assert 4 < np.median(seen) < 25


def test_small_gradual_and_two_step_movements_are_what_they_say() -> None:
    peaks = np.array([m["peak_mg"] for m in legs(night("small_share: 1"))])
    assert ((peaks > 17) & (peaks < 48)).mean() > 0.9
    slow = "duration_s: {median: 5}, come_back: {residual_deg: 0.01}"
    quick, gradual = (
        np.median([lift.exact.rise_s for _movement, lift in lifts(night(f"gradual_share: {share}, {slow}"))])
        for share in (0, 1)
    )
    assert quick < 0.5
    assert gradual >= 0.6
    stepped = [lift for _movement, lift in lifts(night("two_step_share: 1")) if lift.second_step[0]]
    assert len(stepped) > 100
    for lift in stepped:
        share, at, lasting = lift.second_step
        assert lift.exact.rise_s <= at
        assert at + lasting <= lift.exact.rise_s + lift.exact.hold_s + 1e-9
        halfway = lift._angle(np.array([lift.exact.rise_s]))[0][0]
        assert halfway <= 1.0 - 0.5 * share or at < lift.exact.rise_s + 1e-9


def test_an_ankle_that_moves_alone_tilts_the_strap_and_shows_in_full_on_the_foot() -> None:
    ankle = np.array([m["peak_mg"] for m in legs(night("only_ankle_share: 1"))])
    foot = np.array([m["peak_mg"] for m in legs(night("only_ankle_share: 1", "site: foot\n"))])
    shank = np.array([m["peak_mg"] for m in legs(night("only_ankle_share: 0"))])
    assert ankle.max() < 60
    assert np.median(ankle) < 0.5 * np.median(shank)
    assert np.median(foot) > 1.4 * np.median(shank)


def test_fidgeting_is_one_bout_of_its_own_kind_at_no_even_interval() -> None:
    plain = Sleeper(parse_scenario(QUIET))
    fidgety = Sleeper(parse_scenario(QUIET + "body: {fidgets_per_hour: 4, come_back: {residual_deg: 0.5}}"))
    assert [m.start_s for m in plain.movements if m.kind == "leg"] == [
        m.start_s for m in fidgety.movements if m.kind == "leg"
    ]
    bouts = [m for m in truth(fidgety)["movements"] if m["kind"] == "fidget"]
    assert len(bouts) >= 3
    assert all(10 < m["offset_s"] - m["onset_s"] < 245 and m["visible"] for m in bouts)
    for movement in fidgety.movements:
        if movement.kind == "fidget":
            t = np.arange(0.0, movement.motion.duration_s, 0.01)
            steps = np.linalg.norm(np.diff(movement.motion.felt(t), axis=0), axis=1)
            assert steps.max() < 1.5
            np.testing.assert_allclose(movement.motion.felt(t[:1])[0], movement.motion.up_before, atol=1e-9)
