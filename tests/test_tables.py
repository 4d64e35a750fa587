"""Tables of acceleration as other programs write them: columns, units, dates, packing, and what a person says of them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from legmon.exchange.csv import CsvError, detect_csv, read_csv
from legmon.exchange.layout import PRESETS, Asked
from legmon.exchange.signal import Signal
from legmon.movement import NS
from legmon.night.track import score_night
from tests.conftest import run_command
from tests.test_exchange_csv import Samples, with_lifts

ONSETS = [10.0, 30.0, 50.0, 70.0]
START = datetime(2026, 3, 1, 22, 0, 0, tzinfo=UTC)


def night(rate: float = 50.0, seconds: float = 90.0) -> tuple[Samples, Samples]:
    times = np.arange(round(rate * seconds)) / rate
    return times, with_lifts(times, ONSETS)


def table(header: str, row: Callable[[float, float, float, float], str], rate: float = 50.0) -> str:
    times, xyz = night(rate)
    return header + "".join(row(t, *v) + "\n" for t, v in zip(times.tolist(), xyz.tolist(), strict=True))


def comma(x: float, digits: int = 6) -> str:
    return f"{x:.{digits}f}".replace(".", ",")


def stamp(t: float, form: str) -> str:
    return (START + timedelta(seconds=t)).strftime(form)


ACTILIFE = (
    "------------ Data File Created By ActiGraph GT9X ActiLife v6.13.3 Firmware v1.7.2 date format M/d/yyyy at 50 Hz  Filter"
    " Normal -----------\nSerial Number: X\nStart Time 22:00:00\nStart Date 3/1/2026\nEpoch Period (hh:mm:ss) 00:00:00\n"
    "Download Time 08:00:00\nDownload Date 3/2/2026\nCurrent Memory Address: 0\nCurrent Battery Voltage: 4.1     Mode = 12\n"
    "--------------------------------------------------\n"
)
G = 9.80665
WRITTEN: dict[str, tuple[str, str]] = {
    "legmon": ("", table("time_s,x_g,y_g,z_g\n", lambda t, x, y, z: f"{t:.3f},{x:.5f},{y:.5f},{z:.5f}")),
    "Polar Sensor Logger": (
        "Polar Sensor Logger",
        table(
            "Phone timestamp;sensor timestamp [ns];X [mg];Y [mg];Z [mg]\n",
            lambda t, x, y, z: (
                f"{stamp(t, '%Y-%m-%dT%H:%M:%S.%f')[:-3]};{599616000000000000 + round(t * NS)};"
                f"{1000 * x:.0f};{1000 * y:.0f};{1000 * z:.0f}"
            ),
        ),
    ),
    "Sensor Logger, m/s²": (
        "Sensor Logger",
        table(
            "time,seconds_elapsed,z,y,x\n",
            lambda t, x, y, z: f"{1772402400000000000 + round(t * NS)},{t:.6f},{G * z:.6f},{G * y:.6f},{G * x:.6f}",
        ),
    ),
    "Sensor Logger, g": (
        "Sensor Logger",
        table(
            "time,seconds_elapsed,z,y,x\n",
            lambda t, x, y, z: f"{1772402400000000000 + round(t * NS)},{t:.6f},{z:.6f},{y:.6f},{x:.6f}",
        ),
    ),
    "MetaBase": (
        "MetaBase",
        table(
            "epoc (ms),timestamp (+0100),elapsed (s),x-axis (g),y-axis (g),z-axis (g)\n",
            lambda t, x, y, z: f"{1772402400000 + 1000 * t:.0f},x,{t:.3f},{x:.3f},{y:.3f},{z:.3f}",
        ),
    ),
    "phyphox, quoted": (
        "phyphox",
        table(
            '"Time (s)","Acceleration x (m/s^2)","Acceleration y (m/s^2)","Acceleration z (m/s^2)"\n',
            lambda t, x, y, z: f"{t:.9E},{G * x:.9E},{G * y:.9E},{G * z:.9E}",
        ),
    ),
    "phyphox, decimal commas": (
        "phyphox",
        table(
            '"Time (s)";"Acceleration x (m/s^2)";"Acceleration y (m/s^2)";"Acceleration z (m/s^2)"\n',
            lambda t, x, y, z: ";".join(map(comma, (t, G * x, G * y, G * z))),
        ),
    ),
    "OMGUI": (
        "OMGUI",
        table(
            "", lambda t, x, y, z: f"{stamp(t, '%Y-%m-%d %H:%M:%S.%f')[:-3]},{x:.6f},{y:.6f},{z:.6f}"
        ),
    ),
    "ActiLife": ("ActiLife", table(ACTILIFE, lambda _, x, y, z: f"{x:.3f},{y:.3f},{z:.3f}")),
    "ActiLife, with names": (
        "ActiLife",
        table(ACTILIFE + "Accelerometer X,Accelerometer Y,Accelerometer Z\n", lambda _, *v: "{:.3f},{:.3f},{:.3f}".format(*v)),
    ),
    "ActiLife, decimal commas": (
        "ActiLife",
        table(ACTILIFE, lambda _, *v: ";".join(comma(a, 3) for a in v)),
    ),
    "Empatica": (
        "Empatica",
        table(
            "1772402400.0,1772402400.0,1772402400.0\n50.0,50.0,50.0\n",
            lambda _, *v: ",".join(f"{64 * a:.0f}" for a in v),
        ),
    ),
    "Bangle, counts": (
        "Bangle accel recorder",
        table("Time (ms),X,Y,Z\n", lambda t, *v: f"{1000 * t:.0f}," + ",".join(f"{8192 * a:.0f}" for a in v)),
    ),
    "a table with other columns": (
        "a table",
        table(
            "index,timestamp_ms,temp,gyro_x,acc_x,acc_y,acc_z,gyro_z\n",
            lambda t, x, y, z: f"1,{1000 * t:.0f},31.5,9,{x:.5f},{y:.5f},{z:.5f},9",
        ),
    ),
    "dates and offsets": (
        "a table",
        table(
            "Timestamp,Accelerometer X,Accelerometer Y,Accelerometer Z\n",
            lambda t, *v: stamp(t, "%Y-%m-%dT%H:%M:%S.%f+01:00,") + "{:.5f},{:.5f},{:.5f}".format(*v),
        ),
    ),
    "comments, tabs": (
        "a table",
        table("# made by me\n% so\nt\tX [g]\tY [g]\tZ [g]\n", lambda t, *v: f"{t:.3f}\t" + "{:.5f}\t{:.5f}\t{:.5f}".format(*v)),
    ),
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ankle.csv"


def notes(signal: Signal) -> dict[str, str]:
    return {n.code: n.sentence for n in signal.notes}


@pytest.mark.parametrize("what", WRITTEN)
def test_a_table_of_another_program_gives_its_movements_and_is_said(file: Path, what: str) -> None:
    name, text = WRITTEN[what]
    file.write_text(text, encoding="utf-8")
    signal = read_csv(file)
    assert signal.rate_hz == pytest.approx(50.0, rel=1e-3)
    assert signal.gaps == []
    assert name in notes(signal).get("read_as", "")
    track = detect_csv(file, "left")
    scored = score_night([track], origin_ns=None if track.dated else 0)
    start = scored.start_ns
    found = [(m.movement.onset - start) / NS for m in scored.movements]
    assert found == pytest.approx(ONSETS, abs=0.2)
    assert scored.indices.periodic == 4


def test_dates_are_moments_and_a_file_without_them_counts_from_its_start(file: Path) -> None:
    for what, dated in (
        ("OMGUI", True),
        ("ActiLife", True),
        ("Empatica", True),
        ("MetaBase", True),
        ("phyphox, quoted", False),
    ):
        file.write_text(WRITTEN[what][1])
        signal = read_csv(file)
        assert signal.dated == dated
        start = signal.stretches[0].start_s
        assert start == pytest.approx(START.timestamp() if dated else 0.0)
    for what, clock in (("Polar Sensor Logger", "utc"), ("Sensor Logger, g", "utc"), ("OMGUI", "local")):
        file.write_text(WRITTEN[what][1])
        assert read_csv(file).clock == clock
    file.write_text(WRITTEN["Polar Sensor Logger"][1])
    assert read_csv(file).stretches[0].start_s == pytest.approx(599_616_000 + 946_684_800)
    file.write_text(WRITTEN["dates and offsets"][1])
    assert read_csv(file).stretches[0].start_s == pytest.approx(START.timestamp() - 3600)


@pytest.mark.parametrize("factor", [G, 1000.0, 64.0, 256.0, 4096.0, 16384.0])
@pytest.mark.parametrize("header", ["time_s,x_g,y_g,z_g", "t,x,y,z"])
def test_gravity_settles_the_unit_and_it_is_said(file: Path, factor: float, header: str) -> None:
    digits = 6 if factor < 100 else 0
    row = lambda t, *v: f"{t:.3f}," + ",".join(f"{factor * a:.{digits}f}" for a in v)  # noqa: E731
    file.write_text(table(header + "\n", row))
    signal = read_csv(file)
    assert np.median(np.linalg.norm(signal.stretches[0].xyz, axis=1)) == pytest.approx(1.0, abs=0.03)
    name = {G: "m/s2", 1000.0: "mg"}.get(factor, f"counts of {factor:,.0f} to the g")
    assert f"so it was read in {name}" in notes(signal)["unit_settled"]


def test_a_unit_that_a_person_names_is_not_settled(file: Path) -> None:
    file.write_text(
        table(
            "t,x,y,z\n", lambda t, *v: f"{t:.3f}," + "{:.5f},{:.5f},{:.5f}".format(*tuple(3 * a for a in v))
        )
    )
    with pytest.raises(CsvError, match=r"at rest it measures 3, .* name it with --unit"):
        read_csv(file)
    signal = read_csv(file, Asked(unit="3/g"))
    assert np.median(np.linalg.norm(signal.stretches[0].xyz, axis=1)) == pytest.approx(1.0, abs=0.01)
    assert "unit_settled" not in notes(signal)
    with pytest.raises(CsvError, match="--unit 'stone': expected g, mg, m/s2"):
        read_csv(file, Asked(unit="stone"))


def test_acceleration_without_gravity_is_refused_with_the_way_out(file: Path) -> None:
    file.write_text(table("t,x,y,z\n", lambda t, x, y, z: f"{t:.3f},{x:.5f},{y:.5f},{z - 1:.5f}"))
    with pytest.raises(CsvError, match=r"gravity is not in it; export the acceleration with gravity"):
        read_csv(file)


def test_times_in_milliseconds_under_a_header_of_seconds_are_said(file: Path) -> None:
    file.write_text(
        table("time_s,x_g,y_g,z_g\n", lambda t, *v: f"{1000 * t:.0f}," + "{:.5f},{:.5f},{:.5f}".format(*v))
    )
    signal = read_csv(file)
    assert signal.rate_hz == pytest.approx(50.0)
    assert "read as milliseconds" in notes(signal)["time_unit_settled"]


def test_columns_rate_and_format_settle_what_a_file_does_not_say(file: Path) -> None:
    times, xyz = night()
    rows = "".join(f"7,{z:.5f},{x:.5f},{y:.5f}\n" for x, y, z in xyz.tolist())
    file.write_text("a,b,c,d\n" + rows)
    with pytest.raises(CsvError, match="name the columns of time, x, y and z with --columns"):
        read_csv(file)
    with pytest.raises(CsvError, match="the sample rate is not known; name it with --rate"):
        read_csv(file, Asked(columns="-,c,d,b"))
    with pytest.raises(CsvError, match=r"there is no column 'e'; the header is 'a,b,c,d'"):
        read_csv(file, Asked(columns="-,c,d,e", rate_hz=50))
    for columns in ("-,c,d,b", "-,3,4,2"):
        signal = read_csv(file, Asked(columns=columns, rate_hz=50))
        assert np.abs(signal.stretches[0].xyz - xyz).max() < 1e-4
        assert signal.rate_hz == 50
    file.write_text("\n".join(rows.splitlines()))
    assert len(read_csv(file, Asked(columns="-,3,4,2", rate_hz=50)).stretches[0].xyz) == len(times)
    with pytest.raises(CsvError, match="--format 'fancy' is not known; expected one of legmon, "):
        read_csv(file, Asked(format="fancy"))
    with pytest.raises(CsvError, match="the file is not written as phyphox"):
        read_csv(file, Asked(format="phyphox"))
    assert "table" in PRESETS


def test_a_declared_rate_that_the_stamps_contradict_is_said(file: Path) -> None:
    file.write_text(WRITTEN["a table with other columns"][1])
    signal = read_csv(file, Asked(rate_hz=25))
    assert signal.rate_hz == pytest.approx(50)
    assert (
        notes(signal)["rate_differs"] == "25 Hz are declared, but the time stamps give 50 Hz, which was used."
    )


@pytest.mark.parametrize("nothing", ["nan,nan,nan", ",,", "NaN,0.1,0.2", "0,0,0", "0.0000,-0.0,0"])
def test_rows_without_a_value_are_gaps_and_single_ones_are_filled(file: Path, nothing: str) -> None:
    times, xyz = night()
    lines = [f"{t:.3f},{x:.5f},{y:.5f},{z:.5f}" for t, (x, y, z) in zip(times, xyz, strict=True)]
    for n in [*range(2000, 2100), 3000, 3001, *range(4300, 4310)]:
        lines[n] = f"{times[n]:.3f},{nothing}"
    file.write_text("time_s,x_g,y_g,z_g\n" + "\n".join(lines))
    signal = read_csv(file)
    assert [(g.first, g.count) for g in signal.gaps] == [(2000, 100), (4300, 10)]
    assert "For 2.2 s the file has rows without a value" in notes(signal)["drop_outs"]
    assert notes(signal)["samples_filled"].endswith(": 2.")
    filled = signal.stretches[1].xyz[900:902]
    assert np.abs(filled - xyz[[2999, 3002]].mean(axis=0)).max() < 0.02
    scored = score_night([detect_csv(file, "left")], origin_ns=0)
    assert [[a / NS, b / NS] for a, b in scored.gaps] == [[40.0, 42.0], [86.0, 86.2]]
    assert scored.indices.movements == 4


def test_a_file_that_begins_or_ends_without_values_has_gaps_there(file: Path) -> None:
    times, xyz = night()
    lines = [f"{t:.3f},{x:.5f},{y:.5f},{z:.5f}" for t, (x, y, z) in zip(times, xyz, strict=True)]
    for n in [*range(100), *range(4000, 4500)]:
        lines[n] = f"{times[n]:.3f},,,"
    file.write_text("time_s,x_g,y_g,z_g\n" + "\n".join(lines))
    scored = score_night([detect_csv(file, "left")], origin_ns=0)
    assert [[a / NS, b / NS] for a, b in scored.gaps] == [[0.0, 2.0], [80.0, 90.0]]
    assert scored.analysed_ns / NS == pytest.approx(78.0)


def test_a_packed_file_is_read_and_a_bad_one_is_said(file: Path, tmp_path: Path) -> None:
    text = WRITTEN["legmon"][1].encode()
    file.write_bytes(text)
    whole = read_csv(file).stretches[0].xyz
    packed = tmp_path / "ankle.csv.gz"
    half = len(text) // 2
    packed.write_bytes(gzip.compress(text[:half]) + gzip.compress(text[half:]) + bytes(20))
    assert (read_csv(packed).stretches[0].xyz == whole).all()
    packed.write_bytes(gzip.compress(text)[:-2000])
    with pytest.raises(CsvError, match="the packed file is cut short; copy it again"):
        read_csv(packed)
    data = bytearray(gzip.compress(text))
    data[5000:5010] = b"0123456789"
    packed.write_bytes(data)
    with pytest.raises(CsvError, match="the packed file is damaged"):
        read_csv(packed)


def test_a_packed_file_of_many_gigabytes_is_not_unpacked(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("legmon.exchange.csv.LARGEST", 1 << 24)
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"0\n" * (1 << 19)) for _ in range(64)) + packer.flush()
    packed = tmp_path / "ankle.csv.gz"
    packed.write_bytes(bomb)
    assert len(bomb) < 100_000
    with pytest.raises(CsvError, match="unpacked, it is larger than 16 MB"):
        read_csv(packed)


def test_the_terminal_says_how_a_file_was_read_its_verdict_and_its_gaps(file: Path) -> None:
    text = WRITTEN["a table with other columns"][1].splitlines()
    del text[2000:2200]
    file.write_text("\n".join(text))
    printed = " ".join(run_command("score", "--left", str(file)).stdout.split())
    assert "Read as a table: 50 Hz, in g." in printed
    assert "The signal is usable." in printed
    assert "No data from 40.0 to 44.0 s." in printed
    answer = json.loads(run_command("score", "--left", str(file), "--json", "--unit", "g").stdout)
    assert answer["gaps"] == [[39.98, 43.98]]
    assert [n["code"] for n in answer["details"]["notes"]] == ["read_as"]
    bad = run_command("score", "--left", str(file), "--columns", "timestamp_ms,acc_x,acc_y,up")
    assert bad.returncode == 2
    assert "there is no column 'up'" in bad.stderr


def test_two_files_share_a_clock_only_if_both_have_dates(tmp_path: Path) -> None:
    left, right = tmp_path / "left.csv", tmp_path / "right.csv"
    left.write_text(WRITTEN["OMGUI"][1])
    right.write_text(WRITTEN["legmon"][1])
    bad = run_command("score", "--left", str(left), "--right", str(right))
    assert bad.returncode == 2
    assert "cannot be put on one clock" in bad.stderr
    later = table(
        "", lambda t, *v: stamp(t + 3.0, "%Y-%m-%d %H:%M:%S.%f")[:-3] + ",{:.6f},{:.6f},{:.6f}".format(*v)
    )
    right.write_text(later)
    answer = json.loads(run_command("score", "--left", str(left), "--right", str(right), "--json").stdout)
    onsets = sorted(m["onset_s"] for m in answer["movements"])
    assert onsets == pytest.approx(sorted([*ONSETS, *(s + 3.0 for s in ONSETS)]), abs=0.2)


# Ways of writing that others met.


def rows(form: Callable[[float], str] = lambda t: f"{t:.3f}", rate: float = 50.0) -> list[str]:
    times, xyz = night(rate)
    return [
        f"{form(t)},{x:.5f},{y:.5f},{z:.5f}"
        for t, (x, y, z) in zip(times.tolist(), xyz.tolist(), strict=True)
    ]


def found(file: Path, **asked: str) -> list[float]:
    track = detect_csv(file, "left", asked=Asked(**asked))  # type: ignore[arg-type]
    scored = score_night([track])
    return [(m.movement.onset - scored.start_ns) / NS for m in scored.movements]


@pytest.mark.parametrize(
    "form",
    ["%H:%M:%S.%f", "%d/%m/%Y %H:%M:%S.%f", "%m/%d/%Y %H:%M:%S.%f", "%d.%m.%Y %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S.%f",
     "%Y-%m-%dT%H:%M:%S.%fZ"],
)  # fmt: skip
def test_times_of_day_and_dates_of_many_orders_go_on_after_midnight(file: Path, form: str) -> None:
    late = datetime(2026, 3, 30, 23, 59, 20, tzinfo=UTC)
    file.write_text("time,x,y,z\n" + "\n".join(rows(lambda t: (late + timedelta(seconds=t)).strftime(form))))
    signal = read_csv(file)
    assert signal.gaps == []
    assert list(notes(signal)) == ["read_as"], "midnight is no step of the clock"
    assert signal.clock == ("day" if form[1] == "H" else "utc" if form.endswith("Z") else "local")
    assert found(file) == pytest.approx(ONSETS, abs=0.2)
    if form[1] != "H":
        assert signal.stretches[0].start_s == pytest.approx(late.timestamp())


def test_a_block_that_was_written_again_is_used_once(file: Path) -> None:
    lines = rows()
    file.write_text("time_s,x_g,y_g,z_g\n" + "\n".join(lines[:2000] + lines[1500:]))
    signal = read_csv(file)
    assert notes(signal)["rows_repeated"].endswith("used once: 500.")
    assert signal.gaps == []
    assert found(file) == pytest.approx(ONSETS, abs=0.2)


def test_rows_that_stand_twice_do_not_double_the_rate(file: Path) -> None:
    file.write_text("time_s,x_g,y_g,z_g\n" + "".join(f"{r}\n{r}\n" for r in rows()))
    signal = read_csv(file)
    assert signal.rate_hz == pytest.approx(50.0)
    assert notes(signal)["rows_repeated"].endswith("used once: 4500.")


def test_coarse_values_under_shared_stamps_are_no_repeats(file: Path) -> None:
    times, xyz = night()
    coarse = np.round(xyz * 16) / 16
    lines = [f"{t:.0f},{x:.4f},{y:.4f},{z:.4f}" for t, (x, y, z) in zip(np.floor(times), coarse, strict=True)]
    file.write_text("time_s,x_g,y_g,z_g\n" + "\n".join(lines))
    signal = read_csv(file)
    assert "rows_repeated" not in notes(signal)
    assert signal.rate_hz == pytest.approx(50.0, rel=0.01)


def test_the_newest_row_may_stand_first(file: Path) -> None:
    file.write_text("time_s,x_g,y_g,z_g\n" + "\n".join(reversed(rows())))
    assert notes(read_csv(file))["rows_out_of_order"].endswith(": 4500.")
    assert found(file) == pytest.approx(ONSETS, abs=0.2)


@pytest.mark.parametrize(("form", "said"), [("%Y-%m-%d %H:%M:%S.%f", True), ("%Y-%m-%dT%H:%M:%S.%fZ", False)])
def test_an_hour_that_is_skipped_is_said_where_clocks_change(file: Path, form: str, said: bool) -> None:
    write = lambda t: (START + timedelta(seconds=t + 3600 * (t > 40))).strftime(form)  # noqa: E731
    file.write_text("time,x,y,z\n" + "\n".join(rows(write)))
    signal = read_csv(file)
    assert [round(g.count / 50) for g in signal.gaps] == [3600]
    assert ("hour_skipped" in notes(signal)) == said


def test_numbers_that_no_sensor_measures_are_gaps(file: Path) -> None:
    lines = rows()
    for n in range(2000, 2050):
        lines[n] = f"{n / 50:.3f},-9999,-9999,-9999"
    file.write_text("time_s,x_g,y_g,z_g\n" + "\n".join(lines))
    signal = read_csv(file)
    assert [(g.first, g.count) for g in signal.gaps] == [(2000, 50)]
    assert "numbers that no sensor measures" in notes(signal)["drop_outs"]


def test_a_header_below_lines_of_words_and_old_letters_is_found(file: Path) -> None:
    head = "Gerät: Knöchel links\nRate: 50\n\nZeit (s);Beschleunigung x (m/s²);Beschleunigung y (m/s²);Beschleunigung z (m/s²)\n"
    times, xyz = night()
    body = "".join(";".join(map(comma, (t, *(G * v)))) + "\n" for t, v in zip(times, xyz, strict=True))
    for encoding, odd in (("utf-8", False), ("cp1252", True)):
        file.write_text(head + body, encoding=encoding)
        signal = read_csv(file)
        assert ("text_encoding" in notes(signal)) == odd
        assert "in m/s2" in notes(signal)["read_as"]
        assert found(file) == pytest.approx(ONSETS, abs=0.2)
