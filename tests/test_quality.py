"""A failing or badly set sensor: named, and never turned into leg movements."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legmon.catalog.store import Catalog
from legmon.detection.detector import Detector, detect
from legmon.detection.faults import Finding, verdict
from legmon.exchange.capture import read_capture, record_capture
from legmon.exchange.csv import detect_csv
from legmon.messages import FAULT_CAUSES, FAULT_SENTENCES, GAP_SENTENCES, Fault, GapCause, gap_sentence
from legmon.movement import LegMovement
from legmon.night.leg import analyse
from legmon.nights.cache import NightReports
from legmon.recording.files import read_segment
from tests.conftest import ROOT, run_command
from tests.test_detection import RATE, Samples, felt, lift, restless, times

TABLE = Path(__file__).parent / "data" / "recordings" / "actigraph_on_a_table.csv"


def leg_at_rest(seconds: float, seed: int = 3) -> Samples:
    return felt(np.zeros(round(seconds * RATE)), seed=seed)


def looked_at(
    x: Samples, rate: float = RATE, range_g: float | None = None
) -> tuple[Detector, list[LegMovement]]:
    detector = Detector(rate, range_g=range_g)
    return detector, detector.feed(x) + detector.finish()


def named(detector: Detector) -> dict[str, float]:
    return {f.code.value: f.seconds for f in detector.quality()}


def inside(found: list[LegMovement], start: float, end: float) -> list[LegMovement]:
    return [m for m in found if m.onset_s < end and m.offset_s > start]


def faulty(kind: str) -> Samples:
    """Lifts every 12 s for four minutes; from 60 s to 120 s the sensor fails."""
    x = restless(240)[0]
    part = x[3000:6000]
    rng = np.random.default_rng(5)
    if kind == "stuck":
        part[:] = x[3000]
    elif kind == "dead_axis":
        part[:, 2] = 0.0
    elif kind == "clipped":
        part *= 8
        np.clip(x, -4.0, 4.0, out=x)
    else:
        hit = rng.random(len(part)) < 0.01
        part[hit, 1] = np.where(rng.random(int(hit.sum())) < 0.5, -31.0, 31.0)
    return x


# Each fault: named, about as long as it was, and no movement in it.


@pytest.mark.parametrize("kind", ["stuck", "dead_axis", "clipped"])
def test_a_stretch_that_says_nothing_of_the_leg_is_named_and_is_as_a_gap(kind: str) -> None:
    detector, found = looked_at(faulty(kind), range_g=4.0)
    assert named(detector) == {kind: pytest.approx(60.0, abs=1.0)}
    (gap,) = detector.unseen
    assert abs(gap.first - 3000) <= 3
    assert abs(gap.count - 3000) <= 15
    assert inside(found, 61, 119) == []
    assert [m.kind for m in found] == ["leg"] * len(found)
    whole = detect(restless(240)[0], RATE)
    assert inside(found, 0, 55) == inside(whole, 0, 55)
    assert len(inside(found, 123, 240)) == len(inside(whole, 123, 240))


def test_spikes_are_counted_and_left_out() -> None:
    detector, found = looked_at(faulty("spike"))
    assert named(detector) == {"spike": pytest.approx(0.6, abs=0.3)}
    assert detector.unseen == []
    whole = detect(restless(240)[0], RATE)
    assert len(found) == len(whole)
    assert max(m.peak_mg or 0 for m in found) < 400


@pytest.mark.parametrize("width", [1, 2])
def test_a_spike_at_rest_is_no_movement(width: int) -> None:
    x = leg_at_rest(60)
    x[1500 : 1500 + width, 0] = 31.0
    detector, found = looked_at(x)
    assert found == []
    assert named(detector) == {"spike": width / RATE}


def test_a_kick_is_no_spike() -> None:
    x = leg_at_rest(60)
    x[1500:1504, 0] += 5.0
    detector, found = looked_at(x)
    assert named(detector) == {}
    assert len(found) == 1


def test_a_constant_recording_is_stuck_from_its_first_sample() -> None:
    detector, found = looked_at(np.tile([0.3, -0.4, 0.86], (3000, 1)))
    assert (found, named(detector)) == ([], {"stuck": 60.0})
    assert [(u.first, u.count) for u in detector.unseen_so_far()] == [(0, 3000)]


def test_an_axis_that_was_never_alive_is_dead() -> None:
    x = restless(240)[0]
    x[:, 1] = 0.0
    detector, found = looked_at(x)
    assert named(detector)["dead_axis"] > 220
    assert inside(found, 12, 240) == []


def test_a_movement_mostly_at_the_end_of_the_range_is_an_artefact_and_a_kick_that_touches_it_is_not() -> None:
    t = times(60)
    x = felt(lift(t, 40, 12))
    x[1000:1030, 0] = 2.0
    x[2020, 0] = 2.0  # in the lift
    x[2021, 0] = 1.2
    detector, found = looked_at(x, range_g=2.0)
    assert [m.kind for m in found] == ["artefact", "leg"]
    assert named(detector)["clipped"] >= 0.6


@pytest.mark.parametrize("scale", [0.93, 1.07])
def test_a_wrong_scale_is_named_and_the_same_movements_are_found(scale: float) -> None:
    x = restless(240)[0]
    detector, found = looked_at(x * scale)
    assert named(detector) == {"scale": pytest.approx(240, abs=2)}
    assert abs(len(found) - len(detect(x, RATE))) <= 1


def test_a_signal_that_shakes_too_much_is_too_poor() -> None:
    shaking = leg_at_rest(600) + np.random.default_rng(1).normal(0, 0.05, (30_000, 3))
    detector, _ = looked_at(shaking)
    assert Fault.NOISY in named(detector)
    assert verdict(detector.quality(), 600, 600) == "poor"


# What is no fault.


def test_a_good_recording_has_nothing_named() -> None:
    detector, _ = looked_at(restless(240)[0], range_g=4.0)
    assert (detector.quality(), detector.unseen) == ([], [])


def test_a_coarse_sensor_at_rest_on_a_table_is_not_stuck() -> None:
    with TABLE.open() as file:
        x = np.array([[float(v) for v in row] for row in list(csv.reader(file))[1:]])
    detector, found = looked_at(x, 80.0, 6.0)
    assert (found, detector.quality()) == ([], [])
    x = np.tile(x, (10, 1))
    x[20_000 : 20_000 + 80 * 30] = x[20_000]
    detector, found = looked_at(x, 80.0, 6.0)
    assert named(detector) == {"stuck": pytest.approx(21, abs=1)}, (
        "known after 10 s, and from a second before"
    )


def test_a_sensor_without_any_noise_is_not_stuck() -> None:
    t = times(1800)
    x = felt(sum((lift(t, s, 12) for s in (100.0, 500.0, 900.0, 930.0, 1400.0)), start=np.zeros_like(t)), 0.0)
    detector, found = looked_at(np.rint(x / 122e-6) * 122e-6)
    assert (detector.quality(), len(found)) == ([], 5)


@pytest.mark.parametrize("lsb_g", [0.001, 0.002, 0.004, 0.008, 0.016])
@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
def test_a_coarse_sensor_is_never_called_stuck_or_dead(lsb_g: float, offset: float) -> None:
    x, _ = restless(1200)
    detector, _ = looked_at(np.rint(x / lsb_g + offset) * lsb_g)
    assert detector.unseen == []


# The same, however it comes.

TROUBLE = np.concatenate([faulty(kind) for kind in ("stuck", "spike", "dead_axis", "clipped")])


def in_cuts(sizes: list[int]) -> tuple[list[LegMovement], list[object], list[Finding]]:
    detector, found, at = Detector(RATE, range_g=4.0), [], 0
    while at < len(TROUBLE):
        for size in [*sizes, 1]:
            found += detector.feed(TROUBLE[at : at + size])
            at += size
    found += detector.finish()
    return found, list(detector.unseen), detector.quality()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 4000), min_size=1, max_size=8))
def test_fed_in_any_cuts_the_answer_is_the_same(sizes: list[int]) -> None:
    assert in_cuts(sizes) == in_cuts([len(TROUBLE)])


@pytest.mark.parametrize("size", [1, 7, 50])
def test_fed_in_small_cuts_the_answer_is_the_same(size: int) -> None:
    assert in_cuts([size] * 50) == in_cuts([len(TROUBLE)])


@pytest.mark.parametrize("cut", [2980, 3001, 3020, 3049, 3052, 4000, 5999, 6001])
def test_a_gap_within_a_fault_leaves_no_sample_out_and_counts_none_twice(cut: int) -> None:
    x = faulty("stuck")
    detector = Detector(RATE)
    found = detector.feed(x[:cut]) + detector.gap(500) + detector.feed(x[cut:]) + detector.finish()
    assert detector.position == len(x) + 500
    assert named(detector) == {"stuck": pytest.approx(60.0, abs=1.1)}
    assert detector.unseen
    assert all(
        a.first + a.count <= b.first for a, b in zip(detector.unseen, detector.unseen[1:], strict=False)
    )
    assert inside(found, 62, 118) == []


# A night of the program.

SCENARIO = """
duration: 20m
seed: 5
movements_per_hour: 240
faults:
  - {kind: stuck, at: 3m, for: 1m}
  - {kind: clip, at: 7m, for: 1m}
  - {kind: spikes, at: 11m, for: 1m}
  - {kind: dead_axis, at: 15m, for: 2m}
"""


def test_a_night_with_every_fault(tmp_path: Path) -> None:
    (tmp_path / "night.yaml").write_text(SCENARIO)
    subprocess.run(
        [sys.executable, "-m", "firmware_sim", "capture", "night.yaml", "-o", "night.capture"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
    )
    catalog = Catalog(tmp_path / "data")
    name = record_capture(catalog, read_capture(tmp_path / "night.capture"), 1_800_000_000 * 10**9)
    info = catalog.night(name)
    view = NightReports(catalog).night(info)
    (track,) = catalog.tracks(name)
    again = analyse(read_segment(catalog.segment(name, "left"))).track()
    catalog.close()
    seconds = {f.code: f.seconds for f in view.quality}
    assert seconds == {
        "stuck": pytest.approx(60, abs=2),
        "clipped": pytest.approx(60, abs=2),
        "spike": pytest.approx(0.6, abs=0.4),
        "dead_axis": pytest.approx(120, abs=4),
    }
    assert view.verdict == "look"
    assert {g.cause for g in view.gap_list} == set(FAULT_CAUSES)
    assert {g.sentence for g in view.gap_list} == {FAULT_SENTENCES[code] for code in FAULT_CAUSES.values()}
    assert view.analysed_s == pytest.approx(view.duration_s - 240, abs=4)
    for start, end in ((180, 240), (420, 480), (900, 1020)):
        assert [m for m in track.movements if m.first and start + 2 < m.first / 50.6 < end - 2] == []
    assert len(track.movements) > 30
    assert json.dumps([(h.first, h.count, h.cause) for h in track.gaps]) == json.dumps(
        [(h.first, h.count, h.cause) for h in again.gaps]
    )
    assert list(again.quality) == list(track.quality)
    assert [(m.first, m.end, m.kind) for m in again.movements] == [
        (m.first, m.end, m.kind) for m in track.movements
    ]


def test_a_file_of_a_failing_sensor(tmp_path: Path) -> None:
    x = faulty("stuck")
    rows = np.column_stack([np.arange(len(x)) / RATE, x])
    np.savetxt(tmp_path / "left.csv", rows, "%.6f", ",", header="time_s,x_g,y_g,z_g", comments="")
    done = run_command("score", "--left", str(tmp_path / "left.csv"), "--json")
    answer = json.loads(done.stdout)
    (said,) = answer["details"]["quality"]
    assert (said["code"], said["leg"], said["seconds"]) == ("stuck", "left", pytest.approx(60, abs=1))
    assert said["sentence"] == FAULT_SENTENCES[Fault.STUCK]
    assert answer["details"]["verdict"] == "look"
    assert answer["analysed_s"] == pytest.approx(180, abs=1)
    assert answer["gaps"] == [[pytest.approx(60, abs=0.1), pytest.approx(120, abs=0.1)]]


def written(path: Path, x: Samples) -> Path:
    rows = np.column_stack([np.arange(len(x)) / RATE, x])
    np.savetxt(path, rows, "%.6f", ",", header="time_s,x_g,y_g,z_g", comments="")
    return path


def amplified(range_g: float, lsb_g: float) -> Samples:
    """Lifts every 12 s for four minutes; from 60 s to 120 s so large that the sensor is at the end of its range."""
    x = restless(240)[0]
    x[3000:6000] *= 4 * range_g
    return np.rint(np.clip(x, -range_g, range_g - lsb_g) / lsb_g) * lsb_g


@pytest.mark.parametrize("range_g", [2.0, 3.6, 8.0, 16.0])
@pytest.mark.parametrize("lsb_g", [0.000061, 0.001, 0.016])
def test_the_end_of_a_files_range_is_where_its_samples_pile_up(
    range_g: float, lsb_g: float, tmp_path: Path
) -> None:
    track = detect_csv(written(tmp_path / "left.csv", amplified(range_g, lsb_g)), "left")
    assert {f.code for f in track.quality} - {Fault.COARSE} == {Fault.CLIPPED}
    assert sum(f.seconds for f in track.quality if f.code == Fault.CLIPPED) == pytest.approx(60, abs=2)
    assert inside([m for m in track.movements if m.kind == "leg"], 61, 119) == []


def test_a_file_of_a_sensor_at_the_end_of_its_range_names_it_and_counts_nothing_there(tmp_path: Path) -> None:
    file = written(tmp_path / "left.csv", amplified(2.0, 0.001))
    done = run_command("score", "--left", str(file), "--json")
    answer = json.loads(done.stdout)
    assert [(q["code"], round(q["seconds"] / 10)) for q in answer["details"]["quality"]] == [("clipped", 6)]
    assert [m for m in answer["movements"] if 61 < m["onset_s"] < 119] == []
    assert answer["indices"]["movements"] > 5


@pytest.mark.parametrize(
    "x",
    [
        leg_at_rest(240),
        restless(240)[0],
        np.random.default_rng(1).normal(0, 1.2, (12_000, 3)),
        np.rint(np.random.default_rng(1).normal(0, 1.2, (12_000, 3)) / 0.016) * 0.016,
        np.rint(np.random.default_rng(1).uniform(-1.9, 2.4, (12_000, 3)) / 0.05) * 0.05,
        np.rint(leg_at_rest(240) * 1.95 / 0.004) * 0.004,
    ],
    ids=["quiet", "lifts", "noisy", "noisy, coarse", "everywhere, coarse", "badly scaled, coarse"],
)
def test_a_file_that_is_large_without_a_rail_is_not_clipped(x: Samples, tmp_path: Path) -> None:
    track = detect_csv(written(tmp_path / "left.csv", x), "left")
    assert Fault.CLIPPED not in {f.code for f in track.quality}


# The words.


def test_every_fault_has_a_sentence_of_its_own() -> None:
    assert set(FAULT_SENTENCES) == set(Fault)
    said = [*FAULT_SENTENCES.values(), *GAP_SENTENCES.values()]
    assert len(set(said)) == len(said)
    assert all(s.endswith(".") for s in said)


def test_a_cause_says_itself_in_words() -> None:
    assert gap_sentence("sensor_stuck") == FAULT_SENTENCES[Fault.STUCK]
    assert gap_sentence("sensor_restarted") == GAP_SENTENCES[GapCause.SENSOR_RESTARTED]
    assert gap_sentence("of_a_later_version") == "No samples (of_a_later_version)."


@pytest.mark.parametrize(
    ("findings", "analysed", "expected"),
    [
        ([], 10.0, "usable"),
        ([Finding(Fault.SPIKE, 1.0)], 10.0, "look"),
        ([Finding(Fault.STUCK, 6.0)], 4.0, "poor"),
        ([Finding(Fault.NOISY, 10.0)], 10.0, "poor"),
        ([], 4.9, "poor"),
    ],
)
def test_the_verdict(findings: list[Finding], analysed: float, expected: str) -> None:
    assert verdict(findings, analysed, 10.0) == expected
