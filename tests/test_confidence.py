"""How sure a movement is: calibrated on simulated nights, stored with it, and null where something else found it."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from benchmarks.confidence_weights import Judged, Keeping, calibration_error, chances, discrimination, judged
from legmon import LegMovement
from legmon.catalog.state import ListedMovement
from legmon.catalog.store import Catalog
from legmon.detection import confidence as sure
from legmon.detection import confidence_weights
from legmon.detection.detector import Detector, detect
from legmon.evaluation.second_sleeper import draw_night
from legmon.movement import NS, Leg
from legmon.scoring.events import join_pieces, merge_legs
from legmon.scoring.score import scored_night
from tests.conftest import run_command
from tests.made import Made, evening, make_night, scenario
from tests.test_detection import RATE, SIGNAL, felt, lift, times, turn
from tests.test_detection_structures import moved, sway


@pytest.mark.parametrize("degrees", [5, 10, 15])
def test_a_clear_lift_is_sure(degrees: float) -> None:
    t = times(60)
    (m,) = detect(moved(lift(t, 20, degrees)), RATE)
    assert m.confidence is not None
    assert m.confidence > 0.97


def test_a_large_swing_about_rest_is_less_sure_than_a_small_lift() -> None:
    t = times(60)
    (small,) = detect(moved(lift(t, 20, 1.6)), RATE)
    (swing,) = detect(felt(np.zeros(len(t)), 0.001) + sway(t, 20, 0.16), RATE)
    assert small.peak_mg is not None
    assert swing.peak_mg is not None
    assert swing.peak_mg > 4 * small.peak_mg
    assert small.confidence is not None
    assert swing.confidence is not None
    assert swing.confidence < small.confidence - 0.05


def test_another_kind_has_the_share_of_its_kind_and_an_artefact_none() -> None:
    (m,) = detect(felt(turn(times(60), 20, 60)), RATE)
    assert (m.kind, m.confidence) == ("posture", sure.WEIGHTS.others["posture"])
    x = felt(np.zeros(3000))
    x[1000:1030, 0] = 2.0
    detector = Detector(RATE, range_g=2.0)
    (clipped,) = detector.feed(x) + detector.finish()
    assert (clipped.kind, clipped.confidence) == ("artefact", None)


def test_every_confidence_is_a_chance_of_three_decimals() -> None:
    night = draw_night(7, kind="mixed", hours=0.5)
    found = [m.confidence for m in detect(night.xyz, night.rate_hz)]
    assert len(found) > 20
    for c in found:
        assert c is not None
        assert sure.LEAST <= c <= sure.MOST
        assert round(c, 3) == c


def test_movements_that_are_right_are_surer_than_those_that_are_not() -> None:
    chance, right = chances([_judged(kind) for kind in ("pet", "gasps", "hum", "mixed")], sure.WEIGHTS)
    assert (~right).sum() > 10
    assert right.sum() > 40
    assert discrimination(chance, right) > 0.65


def _judged(kind: str) -> Judged:
    night = draw_night(11, kind=kind, hours=1.0)
    detector = Detector(night.rate_hz)
    keeping = detector._merger = Keeping(night.rate_hz)
    found = detector.feed(night.xyz) + detector.finish()
    return judged((kind,), found, keeping, [m.to_dict() for m in night.truth])


def test_the_detector_and_the_benchmark_compute_the_same_chances() -> None:
    detector = Detector(RATE)
    keeping = detector._merger = Keeping(RATE)
    found = detector.feed(SIGNAL) + detector.finish()
    rows = np.array([values for _, values in keeping.given])
    chance, _ = chances([Judged((), rows, np.ones(len(rows), dtype=bool), [])], sure.WEIGHTS)
    assert len(found) > 5
    assert [m.confidence for m in found] == pytest.approx(list(chance), abs=0.0006)


def test_the_measures_of_calibration_find_what_is_wrong() -> None:
    right = np.array([True] * 80 + [False] * 20)
    assert calibration_error(np.full(100, 0.8), right) == pytest.approx(0.0)
    assert calibration_error(np.full(100, 0.95), right) == pytest.approx(0.15)
    assert discrimination(right.astype(float), right) == 1.0
    assert discrimination(np.full(100, 0.8), right) == 0.5


def test_the_weights_are_of_the_features_and_calibrated_on_simulated_nights() -> None:
    w = sure.WEIGHTS
    assert len(w.mean) == len(w.spread) == len(sure.FEATURES)
    assert len(w.terms) == 1 + 2 * len(sure.FEATURES)
    assert set(w.others) == {"posture", "long", "tremor", "locomotion"}
    assert "simulated nights only" in (confidence_weights.__doc__ or "")


def test_written_weights_read_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "weights.py"
    file.write_text(sure.written(sure.WEIGHTS, "3 nights"))
    spec = importlib.util.spec_from_file_location("weights", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert sure.ConfidenceWeights(module.MEAN, module.SPREAD, module.TERMS, module.OTHERS) == sure.WEIGHTS


def sec(onset: float, offset: float, confidence: float | None, leg: Leg = "left") -> LegMovement:
    return LegMovement(round(onset * NS), round(offset * NS), leg, confidence=confidence)


def test_what_was_joined_or_merged_is_as_sure_as_its_surest_part() -> None:
    (joined,) = join_pieces([sec(0, 1, 0.4), sec(1.2, 2, 0.9)])
    assert joined.confidence == 0.9
    assert join_pieces([sec(0, 1, None), sec(1.2, 2, None)])[0].confidence is None
    (merged,) = merge_legs([sec(0, 1, 0.4), sec(0.5, 2, 0.7, "right")])
    assert merged.confidence == 0.7


@pytest.mark.parametrize(("chance", "beside"), [(0.42, "simulated"), (None, None)])
def test_what_it_was_calibrated_on_stands_beside_it(chance: float | None, beside: str | None) -> None:
    scored = scored_night([sec(0, 1, chance)], [], 10 * NS)
    (m,) = scored.to_dict()["movements"]
    assert (m["confidence"], m["calibrated_on"]) == (chance, beside)
    listed = ListedMovement.of(scored.movements[0], 0)
    assert (listed.confidence, listed.calibrated_on) == (chance, beside)


def test_a_movement_that_somebody_else_found_has_no_confidence(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text('{"movements": [[1, 2, "left"]], "duration_s": 60}')
    done = run_command("score", "--events", str(tmp_path / "e.json"), "--json")
    (m,) = json.loads(done.stdout)["movements"]
    assert (m["confidence"], m["calibrated_on"]) == (None, None)


def test_a_recorded_night_keeps_it_and_an_older_catalog_has_none(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    made = Made(evening(0), {"left": scenario(6, 0.3, per_hour=60, walks=False)})
    night = make_night(catalog, made)
    stored = [m.confidence for t in catalog.tracks(night) for m in t.movements]
    catalog.close()
    assert len(stored) > 5
    assert None not in stored
    scored = json.loads(run_command("score", night, "--as-recorded", "--json", data=tmp_path).stdout)
    kept = json.loads(run_command("nights", night, "--as-recorded", "--json", data=tmp_path).stdout)
    assert [m["confidence"] for m in scored["movements"]] == [m["confidence"] for m in kept["movements"]]
    with sqlite3.connect(tmp_path / "catalog.sqlite") as c:
        c.execute("ALTER TABLE movements DROP COLUMN confidence")
        c.execute("DROP TABLE notes")
        c.execute("UPDATE alembic_version SET version_num = '0004'")
    c.close()
    catalog = Catalog(tmp_path)
    found = [m for t in catalog.tracks(night) for m in t.movements]
    catalog.close()
    assert [m.confidence for m in found] == [None] * len(stored)
