"""Nights that somebody else scored, in the formats in which other programs write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from legmon.exchange.annotation import Annotation
from legmon.exchange.edf import read_edf
from legmon.exchange.events import read_events, score_events
from legmon.exchange.luna import read_luna
from legmon.exchange.scored_night import EventsError, sorted_events
from legmon.movement import NS
from legmon.scoring.result import Scored
from legmon.scoring.rules import Interpretation
from legmon.scoring.sleep import agreed
from tests.conftest import run_command

ONSETS = [60.0, 80.0, 100.0, 120.0, 140.0, 160.0]


def one(path: Path, rules: str = "wasm2016") -> Scored:
    (scored,) = score_events(path, rules, Interpretation())
    return scored


def codes(scored: Scored) -> dict[str, dict[str, float]]:
    return {n.code: dict(n.values) for n in scored.notes}


def onsets(scored: Scored) -> list[float]:
    return [s.movement.onset / NS for s in scored.movements]


# EDF+, by the rules of its standard.


def stamped(onset: float, length: float | None, *texts: str | bytes) -> bytes:
    """A time-stamped list of annotations."""
    lasts = b"" if length is None else b"\x15%g" % length
    written = b"".join((t if isinstance(t, bytes) else t.encode()) + b"\x14" for t in texts)
    return b"%+g" % onset + lasts + b"\x14" + written + b"\0"


def edf(
    records: Sequence[bytes],
    *,
    record_s: float = 600.0,
    kind: bytes = b"EDF+C",
    signal: bool = True,
    declared: int | None = None,
    label: bytes = b"EDF Annotations",
    width: int = 2,
) -> bytes:
    """An EDF+ file of these annotations, with one flat signal or without."""
    longest = -(-max(map(len, records)) // width)
    signals = [(b"Leg L", 1), (label, longest)] if signal else [(label, longest)]
    head = (
        (b"\xffBIOSEMI" if width == 3 else b"0".ljust(8))
        + b"X".ljust(80)
        + b"X".ljust(80)
        + b"01.03.2622.00.00"
    )
    head += str(256 * (len(signals) + 1)).encode().ljust(8) + kind.ljust(44)
    head += str(len(records) if declared is None else declared).encode().ljust(8) + (b"%g" % record_s).ljust(
        8
    )
    head += str(len(signals)).encode().ljust(4)
    for field, size in (
        (None, 16),
        (b"", 80),
        (b"", 8),
        (b"-1", 8),
        (b"1", 8),
        (b"-32768", 8),
        (b"32767", 8),
        (b"", 80),
    ):
        head += b"".join((name if field is None else field).ljust(size) for name, _ in signals)
    head += b"".join(str(n).encode().ljust(8) for _, n in signals) + b"".ljust(32) * len(signals)
    body = b"".join(bytes(width) * signal + r.ljust(width * longest, b"\0") for r in records)
    return head + body


MARKS = b"".join(stamped(t, 2, "Limb movement left") for t in ONSETS)
START = stamped(0, None, "")
N2 = stamped(0, 600, "Sleep stage N2")


def test_edfplus_2_2_2_annotations_without_signals_have_records_of_no_length(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    path.write_bytes(edf([START + N2 + MARKS], record_s=0, signal=False))
    scored = one(path)
    assert onsets(scored) == ONSETS
    assert scored.duration_ns == 600 * NS
    assert codes(scored) == {"length_guessed": {"seconds": 600.0}}


def test_edfplus_2_2_4_records_begin_where_they_say(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    later = stamped(400, None, "") + stamped(610, 2, "Limb movement left")
    path.write_bytes(edf([START + MARKS, later], record_s=300, kind=b"EDF+D"))
    scored = one(path)
    assert onsets(scored) == [*ONSETS, 610.0]
    assert scored.gaps == [(300 * NS, 400 * NS)]
    assert (scored.duration_ns, scored.analysed_ns) == (700 * NS, 600 * NS)
    assert "No data from 300.0 to 400.0 s." in run_command("score", "--events", str(path)).stdout


def test_bdf_is_read_as_edf(tmp_path: Path) -> None:
    path = tmp_path / "a.bdf"
    path.write_bytes(edf([START + N2 + MARKS], kind=b"BDF+C", label=b"BDF Annotations", width=3))
    assert onsets(one(path)) == ONSETS


def test_one_odd_byte_costs_no_more_than_a_note(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    comment = stamped(5, None, "Techniker Müller".encode("latin-1"))
    path.write_bytes(edf([START + comment + N2 + MARKS]))
    scored = one(path)
    assert onsets(scored) == ONSETS
    assert "text_encoding" in codes(scored)
    assert scored.not_understood == {"Techniker Müller": 1}


def test_a_piece_that_is_no_annotation_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    path.write_bytes(edf([START + b"nonsense\0" + N2 + MARKS]))
    scored = one(path)
    assert onsets(scored) == ONSETS
    assert codes(scored)["rows_left_out"] == {"count": 1}


def test_a_file_that_ends_early_has_the_records_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    path.write_bytes(edf([START + MARKS, stamped(300, None, "")], record_s=300, declared=20))
    assert one(path).duration_ns == 600 * NS
    path.write_bytes(edf([START + MARKS, stamped(300, None, "")], record_s=300, declared=-1)[:-3])
    assert one(path).duration_ns == 300 * NS
    path.write_bytes(edf([START + MARKS])[: 256 * 3 - 5])
    assert codes(one(path)) == {"no_leg_movements": {}}


def test_rows_outside_of_the_file_cost_only_themselves(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    outside = (
        stamped(-0.4, 1.6, "Limb movement left")
        + stamped(599, 2, "LM left")
        + stamped(-4, None, "Lights off")
    )
    path.write_bytes(edf([START + outside + stamped(-30, 660, "Sleep stage N2") + MARKS]))
    scored = one(path)
    assert onsets(scored) == ONSETS
    assert codes(scored) == {"annotations_outside": {"count": 2}, "annotations_not_used": {"count": 1}}
    assert scored.interpretation.stages == [(0, 600 * NS, "N2")], "cut at the ends of the recording"


def test_movements_without_a_length_are_said_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    without = b"".join(stamped(t, None, "LM left") for t in ONSETS[:2]) + stamped(300, 0, "LM left")
    path.write_bytes(edf([START + without]))
    with pytest.raises(EventsError, match="the 3 leg movements in it are marked without a length"):
        one(path)
    path.write_bytes(edf([START + without + stamped(400, 2, "LM left")]))
    assert codes(one(path)) == {"movements_without_length": {"count": 3}}


def test_stages_without_a_length_last_until_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    stages = (
        stamped(300, None, "Sleep stage W")
        + stamped(0, None, "Sleep stage N2")
        + stamped(90, None, "Sleep stage ?")
    )
    path.write_bytes(edf([START + stages + stamped(95, None, "Sleep stage 3") + MARKS]))
    assert one(path).interpretation.stages == [
        (0, 90 * NS, "N2"),
        (95 * NS, 300 * NS, "N3"),
        (300 * NS, 600 * NS, "W"),
    ]


def test_a_file_without_leg_movements_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    path.write_bytes(
        edf([START + stamped(60, 14, "Obstructive Apnea")], record_s=0, signal=False, kind=b"EDF+D")
    )
    scored = one(path)
    assert scored.indices.movements == 0
    assert "no_leg_movements" in codes(scored)
    assert "holds no leg movement" in run_command("score", "--events", str(path)).stdout


def test_the_header_names_signals_and_start(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    path.write_bytes(edf([START]))
    header = read_edf(path).header
    assert [s.label for s in header.signals] == ["Leg L", "EDF Annotations"]
    assert header.start is not None
    assert header.start.isoformat() == "2026-03-01T22:00:00+00:00"


# What the marks of a night are.


def test_a_long_mark_over_several_movements_is_a_series() -> None:
    marks = [Annotation(t, 2.0, "LM") for t in ONSETS] + [Annotation(60.0, 102.0, "PLM")]
    events = sorted_events(marks, 600.0)
    assert [m[0] for m in events.movements] == ONSETS
    assert "series_not_movements" in {n.code for n in events.notes()}
    alone = sorted_events([Annotation(0.0, 102.0, "PLM"), Annotation(300.0, 2.0, "LM")], 600.0)
    assert len(alone.movements) == 2, "a long movement by itself stays one"
    twice = sorted_events([Annotation(0.0, 20.0, "PLM")] * 3, 600.0)
    assert len(twice.movements) == 3, "the same mark of three scorers is no series"


def test_a_mark_of_both_legs_is_a_movement_of_each(tmp_path: Path) -> None:
    path = tmp_path / "a.annot"
    path.write_text("".join(f"LM both\t.\t.\t{t}\t+2\t.\n" for t in ONSETS))
    scored = one(path)
    assert {s.movement.side for s in scored.movements} == {"both"}
    assert (scored.indices.movements, scored.indices.periodic) == (6, 6)
    assert "movements_without_leg" not in codes(scored)


def test_stages_that_overlap_count_once_and_disagreement_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    path.write_bytes(edf([START + N2 + N2 + MARKS]))
    agreeing = one(path)
    assert agreeing.to_dict()["details"]["sleep"]["hours_asleep"] == pytest.approx(1 / 6, abs=1e-6)
    assert "stages_disagree" not in codes(agreeing)
    wake = stamped(0, 120, "Sleep stage W")
    both = []
    for first, second in ((N2, wake), (wake, N2)):
        path.write_bytes(edf([START + first + second + MARKS]))
        both.append(one(path, "aasm").to_dict())
        assert codes(one(path))["stages_disagree"] == {"seconds": 120.0}
    assert both[0] == both[1], "whatever their order"
    assert both[0]["details"]["sleep"]["hours_asleep"] == pytest.approx(480 / 3600, abs=1e-6)


def test_stages_are_joined_and_never_overlap() -> None:
    stages = [(0, 30, "N2"), (30, 60, "N2"), (50, 90, "R"), (80, 100, "R"), (120, 130, "W"), (5, 5, "W")]
    assert agreed(stages) == ([(0, 50, "N2"), (60, 100, "R"), (120, 130, "W")], 10)


# Luna.

LUNA = {
    "seconds": ("120", "150"),
    "a length": ("120", "+30"),
    "clock": ("22:02:00", "22:02:30"),
    "clock with dots": ("22.02.00", "22.02.30"),
    "clock and a length": ("22:02:00", "+30"),
    "am and pm": ("10:02:00pm", "10:02:30pm"),
    "am and pm, apart": ("10:02:00 PM", "10:02:30 PM"),
    "dates": ("01-03-26-22:02:00", "01-03-26-22:02:30"),
    "dates with a month": ("1-Mar-2026-22:02:00", "1-Mar-2026-22:02:30"),
    "dates with strokes": ("01/03/2026-22:02:00", "+30"),
    "since the start": ("0+00:02:00", "0+00:02:30"),
    "an epoch": ("e:5", "."),
    "from epoch to epoch": ("e:5", "e:5"),
    "an epoch of 20 s": ("e:7:20", "150"),
    "epochs that overlap": ("e:9:30:15", "."),
    "until the next one": ("120", "..."),
}


@pytest.mark.parametrize("what", LUNA)
@pytest.mark.parametrize("columns", [3, 4, 6])
def test_luna_writes_one_interval_in_many_ways(what: str, columns: int) -> None:
    start, stop = LUNA[what]
    before = {3: "", 4: ".\t", 6: ".\t.\t"}[columns]
    after = "\t." if columns == 6 else ""
    # The first row is the start of the recording.
    origin = {"0": "22:00:00", "d": "01-03-26-22:00:00"}["d" if "-" in start else "0"]
    lines = [
        f"N2\t{before}{origin}\t+30{after}",
        f"LM\t{before}{start}\t{stop}{after}",
        f"W\t{before}150\t+5{after}",
    ]
    if start[0].isdigit() and ":" not in start and "." not in start:
        lines[0] = f"N2\t{before}0\t+30{after}"
    found = read_luna(lines)
    assert (found.annotations[1].onset_s, found.annotations[1].length_s) == (120.0, 30.0)


def test_luna_rows_in_any_order_over_midnight() -> None:
    rows = [
        "LM:left . . 00:00:10 00:00:12 .",
        "N2 . . 23:59:00 +30 .",
        "LM:left . . 23:59:50 +2 .",
        "# a comment",
    ]
    found = read_luna(rows)
    assert [a.onset_s for a in found.annotations] == [70.0, 0.0, 50.0]
    assert found.origin.time_of_day == "23:59:00"
    assert found.origin.guessed
    began = read_luna(["start_hms . . 23:58:00 . .", *rows])
    assert [a.onset_s for a in began.annotations[1:]] == [130.0, 60.0, 110.0]
    assert not began.origin.guessed


@pytest.mark.parametrize(
    "row",
    [
        "LM 1",
        "LM . . noon 2 .",
        "LM . . 1 +x .",
        "LM . . e:0 . .",
        "LM . . 40-13-26-22:00:00 +1 .",
        "LM . . nan 2 .",
    ],
)
def test_a_row_that_luna_would_not_write_is_named(tmp_path: Path, row: str) -> None:
    path = tmp_path / "a.annot"
    path.write_text(f"LM . . 1 2 .\n{row}\n")
    with pytest.raises(EventsError, match=r"a\.annot, line 2: "):
        one(path)


# Tables and XML.


def each(row: str) -> str:
    """A row for each movement: {t} is its onset, {a} its time of day from 23:58, {c} and {d} its bounds after 23:00."""
    lines = []
    for t in ONSETS:
        minutes, seconds = divmod(round(t), 60)
        late = f"{(23, 0)[t >= 120]:02}:{(58 + minutes) % 60:02}:{seconds:02}"
        day = 1 + (t >= 120)
        lines.append(
            row.format(
                t=t, a=late, day=day, c=f"{minutes:02}:{seconds:02}", d=f"{minutes:02}:{seconds + 2:02}"
            )
        )
    return "".join(lines)


SCORED = "<ScoredEvent><{0}>{1}</{0}><Start>{2}</Start><Duration>{3}</Duration></ScoredEvent>"
TABLES = {
    "BIDS": (
        "a.tsv",
        "onset\tduration\ttrial_type\tchannel\n0\t600\tsleep_N2\tn/a\n" + each("{t}\t2.0\tlimb_movement\tLAT\n"),
    ),
    "RemLogic": (
        "a.txt",
        "RemLogic Event Export\n\nScoring Session:\n\tScorer Name:\tX\n\nTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation\n"
        "2026-03-01T23:58:00.000000\tSLEEP-S2\t600\tEEG\n"
        + each("2026-03-0{day}T{a}.000000\tPLM-LM\t2.0\tLeg-Left\n"),
    ),
    "RemLogic, times of day": (
        "a.txt",
        "Sleep Stage\tPosition\tTime [hh:mm:ss]\tEvent\tDuration[s]\tLocation\n"
        "S2\tSupine\t23:58:00\tSLEEP-S2\t600\tROC-LOC\n" + each("S2\tSupine\t{a}\tPLM-LM\t2\tLeg-Left\n"),
    ),
    "Noxturnal": (
        "a.csv",
        "Heure de début,Heure de fin,Événement,Durée,Canal\n[],[],[],[s],\n"
        "25/07/2026 23:00:00,25/07/2026 23:10:00,N2,600,\n"
        + each("25/07/2026 23:{c},25/07/2026 23:{d},MJ,2.0,Jambe G\n"),
    ),
    "Noxturnal, in English": (
        "a.csv",
        "Start Time;End Time;Event;Duration;Location\n7/25/2026 11:00:00 PM;7/25/2026 11:10:00 PM;N2;600;\n"
        + each("7/25/2026 11:{c} PM;7/25/2026 11:{d} PM;Limb Movement;2.0;Left Leg\n"),
    ),
    "NSRR": (
        "a.xml",
        '<?xml version="1.0"?><PSGAnnotation><EpochLength>30</EpochLength><ScoredEvents>'
        + SCORED.format("EventConcept", "Recording Start Time", 0, 600)
        + SCORED.format("EventConcept", "Stage 2 sleep|2", 0, 600)
        + each(SCORED.format("EventConcept", "Periodic leg movement - left|PLM (Left)", "{t}", 2))
        + "</ScoredEvents></PSGAnnotation>",
    ),
    "Profusion": (
        "a.xml",
        "<CMPStudyConfig><EpochLength>30</EpochLength><ScoredEvents>"
        + each(SCORED.format("Name", "PLM (Left)", "{t}", 2))
        + "</ScoredEvents><SleepStages>" + "<SleepStage>2</SleepStage>" * 20 + "</SleepStages></CMPStudyConfig>",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TABLES)
def test_a_scored_night_of_another_program(tmp_path: Path, what: str) -> None:
    name, text = TABLES[what]
    path = tmp_path / name
    for encoding in ("utf-8-sig", "utf-16") if name.endswith(".csv") else ("utf-8",):
        path.write_text(text, encoding=encoding)
        scored = one(path)
        assert onsets(scored) == ONSETS
        assert {s.movement.side for s in scored.movements} == {"left"}
        assert scored.indices.series == 1
        assert scored.interpretation.stages == [(0, 600 * NS, "N2")]
        assert scored.not_understood == {}


def test_rows_of_a_table_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(TABLES["BIDS"][1] + "soon\t2\tlimb_movement\tLAT\n500\tlong\tlimb_movement\tLAT\n")
    scored = one(path)
    assert onsets(scored) == ONSETS
    assert codes(scored)["rows_left_out"] == {"count": 2, "line": 9}
    assert "the first is line 9" in " ".join(n.sentence for n in scored.notes)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.xml", "<PSGAnnotation>", "it is not XML"),
        ("a.xml", "<html></html>", "it holds no scored events"),
        ("a.xml", "<a>" * 100 + "</a>" * 100, "nested too deep"),
        (
            "a.xml",
            '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
            "it declares a document type",
        ),
        ("a.tsv", "a\tb\n1\t2\n", "line 1: the first line is .*; expected the names of columns"),
        ("a.tsv", "\0" * 100, "is not text"),
        ("a.annot", "", "it holds no rows"),
    ],
)
def test_what_is_no_scored_night_is_said(tmp_path: Path, name: str, content: str, says: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(EventsError, match=says):
        read_events(path)


def test_json_lists_what_was_not_understood_also_of_a_recording_with_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(TABLES["BIDS"][1] + "500\t2\tyawn\tn/a\n")
    answer = json.loads(run_command("score", "--events", str(path), "--json").stdout)
    assert answer["not_understood"] == [{"text": "yawn", "count": 1}]
