"""The trace: it changes no movement, and for each bout it names the rule that decided, of a list that is closed."""

from __future__ import annotations

import math
import re
from functools import cache

import numpy as np
import pytest

import legmon
from legmon.detection import kernel as k
from legmon.detection.detector import Detector, detect
from legmon.detection.trace import FEATURES, Trace, Tracer
from legmon.evaluation.second_sleeper.night import draw_night
from legmon.messages import WHY_SENTENCES, DetectorRule, Message, ScoringRule
from tests.conftest import ROOT
from tests.test_detection import RATE, SIGNAL, Samples, felt, lift, smooth, times, turn
from tests.test_detection_structures import moved, noise_of_band, sway

T = times(60)


def knock(at: float, since: Samples = T) -> Samples:
    """What a knock at the bed adds on one axis."""
    after = np.clip(since - at, 0, None)
    return np.asarray(0.035 * np.exp(-after / 0.12) * np.sin(2 * math.pi * 7 * after) * (since >= at))


def hummed() -> Samples:
    x, on = felt(np.zeros(len(T)), 0.001), (T > 20) & (T < 40)
    x[on] += noise_of_band(int(on.sum()), 2, 6, 0.006, 3)
    return x


def walked() -> Samples:
    x, on = felt(np.zeros(len(T)), 0.002), (T > 20) & (T < 45)
    x[:, 0] += on * (0.6 * np.sin(1.8 * np.pi * T) + 1.4 * np.maximum(0, np.sin(3.6 * np.pi * T)) ** 6)
    return x


def in_two_pieces() -> Samples:
    """A large movement that rests for a second and a half."""
    x = felt(np.zeros(len(T)), 0.002)
    x[:, 0] += 0.4 * np.sin(np.pi * np.clip((T - 20) / 4.5, 0, 1)) * (1 + 0.3 * np.sin(4.6 * np.pi * T))
    x[:, 0] += 0.2 * np.sin(np.pi * np.clip((T - 26.2) / 1.2, 0, 1))
    return x


def knocked_while_held() -> Samples:
    x = moved(turn(T, 20, 8, 0.4))
    x[:, 0] += knock(25)
    return x


def clipped() -> Samples:
    x = felt(np.zeros(len(T)))
    x[1000:1030, 0] = 2.0
    return x


def twitched() -> Samples:
    return moved(np.sum([lift(T, 20 + 2.4 * n, 4, 0.2, 0.0, 0.2) for n in range(6)], axis=0))


def trembled() -> Samples:
    phase = (T - 20) * 1.2
    on = (phase >= 0) & (phase < 8) & (phase % 1 < 0.5)
    return felt(math.radians(4) * np.sin(2 * math.pi * (phase % 1)) ** 2 * on, 0.001)


def shaken(seconds: float) -> Samples:
    on = np.abs(T - 20 - seconds / 2) <= seconds / 2
    return felt(math.radians(10) * np.sin(1.4 * np.pi * (T - 20)) * on)


SCENES: dict[str, tuple[Samples, set[str]]] = {
    "a lift": (moved(lift(T, 20, 12)), {"by_motion", "ended", "leg"}),
    "a slow lift": (felt(lift(T, 20, 10, 2.0, 2.0, 2.0)), {"by_turn", "ended", "return", "leg"}),
    "a lift held": (moved(lift(T, 20, 10, 0.3, 4.0, 0.3)), {"by_motion", "ended", "return", "leg"}),
    "a soft return": (felt(lift(T, 20, 6, 0.3, 1.2, 8.0), 0.0005), {"by_motion", "by_back", "ended", "return", "leg"}),
    "moved while held": (
        moved(lift(T, 20, 10, 0.3, 6.0, 0.4) + lift(T, 23, 3, 0.3, 0.3, 0.3)),
        {"by_motion", "ended", "while_held", "return", "leg"},
    ),
    "two pieces": (in_two_pieces(), {"by_motion", "ended", "large", "leg"}),
    "two jerks": (
        moved(lift(T, 20, 4, 0.2, 0.0, 0.2) + lift(T, 22.4, 4, 0.2, 0.0, 0.2)),
        {"by_motion", "ended", "jerks", "leg"},
    ),
    "twitches": (twitched(), {"by_motion", "ended", "train"}),
    "a tremor": (trembled(), {"by_motion", "ended", "trembles"}),
    "too weak": (moved(lift(T, 20, 0.8, 0.4, 1.0, 0.5), 0.0005), {"by_motion", "ended", "weak"}),
    "the bed": (felt(np.zeros(len(T)), 0.001) + sway(T, 20, 0.035), {"by_motion", "ended", "bed"}),
    "a knock": (knocked_while_held(), {"by_motion", "ended", "leg", "bump"}),
    "a hum": (hummed(), {"by_motion", "hum"}),
    "long": (shaken(14.3), {"by_motion", "ended", "long"}),
    "posture": (felt(turn(T, 20, 60)), {"by_motion", "ended", "posture"}),
    "walking": (walked(), {"by_motion", "ended", "locomotion"}),
    "clipped": (clipped(), {"by_motion", "ended", "leg", "artefact"}),
    "cut off": (felt(lift(T, 59, 12, hold=10)), {"by_motion", "cut_off", "leg"}),
    "stillness": (felt(np.zeros(len(T)), 0.001), {"nothing"}),
    "relaxing": (felt(math.radians(4) * smooth((T - 20) / 9.0), 0.0005), {"relaxes"}),
}  # fmt: skip


@cache
def traced(name: str) -> tuple[list[legmon.LegMovement], Trace]:
    detector = Detector(RATE, range_g=2.0, tracer=(tracer := Tracer()))
    return detector.feed(SCENES[name][0]) + detector.finish(), tracer.trace


def reasons(name: str) -> list[Message]:
    _, trace = traced(name)
    return [m for b in trace.bouts for m in b.reasons()] or trace.at(24, 4)


# It changes nothing.


@pytest.mark.parametrize("name", SCENES)
def test_the_movements_are_the_same_without_a_trace(name: str) -> None:
    plain = Detector(RATE, range_g=2.0)
    assert traced(name)[0] == plain.feed(SCENES[name][0]) + plain.finish()


@pytest.mark.parametrize("kind", ["mixed", "clonic", "fidget"])
def test_the_movements_of_a_drawn_night_are_the_same_without_a_trace(kind: str) -> None:
    night = draw_night(3, kind=kind, hours=0.5)
    found = detect(night.xyz, night.rate_hz, trace=True)
    assert len(found) > 5
    assert found == detect(night.xyz, night.rate_hz)
    assert found.trace is not None
    assert {b.whole.movement for b in found.trace.bouts} - {None} == set(found)


@pytest.mark.parametrize("size", [1, 7, 333, 5000])
def test_the_trace_is_the_same_however_the_samples_are_cut(size: int) -> None:
    whole = detect(SIGNAL, RATE, trace=True).trace
    detector = Detector(RATE, tracer=(tracer := Tracer()))
    for at in range(0, len(SIGNAL), size):
        detector.feed(SIGNAL[at : at + size])
        detector.pending()
    detector.finish()
    assert whole is not None
    assert tracer.trace.bouts == whole.bouts != []
    every = (0, len(SIGNAL))
    assert np.array_equal(tracer.trace.signals(*every), whole.signals(*every))


def test_nothing_is_traced_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(k, "probe", None)
    found = detect(SIGNAL, RATE)
    assert len(found) > 5
    assert found.trace is None


@pytest.mark.parametrize("plain", [False, True])
def test_the_probe_leaves_the_same_bits_as_the_kernel(plain: bool) -> None:
    x = np.ascontiguousarray(SIGNAL[:3000])
    states = []
    for probed in (False, True):
        new = Detector(RATE)
        p, s, i, ring, out = new._p, new._s, new._i, new._ring, np.zeros((len(x), k.COLUMNS))
        signals, looks = np.zeros((len(x), k.TRACED)), np.zeros((len(x), k.LOOKS))
        if probed:
            probe = k.probe.py_func if plain else k.probe
            count = probe(x, p, s, i, ring, out, looks, signals)
        else:
            count = k.run(x, p, s, i, ring, out, looks)
        states.append((count, *(state.tobytes() for state in (s, i, ring, out, looks))))
    assert states[0][0] >= 4
    assert states[0] == states[1]


# What it says.


@pytest.mark.parametrize("name", SCENES)
def test_each_scene_is_decided_by_the_rules_that_it_was_made_for(name: str) -> None:
    assert {m.code for m in reasons(name)} == SCENES[name][1]


def test_the_scenes_need_every_rule_of_the_detector() -> None:
    assert set().union(*(rules for _, rules in SCENES.values())) == set(DetectorRule)


def test_the_document_lists_every_rule() -> None:
    page = (ROOT / "docs" / "detector.md").read_text(encoding="utf-8")
    section = page.partition("## Why it decided so")[2].partition("\n## ")[0]
    listed = {code for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for code in row.split(", ")}
    assert listed == {f"`{rule}`" for rule in WHY_SENTENCES}


def test_every_rule_has_a_sentence() -> None:
    assert set(WHY_SENTENCES) == {*DetectorRule, *ScoringRule}
    assert len({r.value for r in WHY_SENTENCES}) == len(WHY_SENTENCES), "a code names one rule"


@pytest.mark.parametrize("name", SCENES)
def test_what_opened_a_bout_was_above_its_threshold_and_the_rest_was_not(name: str) -> None:
    for b in traced(name)[1].bouts:
        assert any(c.opened for c in b.compared)
        assert b.first <= b.opened <= b.closed
        for c in b.compared:
            assert c.value_mg >= c.threshold_mg if c.opened else c.value_mg <= c.threshold_mg


@pytest.mark.parametrize("name", SCENES)
def test_a_signal_above_its_threshold_opens_a_bout(name: str) -> None:
    x = traced(name)[1].signals(0, len(T))
    rests = x[x[:, 4] == k.RESTS]
    assert len(rests) > 1000
    assert not (rests[:, 0] > rests[:, 1]).any()
    assert not (rests[:, 2] > rests[:, 3]).any()


def test_the_sample_that_opens_a_bout_is_the_first_above_a_threshold() -> None:
    t = times(40, 500.0)  # so fast that the turn grows little from sample to sample
    trace = detect(felt(lift(t, 20, 10, 5.0, 2.0, 5.0)), 500.0, trace=True).trace
    assert trace is not None
    opened = trace.bouts[0].opened
    before = trace.signals(0, opened)
    assert set(before[:, 4]) == {k.RESTS}
    assert (before[:, 2] <= before[:, 3]).all()
    assert before[-1, 2] > 0.98 * before[-1, 3]
    turn_mg = next(c for c in trace.bouts[0].compared if c.signal == "turn")
    assert turn_mg.threshold_mg > 10, "it follows the noise"


def test_the_sentences_have_the_numbers_of_the_scene() -> None:
    found = {m.code: m for name in SCENES for m in reasons(name)}
    assert found["weak"].sentence == "Left out: peak 17 mg, below 19.5 mg."
    assert found["posture"].values == {"turned": pytest.approx(1000, abs=5), "least": 300}
    assert found["long"].values == {"seconds": pytest.approx(14.3, abs=0.3), "most": 10}
    assert found["bed"].values["chance"] < found["bed"].values["least"] == 0.6
    assert found["return"].values["since"] == pytest.approx(4.3, abs=4)
    assert found["train"].values == {"count": 6, "most": 3.2}
    assert (
        found["nothing"].values["motion"] < found["nothing"].values["motion_on"] == pytest.approx(5, abs=0.5)
    )
    assert found["by_motion"].sentence.startswith("Opened by motion: ")


def test_a_hum_is_said_once() -> None:
    assert [m.code for m in traced("a hum")[1].bouts[0].reasons()] == ["by_motion", "hum"]


def test_a_return_is_joined_to_its_lift_and_both_became_one_movement() -> None:
    (m,), trace = traced("a lift held")
    lifted, returned = trace.bouts
    assert returned.into is lifted
    assert lifted.movement == m
    assert returned.movement is None
    assert returned.whole.movement == m
    assert m.first == lifted.first
    assert trace.between(lifted.end + 20, lifted.end + 30) == [lifted, returned], "while the leg is held up"
    assert set(lifted.features) == set(FEATURES)


def test_a_moment_without_a_bout_has_what_came_nearest_to_opening_one() -> None:
    _, trace = traced("a lift")
    assert [m.code for m in trace.at(40.0)] == ["nothing"]
    assert [m.code for m in trace.at(20.5)] == ["by_motion", "ended", "leg"]
    assert trace.at(500.0) == []
    rest = trace.rest(0, 500)
    assert rest is not None
    x = trace.signals(0, 500)
    nearest = x[np.argmax(x[:, 0] / x[:, 1])]
    compared = (rest.motion.value_mg, rest.motion.threshold_mg)
    assert compared == pytest.approx((1000 * nearest[0], 1000 * nearest[1]), abs=0.06)


def test_only_the_signals_of_a_window_are_kept() -> None:
    detector = Detector(RATE, tracer=(tracer := Tracer((1000, 1100))))
    detector.feed(SIGNAL)
    detector.finish()
    kept = tracer.trace.signals(0, len(SIGNAL))
    assert not np.isnan(kept[1000:1100]).any()
    assert np.isnan(kept[:, 0]).sum() > len(SIGNAL) - 1000
    assert tracer.trace.bouts == (detect(SIGNAL, RATE, trace=True).trace or Trace(RATE)).bouts


def test_a_gap_is_no_signal() -> None:
    detector = Detector(RATE, tracer=(tracer := Tracer()))
    found = detector.feed(SIGNAL[:1500])
    found += detector.gap(500)
    found += detector.feed(SIGNAL[1500:]) + detector.finish()
    assert np.isnan(tracer.trace.signals(1500, 2000)).all()
    assert tracer.trace.rest(1500, 2000) is None
    assert [b.movement for b in tracer.trace.bouts if b.movement] == found
