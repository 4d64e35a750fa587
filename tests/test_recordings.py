"""Recordings of one ankle in the formats of sensors and laboratories: EDF+, BDF, raw files, and how a reader is chosen."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest

from legmon.errors import LegmonError
from legmon.exchange import raw, readers, recordings
from legmon.exchange.layout import Asked
from legmon.exchange.recordings import detect_recording, read_recording_file
from legmon.exchange.signal import Signal
from legmon.movement import NS
from legmon.night.track import score_night
from tests.conftest import run_command
from tests.raw_files import actigraph, axivity, geneactiv
from tests.test_exchange_csv import Samples
from tests.test_tables import ONSETS, START, WRITTEN, night

RATE = 50.0


def movements(path: Path, leg: str = "left", **asked: Any) -> list[float]:
    track = detect_recording(path, leg, asked=Asked(**asked))  # type: ignore[arg-type]
    scored = score_night([track])
    return [(m.movement.onset - scored.start_ns) / NS for m in scored.movements]


def notes(signal: Signal) -> dict[str, str]:
    return {n.code: n.sentence for n in signal.notes}


# EDF+ and BDF+.


def write_edf(
    path: Path, xyz: Samples, labels: list[str], unit: str = "g", factor: float = 1.0, **more: Any
) -> Path:
    def signal(data: Samples, rate: float, label: str, unit: str, most: float) -> Any:
        kind = edfio.BdfSignal if path.suffix == ".bdf" else edfio.EdfSignal
        return kind(data, rate, label=label, physical_dimension=unit, physical_range=(-most, most))

    signals = [signal(factor * xyz[:, n % 3], RATE, x, unit, 8 * factor) for n, x in enumerate(labels)]
    signals.append(signal(np.zeros(len(xyz) // 50), 1, "Acc body", "", 1))
    whole: Any = edfio.Bdf if path.suffix == ".bdf" else edfio.Edf
    whole(signals, starttime=START.time(), recording=edfio.Recording(startdate=START.date()), **more).write(
        path
    )
    return path


LABELS = {
    "ours": ["Acc X ankle L", "Acc Y ankle L", "Acc Z ankle L"],
    "plain": ["X", "Y", "Z"],
    "axes": ["X Axis", "Y Axis", "Z Axis"],
    "joined": ["AccX", "AccY", "AccZ"],
}


@pytest.mark.parametrize("ending", ["edf", "bdf"])
@pytest.mark.parametrize("labels", LABELS)
def test_signals_of_a_leg_are_found_by_their_labels(tmp_path: Path, labels: str, ending: str) -> None:
    _, xyz = night()
    path = write_edf(tmp_path / f"a.{ending}", xyz, LABELS[labels])
    signal = read_recording_file(path, "left")
    assert signal.rate_hz == RATE
    assert signal.dated
    assert np.abs(signal.stretches[0].xyz - xyz).max() < 3e-4
    assert signal.stretches[0].start_s == START.timestamp()
    assert movements(path) == pytest.approx(ONSETS, abs=0.2)
    assert notes(signal)["read_as"] == f"Read as {ending.upper()}: 50 Hz, in g."


def test_each_leg_gets_its_own_signals(tmp_path: Path) -> None:
    _, xyz = night()
    both = np.column_stack([xyz, 0 * xyz + [0, 0, 1]])
    labels = [*LABELS["ours"], *(x.replace(" L", " R") for x in LABELS["ours"])]
    signals = [
        edfio.EdfSignal(both[:, n], RATE, label=x, physical_range=(-8, 8)) for n, x in enumerate(labels)
    ]
    edfio.Edf(signals).write(tmp_path / "a.edf")
    assert len(movements(tmp_path / "a.edf", "left")) == 4
    assert movements(tmp_path / "a.edf", "right") == []
    assert len(movements(tmp_path / "a.edf", "right", columns="-," + ",".join(LABELS["ours"]))) == 4


def test_units_of_signals_are_those_of_the_header_or_of_gravity(tmp_path: Path) -> None:
    _, xyz = night()
    for unit, factor in (("m/s^2", 9.80665), ("mg", 1000.0), ("", 9.80665)):
        signal = read_recording_file(
            write_edf(tmp_path / "a.edf", xyz, LABELS["plain"], unit, factor), "left"
        )
        assert np.abs(signal.stretches[0].xyz - xyz).max() < 3e-4
        assert ("unit_settled" in notes(signal)) == (unit == "")


def test_samples_under_a_mark_of_a_gap_are_no_samples(tmp_path: Path) -> None:
    _, xyz = night()
    xyz[2000:2100] = xyz[1999]
    marks = [edfio.EdfAnnotation(40.0, 2.0, "Recording gap")]
    path = write_edf(tmp_path / "a.edf", xyz, LABELS["ours"], annotations=marks)
    signal = read_recording_file(path, "left")
    assert [(g.first, g.count) for g in signal.gaps] == [(2000, 100)]


def test_records_with_gaps_between_them_are_placed_by_their_times(tmp_path: Path) -> None:
    _, xyz = night()
    room = [edfio.EdfAnnotation(0.0, None, "a long text leaves room in each record")]
    path = write_edf(tmp_path / "a.edf", xyz, LABELS["ours"], annotations=room)
    data = path.read_bytes()
    later = [
        (f"+{n}\x14\x14\0".encode(), f"+{n + 100}\x14\x14\0".encode()) for n in range(45, 90)
    ]  # records of 1 s
    for now, then in later:
        assert data.count(now) == 1
        data = data.replace(now + b"\0" * (len(then) - len(now)), then)
    path.write_bytes(data.replace(b"EDF+C", b"EDF+D"))
    signal = read_recording_file(path, "left")
    assert [(g.first, g.count) for g in signal.gaps] == [(2250, 5000)]
    assert movements(path) == pytest.approx([10, 30, 150, 170], abs=0.2)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (
            ["EMG L", "EMG R", "ECG"],
            "no three signals are plainly the acceleration of the left leg; name them with",
        ),
        (["Acc X ankle R", "Acc Y ankle R", "Acc Z ankle R"], "no three signals are plainly"),
        (["Gyro X", "Gyro Y", "Gyro Z"], "no three signals are plainly"),
    ],
)
def test_signals_that_are_not_plainly_of_the_leg_are_refused(
    tmp_path: Path, labels: list[str], says: str
) -> None:
    _, xyz = night()
    with pytest.raises(LegmonError, match=says):
        read_recording_file(write_edf(tmp_path / "a.edf", xyz, labels), "left")


# Raw files, by our own encoders.

RAW: dict[str, tuple[str, Callable[..., bytes]]] = {
    "a.bin": ("GENEActiv", geneactiv),
    "a.cwa": ("Axivity CWA", axivity),
    "a.gt3x": ("ActiGraph GT3X", actigraph),
}


@pytest.mark.radio
@pytest.mark.parametrize("name", RAW)
def test_a_raw_file_gives_its_movements(tmp_path: Path, name: str) -> None:
    _, xyz = night()
    title, encode = RAW[name]
    path = tmp_path / name
    path.write_bytes(encode(xyz, 50, START))
    signal = read_recording_file(path, "left")
    assert signal.rate_hz == pytest.approx(RATE)
    assert signal.gaps == []
    assert signal.stretches[0].start_s == START.timestamp()
    found = signal.stretches[0].xyz
    assert len(found) == len(xyz) // 80 * 80 if name == "a.cwa" else len(xyz)
    assert np.abs(found - xyz[: len(found)]).max() < 0.005
    assert movements(path) == pytest.approx(ONSETS, abs=0.2)
    assert notes(signal)["read_as"] == f"Read as {title}: 50 Hz, in g."


@pytest.mark.radio
@pytest.mark.parametrize("name", RAW)
def test_what_is_no_raw_file_is_said(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for data in (b"", b"Device Identity", b"PK\x03\x04" + bytes(500)):
        path.write_bytes(data)
        with pytest.raises(LegmonError, match=r"cannot be read|no acceleration|damaged"):
            read_recording_file(path, "left")


@pytest.mark.radio
def test_a_raw_file_that_is_cut_short_is_said(tmp_path: Path) -> None:
    _, xyz = night()
    for name, (_, encode) in RAW.items():
        data = encode(xyz, 50, START)
        (tmp_path / name).write_bytes(data[: len(data) // 2 + 37])
        try:
            signal = read_recording_file(tmp_path / name, "left")
        except LegmonError:
            continue
        assert sum(len(s.xyz) for s in signal.stretches) <= len(xyz) // 2 + 100, "what is there, and no more"


@pytest.mark.radio
def test_gaps_of_a_raw_file_are_those_of_its_stamps(tmp_path: Path) -> None:
    _, xyz = night()
    first, second = (
        axivity(part, 50, at)
        for part, at in ((xyz[:2000], START), (xyz[2000:], START + timedelta(seconds=100)))
    )
    (tmp_path / "a.cwa").write_bytes(first + second[1024:])
    signal = read_recording_file(tmp_path / "a.cwa", "left")
    assert [(g.first, g.count) for g in signal.gaps] == [(2000, 3000)]


@pytest.mark.radio
@pytest.mark.parametrize(
    "does",
    [
        "import os; os.abort()",
        "while True: pass",
        "class P(BaseException): pass\n    raise P()",
        "raise MemoryError()",
    ],
    ids=["ends the process", "runs for ever", "panics", "asks for too much"],
)
def test_whatever_the_native_code_does_costs_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    (tmp_path / "actfast.py").write_text(f"def read(path):\n    {does}\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setattr(raw, "MOST_S", 5.0)
    (tmp_path / "a.cwa").write_bytes(b"MD")
    with pytest.raises(LegmonError, match="it cannot be read as a raw file"):
        read_recording_file(tmp_path / "a.cwa", "left")


def test_without_the_extra_the_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "actfast", None)
    (tmp_path / "a.gt3x").write_bytes(b"PK")
    bad = run_command("score", "--left", str(tmp_path / "a.gt3x"))
    assert bad.returncode == 2
    assert "pip install 'legmon[raw]'" in bad.stderr


def test_an_archive_that_would_fill_the_memory_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "_read_apart", lambda _: pytest.fail("it was unpacked"))
    monkeypatch.setattr(raw, "LARGEST", 1 << 20)
    with zipfile.ZipFile(tmp_path / "a.gt3x", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log.bin", bytes(1 << 24))
    with pytest.raises(LegmonError, match="unpacked, it is larger than 1 MB"):
        read_recording_file(tmp_path / "a.gt3x", "left")


# Which reader reads.


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, readers.GROUP)


def test_readers_are_entry_points_and_a_broken_one_stops_no_other() -> None:
    found = readers.load(
        (
            point("csv", "legmon.exchange.recordings:CSV"),
            point("again", "legmon.exchange.recordings:CSV"),
            point("none", "legmon.exchange.recordings:read_csv"),
            point("gone", "legmon.nowhere:READER"),
        )
    )
    assert list(found.found) == ["csv"]
    assert set(found.broken) == {"csv", "none", "gone"}
    assert "is no reader" in found.broken["none"]
    assert "does not load" in found.broken["gone"]
    assert {"annot", "csv", "edf", "edf-events", "json", "raw", "xml"} <= set(readers.readers().found)


def test_a_reader_of_another_package_reads_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = readers.Reader(
        "mine", "my files", (".mine",), lambda head: head == b"mine", signal=lambda *_: signal
    )
    path = tmp_path / "a.csv"
    path.write_text(WRITTEN["legmon"][1])
    signal = read_recording_file(path, "left")
    monkeypatch.setattr(
        recordings, "readers", lambda: readers.Readers({"csv": recordings.CSV, "mine": own}, {})
    )
    for name in ("a.mine", "a.unknown"):
        (tmp_path / name).write_bytes(b"mine")
        assert read_recording_file(tmp_path / name, "left") is signal
    assert read_recording_file(path, "left", Asked(format="mine")) is signal


def test_a_format_overrides_the_name_of_the_file(tmp_path: Path) -> None:
    _, xyz = night()
    path = write_edf(tmp_path / "a.edf", xyz, LABELS["ours"]).rename(tmp_path / "a.data")
    answer = json.loads(run_command("score", "--left", str(path), "--format", "edf", "--json").stdout)
    assert answer["indices"]["movements"] == 4
    assert [m["onset_s"] for m in answer["movements"]] == pytest.approx(ONSETS, abs=0.2)
    bad = run_command("score", "--left", str(path), "--format", "odf")
    assert bad.returncode == 2
    assert "--format 'odf' is not known; expected one of legmon, polar-sensor-logger" in bad.stderr
    assert len(json.loads(run_command("score", "--left", str(path), "--json").stdout)["movements"]) == 4
