"""All that can happen in a night: it happens, it is labelled, and nothing that is added changes anything else."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware_sim.accelerometer import Accelerometer
from firmware_sim.bursts import twitch
from firmware_sim.render import capture
from firmware_sim.scenario import parse_scenario
from firmware_sim.sensor import Sensor
from firmware_sim.sleeper import Sleeper
from firmware_sim.truth import truth
from firmware_sim.vocabulary import Body, Disturb, Fault, Link, Loss, Scenario, Strap, Trip, Vibration

ROOT = Path(__file__).parents[2]
PLAIN = "duration: 2h\nseed: 4\nmovements_per_hour: 60\n"
EVERYTHING = parse_scenario(
    PLAIN
    + """
rate_hz: 100
sensor: {make: lis3dh, scale_error_percent: 3, range_g: 2}
body:
  series: {gap_min_s: 30, lengthen: 1.4}
  slow_share: 0.2
  large_per_hour: 4
  posture_per_hour: 4
  tremor_trains_per_hour: 6
  jerks_per_hour: 6
  bathroom: [{at: 50m, for: 3m}]
disturb:
  breath_mg: 4
  pulse_mg: 2
  bumps_per_hour: 60
  vibration: [{at: 20m, for: 4m, mg: 12, hz: 15}]
  strap: [{at: 1h, gain: 0.7, ring: 0.3}]
  temperature_k: 8
link: {losses_per_hour: 10, losses: [{at: 100m, for: 30s}]}
faults:
  - {kind: stuck, at: 90m, for: 30s}
  - {kind: spikes, at: 95m, for: 30s}
  - {kind: dead_axis, at: 110m, for: 30s}
  - {kind: clip, at: 112m, for: 30s}
"""
)
NIGHT = Sleeper(EVERYTHING)
TRUTH = truth(NIGHT)["movements"]
RATE = NIGHT.rate_hz


def of(kind: str, movements: list[dict[str, Any]] = TRUTH) -> list[dict[str, Any]]:
    return [movement for movement in movements if movement["kind"] == kind]


def lasting(kind: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([movement["offset_s"] - movement["onset_s"] for movement in of(kind)])


def test_every_kind_appears_and_lasts_as_its_kind_does() -> None:
    count = Counter(movement["kind"] for movement in TRUTH)
    assert set(count) == {"leg", "long", "posture", "locomotion", "tremor", "jerk", "bump", "vibration"}
    assert count["locomotion"] == count["vibration"] == 1
    assert lasting("long").min() > 10
    assert 0.5 < lasting("posture").min() < lasting("posture").max() <= 5
    assert 170 < lasting("locomotion")[0] <= 180
    assert 3.5 < lasting("tremor").min() < lasting("tremor").max() <= 30
    assert lasting("jerk").max() <= 0.5
    assert all(200 <= movement["peak_mg"] <= 2600 for movement in of("jerk"))
    assert lasting("bump").max() < 1.6
    assert all(movement["peak_mg"] < 85 for movement in of("bump"))  # up to three rings of 40 mg meet
    assert of("vibration")[0] == {
        "onset_s": 1200.0, "offset_s": 1440.0, "leg": "left", "kind": "vibration", "visible": False, "peak_mg": 12.0,
    }  # fmt: skip


def test_movements_of_the_body_are_2_s_apart() -> None:
    body = [movement for movement in TRUTH if movement["kind"] not in {"bump", "vibration"}]
    gaps = [after["onset_s"] - before["offset_s"] for before, after in pairwise(body)]
    assert min(gaps) > 2.0


def test_the_second_truth_holds_the_first() -> None:
    assert len(of("leg")) > 10
    for movement in of("leg"):
        assert movement["performed_onset_s"] <= movement["onset_s"]
        assert movement["offset_s"] <= movement["performed_offset_s"]
    assert all("performed_onset_s" not in movement for movement in TRUTH if movement["kind"] != "leg")


def test_walking_stands_the_shank_up_and_steps() -> None:
    walk = of("locomotion")[0]
    felt = NIGHT.acceleration(int((walk["onset_s"] + 10) * RATE), int(40 * RATE))
    upright = felt.mean(axis=0) / np.linalg.norm(felt.mean(axis=0))
    lies = NIGHT.acceleration(int((walk["onset_s"] - 2) * RATE), 1)[0]
    assert abs(upright @ lies) < 0.5
    along = felt @ upright
    steps = np.fft.rfftfreq(len(along), 1 / RATE)[
        1 + np.argmax(np.abs(np.fft.rfft(along - along.mean()))[1:])
    ]
    assert 0.7 < steps < 1.3  # of one leg: half the steps
    assert 1.5 < np.linalg.norm(felt, axis=1).max() < 4.5


def test_a_tremor_train_has_at_least_4_bursts() -> None:
    trains = [movement for movement in NIGHT.movements if movement.kind == "tremor"]
    assert trains
    for movement in trains:
        t = np.arange(0, movement.motion.duration_s, 0.005)
        away = np.linalg.norm(movement.motion.felt(t) - movement.motion.up_before, axis=1)
        starts = np.flatnonzero((away[1:] > 0.3 * away.max()) & (away[:-1] <= 0.3 * away.max()))
        assert len(starts) >= 4


def test_the_derivatives_of_a_twitch_belong_to_it() -> None:
    t = np.arange(0.0, 0.5, 1e-5)
    position, velocity, acceleration = twitch(t, 0.4)
    assert position.max() == pytest.approx(1.0)
    np.testing.assert_allclose(np.gradient(position, t)[1:-1], velocity[1:-1], atol=1e-4)
    np.testing.assert_allclose(np.gradient(velocity, t)[2:-2], acceleration[2:-2], atol=2e-2)


# One seed, many streams.

ADDED = {
    "bumps": PLAIN + "disturb: {bumps_per_hour: 60}",
    "breath, pulse, hum": PLAIN + "disturb: {breath_mg: 4, pulse_mg: 1, vibration: [{at: 10m, for: 9m}], temperature_k: 5}",
    "another chip": PLAIN + "rate_hz: 100\nsensor: {make: adxl362, range_g: 8}",
    "losses": PLAIN + "link: {losses_per_hour: 0.5}",
    "tremor and jerks": PLAIN + "body: {tremor_trains_per_hour: 5, jerks_per_hour: 5}",
}  # fmt: skip


@pytest.mark.parametrize("added", ADDED.values(), ids=ADDED)
def test_what_is_added_leaves_the_leg_movements_as_they_were(added: str) -> None:
    def legs(text: str) -> list[dict[str, Any]]:
        told = of("leg", truth(Sleeper(parse_scenario(text)))["movements"])
        # What a loss hides is still performed, at the same time and in the same way.
        return [{**movement, "visible": None} for movement in told]

    assert legs(added) == legs(PLAIN)
    assert Counter(m["kind"] for m in truth(Sleeper(parse_scenario(added)))["movements"])["posture"] >= 1


def test_turning_over_more_often_changes_no_time() -> None:
    def times(text: str) -> list[tuple[float, float]]:
        return [(m.start_s, m.end_s) for m in Sleeper(parse_scenario(text)).movements if m.kind == "leg"]

    assert times(PLAIN + "body: {posture_per_hour: 12}") == times(PLAIN)


def test_a_walk_takes_the_place_of_what_would_have_happened() -> None:
    def times(text: str) -> set[float]:
        return {m.start_s for m in Sleeper(parse_scenario(text)).movements if m.kind == "leg"}

    walks, plain = times(PLAIN + "body: {bathroom: [{at: 1h, for: 10m}]}"), times(PLAIN)
    assert walks < plain
    assert all(3600 - 20 < start < 4200 + 5 for start in plain - walks)


# The same bytes, however they are cut.


def test_no_cut_changes_a_sample_with_everything_on() -> None:
    whole = Accelerometer(Sleeper(EVERYTHING), 2).samples(0, int(7200 * RATE))
    chip = Accelerometer(NIGHT, 2)
    rng = np.random.default_rng(1)
    for first in rng.integers(0, len(whole) - 9000, 40):
        count = int(rng.integers(1, 9000))
        np.testing.assert_array_equal(chip.samples(int(first), count), whole[first : first + count])


def test_the_same_seed_gives_the_same_bytes_on_every_machine(tmp_path: Path) -> None:
    capture(EVERYTHING, tmp_path / "night.capture", lambda _done: None)
    digest = hashlib.sha256((tmp_path / "night.capture").read_bytes()).hexdigest()
    assert digest == "4936ea511e891ff0fab0666d027973421b4a5d89c3ea92ed91d684a23c84fea7"


# The strap, the chip and the link.


def test_a_loosening_strap_shrinks_movements_and_lets_them_ring() -> None:
    def peaks(*straps: Strap) -> list[float]:
        night = Sleeper(Scenario(3600.0, movements_per_hour=60.0, disturb=Disturb(strap=straps)))
        return [movement["peak_mg"] for movement in of("leg", truth(night)["movements"])]

    firm, loose = np.array(peaks()), np.array(peaks(Strap(0.0, 0.5)))
    np.testing.assert_allclose(loose[firm < 300], 0.5 * firm[firm < 300], rtol=0.1)
    ringing = Sleeper(
        Scenario(3600.0, movements_per_hour=60.0, disturb=Disturb(strap=(Strap(0.0, 1.0, 0.4),)))
    )
    firmly = Sleeper(Scenario(3600.0, movements_per_hour=60.0))
    shake = [np.abs(np.diff(night.acceleration(0, 150_000), axis=0)).sum() for night in (firmly, ringing)]
    assert shake[1] > 1.1 * shake[0]


def test_a_loosening_strap_lets_the_case_roll_about_the_shank_and_no_movement_changes() -> None:
    roll = Strap(600.0, roll_deg=40.0, roll_for_s=900.0)
    firm = Sleeper(Scenario(3600.0, movements_per_hour=30.0))
    loose = Sleeper(Scenario(3600.0, movements_per_hour=30.0, disturb=Disturb(strap=(roll,))))
    firmly, loosely = firm.acceleration(0, 180_000), loose.acceleration(0, 180_000)
    np.testing.assert_array_equal(firmly[: int(600 * firm.rate_hz)], loosely[: int(600 * firm.rate_hz)])
    np.testing.assert_allclose(np.linalg.norm(firmly, axis=1), np.linalg.norm(loosely, axis=1), atol=1e-9)
    last = slice(int(1500 * firm.rate_hz) + 1, None)
    turned = np.degrees(np.arccos(np.clip((firmly[last] * loosely[last]).sum(axis=1), -1.0, 1.0)))
    assert 30.0 < np.median(turned) < 40.1  # the shank lies within 20 degrees of level
    (row,) = of("roll", truth(loose)["movements"])
    assert (row["onset_s"], row["offset_s"], row["visible"]) == (600.0, 1500.0, True)
    assert of("leg", truth(loose)["movements"]) == of("leg", truth(firm)["movements"])


def chip(text: str, range_g: int = 4) -> np.ndarray[Any, np.dtype[np.int16]]:
    quiet = "duration: 1h\nmovements_per_hour: 0\nbody: {posture_per_hour: 0, large_per_hour: 0}\n"
    return Accelerometer(Sleeper(parse_scenario(quiet + text)), range_g).samples(0, 180_000)


def test_a_12_bit_chip_has_the_steps_of_one() -> None:
    assert set(np.unique(chip("sensor: {make: adxl362}") % 16)) == {0}
    assert len(np.unique(chip("sensor: {make: bmi270}") % 16)) == 16


@pytest.mark.parametrize(("make", "density"), [("lsm6dso", 70), ("lis3dh", 220), ("adxl362", 550)])
def test_the_noise_is_that_of_the_make(make: str, density: float) -> None:
    step_g = 122e-6 * (16 if make != "lsm6dso" else 1)
    noise_g = np.hypot(density * 1e-6 * np.sqrt(25.3), step_g / np.sqrt(12))
    np.testing.assert_allclose(chip(f"sensor: {{make: {make}}}").std(axis=0) * 122e-6, noise_g, rtol=0.15)


def test_a_hum_above_half_the_rate_is_filtered_away() -> None:
    at_14, at_40 = (
        chip(f"disturb: {{vibration: [{{at: 0, for: 1h, mg: 20, hz: {hz}}}]}}") for hz in (14, 40)
    )
    assert at_14.std(axis=0).max() > 2 * chip("").std(axis=0).max()
    np.testing.assert_array_equal(at_40, chip(""))


def test_scale_error_offset_and_drift() -> None:
    exact = "sensor: {offset_mg: 0, noise_ug_rthz: 0}"
    assert np.linalg.norm(chip(exact)[0]) * 122e-6 == pytest.approx(1.0, abs=2e-4)
    wrong = chip("sensor: {offset_mg: 0, noise_ug_rthz: 0, scale_error_percent: 7}")
    assert np.linalg.norm(wrong[0]) * 122e-6 == pytest.approx(1.07, abs=2e-4)
    drifts = chip("sensor: {noise_ug_rthz: 0, drift_mg_per_k: 1}\ndisturb: {temperature_k: 10}")
    moved = np.abs(drifts[-1] - drifts[0].astype(float)) * 0.122
    assert 1.0 < moved.max() <= 10.0
    early = np.abs(drifts[int(1200 * 50.6)] - drifts[0].astype(float)) * 0.122
    assert early.max() > 0.9 * moved.max()


@pytest.mark.parametrize("kind", ["stuck", "clip", "spikes", "dead_axis"])
def test_each_fault_shows_while_it_lasts_and_only_then(kind: str) -> None:
    right, faulty = chip(""), chip(f"faults: [{{kind: {kind}, at: 10m, for: 10s}}]")
    differs = np.flatnonzero((right != faulty).any(axis=1)) / 50.6
    assert differs.min() >= 600
    assert differs.max() <= 610
    inside = faulty[int(600.1 * 50.6) : int(609.9 * 50.6)]
    if kind == "stuck":
        assert (inside == inside[0]).all()
    elif kind == "clip":
        assert (np.abs(inside).max(axis=1) >= 32767).all()
    elif kind == "spikes":
        assert 1 <= (np.abs(inside.astype(int)) >= 32767).any(axis=1).sum() < 20
    else:
        assert (inside == 0).all(axis=0).sum() == 1


def test_what_the_link_loses_is_in_no_file_and_hides_movements(tmp_path: Path) -> None:
    night = Scenario(
        600.0,
        movements_per_hour=200.0,
        link=Link(losses=(Loss(100.0, 20.0), Loss(110.0, 20.0))),
        faults=(Fault("stuck", 300.0, 30.0),),
    )
    capture(night, tmp_path / "night.capture", lambda _done: None)
    records = (tmp_path / "night.capture").read_bytes().partition(b"\n")[2]
    at, got = 0, np.zeros(int(np.ceil(600 * 50.6)), dtype=bool)
    while at < len(records):
        (length,) = struct.unpack_from("<H", records, at + 8)
        n, first = struct.unpack_from("<xBxxI", records, at + 10)
        got[first : first + n] = True
        at += 10 + length
    missing = np.flatnonzero(~got) / 50.6
    assert (missing.min(), missing.max()) == (pytest.approx(100, abs=0.02), pytest.approx(130, abs=0.02))
    assert len(missing) == pytest.approx(30 * 50.6, abs=1)
    told = json.loads((tmp_path / "night.truth.json").read_text())
    assert told["lost"] == [[100.0, 130.0]]
    assert told["faults"] == [[300.0, 330.0, "stuck"]]
    for begin, end in ((100, 130), (300, 330)):
        hidden = [
            movement["visible"]
            for movement in of("leg", told["movements"])
            if movement["onset_s"] < end and movement["offset_s"] > begin
        ]
        assert hidden
        assert not any(hidden)


def test_the_live_sensor_loses_the_frames_that_touch_a_loss() -> None:
    sensor = Sensor(Scenario(600.0, link=Link(losses=(Loss(100.0, 1.0),))), sensor_id=1, first_stream=1)
    sensor.control(struct.pack("<BBHBB", 1, 1, 50, 4, 10), now_us=1_000_000, mtu=517)
    stream = sensor.stream
    assert stream is not None
    lost = [first for first in range(0, 20_000, 10) if stream.loses(first, 10)]
    assert lost == list(range(5060, 5111, 10))


def test_a_night_that_is_too_short_for_all_of_it_is_still_a_night() -> None:
    body = Body(large_per_hour=60.0, posture_per_hour=60.0, bathroom=(Trip(10.0, 60.0), Trip(40.0, 600.0)))
    hum = Disturb(bumps_per_hour=600.0, vibration=(Vibration(100.0, 900.0),))
    night = Sleeper(Scenario(90.0, movements_per_hour=400.0, body=body, disturb=hum))
    assert len(of("locomotion", truth(night)["movements"])) == 1
    assert all(movement["offset_s"] <= 90.0 for movement in truth(night)["movements"])
    assert np.isfinite(night.acceleration(0, 5000)).all()
    assert len(Sleeper(Scenario(1.0, body=body, disturb=hum)).acceleration(0, 100)) == 100


def test_draw_and_golden_on_the_command_line(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "firmware_sim", *arguments]
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    run("draw", "17", "-o", str(tmp_path / "deep" / "17.yaml"))
    assert parse_scenario((tmp_path / "deep" / "17.yaml").read_text()).seed == 17
    listed = [line.split("\t") for line in run("golden").splitlines()]
    assert len(listed) == 18
    assert all(Path(path).stem == name and Path(path).is_absolute() for name, path in listed)
