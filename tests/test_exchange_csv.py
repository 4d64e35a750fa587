"""CSV files: what is read, and how each bad line is said."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from legmon.errors import LegmonError
from legmon.exchange.csv import CsvError, detect_csv, read_csv
from legmon.exchange.layout import HEADER
from legmon.movement import NS
from legmon.night.track import score_night
from legmon.recording.records import Gap

Samples = NDArray[np.float64]
ROWS = "".join(f"{i / 50:.2f},0,0,1\n" for i in range(20))  # lines 2 to 21


def at_rest(n: int, seed: int = 1) -> Samples:
    return np.random.default_rng(seed).normal((0.0, 0.0, 1.0), 0.002, (n, 3))


def with_lifts(times: Samples, onsets: list[float]) -> Samples:
    """Rest with lifts of 12 degrees and 2 s."""
    angle = np.zeros_like(times)
    for onset in onsets:
        u = np.clip((times - onset) / 0.5, 0, 1) - np.clip((times - onset - 1.3) / 0.7, 0, 1)
        angle += math.radians(12) * u * u * (3 - 2 * u)
    xyz = at_rest(len(times))
    xyz[:, 0] += np.sin(angle)
    xyz[:, 2] += np.cos(angle) - 1
    return xyz


def write(path: Path, times: Samples, xyz: Samples | None = None) -> Path:
    xyz = at_rest(len(times)) if xyz is None else xyz
    np.savetxt(path, np.column_stack([times, xyz]), "%.6f", ",", header=HEADER, comments="")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ankle.csv"


# What is refused.

NUMBERS = f"expected 4 ({HEADER})"
BAD = {
    "an empty file": ("", "line 1: the file is empty; expected the header"),
    "only white space": (" \n\n", "line 1: the file is empty; expected the header"),
    "no header": (ROWS, "line 1: the header is '0.00,0,0,1'; expected time_s,x_g,y_g,z_g"),
    "another header": (
        "when,here,there,up\n" + ROWS,
        "line 1: the header is 'when,here,there,up'; expected time_s,x_g,y_g,z_g, or name the columns of time, x, y and z with",
    ),
    "only a header": (HEADER + "\n", "line 2: there is no sample; expected four numbers a line"),
    "only a header, no line end": (HEADER, "line 2: there is no sample; expected four numbers a line"),
    "one row": (f"{HEADER}\n0,0,0,1\n", "line 3: there is only one sample"),
    "text": (f"{HEADER}\n{ROWS}0.4,0,abc,1\n", "line 22: y_g is 'abc'; expected a number"),
    "no time": (f"{HEADER}\n{ROWS},0,0,1\n", "line 22: time_s is ''; expected a number"),
    "a time that is no number": (
        f"{HEADER}\n{ROWS}nan,0,0,1\n",
        "line 22: time_s is nan; expected a finite number",
    ),
    "infinity": (f"{HEADER}\n-inf,0,0,1\n{ROWS}", "line 2: time_s is -inf; expected a finite number"),
    "a number too large": (
        f"{HEADER}\n{ROWS}0.4,1e999,0,1\n",
        "line 22: x_g is 1e999; expected a finite number",
    ),
    "a column too few": (f"{HEADER}\n{ROWS}0.4,0,1\n", f"line 22: 3 columns; {NUMBERS}"),
    "a column too many": (f"{HEADER}\n0,0,0,1,5\n{ROWS}", f"line 2: 5 columns; {NUMBERS}"),
    "a column too few everywhere": (f"{HEADER}\n0,0,1\n0.02,0,1\n", f"line 2: 3 columns; {NUMBERS}"),
    "a comma behind the last": (f"{HEADER}\n{ROWS}0.4,0,0,1,\n", f"line 22: 5 columns; {NUMBERS}"),
    "semicolons": (f"{HEADER}\n0;0;0;1\n0.02;0;0;1\n", f"line 2: 1 columns; {NUMBERS}"),
    "a comment": (f"{HEADER}\n{ROWS}# turned over\n", f"line 22: 1 columns; {NUMBERS}"),
    "a fault behind blank lines": (f"{HEADER}\n\n\n{ROWS}\nx\n", f"line 25: 1 columns; {NUMBERS}"),
    "the first of two faults": (f"{HEADER}\n{ROWS}0.4,0,1\n0.42,a,0,1\n", f"line 22: 3 columns; {NUMBERS}"),
    "a fault behind jitter": (f"{HEADER}\n{ROWS}0.38,0,0,1\n0.4,0,a,1\n", "line 23: y_g is 'a'"),
    "zeros of a torn write": (f"{HEADER}\n{ROWS}\0\0\0\0", f"line 22: 1 columns; {NUMBERS}"),
    "one time only": (
        f"{HEADER}\n1,0,0,1\n1,0,0,1\n",
        "the times do not advance, so there is no sample rate",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_said_by_name_line_and_what_was_expected(file: Path, what: str) -> None:
    content, message = BAD[what]
    file.write_text(content, encoding="utf-8", newline="")
    with pytest.raises(CsvError) as error:
        read_csv(file)
    assert isinstance(error.value, LegmonError)
    assert str(error.value).startswith(str(file))
    assert message in str(error.value)


@pytest.mark.parametrize("data", [bytes(range(256)), b"\x89PNG\r\n\x1a\n\x00", HEADER.encode("utf-16")])
def test_a_binary_file_is_said(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    with pytest.raises(
        CsvError, match=f"line [12]: this is not text in UTF-8; expected CSV with the header {HEADER}"
    ) as error:
        read_csv(file)
    assert str(file) in str(error.value)


def test_a_binary_file_that_could_be_text_is_said(file: Path) -> None:
    file.write_bytes(bytes(500))
    with pytest.raises(CsvError, match=r"line 1: the header is .*; expected time_s,x_g,y_g,z_g") as error:
        read_csv(file)
    assert len(str(error.value)) < 500


def test_a_file_that_is_not_there_is_said(file: Path) -> None:
    with pytest.raises(CsvError, match="cannot be read") as error:
        read_csv(file)
    assert str(file) in str(error.value)


def test_a_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(CsvError, match="cannot be read"):
        read_csv(tmp_path)


def test_a_rate_that_no_detector_can_use_is_said_with_the_file(file: Path) -> None:
    write(file, np.arange(200) / 10)
    with pytest.raises(CsvError, match=r"10\.0 Hz is outside 20 to 500 Hz") as error:
        detect_csv(file, "left")
    assert str(file) in str(error.value)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80), st.booleans())
def test_any_bytes_are_read_or_refused_and_nothing_else(file: Path, data: bytes, headed: bool) -> None:
    file.write_bytes(HEADER.encode() + b"\n0,0,0,1\n" + data if headed else data)
    try:
        recording = read_csv(file)
    except CsvError:
        return
    assert recording.rate_hz > 0


@pytest.mark.parametrize("bad", ["0.4,0,1_0,1", "0.4,0,\u0661,1"])
def test_a_number_only_python_reads_is_said_with_its_line(file: Path, bad: str) -> None:
    file.write_text(f"{HEADER}\n{ROWS}{bad}\n", encoding="utf-8")
    with pytest.raises(CsvError, match="line 22: y_g"):
        read_csv(file)


def test_a_line_of_spaces_is_a_blank_line(file: Path) -> None:
    file.write_text(f"{HEADER}\n{ROWS} \n")
    assert [len(s.xyz) for s in read_csv(file).stretches] == [20]


def test_a_line_ends_with_a_line_end_only(file: Path) -> None:
    file.write_text(f"{HEADER}\n{ROWS}0.4,0,0,1\x0c\n0.42,0,1\n")
    with pytest.raises(CsvError, match="line 23: 3 columns"):
        read_csv(file)


def test_a_byte_that_is_no_text_is_said_with_its_line(file: Path) -> None:
    file.write_bytes(f"{HEADER}\n{ROWS}".encode() + b"0.4,\xe9,0,1\n")
    with pytest.raises(CsvError, match="line 22"):
        read_csv(file)


# What is read.


def test_samples_are_those_of_the_file(file: Path) -> None:
    file.write_text(f"{HEADER}\n0,0.5,-1e-3,1\n0.02,1,2,3\n0.04,0,0,0\n")
    recording = read_csv(file)
    (stretch,) = recording.stretches
    assert recording.rate_hz == pytest.approx(50.0)
    assert (stretch.first, stretch.start_s) == (0, 0.0)
    assert stretch.xyz.ravel().tolist() == pytest.approx([0.5, -0.001, 1, 1, 2, 3, 0, 0, 0], rel=1e-6)
    assert recording.gaps == []


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("last", ["", "\n", "\n\n\n"])
def test_line_ends_of_any_system_and_a_byte_order_mark_are_fine(
    file: Path, end: str, mark: str, last: str
) -> None:
    text = mark + HEADER + "\n" + ROWS.strip() + last
    file.write_bytes(text.replace("\n", end).encode())
    recording = read_csv(file)
    assert recording.rate_hz == pytest.approx(50.0)
    assert [len(s.xyz) for s in recording.stretches] == [20]


def test_spaces_and_blank_lines_are_fine(file: Path) -> None:
    file.write_text(f"{HEADER} \n" + ROWS.replace(",", " , ") + "\n\n0.4, 0, 0, 1\n")
    assert [len(s.xyz) for s in read_csv(file).stretches] == [21]


def test_two_samples_of_the_same_time_are_jitter(file: Path) -> None:
    file.write_text(f"{HEADER}\n0,0,0,1\n0.04,0,0,1\n0.04,0,0,1\n0.06,0,0,1\n")
    assert read_csv(file).rate_hz == pytest.approx(50.0)


# Gaps, jitter, rate.


def test_a_gap_parts_the_samples_and_is_counted_in_samples(file: Path) -> None:
    times = np.arange(1000) / 50
    times[400:] += 5.0
    recording = read_csv(write(file, times))
    assert [(s.first, s.start_s, len(s.xyz)) for s in recording.stretches] == [
        (0, 0.0, 400),
        (650, 13.0, 600),
    ]
    assert recording.gaps == [Gap(400, 250, "file_gap")]


def test_several_gaps(file: Path) -> None:
    times = np.arange(1000) / 50
    times[300:] += 1.0
    times[500:] += 10.0
    times[501:] += 0.2
    gaps = read_csv(write(file, times)).gaps
    assert [(h.first, h.count) for h in gaps] == [(300, 50), (550, 500), (1051, 10)]


@pytest.mark.parametrize(("step", "expected"), [(0.099, 0), (0.101, 1)])
def test_a_step_up_to_a_tenth_of_a_second_is_jitter(file: Path, step: float, expected: int) -> None:
    times = np.arange(1000) / 50
    times[400:] += step - 0.02
    assert len(read_csv(write(file, times)).gaps) == expected


@pytest.mark.parametrize(("step", "expected"), [(0.149, 0), (0.151, 1)])
def test_a_step_up_to_one_and_a_half_periods_is_jitter(file: Path, step: float, expected: int) -> None:
    times = np.arange(400) / 10
    times[200:] += step - 0.1
    gaps = read_csv(write(file, times)).gaps
    assert [h.count for h in gaps] == [1] * expected


def test_jitter_is_no_gap(file: Path) -> None:
    times = np.arange(3000) / 50 + np.random.default_rng(1).uniform(-0.009, 0.009, 3000)
    recording = read_csv(write(file, times))
    assert recording.gaps == []
    assert recording.rate_hz == pytest.approx(50.0, rel=1e-3)


def test_the_rate_is_measured_over_the_stretches(file: Path) -> None:
    times = np.arange(2000) / 50.6
    times[1000:] += 100.0
    assert read_csv(write(file, times)).rate_hz == pytest.approx(50.6, rel=1e-6)


def test_the_rate_does_not_depend_on_where_the_gaps_are(file: Path) -> None:
    """(n - 1) / span, summed over stretches of different rates."""
    a, b = np.arange(101) / 50, 60 + np.arange(301) / 40
    assert read_csv(write(file, np.concatenate([a, b]))).rate_hz == pytest.approx(400 / (2.0 + 7.5), rel=1e-6)


# From a file to movements.


def test_movements_have_the_times_of_the_file(file: Path) -> None:
    start = 5000.25
    times = start + np.arange(4000) / 50.6
    onsets = [start + s for s in (10, 30, 50, 70)]
    track = detect_csv(write(file, times, with_lifts(times, onsets)), "right")
    night = score_night([track], origin_ns=0)
    assert [m.movement.onset / NS for m in night.movements] == pytest.approx(onsets, abs=0.15)
    assert {m.movement.side for m in night.movements} == {"right"}
    assert night.duration_ns / NS == pytest.approx(4000 / 50.6, abs=1e-3)
    assert night.indices.periodic == 4
    assert not track.simulated


def test_movements_behind_a_gap_have_the_times_of_the_file(file: Path) -> None:
    times = np.arange(5000) / 50
    times[2000:] += 7.3
    onsets = [10.0, 30.0, 60.0, 80.0]
    track = detect_csv(write(file, times, with_lifts(times, onsets)), "left")
    night = score_night([track], origin_ns=0)
    assert [m.movement.onset / NS for m in night.movements] == pytest.approx(onsets, abs=0.15)
    assert [[a / NS, b / NS] for a, b in night.gaps] == [pytest.approx([40.0, 47.3], abs=0.001)]
    assert [m.interval is None for m in night.movements] == [True, False, True, False]
    assert night.duration_ns - night.analysed_ns == pytest.approx(7.3 * NS, abs=NS / 1000)


def test_a_gap_cuts_a_movement_and_none_begins_in_it(file: Path) -> None:
    times = np.arange(3000) / 50
    times[1025:] += 3.0  # half a second into the lift at 20 s
    track = detect_csv(write(file, times, with_lifts(np.arange(3000) / 50, [20.0])), "left")
    assert len(track.movements) >= 1
    for m in track.movements:
        assert m.first is not None
        assert m.end is not None
        assert m.end <= 1025 or m.first >= 1175


@pytest.mark.parametrize("chunk", [1, 7, 50, 999, 100_000])
def test_the_chunk_changes_nothing(file: Path, chunk: int) -> None:
    times = np.arange(4000) / 50
    times[2000:] += 2.0
    write(file, times, with_lifts(times, [10.0, 20.0, 45.0, 60.0]))
    whole = detect_csv(file, "left")
    assert len(whole.movements) == 4
    assert detect_csv(file, "left", chunk=chunk) == whole
