"""Movements found by something else: read, checked, scored."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest

from legmon.exchange.events import read_events, score_events
from legmon.exchange.scored_night import EventsError
from legmon.movement import LegMovement
from legmon.scoring.checked import MOST, RowError, checked_movements, nanoseconds
from legmon.scoring.result import Scored
from legmon.scoring.rules import Interpretation
from legmon.scoring.score import score
from tests.conftest import run_command

REAL_NIGHT = Path(__file__).parent / "data" / "recordings" / "noxturnal_leg_events.csv"
RUN: list[tuple[float, float, str]] = [(0, 2, "left"), (20, 22, "left"), (40, 42, "right"), (60, 62, "left")]


def one(path: Path, rules: str = "wasm2016") -> Scored:
    (scored,) = score_events(path, rules, Interpretation())
    return scored


def write(path: Path, value: object) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_json_one_recording_and_a_list(tmp_path: Path) -> None:
    whole = {"movements": RUN, "gaps": [[100, 110]], "duration_s": 3600}
    scored = one(write(tmp_path / "a.json", whole))
    assert (scored.indices.periodic, scored.analysed_ns) == (4, 3590 * 10**9)
    both = score_events(write(tmp_path / "b.json", [whole, {"movements": []}]), "aasm", Interpretation())
    assert [s.indices.movements for s in both] == [4, 0]
    assert both[1].indices.periodic_per_hour is None


def test_csv_luna_and_edf_say_the_same(tmp_path: Path) -> None:
    rows = "\n".join(f"{a},{b},{leg}" for a, b, leg in RUN)
    plain = one(write(tmp_path / "a.csv", f"onset_s,offset_s,leg\n{rows}\n"))
    lines = [f"lm_{leg}\t.\t.\t{a}\t{b}\t." for a, b, leg in RUN]
    annot = one(
        write(tmp_path / "a.annot", "class\tinstance\tchannel\tstart\tstop\tmeta\n" + "\n".join(lines))
    )
    file = edfio.Edf(
        [edfio.EdfSignal(np.zeros(100), 1, label="Acc X ankle L", physical_range=(-1, 1))],
        annotations=[
            edfio.EdfAnnotation(a, b - a, f"Limb movement@@EMG {'RAT' if leg == 'right' else 'LAT'}")
            for a, b, leg in RUN
        ]
        + [
            edfio.EdfAnnotation(0, 30, "Sleep stage N2"),
            edfio.EdfAnnotation(5, 10, "Obstructive apnea"),
            edfio.EdfAnnotation(7, None, "Lights off"),
        ],
    )
    file.write(tmp_path / "a.edf")
    edf = one(tmp_path / "a.edf")
    spans = [(s.movement.onset, s.movement.offset, s.movement.side, s.periodic) for s in plain.movements]
    assert [side for _, _, side, _ in spans] == ["left", "left", "right", "left"]
    for other in (annot, edf):
        assert [
            (s.movement.onset, s.movement.offset, s.movement.side, s.periodic) for s in other.movements
        ] == spans
    assert edf.interpretation.stages == [(0, 30 * 10**9, "N2")]
    assert edf.interpretation.respiratory == [(5 * 10**9, 15 * 10**9)]
    assert [n.code for n in read_events(tmp_path / "a.edf")[0].notes()] == ["annotations_not_used"]


def test_luna_clock_times_and_elapsed_times(tmp_path: Path) -> None:
    clock = [("23:59:50", "23:59:52"), ("00:00:10", "00:00:12.5")]
    lines = [f"lm_left\t.\t.\t{a}\t{b}\t." for a, b in clock]
    scored = one(write(tmp_path / "a.annot", "\n".join(["# a comment", *lines])))
    assert [(s.movement.onset / 1e9, s.movement.offset / 1e9) for s in scored.movements] == [
        (0, 2),
        (20, 22.5),
    ]
    elapsed = one(write(tmp_path / "b.annot", "lm_left\t.\t.\t0+00:01:00\t0+00:01:02\t."))
    assert elapsed.movements[0].movement.onset == 60 * 10**9


def test_series_and_unlabelled_annotations(tmp_path: Path) -> None:
    lines = [
        "PLM series 07\t.\t.\t0\t100\t.",
        "Limb movement\t.\t.\t10\t12\t.",
        "PLM\t.\tR\t20\t22\t.",
    ]
    (events,) = read_events(write(tmp_path / "a.annot", "\n".join(lines)))
    counts = {n.code: n.values["count"] for n in events.notes() if "count" in n.values}
    assert counts == {"series_not_movements": 1, "movements_without_leg": 1}
    assert [m[2] for m in events.movements] == ["left", "right"]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([[2, 1, "left"]], "movement 1: it ends at 1 s, before it starts at 2 s"),
        ([[0, 1, "left"], [5, float("nan"), "left"]], "movement 2: its end is nan; expected a finite number"),
        ([[float("inf"), 1, "left"]], "movement 1: its start is inf"),
        ([[0, 1, "tail"]], "movement 1: the leg is 'tail'; expected 'left' or 'right'"),
        ([[0, 1, None]], "movement 1: the leg is None"),
        ([[0, 1]], "movement 1: expected onset, offset and leg"),
        (["abc"], "movement 1: expected onset, offset and leg"),
        ([7], "movement 1: expected onset, offset and leg"),
        ([["0", 1, "left"]], "movement 1: its start is '0'; expected seconds"),
        ([[True, 1, "left"]], "movement 1: its start is True"),
        ([[-1, 1, "left"]], "movement 1: it starts at -1 s, before the recording does"),
        (
            [[0, 1, "left"], [99, 101, "left"]],
            "movement 2: it ends at 101 s, after the recording does at 100 s",
        ),
    ],
)
def test_a_row_that_cannot_be_is_refused_by_its_number(rows: list[object], says: str) -> None:
    with pytest.raises(RowError) as error:
        checked_movements(rows, 100.0)
    assert says in str(error.value)


def test_what_the_standard_puts_right_is_put_right(tmp_path: Path) -> None:
    unsorted = [RUN[2], RUN[0], RUN[3], RUN[1], [0.5, 1.5, "left"], [21, 23, "left"]]
    scored = one(write(tmp_path / "a.json", {"movements": unsorted, "duration_s": 100}))
    assert [s.movement.onset / 1e9 for s in scored.movements] == [0, 20, 40, 60]
    assert scored.movements[1].movement.offset == 23 * 10**9
    assert scored.indices.periodic == 4


def test_too_many_movements_are_refused_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST == 100_000
    monkeypatch.setattr("legmon.scoring.checked.MOST", 2000)  # a hundred thousand take a second
    rows = iter([[0.0, 1.0, "left"]] * 10_000)
    with pytest.raises(RowError, match="more than 2,000 movements"):
        checked_movements(rows)
    assert len(list(rows)) >= 7999, "the rest was not read"


def test_seconds_since_1970_keep_an_interval_of_10_s() -> None:
    onset = 1_790_000_000.1
    assert nanoseconds(onset + 10.0) - nanoseconds(onset) == 10 * 10**9


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", "{", "is not JSON"),
        ("a.json", "[" * 100_000, "is not JSON|nested too deep"),
        ("a.json", "[1]", "recording 1: expected an object"),
        ("a.json", '{"movements": 5}', "'movements' is not a list"),
        ("a.json", '{"movements": [], "moves": []}', "'moves' is not known"),
        ("a.json", '{"movements": [], "duration_s": "long"}', "'duration_s' is 'long'"),
        ("a.json", '{"movements": [], "gaps": [[5, 1]]}', "gap 1: it ends at 1 s, before it starts"),
        ("a.json", '{"movements": [], "stages": [[0, 30, "N4"]]}', "stage 1: the stage is 'N4'"),
        ("a.csv", "onset,offset\n", "line 1: expected the header onset_s,offset_s,leg"),
        ("a.csv", "onset_s,offset_s,leg\n1,2\n", "line 2: 2 columns; expected 3"),
        ("a.csv", "onset_s,offset_s,leg\n1,x,left\n", "line 2: 'x' is not a number"),
        ("a.annot", "lm_left\t1\n", "line 1: 2 columns"),
        ("a.annot", "lm_left\t.\t.\tnoon\t2\t.\n", "line 1: 'noon' is not a number"),
        ("a.edf", "not an EDF file", "cannot be read as EDF"),
        ("a.doc", "", "expected a file that ends in .json"),
        ("a.txt", "", "it holds no rows"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_said(
    tmp_path: Path, name: str, content: str, says: str
) -> None:
    with pytest.raises(EventsError, match=says):
        score_events(write(tmp_path / name, content), "wasm2016", Interpretation())


def test_the_command_line_answers_in_the_order_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "two.json", [{"movements": RUN, "duration_s": 3600}, {"movements": []}])

    answers = json.loads(run_command("score", "--events", str(path), "--json", "--rules", "wasm2006").stdout)
    assert [(a["rules"], a["indices"]["periodic"]) for a in answers] == [("wasm2006", 4), ("wasm2006", 0)]
    assert answers[0]["movements"][0]["peak_mg"] is None
    table = run_command("score", "--events", str(path), "--rules", "aasm").stdout
    assert "Rules: AASM." in table
    assert "sleep stage, respiration, arousal" in table
    write(path, {"movements": [[3, 1, "left"]]})
    bad = run_command("score", "--events", str(path), "--json")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "movement 1: it ends at 1 s" in bad.stderr


def test_a_real_scored_night_has_its_one_episode_and_nothing_else() -> None:
    """A laboratory's own marks (Noxturnal, MIT): 29 leg movements, one episode drawn by the scorer."""
    with REAL_NIGHT.open() as file:
        rows = [(r["event"], float(r["onset_s"]), float(r["duration_s"])) for r in csv.DictReader(file)]
    movements = [[onset, onset + length, "left"] for event, onset, length in rows if event == "leg movement"]
    episodes = [(onset, onset + length) for event, onset, length in rows if event == "episode"]
    assert (len(movements), len(episodes)) == (29, 1)
    for rules in ("wasm2016", "wasm2006", "aasm"):
        from legmon.scoring.score import scored_night

        scored = scored_night(checked_movements(movements), [], 9 * 3600 * 10**9, rules=rules)
        members = [s.movement.onset / 1e9 for s in scored.movements if s.periodic]
        assert scored.indices.series == 1
        assert len(members) == 4
        assert episodes[0][0] - 1 <= members[0]
        assert members[-1] <= episodes[0][1] + 1


# One check for `legmon.score` and for files.


NS = 10**9
NAN = float("nan")


def as_objects(rows: list[tuple[Any, Any, Any]]) -> list[LegMovement]:
    return [LegMovement(a * NS, b * NS, leg) for a, b, leg in rows]


@pytest.mark.parametrize(
    ("whole", "says"),
    [
        ({"movements": RUN, "duration_s": -5}, "'duration_s' is -5; expected seconds, 0 or more"),
        ({"movements": RUN, "duration_s": 1e10}, "expected seconds, 0 or more and less than 1,000,000,000"),
        ({"movements": RUN, "duration_s": NAN}, "'duration_s' is nan"),
        ({"movements": RUN, "duration_s": True}, "'duration_s' is True"),
        ({"movements": RUN, "duration_s": "1"}, "'duration_s' is '1'"),
        ({"movements": RUN, "gaps": [[1, 2], [9, 3]]}, "gap 2: it ends at 3 s, before it starts at 9 s"),
        ({"movements": RUN, "gaps": [[-1, 2]]}, "gap 1: it starts at -1 s, before the recording does"),
        ({"movements": RUN, "gaps": [[1, NAN]]}, "gap 1: its end is nan; expected a finite number"),
        ({"movements": RUN, "gaps": [[1, 2, 3]]}, "gap 1: expected start and end"),
        ({"movements": [RUN[0], (5, 4, "left")]}, "movement 2: it ends at 4 s, before it starts at 5 s"),
        ({"movements": [(-3, 4, "left")]}, "movement 1: it starts at -3 s, before the recording does"),
        ({"movements": [(NAN, 4, "left")]}, "movement 1: its start is nan; expected a finite number"),
        ({"movements": [(1, 4, "Left")]}, "movement 1: the leg is 'Left'; expected 'left' or 'right'"),
        ({"movements": [(1, 4, "both")]}, "movement 1: the leg is 'both'"),
        ({"movements": RUN, "duration_s": 61}, "movement 4: it ends at 62 s, after the recording does at 61"),
    ],
)
def test_score_refuses_what_a_file_is_refused_for(whole: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(EventsError) as in_file:
        score_events(write(tmp_path / "a.json", whole), "wasm2016", Interpretation())
    assert says in str(in_file.value)
    with pytest.raises(ValueError, match=r".") as in_python:
        score(as_objects(whole["movements"]), gaps=whole.get("gaps", ()), duration_s=whole.get("duration_s"))
    assert says in str(in_python.value)


def test_score_refuses_what_is_no_movement_and_takes_arrays() -> None:
    with pytest.raises(ValueError, match="movement 1: expected onset, offset and leg, not 7"):
        score([7])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="movement 1: its start is '0'; expected seconds"):
        score([LegMovement("0", 4, "left")])  # type: ignore[arg-type]
    night = score(as_objects([*RUN]), gaps=np.array([[70, 80], [90, 1000]]), duration_s=100)
    assert night.gaps == [(70 * NS, 80 * NS), (90 * NS, 100 * NS)]
    exact = LegMovement(1, 3 * NS + 1, "left")
    assert score([exact]).detections == (exact,)


def test_what_a_file_says_that_was_not_understood_is_shown(tmp_path: Path) -> None:
    rows = [
        "lm_left\t.\t.\t1\t3\t.",
        "Limb movement\t.\t.\t30\t32\t.",
        "arousal\t.\t.\t30\t32\t.",
        "dream\t.\t.\t1\t2\t.",
        "dream\t.\t.\t5\t6\t.",
        "[red]odd\x1b[/]\t.\t.\t1\t2\t.",
    ]
    path = write(tmp_path / "a.annot", "\n".join(rows))
    unknown = (
        "Annotations that legmon did not understand and did not use: 3 (dream × 2, [red]odd\ufffd[/] × 1)."
    )
    no_leg = "Movements that do not name one leg: 1. They were scored as movements of the left leg."
    scored = one(path)
    assert [(n.code, n.values) for n in scored.notes] == [
        ("annotations_not_understood", {"count": 3}),
        ("annotations_not_used", {"count": 1}),
        ("movements_without_leg", {"count": 1}),
        ("length_guessed", {"seconds": 32.0}),
    ]
    answer = json.loads(run_command("score", "--events", str(path), "--json").stdout)
    first, _, third, _ = answer["details"]["notes"]
    assert (first["code"], first["count"]) == ("annotations_not_understood", 3)
    assert first["sentence"].startswith(unknown)
    assert (third["code"], third["count"], third["sentence"]) == ("movements_without_leg", 1, no_leg)
    assert answer["not_understood"] == [
        {"text": "dream", "count": 2},
        {"text": "[red]odd\ufffd[/]", "count": 1},
    ]
    printed = " ".join(run_command("score", "--events", str(path)).stdout.split())
    assert unknown in printed
    assert no_leg in printed


def test_a_file_that_is_understood_has_no_notes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", {"movements": RUN})
    assert one(path).to_dict()["details"]["notes"] == []
    assert one(path).to_dict()["not_understood"] == []
    assert "did not understand" not in run_command("score", "--events", str(path)).stdout
